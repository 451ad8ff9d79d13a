//! The requests that make and delete access keys of IAM users. The secret of a new key goes into the vault of
//! this process, and into no output.

use super::{OnAws, To, incomplete, nothing, once, output};
use crate::{
    calls::{Call, Outcome},
    services::access_key::{CreateAccessKey, DeleteAccessKey},
};

impl OnAws for CreateAccessKey {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let user = self.user_name.as_str();
        let answer = once(call, to.iam().create_access_key().user_name(user).send()).await?;
        let key = answer.access_key.ok_or_else(|| incomplete(call, CreateAccessKey::KEY))?;
        to.vault().hold(user, &key.access_key_id, key.secret_access_key);
        output(call, CreateAccessKey::KEY, Some(key.access_key_id))
    }
}

impl OnAws for DeleteAccessKey {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let request = to.iam().delete_access_key().user_name(self.user_name);
        once(call, request.access_key_id(self.access_key_id).send()).await?;
        nothing()
    }
}
