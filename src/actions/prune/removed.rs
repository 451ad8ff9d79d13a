//! The obstacles to a deletion, and the recovery after it: images, locks and the Recycle Bin.

use crate::{
    actions::{Proposal, Refusal, make},
    calls::{Act, Call},
    inventory::{Fact, FamilyKind, Inventory, Region, Removal, Tags, Want, removal::PUBLIC},
    resource::{Kind, ResourceId},
    services::{
        Planned,
        snapshot::{DeleteSnapshot, RestoreSnapshotFromRecycleBin},
        volume::{DeleteVolume, RestoreVolumeFromRecycleBin},
    },
};

/// Checks that a snapshot may be deleted: no image is made of it and nothing locks it, since AWS refuses the
/// deletion otherwise (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSnapshot.html>), and
/// no other account may use it, since AWS gives such accounts no warning
/// (<https://docs.aws.amazon.com/ebs/latest/userguide/ebs-modifying-snapshot-permissions.html>).
///
/// # Errors
/// A refusal with the obstacle, or with the reason for which it cannot be determined.
pub(super) fn allowed(place: &Region, id: &str) -> Result<(), Refusal> {
    let unknown = |what: &str, why: Option<&str>| {
        Refusal::Unknown(format!(
            "{id} is kept: redress could not find out whether {what}: {}",
            why.unwrap_or("the answer holds no value")
        ))
    };
    let removal = match place.removals.get(id) {
        Fact::Known(removal) => removal,
        Fact::Absent => return Ok(()),
        silent => return Err(unknown("an image uses it", silent.silence())),
    };
    match &removal.images {
        Fact::Known(images) if images.is_empty() => {}
        Fact::Known(images) => {
            return Err(Refusal::Refused(format!(
                "{id} is part of the image {}: deregister that first, if it is not needed",
                images.join(", ")
            )));
        }
        images => return Err(unknown("an image uses it", images.silence())),
    }
    match &removal.lock {
        Fact::Absent => {}
        Fact::Known(state) => {
            return Err(Refusal::Refused(format!(
                "{id} is locked ({state}): it stays until its lock has expired or is taken off"
            )));
        }
        lock => return Err(unknown("it is locked", lock.silence())),
    }
    match &removal.shared {
        Fact::Known(accounts) if accounts.is_empty() => Ok(()),
        Fact::Known(accounts) => Err(Refusal::Refused(format!(
            "{id} is shared {}: who uses it would lose it without a word; make it private first, if nobody \
             needs it (`aws ec2 reset-snapshot-attribute --snapshot-id {id} --attribute \
             createVolumePermission`)",
            with(accounts)
        ))),
        shared => Err(unknown("others may use it", shared.silence())),
    }
}

/// Returns the accounts in words: `with everybody`, `with the account 111122223333 and everybody`.
fn with(accounts: &[String]) -> String {
    let one = |account: &String| {
        if account == PUBLIC { "everybody".to_owned() } else { format!("the account {account}") }
    };
    format!("with {}", accounts.iter().map(one).collect::<Vec<_>>().join(" and "))
}

/// Completes the proposal with the chance of recovery after the deletion.
pub(super) fn told(mut proposal: Proposal, place: &Region, id: &str, tags: &Tags) -> Proposal {
    let cannot_tell = |why: &str| {
        format!(
            "whether it can be recovered after the deletion cannot be told: the rules of the Recycle Bin are \
             not known ({why})"
        )
    };
    let gone = || "it is gone for good: no rule of the Recycle Bin keeps it".to_owned();
    proposal.impact.push(match place.removals.get(id) {
        Fact::Known(removal) => match removal.kept_by(tags) {
            Fact::Known(rule) => {
                let days = rule.days;
                format!(
                    "it is recoverable for {days} days after the deletion: the rule {} of the Recycle Bin \
                     keeps it, and `redress undo` restores it",
                    rule.id
                )
            }
            Fact::Absent => gone(),
            silent => cannot_tell(silent.silence().unwrap_or_default()),
        },
        Fact::Absent => gone(),
        silent => cannot_tell(silent.silence().unwrap_or_default()),
    });
    proposal
}

/// Returns the act that restores a deleted resource while the Recycle Bin has it; `None` for calls that
/// delete nothing.
pub fn restore(deletion: &Call) -> Option<Act> {
    let region = deletion.region.as_str();
    let named = |member: &str| deletion.input.get(member)?.as_str();
    let (call, family, id) = if deletion.is::<DeleteSnapshot>() {
        let id = named("SnapshotId")?;
        (
            Call::of(region, &RestoreSnapshotFromRecycleBin::<Planned> { snapshot_id: id.into() }),
            FamilyKind::Snapshots,
            id,
        )
    } else if deletion.is::<DeleteVolume>() {
        let id = named("VolumeId")?;
        (
            Call::of(region, &RestoreVolumeFromRecycleBin::<Planned> { volume_id: id.into() }),
            FamilyKind::Volumes,
            id,
        )
    } else {
        return None;
    };
    let good: &[&str] = if family == FamilyKind::Snapshots { &["completed"] } else { &["available"] };
    let there = || vec![make::state(region, family, id, good, &["error"])];
    let held = make::is(region, FamilyKind::Removals, id, "/in_bin/known", true)
        .meaning(&format!("{id} is not in the Recycle Bin"));
    Some(make::act_until(call, there(), 1800, "until it is there again").only_if(vec![held]))
}

/// Checks that the resource that a change of prune deleted is in the Recycle Bin.
///
/// # Errors
/// The reason if it is not, or if that cannot be determined.
pub fn in_bin(resource: &ResourceId, facts: &Inventory) -> Result<(), String> {
    let id = resource.id();
    let removal =
        facts.regions.get(resource.region()).map_or(Fact::NotRead, |region| region.removals.get(id));
    let family = if resource.kind() == Kind::Volume { FamilyKind::Volumes } else { FamilyKind::Snapshots };
    // A resource that somebody else has restored exists again.
    if facts.json(resource.region(), family, id).known().is_some() {
        return Ok(());
    }
    match removal {
        Fact::Known(Removal { in_bin: Fact::Known(true), .. }) => Ok(()),
        Fact::Known(Removal { in_bin: Fact::Known(false), .. }) | Fact::Absent => {
            Err(format!("{id} is not in the Recycle Bin: no rule kept it, or its time there is over"))
        }
        Fact::Known(removal) => Err(format!(
            "redress could not find out whether {id} is in the Recycle Bin: {}",
            removal.in_bin.silence().unwrap_or("the answer holds no value")
        )),
        silent => Err(format!(
            "redress could not find out whether {id} is in the Recycle Bin: {}",
            silent.silence().unwrap_or_default()
        )),
    }
}

/// Returns the facts to read for [`in_bin`].
pub fn wants(resource: &ResourceId) -> [Want; 2] {
    let family = if resource.kind() == Kind::Volume { FamilyKind::Volumes } else { FamilyKind::Snapshots };
    [family, FamilyKind::Removals].map(|family| Want::id(resource.region(), family, resource.id()))
}
