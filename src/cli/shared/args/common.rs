//! Options that several commands share, in groups. A command flattens the groups that it uses, so its help
//! lists no others and clap refuses the rest. Whatever the command, the options given become one [`Common`].

use std::path::PathBuf;

use clap::{
    ArgAction, Args,
    builder::{PossibleValuesParser, TypedValueParser},
};

use super::values::{Color, Format, ReportFile, report_file};
use crate::{
    cli::shared::{
        signing::Signing,
        typed::{Typed, account_id},
        when::{Moment, moment},
    },
    playbook::Set,
};

/// The shared options as the program reads them. An option that a command does not take has its default.
#[derive(Debug, Clone, Default)]
pub struct Common {
    /// The regions to read; none stands for those of the AWS configuration.
    pub region: Vec<String>,
    /// The profile of the AWS configuration.
    pub profile: Option<String>,
    /// The accounts that may be opened; none stands for all.
    pub only_account: Vec<String>,
    /// The twin that takes the place of AWS.
    pub account: Option<String>,
    /// The folder of the user's playbooks.
    pub playbooks: Option<PathBuf>,
    /// Parameters that override those of playbooks.
    pub set: Vec<String>,
    /// Ranges that keep access.
    pub allow_cidr: Vec<String>,
    /// The sets of playbooks to plan with; none stands for `default`.
    pub playbook_set: Vec<Set>,
    /// The checks to run; none stands for all.
    pub check: Vec<String>,
    /// The file of waivers; `None` stands for the one beside the playbooks.
    pub waivers: Option<PathBuf>,
    /// Files of findings.
    pub findings: Vec<PathBuf>,
    /// Files of flow logs.
    pub flow_logs: Vec<PathBuf>,
    /// `true` to let in the networks that the flow logs show.
    pub allow_observed: bool,
    /// The start of the period whose events are looked up.
    pub events_since: Option<Moment>,
    /// The end of that period, for `redress events` alone.
    pub events_until: Option<Moment>,
    /// The number of changes made at once.
    pub jobs: Option<u8>,
    /// The number of instances in a region that may be down at once.
    pub stop_at_once: Option<u8>,
    /// `true` to narrow the session to what the plan needs.
    pub scoped: bool,
    /// The part of AWS's rate limits to use, in percent.
    pub pace: Option<u8>,
    /// The place of runs.
    pub state_dir: Option<PathBuf>,
    /// The format of stdout.
    pub format: Format,
    /// Reports to write beside stdout.
    pub report: Vec<ReportFile>,
    /// The file that a Markdown summary is added to.
    pub summary: Option<PathBuf>,
    /// The file for progress events.
    pub events: Option<PathBuf>,
    /// The number of `-v`.
    pub verbose: u8,
    /// The options as they were typed, for the commands to type next.
    pub typed: Typed,
    /// The signatures that are asked for: the parsed files of `--trust` and `--sign`.
    pub signing: Signing,
}

impl Common {
    /// Builds the options with their defaults.
    pub fn new(talk: &Verbosity) -> Self {
        Self { verbose: talk.verbose, ..Self::default() }
    }
}

/// A group of options.
pub trait Group {
    /// Copies the options of this group into `common`.
    fn set(&self, common: &mut Common);
}

/// The options of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub struct Verbosity {
    /// Print nothing on stderr but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Show more: -v adds steps and passed guards, -vv the exact calls
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Use colours; NO_COLOR is honoured
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
}

/// The place of runs.
#[derive(Debug, Clone, Args)]
pub struct State {
    /// Keep runs in this folder, or in a bucket as s3://BUCKET/PREFIX
    /// [default: the platform's state directory, e.g. ~/.local/state/redress]
    #[arg(long, global = true, value_name = "DIR", env = "REDRESS_STATE_DIR", help_heading = "Output")]
    pub state_dir: Option<PathBuf>,
}

impl Group for State {
    fn set(&self, common: &mut Common) {
        common.state_dir.clone_from(&self.state_dir);
    }
}

