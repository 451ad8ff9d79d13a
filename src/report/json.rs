//! The documents for programs: `redress.findings/1` and `redress.runs/1`, as types of their own that do not change when
//! the insides do. `redress.plan/1` and `redress.run/1` are [`crate::plan::Plan`] and [`RunDocument`] themselves.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Decided, Scan, safe};
use crate::{
    finding::{Finding, Verdict},
    intake::confirm::Reported,
    journal::{RunDocument, RunState},
    resource::ResourceId,
};

/// `redress.findings/1`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FindingsDocument {
    /// `redress.findings/1`
    pub format: String,
    /// The account.
    pub account: String,
    /// Its partition.
    pub partition: String,
    /// The regions that were looked at.
    pub regions: Vec<String>,
    /// The endpoint.
    pub endpoint: String,
    /// When the account was read.
    pub read_at: Timestamp,
    /// What is wrong, what of it is suppressed, and what is kept on purpose.
    pub findings: Vec<FindingEntry>,
    /// What nothing can be said of.
    pub unknown: Vec<UnknownEntry>,
    /// What is fine and still worth a word.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<NoteEntry>,
    /// How many of each.
    pub counts: Counts,
    /// What other tools have reported, what was decided on it, and what our checks said; null without `--findings`.
    #[serde(default)]
    pub intake: Option<Reported>,
}

/// A finding in `redress.findings/1`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FindingEntry {
    /// The check's id.
    pub check: String,
    /// `low`, `medium`, `high`, `critical`.
    pub severity: String,
    /// `violates` or `retained`.
    pub verdict: String,
    /// The resource.
    pub resource: ResourceEntry,
    /// What shows it; null where the verdict is not `violates`.
    pub evidence: Value,
    /// The value of the tag `redress:ignore`; null where nobody has set it.
    pub suppressed: Option<String>,
    /// `scan`, or the tools that reported it.
    pub sources: Vec<String>,
    /// What would be done: `planned`, `refused`, `suppressed`, ...; null where that was not asked.
    pub decision: Option<String>,
    /// Why, or by which change; what keeps a retained one.
    pub reason: Option<String>,
}

/// A resource in `redress.findings/1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceEntry {
    /// The ARN.
    pub arn: String,
    /// `security-group`, `vpc`, ...
    pub kind: String,
    /// The id by which the service knows it.
    pub id: String,
    /// The account that owns it.
    pub account: String,
    /// Its region; empty for global resources.
    pub region: String,
}

/// Something that nothing can be said of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownEntry {
    /// The check's id.
    pub check: String,
    /// The resource; null where the check could not be run in the region at all.
    pub resource: Option<ResourceEntry>,
    /// The region.
    pub region: String,
    /// Why.
    pub reason: String,
}

/// Something fine with a note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteEntry {
    /// The check's id.
    pub check: String,
    /// The resource.
    pub resource: ResourceEntry,
    /// The note.
    pub note: String,
}

/// How many of each. The first four are parts of `total`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Everything that is told: findings, and resources of which nothing can be said.
    pub total: usize,
    /// Wrong, and not set aside.
    pub open: usize,
    /// Wrong, and set aside by a person.
    pub suppressed: usize,
    /// Kept on purpose by an earlier run.
    pub retained: usize,
    /// Resources of which nothing can be said.
    pub unknown: usize,
    /// Checks that could not be run in a region.
    pub unjudged: usize,
    /// The open ones by severity.
    pub by_severity: BTreeMap<String, usize>,
}

impl From<&ResourceId> for ResourceEntry {
    fn from(resource: &ResourceId) -> Self {
        let kind = serde_json::to_value(resource.kind()).ok().and_then(|kind| kind.as_str().map(str::to_owned));
        Self {
            arn: resource.as_str().to_owned(),
            kind: kind.unwrap_or_default(),
            id: resource.id().to_owned(),
            account: resource.account().to_owned(),
            region: resource.region().to_owned(),
        }
    }
}

