//! The requests that change IAM roles.

use aws_sdk_iam::types;

use super::{OnAws, To, errors, nothing, once};
use crate::{
    calls::{Call, Outcome},
    services::{
        role::{CreateRole, DeleteRole, DeleteRolePolicy, PutRolePolicy},
        tag::Tag,
    },
};

impl OnAws for CreateRole {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let tag = |t: Tag| types::Tag::builder().key(t.key).value(t.value.unwrap_or_default()).build();
        let tags = self
            .tags
            .into_iter()
            .map(tag)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| errors::bad_input(&call.name(), error))?;
        let request = to
            .iam()
            .create_role()
            .role_name(self.role_name)
            .assume_role_policy_document(self.assume_role_policy_document)
            .set_description(self.description)
            .set_tags((!tags.is_empty()).then_some(tags));
        once(call, request.send()).await?;
        nothing()
    }
}

impl OnAws for PutRolePolicy {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        once(
            call,
            to.iam()
                .put_role_policy()
                .role_name(self.role_name)
                .policy_name(self.policy_name)
                .policy_document(self.policy_document)
                .send(),
        )
        .await?;
        nothing()
    }
}

impl OnAws for DeleteRolePolicy {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        once(
            call,
            to.iam().delete_role_policy().role_name(self.role_name).policy_name(self.policy_name).send(),
        )
        .await?;
        nothing()
    }
}

impl OnAws for DeleteRole {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        once(call, to.iam().delete_role().role_name(self.role_name).send()).await?;
        nothing()
    }
}
