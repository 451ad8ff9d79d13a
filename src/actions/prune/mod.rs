//! `prune`: deletes a snapshot or a volume that redress created or kept, once its time has passed. It is the
//! only action that deletes replaced resources; it asks every fact again before, and never takes an
//! instance's last backup.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Action, Around, Context, GuardNote, Parameter, Proof, Proposal, Refusal,
    concern::{self, Concern},
    make,
    support::{decode, known, need, params, region as place},
};
use crate::{
    calls::{Call, Risk, WayBack},
    checks::volumes::{Replacement, replacement},
    inventory::{FamilyKind, Inventory, Selector, Snapshot, Tags, Volume, Want, tag},
    resource::{Kind, ResourceId},
    services::{
        Operation, Planned, Spec,
        snapshot::{DeleteSnapshot, RestoreSnapshotFromRecycleBin},
        volume::{DeleteVolume, RestoreVolumeFromRecycleBin},
    },
};

/// The name of the action.
pub const NAME: &str = "prune";

/// The days for which a volume left by an undo is kept: as long as a replaced one, unless a playbook sets
/// another number.
const LEFT_FOR: i32 = 30;

/// An action that deletes resources that an earlier run kept.
pub struct Prune;

/// The parameters, of which there are none: the tags of the resource itself decide whether it may be deleted.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {}

impl Action for Prune {
    fn name(&self) -> &'static str {
        NAME
    }
    fn title(&self) -> &'static str {
        "Delete what an earlier run kept, once its time has passed"
    }
    fn doc(&self) -> &'static str {
        include_str!("page.md")
    }
    fn answers(&self) -> &'static [&'static str] {
        &[]
    }
    /// Returns the kind `Snapshot`; volumes are changed, too.
    fn target(&self) -> Kind {
        Kind::Snapshot
    }
    fn reads(&self, _: Kind) -> &'static [Around] {
        const {
            &[
                Around::named(FamilyKind::Volumes),
                Around::named(FamilyKind::Snapshots),
                Around::named(FamilyKind::Instances),
                Around::named(FamilyKind::InstanceStatuses),
                Around::named(FamilyKind::Keys),
                Around::named(FamilyKind::Removals),
            ]
        }
    }
    fn parameters(&self) -> &'static [Parameter] {
        &[]
    }
    fn decode(&self, with: toml::de::Deserializer<'_>) -> Result<Value, toml::de::Error> {
        decode::<Parameters>(with)
    }
    fn needs(&self, context: &Context<'_>, target: &ResourceId, _: &Value) -> Vec<Want> {
        let (region, id) = (target.region(), target.id());
        let Some(place) = context.inventory.regions.get(region) else {
            return vec![Want::id(region, family(target), id)];
        };
        let mut wants =
            vec![Want::id(region, family(target), id), Want::id(region, FamilyKind::Removals, id)];
        match target.kind() {
            Kind::Volume => wants.extend(relied_on::wants_of_volume(region, place, id)),
            _ => {
                let Some(snapshot) = place.snapshots.get(id).known().copied() else { return wants };
                match (snapshot.tags.get(tag::SET), snapshot.tags.get(tag::INSTANCE)) {
                    (None, _) => wants.extend(relied_on::wants_of_snapshot(region, place, snapshot)),
                    (Some(_), Some(instance)) => {
                        wants.push(Want::by(region, FamilyKind::Snapshots, "tag:redress:instance", instance))
                    }
                    (Some(_), None) => {}
                }
            }
        }
        wants
    }
    fn operations(&self) -> &'static [Spec] {
        const {
            &[
                <DeleteSnapshot>::SPEC,
                <RestoreSnapshotFromRecycleBin>::SPEC,
                <DeleteVolume>::SPEC,
                <RestoreVolumeFromRecycleBin>::SPEC,
            ]
        }
    }
    fn concerns(&self) -> concern::Table {
        const { &[(FamilyKind::Volumes, Concern::THERE), (FamilyKind::Snapshots, Concern::THERE)] }
    }
    fn propose(&self, context: &Context<'_>, target: &ResourceId, with: &Value) -> Result<Proposal, Refusal> {
        params::<Parameters>(with)?;
        let (inventory, region, now) = (context.inventory, context.region, context.inventory.read_at);
        let place = place(inventory, region)?;
        match target.kind() {
            Kind::Volume => {
                let volume = need(place.volumes.get(target.id()), &format!("volume {}", target.id()))?;
                volume_may_go(inventory, region, volume, now)?;
                let plain = proposal(
                    target,
                    &DeleteVolume::<Planned> { volume_id: target.id().into() },
                    "volume-gone",
                    &volume.tags,
                    volume.size,
                );
                let plain = removed::told(plain, place, target.id(), &volume.tags);
                match left_behind(volume) {
                    None => relied_on::volume(place, volume).map(|()| plain),
                    Some(source) => {
                        relied_on::left(place, volume, source).map(|()| of_left(plain, volume, source))
                    }
                }
            }
            Kind::Snapshot => {
                let snapshot = need(place.snapshots.get(target.id()), &format!("snapshot {}", target.id()))?;
                snapshot_may_go(inventory, region, snapshot, now)?;
                if !snapshot.tags.contains_key(tag::SET) {
                    relied_on::snapshot(place, snapshot)?;
                }
                removed::allowed(place, target.id())?;
                let plain = proposal(
                    target,
                    &DeleteSnapshot::<Planned> { snapshot_id: target.id().into() },
                    "snapshot-gone",
                    &snapshot.tags,
                    snapshot.volume_size,
                );
                let mut proposal = removed::told(plain, place, target.id(), &snapshot.tags);
                proposal.guards.push(GuardNote::passed(
                    "use",
                    "no image of the account is made of it, it is not locked, and no other account may use \
                     it",
                ));
                Ok(proposal)
            }
            other => {
                Err(Refusal::Refused(format!("prune deletes snapshots and volumes, not a {}", other.words())))
            }
        }
    }
}

