//! The state of a run, folded from its events: a pure state machine. Whoever has the events has the state; nothing here
//! reads or writes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Decision, Event, Outcome, Signed, StepResult, line::Record};
use crate::{
    calls::{Call, CallError, ErrorClass, Outputs, Refusal, before, command::command, words::words},
    plan::PlanKind,
};

/// Where a change stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Phase {
    /// Not begun.
    #[default]
    Waiting,
    /// Its steps are being made.
    Forward,
    /// It goes back, because.
    Back(String),
    /// It is over.
    Ended(Outcome),
}

/// Where a step stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepState {
    /// An intent without an outcome: it may or may not have taken effect.
    Intended,
    /// The call failed or had no effect.
    NotDone,
    /// The call took effect; what it waits for has not come about.
    Called,
    /// Done.
    Settled,
    /// Left out: somebody else has decided about what it would set, or what it would take back was never made.
    Left,
}

/// A step, or an act of the way back, as the journal tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct StepStory {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub state: StepState,
    /// The last attempt's number.
    pub attempt: u32,
    /// How often it was called.
    pub intents: u32,
    /// The call of the last intent; none of an act that was left out before it had one.
    pub call: Option<Call>,
    /// When that intent was written; for a call of which AWS said nothing, when that was known.
    pub at: Timestamp,
    /// Its outputs.
    pub outputs: Outputs,
    /// The facts that were read with its last intent.
    pub observed: Outputs,
    /// The last failure, for people.
    pub error: Option<String>,
    /// How often AWS said that it was so already, whenever it was called.
    already: u32,
    /// Whether it was found to be so already: each call of it was answered with that, so somebody else made it so.
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

/// Something that is left over of a change that stands, or that was taken back.
#[derive(Debug, Clone, PartialEq)]
pub struct Leftover {
    /// The step, or the act of the way back.
    pub step: String,
    /// The call that a person should make; nothing where the change is in doubt instead.
    pub call: Option<Call>,
    /// Why.
    pub reason: String,
}

impl Leftover {
    /// The leftover in words: what a person should do, and why it was not done.
    pub fn words(&self) -> String {
        match &self.call {
            Some(call) => format!("{}, which redress could not do ({}): {}", words(call), self.reason, command(call)),
            None => self.reason.clone(),
        }
    }
}

/// A change as the journal tells it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChangeStory {
    /// Where it stands.
    pub phase: Phase,
    /// Its steps and the acts of its way back, in the order of their first intent.
    pub steps: Vec<StepStory>,
    /// Where each stands among them, by its name.
    pub places: BTreeMap<String, usize>,
    /// The facts that its acts have observed, by name.
    pub observed: Outputs,
    /// How what it touches looked before.
    pub before: Value,
    /// How it looked after.
    pub after: Value,
    /// Why it ended as it did.
    pub reason: String,
    /// What can only be known later.
    pub awaiting: Vec<String>,
    /// What is left over of it.
    pub left: Vec<Leftover>,
    /// What could not be tried before something was taken down, each with the reason.
    pub not_told: Vec<String>,
    /// The run that took it back.
    pub undone_by: Option<String>,
    /// When it began and ended.
    pub began: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

impl ChangeStory {
    /// The step of this name.
    pub fn step(&self, name: &str) -> Option<&StepStory> {
        self.places.get(name).and_then(|place| self.steps.get(*place))
    }
    /// Names of the steps whose calls took effect. What was so already is somebody else's: it is not taken back.
    pub fn done(&self) -> Vec<String> {
        let done = |s: &&StepStory| matches!(s.state, StepState::Called | StepState::Settled) && !s.theirs;
        self.steps.iter().filter(done).map(|s| s.name.clone()).collect()
    }
    /// Whether all that was called was so already.
    pub fn all_theirs(&self) -> bool {
        !self.steps.is_empty() && self.steps.iter().all(|s| s.theirs)
    }
    /// What became of it, once it is over.
    pub fn outcome(&self) -> Option<Outcome> {
        if let Phase::Ended(outcome) = self.phase { Some(outcome) } else { None }
    }
    /// Whether a step, or an act of the way back, was left over.
    pub fn is_left(&self, step: &str) -> bool {
        self.left.iter().any(|l| l.step == step)
    }
    /// What a person should do, in words.
    pub fn by_hand(&self) -> Vec<String> {
        self.left.iter().filter(|l| l.call.is_some()).map(Leftover::words).collect()
    }
    /// Why it is not proved although its steps were done.
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
    /// The run that an undo takes back.
    pub of_run: Option<String>,
    /// The account.
    pub account: String,
    /// The partition.
    pub partition: String,
    /// The endpoint.
    pub endpoint: String,
    /// Whose credentials began it.
    pub caller: String,
    /// Who had signed its plan's file.
    pub signed: Option<Signed>,
    /// When it began.
    pub started: Timestamp,
}

/// What Security Hub was told after a run, and what it said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// When.
    pub at: Timestamp,
    /// The region of Security Hub.
    pub region: String,
    /// How many findings were named.
    pub findings: usize,
    /// How many of them it resolved; null while no answer is known.
    pub resolved: Option<usize>,
    /// What it did not update, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<Refusal>,
    /// Why nothing at all was updated, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<CallError>,
}

/// Who went on with a run, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumption {
    /// When.
    pub at: Timestamp,
    /// Whose credentials.
    pub caller: String,
    /// Who had signed the run as it stood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<Signed>,
}

