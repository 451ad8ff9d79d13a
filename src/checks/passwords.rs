//! The check on the password policy of the account: passwords of IAM users are long, of several kinds of
//! characters, and not used again. An account without a policy is under AWS's default, which is another thing
//! than a policy with the same words: it remembers no former passwords.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::{Value, json};

use super::Check;
use crate::{
    finding::{Severity, Verdict},
    inventory::{Fact, FamilyKind, Inventory, PasswordPolicy, Tags, Want},
    resource::Kind,
};

/// The id of the check.
pub const WEAK: &str = "password-policy-weak";

/// The parameter of the check: the smallest number of characters.
pub const LENGTH: &str = "minimum_length";
/// The parameter of the check: the number of former passwords that cannot be used again.
pub const REUSE: &str = "reuse_prevention";
/// The parameter of the check: the kinds of characters that a password needs.
pub const CHARACTERS: &str = "characters";
/// The parameter of the check: the days after which a password expires at the latest.
pub const AGE: &str = "max_age_days";

/// The checks of this family.
pub static CHECKS: &[Check] = &[Check {
    id: WEAK,
    title: "The account has no password policy, or one that lets weak passwords pass",
    why: "Short passwords, and such that were used before, are guessed or found in lists that others have \
          lost.",
    severity: Severity::Medium,
    kind: Kind::Account,
    known_as: &[
        (
            "security-hub",
            &["IAM.7", "IAM.10", "IAM.11", "IAM.12", "IAM.13", "IAM.14", "IAM.15", "IAM.16", "IAM.17"],
        ),
        ("cis-1.2.0", &["1.5", "1.6", "1.7", "1.8", "1.9", "1.10", "1.11"]),
        ("cis-1.4.0", &["1.8", "1.9"]),
        ("cis-1.5.0", &["1.8", "1.9"]),
        ("cis-2.0.0", &["1.8", "1.9"]),
        ("cis-3.0.0", &["1.8", "1.9"]),
        ("cis-4.0.0", &["1.8", "1.9"]),
        ("cis-5.0.0", &["1.7", "1.8"]),
        ("cis-6.0.0", &["2.7", "2.8"]),
        ("cis-7.0.0", &["2.8", "2.9"]),
        ("pci-dss-3.2.1", &["PCI.IAM.8"]),
        (
            "prowler",
            &[
                "iam_password_policy_expires_passwords_within_90_days_or_less",
                "iam_password_policy_lowercase",
                "iam_password_policy_minimum_length_14",
                "iam_password_policy_number",
                "iam_password_policy_reuse_24",
                "iam_password_policy_symbol",
                "iam_password_policy_uppercase",
            ],
        ),
        ("prowler-2", &["check15", "check16", "check17", "check18", "check19", "check110", "check111"]),
        ("config-managed", &["iam-password-policy"]),
        ("guardduty", &["Stealth:IAMUser/PasswordPolicyChange"]),
        ("custodian", &["account/password-policy"]),
    ],
    triggers: &["iam:DeleteAccountPasswordPolicy", "iam:UpdateAccountPasswordPolicy"],
    scanned: true,
    reads: |_| vec![want()],
    reads_one: |_, _, _| vec![want()],
    resources: |inventory, _| vec![inventory.owner.root()],
    judge: |inventory, _, with| judge(inventory, with),
    // The account is judged once; that verdict includes what could not be read.
    silence: |_, _| None,
    tags: |_, _| Tags::new(),
}];

/// Asks for the password policy.
pub fn want() -> Want {
    Want::id("", FamilyKind::PasswordPolicies, PasswordPolicy::ID)
}

/// A kind of characters that a password may need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Characters {
    /// Uppercase letters of the Latin alphabet.
    Uppercase,
    /// Lowercase letters.
    Lowercase,
    /// Digits.
    Numbers,
    /// Any of `! @ # $ % ^ & * ( ) _ + - = [ ] { } | '`.
    Symbols,
}

