//! The keys of the disks on which a recovery starts an instance. A start with a key that does not work is in
//! vain, and AWS reports that only minutes after the call, so the keys are read before the plan is made and,
//! by the engine, directly before the start.

use std::collections::BTreeSet;

use crate::{
    actions::GuardNote,
    calls::{AllOutputs, Bindings, NextStart, Risk, Standing},
    inventory::{FamilyKind, Instance, Inventory, Selector, Want},
    plan::Change,
};

/// The guard's name, as `encrypt-volumes` has it.
const GUARD: &str = "restartable";

/// Returns the start to which a recovery leads, if it starts anything.
pub(super) fn start(change: &Change) -> Option<NextStart> {
    // All of its calls are literal.
    let outputs = AllOutputs::new();
    let bindings = Bindings {
        run: "",
        started: jiff::Timestamp::UNIX_EPOCH,
        change: &change.id,
        step: "start",
        attempt: 1,
        outputs: &outputs,
    };
    NextStart::ahead(change.steps.iter().map(|step| &step.act), &bindings)
}

/// Adds a guard about the keys of its disks to a recovery. An unknown key is a warning and makes the change
/// disruptive, so that a flag for safe changes does not approve it.
///
/// # Errors
/// A key that does not work, with its state and the remedy.
pub(super) fn judged(known: &Inventory, change: Change) -> Result<Change, String> {
    let Some(next) = start(&change) else { return Ok(change) };
    if let Some(why) = next.would_not(known) {
        return Err(format!(
            "{why}. Run `redress recover` again once that is set right: until then nothing is attached or \
             started"
        ));
    }
    let (note, risk) = match next.standing(known) {
        Standing::Holds => {
            (GuardNote::passed(GUARD, "the key of every encrypted disk of the start is enabled"), change.risk)
        }
        Standing::Unknown(why) => (
            GuardNote::not_checked(GUARD, format!("it may not start: {why}")),
            change.risk.max(Risk::Disruptive),
        ),
        Standing::NotYet(why) | Standing::Never(why) => return Err(why),
    };
    Ok(Change { guards: change.guards.iter().cloned().chain([note]).collect(), risk, ..change })
}

/// Returns the keys of the instance's disks, and of those that it gets back: a start needs them.
pub(super) fn of(known: &Inventory, region: &str, instance: &Instance, touches: &[Want]) -> BTreeSet<String> {
    let place = known.regions.get(region);
    let attached = instance.devices.iter().map(|d| d.volume_id.clone());
    let back = touches
        .iter()
        .filter(|w| w.family == FamilyKind::Volumes)
        .filter_map(|w| if let Selector::Id(id) = &w.selector { Some(id.clone()) } else { None });
    attached.chain(back).filter_map(|id| place?.volumes.get(&id).known()?.kms_key_id.clone()).collect()
}
