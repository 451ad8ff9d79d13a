//! A step of a change as data: the call, the condition to wait for after it, the way to recognise that it has
//! taken effect, and its undo. Nothing here runs anything.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Call, Expect, Power, Takes, Test, find};
use crate::inventory::FamilyKind;

/// A call with all that is needed to make it safely.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Act {
    /// The call; its input may hold references.
    pub call: Call,
    /// Preconditions. All of them must hold at the moment at which the intent is written, or the call is not
    /// made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<Expect>,
    /// Facts that are read at that same moment and recorded with the intent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub observe: Vec<Observe>,
    /// The consequence where a precondition does not hold.
    #[serde(default, skip_serializing_if = "Otherwise::is_stop")]
    pub otherwise: Otherwise,
    /// The condition to wait for after the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Wait>,
    /// The way to find out, after a crash or a lost reply, whether the call took effect.
    pub recognise: Recognise,
}

impl Act {
    /// Creates an act without preconditions.
    pub fn new(call: Call, wait: Option<Wait>, recognise: Recognise) -> Self {
        Self { call, before: Vec::new(), observe: Vec::new(), otherwise: Otherwise::Stop, wait, recognise }
    }

    /// Adds preconditions to the act.
    #[must_use]
    pub fn only_if(mut self, before: Vec<Expect>) -> Self {
        self.before.extend(before);
        self
    }

    /// Adds facts that the act observes.
    #[must_use]
    pub fn observing(mut self, observe: impl IntoIterator<Item = Observe>) -> Self {
        self.observe.extend(observe);
        self
    }

    /// Lets the act be left out where its preconditions do not hold.
    #[must_use]
    pub fn or_leave(self) -> Self {
        Self { otherwise: Otherwise::Leave, ..self }
    }

    /// Lets the act be left out where its preconditions do not hold, and the change go on where it fails: no
    /// other act builds on it.
    #[must_use]
    pub fn alone(self) -> Self {
        Self { otherwise: Otherwise::Alone, ..self }
    }

    /// Checks whether the call only sets back what AWS changes by itself within another call, and only where
    /// it did.
    pub fn corrects(&self) -> bool {
        self.otherwise == Otherwise::Leave && self.before.iter().any(|e| matches!(e.test, Test::Unlike(_)))
    }

    /// Returns the call's effect on the power state: it brings something up, takes something down, or
    /// neither.
    pub fn power(&self) -> Power {
        self.call.power()
    }

    /// Returns the time that the call, with the wait after it, is expected to take.
    pub fn takes(&self) -> Takes {
        find(&self.call.service, &self.call.operation).map_or(Takes::Seconds(5), |spec| spec.takes)
    }

    /// Returns the seconds for which the call's result is left alone before anything is built on it.
    pub fn spreads(&self) -> u64 {
        find(&self.call.service, &self.call.operation).map_or(0, |spec| spec.spreads)
    }

    /// Checks whether the new resource of the call counts against a limit of AWS's for hours after it can be
    /// used.
    pub fn outlasts(&self) -> bool {
        let pending = find(&self.call.service, &self.call.operation).and_then(|spec| spec.pending);
        pending.is_some_and(|pending| pending.outlasts)
    }

    /// Checks whether the call only records something.
    pub fn is_bookkeeping(&self) -> bool {
        find(&self.call.service, &self.call.operation).is_some_and(|spec| spec.bookkeeping)
    }

    /// Checks whether the call only deletes a resource that redress has created: it is right whatever came
    /// before it has led to.
    pub fn deletes_own(&self) -> bool {
        find(&self.call.service, &self.call.operation).is_some_and(|spec| spec.only_own)
    }
}

/// Checks whether a failure of the step at this place undoes nothing: the step only records, and its record
/// describes a state that stands already, since something was brought up before or nothing but records comes
/// after.
pub fn only_records(steps: &[Step], at: usize) -> bool {
    let records = |step: &Step| step.act.is_bookkeeping();
    steps.get(at).is_some_and(records) && (is_up(steps, at) || (at > 0 && steps[at..].iter().all(records)))
}

/// Checks whether a step before this place brings something up.
pub fn is_up(steps: &[Step], at: usize) -> bool {
    steps.iter().take(at).any(|step| step.act.power() == Power::BringsUp)
}

/// A condition to wait for after a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Wait {
    /// All of these must hold.
    pub until: Vec<Expect>,
    /// Seconds after which waiting has failed.
    pub at_most: u64,
    /// The reason for the wait, as a phrase: "until the snapshots are completed".
    pub why: String,
}

