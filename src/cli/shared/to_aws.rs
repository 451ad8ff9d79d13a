//! The environments in which a twin must be named, since AWS may be meant.

use std::ffi::OsString;

use crate::twin::TwinAccount;

/// Variables that lead to an account of AWS, or mean that nobody is there to read which account it is.
const LEADS_TO_AWS: [&str; 7] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "CI",
];

/// Returns the variable of the environment that leads to AWS, if one is set: then a file or a run may not
/// choose a twin, and `--account` must.
pub(super) fn leads_to_aws(env: impl Fn(&str) -> Option<OsString>) -> Option<&'static str> {
    LEADS_TO_AWS.into_iter().find(|name| env(name).is_some_and(|value| !value.is_empty()))
}

/// Returns whether the commands to type next must name this twin again: its plans and runs lead to it by its
/// name, but not to a file, and not where the environment leads to AWS.
pub(super) fn is_named_again(account: &str, env: impl Fn(&str) -> Option<OsString>) -> bool {
    let by_name = account.strip_prefix("twin:").is_none_or(TwinAccount::is_name);
    !by_name || leads_to_aws(env).is_some()
}
