//! The requests that change the defaults for EBS.

use super::{OnAws, To, nothing, once};
use crate::{
    calls::{Call, Outcome},
    services::ebs_defaults::{DisableEbsEncryptionByDefault, EnableEbsEncryptionByDefault},
};

impl OnAws for EnableEbsEncryptionByDefault {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        once(call, to.ec2().enable_ebs_encryption_by_default().send()).await?;
        nothing()
    }
}

impl OnAws for DisableEbsEncryptionByDefault {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        once(call, to.ec2().disable_ebs_encryption_by_default().send()).await?;
        nothing()
    }
}
