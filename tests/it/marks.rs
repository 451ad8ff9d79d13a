//! The marks of runs on instances: whatever takes an instance down marks it first, on the way there and in an
//! undo, so that it is found by its tags alone; what is left down counts as down, whatever became of its
//! change; runs that know nothing of each other have no more down at once than one of them may.

use std::{collections::BTreeSet, time::Duration};

use jiff::SignedDuration;
use redress::{
    calls::Call,
    engine::{
        EngineError,
        gather::gather,
        recover::{self, Recovery},
        undo,
    },
    inventory::{Instance, Inventory, tag},
    journal::{ChangeStory, Outcome},
    plan::Plan,
    twin::{DeniedCall, Fault, FaultKind, When},
};

use super::{
    jobs::many_stops,
    laws::undoing,
    stand::{Kill, Stand, block_on, hold, yes},
    world,
};

const REGION: &str = "us-east-1";

fn instance(stand: &Stand, id: &str) -> Instance {
    stand.settled().regions[REGION].instances.get(id).known().unwrap().to_owned().clone()
}

fn change(stand: &Stand, id: &str) -> ChangeStory {
    stand.story().changes[id].clone()
}

fn fault(stand: &Stand, operation: &str, times: u32, kind: FaultKind) {
    hold(&stand.twin).faults.script.push(Fault {
        at: When::Operation(operation.to_owned(), 1),
        kind,
        times,
        seen: 0,
    });
}

/// What each call on an instance is: `mark`, `announce`, `unmark`, and the operations that take it down and
/// bring it up.
fn on_instance(stand: &Stand, id: &str) -> Vec<String> {
    let word = |call: &Call| {
        let input = call.input.to_string();
        let keys = |key: &str| input.contains(&format!("\"{key}\""));
        match call.operation.as_str() {
            "StopInstances" | "StartInstances" if !input.contains(id) => None,
            "CreateTags" | "DeleteTags" if call.input["Resources"] != serde_json::json!([id]) => None,
            "CreateTags" if keys(tag::RUN) => Some("mark"),
            "CreateTags" if keys(tag::STATE) => Some("announce"),
            "DeleteTags" if keys(tag::RUN) => Some("unmark"),
            "StopInstances" => Some("stop"),
            "StartInstances" => Some("start"),
            _ => None,
        }
    };
    hold(&stand.called).iter().filter_map(word).map(str::to_owned).collect()
}

/// What tags alone tell of a run, or of all, once what was under way has settled.
pub fn found(stand: &Stand, run: Option<&str>) -> Recovery {
    hold(&stand.twin).pass(Duration::from_secs(3600));
    let (account, regions, who) = (stand.account(), [REGION.to_owned()], stand.identity());
    let now = hold(&stand.twin).now();
    let nothing = Inventory::empty(who.owner.clone(), who.caller.clone(), now);
    let known = block_on(gather(&account, nothing, &mut |known| recover::needs(known, &regions)));
    recover::recover(&known, &regions, run, who, now, SignedDuration::from_hours(1))
}

/// The instance runs with a volume at each of its devices, and carries no mark.
fn is_up(stand: &Stand, id: &str, why: &str) {
    let now = instance(stand, id);
    assert_eq!(now.state, "running", "{why}");
    assert!(!now.tags.keys().any(|key| key.starts_with("redress:")), "{why}: {:?}", now.tags);
    assert_eq!(now.devices.iter().map(|d| &d.volume_id).collect::<BTreeSet<_>>().len(), 2, "{why}");
}

/// A run that was applied, and another stand for its undo.
fn applied() -> (Stand, Plan, String) {
    let stand = world::demo();
    let (plan, id) = world::one_instance(&stand);
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    (stand, plan, id)
}

/// Another run on the same account, which knows nothing of the first.
fn second_run(stand: &Stand) -> Stand {
    let mut second = stand.again();
    second.name = "run-2".to_owned();
    second
}

#[test]
fn every_change_that_takes_an_instance_down_marks_it_first_whatever_its_direction() {
    let (stand, plan, id) = applied();
    let order = ["mark", "announce", "stop", "start", "unmark"];
    assert_eq!(on_instance(&stand, &id), order);
    let undoing = undoing(&stand, &plan).plan;
    assert!(undoing.rehearsal.undo_restores, "{:?}", undoing.rehearsal);
    let second = second_run(&stand);
    second.run(&undoing, yes(&undoing), None).unwrap().unwrap();
    assert_eq!(on_instance(&second, &id), order, "the undo");
    is_up(&second, &id, "the undo");
}

