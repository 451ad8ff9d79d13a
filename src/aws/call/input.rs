//! Forms that the inputs of several operations share, under AWS's own names.

use aws_sdk_ec2::types;
use serde::Deserialize;

/// A tag.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct Tag {
    /// Its name.
    pub key: String,
    /// Its value; may be missing only where tags are taken away.
    pub value: Option<String>,
}

/// Tags for what a call makes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct TagSpecification {
    resource_type: String,
    tags: Vec<Tag>,
}

/// Tags as EC2 takes them.
pub fn ec2_tags(tags: Vec<Tag>) -> Option<Vec<types::Tag>> {
    Some(tags.into_iter().map(|t| types::Tag::builder().key(t.key).set_value(t.value).build()).collect())
}

/// Tag specifications as EC2 takes them.
pub fn specifications(specifications: Vec<TagSpecification>) -> Option<Vec<types::TagSpecification>> {
    let one = |s: TagSpecification| types::TagSpecification::builder().resource_type(s.resource_type.as_str().into()).set_tags(ec2_tags(s.tags)).build();
    (!specifications.is_empty()).then(|| specifications.into_iter().map(one).collect())
}
