//! The options of `redress revoke`.

use std::path::PathBuf;

use clap::Args;

use super::{
    common::{Opens, Parameters, Reports},
    flags::SafetyLimits,
};

/// The options of `redress revoke`.
#[derive(Debug, Args)]
pub struct RevokeArgs {
    /// A user or role, by name or ARN, or an access key of a user
    #[arg(value_name = "NAME|ARN|KEY")]
    pub name: String,
    /// A role that the user has assumed, whose sessions are ended, too; can
    /// be given several times
    #[arg(long, value_name = "NAME|ARN")]
    pub role: Vec<String>,
    /// Also write the plan to a file, for `redress apply FILE`; `-` is
    /// stdout
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// The limits of the plan.
    #[command(flatten)]
    pub safety: SafetyLimits,
    /// The account.
    #[command(flatten)]
    pub(super) opens: Opens,
    /// The playbooks.
    #[command(flatten)]
    pub(super) parameters: Parameters,
    /// The reports.
    #[command(flatten)]
    pub(super) reports: Reports,
}
