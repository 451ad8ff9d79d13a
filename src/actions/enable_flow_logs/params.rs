//! Parameters of `enable-flow-logs`, checked as they are read.

use serde::{Deserialize, Serialize};

use crate::{actions::log_group::Retention, resource::Owner};

/// The kind of destination of the records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Destination {
    /// A log group of CloudWatch Logs.
    #[default]
    CloudWatchLogs,
    /// An existing bucket.
    S3,
}

/// The traffic that is recorded. `ACCEPT` alone would leave the finding open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Traffic {
    /// All traffic.
    #[default]
    All,
    /// Rejected traffic.
    Reject,
}

impl Traffic {
    /// Returns the value as AWS spells it.
    pub fn word(self) -> &'static str {
        match self {
            Traffic::All => "ALL",
            Traffic::Reject => "REJECT",
        }
    }
}

/// The aggregation interval of a flow log, in seconds: 60 or 600.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Interval(i32);

impl TryFrom<i64> for Interval {
    type Error = String;
    fn try_from(seconds: i64) -> Result<Self, String> {
        match seconds {
            60 => Ok(Self(60)),
            600 => Ok(Self(600)),
            _ => Err(format!("flow logs aggregate packets over 60 or 600 seconds, not {seconds}")),
        }
    }
}

impl From<Interval> for i64 {
    fn from(interval: Interval) -> i64 {
        interval.0.into()
    }
}

impl Interval {
    /// Returns the interval in seconds.
    pub fn seconds(self) -> i32 {
        self.0
    }
}

/// Parses a name as AWS accepts it: 1 to `most` letters, digits and characters of `also`.
fn name<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
    most: usize,
    also: &str,
    what: &str,
) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let fits = !text.is_empty()
        && text.len() <= most
        && text.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(c));
    if fits {
        return Ok(text);
    }
    Err(serde::de::Error::custom(format!(
        "{text:?} is not the name of a {what}: 1 to {most} of the letters, digits and {also}"
    )))
}

/// Parses the name of a log group. Names that begin with `aws/` are AWS's
/// (<https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html>).
fn log_group_name<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = name(deserializer, 512, "_-/.#", "log group")?;
    if name.starts_with("aws/") {
        return Err(serde::de::Error::custom(format!(
            "{name:?} is not the name of a log group of one's own: AWS takes none that begins with aws/"
        )));
    }
    Ok(name)
}

fn role_name<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    name(deserializer, 64, "_+=,.@-", "role").map(Some)
}

/// A bucket with a prefix: `name`, `name/prefix`, or the same as an ARN.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Bucket {
    /// The name of the bucket.
    pub name: String,
    /// The prefix, without slashes at its ends; empty for none.
    pub prefix: String,
}

impl TryFrom<String> for Bucket {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let path = match text.split_once(":::") {
            Some((arn, path)) if arn.starts_with("arn:aws") && arn.ends_with(":s3") => path,
            Some(_) => {
                return Err(format!(
                    "{text:?} is not the ARN of a bucket: write \"arn:aws:s3:::name/prefix\", or \
                     \"name/prefix\""
                ));
            }
            None => text.as_str(),
        };
        let (name, prefix) = path.split_once('/').unwrap_or((path, ""));
        let prefix = prefix.trim_matches('/');
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
        if !(3..=63).contains(&name.len()) || !name.chars().all(plain) {
            return Err(format!(
                "{name:?} is not the name of a bucket: 3 to 63 lower-case letters, digits, dots and hyphens"
            ));
        }
        if prefix.split('/').any(|part| part == "AWSLogs") {
            return Err(format!(
                "the prefix {prefix:?} must not hold AWSLogs: AWS reserves that name and adds it itself"
            ));
        }
        Ok(Self { name: name.to_owned(), prefix: prefix.to_owned() })
    }
}

impl From<Bucket> for String {
    fn from(bucket: Bucket) -> String {
        if bucket.prefix.is_empty() { bucket.name } else { format!("{}/{}", bucket.name, bucket.prefix) }
    }
}

impl Bucket {
    /// Returns the destination as the ARN that AWS expects: with a slash at its end only after a prefix
    /// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateFlowLogs.html>).
    pub fn arn(&self, owner: &Owner) -> String {
        let bucket = owner.bucket(&self.name);
        if self.prefix.is_empty() { bucket.to_string() } else { format!("{bucket}/{}/", self.prefix) }
    }
}

/// The parameters, with their defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// The kind of destination of the records.
    pub destination: Destination,
    /// The log group, for CloudWatch Logs; it is created if it does not exist.
    #[serde(deserialize_with = "log_group_name")]
    pub log_group: String,
    /// The retention of the log group, if it is created.
    pub retention_days: Retention,
    /// The delivery role; `None` stands for the one that is named after the region.
    #[serde(deserialize_with = "role_name", skip_serializing_if = "Option::is_none")]
    pub role_name: Option<String>,
    /// The bucket, for S3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket: Option<Bucket>,
    /// The traffic that is recorded.
    pub traffic_type: Traffic,
    /// The aggregation interval.
    pub max_aggregation_interval: Interval,
    /// The fields of a record; `None` stands for AWS's default format.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_format: Option<String>,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            destination: Destination::default(),
            log_group: "/redress/vpc-flow-logs".to_owned(),
            retention_days: Retention::default(),
            role_name: None,
            bucket: None,
            traffic_type: Traffic::default(),
            max_aggregation_interval: Interval(600),
            log_format: None,
        }
    }
}

impl Params {
    /// Returns the name of the delivery role: one for each region, so that regions do not interfere with each
    /// other.
    pub fn role(&self, region: &str) -> String {
        self.role_name.clone().unwrap_or_else(|| format!("redress-vpc-flow-logs-{region}"))
    }
}