fn family(target: &ResourceId) -> FamilyKind {
    if target.kind() == Kind::Volume { FamilyKind::Volumes } else { FamilyKind::Snapshots }
}

/// Returns everything in a region that redress created or kept with a date, and volumes that an undo left,
/// each with the reason if it may not be deleted at this moment. The health of the instances behind is asked
/// only when the deletion is planned.
pub fn candidates(
    inventory: &Inventory,
    region: &str,
    now: Timestamp,
) -> Vec<(ResourceId, Result<(), Refusal>)> {
    let Some(place) = inventory.regions.get(region) else { return Vec::new() };
    let dated = |tags: &Tags| tags.contains_key(tag::RUN) && tags.contains_key(tag::EXPIRES);
    let idle =
        |v: &Volume| v.tags.contains_key(tag::RUN) && v.attachments.is_empty() && left_behind(v).is_some();
    let snapshots = place.snapshots.known().filter(|(_, s)| dated(&s.tags));
    let volumes = place.volumes.known().filter(|(_, v)| dated(&v.tags) || idle(v));
    let snapshots = snapshots
        .map(|(id, s)| (inventory.owner.snapshot(region, id), snapshot_may_go(inventory, region, s, now)));
    snapshots
        .chain(
            volumes.map(|(id, v)| {
                (inventory.owner.volume(region, id), volume_may_go(inventory, region, v, now))
            }),
        )
        .collect()
}

/// Returns the reason for which a volume that a run created or kept, and that is attached to nothing, is
/// never offered, however long it is kept.
pub fn never_offered_volume(volume: &Volume) -> Option<&'static str> {
    let tags = &volume.tags;
    match (left_behind(volume), tags.contains_key(tag::EXPIRES), tags.contains_key(tag::REPLACED_BY)) {
        (Some(_), ..) | (None, true, true) => None,
        (None, true, false) => {
            Some("that another volume took its place is not proved (no tag redress:replaced-by)")
        }
        (None, false, _) => Some("no tag records until when it is kept, or of what it is a copy"),
    }
}

/// Returns the reason for which a snapshot is never offered.
pub fn never_offered_snapshot(snapshot: &Snapshot) -> Option<&'static str> {
    (!snapshot.tags.contains_key(tag::EXPIRES)).then_some("no tag records until when it is kept")
}

/// Checks that the resource is redress's, and that nobody holds it.
fn free_to_go(id: &str, tags: &Tags) -> Result<(), Refusal> {
    let no = |why: String| Err(Refusal::Refused(format!("{id} {why}")));
    if !tags.contains_key(tag::RUN) {
        return no("was not made or kept by redress: it carries no tag of a run".to_owned());
    }
    tags.get(tag::HOLD).map_or(Ok(()), |why| no(format!("is held by its tag {} ({why})", tag::HOLD)))
}

