//! Shorthands for writing steps: calls, conditions, undo. Nothing here knows any one action or decides
//! anything.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    calls::{Act, Call, Expect, KeptOnce, Recognise, Shape, Step, Test, Undo, Wait, WayBack},
    inventory::FamilyKind,
};

/// Expects a member of a resource to have this value.
pub fn is(
    region: &str,
    family: FamilyKind,
    id: impl Into<Value>,
    at: &str,
    value: impl Into<Value>,
) -> Expect {
    Expect::new(region, family, id, at, Test::Is(value.into()))
}

/// Expects a state: each of the `good` ones will do, each of the `never` ones means that it will not be
/// reached.
pub fn state(
    region: &str,
    family: FamilyKind,
    id: impl Into<Value>,
    good: &[&str],
    never: &[&str],
) -> Expect {
    let values = |words: &[&str]| words.iter().map(|w| Value::from(*w)).collect();
    Expect::new(
        region,
        family,
        id,
        "/state",
        Test::OneOf { good: values(good), never: values(never), late: Vec::new() },
    )
}

/// Expects an instance's own view of a device to show this volume, or nothing if it is null. That view lags
/// behind the volume's (<https://github.com/kubernetes/kubernetes/issues/77389>).
pub fn mapped(region: &str, instance: &str, device: &str, volume: impl Into<Value>) -> Expect {
    let at = format!("/devices/device_name={}/volume_id", device.replace('~', "~0").replace('/', "~1"));
    Expect::new(region, FamilyKind::Instances, instance, &at, Test::Is(volume.into()))
}

/// Expects a resource to be gone.
pub fn gone(region: &str, family: FamilyKind, id: impl Into<Value>) -> Expect {
    Expect::new(region, family, id, "", Test::Gone)
}

/// Builds a call whose effect is recognised by the state of the account.
pub fn act(call: Call, looks: Vec<Expect>) -> Act {
    Act::new(call, None, Recognise::Looks { expect: looks, outputs: BTreeMap::new() })
}

/// Builds a call whose effect is waited for: the awaited state also proves that the call was made.
pub fn act_until(call: Call, until: Vec<Expect>, at_most: u64, why: &str) -> Act {
    let wait = Some(Wait { until: until.clone(), at_most, why: why.to_owned() });
    Act { wait, ..act(call, until) }
}

/// Builds a call whose effect takes time: the state of the account shows that the call was made as soon as
/// the effect is under way.
pub fn act_under_way(call: Call, under_way: Vec<Expect>, until: Vec<Expect>, at_most: u64, why: &str) -> Act {
    let wait = Some(Wait { until, at_most, why: why.to_owned() });
    Act { wait, ..act(call, under_way) }
}

/// Expects a member to have one of these values.
pub fn one_of(region: &str, family: FamilyKind, id: impl Into<Value>, at: &str, good: Vec<Value>) -> Expect {
    Expect::new(region, family, id, at, Test::OneOf { good, never: Vec::new(), late: Vec::new() })
}

/// Builds a call that creates a resource with the step's token in its tags.
pub fn making(call: Call, family: FamilyKind, output: &str, shape: Shape, wait: Option<Wait>) -> Act {
    let recognise =
        Recognise::Tagged { region: call.region.clone(), family, output: output.to_owned(), shape };
    Act::new(call, wait, recognise)
}

/// Builds a step.
pub fn step(name: impl Into<String>, title: impl Into<String>, act: Act, way_back: WayBack) -> Step {
    Step { name: name.into(), title: title.into(), act, way_back }
}

/// Builds an undo of one call that is the same for rollback and undo, and that the step itself undoes in
/// turn.
pub fn back_and_forth(back: Act) -> WayBack {
    WayBack::Calls { rollback: vec![back], undo: Undo::Same, kept_once: None, redo: true }
}

