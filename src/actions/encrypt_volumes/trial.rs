//! Trial volumes: created like the ones to come, seen, and deleted again, before anything is taken down. EC2
//! checks a KMS key only after it has answered, and counts quotas when it creates: a failure that would occur
//! while the instance is down occurs here.

use serde_json::Value;

use super::parts::{Disk, Job};
use crate::{
    actions::{Refusal, make, support::tag_specifications},
    calls::{KeptOnce, Shape, Step, Undo, Wait, WayBack, reference},
    inventory::{FamilyKind, Tags},
    services::{Planned, volume::CreateVolume},
};

/// A trial: its place in the names of steps, the volume that is created, the key, and its purpose in words.
struct Trial {
    name: String,
    create: CreateVolume<Planned>,
    key: String,
    words: String,
}

/// Returns the steps of all trials: a volume for each disk, of its size, type, speed and zone, under the new
/// key, from the snapshot that `of` names, or empty; and one of the smallest size for each key of a disk that
/// stays.
///
/// # Errors
/// A refusal if there are more tags than AWS allows.
pub fn trials(
    job: &Job<'_>,
    disks: &[Disk<'_>],
    of: Option<&dyn Fn(&Disk<'_>) -> Value>,
    others: &[String],
) -> Result<Vec<Step>, Refusal> {
    let mut all = Vec::new();
    for disk in disks {
        let create = job.new_volume(disk, of.map(|of| of(disk)), &[])?;
        all.push(Trial {
            name: disk.n.to_string(),
            create,
            key: job.key.clone(),
            words: format!("like the one for {}", disk.words()),
        });
    }
    for (n, key) in others.iter().enumerate() {
        let create = CreateVolume {
            availability_zone: disks.first().map_or_else(String::new, |d| d.volume.availability_zone.clone()),
            snapshot_id: None,
            volume_type: Some("gp3".to_owned()),
            size: Some(1),
            iops: None,
            throughput: None,
            encrypted: Some(true),
            kms_key_id: Some(key.clone()),
            volume_initialization_rate: None,
            tag_specifications: tag_specifications("volume", &Tags::new(), &[])?,
            client_token: reference::token().into(),
        };
        all.push(Trial {
            name: format!("key-{}", n + 1),
            create,
            key: key.clone(),
            words: format!("under {key}, which a disk that stays needs"),
        });
    }
    let wait = seen(job, &all);
    let mut steps: Vec<Step> = Vec::new();
    for (at, trial) in all.iter().enumerate() {
        let wait = (at + 1 == all.len()).then(|| wait.clone());
        let act = make::making(job.call(&trial.create), FamilyKind::Volumes, "VolumeId", Shape::Id, wait);
        let gone =
            KeptOnce { step: format!("trial-gone-{}", trial.name), reason: "it is gone then".to_owned() };
        let way_back = WayBack::Calls {
            rollback: vec![job.delete_volume(made(trial))],
            undo: Undo::Calls(Vec::new()),
            kept_once: Some(gone),
            redo: false,
        };
        steps.push(make::step(
            format!("trial-{}", trial.name),
            format!("make a trial volume {}", trial.words),
            act,
            way_back,
        ));
    }
    let back = |trial: &Trial| WayBack::ByStep(format!("trial-{}", trial.name));
    steps.extend(all.iter().map(|trial| {
        let title = format!("delete the trial volume {}", trial.words);
        make::step(format!("trial-gone-{}", trial.name), title, job.delete_volume(made(trial)), back(trial))
    }));
    Ok(steps)
}

/// Returns the id of a trial's volume.
fn made(trial: &Trial) -> Value {
    reference::output(&format!("trial-{}", trial.name), "VolumeId")
}

/// Builds the wait until all trial volumes exist, each encrypted under its key.
fn seen(job: &Job<'_>, all: &[Trial]) -> Wait {
    let ids = Value::Array(all.iter().map(made).collect());
    let mut until = job.made(ids);
    until.extend(all.iter().map(|trial| {
        make::is(job.region, FamilyKind::Volumes, made(trial), "/kms_key_id", trial.key.as_str())
    }));
    Wait {
        until,
        at_most: super::parts::VOLUME_WITHIN,
        why: "until the trial volumes are available, under their keys".to_owned(),
    }
}