/// Checks that the resource is redress's, that its time has passed, and that nobody holds it.
fn expired(id: &str, tags: &Tags, now: Timestamp) -> Result<(), Refusal> {
    free_to_go(id, tags)?;
    let no = |why: String| Err(Refusal::Refused(format!("{id} {why}")));
    let Some(date) = tags.get(tag::EXPIRES) else {
        return no(format!("carries no date until when it is kept (tag {})", tag::EXPIRES));
    };
    match date.parse::<Date>() {
        Err(_) => no(format!(
            "is kept until {date:?}, which is no date like 2026-12-22: set the tag {} right",
            tag::EXPIRES
        )),
        Ok(until) if day(now) <= until => no(format!("is kept until {until}")),
        Ok(_) => Ok(()),
    }
}

fn day(time: Timestamp) -> Date {
    time.to_zoned(jiff::tz::TimeZone::UTC).date()
}

/// Returns the volume from which redress created this one, unless a tag records that this one was replaced
/// itself: attached to nothing, such a volume was left by an undo.
fn left_behind(volume: &Volume) -> Option<&str> {
    let made = volume.encrypted && !volume.tags.contains_key(tag::REPLACED_BY);
    volume.tags.get(tag::SOURCE).map(String::as_str).filter(|_| made)
}

/// Checks that the time of a volume that an undo left has passed. Its tags have no date, since no date is
/// true while it is in use: it is kept for [`LEFT_FOR`] days from the attachment of the volume that holds in
/// its place, or until the date that a person gives it.
fn left_long_enough(
    inventory: &Inventory,
    region: &str,
    volume: &Volume,
    source: &str,
    now: Timestamp,
) -> Result<(), Refusal> {
    let id = &volume.id;
    free_to_go(id, &volume.tags)?;
    if volume.tags.contains_key(tag::EXPIRES) {
        return expired(id, &volume.tags, now);
    }
    let Some(holder) = relied_on::holder(place(inventory, region)?, volume, source)? else {
        return Err(Refusal::Refused(format!(
            "{id} was made from {source}, and neither that nor another in its place is in use: what was \
             written to {id} since is unknown; look at it, and give it the tag {} with a date when it is not \
             needed",
            tag::EXPIRES
        )));
    };
    let Some(since) = holder.attached_at else {
        return Err(Refusal::Unknown(format!(
            "{id} is kept: AWS does not report when {} was attached",
            holder.id
        )));
    };
    let until = day(since).saturating_add(jiff::Span::new().days(LEFT_FOR));
    match day(now) <= until {
        true => Err(Refusal::Refused(format!(
            "{id} is kept until {until}: {} holds in its place since {}",
            holder.id,
            day(since)
        ))),
        false => Ok(()),
    }
}

fn volume_may_go(
    inventory: &Inventory,
    region: &str,
    volume: &Volume,
    now: Timestamp,
) -> Result<(), Refusal> {
    let id = &volume.id;
    match left_behind(volume) {
        None => expired(id, &volume.tags, now)?,
        Some(source) => left_long_enough(inventory, region, volume, source, now)?,
    }
    if volume.state != "available" || !volume.attachments.is_empty() {
        return Err(Refusal::Refused(format!(
            "{id} is {}: only what is attached to nothing is deleted",
            volume.state
        )));
    }
    if left_behind(volume).is_some() {
        return Ok(());
    }
    match replacement(inventory, region, volume) {
        None => Err(Refusal::Refused(format!(
            "{id} does not name what replaced it (tag {}): delete it by hand if it is not needed",
            tag::REPLACED_BY
        ))),
        Some(Replacement::Differs(why)) => {
            Err(Refusal::Refused(format!("{id} may be the only one that holds its data: {why}")))
        }
        Some(Replacement::Unknown(why)) => Err(Refusal::Unknown(why)),
        Some(Replacement::Agrees(_)) => Ok(()),
    }
}

fn snapshot_may_go(
    inventory: &Inventory,
    region: &str,
    snapshot: &Snapshot,
    now: Timestamp,
) -> Result<(), Refusal> {
    expired(&snapshot.id, &snapshot.tags, now)?;
    if !matches!(snapshot.state.as_str(), "completed" | "error") {
        return Err(Refusal::Refused(format!(
            "{} is {}: wait until it is completed",
            snapshot.id, snapshot.state
        )));
    }
    match (snapshot.tags.get(tag::SET), snapshot.tags.get(tag::INSTANCE)) {
        (None, _) => Ok(()),
        (Some(_), None) => Err(Refusal::Unknown(format!(
            "{} is a backup, but its instance is not recorded (tag {})",
            snapshot.id,
            tag::INSTANCE
        ))),
        (Some(set), Some(instance)) => not_among_last(inventory, region, snapshot, set, instance),
    }
}

