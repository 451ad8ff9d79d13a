//! Facts about KMS keys: those in use, under the name by which they were asked for, and the customer's keys
//! with their rotation.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Fact, Record, Tags,
    about::{About, Arn},
    compute::all_good,
    permissions::{On, Reading, When, on_one},
};
use crate::resource::{Kind, region_in};

/// A KMS key (`kms:DescribeKey`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Key {
    /// The name by which it was asked for: a key id, an ARN or an alias.
    pub id: String,
    /// ARN.
    pub arn: String,
    /// `Enabled`, `Disabled`, `PendingDeletion`, `PendingImport`, ...
    pub key_state: String,
    /// `SYMMETRIC_DEFAULT`, ...
    pub key_spec: String,
    /// `ENCRYPT_DECRYPT`, ...
    pub key_usage: String,
    /// `AWS` or `CUSTOMER`.
    pub key_manager: String,
}

impl Record for Key {
    const ABOUT: About = About {
        arn: Arn { one: &[], any: "kms:*:{account}:key/*" },
        of_others: true,
        ..About::read_by(&[on_one("kms:DescribeKey")])
    };
}

/// The policy of a KMS key (`kms:GetKeyPolicy`), which only the account that owns the key can read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeyPolicy {
    /// The name by which it was asked for: a key id or an ARN.
    pub id: String,
    /// The policy, as JSON.
    pub policy: Value,
}

impl Record for KeyPolicy {
    const ABOUT: About = About {
        arn: Arn { one: &[], any: "kms:*:{account}:key/*" },
        of_others: true,
        ..About::read_by(&[on_one("kms:GetKeyPolicy")])
    };
}

impl Key {
    /// Checks that EBS can encrypt and decrypt with it. A property that AWS does not return proves nothing
    /// (<https://docs.aws.amazon.com/kms/latest/APIReference/API_KeyMetadata.html>).
    ///
    /// # Errors
    /// The property that is shown instead.
    pub fn proves_usable(&self) -> Result<(), String> {
        all_good(&[
            ("state", &self.key_state, &["Enabled"]),
            ("usage", &self.key_usage, &["ENCRYPT_DECRYPT"]),
            ("spec", &self.key_spec, &["SYMMETRIC_DEFAULT"]),
        ])
    }
}

/// A customer managed KMS key with its rotation (`kms:ListKeys`, `kms:DescribeKey`,
/// `kms:GetKeyRotationStatus`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CustomerKey {
    /// Key id.
    pub id: String,
    /// `Enabled`, `Disabled`, `PendingDeletion`, `PendingImport`, ...
    pub key_state: String,
    /// `SYMMETRIC_DEFAULT`, ...
    pub key_spec: String,
    /// `ENCRYPT_DECRYPT`, ...
    pub key_usage: String,
    /// `AWS` or `CUSTOMER`. A listing contains only the customer's keys.
    pub key_manager: String,
    /// The origin of its material: `AWS_KMS`, `EXTERNAL`, `AWS_CLOUDHSM`, `EXTERNAL_KEY_STORE`.
    pub origin: String,
    /// The ARN of the primary key, for the replica of a multi-Region key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replica_of: Option<String>,
    /// `true` if AWS rotates it; not read where AWS cannot.
    pub rotation: Fact<bool>,
    /// Tags; not read where AWS cannot rotate it.
    pub tags: Fact<Tags>,
}

const ROTATES: When = When::Fact("the key is one that AWS can rotate");

const READ_CUSTOMER_KEYS: &[Reading] = &[
    Reading { action: "kms:ListKeys", when: When::Listed, on: On::All },
    on_one("kms:DescribeKey"),
    Reading { action: "kms:GetKeyRotationStatus", when: ROTATES, on: On::Thing },
    Reading { action: "kms:ListResourceTags", when: ROTATES, on: On::Thing },
];

impl Record for CustomerKey {
    const ABOUT: About = About {
        kind: Some(Kind::Key),
        arn: Arn { one: &["kms:*:{account}:key/{id}"], any: "kms:*:{account}:key/*" },
        not_found: "NotFoundException",
        ..About::read_by(READ_CUSTOMER_KEYS)
    };
    fn tags(&self) -> Option<&Tags> {
        self.tags.known()
    }
}

const MANAGERS: &[&str] = &["CUSTOMER", "AWS"];

