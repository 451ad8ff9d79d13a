//! The conditions before an instance is stopped and before its disks are swapped: preconditions, and keys
//! that work.

use super::{refusals::Row, *};
use crate::actions::GuardResult;

/// Returns the members that are required directly before a step, as `family/member`.
fn held(act: &crate::calls::Act) -> Vec<String> {
    act.before.iter().map(|e| format!("{:?}{}", e.family, e.at)).collect()
}

#[test]
fn every_call_of_a_swap_and_of_its_way_back_is_made_only_while_nobody_has_started_the_instance() {
    for state in ["running", "stopped"] {
        let mut it = account();
        i(&mut it).state = state.into();
        let proposal = on_instance(&it, Value::Null).unwrap();
        let done: Vec<String> = proposal.steps.iter().map(|s| s.name.clone()).collect();
        let mut acts: Vec<(String, crate::calls::Act)> =
            proposal.steps.iter().map(|s| (s.name.clone(), s.act.clone())).collect();
        for purpose in [Purpose::Rollback, Purpose::Undo] {
            for back in crate::calls::way_back(&proposal.steps, &done, purpose) {
                acts.extend(back.redo.clone().map(|redo| (format!("redo of {}", back.name), redo)));
                acts.push((back.name.clone(), back.act.clone()));
            }
        }
        let swaps: Vec<&(String, crate::calls::Act)> = acts
            .iter()
            .filter(|(_, act)| matches!(act.call.operation.as_str(), "DetachVolume" | "AttachVolume"))
            .collect();
        assert!(swaps.len() > 12, "{state}: {}", swaps.len());
        for (name, act) in swaps {
            assert_eq!(held(act), ["Instances/state", "Instances/launch_time"], "{state}: {name}");
            assert!(
                act.otherwise == crate::calls::Otherwise::Stop && act.observe.iter().all(|o| !o.anew),
                "{state}: {name}"
            );
        }
        let last = &sound::named(&proposal.steps, "snapshot").act;
        assert!(
            held(last).starts_with(&["Instances/state".to_owned(), "Instances/launch_time".to_owned()])
                && last.observe.len() == 1,
            "{state}"
        );
    }
}

#[test]
fn directly_before_the_stop_the_disks_are_where_they_were_and_the_mark_is_this_runs() {
    let proposal = on_instance(&account(), Value::Null).unwrap();
    let stop = &sound::named(&proposal.steps, "stop").act;
    assert_eq!(held(stop)[..2], ["Instances/state", "Instances/tags/redress:run"]);
    assert_eq!(
        held(stop).iter().filter(|at| at.contains("instance_id")).count(),
        3,
        "the encrypted disk too"
    );
    assert!(held(stop).contains(&"Instances/devices/3".to_owned()), "and no further one");
    assert!(stop.observe.iter().all(|o| o.anew));
    assert_eq!(sound::names(&proposal.steps)[0], "mark", "before anything else");
}

#[test]
fn a_detached_volume_is_still_detached_when_it_is_copied_and_when_it_is_said_to_be_replaced() {
    let it = account();
    let proposal = propose(&it, &it.owner.volume(R, "vol-9"), Value::Null).unwrap();
    for step in ["tag-old-1", "snapshot", "volume-1", "replaced-1"] {
        assert_eq!(
            held(&sound::named(&proposal.steps, step).act),
            ["Volumes/state", "Volumes/attachments"],
            "{step}"
        );
    }
}

fn other(it: &mut Inventory) -> &mut Key {
    it.region_mut(R).keys.get_mut(OTHER).unwrap()
}