impl From<&Scan<'_>> for FindingsDocument {
    fn from(scan: &Scan<'_>) -> Self {
        let mut document = Self {
            format: "redress.findings/1".to_owned(),
            account: scan.account.to_owned(),
            partition: scan.partition.to_owned(),
            regions: scan.regions.to_vec(),
            endpoint: scan.endpoint.to_owned(),
            read_at: scan.read_at,
            findings: Vec::new(),
            unknown: Vec::new(),
            notes: Vec::new(),
            counts: Counts { unjudged: scan.unjudged.len(), ..Counts::default() },
            intake: scan.intake.cloned(),
        };
        for finding in scan.findings {
            document.take(finding, scan);
        }
        for unjudged in scan.unjudged {
            let (check, region, reason) = (unjudged.check.clone(), unjudged.region.clone(), unjudged.reason.clone());
            document.unknown.push(UnknownEntry { check, resource: None, region, reason });
        }
        document
    }
}

impl FindingsDocument {
    fn take(&mut self, finding: &Finding, scan: &Scan<'_>) {
        let decided = scan.decisions.get(&finding.key());
        let counts = &mut self.counts;
        let (check, resource) = (finding.check.clone(), ResourceEntry::from(&finding.resource));
        match (&finding.verdict, &finding.suppressed) {
            (Verdict::Ok(None), _) => return,
            (Verdict::Ok(Some(note)), _) => return self.notes.push(NoteEntry { check, resource, note: note.clone() }),
            (Verdict::Unknown(reason), _) => {
                counts.total += 1;
                counts.unknown += 1;
                let region = finding.region.clone();
                return self.unknown.push(UnknownEntry { check, resource: Some(resource), region, reason: reason.clone() });
            }
            (Verdict::Retained(_), _) => counts.retained += 1,
            (Verdict::Violates(_), Some(_)) => counts.suppressed += 1,
            (Verdict::Violates(_), None) => {
                counts.open += 1;
                *counts.by_severity.entry(finding.severity.to_string()).or_insert(0) += 1;
            }
        }
        counts.total += 1;
        self.findings.push(entry(finding, resource, decided));
    }
}

fn entry(finding: &Finding, resource: ResourceEntry, decided: Option<&Decided>) -> FindingEntry {
    let (evidence, kept_by) = match &finding.verdict {
        Verdict::Violates(evidence) => (evidence.clone(), None),
        Verdict::Retained(by) => (Value::Null, Some(by.clone())),
        _ => (Value::Null, None),
    };
    FindingEntry {
        check: finding.check.clone(),
        severity: finding.severity.to_string(),
        verdict: finding.verdict.word().to_owned(),
        resource,
        evidence,
        suppressed: finding.suppressed.clone(),
        sources: finding.sources.clone(),
        decision: decided.map(|d| d.decision.clone()),
        reason: kept_by.or_else(|| decided.map(|d| d.reason.clone())),
    }
}

/// `redress.runs/1`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunsDocument {
    /// `redress.runs/1`
    pub format: String,
    /// The runs, the newest first.
    pub runs: Vec<RunEntry>,
}

/// A run in `redress.runs/1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunEntry {
    /// The run's id.
    pub run: String,
    /// When it began.
    pub started: Timestamp,
    /// Where it stands.
    pub state: RunState,
    /// Changes by outcome.
    pub counts: BTreeMap<String, usize>,
    /// `plan`, `undo` or `prune`.
    pub kind: String,
    /// The run that an undo takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of_run: Option<String>,
    /// The account.
    pub account: String,
}

impl From<&RunDocument> for RunEntry {
    fn from(run: &RunDocument) -> Self {
        Self {
            run: run.run.clone(),
            started: run.started,
            state: run.state,
            counts: run.counts.clone(),
            kind: run.kind.clone(),
            of_run: run.of_run.clone(),
            account: run.account.clone(),
        }
    }
}

/// The list of runs. They are given, and stay, the newest first.
pub fn runs(all: &[RunDocument]) -> RunsDocument {
    RunsDocument { format: "redress.runs/1".to_owned(), runs: all.iter().map(RunEntry::from).collect() }
}

/// A document as text, with a newline at the end; safe to show on a terminal.
///
/// # Errors
/// When a value has no JSON form, which none of the documents here has.
pub fn write(document: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string_pretty(document).map(|text| safe::json(&text) + "\n")
}
