//! The password policy of the account for its IAM users.

use serde::{Deserialize, Serialize};

use super::{
    Operation,
    spec::{
        Repeat::Harmless,
        Risk::{Disruptive, Safe},
        Spec, spec,
    },
};
use crate::inventory::PasswordPolicy;

/// A call that sets the password policy, or replaces the one that is set: what is not given is set to AWS's
/// default for it, whatever it was before.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAccountPasswordPolicy.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct UpdateAccountPasswordPolicy {
    /// The smallest number of characters.
    pub minimum_password_length: i32,
    /// `true` if a password needs a symbol.
    pub require_symbols: bool,
    /// `true` if a password needs a digit.
    pub require_numbers: bool,
    /// `true` if a password needs an uppercase letter.
    pub require_uppercase_characters: bool,
    /// `true` if a password needs a lowercase letter.
    pub require_lowercase_characters: bool,
    /// `true` if every IAM user may change their own password.
    pub allow_users_to_change_password: bool,
    /// The days after which a password expires; never if it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_password_age: Option<i32>,
    /// The number of former passwords that cannot be used again; none if it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_reuse_prevention: Option<i32>,
    /// `true` if a user whose password has expired needs an administrator.
    pub hard_expiry: bool,
}

impl From<&PasswordPolicy> for UpdateAccountPasswordPolicy {
    fn from(policy: &PasswordPolicy) -> Self {
        Self {
            minimum_password_length: policy.minimum_password_length,
            require_symbols: policy.require_symbols,
            require_numbers: policy.require_numbers,
            require_uppercase_characters: policy.require_uppercase_characters,
            require_lowercase_characters: policy.require_lowercase_characters,
            allow_users_to_change_password: policy.allow_users_to_change_password,
            max_password_age: policy.max_password_age,
            password_reuse_prevention: policy.password_reuse_prevention,
            hard_expiry: policy.hard_expiry,
        }
    }
}

impl From<&UpdateAccountPasswordPolicy> for PasswordPolicy {
    fn from(call: &UpdateAccountPasswordPolicy) -> Self {
        Self {
            minimum_password_length: call.minimum_password_length,
            require_symbols: call.require_symbols,
            require_numbers: call.require_numbers,
            require_uppercase_characters: call.require_uppercase_characters,
            require_lowercase_characters: call.require_lowercase_characters,
            allow_users_to_change_password: call.allow_users_to_change_password,
            max_password_age: call.max_password_age,
            password_reuse_prevention: call.password_reuse_prevention,
            hard_expiry: call.hard_expiry,
        }
    }
}

/// A call that deletes the password policy, so that AWS's default applies again.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteAccountPasswordPolicy.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteAccountPasswordPolicy {}

impl Operation for UpdateAccountPasswordPolicy {
    type Planned = Self;
    const SPEC: Spec = spec("iam", "UpdateAccountPasswordPolicy", Harmless, Safe);
}

impl Operation for DeleteAccountPasswordPolicy {
    type Planned = Self;
    const SPEC: Spec = spec("iam", "DeleteAccountPasswordPolicy", Harmless, Disruptive);
}
