//! What our own checks say of suspicions, once the account was read: which findings others have named, and which of
//! their suspicions are true. Pure; a suspicion never makes a finding, it only lets one of ours stay.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::{
    collect::{Counts, Intake},
    kin,
    model::{Report, Source, Suspicion},
    sniff,
};
use crate::{
    checks::{self, Unjudged},
    finding::{Finding, Verdict},
    inventory::Inventory,
    resource::Kind,
};

/// So many sources are told with one finding; the document of a scan has all.
const MOST_SOURCES: usize = 12;

/// What our own check said of a suspicion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It is so.
    Confirmed,
    /// It is not so, or the resource is not there.
    NotConfirmed,
    /// It could not be judged.
    Unknown,
    /// It is so, and a person has set it aside, in the account or at the source.
    Suppressed,
}

impl Answer {
    /// The name, as documents carry it.
    pub fn name(self) -> &'static str {
        match self {
            Answer::Confirmed => "confirmed",
            Answer::NotConfirmed => "not_confirmed",
            Answer::Unknown => "unknown",
            Answer::Suppressed => "suppressed",
        }
    }

    /// What it means, for people.
    pub fn words(self) -> &'static str {
        match self {
            Answer::Confirmed => "our own check says the same",
            Answer::NotConfirmed => "our own check finds nothing wrong, or the resource is not there",
            Answer::Unknown => "our own check could not judge it",
            Answer::Suppressed => "it is so, and a person has set it aside",
        }
    }
}

/// The suspicions that can be acted on, by what they are about.
pub(super) struct Index<'s> {
    /// By check and ARN.
    exact: HashMap<(&'s str, &'s str), Vec<usize>>,
    /// Those that mean every resource that a check judges, by check.
    broad: HashMap<&'s str, Vec<usize>>,
    /// The checks that a suspicion names for what its resource stands for.
    kin: BTreeSet<&'s str>,
}

impl<'s> Index<'s> {
    /// The index of these.
    pub(super) fn of(suspicions: &'s [Suspicion]) -> Self {
        let mut index = Self { exact: HashMap::new(), broad: HashMap::new(), kin: BTreeSet::new() };
        for (at, suspicion) in suspicions.iter().enumerate().filter(|(_, s)| s.decision.is_actionable()) {
            let Some(resource) = &suspicion.resource else { continue };
            for id in &suspicion.checks {
                let whole = resource.kind() == Kind::Account && checks::find(id).is_some_and(|c| c.kind != Kind::Account);
                if whole {
                    index.broad.entry(id).or_default().push(at);
                } else {
                    index.exact.entry((id, resource.as_str())).or_default().push(at);
                    if checks::find(id).is_some_and(|c| c.kind != resource.kind()) {
                        index.kin.insert(id);
                    }
                }
            }
        }
        index
    }

    /// The suspicions that a finding answers: those on its resource, on what stands for it, and on the account as a whole.
    pub(super) fn naming(&self, suspicions: &[Suspicion], inventory: &Inventory, finding: &Finding) -> Vec<usize> {
        let kin = if self.kin.contains(finding.check.as_str()) { kin::standing_for(inventory, &finding.resource) } else { BTreeSet::new() };
        let named = kin.iter().chain([&finding.resource]);
        let exact = named.filter_map(|resource| self.exact.get(&(finding.check.as_str(), resource.as_str()))).flatten();
        let inside =
            |at: &&usize| suspicions.get(**at).is_some_and(|s| s.account == finding.resource.account() && (s.region.is_empty() || s.region == finding.region));
        exact.chain(self.broad.get(finding.check.as_str()).into_iter().flatten().filter(inside)).copied().collect()
    }
}

/// The ids of the checks that suspicions name.
pub fn named_checks(suspicions: &[Suspicion]) -> BTreeSet<&str> {
    suspicions.iter().filter(|s| s.decision.is_actionable()).flat_map(|s| s.checks.iter().map(String::as_str)).collect()
}

