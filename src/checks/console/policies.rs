//! The policies that redress writes for people who sign in: the denial of console sessions, and what a person
//! without MFA may do. The checks know them by their content, whatever they are called. Pure.

use serde_json::{Value, json};

use crate::resource::Owner;

/// The characters that all inline policies of a user may have together, white space not counted
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>).
pub const OF_USER: usize = 2048;
/// The same of a group.
pub const OF_GROUP: usize = 5120;

/// The name of the policy that denies sessions.
pub const DENIAL: &str = "redress-no-console";
/// The name of the policy that requires MFA.
pub const REQUIRED: &str = "require-mfa";

/// Returns the characters of a policy that count against a quota.
pub fn size(policy: &Value) -> usize {
    policy.to_string().chars().filter(|c| !c.is_whitespace()).count()
}

/// Returns the policy that denies a user everything in sessions. A session of the console has temporary
/// credentials, and requests with those, and no others, contain the time at which they were issued
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-tokenissuetime>,
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-multifactorauthpresent>).
/// AWS has no condition for the console alone: sessions that an access key asks for look the same.
pub fn denial() -> Value {
    json!({ "Version": "2012-10-17", "Statement": [{
        "Sid": "RedressNoConsole", "Effect": "Deny", "Action": "*", "Resource": "*",
        "Condition": { "Null": { "aws:TokenIssueTime": "false" } },
    }] })
}

/// The actions that a person without MFA needs to enrol a device, to change the password first where that is
/// due, and to get a session with MFA for the command line. The name of a new device is free, so that it is
/// not bound to that of the user
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_examples_aws_my-sec-creds-self-manage-mfa-only.html>).
const WITHOUT_MFA: [&str; 10] = [
    "iam:ChangePassword",
    "iam:CreateVirtualMFADevice",
    "iam:EnableMFADevice",
    "iam:GetAccountPasswordPolicy",
    "iam:GetMFADevice",
    "iam:GetUser",
    "iam:ListMFADevices",
    "iam:ListVirtualMFADevices",
    "iam:ResyncMFADevice",
    "sts:GetSessionToken",
];

/// Returns the policy that lets users enrol an MFA device and change their password, and denies everything
/// else without MFA. Requests that are signed with an access key are without MFA.
pub fn mfa_required(owner: &Owner) -> Value {
    let own = |what: &str| format!("arn:{}:iam::{}:{what}", owner.partition, owner.account);
    // The name of a user has no slash, so that the second form is the user with any path.
    let themselves = ["user/${aws:username}", "user/*/${aws:username}"].map(own);
    json!({ "Version": "2012-10-17", "Statement": [
        { "Sid": "SeeWhatIsAskedOfPasswords", "Effect": "Allow",
          "Action": ["iam:GetAccountPasswordPolicy", "iam:ListVirtualMFADevices"], "Resource": "*" },
        { "Sid": "MakeDevice", "Effect": "Allow", "Action": "iam:CreateVirtualMFADevice",
          "Resource": own("mfa/*") },
        { "Sid": "ManageOwnDeviceAndPassword", "Effect": "Allow",
          "Action": ["iam:ChangePassword", "iam:EnableMFADevice", "iam:GetMFADevice", "iam:GetUser",
              "iam:ListMFADevices", "iam:ResyncMFADevice"],
          "Resource": themselves },
        { "Sid": "DenyTheRestWithoutMfa", "Effect": "Deny", "NotAction": WITHOUT_MFA, "Resource": "*",
          "Condition": { "BoolIfExists": { "aws:MultiFactorAuthPresent": "false" } } },
    ] })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner() -> Owner {
        Owner { partition: "aws-us-gov".into(), account: "123456789012".into() }
    }

    #[test]
    fn every_policy_fits_where_it_is_put() {
        assert!(size(&denial()) * 8 < OF_USER, "{}", size(&denial()));
        assert!(size(&mfa_required(&owner())) * 2 < OF_GROUP, "{}", size(&mfa_required(&owner())));
        assert_eq!(size(&json!({ "a b": "c d" })), "{\"ab\":\"cd\"}".len(), "white space does not count");
    }

    #[test]
    fn whoever_has_no_device_can_enrol_one_and_do_nothing_else() {
        let policy = mfa_required(&owner());
        let statements = policy["Statement"].as_array().unwrap();
        let deny = statements.iter().find(|one| one["Effect"] == "Deny").unwrap();
        let spared: Vec<&str> =
            deny["NotAction"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        // What is allowed is not denied again, and nothing else is spared but the way to a session with MFA.
        let allowed =
            statements.iter().filter(|one| one["Effect"] == "Allow").flat_map(|one| match &one["Action"] {
                Value::Array(all) => all.iter().filter_map(Value::as_str).collect::<Vec<_>>(),
                one => one.as_str().into_iter().collect(),
            });
        let mut allowed: Vec<&str> = allowed.chain(["sts:GetSessionToken"]).collect();
        allowed.sort_unstable();
        assert_eq!(allowed, spared);
        assert_eq!(deny["Condition"], json!({ "BoolIfExists": { "aws:MultiFactorAuthPresent": "false" } }));
        assert!(policy.to_string().contains("arn:aws-us-gov:iam::123456789012:mfa/*"));
        for never in ["Deactivate", "Delete", "iam:*", "CreateAccessKey"] {
            assert!(!policy.to_string().contains(never), "{never}");
        }
    }

    #[test]
    fn only_sessions_are_denied() {
        let denial = denial();
        assert_eq!(denial["Statement"][0]["Condition"], json!({ "Null": { "aws:TokenIssueTime": "false" } }));
        assert_eq!(denial["Statement"].as_array().map(Vec::len), Some(1));
    }
}
