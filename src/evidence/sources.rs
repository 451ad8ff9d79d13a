//! The addresses that traffic came from or went to, the busiest of them, in bounded memory.

use std::{cmp::Reverse, collections::HashMap, net::IpAddr};

use super::Flow;

/// The traffic of one address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub flows: u64,
    pub packets: u64,
    pub bytes: u64,
    /// The end of the last record, in seconds since 1970.
    pub last: i64,
}

impl Sum {
    pub fn add(&mut self, flow: &Flow) {
        self.flows = self.flows.saturating_add(1);
        self.packets = self.packets.saturating_add(flow.packets);
        self.bytes = self.bytes.saturating_add(flow.bytes);
        self.last = self.last.max(flow.end.or(flow.start).unwrap_or(0));
    }
}

/// Addresses with their traffic. When there are twice as many as are kept, those with the least traffic are
/// forgotten, so that a busy one is kept whenever it comes.
#[derive(Debug, Clone)]
pub(super) struct Sources {
    keep: usize,
    by: HashMap<IpAddr, Sum>,
    forgotten: bool,
}

impl Sources {
    pub fn new(keep: usize) -> Self {
        Self { keep, by: HashMap::new(), forgotten: false }
    }

    pub fn add(&mut self, address: IpAddr, flow: &Flow) {
        if self.by.len() >= 2 * self.keep && !self.by.contains_key(&address) {
            let mut all: Vec<(IpAddr, Sum)> = self.by.drain().collect();
            all.sort_unstable_by_key(busiest);
            self.by = all.into_iter().take(self.keep).collect();
            self.forgotten = true;
        }
        self.by.entry(address).or_default().add(flow);
    }

    /// Returns the addresses, the busiest first, and whether others were forgotten.
    pub fn listed(self) -> (Vec<(IpAddr, Sum)>, bool) {
        let mut all: Vec<(IpAddr, Sum)> = self.by.into_iter().collect();
        all.sort_unstable_by_key(busiest);
        (all, self.forgotten)
    }
}

fn busiest((address, sum): &(IpAddr, Sum)) -> (Reverse<u64>, Reverse<u64>, IpAddr) {
    (Reverse(sum.flows), Reverse(sum.bytes), *address)
}
