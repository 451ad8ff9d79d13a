//! Instances, volumes and snapshots.

use super::*;
use crate::{
    calls::Tried,
    inventory::{Instance, Snapshot, Volume},
    twin::demo::OTHER,
};

fn instance(twin: &Twin, n: u64) -> Instance {
    twin.truth().regions[MAIN].instances.get(&id("i", n)).known().copied().unwrap().clone()
}

fn volume(twin: &Twin, id: &str) -> Volume {
    twin.truth().regions[MAIN].volumes.get(id).known().copied().unwrap().clone()
}

fn snapshot(twin: &Twin, id: &str) -> Snapshot {
    twin.truth().regions[MAIN].snapshots.get(id).known().copied().unwrap().clone()
}

fn stop(twin: &mut Twin, n: u64) -> Outcome {
    ec2(twin, "StopInstances", json!({ "InstanceIds": [id("i", n)] }))
}

fn start(twin: &mut Twin, n: u64) -> Outcome {
    ec2(twin, "StartInstances", json!({ "InstanceIds": [id("i", n)] }))
}

fn text(value: Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[test]
fn an_instance_stops_and_starts_in_its_time_and_an_automatic_address_is_another_one_after_it() {
    let mut twin = company();
    let before = instance(&twin, 6);
    stop(&mut twin, 6).unwrap();
    assert_eq!(instance(&twin, 6).state, "stopping");
    assert_eq!(code(start(&mut twin, 6)), "IncorrectInstanceState");
    minutes(&mut twin, 1);
    assert_eq!((instance(&twin, 6).state.as_str(), instance(&twin, 6).public_ip), ("stopped", None));
    start(&mut twin, 6).unwrap();
    assert_eq!(instance(&twin, 6).state, "pending");
    twin.pass(Duration::from_secs(21));
    let status = |twin: &Twin| {
        twin.truth().regions[MAIN].instance_statuses.get(&id("i", 6)).known().unwrap().instance_status.clone()
    };
    assert_eq!((instance(&twin, 6).state.as_str(), status(&twin).as_str()), ("running", "initializing"));
    minutes(&mut twin, 3);
    assert_eq!(status(&twin), "ok");
    let after = instance(&twin, 6);
    assert!(after.public_ip.is_some() && after.public_ip != before.public_ip);
    assert_eq!(after.private_ip, before.private_ip);
}

#[test]
fn an_elastic_address_survives_a_stop() {
    let mut twin = company();
    let before = instance(&twin, 1).public_ip;
    stop(&mut twin, 1).unwrap();
    minutes(&mut twin, 1);
    assert_eq!(instance(&twin, 1).public_ip, before);
}

#[test]
fn a_protected_instance_does_not_stop_and_one_of_unknown_protection_is_not_rehearsed() {
    let mut twin = company();
    twin.truth_mut().region_mut(MAIN).instances.get_mut(&id("i", 1)).unwrap().stop_protection =
        crate::inventory::Fact::Known(true);
    assert_eq!(code(stop(&mut twin, 1)), "OperationNotPermitted");
    twin.truth_mut().region_mut(MAIN).instances.get_mut(&id("i", 1)).unwrap().stop_protection =
        crate::inventory::Fact::NotRead;
    assert!(is_unknown(stop(&mut twin, 1)));
}

fn take(twin: &mut Twin, n: u64) -> Outcome {
    let tags = tag_all("snapshot", &[("redress:token", "t"), ("Name", "backup")]);
    ec2(
        twin,
        "CreateSnapshots",
        json!({ "InstanceSpecification": { "InstanceId": id("i", n) }, "TagSpecifications": tags }),
    )
}

#[test]
fn a_set_has_a_snapshot_of_every_disk_with_the_tags_given() {
    let mut twin = company();
    let set = made(take(&mut twin, 6));
    let disks = [id("vol", 601), id("vol", 602)];
    assert_eq!(set.as_object().unwrap().len(), 2);
    for disk in disks {
        let snapshot = snapshot(&twin, set[&disk].as_str().unwrap());
        assert_eq!((snapshot.volume_id.as_str(), snapshot.state.as_str()), (disk.as_str(), "pending"));
        assert_eq!(snapshot.tags.get("Name").map(String::as_str), Some("backup"));
        assert_eq!(
            (snapshot.encrypted, snapshot.volume_size),
            (volume(&twin, &disk).encrypted, volume(&twin, &disk).size)
        );
    }
    minutes(&mut twin, 10);
    assert!(
        set.as_object().unwrap().values().all(|s| snapshot(&twin, s.as_str().unwrap()).state == "completed")
    );
    assert_eq!(code(take(&mut twin, 99)), "InvalidInstanceID.NotFound");
}

#[test]
fn a_set_leaves_out_what_is_excluded() {
    let mut twin = company();
    let mut take = |specification: Value| {
        ec2(&mut twin, "CreateSnapshots", json!({ "InstanceSpecification": specification }))
    };
    let only = |set: Value| set.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        only(made(take(json!({ "InstanceId": id("i", 1), "ExcludeBootVolume": true })))),
        [id("vol", 101)]
    );
    assert_eq!(
        only(made(take(json!({ "InstanceId": id("i", 1), "ExcludeDataVolumeIds": [id("vol", 101)] })))),
        [id("vol", 102)]
    );
    assert_eq!(
        code(take(json!({ "InstanceId": id("i", 6), "ExcludeDataVolumeIds": [id("vol", 602)] }))),
        "InvalidParameterValue",
        "the root is no data volume"
    );
}

