//! Text in all its formats. The records are like those of AWS's page of examples
//! (<https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-records-examples.html>): the same fields, and
//! own addresses.

use std::net::IpAddr;

use proptest::prelude::*;

use super::{pieces, read};
use crate::evidence::{Flow, Outcome, Status, Way};

const HEADER: &str = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes \
                      start end action log-status";

fn one(text: &str) -> (String, Flow) {
    let mut all = read(text).expect(text);
    assert_eq!(all.len(), 1, "{text}");
    all.remove(0)
}

fn ip(text: &str) -> Option<IpAddr> {
    Some(text.parse().expect("an address"))
}

#[test]
fn the_default_format_is_read_with_and_without_its_header() {
    let line = "2 123456789010 eni-0a1 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK";
    let expected = Flow {
        source: ip("172.31.16.139"),
        destination: ip("172.31.16.21"),
        source_port: Some(20641),
        destination_port: Some(22),
        protocol: Some(6),
        packets: 20,
        bytes: 4249,
        start: Some(1418530010),
        end: Some(1418530070),
        outcome: Some(Outcome::Accepted),
        ..Flow::default()
    };
    for text in [
        format!("{line}\n"),
        line.to_owned(),
        format!("{HEADER}\n{line}\n"),
        format!("{HEADER}\r\n{line}\r\n"),
        format!("\u{feff}{HEADER}\n\n{line}\n"),
        // As exported from CloudWatch Logs to S3.
        format!("2014-12-14T04:06:50.000Z {line}\n"),
    ] {
        assert_eq!(one(&text), ("eni-0a1".to_owned(), expected), "{text}");
    }
    let rejected =
        "2 123456789010 eni-0a1 172.31.9.69 172.31.9.12 49761 3389 6 20 4249 1418530010 1418530070 REJECT OK";
    assert_eq!(one(rejected).1.outcome, Some(Outcome::Rejected));
}

#[test]
fn no_data_and_skipped_data_are_no_traffic() {
    let of = |status: &str| {
        one(&format!("2 123456789010 eni-0a1 - - - - - - - 1431280876 1431280934 - {status}\n")).1
    };
    let silent = Flow { start: Some(1431280876), end: Some(1431280934), ..Flow::default() };
    assert_eq!(of("NODATA"), Flow { status: Status::NoData, ..silent });
    assert_eq!(of("SKIPDATA"), Flow { status: Status::SkipData, ..silent });
    // Without the field for it.
    let (_, bare) = one("interface-id srcaddr dstaddr start end\neni-0a1 - - 1431280876 1431280934\n");
    assert_eq!(bare.status, Status::NoData);
}

#[test]
fn ipv6_icmp_and_other_protocols_are_read() {
    let v6 = "2 123456789010 eni-0a1 2001:db8:1234:a100:8d6e:3477:df66:f105 \
              2001:db8:1234:a102:3304:8879:34cf:4071 34892 22 6 54 8855 1477913708 1477913820 ACCEPT OK";
    assert_eq!(one(v6).1.source, ip("2001:db8:1234:a100:8d6e:3477:df66:f105"));
    let icmp =
        "2 123456789010 eni-0a1 203.0.113.12 172.31.16.139 0 0 1 4 336 1432917027 1432917142 ACCEPT OK";
    assert_eq!((one(icmp).1.protocol, one(icmp).1.destination_port), (Some(1), Some(0)));
}

#[test]
fn custom_formats_are_read_by_their_header() {
    // Flags of TCP, in another order of fields.
    let flags = "version vpc-id subnet-id instance-id interface-id account-id type srcaddr dstaddr srcport \
                 dstport pkt-srcaddr pkt-dstaddr protocol bytes packets start end action tcp-flags log-status\n\
                 3 vpc-0a1 subnet-0a1 i-0a1 eni-0a1 123456789010 IPv4 52.213.180.42 10.0.0.62 43416 5001 \
                 52.213.180.42 10.0.0.62 6 568 8 1566848875 1566848933 ACCEPT 2 OK\n";
    let (_, flow) = one(flags);
    assert_eq!((flow.tcp_flags, flow.is_answer(), flow.bytes, flow.packets), (Some(2), Some(false), 568, 8));
    // A NAT gateway: the packets' own addresses beside those of the layer between.
    let nat = "instance-id interface-id srcaddr dstaddr pkt-srcaddr pkt-dstaddr\n\
               - eni-0b2 10.0.1.5 10.0.0.220 10.0.1.5 203.0.113.5\n\
               - eni-0b2 203.0.113.5 10.0.0.220 203.0.113.5 10.0.0.220\n";
    let all = read(nat).expect("records");
    assert_eq!((all[0].1.to(), all[0].1.destination), (ip("203.0.113.5"), ip("10.0.0.220")));
    assert_eq!(all[1].1.from(), ip("203.0.113.5"));
    // Services, the path and the direction; a field that redress does not know.
    let path = "version region az-id srcaddr dstaddr srcport dstport pkt-src-aws-service flow-direction \
                traffic-path reject-reason encryption-status interface-id of-the-future\n\
                8 eu-west-1 euw1-az1 10.0.0.71 52.95.1.9 51000 443 - egress 8 - 1 eni-0a1 x\n";
    let (interface, flow) = one(path);
    assert_eq!((interface.as_str(), flow.way, flow.destination_port), ("eni-0a1", Some(Way::Out), Some(443)));
}

