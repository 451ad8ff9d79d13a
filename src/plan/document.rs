//! The plan as the document `redress.plan/1`: a frozen type, versioned, never a dump of internals that happen to be
//! there. Reading one checks its version and digest; see [`super::digest`].

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Change, PlanKind, together::Together};
use crate::{
    actions::Options,
    finding::{FindingKey, Origin},
};

/// The version that this program writes and reads.
pub const FORMAT: &str = "redress.plan/1";

/// Changes in order, frozen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// [`FORMAT`].
    pub format: String,
    /// The account it is for.
    pub account: String,
    /// Its partition.
    pub partition: String,
    /// The endpoint it was made at: `aws`, a URL, or `twin:NAME`.
    pub endpoint: String,
    /// The regions that were looked at.
    pub regions: Vec<String>,
    /// Whose credentials made it.
    pub caller: String,
    /// When.
    pub created: Timestamp,
    /// Until when it may be applied.
    pub expires: Timestamp,
    /// What the user asked for that changes what actions do; the same at apply.
    pub options: Options,
    /// Digests of the playbooks it was made with, by id.
    pub playbooks: BTreeMap<String, String>,
    /// What is to be done.
    pub changes: Vec<Change>,
    /// The findings that no change answers, each with the reason.
    pub skipped: Vec<Skipped>,
    /// The findings of other tools that it was made for, so that they can be told what became of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<Origin>,
    /// What the rehearsal showed.
    pub rehearsal: Rehearsal,
    /// Findings in, by what became of them.
    pub counts: BTreeMap<String, usize>,
    /// SHA-256 over the canonical JSON of all the rest.
    pub digest: String,
    /// Which kind of plan it is.
    #[serde(default)]
    pub kind: PlanKind,
    /// For an undo: the run that it takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of_run: Option<String>,
}

/// Why no change answers a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SkippedKind {
    /// An action or a guard said no.
    Refused,
    /// A person has set `redress:ignore`.
    Suppressed,
    /// Kept on purpose by an earlier run.
    Retained,
    /// Two playbooks want different things.
    Conflict,
    /// No playbook answers it.
    Unmapped,
    /// Nothing can be said.
    Unknown,
}

impl SkippedKind {
    /// The word for people and documents.
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
    /// Which.
    pub finding: FindingKey,
    /// Why, in one word.
    pub kind: SkippedKind,
    /// Why, and what to do.
    pub reason: String,
}

/// The reason of a change among lines such as `c3: ...`, as a rehearsal names them.
pub fn reason_of<'a>(lines: &'a [String], change: &str) -> Option<&'a str> {
    lines.iter().find_map(|line| line.strip_prefix(change)?.strip_prefix(": "))
}

/// What the rehearsal on the twin showed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Rehearsal {
    /// The findings that are gone afterwards.
    pub closes: Vec<FindingKey>,
    /// The findings that are new afterwards; a plan with any is not offered for approval.
    pub opens: Vec<FindingKey>,
    /// Whether undo restored all but what the changes name; with `differences` where not.
    pub undo_restores: bool,
    /// What undo did not restore and no change names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<String>,
    /// Changes of an undo of which a call or a wait does not go through; `differences` contains the reason of each.
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
    /// What its stops mean for load balancers, where that is not nothing or is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// Footprints after each change, as predicted: `change -> footprint`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub predicted: BTreeMap<String, Value>,
}

impl Plan {
    /// The change with this id.
    pub fn change(&self, id: &str) -> Option<&Change> {
        self.changes.iter().find(|c| c.id == id)
    }
}
