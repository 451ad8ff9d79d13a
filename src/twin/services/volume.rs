//! Volumes, as `ec2:CreateVolume`, `CopyVolumes`, `DeleteVolume`, `AttachVolume` and `DetachVolume` treat
//! them.

use super::{OnTwin, bin, done, output, storage_quota::volume_fits, tag::specified};
use crate::{
    calls::{CallError, Outcome, volume_copies::in_progress},
    inventory::{
        Fact, FamilyKind, Instance, Volume, VolumeStatus,
        compute::{Attachment, Device},
    },
    services::volume::{
        AttachVolume, CopyVolumes, CreateVolume, DeleteVolume, DetachVolume, INITIALIZATION_RATES,
        MOST_VOLUME_COPIES,
    },
    twin::{
        FaultKind, Twin,
        effect::Effect,
        errors::{must, refuse, unknown},
        keys, take_away,
    },
};

impl OnTwin for CreateVolume {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        let mut new = Volume { tags: specified(&self.tag_specifications, "volume")?, ..Volume::default() };
        if !self.availability_zone.starts_with(region) || self.availability_zone.len() == region.len() {
            return Err(refuse(
                "InvalidZone.NotFound",
                format!("The zone '{}' does not exist.", self.availability_zone),
            ));
        }
        let mut from_encrypted = false;
        let mut source_key = None;
        if let Some(id) = &self.snapshot_id {
            let absent =
                || refuse("InvalidSnapshot.NotFound", format!("The snapshot '{id}' does not exist."));
            let snapshot = must(t.region(region)?.snapshots.get(id), id, absent)?;
            if snapshot.state != "completed" {
                return Err(refuse(
                    "IncorrectState",
                    format!("Snapshot is in invalid state - {}", snapshot.state),
                ));
            }
            new.size = snapshot.volume_size;
            (from_encrypted, source_key) = (snapshot.encrypted, snapshot.kms_key_id.clone());
        }
        if let Some(size) = self.size {
            if size < new.size {
                return Err(refuse(
                    "InvalidParameterValue",
                    format!("The size of a volume can't be smaller than its snapshot ({} GiB).", new.size),
                ));
            }
            new.size = size;
        }
        if new.size == 0 {
            return Err(refuse(
                "MissingParameter",
                "The request must contain the parameter size or snapshotId",
            ));
        }
        performance(self.volume_type.as_deref(), self.iops, self.throughput, &mut new)?;
        loading(&self, &mut new)?;
        let asked = (self.encrypted == Some(true), self.kms_key_id.as_deref());
        let fate = encryption(t, region, asked, from_encrypted, source_key, &mut new)?;
        new.availability_zone = self.availability_zone;
        new.snapshot_id = self.snapshot_id;
        volume_fits(t, region, &new)?;
        output("VolumeId", begin(t, region, new, fate))
    }
}

/// The code for too many copies in progress.
const TOO_MANY_COPIES: &str = "CopyVolumesLimitExceeded";

impl OnTwin for CopyVolumes {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        let mut new = Volume { tags: specified(&self.tag_specifications, "volume")?, ..Volume::default() };
        let id = &self.source_volume_id;
        let source = source(t, region, id)?.clone();
        let others: Vec<&Volume> = in_progress(t.region(region)?, t.now).collect();
        if others.iter().any(|copy| copy.source_volume_id.as_ref() == Some(id)) {
            return Err(refuse(TOO_MANY_COPIES, format!("A copy of the volume '{id}' is in progress.")));
        }
        let most = t.quotas.get(TOO_MANY_COPIES).copied().unwrap_or(MOST_VOLUME_COPIES);
        if others.len() >= most {
            let message = format!("Too many volume copies in progress. The limit is {most} for this region.");
            return Err(refuse(TOO_MANY_COPIES, message));
        }
        new.size = self.size.unwrap_or(source.size);
        if new.size < source.size {
            return Err(refuse(
                "InvalidParameterValue",
                format!("The size of a copy can't be smaller than its source ({} GiB).", source.size),
            ));
        }
        performance(self.volume_type.as_deref(), self.iops, self.throughput, &mut new)?;
        let asked = (self.encrypted == Some(true), self.kms_key_id.as_deref());
        let fate = encryption(t, region, asked, source.encrypted, source.kms_key_id, &mut new)?;
        new.availability_zone = source.availability_zone;
        new.source_volume_id = Some(id.clone());
        volume_fits(t, region, &new)?;
        let size = u64::try_from(new.size).unwrap_or(0);
        let made = begin(t, region, new, fate);
        t.content_doubled(region, &made, id);
        let status = VolumeStatus {
            id: made.clone(),
            initialization_type: Some("volume-copy".to_owned()),
            initialization_progress: Some(0),
        };
        t.region_mut(region).volume_statuses.put(made.clone(), status);
        // AWS's times for whole TiB, played in proportion.
        let seconds = 60 + 21 * size.min(1024) + 4 * size.saturating_sub(1024);
        t.later(seconds, region, Effect::CopyInitialised(made.clone()));
        output("VolumeId", made)
    }
}

