//! The residual of a change: what the other groups of an interface let through still. Rules of all groups of
//! an interface add up, so that a port which closes here may stay open there. Words only.

use std::collections::BTreeMap;

use super::edit::Edit;
use crate::{
    actions::{Context, RESIDUAL, Refusal, group_use::interfaces, support},
    checks::{
        ports::Transport,
        security_groups::{
            rules_of,
            traffic::{self, Direction, Protocol},
            world::is_wide,
        },
    },
    inventory::{Fact, Family, PrefixList, SecurityGroupRule},
};

/// Describes what other groups of the interfaces behind a group still let through of the traffic that closes,
/// or that this is not known, with the number of the interfaces.
///
/// # Errors
/// [`Refusal::Unknown`] if the interfaces are not known.
pub fn residual(
    context: &Context<'_>,
    group: &str,
    direction: Direction,
    edit: &Edit<'_>,
) -> Result<Vec<String>, Refusal> {
    let lists = &support::region(context.inventory, context.region)?.prefix_lists;
    let mut others: BTreeMap<&str, usize> = BTreeMap::new();
    for interface in interfaces(context, group)? {
        for other in interface.groups.iter().filter(|other| *other != group) {
            *others.entry(other).or_default() += 1;
        }
    }
    let verb = match direction {
        Direction::Ingress => "lets in",
        Direction::Egress => "lets out",
    };
    let describe = |(other, count): (&str, usize)| {
        let on = format!("another group of {count} interface(s) behind it");
        match rules_of(context.inventory, context.region, other) {
            Fact::Known(rules) => {
                let open = rules.into_iter().filter(|rule| direction.has(rule));
                let open = open.filter(|rule| edit.closes.iter().any(|(_, gone)| leaves(rule, gone, lists)));
                let lines: Vec<String> = open.map(traffic::whom).collect();
                (!lines.is_empty())
                    .then(|| format!("{RESIDUAL}{other}, {on}, still {verb} {}", lines.join(", ")))
            }
            Fact::Absent => None,
            Fact::Unknown(_) | Fact::NotRead => {
                Some(format!("{RESIDUAL}redress could not find out what {other}, {on}, {verb}"))
            }
        }
    };
    Ok(others.into_iter().filter_map(describe).collect())
}

/// Returns whether a rule of another group lets the world send, or receive, some of the traffic of a rule
/// that goes: of the same address family, over a port of it.
fn leaves(rule: &SecurityGroupRule, gone: &SecurityGroupRule, lists: &Family<PrefixList>) -> bool {
    let wide = |rule: &SecurityGroupRule, v4: bool| {
        let nets = traffic::nets(rule, lists);
        nets.known().is_some_and(|nets| nets.iter().any(|net| net.addr().is_ipv4() == v4 && is_wide(net)))
    };
    [true, false].into_iter().any(|v4| wide(rule, v4) && wide(gone, v4)) && overlaps(rule, gone)
}

/// Returns whether two rules are for some traffic in common.
fn overlaps(one: &SecurityGroupRule, other: &SecurityGroupRule) -> bool {
    let ports = |transport: Transport| {
        let (one, other) = (traffic::span(one, transport)?, traffic::span(other, transport)?);
        Some(one.0 <= other.1 && other.0 <= one.1)
    };
    let all = |rule: &SecurityGroupRule| traffic::protocol(rule) == Protocol::All;
    all(one) || all(other) || Transport::ALL.into_iter().any(|transport| ports(transport) == Some(true))
}
