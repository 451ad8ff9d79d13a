//! Calls that change IAM roles.

use aws_sdk_iam::{Client, types};
use serde::Deserialize;

use super::{errors, input, input::Tag, nothing, once};
use crate::calls::{Call, Outcome};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct CreateRole {
    role_name: String,
    assume_role_policy_document: String,
    description: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

/// `CreateRole`
pub async fn create_role(iam: &Client, call: &Call) -> Outcome {
    let i: CreateRole = input(call)?;
    let tag = |t: Tag| types::Tag::builder().key(t.key).value(t.value.unwrap_or_default()).build();
    let tags = i.tags.into_iter().map(tag).collect::<Result<Vec<_>, _>>().map_err(|error| errors::bad_input(&call.name(), error))?;
    let request = iam
        .create_role()
        .role_name(i.role_name)
        .assume_role_policy_document(i.assume_role_policy_document)
        .set_description(i.description)
        .set_tags((!tags.is_empty()).then_some(tags));
    once(call, request.send()).await?;
    nothing()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct PutRolePolicy {
    role_name: String,
    policy_name: String,
    policy_document: String,
}

/// `PutRolePolicy`
pub async fn put_role_policy(iam: &Client, call: &Call) -> Outcome {
    let i: PutRolePolicy = input(call)?;
    once(call, iam.put_role_policy().role_name(i.role_name).policy_name(i.policy_name).policy_document(i.policy_document).send()).await?;
    nothing()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct DeleteRolePolicy {
    role_name: String,
    policy_name: String,
}

/// `DeleteRolePolicy`
pub async fn delete_role_policy(iam: &Client, call: &Call) -> Outcome {
    let i: DeleteRolePolicy = input(call)?;
    once(call, iam.delete_role_policy().role_name(i.role_name).policy_name(i.policy_name).send()).await?;
    nothing()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct DeleteRole {
    role_name: String,
}

/// `DeleteRole`
pub async fn delete_role(iam: &Client, call: &Call) -> Outcome {
    let i: DeleteRole = input(call)?;
    once(call, iam.delete_role().role_name(i.role_name).send()).await?;
    nothing()
}
