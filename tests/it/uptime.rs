//! Nothing goes down before it is shown that it can come up again, and nothing is taken down again after it
//! was started: laws 14 and 15, on the demo account, with denials, a lack of room, keys that do not work and
//! checks that do not pass.

use super::{
    stand::{Kill, Stand, hold, yes},
    world,
};
use redress::{
    calls::Call,
    engine::{EngineError, undo},
    inventory::FamilyKind,
    journal::{ChangeStory, Event, Outcome, RunDocument},
    plan::Plan,
    twin::{DeniedCall, DeniedRead, Fault, FaultKind, When},
};

fn only(stand: &Stand, plan: &Plan) -> ChangeStory {
    stand.story().changes[&plan.changes[0].id].clone()
}

fn state(stand: &Stand, plan: &Plan, instance: &str) -> String {
    let region = plan.changes[0].region.clone();
    stand.settled().regions[&region].instances.get(instance).known().unwrap().state.clone()
}

fn operations(stand: &Stand) -> Vec<String> {
    hold(&stand.called).iter().map(|c: &Call| c.operation.clone()).collect()
}

/// No stop comes after a start.
fn never_down_again(stand: &Stand) {
    let all = operations(stand);
    let start = all.iter().position(|o| o == "StartInstances").unwrap_or(all.len());
    assert!(!all[start..].contains(&"StopInstances".to_owned()), "{all:?}");
}

fn encrypted(stand: &Stand, plan: &Plan, instance: &str) -> bool {
    let settled = stand.settled();
    let region = &settled.regions[&plan.changes[0].region];
    let devices = &region.instances.get(instance).known().unwrap().devices;
    devices.iter().all(|d| region.volumes.get(&d.volume_id).known().unwrap().encrypted)
}

fn fault(stand: &Stand, operation: &str, from: u32, times: u32, kind: FaultKind) {
    hold(&stand.twin).faults.script.push(Fault {
        at: When::Operation(operation.to_owned(), from),
        kind,
        times,
        seen: 0,
    });
}

#[test]
fn a_call_that_a_policy_denies_between_stop_and_start_or_on_the_way_back_keeps_the_instance_up() {
    for operation in [
        "StartInstances",
        "AttachVolume",
        "DetachVolume",
        "DeleteTags",
        "DeleteSnapshot",
        "CreateSnapshots",
        "ModifyInstanceAttribute",
    ] {
        let stand = world::demo();
        let (plan, instance) = world::one_instance(&stand);
        hold(&stand.twin)
            .faults
            .denied_calls
            .push(DeniedCall { operation: operation.to_owned(), resource: None });
        stand.run(&plan, yes(&plan), None).unwrap().unwrap();
        let told = only(&stand, &plan);
        assert!(
            !operations(&stand).contains(&"StopInstances".to_owned()),
            "{operation}: it was stopped: {}",
            told.reason
        );
        assert!(told.reason.contains(operation), "{operation}: {}", told.reason);
        assert!(!told.outcome().unwrap().applied(), "{operation}: {:?}", told.phase);
        assert_eq!(state(&stand, &plan, &instance), "running");
    }
}

#[test]
fn a_call_that_is_denied_on_one_disk_alone_keeps_the_instance_up_too() {
    let stand = world::demo();
    let (plan, instance) = world::one_instance(&stand);
    let old = plan.changes[0].steps.iter().find(|s| s.name == "detach-1").unwrap().act.call.input["VolumeId"]
        .as_str()
        .unwrap()
        .to_owned();
    hold(&stand.twin)
        .faults
        .denied_calls
        .push(DeniedCall { operation: "AttachVolume".to_owned(), resource: Some(old) });
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    assert!(
        !operations(&stand).contains(&"StopInstances".to_owned()),
        "it could not have come back on its old disk"
    );
    assert_eq!(state(&stand, &plan, &instance), "running");
}

