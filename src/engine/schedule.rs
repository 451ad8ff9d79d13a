//! Which changes may run side by side: a pure function of the plan, of what the journal tells, and of what is running.
//! It begins nothing.

use std::collections::BTreeSet;

use crate::{
    inventory::{FamilyKind, Selector, Want},
    journal::{Phase, Story},
    plan::{Change, Plan},
};

use super::turns;

/// How many changes may run at once. More would gain nothing: the pace of the account is shared by all of them. The changes
/// of two instances of one region do run at once; how many of them may have their instance down at once is for
/// [`super::turns`] to say, and so is how many snapshot copies are pending.
pub const MOST_JOBS: usize = 20;

/// How many changes run at once unless another number is asked for.
pub const JOBS: usize = 4;

/// The ids of the changes that may begin or go on now, in the order in which they should. What has something down comes
/// first, so that it is up again soon and nobody waits for a turn that is held by a change which does not run; then what
/// was begun, so that nothing is left half done for the sake of something new. Beyond that the order of the plan holds.
///
/// A change is not ready while one before it in the plan that it comes `after`, or that touches the same, is not over;
/// so changes that touch the same keep the order of the plan, and never run at once.
pub fn ready(plan: &Plan, story: &Story, running: &BTreeSet<String>) -> Vec<String> {
    let mut ready: Vec<((bool, bool), &str)> = Vec::new();
    let mut open: Vec<&Change> = Vec::new();
    for change in plan.changes.iter().filter(|c| !over(story, &c.id)) {
        let held = open.iter().any(|earlier| change.after.contains(&earlier.id) || conflict(earlier, change));
        let begun = story.changes.get(&change.id).is_some_and(|c| c.phase != Phase::Waiting);
        // Nor next to one that is later in the plan and runs already.
        let beside = || plan.changes.iter().any(|other| other.id != change.id && running.contains(&other.id) && conflict(other, change));
        if !running.contains(&change.id) && !held && !beside() {
            ready.push(((!turns::is_down(story, &change.id), !begun), &change.id));
        }
        open.push(change);
    }
    // The sort keeps the order of what is equal.
    ready.sort_by_key(|(rank, _)| *rank);
    ready.into_iter().map(|(_, id)| id.to_owned()).collect()
}

fn over(story: &Story, id: &str) -> bool {
    story.changes.get(id).is_some_and(|c| c.outcome().is_some())
}

/// Whether two changes may concern the same thing: the same resource, or touches that may pick the same.
pub fn conflict(a: &Change, b: &Change) -> bool {
    a.resource == b.resource || a.touches.iter().any(|left| b.touches.iter().any(|right| overlap(left, right)))
}

/// Whether two wants may pick the same thing, or things of which one decides about the other. What cannot be told apart
/// counts as the same.
fn overlap(a: &Want, b: &Want) -> bool {
    use FamilyKind as K;
    let apart = a.region != b.region && !a.region.is_empty() && !b.region.is_empty();
    let group = |family| matches!(family, K::SecurityGroups | K::SecurityGroupRules);
    match a.family {
        // What closing a group means hangs on which instances behind it run, so none is stopped or started meanwhile.
        K::Instances if group(b.family) => !apart,
        _ if b.family == K::Instances && group(a.family) => !apart,
        _ if a.family != b.family => false,
        // One trail can make another needless, wherever it is at home.
        K::Trails => true,
        _ if apart => false,
        // Whether closing one group cuts somebody off hangs on what the others on the same interfaces let in.
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
