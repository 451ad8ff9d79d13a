//! IAM users and their access keys.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    Operation,
    spec::{Names, Repeat::Harmless, Risk::Disruptive, Spec, names, spec},
};
use crate::inventory::FamilyKind::{AccessKeys, Users};

/// The name of an IAM user, never an empty one: where a request of IAM names no user, AWS takes the caller
/// for it, and a key of the caller's would be listed or deactivated.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAccessKey.html>
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserName(String);

impl UserName {
    /// The most characters of a name.
    const LONGEST: usize = 128;

    /// Returns the name as a text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for UserName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let fits = (1..=Self::LONGEST).contains(&name.len())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c));
        if fits { Ok(Self(name)) } else { Err(format!("{name:?} is not the name of an IAM user")) }
    }
}

impl TryFrom<&str> for UserName {
    type Error = String;

    fn try_from(name: &str) -> Result<Self, String> {
        name.to_owned().try_into()
    }
}

impl From<UserName> for String {
    fn from(name: UserName) -> String {
        name.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A call that activates or deactivates an access key. Sessions that were made with the key go on until they
/// end. <https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAccessKey.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct UpdateAccessKey {
    /// The user of the key.
    pub user_name: UserName,
    /// The key, by its id.
    pub access_key_id: String,
    /// The status that it gets: `Active` or `Inactive`.
    pub status: String,
}

impl Operation for UpdateAccessKey {
    type Planned = Self;
    // IAM is asked about the user.
    const SPEC: Spec = spec("iam", "UpdateAccessKey", Harmless, Disruptive)
        .on(&[names("/UserName", Users), names("/AccessKeyId", AccessKeys).unbound()]);
}

/// A call that attaches a managed policy to a user.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachUserPolicy.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AttachUserPolicy {
    /// The user.
    pub user_name: UserName,
    /// The ARN of the policy.
    pub policy_arn: String,
}

/// A call that detaches a managed policy from a user.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DetachUserPolicy.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DetachUserPolicy {
    /// The user.
    pub user_name: UserName,
    /// The ARN of the policy.
    pub policy_arn: String,
}

/// A call that activates or deactivates a credential for a single service.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateServiceSpecificCredential.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct UpdateServiceSpecificCredential {
    /// The user.
    pub user_name: UserName,
    /// The credential, by its id.
    pub service_specific_credential_id: String,
    /// The status that it gets: `Active` or `Inactive`.
    pub status: String,
}

/// A call that activates or deactivates an SSH public key.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateSSHPublicKey.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct UpdateSSHPublicKey {
    /// The user.
    pub user_name: UserName,
    /// The key, by its id.
    #[serde(rename = "SSHPublicKeyId")]
    pub ssh_public_key_id: String,
    /// The status that it gets: `Active` or `Inactive`.
    pub status: String,
}

/// A call that activates or deactivates a signing certificate.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateSigningCertificate.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct UpdateSigningCertificate {
    /// The user.
    pub user_name: UserName,
    /// The certificate, by its id.
    pub certificate_id: String,
    /// The status that it gets: `Active` or `Inactive`.
    pub status: String,
}

const OF_USER: &[Names] = &[names("/UserName", Users)];

impl Operation for AttachUserPolicy {
    type Planned = Self;
    const SPEC: Spec = spec("iam", "AttachUserPolicy", Harmless, Disruptive).on(OF_USER);
}

impl Operation for DetachUserPolicy {
    type Planned = Self;
    const SPEC: Spec = spec("iam", "DetachUserPolicy", Harmless, Disruptive).on(OF_USER);
}

impl Operation for UpdateServiceSpecificCredential {
    type Planned = Self;
    const SPEC: Spec = spec("iam", "UpdateServiceSpecificCredential", Harmless, Disruptive).on(OF_USER);
}

impl Operation for UpdateSSHPublicKey {
    type Planned = Self;
    const SPEC: Spec = spec("iam", "UpdateSSHPublicKey", Harmless, Disruptive).on(OF_USER);
}

impl Operation for UpdateSigningCertificate {
    type Planned = Self;
    const SPEC: Spec = spec("iam", "UpdateSigningCertificate", Harmless, Disruptive).on(OF_USER);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_without_the_name_of_a_user_cannot_be_built() {
        for bad in ["", " ", "a/b", "bo\n", "ä"] {
            assert!(UserName::try_from(bad).is_err(), "{bad:?}");
        }
        let without = serde_json::json!({ "AccessKeyId": "AKIA1", "Status": "Inactive" });
        assert!(serde_json::from_value::<UpdateAccessKey>(without.clone()).is_err());
        let mut empty = without;
        empty["UserName"] = "".into();
        assert!(serde_json::from_value::<UpdateAccessKey>(empty).is_err());
        assert_eq!(UserName::try_from("a+b=c,d.e@f_g-1").unwrap().as_str(), "a+b=c,d.e@f_g-1");
    }
}