const USAGES: &[&str] =
    &["ENCRYPT_DECRYPT", "SIGN_VERIFY", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT", "ENCAPSULATE_DECAPSULATE"];

/// The specs of keys that encrypt; AWS rotates those of the first one.
const ENCRYPTING_SPECS: &[&str] = &["SYMMETRIC_DEFAULT", "RSA_2048", "RSA_3072", "RSA_4096", "SM2"];

const ORIGINS: &[&str] = &["AWS_KMS", "EXTERNAL", "AWS_CLOUDHSM", "EXTERNAL_KEY_STORE"];

impl CustomerKey {
    /// Returns a key that AWS could rotate, and does not.
    #[cfg(test)]
    pub fn not_rotated(id: &str) -> Self {
        Self {
            id: id.into(),
            key_state: "Enabled".into(),
            key_spec: "SYMMETRIC_DEFAULT".into(),
            key_usage: "ENCRYPT_DECRYPT".into(),
            key_manager: "CUSTOMER".into(),
            origin: "AWS_KMS".into(),
            rotation: Fact::Known(false),
            ..Self::default()
        }
    }

    /// Checks that the words that AWS uses for the kind of the key are known here: one that AWS adds later
    /// may mean anything (<https://docs.aws.amazon.com/kms/latest/APIReference/API_KeyMetadata.html>).
    ///
    /// # Errors
    /// The word that is not known, as the end of a sentence about the key.
    pub fn is_understood(&self) -> Result<(), String> {
        let specs = if self.key_usage == "ENCRYPT_DECRYPT" { ENCRYPTING_SPECS } else { &[] };
        let words = [
            ("manager", &self.key_manager, MANAGERS),
            ("usage", &self.key_usage, USAGES),
            // Of keys for other uses the spec decides nothing.
            ("spec", &self.key_spec, specs),
            ("origin", &self.origin, ORIGINS),
        ];
        let strange = words.iter().find(|(_, is, known)| !known.is_empty() && !known.contains(&is.as_str()));
        match strange {
            None => Ok(()),
            Some((name, is, _)) if is.is_empty() => Err(format!("its {name} is not known")),
            Some((name, is, _)) => Err(format!("its {name} is {is}, which redress does not know")),
        }
    }

    /// Returns whether AWS can rotate keys of its kind, whatever state it is in. It holds for a key whose
    /// words are known ([`CustomerKey::is_understood`])
    /// (<https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html>).
    ///
    /// # Errors
    /// The reason, with what to do, as the end of a sentence about the key.
    pub fn is_rotatable(&self) -> Result<(), String> {
        if self.key_manager != "CUSTOMER" {
            return Err(
                "AWS manages it and rotates it every year by itself; nothing needs to be done".to_owned()
            );
        }
        if let Some(primary) = &self.replica_of {
            let region = region_in(primary).unwrap_or_default();
            return Err(format!(
                "it is a replica of a multi-Region key and rotates with its primary key: enable rotation of \
                 {primary}, in {region}"
            ));
        }
        if (self.key_spec.as_str(), self.key_usage.as_str()) != ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT") {
            return Err(format!(
                "it is a key of spec {} for {}, and AWS rotates symmetric encryption keys only: to rotate \
                 it, make a new key and point its alias there",
                self.key_spec, self.key_usage
            ));
        }
        match self.origin.as_str() {
            "AWS_KMS" => Ok(()),
            "EXTERNAL" => Err("its key material was imported, so that AWS cannot make new material for it: \
                               import new material and rotate it on demand (kms:ImportKeyMaterial, \
                               kms:RotateKeyOnDemand)"
                .to_owned()),
            origin => Err(format!(
                "its key material is in a custom key store (origin {origin}), where AWS does not rotate it: \
                 make a new key there and point its alias at it"
            )),
        }
    }

    /// Returns whether its state lets rotation be turned on
    /// (<https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html>).
    ///
    /// # Errors
    /// The reason, with what to do, as the end of a sentence about the key.
    pub fn is_enabled(&self) -> Result<(), String> {
        if self.key_state == "Enabled" {
            return Ok(());
        }
        Err(format!(
            "its state is {}, and AWS rotates only what is Enabled: if it is still needed, enable it, after \
             its deletion is cancelled where that is pending, and scan again",
            self.key_state
        ))
    }
}
