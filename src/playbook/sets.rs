//! The sets of playbooks: named parts of all playbooks, of which a session plans with one or several. A
//! playbook names the sets that it belongs to.

use std::fmt;

use serde::{Serialize, Serializer};

use super::Playbook;
use crate::checks::Control;

/// A set of playbooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Set {
    /// The playbooks that a session plans with where no set is named.
    Default,
    /// Those of `default`, and those that cut more than what is plainly wrong.
    Strict,
    /// Those whose checks answer a recommendation of the CIS AWS Foundations Benchmark.
    Cis,
    /// Those whose checks answer a control of AWS Foundational Security Best Practices.
    Fsbp,
    /// Those that close ways in and record what happens, for the first hour of an incident.
    Incident,
}

/// The sets of a playbook that names none.
pub const USUAL: &[Set] = &[Set::Default, Set::Strict];

impl Set {
    /// All sets, in the order of the pages.
    pub const ALL: &'static [Set] = &[Set::Default, Set::Strict, Set::Cis, Set::Fsbp, Set::Incident];

    /// Returns the name, as in files and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Set::Default => "default",
            Set::Strict => "strict",
            Set::Cis => "cis",
            Set::Fsbp => "fsbp",
            Set::Incident => "incident",
        }
    }

    /// Returns the description, for its page.
    pub fn doc(self) -> &'static str {
        match self {
            Set::Default => {
                "The playbooks that every session plans with where no set is named. Each asks a person, or \
                 needs `--auto-approve`: nothing in this set stops an instance or cuts a connection without \
                 approval."
            }
            Set::Strict => {
                "All of `default`, and playbooks that cut more than what is plainly wrong, or whose checks \
                 take long. Those of yours that name no set are in it, too."
            }
            Set::Cis => {
                "The playbooks whose checks answer a recommendation of the CIS AWS Foundations Benchmark, in \
                 any of its versions from 1.2.0 to 7.0.0."
            }
            Set::Fsbp => {
                "The playbooks whose checks answer a control of the standard [AWS Foundational Security Best \
                 Practices](https://docs.aws.amazon.com/securityhub/latest/userguide/fsbp-standard.html) of \
                 Security Hub."
            }
            Set::Incident => {
                "For the first hour of an incident: the playbooks that close ways in from the internet, and \
                 those that record what happens from now on. None of them stops an instance."
            }
        }
    }

    /// Checks whether the set is the part of the playbooks that answers a framework.
    pub fn is_framework(self) -> bool {
        matches!(self, Set::Cis | Set::Fsbp)
    }

    /// Checks whether a control belongs to the framework of the set.
    pub fn has(self, control: &Control) -> bool {
        match self {
            Set::Cis => control.framework.starts_with("cis-"),
            Set::Fsbp => control.framework == "security-hub" && FSBP.contains(&control.id),
            Set::Default | Set::Strict | Set::Incident => false,
        }
    }

    /// Returns the set of this name.
    pub fn named(word: &str) -> Option<Set> {
        Set::ALL.iter().copied().find(|set| set.word() == word)
    }
}

/// The controls of Security Hub that the standard AWS Foundational Security Best Practices has, among those
/// that checks answer (<https://docs.aws.amazon.com/securityhub/latest/userguide/fsbp-standard.html>).
const FSBP: &[&str] = &[
    "CloudTrail.1",
    "CloudTrail.4",
    "EC2.1",
    "EC2.2",
    "EC2.3",
    "EC2.6",
    "EC2.7",
    "EC2.15",
    "EC2.18",
    "EC2.19",
    "EC2.21",
    "EC2.182",
    "ELB.1",
    "ELB.17",
    "IAM.3",
    "IAM.4",
    "IAM.5",
    "IAM.7",
    "IAM.8",
];

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Serialize for Set {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// Returns the sets that were asked for; `default` where none was.
pub fn asked(sets: &[Set]) -> &[Set] {
    if sets.is_empty() { &[Set::Default] } else { sets }
}

/// Returns the playbooks that are in one of these sets.
pub fn chosen(playbooks: &[Playbook], sets: &[Set]) -> Vec<Playbook> {
    playbooks.iter().filter(|p| p.sets.iter().any(|set| sets.contains(set))).cloned().collect()
}

/// Returns the playbooks that answer a check.
pub fn answering<'p>(playbooks: &'p [Playbook], check: &str) -> impl Iterator<Item = &'p Playbook> {
    playbooks.iter().filter(move |p| p.finding.iter().any(|f| f == check))
}

/// Checks whether a scan with the chosen playbooks runs a check that nobody names: some chosen playbook
/// answers it. Without a choice, what no playbook at all answers is reported too.
pub fn is_run(all: &[Playbook], chosen: &[Playbook], sets: &[Set], check: &str) -> bool {
    answering(chosen, check).next().is_some() || (sets.is_empty() && answering(all, check).next().is_none())
}
