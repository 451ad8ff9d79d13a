//! Checks that no scan runs: they judge on fresh facts that a change has reached its goal. The plan contains
//! the promise as the parameters of the check. A fact that cannot be determined is unknown, never reached; a
//! promise that is surely broken counts as broken, whatever else could not be read.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    Check,
    snapshots::{instance, snapshot},
    trails::bucket,
    volumes::volume,
};
use crate::{
    finding::{Severity, Verdict},
    inventory::{Bucket, Fact, FamilyKind, Inventory, Tags, Trail, Volume, Want, tag},
    resource::{Kind, ResourceId},
};

type Reads = fn(&Inventory, &ResourceId, &Value) -> Vec<Want>;
type Judge = fn(&Inventory, &ResourceId, &Value) -> Verdict;

const fn proof(
    id: &'static str,
    title: &'static str,
    why: &'static str,
    kind: Kind,
    reads_one: Reads,
    judge: Judge,
) -> Check {
    Check {
        id,
        title,
        why,
        severity: Severity::Medium,
        kind,
        known_as: &[],
        triggers: &[],
        scanned: false,
        reads: |_| Vec::new(),
        reads_one,
        resources: |_, _| Vec::new(),
        judge,
        silence: |_, _| None,
        tags: |_, _| Tags::new(),
    }
}

/// The checks of this family.
pub static CHECKS: &[Check] = &[
    proof(
        "instance-disks-as-planned",
        "An instance's disks or power state are not as planned",
        "A disk that is missing, at another device or under another key is not what was approved.",
        Kind::Instance,
        disks_reads,
        |inventory, resource, with| promised(with, |plan: Disks| disks(inventory, resource, &plan)),
    ),
    proof(
        "volume-replaced",
        "A volume has not been replaced by the encrypted one that was planned",
        "A copy of another size, speed, zone or key is not what was approved.",
        Kind::Volume,
        |inventory, resource, _| {
            super::find("ebs-volume-unencrypted")
                .map_or_else(Vec::new, |c| (c.reads_one)(inventory, resource, &Value::Null))
        },
        |inventory, resource, with| promised(with, |plan: Replaced| replaced(inventory, resource, &plan)),
    ),
    proof(
        "trail-raised",
        "A trail is not as planned",
        "A trail that records less than was approved leaves the hole that the change was to close.",
        Kind::Trail,
        |_, resource, _| vec![Want::id(resource.region(), FamilyKind::Trails, resource.as_str())],
        |inventory, resource, with| promised(with, |plan: Raised| raised(inventory, resource, &plan)),
    ),
    proof(
        "trail-bucket-as-planned",
        "A trail's bucket is not as planned",
        "A bucket that is open, or that CloudTrail cannot write to, is no place for the record.",
        Kind::Bucket,
        |_, resource, _| vec![Want::id("", FamilyKind::Buckets, resource.id())],
        |inventory, resource, with| {
            promised(with, |plan: TrailBucket| trail_bucket(inventory, resource, &plan))
        },
    ),
    proof(
        "snapshot-gone",
        "A snapshot that was to be deleted is still there",
        "It goes on costing, and holding data.",
        Kind::Snapshot,
        |_, resource, _| {
            [FamilyKind::Snapshots, FamilyKind::Removals]
                .map(|family| Want::id(resource.region(), family, resource.id()))
                .into()
        },
        |inventory, resource, _| {
            gone(snapshot(inventory, resource.region(), resource.id()).map(|_| ()), inventory, resource)
        },
    ),
    proof(
        "volume-gone",
        "A volume that was to be deleted is still there",
        "It goes on costing, and holding data.",
        Kind::Volume,
        |_, resource, _| {
            [FamilyKind::Volumes, FamilyKind::Removals]
                .map(|family| Want::id(resource.region(), family, resource.id()))
                .into()
        },
        |inventory, resource, _| {
            gone(
                volume(inventory, resource.region(), resource.id()).map(|v| v.state.clone()).into_gone(),
                inventory,
                resource,
            )
        },
    ),
];

trait IntoGone {
    fn into_gone(self) -> Fact<()>;
}

impl IntoGone for Fact<String> {
    /// Converts the state of a volume to its existence: EC2 shows a deleted volume for a while.
    fn into_gone(self) -> Fact<()> {
        match self {
            Fact::Known(state) if matches!(state.as_str(), "deleting" | "deleted") => Fact::Absent,
            other => other.map(|_| ()),
        }
    }
}

