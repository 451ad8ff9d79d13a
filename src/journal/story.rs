//! The state of a run, folded from its events: a pure state machine. The events determine the state; nothing
//! here reads or writes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Decision, Event, Outcome, Signed, StepResult, event::Record};
use crate::{
    calls::{
        Call, CallError, ErrorClass, Outputs, Refusal,
        command::command,
        outputs::{self, AllOutputs},
        words::words,
    },
    plan::PlanKind,
};

/// The phase of a change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Phase {
    /// Not begun.
    #[default]
    Waiting,
    /// Its steps are being made.
    Forward,
    /// It is rolled back. The text is the reason.
    Back(String),
    /// It is over.
    Ended(Outcome),
}

/// The state of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepState {
    /// An intent without an outcome: it may or may not have taken effect.
    Intended,
    /// The call failed or had no effect.
    NotDone,
    /// The call took effect; the condition that it waits for does not hold yet.
    Called,
    /// Done.
    Settled,
    /// Left out: somebody else has decided about the state that it would set, or the resource to undo was
    /// never created.
    Left,
}

/// A step, or an act of an undo or rollback, by its records in the journal.
#[derive(Debug, Clone, PartialEq)]
pub struct StepStory {
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: StepState,
    /// The last attempt's number.
    pub attempt: u32,
    /// The number of intents.
    pub intents: u32,
    /// The call of the last intent; `None` for an act that was left out before it had one.
    pub call: Option<Call>,
    /// The time of that intent. For a call without an answer from AWS, the time at which that was known.
    pub at: Timestamp,
    /// Its outputs.
    pub outputs: Outputs,
    /// The facts that were read with its last intent.
    pub observed: Outputs,
    /// The last failure, as text for people.
    pub error: Option<String>,
    /// The number of calls to which AWS answered that the state was set already.
    already: u32,
    /// `true` where every call was answered in that way, so that somebody else set the state.
    pub theirs: bool,
}

impl StepStory {
    fn begins(name: &str, at: Timestamp) -> Self {
        let (outputs, observed) = (Outputs::new(), Outputs::new());
        Self {
            name: name.to_owned(),
            state: StepState::NotDone,
            attempt: 1,
            intents: 0,
            call: None,
            at,
            outputs,
            observed,
            error: None,
            already: 0,
            theirs: false,
        }
    }
}

/// A task left over from a change that stands, or that was undone.
#[derive(Debug, Clone, PartialEq)]
pub struct Leftover {
    /// The step, or the act of an undo or rollback.
    pub step: String,
    /// The call that a person should make; `None` where the change is in doubt instead.
    pub call: Option<Call>,
    /// The reason.
    pub reason: String,
}

impl Leftover {
    /// Describes the leftover: the task for a person, and the reason for which redress did not do it.
    pub fn words(&self) -> String {
        match &self.call {
            Some(call) => {
                format!("{}, which redress could not do ({}): {}", words(call), self.reason, command(call))
            }
            None => self.reason.clone(),
        }
    }
}

/// A change by its records in the journal.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChangeStory {
    /// The phase of the change.
    pub phase: Phase,
    /// Its steps and the acts of its undo or rollback, in the order of their first intent.
    pub steps: Vec<StepStory>,
    /// The position of each in `steps`, by name.
    pub places: BTreeMap<String, usize>,
    /// The facts that its acts have observed, by name.
    pub observed: Outputs,
    /// The state, before the change, of the resources that it touches.
    pub before: Value,
    /// The state of the same resources after the change.
    pub after: Value,
    /// The reason for its outcome.
    pub reason: String,
    /// Results that can only be known later.
    pub awaiting: Vec<String>,
    /// The tasks and doubts left over from it.
    pub left: Vec<Leftover>,
    /// Calls that could not be tried before something was taken down, each with the reason.
    pub not_told: Vec<String>,
    /// The run that undid it.
    pub undone_by: Option<String>,
    /// The time at which it began.
    pub began: Option<Timestamp>,
    /// The time at which it ended.
    pub ended: Option<Timestamp>,
}

