//! The parameters of the rotation, and the name of the secret that follows from them.

use serde::{Deserialize, Deserializer, Serialize, de::Error};

use crate::{
    actions::{
        Parameter, Refusal,
        protected_users::{self, BreakGlass},
        support,
    },
    checks::{access_keys::DAYS, key_rotation::OLD_AFTER},
};

/// The part of the name of a secret that stands for the name of the user.
const USER: &str = "{user}";
/// The name of secrets where none is given.
const USUAL: &str = "redress/access-keys/{user}";

/// The parameters of the action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// The days after which a key is old.
    #[serde(deserialize_with = "support::days")]
    pub days: u32,
    /// The region in which secrets are kept.
    #[serde(deserialize_with = "region", skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The name of the secret of a user's keys.
    #[serde(deserialize_with = "secret")]
    pub secret: String,
    /// The KMS key of a secret that is made.
    #[serde(deserialize_with = "kms_key", skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
    /// Patterns of the names of users for emergencies.
    #[serde(deserialize_with = "protected_users::patterns")]
    pub break_glass_users: Vec<String>,
    /// Tags of users for emergencies.
    #[serde(deserialize_with = "protected_users::patterns")]
    pub break_glass_tags: Vec<String>,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            days: OLD_AFTER,
            region: None,
            secret: USUAL.to_owned(),
            kms_key: None,
            break_glass_users: protected_users::usual_users(),
            break_glass_tags: protected_users::usual_tags(),
        }
    }
}

/// The parameters, for pages.
pub const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: DAYS,
        kind: "number of days, 1 to 3650",
        default: "90",
        doc: "The days after which a key is old. `[check]` sets it for the check and the action.",
    },
    Parameter {
        name: "region",
        kind: "name of a region",
        default: "none: nothing is rotated then",
        doc: "The region of the secrets to which new keys are delivered.",
    },
    Parameter {
        name: "secret",
        kind: "name with `{user}` in it",
        default: "\"redress/access-keys/{user}\"",
        doc: "The name of the secret of a user's keys. `{user}` stands for the name of the user.",
    },
    Parameter {
        name: "kms_key",
        kind: "id, ARN or alias of a KMS key",
        default: "none: the key aws/secretsmanager",
        doc: "The KMS key that encrypts a secret which is made. A secret that exists keeps its own.",
    },
    protected_users::USERS,
    protected_users::TAGS,
];

fn region<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let is_name = (1..=40).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    match is_name {
        true => Ok(Some(text)),
        false => Err(D::Error::custom(format!("{text:?} is not the name of a region"))),
    }
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    match is_secret_name(&text.replacen(USER, "x", 1)) {
        _ if !text.contains(USER) => Err(D::Error::custom(format!(
            "{text:?} does not contain {USER}: the keys of two users would be delivered to one secret"
        ))),
        true => Ok(text),
        false => Err(D::Error::custom(format!("{text:?} is not the name of a secret"))),
    }
}

/// Returns whether Secrets Manager takes a name. A hyphen before six characters at the end is refused, since
/// a part of an ARN looks like that
/// (<https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html>).
fn is_secret_name(name: &str) -> bool {
    let like_arn = name.len() > 7
        && name.is_char_boundary(name.len() - 7)
        && name[name.len() - 7..].starts_with('-')
        && name[name.len() - 6..].bytes().all(|b| b.is_ascii_alphanumeric());
    (1..=512).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "/_+=.@-".contains(c))
        && !like_arn
}

fn kms_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let good = (1..=2048).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic() && b != b'"');
    match good {
        true => Ok(Some(text)),
        false => Err(D::Error::custom(format!("{text:?} is not the name of a KMS key"))),
    }
}

impl Params {
    /// Returns the region of the secrets.
    ///
    /// # Errors
    /// A refusal where none is given.
    pub fn region(&self) -> Result<&str, Refusal> {
        self.region.as_deref().ok_or_else(|| {
            Refusal::Refused(
                "no region is named in which new keys are delivered to Secrets Manager: name one with \
                 rotate-access-key.region=\"REGION\", and have whoever uses the keys read them there"
                    .to_owned(),
            )
        })
    }

    /// Returns the name of the secret of a user's keys.
    ///
    /// # Errors
    /// A refusal where Secrets Manager does not take the name.
    pub fn secret_of(&self, user: &str) -> Result<String, Refusal> {
        let name = self.secret.replace(USER, user);
        match is_secret_name(&name) {
            true => Ok(name),
            false => Err(Refusal::Refused(format!(
                "{name:?} is no name that Secrets Manager takes: give another form with \
                 rotate-access-key.secret"
            ))),
        }
    }

    /// Returns the signs of users for emergencies.
    pub fn break_glass(&self) -> BreakGlass<'_> {
        BreakGlass { users: &self.break_glass_users, tags: &self.break_glass_tags }
    }
}
