//! Preconditions of acts, on the twin: what somebody else does between two calls of a run, at every call.

use std::{collections::BTreeSet, time::Duration};

use redress::{
    calls::{Call, Expect, Otherwise, Test, WayBack, reference},
    engine::EngineError,
    inventory::{FamilyKind, Instance, tag},
    journal::{Event, Outcome, Phase},
    plan::{Change, Plan},
    twin::DeniedRead,
};
use serde_json::{Value, json};

use super::{
    stand::{Kill, Stand, hold, yes},
    world,
};

/// The plan that encrypts the disks of the instance of this name, and what it is on.
pub fn encrypting(stand: &Stand, name: &str) -> Plan {
    let whole = world::plan(stand, &world::Wish::default());
    let of = |c: &&Change| {
        c.action == "encrypt-volumes"
            && instance(stand, c).is_some_and(|i| i.tags.get("Name").is_some_and(|n| n == name))
    };
    let ids: BTreeSet<String> = whole.changes.iter().filter(of).map(|c| c.id.clone()).collect();
    assert_eq!(ids.len(), 1, "{name}: {:?}", whole.changes.iter().map(|c| &c.summary).collect::<Vec<_>>());
    world::select(stand, &whole, &ids)
}

pub(crate) fn instance(stand: &Stand, change: &Change) -> Option<Instance> {
    hold(&stand.twin)
        .truth()
        .regions
        .get(&change.region)?
        .instances
        .get(change.resource.id())
        .known()
        .map(|i| (*i).clone())
}

/// The names of the demo account's instances with disks to encrypt: one runs, one is stopped.
pub(crate) const RUNS: &str = "app";
pub(crate) const STOPPED: &str = "batch";

/// Somebody else's call, and time for it to take effect.
fn somebody(stand: &Stand, change: &Change, operation: &str, input: Value) {
    let mut twin = hold(&stand.twin);
    twin.perform(&Call::new("ec2", &change.region, operation, input))
        .unwrap_or_else(|error| panic!("{operation}: {error}"));
    twin.pass(Duration::from_secs(600));
}

pub(crate) fn power(stand: &Stand, change: &Change, operations: &[&str]) {
    for operation in operations {
        somebody(stand, change, operation, json!({ "InstanceIds": [change.resource.id()] }));
    }
}

/// How many calls of this kind were made.
pub(crate) fn count(stand: &Stand, operations: &[&str]) -> usize {
    hold(&stand.called).iter().filter(|c| operations.contains(&c.operation.as_str())).count()
}

pub(crate) const SWAPS: [&str; 2] = ["DetachVolume", "AttachVolume"];
pub(crate) const POWER: [&str; 2] = ["StopInstances", "StartInstances"];

/// Killed right after the first call of an operation, then something happens, then it is resumed.
fn meanwhile(name: &str, after: &str, happens: impl FnOnce(&Stand, &Change)) -> (Stand, Change) {
    let stand = world::demo();
    let plan = encrypting(&stand, name);
    let n = plan.changes[0].steps.iter().position(|s| s.act.call.operation == after).unwrap() + 1;
    stand.killed(&plan, Kill::AfterCall(n));
    happens(&stand, &plan.changes[0]);
    stand.run(&plan, Vec::new(), None).unwrap().unwrap();
    (stand, plan.changes[0].clone())
}

/// The change went back, nothing was stopped or swapped, and the reason has these words.
fn is_back_without_a_stop(stand: &Stand, change: &Change, state: &str, words: &str) {
    let told = stand.story().changes[&change.id].clone();
    assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{}", told.reason);
    assert!(told.reason.contains(words), "{}", told.reason);
    assert_eq!((count(stand, &POWER), count(stand, &SWAPS)), (0, 0), "{}", told.reason);
    let instance = instance(stand, change).unwrap();
    assert_eq!(instance.state, state);
    assert!(!instance.tags.contains_key(tag::RUN));
}

