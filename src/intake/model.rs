//! The model of a foreign finding: a suspicion, its sources, and the decision to act on it or not. Data only.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{finding::Severity, resource::ResourceId};

/// A reason why a foreign finding is not acted on. The names never change: users filter by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The source itself reports that the rule is kept, or that it cannot judge.
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
    /// A later event of the same input reverted it.
    RevertedLater,
    /// No check of redress answers the control, event or rule.
    UnmappedControl,
    /// It names a stand-in, not a resource (`No trails`, `password_policy`).
    PseudoResource,
    /// Its resource cannot be identified, or is not of the kind that the check judges.
    UnresolvedResource,
    /// The resource belongs to another account.
    OtherAccount,
    /// The resource is in another partition.
    OtherPartition,
    /// The resource is outside the regions asked for.
    OtherRegion,
    /// It is cut off, malformed, or lacks data that is needed.
    Incomplete,
    /// redress itself made the call.
    OwnChange,
    /// A later result of the same source for the same resource has replaced it.
    Stale,
}

impl Reason {
    /// All reasons, in the order in which reports show them.
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

    /// Returns the name that documents use.
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

    /// Explains the reason in words, for people.
    pub fn words(self) -> &'static str {
        match self {
            Reason::Passed => "its source does not report a problem",
            Reason::Suppressed => "it is muted at its source",
            Reason::Archived => "it is closed at its source",
            Reason::Sample => "it is a sample, made for a test",
            Reason::FailedCall => "the call failed and changed nothing",
            Reason::ReadOnly => "the call only read",
            Reason::RevertedLater => "a later event reverted it",
            Reason::UnmappedControl => "no check answers it",
            Reason::PseudoResource => "it names a placeholder instead of a resource",
            Reason::UnresolvedResource => "its resource cannot be identified",
            Reason::OtherAccount => "it is about another account",
            Reason::OtherPartition => "it is about another partition",
            Reason::OtherRegion => "it is about a region that was not asked for",
            Reason::Incomplete => "it is cut off, malformed or incomplete",
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

/// The decision to look into a suspicion or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "snake_case")]
pub enum Decision {
    /// The resource is read from the account, and our own checks decide.
    Actionable,
    /// Nothing is read or done for it.
    NotActionable {
        /// The named reason.
        reason: Reason,
        /// The particulars, in words; may be empty.
        detail: String,
    },
}

impl Decision {
    /// Builds the decision not to act, with its reason and particulars.
    pub fn no(reason: Reason, detail: impl AsRef<str>) -> Self {
        Decision::NotActionable { reason, detail: super::text::clean(detail.as_ref(), super::text::LONG) }
    }
    /// Returns whether the suspicion is looked into.
    pub fn is_actionable(&self) -> bool {
        *self == Decision::Actionable
    }
    /// Returns the reason against acting, if there is one.
    pub fn reason(&self) -> Option<Reason> {
        match self {
            Decision::Actionable => None,
            Decision::NotActionable { reason, .. } => Some(*reason),
        }
    }
    /// Returns the word under which the decision is counted: `actionable`, or the name of the reason.
    pub fn word(&self) -> &'static str {
        self.reason().map_or("actionable", Reason::name)
    }
}

/// An action as CloudTrail or GuardDuty records it: the call, the caller, the address and the time. All
/// strings are short and without control characters, but their content is up to the writer: they are
/// shown, never used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The API call: `ec2:AuthorizeSecurityGroupIngress`.
    pub event: String,
    /// The caller, in words: `role deploy, session ci-118`.
    pub who: String,
    /// The origin: an address, or the service that called.
    pub from: String,
    /// The time of the call, in UTC.
    pub when: Option<Timestamp>,
}

impl Evidence {
    /// Summarizes the evidence in one line:
    /// `AuthorizeSecurityGroupIngress by role deploy, session ci-118, from 198.51.100.7`.
    pub fn summary(&self) -> String {
        let call = self.event.rsplit(':').next().unwrap_or(&self.event);
        let from = if self.from.is_empty() { String::new() } else { format!(", from {}", self.from) };
        format!("{call} by {}{from}", self.who)
    }
}

