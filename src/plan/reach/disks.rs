//! The facts of the account about the disks of a change. In the middle of an exchange the account is neither
//! as it was nor as it will be, but the old volumes still exist, and everything that a run made or marked
//! carries tags that name its source and its place. Pure.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Of, makes};
use crate::{
    actions::encrypt_volumes,
    calls::{Call, Step},
    inventory::{FamilyKind, Instance, Inventory, Region, Scope, Snapshot, Tags, Volume, Want, tag},
    plan::Change,
    resource::Kind,
    services::{
        snapshot::{CopySnapshot, CreateSnapshots},
        volume::AttachVolume,
    },
};

/// The number of references to outputs that are followed: a volume is made from a copy of a snapshot.
const DEPTH: usize = 4;

/// Returns the selection of the snapshots that were made for the instance of a change.
pub(super) fn copies(change: &Change) -> Want {
    Want::by(&change.region, FamilyKind::Snapshots, &format!("tag:{}", tag::INSTANCE), change.resource.id())
}

/// Returns whether a snapshot of this volume was made for the instance of a change: a disk that was detached
/// carries no mark yet.
pub(super) fn was_copied(change: &Change, volume: &str, facts: &Inventory) -> bool {
    let copied =
        |(_, snapshot): &(String, Value)| snapshot.get("volume_id").and_then(Value::as_str) == Some(volume);
    facts.select_json(&copies(change)).known().is_some_and(|all| all.iter().any(copied))
}

/// The origin of a snapshot that a call names.
#[derive(Debug)]
pub(super) struct Copies<'a> {
    /// The steps that are yet to be done, each with its output: a copy of the snapshot that the next one
    /// makes.
    pub(super) steps: Vec<(&'a Step, String)>,
    /// The id of the snapshot that they begin with, if it exists already.
    pub(super) there: Option<String>,
}

/// The disks of a change, as the account has them now.
#[derive(Debug)]
pub(super) struct Disks<'a> {
    pub(super) change: &'a Change,
    pub(super) of: Of<'a>,
    /// The instance of the change, where it is about one.
    pub(super) instance: Option<&'a Instance>,
    /// The region of the change, where anything of it is known.
    place: Option<&'a Region>,
    pub(super) volumes: Vec<&'a Volume>,
    snapshots: Vec<&'a Snapshot>,
    key_of_today: Option<String>,
}

/// Returns whether a change exchanges disks or restores them.
pub(super) fn is_about_disks(change: &Change) -> bool {
    change.action.iter().any(|action| makes::<AttachVolume>(action) || makes::<CreateSnapshots>(action))
}

/// Returns the listings that contain the disks of a change.
fn listings(change: &Change) -> Vec<Want> {
    let (region, id) = (change.region.as_str(), change.resource.id());
    let of = format!("tag:{}", tag::SOURCE);
    let kind = change.resource.kind();
    if kind == Kind::Instance {
        return vec![
            Want::id(region, FamilyKind::Instances, id),
            Want::by(region, FamilyKind::Volumes, "attachment.instance-id", id),
            Want::by(region, FamilyKind::Volumes, &format!("tag:{}", tag::INSTANCE), id),
            copies(change),
        ];
    }
    if kind != Kind::Volume {
        return Vec::new();
    }
    vec![
        Want::id(region, FamilyKind::Volumes, id),
        Want::by(region, FamilyKind::Volumes, &of, id),
        Want::by(region, FamilyKind::Snapshots, &of, id),
    ]
}

/// Returns the facts that must be read: the listings, and the volumes that snapshots and copies in them were
/// made from.
pub(super) fn needs(change: &Change, known: &Inventory) -> Scope {
    if !is_about_disks(change) {
        return Scope::new();
    }
    let mut scope: Scope = listings(change).into_iter().collect();
    scope.extend(
        encrypts(change).into_iter().flat_map(|with| encrypt_volumes::key_wants(known, &change.region, with)),
    );
    if let Some(place) = known.regions.get(&change.region) {
        let own = |tags: &Tags| tags.get(tag::INSTANCE).is_some_and(|id| id == change.resource.id());
        let volumes =
            place.volumes.known().filter(|(_, v)| own(&v.tags)).filter_map(|(_, v)| v.tags.get(tag::SOURCE));
        let snapshots = place
            .snapshots
            .known()
            .filter(|(_, s)| own(&s.tags))
            .map(|(_, s)| s.tags.get(tag::SOURCE).unwrap_or(&s.volume_id));
        scope.extend(volumes.chain(snapshots).map(|id| Want::id(&change.region, FamilyKind::Volumes, id)));
    }
    scope
}

