//! How a run must have ended: what is called verified is so, and a storm that passes leaves no trace. Judged
//! by the checks, on the account as it truly is, and by a run of the same plan that nothing disturbed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use redress::{
    calls::ErrorClass,
    checks,
    finding::Verdict,
    inventory::{FamilyKind, Inventory},
    journal::{Decision, Event, Outcome, StepResult, Story},
    plan::{Plan, rehearse::Rules},
    resource::ResourceId,
};

use super::{census, laws::Held};

/// A run that nothing disturbed.
#[derive(Debug, Default)]
pub struct Quiet {
    pub outcomes: BTreeMap<String, Option<Outcome>>,
    pub counted: BTreeMap<FamilyKind, usize>,
}

impl Quiet {
    pub fn of(story: &Story, now: &Inventory) -> Self {
        let outcomes = story.changes.iter().map(|(id, told)| (id.clone(), told.outcome())).collect();
        Self { outcomes, counted: census::counted(now) }
    }
}

/// The findings of a verified change are gone.
pub fn verified(now: &Inventory, rules: &Rules, plan: &Plan, story: &Story) -> Held {
    for change in plan.changes.iter().filter(|c| story.changes[&c.id].outcome() == Some(Outcome::Verified)) {
        // What only records and could not be called is left to a person, and said: until then the old disk is
        // a finding.
        if !story.changes[&change.id].by_hand().is_empty() {
            continue;
        }
        for finding in &change.findings {
            let check = checks::find(&finding.check).unwrap();
            let verdict = (check.judge)(now, &finding.resource, &rules.with(&finding.check));
            if !matches!(verdict, Verdict::Ok(_) | Verdict::Retained(_)) {
                return Err(format!(
                    "{} is verified, and yet {} says of {}: {verdict:?}",
                    change.id, finding.check, finding.resource
                ));
            }
        }
    }
    Ok(())
}

/// After a storm that passes (deaths, lost replies, throttling, lists that lag) everything that was approved
/// is as it is without it: the same outcomes, and as many things of each kind.
pub fn as_without(
    quiet: &Quiet,
    now: &Inventory,
    plan: &Plan,
    decisions: &[Decision],
    (story, events): (&Story, &[(Timestamp, Event)]),
) -> Held {
    let turned_back = turned_back(plan, events);
    let mut approved: BTreeSet<&str> =
        decisions.iter().filter(|d| d.approved).map(|d| d.change.as_str()).collect();
    // A change is made for what those before it leave of its resource. Where one of these is declined, a person
    // gets a plan of the rest; here the plan stays as it is, and the change may find that it has drifted.
    let mut declined: BTreeSet<&ResourceId> = BTreeSet::new();
    for change in &plan.changes {
        let waits = change.after.iter().any(|id| !approved.contains(id.as_str()));
        if waits || declined.contains(&change.resource) {
            approved.remove(change.id.as_str());
        }
        if !approved.contains(change.id.as_str()) {
            declined.insert(&change.resource);
        }
    }
    let mut same = approved.len() == plan.changes.len();
    for id in &approved {
        let (then, told) = (quiet.outcomes[*id], &story.changes[*id]);
        same &= told.outcome() == then;
        // Whether another change has already seen to it may hang on the time that the storm took.
        let fixed = |outcome| matches!(outcome, Some(Outcome::Verified | Outcome::AlreadyFixed));
        let turned_back = turned_back.contains(id) && told.outcome() == Some(Outcome::RolledBack);
        if told.outcome() != then && !(fixed(told.outcome()) && fixed(then)) && !turned_back {
            return Err(format!(
                "{id} is {:?} after a storm that passes, and {then:?} without it: {}",
                told.phase, told.reason
            ));
        }
    }
    let counted = census::counted(now);
    if same && counted != quiet.counted {
        return Err(format!(
            "after a storm that passes there are other things than without it: {counted:?} / {:?}",
            quiet.counted
        ));
    }
    Ok(())
}

/// The changes whose copies AWS had no room for: while something is down they go back at once instead of
/// waiting, since the room may be hours away. That is the promise, and no trace of the storm.
fn turned_back<'a>(plan: &Plan, events: &'a [(Timestamp, Event)]) -> BTreeSet<&'a str> {
    let without_room = |(_, event): &'a (Timestamp, Event)| match event {
        Event::Result { change, step, result: StepResult::Failed { error } }
            if error.class == ErrorClass::Concurrency && outlasts(plan, change, step) =>
        {
            Some(change.as_str())
        }
        _ => None,
    };
    events.iter().filter_map(without_room).collect()
}

fn outlasts(plan: &Plan, change: &str, step: &str) -> bool {
    let steps = plan.changes.iter().filter(|c| c.id == change).flat_map(|c| &c.steps);
    steps.filter(|s| s.name == step).any(|s| s.act.outlasts())
}