/// Returns the volume, if it can be copied now
/// (<https://docs.aws.amazon.com/ebs/latest/userguide/ebs-copying-volume.html>).
fn source<'a>(t: &'a Twin, region: &str, id: &str) -> Result<&'a Volume, CallError> {
    let volume = find(t, region, id)?;
    if !["available", "in-use"].contains(&volume.state.as_str()) {
        return Err(refuse("IncorrectState", format!("The volume '{id}' is '{}'.", volume.state)));
    }
    if volume.outpost_arn.is_some() {
        return Err(refuse("UnsupportedOperation", format!("The volume '{id}' is on an Outpost.")));
    }
    let modified = t.region(region)?.volume_modifications.get(id);
    match modified.known().map(|m| m.modification_state.as_str()) {
        None | Some("completed" | "optimizing" | "failed") => Ok(volume),
        Some(state) => Err(refuse(
            "IncorrectModificationState",
            format!("The volume '{id}' is being modified ({state})."),
        )),
    }
}

/// The fate of a volume that is begun.
enum VolumeEnd {
    Ready,
    Fails,
    Vanishes,
}

fn begin(t: &mut Twin, region: &str, mut new: Volume, fate: VolumeEnd) -> String {
    let id = t.fresh("vol");
    new.id.clone_from(&id);
    new.state = "creating".to_owned();
    new.create_time = Some(t.now);
    let effect = match fate {
        VolumeEnd::Ready => Effect::VolumeReady(id.clone()),
        VolumeEnd::Fails => Effect::VolumeFailed(id.clone()),
        VolumeEnd::Vanishes => Effect::VolumeVanished(id.clone()),
    };
    t.later(5, region, effect);
    t.made(FamilyKind::Volumes, &id);
    t.content_made(&id, new.snapshot_id.as_deref());
    t.region_mut(region).volumes.put(id.clone(), new);
    id
}

/// Sets type, IOPS and throughput, with AWS's defaults and bounds
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVolume.html>).
fn performance(
    kind: Option<&str>,
    iops: Option<i32>,
    throughput: Option<i32>,
    new: &mut Volume,
) -> Result<(), CallError> {
    let kind = kind.unwrap_or("gp2");
    let (smallest, largest) = match kind {
        "gp2" => (1, 16_384),
        "gp3" => (1, 65_536),
        "io1" => (4, 16_384),
        "io2" => (4, 65_536),
        "st1" | "sc1" => (125, 16_384),
        "standard" => (1, 1_024),
        other => {
            return Err(refuse(
                "InvalidParameterValue",
                format!("Value ({other}) for parameter volumeType is invalid."),
            ));
        }
    };
    if !(smallest..=largest).contains(&new.size) {
        return Err(refuse(
            "InvalidParameterValue",
            format!("Volume of {}GiB is out of bounds for {kind}: {smallest} to {largest}GiB.", new.size),
        ));
    }
    let provisioned = ["io1", "io2"].contains(&kind);
    new.iops = match (kind, iops) {
        ("gp3", given) => Some(given.unwrap_or(3_000)),
        ("gp2", None) => Some((3 * new.size).clamp(100, 16_000)),
        (_, Some(given)) if provisioned => Some(given),
        (_, None) if provisioned => {
            return Err(refuse(
                "MissingParameter",
                format!("The parameter iops must be specified for {kind} volumes."),
            ));
        }
        (_, None) => None,
        (_, Some(_)) => {
            return Err(refuse(
                "InvalidParameterCombination",
                format!("The parameter iops is not supported for {kind} volumes."),
            ));
        }
    };
    let (least, most) = match kind {
        "gp3" => (3_000, 80_000),
        "io1" => (100, 64_000),
        _ => (100, 256_000),
    };
    if new.iops.is_some_and(|iops| !(least..=most).contains(&iops)) {
        return Err(refuse("InvalidParameterValue", format!("IOPS are out of bounds for {kind}.")));
    }
    new.throughput = match (kind, throughput) {
        ("gp3", given) => Some(given.unwrap_or(125)),
        (_, None) => None,
        (_, Some(_)) => {
            return Err(refuse(
                "InvalidParameterCombination",
                format!("The parameter throughput is not supported for {kind} volumes."),
            ));
        }
    };
    if new.throughput.is_some_and(|mib| !(125..=2_000).contains(&mib)) {
        return Err(refuse("InvalidParameterValue", "Throughput is out of bounds for gp3."));
    }
    new.volume_type = kind.to_owned();
    Ok(())
}

