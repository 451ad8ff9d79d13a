//! Disks that are copied as volumes, which is the way by default where the endpoint has it, on the twin: there
//! and back, killed anywhere, and AWS's limits for copies, which are waited for while everything is up and by
//! nothing that is down.

use std::time::Duration;

use jiff::Timestamp;
use redress::{
    calls::Call,
    inventory::{FamilyKind, Volume, VolumeStatus},
    journal::{ChangeStory, Event, Outcome, StepResult},
    plan::{Change, Plan},
    resource::Kind,
    twin::{DeniedCall, DeniedRead, Fault, FaultKind, When, demo::MAIN},
};
use serde_json::json;

use super::{
    ends::End,
    jobs::many_stops,
    laws::{all_are, undoing},
    stand::{Stand, hold, yes},
    world,
};

/// Takes the tag off every instance that asks for backups: such a one keeps the way over snapshots.
fn without_backups(stand: &Stand) {
    for region in hold(&stand.twin).truth_mut().regions.values_mut() {
        let ids: Vec<String> = region.instances.known().map(|(id, _)| id.to_owned()).collect();
        for id in ids {
            region.instances.get_mut(&id).unwrap().tags.remove("Backup");
        }
    }
}

fn demo() -> Stand {
    let stand = world::demo();
    without_backups(&stand);
    stand
}

/// The changes that encrypt volumes in the way that is taken by default, those that are picked alone in a
/// plan.
fn doubling(stand: &Stand, picked: impl Fn(&Change) -> bool) -> Plan {
    without_backups(stand);
    let plan = world::plan(stand, &world::Wish::with(&[]));
    let ours = plan.changes.iter().filter(|c| c.action == "encrypt-volumes" && picked(c));
    let ids = ours.map(|c| c.id.clone()).collect();
    world::select(stand, &plan, &ids)
}

/// One instance of the main region that runs.
fn running(stand: &Stand) -> (Plan, String) {
    let first = std::cell::Cell::new(true);
    let plan = doubling(stand, |c| {
        c.resource.kind() == Kind::Instance
            && c.region == MAIN
            && c.before["state"] == "running"
            && first.replace(false)
    });
    assert_eq!(plan.changes.len(), 1, "{:?}", plan.skipped);
    let instance = plan.changes[0].resource.id().to_owned();
    (plan, instance)
}

fn only(stand: &Stand, plan: &Plan) -> ChangeStory {
    stand.story().changes[&plan.changes[0].id].clone()
}

fn called(stand: &Stand, operation: &str) -> usize {
    hold(&stand.called).iter().filter(|c: &&Call| c.operation == operation).count()
}

/// The codes with which copies of volumes were refused.
fn refused(stand: &Stand) -> Vec<String> {
    let of = |(_, event): &(Timestamp, Event)| match event {
        Event::Result { step, result: StepResult::Failed { error }, .. } if step.starts_with("volume-") => {
            Some(error.code.clone())
        }
        _ => None,
    };
    hold(&stand.events).iter().filter_map(of).collect()
}

/// The time of the first intent of an operation.
fn first(stand: &Stand, operation: &str) -> Timestamp {
    let is_it = |event: &Event| matches!(event, Event::Intent { call, .. } if call.operation == operation);
    hold(&stand.events).iter().find(|(_, event)| is_it(event)).expect("it was called").0
}

/// Lets somebody else copy volumes of so many GiB, each another one. Returns the time at which AWS has
/// initialised them.
fn others_copy(stand: &Stand, copies: usize, gib: i32) -> Timestamp {
    let mut twin = hold(&stand.twin);
    let call = |operation: &str, input| Call::new("ec2", MAIN, operation, input);
    for n in 0..copies {
        let empty = json!({ "AvailabilityZone": "us-east-1a", "Size": gib, "ClientToken": format!("s{n}") });
        let made = twin.by_hand(&call("CreateVolume", empty)).unwrap();
        twin.pass(Duration::from_secs(30));
        let copy = json!({ "SourceVolumeId": made["VolumeId"], "ClientToken": format!("c{n}") });
        twin.by_hand(&call("CopyVolumes", copy)).unwrap();
    }
    let mut later = twin.clone();
    while later.truth().regions[MAIN]
        .volume_statuses
        .known()
        .any(|(_, s)| s.initialization_progress < Some(100))
    {
        later.pass(Duration::from_secs(10));
    }
    later.now()
}