impl Characters {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Uppercase, Self::Lowercase, Self::Numbers, Self::Symbols];

    /// Returns the kind that a word names.
    ///
    /// # Errors
    /// The words that there are.
    pub fn named(word: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|one| one.word() == word).ok_or_else(|| {
            format!(
                "{word:?} is no kind of characters: there are \"uppercase\", \"lowercase\", \"numbers\" and \
                 \"symbols\""
            )
        })
    }

    /// Returns the word by which playbooks name it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Uppercase => "uppercase",
            Self::Lowercase => "lowercase",
            Self::Numbers => "numbers",
            Self::Symbols => "symbols",
        }
    }

    /// Returns whether a policy requires it.
    pub fn is_required(self, by: &PasswordPolicy) -> bool {
        match self {
            Self::Uppercase => by.require_uppercase_characters,
            Self::Lowercase => by.require_lowercase_characters,
            Self::Numbers => by.require_numbers,
            Self::Symbols => by.require_symbols,
        }
    }

    fn phrase(self) -> &'static str {
        match self {
            Self::Uppercase => "uppercase letters",
            Self::Lowercase => "lowercase letters",
            Self::Numbers => "digits",
            Self::Symbols => "symbols",
        }
    }
}

/// The properties that a password policy is to have at least, within AWS's bounds
/// (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAccountPasswordPolicy.html>). The defaults
/// are what CIS and Security Hub ask for; neither asks for passwords to expire any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Wanted {
    /// The smallest number of characters.
    #[serde(deserialize_with = "length")]
    pub minimum_length: i32,
    /// The number of former passwords that cannot be used again.
    #[serde(deserialize_with = "reuse")]
    pub reuse_prevention: i32,
    /// The kinds of characters that a password needs.
    pub characters: BTreeSet<Characters>,
    /// The days after which a password expires at the latest; `None` where nobody asks for that.
    #[serde(deserialize_with = "age", skip_serializing_if = "Option::is_none")]
    pub max_age_days: Option<i32>,
}

impl Default for Wanted {
    fn default() -> Self {
        let characters = Characters::ALL.into();
        Self { minimum_length: 14, reuse_prevention: 24, characters, max_age_days: None }
    }
}

fn within<'de, D: Deserializer<'de>>(from: D, least: i32, most: i32) -> Result<i32, D::Error> {
    let number = i32::deserialize(from)?;
    match (least..=most).contains(&number) {
        true => Ok(number),
        false => Err(D::Error::custom(format!("{number} is not a number from {least} to {most}"))),
    }
}

/// Reads a smallest number of characters.
///
/// # Errors
/// A number that AWS does not take.
pub fn length<'de, D: Deserializer<'de>>(from: D) -> Result<i32, D::Error> {
    within(from, 6, 128)
}

/// Reads a number of former passwords.
///
/// # Errors
/// As [`length`].
pub fn reuse<'de, D: Deserializer<'de>>(from: D) -> Result<i32, D::Error> {
    within(from, 1, 24)
}

/// Reads a number of days after which a password expires.
///
/// # Errors
/// As [`length`].
pub fn age<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i32>, D::Error> {
    within(from, 1, 1095).map(Some)
}

impl Wanted {
    /// Lists what a policy lacks, in words.
    pub fn lacks(&self, policy: &PasswordPolicy) -> Vec<String> {
        let (length, reuse) =
            (policy.minimum_password_length, policy.password_reuse_prevention.unwrap_or_default());
        let mut all = Vec::new();
        if length < self.minimum_length {
            all.push(format!(
                "passwords of {length} characters pass, where {} are wanted",
                self.minimum_length
            ));
        }
        if reuse < self.reuse_prevention {
            let wanted = self.reuse_prevention;
            all.push(match reuse {
                0 => format!("former passwords can be used again, where the last {wanted} should not"),
                _ => {
                    format!("only the last {reuse} passwords cannot be used again, where {wanted} are wanted")
                }
            });
        }
        let free = self.characters.iter().filter(|kind| !kind.is_required(policy));
        all.extend(free.map(|kind| format!("passwords without {} pass", kind.phrase())));
        match (self.max_age_days, policy.max_password_age) {
            (Some(wanted), None) => {
                all.push(format!("passwords do not expire, where {wanted} days are wanted"));
            }
            (Some(wanted), Some(days)) if days > wanted => {
                all.push(format!("passwords expire after {days} days, where {wanted} are wanted"));
            }
            _ => {}
        }
        all
    }
}

