//! Several changes at once come to the same end as one after the other: uninterrupted, killed anywhere, stopped, and on a
//! journal that cannot be written. The account makes changes take turns, so that their steps interleave.

use std::collections::BTreeSet;

use super::{
    ends::End,
    stand::{Stand, hold, yes},
    world,
};
use redress::{calls::Call, engine::EngineError, journal::Event, plan::Plan};

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
    let begun: Vec<String> =
        hold(&one.events).iter().filter_map(|(_, e)| if let Event::ChangeStarted { change, .. } = e { Some(change.clone()) } else { None }).collect();
    let planned: Vec<String> = plan.changes.iter().map(|c| c.id.clone()).filter(|id| begun.contains(id)).collect();
    assert_eq!(begun, planned, "one job keeps the order of the plan");
    for jobs in [2, 4, 20] {
        let many = stand(jobs);
        many.run(&plan, yes(&plan), None).unwrap().unwrap();
        let (many_end, one_end) = (End::of(&many), End::of(&one));
        assert_eq!(many_end.outcomes, one_end.outcomes, "{jobs} jobs");
        assert_eq!(many_end.account, one_end.account, "{jobs} jobs");
        assert!(most_at_once(&many) > 1 && most_at_once(&many) <= jobs, "{jobs} jobs: {} at once", most_at_once(&many));
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
        let error = stand.run_on_full_disk(&plan, yes(&plan), room);
        assert!(matches!(error, Err(EngineError::Store(_))), "room for {room}");
        let intents = hold(&stand.events).iter().filter(|(_, e)| matches!(e, Event::Intent { .. })).count();
        assert!(hold(&stand.called).len() <= intents, "a call without its intent on disk, with room for {room}");
        assert!(hold(&stand.events).len() <= room);
    }
}