#[test]
fn the_second_snapshot_of_a_disk_is_quicker_and_may_not_come_at_once() {
    let mut twin = company();
    let snap = |twin: &mut Twin| ec2(twin, "CreateSnapshot", json!({ "VolumeId": id("vol", 1) }));
    let seconds = |twin: &mut Twin, id: &str| {
        (0..1_000)
            .find(|_| {
                twin.pass(Duration::from_secs(1));
                snapshot(twin, id).state == "completed"
            })
            .unwrap()
    };
    let cold = text(made(snap(&mut twin)));
    assert_eq!(error(snap(&mut twin)).class, ErrorClass::Concurrency);
    let cold = seconds(&mut twin, &cold);
    let warm = text(made(snap(&mut twin)));
    let warm = seconds(&mut twin, &warm);
    assert!(warm * 3 < cold, "{warm} {cold}");
}

#[test]
fn a_copy_knows_no_volume_no_tags_but_its_own_and_the_arn_of_its_key() {
    let mut twin = company();
    let mut copy = |more: Value| {
        let mut input = json!({ "SourceRegion": MAIN, "SourceSnapshotId": id("snap", 1),
            "TagSpecifications": tag_all("snapshot", &[("redress:source", "vol-1")]) });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ec2(&mut twin, "CopySnapshot", input)
    };
    let good = text(made(copy(json!({ "Encrypted": true, "KmsKeyId": "alias/aws/ebs" }))));
    let bad = text(made(copy(json!({ "Encrypted": true, "KmsKeyId": "alias/retired" }))));
    let plain = text(made(copy(json!({}))));
    assert_eq!(code(copy(json!({ "KmsKeyId": "alias/aws/ebs" }))), "InvalidParameterDependency");
    minutes(&mut twin, 10);
    let (copied, source) = (snapshot(&twin, &good), snapshot(&twin, &id("snap", 1)));
    assert_eq!(
        (copied.volume_id == source.volume_id, copied.encrypted, copied.state.as_str()),
        (false, true, "completed")
    );
    assert_eq!(copied.tags.keys().collect::<Vec<_>>(), ["redress:source"]);
    assert!(copied.is_copy() && !source.is_copy() && copied.own_volume().is_none());
    assert!(copied.kms_key_id.unwrap().starts_with("arn:aws:kms:us-east-1:"));
    assert_eq!(snapshot(&twin, &bad).state, "error", "a disabled key fails later");
    assert!(!snapshot(&twin, &plain).encrypted);
}

