//! Counts the records of flow logs by the questions that a plan asks. Each interface knows its questions, so
//! the cost is linear in the records; memory depends on the questions alone.

use std::{collections::HashMap, net::IpAddr};

use ipnet::IpNet;
use jiff::Timestamp;

use super::{
    Closing, Count, Flow, Layout, Outcome, Sink, Source, Status, Stays, Traffic, Use, Way,
    closing::holds,
    sources::{Sources, Sum},
};

/// The number of addresses that are kept of accepted traffic, and of rejected traffic.
const ACCEPTED: usize = 256;
const REJECTED: usize = 64;
/// The number of addresses, and of interfaces, that a plan names.
const MOST_NAMED: usize = 20;
/// Interfaces whose records begin or end so much later or earlier than others' are covered in part.
const PARTLY: i64 = 60 * 60;

/// An interface, with its own addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// `eni-...`
    pub id: String,
    /// Its addresses, private and public.
    pub addresses: Vec<IpAddr>,
}

/// A thing that closes, with the interfaces at which it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The thing that closes.
    pub closing: Closing,
    /// The interfaces, or the reason for which they are not known.
    pub interfaces: Result<Vec<Interface>, String>,
}

/// The records of logs, counted.
#[derive(Debug)]
pub struct Tally {
    places: HashMap<Box<[u8]>, usize>,
    watched: Vec<Watched>,
    asked: Vec<Asked>,
}

#[derive(Debug)]
struct Watched {
    id: String,
    own: Vec<IpAddr>,
    /// The questions about it.
    asked: Vec<usize>,
    first: i64,
    last: i64,
    accepted: u64,
    rejected: u64,
    skipped: u64,
}

#[derive(Debug)]
struct Asked {
    closes: String,
    unknown: Option<String>,
    way: Way,
    traffic: Traffic,
    peers: Vec<IpNet>,
    stays: Vec<Stays>,
    stateful: bool,
    interfaces: Vec<usize>,
    accepted: (Sum, Sources),
    rejected: (Sum, Sources),
    answers: u64,
    unclear: u64,
}

impl Watched {
    fn is_covered(&self) -> bool {
        self.first <= self.last
    }
}

impl Tally {
    /// Prepares the questions.
    pub fn new(questions: Vec<Question>) -> Self {
        let mut tally = Self { places: HashMap::new(), watched: Vec::new(), asked: Vec::new() };
        for question in questions {
            let at = tally.asked.len();
            let Closing { closes, way, traffic, peers, mut stays, stateful, .. } = question.closing;
            stays.retain(|one| one.traffic.meets(&traffic));
            let (interfaces, unknown) = match question.interfaces {
                Ok(interfaces) => (interfaces, None),
                Err(reason) => (Vec::new(), Some(reason)),
            };
            let interfaces = interfaces.into_iter().map(|one| tally.watch(one, at)).collect();
            tally.asked.push(Asked {
                closes,
                unknown,
                way,
                traffic,
                peers,
                stays,
                stateful,
                interfaces,
                accepted: (Sum::default(), Sources::new(ACCEPTED)),
                rejected: (Sum::default(), Sources::new(REJECTED)),
                answers: 0,
                unclear: 0,
            });
        }
        tally
    }

    fn watch(&mut self, interface: Interface, question: usize) -> usize {
        let next = self.watched.len();
        let place = *self.places.entry(interface.id.as_bytes().into()).or_insert(next);
        if place == next {
            let Interface { id, addresses: own } = interface;
            self.watched.push(Watched {
                id,
                own,
                asked: Vec::new(),
                first: i64::MAX,
                last: i64::MIN,
                accepted: 0,
                rejected: 0,
                skipped: 0,
            });
        }
        self.watched[place].asked.push(question);
        place
    }

    /// Returns the answers, in the order of the questions.
    pub fn answers(self) -> Vec<Use> {
        let Self { watched, asked, .. } = self;
        asked.into_iter().map(|one| one.answer(&watched)).collect()
    }
}

impl Sink for Tally {
    fn accepts(&mut self, layout: &Layout) -> Result<(), String> {
        let lacks = layout.lacks();
        if lacks.is_empty() {
            return Ok(());
        }
        Err(format!(
            "the log has no field {}, without which it does not show who used what: create the flow log with \
             the default format, or add the field to its custom format",
            lacks.join(", ")
        ))
    }