#[test]
fn an_undo_of_which_nothing_is_left_is_found_by_its_tags_and_its_instance_comes_up() {
    let (stand, plan, id) = applied();
    let undoing = undoing(&stand, &plan).plan;
    let fresh = hold(&stand.twin).clone();
    let whole = second_run(&stand);
    whole.run(&undoing, yes(&undoing), None).unwrap().unwrap();
    let calls: Vec<String> = hold(&whole.called).iter().map(|c| c.operation.clone()).collect();
    let stop = calls.iter().position(|c| c == "StopInstances").unwrap();
    let start = calls.iter().position(|c| c == "StartInstances").unwrap();
    for n in stop + 1..=start + 1 {
        for kill in [Kill::BeforeCall(n), Kill::AfterCall(n)] {
            let mut lost = Stand::new(fresh.clone());
            lost.name = "run-2".to_owned();
            lost.killed(&undoing, kill);
            let found = found(&lost, Some("run-2"));
            assert!(
                found.by_hand.is_empty() && found.plan.changes.len() == 1,
                "{kill:?}: {:?}",
                found.by_hand
            );
            let mut back = lost.again();
            back.name = "run-3".to_owned();
            back.run(&found.plan, yes(&found.plan), None).unwrap().unwrap();
            assert_eq!(
                change(&back, "c1").outcome(),
                Some(Outcome::Restored),
                "{kill:?}: {}",
                change(&back, "c1").reason
            );
            is_up(&lost, &id, &format!("{kill:?}"));
        }
    }
}

#[test]
fn what_an_undo_has_not_put_back_yet_comes_up_with_what_was_written_last() {
    let (stand, plan, id) = applied();
    let undoing = undoing(&stand, &plan).plan;
    let ran_on: BTreeSet<String> = instance(&stand, &id).devices.into_iter().map(|d| d.volume_id).collect();
    // A copy that an earlier run has left, of the same disks.
    {
        let mut twin = hold(&stand.twin);
        let region = twin.truth_mut().region_mut(REGION);
        for (n, copy) in ran_on.iter().enumerate() {
            let copy = region.volumes.get(copy).known().copied().unwrap().clone();
            let id = format!("vol-0ffffffffffffff0{n}");
            let tags =
                copy.tags.clone().into_iter().chain([(tag::RUN.to_owned(), "run-0".to_owned())]).collect();
            let older = redress::inventory::Volume {
                id: id.clone(),
                state: "available".to_owned(),
                attachments: Vec::new(),
                tags,
                ..copy
            };
            region.volumes.put(id, older);
        }
    }
    let second = second_run(&stand);
    let whole: Vec<String> = undoing.changes[0].steps.iter().map(|s| s.act.call.operation.clone()).collect();
    second.killed(&undoing, Kill::AfterCall(whole.iter().position(|c| c == "DetachVolume").unwrap() + 1));
    let found = found(&second, Some("run-2"));
    let mut back = second.again();
    back.name = "run-3".to_owned();
    back.run(&found.plan, yes(&found.plan), None).unwrap().unwrap();
    let runs_on: BTreeSet<String> = instance(&second, &id).devices.into_iter().map(|d| d.volume_id).collect();
    assert_eq!(
        runs_on, ran_on,
        "a disk of before the run beside one that was written since is older than it"
    );
}

#[test]
fn an_undo_that_is_stuck_names_a_command_that_brings_its_instance_up_and_so_do_undo_and_verify_afterwards() {
    let (stand, plan, id) = applied();
    let undoing = undoing(&stand, &plan).plan;
    let second = second_run(&stand);
    fault(&second, "AttachVolume", 1_000, FaultKind::Denied);
    fault(&second, "StartInstances", 1_000, FaultKind::Denied);
    second.run(&undoing, yes(&undoing), None).unwrap().unwrap();
    let only = plan.changes[0].id.as_str();
    let told = change(&second, only);
    assert_eq!(told.outcome(), Some(Outcome::Stuck), "{}", told.reason);
    assert!(told.reason.contains("redress recover run-2"), "{}", told.reason);
    // Undone again, and verified, it is said by which run it is in work.
    let mut third = second.again();
    third.name = "run-3".to_owned();
    third.run(&undoing, yes(&undoing), None).unwrap().unwrap();
    let again = change(&third, only);
    assert!(
        again.outcome() == Some(Outcome::Blocked) && again.reason.contains("redress recover run-2"),
        "{:?}: {}",
        again.outcome(),
        again.reason
    );
    let verified = stand.verify(&plan).changes[only].clone();
    assert!(
        verified.outcome() == Some(Outcome::Unverified) && verified.reason.contains("redress recover run-2"),
        "{}",
        verified.reason
    );
    hold(&second.twin).faults.script.clear();
    let found = found(&second, Some("run-2"));
    let mut back = second.again();
    back.name = "run-4".to_owned();
    back.run(&found.plan, yes(&found.plan), None).unwrap().unwrap();
    is_up(&second, &id, "recovered");
}