#[test]
fn only_a_completed_snapshot_can_be_copied_or_made_a_volume_of() {
    let mut twin = company();
    let pending = text(made(ec2(&mut twin, "CreateSnapshot", json!({ "VolumeId": id("vol", 1) }))));
    assert_eq!(
        code(ec2(&mut twin, "CopySnapshot", json!({ "SourceRegion": MAIN, "SourceSnapshotId": pending }))),
        "IncorrectState"
    );
    assert_eq!(
        code(ec2(
            &mut twin,
            "CreateVolume",
            json!({ "AvailabilityZone": "us-east-1a", "SnapshotId": pending })
        )),
        "IncorrectState"
    );
}

fn new_volume(twin: &mut Twin, more: Value) -> Outcome {
    let mut input =
        json!({ "AvailabilityZone": "us-east-1a", "SnapshotId": id("snap", 1), "VolumeType": "gp3" });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    ec2(twin, "CreateVolume", input)
}

#[test]
fn a_volume_made_of_a_snapshot_takes_its_size_and_the_defaults_of_its_type() {
    let mut twin = company();
    let made_id =
        text(made(new_volume(&mut twin, json!({ "Encrypted": true, "KmsKeyId": "alias/aws/ebs" }))));
    assert_eq!(volume(&twin, &made_id).state, "creating");
    minutes(&mut twin, 1);
    let volume = volume(&twin, &made_id);
    assert_eq!(
        (volume.state.as_str(), volume.size, volume.iops, volume.throughput, volume.encrypted),
        ("available", 40, Some(3000), Some(125), true)
    );
    assert!(volume.kms_key_id.unwrap().contains(":key/"));
    assert_eq!(code(new_volume(&mut twin, json!({ "Size": 39 }))), "InvalidParameterValue");
    assert_eq!(
        code(new_volume(&mut twin, json!({ "AvailabilityZone": "eu-west-1a" }))),
        "InvalidZone.NotFound"
    );
    assert_eq!(code(new_volume(&mut twin, json!({ "VolumeType": "io2" }))), "MissingParameter");
    assert_eq!(
        code(new_volume(&mut twin, json!({ "VolumeType": "gp2", "Throughput": 125 }))),
        "InvalidParameterCombination"
    );
    assert_eq!(
        code(new_volume(&mut twin, json!({ "KmsKeyId": "alias/aws/ebs" }))),
        "InvalidParameterDependency"
    );
}

#[test]
fn encryption_by_default_encrypts_what_nobody_asked_to_be() {
    let mut twin = company();
    let small = json!({ "AvailabilityZone": "eu-west-1a", "Size": 4, "ClientToken": "t1" });
    let made_id = text(made(try_in(&mut twin, "ec2", OTHER, "CreateVolume", small.clone())));
    let volume = twin.truth().regions[OTHER].volumes.get(&made_id).known().copied().unwrap().clone();
    assert!(volume.encrypted && volume.kms_key_id.is_some());
    twin.truth_mut().region_mut(OTHER).ebs_defaults = Default::default();
    let small = json!({ "AvailabilityZone": "eu-west-1a", "Size": 4, "ClientToken": "t2" });
    assert!(is_unknown(try_in(&mut twin, "ec2", OTHER, "CreateVolume", small.clone())));
}

#[test]
fn a_key_that_does_not_work_kills_the_volume_later_and_burns_the_token() {
    let mut twin = company();
    let bad = json!({ "Encrypted": true, "KmsKeyId": "alias/retired", "ClientToken": "t1" });
    let dead = text(made(new_volume(&mut twin, bad.clone())));
    let gone = text(made(new_volume(&mut twin, json!({ "Encrypted": true, "KmsKeyId": "alias/nobody" }))));
    assert_eq!(text(made(new_volume(&mut twin, bad.clone()))), dead, "still being made");
    minutes(&mut twin, 1);
    assert_eq!(volume(&twin, &dead).state, "error");
    assert!(twin.truth().regions[MAIN].volumes.get(&gone).is_absent());
    assert_eq!(code(new_volume(&mut twin, bad)), "IdempotentParameterMismatch");
}

