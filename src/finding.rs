//! A finding: a check violated by a resource, with its evidence and its source. Data only; the remedy is up
//! to playbooks.

use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{inventory::tag::IGNORE, resource::ResourceId};

/// The severity of a finding; the words are those of Security Hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Low,
    /// To be fixed.
    Medium,
    /// To be fixed soon.
    High,
    /// To be fixed now.
    Critical,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        })
    }
}

/// The verdict of a check on a resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The rule is violated; the value is the evidence, made of facts.
    Violates(Value),
    /// The rule is kept. The note contains what a reader should know all the same ("not yet delivered").
    Ok(Option<String>),
    /// The resource is kept on purpose by an earlier run: the text names its replacement.
    Retained(String),
    /// The check cannot judge, for this reason.
    Unknown(String),
}

impl Verdict {
    /// Returns the verdict in one word, as in JSON documents.
    pub fn word(&self) -> &'static str {
        match self {
            Verdict::Violates(_) => "violates",
            Verdict::Ok(_) => "ok",
            Verdict::Retained(_) => "retained",
            Verdict::Unknown(_) => "unknown",
        }
    }
}

/// A decision of a person that a violation stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppressed {
    /// The reason, as the person wrote it; may be empty at a tag.
    pub reason: String,
    /// The waiver that contains the decision; `None` for the tag `redress:ignore`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiver: Option<Waived>,
}

/// The person behind a waiver, and its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waived {
    /// The person who decided.
    pub who: String,
    /// The last day on which it holds, in UTC.
    pub until: Date,
}

impl Suppressed {
    /// Describes the decision: `the tag redress:ignore reads: honeypot`.
    pub fn words(&self) -> String {
        match &self.waiver {
            Some(Waived { who, until }) => format!("waived by {who} until {until}: {}", self.reason),
            None if self.reason.trim().is_empty() => format!("the tag {IGNORE} is set, without a reason"),
            None => format!("the tag {IGNORE} reads: {}", self.reason),
        }
    }
}

impl From<&str> for Suppressed {
    /// Takes the value of the tag `redress:ignore`.
    fn from(reason: &str) -> Self {
        Self { reason: reason.to_owned(), waiver: None }
    }
}

/// One check on one resource, with its verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The id of the check.
    pub check: String,
    /// The severity.
    pub severity: Severity,
    /// The resource.
    pub resource: ResourceId,
    /// The region of the finding; empty for the account as a whole.
    pub region: String,
    /// The verdict of the check.
    pub verdict: Verdict,
    /// The decision of a person that it stays, by the tag `redress:ignore` or a waiver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppressed: Option<Suppressed>,
    /// The tags of the resource, by which playbooks match.
    #[serde(default)]
    pub tags: crate::inventory::Tags,
    /// The sources of the finding: `scan`, or the tools that reported it.
    pub sources: Vec<String>,
}

impl Finding {
    /// Returns the check and the resource, which identify a finding.
    pub fn key(&self) -> FindingKey {
        FindingKey { check: self.check.clone(), resource: self.resource.clone() }
    }
}

/// A finding of another tool that findings of ours come from: everything needed to report its outcome back to
/// that tool. All texts are the other tool's, cut and sanitized: they are compared and shown, and only those
/// that name a finding of Security Hub ever leave in a request, after their own form was checked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The tool: `Security Hub`, `Prowler`.
    pub tool: String,
    /// The format of the report: `ASFF 2018-10-08`.
    pub format: String,
    /// The framework of the control, with the version.
    pub framework: String,
    /// The control, rule or event.
    pub control: String,
    /// The id of the finding: ASFF's `Id`, OCSF's `finding_info.uid`, an event's `eventID`; empty if the tool
    /// gives none.
    pub finding: String,
    /// ASFF's `ProductArn`, without which the id names nothing in Security Hub.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub product: String,
    /// The account that the finding names as its own.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub account: String,
    /// The findings of ours that come from it.
    pub answers: Vec<FindingKey>,
    /// Further subjects of the finding that no finding of ours covers: resolving `answers` does not resolve
    /// these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beyond: Vec<String>,
}

/// The identity of a finding: its check and its resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FindingKey {
    /// The id of the check.
    pub check: String,
    /// The resource.
    pub resource: ResourceId,
}
