//! The state of a disk that a snapshot contains. The replacement of a disk is made from snapshots that were
//! taken when nothing could write to it any more; snapshots taken before the stop only shorten the stop. In
//! the account the tag of the step distinguishes the two. Pure.

use serde_json::Value;

use super::{
    disks::{Copies, Disks},
    labels::tag_in,
};
use crate::{
    actions::encrypt_volumes::is_warm,
    calls::{Act, Call, Test},
    inventory::{FamilyKind, tag},
    resource::Kind,
};

/// Checks that a snapshot, named by its id or as the output of a step that is yet to be done, contains the
/// last that was written to its disk.
///
/// # Errors
/// The reason for which it does not.
pub(super) fn is_final(disks: &Disks<'_>, snapshot: &Value) -> Result<(), String> {
    let Some(Copies { steps, there }) = disks.made_by(snapshot) else {
        return Err(format!("names {snapshot}, which no step of the change makes"));
    };
    if let Some((step, _)) = steps.iter().find(|(step, _)| is_warm(&step.name)) {
        return Err(format!("goes by what {} makes, after which the disk is written again", step.name));
    }
    there.map_or(Ok(()), |id| is_there(disks, &id))
}

fn is_there(disks: &Disks<'_>, id: &str) -> Result<(), String> {
    let Some(snapshot) = disks.snapshot(id) else {
        return Err(format!("names {id}, and the account has no such snapshot"));
    };
    if !disks.made(&snapshot.tags) {
        return Err(format!("goes by {id}, which the run did not make, as the account shows"));
    }
    match snapshot.tags.get(tag::STEP).and_then(|step| step.rsplit('/').next()) {
        Some(step) if !is_warm(step) => Ok(()),
        Some(_) => Err(format!("goes by {id}, after which the disk was written again, as the account shows")),
        None => Err(format!("goes by {id}, and the account does not show of which step that is")),
    }
}

/// Checks that a call that makes a snapshot, a copy of one, or a copy of a volume matches the purpose of its
/// step: the final ones are taken while nothing can write to the disks, whatever a file claims about that,
/// and copied from nothing else. Without any precondition the engine sets its own.
///
/// # Errors
/// The resource that could be written meanwhile.
pub(super) fn holds_what_its_step_says(disks: &Disks<'_>, act: &Act) -> Result<(), String> {
    let call = &act.call;
    if step_of(call).is_some_and(is_warm) {
        return Ok(());
    }
    if let Some(source) = call.input.get("SourceSnapshotId") {
        return is_final(disks, source);
    }
    // A volume on its own is attached to nothing; those of an instance are at rest while it is stopped.
    let alone = disks.change.resource.kind() == Kind::Volume;
    let (family, still) =
        if alone { (FamilyKind::Volumes, "available") } else { (FamilyKind::Instances, "stopped") };
    let id = disks.change.resource.id();
    let quiet = |test: &Test| matches!(test, Test::Is(state) if *state == still);
    let looks =
        act.before.iter().any(|e| e.family == family && e.id == id && e.at == "/state" && quiet(&e.test));
    match looks || (act.before.is_empty() && act.observe.is_empty()) {
        true => Ok(()),
        false => {
            let takes =
                if call.operation == "CopyVolumes" { "copies a disk" } else { "takes the last snapshot" };
            Err(format!("{takes} without looking whether {id} is {still}"))
        }
    }
}

/// Returns the step that a call names in the tags of the resource that it makes.
fn step_of(call: &Call) -> Option<&str> {
    tag_in(call, tag::STEP)?.rsplit('/').next()
}