#[test]
fn a_trial_volume_shows_before_the_stop_that_the_key_does_not_work_or_a_quota_is_reached() {
    for kind in [FaultKind::VolumeDies, FaultKind::Quota] {
        let stand = world::demo();
        let (plan, instance) = world::one_instance(&stand);
        fault(&stand, "CreateVolume", 1, 1_000, kind);
        stand.run(&plan, yes(&plan), None).unwrap().unwrap();
        assert!(!operations(&stand).contains(&"StopInstances".to_owned()), "{kind:?}");
        assert_eq!(
            only(&stand, &plan).outcome(),
            Some(Outcome::RolledBack),
            "{kind:?}: {}",
            only(&stand, &plan).reason
        );
        assert_eq!(state(&stand, &plan, &instance), "running");
    }
}

#[test]
fn a_tag_that_is_denied_after_the_start_is_left_over_and_takes_nothing_back() {
    let stand = world::demo();
    let (plan, instance) = world::one_instance(&stand);
    let before = plan.changes[0]
        .steps
        .iter()
        .take_while(|s| s.name != "stop")
        .filter(|s| s.act.call.operation == "CreateTags")
        .count();
    fault(&stand, "CreateTags", u32::try_from(before).unwrap() + 1, 1_000, FaultKind::Denied);
    fault(&stand, "DeleteTags", 1, 1_000, FaultKind::Denied);
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    never_down_again(&stand);
    let told = only(&stand, &plan);
    assert_eq!(told.outcome(), Some(Outcome::Verified), "{}", told.reason);
    assert!(encrypted(&stand, &plan, &instance) && state(&stand, &plan, &instance) == "running");
    let document = RunDocument::of(&stand.story(), &plan);
    let left = &document.changes[0].leftovers;
    assert!(
        left.iter()
            .any(|l| l.contains("ec2:CreateTags") && l.contains("redress:replaced-by") && l.contains("vol-")),
        "{left:?}"
    );
    assert!(left.iter().any(|l| l.contains("ec2:DeleteTags") && l.contains(&instance)), "{left:?}");
    // A sentence, the reason, and the command.
    assert!(
        left.iter()
            .all(|l| l.starts_with("set the tags redress:") || l.starts_with("take the tags redress:")),
        "{left:?}"
    );
    assert!(
        left.iter().any(|l| l.contains("aws ec2 create-tags --region ") && l.contains("--cli-input-json '{")),
        "{left:?}"
    );
    // Reading the run again, and resuming it, changes nothing of that.
    stand.run(&plan, Vec::new(), None).unwrap().unwrap();
    assert_eq!(only(&stand, &plan), told);
}

#[test]
fn checks_that_do_not_pass_after_the_start_leave_the_change_unproved_and_take_nothing_back() {
    let stand = world::demo();
    let (plan, instance) = world::one_instance(&stand);
    let start = plan.changes[0].steps.iter().position(|s| s.name == "start").unwrap() + 1;
    stand.killed(&plan, Kill::AfterCall(start));
    hold(&stand.twin).faults.checks_fail = true;
    stand.run(&plan, Vec::new(), None).unwrap().unwrap();
    never_down_again(&stand);
    let told = only(&stand, &plan);
    assert_eq!(told.outcome(), Some(Outcome::Unverified), "{}", told.reason);
    for word in ["runs on the encrypted disks", "redress undo run-1"] {
        assert!(told.reason.contains(word), "{word}: {}", told.reason);
    }
    assert!(encrypted(&stand, &plan, &instance) && state(&stand, &plan, &instance) == "running");
    // What is recorded afterwards is recorded all the same.
    assert!(told.left.iter().all(|l| l.call.is_none()), "{:?}", told.left);
}

#[test]
fn checks_that_may_not_be_read_halt_the_run_and_take_nothing_back() {
    let stand = world::demo();
    let (plan, instance) = world::one_instance(&stand);
    let start = plan.changes[0].steps.iter().position(|s| s.name == "start").unwrap() + 1;
    stand.killed(&plan, Kill::AfterCall(start));
    hold(&stand.twin).faults.denied_reads.push(DeniedRead {
        family: FamilyKind::InstanceStatuses,
        region: None,
        member: None,
    });
    let halted = stand.run(&plan, Vec::new(), None).unwrap();
    assert!(matches!(halted, Err(EngineError::Blind(_))), "{halted:?}");
    assert!(encrypted(&stand, &plan, &instance) && state(&stand, &plan, &instance) == "running");
    hold(&stand.twin).faults.denied_reads.clear();
    stand.run(&plan, Vec::new(), None).unwrap().unwrap();
    assert_eq!(only(&stand, &plan).outcome(), Some(Outcome::Verified), "{}", only(&stand, &plan).reason);
    never_down_again(&stand);
}