/// The way to find out whether a call took effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Recognise {
    /// The resource that the call creates carries the step's token in the tag `redress:token`.
    Tagged {
        /// The region to look in.
        region: String,
        /// The family of resources to look among.
        family: FamilyKind,
        /// The output that is to be found again.
        output: String,
        /// The shape of the output.
        shape: Shape,
    },
    /// A listing shows one resource beside those that were there before: for calls whose resource carries
    /// neither a token nor tags. A precondition of the act shows that there were no others.
    Beside {
        /// The region to look in.
        region: String,
        /// The family of resources to look among.
        family: FamilyKind,
        /// The filter of the listing.
        filter: String,
        /// The value of the filter.
        value: String,
        /// The ids that were there before.
        others: Vec<String>,
        /// The output that is to be found again.
        output: String,
        /// The path to the time at which a resource was made: somebody else may have made it at another one.
        made_at: String,
    },
    /// The account looks as it does after the call: all of these conditions hold. For calls that set a state.
    Looks {
        /// The conditions that must hold.
        expect: Vec<Expect>,
        /// The call's outputs, which are then known anyway.
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
    /// A list of so many ids. Fewer mean that the list is not complete yet.
    Ids(usize),
    /// An object that maps this member of a resource's JSON form to its id, with so many entries.
    IdsBy(String, usize),
}

/// One step of a change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The name of the step, unique within the change: other steps refer to it.
    pub name: String,
    /// The title of the step for people: "stop i-1".
    pub title: String,
    /// The act itself.
    #[serde(flatten)]
    pub act: Act,
    /// The way in which the step is undone.
    pub way_back: WayBack,
}

/// The way in which a step is undone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WayBack {
    /// By calls. References in them see the outputs of the change's steps, including this one.
    Calls {
        /// The acts that run when a later step of the change fails.
        rollback: Vec<Act>,
        /// The acts that run when a person undoes the run later.
        #[serde(default)]
        undo: Undo,
        /// The later step after which a rollback keeps the result of this step.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kept_once: Option<KeptOnce>,
        /// `true` where the step itself reverses its undo (stop and start, attach and detach): an undo that
        /// fails midway returns along these steps.
        #[serde(default)]
        redo: bool,
    },
    /// By the undo of another step of the change, which covers this one.
    ByStep(String),
    /// Not at all, on purpose. The text is the reason.
    Kept(String),
    /// Not at all, since AWS has no reverse. The text is the reason.
    Cannot(String),
}

impl WayBack {
    /// Returns the acts for both purposes: those of a rollback and those of a later undo.
    pub fn acts(&self) -> impl Iterator<Item = &Act> {
        let (rollback, undo): (&[Act], &[Act]) = match self {
            WayBack::Calls { rollback, undo: Undo::Calls(undo), .. } => (rollback, undo),
            WayBack::Calls { rollback, undo: Undo::Same | Undo::Kept(_), .. } => (rollback, &[]),
            WayBack::ByStep(_) | WayBack::Kept(_) | WayBack::Cannot(_) => (&[], &[]),
        };
        rollback.iter().chain(undo)
    }
}

/// The acts of a later undo, where they differ from those of a rollback.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Undo {
    /// The same as a rollback.
    #[default]
    Same,
    /// Other calls.
    Calls(Vec<Act>),
    /// None: the result stays. The text is the reason.
    Kept(String),
}

/// The point from which a rollback keeps the result of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptOnce {
    /// The later step.
    pub step: String,
    /// The reason.
    pub reason: String,
}

/// The purpose of undoing steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A later step of the change has failed.
    Rollback,
    /// A person undoes the run.
    Undo,
}

/// One act of an undo or a rollback.
#[derive(Debug, Clone, PartialEq)]
pub struct BackAct {
    /// The step that the act undoes.
    pub of: String,
    /// The name of the act in the journal and in tokens: `undo-attach-1`, `rollback-attach-1`.
    pub name: String,
    /// The act. Its references see the outputs of the change's steps.
    pub act: Act,
    /// The step's own act, where it reverses this one.
    pub redo: Option<Act>,
}

/// A fact that is read directly before a call and recorded with its intent. Later acts of the same change
/// refer to it by [`super::reference::observed`], in whatever step it was observed, or as an output of the
/// step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observe {
    /// The name for references to the fact: `launch_time`.
    pub name: String,
    /// The region of the resource.
    pub region: String,
    /// The family of the resource.
    pub family: FamilyKind,
    /// The resource's id; may be a reference.
    pub id: Value,
    /// A JSON pointer to the member of the resource's JSON form. In a list, `name=value` stands for the first
    /// element whose member `name` has that value.
    pub at: String,
    /// `true` where the fact replaces an earlier observation under this name. Otherwise the first observation
    /// of the change stands, and this one is made only where there is none yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub anew: bool,
}

/// The consequence where a precondition of an act does not hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Otherwise {
    /// The change is rolled back. In an undo or a rollback, a person is asked.
    #[default]
    Stop,
    /// The act is left out: somebody else has decided about the state that it would set. The change goes on
    /// without it.
    Leave,
    /// The same; and where the call itself fails, the change goes on, too, and is not proved in the end: the
    /// effects of the other acts are worth having by themselves.
    Alone,
}

impl Otherwise {
    /// Checks whether this is [`Otherwise::Stop`].
    pub fn is_stop(&self) -> bool {
        *self == Otherwise::Stop
    }

    /// Checks whether the act is left out.
    pub fn leaves(&self) -> bool {
        matches!(self, Otherwise::Leave | Otherwise::Alone)
    }
}