fn judge(inventory: &Inventory, with: &Value) -> Verdict {
    let given = if with.is_null() { json!({}) } else { with.clone() };
    let wanted: Wanted = match serde_json::from_value(given) {
        Ok(wanted) => wanted,
        Err(why) => return Verdict::Unknown(format!("the parameters of the check cannot be read: {why}")),
    };
    match inventory.password_policies.get(PasswordPolicy::ID) {
        Fact::Known(policy) => match wanted.lacks(policy) {
            lacks if lacks.is_empty() => Verdict::Ok(None),
            lacks => Verdict::Violates(json!({ "policy": policy, "lacks": lacks })),
        },
        Fact::Absent => Verdict::Violates(json!({ "policy": null,
            "lacks": ["the account has no policy: AWS's default asks for 8 characters of three kinds, and \
                       lets former passwords be used again"] })),
        silent => Verdict::Unknown(format!("the password policy: {}", silent.silence().unwrap_or_default())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{inventory::Caller, resource::Owner};

    fn strong() -> PasswordPolicy {
        PasswordPolicy {
            minimum_password_length: 14,
            require_symbols: true,
            require_numbers: true,
            require_uppercase_characters: true,
            require_lowercase_characters: true,
            password_reuse_prevention: Some(24),
            ..PasswordPolicy::default()
        }
    }

    fn say(policy: Fact<PasswordPolicy>, with: Value) -> Verdict {
        let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
        let mut it = Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
        if policy != Fact::NotRead {
            it.password_policies.items.insert(PasswordPolicy::ID.to_owned(), policy);
        }
        (CHECKS[0].judge)(&it, &it.owner.root(), &with)
    }

    fn lacks(policy: PasswordPolicy, with: Value) -> String {
        match say(Fact::Known(policy), with) {
            Verdict::Violates(evidence) => evidence["lacks"].to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_weak_member_is_named_and_a_strong_policy_is_fine() {
        assert_eq!(say(Fact::Known(strong()), Value::Null), Verdict::Ok(None));
        for (policy, part) in [
            (PasswordPolicy { minimum_password_length: 13, ..strong() }, "of 13 characters pass"),
            (PasswordPolicy { password_reuse_prevention: Some(23), ..strong() }, "only the last 23"),
            (PasswordPolicy { password_reuse_prevention: None, ..strong() }, "used again, where the last 24"),
            (PasswordPolicy { require_symbols: false, ..strong() }, "without symbols"),
            (PasswordPolicy { require_numbers: false, ..strong() }, "without digits"),
            (PasswordPolicy { require_uppercase_characters: false, ..strong() }, "without uppercase"),
            (PasswordPolicy { require_lowercase_characters: false, ..strong() }, "without lowercase"),
        ] {
            let all = lacks(policy, Value::Null);
            assert!(all.contains(part) && all.matches("\",\"").count() == 0, "{all}");
        }
    }

    #[test]
    fn an_age_counts_only_where_it_is_asked_for() {
        let with = json!({ "max_age_days": 90 });
        let aged = |days| PasswordPolicy { max_password_age: days, ..strong() };
        assert!(lacks(aged(None), with.clone()).contains("do not expire"));
        assert!(lacks(aged(Some(120)), with.clone()).contains("after 120 days"));
        assert_eq!(say(Fact::Known(aged(Some(90))), with), Verdict::Ok(None));
        assert_eq!(say(Fact::Known(aged(None)), Value::Null), Verdict::Ok(None));
    }

    #[test]
    fn no_policy_is_a_weak_one_and_one_that_was_not_read_is_neither() {
        assert!(matches!(say(Fact::Absent, Value::Null), Verdict::Violates(e) if e["policy"].is_null()));
        for silent in [Fact::NotRead, Fact::unknown("AccessDenied")] {
            assert!(matches!(say(silent, Value::Null), Verdict::Unknown(_)));
        }
    }

    #[test]
    fn parameters_are_held_to_what_aws_takes() {
        for with in [
            json!({ "minimum_length": 5 }),
            json!({ "minimum_length": 129 }),
            json!({ "reuse_prevention": 25 }),
            json!({ "max_age_days": 0 }),
            json!({ "characters": ["emoji"] }),
        ] {
            assert!(matches!(say(Fact::Known(strong()), with.clone()), Verdict::Unknown(_)), "{with}");
        }
        let less = json!({ "minimum_length": 8, "reuse_prevention": 1, "characters": [] });
        let weak = PasswordPolicy {
            minimum_password_length: 8,
            password_reuse_prevention: Some(1),
            ..PasswordPolicy::default()
        };
        assert_eq!(say(Fact::Known(weak), less), Verdict::Ok(None));
    }
}
