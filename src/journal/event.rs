//! The events of a run, as data. An intent is written before the call that it announces, every other event
//! after the fact that it records. Nothing here reads or writes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    calls::{Call, CallError, HubFinding, Outputs, Refusal},
    plan::PlanKind,
};

/// The outcome of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Applied, and proved on fresh facts.
    Verified,
    /// Applied, but not proved.
    Unverified,
    /// There was nothing to do.
    AlreadyFixed,
    /// The account has changed since the plan: nothing was done.
    Drifted,
    /// A fact that it needs is unknown, or a change that it needs was not applied: nothing was done.
    Blocked,
    /// A guard or the action refuses: nothing was done.
    Refused,
    /// Nobody approved it.
    NotApproved,
    /// The run ended before it reached this change.
    Skipped,
    /// It failed, and was rolled back.
    RolledBack,
    /// It failed before anything was done.
    Failed,
    /// It failed and could not be rolled back: a person is needed.
    Stuck,
    /// An undo that brought the resource back to its former state.
    Restored,
}

impl Outcome {
    /// Returns the word for people and documents.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Verified => "verified",
            Outcome::Unverified => "unverified",
            Outcome::AlreadyFixed => "already-fixed",
            Outcome::Drifted => "drifted",
            Outcome::Blocked => "blocked",
            Outcome::Refused => "refused",
            Outcome::NotApproved => "not-approved",
            Outcome::Skipped => "skipped",
            Outcome::RolledBack => "rolled-back",
            Outcome::Failed => "failed",
            Outcome::Stuck => "stuck",
            Outcome::Restored => "restored",
        }
    }
    /// Checks whether changes that depend on this one may go on.
    pub fn stands(self) -> bool {
        matches!(self, Outcome::Verified | Outcome::Unverified | Outcome::AlreadyFixed | Outcome::Restored)
    }
    /// Checks whether steps of the change were done and stay done.
    pub fn applied(self) -> bool {
        matches!(self, Outcome::Verified | Outcome::Unverified)
    }
}

/// A decision about a change before the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The change.
    pub change: String,
    /// `true` where it was approved.
    pub approved: bool,
    /// The person or setting that decided, or the reason against it: `prompt`, `--auto-approve`,
    /// `above --max-risk safe`.
    pub by: String,
}

/// The result of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepResult {
    /// AWS answered.
    Done {
        /// The declared outputs.
        outputs: Outputs,
    },
    /// The call was found to have taken effect: by its token, its tags or the state of the account.
    Found {
        /// The declared outputs, found again.
        outputs: Outputs,
    },
    /// The call failed.
    Failed {
        /// The error.
        error: CallError,
    },
    /// The effect was looked for, and there was none.
    NotFound,
}

