//! The turns of the changes of a run at operations that are limited in a region: having something down. The
//! rule looks at the calls in the journal, not at the touches of the changes, so it holds for every action,
//! undo and rollback.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::Notify;

use crate::journal::{ChangeStory, Story};

/// The default number of changes that may have something down at once in a region.
pub const STOP_AT_ONCE: usize = 1;

/// The turns that changes hold, and those that wait for one.
///
/// A change holds its turn from before its first call that takes something down until a call has brought it
/// up again. A change that is over keeps the turn for an instance that it has left down
/// ([`super::left_down`]). After a crash the journal alone shows the holder; `claims` covers the moment
/// between the turn and the intent of the call.
#[derive(Default)]
pub(super) struct Turns {
    claims: Mutex<BTreeMap<String, BTreeSet<String>>>,
    /// The limited calls for which a change has room: the step and the region of each.
    rooms: Mutex<BTreeMap<String, Vec<(String, String)>>>,
    /// The instances that a change is about to stop, or has stopped, after a check of the load balancers that
    /// they serve.
    leaving: Mutex<BTreeMap<String, BTreeSet<String>>>,
    /// The changes that run now: only these can give a turn back.
    running: Mutex<BTreeSet<String>>,
    pub moved: Notify,
    closed: AtomicBool,
}

impl Turns {
    pub fn claims(&self) -> MutexGuard<'_, BTreeMap<String, BTreeSet<String>>> {
        // Every statement under the lock leaves a whole map behind.
        self.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn rooms(&self) -> MutexGuard<'_, BTreeMap<String, Vec<(String, String)>>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leaving(&self) -> MutexGuard<'_, BTreeMap<String, BTreeSet<String>>> {
        self.leaving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a change runs.
    pub fn begins(&self, change: &str) {
        self.running().insert(change.to_owned());
    }

    /// Notes that a change does not run any more, and releases its turns.
    pub fn ends(&self, change: &str) {
        self.running().remove(change);
        self.release(change);
    }

    /// Returns the instances that other changes are about to stop or have stopped.
    pub fn leaving_beside(&self, change: &str) -> BTreeSet<String> {
        self.leaving()
            .iter()
            .filter(|(id, _)| *id != change)
            .flat_map(|(_, instances)| instances.iter().cloned())
            .collect()
    }

    /// Notes that a change is about to stop instances.
    pub fn leaves(&self, change: &str, instances: &[&str]) {
        self.leaving().insert(change.to_owned(), instances.iter().map(|id| (*id).to_owned()).collect());
    }

    /// Releases the turns of a change, and lets those that wait look again.
    pub fn release(&self, change: &str) {
        self.claims().remove(change);
        self.rooms().remove(change);
        self.leaving().remove(change);
        self.moved.notify_waiters();
    }

    /// Checks whether one of these changes runs, so that its turn will come back.
    pub fn can_move(&self, changes: &[String]) -> bool {
        let running = self.running();
        changes.iter().any(|id| running.contains(id))
    }

    /// Checks whether the turns are closed.
    pub fn are_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Closes the turns: the run stops here, and nobody gets a turn any more.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.moved.notify_waiters();
    }
}

/// Returns the regions in which a change has something down, by its journal: a call that takes down took
/// effect, or may have, and no later one is known to have brought it up.
pub fn down_in(change: &ChangeStory) -> BTreeSet<&str> {
    change.down().into_iter().map(|(region, _)| region).collect()
}

/// Checks whether a change that is not over has something down.
pub fn is_down(story: &Story, change: &str) -> bool {
    story.changes.get(change).is_some_and(|c| c.outcome().is_none() && !down_in(c).is_empty())
}

/// Returns the other changes that have something down in a region by their calls, including those that are
/// over. An instance stays down until a call has brought it up, whatever the outcome of the change.
pub fn others_down<'s>(
    story: &'s Story,
    region: &'s str,
    change: &'s str,
) -> impl Iterator<Item = &'s String> {
    story
        .changes
        .iter()
        .filter(move |(id, told)| *id != change && down_in(told).contains(region))
        .map(|(id, _)| id)
}

/// The pause between two looks for room.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests;
