//! Reads volumes, their modifications, and the account's own snapshots.

use aws_sdk_ec2::{Client, types};

use super::{
    Ask, Members,
    page::{filters, known, pages, some, tags, text, time},
};
use crate::inventory::{Snapshot, Volume, VolumeModification, compute::Attachment};

/// Calls `ec2:DescribeVolumes`.
pub async fn volumes(ec2: &Client, ask: &Ask) -> Members<Volume> {
    let request = ec2
        .describe_volumes()
        .include_managed_resources(true)
        .set_filters(filters(ask, "volume-id"))
        .max_results(500);
    let volumes = pages!("ec2:DescribeVolumes", request, volumes);
    Ok(known(volumes.into_iter().map(volume), |v| &v.id))
}

fn volume(volume: types::Volume) -> Volume {
    let attached = volume.attachments.iter().flatten().filter_map(|a| time(a.attach_time)).max();
    Volume {
        id: text(volume.volume_id),
        size: volume.size.unwrap_or_default(),
        volume_type: text(volume.volume_type),
        iops: volume.iops,
        throughput: volume.throughput,
        encrypted: volume.encrypted.unwrap_or_default(),
        kms_key_id: some(volume.kms_key_id),
        availability_zone: text(volume.availability_zone),
        state: text(volume.state),
        attachments: volume.attachments.unwrap_or_default().into_iter().map(attachment).collect(),
        attached_at: attached,
        snapshot_id: some(volume.snapshot_id),
        multi_attach: volume.multi_attach_enabled.unwrap_or_default(),
        operator: operator(volume.operator),
        outpost_arn: some(volume.outpost_arn),
        create_time: time(volume.create_time),
        tags: tags(volume.tags),
    }
}

fn attachment(attachment: types::VolumeAttachment) -> Attachment {
    Attachment {
        instance_id: text(attachment.instance_id),
        device: text(attachment.device),
        state: text(attachment.state),
        delete_on_termination: attachment.delete_on_termination.unwrap_or_default(),
    }
}

/// Returns the service that operates a resource, if one does.
pub fn operator(operator: Option<types::OperatorResponse>) -> Option<String> {
    let operator = operator.filter(|o| o.managed == Some(true))?;
    Some(some(operator.principal).unwrap_or_else(|| "a service of AWS".to_owned()))
}

/// Calls `ec2:DescribeVolumesModifications`.
pub async fn modifications(ec2: &Client, ask: &Ask) -> Members<VolumeModification> {
    let request = ec2
        .describe_volumes_modifications()
        .include_managed_resources(true)
        .set_filters(filters(ask, "volume-id"))
        .max_results(500);
    let modifications = pages!("ec2:DescribeVolumesModifications", request, volumes_modifications);
    let modifications = modifications.into_iter().map(|m: types::VolumeModification| VolumeModification {
        id: text(m.volume_id),
        modification_state: text(m.modification_state),
    });
    Ok(known(modifications, |m| &m.id))
}

/// Calls `ec2:DescribeSnapshots` with `OwnerIds=self`. Emulators also list snapshots of public images there.
pub async fn snapshots(ec2: &Client, account: &str, ask: &Ask) -> Members<Snapshot> {
    let request =
        ec2.describe_snapshots().owner_ids("self").set_filters(filters(ask, "snapshot-id")).max_results(1000);
    let snapshots = pages!("ec2:DescribeSnapshots", request, snapshots);
    let own = snapshots.into_iter().filter(|s: &types::Snapshot| s.owner_id.as_deref() == Some(account));
    Ok(known(own.map(snapshot), |s| &s.id))
}

fn snapshot(snapshot: types::Snapshot) -> Snapshot {
    Snapshot {
        id: text(snapshot.snapshot_id),
        volume_id: text(snapshot.volume_id),
        state: text(snapshot.state),
        start_time: time(snapshot.start_time),
        volume_size: snapshot.volume_size.unwrap_or_default(),
        encrypted: snapshot.encrypted.unwrap_or_default(),
        kms_key_id: some(snapshot.kms_key_id),
        description: text(snapshot.description),
        storage_tier: some(snapshot.storage_tier).unwrap_or_else(|| "standard".to_owned()),
        state_message: some(snapshot.state_message),
        progress: some(snapshot.progress),
        tags: tags(snapshot.tags),
    }
}
