//! Fits an undo to the account as it is when the undo is planned. An instance that was stopped since the run
//! is safest as it is: the steps that would stop and start it are left out, and it stays off. All other
//! differences are named and left alone. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    actions::concern::Concerns,
    calls::{Power, Step, mark},
    inventory::{FamilyKind, Inventory, Selector, Want},
    plan::{Change, restore},
};

/// The state of an instance that is off.
const OFF: &str = "stopped";
/// The prefix of the text about other changes since the run.
const OTHERS: &str = "changed since the run by somebody else, and left so: ";

/// The members that the changes of an undo restore, each by its thing, with its value at the end of the run.
pub(super) struct Restored(BTreeMap<(String, String), BTreeSet<String>>);

impl Restored {
    /// Gathers them from the changes.
    pub(super) fn by(changes: &[Change]) -> Self {
        let mut all: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
        for restore in changes.iter().filter_map(|change| change.restore.as_ref()) {
            for (thing, found) in restore.found.as_object().into_iter().flatten() {
                let to = restore.to.get(thing);
                let differs =
                    |(name, value): &(&String, &Value)| to.and_then(|to| to.get(name)) != Some(value);
                for (name, value) in found.as_object().into_iter().flatten().filter(differs) {
                    all.entry((thing.clone(), name.clone())).or_default().insert(value.to_string());
                }
            }
        }
        Self(all)
    }

    /// Checks whether a member is as a change of the run has left it, which the undo restores.
    fn has(&self, thing: &str, member: &str, now: &Value) -> bool {
        let value = now.get(thing).and_then(|thing| thing.get(member));
        value.is_some_and(|value| {
            self.0
                .get(&(thing.to_owned(), member.to_owned()))
                .is_some_and(|values| values.contains(&value.to_string()))
        })
    }
}

/// Fits the undo of one change to the present facts of the account. A difference that another change of the
/// same undo restores is nobody else's.
pub(super) fn take(change: &mut Change, facts: &Inventory, restored: &Restored) {
    let off: BTreeSet<String> =
        bracketed(&change.steps).into_iter().filter(|id| is_off(facts, &change.region, id)).collect();
    if !off.is_empty() {
        without_turns(change, &off);
        let now = facts.footprint(&change.touches);
        stays_off(change, &now, &off);
    }
    let Some(to) = &change.restore else { return };
    let now = facts.footprint(&change.touches);
    let mut others = restore::foreign(change, to, &now).others;
    for (thing, members) in &mut others {
        members.retain(|member| !restored.has(thing, member, &now));
    }
    others.retain(|_, members| !members.is_empty());
    if !others.is_empty() {
        change.impact.push(format!("{OTHERS}{}", restore::words(&others)));
    }
}

/// Fits the undo of one change as the same undo was fitted when it was planned: the account has changed
/// since, through this undo itself. An instance that the planned undo neither stops nor starts was off then,
/// and is off in every footprint that it compares.
pub(super) fn take_as(change: &mut Change, planned: &Change) {
    let turned = bracketed(&planned.steps);
    let then = planned.restore.as_ref().map(|restore| restore.found.clone()).unwrap_or_default();
    let off: BTreeSet<String> = bracketed(&change.steps)
        .into_iter()
        .filter(|id| !turned.contains(id) && shown_off(change, &then, id))
        .collect();
    if !off.is_empty() {
        without_turns(change, &off);
        stays_off(change, &then, &off);
    }
    // Of the text on the impact, only the changes by others belong to the moment of planning.
    change.impact.extend(planned.impact.iter().filter(|line| line.starts_with(OTHERS)).cloned());
}

/// Leaves out the steps that stop and start these instances, and notes it in the impact.
fn without_turns(change: &mut Change, off: &BTreeSet<String>) {
    change.impact.extend(
        off.iter()
            .map(|id| format!("{id} is {OFF} now, and stays so: this undo neither stops nor starts it")),
    );
    change.steps.retain(|step| {
        step.act.power() == Power::Stays || !step.act.call.instances().all(|id| off.contains(id))
    });
    mark::stays_down(&mut change.steps, off);
}

/// Returns the ids of the instances that these steps stop and start again.
fn bracketed(steps: &[Step]) -> BTreeSet<String> {
    let mut down = BTreeSet::new();
    let mut both = BTreeSet::new();
    for step in steps {
        match step.act.power() {
            Power::TakesDown => down.extend(step.act.call.instances()),
            Power::BringsUp => {
                both.extend(step.act.call.instances().filter(|id| down.contains(id)).map(str::to_owned))
            }
            Power::Stays => {}
        }
    }
    both
}

fn is_off(facts: &Inventory, region: &str, id: &str) -> bool {
    facts
        .json(region, FamilyKind::Instances, id)
        .known()
        .and_then(|instance| instance.get("state"))
        .is_some_and(|state| state == OFF)
}

/// Checks whether a footprint shows an instance as off.
fn shown_off(change: &Change, footprint: &Value, id: &str) -> bool {
    let things =
        change.touches.iter().filter(|want| matches!(&want.selector, Selector::Id(one) if one == id));
    let states = things.filter_map(|want| footprint.get(want.to_string())?.get("state"));
    states.into_iter().any(|state| state == OFF)
}

/// Sets these instances in both footprints of the undo, at its beginning and its end, to the state that is
/// shown.
fn stays_off(change: &mut Change, shown: &Value, off: &BTreeSet<String>) {
    let concerns = Concerns::of(change.action.iter());
    let Some(restore) = &mut change.restore else { return };
    let is_one = |want: &&Want| matches!(&want.selector, Selector::Id(id) if off.contains(id));
    for want in change.touches.iter().filter(is_one) {
        let key = want.to_string();
        for member in concerns.power(want.family) {
            let value = shown.get(&key).and_then(|thing| thing.get(member)).cloned().unwrap_or(Value::Null);
            for footprint in [&mut restore.found, &mut restore.to] {
                if let Some(Value::Object(thing)) = footprint.get_mut(&key) {
                    thing.insert(member.to_owned(), value.clone());
                }
            }
        }
    }
}
