//! The traffic of an address and of interfaces, out of records that are written by hand.

use std::net::IpAddr;

use super::super::{Interface, Port, Seen, SeenTraffic, Side, text::Text};

/// Records of the default format: interface, addresses, ports, outcome; 10 packets and 1,000 bytes each.
const LOG: &str = "\
2 1 eni-0aaaaaaaaaaaaaaa1 203.0.113.9 10.0.0.5 50000 22 6 10 1000 1000 1060 ACCEPT OK
2 1 eni-0aaaaaaaaaaaaaaa1 10.0.0.5 203.0.113.9 22 50000 6 10 1000 1000 1060 ACCEPT OK
2 1 eni-0bbbbbbbbbbbbbbb2 203.0.113.9 10.0.0.6 50001 3389 6 10 1000 2000 2060 REJECT OK
2 1 eni-0bbbbbbbbbbbbbbb2 198.51.100.1 10.0.0.6 50001 443 6 10 1000 2000 2060 ACCEPT OK
2 1 eni-0bbbbbbbbbbbbbbb2 10.0.0.6 192.0.2.1 50001 443 6 10 1000 3000 3060 ACCEPT OK
2 1 eni-0bbbbbbbbbbbbbbb2 - - - - - - - 3000 3060 - NODATA
2 1 eni-0bbbbbbbbbbbbbbb2 - - - - - - - 3000 3060 - SKIPDATA
";

fn seen(side: Side, since: Option<i64>, until: Option<i64>) -> SeenTraffic {
    let at = |second: i64| jiff::Timestamp::from_second(second).unwrap();
    let mut seen = Seen::new(side, since.map(at), until.map(at));
    let mut text = Text::default();
    text.feed(LOG.as_bytes(), &mut seen).unwrap();
    text.end(&mut seen).unwrap();
    seen.traffic()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn an_address_is_seen_from_both_sides_and_who_opened_is_known() {
    let traffic = seen(Side::Address(ip("203.0.113.9")), None, None);
    assert_eq!((traffic.records, traffic.accepted.flows, traffic.rejected.flows), (3, 2, 1));
    assert_eq!(traffic.accepted.peers[0].address, ip("10.0.0.5"));
    let ssh = Port { protocol: Some(6), port: Some(22), opened: true, accepted: 2, rejected: 0, bytes: 2000 };
    assert_eq!(traffic.ports[0], ssh, "the answer counts at the port of the server");
    assert_eq!(traffic.interfaces.len(), 2);
    assert_eq!(traffic.from.map(|t| t.as_second()), Some(1000));
    let later = seen(Side::Address(ip("203.0.113.9")), Some(1500), None);
    assert_eq!((later.records, later.rejected.flows), (1, 1));
    assert_eq!(seen(Side::Address(ip("203.0.113.9")), None, Some(2000)).records, 2);
    assert_eq!(seen(Side::Address(ip("2001:db8::1")), None, None).records, 0);
}

#[test]
fn interfaces_are_seen_by_their_own_addresses_and_one_without_a_record_is_unknown() {
    let one = |id: &str, address: &str| Interface { id: id.into(), addresses: vec![ip(address)] };
    let side = Side::Interfaces(vec![
        one("eni-0bbbbbbbbbbbbbbb2", "10.0.0.6"),
        one("eni-0ccccccccccccccc3", "10.0.0.7"),
    ]);
    let traffic = seen(side, None, None);
    assert_eq!((traffic.accepted.flows, traffic.rejected.flows, traffic.skipped), (2, 1, 1));
    assert_eq!(traffic.uncovered, ["eni-0ccccccccccccccc3"]);
    let opened: Vec<(Option<u16>, bool)> = traffic.ports.iter().map(|p| (p.port, p.opened)).collect();
    assert_eq!(opened, [(Some(443), false), (Some(443), true), (Some(3389), false)]);
    let unknown = Interface { id: "eni-0bbbbbbbbbbbbbbb2".into(), addresses: Vec::new() };
    let traffic = seen(Side::Interfaces(vec![unknown]), None, None);
    assert_eq!((traffic.unclear, traffic.ports.len(), traffic.accepted.flows), (3, 0, 2));
}
