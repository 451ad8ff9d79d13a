//! The replacement that is relied on once a resource is deleted, proved positively: it is attached where its
//! tag names the place, to an instance that was started since and passes all three status checks, and its key
//! is enabled. Whatever is not known keeps the resource. The absence of bad news must never be taken for good
//! news.

use crate::{
    actions::{
        Refusal,
        support::{known, need},
    },
    inventory::{Attachment, FamilyKind, Instance, Region, Selector, Snapshot, Tags, Volume, Want, tag},
};

/// Returns the facts to read for [`volume`]: the replacement, and the instance and key that it depends on.
pub(super) fn wants_of_volume(region: &str, place: &Region, volume: &str) -> Vec<Want> {
    let mut wants = vec![Want::by(region, FamilyKind::Snapshots, "volume-id", volume)];
    let Some(tags) = place.volumes.get(volume).known().map(|v| &v.tags) else { return wants };
    match (tags.get(tag::REPLACED_BY), tags.get(tag::SOURCE)) {
        (Some(new), _) => {
            wants.push(Want::id(region, FamilyKind::Volumes, new));
            wants
                .extend(place.volumes.get(new).known().map(|new| stands_on(region, new)).unwrap_or_default());
        }
        (None, Some(source)) => wants.extend(wants_of_source(region, place, source)),
        (None, None) => {}
    }
    wants
}

/// Returns the facts to read for [`snapshot`].
pub(super) fn wants_of_snapshot(region: &str, place: &Region, snapshot: &Snapshot) -> Vec<Want> {
    source(snapshot).map(|source| wants_of_source(region, place, source)).unwrap_or_default()
}

/// Returns the facts that show where the data of a volume is: the volume itself, and all that were created
/// from it.
fn wants_of_source(region: &str, place: &Region, source: &str) -> Vec<Want> {
    let mut wants = vec![Want::id(region, FamilyKind::Volumes, source), took_its_place(region, source)];
    let (_, made) = selected(place, source);
    let old = place.volumes.get(source).known().copied();
    wants.extend(made.into_iter().chain(old).flat_map(|volume| stands_on(region, volume)));
    wants
}

fn took_its_place(region: &str, source: &str) -> Want {
    Want::by(region, FamilyKind::Volumes, "tag:redress:source", source)
}

fn stands_on(region: &str, new: &Volume) -> Vec<Want> {
    let of_instance = |id: &str| {
        [FamilyKind::Instances, FamilyKind::InstanceStatuses].map(|family| Want::id(region, family, id))
    };
    let instances = new.attachments.iter().filter_map(Attachment::instance).flat_map(of_instance);
    instances.chain(new.kms_key_id.iter().map(|key| Want::id(region, FamilyKind::Keys, key))).collect()
}

/// Checks that an old volume may be deleted, as far as its replacement is concerned.
///
/// # Errors
/// A refusal that names the fact that is not proved.
pub(super) fn volume(place: &Region, old: &Volume) -> Result<(), Refusal> {
    let Some(new) = old.tags.get(tag::REPLACED_BY) else {
        return refused(format!("{} does not name what replaced it (tag {})", old.id, tag::REPLACED_BY));
    };
    let new = need(place.volumes.get(new), &format!("volume {new}"))?;
    if was_attached(&old.tags, new) {
        return in_use(place, new, &new.tags, &old.id);
    }
    free(place, new, &old.id)?;
    // Nobody has read the new volume yet. One copy that needs no key stays until somebody has.
    let listing = place.snapshots.select(&Selector::by("volume-id", &old.id));
    let snapshots = known(listing, &format!("the list of the snapshots of {}", old.id))?.unwrap_or_default();
    let readable =
        |s: &Snapshot| s.state == "completed" && !s.encrypted && s.own_volume() == Some(old.id.as_str());
    match snapshots.iter().any(|(_, s)| readable(s)) {
        true => Ok(()),
        false => refused(format!(
            "{} is the last unencrypted copy of its data, and {} was not attached yet: attach that once",
            old.id, new.id
        )),
    }
}