/// Checks that enough newer completed sets of the instance exist.
fn not_among_last(
    inventory: &Inventory,
    region: &str,
    snapshot: &Snapshot,
    set: &str,
    instance: &str,
) -> Result<(), Refusal> {
    let listing = place(inventory, region)?.snapshots.select(&Selector::by("tag:redress:instance", instance));
    let members = known(listing, &format!("the list of the backups of {instance}"))?.unwrap_or_default();
    let mut sets: BTreeMap<&str, Vec<&Snapshot>> = BTreeMap::new();
    for (_, member) in members {
        if let Some(set) = member.tags.get(tag::SET) {
            sets.entry(set).or_default().push(member);
        }
    }
    let asked = sets
        .values()
        .flatten()
        .filter_map(|s| s.tags.get(tag::KEEP_LAST))
        .filter_map(|n| n.parse::<usize>().ok())
        .max();
    let keep = asked.unwrap_or(1).max(1);
    let mut completed: Vec<(Timestamp, &str)> = sets
        .iter()
        .filter(|(_, members)| members.iter().all(|m| m.state == "completed"))
        .filter_map(|(set, members)| {
            members.iter().filter_map(|m| m.start_time).min().map(|time| (time, *set))
        })
        .collect();
    completed.sort_unstable();
    match completed.iter().rev().take(keep).any(|(_, kept)| *kept == set) {
        true => Err(Refusal::Refused(format!(
            "{} is of the last {keep} completed backups of {instance}, which are kept",
            snapshot.id
        ))),
        // A set that is not completed may go only while a completed one stays.
        false if completed.is_empty() => Err(Refusal::Refused(format!(
            "{instance} has no completed backup: {} may be needed",
            snapshot.id
        ))),
        false => Ok(()),
    }
}

fn proposal(target: &ResourceId, delete: &impl Operation, proof: &str, tags: &Tags, gib: i32) -> Proposal {
    let (region, id) = (target.region(), target.id());
    let act = make::act(Call::of(region, delete), vec![make::gone(region, family(target), id)]);
    let kind = target.kind().words();
    let of = tags
        .get(tag::SOURCE)
        .or_else(|| tags.get(tag::INSTANCE))
        .map(|of| format!(" of {of}"))
        .unwrap_or_default();
    let cannot = format!("{kind} {id} is deleted for good, unless a rule of the Recycle Bin keeps it");
    Proposal {
        summary: format!(
            "delete {kind} {id}{of}, which was kept until {}",
            tags.get(tag::EXPIRES).map_or("", String::as_str)
        ),
        steps: vec![make::step("delete", format!("delete {id}"), act, WayBack::Cannot(cannot))],
        risk: Risk::Irreversible,
        impact: vec![format!("{gib} GiB of storage are freed")],
        before: json!({ "exists": true }),
        after: json!({ "exists": false }),
        proof: vec![Proof { check: proof.to_owned(), resource: target.clone(), with: Value::Null }],
        not_restored: Vec::new(),
        guards: vec![GuardNote::passed(
            "retention",
            "its date has passed, nobody holds it, and what is relied on in its place is proved to be \
             readable",
        )],
        touches: vec![Want::id(region, family(target), id)],
        prerequisites: Vec::new(),
    }
}

/// Completes the proposal for a volume that an undo left: the impact names the data that is on no other
/// volume.
fn of_left(mut proposal: Proposal, volume: &Volume, source: &str) -> Proposal {
    let run = volume.tags.get(tag::RUN).map_or("", String::as_str);
    proposal.summary = format!(
        "delete volume {}, which run {run} made from {source} and which is in use no more",
        volume.id
    );
    proposal.impact.push(format!(
        "what was written to {} while it was in use is on no other volume: look at it before, or make a \
         snapshot of it",
        volume.id
    ));
    proposal
}

mod relied_on;
mod removed;
pub use removed::{in_bin, restore, wants as in_bin_wants};
#[cfg(test)]
mod tests;
