//! The requests that change trails.

use aws_sdk_cloudtrail::types;

use super::{OnAws, To, errors, nothing, once, output};
use crate::{
    calls::{Call, Outcome},
    services::{
        tag::Tag,
        trail::{CreateTrail, DeleteTrail, StartLogging, StopLogging, UpdateTrail},
    },
};

impl OnAws for CreateTrail {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let tag = |t: Tag| types::Tag::builder().key(t.key).set_value(t.value).build();
        let tags = self
            .tags_list
            .into_iter()
            .map(tag)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| errors::bad_input(&call.name(), error))?;
        let request = to
            .cloudtrail()
            .create_trail()
            .name(self.name)
            .s3_bucket_name(self.s3_bucket_name)
            .set_s3_key_prefix(self.s3_key_prefix)
            .set_include_global_service_events(self.include_global_service_events)
            .set_is_multi_region_trail(self.is_multi_region_trail)
            .set_enable_log_file_validation(self.enable_log_file_validation)
            .set_kms_key_id(self.kms_key_id)
            .set_tags_list((!tags.is_empty()).then_some(tags));
        output(call, "TrailARN", once(call, request.send()).await?.trail_arn)
    }
}

impl OnAws for UpdateTrail {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let request = to
            .cloudtrail()
            .update_trail()
            .name(self.name)
            .set_is_multi_region_trail(self.is_multi_region_trail)
            .set_enable_log_file_validation(self.enable_log_file_validation)
            .set_include_global_service_events(self.include_global_service_events);
        once(call, request.send()).await?;
        nothing()
    }
}

impl OnAws for StartLogging {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        once(call, to.cloudtrail().start_logging().name(self.name).send()).await?;
        nothing()
    }
}

impl OnAws for StopLogging {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        once(call, to.cloudtrail().stop_logging().name(self.name).send()).await?;
        nothing()
    }
}

impl OnAws for DeleteTrail {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        once(call, to.cloudtrail().delete_trail().name(self.name).send()).await?;
        nothing()
    }
}
