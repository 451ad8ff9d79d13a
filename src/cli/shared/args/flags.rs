//! Groups of flags that several commands have.

use std::{net::IpAddr, path::PathBuf};

use clap::Args;
use jiff::SignedDuration;

use super::values::MaxRisk;
use crate::cli::shared::when::{Moment, moment, valid_for};

/// The period in which events are looked up.
#[derive(Debug, Clone, Args)]
pub struct PastFlags {
    /// Begin here: `24h`, `7d` or `90m` ago, or a time such as 2026-11-22T06:00:00Z; at most 90 days back
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub since: Moment,
    /// End here, given likewise [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub until: Option<Moment>,
}

/// The operator's address, and the guards that are loosened.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Safety limits")]
pub struct Guards {
    /// Never cut off this address, which is yours [default: the one in SSH_CONNECTION]
    #[arg(long, value_name = "IP")]
    pub my_address: Option<IpAddr>,
    /// Allow changes that may lock people out
    #[arg(long)]
    pub allow_lockout: bool,
    /// Also change what something else manages (CloudFormation, Kubernetes, ...)
    #[arg(long)]
    pub include_managed: bool,
}

/// The limits of a plan.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Safety limits")]
pub struct SafetyLimits {
    /// The guards.
    #[command(flatten)]
    pub guards: Guards,
    /// Plan at most N changes for each playbook (overrides the playbook)
    #[arg(long, value_name = "N")]
    pub max_changes: Option<usize>,
    /// Change at most this percentage of the resources of one kind (overrides the playbook)
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..=100))]
    pub max_percent: Option<u8>,
    /// Let the plan be applied for this long: `7d`, `12h` [default: 7d]
    #[arg(long, value_name = "TIME", value_parser = valid_for)]
    pub valid_for: Option<SignedDuration>,
}

impl SafetyLimits {
    /// Returns the names of the given flags that only shape a new plan. With a plan from a file, the other
    /// flags select or restrict part of it.
    pub fn given(&self) -> Vec<&'static str> {
        let all = [
            (self.max_changes.is_some(), "--max-changes"),
            (self.max_percent.is_some(), "--max-percent"),
            (self.valid_for.is_some(), "--valid-for"),
        ];
        all.into_iter().filter_map(|(given, name)| given.then_some(name)).collect()
    }
}

/// The place at which addresses are blocked: one of these.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub struct Place {
    /// Block them at every network ACL that the subnets of this VPC have
    #[arg(long, value_name = "ID")]
    pub vpc: Option<String>,
    /// Block them at the network ACL of this subnet, and so of all others
    /// that have it
    #[arg(long, value_name = "ID")]
    pub subnet: Option<String>,
}

/// The rules of approval: which changes may be approved, and by whom.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Approval")]
pub struct Approval {
    /// Approve everything up to --max-risk without a question, for CI
    #[arg(long)]
    pub auto_approve: bool,
    /// Approve no higher risk than this [default: safe with --auto-approve, else what you answer]
    #[arg(long, value_enum, value_name = "RISK")]
    pub max_risk: Option<MaxRisk>,
    /// Allow an irreversible action, by its name; repeatable
    #[arg(long, value_name = "ACTION")]
    pub allow_irreversible: Vec<String>,
}

/// The receivers that are informed about the findings that a run was made for.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Reporting back")]
pub struct Closing {
    /// Report what is proved to be fixed: `securityhub` sets its findings to
    /// RESOLVED, with a note; `file:PATH` writes all findings and their outcomes
    /// as OCSF; repeatable
    #[arg(long, value_name = "securityhub|file:PATH", value_parser = report_back)]
    pub report_back: Vec<ReportBack>,
}

/// A receiver of outcomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReportBack {
    /// AWS Security Hub.
    SecurityHub,
    /// A file.
    File(PathBuf),
}

fn report_back(text: &str) -> Result<ReportBack, String> {
    match text.strip_prefix("file:") {
        Some(path) if !path.is_empty() => Ok(ReportBack::File(path.into())),
        None if text == "securityhub" => Ok(ReportBack::SecurityHub),
        _ => Err("give `securityhub`, or a file: `file:outcomes.json`".to_owned()),
    }
}

/// The signers whose signatures count.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Signatures")]
pub struct Trusts {
    /// Refuse what nobody in this file of allowed signers (ssh-keygen(1)) has signed; the signature of
    /// PLAN.json is PLAN.json.sig
    #[arg(long, value_name = "ALLOWED_SIGNERS", env = "REDRESS_TRUST")]
    pub trust: Option<PathBuf>,
}

/// The key that signs.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Signatures")]
pub struct Signs {
    /// Sign the run when the command ends, with this OpenSSH key (ed25519, without a passphrase)
    #[arg(long, value_name = "KEY")]
    pub sign: Option<PathBuf>,
}