#[test]
fn a_disk_that_somebody_has_detached_while_its_copies_were_made_keeps_the_instance_from_being_stopped() {
    let detach = |stand: &Stand, change: &Change| {
        let data = instance(stand, change)
            .unwrap()
            .devices
            .into_iter()
            .find(|d| d.device_name != "/dev/xvda")
            .unwrap();
        somebody(
            stand,
            change,
            "DetachVolume",
            json!({ "VolumeId": data.volume_id, "InstanceId": change.resource.id(),
                "Device": data.device_name }),
        );
    };
    for after in ["CreateTags", "CreateSnapshots", "CopySnapshot"] {
        let stand = world::demo();
        let plan = encrypting(&stand, RUNS);
        let n = plan.changes[0].steps.iter().position(|s| s.act.call.operation == after).unwrap() + 1;
        stand.killed(&plan, Kill::AfterCall(n));
        detach(&stand, &plan.changes[0]);
        stand.run(&plan, Vec::new(), None).unwrap().unwrap();
        let told = stand.story().changes[&plan.changes[0].id].clone();
        assert_eq!((count(&stand, &POWER), count(&stand, &SWAPS)), (0, 0), "{after}: {}", told.reason);
        assert!(told.reason.contains("is not attached to"), "{after}: {}", told.reason);
        assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{after}: {}", told.reason);
    }
}

#[test]
fn an_instance_that_somebody_has_stopped_while_its_copies_were_made_stays_stopped() {
    let (stand, change) =
        meanwhile(RUNS, "CopySnapshot", |stand, change| power(stand, change, &["StopInstances"]));
    is_back_without_a_stop(&stand, &change, "stopped", "somebody else has stopped");
}

#[test]
fn a_volume_that_does_not_show_yet_is_not_taken_for_one_that_was_never_made() {
    let stand = world::demo();
    let plan = encrypting(&stand, RUNS);
    let change = plan.changes[0].clone();
    let made = |stand: &Stand| {
        stand.settled().regions[&change.region]
            .volumes
            .known()
            .filter(|(_, v)| v.tags.contains_key(tag::TOKEN))
            .count()
    };
    let volumes: Vec<usize> =
        (1..).zip(&change.steps).filter(|(_, s)| s.name.starts_with("volume-")).map(|(n, _)| n).collect();
    for n in volumes {
        let stand = Stand::new(hold(&stand.twin).clone());
        hold(&stand.twin).faults.list_lag = 290;
        stand.killed(&plan, Kill::AfterCall(n));
        // Nothing is made again once somebody has started the instance: what was made is found, and taken
        // away.
        let start = Call::new(
            "ec2",
            &change.region,
            "StartInstances",
            json!({ "InstanceIds": [change.resource.id()] }),
        );
        hold(&stand.twin).perform(&start).unwrap();
        hold(&stand.twin).pass(Duration::from_secs(60));
        stand.run(&plan, Vec::new(), None).unwrap().unwrap();
        let told = stand.story().changes[&change.id].clone();
        assert_eq!(
            (told.outcome(), made(&stand)),
            (Some(Outcome::RolledBack), 0),
            "call {n}: {}",
            told.reason
        );
    }
}

#[test]
fn a_change_yields_to_another_run_whose_mark_has_come_over_its_own() {
    let mark = |run: &'static str| {
        move |stand: &Stand, change: &Change| {
            somebody(
                stand,
                change,
                "CreateTags",
                json!({ "Resources": [change.resource.id()], "Tags": [{ "Key": tag::RUN, "Value": run }] }),
            );
        }
    };
    let (stand, change) = meanwhile(RUNS, "CopySnapshot", mark("run-elsewhere"));
    let told = stand.story().changes[&change.id].clone();
    assert_eq!((told.outcome(), count(&stand, &POWER)), (Some(Outcome::RolledBack), 0), "{}", told.reason);
    assert!(told.reason.contains("run-elsewhere"), "{}", told.reason);
    assert_eq!(
        instance(&stand, &change).unwrap().tags[tag::RUN],
        "run-elsewhere",
        "the other run's mark is not taken away"
    );
}

