//! In which order a person is asked about the changes of a plan: the gravest finding first. Pure.

use crate::{
    checks,
    finding::Severity,
    plan::{Change, Plan},
};

/// How grave the gravest finding is that a change answers; `None` for what only other changes need.
pub fn gravity(change: &Change) -> Option<Severity> {
    change.findings.iter().filter_map(|key| checks::find(&key.check)).map(|check| check.severity).max()
}

/// The ids of the changes to ask about, the gravest first, and each after those that it comes after. What only others
/// need is not asked about: it is done with the first of them.
pub fn gravest_first(plan: &Plan) -> Vec<String> {
    let mut all: Vec<&Change> = plan.changes.iter().filter(|c| !only_needed(plan, c)).collect();
    all.sort_by_key(|c| std::cmp::Reverse((gravity(c), c.risk)));
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
