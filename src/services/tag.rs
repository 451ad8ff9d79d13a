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
    /// The key of the tag.
    pub key: String,
    /// The value of the tag; may be missing only where tags are removed, and then stands for any.
    pub value: Option<F::Of<String>>,
}

/// Tags of the resources that a call creates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, bound = "")]
pub struct TagSpecification<F: Form = Sent> {
    /// The type of resource that is tagged: `volume`.
    pub resource_type: String,
    /// The tags.
    #[serde(default)]
    pub tags: Vec<Tag<F>>,
}

/// The resources that are tagged.
const ANY: &[Names] = &[Names { at: "/Resources", family: None, bound: true, there: true }];

/// A call that adds tags to EC2 resources, or replaces their values.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTags.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, bound = "")]
pub struct CreateTags<F: Form = Sent> {
    /// The ids of the resources.
    pub resources: Vec<F::Of<String>>,
    /// The tags.
    pub tags: Vec<Tag<F>>,
}

impl<F: Form> Operation for CreateTags<F> {
    type Planned = CreateTags<Planned>;
    const SPEC: Spec = spec("ec2", "CreateTags", Harmless, Safe).on(ANY).records();
}

/// A call that removes tags of EC2 resources. Without tags AWS removes all of them, which no plan does.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteTags.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, bound = "")]
pub struct DeleteTags<F: Form = Sent> {
    /// The ids of the resources.
    pub resources: Vec<F::Of<String>>,
    /// The tags; a value that is given must be the present one.
    #[serde(default)]
    pub tags: Vec<Tag<F>>,
}

impl<F: Form> Operation for DeleteTags<F> {
    type Planned = DeleteTags<Planned>;
    const SPEC: Spec = spec("ec2", "DeleteTags", Harmless, Safe).on(ANY).records();
}
