//! The order in which a person is asked about the changes of a plan: the most severe finding first, and among
//! those of one severity what the world reaches. Pure.

use std::cmp::Reverse;

use crate::{
    checks,
    finding::Severity,
    plan::{Change, Plan},
    reach::Reached,
};

/// Returns the highest severity of the findings that a change answers; `None` for a change that only others
/// need.
pub fn gravity(change: &Change) -> Option<Severity> {
    change.findings.iter().filter_map(|key| checks::find(&key.check)).map(|check| check.severity).max()
}

/// Returns whether the world reaches what a change is about. One that has nothing to do with the internet
/// stands between those that it is known to reach and those that it is known not to.
fn reached(change: &Change) -> Reached {
    change.reach.as_ref().map_or(Reached::Unknown, |reach| reach.verdict)
}

/// Returns the ids of the changes to ask about, the most severe first, and each after its prerequisites. A
/// change that only others need is not asked about: it is made with the first of them.
pub fn gravest_first(plan: &Plan) -> Vec<String> {
    let mut all: Vec<&Change> = plan.changes.iter().filter(|c| !only_needed(plan, c)).collect();
    all.sort_by_key(|c| (Reverse(gravity(c)), reached(c), Reverse(c.risk)));
    let mut order = Vec::new();
    for change in all {
        with_what_comes_before(plan, change, &mut order);
    }
    order
}

fn only_needed(plan: &Plan, change: &Change) -> bool {
    change.findings.is_empty() && plan.changes.iter().any(|c| c.after.contains(&change.id))
}

fn with_what_comes_before(plan: &Plan, change: &Change, order: &mut Vec<String>) {
    for before in change.after.iter().filter_map(|id| plan.change(id)) {
        with_what_comes_before(plan, before, order);
    }
    if !only_needed(plan, change) && !order.contains(&change.id) {
        order.push(change.id.clone());
    }
}
