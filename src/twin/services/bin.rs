//! The Recycle Bin, as deletions fill it and `ec2:RestoreSnapshotFromRecycleBin` and
//! `RestoreVolumeFromRecycleBin` empty it.

use super::{OnTwin, done};
use crate::{
    calls::{CallError, Outcome},
    inventory::{Fact, Record, Region, Removal, Snapshot, Tags, Volume},
    services::{snapshot::RestoreSnapshotFromRecycleBin, volume::RestoreVolumeFromRecycleBin},
    twin::{
        Twin,
        effect::Effect,
        errors::{refuse, unknown},
    },
};

const DAY: u64 = 86_400;

/// Refuses the deletion of a snapshot that an image uses or a lock holds
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSnapshot.html>).
pub(super) fn may_delete(t: &Twin, region: &str, id: &str) -> Result<(), CallError> {
    let Fact::Known(removal) = t.region(region)?.removals.get(id) else { return Ok(()) };
    if let Some(image) = removal.images.known().and_then(|all| all.first()) {
        return Err(refuse(
            "InvalidSnapshot.InUse",
            format!("The snapshot {id} is currently in use by {image}"),
        ));
    }
    match removal.lock.known() {
        Some(state) => {
            Err(refuse("OperationNotPermitted", format!("The snapshot {id} is locked in state {state}")))
        }
        None => Ok(()),
    }
}

/// Moves a deleted resource to the bin, if a rule of the region keeps it; returns whether one does.
pub(super) fn keep(t: &mut Twin, region: &str, id: &str, tags: &Tags) -> bool {
    let days = t.region(region).ok().and_then(|r| {
        r.removals.get(id).known().and_then(|removal| removal.kept_by(tags).known().map(|rule| rule.days))
    });
    let Some(days) = days.and_then(|days| u64::try_from(days).ok()).filter(|days| *days > 0) else {
        return false;
    };
    let seconds = days.saturating_mul(DAY);
    let until = t.now.checked_add(std::time::Duration::from_secs(seconds)).ok();
    t.later(seconds, region, Effect::LeavesBin(id.to_owned()));
    if let Some(removal) = t.region_mut(region).removals.get_mut(id) {
        (removal.in_bin, removal.in_bin_until) = (Fact::Known(true), until);
    }
    true
}

/// Removes a resource from the bin.
pub(in crate::twin) fn leave(t: &mut Twin, region: &str, id: &str) {
    if let Some(removal) = t.region_mut(region).removals.get_mut(id) {
        (removal.in_bin, removal.in_bin_until) = (Fact::Known(false), None);
    }
}

impl OnTwin for RestoreSnapshotFromRecycleBin {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        restore(
            t,
            region,
            &self.snapshot_id,
            "InvalidSnapshot.NotFound",
            |t| t.bin.snapshots.remove(&self.snapshot_id),
            |r, s: Snapshot| r.snapshots.put(s.id.clone(), s),
        )
    }
}

impl OnTwin for RestoreVolumeFromRecycleBin {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        restore(
            t,
            region,
            &self.volume_id,
            "InvalidVolume.NotFound",
            |t| t.bin.volumes.remove(&self.volume_id),
            |r, v: Volume| r.volumes.put(v.id.clone(), v),
        )
    }
}

fn restore<T: Record>(
    t: &mut Twin,
    region: &str,
    id: &str,
    code: &'static str,
    take: impl FnOnce(&mut Twin) -> Option<T>,
    put: impl FnOnce(&mut Region, T),
) -> Outcome {
    match t.region(region)?.removals.get(id) {
        Fact::Known(Removal { in_bin: Fact::Known(true), .. }) => {}
        Fact::Known(Removal { in_bin: Fact::Known(false) | Fact::Absent, .. }) | Fact::Absent => {
            return Err(refuse(code, format!("'{id}' is not in the Recycle Bin")));
        }
        _ => return Err(unknown(id, "whether it is in the Recycle Bin was not read")),
    }
    let Some(thing) = take(t) else { return Err(unknown(id, "what is in the Recycle Bin was not read")) };
    put(t.region_mut(region), thing);
    leave(t, region, id);
    done()
}
