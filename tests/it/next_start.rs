//! Law 14 in every direction: directly before an instance goes down, the keys of the disks that it will be
//! started with are shown to be usable. On the demo account, one disk of whose instance is encrypted under a
//! key of its own.

use redress::{
    actions::GuardResult,
    calls::Risk,
    engine::{EngineError, undo::Undoing},
    inventory::{FamilyKind, Instance, Key, Region, tag},
    journal::{ChangeStory, Outcome},
    plan::Plan,
    twin::{DeniedRead, Fault, FaultKind, Twin, When},
};

use super::{
    laws::undoing,
    marks::found,
    stand::{Kill, Stand, hold, yes},
    world,
};

const R: &str = "us-east-1";
/// The key of the disk that stays.
const OTHER: &str = "arn:aws:kms:us-east-1:123456789012:key/of-a-disk-that-stays";

fn app(region: &Region) -> Instance {
    region
        .instances
        .known()
        .find(|(_, i)| i.tags.get("Name").is_some_and(|name| name == "app"))
        .unwrap()
        .1
        .clone()
}

/// The demo account with a data disk of the instance `app` encrypted under [`OTHER`], and the plan for that
/// instance alone.
fn with_another_key() -> (Stand, Plan, String) {
    let stand = world::demo();
    let instance = {
        let mut twin = hold(&stand.twin);
        let region = twin.truth_mut().region_mut(R);
        let instance = app(region);
        let data = instance
            .devices
            .iter()
            .find(|d| d.device_name != instance.root_device_name)
            .unwrap()
            .volume_id
            .clone();
        let volume = region.volumes.get_mut(&data).unwrap();
        (volume.encrypted, volume.kms_key_id) = (true, Some(OTHER.to_owned()));
        let key = region.keys.get("alias/aws/ebs").known().copied().unwrap().clone();
        region.keys.put(
            OTHER,
            Key { id: OTHER.to_owned(), arn: OTHER.to_owned(), key_manager: "CUSTOMER".to_owned(), ..key },
        );
        instance.id
    };
    let plan = world::plan(&stand, &world::Wish::default());
    let change =
        plan.changes.iter().find(|c| c.action == "encrypt-volumes" && c.resource.id() == instance).unwrap();
    let plan = world::select(&stand, &plan, &[change.id.clone()].into());
    (stand, plan, instance)
}

/// The same after it was applied.
fn encrypted() -> (Stand, Plan, String) {
    let (stand, plan, instance) = with_another_key();
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    assert_eq!(only(&stand, &plan).outcome(), Some(Outcome::Verified), "{}", only(&stand, &plan).reason);
    (stand, plan, instance)
}

fn only(stand: &Stand, plan: &Plan) -> ChangeStory {
    stand.story().changes[&plan.changes[0].id].clone()
}

fn state(stand: &Stand, instance: &str) -> String {
    stand.settled().regions[R].instances.get(instance).known().unwrap().state.clone()
}

fn stops(stand: &Stand) -> usize {
    hold(&stand.called).iter().filter(|call| call.operation == "StopInstances").count()
}

/// What may happen to a key, or to the right to look at it.
type Harm = fn(&mut Twin);

const HARMS: [(&str, Harm); 4] = [
    ("Disabled", |twin| key(twin).key_state = "Disabled".to_owned()),
    ("PendingDeletion", |twin| key(twin).key_state = "PendingDeletion".to_owned()),
    ("usage", |twin| key(twin).key_usage.clear()),
    ("kms:DescribeKey", |twin| {
        twin.faults.denied_reads.push(DeniedRead { family: FamilyKind::Keys, region: None, member: None })
    }),
];

fn key(twin: &mut Twin) -> &mut Key {
    twin.truth_mut().region_mut(R).keys.get_mut(OTHER).unwrap()
}

fn is_kept_up(stand: &Stand, undo: &Plan, instance: &str, word: &str) {
    let told = only(stand, undo);
    assert_eq!(stops(stand), 0, "{word}: it was stopped: {}", told.reason);
    // The instance was marked before, and the mark was taken off again.
    assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{word}: {}", told.reason);
    for said in [word, OTHER, instance, "not stopped", "as it was before"] {
        assert!(told.reason.contains(said), "{said:?} is not in {:?}", told.reason);
    }
    assert_eq!(state(stand, instance), "running", "{word}");
}

