//! Secrets of Secrets Manager. The content of a secret is no part of any call here: a call names the access
//! key whose secret it delivers, and the account puts that in when it sends the call.

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
use crate::inventory::FamilyKind::Secrets;

/// A call that creates a secret without content.
/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, bound = "")]
pub struct CreateSecret<F: Form = Sent> {
    /// The name of the secret.
    pub name: String,
    /// The description of the secret.
    pub description: Option<String>,
    /// The KMS key that encrypts it, by ARN, id or alias; `aws/secretsmanager` where none is given.
    pub kms_key_id: Option<String>,
    /// The token, by which AWS knows a request that is sent twice.
    pub client_request_token: F::Of<String>,
    /// The tags of the secret.
    #[serde(default)]
    pub tags: Vec<Tag<F>>,
}

impl<F: Form> Operation for CreateSecret<F> {
    type Planned = CreateSecret<Planned>;
    const SPEC: Spec = spec("secretsmanager", "CreateSecret", Harmless, Safe)
        .on(&[names("/Name", Secrets).of_new()])
        .takes_also(&[also("secretsmanager:TagResource", When::Given("Tags"))]);
}

/// The place of a secret access key in an input: it names the key and never holds the secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound = "")]
pub struct SecretOf<F: Form = Sent> {
    /// The id of the access key.
    #[serde(rename = "$secret")]
    pub access_key_id: F::Of<String>,
}

/// A call that adds a version to a secret. The same token with the same content adds it once.
/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, bound = "")]
pub struct PutSecretValue<F: Form = Sent> {
    /// The secret, by name.
    pub secret_id: String,
    /// The token, which becomes the id of the version.
    pub client_request_token: F::Of<String>,
    /// The access key whose secret is the content.
    pub secret_string: SecretOf<F>,
    /// The labels that the version gets; a label is taken off the version that had it.
    pub version_stages: Vec<F::Of<String>>,
}

impl<F: Form> Operation for PutSecretValue<F> {
    type Planned = PutSecretValue<Planned>;
    const SPEC: Spec =
        spec("secretsmanager", "PutSecretValue", Harmless, Safe).on(&[names("/SecretId", Secrets)]);
}

/// A call that moves a label from one version of a secret to another.
/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, bound = "")]
pub struct UpdateSecretVersionStage<F: Form = Sent> {
    /// The secret, by name.
    pub secret_id: String,
    /// The label.
    pub version_stage: String,
    /// The version that has the label.
    pub remove_from_version_id: F::Of<String>,
    /// The version that gets it.
    pub move_to_version_id: String,
}

impl<F: Form> Operation for UpdateSecretVersionStage<F> {
    type Planned = UpdateSecretVersionStage<Planned>;
    const SPEC: Spec = spec("secretsmanager", "UpdateSecretVersionStage", Harmless, Disruptive)
        .on(&[names("/SecretId", Secrets)]);
}

/// A call that deletes a secret at once, which redress does only with one that never had content.
/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeleteSecret {
    /// The secret, by name.
    pub secret_id: String,
    /// `true`: without days in which it could be restored.
    pub force_delete_without_recovery: bool,
}

impl Operation for DeleteSecret {
    type Planned = Self;
    const SPEC: Spec = spec("secretsmanager", "DeleteSecret", Harmless, Disruptive)
        .on(&[names("/SecretId", Secrets)])
        .only_own();
}
