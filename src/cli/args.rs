//! What can be typed. Only the shape of the command line: nothing here acts on it.

mod flags;
mod values;

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};

use self::values::report_file;
pub use self::{
    flags::{Approval, Belts, Closing, Guards, PastFlags, ReportBack, Signs, Trusts},
    values::{ActionsCommand, Color, Format, Half, PlaybooksCommand, ReportFile, Shell, Target},
};
use super::{
    signing::Signing,
    typed::{Typed, account_id},
    when::{Moment, moment},
};

/// Sets AWS findings right: shows exactly what it would do, does exactly that, proves it, and can take it back.
#[derive(Debug, Parser)]
#[command(name = "redress", version, max_term_width = 100, after_help = AFTER)]
pub struct Cli {
    /// What is asked for of every command.
    #[command(flatten)]
    pub common: Common,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

const AFTER: &str = "Planning is the default: nothing but `apply`, `undo`, `prune` and `resume` changes anything, and they ask first.
Exit codes: 0 done, 1 failure, 2 bad input, 3 pending (with --exit-code), 4 refused or not approved, 5 rolled back, 6 stuck, 7 unverified.
Begin with `redress demo`: it needs no AWS account.";

/// Flags of every command.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// Region to look at; repeatable, or `all` [default: the one your AWS configuration names]
    #[arg(long, global = true, value_name = "REGION", help_heading = "Account")]
    pub region: Vec<String>,
    /// Profile of your AWS configuration
    #[arg(long, global = true, value_name = "PROFILE", help_heading = "Account")]
    pub profile: Option<String>,
    /// Refuses any other account than this, before anything is read; repeatable, or with commas between
    #[arg(long, global = true, value_name = "ID", env = "REDRESS_ONLY_ACCOUNT", value_delimiter = ',', value_parser = account_id, help_heading = "Account")]
    pub only_account: Vec<String>,
    /// A twin in memory instead of AWS: `twin:demo`, kept in the state directory, or `twin:FILE`, an inventory
    #[arg(long, global = true, value_name = "twin[:NAME|:FILE]", help_heading = "Account")]
    pub account: Option<String>,
    /// Folder of playbooks that add to the built-in ones, or take the place of those with the same id
    #[arg(long, global = true, value_name = "DIR", help_heading = "Playbooks and checks")]
    pub playbooks: Option<PathBuf>,
    /// A parameter of an action, over what the playbooks say; repeatable
    #[arg(long, global = true, value_name = "ACTION.PARAM=VALUE", help_heading = "Playbooks and checks")]
    pub set: Vec<String>,
    /// A range that may keep reaching what is closed to the world, e.g. your office; repeatable
    #[arg(long, global = true, value_name = "CIDR", help_heading = "Playbooks and checks")]
    pub allow_cidr: Vec<String>,
    /// Only this check, or what answers a control that others know it by, such as EC2.13; repeatable
    #[arg(long, global = true, value_name = "ID", help_heading = "Playbooks and checks")]
    pub check: Vec<String>,
    /// Findings of other tools, or CloudTrail events: only what they name is looked into, and our own checks decide;
    /// a file (also .gz), a folder, or - for stdin; repeatable (scan, plan, apply and fix without a file)
    #[arg(long, global = true, value_name = "FILE|-", help_heading = "Playbooks and checks")]
    pub findings: Vec<PathBuf>,
    /// CloudTrail events of this time as findings: looked up where they happened, as `redress events` does
    #[arg(long, global = true, value_name = "TIME", value_parser = moment, help_heading = "Playbooks and checks")]
    pub events_since: Option<Moment>,
    /// What was typed of all this, for commands to type next.
    #[arg(skip)]
    pub typed: Typed,
    /// What the flags say about signatures, read.
    #[arg(skip)]
    pub signing: Signing,
    /// The end of that time, for `redress events` alone.
    #[arg(skip)]
    pub events_until: Option<Moment>,
    /// How many changes run at once, where they have nothing in common; 1 keeps the order of the plan [default: 4]
    #[arg(long, global = true, value_name = "N", env = "REDRESS_JOBS", value_parser = clap::value_parser!(u8).range(1..=20), help_heading = "Pace")]
    pub jobs: Option<u8>,
    /// How many instances of a region may be down at once, for apply, resume, undo and fix; the others wait before their
    /// stop until one is up again [default: 1]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=20), help_heading = "Pace")]
    pub stop_at_once: Option<u8>,
    /// How much of what AWS grants an account redress takes, in percent [default: 50]
    #[arg(long, global = true, value_name = "PERCENT", env = "REDRESS_PACE", value_parser = clap::value_parser!(u8).range(1..=100), help_heading = "Pace")]
    pub pace: Option<u8>,
    /// Where runs are kept: a folder, or a bucket as s3://BUCKET/PREFIX [default: the platform's state directory, e.g. ~/.local/state/redress]
    #[arg(long, global = true, value_name = "DIR", env = "REDRESS_STATE_DIR", help_heading = "Output")]
    pub state_dir: Option<PathBuf>,
    /// How data is written to stdout
    #[arg(long, global = true, value_enum, default_value_t = Format::Text, help_heading = "Output")]
    pub format: Format,
    /// Also writes the report to a file, in a format of its own, e.g. `html=plan.html` or `junit=redress.xml`; repeatable
    #[arg(long, global = true, value_name = "FORMAT=FILE", value_parser = report_file, help_heading = "Output")]
    pub report: Vec<ReportFile>,
    /// Adds a summary in Markdown to the end of a file [default: what GITHUB_STEP_SUMMARY names]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Output")]
    pub summary: Option<PathBuf>,
    /// Writes what a run does, as it happens, as lines of JSON
    #[arg(long, global = true, value_name = "FILE", help_heading = "Output")]
    pub events: Option<PathBuf>,
    /// No talk on stderr but errors
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Output")]
    pub quiet: bool,
    /// More about what is done; repeatable
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = "Output")]
    pub verbose: u8,
    /// Colours; NO_COLOR is honoured
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, help_heading = "Output")]
    pub color: Color,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The whole story on a fresh twin: scan, plan, rehearse, approve, apply, verify, undo
    Demo {
        /// Makes the kept account `twin:demo` new, instead
        #[arg(long)]
        reset: bool,
    },
    /// Findings now; changes nothing
    Scan {
        /// Exit 3 if there are findings
        #[arg(long)]
        exit_code: bool,
        /// Also writes all that was read to a file, for `--account twin:FILE`
        #[arg(long, value_name = "FILE")]
        save_inventory: Option<PathBuf>,
    },
    /// Findings among what was done lately: looks up CloudTrail's event history; changes nothing
    Events {
        /// From when to when.
        #[command(flatten)]
        past: PastFlags,
        /// Only keeps the events, in a file for `--findings FILE`; `-` is stdout
        #[arg(short, long, value_name = "FILE", conflicts_with = "exit_code")]
        output: Option<PathBuf>,
        /// Exit 3 if there are findings
        #[arg(long)]
        exit_code: bool,
    },
    /// What would be done; changes nothing
    Plan {
        /// Also writes the plan to a file, for `redress apply FILE`; `-` is stdout
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Exit 3 if there are changes to make
        #[arg(long)]
        exit_code: bool,
        /// What planning is told.
        #[command(flatten)]
        belts: Belts,
    },
    /// A plan from its file, or the story of a run
    Show {
        /// The plan's file, or the run's id (`last` is the newest)
        #[arg(value_name = "PLAN.json|RUN")]
        what: String,
    },
    /// Signs a plan's file or a run, once you have looked at it, for `--trust`
    Sign {
        /// The plan's file, whose signature goes into FILE.sig, or the run's id (`last` is the newest)
        #[arg(value_name = "PLAN.json|RUN")]
        what: String,
        /// An OpenSSH private key (ed25519, without a passphrase); with any other: ssh-keygen -Y sign -n redress -f KEY PLAN.json
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
    /// What changed between two plans; changes nothing
    Diff {
        /// The plan before
        #[arg(value_name = "OLD.json")]
        old: PathBuf,
        /// The plan after
        #[arg(value_name = "NEW.json")]
        new: PathBuf,
        /// Exit 3 if they differ
        #[arg(long)]
        exit_code: bool,
    },
    /// Does it: shows the plan, asks, applies, proves; without a file it plans first
    Apply {
        /// The plan, as `redress plan -o` wrote it
        #[arg(value_name = "PLAN.json")]
        plan: Option<PathBuf>,
        /// Only this change and what it needs; repeatable
        #[arg(long, value_name = "ID")]
        change: Vec<String>,
        /// What may be approved.
        #[command(flatten)]
        approval: Approval,
        /// Who is told what became of it.
        #[command(flatten)]
        closing: Closing,
        /// What planning is told.
        #[command(flatten)]
        belts: Belts,
        /// Whose signatures count.
        #[command(flatten)]
        trusts: Trusts,
        /// The key that signs.
        #[command(flatten)]
        signs: Signs,
    },
    /// Goes through the changes with you, the gravest first, and does what you choose; without a file it plans first
    Fix {
        /// The plan, as `redress plan -o` wrote it
        #[arg(value_name = "PLAN.json")]
        plan: Option<PathBuf>,
        /// Asks line by line, draws nothing: for screen readers and logs (also with TERM=dumb)
        #[arg(long)]
        plain: bool,
        /// Lets an irreversible action be approved, by its name; repeatable
        #[arg(long, value_name = "ACTION", help_heading = "Approval")]
        allow_irreversible: Vec<String>,
        /// What planning is told.
        #[command(flatten)]
        belts: Belts,
        /// Whose signatures count.
        #[command(flatten)]
        trusts: Trusts,
    },
    /// What was done: all runs, the newest first
    Runs,
    /// Finishes a run that was interrupted
    Resume {
        /// The run's id (`last` is the newest)
        run: String,
        /// What may be approved.
        #[command(flatten)]
        approval: Approval,
        /// What guards are told.
        #[command(flatten)]
        guards: Guards,
        /// Whose signatures count.
        #[command(flatten)]
        trusts: Trusts,
        /// The key that signs.
        #[command(flatten)]
        signs: Signs,
    },
    /// Finds what a lost run left, by the tags on it, and plans to bring its instances back up; changes nothing
    Recover {
        /// The run's id, as in the tag `redress:run` [default: all runs]
        run: Option<String>,
        /// Writes the plan to a file, for `redress apply FILE`; `-` is stdout
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Takes a run back: shows what that does, asks, does it, proves it
    Undo {
        /// The run's id (`last` is the newest)
        run: String,
        /// Only this change; repeatable
        #[arg(long, value_name = "ID")]
        change: Vec<String>,
        /// Writes the plan of the undo to a file, for `redress apply FILE`, and does nothing; `-` is stdout
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// What may be approved.
        #[command(flatten)]
        approval: Approval,
        /// Whose signatures count.
        #[command(flatten)]
        trusts: Trusts,
        /// The key that signs.
        #[command(flatten)]
        signs: Signs,
    },
    /// Is it still fixed? Reads again and checks again
    Verify {
        /// The run's id (`last` is the newest)
        run: String,
        /// Who is told what became of it.
        #[command(flatten)]
        closing: Closing,
        /// Whose signatures count.
        #[command(flatten)]
        trusts: Trusts,
    },
    /// Plans the deletion of what earlier runs kept, once its time has passed; asks first
    Prune {
        /// Writes the plan to a file, for `redress apply FILE`, and does nothing; `-` is stdout
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// What may be approved.
        #[command(flatten)]
        approval: Approval,
        /// Whose signatures count.
        #[command(flatten)]
        trusts: Trusts,
        /// The key that signs.
        #[command(flatten)]
        signs: Signs,
    },
    /// Playbooks: which findings are answered by which actions
    Playbooks {
        /// What about them.
        #[command(subcommand)]
        what: Option<PlaybooksCommand>,
    },
    /// What a check, an action, or one change of a plan is about
    Explain {
        /// A check's id or one that others know it by (EC2.13), an action's name, or a change: plan.json#c3, RUN#c3
        #[arg(value_name = "CHECK|ACTION|PLAN.json#CHANGE")]
        what: String,
    },
    /// Completions for a shell, to stdout
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Manual pages of all commands, into a folder
    Man {
        /// The folder; made if it is not there
        dir: PathBuf,
    },
    /// Actions: what playbooks can use
    Actions {
        /// What about them.
        #[command(subcommand)]
        what: Option<ActionsCommand>,
    },
    /// A plan as a program for another engine: the same calls in order, and their way back
    Export {
        /// The plan, as `redress plan -o` wrote it
        #[arg(value_name = "PLAN.json")]
        plan: PathBuf,
        /// For which engine
        #[arg(long, value_enum)]
        to: Target,
        /// Shows the way back instead
        #[arg(long, conflicts_with = "output")]
        way_back: bool,
        /// Writes both into a folder: `apply` and `way-back`
        #[arg(short, long, value_name = "DIR")]
        output: Option<PathBuf>,
        /// Whose signatures count.
        #[command(flatten)]
        trusts: Trusts,
    },
    /// The least IAM policy for a plan: its reads, its calls, its way back
    Permissions {
        /// The plan, as `redress plan -o` wrote it
        #[arg(value_name = "PLAN.json", required_unless_present = "all", conflicts_with = "all")]
        plan: Option<PathBuf>,
        /// For a standing role instead: all that redress can read and write, as two policies
        #[arg(long)]
        all: bool,
        /// Only this one of them, ready for IAM
        #[arg(long, value_enum, requires = "all")]
        only: Option<Half>,
        /// With what `--report-back securityhub` takes, which is in no policy otherwise
        #[arg(long)]
        report_back: bool,
    },
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn common_flags_stand_before_or_behind_the_command() {
        for line in ["redress --account twin:demo scan", "redress scan --account twin:demo"] {
            let cli = Cli::try_parse_from(line.split(' ')).expect(line);
            assert_eq!(cli.common.account.as_deref(), Some("twin:demo"));
        }
    }
}