impl ChangeStory {
    /// Returns the step of this name.
    pub fn step(&self, name: &str) -> Option<&StepStory> {
        self.places.get(name).and_then(|place| self.steps.get(*place))
    }
    /// Returns the names of the steps whose calls took effect. A state that was set already is somebody
    /// else's, and is not undone.
    pub fn done(&self) -> Vec<String> {
        let done = |s: &&StepStory| matches!(s.state, StepState::Called | StepState::Settled) && !s.theirs;
        self.steps.iter().filter(done).map(|s| s.name.clone()).collect()
    }
    /// Checks whether every state that the change was to set was set already.
    pub fn all_theirs(&self) -> bool {
        !self.steps.is_empty() && self.steps.iter().all(|s| s.theirs)
    }
    /// Returns the outcome, once the change is over.
    pub fn outcome(&self) -> Option<Outcome> {
        if let Phase::Ended(outcome) = self.phase { Some(outcome) } else { None }
    }
    /// Checks whether a step, or an act of an undo or rollback, was left over.
    pub fn is_left(&self, step: &str) -> bool {
        self.left.iter().any(|l| l.step == step)
    }
    /// Lists the tasks for a person, in words.
    pub fn by_hand(&self) -> Vec<String> {
        self.left.iter().filter(|l| l.call.is_some()).map(Leftover::words).collect()
    }
    /// Lists the reasons for which the change is not proved although its steps were done.
    pub fn doubts(&self) -> Vec<String> {
        self.left.iter().filter(|l| l.call.is_none()).map(Leftover::words).collect()
    }
    fn step_mut(&mut self, name: &str) -> Option<&mut StepStory> {
        self.places.get(name).and_then(|place| self.steps.get_mut(*place))
    }
}

/// The head of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Head {
    /// The run's id.
    pub run: String,
    /// The digest of its plan.
    pub plan_digest: String,
    /// The kind of its plan.
    pub kind: PlanKind,
    /// The run that an undo reverses.
    pub of_run: Option<String>,
    /// The account.
    pub account: String,
    /// The partition.
    pub partition: String,
    /// The endpoint.
    pub endpoint: String,
    /// The identity of the credentials that began it.
    pub caller: String,
    /// The signer of its plan's file.
    pub signed: Option<Signed>,
    /// The time at which it began.
    pub started: Timestamp,
}

/// A report to Security Hub after a run, and its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// The time of the report.
    pub at: Timestamp,
    /// The region of Security Hub.
    pub region: String,
    /// The number of findings in the report.
    pub findings: usize,
    /// The number of findings that Security Hub resolved; null while no answer is known.
    pub resolved: Option<usize>,
    /// The findings that it did not update, each with the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<Refusal>,
    /// The reason for which nothing at all was updated, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<CallError>,
}

/// A resumption of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumption {
    /// The time of the resumption.
    pub at: Timestamp,
    /// The identity of the credentials.
    pub caller: String,
    /// The signer of the run as it stood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<Signed>,
}

/// A run by its journal.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Story {
    /// The head, which names the plan and the account.
    pub head: Head,
    /// The decisions about its changes.
    pub decisions: Vec<Decision>,
    /// Its changes, by id.
    pub changes: BTreeMap<String, ChangeStory>,
    /// The resumptions after interruptions, in order.
    pub resumed: Vec<Resumption>,
    /// `true` once the run is complete.
    pub ended: bool,
    /// The reason for which it was stopped before its end, if it was.
    pub stopped: Option<String>,
    /// The reports to Security Hub, in order.
    pub told: Vec<Told>,
    /// The places of the decisions, by change.
    decided: BTreeMap<String, usize>,
    /// The outputs of all steps that took effect, kept up with each event: they are looked at before every
    /// call.
    outputs: AllOutputs,
}

