//! Calls that change trails.

use aws_sdk_cloudtrail::{Client, types};
use serde::Deserialize;

use super::{errors, input, input::Tag, nothing, once, output};
use crate::calls::{Call, Outcome};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct CreateTrail {
    name: String,
    // By the rule for names this would be S3bucketName.
    #[serde(rename = "S3BucketName")]
    s3_bucket_name: String,
    #[serde(rename = "S3KeyPrefix")]
    s3_key_prefix: Option<String>,
    include_global_service_events: Option<bool>,
    is_multi_region_trail: Option<bool>,
    enable_log_file_validation: Option<bool>,
    kms_key_id: Option<String>,
    #[serde(default)]
    tags_list: Vec<Tag>,
}

/// `CreateTrail`
pub async fn create_trail(cloudtrail: &Client, call: &Call) -> Outcome {
    let i: CreateTrail = input(call)?;
    let tag = |t: Tag| types::Tag::builder().key(t.key).set_value(t.value).build();
    let tags = i.tags_list.into_iter().map(tag).collect::<Result<Vec<_>, _>>().map_err(|error| errors::bad_input(&call.name(), error))?;
    let request = cloudtrail
        .create_trail()
        .name(i.name)
        .s3_bucket_name(i.s3_bucket_name)
        .set_s3_key_prefix(i.s3_key_prefix)
        .set_include_global_service_events(i.include_global_service_events)
        .set_is_multi_region_trail(i.is_multi_region_trail)
        .set_enable_log_file_validation(i.enable_log_file_validation)
        .set_kms_key_id(i.kms_key_id)
        .set_tags_list((!tags.is_empty()).then_some(tags));
    output(call, "TrailARN", once(call, request.send()).await?.trail_arn)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct UpdateTrail {
    name: String,
    is_multi_region_trail: Option<bool>,
    enable_log_file_validation: Option<bool>,
    include_global_service_events: Option<bool>,
}

/// `UpdateTrail`: what is not named stays as it is.
pub async fn update_trail(cloudtrail: &Client, call: &Call) -> Outcome {
    let i: UpdateTrail = input(call)?;
    let request = cloudtrail
        .update_trail()
        .name(i.name)
        .set_is_multi_region_trail(i.is_multi_region_trail)
        .set_enable_log_file_validation(i.enable_log_file_validation)
        .set_include_global_service_events(i.include_global_service_events);
    once(call, request.send()).await?;
    nothing()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Trail {
    name: String,
}

/// `StartLogging`
pub async fn start_logging(cloudtrail: &Client, call: &Call) -> Outcome {
    let i: Trail = input(call)?;
    once(call, cloudtrail.start_logging().name(i.name).send()).await?;
    nothing()
}

/// `StopLogging`
pub async fn stop_logging(cloudtrail: &Client, call: &Call) -> Outcome {
    let i: Trail = input(call)?;
    once(call, cloudtrail.stop_logging().name(i.name).send()).await?;
    nothing()
}

/// `DeleteTrail`
pub async fn delete_trail(cloudtrail: &Client, call: &Call) -> Outcome {
    let i: Trail = input(call)?;
    once(call, cloudtrail.delete_trail().name(i.name).send()).await?;
    nothing()
}
