//! Scheduling of changes that may run side by side: a pure function of the plan, of the journal, and of the
//! running changes. It begins nothing.

use std::collections::BTreeSet;

use crate::{
    inventory::{FamilyKind, Selector, Want},
    journal::{Phase, Story},
    plan::{Change, Plan},
};

use super::turns;

/// The maximum number of changes that run at once. More would gain nothing: they all share the request rate
/// of the account. Changes of two instances of one region do run at once; [`super::turns`] limits how many of
/// them have their instance down at once, and how many snapshot copies are pending.
pub const MOST_JOBS: usize = 20;

/// The default number of changes that run at once.
pub const JOBS: usize = 4;

/// Returns the ids of the changes that may begin or go on now, in the order in which they should. A change
/// that has something down comes first, so that it is up again soon and nobody waits for a turn that is held
/// by a change which does not run; then changes that were begun, so that nothing is left half done for the
/// sake of something new. Beyond that the order of the plan holds.
///
/// A change is not ready while an earlier one in the plan is not over that it comes `after`, or that touches
/// the same resources. So changes that touch the same resources keep the order of the plan, and never run at
/// once.
pub fn ready(plan: &Plan, story: &Story, running: &BTreeSet<String>) -> Vec<String> {
    let mut ready: Vec<((bool, bool), &str)> = Vec::new();
    let mut open: Vec<&Change> = Vec::new();
    for change in plan.changes.iter().filter(|c| !over(story, &c.id)) {
        let held = open.iter().any(|earlier| change.after.contains(&earlier.id) || conflict(earlier, change));
        let begun = story.changes.get(&change.id).is_some_and(|c| c.phase != Phase::Waiting);
        // Nor beside a later change of the plan that runs already.
        let beside = || plan.changes.iter().any(|other| other.id != change.id && running.contains(&other.id) && conflict(other, change));
        if !running.contains(&change.id) && !held && !beside() {
            ready.push(((!turns::is_down(story, &change.id), !begun), &change.id));
        }
        open.push(change);
    }
    // The sort is stable.
    ready.sort_by_key(|(rank, _)| *rank);
    ready.into_iter().map(|(_, id)| id.to_owned()).collect()
}

fn over(story: &Story, id: &str) -> bool {
    story.changes.get(id).is_some_and(|c| c.outcome().is_some())
}

/// Checks whether two changes may concern the same resource: they are for one resource, or their touches may
/// overlap.
pub fn conflict(a: &Change, b: &Change) -> bool {
    a.resource == b.resource || a.touches.iter().any(|left| b.touches.iter().any(|right| overlap(left, right)))
}

/// Checks whether two wants may pick the same resource, or resources of which one decides about the other.
/// Wants that cannot be distinguished count as the same.
fn overlap(a: &Want, b: &Want) -> bool {
    use FamilyKind as K;
    let apart = a.region != b.region && !a.region.is_empty() && !b.region.is_empty();
    let group = |family| matches!(family, K::SecurityGroups | K::SecurityGroupRules);
    match a.family {
        // The effect of closing a group depends on the running instances behind it, so none is stopped or
        // started in the meantime.
        K::Instances if group(b.family) => !apart,
        _ if b.family == K::Instances && group(a.family) => !apart,
        _ if a.family != b.family => false,
        // One trail can make another unnecessary, whatever its home region.
        K::Trails => true,
        _ if apart => false,
        // Whether closing one group cuts somebody off depends on the rules of the others on the same
        // interfaces.
        K::SecurityGroups | K::SecurityGroupRules => true,
        _ => same(a.family, &a.selector, &b.selector),
    }
}

fn same(family: FamilyKind, a: &Selector, b: &Selector) -> bool {
    match (a, b) {
        (Selector::Id(left), Selector::Id(right)) => left == right,
        (Selector::By(name, left), Selector::By(other, right)) if name == other && family.about().single.contains(&name.as_str()) => left == right,
        _ => true,
    }
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
