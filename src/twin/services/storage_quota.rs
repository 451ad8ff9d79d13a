//! The quotas of EBS storage, as AWS counts when it creates
//! (<https://docs.aws.amazon.com/ebs/latest/userguide/ebs-resource-quotas.html>). A quota that is not known is
//! not counted against.

use crate::{
    calls::CallError,
    inventory::{Fact, Quota, Region, Volume},
    twin::{Twin, errors::refuse},
};

/// Returns the value of a quota, AWS's default where nothing else applies, or nothing where it is not known.
fn quota(region: &Region, id: &str, default: u64) -> Option<u64> {
    match region.quotas.get(id) {
        Fact::Known(quota) => u64::try_from(quota.value).ok(),
        Fact::Absent => Some(default),
        Fact::Unknown(_) | Fact::NotRead => None,
    }
}

fn whole(value: i32) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// Returns what the known volumes of a type add up to.
fn sum(region: &Region, kind: &str, of: impl Fn(&Volume) -> i32) -> u64 {
    region.volumes.known().filter(|(_, v)| v.volume_type == kind).map(|(_, v)| whole(of(v))).sum()
}

/// Refuses a volume that exceeds the storage or the IOPS of its type.
pub(super) fn volume_fits(t: &Twin, region: &str, new: &Volume) -> Result<(), CallError> {
    let (known, kind) = (t.region(region)?, new.volume_type.as_str());
    let [tib, speed] = if kind == "io2" { [20, 100_000] } else { [50, 300_000] };
    if let Some(most) = Quota::storage(kind).and_then(|id| quota(known, id, tib)) {
        let used = sum(known, kind, |v| v.size);
        if used + whole(new.size) > most * 1024 {
            let message =
                format!("{used} GiB of {kind} and {} more exceed the quota of {most} TiB.", new.size);
            return Err(refuse("VolumeLimitExceeded", message));
        }
    }
    let iops = |v: &Volume| v.iops.unwrap_or(0);
    if let Some(most) = Quota::iops(kind).and_then(|id| quota(known, id, speed)) {
        let used = sum(known, kind, iops);
        if used + whole(iops(new)) > most {
            let message = format!("{used} IOPS of {kind} and {} more exceed the quota of {most}.", iops(new));
            return Err(refuse("MaxIOPSLimitExceeded", message));
        }
    }
    Ok(())
}

/// Refuses so many more snapshots where they exceed those of a region.
pub(super) fn snapshots_fit(t: &Twin, region: &str, more: usize) -> Result<(), CallError> {
    let known = t.region(region)?;
    let Some(most) = quota(known, Quota::SNAPSHOTS, 100_000) else { return Ok(()) };
    let used = known.snapshots.known().count();
    if (used + more) as u64 > most {
        let message = format!("{used} snapshots and {more} more exceed the quota of {most}.");
        return Err(refuse("SnapshotLimitExceeded", message));
    }
    Ok(())
}