#[test]
fn a_volume_is_loaded_at_a_rate_within_bounds_and_only_from_a_snapshot() {
    let mut twin = company();
    let mut rated = |rate: i32, more: Value| {
        let mut input = json!({ "VolumeInitializationRate": rate });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        new_volume(&mut twin, input)
    };
    for rate in [99, 301] {
        assert_eq!(code(rated(rate, json!({ "SnapshotId": id("snap", 1) }))), "InvalidParameterValue");
    }
    let made = text(made(rated(300, json!({ "SnapshotId": id("snap", 1) }))));
    let empty = json!({ "AvailabilityZone": "us-east-1a", "Size": 8, "VolumeInitializationRate": 100 });
    assert_eq!(code(ec2(&mut twin, "CreateVolume", empty)), "InvalidParameterCombination");
    assert_eq!(volume(&twin, &made).volume_initialization_rate, Some(300));
}

#[test]
fn a_volume_is_attached_at_the_ebs_card_that_was_asked_for() {
    let mut twin = company();
    let root = id("vol", 401);
    detach(&mut twin, &root).unwrap();
    minutes(&mut twin, 1);
    let place = |card: Value| json!({ "VolumeId": root, "InstanceId": id("i", 4), "Device": "/dev/xvda", "EbsCardIndex": card });
    ec2(&mut twin, "AttachVolume", place(json!(1))).unwrap();
    assert_eq!(volume(&twin, &root).card_at(&id("i", 4)), Some(1));
    minutes(&mut twin, 1);
    detach(&mut twin, &root).unwrap();
    minutes(&mut twin, 1);
    ec2(&mut twin, "AttachVolume", place(json!(0))).unwrap();
    assert_eq!(volume(&twin, &root).card_at(&id("i", 4)), None, "0 is the default");
}

#[test]
fn the_same_token_gives_the_same_volume() {
    let mut twin = company();
    let one = made(new_volume(&mut twin, json!({ "ClientToken": "t1" })));
    assert_eq!(made(new_volume(&mut twin, json!({ "ClientToken": "t1" }))), one);
    assert_ne!(made(new_volume(&mut twin, json!({ "ClientToken": "t2" }))), one);
    assert_eq!(
        code(new_volume(&mut twin, json!({ "ClientToken": "t1", "Size": 50 }))),
        "IdempotentParameterMismatch"
    );
}

fn attach(twin: &mut Twin, volume: &str, n: u64, device: &str) -> Outcome {
    ec2(twin, "AttachVolume", json!({ "VolumeId": volume, "InstanceId": id("i", n), "Device": device }))
}

fn detach(twin: &mut Twin, volume: &str) -> Outcome {
    let place = twin.truth().regions[MAIN]
        .volumes
        .get(volume)
        .known()
        .and_then(|v| v.attachments.first().cloned())
        .unwrap_or_default();
    ec2(
        twin,
        "DetachVolume",
        json!({ "VolumeId": volume, "InstanceId": place.instance_id, "Device": place.device }),
    )
}

#[test]
fn disks_that_are_swapped_and_swapped_back_leave_no_trace() {
    let mut twin = company();
    let (before, root) = (instance(&twin, 4), id("vol", 401));
    let disk = volume(&twin, &root);
    detach(&mut twin, &root).unwrap();
    assert_eq!(volume(&twin, &root).attachments[0].state, "detaching");
    minutes(&mut twin, 1);
    assert_eq!((volume(&twin, &root).state.as_str(), instance(&twin, 4).devices.len()), ("available", 0));
    assert_eq!(code(start(&mut twin, 4)), "InvalidParameterValue", "nothing to boot from");
    attach(&mut twin, &root, 4, "/dev/xvda").unwrap();
    assert_eq!(volume(&twin, &root).attachments[0].state, "attaching");
    minutes(&mut twin, 1);
    assert!(!instance(&twin, 4).devices[0].delete_on_termination, "attaching sets it to false");
    let mapping = json!([{ "DeviceName": "/dev/xvda", "Ebs": { "DeleteOnTermination": true } }]);
    ec2(
        &mut twin,
        "ModifyInstanceAttribute",
        json!({ "InstanceId": id("i", 4), "BlockDeviceMappings": mapping }),
    )
    .unwrap();
    // When it was attached is the one trace.
    let (mut now, mut then) = (volume(&twin, &root), disk);
    let times = [&mut now, &mut then].map(|v| v.attached_at.take());
    assert!(times[0] > times[1], "{times:?}");
    assert_eq!((instance(&twin, 4), now), (before, then));
}

