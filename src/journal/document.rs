//! A run as the documents `redress.run/1` and `redress.runs/1`: versioned types of their own, made from the journal and
//! the plan alone.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Moment, Outcome, Phase, Resumption, Signed, Story, down, line::Record, story::Told, tale};
use crate::{plan::Plan, resource::ResourceId};

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// It came to its end.
    Complete,
    /// It was stopped midway: `redress resume`.
    Interrupted,
    /// All that it did was taken back.
    Undone,
    /// Some of it was taken back.
    PartlyUndone,
}

impl RunState {
    /// The word for people.
    pub fn word(self) -> &'static str {
        match self {
            RunState::Complete => "complete",
            RunState::Interrupted => "interrupted",
            RunState::Undone => "undone",
            RunState::PartlyUndone => "partly-undone",
        }
    }
}

/// `redress.run/1`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunDocument {
    /// `redress.run/1`
    pub format: String,
    /// The run's id.
    pub run: String,
    /// `plan`, `undo` or `prune`.
    pub kind: String,
    /// The run that an undo takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of_run: Option<String>,
    /// The digest of its plan.
    pub plan_digest: String,
    /// The account.
    pub account: String,
    /// The endpoint.
    pub endpoint: String,
    /// When it began.
    pub started: Timestamp,
    /// Whose credentials began it: who applied the plan.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub caller: String,
    /// Who had signed the plan's file that it is a run of, where a signature was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<Signed>,
    /// Who went on with it after it was interrupted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resumed: Vec<Resumption>,
    /// Where it stands.
    pub state: RunState,
    /// Why it was stopped, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// Its changes, in the order of the plan.
    pub changes: Vec<ChangeReport>,
    /// Changes by outcome.
    pub counts: BTreeMap<String, usize>,
    /// What Security Hub was told of findings that the run has set right, and what it said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<Told>,
    /// What happened, moment by moment, where it was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub story: Vec<Moment>,
}

/// A change in `redress.run/1`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeReport {
    /// Its id.
    pub id: String,
    /// The action.
    pub action: String,
    /// The resource.
    pub resource: ResourceId,
    /// One sentence.
    pub summary: String,
    /// What became of it; `interrupted` while it is open.
    pub outcome: String,
    /// Why, and what to do.
    pub reason: String,
    /// The instances that it has down while it is open, by the journal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub down: Vec<String>,
    /// What can only be known later.
    pub awaiting: Vec<String>,
    /// What is left for a person to do, a sentence each: what to do, the reason, and the command of the AWS CLI.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leftovers: Vec<String>,
    /// Calls of which it could not be told, before something was taken down, whether they would be allowed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_told: Vec<String>,
    /// What undo will not bring back.
    pub not_restored: Vec<String>,
    /// The run that took it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undone_by: Option<String>,
    /// Seconds from its beginning to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
}

impl RunDocument {
    /// The document of a run.
    pub fn of(story: &Story, plan: &Plan) -> Self {
        let changes: Vec<ChangeReport> = plan.changes.iter().map(|change| report(story, change)).collect();
        let mut counts = BTreeMap::new();
        for change in &changes {
            *counts.entry(change.outcome.clone()).or_insert(0) += 1;
        }
        Self {
            format: "redress.run/1".to_owned(),
            run: story.head.run.clone(),
            kind: story.head.kind.word().to_owned(),
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

    /// The same with what happened, moment by moment.
    #[must_use]
    pub fn told(self, records: &[Record]) -> Self {
        self.telling(tale::tale(records))
    }

    /// The same with these moments.
    #[must_use]
    pub fn telling(mut self, moments: Vec<Moment>) -> Self {
        self.story = moments;
        self
    }

    /// The outcomes of its changes; an open change counts as none.
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
        outcome: outcome(story, &change.id).to_owned(),
        leftovers: told.by_hand(),
        not_told: told.not_told,
        reason: if told.reason.is_empty() { down::words(&story.head.run, &open).unwrap_or_default() } else { told.reason },
        down: open,
        awaiting: told.awaiting,
        not_restored: change.not_restored.clone(),
        undone_by: told.undone_by,
        seconds,
    }
}

/// What became of a change, in the word of `redress.run/1`: an outcome, or `interrupted` while it is open.
pub fn outcome(story: &Story, change: &str) -> &'static str {
    match story.changes.get(change).map(|told| &told.phase) {
        Some(Phase::Ended(outcome)) => outcome.word(),
        Some(Phase::Waiting) | None if story.ended => Outcome::Skipped.word(),
        _ => "interrupted",
    }
}

/// Where a run stands.
pub fn state(story: &Story) -> RunState {
    let applied: Vec<_> = story.changes.values().filter(|c| c.outcome().is_some_and(Outcome::applied) || c.undone_by.is_some()).collect();
    let undone = applied.iter().filter(|c| c.undone_by.is_some()).count();
    match () {
        () if undone > 0 && undone == applied.len() => RunState::Undone,
        () if undone > 0 => RunState::PartlyUndone,
        () if story.ended => RunState::Complete,
        () => RunState::Interrupted,
    }
}