/// An event of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "type")]
pub enum Event {
    /// The run begins. Its plan is stored beside the journal.
    RunStarted {
        /// The run's id.
        run: String,
        /// The digest of its plan.
        plan_digest: String,
        /// The kind of its plan.
        kind: PlanKind,
        /// The run that an undo reverses.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of_run: Option<String>,
        /// The account.
        account: String,
        /// The partition.
        partition: String,
        /// The endpoint.
        endpoint: String,
        /// The identity of the credentials.
        caller: String,
        /// The version of redress.
        version: String,
        /// The decisions: one for each change of the plan.
        decisions: Vec<Decision>,
        /// The signer of the plan's file, where a signature was required.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signed: Option<Signed>,
    },
    /// A change begins: its guards have passed.
    ChangeStarted {
        /// The change.
        change: String,
        /// The state, before the change, of the resources that it touches.
        before: Value,
    },
    /// A call is about to be made.
    Intent {
        /// The change.
        change: String,
        /// The step, or the act of an undo or rollback.
        step: String,
        /// The number of the attempt, from 1.
        attempt: u32,
        /// The call, resolved: exactly what is sent.
        call: Call,
        /// The facts that were read at the same moment, by the names under which later acts refer to them.
        #[serde(default, skip_serializing_if = "Outputs::is_empty")]
        observed: Outputs,
    },
    /// An act was left out: one of its preconditions does not hold, or the resource to undo was never
    /// created.
    Left {
        /// The change.
        change: String,
        /// The step, or the act of an undo or rollback.
        step: String,
        /// The observed state.
        reason: String,
        /// `true` where the effect of the act is present anyway.
        #[serde(default)]
        stands: bool,
    },
    /// A call has a result.
    Result {
        /// The change.
        change: String,
        /// The step.
        step: String,
        /// The result.
        result: StepResult,
    },
    /// The condition that the step waits for after its call holds: the step is done.
    Settled {
        /// The change.
        change: String,
        /// The step.
        step: String,
    },
    /// Before a step that takes something down, the later calls were tried without effect: none of them is
    /// denied.
    Tried {
        /// The change.
        change: String,
        /// The step that takes something down.
        step: String,
        /// The number of calls that would be allowed.
        allowed: usize,
        /// Calls for which it is not known, each with the reason.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        not_told: Vec<String>,
    },
    /// Facts that the change has observed have changed through an action of this run itself, which had no
    /// effect.
    Observed {
        /// The change.
        change: String,
        /// The facts, by name.
        observed: Outputs,
    },
    /// A step after the point of no return, or an act of an undo or rollback that only records, failed for
    /// good. The change goes on and stands.
    LeftOver {
        /// The change.
        change: String,
        /// The step, or the act of an undo or rollback.
        step: String,
        /// The call that a person should make; `None` where the call was made and did not have the expected
        /// result, so that the change is not proved.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call: Option<Call>,
        /// The reason.
        reason: String,
    },
    /// A step failed for good: from here on the change is rolled back.
    RollbackStarted {
        /// The change.
        change: String,
        /// The step that failed, and the reason.
        reason: String,
    },
    /// A change is over.
    ChangeEnded {
        /// The change.
        change: String,
        /// The outcome of the change.
        outcome: Outcome,
        /// The reason, and the next step for a person.
        reason: String,
        /// The state, after the change, of the resources that it touches.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        after: Value,
        /// Results that can only be known later.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        awaiting: Vec<String>,
    },
    /// The run goes on after it was interrupted.
    Resumed {
        /// The identity of the credentials.
        caller: String,
        /// The decisions made then about the remaining changes.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        decisions: Vec<Decision>,
        /// The signer of the run as it stood, where a signature was required.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signed: Option<Signed>,
    },
    /// The run was stopped on request before it was complete.
    Stopped {
        /// The cause of the stop.
        reason: String,
    },
    /// A change was checked again later.
    CheckedAgain {
        /// The change.
        change: String,
        /// The new outcome: verified or unverified.
        outcome: Outcome,
        /// The reason.
        reason: String,
        /// Results that can still only be known later.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        awaiting: Vec<String>,
    },
    /// Changes of this run were undone by another run.
    Undone {
        /// The run that undid them.
        by: String,
        /// The ids of the changes.
        changes: Vec<String>,
    },
    /// Findings of Security Hub are about to be reported to it as resolved.
    Notifying {
        /// The region of Security Hub.
        region: String,
        /// The findings.
        findings: Vec<HubFinding>,
        /// The note that is sent with the update.
        note: String,
    },
    /// Security Hub has answered.
    Notified {
        /// The region of Security Hub.
        region: String,
        /// The number of findings that it updated.
        resolved: usize,
        /// The findings that it did not update, each with the reason.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        refused: Vec<Refusal>,
        /// The reason for which nothing at all was updated, if so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<CallError>,
    },
    /// The run is complete.
    RunEnded,
}

impl Event {
    /// Returns the change and the step that the event is about, where it is about one.
    fn place(&self) -> (Option<&str>, Option<&str>) {
        match self {
            Event::Intent { change, step, .. }
            | Event::Left { change, step, .. }
            | Event::Result { change, step, .. }
            | Event::Settled { change, step }
            | Event::Tried { change, step, .. }
            | Event::LeftOver { change, step, .. } => (Some(change), Some(step)),
            Event::ChangeStarted { change, .. }
            | Event::Observed { change, .. }
            | Event::RollbackStarted { change, .. }
            | Event::ChangeEnded { change, .. }
            | Event::CheckedAgain { change, .. } => (Some(change), None),
            Event::RunStarted { .. }
            | Event::Resumed { .. }
            | Event::Stopped { .. }
            | Event::Undone { .. }
            | Event::Notifying { .. }
            | Event::Notified { .. }
            | Event::RunEnded => (None, None),
        }
    }

    /// Returns the change that the event is about, where it is about one.
    pub fn change(&self) -> Option<&str> {
        self.place().0
    }

    /// Returns the step that the event is about, where it is about one.
    pub fn step(&self) -> Option<&str> {
        self.place().1
    }
}

/// The signer of a plan or a run that was applied or resumed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// The names under which the key is trusted.
    pub by: String,
    /// The fingerprint of the key.
    pub key: String,
}

/// An event with its place in the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The format, which is [`FORMAT`].
    pub format: String,
    /// The number of the record: from 1, without gaps.
    pub seq: u64,
    /// The time of the event.
    pub at: Timestamp,
    /// The event.
    pub event: Event,
    /// The first 16 hex digits of SHA-256 over the former record's sum and this record's own content.
    pub sum: String,
}
