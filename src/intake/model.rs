//! What a foreign finding becomes: a suspicion, where it came from, and whether it is acted on. Data only.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{finding::Severity, resource::ResourceId};

/// Why a foreign finding is not acted on. The names are for ever: users filter by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The source itself says that the rule is kept, or that it cannot tell.
    Passed,
    /// A person or a rule has muted it at its source.
    Suppressed,
    /// It is closed, resolved or deleted at its source.
    Archived,
    /// It was made for a test of the source.
    Sample,
    /// The call that would have caused it failed, or was a dry run.
    FailedCall,
    /// The call only read.
    ReadOnly,
    /// A later event of the same input took it back.
    RevertedLater,
    /// No check of redress answers the control, event or rule.
    UnmappedControl,
    /// It names a stand-in, not a resource (`No trails`, `password_policy`).
    PseudoResource,
    /// Its resource cannot be made out, or is not of the kind that the check judges.
    UnresolvedResource,
    /// The resource belongs to another account.
    OtherAccount,
    /// The resource is in another partition.
    OtherPartition,
    /// The resource is outside the regions asked for.
    OtherRegion,
    /// It is cut off, malformed, or lacks what would be needed.
    Incomplete,
    /// redress itself made the call.
    OwnChange,
    /// A later result of the same source for the same resource has replaced it.
    Stale,
}

impl Reason {
    /// All of them, in the order in which reports show them.
    pub const ALL: &[Reason] = &[
        Reason::Passed,
        Reason::Suppressed,
        Reason::Archived,
        Reason::Sample,
        Reason::FailedCall,
        Reason::ReadOnly,
        Reason::RevertedLater,
        Reason::UnmappedControl,
        Reason::PseudoResource,
        Reason::UnresolvedResource,
        Reason::OtherAccount,
        Reason::OtherPartition,
        Reason::OtherRegion,
        Reason::Incomplete,
        Reason::OwnChange,
        Reason::Stale,
    ];

    /// The name, as documents carry it.
    pub fn name(self) -> &'static str {
        match self {
            Reason::Passed => "passed",
            Reason::Suppressed => "suppressed",
            Reason::Archived => "archived",
            Reason::Sample => "sample",
            Reason::FailedCall => "failed_call",
            Reason::ReadOnly => "read_only",
            Reason::RevertedLater => "reverted_later",
            Reason::UnmappedControl => "unmapped_control",
            Reason::PseudoResource => "pseudo_resource",
            Reason::UnresolvedResource => "unresolved_resource",
            Reason::OtherAccount => "other_account",
            Reason::OtherPartition => "other_partition",
            Reason::OtherRegion => "other_region",
            Reason::Incomplete => "incomplete",
            Reason::OwnChange => "own_change",
            Reason::Stale => "stale",
        }
    }

    /// What it means, for people.
    pub fn words(self) -> &'static str {
        match self {
            Reason::Passed => "its source does not say that anything is wrong",
            Reason::Suppressed => "it is muted at its source",
            Reason::Archived => "it is closed at its source",
            Reason::Sample => "it is a sample, made for a test",
            Reason::FailedCall => "the call failed and changed nothing",
            Reason::ReadOnly => "the call only read",
            Reason::RevertedLater => "a later event took it back",
            Reason::UnmappedControl => "no check answers it",
            Reason::PseudoResource => "it names no resource but a stand-in for one",
            Reason::UnresolvedResource => "its resource cannot be made out",
            Reason::OtherAccount => "it is about another account",
            Reason::OtherPartition => "it is about another partition",
            Reason::OtherRegion => "it is about a region that was not asked for",
            Reason::Incomplete => "it is cut off, malformed or lacks what is needed",
            Reason::OwnChange => "redress itself made the call",
            Reason::Stale => "a later result of the same source replaces it",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether a suspicion is looked into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "snake_case")]
pub enum Decision {
    /// The resource is read from the account, and our own checks decide.
    Actionable,
    /// Nothing is read or done for it.
    NotActionable {
        /// The named reason.
        reason: Reason,
        /// What in particular, in words; may be empty.
        detail: String,
    },
}

impl Decision {
    /// Not actionable, with the reason and what in particular.
    pub fn no(reason: Reason, detail: impl AsRef<str>) -> Self {
        Decision::NotActionable { reason, detail: super::text::clean(detail.as_ref(), super::text::LONG) }
    }
    /// Whether it is looked into.
    pub fn is_actionable(&self) -> bool {
        *self == Decision::Actionable
    }
    /// The reason against it, if there is one.
    pub fn reason(&self) -> Option<Reason> {
        match self {
            Decision::Actionable => None,
            Decision::NotActionable { reason, .. } => Some(*reason),
        }
    }
    /// The word by which it is counted: `actionable`, or the reason's name.
    pub fn word(&self) -> &'static str {
        self.reason().map_or("actionable", Reason::name)
    }
}

/// Who did what, from where and when: as CloudTrail or GuardDuty tell it. All strings are short and without control
/// characters, but otherwise they say whatever the writer wanted: they are shown, never used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The API call: `ec2:AuthorizeSecurityGroupIngress`.
    pub event: String,
    /// Who, in words: `role deploy, session ci-118`.
    pub who: String,
    /// From where: an address, or the service that called.
    pub from: String,
    /// When, in UTC.
    pub when: Option<Timestamp>,
}