fn promised<P: DeserializeOwned>(with: &Value, judge: impl FnOnce(P) -> Verdict) -> Verdict {
    match serde_json::from_value(with.clone()) {
        Ok(plan) => judge(plan),
        Err(error) => Verdict::Unknown(format!("what was promised cannot be read: {error}")),
    }
}

/// Judges that a resource is gone, and notes until when the Recycle Bin has it.
fn gone(thing: Fact<()>, inventory: &Inventory, resource: &ResourceId) -> Verdict {
    let removal = || inventory.regions.get(resource.region())?.removals.get(resource.id()).known().copied();
    let until = || {
        removal().filter(|removal| removal.in_bin == Fact::Known(true)).map(|removal| removal.in_bin_until)
    };
    match thing {
        Fact::Absent => Verdict::Ok(until().map(|until| {
            let until =
                until.map_or_else(String::new, |until| format!(" until {}", until.strftime("%Y-%m-%d")));
            format!(
                "recoverable{until}: the Recycle Bin has {}, and `redress undo` restores it",
                resource.id()
            )
        })),
        Fact::Known(()) => Verdict::Violates(json!({ "exists": true })),
        silent => Verdict::Unknown(silent.silence().unwrap_or_default().to_owned()),
    }
}

/// The deviations from a promise, and the facts that could not be determined.
#[derive(Default)]
struct Sum {
    wrong: Vec<String>,
    unsure: Vec<String>,
}

impl Sum {
    fn is<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, found: &T, planned: &T) {
        if found != planned {
            self.wrong.push(format!("{what} is {found:?}, planned was {planned:?}"));
        }
    }
    fn fact<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, found: &Fact<T>, planned: &T) {
        match found {
            Fact::Known(value) => self.is(what, value, planned),
            Fact::Absent => self.wrong.push(format!("{what} is not set, planned was {planned:?}")),
            silent => self.unsure.push(format!("{what}: {}", silent.silence().unwrap_or_default())),
        }
    }
    /// Compares the key of a volume. AWS names the key of every encrypted volume; an endpoint that does not
    /// leaves the promise unproved.
    fn key(&mut self, what: &str, volume: &Volume, planned: Option<&String>) {
        match (planned, &volume.kms_key_id) {
            (Some(planned), Some(found)) if found != planned => {
                self.wrong.push(format!("{what} is encrypted under {found}, planned was {planned}"))
            }
            (Some(_), None) => self.unsure.push(format!("{what} is encrypted, but its key is not reported")),
            _ => {}
        }
    }
    fn verdict(self) -> Verdict {
        match (self.wrong.is_empty(), self.unsure.is_empty()) {
            (false, _) => Verdict::Violates(json!({ "differs": self.wrong })),
            (true, false) => Verdict::Unknown(self.unsure.join("; ")),
            (true, true) => Verdict::Ok(None),
        }
    }
}

/// The parameters of `instance-disks-as-planned`.
#[derive(Deserialize)]
struct Disks {
    /// `running` or `stopped`.
    state: String,
    /// The whole device map.
    devices: Vec<Disk>,
    /// `true` if the instance must have a public address again: it had one that a stop loses.
    #[serde(default)]
    public_address: bool,
    /// `true` if the proof is asked for later than at the end of the run ([`super::LATER`]): then only the
    /// disks count that the change replaced, and the instance may be stopped, or have other disks.
    #[serde(default)]
    later: bool,
}

#[derive(Deserialize)]
struct Disk {
    device: String,
    delete_on_termination: bool,
    /// `true` if the disk must be encrypted; nothing is required of a disk that is tagged to be ignored.
    encrypted: bool,
    /// The ARN of the key; any key will do if it is not given.
    key: Option<String>,
    /// The EBS card, where it is another than 0.
    #[serde(default)]
    ebs_card_index: Option<i32>,
}

fn disks_reads(inventory: &Inventory, resource: &ResourceId, _: &Value) -> Vec<Want> {
    let (region, id) = (resource.region(), resource.id());
    let mut wants = vec![Want::id(region, FamilyKind::Instances, id)];
    if let Fact::Known(instance) = instance(inventory, region, id) {
        wants.extend(instance.devices.iter().map(|d| Want::id(region, FamilyKind::Volumes, &d.volume_id)));
    }
    wants
}

