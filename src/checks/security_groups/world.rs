//! The definition of "the world": a source so wide that it is nobody in particular, alone or together with
//! others. Arithmetic over CIDRs; it must never count a source that somebody could have chosen on purpose,
//! such as an office or a private range.

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, Ipv6Addr},
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// The shortest prefix of IPv4 that is not the world by itself.
pub const WIDE_V4: u8 = 8;
/// The same for IPv6.
pub const WIDE_V6: u8 = 16;

/// Returns whether no packet from the public internet can come from the range: private, shared, loopback and
/// link-local ranges (<https://www.iana.org/assignments/iana-ipv4-special-registry>, RFC 4193, RFC 4291).
pub fn is_private(net: &IpNet) -> bool {
    match net {
        IpNet::V4(net) => PRIVATE_V4.iter().any(|range| range.contains(net)),
        IpNet::V6(net) => PRIVATE_V6.iter().any(|range| range.contains(net)),
    }
}

/// Returns whether packets from a private network can come from the range.
pub fn has_private(net: &IpNet) -> bool {
    match net {
        IpNet::V4(net) => PRIVATE_V4[..3].iter().any(|range| range.contains(net) || net.contains(range)),
        IpNet::V6(net) => PRIVATE_V6.iter().any(|range| range.contains(net) || net.contains(range)),
    }
}

const PRIVATE_V4: [Ipv4Net; 6] = [
    Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 0), 8),
    Ipv4Net::new_assert(Ipv4Addr::new(172, 16, 0, 0), 12),
    Ipv4Net::new_assert(Ipv4Addr::new(192, 168, 0, 0), 16),
    Ipv4Net::new_assert(Ipv4Addr::new(100, 64, 0, 0), 10),
    Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8),
    Ipv4Net::new_assert(Ipv4Addr::new(169, 254, 0, 0), 16),
];
const PRIVATE_V6: [Ipv6Net; 2] = [
    Ipv6Net::new_assert(Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7),
    Ipv6Net::new_assert(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10),
];

/// Returns whether the source is the world by itself.
pub fn is_wide(net: &IpNet) -> bool {
    let limit = if matches!(net, IpNet::V4(_)) { WIDE_V4 } else { WIDE_V6 };
    net.prefix_len() < limit && !is_private(net)
}

/// Returns whether these ranges together cover half of the address space: of all of IPv4, or of the unicast
/// space `2000::/3` of IPv6, outside of which nothing is routed (RFC 4291, section 2.4).
pub fn cover_half<'a>(nets: impl IntoIterator<Item = &'a IpNet>) -> bool {
    let (mut v4, mut v6): (Vec<Ipv4Net>, Vec<Ipv6Net>) = (Vec::new(), Vec::new());
    for net in nets {
        match net {
            IpNet::V4(net) => v4.push(net.trunc()),
            IpNet::V6(net) => v6.extend(within_unicast(net)),
        }
    }
    let v4: u64 = Ipv4Net::aggregate(&v4).iter().map(|net| 1_u64 << (32 - net.prefix_len())).sum();
    let v6: u128 = Ipv6Net::aggregate(&v6).iter().map(|net| 1_u128 << (128 - net.prefix_len())).sum();
    v4 >= 1 << 31 || v6 >= 1 << 124
}

/// Returns the part of a range that lies in `2000::/3`.
fn within_unicast(net: &Ipv6Net) -> Option<Ipv6Net> {
    let unicast = Ipv6Net::new(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3).ok()?;
    let net = net.trunc();
    if unicast.contains(&net) {
        Some(net)
    } else if net.contains(&unicast) {
        Some(unicast)
    } else {
        None
    }
}

/// Returns the indices of those among several sources, each with the ranges that it stands for, that open to
/// the world.
///
/// A source with a wide range does so alone. If the rest together cover half of the address space, those that
/// are needed for it do: the widest ones up to the prefix length at which half is covered. Narrower ones
/// beside them are somebody's office and not meant.
pub fn open_among<S: AsRef<[IpNet]>>(sources: &[S]) -> BTreeSet<usize> {
    let mut open: BTreeSet<usize> =
        (0..sources.len()).filter(|&n| sources[n].as_ref().iter().any(is_wide)).collect();
    loop {
        let more = together(sources, &open);
        if more.is_empty() {
            return open;
        }
        open.extend(more);
    }
}

