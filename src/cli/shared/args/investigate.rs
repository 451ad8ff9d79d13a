//! The options of `redress investigate`.

use std::path::PathBuf;

use clap::Args;

use super::common::{Checks, Formatted, Opens};
use crate::cli::shared::when::{Moment, moment};

/// The usage, which is too long for a line where each actor has its value.
pub const USAGE: &str = "redress investigate [OPTIONS] --access-key ID\n       (or --role, --user, \
                         --instance, --address)";

/// The options of `redress investigate`.
#[derive(Debug, Clone, Args)]
pub struct Investigate {
    /// The actor.
    #[command(flatten)]
    pub whom: Whom,
    /// The events and logs.
    #[command(flatten)]
    pub evidence: Evidence,
    /// The account.
    #[command(flatten)]
    pub opens: Opens,
    /// The checks.
    #[command(flatten)]
    pub checks: Checks,
    /// The format.
    #[command(flatten)]
    pub formatted: Formatted,
}

/// The actor that an investigation follows: one of these.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub struct Whom {
    /// Follow an access key, of a user or of a session
    #[arg(long, value_name = "AKIA…|ASIA…")]
    pub access_key: Option<String>,
    /// Follow a role, with all its sessions
    #[arg(long, value_name = "NAME|ARN")]
    pub role: Option<String>,
    /// Follow an IAM user; the root user by its ARN
    #[arg(long, value_name = "NAME|ARN")]
    pub user: Option<String>,
    /// Follow an EC2 instance, by the credentials of its role
    #[arg(long, value_name = "i-…")]
    pub instance: Option<String>,
    /// Follow an address that calls came from
    #[arg(long, value_name = "IP")]
    pub address: Option<String>,
}

/// The events and logs that an investigation reads.
#[derive(Debug, Clone, Args)]
pub struct Evidence {
    /// Begin here: `24h` or `7d` ago, or a time such as 2026-11-22T06:00:00Z
    /// [default: all of the files, or 24h of the event history]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub since: Option<Moment>,
    /// End here, given likewise [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub until: Option<Moment>,
    /// Read CloudTrail events from these files (also .gz), folders, or - for
    /// stdin; repeatable [default: look them up in the event history]
    #[arg(long, value_name = "FILE|DIR|-")]
    pub cloudtrail: Vec<PathBuf>,
    /// Show the traffic of the instance or the address, by these VPC flow
    /// logs: a file (text, .gz, Parquet) or a folder; repeatable
    #[arg(long, value_name = "FILE|DIR")]
    pub flow_logs: Vec<PathBuf>,
    /// Read the flow logs for this interface of the instance as well;
    /// repeatable
    #[arg(long, value_name = "eni-…", requires = "flow_logs", requires = "instance")]
    pub interface: Vec<String>,
    /// Open no account: what was made and loosened is not judged
    #[arg(long, requires = "cloudtrail")]
    pub offline: bool,
    /// Write the events that a check answers to a file, for `redress plan
    /// --findings FILE`; `-` is stdout, without the report
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}
