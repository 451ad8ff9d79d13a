//! What is relied on once a thing is deleted, proved positively: the volume that took its place is attached where its tag
//! says, to an instance that was started since and passes all three status checks, and its key is enabled. Whatever is
//! not known keeps the thing. It must never take the absence of bad news for good news.

use crate::{
    actions::{
        Refusal,
        support::{known, need},
    },
    checks::snapshots::NO_VOLUME,
    inventory::{FamilyKind, Instance, Region, Selector, Snapshot, Tags, Volume, Want, tag},
};

/// The state of a KMS key that can be used
/// (<https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html>).
const ENABLED: &str = "Enabled";

/// What must be read for [`volume`]: the replacement, and what it stands on.
pub(super) fn wants_of_volume(region: &str, place: &Region, volume: &str) -> Vec<Want> {
    let mut wants = vec![Want::by(region, FamilyKind::Snapshots, "volume-id", volume)];
    let new = place.volumes.get(volume).known().and_then(|v| v.tags.get(tag::REPLACED_BY));
    if let Some(new) = new {
        wants.push(Want::id(region, FamilyKind::Volumes, new));
        wants.extend(place.volumes.get(new).known().map(|new| stands_on(region, new)).unwrap_or_default());
    }
    wants
}

/// What must be read for [`snapshot`].
pub(super) fn wants_of_snapshot(region: &str, place: &Region, snapshot: &Snapshot) -> Vec<Want> {
    let Some(source) = source(snapshot) else { return Vec::new() };
    let mut wants = vec![Want::id(region, FamilyKind::Volumes, source), took_its_place(region, source)];
    let (_, made) = selected(place, source);
    wants.extend(made.iter().flat_map(|new| stands_on(region, new)));
    wants
}

fn took_its_place(region: &str, source: &str) -> Want {
    Want::by(region, FamilyKind::Volumes, "tag:redress:source", source)
}

fn stands_on(region: &str, new: &Volume) -> Vec<Want> {
    let of_instance = |id: &String| [FamilyKind::Instances, FamilyKind::InstanceStatuses].map(|family| Want::id(region, family, id));
    let instances = new.attachments.iter().flat_map(|a| of_instance(&a.instance_id));
    instances.chain(new.kms_key_id.iter().map(|key| Want::id(region, FamilyKind::Keys, key))).collect()
}

/// Whether an old volume may go, as far as its replacement is concerned.
///
/// # Errors
/// What is not proved.
pub(super) fn volume(place: &Region, old: &Volume) -> Result<(), Refusal> {
    let Some(new) = old.tags.get(tag::REPLACED_BY) else { return refused(format!("{} says not what replaced it (tag {})", old.id, tag::REPLACED_BY)) };
    let new = need(place.volumes.get(new), &format!("volume {new}"))?;
    if was_attached(&old.tags, new) {
        return in_use(place, new, &old.id);
    }
    free(place, new, &old.id)?;
    // Nobody has read the new volume yet. One copy that needs no key stays until somebody has.
    let listing = place.snapshots.select(&Selector::by("volume-id", &old.id));
    let snapshots = known(listing, &format!("the list of the snapshots of {}", old.id))?.unwrap_or_default();
    match snapshots.iter().any(|(_, s)| s.state == "completed" && !s.encrypted) {
        true => Ok(()),
        false => refused(format!("{} is the last unencrypted copy of its data, and {} was not attached yet: attach that once", old.id, new.id)),
    }
}

/// Whether a snapshot that an encryption left may go: that is said by what became of the volume it was taken of.
///
/// # Errors
/// What is not proved.
pub(super) fn snapshot(place: &Region, snapshot: &Snapshot) -> Result<(), Refusal> {
    let id = &snapshot.id;
    // What ended badly holds nothing.
    if snapshot.state == "error" {
        return Ok(());
    }
    let Some(source) = source(snapshot) else {
        return Err(Refusal::Unknown(format!("{id} is kept: of which volume it was taken is not said (tag {})", tag::SOURCE)));
    };
    let (listed, made) = selected(place, source);
    listed.map_err(|why| Refusal::Unknown(format!("{id} is kept: whether a volume took the place of {source} is not known: {why}")))?;
    let old = known(place.volumes.get(source), &format!("volume {source}, of which {id} was taken,"))?;
    // The one that is in use is the one that counts, should there be several.
    let new = made.iter().find(|v| !v.attachments.is_empty()).or_else(|| made.first()).copied();
    match (new, old) {
        (Some(new), _) if was_attached(&snapshot.tags, new) => in_use(place, new, id),
        (Some(new), _) if snapshot.encrypted => free(place, new, id),
        (Some(new), _) => refused(format!("{id} is an unencrypted copy of what {} holds, and that was not attached yet: attach it once", new.id)),
        // It was never replaced: what it was taken of is there.
        (None, Some(old)) if matches!(old.state.as_str(), "in-use" | "available") && !old.tags.contains_key(tag::REPLACED_BY) => Ok(()),
        (None, _) => refused(format!("{id} may be the last that holds the data of {source}: neither that nor a volume that took its place is there")),
    }
}