#[test]
fn where_volume_and_instance_differ_on_delete_on_termination_the_instance_is_believed() {
    let mut inventory = company().inventory();
    let volumes = &mut inventory.region_mut(MAIN).volumes;
    volumes
        .items
        .change_all(|volume| volume.attachments.iter_mut().for_each(|a| a.delete_on_termination = false));
    let twin = Twin::from_inventory(inventory);
    assert_eq!(twin.truth().regions[MAIN].volumes, company().truth().regions[MAIN].volumes);
    let instances = twin.truth().regions[MAIN].instances.known();
    assert!(
        instances.flat_map(|(_, i)| &i.devices).any(|d| d.delete_on_termination),
        "there is something to differ on"
    );
}

#[test]
fn a_disk_goes_only_where_it_fits() {
    let mut twin = company();
    let loose = id("vol", 1);
    assert_eq!(code(attach(&mut twin, &loose, 1, "/dev/sdf")), "InvalidParameterValue");
    assert_eq!(code(attach(&mut twin, &id("vol", 201), 1, "/dev/sdg")), "VolumeInUse");
    let elsewhere = text(made(new_volume(&mut twin, json!({ "AvailabilityZone": "us-east-1b" }))));
    assert_eq!(
        code(attach(&mut twin, &elsewhere, 1, "/dev/sdg")),
        "IncorrectState",
        "it is still being made"
    );
    minutes(&mut twin, 1);
    assert_eq!(code(attach(&mut twin, &elsewhere, 1, "/dev/sdg")), "InvalidVolume.ZoneMismatch");
    assert_eq!(
        code(detach(&mut twin, &id("vol", 102))),
        "OperationNotPermitted",
        "the root of a running instance"
    );
    assert!(detach(&mut twin, &id("vol", 101)).is_ok(), "a data disk of a running instance");
    assert_eq!(code(detach(&mut twin, &loose)), "IncorrectState");
    assert_eq!(code(ec2(&mut twin, "DeleteVolume", json!({ "VolumeId": id("vol", 201) }))), "VolumeInUse");
}

#[test]
fn an_instance_whose_disk_cannot_be_decrypted_falls_back_to_stopped() {
    let mut twin = company();
    stop(&mut twin, 2).unwrap();
    minutes(&mut twin, 1);
    twin.truth_mut().region_mut(MAIN).keys.get_mut("alias/aws/ebs").unwrap().key_state =
        "Disabled".to_owned();
    start(&mut twin, 2).unwrap();
    assert_eq!(instance(&twin, 2).state, "pending");
    minutes(&mut twin, 1);
    assert_eq!(
        (instance(&twin, 2).state.as_str(), instance(&twin, 2).state_reason.as_deref()),
        ("stopped", Some("Client.InternalError: Client error on launch"))
    );
}