/// Checks that a snapshot that an encryption left may be deleted: the fate of its source volume decides.
///
/// # Errors
/// A refusal that names the fact that is not proved.
pub(super) fn snapshot(place: &Region, snapshot: &Snapshot) -> Result<(), Refusal> {
    let id = &snapshot.id;
    // A failed snapshot contains nothing.
    if snapshot.state == "error" {
        return Ok(());
    }
    let Some(source) = source(snapshot) else {
        return Err(Refusal::Unknown(format!(
            "{id} is kept: the volume that it was taken of is not recorded (tag {})",
            tag::SOURCE
        )));
    };
    let (listed, made) = selected(place, source);
    listed.map_err(|why| {
        Refusal::Unknown(format!(
            "{id} is kept: redress could not find out whether a volume took the place of {source}: {why}"
        ))
    })?;
    let old = known(place.volumes.get(source), &format!("volume {source}, of which {id} was taken,"))?;
    let back = old.filter(|old| {
        matches!(old.state.as_str(), "in-use" | "available") && !old.tags.contains_key(tag::REPLACED_BY)
    });
    // If there are several, the one that is in use counts.
    match (made.iter().copied().find(|v| !v.attachments.is_empty()), back, made.first()) {
        (Some(new), _, _) => in_use(place, new, &new.tags, id),
        // An undo has put the source back.
        (None, Some(old), _) if was_put_back(old, snapshot) => in_use(place, old, &snapshot.tags, id),
        // The source was never replaced, and still exists.
        (None, Some(_), _) => Ok(()),
        (None, None, Some(new)) if snapshot.tags.contains_key(tag::INSTANCE) => {
            in_use(place, new, &new.tags, id)
        }
        (None, None, Some(new)) if snapshot.encrypted => free(place, new, id),
        (None, None, Some(new)) => refused(format!(
            "{id} is an unencrypted copy of what {} holds, and that was not attached yet: attach it once",
            new.id
        )),
        (None, None, None) => refused(format!(
            "{id} may be the last that holds the data of {source}: neither that nor a volume that took its \
             place is there"
        )),
    }
}

/// Returns whether a volume was attached again after a snapshot of it was started.
fn was_put_back(old: &Volume, snapshot: &Snapshot) -> bool {
    !old.attachments.is_empty()
        && old.attached_at.zip(snapshot.start_time).is_some_and(|(attached, begun)| attached >= begun)
}

/// Returns the volume in use that took the place of a detached volume which redress created: the one that it
/// was created from, put back by an undo, or another that was created from the same. `None` if none is in
/// use.
///
/// # Errors
/// A refusal that names the fact that is not known.
pub(super) fn holder<'a>(
    place: &'a Region,
    left: &Volume,
    source: &str,
) -> Result<Option<&'a Volume>, Refusal> {
    let id = &left.id;
    let old =
        known(place.volumes.get(source), &format!("{id} is kept: volume {source}, from which it was made,"))?;
    if let Some(old) = old.filter(|old| !old.attachments.is_empty()) {
        return Ok(Some(old));
    }
    let (listed, made) = selected(place, source);
    listed.map_err(|why| {
        Refusal::Unknown(format!(
            "{id} is kept: redress could not find out whether another volume took the place of {source}: \
             {why}"
        ))
    })?;
    Ok(made.into_iter().find(|v| v.id != *id && !v.attachments.is_empty()))
}

/// Checks that a detached volume that an undo left may be deleted: the volume in its place is proved to be in
/// use. Where none is in use, the volume that it was created from must exist, unencrypted, and not be
/// replaced.
///
/// # Errors
/// A refusal that names the fact that is not proved.
pub(super) fn left(place: &Region, left: &Volume, source: &str) -> Result<(), Refusal> {
    if let Some(holder) = holder(place, left, source)? {
        return in_use(place, holder, &left.tags, &left.id);
    }
    let old = known(
        place.volumes.get(source),
        &format!("{} is kept: volume {source}, from which it was made,", left.id),
    )?;
    match old.is_some_and(|old| {
        old.state == "available" && !old.encrypted && !old.tags.contains_key(tag::REPLACED_BY)
    }) {
        true => Ok(()),
        false => refused(format!(
            "{} may be the only one that holds its data: {source}, from which it was made, is not in use \
             again",
            left.id
        )),
    }
}

/// Returns the volume whose data a snapshot contains. The tag counts first: the id that AWS gives as the
/// volume of a copy is arbitrary (<https://docs.aws.amazon.com/ebs/latest/userguide/ebs-copy-snapshot.html>),
/// and redress tags its copies.
fn source(snapshot: &Snapshot) -> Option<&str> {
    let own = snapshot.own_volume().filter(|_| !snapshot.encrypted);
    snapshot.tags.get(tag::SOURCE).map(String::as_str).or(own)
}

