//! How a run ended, to be compared with another end of the same: what a run that was killed and went on must
//! come to.

use std::collections::BTreeMap;

use redress::{
    calls::{self, Call, Repeat},
    inventory::FamilyKind,
    journal::{Outcome, Story},
    plan::Plan,
};

use super::{
    stand::{Kill, Stand, hold, yes},
    world,
};

/// The end of a run.
pub struct End {
    /// What became of each change.
    pub outcomes: BTreeMap<String, Outcome>,
    /// The account, times and made-up ids left out.
    pub account: BTreeMap<FamilyKind, Vec<String>>,
    /// How many calls were made.
    calls: usize,
    /// How many records were written.
    records: usize,
}

/// What became of each change that has ended.
pub fn outcomes(story: &Story) -> BTreeMap<String, Outcome> {
    story.changes.iter().filter_map(|(id, c)| Some((id.clone(), c.outcome()?))).collect()
}

impl End {
    /// How the run on this stand ended.
    pub fn of(stand: &Stand) -> End {
        let mut account: BTreeMap<FamilyKind, Vec<String>> = BTreeMap::new();
        for ((_, family, _), value) in world::things(&stand.settled()) {
            account.entry(family).or_default().push(world::without_times_and_ids(&value));
        }
        account.values_mut().for_each(|list| list.sort());
        End {
            outcomes: outcomes(&stand.story()),
            account,
            calls: hold(&stand.called).len(),
            records: hold(&stand.events).len(),
        }
    }

    /// Before and after every so-manieth call, and every so-manieth record.
    pub fn kills(&self, calls: usize, records: usize) -> impl Iterator<Item = Kill> + use<> {
        let at_calls =
            (1..=self.calls).step_by(calls).flat_map(|n| [Kill::BeforeCall(n), Kill::AfterCall(n)]);
        let at_records =
            (1..=self.records).step_by(records).flat_map(|n| [Kill::BeforeRecord(n), Kill::AfterRecord(n)]);
        at_calls.chain(at_records)
    }

    /// Fails where a stand that was killed and went on has come to another end, or has made something twice.
    pub fn is_that_of(&self, other: &Stand, kill: Kill) {
        let end = End::of(other);
        let reasons: Vec<String> = other.story().changes.values().map(|c| c.reason.clone()).collect();
        assert_eq!(end.outcomes, self.outcomes, "{kill:?}: {reasons:?}");
        assert_eq!(made_twice(&hold(&other.called)), Vec::<String>::new(), "{kill:?}");
        assert_eq!(end.account, self.account, "{kill:?}");
    }
}

impl Stand {
    /// Begins a run that is killed there.
    pub fn killed(&self, plan: &Plan, kill: Kill) {
        assert!(self.run(plan, yes(plan), Some(kill)).is_none(), "{kill:?} did not kill");
    }
}

/// Calls that were made more than once although a repetition would make a second thing.
fn made_twice(called: &[Call]) -> Vec<String> {
    let careful = called
        .iter()
        .filter(|c| calls::find(&c.service, &c.operation).is_some_and(|s| s.repeat == Repeat::LookFirst));
    let mut counts = BTreeMap::<String, usize>::new();
    careful.for_each(|c| *counts.entry(format!("{} {}", c.name(), c.input)).or_default() += 1);
    counts.into_iter().filter(|(_, n)| *n > 1).map(|(call, _)| call).collect()
}
