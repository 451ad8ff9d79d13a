//! Calls that change volumes and snapshots.

use aws_sdk_ec2::{
    Client,
    types::{CopyTagsFromSource, InstanceSpecification, VolumeType},
};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    errors, input,
    input::{TagSpecification, specifications},
    nothing, once, output,
};
use crate::calls::{Call, Outcome};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct CreateSnapshot {
    volume_id: String,
    description: Option<String>,
    #[serde(default)]
    tag_specifications: Vec<TagSpecification>,
}

/// `CreateSnapshot`
pub async fn create_snapshot(ec2: &Client, call: &Call) -> Outcome {
    let i: CreateSnapshot = input(call)?;
    let request = ec2.create_snapshot().volume_id(i.volume_id).set_description(i.description).set_tag_specifications(specifications(i.tag_specifications));
    output(call, "SnapshotId", once(call, request.send()).await?.snapshot_id)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct CreateSnapshots {
    instance_specification: Source,
    copy_tags_from_source: Option<String>,
    description: Option<String>,
    #[serde(default)]
    tag_specifications: Vec<TagSpecification>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Source {
    instance_id: String,
    exclude_boot_volume: Option<bool>,
    exclude_data_volume_ids: Option<Vec<String>>,
}

/// `CreateSnapshots`
pub async fn create_snapshots(ec2: &Client, call: &Call) -> Outcome {
    let i: CreateSnapshots = input(call)?;
    let source = InstanceSpecification::builder()
        .instance_id(i.instance_specification.instance_id)
        .set_exclude_boot_volume(i.instance_specification.exclude_boot_volume)
        .set_exclude_data_volume_ids(i.instance_specification.exclude_data_volume_ids.filter(|ids| !ids.is_empty()))
        .build();
    let request = ec2
        .create_snapshots()
        .instance_specification(source)
        .set_copy_tags_from_source(i.copy_tags_from_source.as_deref().map(CopyTagsFromSource::from))
        .set_description(i.description)
        .set_tag_specifications(specifications(i.tag_specifications));
    let snapshots = once(call, request.send()).await?.snapshots.unwrap_or_default();
    let by_volume: Map<String, Value> = snapshots.into_iter().filter_map(|s| Some((s.volume_id?, Value::String(s.snapshot_id?)))).collect();
    output(call, "Snapshots", Some(by_volume).filter(|map| !map.is_empty()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct CopySnapshot {
    source_region: String,
    source_snapshot_id: String,
    encrypted: Option<bool>,
    kms_key_id: Option<String>,
    description: Option<String>,
    #[serde(default)]
    tag_specifications: Vec<TagSpecification>,
}

/// `CopySnapshot`, within one region: between regions AWS wants a presigned URL, which would be a secret in the input.
pub async fn copy_snapshot(ec2: &Client, call: &Call) -> Outcome {
    let i: CopySnapshot = input(call)?;
    if i.source_region != call.region {
        return Err(errors::bad_input(&call.name(), format!("SourceRegion {} is not the region of the call, {}", i.source_region, call.region)));
    }
    let request = ec2
        .copy_snapshot()
        .source_region(i.source_region)
        .source_snapshot_id(i.source_snapshot_id)
        .set_encrypted(i.encrypted)
        .set_kms_key_id(i.kms_key_id)
        .set_description(i.description)
        .set_tag_specifications(specifications(i.tag_specifications));
    output(call, "SnapshotId", once(call, request.send()).await?.snapshot_id)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Snapshot {
    snapshot_id: String,
}

/// `DeleteSnapshot`
pub async fn delete_snapshot(ec2: &Client, call: &Call) -> Outcome {
    let i: Snapshot = input(call)?;
    once(call, ec2.delete_snapshot().snapshot_id(i.snapshot_id).send()).await?;
    nothing()
}

/// `RestoreSnapshotFromRecycleBin`
pub async fn restore_snapshot(ec2: &Client, call: &Call) -> Outcome {
    let i: Snapshot = input(call)?;
    once(call, ec2.restore_snapshot_from_recycle_bin().snapshot_id(i.snapshot_id).send()).await?;
    nothing()
}

/// `RestoreVolumeFromRecycleBin`
pub async fn restore_volume(ec2: &Client, call: &Call) -> Outcome {
    let i: Volume = input(call)?;
    once(call, ec2.restore_volume_from_recycle_bin().volume_id(i.volume_id).send()).await?;
    nothing()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct CreateVolume {
    availability_zone: String,
    snapshot_id: Option<String>,
    volume_type: Option<String>,
    size: Option<i32>,
    iops: Option<i32>,
    throughput: Option<i32>,
    encrypted: Option<bool>,
    kms_key_id: Option<String>,
    #[serde(default)]
    tag_specifications: Vec<TagSpecification>,
    // One that the SDK makes up would be another one after a crash.
    client_token: String,
}

/// `CreateVolume`
pub async fn create_volume(ec2: &Client, call: &Call) -> Outcome {
    let i: CreateVolume = input(call)?;
    let request = ec2
        .create_volume()
        .availability_zone(i.availability_zone)
        .set_snapshot_id(i.snapshot_id)
        .set_volume_type(i.volume_type.as_deref().map(VolumeType::from))
        .set_size(i.size)
        .set_iops(i.iops)
        .set_throughput(i.throughput)
        .set_encrypted(i.encrypted)
        .set_kms_key_id(i.kms_key_id)
        .set_tag_specifications(specifications(i.tag_specifications))
        .client_token(i.client_token);
    output(call, "VolumeId", once(call, request.send()).await?.volume_id)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Volume {
    volume_id: String,
}

/// `DeleteVolume`
pub async fn delete_volume(ec2: &Client, call: &Call) -> Outcome {
    let i: Volume = input(call)?;
    once(call, ec2.delete_volume().volume_id(i.volume_id).send()).await?;
    nothing()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Attachment {
    instance_id: String,
    volume_id: String,
    device: String,
}

/// `AttachVolume`
pub async fn attach_volume(ec2: &Client, call: &Call) -> Outcome {
    let i: Attachment = input(call)?;
    once(call, ec2.attach_volume().instance_id(i.instance_id).volume_id(i.volume_id).device(i.device).send()).await?;
    nothing()
}

/// `DetachVolume`, never by force.
pub async fn detach_volume(ec2: &Client, call: &Call) -> Outcome {
    let i: Attachment = input(call)?;
    once(call, ec2.detach_volume().instance_id(i.instance_id).volume_id(i.volume_id).device(i.device).send()).await?;
    nothing()
}
