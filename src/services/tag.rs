//! Tags of EC2 resources.

use serde::{Deserialize, Serialize};

use super::{
    Form, Operation, Planned, Sent,
    spec::{Names, Repeat::Harmless, Risk::Safe, Spec, spec},
};

/// A tag.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, bound = "")]
pub struct Tag<F: Form = Sent> {
    /// Its key.
    pub key: String,
    /// Its value; may be missing only where tags are removed, and then stands for any.
    pub value: Option<F::Of<String>>,
}

/// Tags of what a call makes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, bound = "")]
pub struct TagSpecification<F: Form = Sent> {
    /// The kind of thing that is tagged: `volume`.
    pub resource_type: String,
    /// The tags.
    #[serde(default)]
    pub tags: Vec<Tag<F>>,
}

/// The things that are tagged.
const ANY: &[Names] = &[Names { at: "/Resources", family: None, bound: true, there: true }];

/// Adds tags to things of EC2, or replaces their values.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTags.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, bound = "")]
pub struct CreateTags<F: Form = Sent> {
    /// Ids of the things.
    pub resources: Vec<F::Of<String>>,
    /// The tags.
    pub tags: Vec<Tag<F>>,
}

impl<F: Form> Operation for CreateTags<F> {
    type Planned = CreateTags<Planned>;
    const SPEC: Spec = spec("ec2", "CreateTags", Harmless, Safe).on(ANY).records();
}

/// Removes tags of things of EC2. Without tags AWS removes all of them, which no plan does.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteTags.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, bound = "")]
pub struct DeleteTags<F: Form = Sent> {
    /// Ids of the things.
    pub resources: Vec<F::Of<String>>,
    /// The tags; a value that is given must be the one that is there.
    #[serde(default)]
    pub tags: Vec<Tag<F>>,
}

impl<F: Form> Operation for DeleteTags<F> {
    type Planned = DeleteTags<Planned>;
    const SPEC: Spec = spec("ec2", "DeleteTags", Harmless, Safe).on(ANY).records();
}
