//! Counting of who used what: direction, networks, coverage, bounds, words and proposals.

use crate::evidence::{
    At, Closing, Count, Evidence, Flow, Interface, Question, Sink, Stays, Tally, Traffic, Use, Way, lines,
    observed, text::Text,
};

const CUSTOM: &str = "interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action \
                      tcp-flags flow-direction log-status\n";
const HOUR: i64 = 3600;

fn ssh() -> Closing {
    Closing {
        closes: "tcp 22 from 0.0.0.0/0".to_owned(),
        way: Way::In,
        traffic: Traffic { protocol: Some(6), ports: Some((22, 22)) },
        peers: vec!["0.0.0.0/0".parse().unwrap()],
        stays: Vec::new(),
        stateful: true,
        at: At::Group("sg-1".to_owned()),
    }
}

fn interface(id: &str, address: &str) -> Interface {
    Interface { id: id.to_owned(), addresses: vec![address.parse().unwrap()] }
}

fn asked(closing: Closing) -> Question {
    Question { closing, interfaces: Ok(vec![interface("eni-1", "10.0.0.5"), interface("eni-2", "10.0.0.6")]) }
}

fn used(question: Question, text: &str) -> Use {
    let mut tally = Tally::new(vec![question]);
    let mut log = Text::default();
    log.feed(text.as_bytes(), &mut tally).unwrap();
    log.end(&mut tally).unwrap();
    tally.answers().remove(0)
}

/// Writes a record of the default format, without its header.
fn record(eni: u8, from: &str, to: &str, ports: (u16, u16), at: i64, action: &str) -> String {
    format!("2 1 eni-{eni} {from} {to} {} {} 6 3 1000 {at} {} {action} OK\n", ports.0, ports.1, at + 60)
}

fn incoming(eni: u8, from: &str, port: u16, at: i64, action: &str) -> String {
    record(eni, from, &format!("10.0.0.{}", 4 + eni), (40000, port), at, action)
}

#[test]
fn who_used_the_port_is_counted_by_interface_port_and_direction() {
    let text = [
        incoming(1, "203.0.113.7", 22, 1000, "ACCEPT"),
        incoming(2, "203.0.113.7", 22, 1060, "ACCEPT"),
        incoming(1, "198.51.100.9", 22, 1120, "REJECT"),
        incoming(1, "203.0.113.8", 443, 1000, "ACCEPT"),
        incoming(3, "203.0.113.8", 22, 1000, "ACCEPT"),
        // The answer to it leaves, and so does a connection of its own.
        record(1, "10.0.0.5", "203.0.113.7", (22, 40000), 1000, "ACCEPT"),
        record(1, "10.0.0.5", "203.0.113.9", (50000, 22), 1000, "ACCEPT"),
    ]
    .concat();
    let found = used(asked(ssh()), &text);
    assert_eq!((found.accepted.flows, found.accepted.packets, found.accepted.bytes), (2, 6, 2000));
    assert_eq!(found.accepted.peers.len(), 1);
    assert_eq!(
        (found.rejected.flows, found.rejected.peers[0].address.to_string()),
        (1, "198.51.100.9".into())
    );
    assert_eq!((found.interfaces, found.uncovered, found.partly, found.unclear), (2, 0, 0, 0));
    let evidence = Evidence { uses: vec![found], ..Evidence::default() };
    assert_eq!(
        lines(&evidence),
        [
            "tcp 22 from 0.0.0.0/0 was used from 1970-01-01 00:16 to 1970-01-01 00:19 UTC: accepted 2 flows, \
             1.9 KiB, with address 203.0.113.7 (2 flows, 1.9 KiB, last 1970-01-01 00:18)",
            "of tcp 22 from 0.0.0.0/0, rejected already: 1 flow, 1000 bytes, with address 198.51.100.9 (1 \
             flow, 1000 bytes, last 1970-01-01 00:19)",
        ]
    );
}

#[test]
fn whoever_may_go_on_is_not_counted() {
    let stays = |ports, net: &str| Stays {
        traffic: Traffic { protocol: Some(6), ports: Some(ports) },
        peers: vec![net.parse().unwrap()],
    };
    let closing = Closing {
        stays: vec![stays((22, 22), "203.0.113.0/24"), stays((80, 80), "198.51.100.0/24")],
        ..ssh()
    };
    let text =
        [incoming(1, "203.0.113.7", 22, 1000, "ACCEPT"), incoming(1, "198.51.100.9", 22, 1000, "ACCEPT")]
            .concat();
    let found = used(asked(closing), &text);
    assert_eq!(found.accepted.peers.len(), 1);
    assert_eq!(found.accepted.peers[0].address.to_string(), "198.51.100.9");
}

