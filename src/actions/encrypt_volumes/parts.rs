//! The steps that create an encrypted copy of a volume and tag the replaced one, alike for attached and
//! detached volumes.

use serde_json::{Map, Value, json};

use super::{Parameters, passes::WARM_COPY};
use crate::{
    actions::{
        Proof, Refusal, make,
        support::{TAG_LIMIT, carried, snapshot_patience, tag_list, tag_specifications},
    },
    calls::{Act, Call, Expect, KeptOnce, Shape, Step, Wait, WayBack, reference},
    inventory::{FamilyKind, Volume, tag},
    resource::Owner,
    services::{
        Operation, Planned, Ref,
        snapshot::{CopySnapshot, DeleteSnapshot, MOST_COPIES},
        tag::{CreateTags, DeleteTags, Tag},
        volume::{CreateVolume, DeleteVolume},
    },
};

/// Seconds that a volume is given to be created.
pub const VOLUME_WITHIN: u64 = 1800;

/// The context that all steps of a change share.
pub struct Job<'a> {
    pub owner: &'a Owner,
    pub region: &'a str,
    /// The ARN of the key.
    pub key: String,
    /// The key is one of the account's own, not AWS's.
    pub own_key: bool,
    pub parameters: &'a Parameters,
}

/// A volume that is to be replaced.
pub struct Disk<'a> {
    /// The number of the disk in the change, from 1: part of the steps' names.
    pub n: usize,
    pub volume: &'a Volume,
    /// The instance and the device, if the volume is attached.
    pub place: Option<(&'a str, &'a str)>,
    pub delete_on_termination: bool,
    /// The EBS card of the instance, where it is another than 0.
    pub card: Option<i32>,
}

impl<'a> Disk<'a> {
    /// Returns the only disk of a change, a volume that is attached to nothing.
    pub fn alone(volume: &'a Volume) -> Self {
        Self { n: 1, volume, place: None, delete_on_termination: false, card: None }
    }
    /// Returns a name by which people find the disk: its device, or the id of the volume.
    pub fn words(&self) -> String {
        let name = self.place.map_or(self.volume.id.as_str(), |(_, device)| device);
        format!("{name} ({} GiB {})", self.volume.size, self.volume.volume_type)
    }
    /// Returns the id of the replacement.
    pub fn new_id(&self) -> Value {
        reference::output(&format!("volume-{}", self.n), "VolumeId")
    }
}

