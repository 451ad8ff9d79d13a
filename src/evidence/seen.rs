//! The traffic of one address, or of some interfaces: with whom, at which ports, how much, accepted or
//! rejected. Memory is bounded: the busiest addresses are kept, and a fixed number of ports and interfaces.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    net::IpAddr,
};

use jiff::Timestamp;
use serde::Serialize;

use super::{
    Count, Flow, Interface, Layout, Outcome, Sink, Status, Tally, Way,
    sources::{Sources, Sum},
    tally::count,
};

/// The number of addresses that are kept of accepted, and of rejected traffic.
const ADDRESSES: usize = 256;
/// The number of ports that are kept.
const PORTS: usize = 1_000;
/// The number of interfaces that are kept.
const INTERFACES: usize = 10_000;
/// The number of ports, and of interfaces, that are listed.
const LISTED: usize = 50;

/// The side whose traffic is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Side {
    /// An address, at whichever interface.
    Address(IpAddr),
    /// Interfaces, each with its own addresses as far as they are known.
    Interfaces(Vec<Interface>),
}

/// The traffic of a side, as the records of flow logs show it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Traffic {
    /// The number of records about it.
    pub records: u64,
    /// The start of the first record.
    pub from: Option<Timestamp>,
    /// The end of the last one.
    pub to: Option<Timestamp>,
    /// Accepted traffic, with the addresses at the other end.
    pub accepted: Count,
    /// Rejected traffic, with the addresses at the other end.
    pub rejected: Count,
    /// The busiest ports.
    pub ports: Vec<Port>,
    /// The number of other ports.
    pub more_ports: usize,
    /// The number of records at ports that are not kept.
    pub beyond: u64,
    /// The interfaces, with the number of their records.
    pub interfaces: BTreeMap<String, u64>,
    /// The number of records at other interfaces.
    pub elsewhere: u64,
    /// The interfaces that were asked about and that no record names: their traffic is unknown.
    pub uncovered: Vec<String>,
    /// The records of traffic whose direction is not known; they count in none of the ports.
    pub unclear: u64,
    /// The records by which AWS notes that it could not record all traffic (SKIPDATA).
    pub skipped: u64,
}

/// The traffic at one port of the server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Port {
    /// The IANA number of the protocol; null where the log does not have it.
    pub protocol: Option<u8>,
    /// The port of the server; null for protocols without ports.
    pub port: Option<u16>,
    /// `true` where the side that was asked about opened the connection.
    pub opened: bool,
    /// The number of accepted records.
    pub accepted: u64,
    /// The number of rejected records.
    pub rejected: u64,
    /// The bytes that were accepted, both ways.
    pub bytes: u64,
}

/// The state of reading.
#[derive(Debug)]
pub struct Seen {
    side: Side,
    /// The interfaces by name, with the place of each; the last place is that of all others.
    places: RefCell<HashMap<Box<[u8]>, usize>>,
    records: HashMap<usize, u64>,
    since: Option<i64>,
    until: Option<i64>,
    all: u64,
    first: i64,
    last: i64,
    accepted: (Sum, Sources),
    rejected: (Sum, Sources),
    ports: HashMap<(Option<u8>, Option<u16>, bool), Port>,
    beyond: u64,
    unclear: u64,
    skipped: u64,
}

impl Seen {
    /// Prepares for the traffic of a side within a period; a record that is partly in it counts.
    pub fn new(side: Side, since: Option<Timestamp>, until: Option<Timestamp>) -> Self {
        let named = match &side {
            Side::Address(_) => &[][..],
            Side::Interfaces(all) => all,
        };
        let places = named.iter().enumerate().map(|(n, one)| (one.id.as_bytes().into(), n)).collect();
        Self {
            side,
            places: RefCell::new(places),
            records: HashMap::new(),
            since: since.map(Timestamp::as_second),
            until: until.map(Timestamp::as_second),
            all: 0,
            first: i64::MAX,
            last: i64::MIN,
            accepted: (Sum::default(), Sources::new(ADDRESSES)),
            rejected: (Sum::default(), Sources::new(ADDRESSES)),
            ports: HashMap::new(),
            beyond: 0,
            unclear: 0,
            skipped: 0,
        }
    }