impl Evidence {
    /// In one line: `AuthorizeSecurityGroupIngress by role deploy, session ci-118, from 198.51.100.7`.
    pub fn summary(&self) -> String {
        let call = self.event.rsplit(':').next().unwrap_or(&self.event);
        let from = if self.from.is_empty() { String::new() } else { format!(", from {}", self.from) };
        format!("{call} by {}{from}", self.who)
    }
}

/// One foreign finding, as its source gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Which tool: `Prowler`, `Security Hub`, `CloudTrail`.
    pub tool: String,
    /// The format and its version: `ASFF 2018-10-08`, `OCSF 1.5.0`.
    pub format: String,
    /// The framework of the control, with its version: `cis-3.0.0`.
    pub framework: String,
    /// The source's own id of the control, rule or event.
    pub control: String,
    /// The source's own id of the finding.
    pub finding: String,
    /// For Security Hub, the product that the finding belongs to: half of its identity there. Empty as well where the id or
    /// the product could not be kept letter by letter: what was cut names another finding, or none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub product: String,
    /// The account that the source says it is about; empty where it does not say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub account: String,
    /// How grave, in the source's own word.
    pub severity: String,
    /// When the source last saw it.
    pub time: Option<Timestamp>,
    /// The input it stood in.
    pub input: String,
    /// What its source says in words.
    pub title: String,
    /// What would be decided on this source alone.
    #[serde(flatten)]
    pub decision: Decision,
    /// Who did it, where the source says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
}

/// A resource and the checks to run on it, because others say that something is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspicion {
    /// Hex SHA-256 of account, region, checks and resource: the same whatever format it came in, and without time.
    pub id: String,
    /// Ids of the checks to run; none where no check answers. A check that judges another kind of resource than this
    /// one is meant for what this one stands for: an account for all in it, an instance for its disks and groups.
    pub checks: Vec<String>,
    /// The resource, where its ARN could be made out.
    pub resource: Option<ResourceId>,
    /// What the source called it.
    pub named: String,
    /// The resource's account; empty where nothing says it.
    pub account: String,
    /// The resource's partition.
    pub partition: String,
    /// The resource's region; empty for global ones.
    pub region: String,
    /// The highest severity that a source gives it.
    pub severity: Option<Severity>,
    /// Every source, first come first.
    pub sources: Vec<Source>,
    /// What is decided on all sources together.
    #[serde(flatten)]
    pub decision: Decision,
}

impl Suspicion {
    /// The id of what this is about.
    pub fn make_id(account: &str, region: &str, checks: &[String], resource: &str) -> String {
        let mut hash = Sha256::new();
        for part in [account, region, &checks.join(","), resource] {
            // Lengths keep the parts apart whatever stands in them.
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let mut hex = String::with_capacity(64);
        for byte in hash.finalize() {
            for half in [byte >> 4, byte & 15] {
                hex.extend(char::from_digit(u32::from(half), 16));
            }
        }
        hex
    }
}

/// What a reader hands on, one at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A foreign finding about one resource.
    Found(Box<Suspicion>, Effects),
    /// A call that takes back what others have opened; it is counted as `passed`.
    TakesBack(Effects),
    /// Counted, and not worth keeping: reads, events that no check answers.
    Counted(Reason),
    /// What Cloud Custodian ran in a folder; no finding.
    Policy(super::custodian::Policy),
    /// What a policy of Cloud Custodian matched. It is not counted yet, since only the policy says what it means.
    Matched(Box<serde_json::Value>),
}

/// What an event did, in tokens that another event can take back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effects {
    /// When.
    pub when: Option<Timestamp>,
    /// Account and region, which every token is meant in.
    pub place: String,
    /// What it opened: each thing with the names that it may be taken back by.
    pub opens: Vec<Vec<String>>,
    /// What it took back.
    pub closes: Vec<String>,
    /// Ids that later events name, with the resource they belong to: a flow log's VPC.
    pub learned: Vec<(String, String)>,
}

/// What became of one input.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The input's name.
    pub input: String,
    /// What it was recognised as; the first, where it holds several.
    pub format: String,
    /// How many records of which format it held.
    pub formats: BTreeMap<String, u64>,
    /// How many findings were read: one for each resource that a record names, one for a record that names none.
    pub read: u64,
    /// How many of them by what was decided on each alone. They add up to `read`.
    pub counts: BTreeMap<String, u64>,
    /// Bytes read, after decompression.
    pub bytes: u64,
    /// Why the input is not whole, if it is not: what it holds was read all the same.
    pub incomplete: Option<String>,
    /// Why the input was not taken, if it was not: nothing of it was understood.
    pub declined: Option<String>,
}

impl Report {
    /// Whether something that stands in the input may be missing in what was read of it: it was cut off, or single records lack
    /// what is needed.
    pub fn is_partial(&self) -> bool {
        self.incomplete.is_some() || self.counts.get(Reason::Incomplete.name()).is_some_and(|n| *n > 0)
    }

    /// What was understood of an input that holds no findings, for people: `an empty list`, `Prowler 4/5 CSV`.
    pub fn kind(&self) -> &str {
        if self.format == super::sniff::EMPTY { "an empty list" } else { &self.format }
    }
}
