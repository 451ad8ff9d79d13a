//! Checks of backups: an instance that asks for backups has a recent, completed snapshot of each of its
//! disks. Pure rules over facts; snapshots that could not be listed never count as missing.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Check, volumes::volume};
use crate::{
    finding::{Severity, Verdict},
    inventory::{Fact, FamilyKind, Instance, Inventory, Selector, Snapshot, Tags, Want, tag},
    resource::{Kind, ResourceId},
};

/// The tag by which an instance asks for backups, unless the parameters name another.
pub const DEFAULT_TAG: &str = "Backup=true";
/// The greatest age of a backup in hours, unless the parameters give another.
pub const DEFAULT_HOURS: i64 = 24;

/// The checks of this family.
///
/// Parameters: `tag` is `Key=value` (exact, as AWS compares tags), `Key` alone for any value, empty for every
/// instance; `max_age_hours`.
pub static CHECKS: &[Check] = &[Check {
    id: "instance-backup-stale",
    title: "A disk of an instance that asks for backups has no young, completed snapshot",
    why: "What was written since the last completed snapshot is gone when the disk is.",
    severity: Severity::Medium,
    kind: Kind::Instance,
    known_as: &[("security-hub", &["EC2.28"]), ("prowler", &["ec2_ebs_volume_snapshots_exists"])],
    triggers: &["ec2:RunInstances", "ec2:AttachVolume"],
    scanned: true,
    reads: |region| {
        [FamilyKind::Instances, FamilyKind::Volumes, FamilyKind::Snapshots]
            .map(|f| Want::all(region, f))
            .to_vec()
    },
    reads_one: |inventory, resource, _| reads_one(inventory, resource),
    resources: |inventory, regions| {
        let known = regions.iter().filter_map(|r| inventory.regions.get(r).map(|region| (r, region)));
        known
            .flat_map(|(name, region)| {
                region.instances.known().map(|(id, _)| inventory.owner.instance(name, id))
            })
            .collect()
    },
    judge: stale,
    silence: |inventory, region| {
        let listing =
            inventory.regions.get(region).map_or(Fact::NotRead, |r| r.instances.select(&Selector::All));
        listing.silence().map(|why| format!("instances could not be listed: {why}"))
    },
    tags: |inventory, resource| {
        instance(inventory, resource.region(), resource.id())
            .known()
            .map_or_else(Tags::new, |i| i.tags.clone())
    },
}];

/// Returns the facts about an instance.
pub fn instance<'a>(inventory: &'a Inventory, region: &str, id: &str) -> Fact<&'a Instance> {
    inventory.regions.get(region).map_or(Fact::NotRead, |r| r.instances.get(id))
}

/// Returns the facts about a snapshot.
pub fn snapshot<'a>(inventory: &'a Inventory, region: &str, id: &str) -> Fact<&'a Snapshot> {
    inventory.regions.get(region).map_or(Fact::NotRead, |r| r.snapshots.get(id))
}

/// Returns the volume whose data a snapshot contains: for a copy, that of the tag which redress gives its
/// copies. The volume that AWS gives for a copy is arbitrary, and never counts.
pub fn source_volume(snapshot: &Snapshot) -> Option<&str> {
    snapshot.tags.get(tag::SOURCE).map(String::as_str).or_else(|| snapshot.own_volume())
}

/// Returns whether these tags contain the wanted `Key=value`, or `Key` alone; an empty one matches always.
pub fn tagged(tags: &Tags, wanted: &str) -> bool {
    match wanted.split_once('=') {
        Some((key, value)) => tags.get(key).is_some_and(|v| v == value),
        None => wanted.is_empty() || tags.contains_key(wanted),
    }
}

fn reads_one(inventory: &Inventory, resource: &ResourceId) -> Vec<Want> {
    let (region, id) = (resource.region(), resource.id());
    let mut wants = vec![Want::id(region, FamilyKind::Instances, id)];
    let Fact::Known(instance) = instance(inventory, region, id) else { return wants };
    for device in &instance.devices {
        wants.push(Want::id(region, FamilyKind::Volumes, &device.volume_id));
        wants.push(Want::by(region, FamilyKind::Snapshots, "volume-id", &device.volume_id));
        let Some(origin) =
            volume(inventory, region, &device.volume_id).known().and_then(|v| v.snapshot_id.as_ref())
        else {
            continue;
        };
        wants.push(Want::id(region, FamilyKind::Snapshots, origin));
        let Fact::Known(origin) = snapshot(inventory, region, origin) else { continue };
        wants.extend(source_volume(origin).map(|v| Want::by(region, FamilyKind::Snapshots, "volume-id", v)));
    }
    wants
}