#[test]
fn an_instance_that_another_run_works_on_is_blocked_and_that_run_is_named() {
    for name in [RUNS, STOPPED] {
        let stand = world::demo();
        let plan = encrypting(&stand, name);
        let change = &plan.changes[0];
        somebody(
            &stand,
            change,
            "CreateTags",
            json!({ "Resources": [change.resource.id()], "Tags": [{ "Key": tag::RUN,
                "Value": "run-elsewhere" }] }),
        );
        stand.run(&plan, yes(&plan), None).unwrap().unwrap();
        let told = &stand.story().changes[&change.id];
        assert_eq!(told.outcome(), Some(Outcome::Blocked), "{}", told.reason);
        assert!(
            told.reason.contains("run-elsewhere") && told.reason.contains("redress recover"),
            "{}",
            told.reason
        );
        assert!(hold(&stand.called).is_empty());
    }
}

#[test]
fn an_answer_that_says_that_it_is_so_already_is_an_answer() {
    // Somebody detaches by hand what the run is about to detach: the run goes on at once.
    let stand = world::demo();
    let plan = encrypting(&stand, RUNS);
    let change = &plan.changes[0];
    let n = change.steps.iter().rposition(|s| s.act.call.operation == "DetachVolume").unwrap();
    stand.killed(&plan, Kill::AfterCall(n));
    somebody(&stand, change, "DetachVolume", change.steps[n].act.call.input.clone());
    let began = hold(&stand.twin).now();
    stand.run(&plan, Vec::new(), None).unwrap().unwrap();
    let story = stand.story();
    let told = &story.changes[&change.id];
    assert_eq!(told.outcome(), Some(Outcome::Verified), "{}", told.reason);
    let settled = hold(&stand.events)
        .iter()
        .find_map(|(at, e)| {
            matches!(e, Event::Settled { step, .. } if *step == change.steps[n].name).then_some(*at)
        })
        .unwrap();
    assert!(settled.duration_since(began).as_secs() < 60, "{}", settled.duration_since(began));
}

#[test]
fn where_it_cannot_be_told_nothing_is_called_and_the_run_can_be_resumed() {
    let stand = world::demo();
    let plan = encrypting(&stand, RUNS);
    let change = &plan.changes[0];
    let n = change.steps.iter().position(|s| s.act.call.operation == "DetachVolume").unwrap();
    stand.killed(&plan, Kill::AfterCall(n));
    let called = hold(&stand.called).len();
    let denied = DeniedRead { family: FamilyKind::Instances, region: None, member: None };
    hold(&stand.twin).faults.denied_reads.push(denied);
    let result = stand.run(&plan, Vec::new(), None).unwrap();
    assert!(
        matches!(&result, Err(EngineError::Unread(why)) if why.contains("ec2:DetachVolume")),
        "{result:?}"
    );
    assert_eq!(hold(&stand.called).len(), called, "nothing was called");
    hold(&stand.twin).faults.denied_reads.clear();
    stand.run(&plan, Vec::new(), None).unwrap().unwrap();
    assert_eq!(stand.story().changes[&change.id].outcome(), Some(Outcome::Verified));
}

