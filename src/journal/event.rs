//! What can happen in a run, as data. An event is written before (intent) or after (everything else) what it tells of.
//! Nothing here reads or writes.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Signed;
use crate::{
    calls::{Call, CallError, HubFinding, Outputs, Refusal},
    plan::PlanKind,
};

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Done, and proved on fresh facts.
    Verified,
    /// Done, but not proved.
    Unverified,
    /// There was nothing to do.
    AlreadyFixed,
    /// The account has changed since the plan: nothing was done.
    Drifted,
    /// Something it needs is unknown or was not applied: nothing was done.
    Blocked,
    /// A guard or the action says no: nothing was done.
    Refused,
    /// Nobody said yes.
    NotApproved,
    /// The run ended before it came to this change.
    Skipped,
    /// It failed, and was taken back.
    RolledBack,
    /// It failed before anything was done.
    Failed,
    /// It failed and could not be taken back: a person is needed.
    Stuck,
    /// An undo that brought the resource back to what it was.
    Restored,
}

impl Outcome {
    /// The word for people and documents.
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
    /// Whether what comes after it may go on.
    pub fn stands(self) -> bool {
        matches!(self, Outcome::Verified | Outcome::Unverified | Outcome::AlreadyFixed | Outcome::Restored)
    }
    /// Whether steps of it were done and stay done.
    pub fn applied(self) -> bool {
        matches!(self, Outcome::Verified | Outcome::Unverified)
    }
}

/// What was decided about a change before the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The change.
    pub change: String,
    /// Yes or no.
    pub approved: bool,
    /// Who or what decided, and why not: `prompt`, `--auto-approve`, `above --max-risk safe`.
    pub by: String,
}

/// What became of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepResult {
    /// AWS answered.
    Done {
        /// The declared outputs.
        outputs: Outputs,
    },
    /// It was found to have taken effect: by its token, its tags or how the account looks.
    Found {
        /// The declared outputs, found again.
        outputs: Outputs,
    },
    /// It failed.
    Failed {
        /// How.
        error: CallError,
    },
    /// It was looked for and had no effect.
    NotFound,
}

/// One thing that happened in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "type")]
pub enum Event {
    /// The run begins. The plan lies beside the journal.
    RunStarted {
        /// The run's id.
        run: String,
        /// The digest of its plan.
        plan_digest: String,
        /// The kind of its plan.
        kind: PlanKind,
        /// The run that an undo takes back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of_run: Option<String>,
        /// The account.
        account: String,
        /// The partition.
        partition: String,
        /// The endpoint.
        endpoint: String,
        /// Whose credentials.
        caller: String,
        /// The version of redress.
        version: String,
        /// What was decided: one for each change of the plan.
        decisions: Vec<Decision>,
        /// Who has signed the plan's file, where a signature was asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signed: Option<Signed>,
    },
    /// A change begins: its guards have passed.
    ChangeStarted {
        /// The change.
        change: String,
        /// How what it touches looks before.
        before: Value,
    },
    /// A call is about to be made.
    Intent {
        /// The change.
        change: String,
        /// The step, or the act of the way back.
        step: String,
        /// From 1.
        attempt: u32,
        /// The call, resolved: exactly what is sent.
        call: Call,
        /// The facts that were read in the same breath, by the names under which later acts refer to them.
        #[serde(default, skip_serializing_if = "Outputs::is_empty")]
        observed: Outputs,
    },
    /// An act was left out: a precondition of it does not hold, or what it would take back was never made.
    Left {
        /// The change.
        change: String,
        /// The step, or the act of the way back.
        step: String,
        /// What was seen.
        reason: String,
        /// Whether what it would bring about is there anyway.
        #[serde(default)]
        stands: bool,
    },
    /// What became of it.
    Result {
        /// The change.
        change: String,
        /// The step.
        step: String,
        /// What.
        result: StepResult,
    },
    /// What was waited for after the call has come about: the step is done.
    Settled {
        /// The change.
        change: String,
        /// The step.
        step: String,
    },
    /// Before a step that takes something down, what comes after it was tried without effect: nothing of it is denied.
    Tried {
        /// The change.
        change: String,
        /// The step that takes something down.
        step: String,
        /// How many calls would be allowed.
        allowed: usize,
        /// Calls of which it cannot be told, each with the reason.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        not_told: Vec<String>,
    },
    /// Facts that the change has observed are others now because of what this run itself did, and that had no effect.
    Observed {
        /// The change.
        change: String,
        /// The facts, by name.
        observed: Outputs,
    },
    /// A step after the point of no return, or an act of a way back that only records, failed for good. The change goes on
    /// and stands.
    LeftOver {
        /// The change.
        change: String,
        /// The step, or the act of the way back.
        step: String,
        /// The call that a person should make; nothing where the call was made and did not show what it was to show, so
        /// that the change is not proved.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call: Option<Call>,
        /// Why.
        reason: String,
    },
    /// A step failed for good: from here on the change goes back.
    RollbackStarted {
        /// The change.
        change: String,
        /// Which step, and why.
        reason: String,
    },
    /// A change is over.
    ChangeEnded {
        /// The change.
        change: String,
        /// What became of it.
        outcome: Outcome,
        /// Why, and what to do.
        reason: String,
        /// How what it touches looks after.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        after: Value,
        /// What can only be known later.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        awaiting: Vec<String>,
    },
    /// The run goes on after it was interrupted.
    Resumed {
        /// Whose credentials.
        caller: String,
        /// What was decided then about changes that were left.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        decisions: Vec<Decision>,
        /// Who has signed the run as it stood, where a signature was asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signed: Option<Signed>,
    },
    /// The run was stopped on request, before all was done.
    Stopped {
        /// By what.
        reason: String,
    },
    /// A change was checked again later.
    CheckedAgain {
        /// The change.
        change: String,
        /// What was found: verified or unverified.
        outcome: Outcome,
        /// Why.
        reason: String,
        /// What can still only be known later.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        awaiting: Vec<String>,
    },
    /// Changes of this run were taken back by another run.
    Undone {
        /// By which.
        by: String,
        /// Which.
        changes: Vec<String>,
    },
    /// Security Hub is about to be told that findings of its own are resolved.
    Notifying {
        /// The region of Security Hub.
        region: String,
        /// Which findings.
        findings: Vec<HubFinding>,
        /// What is said with it.
        note: String,
    },
    /// What Security Hub answered.
    Notified {
        /// The region of Security Hub.
        region: String,
        /// How many findings it updated.
        resolved: usize,
        /// What it did not update, and why.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        refused: Vec<Refusal>,
        /// Why nothing at all was updated, if so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<CallError>,
    },
    /// All is over.
    RunEnded,
}