/// One foreign finding, as its source reported it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The tool: `Prowler`, `Security Hub`, `CloudTrail`.
    pub tool: String,
    /// The format and its version: `ASFF 2018-10-08`, `OCSF 1.5.0`.
    pub format: String,
    /// The framework of the control, with its version: `cis-3.0.0`.
    pub framework: String,
    /// The source's own id of the control, rule or event.
    pub control: String,
    /// The source's own id of the finding.
    pub finding: String,
    /// For Security Hub, the product that the finding belongs to, which is half of its identity there.
    /// Empty as well if the id or the product could not be kept unchanged: a shortened one names
    /// another finding, or none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub product: String,
    /// The account that the source reports for the resource; empty if it names none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub account: String,
    /// The severity, in the source's own word.
    pub severity: String,
    /// The time at which the source last saw it.
    pub time: Option<Timestamp>,
    /// The input that contained it.
    pub input: String,
    /// The source's title or message.
    pub title: String,
    /// The decision on this source alone.
    #[serde(flatten)]
    pub decision: Decision,
    /// The action, if the source records one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// The command by which a person acts on it if it is true, where redress plans nothing by itself:
    /// `redress revoke arn:aws:iam::123456789012:user/bo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

/// A resource and the checks to run on it, as other tools report that something is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedFinding {
    /// Hex SHA-256 of account, region, checks and resource: independent of the format and of time.
    pub id: String,
    /// Ids of the checks to run; none if no check answers. A check that judges another kind of resource than
    /// this one applies to the resources that this one stands for: an account for all of its resources, an
    /// instance for its disks and groups.
    pub checks: Vec<String>,
    /// The resource, if its ARN could be determined.
    pub resource: Option<ResourceId>,
    /// The source's name for the resource.
    pub named: String,
    /// The resource's account; empty if it is not known.
    pub account: String,
    /// The resource's partition.
    pub partition: String,
    /// The resource's region; empty for global ones.
    pub region: String,
    /// The highest severity that a source assigns.
    pub severity: Option<Severity>,
    /// Every source, in order of arrival.
    pub sources: Vec<Source>,
    /// The decision on all sources together.
    #[serde(flatten)]
    pub decision: Decision,
}

impl ReportedFinding {
    /// Computes the id from the parts that identify a suspicion.
    pub fn make_id(account: &str, region: &str, checks: &[String], resource: &str) -> String {
        let mut hash = Sha256::new();
        for part in [account, region, &checks.join(","), resource] {
            // Lengths keep the parts apart whatever they contain.
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

/// An item that a reader passes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A foreign finding about one resource.
    Found(Box<ReportedFinding>, Effects),
    /// A call that reverts what others have opened; it is counted as `passed`.
    TakesBack(Effects),
    /// A finding that is counted but not kept: reads, events that no check answers.
    Counted(Reason),
    /// The run of a Cloud Custodian policy; no finding.
    Policy(Policy),
    /// A resource that a Cloud Custodian policy matched. It is not counted yet, since only the policy
    /// gives it a meaning.
    Matched(Box<serde_json::Value>),
}

/// A Cloud Custodian policy, with the account, the region and the time of its run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// The folder that contains its files.
    pub folder: String,
    /// The policy's name.
    pub name: String,
    /// The type of resource: `security-group`, `ebs`.
    pub resource: String,
    /// The types or keys of the filters.
    pub filters: Vec<String>,
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// The end of the run.
    pub time: Option<Timestamp>,
}

/// The effects of an event, as tokens that another event can close.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effects {
    /// The time of the event.
    pub when: Option<Timestamp>,
    /// The account and the region in which every token is meant.
    pub place: String,
    /// The things that the event opened, each with the tokens that may close it.
    pub opens: Vec<Vec<String>>,
    /// The tokens that the event closed.
    pub closes: Vec<String>,
    /// Ids that later events name, each with the resource that it belongs to: a flow log's VPC.
    pub learned: Vec<(String, String)>,
}

/// The name of a known format that contains nothing.
pub const EMPTY: &str = "nothing";

/// The result of reading one input.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The input's name.
    pub input: String,
    /// The recognised format; the first, if there are several.
    pub format: String,
    /// The number of records by format.
    pub formats: BTreeMap<String, u64>,
    /// The number of findings that were read: one for each resource that a record names, one for a
    /// record that names none.
    pub read: u64,
    /// The number of findings by the decision on each alone; the numbers add up to `read`.
    pub counts: BTreeMap<String, u64>,
    /// Bytes read, after decompression.
    pub bytes: u64,
    /// The reason why the input is incomplete, if it is; the part that exists was read all the same.
    pub incomplete: Option<String>,
    /// The reason why the input was declined, if it was: nothing of it was understood.
    pub declined: Option<String>,
}

impl Report {
    /// Returns whether the findings may lack something that the input was to contain: it was cut off, or
    /// single records lack data that is needed.
    pub fn is_partial(&self) -> bool {
        self.incomplete.is_some() || self.counts.get(Reason::Incomplete.name()).is_some_and(|n| *n > 0)
    }

    /// Returns the recognised format of an input without findings, for people: `an empty list`,
    /// `Prowler 4/5 CSV`.
    pub fn kind(&self) -> &str {
        if self.format == EMPTY { "an empty list" } else { &self.format }
    }
}
