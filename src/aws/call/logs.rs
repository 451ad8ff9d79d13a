//! Calls that change log groups. CloudWatch Logs writes its names with a small first letter.

use std::collections::HashMap;

use aws_sdk_cloudwatchlogs::Client;
use serde::Deserialize;

use super::{input, nothing, once};
use crate::calls::{Call, Outcome};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct CreateLogGroup {
    log_group_name: String,
    #[serde(default)]
    tags: HashMap<String, String>,
    kms_key_id: Option<String>,
}

/// `CreateLogGroup`
pub async fn create_log_group(logs: &Client, call: &Call) -> Outcome {
    let i: CreateLogGroup = input(call)?;
    let tags = (!i.tags.is_empty()).then_some(i.tags);
    once(call, logs.create_log_group().log_group_name(i.log_group_name).set_tags(tags).set_kms_key_id(i.kms_key_id).send()).await?;
    nothing()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct PutRetentionPolicy {
    log_group_name: String,
    retention_in_days: i32,
}

/// `PutRetentionPolicy`
pub async fn put_retention_policy(logs: &Client, call: &Call) -> Outcome {
    let i: PutRetentionPolicy = input(call)?;
    once(call, logs.put_retention_policy().log_group_name(i.log_group_name).retention_in_days(i.retention_in_days).send()).await?;
    nothing()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct LogGroup {
    log_group_name: String,
}

/// `DeleteRetentionPolicy`
pub async fn delete_retention_policy(logs: &Client, call: &Call) -> Outcome {
    let i: LogGroup = input(call)?;
    once(call, logs.delete_retention_policy().log_group_name(i.log_group_name).send()).await?;
    nothing()
}

/// `DeleteLogGroup`
pub async fn delete_log_group(logs: &Client, call: &Call) -> Outcome {
    let i: LogGroup = input(call)?;
    once(call, logs.delete_log_group().log_group_name(i.log_group_name).send()).await?;
    nothing()
}