/// A setting from one value to another and back: the two calls, and what the account shows after each.
pub struct Switched {
    /// The call that sets it.
    pub set: Call,
    /// The call that sets it back.
    pub back: Call,
    /// The former value, as the account shows it.
    pub was: Vec<Expect>,
    /// The new value.
    pub becomes: Vec<Expect>,
    /// The seconds within which either has to show.
    pub within: u64,
}

/// Builds the step of a setting. The words complete "until": the new value can be seen, the former one can.
pub fn switch(name: &str, title: String, switched: Switched, [new, former]: [&str; 2]) -> Step {
    let Switched { set, back, was, becomes, within } = switched;
    let back = act_until(back, was, within, &format!("until {former}"));
    step(name, title, act_until(set, becomes, within, &format!("until {new}")), back_and_forth(back))
}

/// Builds an undo that is the same for rollback and undo.
pub fn back(acts: Vec<Act>) -> WayBack {
    WayBack::Calls { rollback: acts, undo: Undo::Same, kept_once: None, redo: false }
}

/// Builds an undo for rollback only: a later undo keeps the resource, for the reason `kept`. From the step
/// `kept_once` on, a rollback keeps it too.
pub fn back_or_keep(rollback: Vec<Act>, kept: &str, kept_once: Option<KeptOnce>) -> WayBack {
    WayBack::Calls { rollback, undo: Undo::Kept(kept.to_owned()), kept_once, redo: false }
}

/// The laws that the steps of every action must obey, for the tests of actions.
#[cfg(test)]
pub mod sound {
    use std::collections::BTreeSet;

    use super::*;
    use crate::calls::{Undo, find, way_back};

    /// Collects the outputs that a value refers to: step and name.
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

    /// Checks that names are unique, that every call is registered, that every reference is to a declared
    /// output of an earlier step, or of the step itself once it was made, and that an undo by step names a
    /// step.
    pub fn steps(steps: &[Step]) {
        let mut before: BTreeSet<(String, String)> = BTreeSet::new();
        let names: BTreeSet<&str> = steps.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(names.len(), steps.len(), "names are unique");
        for step in steps {
            let call = &step.act.call;
            let spec = find(&call.service, &call.operation)
                .unwrap_or_else(|| panic!("{} is not registered", call.name()));
            holds(step, &call.input, &before);
            before.extend(spec.outputs.iter().map(|o| (step.name.clone(), (*o).to_owned())));
            holds(step, &serde_json::to_value(step).unwrap(), &before);
            match &step.way_back {
                WayBack::ByStep(other) => assert!(names.contains(other.as_str()), "{}: {other}", step.name),
                WayBack::Calls { rollback, kept_once, .. } => {
                    assert!(!rollback.is_empty(), "{}", step.name);
                    assert!(
                        kept_once.as_ref().is_none_or(|k| names.contains(k.step.as_str())),
                        "{}",
                        step.name
                    );
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

    /// Returns the names of the steps.
    pub fn names(steps: &[Step]) -> Vec<&str> {
        steps.iter().map(|s| s.name.as_str()).collect()
    }

    /// Returns the step with this name.
    pub fn named<'a>(steps: &'a [Step], name: &str) -> &'a Step {
        steps
            .iter()
            .find(|s| s.name == name)
            .unwrap_or_else(|| panic!("no step {name} in {:?}", names(steps)))
    }

    /// Returns the calls that undo or roll back after all these steps: `operation of step`.
    pub fn going_back(steps: &[Step], done: &[&str], purpose: crate::calls::Purpose) -> Vec<String> {
        let done: Vec<String> = done.iter().map(|d| (*d).to_owned()).collect();
        way_back(steps, &done, purpose)
            .into_iter()
            .map(|b| format!("{} {}", b.act.call.operation, b.of))
            .collect()
    }

    /// Returns whether an undo keeps the resource that a step created.
    pub fn undo_keeps(step: &Step) -> bool {
        matches!(&step.way_back, WayBack::Kept(_) | WayBack::Calls { undo: Undo::Kept(_), .. })
    }
}
