//! Passwords, inline policies and groups of IAM users.

use serde::{Deserialize, Serialize};

use super::{
    Operation,
    spec::{
        Repeat::Harmless,
        Risk::{Disruptive, Irreversible, Safe},
        Spec, names, spec,
    },
    user::UserName,
};
use crate::inventory::FamilyKind::{IamGroups, Users};

/// A call that sets an inline policy of a user, whose inline policies may have 2,048 characters together.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutUserPolicy.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct PutUserPolicy {
    /// The user.
    pub user_name: UserName,
    /// The name of the policy.
    pub policy_name: String,
    /// The policy, as JSON text.
    pub policy_document: String,
}

impl Operation for PutUserPolicy {
    type Planned = Self;
    const SPEC: Spec = spec("iam", "PutUserPolicy", Harmless, Disruptive).on(&[names("/UserName", Users)]);
}

/// A call that deletes an inline policy of a user.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteUserPolicy.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeleteUserPolicy {
    /// The user.
    pub user_name: UserName,
    /// The name of the policy.
    pub policy_name: String,
}

impl Operation for DeleteUserPolicy {
    type Planned = Self;
    const SPEC: Spec = spec("iam", "DeleteUserPolicy", Harmless, Disruptive).on(&[names("/UserName", Users)]);
}

/// A call that deletes the password of a user. Nobody can set the same one again but the user.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteLoginProfile.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeleteLoginProfile {
    /// The user.
    pub user_name: UserName,
}

impl Operation for DeleteLoginProfile {
    type Planned = Self;
    const SPEC: Spec =
        spec("iam", "DeleteLoginProfile", Harmless, Irreversible).on(&[names("/UserName", Users)]);
}

/// A call that creates a group without users and policies. A group has no tags.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateGroup.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CreateGroup {
    /// The name of the group.
    pub group_name: String,
}

impl Operation for CreateGroup {
    type Planned = Self;
    const SPEC: Spec = spec("iam", "CreateGroup", Harmless, Safe).on(&[names("/GroupName", IamGroups)]);
}

/// A call that sets an inline policy of a group.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutGroupPolicy.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct PutGroupPolicy {
    /// The group.
    pub group_name: String,
    /// The name of the policy.
    pub policy_name: String,
    /// The policy, as JSON text.
    pub policy_document: String,
}

impl Operation for PutGroupPolicy {
    type Planned = Self;
    const SPEC: Spec = spec("iam", "PutGroupPolicy", Harmless, Safe).on(&[names("/GroupName", IamGroups)]);
}

/// A call that puts a user in a group.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_AddUserToGroup.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AddUserToGroup {
    /// The group.
    pub group_name: String,
    /// The user.
    pub user_name: UserName,
}

impl Operation for AddUserToGroup {
    type Planned = Self;
    // IAM is asked about the group alone.
    const SPEC: Spec = spec("iam", "AddUserToGroup", Harmless, Disruptive)
        .on(&[names("/GroupName", IamGroups), names("/UserName", Users).unbound()]);
}

/// A call that takes a user out of a group.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_RemoveUserFromGroup.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct RemoveUserFromGroup {
    /// The group.
    pub group_name: String,
    /// The user.
    pub user_name: UserName,
}

impl Operation for RemoveUserFromGroup {
    type Planned = Self;
    const SPEC: Spec = spec("iam", "RemoveUserFromGroup", Harmless, Disruptive)
        .on(&[names("/GroupName", IamGroups), names("/UserName", Users).unbound()]);
}
