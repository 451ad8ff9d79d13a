//! What others turn off around an undo: one that was planned while its instance was off is resumed as it was
//! planned, and what somebody stops while it is under way stays stopped, is named, and keeps nothing from
//! coming back.

use jiff::SignedDuration;
use redress::{
    calls::{Call, WayBack},
    engine::undo,
    journal::{Outcome, Story},
    plan::Plan,
    twin::{Fault, FaultKind, Twin, When},
};
use serde_json::json;

use super::{
    laws::undoing,
    stand::{Kill, Stand, hold, yes},
    world,
};

const REGION: &str = "us-east-1";

/// An encryption that was applied, with its instance and with its story.
fn applied() -> (Stand, Plan, String, Story) {
    let stand = world::demo();
    let (plan, id) = world::one_instance(&stand);
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    let story = stand.story();
    (stand, plan, id, story)
}

/// Somebody stops an instance.
fn stop(twin: &mut Twin, id: &str) {
    twin.by_hand(&Call::new("ec2", REGION, "StopInstances", json!({ "InstanceIds": [id] }))).unwrap();
}

fn on(twin: Twin) -> Stand {
    let mut stand = Stand::new(twin);
    stand.name = "run-2".to_owned();
    stand
}

/// The operations that turned something off or on.
fn turns(stand: &Stand) -> Vec<String> {
    let turns = |call: &&Call| matches!(call.operation.as_str(), "StopInstances" | "StartInstances");
    hold(&stand.called).iter().filter(turns).map(|call| call.operation.clone()).collect()
}

fn is_back_and_off(stand: &Stand, before: &redress::inventory::Instance, why: &str) -> String {
    let told = stand.story().changes.into_values().next().unwrap();
    assert_eq!(told.outcome(), Some(Outcome::Restored), "{why}: {}", told.reason);
    let settled = stand.settled();
    let now = settled.regions[REGION].instances.get(&before.id).known().copied().unwrap();
    assert_eq!((now.state.as_str(), &now.devices), ("stopped", &before.devices), "{why}");
    assert!(!now.tags.keys().any(|key| key.starts_with("redress:")), "{why}: {:?}", now.tags);
    told.reason
}

fn as_before(id: &str) -> redress::inventory::Instance {
    world::demo().settled().regions[REGION].instances.get(id).known().copied().unwrap().clone()
}

#[test]
fn an_undo_of_what_was_stopped_since_its_run_is_resumed_wherever_it_is_interrupted() {
    let (stand, plan, id, story) = applied();
    let before = as_before(&id);
    stop(&mut hold(&stand.twin), &id);
    hold(&stand.twin).pass(std::time::Duration::from_secs(600));
    let fitted = undoing(&stand, &plan).plan;
    assert!(
        fitted.changes[0].impact.iter().any(|line| line.contains("stays so")),
        "{:?}",
        fitted.changes[0].impact
    );
    let fresh = hold(&stand.twin).clone();
    for n in 1..=fitted.changes[0].steps.len() {
        for kill in [Kill::BeforeCall(n), Kill::AfterCall(n)] {
            let second = on(fresh.clone());
            second.killed(&fitted, kill);
            assert!(
                undo::is_of_run(&fitted, "run-2", &story, &plan, second.identity()),
                "{kill:?}: it is not taken for the undo of its run"
            );
            second.run(&fitted, Vec::new(), None).unwrap().unwrap();
            is_back_and_off(&second, &before, &format!("{kill:?}"));
            assert!(turns(&second).is_empty(), "{kill:?}: {:?}", turns(&second));
        }
    }
}

#[test]
fn what_else_had_changed_when_an_undo_was_planned_does_not_keep_it_from_being_resumed() {
    let (stand, plan, id, story) = applied();
    hold(&stand.twin)
        .truth_mut()
        .region_mut(REGION)
        .instances
        .get_mut(&id)
        .unwrap()
        .tags
        .insert("Owner".to_owned(), "somebody".to_owned());
    let fitted = undoing(&stand, &plan).plan;
    assert!(
        fitted.changes[0].impact.iter().any(|line| line.contains("by somebody else")),
        "{:?}",
        fitted.changes[0].impact
    );
    assert!(undo::is_of_run(&fitted, "run-2", &story, &plan, stand.identity()));
}