#[test]
fn an_act_whose_precondition_does_not_hold_has_no_intent() {
    let nobody = Expect::new("us-east-1", FamilyKind::Instances, "i-0nobody", "", Test::Exists);
    let base = world::demo();
    let whole = world::plan(&base, &world::Wish::default());
    let fresh = hold(&base.twin).clone();
    for change in &whole.changes {
        // What others need or are needed for runs beside them, so that it cannot be said after which of its
        // calls it ends.
        if !change.after.is_empty() || change.findings.is_empty() {
            continue;
        }
        let plan = world::select(&base, &whole, &[change.id.clone()].into());
        let mut held = plan.clone();
        for step in held.changes.iter_mut().flat_map(|c| &mut c.steps) {
            step.act.before.push(nobody.clone());
            step.act.otherwise = Otherwise::Stop;
        }
        for n in 1..plan.changes[0].steps.len() {
            let stand = Stand::new(fresh.clone());
            stand.killed(&plan, Kill::AfterCall(n));
            let seen = hold(&stand.events).len();
            stand.run(&held, Vec::new(), None).unwrap().unwrap();
            let forward: Vec<Event> = hold(&stand.events)[seen..].iter().map(|(_, e)| e.clone()).collect();
            let of_step = |e: &&Event| {
                matches!(e, Event::Intent { step,
                .. } if plan.changes[0].steps.iter().any(|s| s.name == *step))
            };
            assert_eq!(forward.iter().find(of_step), None, "{} after call {n}", change.summary);
            let phase = &stand.story().changes[&change.id].phase;
            // Once it was started nothing is taken back: what is left then only records.
            let started = plan.changes[0].steps[..n].iter().any(|s| s.act.call.operation == "StartInstances");
            let right = if started { Outcome::Verified } else { Outcome::RolledBack };
            assert!(
                *phase == Phase::Ended(right),
                "{} after call {n}: {:?}",
                change.summary,
                stand.story().changes[&change.id]
            );
        }
    }
}

#[test]
fn a_way_back_needs_nothing_that_was_never_made() {
    let stand = world::demo();
    let plan = encrypting(&stand, RUNS);
    let n = plan.changes[0].steps.iter().position(|s| s.act.call.operation == "CopySnapshot").unwrap();
    stand.killed(&plan, Kill::AfterCall(n));
    // One of the set that the call was to make is not among what it made, and the step after it cannot be
    // made.
    let mut held = plan.clone();
    let warm = &mut held.changes[0].steps[n - 1];
    assert_eq!(warm.act.call.operation, "CreateSnapshots");
    let WayBack::Calls { rollback, .. } = &mut warm.way_back else { panic!("it has a way back") };
    let mut never = rollback[0].clone();
    never.call.input = json!({ "SnapshotId": reference::output(&warm.name, "Snapshots/vol-0404") });
    rollback.insert(0, never);
    held.changes[0].steps[n].act.before.push(Expect::new(
        "us-east-1",
        FamilyKind::Instances,
        "i-0nobody",
        "",
        Test::Exists,
    ));
    stand.run(&held, Vec::new(), None).unwrap().unwrap();
    let told = stand.story().changes[&plan.changes[0].id].clone();
    assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{}", told.reason);
    let left = |e: &Event| matches!(e, Event::Left { reason, .. } if reason.contains("nothing to undo"));
    assert!(hold(&stand.events).iter().any(|(_, e)| left(e)));
    assert!(
        hold(&stand.twin).inventory().regions["us-east-1"]
            .snapshots
            .known()
            .all(|(_, s)| !s.tags.contains_key(tag::RUN)),
        "what was made is gone"
    );
}

/// What was done at the account while the plan's only change with this action was applied.
fn asked(action: &str) -> Vec<String> {
    let stand = world::demo();
    let whole = world::plan(&stand, &world::Wish::default());
    let change = whole.changes.iter().find(|c| c.action == action && c.after.is_empty()).unwrap();
    let plan = world::select(&stand, &whole, &[change.id.clone()].into());
    let stand = stand.again();
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    assert_eq!(stand.story().changes[&change.id].outcome(), Some(Outcome::Verified));
    hold(&stand.asked).clone()
}

#[test]
fn a_change_reads_once_before_its_only_call_and_once_after_it() {
    assert_eq!(asked("disable-subnet-public-ip"), ["read", "ModifySubnetAttribute", "read"]);
    let groups = asked("tighten-security-group");
    // Its rules name the interfaces, and these the instances and their other groups.
    let after = groups.iter().rev().take_while(|what| *what == "read").count();
    assert_eq!(after, 1, "the look for the effect of the last call also proves the change: {groups:?}");
}
