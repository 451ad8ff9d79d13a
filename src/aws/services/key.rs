//! The requests that change KMS keys.

use super::{OnAws, To, nothing, once};
use crate::{
    calls::{Call, Outcome},
    services::key::{DisableKeyRotation, EnableKeyRotation},
};

impl OnAws for EnableKeyRotation {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        once(
            call,
            to.kms()
                .enable_key_rotation()
                .key_id(self.key_id)
                .set_rotation_period_in_days(self.rotation_period_in_days)
                .send(),
        )
        .await?;
        nothing()
    }
}

impl OnAws for DisableKeyRotation {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        once(call, to.kms().disable_key_rotation().key_id(self.key_id).send()).await?;
        nothing()
    }
}
