//! Preconditions of acts, on the twin: what somebody else does between two calls of a run, at every call, and
//! that disks are never swapped under an instance that was started, nor older copies of them put in.

use std::{collections::BTreeSet, time::Duration};

use redress::{
    calls::{Act, Call, Expect, Otherwise, Test, Undo, WayBack, reference},
    engine::{EngineError, undo},
    inventory::{FamilyKind, Instance, tag},
    journal::{ChangeStory, Event, Outcome, Phase},
    plan::{Change, Plan, digest},
    twin::{DeniedRead, Fault, FaultKind, When},
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

fn instance(stand: &Stand, change: &Change) -> Option<Instance> {
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
const RUNS: &str = "app";
const STOPPED: &str = "batch";

/// Somebody else's call, and time for it to take effect.
fn somebody(stand: &Stand, change: &Change, operation: &str, input: Value) {
    let mut twin = hold(&stand.twin);
    twin.perform(&Call::new("ec2", &change.region, operation, input))
        .unwrap_or_else(|error| panic!("{operation}: {error}"));
    twin.pass(Duration::from_secs(600));
}

fn power(stand: &Stand, change: &Change, operations: &[&str]) {
    for operation in operations {
        somebody(stand, change, operation, json!({ "InstanceIds": [change.resource.id()] }));
    }
}

/// How many calls of this kind were made.
fn count(stand: &Stand, operations: &[&str]) -> usize {
    hold(&stand.called).iter().filter(|c| operations.contains(&c.operation.as_str())).count()
}

const SWAPS: [&str; 2] = ["DetachVolume", "AttachVolume"];
const POWER: [&str; 2] = ["StopInstances", "StartInstances"];

/// Which volume is at which device.
fn disks(stand: &Stand, change: &Change) -> Vec<(String, String)> {
    instance(stand, change).unwrap().devices.into_iter().map(|d| (d.device_name, d.volume_id)).collect()
}

/// How many calls an uninterrupted run of the plan makes.
fn calls_of(twin: &redress::twin::Twin, plan: &Plan) -> usize {
    let stand = Stand::new(twin.clone());
    stand.run(plan, yes(plan), None).unwrap().unwrap();
    assert_eq!(
        stand.story().changes[&plan.changes[0].id].outcome(),
        Some(Outcome::Verified),
        "{:?}",
        stand.story().changes
    );
    hold(&stand.called).len()
}

/// Somebody starts the instance, or starts and stops it, between a kill at each call and the resume.
fn started_meanwhile(name: &str, then: &[&str], plain: bool) {
    let base = world::demo();
    let plan = encrypting(&base, name);
    let fresh = hold(&base.twin).clone();
    let change = plan.changes[0].clone();
    let swaps = change.steps.iter().filter(|s| SWAPS.contains(&s.act.call.operation.as_str())).count();
    let (mut untouched, mut stuck, mut done) = (0, 0, 0);
    for n in 1..=calls_of(&fresh, &plan) {
        let stand = Stand::new(fresh.clone());
        stand.killed(&plan, Kill::AfterCall(n));
        let mut plan = plan.clone();
        if plain {
            forget_preconditions(&stand, &mut plan);
        }
        let (before, swapped) = (disks(&stand, &change), count(&stand, &SWAPS));
        // What is copied only afterwards is as new as what somebody has written until then.
        let copied = count(&stand, &["CreateSnapshots"]) >= if name == RUNS { 2 } else { 1 };
        if !then.is_empty() && !copied && (name == STOPPED || plain) {
            continue;
        }
        let boots = hold(&stand.twin).perform(&Call::new(
            "ec2",
            &change.region,
            "StartInstances",
            json!({ "InstanceIds": [change.resource.id()] }),
        ));
        if boots.is_err() || count(&stand, &POWER) == 0 && name == RUNS {
            continue;
        }
        hold(&stand.twin).pass(Duration::from_secs(600));
        power(&stand, &change, then);
        let as_left = instance(&stand, &change).unwrap().state;
        let result = stand.run(&plan, Vec::new(), None).unwrap();
        let (story, at) = (
            stand.story(),
            format!("{name} {then:?} after call {n}: {:?}", hold(&stand.called).last().map(Call::name)),
        );
        let told = &story.changes[&change.id];
        assert_eq!(count(&stand, &SWAPS), swapped, "{at}: swapped: {result:?} {}", told.reason);
        if swapped == 0 {
            untouched += 1;
            assert_eq!(disks(&stand, &change), before, "{at}");
            assert!(
                matches!(told.outcome(), Some(Outcome::RolledBack | Outcome::Blocked)),
                "{at}: {:?} {}",
                told.phase,
                told.reason
            );
            if !plain {
                assert_eq!(
                    instance(&stand, &change).unwrap().state,
                    as_left,
                    "{at}: as somebody else has left it: {}",
                    told.reason
                );
            }
            assert!(told.reason.contains("somebody"), "{at}: {}", told.reason);
            assert!(!instance(&stand, &change).unwrap().tags.contains_key(tag::RUN), "{at}");
        } else if swapped < swaps {
            stuck += 1;
            assert_eq!(told.outcome(), Some(Outcome::Stuck), "{at}: {}", told.reason);
            assert!(told.reason.contains("redress recover"), "{at}: {}", told.reason);
            names_what_is_mixed(&stand, &change, told, &at);
        } else {
            done += 1;
            assert!(told.outcome().is_some_and(Outcome::applied), "{at}: {:?} {}", told.phase, told.reason);
        }
    }
    assert!(
        untouched > 1 && done > 0 && (stuck > 0 || swaps == 2),
        "{name}: {untouched} untouched, {stuck} half, {done} whole"
    );
}

/// A change that is stuck on an instance that somebody has started since orders no disk away from it: it says
/// which device has which volume, and names the command that fills what is missing.
fn names_what_is_mixed(stand: &Stand, change: &Change, told: &ChangeStory, at: &str) {
    let now = instance(stand, change).unwrap();
    let runs = if now.state == "running" { "runs".to_owned() } else { format!("is {} now", now.state) };
    assert!(
        told.reason.contains(&format!("{} was started since by somebody else and {runs}", now.id)),
        "{at}: {}",
        told.reason
    );
    for device in &now.devices {
        assert!(
            told.reason.contains(&format!("{} has {}", device.device_name, device.volume_id)),
            "{at}: {}",
            told.reason
        );
    }
    for word in ["DeleteVolume", "DeleteSnapshot", "Left to do", "detach vol-", "should hold"] {
        assert!(!told.reason.contains(word), "{at}: {word}: {}", told.reason);
    }
    for word in ["Detach none of them", "Delete nothing yet: keep vol-", "redress apply back.json"] {
        assert!(told.reason.contains(word), "{at}: {word}: {}", told.reason);
    }
}

#[test]
fn a_change_that_is_stuck_on_an_instance_that_nobody_has_started_names_the_refused_act_first_and_deletes_nothing()
 {
    let stand = world::demo();
    let plan = encrypting(&stand, RUNS);
    let change = &plan.changes[0];
    let denied = Fault {
        at: When::Operation("AttachVolume".to_owned(), 1),
        kind: FaultKind::Denied,
        times: 1_000,
        seen: 0,
    };
    hold(&stand.twin).faults.script.push(denied);
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    let (told, id) = (stand.story().changes[&change.id].clone(), change.resource.id());
    assert_eq!(told.outcome(), Some(Outcome::Stuck), "{}", told.reason);
    let list =
        told.reason.split("Left to do, in this order: ").nth(1).unwrap_or_else(|| panic!("{}", told.reason));
    let first = list.split("; ").next().unwrap_or_default();
    assert!(first.starts_with("attach vol-") && first.contains(&format!("to {id} at /dev/")), "{first}");
    for word in [
        format!(" of {id} should hold vol-"),
        format!("start {id}"),
        "Delete nothing yet: keep vol-".to_owned(),
        "redress recover".to_owned(),
    ] {
        assert!(told.reason.contains(&word), "{word}: {}", told.reason);
    }
    for word in ["DeleteVolume", "DeleteSnapshot", "was started since", "{\""] {
        assert!(!told.reason.contains(word), "{word}: {}", told.reason);
    }
}

#[test]
fn disks_are_not_swapped_under_an_instance_that_somebody_has_started_between_kill_and_resume() {
    started_meanwhile(RUNS, &[], false);
    started_meanwhile(STOPPED, &[], false);
}

#[test]
fn no_older_copy_is_put_in_where_somebody_has_started_and_stopped_the_instance_between_kill_and_resume() {
    started_meanwhile(RUNS, &["StopInstances"], false);
    started_meanwhile(STOPPED, &["StopInstances"], false);
}

#[test]
fn a_run_of_a_plan_without_preconditions_swaps_nothing_under_a_running_instance_either() {
    started_meanwhile(RUNS, &[], true);
    started_meanwhile(STOPPED, &[], true);
    started_meanwhile(RUNS, &["StopInstances"], true);
}

/// The plan and the journal as a version without preconditions made them.
fn forget_preconditions(stand: &Stand, plan: &mut Plan) {
    without_preconditions(plan);
    for (_, event) in hold(&stand.events).iter_mut() {
        if let Event::Intent { observed, .. } = event {
            observed.clear();
        }
    }
}

fn without_preconditions(plan: &mut Plan) {
    let bare = |act: &mut Act| {
        act.before.clear();
        act.observe.clear();
        act.otherwise = Otherwise::Stop;
    };
    for step in plan.changes.iter_mut().flat_map(|c| &mut c.steps) {
        bare(&mut step.act);
        if let WayBack::Calls { rollback, undo, .. } = &mut step.way_back {
            rollback.iter_mut().for_each(bare);
            if let Undo::Calls(acts) = undo {
                acts.iter_mut().for_each(bare);
            }
        }
    }
    digest::seal(plan);
}

#[test]
fn an_undo_swaps_nothing_under_an_instance_that_somebody_has_started() {
    let stand = world::demo();
    let plan = encrypting(&stand, RUNS);
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    let change = plan.changes[0].clone();
    for plain in [false, true] {
        let mut run = plan.clone();
        if plain {
            without_preconditions(&mut run);
        }
        let back = undo::plan(
            &stand.story(),
            &run,
            None,
            stand.identity(),
            hold(&stand.twin).now(),
            jiff::SignedDuration::from_hours(1),
        )
        .plan;
        let fresh = hold(&stand.twin).clone();
        for n in 1..=back.changes[0].steps.len() {
            let other = Stand::new(fresh.clone());
            if other.run(&back, yes(&back), Some(Kill::AfterCall(n))).is_some() {
                continue;
            }
            let swapped = count(&other, &SWAPS);
            let start = Call::new(
                "ec2",
                &change.region,
                "StartInstances",
                json!({ "InstanceIds": [change.resource.id()] }),
            );
            if count(&other, &["StopInstances"]) == 0 || hold(&other.twin).perform(&start).is_err() {
                continue;
            }
            hold(&other.twin).pass(Duration::from_secs(600));
            other.run(&back, Vec::new(), None).unwrap().unwrap();
            assert_eq!(
                count(&other, &SWAPS),
                swapped,
                "after call {n}: {:?}",
                other.story().changes[&change.id]
            );
        }
    }
}

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
