//! The requests that change which version of a customer managed policy is in force.

use super::{OnAws, To, nothing, once};
use crate::{
    calls::{Call, Outcome},
    services::policy::{CreatePolicyVersion, DeletePolicyVersion, SetDefaultPolicyVersion},
};

impl OnAws for CreatePolicyVersion {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let request = to.iam().create_policy_version().policy_arn(self.policy_arn);
        let request = request.policy_document(self.policy_document).set_as_default(self.set_as_default);
        once(call, request.send()).await?;
        nothing()
    }
}

impl OnAws for SetDefaultPolicyVersion {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let request = to.iam().set_default_policy_version().policy_arn(self.policy_arn);
        once(call, request.version_id(self.version_id).send()).await?;
        nothing()
    }
}

impl OnAws for DeletePolicyVersion {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let request = to.iam().delete_policy_version().policy_arn(self.policy_arn);
        once(call, request.version_id(self.version_id).send()).await?;
        nothing()
    }
}