    fn place(&self, interface: &[u8]) -> Option<usize> {
        self.places.get(interface).copied()
    }

    fn take(&mut self, place: usize, flow: &Flow) {
        let Some(watched) = self.watched.get_mut(place) else { return };
        // What AWS could not record, the record does not cover.
        if flow.status == Status::SkipData {
            watched.skipped += 1;
            return;
        }
        if let (Some(start), Some(end)) = (flow.start, flow.end) {
            (watched.first, watched.last) = (watched.first.min(start), watched.last.max(end));
        }
        match flow.outcome {
            Some(Outcome::Accepted) => watched.accepted += 1,
            Some(Outcome::Rejected) => watched.rejected += 1,
            None => return,
        }
        let direction = flow.direction(&watched.own);
        for at in &watched.asked {
            if let Some(asked) = self.asked.get_mut(*at) {
                asked.take(flow, direction);
            }
        }
    }
}

impl Asked {
    fn take(&mut self, flow: &Flow, direction: Option<Way>) {
        if !self.traffic.has(flow) {
            return;
        }
        let Some(way) = direction else {
            self.unclear += 1;
            return;
        };
        let peer = if self.way == Way::In { flow.from() } else { flow.to() };
        let Some(peer) = peer.filter(|peer| way == self.way && holds(&self.peers, *peer)) else { return };
        if self.stays.iter().any(|one| one.traffic.has(flow) && holds(&one.peers, peer)) {
            return;
        }
        if self.stateful && flow.is_answer().unwrap_or_else(|| flow.looks_like_an_answer()) {
            self.answers += u64::from(flow.outcome == Some(Outcome::Accepted));
            return;
        }
        let (sum, sources) = match flow.outcome {
            Some(Outcome::Accepted) => &mut self.accepted,
            _ => &mut self.rejected,
        };
        sum.add(flow);
        sources.add(peer, flow);
    }

    fn answer(self, watched: &[Watched]) -> Use {
        let all = || self.interfaces.iter().filter_map(|place| watched.get(*place));
        let covered = || all().filter(|one| one.is_covered());
        let (from, to) = (covered().map(|one| one.first).min(), covered().map(|one| one.last).max());
        let is_part = |one: &&Watched| {
            from.is_some_and(|from| one.first > from + PARTLY) || to.is_some_and(|to| one.last < to - PARTLY)
        };
        // A flow log of the type REJECT reports no traffic of an interface whose traffic was all let in.
        let rejects_alone = watched.iter().all(|one| one.accepted == 0);
        let rejects_alone = rejects_alone && watched.iter().any(|one| one.rejected > 0);
        let only_rejected = |one: &&Watched| one.accepted == 0 && (one.rejected > 0 || rejects_alone);
        let uncovered: Vec<&str> = all().filter(|one| !one.is_covered()).map(|one| one.id.as_str()).collect();
        Use {
            interfaces: self.interfaces.len(),
            uncovered: uncovered.len(),
            uncovered_ids: uncovered.into_iter().take(MOST_NAMED).map(str::to_owned).collect(),
            partly: covered().filter(is_part).count(),
            only_rejected: covered().filter(only_rejected).count(),
            skipped: all().map(|one| one.skipped).sum(),
            from: from.and_then(time),
            to: to.and_then(time),
            closes: self.closes,
            unknown: self.unknown,
            accepted: count(self.accepted),
            rejected: count(self.rejected),
            answers: self.answers,
            unclear: self.unclear,
        }
    }
}

fn time(seconds: i64) -> Option<Timestamp> {
    Timestamp::from_second(seconds).ok()
}

/// Returns the count of some traffic, with the busiest addresses.
pub(super) fn count((sum, sources): (Sum, Sources)) -> Count {
    let (all, at_least) = sources.listed();
    let more = all.len().saturating_sub(MOST_NAMED);
    let last = |sum: &Sum| Some(sum.last).filter(|last| *last > 0).and_then(time);
    let peer = |(address, sum): (IpAddr, Sum)| Source {
        address,
        flows: sum.flows,
        packets: sum.packets,
        bytes: sum.bytes,
        last: last(&sum),
    };
    Count {
        flows: sum.flows,
        packets: sum.packets,
        bytes: sum.bytes,
        last: last(&sum),
        peers: all.into_iter().take(MOST_NAMED).map(peer).collect(),
        more,
        at_least,
    }
}
