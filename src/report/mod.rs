//! Reports: what a person or a program reads of findings, plans and runs. Pure functions from data to text; nothing here
//! reads, writes, asks the time or knows whether there is a terminal: that is handed in as a [`View`].

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    checks::Unjudged,
    finding::{Finding, FindingKey},
    intake::confirm::Reported,
    plan::Plan,
};

pub mod cases;
pub mod compare;
pub mod diff;
mod grouped;
mod held;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod ocsf;
pub mod pages;
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

/// How a report is to look, beside what it tells.
#[derive(Debug, Clone, Copy, Default)]
pub struct View<'a> {
    /// Colours, symbols and width.
    pub style: Style,
    /// How much of it.
    pub detail: Detail,
    /// What the commands to type next repeat of what was typed.
    pub typed: Typed<'a>,
}

/// The amount of detail in a report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// What a decision needs: each change with its difference, its effects and every guard that did not pass.
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

/// What was typed, as far as the commands to type next need it again: each a piece of a command line, with a space before it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Typed<'a> {
    /// The file that the plan was written to or read from.
    pub file: Option<&'a str>,
    /// Which runs and which credentials are meant.
    pub place: &'a str,
    /// Which playbooks are in force.
    pub playbooks: &'a str,
    /// What is planned, and how: regions, checks, findings of others, parameters, belts.
    pub planning: &'a str,
    /// Those parameters and loosened belts that must be given again with a plan file, and with a run that was interrupted.
    pub applying: &'a str,
    /// Whether a plan was read from its file and compared with no account.
    pub claim: bool,
}

impl Typed<'_> {
    /// The command that goes on with a run.
    pub fn resume(&self, run: &str) -> String {
        format!("redress resume {}{}{}{}", safe::shell(run), self.playbooks, self.applying, self.place)
    }
}

/// What a scan found, with where and when it looked.
#[derive(Debug, Clone, Copy)]
pub struct Scan<'a> {
    /// The account.
    pub account: &'a str,
    /// Its partition.
    pub partition: &'a str,
    /// The regions that were looked at.
    pub regions: &'a [String],
    /// The endpoint: `aws`, a URL, or `twin:NAME`.
    pub endpoint: &'a str,
    /// When the account was read.
    pub read_at: Timestamp,
    /// What the checks said.
    pub findings: &'a [Finding],
    /// Where checks could not be run.
    pub unjudged: &'a [Unjudged],
    /// What would be done about them, where that is known: see [`decisions`].
    pub decisions: &'a BTreeMap<FindingKey, Decided>,
    /// What other tools have reported; `None` where nobody asked about that.
    pub intake: Option<&'a Reported>,
}

/// What would be done about a finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decided {
    /// `planned`, or why not: `refused`, `suppressed`, `retained`, `conflict`, `unmapped`, `unknown`.
    pub decision: String,
    /// The change that answers it, or the reason that none does.
    pub reason: String,
}

/// What a plan does about each finding.
pub fn decisions(plan: &Plan) -> BTreeMap<FindingKey, Decided> {
    let planned = plan.changes.iter().flat_map(|change| {
        let decided = Decided { decision: "planned".to_owned(), reason: format!("{}: {}", change.id, change.summary) };
        change.findings.iter().map(move |key| (key.clone(), decided.clone()))
    });
    let skipped = plan.skipped.iter().map(|s| (s.finding.clone(), Decided { decision: s.kind.word().to_owned(), reason: s.reason.clone() }));
    skipped.chain(planned).collect()
}