#[test]
fn files_that_were_joined_may_change_their_format_at_a_header() {
    let text = "interface-id srcaddr dstaddr\neni-0a1 10.0.0.1 10.0.0.2\ninterface-id srcaddr dstaddr\n\
                eni-0a2 10.0.0.3 10.0.0.4\nsrcaddr interface-id\n10.0.0.5 eni-0a3\n";
    let all = read(text).expect("records");
    assert_eq!(all.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["eni-0a1", "eni-0a2", "eni-0a3"]);
    assert_eq!(all[2].1.source, ip("10.0.0.5"));
}

#[test]
fn what_is_no_flow_log_is_refused_with_its_line() {
    let good = "2 123456789010 eni-0a1 172.31.9.69 172.31.9.12 49761 3389 6 20 4249 1418530010 1418530070 ";
    for (text, line, words) in [
        (String::new(), 1, "empty"),
        ("{\"Records\":[]}".to_owned(), 1, "neither a header"),
        ("GET / HTTP/1.1\n".to_owned(), 1, "neither a header"),
        // The log of a transit gateway has other fields.
        ("a-header of-other things\n".to_owned(), 1, "neither a header"),
        (format!("{HEADER}\n{good}REJECT OK\n{good}REJECT\n"), 3, "13 fields where the format has 14"),
        (format!("{HEADER}\n{good}REJECT O"), 2, "ends in the middle: log-status is none of"),
        (format!("{HEADER}\n{good}REJE"), 2, "ends in the middle: 13 fields"),
        (format!("{HEADER}\n{good}DROP OK\n"), 2, "action is neither ACCEPT nor REJECT: \"DROP\""),
        (format!("{HEADER}\n{}", good.replace("3389", "70000")) + "ACCEPT OK\n", 2, "dstport is no number"),
        (
            format!("{HEADER}\n{}", good.replace("172.31.9.69", "::g")) + "ACCEPT OK\n",
            2,
            "srcaddr is no address",
        ),
        (
            format!("{HEADER}\n{}", good.replace("eni-0a1", "203.0.113.7")) + "ACCEPT OK\n",
            2,
            "interface-id is no network interface",
        ),
        // The last number of a line that was cut.
        (format!("{HEADER}\n{}", good.replace("1418530070", "14185")) + "ACCEPT OK\n", 2, "ends at 14185"),
        (format!("{HEADER}\n{}", "x ".repeat(40_000)), 2, "more than 65536 bytes"),
        ("interface-id srcaddr srcaddr\n".to_owned(), 1, "srcaddr twice"),
    ] {
        let bad = read(&text).expect_err(words);
        assert_eq!(bad.line, line, "{bad}");
        assert!(bad.what.contains(words), "{bad} / {words}");
        assert!(bad.what.len() < 400, "{bad}");
    }
    let bytes: &[u8] = b"\xff\xfe\x00\x01\n";
    assert!(pieces([bytes].into_iter()).expect_err("no text").what.contains("no text"));
}

#[test]
fn a_file_that_another_format_was_joined_to_is_read_by_both() {
    let other = "interface-id version account-id srcaddr dstaddr srcport dstport protocol packets bytes start end \
                 action log-status";
    let text = format!(
        "{HEADER}\n2 1 eni-1 - - - - - - - 1431280876 1431280934 - NODATA\n{other}\n\
         eni-2 2 1 203.0.113.7 10.0.0.5 40000 22 6 3 1000 1418530010 1418530070 ACCEPT OK\n"
    );
    let all = read(&text).unwrap();
    assert_eq!((all.len(), all[1].0.as_str(), all[1].1.destination_port), (2, "eni-2", Some(22)));
}

#[test]
fn what_others_write_into_a_line_cannot_leave_it_unescaped() {
    let bad = read("interface-id dstport\neni-0a1 \u{1b}[2J\u{202e}\n").expect_err("no number");
    assert!(!bad.what.contains('\u{1b}') && bad.what.contains("\\u{1b}"), "{bad}");
}

/// Lines of all kinds, good and bad.
fn log() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        6 => (0_u8..9, 0_u8..255, any::<u16>()).prop_map(|(eni, host, port)| format!(
            "2 1 eni-{eni} 198.51.100.{host} 10.0.0.5 40000 {port} 6 2 99 1418530010 1418530070 ACCEPT OK"
        )),
        1 => Just("2 1 eni-1 - - - - - - - 1431280876 1431280934 - NODATA".to_owned()),
        1 => Just(String::new()),
        1 => Just(HEADER.to_owned()),
        1 => Just("2 1 eni-1 cut".to_owned()),
    ];
    (prop::collection::vec(line, 0..12), any::<bool>()).prop_map(|(lines, ends)| {
        let text = format!("{HEADER}\n{}", lines.join("\n"));
        if ends { text + "\n" } else { text }
    })
}

proptest! {
    #[test]
    fn pieces_of_any_size_are_read_as_the_whole(text in log(), size in 1_usize..70) {
        prop_assert_eq!(pieces(text.as_bytes().chunks(size)), read(&text));
    }

    #[test]
    fn no_bytes_break_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..400), size in 1_usize..70) {
        let whole = pieces([bytes.as_slice()].into_iter());
        prop_assert_eq!(pieces(bytes.chunks(size)), whole);
    }
}