impl Job<'_> {
    /// Returns the day until which snapshots and replaced volumes are kept.
    pub fn expires(&self) -> Value {
        reference::date_after(i64::from(self.parameters.keep_days))
    }
    pub fn call(&self, operation: &impl Operation) -> Call {
        Call::of(self.region, operation)
    }
    /// Builds the wait for snapshots of these disks, as long as the largest of them may take.
    pub fn completed(&self, disks: &[Disk<'_>], ids: Vec<Value>, why: &str) -> Wait {
        let until = vec![make::state(
            self.region,
            FamilyKind::Snapshots,
            Value::Array(ids),
            &["completed"],
            &["error"],
        )];
        let largest = disks.iter().map(|d| d.volume.size).max().unwrap_or_default();
        Wait {
            until,
            at_most: snapshot_patience(self.parameters.snapshot_timeout, largest),
            why: why.to_owned(),
        }
    }
    /// Builds the undo of steps that create snapshots: a rollback deletes them, an undo keeps them until
    /// their date.
    pub fn snapshots_back(&self, ids: Vec<Value>, what: &str) -> crate::calls::WayBack {
        let kept = format!(
            "{what} stays, as evidence and as a backup, until {} days after the run",
            self.parameters.keep_days
        );
        make::back_or_keep(ids.into_iter().map(|id| self.delete_snapshot(id)).collect(), &kept, None)
    }

    /// Deletes a snapshot that this change has created.
    pub fn delete_snapshot(&self, id: Value) -> Act {
        make::act(
            self.call(&DeleteSnapshot::<Planned> { snapshot_id: id.clone().into() }),
            vec![make::gone(self.region, FamilyKind::Snapshots, id)],
        )
    }
    /// Returns the tags that tie a resource to the volume it comes from.
    pub fn lineage(&self, disk: &Disk<'_>) -> Vec<(&'static str, Value)> {
        let mut tags = vec![(tag::SOURCE, json!(disk.volume.id))];
        if let Some((instance, device)) = disk.place {
            tags.extend([(tag::INSTANCE, json!(instance)), (tag::DEVICE, json!(device))]);
        }
        tags
    }

    /// Copies snapshots with encryption. The copies are made side by side, as many as AWS allows to be
    /// pending; the last step of each batch waits for all copies so far.
    pub fn copies(
        &self,
        disks: &[Disk<'_>],
        name: &str,
        of: &dyn Fn(&Disk<'_>) -> Value,
    ) -> Result<Vec<Step>, Refusal> {
        let named = |disk: &Disk<'_>| format!("{name}-{}", disk.n);
        let all: Vec<Value> = disks.iter().map(|d| reference::output(&named(d), "SnapshotId")).collect();
        let one = |(at, disk): (usize, &Disk<'_>)| {
            let mut tags = self.lineage(disk);
            tags.push((tag::EXPIRES, self.expires()));
            let copy = CopySnapshot::<Planned> {
                source_region: self.region.to_owned(),
                source_snapshot_id: of(disk).into(),
                encrypted: Some(true),
                kms_key_id: Some(self.key.clone()),
                description: Some(format!("redress: encrypted copy of a snapshot of {}", disk.volume.id)),
                tag_specifications: tag_specifications("snapshot", &disk.volume.tags, &tags)?,
            };
            let batch_ends = at + 1 == disks.len() || (at + 1) % MOST_COPIES == 0;
            let wait = batch_ends.then(|| {
                self.completed(&disks[..=at], all[..=at].to_vec(), "until the encrypted copies are completed")
            });
            let act = make::making(self.call(&copy), FamilyKind::Snapshots, "SnapshotId", Shape::Id, wait);
            let title = format!("copy the snapshot of {} with encryption", disk.words());
            let ids = vec![all[at].clone()];
            let back = match name == WARM_COPY {
                true => self.warm_back(ids),
                false => self.snapshots_back(ids, &format!("the encrypted snapshot of {}", disk.words())),
            };
            Ok(make::step(named(disk), title, act, back))
        };
        disks.iter().enumerate().map(one).collect()
    }

    /// Creates the encrypted volumes; the last step waits until all of them are available, encrypted under
    /// the key. `only_if` must hold before each.
    pub fn volumes(
        &self,
        disks: &[Disk<'_>],
        of: &dyn Fn(&Disk<'_>) -> Value,
        kept_once: Option<&KeptOnce>,
        only_if: &[Expect],
    ) -> Result<Vec<Step>, Refusal> {
        let one = |(at, disk): (usize, &Disk<'_>)| {
            let create = CreateVolume {
                volume_initialization_rate: self.parameters.initialization_rate,
                ..self.new_volume(disk, Some(of(disk)), &self.place_of(disk))?
            };
            let guarded = |act: Act| act.only_if(only_if.to_vec());
            Ok(self.new_one(disks, at, self.call(&create), kept_once, &guarded))
        };
        disks.iter().enumerate().map(one).collect()
    }

    /// Returns the tags of a new volume that name its source and its place. Attaching a volume sets
    /// DeleteOnTermination to false: whoever brings the instance back up by the tags alone sets it again.
    pub fn place_of(&self, disk: &Disk<'_>) -> Vec<(&'static str, Value)> {
        let mut tags = self.lineage(disk);
        tags.extend(disk.delete_on_termination.then(|| (tag::DELETE_ON_TERMINATION, json!("true"))));
        tags.extend(card_tag(disk));
        tags
    }

    /// Builds the step that makes the encrypted volume for the disk at this place among them, by this call.
    pub fn new_one(
        &self,
        disks: &[Disk<'_>],
        at: usize,
        call: Call,
        kept_once: Option<&KeptOnce>,
        guarded: &dyn Fn(Act) -> Act,
    ) -> Step {
        let disk = &disks[at];
        let wait = (at + 1 == disks.len()).then(|| self.available(disks.iter().map(Disk::new_id).collect()));
        let act = guarded(make::making(call, FamilyKind::Volumes, "VolumeId", Shape::Id, wait));
        let delete = self.delete_volume(disk.new_id());
        let kept = format!(
            "the encrypted volume that took the place of {} stays: it may hold newer data",
            disk.words()
        );
        make::step(
            format!("volume-{}", disk.n),
            format!("make the encrypted volume for {}", disk.words()),
            act,
            make::back_or_keep(vec![delete], &kept, kept_once.cloned()),
        )
    }

    /// Deletes a volume that this change has created.
    pub fn delete_volume(&self, id: Value) -> Act {
        make::act(
            self.call(&DeleteVolume::<Planned> { volume_id: id.clone().into() }),
            vec![make::gone(self.region, FamilyKind::Volumes, id)],
        )
    }

    /// Expects the volumes to be available and encrypted.
    pub fn made(&self, ids: Value) -> Vec<Expect> {
        vec![
            make::state(
                self.region,
                FamilyKind::Volumes,
                ids.clone(),
                &["available"],
                &["error", "deleting", "deleted"],
            ),
            make::is(self.region, FamilyKind::Volumes, ids, "/encrypted", true),
        ]
    }

    fn available(&self, ids: Vec<Value>) -> Wait {
        let ids = Value::Array(ids);
        let mut until = self.made(ids.clone());
        until.push(make::is(self.region, FamilyKind::Volumes, ids, "/kms_key_id", self.key.as_str()));
        Wait {
            until,
            at_most: VOLUME_WITHIN,
            why: "until the encrypted volumes are available, under the planned key".to_owned(),
        }
    }

    /// Builds the creation of a volume like the disk, under the key; without a snapshot the volume is empty.
    ///
    /// # Errors
    /// A refusal if there are more tags than AWS allows.
    pub fn new_volume(
        &self,
        disk: &Disk<'_>,
        snapshot: Option<Value>,
        tags: &[(&str, Value)],
    ) -> Result<CreateVolume<Planned>, Refusal> {
        let old = disk.volume;
        let (iops, throughput) = speed(old);
        Ok(CreateVolume {
            availability_zone: old.availability_zone.clone(),
            snapshot_id: snapshot.map(Ref::from),
            volume_type: Some(old.volume_type.clone()),
            size: Some(old.size),
            iops,
            throughput,
            encrypted: Some(true),
            kms_key_id: Some(self.key.clone()),
            volume_initialization_rate: None,
            tag_specifications: tag_specifications("volume", &old.tags, tags)?,
            client_token: reference::token().into(),
        })
    }

    /// Tags the volume that is to be replaced with the run, its place, its DeleteOnTermination and its
    /// expiry: all that is known beforehand. The next step keeps the volume from being deleted
    /// ([`super::instance`]), and from then on only the tag records the former setting. The undo also removes
    /// the tags that [`Job::replaced`] sets.
    pub fn tag_old(&self, disk: &Disk<'_>) -> Result<Step, Refusal> {
        let id = disk.volume.id.as_str();
        let mut tags: Map<String, Value> = [(tag::RUN, reference::run()), (tag::STEP, reference::step())]
            .map(|(k, v)| (k.to_owned(), v))
            .into_iter()
            .collect();
        tags.insert(tag::EXPIRES.to_owned(), self.expires());
        let place = self.lineage(disk).into_iter().filter(|(k, _)| *k != tag::SOURCE);
        tags.extend(place.map(|(k, v)| (k.to_owned(), v)));
        if disk.place.is_some() {
            tags.insert(tag::DELETE_ON_TERMINATION.to_owned(), json!(disk.delete_on_termination.to_string()));
        }
        tags.extend(card_tag(disk).map(|(k, v)| (k.to_owned(), v)));
        let held =
            disk.volume.tags.keys().filter(|k| !k.starts_with("aws:") && !tags.contains_key(*k)).count();
        let added = tags.len() + 1;
        if held + added > TAG_LIMIT {
            return Err(Refusal::Refused(format!(
                "{id} has {held} tags, and redress adds {added} to it: AWS allows {TAG_LIMIT}; take some off"
            )));
        }
        let keys = tags
            .keys()
            .map(String::as_str)
            .chain([tag::REPLACED_BY])
            .map(|key| Tag { key: key.to_owned(), value: None })
            .collect();
        let at = format!("/tags/{}", tag::RUN);
        let looks = |value: Value| vec![make::is(self.region, FamilyKind::Volumes, id, &at, value)];
        let forth = make::act(
            self.call(&CreateTags::<Planned> { resources: vec![id.into()], tags: tag_list(&tags) }),
            looks(reference::run()),
        );
        let back = make::act(
            self.call(&DeleteTags::<Planned> { resources: vec![id.into()], tags: keys }),
            looks(Value::Null),
        );
        let title = format!("tag {id} as about to be replaced, and kept {} days", self.parameters.keep_days);
        Ok(make::step(format!("tag-old-{}", disk.n), title, forth, make::back_and_forth(back)))
    }

    /// Tags the replaced volume with the id of its replacement, which alone is known only afterwards.
    pub fn replaced(&self, disk: &Disk<'_>) -> Step {
        let id = disk.volume.id.as_str();
        let tags = Map::from_iter([(tag::REPLACED_BY.to_owned(), disk.new_id())]);
        let looks = vec![make::is(
            self.region,
            FamilyKind::Volumes,
            id,
            &format!("/tags/{}", tag::REPLACED_BY),
            disk.new_id(),
        )];
        let act = make::act(
            self.call(&CreateTags::<Planned> { resources: vec![id.into()], tags: tag_list(&tags) }),
            looks,
        );
        make::step(
            format!("replaced-{}", disk.n),
            format!("tag {id} with what replaced it"),
            act,
            WayBack::ByStep(format!("tag-old-{}", disk.n)),
        )
    }

    /// Returns the proofs that a volume was replaced as planned.
    pub fn proofs(&self, disk: &Disk<'_>) -> [Proof; 2] {
        let (old, resource) = (disk.volume, self.owner.volume(self.region, &disk.volume.id));
        let (iops, throughput) = speed(old);
        let mut with = json!({
            "key": self.key, "availability_zone": old.availability_zone, "volume_type": old.volume_type,
            "size": old.size,
            "iops": iops, "throughput": throughput, "tags": carried(&old.tags),
        });
        if let Some(rate) = self.parameters.initialization_rate {
            with["volume_initialization_rate"] = rate.into();
        }
        [
            Proof { check: "ebs-volume-unencrypted".into(), resource: resource.clone(), with: Value::Null },
            Proof { check: "volume-replaced".into(), resource, with },
        ]
    }
}

/// Returns the tag that records the EBS card of a disk, where it is another than 0: whoever brings the
/// instance back up by the tags alone attaches it there.
fn card_tag(disk: &Disk<'_>) -> Option<(&'static str, Value)> {
    disk.card.map(|card| (tag::EBS_CARD, json!(card.to_string())))
}

/// Returns IOPS and throughput where the type lets them be chosen; AWS refuses them for other types, and does
/// not copy them if they are not given
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVolume.html>).
pub fn speed(volume: &Volume) -> (Option<i32>, Option<i32>) {
    let kind = volume.volume_type.as_str();
    (
        volume.iops.filter(|_| matches!(kind, "gp3" | "io1" | "io2")),
        volume.throughput.filter(|_| kind == "gp3"),
    )
}
