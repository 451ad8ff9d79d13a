//! Versions of customer managed policies: made, put in force, and deleted.

use serde::{Deserialize, Serialize};

use super::{
    Form, Operation, Planned, Sent,
    spec::{
        Names,
        Repeat::{Harmless, LookFirst},
        Risk::Disruptive,
        Spec, names, spec,
    },
};
use crate::inventory::FamilyKind::PolicyVersions;

/// A call that creates a version of a policy and puts it in force. AWS keeps five.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicyVersion.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CreatePolicyVersion {
    /// The ARN of the policy.
    pub policy_arn: String,
    /// The policy, as JSON text.
    pub policy_document: String,
    /// `true` to put the version in force.
    pub set_as_default: bool,
}

/// A call that puts a version of a policy in force.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_SetDefaultPolicyVersion.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct SetDefaultPolicyVersion {
    /// The ARN of the policy.
    pub policy_arn: String,
    /// The version: `v3`.
    pub version_id: String,
}

/// A call that deletes a version of a policy that is not in force.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeletePolicyVersion.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, bound = "")]
pub struct DeletePolicyVersion<F: Form = Sent> {
    /// The ARN of the policy.
    pub policy_arn: String,
    /// The version: `v3`.
    pub version_id: F::Of<String>,
}

const OF_POLICY: &[Names] = &[names("/PolicyArn", PolicyVersions)];

impl Operation for CreatePolicyVersion {
    type Planned = Self;
    const SPEC: Spec = spec("iam", "CreatePolicyVersion", LookFirst, Disruptive).on(OF_POLICY);
}

impl Operation for SetDefaultPolicyVersion {
    type Planned = Self;
    const SPEC: Spec = spec("iam", "SetDefaultPolicyVersion", Harmless, Disruptive).on(OF_POLICY);
}

impl<F: Form> Operation for DeletePolicyVersion<F> {
    type Planned = DeletePolicyVersion<Planned>;
    // A way back deletes only the version that the run has made.
    const SPEC: Spec = spec("iam", "DeletePolicyVersion", Harmless, Disruptive).on(OF_POLICY);
}
