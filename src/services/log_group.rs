//! Log groups. CloudWatch Logs writes its names with a small first letter.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Form, Operation, Planned, Sent,
    spec::{
        Repeat::Harmless,
        Risk::{Irreversible, Safe},
        Spec, When, also, names, spec,
    },
};
use crate::inventory::FamilyKind::LogGroups;

/// Creates a log group.
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, bound = "")]
pub struct CreateLogGroup<F: Form = Sent> {
    /// Its name.
    pub log_group_name: String,
    /// The ARN of its key.
    pub kms_key_id: Option<String>,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, F::Of<String>>,
}

impl<F: Form> Operation for CreateLogGroup<F> {
    type Planned = CreateLogGroup<Planned>;
    const SPEC: Spec =
        spec("logs", "CreateLogGroup", Harmless, Safe).on(&[names("/logGroupName", LogGroups)]).takes_also(&[also("logs:TagResource", When::Given("tags"))]);
}

/// Sets for how many days a log group keeps its events.
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PutRetentionPolicy {
    /// Its name.
    pub log_group_name: String,
    /// Days.
    pub retention_in_days: i32,
}

impl Operation for PutRetentionPolicy {
    type Planned = Self;
    const SPEC: Spec = spec("logs", "PutRetentionPolicy", Harmless, Safe).on(&[names("/logGroupName", LogGroups)]);
}

/// Removes the retention of a log group: its events are kept for ever.
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DeleteRetentionPolicy.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeleteRetentionPolicy {
    /// Its name.
    pub log_group_name: String,
}

impl Operation for DeleteRetentionPolicy {
    type Planned = Self;
    const SPEC: Spec = spec("logs", "DeleteRetentionPolicy", Harmless, Safe).on(&[names("/logGroupName", LogGroups)]);
}

/// Deletes a log group with its events.
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DeleteLogGroup.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeleteLogGroup {
    /// Its name.
    pub log_group_name: String,
}

impl Operation for DeleteLogGroup {
    type Planned = Self;
    const SPEC: Spec = spec("logs", "DeleteLogGroup", Harmless, Irreversible).on(&[names("/logGroupName", LogGroups)]);
}
