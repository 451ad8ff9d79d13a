//! Facts about the password policy of an account.

use serde::{Deserialize, Serialize};

use super::{
    Record,
    about::{About, Arn},
    permissions::on_all,
};

/// The password policy that an account has set for its IAM users (`iam:GetAccountPasswordPolicy`). Where it
/// is absent, AWS's default applies, which no call returns and no call sets
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_account-policy.html>).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PasswordPolicy {
    /// The smallest number of characters, 6 to 128.
    pub minimum_password_length: i32,
    /// `true` if a password needs a symbol.
    pub require_symbols: bool,
    /// `true` if a password needs a digit.
    pub require_numbers: bool,
    /// `true` if a password needs an uppercase letter.
    pub require_uppercase_characters: bool,
    /// `true` if a password needs a lowercase letter.
    pub require_lowercase_characters: bool,
    /// `true` if every IAM user may change their own password, whatever policies they have.
    pub allow_users_to_change_password: bool,
    /// The days after which a password expires; `None` for never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_password_age: Option<i32>,
    /// The number of former passwords that cannot be used again; `None` for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_reuse_prevention: Option<i32>,
    /// `true` if a user whose password has expired cannot set a new one and needs an administrator.
    pub hard_expiry: bool,
}

impl PasswordPolicy {
    /// The one id under which it is kept.
    pub const ID: &'static str = "account";
}

impl Record for PasswordPolicy {
    const ABOUT: About = About {
        arn: Arn { one: &[], any: "" },
        not_found: "NoSuchEntity",
        ..About::read_by(&[on_all("iam:GetAccountPasswordPolicy")])
    };
}