/// Sets the rate at which the volume is loaded from its snapshot.
fn loading(input: &CreateVolume, new: &mut Volume) -> Result<(), CallError> {
    let Some(rate) = input.volume_initialization_rate else { return Ok(()) };
    if input.snapshot_id.is_none() {
        return Err(refuse(
            "InvalidParameterCombination",
            "The parameter volumeInitializationRate is supported only for volumes created from snapshots.",
        ));
    }
    if !INITIALIZATION_RATES.contains(&rate) {
        return Err(refuse(
            "InvalidParameterValue",
            format!("Volume initialization rate of {rate} MiB/s is out of bounds."),
        ));
    }
    new.volume_initialization_rate = Some(rate);
    Ok(())
}

/// Sets the encryption of the volume; `asked` is the encryption and the key of the call. The key is checked
/// only after the call was answered: one that does not work makes the volume fail later.
fn encryption(
    t: &Twin,
    region: &str,
    (asked, key): (bool, Option<&str>),
    from_encrypted: bool,
    source_key: Option<String>,
    new: &mut Volume,
) -> Result<VolumeEnd, CallError> {
    if key.is_some() && !asked && !from_encrypted {
        return Err(refuse(
            "InvalidParameterDependency",
            "The parameter KmsKeyId requires the parameter Encrypted to be set.",
        ));
    }
    let dies = t.fate == Some(FaultKind::VolumeDies);
    new.encrypted = asked || from_encrypted || keys::encrypted_by_default(t, region)?;
    if !new.encrypted {
        return Ok(if dies { VolumeEnd::Fails } else { VolumeEnd::Ready });
    }
    let source_broken = from_encrypted && keys::is_broken(t.region(region)?, source_key.as_deref())?;
    if key.is_none() && source_key.is_some() {
        // Without a key of its own the volume takes that of its source.
        new.kms_key_id = source_key;
        return Ok(if source_broken || dies { VolumeEnd::Fails } else { VolumeEnd::Ready });
    }
    let key = keys::choose(t, region, key)?;
    new.kms_key_id = Some(key.arn);
    Ok(match (key.exists, key.works && !source_broken && !dies) {
        (false, _) => VolumeEnd::Vanishes,
        (true, true) => VolumeEnd::Ready,
        (true, false) => VolumeEnd::Fails,
    })
}

/// Returns whether a volume has failed or is gone: the token that created it cannot be used again.
pub(super) fn is_dead(t: &Twin, region: &str, id: &str) -> bool {
    match t.truth.regions.get(region).map(|r| r.volumes.get(id)) {
        Some(Fact::Known(volume)) => volume.state == "error",
        Some(Fact::Absent) | None => true,
        Some(_) => false,
    }
}

impl OnTwin for DeleteVolume {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        let id = &self.volume_id;
        let volume = must(t.region(region)?.volumes.get(id), id, || {
            refuse("InvalidVolume.NotFound", format!("The volume '{id}' does not exist."))
        })?;
        match volume.state.as_str() {
            "available" | "error" => {}
            "in-use" => return Err(refuse("VolumeInUse", format!("Volume {id} is currently attached"))),
            state => return Err(refuse("IncorrectState", format!("The volume '{id}' is '{state}'."))),
        }
        let volume = volume.clone();
        if bin::keep(t, region, id, &volume.tags) {
            t.bin.volumes.insert(id.clone(), volume);
        }
        take_away(&mut t.region_mut(region).volumes, id);
        // What was not read of it stays so.
        if t.region(region)?.volume_statuses.get(id).known().is_some() {
            take_away(&mut t.region_mut(region).volume_statuses, id);
        }
        done()
    }
}

fn find<'a>(t: &'a Twin, region: &str, volume: &str) -> Result<&'a Volume, CallError> {
    must(t.region(region)?.volumes.get(volume), volume, || {
        refuse("InvalidVolume.NotFound", format!("The volume '{volume}' does not exist."))
    })
}