#[test]
fn an_undo_stops_no_instance_whose_other_key_does_not_work_or_cannot_be_read() {
    for (word, harm) in HARMS {
        let (stand, plan, instance) = encrypted();
        let undo = undoing(&stand, &plan).plan;
        harm(&mut hold(&stand.twin));
        let second = stand.again();
        second.run(&undo, yes(&undo), None).unwrap().unwrap();
        is_kept_up(&second, &undo, &instance, word);
    }
}

#[test]
fn an_undo_that_was_killed_before_its_stop_reads_the_keys_again() {
    let (stand, plan, instance) = encrypted();
    let undo = undoing(&stand, &plan).plan;
    let fresh = hold(&stand.twin).clone();
    for kill in [Kill::BeforeCall(1), Kill::AfterRecord(1), Kill::AfterRecord(2), Kill::AfterRecord(3)] {
        let again = Stand::new(fresh.clone());
        again.run(&undo, yes(&undo), Some(kill));
        hold(&again.called).clear();
        key(&mut hold(&again.twin)).key_state = "Disabled".to_owned();
        again.run(&undo, Vec::new(), None).unwrap().unwrap();
        is_kept_up(&again, &undo, &instance, "Disabled");
    }
}

#[test]
fn a_change_whose_other_key_is_disabled_while_copies_are_made_does_not_stop_the_instance() {
    let (stand, plan, instance) = with_another_key();
    hold(&stand.then).push((
        "CopySnapshot".to_owned(),
        Box::new(|twin: &mut Twin| key(twin).key_state = "Disabled".to_owned()),
    ));
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    assert_eq!(stops(&stand), 0);
    assert_eq!(state(&stand, &instance), "running");
    assert_eq!(only(&stand, &plan).outcome(), Some(Outcome::RolledBack), "{}", only(&stand, &plan).reason);
}

#[test]
fn a_key_that_is_disabled_after_the_trials_keeps_the_instance_up_with_the_reason() {
    for (word, harm) in HARMS {
        let (stand, plan, instance) = with_another_key();
        // The last call before the stop.
        hold(&stand.then).push(("DeleteVolume".to_owned(), Box::new(harm)));
        stand.run(&plan, yes(&plan), None).unwrap().unwrap();
        let told = only(&stand, &plan);
        assert_eq!(stops(&stand), 0, "{word}: {}", told.reason);
        assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{word}: {}", told.reason);
        assert!(
            told.reason.contains(word) && told.reason.contains(OTHER) && told.reason.contains("not stopped"),
            "{word}: {}",
            told.reason
        );
        // The trial volumes are gone, and so they are not named as left behind.
        assert!(
            told.reason.contains("Everything is as it was before") && !told.reason.contains("trial volume"),
            "{word}: {}",
            told.reason
        );
        assert_eq!(state(&stand, &instance), "running", "{word}");
    }
}

#[test]
fn a_disk_that_was_attached_since_counts_too() {
    let (stand, plan, instance) = encrypted();
    let undo = undoing(&stand, &plan).plan;
    {
        let mut twin = hold(&stand.twin);
        let region = twin.truth_mut().region_mut(R);
        let loose = region
            .volumes
            .known()
            .find(|(_, v)| v.state == "available")
            .map(|(id, _)| id.to_owned())
            .unwrap();
        let volume = region.volumes.get_mut(&loose).unwrap();
        (volume.encrypted, volume.kms_key_id, volume.state) =
            (true, Some("arn:aws:kms:us-east-1:123456789012:key/gone".to_owned()), "in-use".to_owned());
        let device = redress::inventory::Device {
            device_name: "/dev/sdz".into(),
            volume_id: loose,
            delete_on_termination: false,
            status: "attached".into(),
        };
        region.instances.get_mut(&instance).unwrap().devices.push(device);
    }
    let second = stand.again();
    second.run(&undo, yes(&undo), None).unwrap().unwrap();
    let told = only(&second, &undo);
    assert!(stops(&second) == 0 && !told.outcome().unwrap().applied(), "{}", told.reason);
    assert_eq!(state(&second, &instance), "running");
}