/// Runs, which may be kept in a bucket, and so the credentials for it.
#[derive(Debug, Clone, Args)]
pub struct Stored {
    /// Use this profile of your AWS configuration
    #[arg(long, global = true, value_name = "PROFILE", help_heading = "Account")]
    pub profile: Option<String>,
    /// Refuse every account but this one, before anything is read;
    /// repeatable, or separated by commas
    #[arg(long, global = true, value_name = "ID", env = "REDRESS_ONLY_ACCOUNT", value_delimiter = ',',
        value_parser = account_id, help_heading = "Account")]
    pub only_account: Vec<String>,
    /// The place of runs.
    #[command(flatten)]
    pub state: State,
    /// Use this percentage of the request rates that AWS grants [default: 50]
    #[arg(long, global = true, value_name = "PERCENT", env = "REDRESS_PACE",
        value_parser = clap::value_parser!(u8).range(1..=100), help_heading = "Pace")]
    pub pace: Option<u8>,
}

impl Group for Stored {
    fn set(&self, common: &mut Common) {
        common.profile.clone_from(&self.profile);
        common.only_account.clone_from(&self.only_account);
        common.pace = self.pace;
        self.state.set(common);
    }
}

/// The account of a run, which knows its regions.
#[derive(Debug, Clone, Args)]
pub struct Reopens {
    /// Use an account in memory instead of AWS: `twin:demo`, kept in the
    /// state directory, or `twin:FILE`, a saved inventory
    #[arg(long, global = true, value_name = "twin:NAME|twin:FILE", help_heading = "Account")]
    pub account: Option<String>,
    /// The runs.
    #[command(flatten)]
    pub stored: Stored,
}

impl Group for Reopens {
    fn set(&self, common: &mut Common) {
        common.account.clone_from(&self.account);
        self.stored.set(common);
    }
}

/// An account and its regions.
#[derive(Debug, Clone, Args)]
pub struct Opens {
    /// Read this region; repeatable, or `all`
    /// [default: the region of your AWS configuration]
    #[arg(long, global = true, value_name = "REGION", help_heading = "Account")]
    pub region: Vec<String>,
    /// The account.
    #[command(flatten)]
    pub account: Reopens,
}

impl Group for Opens {
    fn set(&self, common: &mut Common) {
        common.region.clone_from(&self.region);
        self.account.set(common);
    }
}

/// The user's playbooks.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Playbooks and checks")]
pub struct Books {
    /// Add the playbooks of this folder to the built-in ones; one with the
    /// same id replaces the built-in
    #[arg(long, global = true, value_name = "DIR")]
    pub playbooks: Option<PathBuf>,
}

impl Group for Books {
    fn set(&self, common: &mut Common) {
        common.playbooks.clone_from(&self.playbooks);
    }
}

/// The playbooks with parameters that override theirs.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Playbooks and checks")]
pub struct Parameters {
    /// The playbooks.
    #[command(flatten)]
    pub books: Books,
    /// Set a parameter of an action, overriding the playbooks; repeatable
    #[arg(long, global = true, value_name = "ACTION.PARAM=VALUE")]
    pub set: Vec<String>,
    /// Let this range keep access to what is closed to the world, e.g. your
    /// office; repeatable
    #[arg(long, global = true, value_name = "CIDR")]
    pub allow_cidr: Vec<String>,
}

impl Group for Parameters {
    fn set(&self, common: &mut Common) {
        self.books.set(common);
        common.set.clone_from(&self.set);
        common.allow_cidr.clone_from(&self.allow_cidr);
    }
}

/// The sets of playbooks.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Playbooks and checks")]
pub struct Sets {
    /// Use the playbooks of this set, and the checks that they answer;
    /// repeatable
    #[arg(long, global = true, value_name = "NAME", value_parser = playbook_set())]
    pub playbook_set: Vec<Set>,
}

impl Group for Sets {
    fn set(&self, common: &mut Common) {
        common.playbook_set.clone_from(&self.playbook_set);
    }
}

/// Returns the parser of a set's name; the help and the completions list the names.
fn playbook_set() -> impl TypedValueParser<Value = Set> {
    let words: Vec<_> = Set::ALL.iter().map(|set| set.word()).collect();
    PossibleValuesParser::new(words).map(|word| Set::named(&word).unwrap_or(Set::Default))
}

/// The checks to run, and the playbooks that answer them.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Playbooks and checks")]
pub struct Checks {
    /// The playbooks.
    #[command(flatten)]
    pub parameters: Parameters,
    /// The sets.
    #[command(flatten)]
    pub sets: Sets,
    /// Run only this check, named by its id or by a control that it covers,
    /// such as EC2.13; repeatable
    #[arg(long, global = true, value_name = "ID")]
    pub check: Vec<String>,
    /// Let the findings of this file stay, each until a day [default:
    /// waivers.toml beside the playbooks of --playbooks]
    #[arg(long, global = true, value_name = "FILE")]
    pub waivers: Option<PathBuf>,
}

