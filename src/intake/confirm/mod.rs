//! The verdicts of our own checks on suspicions, once the account has been read: which findings other tools
//! have named, and which of their suspicions are true. Pure; a suspicion never creates a finding, it only
//! keeps one of ours in the list.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::{
    collect::{Counts, Intake},
    model::{Report, ReportedFinding, Source},
    related, sniff,
};
use crate::{
    checks::{self, Unjudged},
    finding::{Finding, Verdict},
    inventory::Inventory,
    resource::Kind,
};

/// The maximum number of sources that are listed with one finding; the document of a scan has all of them.
const MOST_SOURCES: usize = 12;

/// The verdict of our own check on a suspicion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The suspicion is true.
    Confirmed,
    /// The suspicion is not true, or the resource was not found.
    NotConfirmed,
    /// The suspicion could not be judged.
    Unknown,
    /// The suspicion is true, and a person has set it aside, in the account or at the source.
    Suppressed,
}

impl Answer {
    /// Returns the name that documents use.
    pub fn name(self) -> &'static str {
        match self {
            Answer::Confirmed => "confirmed",
            Answer::NotConfirmed => "not_confirmed",
            Answer::Unknown => "unknown",
            Answer::Suppressed => "suppressed",
        }
    }

    /// Explains the answer in words, for people.
    pub fn words(self) -> &'static str {
        match self {
            Answer::Confirmed => "our own check finds the same",
            Answer::NotConfirmed => "our own check finds nothing wrong, or the resource does not exist",
            Answer::Unknown => "our own check could not judge it",
            Answer::Suppressed => "our own check finds the same, and a person has set it aside",
        }
    }
}

/// The suspicions that can be acted on, by what they are about.
pub(super) struct Index<'s> {
    /// Suspicions by check and ARN.
    exact: HashMap<(&'s str, &'s str), Vec<usize>>,
    /// Suspicions that mean every resource that a check judges, by check.
    broad: HashMap<&'s str, Vec<usize>>,
    /// The checks that a suspicion names for the resources that its own resource stands for.
    related: BTreeSet<&'s str>,
}

impl<'s> Index<'s> {
    /// Builds the index of these suspicions.
    pub(super) fn of(suspicions: &'s [ReportedFinding]) -> Self {
        let mut index = Self { exact: HashMap::new(), broad: HashMap::new(), related: BTreeSet::new() };
        for (at, suspicion) in suspicions.iter().enumerate().filter(|(_, s)| s.decision.is_actionable()) {
            let Some(resource) = &suspicion.resource else { continue };
            for id in &suspicion.checks {
                let whole = resource.kind() == Kind::Account
                    && checks::find(id).is_some_and(|c| c.kind != Kind::Account);
                if whole {
                    index.broad.entry(id).or_default().push(at);
                } else {
                    index.exact.entry((id, resource.as_str())).or_default().push(at);
                    let is_other = checks::find(id).is_some_and(|c| c.kind != resource.kind());
                    if is_other || related::is_alias(resource) {
                        index.related.insert(id);
                    }
                }
            }
        }
        index
    }

    /// Returns the positions of the suspicions that a finding answers: those on its resource, on a resource
    /// that stands for it, and on the account as a whole.
    pub(super) fn naming(
        &self,
        suspicions: &[ReportedFinding],
        inventory: &Inventory,
        finding: &Finding,
    ) -> Vec<usize> {
        let related = if self.related.contains(finding.check.as_str()) {
            related::standing_for(inventory, &finding.resource)
        } else {
            BTreeSet::new()
        };
        let named = related.iter().chain([&finding.resource]);
        let exact = named
            .filter_map(|resource| self.exact.get(&(finding.check.as_str(), resource.as_str())))
            .flatten();
        let inside = |at: &&usize| {
            suspicions.get(**at).is_some_and(|s| {
                s.account == finding.resource.account() && (s.region.is_empty() || s.region == finding.region)
            })
        };
        exact
            .chain(self.broad.get(finding.check.as_str()).into_iter().flatten().filter(inside))
            .copied()
            .collect()
    }
}

/// Returns the ids of the checks that suspicions name.
pub fn named_checks(suspicions: &[ReportedFinding]) -> BTreeSet<&str> {
    suspicions
        .iter()
        .filter(|s| s.decision.is_actionable())
        .flat_map(|s| s.checks.iter().map(String::as_str))
        .collect()
}

