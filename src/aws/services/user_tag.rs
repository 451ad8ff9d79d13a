//! The requests that change the tags of IAM users.

use aws_sdk_iam::types;

use super::{OnAws, To, errors, nothing, once};
use crate::{
    calls::{Call, Outcome},
    services::{
        tag::Tag,
        user_tag::{TagUser, UntagUser},
    },
};

impl OnAws for TagUser {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let tag = |t: Tag| types::Tag::builder().key(t.key).value(t.value.unwrap_or_default()).build();
        let tags = self
            .tags
            .into_iter()
            .map(tag)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| errors::bad_input(&call.name(), error))?;
        once(call, to.iam().tag_user().user_name(self.user_name).set_tags(Some(tags)).send()).await?;
        nothing()
    }
}

impl OnAws for UntagUser {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let request = to.iam().untag_user().user_name(self.user_name);
        once(call, request.set_tag_keys(Some(self.tag_keys)).send()).await?;
        nothing()
    }
}
