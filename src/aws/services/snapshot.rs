//! The requests that change snapshots.

use aws_sdk_ec2::types;
use serde_json::{Map, Value};

use super::{OnAws, To, errors, nothing, once, output, tag::specifications};
use crate::{
    calls::{Call, Outcome},
    services::snapshot::{
        CopySnapshot, CreateSnapshot, CreateSnapshots, DeleteSnapshot, RestoreSnapshotFromRecycleBin,
    },
};

impl OnAws for CreateSnapshot {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let request = to
            .ec2()
            .create_snapshot()
            .volume_id(self.volume_id)
            .set_description(self.description)
            .set_tag_specifications(specifications(self.tag_specifications));
        output(call, "SnapshotId", once(call, request.send()).await?.snapshot_id)
    }
}

impl OnAws for CreateSnapshots {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let source = types::InstanceSpecification::builder()
            .instance_id(self.instance_specification.instance_id)
            .set_exclude_boot_volume(self.instance_specification.exclude_boot_volume)
            .set_exclude_data_volume_ids(
                Some(self.instance_specification.exclude_data_volume_ids).filter(|ids| !ids.is_empty()),
            )
            .build();
        let request = to
            .ec2()
            .create_snapshots()
            .instance_specification(source)
            .set_description(self.description)
            .set_tag_specifications(specifications(self.tag_specifications));
        let snapshots = once(call, request.send()).await?.snapshots.unwrap_or_default();
        let by_volume: Map<String, Value> = snapshots
            .into_iter()
            .filter_map(|s| Some((s.volume_id?, Value::String(s.snapshot_id?))))
            .collect();
        output(call, "Snapshots", Some(by_volume).filter(|map| !map.is_empty()))
    }
}

impl OnAws for CopySnapshot {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        if self.source_region != call.region {
            return Err(errors::bad_input(
                &call.name(),
                format!("SourceRegion {} is not the region of the call, {}", self.source_region, call.region),
            ));
        }
        let request = to
            .ec2()
            .copy_snapshot()
            .source_region(self.source_region)
            .source_snapshot_id(self.source_snapshot_id)
            .set_encrypted(self.encrypted)
            .set_kms_key_id(self.kms_key_id)
            .set_description(self.description)
            .set_tag_specifications(specifications(self.tag_specifications));
        output(call, "SnapshotId", once(call, request.send()).await?.snapshot_id)
    }
}

impl OnAws for DeleteSnapshot {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        once(call, to.ec2().delete_snapshot().snapshot_id(self.snapshot_id).send()).await?;
        nothing()
    }
}

impl OnAws for RestoreSnapshotFromRecycleBin {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        once(call, to.ec2().restore_snapshot_from_recycle_bin().snapshot_id(self.snapshot_id).send()).await?;
        nothing()
    }
}
