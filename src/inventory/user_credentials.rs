//! Credentials of IAM users beside access keys: those for single services, SSH public keys and
//! signing certificates. No secret is among them. Nothing here judges.

use serde::{Deserialize, Serialize};

use super::{
    Fact, Record,
    about::{About, Arn},
    permissions::{Reading, on_one},
};

/// A credential that can be made inactive.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Credential {
    /// Its id.
    pub id: String,
    /// `Active` or `Inactive`; `Expired` for one that AWS has ended.
    pub status: String,
    /// The service that it is for, where it is for one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service: String,
}

/// The credentials of an IAM user beside its access keys, read by the name of the user. One list may be
/// missing without the others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UserCredentials {
    /// The name of the user.
    pub id: String,
    /// Credentials for single services: CodeCommit, Keyspaces, Bedrock
    /// (`iam:ListServiceSpecificCredentials`).
    pub service_specific: Fact<Vec<Credential>>,
    /// SSH public keys (`iam:ListSSHPublicKeys`).
    pub ssh_keys: Fact<Vec<Credential>>,
    /// Signing certificates (`iam:ListSigningCertificates`).
    pub certificates: Fact<Vec<Credential>>,
}

impl UserCredentials {
    /// Returns the lists of credentials that can be made inactive, each with the word for one of it.
    pub fn lists(&self) -> [(&'static str, &Fact<Vec<Credential>>); 3] {
        [
            ("service-specific credential", &self.service_specific),
            ("SSH public key", &self.ssh_keys),
            ("signing certificate", &self.certificates),
        ]
    }
}

const READ: &[Reading] = &[
    on_one("iam:ListServiceSpecificCredentials"),
    on_one("iam:ListSSHPublicKeys"),
    on_one("iam:ListSigningCertificates"),
];

impl Record for UserCredentials {
    const ABOUT: About = About {
        arn: Arn {
            one: &["iam::{account}:user/{id}", "iam::{account}:user/*/{id}"],
            any: "iam::{account}:user/*",
        },
        ..About::read_by(READ)
    };
}
