//! The types that the command line and AWS's side share: the same in a build without the SDK.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::calls::CallError;

/// The connection settings that the user asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// A profile of the user's files; `None` for `AWS_PROFILE` or the standard chain.
    pub profile: Option<String>,
    /// Regions as given; `all` stands for every region that is enabled, nothing for the region of the chain.
    pub regions: Vec<String>,
    /// The accounts that credentials may lead to; any, where none is named.
    pub only_accounts: Vec<String>,
    /// The share of AWS's rates that may be used, in percent; `None` for the usual share on AWS and no limit
    /// of redress's own at other endpoints.
    pub pace: Option<u8>,
    /// The longest wait for a connection.
    pub connect_timeout: Duration,
    /// The longest wait for the answer to one call.
    pub attempt_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            profile: None,
            regions: Vec::new(),
            only_accounts: Vec::new(),
            pace: None,
            connect_timeout: Duration::from_secs(5),
            attempt_timeout: Duration::from_secs(60),
        }
    }
}

/// The credentials are for an account that is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "these credentials are for account {account}, and --only-account (or REDRESS_ONLY_ACCOUNT) allows {} \
     alone; nothing was read or changed. Use credentials for that account (--profile NAME), or name \
     {account} as well",
    .only.join(", ")
)]
pub struct OtherAccount {
    /// The account.
    pub account: String,
    /// The accounts that are allowed.
    pub only: Vec<String>,
}

/// The reach of the event history, in days
/// (<https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html>).
pub const DAYS: i64 = 90;
/// The maximum number of events that one call returns.
pub const PAGE: i32 = 50;

/// The events that a lookup asks for; LookupEvents filters by one attribute a call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum LookupFilter {
    /// Those that are not read-only.
    #[default]
    Changes,
    /// Those that an access key signed, reads included.
    AccessKey(String),
    /// Those of a user or of a session with this name, reads included.
    Username(String),
}

/// A message of a lookup in progress.
#[derive(Debug, Clone, PartialEq)]
pub enum LookupEvent {
    /// Some events of a region, the newest first, each as LookupEvents gives it and under AWS's names.
    Page {
        /// The region.
        region: String,
        /// The events.
        events: Vec<Value>,
        /// The time of the oldest of them.
        back_to: Option<Timestamp>,
    },
    /// A region has come to its end, or to an error.
    End {
        /// The region.
        region: String,
        /// The error that ended the lookup; `None` if everything was read.
        error: Option<CallError>,
    },
}

/// Returns the region that records the events of global services such as IAM, by partition
/// (<https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-concepts.html>). `None` for
/// unknown partitions.
pub fn global_region(partition: &str) -> Option<&'static str> {
    match partition {
        "aws" => Some("us-east-1"),
        "aws-us-gov" => Some("us-gov-west-1"),
        "aws-cn" => Some("cn-north-1"),
        _ => None,
    }
}

/// Returns the reach of the event history as a duration.
pub fn reach() -> SignedDuration {
    SignedDuration::from_hours(24 * DAYS)
}

/// Returns the filter for log output at a verbosity: only redress itself becomes more verbose. The SDK and
/// its dependencies stay at `warn` at every level, since below that they write requests with their headers,
/// tokens included. `aws_config` stays at `error`, since its warnings quote the output of the program that
/// was to fetch credentials; our error reports the failure without that output.
pub fn log_filter(verbosity: u8) -> String {
    let level = match verbosity {
        0 => "warn",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    format!("warn,aws=warn,aws_config=error,hyper=warn,h2=warn,rustls=warn,tower=warn,redress={level}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_verbosity_makes_the_sdk_talk_below_warn() {
        for verbosity in 0..=u8::MAX {
            let filter = log_filter(verbosity);
            for directive in filter.split(',').filter(|d| !d.starts_with("redress=")) {
                assert!(
                    directive == "warn" || directive.ends_with("=warn") || directive.ends_with("=error"),
                    "{filter}"
                );
            }
        }
        assert!(log_filter(3).contains("redress=trace"));
    }
}
