//! Scheduling of changes that may run side by side: a pure function of the plan, of the journal, and of the
//! changes that have come to their end. It begins nothing.

mod claims;

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    journal::{Phase, Story},
    plan::Plan,
};

use super::turns;
use claims::Claims;

/// The maximum number of changes that run at once. More would gain nothing: they all share the request rate
/// of the account. Changes of two instances of one region do run at once; [`super::turns`] limits how many of
/// them have their instance down at once, and how many snapshot copies are pending.
pub const MOST_JOBS: usize = 20;

/// The default number of changes that run at once.
pub const JOBS: usize = 4;

/// The rank of a change among those that may begin: `false` where it has something down, `false` where it was
/// begun.
type Rank = (bool, bool);

/// The changes of a plan that are not over, by their places in it, and those among them that may begin.
///
/// A change is not ready while an earlier one in the plan is not over that it comes `after`, or that touches
/// the same resources. So changes that touch the same resources keep the order of the plan, and never run at
/// once. A change that waits is looked at again only when the last of the earlier ones that hold it is over:
/// the work of a run grows in a line with its plan.
pub struct Schedule<'p> {
    plan: &'p Plan,
    places: BTreeMap<&'p str, usize>,
    open: BTreeSet<usize>,
    claims: Claims,
    ready: BTreeSet<(Rank, usize)>,
    held: BTreeMap<usize, Vec<usize>>,
}

impl<'p> Schedule<'p> {
    /// Schedules the changes that are not over by a journal.
    pub fn new(plan: &'p Plan, story: &Story) -> Self {
        let places =
            plan.changes.iter().enumerate().map(|(place, change)| (change.id.as_str(), place)).collect();
        let mut all = Self {
            plan,
            places,
            open: BTreeSet::new(),
            claims: Claims::default(),
            ready: BTreeSet::new(),
            held: BTreeMap::new(),
        };
        let over = |id: &str| story.changes.get(id).is_some_and(|c| c.outcome().is_some());
        for (place, change) in plan.changes.iter().enumerate().filter(|(_, c)| !over(&c.id)) {
            all.open.insert(place);
            all.claims.add(place, change);
            all.place(place, story);
        }
        all
    }

    /// Takes the next change that may begin or go on. A change that has something down comes first, so that
    /// it is up again soon and nobody waits for a turn that is held by a change which does not run; then
    /// changes that were begun, so that nothing is left half done for the sake of something new. Beyond that
    /// the order of the plan holds.
    pub fn take(&mut self) -> Option<usize> {
        self.ready.pop_first().map(|(_, place)| place)
    }

    /// Returns the change that [`Self::take`] would give.
    pub fn peek(&self) -> Option<usize> {
        self.ready.first().map(|(_, place)| *place)
    }

    /// Notes that a change is over, which may let others begin.
    pub fn over(&mut self, place: usize, story: &Story) {
        self.open.remove(&place);
        self.claims.remove(place, &self.plan.changes[place]);
        for waiting in self.held.remove(&place).unwrap_or_default() {
            self.place(waiting, story);
        }
    }

    /// Puts an open change among those that are ready, or under the last of the earlier ones that hold it.
    fn place(&mut self, place: usize, story: &Story) {
        let change = &self.plan.changes[place];
        let earlier = |id: &String| {
            self.places.get(id.as_str()).copied().filter(|at| *at < place && self.open.contains(at))
        };
        match change.after.iter().filter_map(earlier).chain(self.claims.last_before(place, change)).max() {
            Some(holder) => self.held.entry(holder).or_default().push(place),
            None => drop(self.ready.insert((rank(story, &change.id), place))),
        }
    }
}

fn rank(story: &Story, id: &str) -> Rank {
    let begun = story.changes.get(id).is_some_and(|c| c.phase != Phase::Waiting);
    (!turns::is_down(story, id), !begun)
}

#[cfg(test)]
mod tests;
