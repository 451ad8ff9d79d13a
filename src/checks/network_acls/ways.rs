//! The meaning of the entries of a network ACL: for each source of the internet, which entry decides about a
//! packet to a port. Arithmetic over ranges of addresses; nothing here knows why anybody asks.
//!
//! The entries of both address families share their numbers, and are evaluated apart. The one with the lowest
//! number that fits decides
//! (<https://docs.aws.amazon.com/vpc/latest/userguide/nacl-rules.html>).

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};

use crate::{
    checks::{ports::Transport, security_groups::world},
    inventory::AclEntry,
};

/// A family of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Both families.
    pub const ALL: [Family; 2] = [Family::V4, Family::V6];

    /// Returns the family of a network.
    pub fn of(net: &IpNet) -> Self {
        if net.addr().is_ipv4() { Family::V4 } else { Family::V6 }
    }
    /// Returns `IPv4` or `IPv6`.
    pub fn word(self) -> &'static str {
        match self {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
        }
    }
    /// Returns the network of all addresses.
    pub fn whole(self) -> &'static str {
        match self {
            Family::V4 => "0.0.0.0/0",
            Family::V6 => "::/0",
        }
    }
    fn last(self) -> u128 {
        match self {
            Family::V4 => u128::from(u32::MAX),
            Family::V6 => u128::MAX,
        }
    }
}

/// A range of addresses, both ends included.
type Span = (u128, u128);

fn span(net: &IpNet) -> Span {
    match net {
        IpNet::V4(net) => (u32::from(net.network()).into(), u32::from(net.broadcast()).into()),
        IpNet::V6(net) => (u128::from(net.network()), u128::from(net.broadcast())),
    }
}

fn address(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u32::from(v4).into(),
        IpAddr::V6(v6) => u128::from(v6),
    }
}

fn meet(a: Span, b: Span) -> Option<Span> {
    let (from, to) = (a.0.max(b.0), a.1.min(b.1));
    (from <= to).then_some((from, to))
}

/// An entry with the sources that it decides about: those that no entry before it fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The number of the entry.
    pub number: i32,
    /// `true` if it lets them in.
    pub allows: bool,
    /// The network that the entry names.
    pub network: IpNet,
    from: Vec<Span>,
}

impl Decided {
    /// Returns the sources as networks.
    fn nets(&self, family: Family) -> Vec<IpNet> {
        self.from.iter().flat_map(|(from, to)| nets(family, *from, *to)).collect()
    }
    fn shares(&self, net: Span) -> impl Iterator<Item = Span> {
        self.from.iter().filter_map(move |part| meet(*part, net))
    }
}

fn nets(family: Family, from: u128, to: u128) -> Vec<IpNet> {
    match family {
        Family::V4 => {
            let [from, to] = [from, to].map(|n| Ipv4Addr::from(u32::try_from(n).unwrap_or(u32::MAX)));
            Ipv4Subnets::new(from, to, 0).map(IpNet::V4).collect()
        }
        Family::V6 => Ipv6Subnets::new(Ipv6Addr::from(from), Ipv6Addr::from(to), 0).map(IpNet::V6).collect(),
    }
}

/// Returns whether an entry fits packets to a port. Ports count for TCP and UDP only
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NetworkAclEntry.html>).
fn fits(number: i32, entry: &AclEntry, (transport, port): (Transport, u16)) -> Result<bool, String> {
    Ok(match span_of(number, entry, transport)? {
        Some((from, to)) => (from..=to).contains(&i32::from(port)),
        None => false,
    })
}

/// Returns the ports of a transport that an entry is for, first and last; `None` where it is for none.
///
/// # Errors
/// An entry that is not understood, and what about it.
pub fn span_of(number: i32, entry: &AclEntry, transport: Transport) -> Result<Option<(i32, i32)>, String> {
    let own = match transport {
        Transport::Tcp => ["6", "tcp"],
        Transport::Udp => ["17", "udp"],
    };
    match entry.protocol.as_str() {
        "-1" => Ok(Some((0, i32::from(u16::MAX)))),
        protocol if own.contains(&protocol) => match (entry.from_port, entry.to_port) {
            (Some(from), Some(to)) => Ok(Some((from, to))),
            _ => Err(format!("entry {number} is for {} and has no ports", transport.word().to_uppercase())),
        },
        other if other.parse::<u8>().is_ok() || matches!(other, "tcp" | "udp" | "icmp" | "icmpv6") => {
            Ok(None)
        }
        other => Err(format!("entry {number} is for the protocol {other:?}, which redress does not know")),
    }
}

/// Returns the entries that decide about TCP packets to a port, in their order.
///
/// # Errors
/// The first entry that is not understood, and what about it.
pub fn decided(entries: &BTreeMap<i32, AclEntry>, port: u16, family: Family) -> Result<Vec<Decided>, String> {
    decided_over(entries, (Transport::Tcp, port), family)
}

