//! The requests that change subnets.

use aws_sdk_ec2::types::AttributeBooleanValue;

use super::{OnAws, To, nothing, once};
use crate::{
    calls::{Call, Outcome},
    services::subnet::ModifySubnetAttribute,
};

impl OnAws for ModifySubnetAttribute {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let value = AttributeBooleanValue::builder().value(self.map_public_ip_on_launch.value).build();
        once(
            call,
            to.ec2()
                .modify_subnet_attribute()
                .subnet_id(self.subnet_id)
                .map_public_ip_on_launch(value)
                .send(),
        )
        .await?;
        nothing()
    }
}