impl Story {
    /// Builds the state after these records.
    pub fn of(records: &[Record]) -> Self {
        let mut story = Self::default();
        for record in records {
            story.apply(record.at, &record.event);
        }
        story
    }

    /// Returns the outputs of all steps that took effect, by change and step.
    pub fn outputs(&self) -> AllOutputs {
        self.outputs.clone()
    }

    /// Returns the decision about a change.
    pub fn decision(&self, change: &str) -> Option<&Decision> {
        self.decided.get(change).and_then(|place| self.decisions.get(*place))
    }

    /// Sets the decisions, of which the first about a change counts.
    fn decide(&mut self, decisions: Vec<Decision>) {
        self.decisions = decisions;
        self.decided.clear();
        for (place, decision) in self.decisions.iter().enumerate() {
            self.decided.entry(decision.change.clone()).or_insert(place);
        }
    }

    /// Updates the state with one more event.
    pub fn apply(&mut self, at: Timestamp, event: &Event) {
        match event {
            Event::RunStarted {
                run,
                plan_digest,
                kind,
                of_run,
                account,
                partition,
                endpoint,
                caller,
                decisions,
                signed,
                ..
            } => {
                self.head = Head {
                    run: run.clone(),
                    plan_digest: plan_digest.clone(),
                    kind: *kind,
                    of_run: of_run.clone(),
                    account: account.clone(),
                    partition: partition.clone(),
                    endpoint: endpoint.clone(),
                    caller: caller.clone(),
                    signed: signed.clone(),
                    started: at,
                };
                for decision in decisions {
                    self.changes.entry(decision.change.clone()).or_default();
                }
                self.decide(decisions.clone());
            }
            Event::Resumed { caller, decisions, signed } => {
                self.stopped = None;
                self.resumed.push(Resumption { at, caller: caller.clone(), signed: signed.clone() });
                // The last of several new ones about a change counts.
                let anew: BTreeMap<&str, &Decision> =
                    decisions.iter().map(|d| (d.change.as_str(), d)).collect();
                let kept = self.decisions.iter().filter(|old| !anew.contains_key(old.change.as_str()));
                let all = kept.chain(anew.values().copied()).cloned().collect();
                self.decide(all);
            }
            Event::Stopped { reason } => self.stopped = Some(reason.clone()),
            Event::RunEnded => self.ended = true,
            Event::Undone { by, changes } => {
                for id in changes {
                    self.changes.entry(id.clone()).or_default().undone_by = Some(by.clone());
                }
            }
            Event::Notifying { region, findings, .. } => {
                let (region, findings) = (region.clone(), findings.len());
                self.told.push(Told {
                    at,
                    region,
                    findings,
                    resolved: None,
                    refused: Vec::new(),
                    error: None,
                });
            }
            Event::Notified { region, resolved, refused, error } => {
                if let Some(told) =
                    self.told.iter_mut().rev().find(|t| t.region == *region && t.resolved.is_none())
                {
                    (told.resolved, told.refused, told.error) =
                        (Some(*resolved), refused.clone(), error.clone());
                }
            }
            of_change => self.apply_change(at, of_change),
        }
    }

    fn apply_change(&mut self, at: Timestamp, event: &Event) {
        let Some(change) = event.change() else { return };
        let story = self.changes.entry(change.to_owned()).or_default();
        story.apply(at, event);
        story.keep_outputs(change, event, &mut self.outputs);
    }
}

