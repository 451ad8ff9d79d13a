//! The actions of a change, beside those that the playbooks of today require.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Behind, Today, Unlike, behind};
use crate::{
    actions::{self, Action, ActionUse, Context, Prerequisite, Refusal, prune},
    inventory::Inventory,
    plan::{
        Change, Plan, PlanKind,
        grouping::Asked,
        propose::{checks_of, prerequisites},
    },
};

/// Returns the parameters in which the plan and the playbooks of today differ, one sentence each.
pub(super) fn own_parameters(planned: &[ActionUse], today: &[ActionUse]) -> Vec<String> {
    let mut own = Vec::new();
    for (planned, today) in planned.iter().zip(today) {
        let with = unsettled(planned, today);
        let names: BTreeSet<&String> = [&with, &today.with]
            .into_iter()
            .filter_map(Value::as_object)
            .flat_map(|with| with.keys())
            .collect();
        for name in names.into_iter().filter(|name| with.get(*name) != today.with.get(*name)) {
            let say = |with: &Value| with.get(name).map_or_else(|| "nothing".to_owned(), Value::to_string);
            let (action, says, said) = (&planned.action, say(&with), say(&today.with));
            own.push(format!(
                "{action}.{name} is {says}, and the playbooks of today have {said} (--set \
                 '{action}.{name}={says}')"
            ));
        }
    }
    own
}

/// Returns the parameters of a plan without the decisions that today's playbooks leave to planning.
fn unsettled(planned: &ActionUse, today: &ActionUse) -> Value {
    let with = |action: &dyn Action| action.unsettled(&planned.with, &today.with);
    actions::find(&planned.action).map_or_else(|| planned.with.clone(), with)
}

/// Returns the parameters of a half-done change that no playbook of today contains. A prerequisite has its
/// parameters from the changes that need it: see [`own_for_others`].
pub fn own_uses(change: &Change, today: &Today) -> Vec<String> {
    let mut own = Vec::new();
    for one in change.uses.iter().filter(|one| answers(one)) {
        let said: Vec<&ActionUse> =
            today.playbooks.iter().flat_map(|p| &p.actions).filter(|a| a.action == one.action).collect();
        match said.first() {
            _ if said.iter().any(|said| unsettled(one, said) == said.with) => {}
            Some(first) => {
                own.extend(own_parameters(std::slice::from_ref(one), std::slice::from_ref(*first)))
            }
            None => own.push(format!("no playbook of today asks for {}", one.action)),
        }
    }
    own
}

pub(super) fn answers(one: &ActionUse) -> bool {
    actions::find(&one.action).is_some_and(|action| !action.answers().is_empty())
}

/// Returns whether a change makes a prerequisite of others: at least one of its actions answers no finding.
pub fn serves(change: &Change) -> bool {
    change.uses.iter().any(|one| !answers(one))
}

/// Returns the parts of a half-done prerequisite that only the files claim: all of it, where no other change
/// needs it so today.
pub fn own_for_others(plan: &Plan, change: &Change, facts: &Inventory, today: &Today) -> Vec<String> {
    let (action, resource) = (&change.action, &change.resource);
    match plan.kind {
        // The tags of a resource state whether it may be deleted.
        PlanKind::Prune if change.uses.iter().all(|one| one.action == prune::NAME) => Vec::new(),
        // It was left all the work of another action: its findings are its own.
        PlanKind::Plan if !change.findings.is_empty() && is_reached(plan, change, facts) => Vec::new(),
        PlanKind::Plan => match behind(plan, change, facts, today) {
            Ok(behind) => behind.own,
            Err(unlike) => vec![format!(
                "no other change of the plan needs {action} on {resource} so today ({})",
                unlike.reason()
            )],
        },
        _ => vec![format!("{action} on {resource} makes what others need, and here are none")],
    }
}

/// Returns whether an answer to a finding needs a change as its prerequisite, to which it left all the work
/// when the plan was made.
pub(super) fn is_left_all(plan: &Plan, change: &Change, answer: &Asked<'_>, facts: &Inventory) -> bool {
    let checks = checks_of(change);
    let context =
        Context { inventory: facts, region: &change.region, checks: &checks, options: &plan.options };
    let needed = prerequisites(&context, answer.uses, &answer.resource);
    change.uses.iter().all(|one| is_among(one, change, &needed))
}

/// Returns whether the state that a change makes is there: it has nothing left to call.
fn is_reached(plan: &Plan, change: &Change, facts: &Inventory) -> bool {
    let checks = checks_of(change);
    let context =
        Context { inventory: facts, region: &change.region, checks: &checks, options: &plan.options };
    change.uses.iter().all(|one| {
        let proposed = actions::find(&one.action).map(|a| a.propose(&context, &change.resource, &one.with));
        matches!(proposed, Some(Err(Refusal::Nothing(_))))
    })
}

fn is_among(one: &ActionUse, change: &Change, needed: &[Prerequisite]) -> bool {
    needed.iter().any(|n| n.action == one.action && n.resource == change.resource && n.with == one.with)
}

/// Returns the changes of a plan that come after this one.
pub(super) fn dependents<'p>(plan: &'p Plan, change: &Change) -> Vec<&'p Change> {
    let mut all: Vec<&Change> =
        plan.changes.iter().filter(|other| other.after.contains(&change.id)).collect();
    // Those of its own playbook first, and among them those that ask nobody: a prerequisite of one of these
    // asks nobody either.
    all.sort_by_key(|other| (other.playbook != change.playbook, other.ask));
    all
}

/// Finds the change that needs a prerequisite, one that answers no finding itself.
pub(super) fn for_others<'c>(
    plan: &'c Plan,
    change: &'c Change,
    facts: &Inventory,
    today: &Today,
) -> Result<Behind<'c>, Unlike> {
    let (mut found, mut why): (Option<Behind<'c>>, Option<Unlike>) = (None, None);
    for other in dependents(plan, change) {
        let behind = match behind(plan, other, facts, today) {
            Ok(behind) => behind,
            Err(unlike) => {
                why.get_or_insert(unlike);
                continue;
            }
        };
        let checks = checks_of(other);
        let context =
            Context { inventory: facts, region: &other.region, checks: &checks, options: &plan.options };
        let mut needed = prerequisites(&context, &other.uses, &other.resource);
        needed.retain(|needed| !needed.for_a_finding);
        if !change.uses.iter().all(|one| is_among(one, change, &needed)) {
            continue;
        }
        let done = change.ask || !behind.ask;
        if found.is_none() || !behind.ask {
            found = Some(Behind { shared: Vec::new(), ..behind });
        }
        if done {
            break;
        }
    }
    let nobody = || {
        let why = "it answers no finding, and nothing that is applied with it needs it as it is: apply it \
                   together with the changes that come after it, or make a new plan";
        Unlike::Drifted(why.to_owned())
    };
    found.ok_or_else(|| why.unwrap_or_else(nobody))
}
