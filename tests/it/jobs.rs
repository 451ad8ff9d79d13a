//! Several changes at once come to the same end as one after the other: uninterrupted, killed anywhere,
//! stopped, and on a journal that cannot be written. The account makes changes take turns, so that their
//! steps interleave.

use std::collections::BTreeSet;

use super::{
    ends::End,
    stand::{Limit, Stand, down_now, hold, yes},
    world,
};
use redress::{
    calls::Call,
    engine::{EngineError, undo},
    journal::{Event, Outcome, StepResult, StoreError},
    plan::Plan,
    twin::{Fault, FaultKind, When},
};
use serde_json::json;

fn stand(jobs: usize) -> Stand {
    let mut stand = world::demo();
    stand.jobs = jobs;
    stand
}

fn whole_plan() -> Plan {
    world::plan(&world::demo(), &world::Wish::default())
}

/// How many changes were under way at once at most, by the journal.
fn most_at_once(stand: &Stand) -> usize {
    let (mut open, mut most) = (BTreeSet::new(), 0);
    for (_, event) in hold(&stand.events).iter() {
        match event {
            Event::ChangeStarted { change, .. } => drop(open.insert(change.clone())),
            Event::ChangeEnded { change, .. } => drop(open.remove(change)),
            _ => {}
        }
        most = most.max(open.len());
    }
    most
}

#[test]
fn four_at_once_come_to_the_same_end_as_one_after_the_other() {
    let plan = whole_plan();
    let one = stand(1);
    one.run(&plan, yes(&plan), None).unwrap().unwrap();
    assert_eq!(most_at_once(&one), 1);
    let begun: Vec<String> = hold(&one.events)
        .iter()
        .filter_map(
            |(_, e)| if let Event::ChangeStarted { change, .. } = e { Some(change.clone()) } else { None },
        )
        .collect();
    let planned: Vec<String> =
        plan.changes.iter().map(|c| c.id.clone()).filter(|id| begun.contains(id)).collect();
    assert_eq!(begun, planned, "one job keeps the order of the plan");
    for jobs in [2, 4, 20] {
        let many = stand(jobs);
        many.run(&plan, yes(&plan), None).unwrap().unwrap();
        let (many_end, one_end) = (End::of(&many), End::of(&one));
        assert_eq!(many_end.outcomes, one_end.outcomes, "{jobs} jobs");
        assert_eq!(many_end.account, one_end.account, "{jobs} jobs");
        assert!(
            most_at_once(&many) > 1 && most_at_once(&many) <= jobs,
            "{jobs} jobs: {} at once",
            most_at_once(&many)
        );
        let sorted = |stand: &Stand| {
            let mut calls: Vec<String> = hold(&stand.called).iter().map(Call::name).collect();
            calls.sort();
            calls
        };
        assert_eq!(sorted(&many), sorted(&one), "{jobs} jobs");
    }
}

#[test]
fn four_at_once_killed_anywhere_come_to_the_same_end() {
    let plan = whole_plan();
    let whole = stand(4);
    whole.run(&plan, yes(&plan), None).unwrap().unwrap();
    let whole = End::of(&whole);
    for (n, kill) in whole.kills(3, 11).enumerate() {
        let mut other = stand(4);
        other.killed(&plan, kill);
        // Some go on with another number of jobs than they began with.
        other.jobs = [4, 1, 2][n % 3];
        other.run(&plan, yes(&plan), None).unwrap().unwrap();
        whole.is_that_of(&other, kill);
    }
}

#[test]
fn every_call_of_several_at_once_has_its_intent_in_the_journal_before_it() {
    let plan = whole_plan();
    for room in (3..60).step_by(4) {
        let stand = stand(4);
        let error = stand.run_within(&plan, yes(&plan), Limit::Full(room));
        let Err(EngineError::Store(error)) = error else { panic!("room for {room}: {error:?}") };
        assert!(
            !error.to_string().contains("after a failure"),
            "it says why, not that it could not be written before: {error}"
        );
        let intents = hold(&stand.events).iter().filter(|(_, e)| matches!(e, Event::Intent { .. })).count();
        assert!(
            hold(&stand.called).len() <= intents,
            "a call without its intent on disk, with room for {room}"
        );
        assert!(hold(&stand.events).len() <= room);
    }
}

