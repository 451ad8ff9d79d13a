//! Reads the password policy of the account.

use aws_sdk_iam::{Client, types};

use super::{Ask, Members, not_listed};
use crate::{
    aws::retry::reading,
    inventory::{Fact, PasswordPolicy},
};

const OPERATION: &str = "iam:GetAccountPasswordPolicy";

/// Calls `iam:GetAccountPasswordPolicy`. An account that has set no policy gets an error with a code of its
/// own (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountPasswordPolicy.html>).
pub async fn policy(iam: &Client, ask: &Ask) -> Members<PasswordPolicy> {
    let Ask::Ids(_) = ask else { return not_listed("password policies") };
    let fact = match reading(OPERATION, || iam.get_account_password_policy().send()).await {
        Ok(answer) => answer.password_policy.and_then(|policy| shown(&policy)).map_or_else(
            || Fact::unknown(format!("the answer holds no length of passwords ({OPERATION})")),
            Fact::Known,
        ),
        Err(error) if error.code == "NoSuchEntity" => Fact::Absent,
        Err(error) => Fact::unknown(&error),
    };
    Ok(vec![(PasswordPolicy::ID.to_owned(), fact)])
}

/// Returns the facts of an answer. An age, or a number of former passwords, of zero is none.
fn shown(policy: &types::PasswordPolicy) -> Option<PasswordPolicy> {
    let some = |number: Option<i32>| number.filter(|number| *number != 0);
    Some(PasswordPolicy {
        minimum_password_length: policy.minimum_password_length?,
        require_symbols: policy.require_symbols,
        require_numbers: policy.require_numbers,
        require_uppercase_characters: policy.require_uppercase_characters,
        require_lowercase_characters: policy.require_lowercase_characters,
        allow_users_to_change_password: policy.allow_users_to_change_password,
        max_password_age: some(policy.max_password_age),
        password_reuse_prevention: some(policy.password_reuse_prevention),
        // AWS leaves it out of an answer where nobody has set it, and its default is false.
        hard_expiry: policy.hard_expiry.unwrap_or_default(),
    })
}
