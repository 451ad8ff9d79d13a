//! The plan as the document `redress.plan/1`: a frozen type, versioned, never a dump of whatever internals
//! happen to exist. Reading one checks its version and digest; see [`super::digest`].

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Change, PlanKind, together::Together};
use crate::{
    actions::Options,
    finding::{FindingKey, Origin},
    reach::Reaches,
};

/// The version that this program writes and reads.
pub const FORMAT: &str = "redress.plan/1";

/// Changes in order, frozen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The format: [`FORMAT`].
    pub format: String,
    /// The account it is for.
    pub account: String,
    /// Its partition.
    pub partition: String,
    /// The endpoint it was made at: `aws`, a URL, or `twin:NAME`.
    pub endpoint: String,
    /// The regions that were scanned.
    pub regions: Vec<String>,
    /// The ARN of the caller whose credentials made it.
    pub caller: String,
    /// The time at which it was made.
    pub created: Timestamp,
    /// The time until which it may be applied.
    pub expires: Timestamp,
    /// The options of the user that affect the actions; the same at apply.
    pub options: Options,
    /// Digests of the playbooks it was made with, by id.
    pub playbooks: BTreeMap<String, String>,
    /// The changes, in order.
    pub changes: Vec<Change>,
    /// The findings that no change answers, each with the reason.
    pub skipped: Vec<Skipped>,
    /// The findings of other tools that it was made for, so that their outcome can be reported back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<Origin>,
    /// The result of the rehearsal.
    pub rehearsal: Rehearsal,
    /// The number of findings by outcome.
    pub counts: BTreeMap<String, usize>,
    /// SHA-256 over the canonical JSON of all the rest.
    pub digest: String,
    /// The kind of plan.
    #[serde(default)]
    pub kind: PlanKind,
    /// For an undo: the run that it undoes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of_run: Option<String>,
}

/// The kind of reason for which no change answers a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SkippedKind {
    /// Refused by an action or a guard.
    Refused,
    /// Suppressed by a person with the tag `redress:ignore`.
    Suppressed,
    /// Kept on purpose by an earlier run.
    Retained,
    /// Answered differently by two playbooks.
    Conflict,
    /// Answered by no playbook.
    Unmapped,
    /// Not determined.
    Unknown,
}

impl SkippedKind {
    /// Returns the word for people and documents.
    pub fn word(self) -> &'static str {
        match self {
            SkippedKind::Refused => "refused",
            SkippedKind::Suppressed => "suppressed",
            SkippedKind::Retained => "retained",
            SkippedKind::Conflict => "conflict",
            SkippedKind::Unmapped => "unmapped",
            SkippedKind::Unknown => "unknown",
        }
    }
}

/// A finding that no change answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The finding.
    pub finding: FindingKey,
    /// The kind of reason.
    pub kind: SkippedKind,
    /// The reason, and what to do.
    pub reason: String,
}

/// Finds the reason of a change among lines such as `c3: ...`, as a rehearsal names them.
pub fn reason_of<'a>(lines: &'a [String], change: &str) -> Option<&'a str> {
    lines.iter().find_map(|line| line.strip_prefix(change)?.strip_prefix(": "))
}

/// The result of the rehearsal on the twin.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Rehearsal {
    /// The findings that are gone afterwards.
    pub closes: Vec<FindingKey>,
    /// The findings that are new afterwards; a plan with any is not offered for approval.
    pub opens: Vec<FindingKey>,
    /// `true` if undo restored everything except what the changes name; otherwise `differences` lists the
    /// rest.
    pub undo_restores: bool,
    /// The things that undo did not restore and that no change names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<String>,
    /// Changes of an undo of which a call or a wait fails; `differences` contains the reason of each.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub failed: BTreeSet<String>,
    /// Changes that could not be rehearsed, each with the reason: `c3: ...`.
    pub not_rehearsed: Vec<String>,
    /// Changes that the rehearsal found already fixed by an earlier one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub already_fixed: Vec<String>,
    /// Instances that the plan stops and that do the same work.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub together: Vec<Together>,
    /// The effect of its stops on load balancers, where there is one or it is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// Footprints after each change, as predicted: `change -> footprint`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub predicted: BTreeMap<String, Value>,
}

impl Plan {
    /// Notes at each change whether the world reaches what it is about: the gravest answer for its findings.
    pub fn reached(&mut self, reaches: &Reaches) {
        for change in &mut self.changes {
            let all = change.findings.iter().filter_map(|key| reaches.get(key));
            change.reach = all.min_by_key(|reach| reach.verdict).cloned();
        }
    }

    /// Returns the change with this id. Changes are numbered in order, so the place of one follows from its
    /// id unless earlier ones were left out.
    pub fn change(&self, id: &str) -> Option<&Change> {
        let number = id.strip_prefix('c').and_then(|number| number.parse::<usize>().ok());
        let there = number.and_then(|n| self.changes.get(n.checked_sub(1)?)).filter(|c| c.id == id);
        there.or_else(|| self.changes.iter().find(|c| c.id == id))
    }
}