fn together<S: AsRef<[IpNet]>>(sources: &[S], open: &BTreeSet<usize>) -> BTreeSet<usize> {
    let rest: Vec<(usize, &IpNet)> = (0..sources.len())
        .filter(|n| !open.contains(n))
        .flat_map(|n| sources[n].as_ref().iter().filter(|net| !is_private(net)).map(move |net| (n, net)))
        .collect();
    for v4 in [true, false] {
        let family: Vec<_> = rest.iter().filter(|(_, net)| matches!(net, IpNet::V4(_)) == v4).collect();
        let lengths: BTreeSet<u8> = family.iter().map(|(_, net)| net.prefix_len()).collect();
        for length in lengths {
            let widest: Vec<_> = family.iter().filter(|(_, net)| net.prefix_len() <= length).collect();
            if cover_half(widest.iter().map(|(_, net)| *net)) {
                return widest.iter().map(|(n, _)| *n).collect();
            }
        }
    }
    BTreeSet::new()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nets(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|t| t.parse().unwrap()).collect()
    }
    fn each(texts: &[&str]) -> Vec<Vec<IpNet>> {
        texts.iter().map(|t| nets(&[t])).collect()
    }
    fn open(texts: &[&str]) -> Vec<usize> {
        open_among(&each(texts)).into_iter().collect()
    }

    #[test]
    fn a_source_wider_than_8_or_16_is_the_world_and_one_that_is_not_is_not() {
        assert_eq!(open(&["0.0.0.0/0", "12.0.0.0/7", "12.0.0.0/8", "203.0.113.0/24"]), [0, 1]);
        assert_eq!(open(&["::/0", "2000::/3", "2600::/15", "2600::/16", "2001:db8::/32"]), [0, 1, 2]);
    }

    #[test]
    fn private_ranges_are_not_the_world_however_wide() {
        assert_eq!(
            open(&[
                "10.0.0.0/8",
                "172.16.0.0/12",
                "192.168.0.0/16",
                "100.64.0.0/10",
                "fc00::/7",
                "fe80::/10"
            ]),
            [0; 0]
        );
    }

    #[test]
    fn two_halves_and_four_quarters_are_the_world_and_the_office_beside_them_is_not() {
        assert_eq!(open(&["0.0.0.0/1", "128.0.0.0/1", "203.0.113.0/24"]), [0, 1]);
        assert_eq!(open(&["0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/2", "192.0.0.0/2"]), [0, 1, 2, 3]);
    }

    #[test]
    fn many_narrow_sources_that_together_cover_half_are_the_world() {
        let eights: Vec<String> = (1..=129).map(|n| format!("{n}.0.0.0/8")).collect();
        let mut texts: Vec<&str> = eights.iter().map(String::as_str).collect();
        texts.extend(["203.0.113.0/24", "10.1.0.0/16"]);
        // 129 of 256, without 10/8 which is private and 127/8: 127, one too few.
        assert_eq!(open(&texts), [0; 0]);
        texts.insert(0, "130.0.0.0/8");
        let found = open(&texts);
        assert_eq!(found.len(), 128);
        assert!(!found.contains(&130) && !found.contains(&131), "the office and the private range survive");
    }

    #[test]
    fn ipv6_counts_what_lies_in_the_routed_space() {
        let half: Vec<String> = (0..4096).map(|n| format!("{:x}::/16", 0x2000 + n)).collect();
        let sources: Vec<Vec<IpNet>> =
            vec![half.iter().map(|t| t.parse().unwrap()).collect(), nets(&["2001:db8::/32"])];
        assert_eq!(open_among(&sources).into_iter().collect::<Vec<_>>(), [0]);
        assert_eq!(open_among(&sources[1..]).len(), 0);
    }

    fn arbitrary() -> impl Strategy<Value = IpNet> {
        let v4 = (any::<u32>(), 0_u8..=32)
            .prop_map(|(a, p)| IpNet::new(std::net::Ipv4Addr::from(a).into(), p).unwrap().trunc());
        let v6 = (any::<u128>(), 0_u8..=128)
            .prop_map(|(a, p)| IpNet::new(std::net::Ipv6Addr::from(a).into(), p).unwrap().trunc());
        prop_oneof![v4, v6]
    }

    proptest! {
        #[test]
        fn what_is_left_when_the_open_ones_go_is_never_open(sources in proptest::collection::vec(proptest::collection::vec(arbitrary(), 0..4), 0..40)) {
            let open = open_among(&sources);
            let rest: Vec<Vec<IpNet>> = sources.iter().enumerate().filter(|(n, _)| !open.contains(n)).map(|(_,
                s)| s.clone()).collect();
            prop_assert!(open_among(&rest).is_empty());
            let public: Vec<IpNet> = rest.concat().into_iter().filter(|n| !is_private(n)).collect();
            prop_assert!(!cover_half(&public));
        }

        #[test]
        fn an_office_is_never_the_world(sources in proptest::collection::vec(arbitrary(), 0..40),
            office in any::<u32>()) {
            let office = IpNet::new(std::net::Ipv4Addr::from(office).into(), 24).unwrap().trunc();
            let mut all: Vec<Vec<IpNet>> = sources.into_iter().map(|s| vec![s]).collect();
            all.push(vec![office]);
            prop_assert!(!open_among(&all).contains(&(all.len() - 1)));
        }

        #[test]
        fn a_range_cut_in_pieces_is_as_open_as_the_whole(depth in 0_u8..7) {
            let pieces: Vec<IpNet> = "0.0.0.0/0".parse::<IpNet>().unwrap().subnets(depth).unwrap().collect();
            let sources: Vec<Vec<IpNet>> = pieces.into_iter().map(|p| vec![p]).collect();
            prop_assert_eq!(open_among(&sources).len(), sources.len());
        }
    }
}
