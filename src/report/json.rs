//! The documents for programs: `redress.findings/1` and `redress.runs/1`, as types of their own that stay
//! stable when internal types change. `redress.plan/1` and `redress.run/1` are [`crate::plan::Plan`] and
//! [`RunDocument`] themselves.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Decided, Scan, safe};
use crate::{
    finding::{Finding, Verdict, Waived},
    intake::confirm::Reported,
    journal::{RunDocument, RunState},
    plan::PlanKind,
    playbook::waivers::Lapsed,
    reach::Reach,
    resource::ResourceId,
};

/// The document `redress.findings/1`: the findings of a scan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FindingsDocument {
    /// The format's name: `redress.findings/1`.
    pub format: String,
    /// The account.
    pub account: String,
    /// The account's partition.
    pub partition: String,
    /// The regions that were scanned.
    pub regions: Vec<String>,
    /// The endpoint.
    pub endpoint: String,
    /// The time at which the account was read.
    pub read_at: Timestamp,
    /// Violations, including the suppressed ones, and resources that are kept on purpose.
    pub findings: Vec<FindingEntry>,
    /// Resources and checks that could not be judged.
    pub unknown: Vec<UnknownEntry>,
    /// Resources that are in order, with a remark.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<NoteEntry>,
    /// The waivers that set nothing aside: expired ones, and ones that match no finding.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lapsed_waivers: Vec<Lapsed>,
    /// The number of each.
    pub counts: Counts,
    /// The findings that other tools reported, with the decision on each and the answer of our checks; null
    /// without `--findings`.
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
    /// The evidence; null unless the verdict is `violates`.
    pub evidence: Value,
    /// The reason for which a person lets it stay, by the tag `redress:ignore` or a waiver; null if nobody
    /// does.
    pub suppressed: Option<String>,
    /// The waiver that contains this reason, by whom and until which day; left out without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiver: Option<Waived>,
    /// `scan`, or the tools that reported it.
    pub sources: Vec<String>,
    /// The decision: `planned`, `refused`, `suppressed`, ...; null if no plan was made.
    pub decision: Option<String>,
    /// The reason, or the change that answers it; for a retained resource, the reason to keep it.
    pub reason: Option<String>,
    /// The use of what that change closes, as flow logs show it, in sentences; left out without any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub used: Vec<String>,
    /// The reach: whether the world gets to what it is about, hop by hop; left out where that was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reach: Option<Reach>,
}

/// A resource in `redress.findings/1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceEntry {
    /// The ARN.
    pub arn: String,
    /// `security-group`, `vpc`, ...
    pub kind: String,
    /// The id that the service uses.
    pub id: String,
    /// The account that owns it.
    pub account: String,
    /// Its region; empty for global resources.
    pub region: String,
}

/// A resource, or a check in a region, that could not be judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownEntry {
    /// The check's id.
    pub check: String,
    /// The resource; null if the check could not be run in the region at all.
    pub resource: Option<ResourceEntry>,
    /// The region.
    pub region: String,
    /// The reason.
    pub reason: String,
}

/// A resource that is in order, with a remark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteEntry {
    /// The check's id.
    pub check: String,
    /// The resource.
    pub resource: ResourceEntry,
    /// The remark.
    pub note: String,
}

/// The numbers of findings. `open`, `suppressed`, `retained` and `unknown` add up to `total`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// All findings in the document, and resources that could not be judged.
    pub total: usize,
    /// Violations that are not set aside.
    pub open: usize,
    /// Violations that a person has set aside.
    pub suppressed: usize,
    /// Resources that an earlier run kept on purpose.
    pub retained: usize,
    /// Resources that could not be judged.
    pub unknown: usize,
    /// Checks that could not be run in a region.
    pub unjudged: usize,
    /// Open findings by severity.
    pub by_severity: BTreeMap<String, usize>,
}

impl From<&ResourceId> for ResourceEntry {
    fn from(resource: &ResourceId) -> Self {
        let kind =
            serde_json::to_value(resource.kind()).ok().and_then(|kind| kind.as_str().map(str::to_owned));
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
            lapsed_waivers: scan.lapsed.to_vec(),
            counts: Counts { unjudged: scan.unjudged.len(), ..Counts::default() },
            intake: scan.intake.cloned(),
        };
        for finding in scan.findings {
            document.take(finding, scan);
        }
        for unjudged in scan.unjudged {
            let (check, region, reason) =
                (unjudged.check.clone(), unjudged.region.clone(), unjudged.reason.clone());
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
            (Verdict::Ok(Some(note)), _) => {
                return self.notes.push(NoteEntry { check, resource, note: note.clone() });
            }
            (Verdict::Unknown(reason), _) => {
                counts.total += 1;
                counts.unknown += 1;
                let region = finding.region.clone();
                return self.unknown.push(UnknownEntry {
                    check,
                    resource: Some(resource),
                    region,
                    reason: reason.clone(),
                });
            }
            (Verdict::Retained(_), _) => counts.retained += 1,
            (Verdict::Violates(_), Some(_)) => counts.suppressed += 1,
            (Verdict::Violates(_), None) => {
                counts.open += 1;
                *counts.by_severity.entry(finding.severity.to_string()).or_insert(0) += 1;
            }
        }
        counts.total += 1;
        let reach = scan.reach(finding).cloned();
        self.findings.push(FindingEntry { reach, ..entry(finding, resource, decided) });
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
        suppressed: finding.suppressed.as_ref().map(|why| why.reason.clone()),
        waiver: finding.suppressed.as_ref().and_then(|why| why.waiver.clone()),
        sources: finding.sources.clone(),
        decision: decided.map(|d| d.decision.clone()),
        reason: kept_by.or_else(|| decided.map(|d| d.reason.clone())),
        used: decided.map(|d| d.used.clone()).unwrap_or_default(),
        reach: None,
    }
}

/// The document `redress.runs/1`: the list of runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunsDocument {
    /// The format's name: `redress.runs/1`.
    pub format: String,
    /// The runs, the newest first.
    pub runs: Vec<RunEntry>,
}

/// A run in `redress.runs/1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunEntry {
    /// The run's id.
    pub run: String,
    /// The start of the run.
    pub started: Timestamp,
    /// The state of the run.
    pub state: RunState,
    /// Changes by outcome.
    pub counts: BTreeMap<String, usize>,
    /// The kind of its plan.
    pub kind: PlanKind,
    /// The run that an undo reverts.
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
            kind: run.kind,
            of_run: run.of_run.clone(),
            account: run.account.clone(),
        }
    }
}

/// Builds the list of runs, in the order given: the newest first.
pub fn runs(all: &[RunDocument]) -> RunsDocument {
    RunsDocument { format: "redress.runs/1".to_owned(), runs: all.iter().map(RunEntry::from).collect() }
}

/// Writes a document as text, with a newline at the end; safe to show on a terminal.
///
/// # Errors
/// Fails if a value has no JSON form, which is true of none of the documents here.
pub fn write(document: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string_pretty(document).map(|text| safe::json(&text) + "\n")
}
