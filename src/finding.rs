//! A finding: a check violated by a resource, with its evidence and where it came from. Data only; what to do about
//! it is for playbooks to say.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::resource::ResourceId;

/// How grave a finding is; the words are those of Security Hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Low,
    /// Should be mended.
    Medium,
    /// Should be mended soon.
    High,
    /// Should be mended now.
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

/// What a check says of a resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The rule is violated; the value is the evidence, made of facts.
    Violates(Value),
    /// The rule is kept. The note says what a reader should know all the same ("not yet delivered").
    Ok(Option<String>),
    /// Kept on purpose by an earlier run: the text names what replaced it.
    Retained(String),
    /// Nothing can be said, because.
    Unknown(String),
}

impl Verdict {
    /// The verdict in one word, as JSON documents carry it.
    pub fn word(&self) -> &'static str {
        match self {
            Verdict::Violates(_) => "violates",
            Verdict::Ok(_) => "ok",
            Verdict::Retained(_) => "retained",
            Verdict::Unknown(_) => "unknown",
        }
    }
}

/// One check on one resource, with what it said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The check's id.
    pub check: String,
    /// How grave.
    pub severity: Severity,
    /// The resource.
    pub resource: ResourceId,
    /// The region it is about; empty for the account as a whole.
    pub region: String,
    /// What the check said.
    pub verdict: Verdict,
    /// The value of the tag `redress:ignore`, where a person has set it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppressed: Option<String>,
    /// Tags of the resource, by which playbooks match.
    #[serde(default)]
    pub tags: crate::inventory::Tags,
    /// Where it came from: `scan`, or the tools that reported it.
    pub sources: Vec<String>,
}

impl Finding {
    /// Check and resource: what a finding is the same by.
    pub fn key(&self) -> FindingKey {
        FindingKey { check: self.check.clone(), resource: self.resource.clone() }
    }
}

/// A finding of another tool that stands behind findings of ours: what it takes to tell that tool what became of it.
/// All texts are the other tool's, cut and tamed: they are compared and shown, and only those that name a finding of Security
/// Hub ever leave in a request, after they were held to their own form.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The tool: `Security Hub`, `Prowler`.
    pub tool: String,
    /// The format it came in: `ASFF 2018-10-08`.
    pub format: String,
    /// The framework of its control, with the version.
    pub framework: String,
    /// Its control, rule or event.
    pub control: String,
    /// Its own id: ASFF's `Id`, OCSF's `finding_info.uid`, an event's `eventID`; empty where its tool gives none.
    pub finding: String,
    /// ASFF's `ProductArn`, without which the id names nothing in Security Hub.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub product: String,
    /// The account that it says it is about.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub account: String,
    /// The findings of ours that it stands behind.
    pub answers: Vec<FindingKey>,
    /// What else it is about and no finding of ours says: it is not settled by settling `answers`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beyond: Vec<String>,
}

/// What a finding is the same by: which check, which resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FindingKey {
    /// The check's id.
    pub check: String,
    /// The resource.
    pub resource: ResourceId,
}
