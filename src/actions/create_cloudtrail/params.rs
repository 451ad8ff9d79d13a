//! The parameters of `create-cloudtrail`, bounded by AWS's rules for names: a name that a service does not
//! take would show only after the bucket had been made.

use serde::{Deserialize, Deserializer, Serialize, de::Error};

/// The parameters.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Parameters {
    #[serde(deserialize_with = "region")]
    pub home_region: String,
    #[serde(deserialize_with = "trail")]
    pub name: String,
    #[serde(deserialize_with = "bucket")]
    pub bucket: String,
    #[serde(deserialize_with = "key")]
    pub key: String,
    pub reuse_bucket: bool,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            home_region: String::new(),
            name: "redress".to_owned(),
            bucket: String::new(),
            key: String::new(),
            reuse_bucket: false,
        }
    }
}

/// Returns a text that is empty or passes a rule.
///
/// # Errors
/// The rule, in words.
fn held<'de, D: Deserializer<'de>>(from: D, rule: fn(&str) -> bool, words: &str) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    if text.is_empty() || rule(&text) { Ok(text) } else { Err(D::Error::custom(format!("{text:?} {words}"))) }
}

fn region<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let is_region = |text: &str| {
        text.split('-').count() >= 3
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
            && text.ends_with(|c: char| c.is_ascii_digit())
    };
    held(from, is_region, "is no region: give its code, such as eu-west-1")
}

fn trail<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let name = held(
        from,
        is_trail_name,
        "is no name that CloudTrail takes: 3 to 128 letters, digits, '.', '_' and '-', with a letter or \
         digit first and last, no two signs side by side, and not like an IP address",
    )?;
    if name.is_empty() { Err(D::Error::custom("is empty: a trail needs a name")) } else { Ok(name) }
}

/// Returns whether CloudTrail takes a name
/// (<https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_CreateTrail.html>).
fn is_trail_name(name: &str) -> bool {
    let sign = |c: char| "._-".contains(c);
    (3..=128).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || sign(c))
        && !name.starts_with(sign)
        && !name.ends_with(sign)
        && !name.as_bytes().windows(2).any(|two| two.iter().all(|b| sign(char::from(*b))))
        && name.parse::<std::net::Ipv4Addr>().is_err()
}

fn bucket<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    held(
        from,
        is_bucket_name,
        "is no name of a bucket: 3 to 63 lowercase letters, digits, '.' and '-', with a letter or digit \
         first and last, no two dots side by side, and not like an IP address",
    )
}

/// Returns whether S3 takes a name for a new bucket
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>).
fn is_bucket_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (3..=63).contains(&name.len())
        && name.chars().all(|c| plain(c) || c == '.' || c == '-')
        && name.starts_with(plain)
        && name.ends_with(plain)
        && !name.contains("..")
        && name.parse::<std::net::Ipv4Addr>().is_err()
}

fn key<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let is_key = |text: &str| {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        matches!(parts.as_slice(), ["arn", _, "kms", region, account, key]
            if !region.is_empty() && !account.is_empty() && key.starts_with("key/"))
    };
    held(from, is_key, "is no ARN of a KMS key, such as arn:aws:kms:eu-west-1:111122223333:key/1234abcd-…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_held_to_the_rules_of_cloudtrail_and_s3() {
        for name in ["redress", "a.b-c_d", "tr1"] {
            assert!(is_trail_name(name), "{name}");
        }
        for name in ["ab", "a..b", "a._b", "-abc", "abc.", "10.0.0.1", "a b"] {
            assert!(!is_trail_name(name), "{name}");
        }
        for name in ["logs", "a.b-c", "b12"] {
            assert!(is_bucket_name(name), "{name}");
        }
        for name in ["Logs", "ab", "a..b", "10.0.0.1", "-ab", "a_b"] {
            assert!(!is_bucket_name(name), "{name}");
        }
    }

    #[test]
    fn what_a_service_would_refuse_later_is_refused_in_the_playbook() {
        let read = |text: &str| Parameters::deserialize(toml::de::Deserializer::parse(text).unwrap());
        for (text, word) in [
            ("name = \"a\"", "CloudTrail"),
            ("name = \"\"", "needs a name"),
            ("bucket = \"Logs\"", "bucket"),
            ("home_region = \"Ireland\"", "eu-west-1"),
            ("key = \"alias/logs\"", "ARN"),
        ] {
            let error = read(text).expect_err(text).to_string();
            assert!(error.contains(word), "{text}: {error}");
        }
        let key = "key = \"arn:aws:kms:eu-west-1:111122223333:key/k\"\nhome_region = \"us-gov-west-1\"";
        assert!(read(key).is_ok());
    }
}
