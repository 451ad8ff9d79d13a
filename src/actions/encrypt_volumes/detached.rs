//! The change for a volume that is attached to nothing.

use serde_json::json;

use super::{
    Parameters, Via,
    doubles::{may_be_copied, room},
    guards, key,
    parts::{Disk, Job},
    way,
};
use crate::{
    actions::{Context, GuardNote, Proposal, Refusal, make, quota, support::tag_specifications},
    calls::{Expect, Risk, Shape, Step, Test, reference},
    inventory::{FamilyKind, Want, tag},
    resource::ResourceId,
    services::{Planned, snapshot::CreateSnapshot},
};

/// Proposes the change for a detached volume.
///
/// # Errors
/// A refusal.
pub fn propose(
    context: &Context<'_>,
    target: &ResourceId,
    parameters: &Parameters,
) -> Result<Proposal, Refusal> {
    let volume = guards::volume(context, target.id())?;
    if volume.encrypted {
        return Err(Refusal::Nothing(format!("{} is encrypted", volume.id)));
    }
    if volume.state != "available" || !volume.attachments.is_empty() {
        return Err(Refusal::Refused(format!(
            "{} is {}: it was attached to nothing when it was planned for; plan again",
            volume.id, volume.state
        )));
    }
    let disks = [Disk::alone(volume)];
    let parameters = &way::chosen(context, &disks, parameters);
    may_be_copied(&disks, parameters)?;
    let (key, own_key) = key::chosen(context, parameters)?;
    let job = Job { owner: &context.inventory.owner, region: context.region, key, own_key, parameters };
    let steps = detached_steps(&job, &disks)?;
    Ok(Proposal {
        summary: format!(
            "replace the detached volume {} ({} GiB {}) by an encrypted copy",
            volume.id, volume.size, volume.volume_type
        ),
        steps,
        risk: Risk::Safe,
        impact: vec![
            "no instance is affected: the volume is attached to nothing".to_owned(),
            job.paid_twice(("the old volume", "is")),
            "whatever knows the volume by its id (scripts, templates) must be given the new one".to_owned(),
            job.first_reads(&disks),
            job.shown_by_scanners(1),
        ]
        .into_iter()
        .chain(way::words(&disks, parameters))
        .chain((parameters.via == Via::VolumeCopy).then(room))
        .chain(job.later_starts("an instance with it"))
        .collect(),
        before: json!({ "volume": volume.id, "encrypted": false }),
        after: json!({ "volume": volume.id, "kept": true, "replaced_by": { "encrypted": true,
            "key": job.key } }),
        proof: job.proofs(&disks[0]).to_vec(),
        not_restored: Vec::new(),
        guards: [GuardNote::passed(
            "ownership",
            format!("no tag says that anything else manages {}", volume.id),
        )]
        .into_iter()
        .chain(quota::storage_note(context.inventory, context.region, [volume]))
        .chain(job.own_key.then(|| {
            let who = format!(
                "whoever attaches the new volume must be allowed to use {} (kms:CreateGrant): whether they \
                 are was not looked at",
                job.key
            );
            GuardNote::not_checked("later-starts", who)
        }))
        .collect(),
        touches: vec![Want::id(context.region, FamilyKind::Volumes, &volume.id)],
        prerequisites: Vec::new(),
    })
}

fn detached_steps(job: &Job<'_>, disks: &[Disk<'_>; 1]) -> Result<Vec<Step>, Refusal> {
    let disk = &disks[0];
    let alone = detached(job.region, &disk.volume.id);
    let mut first = job.tag_old(disk)?;
    first.act = first.act.only_if(alone.clone());
    let mut steps = vec![first];
    match job.parameters.via {
        Via::VolumeCopy => {
            steps.extend(job.doubles(disks, None, &|act| act.only_if(alone.clone()))?);
        }
        Via::Auto | Via::Copy | Via::Direct => steps.extend(by_snapshot(job, disks, &alone)?),
    }
    let mut last = job.replaced(disk);
    last.act = last.act.only_if(alone);
    steps.push(last);
    Ok(steps)
}

/// Builds the steps from a detached volume over a snapshot of it to the encrypted volume.
fn by_snapshot(job: &Job<'_>, disks: &[Disk<'_>; 1], alone: &[Expect]) -> Result<Vec<Step>, Refusal> {
    let disk = &disks[0];
    let own = || reference::output("snapshot", "SnapshotId");
    let mut tags = job.lineage(disk);
    tags.push((tag::EXPIRES, job.expires()));
    let create = CreateSnapshot::<Planned> {
        volume_id: disk.volume.id.clone(),
        description: Some(format!("redress: {} before encryption", disk.volume.id)),
        tag_specifications: tag_specifications("snapshot", &disk.volume.tags, &tags)?,
    };
    let wait = Some(job.completed(disks, vec![own()], "until the snapshot is completed"));
    let act = make::making(job.call(&create), FamilyKind::Snapshots, "SnapshotId", Shape::Id, wait)
        .only_if(alone.to_vec());
    let mut steps = vec![make::step(
        "snapshot",
        format!("snapshot {}", disk.words()),
        act,
        job.snapshots_back(vec![own()], "the unencrypted snapshot"),
    )];
    if job.parameters.via == Via::Copy {
        steps.extend(job.copies(disks, "copy", &|_| own())?);
    }
    steps.extend(job.volumes(
        disks,
        &|_| if job.parameters.via == Via::Copy { reference::output("copy-1", "SnapshotId") } else { own() },
        None,
        alone,
    )?);
    Ok(steps)
}

/// Expects a volume to be attached to nothing.
fn detached(region: &str, volume: &str) -> Vec<Expect> {
    let meaning =
        format!("somebody has attached {volume} in the meantime: what it holds may be newer than its copy");
    let state = Expect::new(region, FamilyKind::Volumes, volume, "/state", Test::Is(json!("available")));
    [state, make::is(region, FamilyKind::Volumes, volume, "/attachments", json!([]))]
        .map(|e| e.meaning(&meaning))
        .into()
}
