//! The impact of `tighten-security-group`, for the person who approves it: every port that closes, the
//! sources that are still let in, and the interfaces behind the group. Words only.

use std::{collections::BTreeMap, net::IpAddr};

use super::{
    balancers::from_private,
    edit::Edit,
    params::{Params, Strategy},
};
use crate::{
    actions::{
        Context, Refusal,
        group_use::{interfaces, of_service, other_account},
        support,
    },
    checks::{
        ports::{ADMIN, DATABASE, OTHER, PUBLIC, Service, Transport},
        security_groups::{
            traffic::{self, Protocol},
            world::is_wide,
        },
    },
    inventory::{Family, NetworkInterface, PrefixList, SecurityGroupRule},
};

/// Describes the whole impact.
///
/// # Errors
/// [`Refusal::Unknown`] if the interfaces behind the group are not known.
pub fn impact(
    context: &Context<'_>,
    group: &str,
    rules: &[&SecurityGroupRule],
    edit: &Edit<'_>,
    params: &Params,
) -> Result<Vec<String>, Refusal> {
    let mut impact: Vec<String> = edit.closes.iter().map(|(source, rule)| closing(source, rule)).collect();
    let added: Vec<String> = edit.add.iter().map(traffic::line).collect();
    if !added.is_empty() {
        impact.push(format!("comes in its place: {}", added.join(", ")));
    } else if params.allow.is_empty() {
        impact.push("nothing comes in its place: no CIDR is allowed".to_owned());
    }
    let lists = &support::region(context.inventory, context.region)?.prefix_lists;
    impact.extend(other_family(edit, lists, params));
    let interfaces = interfaces(context, group)?;
    impact.push(users(context, &interfaces));
    impact.extend(of_others(context, &interfaces));
    impact.extend(from_inside(edit, lists, &interfaces));
    impact.extend(instance_connect(context, edit, lists, &interfaces));
    match ended(rules, edit, &interfaces) {
        Ended::AtOnce { always } => {
            if always > 0 {
                impact.push(format!(
                    "connections through {always} of the interfaces are tracked by AWS all the same, and may \
                     go on until they have been idle for a while"
                ));
            }
            impact.push(
                "open connections that came in by the rules that go are not tracked by AWS and end at once, \
                 where no other rule lets them in"
                    .to_owned(),
            );
        }
        Ended::WhenIdle if !interfaces.is_empty() => {
            impact.push("open connections may go on until they have been idle for a while".to_owned());
        }
        Ended::WhenIdle => {}
    }
    Ok(impact)
}

/// Describes the sources of one address family that go while nothing of that family is allowed in their
/// place, although something of the other is.
fn other_family(edit: &Edit<'_>, lists: &Family<PrefixList>, params: &Params) -> Option<String> {
    let is_allowed = |v4: bool| params.allow.iter().any(|net| net.0.addr().is_ipv4() == v4);
    if params.allow.is_empty() || params.strategy == Strategy::Revoke || is_allowed(true) == is_allowed(false)
    {
        return None;
    }
    let v4 = !is_allowed(true);
    let lacks = |rule: &&&SecurityGroupRule| {
        traffic::nets(rule, lists).known().is_some_and(|nets| nets.iter().any(|n| n.addr().is_ipv4() == v4))
    };
    let mut sources: Vec<&str> = edit.revoke.iter().filter(lacks).map(|rule| traffic::source(rule)).collect();
    sources.sort_unstable();
    sources.dedup();
    let family = if v4 { "IPv4" } else { "IPv6" };
    (!sources.is_empty()).then(|| {
        format!("nothing comes in the place of {}: no {family} CIDR is allowed", sources.join(" and "))
    })
}

