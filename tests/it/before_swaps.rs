//! Somebody starts an instance, or starts and stops it, between a kill at each call and the resume. No disk
//! is swapped under a started instance, and no older copy is put in.

use std::time::Duration;

use redress::{
    calls::{Act, Call, Otherwise, Undo, WayBack},
    engine::undo,
    inventory::tag,
    journal::{ChangeStory, Event, Outcome},
    plan::{Change, Plan, digest},
    twin::{Fault, FaultKind, When},
};
use serde_json::json;

use super::{
    before::{POWER, RUNS, STOPPED, SWAPS, count, encrypting, instance, power},
    stand::{Kill, Stand, hold, yes},
    world,
};

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
