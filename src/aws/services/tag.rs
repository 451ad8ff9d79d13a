//! The requests that change EC2 tags, and the conversion of tags in other inputs.

use aws_sdk_ec2::types;

use super::{OnAws, To, errors, nothing, once};
use crate::{
    calls::{Call, Outcome},
    services::tag::{CreateTags, DeleteTags, Tag, TagSpecification},
};

impl OnAws for CreateTags {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        once(
            call,
            to.ec2().create_tags().set_resources(Some(self.resources)).set_tags(ec2_tags(self.tags)).send(),
        )
        .await?;
        nothing()
    }
}

impl OnAws for DeleteTags {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        if self.tags.is_empty() {
            return Err(errors::bad_input(&call.name(), "Tags is empty, which AWS takes for all tags"));
        }
        once(
            call,
            to.ec2().delete_tags().set_resources(Some(self.resources)).set_tags(ec2_tags(self.tags)).send(),
        )
        .await?;
        nothing()
    }
}

/// Converts tags to those of EC2's SDK.
pub fn ec2_tags(tags: Vec<Tag>) -> Option<Vec<types::Tag>> {
    Some(tags.into_iter().map(|t| types::Tag::builder().key(t.key).set_value(t.value).build()).collect())
}

/// Converts tag specifications to those of EC2's SDK.
pub fn specifications(specifications: Vec<TagSpecification>) -> Option<Vec<types::TagSpecification>> {
    let one = |s: TagSpecification| {
        types::TagSpecification::builder()
            .resource_type(s.resource_type.as_str().into())
            .set_tags(ec2_tags(s.tags))
            .build()
    };
    (!specifications.is_empty()).then(|| specifications.into_iter().map(one).collect())
}
