//! The time for which failures that may pass are tolerated, and failures that pass by themselves since this
//! run caused them. It also holds the pauses of every wait.

use std::time::Duration;

use jiff::Timestamp;

use super::{Engine, ledger::SharedJournal, named::Named};
use crate::{
    calls::{Call, CallError, transitions},
    journal::{Phase, StepState, StoreError, Story},
};

/// The time for which a passing failure is tolerated on the forward steps before it counts as lasting.
const FORWARD: Duration = Duration::from_secs(10 * 60);
/// The same in a rollback, where giving up gains nothing.
const BACK: Duration = Duration::from_secs(60 * 60);
/// The time for which AWS is asked, on the forward steps, for capacity for an instance to start, before the
/// run halts.
const ROOM: Duration = Duration::from_secs(30 * 60);
/// The time during which an earlier call of the run may be the cause of a passing failure.
const CAUSED_WITHIN: Duration = Duration::from_secs(30 * 60);

impl Engine<'_> {
    /// Pauses between two looks of a change that waits.
    ///
    /// # Errors
    /// When the run is known to be another process's by now, or can record nothing any more: the wait would
    /// be for nothing.
    pub(super) async fn rest(&self, time: Duration, journal: &SharedJournal<'_>) -> Result<(), StoreError> {
        journal.may_wait()?;
        self.account.pause(time).await;
        journal.may_wait()
    }

    /// Returns the time for which a passing failure of an act is tolerated.
    pub(super) fn patience(&self, named: Named<'_>, journal: &SharedJournal<'_>) -> Duration {
        if goes_back(named.change, journal) { BACK } else { FORWARD }
    }

    /// Returns the time for which AWS is asked for capacity for the instance that an act starts, before the
    /// run halts.
    pub(super) fn room_within(&self, named: Named<'_>, journal: &SharedJournal<'_>) -> Duration {
        if goes_back(named.change, journal) { BACK } else { ROOM }
    }

    /// Returns the seconds that an act of a change waits at most where its plan allows `at_most`.
    pub(super) fn longest_wait(&self, change: &str, at_most: u64, journal: &SharedJournal<'_>) -> u64 {
        if goes_back(change, journal) { at_most.max(BACK.as_secs()) } else { at_most }
    }

    /// Checks whether a failure passes by itself: a recent call of this run is its cause.
    pub(super) fn caused(
        &self,
        named: Named<'_>,
        error: &CallError,
        began: Timestamp,
        journal: &SharedJournal<'_>,
    ) -> bool {
        journal.look(|story| {
            let step = story.changes.get(named.change).and_then(|c| c.step(named.name));
            step.and_then(|step| step.call.as_ref()).is_some_and(|call| caused(story, call, error, began))
        })
    }
}

fn goes_back(change: &str, journal: &SharedJournal<'_>) -> bool {
    journal.look(|story| story.changes.get(change).is_some_and(|c| matches!(c.phase, Phase::Back(_))))
}

fn caused(story: &Story, call: &Call, error: &CallError, began: Timestamp) -> bool {
    let recent = |at: Timestamp| {
        began.duration_since(at)
            <= jiff::SignedDuration::try_from(CAUSED_WITHIN).unwrap_or(jiff::SignedDuration::MAX)
    };
    let done = |state: &StepState| matches!(state, StepState::Called | StepState::Settled);
    transitions(call, error).any(|transition| {
        let steps = story.changes.values().flat_map(|c| &c.steps);
        steps
            .filter(|s| done(&s.state) && recent(s.at))
            .filter_map(|s| s.call.as_ref())
            .any(|earlier| transition.caused_by(earlier, call))
    })
}
