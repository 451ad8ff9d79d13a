//! Reports: findings, plans and runs for people and programs. Pure functions from data to text; nothing here
//! does IO, asks for the time or knows of a terminal: a [`View`] provides that.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    checks::Unjudged,
    finding::{Finding, FindingKey},
    intake::confirm::Reported,
    plan::Plan,
    playbook::waivers::Lapsed,
    reach::{Reach, Reached, Reaches},
};

pub mod cases;
pub mod compare;
pub mod diff;
mod grouped;
mod held;
pub mod html;
pub mod investigation;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod ocsf;
pub mod pages;
pub mod rotations;
pub mod safe;
pub mod sarif;
pub mod style;
pub mod text;
mod words;

pub use style::Style;
pub use words::list;

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;

/// The appearance of a report, as opposed to its content.
#[derive(Debug, Clone, Copy, Default)]
pub struct View<'a> {
    /// Colours, symbols and width.
    pub style: Style,
    /// The amount of detail.
    pub detail: Detail,
    /// The part of the command line that the next commands repeat.
    pub typed: Typed<'a>,
}

/// The amount of detail in a report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// The basis of a decision: each change with its difference, its effects and every guard
    /// that did not pass.
    #[default]
    Short,
    /// Steps, guards that passed, whole evidence and full ARNs as well (`-v`).
    Steps,
    /// The exact calls with their inputs as well (`-vv`).
    Calls,
}

impl Detail {
    /// Returns the detail for a number of `-v`.
    pub fn of(verbosity: u8) -> Self {
        match verbosity {
            0 => Detail::Short,
            1 => Detail::Steps,
            _ => Detail::Calls,
        }
    }
}

/// The command line, as far as the next commands need it again: each member is a piece of it, with
/// a space before it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Typed<'a> {
    /// The command that makes such a plan, with its own arguments; empty for `plan`.
    pub command: &'a str,
    /// The file that the plan was written to or read from.
    pub file: Option<&'a str>,
    /// The twin, where neither a plan nor a run may lead to it. Commands that make a plan name it anyway.
    pub account: &'a str,
    /// The options that select the runs and the credentials.
    pub place: &'a str,
    /// The options that select the playbooks.
    pub playbooks: &'a str,
    /// The options of planning: regions, checks, findings of other tools, parameters, loosened guards.
    pub planning: &'a str,
    /// The parameters and loosened guards that must be given again with a plan file, or with
    /// an interrupted run.
    pub applying: &'a str,
    /// `true` for a plan that was read from its file and compared with no account.
    pub claim: bool,
}

impl Typed<'_> {
    /// Returns the command that resumes a run.
    pub fn resume(&self, run: &str) -> String {
        let Self { account, place, playbooks, applying, .. } = self;
        format!("redress resume {}{account}{playbooks}{applying}{place}", safe::shell(run))
    }

    /// Returns a command about a run that has ended, or whose state is asked for.
    pub fn of_run(&self, command: &str, run: &str) -> String {
        format!("redress {command} {}{}{}", safe::shell(run), self.account, self.place)
    }
}

/// The result of a scan, with its account, its regions and its time.
#[derive(Debug, Clone, Copy)]
pub struct Scan<'a> {
    /// The account.
    pub account: &'a str,
    /// The account's partition.
    pub partition: &'a str,
    /// The regions that were scanned.
    pub regions: &'a [String],
    /// The endpoint: `aws`, a URL, or `twin:NAME`.
    pub endpoint: &'a str,
    /// The time at which the account was read.
    pub read_at: Timestamp,
    /// The verdicts of the checks.
    pub findings: &'a [Finding],
    /// The checks and regions that could not be judged.
    pub unjudged: &'a [Unjudged],
    /// The waivers that set nothing aside.
    pub lapsed: &'a [Lapsed],
    /// The decisions on the findings, if a plan was made: see [`decisions`].
    pub decisions: &'a BTreeMap<FindingKey, Decided>,
    /// The reach of the findings, as far as that was asked.
    pub reaches: &'a Reaches,
    /// The reports of other tools; `None` if none were given.
    pub intake: Option<&'a Reported>,
}

impl<'a> Scan<'a> {
    /// Returns whether the world reaches what a finding is about, if that was asked.
    pub fn reach(&self, finding: &Finding) -> Option<&'a Reach> {
        self.reaches.get(&finding.key())
    }

    /// Returns the place of a finding among those of its severity: what the world reaches comes first. One
    /// that has nothing to do with the internet stands where those of unknown reach do.
    fn standing(&self, finding: &Finding) -> Reached {
        self.reach(finding).map_or(Reached::Unknown, |reach| reach.verdict)
    }

    /// Returns the open findings, the gravest first.
    fn gravest_first(&self) -> Vec<&'a Finding> {
        let mut open: Vec<&Finding> = self.findings.iter().filter(|f| words::is_open(f)).collect();
        open.sort_by_cached_key(|f| (std::cmp::Reverse(f.severity), self.standing(f), f.key()));
        open
    }
}

/// The decision on a finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decided {
    /// `planned`, or the kind of exception: `refused`, `suppressed`, `retained`, `conflict`,
    /// `unmapped`, `unknown`.
    pub decision: String,
    /// The change that answers it, or the reason why none does.
    pub reason: String,
    /// The use of what that change closes, as flow logs show it, in sentences.
    pub used: Vec<String>,
}

/// Returns the decision of a plan on each finding.
pub fn decisions(plan: &Plan) -> BTreeMap<FindingKey, Decided> {
    let planned = plan.changes.iter().flat_map(|change| {
        let decided = Decided {
            decision: "planned".to_owned(),
            reason: format!("{}: {}", change.id, change.summary),
            used: words::used(change),
        };
        change.findings.iter().map(move |key| (key.clone(), decided.clone()))
    });
    let skipped = plan.skipped.iter().map(|s| {
        let (decision, reason) = (s.kind.word().to_owned(), s.reason.clone());
        (s.finding.clone(), Decided { decision, reason, used: Vec::new() })
    });
    skipped.chain(planned).collect()
}
