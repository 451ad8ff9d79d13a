//! CloudTrail trails.

use serde::{Deserialize, Serialize};

use super::{
    Form, Operation, Planned, Sent,
    spec::{
        Repeat::Harmless,
        Risk::{Disruptive, Safe},
        Spec, When, also, names, spec,
    },
    tag::Tag,
};
use crate::inventory::FamilyKind::Trails;

/// A call that creates a trail.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_CreateTrail.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, bound = "")]
pub struct CreateTrail<F: Form = Sent> {
    /// The name of the trail.
    pub name: String,
    /// The bucket that the trail delivers to.
    // By the rule for names this would be S3bucketName.
    #[serde(rename = "S3BucketName")]
    pub s3_bucket_name: String,
    /// The prefix of the objects.
    #[serde(rename = "S3KeyPrefix")]
    pub s3_key_prefix: Option<String>,
    /// `true` if the trail records the events of global services.
    pub include_global_service_events: Option<bool>,
    /// `true` if the trail records all regions.
    pub is_multi_region_trail: Option<bool>,
    /// `true` if the trail writes digests of its log files.
    pub enable_log_file_validation: Option<bool>,
    /// The key of the log files.
    pub kms_key_id: Option<String>,
    /// The tags of the trail.
    #[serde(default)]
    pub tags_list: Vec<Tag<F>>,
}

impl<F: Form> Operation for CreateTrail<F> {
    type Planned = CreateTrail<Planned>;
    const SPEC: Spec = spec("cloudtrail", "CreateTrail", Harmless, Safe)
        .on(&[names("/Name", Trails).of_new()])
        .gives(&["TrailARN"])
        .takes_also(&[also("cloudtrail:AddTags", When::Given("TagsList"))]);
}

/// A call that changes a trail; a setting that is not given stays as it is.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_UpdateTrail.html>
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct UpdateTrail {
    /// The name or ARN of the trail.
    pub name: String,
    /// `true` if the trail records the events of global services.
    pub include_global_service_events: Option<bool>,
    /// `true` if the trail records all regions.
    pub is_multi_region_trail: Option<bool>,
    /// `true` if the trail writes digests of its log files.
    pub enable_log_file_validation: Option<bool>,
}

impl Operation for UpdateTrail {
    type Planned = Self;
    const SPEC: Spec = spec("cloudtrail", "UpdateTrail", Harmless, Safe).on(&[names("/Name", Trails)]);
}

/// A call that starts a trail.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_StartLogging.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct StartLogging {
    /// The name or ARN of the trail.
    pub name: String,
}

impl Operation for StartLogging {
    type Planned = Self;
    const SPEC: Spec = spec("cloudtrail", "StartLogging", Harmless, Safe).on(&[names("/Name", Trails)]);
}

/// A call that stops a trail.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_StopLogging.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct StopLogging {
    /// The name or ARN of the trail.
    pub name: String,
}

impl Operation for StopLogging {
    type Planned = Self;
    const SPEC: Spec = spec("cloudtrail", "StopLogging", Harmless, Disruptive).on(&[names("/Name", Trails)]);
}

/// A call that deletes a trail; the delivered log files stay.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_DeleteTrail.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeleteTrail {
    /// The name or ARN of the trail.
    pub name: String,
}

impl Operation for DeleteTrail {
    type Planned = Self;
    const SPEC: Spec = spec("cloudtrail", "DeleteTrail", Harmless, Disruptive).on(&[names("/Name", Trails)]);
}
