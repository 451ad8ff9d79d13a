//! The guard for load balancers that have the group themselves: they reach their targets by its outbound
//! rules. It judges the ports of targets over TCP; a port of its own for health checks is not among what is
//! read.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use super::{
    edit::Edit,
    lockout::{self, GUARD, settle_by},
};
use crate::{
    actions::{Context, GuardNote, Refusal, group_use::interfaces, support},
    checks::{
        ports::Transport,
        security_groups::{traffic, world::has_private},
    },
    inventory::{
        Fact, Family, NetworkInterface, PrefixList, SecurityGroupRule, Selector, Target, TargetGroup,
    },
};

/// The beginning of the descriptions of interfaces of load balancers: `ELB app/web/50dc6c495c0c9188`, and for
/// a classic one its name
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html>).
const OF_BALANCER: &str = "ELB ";
/// The part of the ARN of a load balancer before what the description of its interfaces names.
const IN_ARN: &str = "loadbalancer/";

/// Asks the guard: no load balancer may lose its targets unasked.
///
/// # Errors
/// A refusal that names the load balancer and the port, or [`Refusal::Unknown`] if the rules of its other
/// groups are not known.
pub fn guard(
    context: &Context<'_>,
    group: &str,
    edit: &Edit<'_>,
    remedy: &str,
) -> Result<Option<GuardNote>, Refusal> {
    let region = support::region(context.inventory, context.region)?;
    let mut balancers: BTreeMap<&str, &NetworkInterface> = BTreeMap::new();
    for interface in interfaces(context, group)? {
        if let Some(name) = interface.description.strip_prefix(OF_BALANCER) {
            balancers.entry(name).or_insert(interface);
        }
    }
    if balancers.is_empty() {
        return Ok(None);
    }
    let groups = match region.target_groups.select(&Selector::All) {
        Fact::Known(groups) => groups,
        silent => {
            let why = silent.silence().unwrap_or("AWS reports none");
            return Ok(Some(unsure(&[format!("target groups could not be read: {why}")])));
        }
    };
    let mut by_balancer: BTreeMap<&str, Vec<&TargetGroup>> = BTreeMap::new();
    for (_, target_group) in groups {
        for (_, name) in target_group.load_balancers.iter().filter_map(|arn| arn.split_once(IN_ARN)) {
            by_balancer.entry(name).or_default().push(target_group);
        }
    }
    let (mut lost, mut unknown) = (BTreeSet::new(), Vec::new());
    for (name, interface) in &balancers {
        let Some(theirs) = by_balancer.get(name) else {
            unknown.push(format!("no target group of {name} is among what was read"));
            continue;
        };
        let after = lockout::after(context, group, edit, interface)?;
        let way = Way { edit, after: &after, lists: &region.prefix_lists };
        for target_group in theirs.iter().filter(|one| one.target_type != "lambda") {
            match &target_group.targets {
                Fact::Known(targets) => {
                    lost.extend(targets.iter().filter_map(|target| Some((target, way.lost(target)?))).map(
                        |(target, port)| {
                            format!(
                                "{name} would no longer reach port {port} of {} ({})",
                                target.id, target_group.name
                            )
                        },
                    ))
                }
                silent => unknown.push(format!(
                    "the targets of {}: {}",
                    target_group.name,
                    silent.silence().unwrap_or("AWS reports none")
                )),
            }
        }
    }
    let lost: Vec<String> = lost.into_iter().collect();
    if lost.is_empty() && !unknown.is_empty() {
        return Ok(Some(unsure(&unknown)));
    }
    let lost = (!lost.is_empty()).then(|| format!("load balancers would lose targets: {}", lost.join("; ")));
    let fine = format!("{} load balancer(s) with the group may still reach their targets", balancers.len());
    settle_by(lost, context.options.allow_lockout, fine, remedy).map(Some)
}

fn unsure(why: &[String]) -> GuardNote {
    let note = format!("whether load balancers with the group still reach their targets: {}", why.join("; "));
    GuardNote::not_checked(GUARD, note)
}

/// The way out of a load balancer.
struct Way<'a> {
    edit: &'a Edit<'a>,
    after: &'a [&'a SecurityGroupRule],
    lists: &'a Family<PrefixList>,
}

impl Way<'_> {
    /// Returns the port of a target that is reached now and surely not any more. Of a target without a known
    /// address, a rule for a group or for private networks may be for it.
    fn lost(&self, target: &Target) -> Option<u16> {
        let port = u16::try_from(target.port?).ok()?;
        let admits = |rule: &SecurityGroupRule| rule.is_egress && traffic::admits(rule, Transport::Tcp, port);
        if !self.edit.revoke.iter().any(|rule| admits(rule)) {
            return None;
        }
        let address: Option<IpAddr> = target.id.parse().ok();
        let may = |rule: &SecurityGroupRule| match traffic::nets(rule, self.lists) {
            _ if rule.referenced_group_id.is_some() => true,
            Fact::Known(nets) => nets.iter().any(|net| match address {
                Some(address) => net.contains(&address),
                None => has_private(net),
            }),
            Fact::Absent => false,
            Fact::Unknown(_) | Fact::NotRead => true,
        };
        (!self.after.iter().any(|rule| admits(rule) && may(rule))).then_some(port)
    }
}