/// Returns the entries that decide about packets of a transport to a port, in their order.
///
/// # Errors
/// The first entry that is not understood, and what about it.
pub fn decided_over(
    entries: &BTreeMap<i32, AclEntry>,
    to: (Transport, u16),
    family: Family,
) -> Result<Vec<Decided>, String> {
    let mut fitting = Vec::new();
    for (&number, entry) in entries {
        if !fits(number, entry, to)? {
            continue;
        }
        let allows = match entry.action.as_str() {
            "allow" => true,
            "deny" => false,
            other => return Err(format!("entry {number} says {other:?}, which redress does not know")),
        };
        let network: IpNet = entry
            .network()
            .parse()
            .map_err(|_| format!("entry {number} is for {:?}, which is no network", entry.network()))?;
        fitting.push((number, allows, network));
    }
    Ok(in_order(fitting, family))
}

/// Returns what each of these decides about, of which the first one that has an address decides: a number,
/// whether it lets pass, and a network. Those of the other family decide nothing.
pub fn in_order(list: impl IntoIterator<Item = (i32, bool, IpNet)>, family: Family) -> Vec<Decided> {
    let mut open: Vec<Span> = vec![(0, family.last())];
    let mut all = Vec::new();
    for (number, allows, network) in list.into_iter().filter(|(_, _, net)| Family::of(net) == family) {
        let whole = span(&network);
        let from: Vec<Span> = open.iter().filter_map(|part| meet(*part, whole)).collect();
        open = open.into_iter().flat_map(|part| beside(part, whole)).collect();
        all.push(Decided { number, allows, network: network.trunc(), from });
    }
    all
}

/// Returns the parts of a range that lie outside of another one.
fn beside(part: Span, of: Span) -> impl Iterator<Item = Span> {
    let Some((from, to)) = meet(part, of) else { return vec![part].into_iter() };
    let below = (part.0 < from).then(|| (part.0, from - 1));
    let above = (to < part.1).then(|| (to + 1, part.1));
    below.into_iter().chain(above).collect::<Vec<_>>().into_iter()
}

/// Returns the number of the entry with which the world comes in: alone, or together with those before it.
pub fn opened_by(decided: &[Decided], family: Family) -> Option<i32> {
    let mut sources = Vec::new();
    for entry in decided.iter().filter(|entry| entry.allows) {
        sources.extend(entry.nets(family));
        if !world::open_among(std::slice::from_ref(&sources)).is_empty() {
            return Some(entry.number);
        }
    }
    None
}

/// Returns whether packets from an address come in.
pub fn lets_in(decided: &[Decided], from: IpAddr) -> bool {
    let here = address(from);
    decided.iter().any(|entry| entry.allows && entry.shares((here, here)).next().is_some())
}

/// Returns the networks that come in, in as few as there can be.
pub fn let_in(decided: &[Decided], family: Family) -> Vec<IpNet> {
    let all: Vec<IpNet> = decided.iter().filter(|entry| entry.allows).flat_map(|e| e.nets(family)).collect();
    IpNet::aggregate(&all)
}