#[test]
fn an_interface_without_records_is_unknown_and_never_unused() {
    let nothing = |eni: u8| format!("2 1 eni-{eni} - - - - - - - 1000 1060 - NODATA\n");
    let both = used(asked(ssh()), &[nothing(1), nothing(2)].concat());
    assert_eq!((both.uncovered, both.accepted.flows), (0, 0));
    let of = |found: Use| lines(&Evidence { uses: vec![found], ..Evidence::default() });
    assert_eq!(
        of(both),
        [
            "nobody used tcp 22 from 0.0.0.0/0 from 1970-01-01 00:16 to 1970-01-01 00:17 UTC, as the logs of all 2 \
          interfaces show"
        ]
    );
    let one = used(asked(ssh()), &nothing(1));
    assert_eq!((one.uncovered, one.uncovered_ids.clone()), (1, vec!["eni-2".to_owned()]));
    let said = of(one);
    assert!(said[0].contains("as the logs of 1 of 2 interfaces show"), "{said:?}");
    assert_eq!(
        said[1],
        "no log covers eni-2: redress could not find out whether anybody used tcp 22 from 0.0.0.0/0 there"
    );
    let none = of(used(asked(ssh()), &nothing(9)));
    assert!(none.len() == 1 && none[0].starts_with("no log covers eni-1, eni-2: "), "{none:?}");
    let unknown = Question { closing: ssh(), interfaces: Err("they were not read".to_owned()) };
    let said = of(used(unknown, &nothing(1)));
    assert_eq!(
        said,
        ["redress could not find out whether anybody used tcp 22 from 0.0.0.0/0: they were not read"]
    );
}

#[test]
fn gaps_and_parts_of_the_time_are_said() {
    let text = [
        incoming(1, "203.0.113.7", 443, 1000, "ACCEPT"),
        incoming(1, "203.0.113.7", 443, 1000 + 24 * HOUR, "ACCEPT"),
        incoming(2, "203.0.113.7", 443, 1000, "ACCEPT"),
        "2 1 eni-2 - - - - - - - 1000 1060 - SKIPDATA\n".to_owned(),
    ]
    .concat();
    let found = used(asked(ssh()), &text);
    assert_eq!((found.partly, found.skipped), (1, 1));
    let said = lines(&Evidence { uses: vec![found], ..Evidence::default() }).join("\n");
    assert!(said.contains("cover 1 of 2 interfaces in a part of that time only"), "{said}");
    assert!(said.contains("SKIPDATA"), "{said}");
}

#[test]
fn logs_of_rejected_traffic_alone_do_not_show_that_nobody_came_in() {
    let text =
        [incoming(1, "203.0.113.7", 443, 1000, "REJECT"), incoming(2, "203.0.113.7", 80, 1000, "REJECT")];
    let found = used(asked(ssh()), &text.concat());
    assert_eq!(found.only_rejected, 2);
    let said = lines(&Evidence { uses: vec![found], ..Evidence::default() }).join("\n");
    assert!(said.contains("rejected traffic alone at all 2 interfaces"), "{said}");
    assert!(!said.contains("nobody"), "{said}");
}

#[test]
fn the_direction_is_the_recorded_one_else_by_addresses_else_unknown() {
    let own = ["10.0.0.5".parse().unwrap()];
    let at = |source: &str, destination: &str| Flow {
        source: Some(source.parse().unwrap()),
        destination: Some(destination.parse().unwrap()),
        ..Flow::default()
    };
    assert_eq!(at("203.0.113.7", "10.0.0.5").direction(&own), Some(Way::In));
    assert_eq!(at("10.0.0.5", "203.0.113.7").direction(&own), Some(Way::Out));
    assert_eq!(at("10.0.0.5", "10.0.0.5").direction(&own), None);
    assert_eq!(at("10.9.0.1", "10.9.0.2").direction(&own), None);
    let recorded = Flow { way: Some(Way::In), ..at("10.9.0.1", "10.9.0.2") };
    assert_eq!(recorded.direction(&own), Some(Way::In));
    // A record of neither is not counted as use, and named.
    let text = record(1, "10.9.0.1", "10.9.0.2", (40000, 22), 1000, "ACCEPT");
    let found = used(asked(ssh()), &text);
    assert_eq!((found.accepted.flows, found.unclear), (0, 1));
    let said = lines(&Evidence { uses: vec![found], ..Evidence::default() }).join("\n");
    assert!(said.contains("could not find out the direction of 1 record"), "{said}");
}

