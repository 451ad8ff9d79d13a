//! The traffic that an edit of a group's rules closes, and the traffic that its other rules still let pass,
//! so that flow logs can be asked who uses it.

use std::net::IpAddr;

use ipnet::IpNet;

use super::edit::Edit;
use crate::{
    actions::{Context, Refusal, support},
    checks::{
        ports::Transport,
        security_groups::traffic::{self, Protocol},
    },
    evidence::{At, Closing, Stays, Traffic, Way},
    inventory::{Region, SecurityGroupRule, Selector},
};

/// Returns the traffic that closes, one for each rule or part of a rule.
///
/// # Errors
/// [`Refusal::Unknown`] if a protocol or a source is not understood.
pub fn closings(context: &Context<'_>, group: &str, edit: &Edit<'_>) -> Result<Vec<Closing>, Refusal> {
    let known = support::region(context.inventory, context.region)?;
    let mut all = Vec::new();
    for (_, closed) in &edit.closes {
        let alike = edit.after.iter().filter(|rule| rule.is_egress == closed.is_egress);
        let stays = alike.map(|rule| Ok(Stays { traffic: of(rule)?, peers: peers(known, rule) }));
        all.push(Closing {
            closes: traffic::whom(closed),
            way: if closed.is_egress { Way::Out } else { Way::In },
            traffic: of(closed)?,
            peers: support::need(
                traffic::nets(closed, &known.prefix_lists),
                &format!("the source of rule {}", closed.id),
            )?,
            stays: stays.collect::<Result<_, Refusal>>()?,
            stateful: true,
            at: At::Group(group.to_owned()),
        });
    }
    Ok(all)
}

/// Returns the traffic of a rule, by the numbers that flow logs have for protocols. Logs do not have the
/// types of ICMP.
fn of(rule: &SecurityGroupRule) -> Result<Traffic, Refusal> {
    let protocol = match traffic::protocol(rule) {
        Protocol::All => return Ok(Traffic::ALL),
        Protocol::Ports(transport) => {
            let (from, to) = traffic::range(rule);
            let port = |number: i32| u16::try_from(number).unwrap_or(u16::MAX);
            let number = if transport == Transport::Tcp { 6 } else { 17 };
            return Ok(Traffic { protocol: Some(number), ports: Some((port(from), port(to))) });
        }
        Protocol::Other("icmp") => 1,
        Protocol::Other("icmpv6") => 58,
        Protocol::Other(other) => other.parse().map_err(|_| {
            Refusal::Unknown(format!(
                "redress could not find out which traffic rule {} is about: its protocol is {other:?}",
                rule.id
            ))
        })?,
    };
    Ok(Traffic { protocol: Some(protocol), ports: None })
}

/// Returns the networks of a rule: for another group, the addresses of its interfaces, as far as they are
/// known. Whoever is left out counts as one who loses access, which errs on the side of showing use.
fn peers(known: &Region, rule: &SecurityGroupRule) -> Vec<IpNet> {
    if let Some(group) = &rule.referenced_group_id {
        let found = known.network_interfaces.select(&Selector::by("group-id", group));
        let interfaces = found.known().map(Vec::as_slice).unwrap_or_default();
        let addresses =
            interfaces.iter().flat_map(|(_, one)| one.private_ip.iter().chain(&one.more_addresses));
        return addresses.filter_map(|text| text.parse::<IpAddr>().ok().map(IpNet::from)).collect();
    }
    traffic::nets(rule, &known.prefix_lists).known().cloned().unwrap_or_default()
}