/// The volume whose data a snapshot holds. The tag counts first: the id that AWS gives as the volume of a copy is arbitrary
/// (<https://docs.aws.amazon.com/ebs/latest/userguide/ebs-copy-snapshot.html>), and redress tags its copies.
fn source(snapshot: &Snapshot) -> Option<&str> {
    let own = Some(snapshot.volume_id.as_str()).filter(|id| !id.is_empty() && *id != NO_VOLUME && !snapshot.encrypted);
    snapshot.tags.get(tag::SOURCE).map(String::as_str).or(own)
}

/// The encrypted volumes that name this one as their source, and whether that listing was read.
fn selected<'a>(place: &'a Region, source: &str) -> (Result<(), String>, Vec<&'a Volume>) {
    let listing = place.volumes.select(&Selector::by("tag:redress:source", source));
    let silence = listing.silence().map_or(Ok(()), |why| Err(why.to_owned()));
    (silence, listing.known().into_iter().flatten().map(|(_, v)| *v).filter(|v| v.encrypted).collect())
}

/// Whether the thing, or what took its place, is or was a disk of an instance.
fn was_attached(tags: &Tags, new: &Volume) -> bool {
    tags.contains_key(tag::INSTANCE) || !new.attachments.is_empty()
}

fn refused(why: String) -> Result<(), Refusal> {
    Err(Refusal::Refused(why))
}

/// Whether a volume that is a disk is one that its instance was started from and reads.
fn in_use(place: &Region, new: &Volume, what: &str) -> Result<(), Refusal> {
    let [attachment] = new.attachments.as_slice() else {
        return refused(format!("{what} is kept: {}, which took the place, is attached to {} instances", new.id, new.attachments.len()));
    };
    let said = |key: &str, is: &str| new.tags.get(key).is_none_or(|tag| tag == is);
    if attachment.state != "attached" || !said(tag::INSTANCE, &attachment.instance_id) || !said(tag::DEVICE, &attachment.device) {
        let (instance, device) = (&attachment.instance_id, &attachment.device);
        return refused(format!("{what} is kept: {} is {} at {device} of {instance}, and its tags name another place", new.id, attachment.state));
    }
    key(place, new, what)?;
    let id = &attachment.instance_id;
    let instance = need(place.instances.get(id), &format!("instance {id}"))?;
    started_since(instance, new, what)?;
    let status = need(place.instance_statuses.get(id), &format!("the status of {id}"))?;
    status.proves_health().or_else(|why| refused(format!("{what} is kept: {id}, which runs on {}, is not proved to be well: {why}", new.id)))
}

/// Whether an instance runs, on this volume, and was last started after the volume was made. `LaunchTime` is that of the
/// last start, in whole seconds (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Instance.html>).
fn started_since(instance: &Instance, new: &Volume, what: &str) -> Result<(), Refusal> {
    let id = &instance.id;
    if instance.state != "running" {
        return refused(format!("{what} is kept: {id}, whose disk {} is, is {}: that it comes up with it is shown only while it runs", new.id, instance.state));
    }
    if !instance.devices.iter().any(|d| d.volume_id == new.id && d.status == "attached") {
        return refused(format!("{what} is kept: {id} does not name {} among its disks", new.id));
    }
    match (instance.launch_time, new.create_time) {
        (Some(launched), Some(made)) if launched.as_second() >= made.as_second() => Ok(()),
        (Some(launched), Some(_)) => refused(format!("{what} is kept: {id} was last started at {launched}, before {} was made", new.id)),
        _ => Err(Refusal::Unknown(format!("{what} is kept: when {id} was last started, or when {} was made, is not known", new.id))),
    }
}

/// Whether a volume that is attached to nothing could be attached.
fn free(place: &Region, new: &Volume, what: &str) -> Result<(), Refusal> {
    match new.state.as_str() {
        "available" => key(place, new, what),
        other => refused(format!("{what} is kept: {}, which took the place, is {other}", new.id)),
    }
}

/// Whether the key of a volume can be used now.
fn key(place: &Region, new: &Volume, what: &str) -> Result<(), Refusal> {
    let Some(arn) = &new.kms_key_id else { return Err(Refusal::Unknown(format!("{what} is kept: under which key {} is encrypted is not known", new.id))) };
    let key = need(place.keys.get(arn), &format!("{what} is kept: the key {arn} of {}", new.id))?;
    match key.key_state.as_str() {
        ENABLED => Ok(()),
        other => refused(format!("{what} is kept: the key {arn} of {} is {other}, so that it could not be read after the next start", new.id)),
    }
}