/// Lets somebody else begin copies of volumes again and again: what shows is always young.
fn stalled(stand: &Stand, copies: usize) {
    let mut twin = hold(&stand.twin);
    let later = twin.now() + Duration::from_secs(48 * 3600);
    let region = twin.truth_mut().region_mut(MAIN);
    for n in 0..copies {
        let id = format!("vol-0{n:016x}");
        let source = Some(format!("vol-1{n:016x}"));
        let copy = Volume {
            id: id.clone(),
            size: 100,
            source_volume_id: source,
            create_time: Some(later),
            state: "available".into(),
            ..Volume::default()
        };
        region.volumes.put(id.clone(), copy);
        let status = VolumeStatus {
            id: id.clone(),
            initialization_progress: Some(10),
            initialization_type: Some("volume-copy".into()),
        };
        region.volume_statuses.put(id, status);
    }
}

fn encrypted(stand: &Stand, instance: &str) -> bool {
    let settled = stand.settled();
    let region = &settled.regions[MAIN];
    let devices = &region.instances.get(instance).known().unwrap().devices;
    devices.iter().all(|d| region.volumes.get(&d.volume_id).known().unwrap().encrypted)
}

#[test]
fn disks_are_copied_without_a_snapshot_proved_and_put_back() {
    let stand = demo();
    let plan = doubling(&stand, |_| true);
    assert!(plan.changes.iter().any(|c| c.resource.kind() == Kind::Volume), "a detached one is among them");
    assert!(plan.changes.iter().any(|c| c.before["state"] == "stopped"), "and a stopped instance");
    let before = stand.settled();
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    all_are(&stand.story(), &plan, &[Outcome::Verified]);
    all_are(&stand.verify(&plan), &plan, &[Outcome::Verified]);
    assert_eq!((called(&stand, "CreateSnapshots"), called(&stand, "CreateSnapshot")), (0, 0));
    assert!(called(&stand, "CopyVolumes") > 3);
    assert_eq!(refused(&stand), Vec::<String>::new());
    assert_eq!(hold(&stand.twin).stale(), []);
    let undoing = undoing(&stand, &plan);
    assert!(undoing.refused.is_empty(), "{:?}", undoing.refused);
    let shown = &undoing.plan.rehearsal;
    assert!(shown.undo_restores, "{:?} {:?}", shown.differences, shown.not_rehearsed);
    let back = stand.again();
    back.run(&undoing.plan, yes(&undoing.plan), None).unwrap().unwrap();
    all_are(&back.story(), &undoing.plan, &[Outcome::Restored]);
    let (before, after) = (world::things(&before), world::things(&stand.settled()));
    let moved: Vec<_> = before.iter().filter(|(thing, was)| after.get(*thing) != Some(*was)).collect();
    assert_eq!(moved, []);
    // The copies stay: they may hold newer data.
    let new = after.keys().filter(|thing| !before.contains_key(*thing));
    assert!(new.into_iter().all(|(_, family, _)| *family == FamilyKind::Volumes));
}

#[test]
fn applied_twice_nothing_is_copied_again() {
    let stand = demo();
    let (plan, _) = running(&stand);
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    let second = stand.again();
    second.run(&plan, yes(&plan), None).unwrap().unwrap();
    assert_eq!(*hold(&second.called), Vec::<Call>::new());
    all_are(&second.story(), &plan, &[Outcome::AlreadyFixed]);
}

#[test]
fn killed_anywhere_it_comes_to_the_same_end() {
    let stand = demo();
    let fresh = hold(&stand.twin).clone();
    let (plan, _) = running(&stand);
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    let whole = End::of(&stand);
    for kill in whole.kills(1, 1) {
        let other = Stand::new(fresh.clone());
        other.killed(&plan, kill);
        other.run(&plan, yes(&plan), None).unwrap().unwrap();
        whole.is_that_of(&other, kill);
        assert_eq!(hold(&other.twin).stale(), [], "{kill:?}");
    }
}

#[test]
fn room_for_the_copies_is_awaited_before_anything_goes_down() {
    for others in [4, 5] {
        let stand = demo();
        let (plan, instance) = running(&stand);
        let disks = plan.changes[0].steps.iter().filter(|s| s.act.call.operation == "CopyVolumes").count();
        assert!(disks > 1, "others leave room for one: it needs {disks}");
        let there_is_room = others_copy(&stand, others, 120);
        stand.run(&plan, yes(&plan), None).unwrap().unwrap();
        let told = only(&stand, &plan);
        assert_eq!(told.outcome(), Some(Outcome::Verified), "{others} of others: {}", told.reason);
        assert_eq!(refused(&stand), Vec::<String>::new());
        let (stopped, copied) = (first(&stand, "StopInstances"), first(&stand, "CopyVolumes"));
        // The first of the others' copies is initialised some minutes before the last.
        assert!(stopped >= there_is_room - jiff::SignedDuration::from_mins(5), "{others} of others");
        assert!(
            copied.duration_since(stopped) < jiff::SignedDuration::from_mins(10),
            "nothing waits while down"
        );
        assert!(encrypted(&stand, &instance));
    }
}

