//! The requests that change log groups.

use super::{OnAws, To, nothing, once};
use crate::{
    calls::{Call, Outcome},
    services::log_group::{CreateLogGroup, DeleteLogGroup, DeleteRetentionPolicy, PutRetentionPolicy},
};

impl OnAws for CreateLogGroup {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let tags = (!self.tags.is_empty()).then(|| self.tags.into_iter().collect());
        once(
            call,
            to.logs()
                .create_log_group()
                .log_group_name(self.log_group_name)
                .set_tags(tags)
                .set_kms_key_id(self.kms_key_id)
                .send(),
        )
        .await?;
        nothing()
    }
}

impl OnAws for PutRetentionPolicy {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        once(
            call,
            to.logs()
                .put_retention_policy()
                .log_group_name(self.log_group_name)
                .retention_in_days(self.retention_in_days)
                .send(),
        )
        .await?;
        nothing()
    }
}

impl OnAws for DeleteRetentionPolicy {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        once(call, to.logs().delete_retention_policy().log_group_name(self.log_group_name).send()).await?;
        nothing()
    }
}

impl OnAws for DeleteLogGroup {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        once(call, to.logs().delete_log_group().log_group_name(self.log_group_name).send()).await?;
        nothing()
    }
}
