//! The requests that change VPC endpoints.

use super::{OnAws, To, nothing, once};
use crate::{
    calls::{Call, Outcome},
    services::endpoint::ModifyVpcEndpoint,
};

impl OnAws for ModifyVpcEndpoint {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let request = to.ec2().modify_vpc_endpoint().vpc_endpoint_id(self.vpc_endpoint_id);
        once(
            call,
            request
                .set_policy_document(self.policy_document)
                .set_private_dns_enabled(self.private_dns_enabled)
                .send(),
        )
        .await?;
        nothing()
    }
}
