//! Facts about secrets of Secrets Manager, never their content.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Fact, Record, Tags,
    about::{About, Arn},
    permissions::on_one,
};

/// A secret (`secretsmanager:DescribeSecret`), read by its name only. Its content is never read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Secret {
    /// Name.
    pub id: String,
    /// ARN, which ends in six characters that AWS adds.
    pub arn: String,
    /// The versions by their labels: a label is at one version at most.
    pub labels: BTreeMap<String, String>,
    /// The version that readers get: the one with the label `AWSCURRENT`. A secret without content has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// The KMS key that encrypts it, where it is not `aws/secretsmanager`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<String>,
    /// The time at which it will be deleted; absent if nobody has asked for that.
    pub deleted_date: Fact<Timestamp>,
    /// The service that manages it, where one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owning_service: Option<String>,
    /// `true` if Secrets Manager rotates it by itself.
    pub rotation_enabled: bool,
    /// Tags.
    pub tags: Tags,
}

impl Secret {
    /// The label of the version that readers get.
    pub const CURRENT: &'static str = "AWSCURRENT";

    /// Sets the labels, and with them the version that readers get.
    #[must_use]
    pub fn labelled(self, labels: BTreeMap<String, String>) -> Self {
        Self { current: labels.get(Self::CURRENT).cloned(), labels, ..self }
    }
}

impl Record for Secret {
    const ABOUT: About = About {
        arn: Arn {
            one: &["secretsmanager:*:{account}:secret:{id}-??????"],
            any: "secretsmanager:*:{account}:secret:*",
        },
        not_found: "ResourceNotFoundException",
        ..About::read_by(&[on_one("secretsmanager:DescribeSecret")])
    };
    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
    fn tags_mut(&mut self) -> Option<&mut Tags> {
        Some(&mut self.tags)
    }
}
