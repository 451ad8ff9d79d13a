//! Counting by name in bounded memory: a fixed number of names is kept, and what came under others is counted
//! as one.

use std::{collections::HashMap, hash::Hash};

use jiff::Timestamp;

use super::document::Figures;

/// The outcome of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It succeeded.
    Done,
    /// It failed.
    Failed,
    /// It failed since it was not allowed.
    Denied,
}

impl Figures {
    /// Adds an event.
    pub fn add(&mut self, at: Option<Timestamp>, outcome: Outcome) {
        self.events += 1;
        self.failed += u64::from(outcome != Outcome::Done);
        self.denied += u64::from(outcome == Outcome::Denied);
        if let Some(at) = at {
            self.first = Some(self.first.map_or(at, |first| first.min(at)));
            self.last = Some(self.last.map_or(at, |last| last.max(at)));
        }
    }
}

/// Figures by name.
#[derive(Debug, Clone)]
pub struct Capped<K> {
    most: usize,
    by: HashMap<K, Figures>,
    /// The number of events whose name is not kept.
    beyond: u64,
}

impl<K: Hash + Ord> Capped<K> {
    /// Keeps at most this number of names: the first that come.
    pub fn new(most: usize) -> Self {
        Self { most, by: HashMap::new(), beyond: 0 }
    }

    /// Adds an event under a name.
    pub fn add(&mut self, name: K, at: Option<Timestamp>, outcome: Outcome) {
        if self.by.len() >= self.most && !self.by.contains_key(&name) {
            self.beyond += 1;
            return;
        }
        self.by.entry(name).or_default().add(at, outcome);
    }

    /// Returns the number of names that are kept.
    pub fn len(&self) -> usize {
        self.by.len()
    }

    /// Returns what is kept, the most frequent first, and the number of events beyond.
    pub fn most_first(self) -> (Vec<(K, Figures)>, u64) {
        let mut all: Vec<(K, Figures)> = self.by.into_iter().collect();
        all.sort_by(|(a, x), (b, y)| y.events.cmp(&x.events).then_with(|| a.cmp(b)));
        (all, self.beyond)
    }

    /// Returns what is kept in the order of time, and the number of events beyond.
    pub fn in_time(self) -> (Vec<(K, Figures)>, u64) {
        let mut all: Vec<(K, Figures)> = self.by.into_iter().collect();
        // What has no time comes last.
        all.sort_by(|(a, x), (b, y)| (x.first.is_none(), x.first, a).cmp(&(y.first.is_none(), y.first, b)));
        (all, self.beyond)
    }
}