fn disks(inventory: &Inventory, resource: &ResourceId, plan: &Disks) -> Verdict {
    let found = match instance(inventory, resource.region(), resource.id()) {
        Fact::Known(found) => found,
        Fact::Absent => return Verdict::Violates(json!({ "differs": ["the instance does not exist"] })),
        silent => return Verdict::Unknown(silent.silence().unwrap_or_default().to_owned()),
    };
    let mut sum = Sum::default();
    if !plan.later {
        sum.is("the power state", &found.state, &plan.state);
        if plan.public_address && found.public_ip.is_none() {
            sum.wrong.push("it has no public address any more".to_owned());
        }
        for extra in found.devices.iter().filter(|d| !plan.devices.iter().any(|p| p.device == d.device_name))
        {
            sum.wrong.push(format!("{} at {} was not planned", extra.volume_id, extra.device_name));
        }
    }
    for disk in plan.devices.iter().filter(|disk| !plan.later || disk.key.is_some()) {
        let Some(device) = found.devices.iter().find(|d| d.device_name == disk.device) else {
            sum.wrong.push(format!("nothing is attached at {}", disk.device));
            continue;
        };
        sum.is(
            &format!("DeleteOnTermination of {}", disk.device),
            &device.delete_on_termination,
            &disk.delete_on_termination,
        );
        let here = volume(inventory, resource.region(), &device.volume_id);
        if let Fact::Known(v) = here
            && (disk.key.is_some() || disk.ebs_card_index.is_some())
        {
            let [found, planned] = [v.card_at(&found.id), disk.ebs_card_index].map(Option::unwrap_or_default);
            sum.is(&format!("the EBS card of {}", disk.device), &found, &planned);
        }
        if !disk.encrypted {
            continue;
        }
        let what = format!("{} at {}", device.volume_id, disk.device);
        match here {
            Fact::Known(v) if !v.encrypted => sum.wrong.push(format!("{what} is not encrypted")),
            Fact::Known(v) => sum.key(&what, v, disk.key.as_ref()),
            Fact::Absent => sum.wrong.push(format!("{what} does not exist")),
            silent => sum.unsure.push(format!("{what}: {}", silent.silence().unwrap_or_default())),
        }
    }
    sum.verdict()
}

/// The parameters of `volume-replaced`: the properties that the replacement must have.
#[derive(Deserialize)]
struct Replaced {
    key: Option<String>,
    availability_zone: String,
    volume_type: String,
    size: i32,
    iops: Option<i32>,
    throughput: Option<i32>,
    #[serde(default)]
    volume_initialization_rate: Option<i32>,
    tags: Tags,
    /// `true` if the proof is asked for later than at the end of the run ([`super::LATER`]): the volume may
    /// have been tagged, grown or made faster since.
    #[serde(default)]
    later: bool,
}

fn replaced(inventory: &Inventory, resource: &ResourceId, plan: &Replaced) -> Verdict {
    let old = match volume(inventory, resource.region(), resource.id()) {
        Fact::Known(old) => old,
        // The old volume may have been pruned; then nothing ties the two together any more.
        Fact::Absent => return Verdict::Unknown("the replaced volume no longer exists".to_owned()),
        silent => return Verdict::Unknown(silent.silence().unwrap_or_default().to_owned()),
    };
    // If nobody could mark the old volume, the new one in its place still names it as its source.
    let in_its_place = || {
        let volumes = inventory.regions.get(resource.region()).into_iter().flat_map(|r| r.volumes.known());
        volumes
            .filter(|(_, v)| v.tags.get(tag::SOURCE) == Some(&old.id) && !v.attachments.is_empty())
            .map(|(_, v)| &v.id)
            .next()
    };
    let Some(id) = old.tags.get(tag::REPLACED_BY).or_else(in_its_place) else {
        return Verdict::Violates(json!({ "differs": [format!("it carries no tag {}", tag::REPLACED_BY)] }));
    };
    let new = match volume(inventory, resource.region(), id) {
        Fact::Known(new) => new,
        Fact::Absent => return Verdict::Violates(json!({ "differs": [format!("{id} does not exist")] })),
        silent => return Verdict::Unknown(format!("{id}: {}", silent.silence().unwrap_or_default())),
    };
    let mut sum = Sum::default();
    sum.is("encrypted", &new.encrypted, &true);
    sum.key(id, new, plan.key.as_ref());
    if plan.later {
        return sum.verdict();
    }
    sum.is("the zone", &new.availability_zone, &plan.availability_zone);
    sum.is("the type", &new.volume_type, &plan.volume_type);
    sum.is("the size", &new.size, &plan.size);
    if plan.iops.is_some() {
        sum.is("IOPS", &new.iops, &plan.iops);
    }
    if plan.throughput.is_some() {
        sum.is("throughput", &new.throughput, &plan.throughput);
    }
    if plan.volume_initialization_rate.is_some() {
        sum.is("the initialization rate", &new.volume_initialization_rate, &plan.volume_initialization_rate);
    }
    for (key, value) in &plan.tags {
        sum.is(&format!("tag {key}"), &new.tags.get(key), &Some(value));
    }
    sum.verdict()
}