/// Keeps only the findings that a suspicion names, and adds the sources that named them.
pub fn narrow(
    suspicions: &[ReportedFinding],
    inventory: &Inventory,
    findings: &mut Vec<Finding>,
    unjudged: &mut Vec<Unjudged>,
) {
    let index = Index::of(suspicions);
    findings.retain_mut(|finding| {
        let naming = index.naming(suspicions, inventory, finding);
        let told = naming
            .iter()
            .filter_map(|at| suspicions.get(*at))
            .flat_map(|s| &s.sources)
            .filter(|s| s.decision.is_actionable());
        let mut words: Vec<String> = Vec::new();
        let mut more = 0_usize;
        for word in told.map(Source::words) {
            match words.len() {
                _ if words.contains(&word) => {}
                n if n < MOST_SOURCES => words.push(word),
                _ => more += 1,
            }
        }
        if more > 0 {
            words.push(format!("{more} more"));
        }
        finding.sources.extend(words);
        !naming.is_empty()
    });
    unjudged.extend(related::unjudged(suspicions, inventory));
    unjudged.retain(|u| suspicions.iter().any(|s| silenced(s, u)));
}

/// Returns whether a check that could not be run is one that the suspicion needs in that region.
pub(super) fn silenced(suspicion: &ReportedFinding, unjudged: &Unjudged) -> bool {
    let here = suspicion.region.is_empty() || suspicion.region == unjudged.region;
    here && suspicion.decision.is_actionable() && suspicion.checks.contains(&unjudged.check)
}

/// Returns the answer of our checks to each suspicion; `None` for a suspicion that is not looked into. `run`
/// are the checks that were run.
pub fn answers(
    suspicions: &[ReportedFinding],
    run: &[&str],
    inventory: &Inventory,
    findings: &[Finding],
    unjudged: &[Unjudged],
) -> Vec<Option<Answer>> {
    answered(suspicions, run, inventory, findings, unjudged)
        .into_iter()
        .map(|one| one.map(|(answer, _)| answer))
        .collect()
}

/// Returns the answers, each with the remarks of our checks that led to it.
fn answered<'f>(
    suspicions: &[ReportedFinding],
    run: &[&str],
    inventory: &Inventory,
    findings: &'f [Finding],
    unjudged: &[Unjudged],
) -> Vec<Option<(Answer, BTreeSet<&'f str>)>> {
    let index = Index::of(suspicions);
    let mut said: Vec<BTreeMap<Answer, BTreeSet<&str>>> = vec![BTreeMap::new(); suspicions.len()];
    for finding in findings {
        let (answer, remark) = match (&finding.verdict, &finding.suppressed) {
            (Verdict::Violates(_), None) => (Answer::Confirmed, None),
            (Verdict::Violates(_), Some(_)) => (Answer::Suppressed, None),
            (Verdict::Unknown(why), _) => (Answer::Unknown, Some(why)),
            (Verdict::Ok(note), _) => (Answer::NotConfirmed, note.as_ref()),
            (Verdict::Retained(_), _) => (Answer::NotConfirmed, None),
        };
        for at in index.naming(suspicions, inventory, finding) {
            if let Some(said) = said.get_mut(at) {
                said.entry(answer).or_default().extend(remark.map(String::as_str));
            }
        }
    }
    let of = |(suspicion, mut said): (&ReportedFinding, BTreeMap<Answer, BTreeSet<&'f str>>)| {
        if !suspicion.decision.is_actionable() {
            return None;
        }
        let nobody = !suspicion.checks.iter().any(|c| run.contains(&c.as_str()))
            || unjudged.iter().any(|u| silenced(suspicion, u));
        let answer = match &said {
            s if s.contains_key(&Answer::Confirmed) => Answer::Confirmed,
            s if nobody || s.contains_key(&Answer::Unknown) => Answer::Unknown,
            s if s.contains_key(&Answer::Suppressed) => Answer::Suppressed,
            _ => Answer::NotConfirmed,
        };
        Some((answer, said.remove(&answer).unwrap_or_default()))
    };
    suspicions.iter().zip(said).map(of).collect()
}

/// The findings of other tools that were read, with the answers of our own checks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reported {
    /// Every suspicion, with its answer.
    pub suspicions: Vec<Judged>,
    /// One for each input, in their order.
    pub reports: Vec<Report>,
    /// The sums of what was read.
    pub counts: Counts,
    /// The number of `actionable` findings by answer; the numbers add up to `counts.decisions.actionable`.
    pub outcomes: BTreeMap<String, u64>,
}

