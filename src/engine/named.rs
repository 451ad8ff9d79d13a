//! An act under its name in the journal, with its limits, and the reasons for which an act is not done.

use std::time::Duration;

use super::EngineError;
use crate::{
    calls::{Act, NextStart, Recognise, Test, Unresolved},
    journal::StoreError,
    plan::{Change, Plan},
};

/// The reason for which an act was not done.
#[derive(Debug)]
pub enum Failure {
    /// It failed for good: the change must be rolled back.
    Failed(String),
    /// A precondition does not hold: nothing was called. Forward, the change is rolled back; in a rollback or
    /// an undo, a person is asked.
    Gone(String),
    /// The run must stop here; it can be resumed.
    Halt(EngineError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Failure::Halt(error.into())
    }
}

impl From<Unresolved> for Failure {
    fn from(missing: Unresolved) -> Self {
        Failure::Failed(missing.to_string())
    }
}

/// An act of a change, under its name in the journal.
#[derive(Clone, Copy)]
pub(super) struct Named<'a> {
    pub change: &'a str,
    pub name: &'a str,
    pub act: &'a Act,
    pub bounds: Bounds,
    /// The change, and its plan, where the act is irreversible: the change is made again directly before.
    pub for_good: Option<(&'a Plan, &'a Change)>,
    /// The next start of the instance that the act takes down, or the start of one that was down before the
    /// change. Its prospects are checked together with the preconditions.
    pub next: Option<&'a NextStart>,
    /// The rule for an act that leaves a target group without a healthy target.
    pub last_target: LastTarget,
    /// The change that is to be proved after the act, its last one.
    pub last_of: Option<&'a Change>,
}

impl Named<'_> {
    /// Returns the halt of a run that was asked to stop here: `before` the act, or `while looking for` it.
    pub fn stopped(&self, moment: &str, remark: &str) -> Failure {
        let place = format!("{moment} {} of {}{remark}", self.name, self.change);
        Failure::Halt(EngineError::Stopped(place))
    }
}

/// The rule for an act that takes down the last healthy target of a target group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LastTarget {
    /// It is not made.
    Stays,
    /// It is made once others have had the time to become healthy: its approver knows of it.
    Goes,
    /// It is made without a check: something is put back.
    NotAsked,
}

/// The time to wait for room where what AWS counts goes on for hours: that of one copy of 16 TiB
/// (<https://docs.aws.amazon.com/ebs/latest/userguide/ebs-copying-volume.html>).
const ROOM_WITHIN: Duration = Duration::from_secs(24 * 3600);

/// The time limits of an act of a change.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Bounds {
    /// The longest wait of the change for the result of a call like this one. The act waits as long where AWS
    /// limits the number of pending calls.
    pub at_most: Duration,
    /// The time that the rollback takes, where something is down and would be rolled back.
    pub way_back: Option<Duration>,
}

impl Bounds {
    /// Determines the limits of an act among those of its change.
    pub fn among<'a>(act: &Act, acts: impl Iterator<Item = &'a Act>) -> Self {
        let alike = acts.filter(|other| {
            other.call.operation == act.call.operation && other.call.service == act.call.service
        });
        let at_most =
            alike.filter_map(|other| other.wait.as_ref()).map(|wait| wait.at_most).max().unwrap_or(0);
        let room = if act.outlasts() { ROOM_WITHIN } else { Duration::ZERO };
        Self { at_most: Duration::from_secs(at_most).max(room), way_back: None }
    }
}

/// The time after a call during which the former state may still be shown. A state that shows later, and from
/// which the expected one does not follow, means that the call has failed by itself.
pub(super) const SHOWN_WITHIN: Duration = Duration::from_secs(90);

/// Checks whether the effect of an act is recognised by the absence of something.
pub(super) fn looks_gone(act: &Act) -> bool {
    matches!(&act.recognise, Recognise::Looks { expect, .. } if expect.iter().any(|e| e.test == Test::Gone))
}