/// The parameters of `trail-raised`; nothing is required of a member that is not given.
#[derive(Deserialize)]
struct Raised {
    is_multi_region: Option<bool>,
    log_file_validation: Option<bool>,
    is_logging: Option<bool>,
    /// The bucket is never changed.
    bucket: String,
    /// The ARN of the key of its log files.
    key: Option<String>,
    /// `true` if the proof is asked for later than at the end of the run ([`super::LATER`]): the trail may
    /// deliver elsewhere by then.
    #[serde(default)]
    later: bool,
}

fn raised(inventory: &Inventory, resource: &ResourceId, plan: &Raised) -> Verdict {
    let trail: &Trail = match inventory.trails.get(resource.as_str()) {
        Fact::Known(trail) => trail,
        Fact::Absent => return Verdict::Violates(json!({ "differs": ["the trail does not exist"] })),
        silent => return Verdict::Unknown(silent.silence().unwrap_or_default().to_owned()),
    };
    let mut sum = Sum::default();
    if !plan.later {
        sum.is("the bucket", &trail.s3_bucket_name, &plan.bucket);
    }
    sum.is("multi-region", &trail.is_multi_region, &plan.is_multi_region.unwrap_or(trail.is_multi_region));
    sum.is(
        "log file validation",
        &trail.log_file_validation,
        &plan.log_file_validation.unwrap_or(trail.log_file_validation),
    );
    if plan.key.is_some() {
        sum.is("the key of the log files", &trail.kms_key_id, &plan.key);
    }
    if let Some(planned) = plan.is_logging {
        sum.fact("logging", &trail.is_logging, &planned);
    }
    sum.verdict()
}

/// The parameters of `trail-bucket-as-planned`.
#[derive(Deserialize)]
struct TrailBucket {
    /// The ARN of the trail that delivers to the bucket.
    trail: String,
    /// `AES256` or `aws:kms`; any encryption will do if the bucket was encrypted before.
    encryption: Option<String>,
}

fn trail_bucket(inventory: &Inventory, resource: &ResourceId, plan: &TrailBucket) -> Verdict {
    let found: &Bucket = match inventory.buckets.get(resource.id()) {
        Fact::Known(found) => found,
        Fact::Absent => return Verdict::Violates(json!({ "differs": ["the bucket does not exist"] })),
        silent => return Verdict::Unknown(silent.silence().unwrap_or_default().to_owned()),
    };
    let mut sum = Sum::default();
    sum.is("owned by this account", &found.owned, &true);
    sum.fact("blocked from the public", &found.public_access_blocked, &true);
    sum.fact("versioning", &found.versioning, &"Enabled".to_owned());
    match (&plan.encryption, &found.encryption) {
        (Some(planned), found) => sum.fact("encryption", found, planned),
        (None, Fact::Known(_)) => {}
        (None, Fact::Absent) => sum.wrong.push("it is not encrypted".to_owned()),
        (None, silent) => sum.unsure.push(format!("encryption: {}", silent.silence().unwrap_or_default())),
    }
    match &found.policy {
        Fact::Known(policy) => {
            let trail =
                Trail { id: plan.trail.clone(), s3_bucket_name: found.id.clone(), ..Trail::default() };
            match bucket::delivery(policy, &trail, &inventory.owner.account) {
                bucket::Delivery::Allowed => {}
                bucket::Delivery::Missing(lacking) => {
                    sum.wrong.extend(lacking.into_iter().map(|l| format!("the policy does not allow {l}")))
                }
                bucket::Delivery::Unprovable(why) => sum.unsure.push(why),
            }
            sum.is("TLS only", &bucket::tls_only(policy), &true);
        }
        Fact::Absent => sum.wrong.push("it has no policy".to_owned()),
        silent => sum.unsure.push(format!("its policy: {}", silent.silence().unwrap_or_default())),
    }
    sum.verdict()
}

#[cfg(test)]
mod tests;