/// A suspicion with the answer of our own check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// The suspicion.
    #[serde(flatten)]
    pub suspicion: ReportedFinding,
    /// The answer; null for a suspicion that was not looked into.
    pub answer: Option<Answer>,
    /// The remarks of our own checks that explain the answer, such as why a key cannot be rotated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}

impl Reported {
    /// Builds the report on an intake. `run` are the checks that were run.
    pub fn of(
        intake: Intake,
        run: &[&str],
        inventory: &Inventory,
        findings: &[Finding],
        unjudged: &[Unjudged],
    ) -> Self {
        let (answers, remarks): (Vec<_>, Vec<_>) =
            answered(&intake.suspicions, run, inventory, findings, unjudged)
                .into_iter()
                .map(Option::unzip)
                .unzip();
        let outcomes = outcomes(&intake.suspicions, &answers);
        let texts =
            |remarks: Option<BTreeSet<&str>>| remarks.into_iter().flatten().map(str::to_owned).collect();
        let judged = intake.suspicions.into_iter().zip(answers).zip(remarks);
        let suspicions = judged
            .map(|((suspicion, answer), remarks)| Judged { suspicion, answer, remarks: texts(remarks) })
            .collect();
        Self { suspicions, reports: intake.reports, counts: intake.counts, outcomes }
    }

    /// Summarizes it in one line: `12 findings read: 5 actionable (4 confirmed, 1 not
    /// confirmed), 7 other account`.
    pub fn summary(&self) -> String {
        let tally = |counts: &BTreeMap<String, u64>| {
            counts
                .iter()
                .map(|(word, n)| format!("{n} {}", word.replace('_', " ")))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let mut others = self.counts.decisions.clone();
        let actionable = others.remove("actionable").unwrap_or(0);
        let findings = if self.counts.read == 1 { "finding" } else { "findings" };
        let mut told = format!("{} {findings} read: {actionable} actionable", self.counts.read);
        if !self.outcomes.is_empty() {
            told.push_str(&format!(" ({})", tally(&self.outcomes)));
        }
        if others.is_empty() { told } else { format!("{told}, {}", tally(&others)) }
    }

    /// Returns the remarks of our own checks on what they did not confirm, each with the answer and the
    /// number of suspicions that it explains.
    pub fn remarks(&self) -> BTreeMap<(Answer, &str), usize> {
        let mut all = BTreeMap::new();
        for judged in &self.suspicions {
            for (answer, remark) in judged
                .answer
                .iter()
                .flat_map(|answer| judged.remarks.iter().map(|remark| (*answer, remark.as_str())))
            {
                *all.entry((answer, remark)).or_insert(0) += 1;
            }
        }
        all
    }

    /// Counts the inputs that were incomplete, or that were not understood while others were.
    pub fn incomplete(&self) -> usize {
        self.reports
            .iter()
            .filter(|r| r.is_partial() || r.declined.is_some() && !sniff::repeats(&r.format))
            .count()
    }
}

/// Counts the findings of other tools by answer; the numbers add up to the findings that were
/// `actionable` when read.
pub fn outcomes(suspicions: &[ReportedFinding], answers: &[Option<Answer>]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for (suspicion, answer) in suspicions.iter().zip(answers) {
        let n = suspicion.sources.iter().filter(|s| s.decision.is_actionable()).count() as u64;
        if n > 0 {
            // A resource that one source reports and another has muted is muted.
            *counts.entry(answer.unwrap_or(Answer::Suppressed).name().to_owned()).or_default() += n;
        }
    }
    counts
}

impl Source {
    /// Describes the source in one line:
    /// `CloudTrail: AuthorizeSecurityGroupIngress by role deploy, from 198.51.100.7, 2026-11-22T09:14:00Z`;
    /// `Prowler: ec2_x`, or `Security Hub: 4.1 (cis-1.2.0)` where the framework adds to the tool.
    pub fn words(&self) -> String {
        match &self.evidence {
            Some(evidence) => {
                let when = evidence.when.or(self.time).map(|t| format!(", {t}")).unwrap_or_default();
                format!("{}: {}{when}", self.tool, evidence.summary())
            }
            None if self.framework == self.tool.to_lowercase().replace(' ', "-") => {
                format!("{}: {}", self.tool, self.control)
            }
            None => format!("{}: {} ({})", self.tool, self.control, self.framework),
        }
    }
}

#[cfg(test)]
mod tests;