#[test]
fn a_copy_of_the_same_disk_by_somebody_else_is_awaited_before_the_stop() {
    let stand = demo();
    let (plan, _) = running(&stand);
    let source = plan.changes[0].steps.iter().find_map(|s| s.act.call.input.get("SourceVolumeId")).unwrap();
    let copy = json!({ "SourceVolumeId": source, "ClientToken": "theirs" });
    hold(&stand.twin).by_hand(&Call::new("ec2", MAIN, "CopyVolumes", copy)).unwrap();
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    assert_eq!(only(&stand, &plan).outcome(), Some(Outcome::Verified), "{}", only(&stand, &plan).reason);
    assert_eq!(refused(&stand), Vec::<String>::new());
}

#[test]
fn room_that_does_not_come_leaves_everything_as_it_was() {
    let stand = demo();
    let (plan, _) = running(&stand);
    stalled(&stand, 5);
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    let told = only(&stand, &plan);
    assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{}", told.reason);
    assert!(told.reason.contains("5 copies of volumes are in progress"), "{}", told.reason);
    assert_eq!((called(&stand, "StopInstances"), called(&stand, "CopyVolumes")), (0, 0));
}

#[test]
fn a_copy_that_is_refused_while_the_instance_is_down_brings_it_up_at_once() {
    for (kind, nth) in [(FaultKind::Quota, 1), (FaultKind::Busy, 2)] {
        let stand = demo();
        let (plan, instance) = running(&stand);
        let before = world::things(&stand.settled());
        let at = When::Operation("CopyVolumes".to_owned(), nth);
        hold(&stand.twin).faults.script.push(Fault { at, kind, times: 1_000, seen: 0 });
        stand.run(&plan, yes(&plan), None).unwrap().unwrap();
        let told = only(&stand, &plan);
        assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{kind:?}: {}", told.reason);
        assert_eq!(called(&stand, "CopyVolumes"), nth as usize, "{kind:?}: it is not asked for again");
        let down = first(&stand, "StartInstances").duration_since(first(&stand, "StopInstances"));
        assert!(down < jiff::SignedDuration::from_mins(10), "{kind:?}: {down}");
        let settled = stand.settled();
        assert_eq!(settled.regions[MAIN].instances.get(&instance).known().unwrap().state, "running");
        assert_eq!(world::things(&settled), before, "{kind:?}");
    }
}

#[test]
fn a_copy_whose_key_does_not_work_is_deleted_and_the_instance_comes_up() {
    let stand = demo();
    let (plan, instance) = running(&stand);
    let at = When::Operation("CopyVolumes".to_owned(), 1);
    hold(&stand.twin).faults.script.push(Fault { at, kind: FaultKind::VolumeDies, times: 1, seen: 0 });
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    let told = only(&stand, &plan);
    assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{}", told.reason);
    let settled = stand.settled();
    assert_eq!(settled.regions[MAIN].instances.get(&instance).known().unwrap().state, "running");
    assert!(settled.regions[MAIN].volumes.known().all(|(_, v)| v.source_volume_id.is_none()));
}

#[test]
fn a_caller_who_may_not_copy_volumes_has_nothing_stopped() {
    let stand = demo();
    let (plan, _) = running(&stand);
    let denied = DeniedCall { operation: "CopyVolumes".to_owned(), resource: None };
    hold(&stand.twin).faults.denied_calls.push(denied);
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    assert_eq!(called(&stand, "StopInstances"), 0);
    let told = only(&stand, &plan);
    assert!(told.reason.contains("ec2:CopyVolumes would be denied"), "{}", told.reason);
}

#[test]
fn copies_whose_progress_may_not_be_read_count_for_as_long_as_aws_may_take() {
    let stand = demo();
    let (plan, _) = running(&stand);
    others_copy(&stand, 5, 1);
    let begun = hold(&stand.twin).now();
    hold(&stand.twin).faults.denied_reads.push(DeniedRead {
        family: FamilyKind::VolumeStatuses,
        region: None,
        member: None,
    });
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    assert_eq!(only(&stand, &plan).outcome(), Some(Outcome::Verified), "{}", only(&stand, &plan).reason);
    assert!(first(&stand, "StopInstances").duration_since(begun) > jiff::SignedDuration::from_hours(5));
}

