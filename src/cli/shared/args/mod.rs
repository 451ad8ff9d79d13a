//! The command line: its shape only. Nothing here acts on it.

mod common;
mod flags;
mod groups;
mod investigate;
mod revoke;
mod rotations;
mod values;

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use jiff::SignedDuration;

use self::common::{
    Books, Checks, Events, Formatted, Logged, Opens, Parameters, Plans, Reopens, Reports, Runs, Sets, State,
    Stored, Verbosity,
};
pub use self::{
    common::Common,
    flags::{Approval, Closing, Guards, PastFlags, Place, ReportBack, SafetyLimits, Signs, Trusts},
    investigate::{Evidence, Investigate, USAGE, Whom},
    revoke::RevokeArgs,
    rotations::Rotations,
    values::{ActionsCommand, Color, Format, Half, PlaybooksCommand, Shell, Target},
};
use super::when::valid_for;

/// Fixes AWS findings: shows exactly what it would do, does exactly that, proves it, and can undo it.
#[derive(Debug, Parser)]
#[command(name = "redress", version, max_term_width = 80, after_help = AFTER)]
pub struct Cli {
    /// The options of every command.
    #[command(flatten)]
    pub talk: Verbosity,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

const AFTER: &str = "\
     Only `apply`, `fix`, `resume`, `undo` and `prune` change anything, and they ask first. `redress \
     COMMAND --help` lists the options of a command.\n\
     Exit codes: 0 done, 1 failure, 2 bad input, 3 pending (with --exit-code), 4 refused or not approved, \
     5 rolled back, 6 stuck, 7 unverified.\n\
     Begin with `redress demo`: it needs no AWS account.";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show everything on an account in memory: scan, plan, apply, verify, undo
    Demo {
        /// Reset the account `twin:demo`, which is kept, and do nothing else
        #[arg(long)]
        reset: bool,
        /// The checks.
        #[command(flatten)]
        checks: Checks,
        /// The place of runs.
        #[command(flatten)]
        state: State,
        /// The format.
        #[command(flatten)]
        formatted: Formatted,
    },
    /// List findings; changes nothing
    Scan {
        /// Exit with 3 if there are findings
        #[arg(long)]
        exit_code: bool,
        /// Also save everything that was read, for `--account twin:FILE`
        #[arg(long, value_name = "FILE")]
        save_inventory: Option<PathBuf>,
        /// The account.
        #[command(flatten)]
        opens: Opens,
        /// The checks.
        #[command(flatten)]
        plans: Logged,
        /// The reports.
        #[command(flatten)]
        reports: Reports,
    },
    /// List findings in what CloudTrail recorded lately; changes nothing
    Events {
        /// The time.
        #[command(flatten)]
        past: PastFlags,
        /// Only save the events, for `--findings FILE`; `-` is stdout
        #[arg(short, long, value_name = "FILE", conflicts_with = "exit_code")]
        output: Option<PathBuf>,
        /// Exit with 3 if there are findings
        #[arg(long)]
        exit_code: bool,
        /// The account.
        #[command(flatten)]
        opens: Opens,
        /// The checks.
        #[command(flatten)]
        checks: Checks,
        /// The reports.
        #[command(flatten)]
        reports: Reports,
    },
    /// Show what a key, role, user, instance or address did; changes nothing
    #[command(override_usage = USAGE)]
    Investigate(Box<Investigate>),
    /// Plan what would be done; changes nothing
    Plan {
        /// Also write the plan to a file, for `redress apply FILE`; `-` is
        /// stdout
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Exit with 3 if there are changes to make
        #[arg(long)]
        exit_code: bool,
        /// The limits of the plan.
        #[command(flatten)]
        safety: SafetyLimits,
        /// The account.
        #[command(flatten)]
        opens: Opens,
        /// The scope of the plan.
        #[command(flatten)]
        plans: Logged,
        /// The reports.
        #[command(flatten)]
        reports: Reports,
    },
    /// Plan to drop all packets from and to addresses; changes nothing
    Block {
        /// The addresses or networks: 203.0.113.7, 2001:db8::/64
        #[arg(value_name = "ADDRESS", required = true, num_args = 1..)]
        addresses: Vec<String>,
        /// The place.
        #[command(flatten)]
        place: Place,
        /// Block them for this long, `7d`, `12h`; after that a scan reports
        /// block-expired [default: without an end]
        #[arg(long, value_name = "TIME", value_parser = valid_for)]
        until: Option<SignedDuration>,
        /// Also write the plan to a file, for `redress apply FILE`; `-` is
        /// stdout
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// The limits of the plan.
        #[command(flatten)]
        safety: SafetyLimits,
        /// The account.
        #[command(flatten)]
        opens: Opens,
        /// The playbooks.
        #[command(flatten)]
        parameters: Parameters,
        /// The reports.
        #[command(flatten)]
        reports: Reports,
    },
    /// Plan to take everything from a compromised user or key, or to end the
    /// sessions of a role; changes nothing
    Revoke(Box<RevokeArgs>),
    /// Show the plan in a file, or what happened in a run
    Show {
        /// The file of a plan, or the id of a run (`last` is the newest)
        #[arg(value_name = "PLAN.json|RUN")]
        what: String,
        /// The runs.
        #[command(flatten)]
        stored: Stored,
        /// The playbooks.
        #[command(flatten)]
        books: Books,
        /// The reports.
        #[command(flatten)]
        reports: Reports,
    },
    /// Sign a plan or a run that you have reviewed, for `--trust`
    Sign {
        /// The file of a plan, whose signature goes to FILE.sig, or the id of a
        /// run (`last` is the newest)
        #[arg(value_name = "PLAN.json|RUN")]
        what: String,
        /// An OpenSSH private key (ed25519, without a passphrase). For any other
        /// key: ssh-keygen -Y sign -n redress -f KEY PLAN.json
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// The runs.
        #[command(flatten)]
        stored: Stored,
    },
    /// Compare two plans; changes nothing
    Diff {
        /// The earlier plan
        #[arg(value_name = "OLD.json")]
        old: PathBuf,
        /// The later plan
        #[arg(value_name = "NEW.json")]
        new: PathBuf,
        /// Exit with 3 if they differ
        #[arg(long)]
        exit_code: bool,
        /// The format.
        #[command(flatten)]
        formatted: Formatted,
    },
    /// Show a plan, ask, make its changes, prove them; plans first without a
    /// file
    Apply {
        /// A plan that `redress plan -o` wrote
        #[arg(value_name = "PLAN.json")]
        plan: Option<PathBuf>,
        /// Make only this change and those that it needs; repeatable
        #[arg(long, value_name = "ID")]
        change: Vec<String>,
        /// The rules of approval.
        #[command(flatten)]
        approval: Approval,
        /// The receivers of outcomes.
        #[command(flatten)]
        closing: Closing,
        /// The limits of the plan.
        #[command(flatten)]
        safety: SafetyLimits,
        /// The trusted signers.
        #[command(flatten)]
        trusts: Trusts,
        /// The key that signs.
        #[command(flatten)]
        signs: Signs,
        /// The account.
        #[command(flatten)]
        opens: Opens,
        /// The scope of the plan.
        #[command(flatten)]
        plans: Plans,
        /// The pace of the run.
        #[command(flatten)]
        runs: Runs,
        /// The reports.
        #[command(flatten)]
        reports: Reports,
    },
    /// Go through the changes one by one, the most severe first, and make those
    /// that you choose; plans first without a file
    Fix {
        /// A plan that `redress plan -o` wrote
        #[arg(value_name = "PLAN.json")]
        plan: Option<PathBuf>,
        /// Ask line by line and draw nothing, for screen readers and logs
        /// (also with TERM=dumb)
        #[arg(long)]
        plain: bool,
        /// Allow an irreversible action, by its name; repeatable
        #[arg(long, value_name = "ACTION", help_heading = "Approval")]
        allow_irreversible: Vec<String>,
        /// The limits of the plan.
        #[command(flatten)]
        safety: SafetyLimits,
        /// The trusted signers.
        #[command(flatten)]
        trusts: Trusts,
        /// The account.
        #[command(flatten)]
        opens: Opens,
        /// The scope of the plan.
        #[command(flatten)]
        plans: Logged,
        /// The pace of the run.
        #[command(flatten)]
        runs: Runs,
    },
    /// List all runs, the newest first
    Runs {
        /// The runs.
        #[command(flatten)]
        stored: Stored,
        /// The format.
        #[command(flatten)]
        formatted: Formatted,
    },
    /// Finish a run that was interrupted
    Resume {
        /// The id of the run (`last` is the newest)
        run: String,
        /// The rules of approval.
        #[command(flatten)]
        approval: Approval,
        /// The guards.
        #[command(flatten)]
        guards: Guards,
        /// The trusted signers.
        #[command(flatten)]
        trusts: Trusts,
        /// The key that signs.
        #[command(flatten)]
        signs: Signs,
        /// The account.
        #[command(flatten)]
        account: Reopens,
        /// The playbooks.
        #[command(flatten)]
        parameters: Parameters,
        /// The sets.
        #[command(flatten)]
        sets: Sets,
        /// The pace of the run.
        #[command(flatten)]
        runs: Runs,
        /// The reports.
        #[command(flatten)]
        reports: Reports,
    },
    /// List the rotations of access keys that are under way, and what each waits for
    Rotations(Box<Rotations>),
    /// Find what a lost run left, by its tags, and plan to bring instances back
    /// up; changes nothing
    Recover {
        /// The id of the run, as in the tag `redress:run` [default: all runs]
        run: Option<String>,
        /// Write the plan to a file, for `redress apply FILE`; `-` is stdout
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// The account.
        #[command(flatten)]
        opens: Opens,
        /// The playbooks.
        #[command(flatten)]
        books: Books,
        /// The reports.
        #[command(flatten)]
        reports: Reports,
    },
    /// Undo a run: show what that does, ask, do it, prove it
    Undo {
        /// The id of the run (`last` is the newest)
        run: String,
        /// Undo only this change; repeatable
        #[arg(long, value_name = "ID")]
        change: Vec<String>,
        /// Only write the plan of the undo to a file, for `redress apply FILE`;
        /// `-` is stdout
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// The rules of approval.
        #[command(flatten)]
        approval: Approval,
        /// The trusted signers.
        #[command(flatten)]
        trusts: Trusts,
        /// The key that signs.
        #[command(flatten)]
        signs: Signs,
        /// The account.
        #[command(flatten)]
        account: Reopens,
        /// The playbooks.
        #[command(flatten)]
        books: Books,
        /// The pace of the run.
        #[command(flatten)]
        runs: Runs,
        /// The reports.
        #[command(flatten)]
        reports: Reports,
    },
    /// Check again whether everything that a run fixed is still fixed
    Verify {
        /// The id of the run (`last` is the newest)
        run: String,
        /// The receivers of outcomes.
        #[command(flatten)]
        closing: Closing,
        /// The trusted signers.
        #[command(flatten)]
        trusts: Trusts,
        /// The account.
        #[command(flatten)]
        account: Reopens,
        /// The playbooks.
        #[command(flatten)]
        books: Books,
        /// The events.
        #[command(flatten)]
        events: Events,
        /// The reports.
        #[command(flatten)]
        reports: Reports,
    },
    /// Plan the deletion of what earlier runs kept and whose time has passed;
    /// asks first
    Prune {
        /// Only write the plan to a file, for `redress apply FILE`; `-` is
        /// stdout
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// The rules of approval.
        #[command(flatten)]
        approval: Approval,
        /// The trusted signers.
        #[command(flatten)]
        trusts: Trusts,
        /// The key that signs.
        #[command(flatten)]
        signs: Signs,
        /// The account.
        #[command(flatten)]
        opens: Opens,
        /// The playbooks.
        #[command(flatten)]
        books: Books,
        /// The pace of the run.
        #[command(flatten)]
        runs: Runs,
        /// The reports.
        #[command(flatten)]
        reports: Reports,
    },
    /// Show, check and write playbooks, which map findings to actions
    Playbooks {
        /// The playbooks.
        #[command(flatten)]
        parameters: Parameters,
        /// The sets.
        #[command(flatten)]
        sets: Sets,
        /// The format.
        #[command(flatten)]
        formatted: Formatted,
        /// The subcommand.
        #[command(subcommand)]
        what: Option<PlaybooksCommand>,
    },
    /// Explain a check, an action, or one change of a plan
    Explain {
        /// A check or a control that it covers (EC2.13), an action, or a
        /// change: plan.json#c3, RUN#c3
        #[arg(value_name = "CHECK|ACTION|PLAN.json#CHANGE")]
        what: String,
        /// The runs.
        #[command(flatten)]
        stored: Stored,
        /// The playbooks.
        #[command(flatten)]
        parameters: Parameters,
        /// The format.
        #[command(flatten)]
        formatted: Formatted,
    },
    /// Write the completions for a shell to stdout
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Write manual pages of all commands to a folder
    Man {
        /// The folder, which is created where it does not exist
        dir: PathBuf,
    },
    /// List the actions that playbooks can use
    Actions {
        /// The format.
        #[command(flatten)]
        formatted: Formatted,
        /// The subcommand.
        #[command(subcommand)]
        what: Option<ActionsCommand>,
    },
    /// Export a plan for another engine: the same calls in order, and their
    /// undo
    Export {
        /// A plan that `redress plan -o` wrote
        #[arg(value_name = "PLAN.json")]
        plan: PathBuf,
        /// The engine
        #[arg(long, value_enum)]
        to: Target,
        /// Show the undo instead
        #[arg(long, conflicts_with = "output")]
        way_back: bool,
        /// Write both to a folder, as `apply` and `way-back`
        #[arg(short, long, value_name = "DIR")]
        output: Option<PathBuf>,
        /// The trusted signers.
        #[command(flatten)]
        trusts: Trusts,
    },
    /// Print the least IAM policy for a plan: its reads, its calls and its undo
    Permissions {
        /// A plan that `redress plan -o` wrote
        #[arg(value_name = "PLAN.json", required_unless_present = "all", conflicts_with = "all")]
        plan: Option<PathBuf>,
        /// Print all that redress can read and write, as two policies for a
        /// permanent role
        #[arg(long)]
        all: bool,
        /// Print only this one of them, ready for IAM
        #[arg(long, value_enum, requires = "all")]
        only: Option<Half>,
        /// Include what `--report-back securityhub` needs, which no policy has
        /// otherwise
        #[arg(long)]
        report_back: bool,
    },
}

#[cfg(test)]
mod tests;
