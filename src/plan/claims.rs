//! The claims that a plan may make at all: rules that every plan of redress keeps, whichever account it is
//! for. A file that breaks one was not written by redress and is refused when it is read. Nothing here looks
//! at an account. Claims that depend on the account are compared later, when each change is made again
//! (`super::propose`).

use std::collections::BTreeSet;

use super::{Change, Plan, PlanKind};
use crate::{actions::prune, calls::floor};

/// The longest id of a change.
const LONGEST_ID: usize = 32;

/// Checks that a plan makes no claim that redress never writes.
///
/// # Errors
/// The first claim that cannot be true, as a sentence that names the change.
pub fn possible(plan: &Plan) -> Result<(), String> {
    if (plan.kind == PlanKind::Undo) != plan.of_run.is_some() {
        return Err(match &plan.of_run {
            Some(run) => {
                format!("it undoes run {}, but it is of the kind {}", shortened(run), plan.kind.word())
            }
            None => "it is an undo that does not name the run that it undoes".to_owned(),
        });
    }
    let mut before = BTreeSet::new();
    for change in &plan.changes {
        let id = &change.id;
        if id.is_empty()
            || id.len() > LONGEST_ID
            || !id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        {
            return Err(format!("{:?} is no id of a change", shortened(id)));
        }
        if let Some(other) = change.after.iter().find(|other| !before.contains(other.as_str())) {
            return Err(format!("{id} comes after {:?}, which does not stand before it", shortened(other)));
        }
        if !before.insert(id.as_str()) {
            return Err(format!("two changes are called {id}"));
        }
        of_change(plan, change).map_err(|what| format!("{id} {what}"))?;
    }
    Ok(())
}

fn of_change(plan: &Plan, change: &Change) -> Result<(), String> {
    let (kind, resource) = (plan.kind, &change.resource);
    if kind.restores() != change.restore.is_some() {
        let says =
            if kind.restores() { "does not state what it restores" } else { "claims to restore something" };
        return Err(format!("{says}, in a plan of the kind {}", kind.word()));
    }
    if !resource.account().is_empty() && resource.account() != plan.account {
        return Err(format!("is about {resource}, and the plan is for account {}", shortened(&plan.account)));
    }
    if !resource.region().is_empty() && resource.region() != change.region {
        return Err(format!("is about {resource}, but it is to be made in {:?}", shortened(&change.region)));
    }
    let least = floor(&change.steps);
    if change.risk < least {
        return Err(format!("claims to be {}, and its calls are {}", change.risk.word(), least.word()));
    }
    if change.touches.is_empty() && !change.steps.is_empty() {
        return Err("makes calls, and claims to touch nothing".to_owned());
    }
    of_uses(kind, change)
}

/// Checks the actions that a change may name, by the kind of its plan.
fn of_uses(kind: PlanKind, change: &Change) -> Result<(), String> {
    let names: Vec<&str> = change.uses.iter().map(|one| one.action.as_str()).collect();
    match kind {
        PlanKind::Undo | PlanKind::Recover if !names.is_empty() || !change.findings.is_empty() => {
            return Err(format!(
                "answers findings or uses actions, which a plan of the kind {} does not",
                kind.word()
            ));
        }
        PlanKind::Undo | PlanKind::Recover => {}
        PlanKind::Plan | PlanKind::Prune if names.is_empty() || names.join("+") != change.action.as_str() => {
            return Err(format!(
                "claims to be {:?}, and uses {:?}",
                shortened(change.action.as_str()),
                shortened(&names.join("+"))
            ));
        }
        PlanKind::Prune if names != [prune::NAME] || !change.findings.is_empty() => {
            return Err("is no deletion, in a plan that prunes".to_owned());
        }
        PlanKind::Plan if names.contains(&prune::NAME) => {
            return Err("deletes what a run kept, which only a plan of the kind prune does".to_owned());
        }
        PlanKind::Plan | PlanKind::Prune => {}
    }
    // Only plans that playbooks ask for contain changes that a playbook allows without a question.
    if kind != PlanKind::Plan && !change.ask {
        return Err(format!("is to be made without a question, in a plan of the kind {}", kind.word()));
    }
    Ok(())
}

/// Shortens a foreign text to its first 60 characters, enough to recognise it.
fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}
