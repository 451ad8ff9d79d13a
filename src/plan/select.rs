//! Approving a part of a plan: the changes that stay, those that drop out with the ones that were left out,
//! and the part rehearsed again. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Change, Plan, Skipped, SkippedKind, Stage, build, digest,
    play::{AllOutputs, play},
    propose::{differs, remake},
    rehearse::{Rules, rehearse},
};
use crate::actions::Refusal;

/// A part of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Selected {
    /// The part, a plan of its own with a digest of its own; its changes keep their ids.
    pub plan: Plan,
    /// Changes that were chosen and are nevertheless not in it.
    pub dropped: Vec<Dropped>,
    /// Changes that look different in the part, since the changes that they would have built on are not in
    /// it: id, and the difference.
    pub changed: BTreeMap<String, String>,
}

/// A change that was chosen and drops out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// Its id.
    pub change: String,
    /// The reason.
    pub because: String,
}

/// The reason for which no part could be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// Some ids are not in the plan.
    #[error("the plan has no change {unknown}; it has {known}")]
    NoSuchChange {
        /// The ids that were given.
        unknown: String,
        /// The ids that the plan has.
        known: String,
    },
}

/// Makes the part of a plan that consists of these changes. Each is made again on the stage as the changes
/// before it leave it, and the whole is rehearsed again. `stage` is in the state of the account when the plan
/// was made.
///
/// # Errors
/// An id that the plan does not have.
pub fn select(
    plan: &Plan,
    ids: &BTreeSet<String>,
    stage: &dyn Stage,
    rules: &Rules,
) -> Result<Selected, SelectError> {
    let unknown: Vec<&str> = ids.iter().filter(|id| plan.change(id).is_none()).map(String::as_str).collect();
    if !unknown.is_empty() {
        let known = if plan.changes.is_empty() {
            "none".to_owned()
        } else {
            plan.changes.iter().map(|c| c.id.as_str()).collect::<Vec<_>>().join(", ")
        };
        return Err(SelectError::NoSuchChange { unknown: unknown.join(", "), known });
    }
    let mut out: BTreeMap<String, String> = BTreeMap::new();
    let (changes, rehearsal) = loop {
        let changes = part(plan, ids, stage, &mut out);
        let rehearsed = rehearse(&changes, stage, rules);
        if rehearsed.failed.is_empty() || changes.is_empty() {
            break (changes, rehearsed.rehearsal);
        }
        out.extend(
            rehearsed
                .failed
                .into_iter()
                .map(|(id, reason)| (id, format!("it fails in the rehearsal of the part: {reason}"))),
        );
    };
    let changed =
        changes.iter().filter_map(|c| Some((c.id.clone(), differs(plan.change(&c.id)?, c)?))).collect();
    let mut skipped = plan.skipped.clone();
    let kept: BTreeSet<&str> = changes.iter().map(|c| c.id.as_str()).collect();
    for change in plan.changes.iter().filter(|c| !kept.contains(c.id.as_str())) {
        let because = out.get(&change.id).map_or_else(|| "a person left it out".to_owned(), Clone::clone);
        let reason = format!("change {} was not approved: {because}", change.id);
        skipped.extend(change.findings.iter().map(|finding| Skipped {
            finding: finding.clone(),
            kind: SkippedKind::Refused,
            reason: reason.clone(),
        }));
    }
    let mut selected = Plan {
        counts: build::counts(&changes, &skipped),
        changes,
        skipped,
        rehearsal,
        digest: String::new(),
        ..plan.clone()
    };
    digest::seal(&mut selected);
    let dropped = out.into_iter().map(|(change, because)| Dropped { change, because }).collect();
    Ok(Selected { plan: selected, dropped, changed })
}

/// Makes the chosen changes again; those that drop out are put into `out`.
fn part(
    plan: &Plan,
    ids: &BTreeSet<String>,
    stage: &dyn Stage,
    out: &mut BTreeMap<String, String>,
) -> Vec<Change> {
    let (mut work, mut outputs, mut kept) = (stage.fork(), AllOutputs::new(), Vec::<Change>::new());
    let (started, mut approved) = (stage.inventory().read_at, BTreeSet::<&str>::new());
    for planned in plan.changes.iter().filter(|c| ids.contains(&c.id)) {
        if out.contains_key(&planned.id) {
            continue;
        }
        if let Some(needed) = planned.after.iter().find(|id| !approved.contains(id.as_str())) {
            out.insert(planned.id.clone(), format!("it comes after {needed}, which is not approved"));
            continue;
        }
        let change = match remake(planned, &work.inventory(), &plan.options, work.as_ref()) {
            Ok(change) => change,
            Err(Refusal::Refused(reason) | Refusal::Unknown(reason) | Refusal::Nothing(reason)) => {
                out.insert(planned.id.clone(), format!("without the changes that were left out: {reason}"));
                continue;
            }
        };
        let (mut trial, mut made) = (work.fork(), outputs.clone());
        if play(trial.as_mut(), &change, started, &mut made).is_ok() {
            (work, outputs) = (trial, made);
        }
        approved.insert(&planned.id);
        kept.push(change);
    }
    kept
}
