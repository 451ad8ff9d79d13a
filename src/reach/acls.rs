//! The hop of a network ACL: it lets the world in to a range of ports, and the replies out again. It knows no
//! connections: both directions are judged by themselves
//! (<https://docs.aws.amazon.com/vpc/latest/userguide/nacl-basics.html>).

use std::collections::{BTreeMap, BTreeSet};

use super::{
    answer::{Answer, Because},
    question::Traffic,
};
use crate::{
    checks::network_acls::ways::{decided_over, opened_by, span_of},
    inventory::{AclEntry, NetworkAcl},
};

/// Returns whether the world gets in to a port of the range, and gets a reply.
///
/// Whoever sends a packet chooses the port to which the reply goes, so that one port of the world by which
/// replies get out is enough.
pub(super) fn passes(acl: &NetworkAcl, traffic: &Traffic) -> Because {
    let (id, what) = (&acl.id, traffic.words());
    let doubt = |why: String| (Answer::Unknown, format!("{id}: {why}"));
    match any_port(&acl.inbound, traffic) {
        Err(why) => return doubt(why),
        Ok(false) => return (Answer::No, format!("{id} does not let the world in to {what}")),
        Ok(true) => {}
    }
    match any_port(&acl.outbound, &Traffic { from: 1, to: u16::MAX, ..*traffic }) {
        Err(why) => doubt(why),
        Ok(false) => {
            (Answer::No, format!("{id} lets no {} replies out to the world", traffic.transport.word()))
        }
        Ok(true) => (Answer::Yes, format!("{id} lets the world in to {what}, and replies out")),
    }
}

/// Returns whether entries let the world pass at a port of a range. Between two ports at which an entry
/// begins or has ended the same entries decide, so that one port of each such stretch stands for all.
fn any_port(entries: &BTreeMap<i32, AclEntry>, traffic: &Traffic) -> Result<bool, String> {
    let Traffic { family, transport, from, to } = *traffic;
    let mut ports = BTreeSet::from([from]);
    for (number, entry) in entries {
        if let Some((first, last)) = span_of(*number, entry, transport)? {
            let cuts =
                [first, last.saturating_add(1)].into_iter().filter_map(|port| u16::try_from(port).ok());
            ports.extend(cuts.filter(|port| (from..=to).contains(port)));
        }
    }
    for port in ports {
        if opened_by(&decided_over(entries, (transport, port), family)?, family).is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{network_acls::ways::Family, ports::Transport};

    fn entry(action: &str, protocol: &str, ports: Option<(i32, i32)>, network: &str) -> AclEntry {
        let v6 = network.contains(':');
        AclEntry {
            action: action.into(),
            protocol: protocol.into(),
            cidr_block: (!v6).then(|| network.to_owned()),
            ipv6_cidr_block: v6.then(|| network.to_owned()),
            from_port: ports.map(|(from, _)| from),
            to_port: ports.map(|(_, to)| to),
            ..AclEntry::default()
        }
    }

    const WORLD: &str = "0.0.0.0/0";
    const ALL: (&str, &str, Option<(i32, i32)>, &str) = ("allow", "-1", None, WORLD);

    type Line = (&'static str, &'static str, Option<(i32, i32)>, &'static str);

    fn of(inbound: &[Line], outbound: &[Line], transport: Transport, from: u16, to: u16) -> Answer {
        let list = |all: &[Line]| (1..).zip(all.iter().map(|(a, p, r, n)| entry(a, p, *r, n))).collect();
        let acl = NetworkAcl {
            id: "acl-1".into(),
            inbound: list(inbound),
            outbound: list(outbound),
            ..NetworkAcl::default()
        };
        passes(&acl, &Traffic { family: Family::V4, transport, from, to }).0
    }

    fn ssh(inbound: &[Line], outbound: &[Line]) -> Answer {
        of(inbound, outbound, Transport::Tcp, 22, 22)
    }

    #[test]
    fn the_port_must_get_in_and_a_reply_out() {
        assert_eq!(ssh(&[ALL], &[ALL]), Answer::Yes);
        assert_eq!(ssh(&[("deny", "6", Some((22, 22)), WORLD), ALL], &[ALL]), Answer::No);
        assert_eq!(ssh(&[ALL], &[]), Answer::No, "replies are dropped");
        assert_eq!(ssh(&[ALL], &[("allow", "6", Some((1024, 65_535)), WORLD)]), Answer::Yes);
        // The one who asks chooses the port of the reply.
        assert_eq!(ssh(&[ALL], &[("allow", "6", Some((443, 443)), WORLD)]), Answer::Yes);
        assert_eq!(ssh(&[ALL], &[("allow", "17", Some((1024, 65_535)), WORLD)]), Answer::No);
        assert_eq!(ssh(&[ALL], &[("allow", "-1", None, "10.0.0.0/8")]), Answer::No);
        assert_eq!(ssh(&[("allow", "6", Some((22, 22)), "203.0.113.0/24")], &[ALL]), Answer::No);
        assert_eq!(ssh(&[("allow", "-1", None, "::/0")], &[ALL]), Answer::No, "another family");
    }

    #[test]
    fn one_port_of_a_range_is_enough_and_transports_are_apart() {
        let some: &[Line] = &[("deny", "6", Some((0, 3000)), WORLD), ("allow", "6", Some((0, 3001)), WORLD)];
        assert_eq!(of(some, &[ALL], Transport::Tcp, 20, 4000), Answer::Yes);
        assert_eq!(of(some, &[ALL], Transport::Tcp, 20, 3000), Answer::No);
        assert_eq!(of(some, &[ALL], Transport::Udp, 20, 4000), Answer::No);
        assert_eq!(
            of(&[("allow", "17", Some((161, 161)), WORLD)], &[ALL], Transport::Udp, 161, 161),
            Answer::Yes
        );
    }

    #[test]
    fn an_entry_that_is_not_understood_is_unknown_in_both_directions() {
        assert_eq!(ssh(&[("count", "-1", None, WORLD)], &[ALL]), Answer::Unknown);
        assert_eq!(ssh(&[("allow", "six", None, WORLD)], &[ALL]), Answer::Unknown);
        assert_eq!(ssh(&[ALL], &[("allow", "6", None, WORLD)]), Answer::Unknown);
    }
}