    /// Returns the traffic.
    pub fn traffic(self) -> Traffic {
        let time = |seconds: i64| Timestamp::from_second(seconds).ok();
        let mut ports: Vec<Port> = self.ports.into_values().collect();
        ports.sort_by_key(|port| {
            (std::cmp::Reverse(port.accepted + port.rejected), port.protocol, port.port, port.opened)
        });
        let more_ports = ports.len().saturating_sub(LISTED);
        ports.truncate(LISTED);
        let (mut interfaces, mut uncovered) = (BTreeMap::new(), Vec::new());
        let mut elsewhere = self.records.get(&INTERFACES).copied().unwrap_or(0);
        let mut places: Vec<(Box<[u8]>, usize)> = self.places.into_inner().into_iter().collect();
        let of = |place: &usize| self.records.get(place).copied().unwrap_or(0);
        places.sort_by_key(|(name, place)| (std::cmp::Reverse(of(place)), name.clone()));
        for (name, place) in &places {
            let name = String::from_utf8_lossy(name).into_owned();
            match of(place) {
                // Only an interface that was asked about has a place before its first record.
                0 if matches!(self.side, Side::Interfaces(_)) => uncovered.push(name),
                0 => {}
                records if interfaces.len() < LISTED => drop(interfaces.insert(name, records)),
                records => elsewhere += records,
            }
        }
        Traffic {
            records: self.all,
            from: (self.all > 0).then(|| time(self.first)).flatten(),
            to: (self.all > 0).then(|| time(self.last)).flatten(),
            accepted: count(self.accepted),
            rejected: count(self.rejected),
            ports,
            more_ports,
            beyond: self.beyond,
            interfaces,
            elsewhere,
            uncovered,
            unclear: self.unclear,
            skipped: self.skipped,
        }
    }

    /// Returns the other end of a record, and whether the side sent it; `None` where it is not of the side.
    /// Its direction may not be known.
    fn other_end(&self, place: usize, flow: &Flow) -> Option<(Option<IpAddr>, Option<bool>)> {
        match &self.side {
            Side::Address(own) => match (flow.from(), flow.to()) {
                (Some(from), to) if from == *own => Some((to, Some(true))),
                (from, Some(to)) if to == *own => Some((from, Some(false))),
                _ => None,
            },
            Side::Interfaces(all) => {
                let own = all.get(place).map(|one| one.addresses.as_slice()).unwrap_or_default();
                Some(match flow.direction(own) {
                    Some(Way::Out) => (flow.to(), Some(true)),
                    Some(Way::In) => (flow.from(), Some(false)),
                    None => (None, None),
                })
            }
        }
    }

    fn count_port(&mut self, flow: &Flow, sent: bool, accepted: bool) {
        let answers = flow.is_answer().unwrap_or_else(|| flow.looks_like_an_answer());
        let port = if answers { flow.source_port } else { flow.destination_port };
        let key = (flow.protocol, port, sent != answers);
        if self.ports.len() >= PORTS && !self.ports.contains_key(&key) {
            self.beyond += 1;
            return;
        }
        let (protocol, port, opened) = key;
        let port = self.ports.entry(key).or_insert(Port { protocol, port, opened, ..Port::default() });
        if accepted {
            port.accepted += 1;
            port.bytes = port.bytes.saturating_add(flow.bytes);
        } else {
            port.rejected += 1;
        }
    }
}

impl Sink for Seen {
    fn accepts(&mut self, layout: &Layout) -> Result<(), String> {
        Tally::new(Vec::new()).accepts(layout)
    }

    fn place(&self, interface: &[u8]) -> Option<usize> {
        let mut places = self.places.borrow_mut();
        if let Some(place) = places.get(interface) {
            return Some(*place);
        }
        if matches!(self.side, Side::Interfaces(_)) {
            return None;
        }
        // An address may have traffic at any interface; a name that is none is not kept.
        let is_id = interface
            .strip_prefix(b"eni-")
            .is_some_and(|hex| (8..=17).contains(&hex.len()) && hex.iter().all(u8::is_ascii_hexdigit));
        let next = places.len();
        if !is_id || next >= INTERFACES {
            return Some(INTERFACES);
        }
        places.insert(interface.into(), next);
        Some(next)
    }

    fn take(&mut self, place: usize, flow: &Flow) {
        let before = self.since.is_some_and(|since| flow.end.is_some_and(|end| end < since));
        let after = self.until.is_some_and(|until| flow.start.is_some_and(|start| start >= until));
        if before || after {
            return;
        }
        if flow.status == Status::SkipData {
            self.skipped += 1;
            return;
        }
        let Some((peer, sent)) = self.other_end(place, flow) else { return };
        self.all += 1;
        *self.records.entry(place).or_default() += 1;
        if let (Some(start), Some(end)) = (flow.start, flow.end) {
            (self.first, self.last) = (self.first.min(start), self.last.max(end));
        }
        let (sum, sources) = match flow.outcome {
            Some(Outcome::Accepted) => &mut self.accepted,
            Some(Outcome::Rejected) => &mut self.rejected,
            // The interval had no traffic.
            None => return,
        };
        sum.add(flow);
        if let Some(peer) = peer {
            sources.add(peer, flow);
        }
        match sent {
            Some(sent) => self.count_port(flow, sent, flow.outcome == Some(Outcome::Accepted)),
            None => self.unclear += 1,
        }
    }
}