/// A run as its journal tells it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Story {
    /// What it is a run of.
    pub head: Head,
    /// What was decided.
    pub decisions: Vec<Decision>,
    /// Its changes, by id.
    pub changes: BTreeMap<String, ChangeStory>,
    /// Who went on with it after it was interrupted, in order.
    pub resumed: Vec<Resumption>,
    /// Whether it came to its end.
    pub ended: bool,
    /// Why it was stopped before its end, if it was.
    pub stopped: Option<String>,
    /// What Security Hub was told, in order.
    pub told: Vec<Told>,
}

impl Story {
    /// The state after these records.
    pub fn of(records: &[Record]) -> Self {
        let mut story = Self::default();
        for record in records {
            story.tell(record.at, &record.event);
        }
        story
    }

    /// The outputs of all steps that took effect, by change and step.
    pub fn outputs(&self) -> BTreeMap<(String, String), Outputs> {
        let mut all = BTreeMap::new();
        for (id, change) in &self.changes {
            before::record(&mut all, id, &change.observed);
            for step in &change.steps {
                if matches!(step.state, StepState::Called | StepState::Settled) {
                    let outputs = step.observed.iter().chain(&step.outputs).map(|(name, value)| (name.clone(), value.clone()));
                    all.insert((id.clone(), step.name.clone()), outputs.collect());
                }
            }
        }
        all
    }

    /// What was decided about a change.
    pub fn decision(&self, change: &str) -> Option<&Decision> {
        self.decisions.iter().find(|d| d.change == change)
    }

    /// Takes in one more event.
    pub fn tell(&mut self, at: Timestamp, event: &Event) {
        match event {
            Event::RunStarted { run, plan_digest, kind, of_run, account, partition, endpoint, caller, decisions, signed, .. } => {
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
                self.decisions.clone_from(decisions);
            }
            Event::Resumed { caller, decisions, signed } => {
                self.stopped = None;
                self.resumed.push(Resumption { at, caller: caller.clone(), signed: signed.clone() });
                for new in decisions {
                    self.decisions.retain(|old| old.change != new.change);
                    self.decisions.push(new.clone());
                }
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
                self.told.push(Told { at, region, findings, resolved: None, refused: Vec::new(), error: None });
            }
            Event::Notified { region, resolved, refused, error } => {
                if let Some(told) = self.told.iter_mut().rev().find(|t| t.region == *region && t.resolved.is_none()) {
                    (told.resolved, told.refused, told.error) = (Some(*resolved), refused.clone(), error.clone());
                }
            }
            of_change => self.tell_change(at, of_change),
        }
    }

    fn tell_change(&mut self, at: Timestamp, event: &Event) {
        let (Event::ChangeStarted { change, .. }
        | Event::Intent { change, .. }
        | Event::Left { change, .. }
        | Event::Result { change, .. }
        | Event::Settled { change, .. }
        | Event::Tried { change, .. }
        | Event::Observed { change, .. }
        | Event::LeftOver { change, .. }
        | Event::RollbackStarted { change, .. }
        | Event::ChangeEnded { change, .. }
        | Event::CheckedAgain { change, .. }) = event
        else {
            return;
        };
        let story = self.changes.entry(change.clone()).or_default();
        match event {
            Event::ChangeStarted { before, .. } => {
                story.phase = Phase::Forward;
                story.before = before.clone();
                story.began = Some(at);
            }
            Event::RollbackStarted { reason, .. } => story.phase = Phase::Back(reason.clone()),
            Event::Observed { observed, .. } => story.observed.extend(observed.clone()),
            Event::Tried { not_told, .. } => story.not_told.clone_from(not_told),
            Event::LeftOver { step, call, reason, .. } => {
                story.left.push(Leftover { step: step.clone(), call: call.clone(), reason: reason.clone() });
            }
            Event::ChangeEnded { outcome, reason, after, awaiting, .. } => {
                story.phase = Phase::Ended(*outcome);
                story.reason.clone_from(reason);
                story.after = after.clone();
                story.awaiting.clone_from(awaiting);
                story.ended = Some(at);
            }
            Event::CheckedAgain { outcome, reason, awaiting, .. } => {
                story.phase = Phase::Ended(*outcome);
                story.reason.clone_from(reason);
                story.awaiting.clone_from(awaiting);
            }
            Event::Intent { step, attempt, call, observed, .. } => story.intend(step, *attempt, call, observed, at),
            Event::Left { step, reason, stands, .. } => story.leave(step, reason, *stands, at),
            Event::Result { step, result, .. } => story.result(step, result, at),
            Event::Settled { step, .. } => {
                if let Some(step) = story.step_mut(step) {
                    step.state = StepState::Settled;
                }
            }
            _ => {}
        }
    }
}

impl ChangeStory {
    fn intend(&mut self, name: &str, attempt: u32, call: &Call, observed: &Outputs, at: Timestamp) {
        self.observed.extend(observed.clone());
        let step = self.entry(name, at);
        (step.state, step.attempt, step.intents, step.at) = (StepState::Intended, attempt, step.intents + 1, at);
        (step.call, step.observed) = (Some(call.clone()), observed.clone());
    }

    fn leave(&mut self, name: &str, reason: &str, stands: bool, at: Timestamp) {
        let step = self.entry(name, at);
        (step.state, step.error) = (if stands { StepState::Called } else { StepState::Left }, Some(reason.to_owned()));
    }

    /// The step of this name, which begins where there is none yet.
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
            // What AWS said nothing about may have taken effect: it stays open until it was looked for.
            StepResult::Failed { error } => {
                step.error = Some(error.to_string());
                step.already += u32::from(error.class == ErrorClass::AlreadyDone);
                if error.class.effect_unknown() {
                    // It took effect at some time until now.
                    (step.state, step.at) = (StepState::Intended, at);
                } else {
                    step.state = StepState::NotDone;
                }
            }
            StepResult::NotFound => step.state = StepState::NotDone,
        }
    }
}
