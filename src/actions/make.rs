//! Short ways to write steps down: calls, conditions, ways back. Nothing here knows any one action or decides anything.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    calls::{Act, Call, Expect, KeptOnce, Recognise, Shape, Step, Test, Undo, Wait, WayBack},
    inventory::FamilyKind,
};

/// A condition on one thing: this member has this value.
pub fn is(region: &str, family: FamilyKind, id: impl Into<Value>, at: &str, value: impl Into<Value>) -> Expect {
    Expect::new(region, family, id, at, Test::Is(value.into()))
}

/// A condition on a state: one of these will do, one of those means that it never will.
pub fn state(region: &str, family: FamilyKind, id: impl Into<Value>, good: &[&str], never: &[&str]) -> Expect {
    let values = |words: &[&str]| words.iter().map(|w| Value::from(*w)).collect();
    Expect::new(region, family, id, "/state", Test::OneOf { good: values(good), never: values(never) })
}

/// A condition that a thing is not there any more.
pub fn gone(region: &str, family: FamilyKind, id: impl Into<Value>) -> Expect {
    Expect::new(region, family, id, "", Test::Gone)
}

/// A call that is known to have taken effect by how the account looks.
pub fn act(call: Call, looks: Vec<Expect>) -> Act {
    Act { call, wait: None, recognise: Recognise::Looks { expect: looks, outputs: BTreeMap::new() } }
}

/// A call whose effect is waited for: what it waits for is also what it is known by.
pub fn act_until(call: Call, until: Vec<Expect>, at_most: u64, why: &str) -> Act {
    let wait = Some(Wait { until: until.clone(), at_most, why: why.to_owned() });
    Act { wait, ..act(call, until) }
}

/// A call that makes a thing with the step's token in its tags.
pub fn making(call: Call, family: FamilyKind, output: &str, shape: Shape, wait: Option<Wait>) -> Act {
    let recognise = Recognise::Tagged { region: call.region.clone(), family, output: output.to_owned(), shape };
    Act { call, wait, recognise }
}

/// A step.
pub fn step(name: impl Into<String>, title: impl Into<String>, act: Act, way_back: WayBack) -> Step {
    Step { name: name.into(), title: title.into(), act, way_back }
}

/// A way back of one call that is the same for rollback and undo, and whose own way back the step is.
pub fn back_and_forth(back: Act) -> WayBack {
    WayBack::Calls { rollback: vec![back], undo: Undo::Same, kept_once: None, redo: true }
}

/// A way back that is the same for rollback and undo.
pub fn back(acts: Vec<Act>) -> WayBack {
    WayBack::Calls { rollback: acts, undo: Undo::Same, kept_once: None, redo: false }
}

/// A way back for rollback only: a later undo keeps the thing, because. From a certain step on a rollback keeps it too.
pub fn back_or_keep(rollback: Vec<Act>, kept: &str, kept_once: Option<KeptOnce>) -> WayBack {
    WayBack::Calls { rollback, undo: Undo::Kept(kept.to_owned()), kept_once, redo: false }
}