#[test]
fn an_undo_that_takes_the_disk_of_a_key_away_does_not_need_that_key() {
    let (stand, plan, instance) = encrypted();
    {
        let mut twin = hold(&stand.twin);
        let region = twin.truth_mut().region_mut(R);
        let root = app(region)
            .devices
            .iter()
            .find(|d| d.device_name == app(region).root_device_name)
            .unwrap()
            .volume_id
            .clone();
        let used = region.volumes.get(&root).known().unwrap().kms_key_id.clone().unwrap();
        assert_ne!(used, OTHER);
        let name = region.keys.known().find(|(_, k)| k.arn == used).map(|(name, _)| name.to_owned()).unwrap();
        region.keys.get_mut(&name).unwrap().key_state = "Disabled".to_owned();
    }
    let Undoing { plan: undo, .. } = undoing(&stand, &plan);
    assert!(undo.rehearsal.failed.is_empty(), "{:?}", undo.rehearsal);
    let second = stand.again();
    second.run(&undo, yes(&undo), None).unwrap().unwrap();
    assert_eq!(only(&second, &undo).outcome(), Some(Outcome::Restored), "{}", only(&second, &undo).reason);
    assert_eq!(state(&second, &instance), "running");
}

#[test]
fn a_key_that_is_disabled_after_the_stop_does_not_keep_the_instance_down_for_the_look_alone() {
    let (stand, plan, instance) = with_another_key();
    hold(&stand.then).push((
        "StopInstances".to_owned(),
        Box::new(|twin: &mut Twin| key(twin).key_state = "Disabled".to_owned()),
    ));
    hold(&stand.then).push((
        "AttachVolume".to_owned(),
        Box::new(|twin: &mut Twin| key(twin).key_state = "Enabled".to_owned()),
    ));
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    assert_eq!(only(&stand, &plan).outcome(), Some(Outcome::Verified), "{}", only(&stand, &plan).reason);
    assert_eq!(state(&stand, &instance), "running");
}

#[test]
fn the_rehearsal_of_an_undo_says_which_change_would_not_come_up() {
    let (stand, plan, _) = encrypted();
    key(&mut hold(&stand.twin)).key_state = "Disabled".to_owned();
    let undo = undoing(&stand, &plan).plan;
    assert!(undo.rehearsal.failed.contains(&undo.changes[0].id), "{:?}", undo.rehearsal);
    assert!(
        undo.rehearsal.differences.iter().any(|d| d.contains("Client.")),
        "{:?}",
        undo.rehearsal.differences
    );
}

/// A run of the change for that instance, killed after the first call of an operation, and lost.
fn lost_after(operation: &str) -> (Stand, Stand, String) {
    let (stand, plan, instance) = with_another_key();
    let at = plan.changes[0].steps.iter().position(|s| s.act.call.operation == operation).unwrap() + 1;
    stand.killed(&plan, Kill::AfterCall(at));
    let mut back = stand.again();
    back.name = "run-2".to_owned();
    (stand, back, instance)
}

#[test]
fn a_recovery_starts_nothing_whose_key_does_not_work_and_names_the_key_its_state_and_what_to_do() {
    for (state, operation) in
        [("Disabled", "StopInstances"), ("PendingDeletion", "StopInstances"), ("Disabled", "DetachVolume")]
    {
        let (stand, back, instance) = lost_after(operation);
        key(&mut hold(&stand.twin)).key_state = state.to_owned();
        let recovery = found(&stand, None);
        assert!(recovery.plan.changes.is_empty(), "{state}: {:?}", recovery.plan.changes[0].summary);
        let said = recovery.by_hand.join("\n");
        for word in [state, OTHER, &instance, "Enable it, or cancel its deletion", "redress recover"] {
            assert!(said.contains(word), "{state}: {word:?} is not in {said:?}");
        }
        key(&mut hold(&stand.twin)).key_state = "Enabled".to_owned();
        let recovery = found(&stand, None);
        // To attach a disk is disruptive by itself.
        let risk = if operation == "StopInstances" { Risk::Safe } else { Risk::Disruptive };
        assert_eq!((recovery.plan.changes[0].risk, recovery.by_hand.len()), (risk, 0));
        back.run(&recovery.plan, yes(&recovery.plan), None).unwrap().unwrap();
        assert_eq!(self::state(&back, &instance), "running", "{}", only(&back, &recovery.plan).reason);
    }
}

