//! The requests that change secrets of Secrets Manager. The content of a version is put in here and nowhere
//! else, out of the vault of this process.

use aws_sdk_secretsmanager::types;

use super::{OnAws, To, nothing, once};
use crate::{
    calls::{Call, CallError, ErrorClass, Outcome},
    services::{
        secret::{CreateSecret, DeleteSecret, PutSecretValue, UpdateSecretVersionStage},
        tag::Tag,
    },
};

impl OnAws for CreateSecret {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let tag = |t: Tag| types::Tag::builder().key(t.key).set_value(t.value).build();
        let tags: Vec<types::Tag> = self.tags.into_iter().map(tag).collect();
        let request = to
            .secrets()
            .create_secret()
            .name(self.name)
            .set_description(self.description)
            .set_kms_key_id(self.kms_key_id)
            .client_request_token(self.client_request_token)
            .set_tags((!tags.is_empty()).then_some(tags));
        once(call, request.send()).await?;
        nothing()
    }
}

impl OnAws for PutSecretValue {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let key = &self.secret_string.access_key_id;
        let Some(document) = to.vault().document(key) else { return Err(lost(key)) };
        let request = to
            .secrets()
            .put_secret_value()
            .secret_id(self.secret_id)
            .client_request_token(self.client_request_token)
            .secret_string(document.as_str())
            .set_version_stages(Some(self.version_stages));
        once(call, request.send()).await?;
        nothing()
    }
}

/// Returns the error for a secret that this process does not have. Nothing was sent.
fn lost(key: &str) -> CallError {
    let message = format!(
        "the secret of {key} was lost with the process that made the key: AWS shows it once, and nothing \
         else has it"
    );
    CallError { class: ErrorClass::Semantic, code: "SecretLost".to_owned(), message }
}

impl OnAws for UpdateSecretVersionStage {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let request = to
            .secrets()
            .update_secret_version_stage()
            .secret_id(self.secret_id)
            .version_stage(self.version_stage)
            .remove_from_version_id(self.remove_from_version_id)
            .move_to_version_id(self.move_to_version_id);
        once(call, request.send()).await?;
        nothing()
    }
}

impl OnAws for DeleteSecret {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let request = to.secrets().delete_secret().secret_id(self.secret_id);
        once(call, request.force_delete_without_recovery(self.force_delete_without_recovery).send()).await?;
        nothing()
    }
}