#[test]
fn an_undo_takes_over_the_mark_that_its_run_could_not_take_off() {
    let stand = world::demo();
    let (plan, id) = world::one_instance(&stand);
    // Denied only after the start, so that the run does not find out before it stops the instance.
    let deny = |twin: &mut redress::twin::Twin| {
        twin.faults.denied_calls.push(DeniedCall { operation: "DeleteTags".to_owned(), resource: None })
    };
    hold(&stand.then).push(("StartInstances".to_owned(), Box::new(deny)));
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    assert_eq!(
        instance(&stand, &id).tags.get(tag::RUN).map(String::as_str),
        Some("run-1"),
        "{}",
        change(&stand, &plan.changes[0].id).reason
    );
    hold(&stand.twin).faults.denied_calls.clear();
    // The mark stands in the way of other runs until then, and they name it and the way to remove it.
    let skipped = world::plan(&stand, &world::Wish::default())
        .skipped
        .iter()
        .map(|s| s.reason.clone())
        .collect::<Vec<_>>()
        .join("\n");
    assert!(
        !skipped.contains("run-1") || skipped.contains("redress recover run-1 -o back.json"),
        "{skipped}"
    );
    let undoing = undoing(&stand, &plan).plan;
    let second = second_run(&stand);
    second.run(&undoing, yes(&undoing), None).unwrap().unwrap();
    let told = change(&second, &plan.changes[0].id);
    assert_eq!(told.outcome(), Some(Outcome::Restored), "{}", told.reason);
    is_up(&second, &id, "undone");
    hold(&second.twin).pass(Duration::from_secs(3600));
    let (again, same) = world::one_instance(&second);
    assert_eq!(same, id);
    let mut third = second.again();
    third.name = "run-3".to_owned();
    third.run(&again, yes(&again), None).unwrap().unwrap();
    assert_eq!(
        change(&third, &again.changes[0].id).outcome(),
        Some(Outcome::Verified),
        "{}",
        change(&third, &again.changes[0].id).reason
    );
}

#[test]
fn recover_takes_a_mark_off_an_instance_that_runs() {
    let (stand, _, id) = applied();
    hold(&stand.twin)
        .truth_mut()
        .region_mut(REGION)
        .instances
        .get_mut(&id)
        .unwrap()
        .tags
        .insert(tag::RUN.to_owned(), "run-9".to_owned());
    let found = found(&stand, Some("run-9"));
    let mut back = stand.again();
    back.name = "run-3".to_owned();
    back.run(&found.plan, yes(&found.plan), None).unwrap().unwrap();
    assert_eq!(on_instance(&back, &id), ["unmark"]);
    is_up(&stand, &id, "recovered");
}

/// Ids of the instances of the main region that a plan stops, in its order, with the changes.
fn stops(plan: &Plan) -> Vec<(String, String)> {
    let stopping = plan
        .changes
        .iter()
        .filter(|c| c.region == REGION && c.steps.iter().any(|s| s.act.call.operation == "StopInstances"));
    stopping.map(|c| (c.id.clone(), c.resource.id().to_owned())).collect()
}

#[test]
fn what_a_stuck_change_has_left_down_counts_and_the_changes_behind_it_end_with_the_reason() {
    for jobs in [1, 4] {
        let (mut stand, plan) = many_stops();
        stand.jobs = jobs;
        fault(&stand, "DetachVolume", 1, FaultKind::Denied);
        fault(&stand, "StartInstances", 1_000, FaultKind::Denied);
        stand.run(&plan, yes(&plan), None).unwrap().unwrap();
        let stopped: Vec<Call> = hold(&stand.called)
            .iter()
            .filter(|c| c.operation == "StopInstances" && c.region == REGION)
            .cloned()
            .collect();
        assert_eq!(stopped.len(), 1, "{jobs} jobs: a second instance was taken down: {stopped:?}");
        let stuck: Vec<(String, String)> = stops(&plan)
            .into_iter()
            .filter(|(id, _)| change(&stand, id).outcome() == Some(Outcome::Stuck))
            .collect();
        assert_eq!(stuck.len(), 1, "{jobs} jobs");
        for (id, instance) in stops(&plan).into_iter().filter(|other| !stuck.contains(other)) {
            let told = change(&stand, &id);
            let wanted = [Outcome::Blocked, Outcome::RolledBack];
            assert!(
                told.outcome().is_some_and(|o| wanted.contains(&o)),
                "{jobs} jobs, {id}: {:?} {}",
                told.outcome(),
                told.reason
            );
            for word in [stuck[0].1.as_str(), stuck[0].0.as_str(), "redress recover run-1"] {
                assert!(told.reason.contains(word), "{jobs} jobs, {id}: {word}: {}", told.reason);
            }
            is_marked(&stand, &instance, None);
        }
    }
}