/// Returns the parameters with which a change encrypts, where it does.
fn encrypts(change: &Change) -> Option<&Value> {
    change.uses.iter().find(|one| makes::<CopySnapshot>(&one.action)).map(|one| &one.with)
}

impl<'a> Disks<'a> {
    /// Returns the key under which the action encrypts today.
    pub(super) fn key_of_today(&self) -> Option<&str> {
        self.key_of_today.as_deref()
    }

    /// Collects the disks of a change from these facts.
    ///
    /// # Errors
    /// The listing that could not be read.
    pub(super) fn of(change: &'a Change, of: Of<'a>, facts: &'a Inventory) -> Result<Self, String> {
        for want in listings(change) {
            let listed = facts.select_json(&want);
            if listed.known().is_none() && !listed.is_absent() {
                return Err(format!("{want}: {}", listed.silence().unwrap_or_default()));
            }
        }
        let place = facts.regions.get(&change.region);
        let instance = place
            .filter(|_| change.resource.kind() == Kind::Instance)
            .and_then(|p| p.instances.items.get(change.resource.id())?.known());
        let volumes = place.into_iter().flat_map(|p| p.volumes.known()).map(|(_, volume)| volume).collect();
        let snapshots =
            place.into_iter().flat_map(|p| p.snapshots.known()).map(|(_, snapshot)| snapshot).collect();
        let key_of_today =
            encrypts(change).and_then(|with| encrypt_volumes::key_of(facts, &change.region, with));
        Ok(Self { change, of, instance, place, volumes, snapshots, key_of_today })
    }

