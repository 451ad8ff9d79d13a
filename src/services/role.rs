//! IAM roles.

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
use crate::inventory::FamilyKind::Roles;

/// A call that creates a role.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, bound = "")]
pub struct CreateRole<F: Form = Sent> {
    /// The name of the role.
    pub role_name: String,
    /// The trust policy, as JSON text.
    pub assume_role_policy_document: String,
    /// The description of the role.
    pub description: Option<String>,
    /// The tags of the role.
    #[serde(default)]
    pub tags: Vec<Tag<F>>,
}

impl<F: Form> Operation for CreateRole<F> {
    type Planned = CreateRole<Planned>;
    const SPEC: Spec = spec("iam", "CreateRole", Harmless, Safe)
        .on(&[names("/RoleName", Roles)])
        .takes_also(&[also("iam:TagRole", When::Given("Tags"))]);
}

/// A call that sets an inline policy of a role.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct PutRolePolicy {
    /// The role.
    pub role_name: String,
    /// The name of the policy.
    pub policy_name: String,
    /// The policy, as JSON text.
    pub policy_document: String,
}

impl Operation for PutRolePolicy {
    type Planned = Self;
    // Changes of IAM reach other services with a delay, and a flow log that is made too early can stay
    // without access
    // (<https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency>).
    const SPEC: Spec =
        spec("iam", "PutRolePolicy", Harmless, Safe).on(&[names("/RoleName", Roles)]).spreads(15);
}

/// A call that deletes an inline policy of a role.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRolePolicy.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeleteRolePolicy {
    /// The role.
    pub role_name: String,
    /// The name of the policy.
    pub policy_name: String,
}

impl Operation for DeleteRolePolicy {
    type Planned = Self;
    const SPEC: Spec = spec("iam", "DeleteRolePolicy", Harmless, Disruptive).on(&[names("/RoleName", Roles)]);
}

/// A call that deletes a role, which must have no policies left.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRole.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeleteRole {
    /// The role.
    pub role_name: String,
}

impl Operation for DeleteRole {
    type Planned = Self;
    const SPEC: Spec = spec("iam", "DeleteRole", Harmless, Disruptive).on(&[names("/RoleName", Roles)]);
}