/// Returns the encrypted volumes that name this one as their source, and whether that listing was read.
fn selected<'a>(place: &'a Region, source: &str) -> (Result<(), String>, Vec<&'a Volume>) {
    let listing = place.volumes.select(&Selector::by("tag:redress:source", source));
    let silence = listing.silence().map_or(Ok(()), |why| Err(why.to_owned()));
    (silence, listing.known().into_iter().flatten().map(|(_, v)| *v).filter(|v| v.encrypted).collect())
}

/// Returns whether the resource, or its replacement, is or was a disk of an instance.
fn was_attached(tags: &Tags, new: &Volume) -> bool {
    tags.contains_key(tag::INSTANCE) || !new.attachments.is_empty()
}

fn refused(why: String) -> Result<(), Refusal> {
    Err(Refusal::Refused(why))
}

/// Checks that a volume is a disk that its instance was started from and reads, at the place that these tags
/// name.
fn in_use(place: &Region, new: &Volume, tags: &Tags, what: &str) -> Result<(), Refusal> {
    let [attachment] = new.attachments.as_slice() else {
        return refused(format!(
            "{what} is kept: {}, which took the place, is attached to {} instances",
            new.id,
            new.attachments.len()
        ));
    };
    let said = |key: &str, is: &str| tags.get(key).is_none_or(|tag| tag == is);
    if attachment.state != "attached"
        || !said(tag::INSTANCE, &attachment.instance_id)
        || !said(tag::DEVICE, &attachment.device)
    {
        let (instance, device) = (&attachment.instance_id, &attachment.device);
        return refused(format!(
            "{what} is kept: {} is {} at {device} of {instance}, and the tags name another place",
            new.id, attachment.state
        ));
    }
    key(place, new, what)?;
    let id = &attachment.instance_id;
    let instance = need(place.instances.get(id), &format!("instance {id}"))?;
    started_since(instance, new, what)?;
    let status = need(place.instance_statuses.get(id), &format!("the status of {id}"))?;
    status.proves_health().or_else(|why| {
        refused(format!("{what} is kept: {id}, which runs on {}, is not proved to be well: {why}", new.id))
    })
}

/// Checks that an instance is running on this volume, and was last started after the volume was attached. The
/// creation time of the volume proves nothing, since a start between its creation and its attachment is a
/// start from another disk. `LaunchTime` is that of the last start, in whole seconds
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Instance.html>), `AttachTime` that of the
/// attachment (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_VolumeAttachment.html>).
fn started_since(instance: &Instance, new: &Volume, what: &str) -> Result<(), Refusal> {
    let id = &instance.id;
    if instance.state != "running" {
        return refused(format!(
            "{what} is kept: {id}, whose disk {} is, is {}: that it comes up with it is shown only while it \
             runs",
            new.id, instance.state
        ));
    }
    if !instance.devices.iter().any(|d| d.volume_id == new.id && d.status == "attached") {
        return refused(format!("{what} is kept: {id} does not name {} among its disks", new.id));
    }
    match (instance.launch_time, new.attached_at) {
        (Some(launched), Some(attached)) if launched.as_second() >= attached.as_second() => Ok(()),
        (Some(launched), Some(at)) => refused(format!(
            "{what} is kept: {id} was last started at {launched}, before {} was attached at {at}",
            new.id
        )),
        _ => Err(Refusal::Unknown(format!(
            "{what} is kept: AWS does not report when {id} was last started, or when {} was attached",
            new.id
        ))),
    }
}

/// Checks that a detached volume could be attached.
fn free(place: &Region, new: &Volume, what: &str) -> Result<(), Refusal> {
    match new.state.as_str() {
        "available" => key(place, new, what),
        other => refused(format!("{what} is kept: {}, which took the place, is {other}", new.id)),
    }
}

/// Checks that the key of a volume can be used now. An unencrypted volume needs none.
fn key(place: &Region, new: &Volume, what: &str) -> Result<(), Refusal> {
    if !new.encrypted {
        return Ok(());
    }
    let Some(arn) = &new.kms_key_id else {
        return Err(Refusal::Unknown(format!(
            "{what} is kept: AWS does not report under which key {} is encrypted",
            new.id
        )));
    };
    let key = need(place.keys.get(arn), &format!("{what} is kept: the key {arn} of {}", new.id))?;
    let unread = |why: String| {
        refused(format!(
            "{what} is kept: the key {arn} of {} is not shown to be usable ({why}), so that it could not be \
             read after the next start",
            new.id
        ))
    };
    key.proves_usable().or_else(unread)
}
