//! How fast flow logs are read, from memory, by one core. It is compiled without the SDKs:
//!
//! ```text
//! cargo measure --bench evidence        every format, with few and with all interfaces asked about
//! ```
//!
//! What is counted is the processor's time of the one thread that reads, where the system tells it (Linux).
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints, and may panic")]

#[path = "../it/worked.rs"]
mod worked;

use std::{
    io::{Read, Write},
    time::{Duration, Instant},
};

use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};
use redress::evidence::{At, Closing, Interface, Question, Tally, Traffic, Way, text::Text};

use worked::worked;

/// How large each log is.
const SIZE: usize = 64 << 20;
/// How large the pieces are in which it is read.
const PIECE: usize = 256 << 10;
/// How many interfaces the logs are about.
const INTERFACES: usize = 2000;

const HEADER: &str = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes \
                      start end action log-status";
const LONG: &str = "version account-id vpc-id subnet-id instance-id interface-id srcaddr dstaddr srcport dstport \
                    protocol tcp-flags type pkt-srcaddr pkt-dstaddr packets bytes start end action log-status \
                    region az-id sublocation-type sublocation-id pkt-src-aws-service pkt-dst-aws-service \
                    flow-direction traffic-path";

fn eni(n: usize) -> String {
    format!("eni-{n:017x}")
}

/// A record of the default format: half of them are requests, half answers.
fn short(n: usize) -> String {
    let (peer, own) = (peer(n), own(n % INTERFACES));
    let (from, to) = if n.is_multiple_of(2) { (peer, own) } else { (own, peer) };
    let ports = if n.is_multiple_of(2) { "51234 443" } else { "443 51234" };
    let action = if n.is_multiple_of(9) { "REJECT" } else { "ACCEPT" };
    format!(
        "2 123456789010 {} {from} {to} {ports} 6 {} {} {} {} {action} OK\n",
        eni(n % INTERFACES),
        n % 90 + 1,
        n % 90_000 + 40,
        1_795_328_849 + n / 1000,
        1_795_328_909 + n / 1000,
    )
}

/// A record with all fields of versions 2 to 5.
fn long(n: usize) -> String {
    let (peer, own) = (peer(n), own(n % INTERFACES));
    format!(
        "5 123456789010 vpc-0a1b2c3d4e5f60718 subnet-0a1b2c3d4e5f60718 i-0a1b2c3d4e5f60718 {} {peer} {own} 51234 443 6 \
         2 IPv4 {peer} {own} {} {} {} {} ACCEPT OK eu-west-1 euw1-az1 - - - - ingress -\n",
        eni(n % INTERFACES),
        n % 90 + 1,
        n % 90_000 + 40,
        1_795_328_849 + n / 1000,
        1_795_328_909 + n / 1000,
    )
}

fn peer(n: usize) -> String {
    format!("198.18.{}.{}", n / 250 % 100, n % 250)
}

fn own(n: usize) -> String {
    format!("10.0.{}.{}", n / 250, n % 250)
}

fn log(header: &str, make: fn(usize) -> String) -> Vec<u8> {
    let mut text = format!("{header}\n").into_bytes();
    for n in 0.. {
        text.extend_from_slice(make(n).as_bytes());
        if text.len() > SIZE {
            return text;
        }
    }
    text
}

/// Three questions about each of so many interfaces.
fn questions(interfaces: usize) -> Vec<Question> {
    let of = |port: u16| Question {
        closing: Closing {
            closes: format!("tcp {port} from 0.0.0.0/0"),
            way: Way::In,
            traffic: Traffic { protocol: Some(6), ports: Some((port, port)) },
            peers: vec!["0.0.0.0/0".parse().unwrap()],
            stays: Vec::new(),
            stateful: true,
            at: At::Group("sg-1".to_owned()),
        },
        interfaces: Ok((0..interfaces)
            .map(|n| Interface { id: eni(n), addresses: vec![own(n).parse().unwrap()] })
            .collect()),
    };
    [22, 443, 3389].map(of).into()
}

fn main() {
    println!("{:36} {:>8} {:>14} {:>12}", "log", "MB/s", "records/s", "used");
    for (name, text) in
        [("default format", log(HEADER, short)), ("all fields of versions 2 to 5", log(LONG, long))]
    {
        for (asked, interfaces) in
            [("1 in 100 asked about", INTERFACES / 100), ("all asked about", INTERFACES)]
        {
            time(&format!("{name}, {asked}"), &text, text.len(), interfaces, |bytes| Box::new(bytes));
        }
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&text).unwrap();
        let packed = encoder.finish().unwrap();
        let name = format!("{name}, gzip");
        time(&name, &packed, text.len(), INTERFACES / 100, |bytes| Box::new(MultiGzDecoder::new(bytes)));
    }
}

/// Reads a log some times, and prints the best.
fn time(name: &str, bytes: &[u8], plain: usize, interfaces: usize, open: fn(&[u8]) -> Box<dyn Read + '_>) {
    let mut best = Duration::MAX;
    let (mut records, mut used) = (0, 0);
    for _ in 0..3 {
        let mut tally = Tally::new(questions(interfaces));
        let (mut text, mut input, mut piece) = (Text::default(), open(bytes), vec![0; PIECE]);
        let begun = Instant::now();
        let before = worked(begun);
        loop {
            let length = input.read(&mut piece).unwrap();
            if length == 0 {
                break;
            }
            text.feed(&piece[..length], &mut tally).unwrap();
        }
        records = text.end(&mut tally).unwrap();
        best = best.min(worked(begun) - before);
        used = tally.answers().iter().map(|one| one.accepted.flows).sum();
    }
    let per = |n: f64| n / best.as_secs_f64();
    println!("{name:36} {:>8.0} {:>14.0} {used:>12}", per(plain as f64 / 1e6), per(records as f64));
}
