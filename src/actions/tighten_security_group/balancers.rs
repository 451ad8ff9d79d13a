//! The guard for what stands behind load balancers: their health checks come from inside the VPC, and by a
//! rule for the world, too. It judges the ports at which interfaces are targets; a port of its own that a
//! group of targets has for its checks is not among what is read.

use std::{collections::BTreeSet, net::IpAddr};

use ipnet::IpNet;

use super::{
    edit::Edit,
    lockout::{self, GUARD, named, settle},
};
use crate::{
    actions::{Context, GuardNote, Refusal, group_use::interfaces, support},
    checks::{
        ports::Transport,
        security_groups::{traffic, world::has_private},
    },
    inventory::{
        Fact, Family, NetworkInterface, PrefixList, Region, SecurityGroupRule, Selector, TargetGroup,
        balancing::TARGET,
    },
};

/// Asks the guard: no target may lose its health checks unasked
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/network/target-group-health-checks.html>).
///
/// # Errors
/// A refusal that names the target, its port and its group.
pub fn guard(context: &Context<'_>, group: &str, edit: &Edit<'_>) -> Result<Option<GuardNote>, Refusal> {
    let region = support::region(context.inventory, context.region)?;
    let lists = &region.prefix_lists;
    let interfaces = interfaces(context, group)?;
    if interfaces.is_empty() || !edit.revoke.iter().any(|rule| from_inside(rule, lists)) {
        return Ok(None);
    }
    let (mut seen, mut lost, mut unsure) = (0_usize, Vec::<String>::new(), Vec::<String>::new());
    for interface in interfaces {
        let targets = targets(region, interface);
        // The rules of its other groups are asked for only where they matter.
        let after =
            if targets.is_empty() { Vec::new() } else { lockout::after(context, group, edit, interface)? };
        for target in targets {
            seen += 1;
            match target.kept(edit, &after, lists) {
                Kept::Yes => {}
                Kept::No => lost.push(format!(
                    "it would cut the health checks of {}: they come from inside the VPC",
                    target.words(context)
                )),
                Kept::Unknown(why) => unsure.push(format!("{} ({why})", target.words(context))),
            }
        }
    }
    for list in [&mut lost, &mut unsure] {
        list.sort();
        list.dedup();
    }
    unsure.extend(silence(region));
    let lost = (!lost.is_empty()).then(|| lost.join("; "));
    if lost.is_none() && !unsure.is_empty() {
        let note = format!(
            "whether load balancers still reach what is behind the group for their health checks: {}",
            unsure.join("; ")
        );
        return Ok(Some(GuardNote::not_checked(GUARD, note)));
    }
    if seen == 0 {
        return Ok(None);
    }
    let fine = format!("{seen} target(s) of load balancers behind the group, each keeps its health checks");
    settle(lost, context.options.allow_lockout, fine).map(Some)
}

/// The answer to the question whether a target keeps its health checks.
enum Kept {
    Yes,
    No,
    Unknown(&'static str),
}

/// A target behind the group, as one target group has it.
struct Behind<'a> {
    group: &'a TargetGroup,
    interface: &'a NetworkInterface,
    /// Its port; `None` where AWS reports none.
    port: Option<u16>,
}

impl Behind<'_> {
    /// Phrases the target.
    fn words(&self, context: &Context<'_>) -> String {
        let what = named(context, self.interface);
        let port = self.port.map_or_else(|| "a port".to_owned(), |port| format!("port {port}"));
        format!("target group {} from {port} of {what}", self.group.name)
    }

    /// Returns whether some rule lets the load balancer in afterwards, where one did before. Its own networks
    /// are not read: a network that contains the target is taken for one of the VPC, and of any other, and of
    /// a group, it is not known whether the load balancer is in there.
    fn kept(&self, edit: &Edit<'_>, after: &[&SecurityGroupRule], lists: &Family<PrefixList>) -> Kept {
        let Some(port) = self.port else { return Kept::Unknown("AWS reports no port for it") };
        let admits =
            |rule: &&SecurityGroupRule| !rule.is_egress && traffic::admits(rule, Transport::Tcp, port);
        if !edit.revoke.iter().copied().filter(admits).any(|rule| from_inside(rule, lists)) {
            return Kept::Yes;
        }
        let mut maybe = false;
        for rule in after.iter().copied().filter(admits) {
            if self.addresses().any(|own| traffic::holds(rule, lists, own)) {
                return Kept::Yes;
            }
            maybe |= rule.referenced_group_id.is_some() || self.is_near(rule, lists);
        }
        match maybe {
            true => {
                Kept::Unknown("whether the load balancer comes in by the rules that are left is not known")
            }
            false => Kept::No,
        }
    }

    /// Returns the addresses of the target.
    fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.interface.private_ip.iter().chain(&self.interface.more_addresses).filter_map(|a| a.parse().ok())
    }

    /// Returns whether a rule lets in private networks of the target's address family, or an unread list.
    fn is_near(&self, rule: &SecurityGroupRule, lists: &Family<PrefixList>) -> bool {
        let v4 = self.addresses().next().is_none_or(|own| own.is_ipv4());
        match traffic::nets(rule, lists) {
            Fact::Known(nets) => nets.iter().any(|net| has_private(net) && matches!(net, IpNet::V4(_)) == v4),
            Fact::Absent => false,
            Fact::Unknown(_) | Fact::NotRead => true,
        }
    }
}

/// Returns the reason for which target groups, or the targets of one, are not known.
fn silence(region: &Region) -> Option<String> {
    match region.target_groups.select(&Selector::All) {
        Fact::Known(groups) => {
            groups.into_iter().find_map(|(_, group)| group.targets.reason().map(<_>::to_string))
        }
        Fact::Absent => None,
        Fact::Unknown(why) => Some(why.to_string()),
        Fact::NotRead => Some("target groups were not read".to_owned()),
    }
}

/// Returns the targets behind load balancers that an interface is. One that is unhealthy, unused or leaving
/// as it is loses nothing; any other state, also one that AWS adds later, counts.
fn targets<'a>(region: &'a Region, interface: &'a NetworkInterface) -> Vec<Behind<'a>> {
    let addresses = interface.private_ip.iter().chain(&interface.more_addresses);
    let names: BTreeSet<&String> = interface.instance_id.iter().chain(addresses).collect();
    let mut all = Vec::new();
    for name in names {
        for (_, group) in region.target_groups.items.picked(&Selector::by(TARGET, name)) {
            // The same address may be another machine in another VPC.
            let here = name.starts_with("i-") || group.vpc_id == interface.vpc_id;
            let own = group.targets.known().into_iter().flatten().filter(|t| here && t.id == *name);
            let live = own.filter(|t| !matches!(t.state.as_str(), "unhealthy" | "unused" | "draining"));
            let behind = live.map(|t| t.port.and_then(|port| u16::try_from(port).ok()));
            all.extend(behind.filter(|_| !group.load_balancers.is_empty()).map(|port| Behind {
                group,
                interface,
                port,
            }));
        }
    }
    all
}

/// Returns whether an inbound rule lets in somebody inside the VPC: a group, or private addresses.
fn from_inside(rule: &SecurityGroupRule, lists: &Family<PrefixList>) -> bool {
    rule.referenced_group_id.is_some() || from_private(rule, lists)
}

/// Returns whether an inbound rule lets in private addresses.
pub fn from_private(rule: &SecurityGroupRule, lists: &Family<PrefixList>) -> bool {
    traffic::nets(rule, lists).known().is_some_and(|nets| nets.iter().any(has_private))
}