#[test]
fn a_lack_of_room_at_the_start_keeps_the_encrypted_disks_and_halts_to_be_resumed() {
    let stand = world::demo();
    let (plan, instance) = world::one_instance(&stand);
    fault(&stand, "StartInstances", 1, 1_000, FaultKind::NoCapacity);
    let halted = stand.run(&plan, yes(&plan), None).unwrap();
    assert!(matches!(halted, Err(EngineError::NoRoom(_))), "{halted:?}");
    assert!(
        encrypted(&stand, &plan, &instance),
        "the copies are not thrown away for the same start on the old disks"
    );
    assert_eq!(state(&stand, &plan, &instance), "stopped");
    hold(&stand.twin).faults.script.clear();
    stand.run(&plan, Vec::new(), None).unwrap().unwrap();
    assert_eq!(only(&stand, &plan).outcome(), Some(Outcome::Verified), "{}", only(&stand, &plan).reason);
    never_down_again(&stand);
}

#[test]
fn a_start_that_falls_back_by_itself_had_no_effect_and_the_old_disks_come_up_again() {
    let stand = world::demo();
    let (plan, instance) = world::one_instance(&stand);
    fault(&stand, "StartInstances", 1, 1, FaultKind::FallsBack);
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    never_down_again(&stand);
    let told = only(&stand, &plan);
    assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{}", told.reason);
    assert!(told.reason.contains("Client.InternalError"), "AWS's own reason is said: {}", told.reason);
    assert!(!encrypted(&stand, &plan, &instance));
    assert_eq!(state(&stand, &plan, &instance), "running");
}

#[test]
fn whatever_call_is_denied_no_start_is_followed_by_a_stop() {
    let (plan, fresh) = {
        let stand = world::demo();
        let fresh = hold(&stand.twin).clone();
        (world::one_instance(&stand), fresh)
    };
    let (plan, instance) = plan;
    for n in 1..=plan.changes[0].steps.len() as u64 {
        let stand = Stand::new(fresh.clone());
        hold(&stand.twin).faults.script.push(Fault {
            at: When::Call(n),
            kind: FaultKind::Denied,
            times: 1,
            seen: 0,
        });
        stand.run(&plan, yes(&plan), None).unwrap().unwrap();
        never_down_again(&stand);
        assert_eq!(state(&stand, &plan, &instance), "running", "call {n}: {}", only(&stand, &plan).reason);
    }
}

#[test]
fn what_could_not_be_tried_is_recorded_and_what_was_tried_too() {
    let stand = world::demo();
    let (plan, _) = world::one_instance(&stand);
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    let tried: Vec<(usize, Vec<String>)> = hold(&stand.events)
        .iter()
        .filter_map(|(_, event)| {
            if let Event::Tried { allowed, not_told, .. } = event {
                Some((*allowed, not_told.clone()))
            } else {
                None
            }
        })
        .collect();
    assert!(
        matches!(tried.as_slice(), [(allowed, not_told)] if *allowed > 5 && not_told.is_empty()),
        "{tried:?}"
    );
}