#[test]
fn an_undo_is_not_that_of_its_run_where_a_file_says_anything_else() {
    let (stand, plan, id, story) = applied();
    let plain = undo::plan(
        &story,
        &plan,
        None,
        stand.identity(),
        hold(&stand.twin).now(),
        SignedDuration::from_hours(1),
    )
    .plan;
    stop(&mut hold(&stand.twin), &id);
    hold(&stand.twin).pass(std::time::Duration::from_secs(600));
    let fitted = undoing(&stand, &plan).plan;
    let is_of_run = |undo: &Plan| undo::is_of_run(undo, "run-2", &story, &plan, stand.identity());
    assert!(is_of_run(&plain) && is_of_run(&fitted));
    let turns_off =
        |undo: &Plan| undo.changes[0].steps.iter().position(|s| s.act.call.operation == "StopInstances");
    let mut others: Vec<(&str, Plan)> =
        ["the stop alone is left out", "a swap is left out", "words", "it ran"]
            .into_iter()
            .map(|w| (w, fitted.clone()))
            .collect();
    others[0].1 = plain.clone();
    others[0].1.changes[0].steps.remove(turns_off(&plain).unwrap());
    let swap = fitted.changes[0].steps.iter().position(|s| s.act.call.operation == "DetachVolume").unwrap();
    others[1].1.changes[0].steps.remove(swap);
    others[2].1.changes[0].impact.push("nothing is called".to_owned());
    let running = |footprint: &mut serde_json::Value| {
        let all = footprint.as_object_mut().unwrap().values_mut();
        all.filter(|thing| thing["state"] == "stopped").for_each(|thing| thing["state"] = json!("running"));
    };
    let restore = others[3].1.changes[0].restore.as_mut().unwrap();
    running(&mut restore.found);
    running(&mut restore.to);
    for (what, other) in &others {
        assert!(!is_of_run(other), "{what}");
    }
    // An undo that an earlier version planned says the same in other words.
    let mut former = fitted;
    let change = &mut former.changes[0];
    change.summary = change.summary.replacen("undo: ", "take back: ", 1);
    for step in &mut change.steps {
        step.title = step.title.replacen("undo \"", "take back \"", 1);
        if let WayBack::Cannot(reason) = &mut step.way_back {
            *reason = reason.replace("itself the undo", "itself the way back");
        }
    }
    assert!(change.summary.starts_with("take back: ") && is_of_run(&former));
}

#[test]
fn what_somebody_stops_while_an_undo_is_under_way_stays_stopped_is_named_and_keeps_no_disk_from_coming_back()
{
    let (stand, plan, id, story) = applied();
    let before = as_before(&id);
    let undoing = undoing(&stand, &plan).plan;
    let fresh = hold(&stand.twin).clone();
    let stops =
        undoing.changes[0].steps.iter().position(|s| s.act.call.operation == "StopInstances").unwrap();
    for n in 1..=stops {
        let second = on(fresh.clone());
        second.killed(&undoing, Kill::AfterCall(n));
        stop(&mut hold(&second.twin), &id);
        hold(&second.twin).pass(std::time::Duration::from_secs(600));
        assert!(undo::is_of_run(&undoing, "run-2", &story, &plan, second.identity()));
        second.run(&undoing, Vec::new(), None).unwrap().unwrap();
        let reason = is_back_and_off(&second, &before, &format!("killed after call {n}"));
        assert!(reason.contains("somebody else changed meanwhile") && reason.contains(&id), "{reason}");
        assert!(turns(&second).is_empty(), "{n}: {:?}", turns(&second));
    }
}

/// A run that could not start its instance again, on the account as it is then.
fn left_down() -> (Stand, Plan, String) {
    let stand = world::demo();
    let (plan, id) = world::one_instance(&stand);
    let fault = Fault {
        at: When::Operation("StartInstances".to_owned(), 1),
        kind: FaultKind::ServerError,
        times: 1_000,
        seen: 0,
    };
    hold(&stand.twin).faults.script.push(fault);
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    let told = stand.story().changes.into_values().next().unwrap();
    assert_eq!(told.outcome(), Some(Outcome::Unverified), "{}", told.reason);
    hold(&stand.twin).faults.script.clear();
    (stand, plan, id)
}

#[test]
fn an_undo_brings_up_what_its_run_has_left_down_wherever_it_is_interrupted() {
    let (stand, plan, id) = left_down();
    let undoing = undoing(&stand, &plan).plan;
    assert!(undoing.rehearsal.undo_restores, "{:?}", undoing.rehearsal);
    let (before, fresh) = (as_before(&id), hold(&stand.twin).clone());
    for n in 1..=undoing.changes[0].steps.len() {
        let second = on(fresh.clone());
        second.killed(&undoing, Kill::AfterCall(n));
        second.run(&undoing, Vec::new(), None).unwrap().unwrap();
        let told = second.story().changes.into_values().next().unwrap();
        assert_eq!(told.outcome(), Some(Outcome::Restored), "{n}: {}", told.reason);
        let settled = second.settled();
        let now = settled.regions[REGION].instances.get(&id).known().copied().unwrap();
        assert_eq!((now.state.as_str(), &now.devices), ("running", &before.devices), "{n}");
        assert_eq!(turns(&second), ["StartInstances"], "{n}");
    }
}

#[test]
fn what_its_run_has_left_down_and_somebody_has_started_and_stopped_since_stays_stopped_and_is_named() {
    let (stand, plan, id) = left_down();
    for operation in ["StartInstances", "StopInstances"] {
        hold(&stand.twin)
            .by_hand(&Call::new("ec2", REGION, operation, json!({ "InstanceIds": [id] })))
            .unwrap();
        hold(&stand.twin).pass(std::time::Duration::from_secs(600));
    }
    let undoing = undoing(&stand, &plan).plan;
    let second = on(hold(&stand.twin).clone());
    second.run(&undoing, yes(&undoing), None).unwrap().unwrap();
    let reason = is_back_and_off(&second, &as_before(&id), "started and stopped since");
    assert!(reason.contains("somebody else changed meanwhile") && reason.contains(&id), "{reason}");
    assert!(turns(&second).is_empty());
}
