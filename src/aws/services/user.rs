//! The requests that change IAM users and their access keys.

use aws_sdk_iam::types::StatusType;

use super::{OnAws, To, nothing, once};
use crate::{
    calls::{Call, Outcome},
    services::user::UpdateAccessKey,
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