    /// Returns the volume with this id, where it exists.
    pub(super) fn volume(&self, id: &str) -> Option<&'a Volume> {
        self.place?.volumes.items.get(id)?.known()
    }

    /// Returns the snapshot with this id, where it exists.
    pub(super) fn snapshot(&self, id: &str) -> Option<&'a Snapshot> {
        self.place?.snapshots.items.get(id)?.known()
    }

    /// Returns whether the tags show that the run has marked or made a thing. A recovery goes by the tags of
    /// any run.
    pub(super) fn tagged(&self, tags: &Tags) -> bool {
        tags.get(tag::RUN).is_some_and(|run| self.of.run == *run || self.recovers())
    }

    /// Returns whether the tags show that the run made a thing: everything that it makes carries the token of
    /// the call from the start.
    pub(super) fn made(&self, tags: &Tags) -> bool {
        self.tagged(tags) && tags.contains_key(tag::TOKEN)
    }

    /// Returns the keys of the tags that name the place of a disk; one that is attached to nothing has no
    /// place.
    pub(super) fn place_tags(&self) -> &'static [&'static str] {
        if self.change.resource.kind() == Kind::Instance { &[tag::INSTANCE, tag::DEVICE] } else { &[] }
    }

    /// Returns whether the change is one of a recovery.
    pub(super) fn recovers(&self) -> bool {
        self.change.action == "recover"
    }

    /// Returns whether the tags show that a thing belongs to the resource of the change.
    pub(super) fn belongs(&self, tags: &Tags) -> bool {
        let at = if self.change.resource.kind() == Kind::Instance { tag::INSTANCE } else { tag::SOURCE };
        tags.get(at).is_some_and(|id| id == self.change.resource.id())
    }

    /// Returns the tags of everything that the run made or marked for this change.
    fn of_run(&self) -> impl Iterator<Item = &'a Tags> + '_ {
        let all = self.volumes.iter().map(|v| &v.tags).chain(self.snapshots.iter().map(|s| &s.tags));
        all.filter(|tags| self.tagged(tags) && self.belongs(tags))
    }

    /// Returns whether the run made a volume to replace another.
    pub(super) fn is_new(&self, id: &str) -> bool {
        self.volume(id).is_some_and(|v| self.made(&v.tags) && v.tags.contains_key(tag::SOURCE))
    }

    /// Returns whether the run replaces a volume: it is a disk that is not encrypted, or the run has marked
    /// it, or made something from it.
    pub(super) fn is_old(&self, id: &str) -> bool {
        if id == self.change.resource.id() {
            return true;
        }
        let to_encrypt =
            |v: &Volume| !v.encrypted && !v.tags.contains_key(tag::IGNORE) && self.attached_at(v).is_some();
        let marked =
            |v: &Volume| self.tagged(&v.tags) && self.belongs(&v.tags) && !v.tags.contains_key(tag::TOKEN);
        let source = |tags: &Tags| tags.get(tag::SOURCE).is_some_and(|source| source == id);
        let copied = |s: &Snapshot| self.made(&s.tags) && self.belongs(&s.tags) && self.source_of(s) == id;
        self.volume(id).is_some_and(|v| to_encrypt(v) || marked(v))
            || self.volumes.iter().any(|v| self.made(&v.tags) && source(&v.tags))
            || self.snapshots.iter().any(|s| copied(s))
    }

    /// Returns the device at which a volume is attached to the instance now.
    fn attached_at(&self, volume: &'a Volume) -> Option<&'a str> {
        volume
            .attachments
            .iter()
            .find(|a| a.instance_id == self.change.resource.id())
            .map(|a| a.device.as_str())
    }

    /// Returns the volume of which a snapshot is. AWS gives a copy an arbitrary volume, so its tag comes
    /// first.
    pub(super) fn source_of(&self, snapshot: &'a Snapshot) -> &'a str {
        snapshot.tags.get(tag::SOURCE).unwrap_or(&snapshot.volume_id)
    }

    /// Returns the devices of the instance at which a volume belongs, by its attachment, its tags and the
    /// tags of things that were made from it.
    pub(super) fn devices(&self, id: &str) -> BTreeSet<&'a str> {
        let device =
            |tags: &'a Tags| tags.get(tag::DEVICE).filter(|_| self.belongs(tags)).map(String::as_str);
        let from = |tags: &&'a Tags| tags.get(tag::SOURCE).is_some_and(|source| source == id);
        let own = self.volume(id).into_iter().flat_map(|v| [self.attached_at(v), device(&v.tags)]).flatten();
        own.chain(self.of_run().filter(from).filter_map(device)).collect()
    }

    /// Returns whether the disk at a device is deleted with the instance; `None` where nothing in the account
    /// shows it.
    pub(super) fn goes_with(&self, device: &str) -> Option<bool> {
        let here: Vec<&Volume> =
            self.volumes.iter().filter(|v| self.devices(&v.id).contains(device)).copied().collect();
        let says = |v: &Volume, word: &str| {
            self.tagged(&v.tags) && v.tags.get(tag::DELETE_ON_TERMINATION).is_some_and(|goes| goes == word)
        };
        // The instance has a view of its own of its disks, from which the plan was made; either may lag
        // behind.
        let attached = |v: &Volume| {
            let view = self
                .instance
                .into_iter()
                .flat_map(|i| &i.devices)
                .filter(|d| d.volume_id == v.id)
                .map(|d| d.delete_on_termination);
            let own = v
                .attachments
                .iter()
                .filter(|a| a.instance_id == self.change.resource.id())
                .map(|a| a.delete_on_termination);
            view.chain(own).reduce(|one, other| one || other)
        };
        if here.iter().any(|v| says(v, "true") || attached(v) == Some(true)) {
            return Some(true);
        }
        // Only a disk that the run has not touched yet shows its original setting. Runs of the released
        // format mark the disk last, long after the volume that replaces it was made.
        let replaced = |v: &Volume| {
            self.volumes.iter().any(|new| self.made(&new.tags) && new.tags.get(tag::SOURCE) == Some(&v.id))
        };
        let untouched = |v: &Volume| attached(v) == Some(false) && !self.tagged(&v.tags) && !replaced(v);
        here.iter().any(|v| says(v, "false") || untouched(v)).then_some(false)
    }

    /// Returns whether a disk of the run belongs at a device.
    pub(super) fn has_place(&self, device: &str) -> bool {
        self.volumes
            .iter()
            .any(|v| (self.is_old(&v.id) || self.is_new(&v.id)) && self.devices(&v.id).contains(device))
    }

    /// Returns the keys under which the run has encrypted so far.
    pub(super) fn keys(&self) -> BTreeSet<&'a str> {
        let volumes =
            self.volumes.iter().filter(|v| self.is_new(&v.id)).filter_map(|v| v.kms_key_id.as_deref());
        let copy = |s: &&&Snapshot| {
            s.encrypted && self.made(&s.tags) && s.tags.contains_key(tag::SOURCE) && self.belongs(&s.tags)
        };
        volumes.chain(self.snapshots.iter().filter(copy).filter_map(|s| s.kms_key_id.as_deref())).collect()
    }

    /// Returns the keys of the disks of the instance.
    pub(super) fn keys_of_disks(&self) -> BTreeSet<&'a str> {
        self.volumes
            .iter()
            .filter(|v| self.attached_at(v).is_some())
            .filter_map(|v| v.kms_key_id.as_deref())
            .collect()
    }

    /// Returns the data disks of the instance that the run does not replace.
    pub(super) fn staying(&self) -> BTreeSet<&'a str> {
        let root = self.instance.map_or("", |i| i.root_device_name.as_str());
        let data = |v: &&&Volume| {
            self.attached_at(v).is_some_and(|device| device != root)
                && !self.is_old(&v.id)
                && !self.is_new(&v.id)
        };
        self.volumes.iter().filter(data).map(|v| v.id.as_str()).collect()
    }

    /// Returns the latest date until which the run keeps the things that it has made or marked so far.
    pub(super) fn kept_until(&self) -> Option<&'a str> {
        self.of_run().filter_map(|tags| tags.get(tag::EXPIRES)).map(String::as_str).max()
    }

    /// Returns the volumes that the run replaces: those of the instance, or the one that the change is about.
    pub(super) fn all_old(&self) -> impl Iterator<Item = &'a Volume> + '_ {
        self.volumes.iter().filter(|v| self.is_old(&v.id)).copied()
    }

    /// Returns the step that a reference to an output names, and the output.
    fn step(&self, value: &Value) -> Option<(&'a Step, String)> {
        let output = value.get("$output").filter(|output| output.get("change").is_none())?;
        let (step, name) = (output.get("step")?.as_str()?, output.get("name")?.as_str()?);
        self.change.steps.iter().find(|s| s.name == step).map(|s| (s, name.to_owned()))
    }

    /// Traces the origin of a snapshot that a call names; `None` where it cannot be followed.
    pub(super) fn made_by(&self, snapshot: &Value) -> Option<Copies<'a>> {
        let (mut steps, mut named) = (Vec::new(), snapshot);
        loop {
            if let Some(id) = named.as_str() {
                return Some(Copies { steps, there: Some(id.to_owned()) });
            }
            let (step, output) = self.step(named).filter(|_| steps.len() <= DEPTH)?;
            steps.push((step, output));
            match step.act.call.input.get("SourceSnapshotId") {
                Some(source) => named = source,
                None => return Some(Copies { steps, there: None }),
            }
        }
    }

    /// Returns the volume of a snapshot that a call names by its id or as the output of a step that is yet to
    /// be done.
    pub(super) fn held_by(&self, snapshot: &Value) -> Option<String> {
        let Copies { steps, there } = self.made_by(snapshot)?;
        if let Some(id) = there {
            return self.snapshot(&id).map(|s| self.source_of(s).to_owned());
        }
        let (first, output) = steps.last()?;
        let call = &first.act.call;
        match call.operation.as_str() {
            "CreateSnapshots" => output.strip_prefix("Snapshots/").map(str::to_owned),
            "CreateSnapshot" => call.input.get("VolumeId")?.as_str().map(str::to_owned),
            _ => None,
        }
    }

    /// Returns the call of the step that is yet to make a volume.
    pub(super) fn maker(&self, volume: &Value) -> Option<&'a Call> {
        let makes = |call: &&Call| matches!(call.operation.as_str(), "CreateVolume" | "CopyVolumes");
        self.step(volume).map(|(step, _)| &step.act.call).filter(makes)
    }
}
