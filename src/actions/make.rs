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
    Expect::new(region, family, id, "/state", Test::OneOf { good: values(good), never: values(never), late: Vec::new() })
}

/// A condition on an instance's own view of what is attached at a device: this volume, or nothing where it is null. It lags behind
/// the volume's view (<https://github.com/kubernetes/kubernetes/issues/77389>).
pub fn mapped(region: &str, instance: &str, device: &str, volume: impl Into<Value>) -> Expect {
    let at = format!("/devices/device_name={}/volume_id", device.replace('~', "~0").replace('/', "~1"));
    Expect::new(region, FamilyKind::Instances, instance, &at, Test::Is(volume.into()))
}

/// A condition that a thing is not there any more.
pub fn gone(region: &str, family: FamilyKind, id: impl Into<Value>) -> Expect {
    Expect::new(region, family, id, "", Test::Gone)
}

/// A call that is known to have taken effect by how the account looks.
pub fn act(call: Call, looks: Vec<Expect>) -> Act {
    Act::new(call, None, Recognise::Looks { expect: looks, outputs: BTreeMap::new() })
}

/// A call whose effect is waited for: what it waits for is also what it is known by.
pub fn act_until(call: Call, until: Vec<Expect>, at_most: u64, why: &str) -> Act {
    let wait = Some(Wait { until: until.clone(), at_most, why: why.to_owned() });
    Act { wait, ..act(call, until) }
}

/// A call whose effect takes its time: it is known to have been made by how the account looks as soon as it is under way.
pub fn act_under_way(call: Call, under_way: Vec<Expect>, until: Vec<Expect>, at_most: u64, why: &str) -> Act {
    let wait = Some(Wait { until, at_most, why: why.to_owned() });
    Act { wait, ..act(call, under_way) }
}

/// A condition on a member: one of these values will do.
pub fn one_of(region: &str, family: FamilyKind, id: impl Into<Value>, at: &str, good: Vec<Value>) -> Expect {
    Expect::new(region, family, id, at, Test::OneOf { good, never: Vec::new(), late: Vec::new() })
}

/// A call that makes a thing with the step's token in its tags.
pub fn making(call: Call, family: FamilyKind, output: &str, shape: Shape, wait: Option<Wait>) -> Act {
    let recognise = Recognise::Tagged { region: call.region.clone(), family, output: output.to_owned(), shape };
    Act::new(call, wait, recognise)
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

/// What every action's steps must be, for the tests of actions.
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
pub mod sound {
    use std::collections::BTreeSet;

    use super::*;
    use crate::calls::{Undo, find, way_back};

    /// The outputs that a value refers to: step and name.
    fn refers(value: &Value, found: &mut Vec<(String, String)>) {
        match value {
            Value::Object(map) => {
                if let Some(output) = map.get("$output") {
                    let name = output["name"].as_str().unwrap().split('/').next().unwrap().to_owned();
                    found.push((output["step"].as_str().unwrap().to_owned(), name));
                }
                map.values().for_each(|v| refers(v, found));
            }
            Value::Array(items) => items.iter().for_each(|v| refers(v, found)),
            _ => {}
        }
    }

    /// Names are unique; every call is registered; every reference is to a declared output of an earlier step, or of
    /// the step itself once it was made; ways back by step name a step.
    pub fn steps(steps: &[Step]) {
        let mut before: BTreeSet<(String, String)> = BTreeSet::new();
        let names: BTreeSet<&str> = steps.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(names.len(), steps.len(), "names are unique");
        for step in steps {
            let call = &step.act.call;
            let spec = find(&call.service, &call.operation).unwrap_or_else(|| panic!("{} is not registered", call.name()));
            holds(step, &call.input, &before);
            before.extend(spec.outputs.iter().map(|o| (step.name.clone(), (*o).to_owned())));
            holds(step, &serde_json::to_value(step).unwrap(), &before);
            match &step.way_back {
                WayBack::ByStep(other) => assert!(names.contains(other.as_str()), "{}: {other}", step.name),
                WayBack::Calls { rollback, kept_once, .. } => {
                    assert!(!rollback.is_empty(), "{}", step.name);
                    assert!(kept_once.as_ref().is_none_or(|k| names.contains(k.step.as_str())), "{}", step.name);
                }
                _ => {}
            }
        }
    }

    fn holds(step: &Step, value: &Value, before: &BTreeSet<(String, String)>) {
        let mut found = Vec::new();
        refers(value, &mut found);
        for output in found {
            assert!(before.contains(&output), "{} refers to {output:?}", step.name);
        }
    }

    /// The names of the steps.
    pub fn names(steps: &[Step]) -> Vec<&str> {
        steps.iter().map(|s| s.name.as_str()).collect()
    }

    /// The step with this name.
    pub fn named<'a>(steps: &'a [Step], name: &str) -> &'a Step {
        steps.iter().find(|s| s.name == name).unwrap_or_else(|| panic!("no step {name} in {:?}", names(steps)))
    }

    /// What going back calls after all these steps: `operation of step`.
    pub fn going_back(steps: &[Step], done: &[&str], purpose: crate::calls::Purpose) -> Vec<String> {
        let done: Vec<String> = done.iter().map(|d| (*d).to_owned()).collect();
        way_back(steps, &done, purpose).into_iter().map(|b| format!("{} {}", b.act.call.operation, b.of)).collect()
    }

    /// Whether an undo keeps what a step made.
    pub fn undo_keeps(step: &Step) -> bool {
        matches!(&step.way_back, WayBack::Kept(_) | WayBack::Calls { undo: Undo::Kept(_), .. })
    }
}
