//! Snapshots, as `ec2:CreateSnapshot`, `CreateSnapshots`, `CopySnapshot` and `DeleteSnapshot` treat them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    OnTwin, bin, done, output,
    storage_quota::snapshots_fit,
    tag::{specified, within_limit},
};
use crate::{
    calls::{CallError, Outcome},
    inventory::{FamilyKind, Snapshot, Tags, Volume},
    services::snapshot::{
        CopySnapshot, CreateSnapshot, CreateSnapshots, DeleteSnapshot, InstanceSpecification,
    },
    twin::{
        FaultKind, Twin,
        effect::Effect,
        errors::{must, refuse},
        keys,
        scheduled::is_warm,
        take_away,
    },
};

impl OnTwin for CreateSnapshot {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        let tags = specified(&self.tag_specifications, "snapshot")?;
        let volume = check_volume(t, region, &self.volume_id)?;
        let mut new = of_volume(volume, self.description.as_deref());
        new.tags = tags;
        let warm = is_warm(t, region, &self.volume_id);
        snapshots_fit(t, region, 1)?;
        output("SnapshotId", begin(t, region, new, warm))
    }
}

impl OnTwin for CreateSnapshots {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        let tags = specified(&self.tag_specifications, "snapshot")?;
        let id = &self.instance_specification.instance_id;
        let mut set = Vec::new();
        for volume in volumes_of(t, region, &self.instance_specification)? {
            let volume = check_volume(t, region, &volume)?;
            let mut new = of_volume(volume, self.description.as_deref());
            new.tags.extend(tags.clone());
            within_limit(&new.tags)?;
            let warm = is_warm(t, region, &new.volume_id);
            set.push((new, warm));
        }
        if set.is_empty() {
            return Err(refuse("InvalidParameterValue", format!("{id} has no volumes to take snapshots of")));
        }
        snapshots_fit(t, region, set.len())?;
        let mut made = BTreeMap::new();
        for (new, warm) in set {
            made.insert(new.volume_id.clone(), begin(t, region, new, warm));
        }
        output(
            "Snapshots",
            made.into_iter()
                .map(|(volume, snapshot)| (volume, Value::from(snapshot)))
                .collect::<serde_json::Map<_, _>>(),
        )
    }
}

/// Returns all EBS volumes of the instance but those that are excluded. The root cannot be excluded as a data
/// volume (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceSpecification.html>).
fn volumes_of(t: &Twin, region: &str, wanted: &InstanceSpecification) -> Result<Vec<String>, CallError> {
    let id = &wanted.instance_id;
    let absent = || refuse("InvalidInstanceID.NotFound", format!("The instance ID '{id}' does not exist"));
    let instance = must(t.region(region)?.instances.get(id), id, absent)?;
    if instance.hibernation {
        return Err(refuse(
            "UnsupportedOperation",
            "snapshots of instances that can hibernate are not supported",
        ));
    }
    let root = instance
        .devices
        .iter()
        .find(|d| d.device_name == instance.root_device_name)
        .map(|d| d.volume_id.as_str());
    if let Some(wrong) = wanted
        .exclude_data_volume_ids
        .iter()
        .find(|v| Some(v.as_str()) == root || !instance.devices.iter().any(|d| d.volume_id == **v))
    {
        return Err(refuse("InvalidParameterValue", format!("{wrong} is not a data volume of {id}")));
    }
    let left_out = |volume: &str| {
        (wanted.exclude_boot_volume == Some(true) && Some(volume) == root)
            || wanted.exclude_data_volume_ids.iter().any(|v| v == volume)
    };
    Ok(instance.devices.iter().map(|d| d.volume_id.clone()).filter(|v| !left_out(v)).collect())
}

/// Returns the volume, if a snapshot of it can be begun now: no more than 5 at once (1 for st1 and sc1), 15
/// seconds apart (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>).
fn check_volume<'a>(t: &'a Twin, region: &str, id: &str) -> Result<&'a Volume, CallError> {
    let known = t.region(region)?;
    let volume = must(known.volumes.get(id), id, || {
        refuse("InvalidVolume.NotFound", format!("The volume '{id}' does not exist."))
    })?;
    if !["available", "in-use"].contains(&volume.state.as_str()) {
        return Err(refuse("IncorrectState", format!("The volume '{id}' is '{}'", volume.state)));
    }
    let (mut pending, mut newest) = (0, None);
    for (_, snapshot) in known.snapshots.known().filter(|(_, s)| s.volume_id == id) {
        pending += usize::from(snapshot.state == "pending");
        newest = newest.max(snapshot.start_time);
    }
    let at_once = if ["st1", "sc1"].contains(&volume.volume_type.as_str()) { 1 } else { 5 };
    if pending >= at_once {
        return Err(refuse(
            "ConcurrentSnapshotLimitExceeded",
            format!("Maximum allowed in-progress snapshots for {id} exceeded."),
        ));
    }
    if newest.is_some_and(|last| t.now.duration_since(last).as_secs() < 15) {
        return Err(refuse(
            "SnapshotCreationPerVolumeRateExceeded",
            format!("The maximum per volume CreateSnapshot request rate has been exceeded for {id}."),
        ));
    }
    Ok(volume)
}

