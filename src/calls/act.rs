//! A step of a change as data: the call, what to wait for after it, how to recognise that it has taken effect, and its
//! way back. Nothing here runs anything.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Call, Expect, Observe, Otherwise, Power, Takes, find, mark};
use crate::inventory::FamilyKind;

/// A call with all that is needed to make it safely.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Act {
    /// The call; its input may hold references.
    pub call: Call,
    /// Preconditions: all of these hold in the breath in which the intent is written, or the call is not made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<Expect>,
    /// Facts that are read in that same breath and recorded with the intent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub observe: Vec<Observe>,
    /// What follows where a precondition does not hold.
    #[serde(default, skip_serializing_if = "Otherwise::is_stop")]
    pub otherwise: Otherwise,
    /// What to wait for after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Wait>,
    /// How to find out, after a crash or a lost reply, whether it took effect.
    pub recognise: Recognise,
}

impl Act {
    /// An act without preconditions.
    pub fn new(call: Call, wait: Option<Wait>, recognise: Recognise) -> Self {
        Self { call, before: Vec::new(), observe: Vec::new(), otherwise: Otherwise::Stop, wait, recognise }
    }

    /// The act, made only where these hold too.
    #[must_use]
    pub fn only_if(mut self, before: Vec<Expect>) -> Self {
        self.before.extend(before);
        self
    }

    /// The act, which observes these facts too.
    #[must_use]
    pub fn observing(mut self, observe: impl IntoIterator<Item = Observe>) -> Self {
        self.observe.extend(observe);
        self
    }

    /// The act, left out where its preconditions do not hold.
    #[must_use]
    pub fn or_leave(self) -> Self {
        Self { otherwise: Otherwise::Leave, ..self }
    }

    /// What the call does to whether a thing is up.
    pub fn power(&self) -> Power {
        self.call.power()
    }

    /// How long the call, and what is waited for after it, are expected to take.
    pub fn takes(&self) -> Takes {
        find(&self.call.service, &self.call.operation).map_or(Takes::Seconds(5), |spec| spec.takes)
    }

    /// Whether the call only records.
    pub fn is_bookkeeping(&self) -> bool {
        find(&self.call.service, &self.call.operation).is_some_and(|spec| spec.bookkeeping)
    }
}

/// Whether a failure of the step at this place takes nothing back: it only records, and what it records stands already,
/// since something was brought up before or nothing but records comes after.
pub fn only_records(steps: &[Step], at: usize) -> bool {
    let records = |step: &Step| step.act.is_bookkeeping();
    steps.get(at).is_some_and(records) && (is_up(steps, at) || (at > 0 && steps[at..].iter().all(records)))
}

/// Whether a step before this place brings something up.
pub fn is_up(steps: &[Step], at: usize) -> bool {
    steps.iter().take(at).any(|step| step.act.power() == Power::BringsUp)
}

/// What to wait for after a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Wait {
    /// All of these must hold.
    pub until: Vec<Expect>,
    /// Seconds after which waiting has failed.
    pub at_most: u64,
    /// What is waited for, in words: "until the snapshots are completed".
    pub why: String,
}

/// How to find out whether a call took effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Recognise {
    /// What the call makes carries the step's token in the tag `redress:token`.
    Tagged {
        /// Where to look.
        region: String,
        /// Among what.
        family: FamilyKind,
        /// The output that is to be found again.
        output: String,
        /// Its shape.
        shape: Shape,
    },
    /// The account looks as it does after the call: all of these hold. For calls that set a state.
    Looks {
        /// What must hold.
        expect: Vec<Expect>,
        /// The call's outputs, which then are known anyway.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        outputs: BTreeMap<String, Value>,
    },
}

/// The shape of an output that is found again by tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// One id.
    Id,
    /// A list of so many ids: fewer means that it is not whole yet.
    Ids(usize),
    /// An object from this member of the thing's JSON form to its id, with so many entries.
    IdsBy(String, usize),
}