fn stale(inventory: &Inventory, resource: &ResourceId, with: &Value) -> Verdict {
    let wanted = with.get("tag").and_then(Value::as_str).unwrap_or(DEFAULT_TAG);
    let hours = with.get("max_age_hours").and_then(Value::as_i64).unwrap_or(DEFAULT_HOURS);
    let most = SignedDuration::from_secs(hours.saturating_mul(60 * 60));
    let region = resource.region();
    let instance = match instance(inventory, region, resource.id()) {
        Fact::Known(instance) => instance,
        Fact::Absent => return Verdict::Ok(Some("it no longer exists".to_owned())),
        silent => {
            return Verdict::Unknown(format!("{}: {}", resource.id(), silent.silence().unwrap_or_default()));
        }
    };
    if !tagged(&instance.tags, wanted) {
        return Verdict::Ok(None);
    }
    match instance.state.as_str() {
        "running" | "stopped" => {}
        "pending" | "stopping" | "shutting-down" | "terminated" => return Verdict::Ok(None),
        other => return Verdict::Unknown(format!("{}: its state is {other}", resource.id())),
    }
    if instance.devices.is_empty() {
        return Verdict::Ok(Some("it has no EBS volumes".to_owned()));
    }
    let now = inventory.read_at;
    let (mut old, mut unsure) = (Vec::new(), Vec::new());
    for device in &instance.devices {
        let backups = backups(inventory, region, &device.volume_id);
        let newest = backups.found.iter().max_by_key(|(time, _)| *time);
        let young = newest.is_some_and(|(time, _)| now.duration_since(*time) < most);
        match backups.silence {
            _ if young => {}
            Some(why) => unsure.push(format!("{} at {}: {why}", device.volume_id, device.device_name)),
            None => old.push(json!({
                "volume": device.volume_id, "device": device.device_name,
                "newest_snapshot": newest.map(|(_, id)| id), "taken": newest.map(|(time, _)| time),
            })),
        }
    }
    match (old.is_empty(), unsure.is_empty()) {
        (false, _) => Verdict::Violates(json!({ "max_age_hours": hours, "volumes": old })),
        (true, false) => Verdict::Unknown(unsure.join("; ")),
        (true, true) => Verdict::Ok(None),
    }
}

/// The completed snapshots that contain a disk's data, and the reason for which there may be more.
struct Backups<'a> {
    found: Vec<(Timestamp, &'a str)>,
    silence: Option<String>,
}

/// Returns the snapshots of the volume, the one that it was created from, and those of the volume that this
/// one was taken of: until this volume was created, that one held its data.
fn backups<'a>(inventory: &'a Inventory, region: &str, id: &str) -> Backups<'a> {
    let mut all = Backups { found: Vec::new(), silence: None };
    let Some(place) = inventory.regions.get(region) else {
        return Backups { silence: Some("not read".to_owned()), ..all };
    };
    all.take(place.snapshots.select(&Selector::by("volume-id", id)), None, Some(id));
    match place.volumes.get(id) {
        Fact::Known(volume) => {
            let Some(origin) = &volume.snapshot_id else { return all };
            match place.snapshots.get(origin) {
                Fact::Known(snapshot) => {
                    all.take(Fact::Known(vec![(snapshot.id.as_str(), snapshot)]), None, None);
                    if let Some(source) = source_volume(snapshot).filter(|s| *s != id) {
                        all.take(
                            place.snapshots.select(&Selector::by("volume-id", source)),
                            volume.create_time,
                            Some(source),
                        );
                    }
                }
                // The snapshot is somebody else's (an image's), or was pruned: then it contains nothing for
                // this account.
                Fact::Absent => {}
                silent => {
                    all.silence = silent
                        .silence()
                        .map(|why| format!("the snapshot {origin} that it was made from: {why}"))
                }
            }
        }
        Fact::Absent => all.silence = Some("the volume does not exist".to_owned()),
        silent => all.silence = silent.silence().map(|why| format!("the volume: {why}")),
    }
    all
}

impl<'a> Backups<'a> {
    /// Takes the completed snapshots of a listing, of this volume alone where one is given.
    fn take(&mut self, listing: Fact<Vec<(&str, &'a Snapshot)>>, until: Option<Timestamp>, of: Option<&str>) {
        let is_of = |s: &Snapshot| of.is_none_or(|of| source_volume(s) == Some(of));
        match listing {
            Fact::Known(items) => {
                // The listing by volume also contains copies to which AWS has given that volume's id.
                let completed = items.into_iter().filter(|(_, s)| s.state == "completed" && is_of(s));
                let timed = completed.filter_map(|(_, s)| s.start_time.map(|time| (time, s.id.as_str())));
                self.found.extend(timed.filter(|(time, _)| until.is_none_or(|u| *time <= u)));
            }
            Fact::Absent => {}
            silent => {
                self.silence = silent.silence().map(|why| format!("snapshots could not be listed: {why}"))
            }
        }
    }
}

#[cfg(test)]
mod tests;