fn is_marked(stand: &Stand, id: &str, run: Option<&str>) {
    assert_eq!(instance(stand, id).tags.get(tag::RUN).map(String::as_str), run, "{id}");
}

#[test]
fn once_a_person_has_brought_it_up_the_run_that_is_resumed_goes_on() {
    let (stand, plan) = many_stops();
    let stops = stops(&plan);
    let first = plan.changes.iter().position(|c| c.id == stops[0].0).unwrap();
    let rest: BTreeSet<String> = plan.changes[first..]
        .iter()
        .map(|c| c.id.clone())
        .filter(|id| stops.iter().any(|(stop, _)| stop == id))
        .collect();
    let plan = world::select(&stand, &plan, &rest);
    fault(&stand, "DetachVolume", 1, FaultKind::Denied);
    fault(&stand, "StartInstances", 1_000, FaultKind::Denied);
    // Killed when the first has ended, before the others begin.
    let whole = Stand::new(hold(&stand.twin).clone());
    whole.run(&plan, yes(&plan), None).unwrap().unwrap();
    let ended = |stand: &Stand| {
        hold(&stand.events)
            .iter()
            .position(|(_, e)| matches!(e, redress::journal::Event::ChangeEnded { .. }))
            .unwrap()
            + 1
    };
    stand.killed(&plan, Kill::AfterRecord(ended(&whole)));
    hold(&stand.twin).faults.script.clear();
    let found = found(&stand, Some("run-1"));
    let back = second_run(&stand);
    back.run(&found.plan, yes(&found.plan), None).unwrap().unwrap();
    hold(&stand.twin).pass(Duration::from_secs(3600));
    stand.run(&plan, Vec::new(), None).unwrap().unwrap();
    let outcomes: Vec<Option<Outcome>> =
        plan.changes.iter().map(|c| change(&stand, &c.id).outcome()).collect();
    assert_eq!(outcomes[0], Some(Outcome::Stuck));
    assert!(outcomes[1..].iter().all(|o| *o == Some(Outcome::Verified)), "{outcomes:?}");
}

/// Two plans of one instance each, on one account, by people who know nothing of each other.
fn two_plans() -> (Stand, [(Plan, String); 2]) {
    let (stand, plan) = many_stops();
    let two = stops(&plan)
        .into_iter()
        .take(2)
        .map(|(id, instance)| (world::select(&stand, &plan, &[id].into()), instance))
        .collect::<Vec<_>>();
    let two = two.try_into().unwrap_or_else(|_| panic!("two instances"));
    (stand, two)
}

#[test]
fn what_a_run_of_another_state_directory_has_down_counts_and_it_is_named() {
    let (stand, [(one, down), (other, waits)]) = two_plans();
    let stop = one.changes[0].steps.iter().position(|s| s.name == "stop").unwrap() + 1;
    stand.killed(&one, Kill::AfterCall(stop));
    let mut second = second_run(&stand);
    let halted = second.run(&other, yes(&other), None).unwrap();
    let Err(EngineError::Elsewhere(why)) = halted else { panic!("{halted:?}") };
    for word in [down.as_str(), "run run-1", "redress recover run-1", "--stop-at-once"] {
        assert!(why.contains(word), "{word}: {why}");
    }
    assert_eq!(on_instance(&second, &waits), ["mark", "announce"], "nothing is stopped");
    // More at once are allowed only where asked for.
    second.stop_at_once = 2;
    second.run(&other, Vec::new(), None).unwrap().unwrap();
    assert_eq!(change(&second, &other.changes[0].id).outcome(), Some(Outcome::Verified));
}