#[test]
fn tags_are_set_and_taken_away_and_those_of_aws_are_out_of_reach() {
    let mut twin = company();
    let disk = id("vol", 1);
    let tag = |twin: &mut Twin, operation: &str, key: &str, value: &str| {
        ec2(twin, operation, json!({ "Resources": [id("vol", 1)], "Tags": [{ "Key": key, "Value": value }] }))
    };
    tag(&mut twin, "CreateTags", "redress:expires", "2026-12-22").unwrap();
    assert_eq!(volume(&twin, &disk).tags.get("redress:expires").map(String::as_str), Some("2026-12-22"));
    tag(&mut twin, "DeleteTags", "redress:expires", "another").unwrap();
    assert!(volume(&twin, &disk).tags.contains_key("redress:expires"), "the value did not match");
    tag(&mut twin, "DeleteTags", "redress:expires", "2026-12-22").unwrap();
    assert!(!volume(&twin, &disk).tags.contains_key("redress:expires"));
    assert_eq!(code(tag(&mut twin, "CreateTags", "aws:x", "")), "InvalidParameterValue");
    let many: Vec<Value> = (0..49).map(|n| json!({ "Key": format!("k{n}"), "Value": "" })).collect();
    let error = error(ec2(&mut twin, "CreateTags", json!({ "Resources": [disk], "Tags": many })));
    assert_eq!((error.code.as_str(), error.class), ("TagLimitExceeded", ErrorClass::Quota));
    assert!(is_unknown(ec2(&mut twin, "CreateTags", json!({ "Resources": ["igw-1"], "Tags": [] }))));
}

#[test]
fn what_is_deleted_is_gone_and_deleting_it_again_was_done_before() {
    let mut twin = company();
    for (operation, input) in [
        ("DeleteVolume", json!({ "VolumeId": id("vol", 1) })),
        ("DeleteSnapshot", json!({ "SnapshotId": id("snap", 1) })),
    ] {
        assert!(ec2(&mut twin, operation, input.clone()).is_ok());
        assert_eq!(error(ec2(&mut twin, operation, input)).class, ErrorClass::AlreadyDone);
    }
}

#[test]
fn a_start_with_a_disk_whose_key_was_not_read_is_not_known_and_one_whose_key_does_not_work_falls_back() {
    let of = |twin: &mut Twin, state: Option<&str>| {
        stop(twin, 6).unwrap();
        minutes(twin, 1);
        let keys = &mut twin.truth_mut().region_mut(MAIN).keys;
        match state {
            Some(state) => keys.items.change_all(|key| state.clone_into(&mut key.key_state)),
            None => (keys.items, keys.reads) = Default::default(),
        }
        start(twin, 6)
    };
    assert!(is_unknown(of(&mut company(), None)));
    let mut twin = company();
    twin.truth_mut().region_mut(MAIN).volumes.get_mut(&id("vol", 601)).unwrap().kms_key_id = None;
    assert!(is_unknown(of(&mut twin, Some("Enabled"))), "AWS names no key: it may be any");
    let mut twin = company();
    of(&mut twin, Some("PendingDeletion")).unwrap();
    minutes(&mut twin, 1);
    assert_eq!(instance(&twin, 6).state, "stopped");
    assert!(instance(&twin, 6).state_reason.unwrap().starts_with("Client.InternalError"));
}

#[test]
fn trying_a_call_changes_nothing_and_tells_only_whether_it_is_allowed() {
    let mut twin = company();
    let call = |operation: &str, input: Value| Call::new("ec2", MAIN, operation, input);
    let attach = |volume: String| {
        call("AttachVolume", json!({ "VolumeId": volume, "InstanceId": id("i", 6), "Device": "/dev/sdf" }))
    };
    twin.faults
        .denied_calls
        .push(crate::twin::DeniedCall { operation: "AttachVolume".into(), resource: Some(id("vol", 601)) });
    let before = twin.clone();
    assert_eq!(twin.try_call(&call("StopInstances", json!({ "InstanceIds": [id("i", 6)] }))), Tried::Allowed);
    assert_eq!(twin.try_call(&attach(id("vol", 602))), Tried::Allowed, "whatever state it is in");
    assert!(matches!(twin.try_call(&attach(id("vol", 601))),
            Tried::Denied(why) if why.contains("UnauthorizedOperation")));
    assert!(matches!(
        twin.try_call(&Call::new("iam", "", "DeleteRole", json!({ "RoleName": "x" }))),
        Tried::CannotTell(_)
    ));
    assert_eq!(twin, before);
    assert_eq!(
        code(twin.perform(&attach(id("vol", 601)))),
        "UnauthorizedOperation",
        "what is denied when tried is denied when made"
    );
}