#[test]
fn answers_to_own_connections_are_no_use_of_a_group() {
    let wide = Closing { traffic: Traffic { protocol: Some(6), ports: None }, ..ssh() };
    let line = |from_port: u16, port: u16, flags: u16| {
        format!("eni-1 203.0.113.7 10.0.0.5 {from_port} {port} 6 1 60 1000 1060 ACCEPT {flags} ingress OK\n")
    };
    // SYN of a client; SYN-ACK of a server; data of either, by the ports; FIN with SYN of a short connection.
    let text = [line(443, 40000, 2), line(8000, 9000, 18), line(443, 51000, 0), line(51000, 443, 0)];
    let found = used(asked(wide.clone()), &[CUSTOM, &text.concat()].concat());
    assert_eq!((found.accepted.flows, found.answers), (2, 2));
    // A network ACL knows no connections: each packet counts.
    let found = used(asked(Closing { stateful: false, ..wide }), &[CUSTOM, &text.concat()].concat());
    assert_eq!((found.accepted.flows, found.answers), (4, 0));
}

#[test]
fn a_log_without_the_fields_that_decide_is_refused_by_their_names() {
    let mut tally = Tally::new(vec![asked(ssh())]);
    let bad = Text::default().feed(b"interface-id srcaddr pkt-dstaddr start end\n", &mut tally).unwrap_err();
    assert!(bad.what.contains("no field dstport, protocol, action"), "{bad}");
    assert_eq!(bad.line, 1);
}

#[test]
fn busy_sources_are_kept_and_memory_is_bounded() {
    let mut text = String::new();
    for n in 0..3000_u32 {
        let scanner = format!("198.18.{}.{}", n / 250, n % 250);
        text += &incoming(1, &scanner, 22, 1000, "ACCEPT");
        text += &incoming(1, "203.0.113.7", 22, 1000, "ACCEPT");
    }
    text += &incoming(2, "203.0.113.7", 443, 1000, "ACCEPT");
    let found = used(asked(ssh()), &text);
    assert_eq!(found.accepted.flows, 6000);
    let busiest = &found.accepted.peers[0];
    assert_eq!((busiest.address.to_string(), busiest.flows), ("203.0.113.7".to_owned(), 3000));
    assert!(found.accepted.at_least && found.accepted.peers.len() == 20);
    let evidence = Evidence { uses: vec![found], ..Evidence::default() };
    assert!(lines(&evidence)[0].contains("and more than"), "{:?}", lines(&evidence));
    let why = observed(&evidence).unwrap_err();
    assert!(why.contains("more than 20 addresses came in") && why.contains("--allow-cidr"), "{why}");
}

#[test]
fn only_those_who_came_in_are_proposed_and_only_where_the_logs_show_all() {
    let text = [
        incoming(1, "203.0.113.7", 22, 1000, "ACCEPT"),
        incoming(2, "203.0.113.9", 22, 1000, "ACCEPT"),
        incoming(2, "203.0.113.9", 22, 2000, "ACCEPT"),
        incoming(2, "198.51.100.9", 22, 1000, "REJECT"),
    ]
    .concat();
    let of = |found: Use| Evidence { uses: vec![found], ..Evidence::default() };
    let evidence = of(used(asked(ssh()), &text));
    let nets = observed(&evidence).unwrap();
    assert_eq!(
        nets.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["203.0.113.7/32", "203.0.113.9/32"]
    );
    let shown = lines(&Evidence { allowed: nets, ..evidence });
    assert_eq!(
        shown.last().unwrap(),
        "allowed as observed: 203.0.113.7/32, 203.0.113.9/32, accepted 3 flows since 1970-01-01 00:16"
    );
    for (gap, word) in [
        (incoming(1, "203.0.113.7", 22, 1000, "ACCEPT"), "no log covers eni-2"),
        (text.clone() + &record(1, "10.9.0.1", "10.9.0.2", (40000, 22), 1000, "ACCEPT"), "direction"),
    ] {
        let why = observed(&of(used(asked(ssh()), &gap))).unwrap_err();
        assert!(why.contains(word) && why.contains("do not show all who use tcp 22"), "{why}");
    }
    let eleven: String =
        (0..11).map(|n| incoming(1, &format!("203.0.113.{n}"), 22, 1000, "ACCEPT")).collect();
    let eleven = eleven + &incoming(2, "203.0.113.1", 22, 1000, "ACCEPT");
    let why = observed(&of(used(asked(ssh()), &eleven))).unwrap_err();
    assert!(why.contains("11 addresses came in"), "{why}");
    // Nobody came in: nothing is proposed, and nothing is in the way.
    let nobody =
        [incoming(1, "203.0.113.7", 443, 1000, "ACCEPT"), incoming(2, "203.0.113.7", 443, 1000, "ACCEPT")];
    assert!(observed(&of(used(asked(ssh()), &nobody.concat()))).unwrap().is_empty());
}