/// Describes one rule that closes, with every port of it that has a name.
fn closing(source: &str, rule: &SecurityGroupRule) -> String {
    let named = |all: &'static [Service]| {
        let transports = |s: &&Service| s.transports.iter().any(|t| traffic::admits(rule, *t, s.port));
        all.iter().filter(transports).map(Service::words).collect::<Vec<_>>()
    };
    let mut services: Vec<String> = named(ADMIN);
    services.extend(named(DATABASE));
    if services.is_empty() {
        services.extend(named(OTHER));
    }
    let public = named(PUBLIC);
    let mut text = format!("closes to {source}: {}", traffic::traffic(rule));
    let everything = traffic::protocol(rule) == Protocol::All || traffic::range(rule) == (0, 65535);
    if !everything && !services.is_empty() {
        text += &format!(" ({})", services.join(", "));
    }
    if services.is_empty() && traffic::range(rule).0 == traffic::range(rule).1 && !public.is_empty() {
        text += ", which is often open on purpose";
    } else if !public.is_empty() {
        text += &format!("; with it {}, which are often open on purpose", public.join(", "));
    }
    text
}

/// Counts the interfaces behind the group by their kind.
pub fn users(context: &Context<'_>, interfaces: &[&NetworkInterface]) -> String {
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for interface in interfaces {
        *kinds.entry(kind(context, interface)).or_default() += 1;
    }
    let kinds: Vec<String> = kinds.into_iter().map(|(kind, n)| format!("{n} {kind}")).collect();
    match interfaces.len() {
        0 => "no interface uses the group".to_owned(),
        1 => format!("1 interface uses the group: {}", kinds.join(", ")),
        n => format!("{n} interfaces use the group: {}", kinds.join(", ")),
    }
}

fn kind(context: &Context<'_>, interface: &NetworkInterface) -> String {
    if let Some(id) = &interface.instance_id {
        let region = context.inventory.regions.get(context.region);
        let state = region.and_then(|r| r.instances.get(id).known().map(|i| i.state.as_str()));
        return match (state, other_account(context, interface)) {
            (Some(state), _) => format!("of a {state} instance"),
            (None, Some(account)) => format!("of an instance of account {account}"),
            (None, None) if interface.status == "available" => "of a vanished instance".to_owned(),
            (None, None) => "of an instance that redress cannot read".to_owned(),
        };
    }
    of_service(interface)
}

/// Describes the use of the group by other accounts, with which it is shared.
pub fn of_others(context: &Context<'_>, interfaces: &[&NetworkInterface]) -> Option<String> {
    let mut accounts: BTreeMap<&str, usize> = BTreeMap::new();
    for account in interfaces.iter().filter_map(|i| other_account(context, i)) {
        *accounts.entry(account).or_default() += 1;
    }
    let all: Vec<String> = accounts.iter().map(|(account, n)| format!("{account} ({n})")).collect();
    (!all.is_empty()).then(|| {
        format!(
            "the group is shared, and the change applies to interfaces of other accounts: {}",
            all.join(", ")
        )
    })
}

/// Returns whether a rule lets in all the traffic of another, whoever sends it.
fn lets_in_all_of(rule: &SecurityGroupRule, of: &SecurityGroupRule) -> bool {
    let within = |transport| {
        let wanted = traffic::span(of, transport);
        wanted.is_none_or(|(from, to)| {
            traffic::span(rule, transport).is_some_and(|(first, last)| first <= from && to <= last)
        })
    };
    !rule.is_egress && Transport::ALL.into_iter().all(within)
}

/// Describes the traffic from inside the VPC that came in by a rule for the whole world, too: health checks
/// of load balancers come from private addresses
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-target-groups.html>).
/// Where a rule that is left lets in the own network of every interface, nothing changes for it.
fn from_inside(
    edit: &Edit<'_>,
    lists: &Family<PrefixList>,
    interfaces: &[&NetworkInterface],
) -> Option<String> {
    let private = |rule: &SecurityGroupRule| from_private(rule, lists);
    let still = |gone: &SecurityGroupRule, interface: &NetworkInterface| {
        let address: Option<IpAddr> = interface.private_ip.as_deref().and_then(|ip| ip.parse().ok());
        // Of an interface without a known address, any private network may be its own.
        let own = |rule: &SecurityGroupRule| {
            address.map_or_else(|| private(rule), |address| traffic::holds(rule, lists, address))
        };
        edit.after.iter().any(|rule| lets_in_all_of(rule, gone) && own(rule))
    };
    let mut gone = edit.revoke.iter().filter(|rule| private(rule));
    gone.any(|rule| interfaces.iter().any(|interface| !still(rule, interface))).then(|| {
        "traffic from inside the VPC came in by these rules, too, and no longer does: health checks of load \
         balancers, peers, jump hosts; allow their networks where it must go on"
            .to_owned()
    })
}

