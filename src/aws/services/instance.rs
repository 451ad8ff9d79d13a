//! The requests that change instances.

use aws_sdk_ec2::types::{EbsInstanceBlockDeviceSpecification, InstanceBlockDeviceMappingSpecification};

use super::{OnAws, To, nothing, once};
use crate::{
    calls::{Call, Outcome},
    services::instance::{BlockDeviceMapping, ModifyInstanceAttribute, StartInstances, StopInstances},
};

impl OnAws for StopInstances {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        once(call, to.ec2().stop_instances().set_instance_ids(Some(self.instance_ids)).send()).await?;
        nothing()
    }
}

impl OnAws for StartInstances {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        once(call, to.ec2().start_instances().set_instance_ids(Some(self.instance_ids)).send()).await?;
        nothing()
    }
}

impl OnAws for ModifyInstanceAttribute {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let mapping = |m: BlockDeviceMapping| {
            let ebs = EbsInstanceBlockDeviceSpecification::builder()
                .delete_on_termination(m.ebs.delete_on_termination)
                .build();
            InstanceBlockDeviceMappingSpecification::builder().device_name(m.device_name).ebs(ebs).build()
        };
        let mappings = self.block_device_mappings.into_iter().map(mapping).collect();
        once(
            call,
            to.ec2()
                .modify_instance_attribute()
                .instance_id(self.instance_id)
                .set_block_device_mappings(Some(mappings))
                .send(),
        )
        .await?;
        nothing()
    }
}