/// What a change waits for may never come about once another process goes on with it: no wait outlasts the
/// news.
#[test]
fn all_of_several_at_once_end_soon_after_the_run_was_taken_over() {
    let plan = whole_plan();
    let whole = stand(4);
    whole.run(&plan, yes(&plan), None).unwrap().unwrap();
    let records = hold(&whole.events).len();
    for taken in (1..records).step_by(5) {
        let stand = stand(4);
        let error = stand.run_within(&plan, yes(&plan), Limit::TakenOver(taken));
        let Err(EngineError::Store(StoreError::Lost { .. })) = error else {
            panic!("taken over after record {taken}: {error:?}")
        };
        let last = hold(&stand.events).last().unwrap().0;
        let after = hold(&stand.twin).now().duration_since(last);
        assert!(after.as_secs() <= 90, "it ended {after} after record {taken}, the last one");
    }
}

/// The most changes that had something down at once in one region, by the journal.
fn most_down(stand: &Stand) -> usize {
    let events = hold(&stand.events);
    let down = |n: usize| {
        down_now(events[..n].iter().map(|(_, e)| e), |_| false).values().map(BTreeSet::len).max().unwrap_or(0)
    };
    (1..=events.len()).map(down).max().unwrap_or(0)
}

/// The demo account with three more instances like the one that is stopped there, and a plan that stops all
/// four.
pub fn many_stops() -> (Stand, Plan) {
    let stand = world::demo();
    let plan = world::plan(&stand, &world::Wish::default());
    let stops = |plan: &Plan| {
        let stopping = plan.changes.iter().filter(|c| {
            c.region == "us-east-1" && c.steps.iter().any(|s| s.act.call.operation == "StopInstances")
        });
        stopping.map(|c| c.resource.id().to_owned()).collect::<Vec<_>>()
    };
    let model = stops(&plan).remove(0);
    for n in 1..=3 {
        let mut twin = hold(&stand.twin);
        let region = twin.truth_mut().region_mut("us-east-1");
        let instance = (*region.instances.get(&model).known().unwrap()).clone();
        let named = |id: &str| format!("{}{n}", &id[..id.len() - 1].replace("-0", "-f"));
        // Everything that belongs to it, under ids of its own.
        let mut ids: Vec<String> =
            instance.devices.iter().map(|d| d.volume_id.clone()).chain([model.clone()]).collect();
        ids.extend(
            region
                .network_interfaces
                .known()
                .filter(|(_, i)| i.instance_id.as_ref() == Some(&model))
                .map(|(id, _)| id.to_owned()),
        );
        macro_rules! like {
            ($family:ident) => {
                for id in &ids {
                    let Some(thing) =
                        region.$family.get(id).known().map(|t| serde_json::to_string(t).unwrap())
                    else {
                        continue;
                    };
                    let text = ids.iter().fold(thing, |text, id| text.replace(id.as_str(), &named(id)));
                    region.$family.put(named(id), serde_json::from_str(&text).unwrap());
                }
            };
        }
        like!(instances);
        like!(instance_statuses);
        like!(volumes);
        like!(network_interfaces);
    }
    let plan = world::plan(&stand, &world::Wish::default());
    assert_eq!(stops(&plan).len(), 4, "{:?}", plan.skipped);
    (stand, plan)
}

#[test]
fn one_instance_of_a_region_is_down_at_once_whatever_the_number_of_jobs() {
    for jobs in [2, 4, 20] {
        let (mut stand, plan) = many_stops();
        stand.jobs = jobs;
        stand.run(&plan, yes(&plan), None).unwrap().unwrap();
        assert_eq!(most_down(&stand), 1, "{jobs} jobs");
        assert!(most_at_once(&stand) > 1, "the rest still goes on side by side");

        let story = stand.story();
        let undoing = undo::plan(
            &story,
            &plan,
            None,
            stand.identity(),
            hold(&stand.twin).now(),
            jiff::SignedDuration::from_hours(1),
        );
        let back = stand.again();
        back.run(&undoing.plan, yes(&undoing.plan), None).unwrap().unwrap();
        assert_eq!(most_down(&back), 1, "the undo with {jobs} jobs");
    }
}