#[test]
fn a_recovery_warns_of_a_key_that_cannot_be_read_before_it_is_approved_and_is_not_called_safe() {
    let (stand, back, instance) = lost_after("StopInstances");
    hold(&stand.twin).faults.denied_reads.push(DeniedRead {
        family: FamilyKind::Keys,
        region: None,
        member: None,
    });
    let plan = found(&stand, None).plan;
    let change = &plan.changes[0];
    assert_eq!(change.risk, Risk::Disruptive);
    let warned = |note: &&redress::actions::GuardNote| {
        note.result != GuardResult::Passed
            && note.note.contains(OTHER)
            && note.note.contains("kms:DescribeKey")
    };
    assert!(change.guards.iter().any(|note| warned(&note)), "{:?}", change.guards);
    back.run(&plan, yes(&plan), None).unwrap().unwrap();
    assert_eq!(
        state(&back, &instance),
        "running",
        "whoever approved it was told: {}",
        only(&back, &plan).reason
    );
}

#[test]
fn a_key_that_dies_after_a_recovery_was_planned_keeps_its_start_from_being_called() {
    for operation in ["StopInstances", "DetachVolume"] {
        let (stand, back, instance) = lost_after(operation);
        let plan = found(&stand, None).plan;
        key(&mut hold(&stand.twin)).key_state = "Disabled".to_owned();
        back.run(&plan, yes(&plan), None).unwrap().unwrap();
        let told = only(&back, &plan);
        assert!(
            !hold(&back.called).iter().any(|call| call.operation == "StartInstances"),
            "{operation}: {}",
            told.reason
        );
        assert!(!told.outcome().unwrap().applied(), "{operation}: {:?}", told.outcome());
        for word in ["Disabled", OTHER, "It was not started", "redress recover"] {
            assert!(told.reason.contains(word), "{operation}: {word:?} is not in {:?}", told.reason);
        }
        let marked =
            stand.settled().regions[R].instances.get(&instance).known().unwrap().tags.contains_key(tag::RUN);
        assert!(marked, "{operation}: it is found again by its mark");
    }
}

#[test]
fn an_end_with_an_instance_down_names_the_key_that_died_during_the_stop() {
    let (stand, plan, instance) = with_another_key();
    hold(&stand.then).push((
        "StopInstances".to_owned(),
        Box::new(|twin: &mut Twin| key(twin).key_state = "PendingDeletion".to_owned()),
    ));
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    let told = only(&stand, &plan);
    assert_eq!(
        (told.outcome(), state(&stand, &instance).as_str()),
        (Some(Outcome::Stuck), "stopped"),
        "{}",
        told.reason
    );
    for word in ["PendingDeletion", OTHER, "Enable it, or cancel its deletion", "redress recover run-1"] {
        assert!(told.reason.contains(word), "{word:?} is not in {:?}", told.reason);
    }
    assert_eq!(told.reason.matches("PendingDeletion").count(), 1, "{}", told.reason);
}

#[test]
fn a_run_that_halts_with_an_instance_down_names_the_key_that_died_during_the_stop() {
    let (stand, plan, _) = with_another_key();
    hold(&stand.then).push((
        "StopInstances".to_owned(),
        Box::new(|twin: &mut Twin| key(twin).key_state = "Disabled".to_owned()),
    ));
    hold(&stand.twin).faults.script.push(Fault {
        at: When::Operation("StartInstances".to_owned(), 1),
        kind: FaultKind::NoCapacity,
        times: 1_000,
        seen: 0,
    });
    let halted = stand.run(&plan, yes(&plan), None).unwrap();
    assert!(matches!(halted, Err(EngineError::NoRoom(_))), "{halted:?}");
    let why = stand.story().stopped.unwrap();
    assert!(why.contains(OTHER) && why.contains("Disabled"), "{why}");
}
