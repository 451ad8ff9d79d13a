//! The requests that change volumes.

use aws_sdk_ec2::types::VolumeType;

use super::{OnAws, To, nothing, once, output, tag::specifications};
use crate::{
    calls::{Call, Outcome},
    services::volume::{
        AttachVolume, CopyVolumes, CreateVolume, DeleteVolume, DetachVolume, RestoreVolumeFromRecycleBin,
    },
};

impl OnAws for RestoreVolumeFromRecycleBin {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        once(call, to.ec2().restore_volume_from_recycle_bin().volume_id(self.volume_id).send()).await?;
        nothing()
    }
}

impl OnAws for CreateVolume {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let request = to
            .ec2()
            .create_volume()
            .availability_zone(self.availability_zone)
            .set_snapshot_id(self.snapshot_id)
            .set_volume_type(self.volume_type.as_deref().map(VolumeType::from))
            .set_size(self.size)
            .set_iops(self.iops)
            .set_throughput(self.throughput)
            .set_encrypted(self.encrypted)
            .set_kms_key_id(self.kms_key_id)
            .set_volume_initialization_rate(self.volume_initialization_rate)
            .set_tag_specifications(specifications(self.tag_specifications))
            .client_token(self.client_token);
        output(call, "VolumeId", once(call, request.send()).await?.volume_id)
    }
}

impl OnAws for CopyVolumes {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let request = to
            .ec2()
            .copy_volumes()
            .source_volume_id(self.source_volume_id)
            .set_volume_type(self.volume_type.as_deref().map(VolumeType::from))
            .set_size(self.size)
            .set_iops(self.iops)
            .set_throughput(self.throughput)
            .set_encrypted(self.encrypted)
            .set_kms_key_id(self.kms_key_id)
            .set_tag_specifications(specifications(self.tag_specifications))
            .client_token(self.client_token);
        // One source makes one copy; the answer has a list.
        let made = once(call, request.send()).await?.volumes.unwrap_or_default();
        output(call, "VolumeId", made.into_iter().find_map(|volume| volume.volume_id))
    }
}

impl OnAws for DeleteVolume {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        once(call, to.ec2().delete_volume().volume_id(self.volume_id).send()).await?;
        nothing()
    }
}

impl OnAws for AttachVolume {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        once(
            call,
            to.ec2()
                .attach_volume()
                .instance_id(self.instance_id)
                .volume_id(self.volume_id)
                .device(self.device)
                .set_ebs_card_index(self.ebs_card_index)
                .send(),
        )
        .await?;
        nothing()
    }
}

impl OnAws for DetachVolume {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        once(
            call,
            to.ec2()
                .detach_volume()
                .instance_id(self.instance_id)
                .volume_id(self.volume_id)
                .device(self.device)
                .send(),
        )
        .await?;
        nothing()
    }
}