/// Returns the part of a network that comes in today by the entries from `number` on; the whole of it where
/// nothing but entries before that one keeps a part of it out.
pub fn admitted(decided: &[Decided], net: &IpNet, number: i32) -> Vec<IpNet> {
    let whole = span(net);
    let (mut left, mut parts) = (vec![whole], Vec::new());
    for entry in decided.iter().filter(|entry| entry.number < number || entry.allows) {
        let decides: Vec<Span> = entry.shares(whole).collect();
        left = decides
            .iter()
            .fold(left, |left, part| left.into_iter().flat_map(|one| beside(one, *part)).collect());
        if entry.number >= number {
            parts.extend(decides);
        }
    }
    match (parts.is_empty(), left.is_empty()) {
        (true, _) => Vec::new(),
        (false, true) => vec![*net],
        (false, false) => {
            let family = Family::of(net);
            let all: Vec<IpNet> = parts.into_iter().flat_map(|(from, to)| nets(family, from, to)).collect();
            IpNet::aggregate(&all)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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

    /// Number, action, protocol, ports, network.
    type Line = (i32, &'static str, &'static str, Option<(i32, i32)>, &'static str);

    fn acl(list: &[Line]) -> BTreeMap<i32, AclEntry> {
        list.iter()
            .map(|(n, action, protocol, ports, net)| (*n, entry(action, protocol, *ports, net)))
            .collect()
    }

    fn opened(list: &[Line]) -> Option<i32> {
        opened_by(&decided(&acl(list), 22, Family::V4).unwrap(), Family::V4)
    }

    const SSH: Option<(i32, i32)> = Some((22, 22));

    #[test]
    fn the_first_entry_that_fits_decides() {
        assert_eq!(opened(&[(100, "allow", "-1", None, "0.0.0.0/0")]), Some(100));
        assert_eq!(
            opened(&[(90, "deny", "6", SSH, "0.0.0.0/0"), (100, "allow", "-1", None, "0.0.0.0/0")]),
            None
        );
        assert_eq!(
            opened(&[(100, "allow", "-1", None, "0.0.0.0/0"), (110, "deny", "6", SSH, "0.0.0.0/0")]),
            Some(100)
        );
        // An earlier entry that denies a part leaves the world.
        assert_eq!(
            opened(&[
                (90, "deny", "6", SSH, "198.51.100.0/24"),
                (100, "allow", "6", Some((0, 1023)), "0.0.0.0/0")
            ]),
            Some(100)
        );
    }

    #[test]
    fn two_halves_are_the_world_with_the_second() {
        let halves = [(100, "allow", "6", SSH, "0.0.0.0/1"), (110, "allow", "6", SSH, "128.0.0.0/1")];
        assert_eq!(opened(&halves), Some(100), "half of it is the world");
        let quarters = [(100, "allow", "6", SSH, "203.0.113.0/24"), (110, "allow", "6", SSH, "10.0.0.0/8")];
        assert_eq!(opened(&quarters), None);
    }

    #[test]
    fn ports_count_for_tcp_and_for_no_protocol_without_them() {
        assert_eq!(opened(&[(100, "allow", "6", Some((23, 65_535)), "0.0.0.0/0")]), None);
        assert_eq!(opened(&[(100, "allow", "17", Some((0, 65_535)), "0.0.0.0/0")]), None);
        assert_eq!(opened(&[(100, "allow", "47", SSH, "0.0.0.0/0")]), None);
        // A deny for GRE or ICMP shuts no port of TCP.
        assert_eq!(
            opened(&[(90, "deny", "1", None, "0.0.0.0/0"), (100, "allow", "-1", None, "0.0.0.0/0")]),
            Some(100)
        );
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        for (action, protocol, ports, net) in [
            ("permit", "-1", None, "0.0.0.0/0"),
            ("allow", "six", None, "0.0.0.0/0"),
            ("allow", "6", None, "0.0.0.0/0"),
            ("allow", "-1", None, "pl-1"),
        ] {
            assert!(decided(&acl(&[(1, action, protocol, ports, net)]), 22, Family::V4).is_err(), "{action}");
        }
    }

    #[test]
    fn the_families_are_evaluated_apart() {
        let both = acl(&[(90, "deny", "-1", None, "0.0.0.0/0"), (100, "allow", "-1", None, "::/0")]);
        let of = |family| opened_by(&decided(&both, 22, family).unwrap(), family);
        assert_eq!((of(Family::V4), of(Family::V6)), (None, Some(100)));
    }

    #[test]
    fn of_a_network_the_part_counts_that_later_entries_let_in() {
        let all = decided(
            &acl(&[
                (80, "deny", "6", SSH, "10.10.0.0/20"),
                (100, "allow", "-1", None, "0.0.0.0/1"),
                (110, "deny", "-1", None, "203.0.113.0/25"),
                (120, "allow", "-1", None, "203.0.113.0/24"),
            ]),
            22,
            Family::V4,
        )
        .unwrap();
        let of = |net: &str| -> Vec<String> {
            admitted(&all, &net.parse().unwrap(), 100).iter().map(ToString::to_string).collect()
        };
        assert_eq!(of("10.10.0.0/16"), ["10.10.0.0/16"], "what was denied before stays denied");
        assert_eq!(of("10.10.0.0/20"), [""; 0]);
        assert_eq!(of("203.0.113.0/24"), ["203.0.113.128/25"], "the part that comes in");
        assert_eq!(of("198.51.100.0/24"), [""; 0]);
        assert!(lets_in(&all, "10.10.16.1".parse().unwrap()) && !lets_in(&all, "10.10.0.1".parse().unwrap()));
    }

    fn arbitrary() -> impl Strategy<Value = Vec<(bool, u32, u8)>> {
        proptest::collection::vec((any::<bool>(), any::<u32>(), 0_u8..=32), 0..12)
    }

    proptest! {
        #[test]
        fn an_address_is_decided_by_the_first_network_that_has_it(list in arbitrary(), at in any::<u32>()) {
            let at = Ipv4Addr::from(at);
            let net = |net: &u32, len: &u8| IpNet::new(Ipv4Addr::from(*net).into(), *len).unwrap().trunc();
            let nets: Vec<(bool, IpNet)> =
                list.iter().map(|(allow, at, len)| (*allow, net(at, len))).collect();
            let one = |allow: bool, net: &IpNet| {
                entry(if allow { "allow" } else { "deny" }, "-1", None, &net.to_string())
            };
            let entries: BTreeMap<i32, AclEntry> =
                (1..).zip(&nets).map(|(n, (allow, net))| (n, one(*allow, net))).collect();
            let first = nets.iter().find(|(_, net)| net.contains(&IpAddr::V4(at)));
            let simple = first.is_some_and(|(allow, _)| *allow);
            prop_assert_eq!(lets_in(&decided(&entries, 22, Family::V4).unwrap(), at.into()), simple);
        }
    }
}
