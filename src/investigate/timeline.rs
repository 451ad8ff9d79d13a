//! The times at which an actor acted: the hours, and the calls that did more than read. Of many calls the
//! first and the last are kept, in whatever order the events come.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    capped::Outcome,
    document::{Entry, Hour, Timeline},
};

/// The number of hours that are kept: a year and a half.
const MOST_HOURS: usize = 13_000;
/// The number of calls that are kept of the first, and of the last.
const HALF: usize = 500;
const HOUR: i64 = 3_600;

/// A timeline that grows.
#[derive(Debug, Default)]
pub struct Growing {
    hours: BTreeMap<i64, Hour>,
    beyond: u64,
    first: BTreeSet<(Entry, u64)>,
    last: BTreeSet<(Entry, u64)>,
    left_out: u64,
    next: u64,
}

impl Growing {
    /// Counts an event in its hour.
    pub fn count(&mut self, at: Timestamp, outcome: Outcome, changes: bool) {
        let hour = at.as_second().div_euclid(HOUR);
        let from = Timestamp::from_second(hour * HOUR).unwrap_or(Timestamp::MIN);
        if self.hours.len() >= MOST_HOURS && !self.hours.contains_key(&hour) {
            self.beyond += 1;
            return;
        }
        let empty = Hour { from, events: 0, changes: 0, failed: 0, denied: 0 };
        let hour = self.hours.entry(hour).or_insert(empty);
        hour.events += 1;
        hour.failed += u64::from(outcome != Outcome::Done);
        hour.denied += u64::from(outcome == Outcome::Denied);
        hour.changes += u64::from(outcome == Outcome::Done && changes);
    }

    /// Keeps a call.
    pub fn keep(&mut self, entry: Entry) {
        self.next += 1;
        self.first.insert((entry, self.next));
        if self.first.len() > HALF {
            self.last.extend(self.first.pop_last());
        }
        if self.last.len() > HALF {
            self.left_out += u64::from(self.last.pop_first().is_some());
        }
    }

    /// Returns the timeline.
    pub fn done(self) -> Timeline {
        let entries = self.first.into_iter().chain(self.last).map(|(entry, _)| entry).collect();
        Timeline {
            hours: self.hours.into_values().collect(),
            beyond: self.beyond,
            entries,
            left_out: self.left_out,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(second: i64) -> Entry {
        Entry {
            at: Timestamp::from_second(second).expect("a time"),
            call: "ec2:CreateTags".to_owned(),
            code: String::new(),
            kinds: Vec::new(),
            resources: Vec::new(),
            region: String::new(),
            from: String::new(),
            by: String::new(),
        }
    }

    #[test]
    fn of_many_calls_the_first_and_the_last_are_kept_in_any_order() {
        let most = 2 * HALF as i64;
        for mix in [1, 7, 1_237] {
            let mut growing = Growing::default();
            // `mix` has no factor in common with the number of calls, so that each comes once.
            (0..most + 1_001).for_each(|n| growing.keep(entry(n * mix % (most + 1_001))));
            let done = growing.done();
            let seconds: Vec<i64> = done.entries.iter().map(|entry| entry.at.as_second()).collect();
            let wanted: Vec<i64> = (0..HALF as i64).chain(most + 1_001 - HALF as i64..most + 1_001).collect();
            assert_eq!(seconds, wanted, "{mix}");
            assert_eq!(done.left_out, 1_001);
        }
    }

    #[test]
    fn calls_of_one_moment_are_all_kept_and_hours_are_bounded() {
        let mut growing = Growing::default();
        (0..3).for_each(|_| growing.keep(entry(5)));
        for hour in 0..MOST_HOURS as i64 + 4 {
            growing.count(Timestamp::from_second(hour * HOUR + 9).expect("a time"), Outcome::Done, true);
        }
        growing.count(Timestamp::from_second(1).expect("a time"), Outcome::Denied, false);
        let done = growing.done();
        assert_eq!((done.entries.len(), done.hours.len(), done.beyond), (3, MOST_HOURS, 4));
        assert_eq!((done.hours[0].events, done.hours[0].changes, done.hours[0].denied), (2, 1, 1));
    }
}