/// Describes the loss of the browser connection of EC2 Instance Connect, which comes from addresses of AWS's
/// own (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-connect-prerequisites.html>).
fn instance_connect(
    context: &Context<'_>,
    edit: &Edit<'_>,
    lists: &Family<PrefixList>,
    interfaces: &[&NetworkInterface],
) -> Option<String> {
    const LIST: &str = "ec2-instance-connect";
    let ssh = |rule: &SecurityGroupRule| !rule.is_egress && traffic::admits(rule, Transport::Tcp, 22);
    let from_there = |rule: &SecurityGroupRule| {
        let list = rule.prefix_list_id.as_ref().and_then(|id| lists.get(id).known().copied());
        list.is_some_and(|list| list.name.ends_with(LIST))
    };
    let wide = |rule: &SecurityGroupRule| {
        let wide_v4 = |net: &ipnet::IpNet| net.addr().is_ipv4() && is_wide(net);
        traffic::nets(rule, lists).known().is_some_and(|nets| nets.iter().any(wide_v4))
    };
    let lost = edit.revoke.iter().any(|r| ssh(r) && wide(r))
        && !edit.after.iter().any(|r| ssh(r) && (from_there(r) || wide(r)));
    (lost && interfaces.iter().any(|i| i.instance_id.is_some())).then(|| {
        format!(
            "EC2 Instance Connect in the browser no longer reaches port 22, unless an allowed CIDR contains \
             its addresses (prefix list com.amazonaws.{}.{LIST})",
            context.region
        )
    })
}

/// Returns whether AWS tracks every connection through an interface, whatever the rules: those of load
/// balancers of networks, of functions and of endpoints
/// (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/security-group-connection-tracking.html>).
fn is_always_tracked(interface: &NetworkInterface) -> bool {
    const TRACKED: [&str; 5] =
        ["network_load_balancer", "lambda", "vpc_endpoint", "nat_gateway", "global_accelerator_managed"];
    TRACKED.contains(&interface.interface_type.as_str())
}

/// The end of open connections whose rule goes.
pub enum Ended {
    /// They may go on until they have been idle for a while.
    WhenIdle,
    /// Those that AWS does not track end at once; through some interfaces it tracks all.
    AtOnce {
        /// The number of these interfaces.
        always: usize,
    },
}

/// Returns when open connections end.
pub fn ended(rules: &[&SecurityGroupRule], edit: &Edit<'_>, interfaces: &[&NetworkInterface]) -> Ended {
    let always = interfaces.iter().filter(|i| is_always_tracked(i)).count();
    match always < interfaces.len() && untracked(rules, edit) {
        true => Ended::AtOnce { always },
        false => Ended::WhenIdle,
    }
}

/// Returns whether connections that the rules let through are not tracked: everyone may come in over TCP or
/// UDP, and the answers may go out to everyone, whatever their port, or the other way round
/// (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/security-group-connection-tracking.html>).
fn untracked(rules: &[&SecurityGroupRule], edit: &Edit<'_>) -> bool {
    let everyone = |r: &SecurityGroupRule| matches!(traffic::source(r), "0.0.0.0/0" | "::/0");
    let answered = |there: &SecurityGroupRule, back: &SecurityGroupRule| {
        let of =
            |transport| traffic::span(there, transport).is_some() && traffic::admits_all(back, transport);
        Transport::ALL.into_iter().any(of)
    };
    let pair = |gone: &SecurityGroupRule, other: &SecurityGroupRule| {
        other.is_egress != gone.is_egress
            && traffic::source(other) == traffic::source(gone)
            && (answered(gone, other) || (gone.is_egress && answered(other, gone)))
    };
    edit.revoke.iter().any(|gone| everyone(gone) && rules.iter().any(|other| pair(gone, other)))
}