#[test]
fn the_least_policy_of_apply_and_of_undo_names_the_keys_of_all_disks_that_a_start_needs() {
    let stand = world::demo();
    let other = "arn:aws:kms:us-east-1:111122223333:key/of-a-disk-that-stays".to_owned();
    {
        let mut twin = hold(&stand.twin);
        let region = twin.truth_mut().region_mut("us-east-1");
        let sdf = region
            .instances
            .known()
            .find(|(_, i)| i.tags.get("Name").is_some_and(|n| n == "app"))
            .unwrap()
            .1
            .devices[0]
            .volume_id
            .clone();
        let volume = region.volumes.get_mut(&sdf).unwrap();
        (volume.encrypted, volume.kms_key_id) = (true, Some(other.clone()));
        let key = region.keys.get("alias/aws/ebs").known().copied().unwrap().clone();
        region
            .keys
            .put(other.clone(), redress::inventory::Key { id: other.clone(), arn: other.clone(), ..key });
    }
    let (plan, _) = world::one_instance(&stand);
    let policy = |plan: &Plan| {
        let grants = redress::plan::permissions::of_plan(plan);
        let of = |action: &str| {
            grants.iter().filter(|g| g.action == action).flat_map(|g| g.resources.clone()).collect::<Vec<_>>()
        };
        (of("kms:CreateGrant"), of("kms:Decrypt"), of("kms:DescribeKey"))
    };
    let named = |(grant, decrypt, describe): (Vec<String>, Vec<String>, Vec<String>)| {
        [grant, decrypt, describe].iter().all(|all| all.contains(&other))
    };
    assert!(named(policy(&plan)), "{:?}", policy(&plan));
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    let now = hold(&stand.twin).now();
    let undo = redress::engine::undo::plan(
        &stand.story(),
        &plan,
        None,
        stand.identity(),
        now,
        jiff::SignedDuration::from_hours(1),
    )
    .plan;
    assert!(!undo.changes.is_empty() && named(policy(&undo)), "{:?}", policy(&undo));
}

/// The report of a run that was interrupted, and the reason why it is not undone.
fn said(stand: &Stand, plan: &Plan) -> (redress::journal::document::ChangeReport, String) {
    let document = RunDocument::of(&stand.story(), plan);
    let now = hold(&stand.twin).now();
    let undoing =
        undo::plan(&stand.story(), plan, None, stand.identity(), now, jiff::SignedDuration::from_hours(1));
    (document.changes[0].clone(), undoing.refused.first().map(|(_, why)| why.clone()).unwrap_or_default())
}

#[test]
fn a_run_that_was_interrupted_names_what_it_has_down_and_how_it_comes_up_and_so_does_the_refusal_of_its_undo()
{
    let base = world::demo();
    let (plan, instance) = world::one_instance(&base);
    let fresh = hold(&base.twin).clone();
    let at = |name: &str| plan.changes[0].steps.iter().position(|s| s.name == name).unwrap() + 1;
    let halted = Stand::new(fresh.clone());
    fault(&halted, "StartInstances", 1, 1_000, FaultKind::NoCapacity);
    assert!(matches!(halted.run(&plan, yes(&plan), None).unwrap(), Err(EngineError::NoRoom(_))));
    let mut down = vec![halted];
    for kill in [
        Kill::BeforeCall(at("stop")),
        Kill::AfterCall(at("stop")),
        Kill::AfterCall(at("detach-1")),
        Kill::AfterCall(at("start")),
    ] {
        let stand = Stand::new(fresh.clone());
        stand.killed(&plan, kill);
        down.push(stand);
    }
    for stand in &down {
        let (report, refused) = said(stand, &plan);
        assert_eq!(report.down, [instance.as_str()]);
        for text in [&report.reason, &refused] {
            for word in
                [instance.as_str(), "down by the journal", "redress resume run-1", "redress recover run-1"]
            {
                assert!(text.contains(word), "{word}: {text:?}");
            }
        }
    }
    let up = Stand::new(fresh);
    up.killed(&plan, Kill::AfterCall(at("announce")));
    let (report, refused) = said(&up, &plan);
    assert!(
        report.down.is_empty() && report.reason.is_empty() && !refused.contains("down"),
        "{report:?} {refused}"
    );
}

#[test]
fn a_recovery_that_was_interrupted_names_what_it_has_not_brought_up_yet() {
    let stand = world::demo();
    let (plan, instance) = world::one_instance(&stand);
    let detach = plan.changes[0].steps.iter().position(|s| s.name == "detach-1").unwrap() + 1;
    stand.killed(&plan, Kill::AfterCall(detach));
    let back = super::marks::found(&stand, None).plan;
    let mut second = stand.again();
    second.name = "run-2".to_owned();
    second.killed(&back, Kill::AfterCall(1));
    let report = RunDocument::of(&second.story(), &back).changes[0].clone();
    assert!(
        report.down == [instance.as_str()] && report.reason.contains("redress resume run-2"),
        "{report:?}"
    );
    second.run(&back, Vec::new(), None).unwrap().unwrap();
    assert_eq!(RunDocument::of(&second.story(), &back).changes[0].down, Vec::<String>::new());
}
