//! The journal of a run as several changes share it while they run side by side. A record is on the disk
//! before its writer goes on; looking at the state never waits for an account. It adds nothing to the content
//! of the journal.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

use super::turns::Turns;
use crate::{
    calls::Until,
    inventory::{Inventory, Scope},
    journal::{ChangeStory, Event, Journal, Phase, StoreError, Story, story::Head},
};

/// The longest time from the beginning of a reading for which its facts still count as present.
const A_MOMENT: Duration = Duration::from_secs(1);

/// A journal that several changes write to. The lock is held while one record is written or the state is
/// looked at once, never while something is awaited: `write` and `look` are not async, so no change can hold
/// it over a call.
pub(super) struct SharedJournal<'j> {
    head: Head,
    /// Changes that were begun in an earlier process and in which nothing was called: they are judged anew.
    untouched: Mutex<BTreeSet<String>>,
    shared: Mutex<Shared<'j>>,
    turns: Turns,
    /// The last reading of each running change, with the time at which it began, as long as the change has
    /// called nothing and waited for nothing since.
    fresh: Mutex<BTreeMap<String, (Timestamp, Inventory)>>,
}

struct Shared<'j> {
    journal: &'j mut Journal,
    broken: bool,
}

impl<'j> SharedJournal<'j> {
    /// Shares a journal whose run has begun.
    pub fn new(journal: &'j mut Journal) -> Self {
        let begun = |c: &&ChangeStory| c.phase == Phase::Forward && c.steps.is_empty();
        let untouched =
            journal.story.changes.iter().filter(|(_, c)| begun(c)).map(|(id, _)| id.clone()).collect();
        Self {
            head: journal.story.head.clone(),
            untouched: Mutex::new(untouched),
            shared: Mutex::new(Shared { journal, broken: false }),
            turns: Turns::default(),
            fresh: Mutex::default(),
        }
    }

    /// Checks whether a change was begun in an earlier process without any call. The answer is given only
    /// once.
    pub fn untouched(&self, change: &str) -> bool {
        self.untouched.lock().unwrap_or_else(PoisonError::into_inner).remove(change)
    }

    /// Returns the turns of the changes at operations with a limited number at once.
    pub fn turns(&self) -> &Turns {
        &self.turns
    }

    /// Keeps a reading of a change, which began at a time, for the next look of the change.
    pub fn keep(&self, change: &str, began: Timestamp, read: Inventory) {
        self.fresh().insert(change.to_owned(), (began, read));
    }

    /// Takes the kept reading of a change, if it is fresh and answers all wants that `asked` returns for it.
    pub fn take_fresh(
        &self,
        change: &str,
        now: Timestamp,
        asked: impl FnOnce(&Inventory) -> Scope,
    ) -> Option<Inventory> {
        let (began, read) = self.fresh().remove(change)?;
        let fresh = now.duration_since(began).unsigned_abs() <= A_MOMENT;
        (fresh && asked(&read).iter().all(|want| read.answers(want))).then_some(read)
    }

    /// Forgets the reading of a change: it is about to call something, or to wait.
    pub fn forget_fresh(&self, change: &str) {
        self.fresh().remove(change);
    }

    fn fresh(&self) -> MutexGuard<'_, BTreeMap<String, (Timestamp, Inventory)>> {
        // Every statement under the lock leaves a whole map behind.
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the head of the run.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Looks at the state.
    pub fn look<T>(&self, look: impl FnOnce(&Story) -> T) -> T {
        look(&self.lock().journal.story)
    }

    /// Appends an event and updates the state.
    ///
    /// # Errors
    /// When it cannot be written. After that nothing is written any more: records after half a record could
    /// not be read, and the other changes of the run must stop before their next call too.
    pub fn write(&self, at: Timestamp, event: Event) -> Result<(), StoreError> {
        self.unbroken(|journal| journal.write(at, event))
    }

    /// Checks, directly before a call, that the run is still this process's own.
    ///
    /// # Errors
    /// When it is not, or that cannot be known. After that nothing is written any more, and so no change
    /// calls anything.
    pub fn may_call(&self) -> Result<Until, StoreError> {
        self.unbroken(Journal::may_call)
    }

    /// Checks, for a change that waits, that the run is not known to be another process's. Its condition
    /// might never hold, since the other process continues the run from here.
    ///
    /// # Errors
    /// When it is, or when an earlier record could not be written. After that nothing is written any more.
    pub fn may_wait(&self) -> Result<(), StoreError> {
        self.unbroken(Journal::may_wait)
    }

    /// Applies an operation to the journal. After one failure, every later operation fails.
    fn unbroken<T>(&self, what: impl FnOnce(&mut Journal) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut shared = self.lock();
        if shared.broken {
            return Err(stopped_writing());
        }
        let result = what(shared.journal);
        shared.broken = result.is_err();
        result
    }

    fn lock(&self) -> MutexGuard<'_, Shared<'j>> {
        // A change that panicked while it held the lock either wrote its record or did not: both are states
        // of a journal.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stopped_writing() -> StoreError {
    let error = io::Error::other("an earlier record of this run could not be written");
    StoreError::Io { path: "the journal".to_owned(), what: "write after a failure", error }
}