fn find_instance<'a>(t: &'a Twin, region: &str, id: &str) -> Result<&'a Instance, CallError> {
    must(t.region(region)?.instances.get(id), id, || {
        refuse("InvalidInstanceID.NotFound", format!("The instance ID '{id}' does not exist"))
    })
}

impl OnTwin for AttachVolume {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        let id = &self.volume_id;
        let volume = find(t, region, id)?;
        let instance = find_instance(t, region, &self.instance_id)?;
        match volume.state.as_str() {
            "available" => {}
            "in-use" => {
                return Err(refuse("VolumeInUse", format!("{id} is already attached to an instance")));
            }
            state => {
                return Err(refuse(
                    "IncorrectState",
                    format!("The volume '{id}' is not 'available': it is '{state}'."),
                ));
            }
        }
        if volume.availability_zone != instance.availability_zone {
            return Err(refuse(
                "InvalidVolume.ZoneMismatch",
                format!(
                    "The volume '{id}' is not in the same availability zone as instance '{}'",
                    instance.id
                ),
            ));
        }
        if !["running", "stopped"].contains(&instance.state.as_str()) {
            return Err(refuse(
                "IncorrectState",
                format!(
                    "Instance '{}' is not 'running' or 'stopped': it is '{}'.",
                    instance.id, instance.state
                ),
            ));
        }
        if instance.devices.iter().any(|d| d.device_name == self.device)
            || t.lags_at(&instance.id, &self.device, true)
        {
            let message = format!(
                "Invalid value '{0}' for unixDevice. Attachment point {0} is already in use",
                self.device
            );
            return Err(refuse("InvalidParameterValue", message));
        }
        // A running instance needs the key at once; a stopped one when it starts.
        if volume.encrypted
            && instance.state == "running"
            && keys::is_broken(t.region(region)?, volume.kms_key_id.as_deref())?
        {
            return Err(unknown(
                &format!("what becomes of {id} at a running instance"),
                "its key does not work",
            ));
        }
        let now = t.now;
        let region_mut = t.region_mut(region);
        if let Some(volume) = region_mut.volumes.get_mut(id) {
            volume.state = "in-use".to_owned();
            let (instance_id, device) = (self.instance_id.clone(), self.device.clone());
            volume.attachments.push(Attachment {
                instance_id,
                device,
                state: "attaching".to_owned(),
                ebs_card_index: self.ebs_card_index.filter(|card| *card != 0),
                ..Attachment::default()
            });
            volume.attached_at = Some(now);
        }
        if let Some(instance) = region_mut.instances.get_mut(&self.instance_id) {
            let device = Device {
                device_name: self.device,
                volume_id: id.clone(),
                delete_on_termination: false,
                status: "attaching".to_owned(),
            };
            instance.devices.push(device);
            instance.devices.sort_by(|a, b| a.device_name.cmp(&b.device_name));
        }
        t.later(4, region, Effect::Attached(self.volume_id));
        done()
    }
}

impl OnTwin for DetachVolume {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        let id = &self.volume_id;
        let volume = find(t, region, id)?;
        let is_meant = |a: &&Attachment| a.instance_id == self.instance_id && a.device == self.device;
        let attachment = match volume.attachments.iter().find(is_meant) {
            Some(attachment) => attachment.clone(),
            None if volume.attachments.is_empty() => {
                return Err(refuse(
                    "IncorrectState",
                    format!("Volume '{id}' is in the '{}' state.", volume.state),
                ));
            }
            None => {
                return Err(refuse(
                    "InvalidAttachment.NotFound",
                    format!("The volume '{id}' is not attached so"),
                ));
            }
        };
        if attachment.state == "detaching" {
            return done();
        }
        let instance = find_instance(t, region, &attachment.instance_id)?;
        let is_root = instance.root_device_name == attachment.device;
        if is_root && instance.state != "stopped" {
            return Err(refuse(
                "OperationNotPermitted",
                format!("Unable to detach root volume '{id}' from instance '{}'", instance.id),
            ));
        }
        let seconds = if instance.state == "stopped" { 2 } else { 6 };
        let region_mut = t.region_mut(region);
        if let Some(a) = region_mut
            .volumes
            .get_mut(id)
            .and_then(|v| v.attachments.iter_mut().find(|a| a.instance_id == attachment.instance_id))
        {
            a.state = "detaching".to_owned();
        }
        if let Some(d) = region_mut
            .instances
            .get_mut(&attachment.instance_id)
            .and_then(|i| i.devices.iter_mut().find(|d| d.volume_id == *id))
        {
            d.status = "detaching".to_owned();
        }
        t.later(seconds, region, Effect::Detached(self.volume_id));
        done()
    }
}