impl Group for Checks {
    fn set(&self, common: &mut Common) {
        self.parameters.set(common);
        self.sets.set(common);
        common.check.clone_from(&self.check);
        common.waivers.clone_from(&self.waivers);
    }
}

/// The scope of a scan or plan: checks, and findings that others report.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Playbooks and checks")]
pub struct Plans {
    /// The checks.
    #[command(flatten)]
    pub checks: Checks,
    /// Check only what these findings of other tools or CloudTrail events
    /// name: a file (also .gz), a folder, or - for stdin; repeatable
    #[arg(long, global = true, value_name = "FILE|-")]
    pub findings: Vec<PathBuf>,
    /// Look up CloudTrail events since this time and check what they name,
    /// as `redress events` does
    #[arg(long, global = true, value_name = "TIME", value_parser = moment)]
    pub events_since: Option<Moment>,
}

impl Group for Plans {
    fn set(&self, common: &mut Common) {
        self.checks.set(common);
        common.findings.clone_from(&self.findings);
        common.events_since = self.events_since;
    }
}

/// The scope of a plan, and the flow logs that show who uses what it closes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Playbooks and checks")]
pub struct Logged {
    /// The scope.
    #[command(flatten)]
    pub plans: Plans,
    /// Show who uses what would close, by these VPC flow logs: a file (text,
    /// .gz, Parquet) or a folder; repeatable
    #[arg(long, global = true, value_name = "FILE|DIR")]
    pub flow_logs: Vec<PathBuf>,
    /// Let in the addresses that these logs show to have come in, at most 10
    /// for a change, beside those of --allow-cidr
    #[arg(long, global = true, requires = "flow_logs")]
    pub allow_observed: bool,
}

impl Group for Logged {
    fn set(&self, common: &mut Common) {
        self.plans.set(common);
        common.flow_logs.clone_from(&self.flow_logs);
        common.allow_observed = self.allow_observed;
    }
}

/// The events of a run.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub struct Events {
    /// Write what happens to this file as it happens, as lines of JSON
    #[arg(long, global = true, value_name = "FILE")]
    pub events: Option<PathBuf>,
}

impl Group for Events {
    fn set(&self, common: &mut Common) {
        common.events.clone_from(&self.events);
    }
}

/// The pace at which a run makes its changes, and its events.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Pace")]
pub struct Runs {
    /// Make up to N independent changes at once; 1 keeps the order of the
    /// plan [default: 4]
    #[arg(long, global = true, value_name = "N", env = "REDRESS_JOBS",
        value_parser = clap::value_parser!(u8).range(1..=20))]
    pub jobs: Option<u8>,
    /// Let up to N instances of a region be down at once; the others are not
    /// stopped before one is up again [default: 1]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=20))]
    pub stop_at_once: Option<u8>,
    /// Narrow the session to what the plan needs before the first call, as
    /// AWS enforces it; where that cannot be done, ask or stop
    #[arg(long, global = true)]
    pub scoped: bool,
    /// The events.
    #[command(flatten)]
    pub events: Events,
}

impl Group for Runs {
    fn set(&self, common: &mut Common) {
        common.jobs = self.jobs;
        common.stop_at_once = self.stop_at_once;
        common.scoped = self.scoped;
        self.events.set(common);
    }
}

/// The format of stdout.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub struct Formatted {
    /// Write stdout in this format
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

impl Group for Formatted {
    fn set(&self, common: &mut Common) {
        common.format = self.format;
    }
}

/// A report on stdout and in files.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub struct Reports {
    /// The format of stdout.
    #[command(flatten)]
    pub formatted: Formatted,
    /// Also write the report to a file, e.g. `html=plan.html` or
    /// `junit=redress.xml`; repeatable
    #[arg(long, global = true, value_name = "FORMAT=FILE", value_parser = report_file)]
    pub report: Vec<ReportFile>,
    /// Append a Markdown summary to this file
    /// [default: the file that GITHUB_STEP_SUMMARY names]
    #[arg(long, global = true, value_name = "FILE")]
    pub summary: Option<PathBuf>,
}

impl Group for Reports {
    fn set(&self, common: &mut Common) {
        self.formatted.set(common);
        common.report.clone_from(&self.report);
        common.summary.clone_from(&self.summary);
    }
}
