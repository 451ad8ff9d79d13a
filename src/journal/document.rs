//! A run as the documents `redress.run/1` and `redress.runs/1`: versioned types of their own, made from the
//! journal and the plan alone.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Outcome, Phase, Resumption, Signed, Story, TimelineEntry, down, event::Record, story::Told, timeline,
};
use crate::{
    plan::{ActionNames, Plan, PlanKind},
    resource::ResourceId,
};

/// The state of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// It came to its end.
    Complete,
    /// It was stopped midway; `redress resume` continues it.
    Interrupted,
    /// Everything that it did was undone.
    Undone,
    /// Some of it was undone.
    PartlyUndone,
}

impl RunState {
    /// Returns the word for people.
    pub fn word(self) -> &'static str {
        match self {
            RunState::Complete => "complete",
            RunState::Interrupted => "interrupted",
            RunState::Undone => "undone",
            RunState::PartlyUndone => "partly-undone",
        }
    }
}

/// The state of a change in a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum ChangeState {
    /// It is over, with this outcome.
    Ended(Outcome),
    /// It is open: the run was interrupted.
    Interrupted,
}

impl ChangeState {
    /// Returns the word for documents: that of the outcome, or `interrupted`.
    pub fn word(self) -> &'static str {
        match self {
            ChangeState::Ended(outcome) => outcome.word(),
            ChangeState::Interrupted => "interrupted",
        }
    }

    /// Returns the word for people: without hyphens.
    pub fn words(self) -> String {
        self.word().replace('-', " ")
    }
}

impl From<ChangeState> for String {
    fn from(state: ChangeState) -> Self {
        state.word().to_owned()
    }
}

impl TryFrom<String> for ChangeState {
    type Error = serde_json::Error;
    fn try_from(word: String) -> Result<Self, Self::Error> {
        if word == ChangeState::Interrupted.word() {
            return Ok(ChangeState::Interrupted);
        }
        serde_json::from_value(Value::String(word)).map(ChangeState::Ended)
    }
}

impl PartialEq<Outcome> for ChangeState {
    fn eq(&self, outcome: &Outcome) -> bool {
        *self == ChangeState::Ended(*outcome)
    }
}

/// The document `redress.run/1`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunDocument {
    /// The format: `redress.run/1`.
    pub format: String,
    /// The run's id.
    pub run: String,
    /// The kind of its plan.
    pub kind: PlanKind,
    /// The run that an undo reverses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of_run: Option<String>,
    /// The digest of its plan.
    pub plan_digest: String,
    /// The account.
    pub account: String,
    /// The endpoint.
    pub endpoint: String,
    /// The time at which it began.
    pub started: Timestamp,
    /// The identity whose credentials applied the plan.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub caller: String,
    /// The signer of the plan's file, where a signature was required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<Signed>,
    /// The resumptions after interruptions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resumed: Vec<Resumption>,
    /// The state of the run.
    pub state: RunState,
    /// The reason for which it was stopped, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// Its changes, in the order of the plan.
    pub changes: Vec<ChangeReport>,
    /// Changes by outcome.
    pub counts: BTreeMap<String, usize>,
    /// The reports to Security Hub about findings that the run has fixed, with its answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<Told>,
    /// The moments of the run, where they were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub story: Vec<TimelineEntry>,
}

/// A change in `redress.run/1`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeReport {
    /// Its id.
    pub id: String,
    /// The names of its actions.
    pub action: ActionNames,
    /// The resource.
    pub resource: ResourceId,
    /// A one-sentence summary.
    pub summary: String,
    /// The outcome.
    pub outcome: ChangeState,
    /// The reason, and the next step for a person.
    pub reason: String,
    /// The instances that are down while the change is open, by the journal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub down: Vec<String>,
    /// Results that can only be known later.
    pub awaiting: Vec<String>,
    /// Tasks left for a person, a sentence each: the task, the reason, and the command of the AWS CLI.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leftovers: Vec<String>,
    /// Calls for which it was not known, before something was taken down, whether they would be allowed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_told: Vec<String>,
    /// Losses that an undo will not restore.
    pub not_restored: Vec<String>,
    /// The run that undid the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undone_by: Option<String>,
    /// Seconds from the beginning of the change to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
}

impl RunDocument {
    /// Builds the document of a run.
    pub fn of(story: &Story, plan: &Plan) -> Self {
        let changes: Vec<ChangeReport> = plan.changes.iter().map(|change| report(story, change)).collect();
        let mut counts = BTreeMap::new();
        for change in &changes {
            *counts.entry(change.outcome.word().to_owned()).or_insert(0) += 1;
        }
        Self {
            format: "redress.run/1".to_owned(),
            run: story.head.run.clone(),
            kind: story.head.kind,
            of_run: story.head.of_run.clone(),
            plan_digest: story.head.plan_digest.clone(),
            account: story.head.account.clone(),
            endpoint: story.head.endpoint.clone(),
            started: story.head.started,
            caller: story.head.caller.clone(),
            signed: story.head.signed.clone(),
            resumed: story.resumed.clone(),
            state: state(story),
            stopped: story.stopped.clone(),
            changes,
            counts,
            told: story.told.clone(),
            story: Vec::new(),
        }
    }

    /// Adds the moments of the run, taken from its records.
    #[must_use]
    pub fn told(self, records: &[Record]) -> Self {
        self.telling(timeline::timeline(records))
    }

    /// Adds these moments.
    #[must_use]
    pub fn telling(mut self, moments: Vec<TimelineEntry>) -> Self {
        self.story = moments;
        self
    }

    /// Returns the outcomes of its changes; an open change counts as none.
    pub fn outcomes(story: &Story) -> Vec<Outcome> {
        story.changes.values().filter_map(super::ChangeStory::outcome).collect()
    }
}

fn report(story: &Story, change: &crate::plan::Change) -> ChangeReport {
    let told = story.changes.get(&change.id).cloned().unwrap_or_default();
    let seconds = match (told.began, told.ended) {
        (Some(began), Some(ended)) => Some(ended.duration_since(began).as_secs_f64()),
        _ => None,
    };
    let open = told.down_while_open(change);
    ChangeReport {
        id: change.id.clone(),
        action: change.action.clone(),
        resource: change.resource.clone(),
        summary: change.summary.clone(),
        outcome: outcome(story, &change.id),
        leftovers: told.by_hand(),
        not_told: told.not_told,
        reason: if told.reason.is_empty() {
            down::words(&story.head.run, &open).unwrap_or_default()
        } else {
            told.reason
        },
        down: open,
        awaiting: told.awaiting,
        not_restored: change.not_restored.clone(),
        undone_by: told.undone_by,
        seconds,
    }
}

/// Returns the state of a change.
pub fn outcome(story: &Story, change: &str) -> ChangeState {
    match story.changes.get(change).map(|told| &told.phase) {
        Some(Phase::Ended(outcome)) => ChangeState::Ended(*outcome),
        Some(Phase::Waiting) | None if story.ended => ChangeState::Ended(Outcome::Skipped),
        _ => ChangeState::Interrupted,
    }
}

/// Returns the state of a run.
pub fn state(story: &Story) -> RunState {
    let applied: Vec<_> = story
        .changes
        .values()
        .filter(|c| c.outcome().is_some_and(Outcome::applied) || c.undone_by.is_some())
        .collect();
    let undone = applied.iter().filter(|c| c.undone_by.is_some()).count();
    match () {
        () if undone > 0 && undone == applied.len() => RunState::Undone,
        () if undone > 0 => RunState::PartlyUndone,
        () if story.ended => RunState::Complete,
        () => RunState::Interrupted,
    }
}