#[test]
fn an_instance_is_not_stopped_where_the_key_of_a_disk_that_stays_does_not_work() {
    let rows: &[Row] = &[
        (|it| other(it).key_state = "PendingDeletion".into(), "would not start again"),
        (|it| other(it).key_state = "Disabled".into(), "Disabled"),
        (|it| other(it).arn = OTHER.replace("us-east-1", "eu-west-1"), "eu-west-1"),
    ];
    for (change, word) in rows {
        let mut it = account();
        change(&mut it);
        match on_instance(&it, Value::Null) {
            Err(Refusal::Refused(why)) => {
                assert!(why.contains(word) && why.contains("/dev/sdg"), "{word}: {why}")
            }
            other => panic!("{word}: {other:?}"),
        }
        // An instance that is stopped already is not taken down; that it may not start is noted.
        i(&mut it).state = "stopped".into();
        let notes = on_instance(&it, Value::Null).unwrap().guards;
        assert!(
            notes.iter().any(|n| n.guard == "restartable" && n.result == GuardResult::NotChecked),
            "{notes:?}"
        );
    }
    let unread: &[fn(&mut Inventory)] = &[
        |it| drop(it.region_mut(R).keys.items.remove(OTHER)),
        |it| drop(it.region_mut(R).keys.items.insert(OTHER.into(), Fact::Unknown("AccessDenied".into()))),
        |it| it.region_mut(R).volumes.get_mut("vol-3").unwrap().kms_key_id = None,
    ];
    for change in unread {
        let mut it = account();
        change(&mut it);
        assert!(
            matches!(on_instance(&it, Value::Null), Err(Refusal::Unknown(_))),
            "{:?}",
            on_instance(&it, Value::Null)
        );
    }
}

#[test]
fn the_key_of_every_encrypted_disk_is_read() {
    let (it, options) = (account(), Options::default());
    let context = Context { inventory: &it, region: R, checks: &[], options: &options };
    let wants = EncryptVolumes.needs(&context, &it.owner.instance(R, "i-1"), &Value::Null);
    assert!(wants.contains(&Want::id(R, FamilyKind::Keys, OTHER)), "{wants:?}");
}

#[test]
fn a_key_of_ones_own_is_tried_by_a_trial_volume_before_the_stop() {
    let mut it = account();
    other(&mut it).key_manager = "CUSTOMER".into();
    let proposal = on_instance(&it, json!({ "pre_snapshot": false })).unwrap();
    sound::steps(&proposal.steps);
    let (trial, place) = (sound::named(&proposal.steps, "trial-key-1"), |name: &str| {
        sound::names(&proposal.steps).iter().position(|n| *n == name).unwrap()
    });
    assert_eq!(
        (&trial.act.call.input["KmsKeyId"], &trial.act.call.input["Size"]),
        (&json!(OTHER), &json!(1))
    );
    assert!(place("trial-gone-key-1") < place("stop"));
    // Without a warm set the trials of the disks are empty, of the same size and speed.
    let empty = &sound::named(&proposal.steps, "trial-1").act.call.input;
    assert!(empty.get("SnapshotId").is_none() && empty["Size"] == 8 && empty["Iops"] == 4000, "{empty}");
    let back = sound::going_back(
        &proposal.steps,
        &["trial-1", "trial-2", "trial-key-1", "trial-gone-1"],
        Purpose::Rollback,
    );
    assert_eq!(back, ["DeleteVolume trial-key-1", "DeleteVolume trial-2"]);
}

#[test]
fn a_key_of_which_the_usage_is_not_said_does_not_count_as_usable() {
    let mut it = account();
    other(&mut it).key_usage.clear();
    assert!(matches!(on_instance(&it, Value::Null),
            Err(Refusal::Refused(why)) if why.contains("its usage is not known") && why.contains("/dev/sdg")));
}

#[test]
fn the_start_waits_for_the_attached_volumes_too_where_aws_says_how_they_are() {
    let proposal = on_instance(&account(), Value::Null).unwrap();
    let wait = sound::named(&proposal.steps, "start").act.wait.clone().unwrap();
    for (status, holds) in [
        ("ok", true),
        ("not-applicable", true),
        ("", true),
        ("impaired", false),
        ("initializing", false),
        ("insufficient-data", false),
    ] {
        let mut it = account();
        let ok = || "ok".to_owned();
        let all = InstanceStatus {
            id: "i-1".into(),
            system_status: ok(),
            instance_status: ok(),
            attached_ebs_status: status.into(),
            events: Vec::new(),
        };
        it.region_mut(R).instance_statuses.put("i-1", all);
        assert_eq!(
            crate::calls::standing_of(&wait.until, &it) == crate::calls::Standing::Holds,
            holds,
            "{status:?}"
        );
    }
}
