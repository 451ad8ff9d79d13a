//! Groups of flags that several commands have.

use std::{net::IpAddr, path::PathBuf};

use clap::Args;
use jiff::SignedDuration;

use super::values::MaxRisk;
use crate::cli::when::{Moment, moment, valid_for};

/// From when to when events are looked up.
#[derive(Debug, Clone, Args)]
pub struct PastFlags {
    /// From when: `24h`, `7d`, `90m`, or a time such as 2026-11-22T06:00:00Z; at most 90 days back
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub since: Moment,
    /// To when, likewise [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub until: Option<Moment>,
}

/// What guards are told: where the operator sits, and what may be done all the same.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Belts")]
pub struct Guards {
    /// Your own address, which is never cut off [default: that of SSH_CONNECTION]
    #[arg(long, value_name = "IP")]
    pub my_address: Option<IpAddr>,
    /// Loosens the guard against locking people out
    #[arg(long)]
    pub allow_lockout: bool,
    /// Changes what something else manages, too (CloudFormation, Kubernetes, ...)
    #[arg(long)]
    pub include_managed: bool,
}

/// What planning is told.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Belts")]
pub struct Belts {
    /// What guards are told.
    #[command(flatten)]
    pub guards: Guards,
    /// At most so many changes for each playbook, over what the playbook says
    #[arg(long, value_name = "N")]
    pub max_changes: Option<usize>,
    /// At most so many percent of the resources of a kind, over what the playbook says
    #[arg(long, value_name = "P", value_parser = clap::value_parser!(u8).range(1..=100))]
    pub max_percent: Option<u8>,
    /// How long the plan may be applied: `7d`, `12h` [default: 7d]
    #[arg(long, value_name = "TIME", value_parser = valid_for)]
    pub valid_for: Option<SignedDuration>,
}

impl Belts {
    /// The flags that were given and can only make a plan, by name. With a plan from a file the others say what of it is meant.
    pub fn given(&self) -> Vec<&'static str> {
        let all = [(self.max_changes.is_some(), "--max-changes"), (self.max_percent.is_some(), "--max-percent"), (self.valid_for.is_some(), "--valid-for")];
        all.into_iter().filter_map(|(given, name)| given.then_some(name)).collect()
    }
}

/// What may be approved, and by whom.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Approval")]
pub struct Approval {
    /// Approves without a question what is within --max-risk, for CI
    #[arg(long)]
    pub auto_approve: bool,
    /// The gravest risk that may be approved [default: safe with --auto-approve; whatever you say at the question]
    #[arg(long, value_enum, value_name = "RISK")]
    pub max_risk: Option<MaxRisk>,
    /// Lets an irreversible action be approved, by its name; repeatable
    #[arg(long, value_name = "ACTION")]
    pub allow_irreversible: Vec<String>,
}

/// Who is told what became of the findings that a run was made for.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Reporting back")]
pub struct Closing {
    /// Once it is proved again: `securityhub` sets the findings of Security Hub that the run has set right to RESOLVED, with a
    /// note; `file:PATH` writes what became of all of them as OCSF; repeatable
    #[arg(long, value_name = "securityhub|file:PATH", value_parser = report_back)]
    pub report_back: Vec<ReportBack>,
}

/// One who is told.
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

/// Whose signatures count.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Signatures")]
pub struct Trusts {
    /// Refuses what nobody in this file of allowed signers (ssh-keygen(1)) has signed: a plan's file needs its signature beside it, FILE.sig
    #[arg(long, value_name = "ALLOWED_SIGNERS", env = "REDRESS_TRUST")]
    pub trust: Option<PathBuf>,
}

/// The key that signs.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Signatures")]
pub struct Signs {
    /// Signs the run, as it stands when the command ends, with this OpenSSH key (ed25519, without a passphrase)
    #[arg(long, value_name = "KEY")]
    pub sign: Option<PathBuf>,
}