/// Leaves of findings only those that a suspicion names, with who named them.
pub fn narrow(suspicions: &[Suspicion], inventory: &Inventory, findings: &mut Vec<Finding>, unjudged: &mut Vec<Unjudged>) {
    let index = Index::of(suspicions);
    findings.retain_mut(|finding| {
        let naming = index.naming(suspicions, inventory, finding);
        let told = naming.iter().filter_map(|at| suspicions.get(*at)).flat_map(|s| &s.sources).filter(|s| s.decision.is_actionable());
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
    unjudged.extend(kin::unjudged(suspicions, inventory));
    unjudged.retain(|u| suspicions.iter().any(|s| silenced(s, u)));
}

/// Whether a check that could not be run is one that a suspicion asked for there.
pub(super) fn silenced(suspicion: &Suspicion, unjudged: &Unjudged) -> bool {
    let here = suspicion.region.is_empty() || suspicion.region == unjudged.region;
    here && suspicion.decision.is_actionable() && suspicion.checks.contains(&unjudged.check)
}

/// What our checks said of each suspicion: `None` for those that are not looked into. `run` are the checks that were run.
pub fn answers(suspicions: &[Suspicion], run: &[&str], inventory: &Inventory, findings: &[Finding], unjudged: &[Unjudged]) -> Vec<Option<Answer>> {
    let index = Index::of(suspicions);
    let mut said: Vec<BTreeSet<Answer>> = vec![BTreeSet::new(); suspicions.len()];
    for finding in findings {
        let answer = match (&finding.verdict, &finding.suppressed) {
            (Verdict::Violates(_), None) => Answer::Confirmed,
            (Verdict::Violates(_), Some(_)) => Answer::Suppressed,
            (Verdict::Unknown(_), _) => Answer::Unknown,
            (Verdict::Ok(_) | Verdict::Retained(_), _) => Answer::NotConfirmed,
        };
        for at in index.naming(suspicions, inventory, finding) {
            if let Some(said) = said.get_mut(at) {
                said.insert(answer);
            }
        }
    }
    let of = |(suspicion, said): (&Suspicion, BTreeSet<Answer>)| {
        if !suspicion.decision.is_actionable() {
            return None;
        }
        let nobody = !suspicion.checks.iter().any(|c| run.contains(&c.as_str())) || unjudged.iter().any(|u| silenced(suspicion, u));
        Some(match said {
            s if s.contains(&Answer::Confirmed) => Answer::Confirmed,
            s if nobody || s.contains(&Answer::Unknown) => Answer::Unknown,
            s if s.contains(&Answer::Suppressed) => Answer::Suppressed,
            _ => Answer::NotConfirmed,
        })
    };
    suspicions.iter().zip(said).map(of).collect()
}

/// What was read of others' findings, with what our own checks said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reported {
    /// Every suspicion, with what was said of it.
    pub suspicions: Vec<Judged>,
    /// One for each input, in their order.
    pub reports: Vec<Report>,
    /// The sums of what was read.
    pub counts: Counts,
    /// How many of the findings that were `actionable` came to which answer: they add up to `counts.decisions.actionable`.
    pub outcomes: BTreeMap<String, u64>,
}

/// A suspicion with what our own check said of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// The suspicion.
    #[serde(flatten)]
    pub suspicion: Suspicion,
    /// What was said; null for what was not looked into.
    pub answer: Option<Answer>,
}

impl Reported {
    /// What came of this intake. `run` are the checks that were run.
    pub fn of(intake: Intake, run: &[&str], inventory: &Inventory, findings: &[Finding], unjudged: &[Unjudged]) -> Self {
        let answers = answers(&intake.suspicions, run, inventory, findings, unjudged);
        let outcomes = outcomes(&intake.suspicions, &answers);
        let suspicions = intake.suspicions.into_iter().zip(answers).map(|(suspicion, answer)| Judged { suspicion, answer }).collect();
        Self { suspicions, reports: intake.reports, counts: intake.counts, outcomes }
    }

    /// In one line: `12 findings read: 5 actionable (4 confirmed, 1 not confirmed), 7 other account`.
    pub fn summary(&self) -> String {
        let tally = |counts: &BTreeMap<String, u64>| counts.iter().map(|(word, n)| format!("{n} {}", word.replace('_', " "))).collect::<Vec<_>>().join(", ");
        let mut others = self.counts.decisions.clone();
        let actionable = others.remove("actionable").unwrap_or(0);
        let mut told = format!("{} findings read: {actionable} actionable", self.counts.read);
        if !self.outcomes.is_empty() {
            told.push_str(&format!(" ({})", tally(&self.outcomes)));
        }
        if others.is_empty() { told } else { format!("{told}, {}", tally(&others)) }
    }

    /// How many inputs did not come whole, or were not understood beside others that were.
    pub fn incomplete(&self) -> usize {
        self.reports.iter().filter(|r| r.is_partial() || r.declined.is_some() && !sniff::repeats(&r.format)).count()
    }
}

/// How many findings of others came to which answer: they add up to those of them that were `actionable` when read.
pub fn outcomes(suspicions: &[Suspicion], answers: &[Option<Answer>]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for (suspicion, answer) in suspicions.iter().zip(answers) {
        let n = suspicion.sources.iter().filter(|s| s.decision.is_actionable()).count() as u64;
        if n > 0 {
            // What one source reports and another has muted is muted.
            *counts.entry(answer.unwrap_or(Answer::Suppressed).name().to_owned()).or_default() += n;
        }
    }
    counts
}

impl Source {
    /// In one line: `CloudTrail: AuthorizeSecurityGroupIngress by role deploy, from 198.51.100.7, 2026-11-22T09:14:00Z`;
    /// `Prowler: ec2_x`, or `Security Hub: 4.1 (cis-1.2.0)` where the framework says more than the tool.
    pub fn words(&self) -> String {
        match &self.evidence {
            Some(evidence) => {
                let when = evidence.when.or(self.time).map(|t| format!(", {t}")).unwrap_or_default();
                format!("{}: {}{when}", self.tool, evidence.summary())
            }
            None if self.framework == self.tool.to_lowercase().replace(' ', "-") => format!("{}: {}", self.tool, self.control),
            None => format!("{}: {} ({})", self.tool, self.control, self.framework),
        }
    }
}

#[cfg(test)]
mod tests;