/// One step of a change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Its name, unique within the change: other steps refer to it.
    pub name: String,
    /// What it does, in words, for people: "stop i-1".
    pub title: String,
    /// What is done.
    #[serde(flatten)]
    pub act: Act,
    /// How it is taken back.
    pub way_back: WayBack,
}

/// How a step is taken back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WayBack {
    /// By calls. References in them see the outputs of the change's steps, this one's included.
    Calls {
        /// When a later step of the change fails.
        rollback: Vec<Act>,
        /// When a person takes the run back later.
        #[serde(default)]
        undo: Undo,
        /// Rollback keeps what this step made once a later step was done.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kept_once: Option<KeptOnce>,
        /// Whether the step itself is the way back of its way back (stop and start, attach and detach): if an undo
        /// fails midway, it returns along these.
        #[serde(default)]
        redo: bool,
    },
    /// The way back of another step of the change covers it.
    ByStep(String),
    /// It stays, because.
    Kept(String),
    /// AWS cannot take it back, because.
    Cannot(String),
}

impl WayBack {
    /// The acts of it, whatever they are for: of a rollback and of a later undo.
    pub fn acts(&self) -> impl Iterator<Item = &Act> {
        let (rollback, undo): (&[Act], &[Act]) = match self {
            WayBack::Calls { rollback, undo: Undo::Calls(undo), .. } => (rollback, undo),
            WayBack::Calls { rollback, undo: Undo::Same | Undo::Kept(_), .. } => (rollback, &[]),
            WayBack::ByStep(_) | WayBack::Kept(_) | WayBack::Cannot(_) => (&[], &[]),
        };
        rollback.iter().chain(undo)
    }
}

/// What a later undo does, where that is not what a rollback does.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Undo {
    /// The same as a rollback.
    #[default]
    Same,
    /// Other calls.
    Calls(Vec<Act>),
    /// Nothing: it stays, because.
    Kept(String),
}

/// From when on a rollback keeps what a step made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptOnce {
    /// The later step.
    pub step: String,
    /// Why.
    pub reason: String,
}

/// What going back is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A later step of the change has failed.
    Rollback,
    /// A person takes the run back.
    Undo,
}

/// One act of a way back.
#[derive(Debug, Clone, PartialEq)]
pub struct BackAct {
    /// The step that it takes back.
    pub of: String,
    /// Its name in the journal and in tokens: `undo-attach-1`, `rollback-attach-1`.
    pub name: String,
    /// What is done; references see the outputs of the change's steps.
    pub act: Act,
    /// The step's own act, where it is the way back of this one.
    pub redo: Option<Act>,
}

/// The way back along the steps of a change that were done, in reverse.
pub fn way_back(steps: &[Step], done: &[String], purpose: Purpose) -> Vec<BackAct> {
    let word = if purpose == Purpose::Undo { "undo" } else { "rollback" };
    let mut way = Vec::new();
    for step in steps.iter().rev().filter(|s| done.contains(&s.name)) {
        let WayBack::Calls { rollback, undo, kept_once, redo } = &step.way_back else { continue };
        let acts = match (purpose, undo) {
            (Purpose::Rollback, _) if kept_once.as_ref().is_some_and(|k| done.contains(&k.step)) => continue,
            (Purpose::Rollback, _) | (Purpose::Undo, Undo::Same) => rollback,
            (Purpose::Undo, Undo::Calls(acts)) => acts,
            (Purpose::Undo, Undo::Kept(_)) => continue,
        };
        for (n, act) in acts.iter().enumerate() {
            let redo = (*redo && acts.len() == 1).then(|| step.act.clone());
            way.push(BackAct { of: step.name.clone(), name: format!("{word}-{}-{}", step.name, n + 1), act: act.clone(), redo });
        }
    }
    // On a rollback the mark of the way there still stands.
    if purpose == Purpose::Undo { mark::around(way) } else { way }
}
