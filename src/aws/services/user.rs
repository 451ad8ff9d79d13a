//! The requests that change IAM users and their access keys.

use aws_sdk_iam::types::StatusType;

use super::{OnAws, To, nothing, once};
use crate::{
    calls::{Call, Outcome},
    services::user::{KeyStatus, UpdateAccessKey},
};

impl OnAws for UpdateAccessKey {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let status = match self.status {
            KeyStatus::Active => StatusType::Active,
            KeyStatus::Inactive => StatusType::Inactive,
        };
        once(
            call,
            to.iam()
                .update_access_key()
                .user_name(self.user_name)
                .access_key_id(self.access_key_id)
                .status(status)
                .send(),
        )
        .await?;
        nothing()
    }
}
