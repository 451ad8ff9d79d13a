//! Sends operations on the password policy of the account.

use super::{OnAws, To, nothing, once};
use crate::{
    calls::{Call, Outcome},
    services::password_policy::{DeleteAccountPasswordPolicy, UpdateAccountPasswordPolicy},
};

impl OnAws for UpdateAccountPasswordPolicy {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let request = to
            .iam()
            .update_account_password_policy()
            .minimum_password_length(self.minimum_password_length)
            .require_symbols(self.require_symbols)
            .require_numbers(self.require_numbers)
            .require_uppercase_characters(self.require_uppercase_characters)
            .require_lowercase_characters(self.require_lowercase_characters)
            .allow_users_to_change_password(self.allow_users_to_change_password)
            .set_max_password_age(self.max_password_age)
            .set_password_reuse_prevention(self.password_reuse_prevention)
            .hard_expiry(self.hard_expiry);
        once(call, request.send()).await?;
        nothing()
    }
}

impl OnAws for DeleteAccountPasswordPolicy {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        once(call, to.iam().delete_account_password_policy().send()).await?;
        nothing()
    }
}
