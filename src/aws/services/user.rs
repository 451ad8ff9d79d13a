//! The requests that change IAM users and their access keys.

use aws_sdk_iam::types::StatusType;

use super::{OnAws, To, nothing, once};
use crate::{
    calls::{Call, Outcome},
    services::user::{
        AttachUserPolicy, DetachUserPolicy, UpdateAccessKey, UpdateSSHPublicKey,
        UpdateServiceSpecificCredential, UpdateSigningCertificate,
    },
};

impl OnAws for UpdateAccessKey {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        once(
            call,
            to.iam()
                .update_access_key()
                .user_name(self.user_name)
                .access_key_id(self.access_key_id)
                .status(StatusType::from(self.status.as_str()))
                .send(),
        )
        .await?;
        nothing()
    }
}

impl OnAws for AttachUserPolicy {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let request = to.iam().attach_user_policy().user_name(self.user_name);
        once(call, request.policy_arn(self.policy_arn).send()).await?;
        nothing()
    }
}

impl OnAws for DetachUserPolicy {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let request = to.iam().detach_user_policy().user_name(self.user_name);
        once(call, request.policy_arn(self.policy_arn).send()).await?;
        nothing()
    }
}

impl OnAws for UpdateServiceSpecificCredential {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let request = to
            .iam()
            .update_service_specific_credential()
            .user_name(self.user_name)
            .service_specific_credential_id(self.service_specific_credential_id);
        once(call, request.status(StatusType::from(self.status.as_str())).send()).await?;
        nothing()
    }
}

impl OnAws for UpdateSSHPublicKey {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let request = to.iam().update_ssh_public_key().user_name(self.user_name);
        let request = request.ssh_public_key_id(self.ssh_public_key_id);
        once(call, request.status(StatusType::from(self.status.as_str())).send()).await?;
        nothing()
    }
}

impl OnAws for UpdateSigningCertificate {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let request = to.iam().update_signing_certificate().user_name(self.user_name);
        let request = request.certificate_id(self.certificate_id);
        once(call, request.status(StatusType::from(self.status.as_str())).send()).await?;
        nothing()
    }
}