#[test]
fn several_changes_at_once_ask_for_no_copy_that_aws_would_refuse() {
    let (mut stand, _) = many_stops();
    (stand.jobs, stand.stop_at_once) = (20, 20);
    let plan = doubling(&stand, |_| true);
    others_copy(&stand, 2, 60);
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    all_are(&stand.story(), &plan, &[Outcome::Verified]);
    assert_eq!(refused(&stand), Vec::<String>::new());
}

/// The way that the plan of a running instance took, and its line about that.
fn way(plan: &Plan) -> (String, String) {
    let change = &plan.changes[0];
    let line =
        change.impact.iter().find(|line| line.contains("via = \"auto\"")).expect("it says which and why");
    (change.uses[0].with["via"].as_str().unwrap().to_owned(), line.clone())
}

#[test]
fn the_way_by_default_is_found_at_planning_and_stands_in_the_plan_with_its_reason() {
    let stand = demo();
    let (via, line) = way(&running(&stand).0);
    assert_eq!(via, "volume-copy");
    assert!(line.contains("a trial without effect has shown"), "{line}");
    assert_eq!(*hold(&stand.called), Vec::<Call>::new(), "a plan calls nothing");
}

#[test]
fn an_instance_that_asks_for_backups_keeps_the_way_over_snapshots() {
    let stand = world::demo();
    let plan = world::plan(&stand, &world::Wish::with(&[]));
    let is_app = |c: &&Change| {
        c.action == "encrypt-volumes"
            && c.impact.iter().any(|line| line.contains("the instance asks for backups"))
    };
    let app = plan.changes.iter().find(is_app).expect("one of the demo account asks for backups");
    assert_eq!(app.uses[0].with["via"], "direct");
    assert!(plan.rehearsal.opens.is_empty(), "{:?}", plan.rehearsal.opens);
}

#[test]
fn an_endpoint_without_copies_of_volumes_is_asked_for_none() {
    let stand = demo();
    hold(&stand.twin).faults.lacks = vec!["CopyVolumes".to_owned()];
    let (plan, instance) = running(&stand);
    let (via, line) = way(&plan);
    assert_eq!(via, "direct");
    assert!(line.contains("the endpoint does not copy volumes with encryption"), "{line}");
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    all_are(&stand.story(), &plan, &[Outcome::Verified]);
    assert_eq!(called(&stand, "CopyVolumes"), 0);
    assert!(encrypted(&stand, &instance));
}

#[test]
fn a_trial_that_may_not_be_made_or_has_no_result_leads_over_snapshots() {
    let unread = DeniedRead { family: FamilyKind::CopyTrials, region: None, member: None };
    let denied = DeniedCall { operation: "CopyVolumes".to_owned(), resource: None };
    for (reads, calls, reason) in [
        (vec![unread], vec![], "it is unknown whether the endpoint copies volumes"),
        (vec![], vec![denied], "whoever made the plan may not copy volumes"),
    ] {
        let stand = demo();
        hold(&stand.twin).faults.denied_reads = reads;
        hold(&stand.twin).faults.denied_calls = calls;
        let (plan, _) = running(&stand);
        let (via, line) = way(&plan);
        assert_eq!(via, "direct");
        assert!(line.contains(reason), "{line}");
        // Whoever applies it may copy volumes: the plan is done as it stands.
        hold(&stand.twin).faults.denied_reads = Vec::new();
        hold(&stand.twin).faults.denied_calls = Vec::new();
        stand.run(&plan, yes(&plan), None).unwrap().unwrap();
        all_are(&stand.story(), &plan, &[Outcome::Verified]);
        assert_eq!(called(&stand, "CopyVolumes"), 0);
    }
}

#[test]
fn an_endpoint_that_loses_the_operation_after_the_plan_has_nothing_stopped() {
    let stand = demo();
    let (plan, instance) = running(&stand);
    hold(&stand.twin).faults.lacks = vec!["CopyVolumes".to_owned()];
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    all_are(&stand.story(), &plan, &[Outcome::RolledBack]);
    let settled = stand.settled();
    assert_eq!(settled.regions[MAIN].instances.get(&instance).known().unwrap().state, "running");
    assert_eq!(called(&stand, "StopInstances"), 0);
}