#[test]
fn more_are_down_at_once_only_when_asked_for() {
    let (mut stand, plan) = many_stops();
    (stand.jobs, stand.stop_at_once) = (20, 2);
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    assert_eq!(most_down(&stand), 2);
}

#[test]
fn runs_killed_anywhere_go_on_with_one_instance_down_at_once_and_never_wait_for_themselves() {
    let (mut whole, plan) = many_stops();
    whole.jobs = 4;
    whole.run(&plan, yes(&plan), None).unwrap().unwrap();
    let whole = End::of(&whole);
    for (n, kill) in whole.kills(31, 97).enumerate() {
        let (mut other, _) = many_stops();
        other.jobs = 4;
        other.killed(&plan, kill);
        // With one job, who has its instance down must go before who only waits.
        other.jobs = [1, 2, 4][n % 3];
        other.run(&plan, yes(&plan), None).unwrap().unwrap();
        assert_eq!(most_down(&other), 1, "{kill:?}");
        whole.is_that_of(&other, kill);
    }
}

/// Lets somebody else begin so many copies of a snapshot of so many GiB in the main region.
fn others_copy(stand: &Stand, copies: usize, gib: i32) {
    let mut twin = hold(&stand.twin);
    let region = twin.truth_mut().region_mut("us-east-1");
    let (id, mut big) = region
        .snapshots
        .known()
        .find(|(_, s)| s.state == "completed")
        .map(|(id, s)| (id.to_owned(), s.clone()))
        .unwrap();
    big.volume_size = gib;
    region.snapshots.put(id.clone(), big);
    for _ in 0..copies {
        twin.perform(&Call::new(
            "ec2",
            "us-east-1",
            "CopySnapshot",
            json!({ "SourceRegion": "us-east-1", "SourceSnapshotId": id }),
        ))
        .unwrap();
    }
}

/// The errors with which copies were refused.
fn refused_copies(stand: &Stand) -> Vec<String> {
    let mut copying = BTreeSet::new();
    let mut refused = Vec::new();
    for (_, event) in hold(&stand.events).iter() {
        match event {
            Event::Intent { change, step, call, .. } if call.operation == "CopySnapshot" => {
                _ = copying.insert((change.clone(), step.clone()));
            }
            Event::Result { change, step, result: StepResult::Failed { error } }
                if copying.contains(&(change.clone(), step.clone())) =>
            {
                refused.push(error.code.clone())
            }
            _ => {}
        }
    }
    refused
}

#[test]
fn copies_of_all_changes_and_of_others_together_stay_within_what_aws_allows() {
    for others in [17, 19, 20] {
        let (mut stand, plan) = many_stops();
        (stand.jobs, stand.stop_at_once) = (20, 20);
        // Longer than a passing failure is borne with.
        others_copy(&stand, others, 400);
        stand.run(&plan, yes(&plan), None).unwrap().unwrap();
        assert_eq!(
            refused_copies(&stand),
            Vec::<String>::new(),
            "{others} of others: no copy is asked for that would be refused"
        );
        let story = stand.story();
        for change in plan.changes.iter().filter(|c| c.action == "encrypt-volumes") {
            let told = &story.changes[&change.id];
            assert_eq!(
                told.outcome(),
                Some(Outcome::Verified),
                "{others} of others, {}: {}",
                change.id,
                told.reason
            );
        }
    }
}

#[test]
fn a_limit_that_others_fill_is_waited_for_as_long_as_the_thing_itself() {
    for operation in ["CopySnapshot", "CreateSnapshots"] {
        let stand = world::demo();
        let plan = world::plan(&stand, &world::Wish::default());
        let at = When::Operation(operation.to_owned(), 2);
        hold(&stand.twin).faults.script = vec![Fault { at, kind: FaultKind::Busy, times: 60, seen: 0 }];
        stand.run(&plan, yes(&plan), None).unwrap().unwrap();
        let story = stand.story();
        for (id, told) in &story.changes {
            let change = plan.changes.iter().find(|c| c.id == *id).unwrap();
            let rolled_back =
                matches!(told.outcome(), Some(Outcome::RolledBack | Outcome::Failed | Outcome::Stuck));
            assert!(
                change.action != "encrypt-volumes" || !rolled_back,
                "{operation}, {id}: {:?}: {}",
                told.outcome(),
                told.reason
            );
        }
    }
}