#[test]
fn a_run_that_waits_for_one_of_another_state_directory_goes_on_when_that_is_up() {
    let (stand, [(one, _), (other, waits)]) = two_plans();
    let stop = one.changes[0].steps.iter().position(|s| s.name == "stop").unwrap() + 1;
    stand.killed(&one, Kill::AfterCall(stop));
    let second = second_run(&stand);
    assert!(matches!(second.run(&other, yes(&other), None).unwrap(), Err(EngineError::Elsewhere(_))));
    stand.run(&one, Vec::new(), None).unwrap().unwrap();
    assert_eq!(
        change(&stand, &one.changes[0].id).outcome(),
        Some(Outcome::Verified),
        "an announcement of a later run holds it up for a moment"
    );
    second.run(&other, Vec::new(), None).unwrap().unwrap();
    assert_eq!(change(&second, &other.changes[0].id).outcome(), Some(Outcome::Verified));
    is_up(&second, &waits, "the second");
}

#[test]
fn of_two_runs_that_announce_at_once_one_waits() {
    let (stand, [(one, _), (other, waits)]) = two_plans();
    let announce = one.changes[0].steps.iter().position(|s| s.name == "announce").unwrap() + 1;
    stand.killed(&one, Kill::AfterCall(announce));
    let second = second_run(&stand);
    // The first has not stopped its instance yet, and will.
    let halted = second.run(&other, yes(&other), None).unwrap();
    assert!(matches!(halted, Err(EngineError::Elsewhere(_))), "{halted:?}");
    assert_eq!(on_instance(&second, &waits), ["mark", "announce"]);
    stand.run(&one, Vec::new(), None).unwrap().unwrap();
    assert_eq!(change(&stand, &one.changes[0].id).outcome(), Some(Outcome::Verified));
    second.run(&other, Vec::new(), None).unwrap().unwrap();
    assert_eq!(change(&second, &other.changes[0].id).outcome(), Some(Outcome::Verified));
}

#[test]
fn an_undo_counts_what_other_runs_have_down_too() {
    let (stand, [(one, id), (other, down)]) = two_plans();
    stand.run(&one, yes(&one), None).unwrap().unwrap();
    let second = second_run(&stand);
    let stop = other.changes[0].steps.iter().position(|s| s.name == "stop").unwrap() + 1;
    second.killed(&other, Kill::AfterCall(stop));
    let back = undo::plan(
        &stand.story(),
        &one,
        None,
        stand.identity(),
        hold(&stand.twin).now(),
        SignedDuration::from_hours(1),
    )
    .plan;
    let mut third = stand.again();
    third.name = "run-3".to_owned();
    let halted = third.run(&back, yes(&back), None).unwrap();
    assert!(matches!(&halted, Err(EngineError::Elsewhere(why)) if why.contains(&down)), "{halted:?}");
    assert_eq!(on_instance(&third, &id), ["mark", "announce"]);
}

/// The tag calls on an instance are denied to the run that has announced its stop: it goes back, and its mark
/// stays.
#[test]
fn a_mark_that_may_not_be_removed_holds_no_other_run_up_once_nothing_is_to_be_stopped() {
    let (stand, [(one, id), (other, waits)]) = two_plans();
    hold(&stand.twin)
        .faults
        .denied_calls
        .push(DeniedCall { operation: "DeleteTags".to_owned(), resource: Some(id.clone()) });
    stand.run(&one, yes(&one), None).unwrap().unwrap();
    let told = change(&stand, &one.changes[0].id);
    assert!(
        told.outcome() == Some(Outcome::RolledBack) && told.reason.contains("left to do by hand"),
        "{:?} {}",
        told.outcome(),
        told.reason
    );
    is_marked(&stand, &id, Some("run-1"));
    let second = second_run(&stand);
    second.run(&other, yes(&other), None).unwrap().unwrap();
    assert_eq!(
        change(&second, &other.changes[0].id).outcome(),
        Some(Outcome::Verified),
        "{}",
        change(&second, &other.changes[0].id).reason
    );
    is_up(&second, &waits, "the other");
    // Its undo is held up by nothing, either.
    let back = undo::plan(
        &second.story(),
        &other,
        None,
        stand.identity(),
        hold(&stand.twin).now(),
        SignedDuration::from_hours(1),
    )
    .plan;
    let mut third = stand.again();
    third.name = "run-3".to_owned();
    third.run(&back, yes(&back), None).unwrap().unwrap();
    assert_eq!(change(&third, &other.changes[0].id).outcome(), Some(Outcome::Restored));
}