fn of_volume(volume: &Volume, description: Option<&str>) -> Snapshot {
    Snapshot {
        volume_id: volume.id.clone(),
        volume_size: volume.size,
        encrypted: volume.encrypted,
        kms_key_id: volume.kms_key_id.clone(),
        description: description.unwrap_or_default().to_owned(),
        ..Snapshot::default()
    }
}

/// Begins a snapshot. The first one of a volume takes minutes; later ones hold only changes.
fn begin(t: &mut Twin, region: &str, mut new: Snapshot, warm: bool) -> String {
    let id = t.fresh("snap");
    new.id.clone_from(&id);
    new.state = "pending".to_owned();
    new.start_time = Some(t.now);
    new.storage_tier = "standard".to_owned();
    new.progress = Some("0%".to_owned());
    let size = u64::try_from(new.volume_size).unwrap_or(0);
    let seconds = if warm { 20 + size / 2 } else { 60 + 6 * size };
    let fails = t.fate == Some(FaultKind::SnapshotFails);
    let effect = if fails { Effect::SnapshotFailed(id.clone()) } else { Effect::SnapshotDone(id.clone()) };
    t.later(seconds, region, effect);
    t.made(FamilyKind::Snapshots, &id);
    t.content_kept(region, &id, &new.volume_id);
    t.region_mut(region).snapshots.put(id.clone(), new);
    id
}

impl OnTwin for CopySnapshot {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        let tags: Tags = specified(&self.tag_specifications, "snapshot")?;
        let id = &self.source_snapshot_id;
        let absent = || refuse("InvalidSnapshot.NotFound", format!("The snapshot '{id}' does not exist."));
        let source = must(t.region(&self.source_region)?.snapshots.get(id), id, absent)?.clone();
        if source.state != "completed" {
            return Err(refuse(
                "IncorrectState",
                format!("The snapshot '{id}' is '{}': only a completed one can be copied", source.state),
            ));
        }
        if self.kms_key_id.is_some() && self.encrypted != Some(true) && !source.encrypted {
            return Err(refuse(
                "InvalidParameterDependency",
                "The parameter KmsKeyId requires the parameter Encrypted to be set.",
            ));
        }
        let running = t
            .region(region)?
            .snapshots
            .known()
            .filter(|(id, s)| s.state == "pending" && t.copies.contains(*id))
            .count();
        if running >= 20 {
            return Err(refuse(
                "ResourceLimitExceeded",
                "Too many snapshot copies in progress. The limit is 20 for this destination region.",
            ));
        }
        let encrypted =
            self.encrypted == Some(true) || source.encrypted || keys::encrypted_by_default(t, region)?;
        let key = if encrypted { Some(keys::choose(t, region, self.kms_key_id.as_deref())?) } else { None };
        let source_works = !source.encrypted
            || !keys::is_broken(t.region(&self.source_region)?, source.kms_key_id.as_deref())?;
        let works = key.as_ref().is_none_or(|k| k.works) && source_works;
        let new = Snapshot {
            // "an arbitrary volume ID that you should not use for any purpose"
            // (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Snapshot.html>).
            volume_id: format!("vol-{:08x}", 0xffff_ffff_u64 - t.ids % 3),
            volume_size: source.volume_size,
            transfer_type: Some("standard".to_owned()),
            encrypted,
            kms_key_id: key.map(|k| k.arn),
            description: self.description.unwrap_or_default(),
            tags,
            ..Snapshot::default()
        };
        snapshots_fit(t, region, 1)?;
        let before = t.fate;
        if !works {
            t.fate = Some(FaultKind::SnapshotFails);
        }
        let made = begin(t, region, new, false);
        t.fate = before;
        t.content_copied(&made, id);
        t.copies.insert(made.clone());
        output("SnapshotId", made)
    }
}

impl OnTwin for DeleteSnapshot {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        let id = &self.snapshot_id;
        let snapshot = must(t.region(region)?.snapshots.get(id), id, || {
            refuse("InvalidSnapshot.NotFound", format!("The snapshot '{id}' does not exist."))
        })?;
        bin::may_delete(t, region, id)?;
        let snapshot = snapshot.clone();
        if bin::keep(t, region, id, &snapshot.tags) {
            t.bin.snapshots.insert(id.clone(), snapshot);
        }
        take_away(&mut t.region_mut(region).snapshots, id);
        if t.region(region)?.snapshot_shares.items.contains_key(id) {
            take_away(&mut t.region_mut(region).snapshot_shares, id);
        }
        done()
    }
}