#[test]
fn what_the_logs_leave_open_is_never_nobody_and_never_ground_for_a_proposal() {
    let nothing = |eni: u8| format!("2 1 eni-{eni} - - - - - - - 1000 1060 - NODATA\n");
    let skipped = |eni: u8| format!("2 1 eni-{eni} - - - - - - - 1000 1060 - SKIPDATA\n");
    let unclear = record(1, "10.9.0.1", "10.9.0.2", (40000, 22), 1000, "ACCEPT");
    for (text, word) in [
        (skipped(1) + &skipped(2), "no log covers"),
        (nothing(1) + &nothing(2) + &skipped(2), "SKIPDATA"),
        // A flow log of the type REJECT.
        (nothing(1) + &incoming(2, "203.0.113.7", 80, 1000, "REJECT"), "rejected traffic alone"),
        (nothing(1) + &nothing(2) + &unclear, "direction"),
    ] {
        let evidence = Evidence { uses: vec![used(asked(ssh()), &text)], ..Evidence::default() };
        let said = lines(&evidence).join("\n");
        assert!(!said.contains("nobody"), "{word}: {said}");
        let why = observed(&evidence).unwrap_err();
        assert!(why.contains(word), "{word}: {why}");
    }
}

#[test]
fn nobody_is_let_in_to_a_port_that_another_has_used_nor_an_address_of_no_host() {
    let of = |from: &str| {
        let text = [1, 2].map(|eni| incoming(eni, from, 22, 1000, "ACCEPT")).concat();
        used(asked(ssh()), &text)
    };
    let evidence = |uses: Vec<Use>| Evidence { uses, ..Evidence::default() };
    let why = observed(&evidence(vec![of("203.0.113.7"), of("203.0.113.9")])).unwrap_err();
    assert!(why.contains("would let each in to both"), "{why}");
    let same = observed(&evidence(vec![of("203.0.113.7"), of("203.0.113.7")])).unwrap();
    assert_eq!(same.len(), 1);
    for nobodys in ["169.254.169.254", "224.0.0.1", "255.255.255.255", "0.0.0.0"] {
        assert!(observed(&evidence(vec![of(nobodys)])).unwrap().is_empty(), "{nobodys}");
    }
}

#[test]
fn evidence_comes_back_from_its_json() {
    let text =
        [incoming(1, "203.0.113.7", 22, 1000, "ACCEPT"), incoming(1, "::1", 22, 1000, "REJECT")].concat();
    let evidence = Evidence { uses: vec![used(asked(ssh()), &text)], ..Evidence::default() };
    let json = serde_json::to_value(&evidence).unwrap();
    assert_eq!(json["uses"][0]["accepted"]["peers"][0]["address"], "203.0.113.7");
    assert_eq!(serde_json::from_value::<Evidence>(json).unwrap(), evidence);
}

#[test]
fn numbers_that_no_log_has_break_nothing() {
    let most =
        Count { flows: u64::MAX, packets: u64::MAX, bytes: u64::MAX, more: usize::MAX, ..Count::default() };
    let one = Use {
        closes: "x".to_owned(),
        interfaces: 1,
        uncovered: usize::MAX,
        partly: usize::MAX,
        accepted: most.clone(),
        rejected: most,
        ..Use::default()
    };
    let evidence =
        Evidence { uses: vec![one.clone(), one], allowed: vec!["::/0".parse().unwrap()], claimed: true };
    assert!(lines(&evidence).iter().all(|line| line.starts_with("according to the file: ")));
    assert!(observed(&evidence).is_err());
}

#[test]
fn interfaces_of_other_questions_do_not_answer_for_each_other() {
    let rdp = Closing { traffic: Traffic { protocol: Some(6), ports: Some((3389, 3389)) }, ..ssh() };
    let one = Question { closing: ssh(), interfaces: Ok(vec![interface("eni-1", "10.0.0.5")]) };
    let two = Question {
        closing: rdp,
        interfaces: Ok(vec![interface("eni-1", "10.0.0.5"), interface("eni-2", "10.0.0.6")]),
    };
    let mut tally = Tally::new(vec![one, two]);
    assert_eq!(
        (tally.place(b"eni-1"), tally.place(b"eni-2"), tally.place(b"eni-3")),
        (Some(0), Some(1), None)
    );
    let text =
        [incoming(2, "203.0.113.7", 22, 1000, "ACCEPT"), incoming(2, "203.0.113.7", 3389, 1000, "ACCEPT")];
    Text::default().feed(text.concat().as_bytes(), &mut tally).unwrap();
    let answers = tally.answers();
    assert_eq!((answers[0].accepted.flows, answers[0].uncovered), (0, 1));
    assert_eq!((answers[1].accepted.flows, answers[1].uncovered), (1, 1));
}