impl ChangeStory {
    fn apply(&mut self, at: Timestamp, event: &Event) {
        match event {
            Event::ChangeStarted { before, .. } => {
                self.phase = Phase::Forward;
                self.before = before.clone();
                self.began = Some(at);
            }
            Event::RollbackStarted { reason, .. } => self.phase = Phase::Back(reason.clone()),
            Event::Observed { observed, .. } => self.observed.extend(observed.clone()),
            Event::Tried { not_told, .. } => self.not_told.clone_from(not_told),
            Event::LeftOver { step, call, reason, .. } => {
                self.left.push(Leftover { step: step.clone(), call: call.clone(), reason: reason.clone() });
            }
            Event::ChangeEnded { outcome, reason, after, awaiting, .. } => {
                self.phase = Phase::Ended(*outcome);
                self.reason.clone_from(reason);
                self.after = after.clone();
                self.awaiting.clone_from(awaiting);
                self.ended = Some(at);
            }
            Event::CheckedAgain { outcome, reason, awaiting, .. } => {
                self.phase = Phase::Ended(*outcome);
                self.reason.clone_from(reason);
                self.awaiting.clone_from(awaiting);
            }
            Event::Intent { step, attempt, call, observed, .. } => {
                self.intend(step, *attempt, call, observed, at)
            }
            Event::Left { step, reason, stands, .. } => self.leave(step, reason, *stands, at),
            Event::Result { step, result, .. } => self.result(step, result, at),
            Event::Settled { step, .. } => {
                if let Some(step) = self.step_mut(step) {
                    step.state = StepState::Settled;
                }
            }
            _ => {}
        }
    }

    /// Records what the step of an event has given back, and what the change has observed, among the outputs
    /// of the run.
    fn keep_outputs(&self, change: &str, event: &Event, all: &mut AllOutputs) {
        if let Event::Intent { observed, .. } | Event::Observed { observed, .. } = event {
            outputs::record(all, change, observed);
        }
        let Some(step) = event.step().and_then(|step| self.step(step)) else { return };
        let key = (change.to_owned(), step.name.clone());
        if matches!(step.state, StepState::Called | StepState::Settled) {
            all.insert(
                key,
                step.observed
                    .iter()
                    .chain(&step.outputs)
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect(),
            );
        } else {
            all.remove(&key);
        }
    }

    fn intend(&mut self, name: &str, attempt: u32, call: &Call, observed: &Outputs, at: Timestamp) {
        self.observed.extend(observed.clone());
        let step = self.entry(name, at);
        (step.state, step.attempt, step.intents, step.at) =
            (StepState::Intended, attempt, step.intents + 1, at);
        (step.call, step.observed) = (Some(call.clone()), observed.clone());
    }

    fn leave(&mut self, name: &str, reason: &str, stands: bool, at: Timestamp) {
        let step = self.entry(name, at);
        (step.state, step.error) =
            (if stands { StepState::Called } else { StepState::Left }, Some(reason.to_owned()));
    }

    /// Returns the step of this name, and creates it where there is none yet.
    fn entry(&mut self, name: &str, at: Timestamp) -> &mut StepStory {
        let place = self.places.get(name).copied().unwrap_or_else(|| {
            self.places.insert(name.to_owned(), self.steps.len());
            self.steps.push(StepStory::begins(name, at));
            self.steps.len() - 1
        });
        &mut self.steps[place]
    }

    fn result(&mut self, name: &str, result: &StepResult, at: Timestamp) {
        let Some(step) = self.step_mut(name) else { return };
        match result {
            StepResult::Done { outputs } | StepResult::Found { outputs } => {
                step.state = StepState::Called;
                step.outputs.clone_from(outputs);
                step.theirs = matches!(result, StepResult::Found { .. }) && step.already == step.intents;
            }
            // A call without an answer from AWS may have taken effect: the step stays open until the effect
            // was looked for.
            StepResult::Failed { error } => {
                step.error = Some(error.to_string());
                step.already += u32::from(error.class == ErrorClass::AlreadyDone);
                if error.class.effect_unknown() {
                    // The call took effect at some time until now, if it did.
                    (step.state, step.at) = (StepState::Intended, at);
                } else {
                    step.state = StepState::NotDone;
                }
            }
            StepResult::NotFound => step.state = StepState::NotDone,
        }
    }
}
