//! Tags of IAM users.

use serde::{Deserialize, Serialize};

use super::{
    Form, Operation, Planned, Sent,
    spec::{Repeat::Harmless, Risk::Safe, Spec, names, spec},
    tag::Tag,
    user::UserName,
};
use crate::inventory::FamilyKind::Users;

/// A call that adds tags to a user, or replaces their values.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_TagUser.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, bound = "")]
pub struct TagUser<F: Form = Sent> {
    /// The user.
    pub user_name: UserName,
    /// The tags.
    pub tags: Vec<Tag<F>>,
}

impl<F: Form> Operation for TagUser<F> {
    type Planned = TagUser<Planned>;
    const SPEC: Spec = spec("iam", "TagUser", Harmless, Safe).on(&[names("/UserName", Users)]).records();
}

/// A call that takes tags off a user.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_UntagUser.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct UntagUser {
    /// The user.
    pub user_name: UserName,
    /// The keys of the tags.
    pub tag_keys: Vec<String>,
}

impl Operation for UntagUser {
    type Planned = Self;
    const SPEC: Spec = spec("iam", "UntagUser", Harmless, Safe).on(&[names("/UserName", Users)]).records();
}
