//! Closing the loop: the outcome of each finding of another tool that a plan was made for, and the findings
//! that may be reported to Security Hub as resolved. Pure, from the plan and the journal; the engine sends
//! the report, and the user decides whether to.

use std::collections::BTreeMap;

use super::{Outcome, Phase, Story};
use crate::{
    calls::{HubFinding, Notice, notice},
    finding::{FindingKey, Origin},
    plan::Plan,
    resource::Owner,
};

/// The outcome of one finding of another tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing<'p> {
    /// The finding.
    pub origin: &'p Origin,
    /// The changes that answer it, in the order of the plan.
    pub changes: Vec<&'p str>,
    /// The reason for which it is not settled; `None` where this run has fixed every finding of ours behind
    /// it, with proof.
    pub open: Option<String>,
}

/// Returns the outcome of each finding that the plan was made for and that a change of the plan answers.
pub fn closings<'p>(plan: &'p Plan, story: &Story) -> Vec<Closing<'p>> {
    let mut by_finding: BTreeMap<&FindingKey, &'p str> = BTreeMap::new();
    for change in &plan.changes {
        by_finding.extend(change.findings.iter().map(|key| (key, change.id.as_str())));
    }
    let opens: BTreeMap<_, _> = plan.rehearsal.opens.iter().map(|key| (&key.resource, key)).collect();
    let of = |origin: &'p Origin| {
        let answering = |id: &&str| origin.answers.iter().any(|key| by_finding.get(key) == Some(id));
        let changes: Vec<&'p str> = plan.changes.iter().map(|c| c.id.as_str()).filter(answering).collect();
        let unanswered =
            origin.answers.iter().find(|key| !by_finding.contains_key(key)).map(|key| unplanned(plan, key));
        let undone = changes.iter().find_map(|id| not_verified(story, id));
        let beyond = origin.beyond.first().map(|what| format!("it is also about {what}"));
        // Another check of the same control may find it: where the harmless ports of a rule stay open, the
        // one on other ports does.
        let opened = origin.answers.iter().find_map(|key| opens.get(&key.resource)).map(|key| {
            format!("by the rehearsal, {} finds something on {} afterwards", key.check, key.resource.id())
        });
        Closing { origin, changes, open: undone.or(unanswered).or(opened).or(beyond) }
    };
    plan.origins.iter().map(of).filter(|closing| !closing.changes.is_empty()).collect()
}

fn unplanned(plan: &Plan, key: &FindingKey) -> String {
    let why = plan
        .skipped
        .iter()
        .find(|s| s.finding == *key)
        .map_or("it was left out of the plan", |s| s.kind.word());
    format!("no change answers {} of {}: {why}", key.check, key.resource.id())
}

/// Returns the reason for which this run has not made and proved a change; `None` where it has.
fn not_verified(story: &Story, id: &str) -> Option<String> {
    let told = story.changes.get(id);
    if let Some(run) = told.and_then(|t| t.undone_by.as_ref()) {
        return Some(format!("{id} was undone by run {run}"));
    }
    match told.map(|t| &t.phase) {
        // Until it is marked as kept, a replaced resource shows the finding as before.
        Some(Phase::Ended(Outcome::Verified))
            if told.is_some_and(|t| !t.by_hand().is_empty() && !t.awaiting.is_empty()) =>
        {
            Some(format!("{id} is verified, but something is left to do by hand"))
        }
        Some(Phase::Ended(Outcome::Verified)) => None,
        Some(Phase::Ended(outcome)) => Some(format!("{id} is {}", outcome.word())),
        _ => Some(format!("{id} was not completed")),
    }
}

/// The findings that may be reported to Security Hub after a run, and those that may not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Notices {
    /// The updates that may be sent, region by region.
    pub notices: Vec<Notice>,
    /// The findings of Security Hub that are left as they are, each with the reason.
    pub left: Vec<(HubFinding, String)>,
}

/// Selects the settled findings to report to Security Hub: those in its own format that belong to this
/// account, its partition and the regions of the plan. `at` is the time at which their proofs held.
pub fn notices(plan: &Plan, story: &Story, at: jiff::Timestamp) -> Notices {
    let owner = Owner { partition: plan.partition.clone(), account: plan.account.clone() };
    let mut by_region: BTreeMap<String, Vec<HubFinding>> = BTreeMap::new();
    let mut all = Notices::default();
    for closing in closings(plan, story).into_iter().filter(|c| c.origin.format.starts_with("ASFF")) {
        let (id, product) = (closing.origin.finding.as_str(), closing.origin.product.as_str());
        match placed(&closing, plan, &owner) {
            Ok((region, finding)) => by_region.entry(region).or_default().push(finding),
            Err(why) => all.left.push((HubFinding { id: id.to_owned(), product: product.to_owned() }, why)),
        }
    }
    // A finding that is open under one control is open under all: the id and product name one finding.
    for (region, mut findings) in by_region {
        findings.sort();
        findings.dedup();
        findings.retain(|f| !all.left.iter().any(|(left, _)| left == f));
        let note = note(&story.head.run, at);
        all.notices.extend(findings.chunks(notice::MOST).map(|part| Notice {
            region: region.clone(),
            findings: part.to_vec(),
            note: note.clone(),
        }));
    }
    all
}

fn placed(closing: &Closing<'_>, plan: &Plan, owner: &Owner) -> Result<(String, HubFinding), String> {
    let origin = closing.origin;
    let (region, finding) = HubFinding::of(&origin.finding, &origin.product, owner)?;
    match &closing.open {
        _ if origin.account != plan.account => Err(format!("it belongs to account {}", origin.account)),
        _ if !plan.regions.contains(&region) => Err(format!("it is in {region}, and the run is not")),
        Some(open) => Err(open.clone()),
        None => Ok((region, finding)),
    }
}

/// Writes the note that the finding carries from then on.
fn note(run: &str, at: jiff::Timestamp) -> String {
    let text = format!(
        "Fixed by redress, run {run}; checked again and proved at {at:.0}. `redress show {run}` shows what \
         was done."
    );
    text.chars().take(notice::LONGEST_NOTE).collect()
}
