//! Log groups. The names of CloudWatch Logs start with a lower-case letter.

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

/// A call that creates a log group.
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, bound = "")]
pub struct CreateLogGroup<F: Form = Sent> {
    /// The name of the log group.
    pub log_group_name: String,
    /// The ARN of the key.
    pub kms_key_id: Option<String>,
    /// The tags of the log group.
    #[serde(default)]
    pub tags: BTreeMap<String, F::Of<String>>,
}

impl<F: Form> Operation for CreateLogGroup<F> {
    type Planned = CreateLogGroup<Planned>;
    const SPEC: Spec = spec("logs", "CreateLogGroup", Harmless, Safe)
        .on(&[names("/logGroupName", LogGroups)])
        .takes_also(&[also("logs:TagResource", When::Given("tags"))]);
}

/// A call that sets the days for which a log group keeps its events.
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PutRetentionPolicy {
    /// The name of the log group.
    pub log_group_name: String,
    /// The retention, in days.
    pub retention_in_days: i32,
}

impl Operation for PutRetentionPolicy {
    type Planned = Self;
    const SPEC: Spec =
        spec("logs", "PutRetentionPolicy", Harmless, Safe).on(&[names("/logGroupName", LogGroups)]);
}

/// A call that removes the retention of a log group: its events are kept for ever.
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DeleteRetentionPolicy.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeleteRetentionPolicy {
    /// The name of the log group.
    pub log_group_name: String,
}

impl Operation for DeleteRetentionPolicy {
    type Planned = Self;
    const SPEC: Spec =
        spec("logs", "DeleteRetentionPolicy", Harmless, Safe).on(&[names("/logGroupName", LogGroups)]);
}

/// A call that deletes a log group with its events.
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DeleteLogGroup.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeleteLogGroup {
    /// The name of the log group.
    pub log_group_name: String,
}

impl Operation for DeleteLogGroup {
    type Planned = Self;
    const SPEC: Spec =
        spec("logs", "DeleteLogGroup", Harmless, Irreversible).on(&[names("/logGroupName", LogGroups)]);
}
