//! Encrypting disks, and the refusals, on inventories made by hand.

use serde_json::json;

use super::*;
use crate::{
    actions::{Options, make::sound},
    calls::Purpose,
    inventory::{
        Caller, EbsDefaults, Instance, InstanceStatus, InstanceType, Key, Selector,
        compute::{Attachment, Device},
    },
    resource::Owner,
};

mod afterwards;
mod before_the_stop;
mod capacity;
mod doubles;
mod parameters;
mod places;
mod refusals;
mod way;

const R: &str = "us-east-1";
const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/1";
/// The key of the disk that is encrypted already.
const OTHER: &str = "arn:aws:kms:us-east-1:123456789012:key/9";

fn volume_of(id: &str, device: &str, dot: bool) -> Volume {
    let attachment = Attachment {
        instance_id: "i-1".into(),
        device: device.into(),
        state: "attached".into(),
        delete_on_termination: dot,
        ..Attachment::default()
    };
    Volume {
        id: id.into(),
        size: 8,
        volume_type: "gp3".into(),
        iops: Some(4000),
        throughput: Some(250),
        availability_zone: "us-east-1a".into(),
        state: "in-use".into(),
        attachments: vec![attachment],
        tags: [("Name".to_owned(), "data".to_owned()), ("aws:x".to_owned(), "y".to_owned())].into(),
        ..Volume::default()
    }
}

/// Builds an account with a running instance that has an unencrypted root (vol-1), an unencrypted data disk
/// (vol-2) and an encrypted one (vol-3).
fn account() -> Inventory {
    let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
    let mut inventory = Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
    let region = inventory.region_mut(R);
    let device = |name: &str, id: &str, dot: bool| Device {
        device_name: name.into(),
        volume_id: id.into(),
        delete_on_termination: dot,
        status: "attached".into(),
    };
    let instance = Instance {
        id: "i-1".into(),
        state: "running".into(),
        instance_type: "t3.micro".into(),
        root_device_type: "ebs".into(),
        root_device_name: "/dev/xvda".into(),
        devices: vec![
            device("/dev/sdf", "vol-2", false),
            device("/dev/sdg", "vol-3", false),
            device("/dev/xvda", "vol-1", true),
        ],
        stop_protection: Fact::Known(false),
        tenancy: "default".into(),
        ..Instance::default()
    };
    region.instances.put("i-1", instance);
    let ok = InstanceStatus {
        id: "i-1".into(),
        system_status: "ok".into(),
        instance_status: "ok".into(),
        attached_ebs_status: "ok".into(),
        events: Vec::new(),
    };
    region.instance_statuses.put("i-1", ok);
    region.instance_types.put("t3.micro", InstanceType { id: "t3.micro".into(), instance_storage: false });
    region.network_interfaces.read(&Selector::by("attachment.instance-id", "i-1"), Fact::Known(()));
    region.volumes.put("vol-1", volume_of("vol-1", "/dev/xvda", true));
    region.volumes.put("vol-2", volume_of("vol-2", "/dev/sdf", false));
    region.volumes.put(
        "vol-3",
        Volume { encrypted: true, kms_key_id: Some(OTHER.into()), ..volume_of("vol-3", "/dev/sdg", false) },
    );
    let loose =
        Volume { state: "available".into(), attachments: Vec::new(), ..volume_of("vol-9", "", false) };
    region.volumes.put("vol-9", loose);
    for id in ["vol-1", "vol-2", "vol-3", "vol-9"] {
        region.volume_modifications.items.insert(id.into(), Fact::Absent);
    }
    region.ebs_defaults.put(
        "account",
        EbsDefaults {
            encryption_by_default: Fact::Known(false),
            kms_key_id: Fact::Unknown("not supported by this endpoint".into()),
        },
    );
    let [key_state, key_usage, key_spec] =
        ["Enabled", "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT"].map(str::to_owned);
    let key = Key {
        id: "alias/aws/ebs".into(),
        arn: KEY.into(),
        key_state,
        key_usage,
        key_spec,
        key_manager: "AWS".into(),
    };
    region.keys.put(OTHER, Key { id: OTHER.into(), arn: OTHER.into(), ..key.clone() });
    region.keys.put("alias/aws/ebs", key);
    inventory
}

/// Returns parameters with the longest way, copies of snapshots, where they name none: it has all steps.
fn asked(with: Value) -> Value {
    match with {
        Value::Null => json!({ "via": "copy" }),
        with if with.get("via").is_some() => with,
        mut with => {
            with["via"] = "copy".into();
            with
        }
    }
}

fn propose(inventory: &Inventory, target: &ResourceId, with: Value) -> Result<Proposal, Refusal> {
    let with = asked(with);
    let checks = vec!["ebs-volume-unencrypted".to_owned()];
    let options = Options::default();
    let context = Context { inventory, region: R, checks: &checks, options: &options };
    EncryptVolumes.propose(&context, target, &with)
}
fn on_instance(inventory: &Inventory, with: Value) -> Result<Proposal, Refusal> {
    propose(inventory, &inventory.owner.instance(R, "i-1"), with)
}

#[test]
fn the_disks_of_a_running_instance_are_replaced_in_one_short_stop() {
    let it = account();
    let proposal = on_instance(&it, Value::Null).unwrap();
    sound::steps(&proposal.steps);
    let expected = [
        "mark",
        "warm",
        "warm-copy-1",
        "warm-copy-2",
        "trial-1",
        "trial-2",
        "trial-gone-1",
        "trial-gone-2",
        "tag-old-1",
        "keep-old-1",
        "tag-old-2",
        "announce",
        "stop",
        "snapshot",
        "copy-1",
        "copy-2",
        "volume-1",
        "volume-2",
        "detach-1",
        "attach-1",
        "dot-1",
        "detach-2",
        "attach-2",
        "start",
        "replaced-1",
        "replaced-2",
        "warm-gone-copy-1",
        "warm-gone-copy-2",
        "warm-gone-1",
        "warm-gone-2",
        "unmark",
    ];
    assert_eq!(sound::names(&proposal.steps), expected);
    assert_eq!(proposal.risk, crate::calls::Risk::Disruptive);
    assert!(proposal.impact[0].contains("downtime 10 to 13 minutes (16 GiB"), "{:?}", proposal.impact);
    let set = &sound::named(&proposal.steps, "snapshot").act.call.input;
    assert_eq!(
        set["InstanceSpecification"],
        json!({ "InstanceId": "i-1", "ExcludeDataVolumeIds": ["vol-3"] })
    );
    let copy = &sound::named(&proposal.steps, "copy-2").act.call.input;
    assert_eq!(
        (&copy["Encrypted"], &copy["KmsKeyId"], &copy["SourceRegion"]),
        (&json!(true), &json!(KEY), &json!(R))
    );
    assert_eq!(copy["SourceSnapshotId"]["$output"]["name"], "Snapshots/vol-2");
    assert_eq!(proposal.proof.iter().filter(|p| p.check == "ebs-volume-unencrypted").count(), 2);
}

#[test]
fn no_more_snapshots_are_copied_at_once_than_aws_lets_be_pending() {
    let mut it = account();
    for n in 10..32 {
        let (id, device) = (format!("vol-{n}"), format!("/dev/sd{n}"));
        it.region_mut(R).volumes.put(&id, volume_of(&id, &device, false));
        it.region_mut(R).volume_modifications.items.insert(id.clone(), Fact::Absent);
        let Some(Fact::Known(instance)) = it.region_mut(R).instances.items.get_mut("i-1") else {
            panic!("i-1 is known")
        };
        instance.devices.push(Device {
            device_name: device,
            volume_id: id,
            delete_on_termination: false,
            status: "attached".into(),
        });
    }
    let proposal = on_instance(&it, Value::Null).unwrap();
    sound::steps(&proposal.steps);
    for copies in ["warm-copy-", "copy-"] {
        let mut pending = 0;
        let steps: Vec<_> = proposal.steps.iter().filter(|s| s.name.starts_with(copies)).collect();
        assert_eq!(steps.len(), 24);
        for step in &steps {
            pending += 1;
            assert!(pending <= 20, "{} makes {pending}", step.name);
            if step.act.wait.is_some() {
                pending = 0;
            }
        }
        assert_eq!(pending, 0, "nothing goes on before all copies are completed");
    }
}

#[test]
fn a_new_volume_is_like_the_old_one_and_carries_its_tags_and_where_it_belongs() {
    let proposal = on_instance(&account(), Value::Null).unwrap();
    let input = &sound::named(&proposal.steps, "volume-1").act.call.input;
    for (member, value) in [
        ("AvailabilityZone", json!("us-east-1a")),
        ("VolumeType", json!("gp3")),
        ("Size", json!(8)),
        ("Iops", json!(4000)),
        ("Throughput", json!(250)),
        ("Encrypted", json!(true)),
        ("KmsKeyId", json!(KEY)),
        ("ClientToken", crate::calls::reference::token()),
    ] {
        assert_eq!(input[member], value, "{member}");
    }
    let tags = input["TagSpecifications"][0]["Tags"].as_array().unwrap();
    let tag_of = |key: &str| tags.iter().find(|t| t["Key"] == key).map(|t| t["Value"].clone());
    assert_eq!(tag_of("Name"), Some(json!("data")));
    assert_eq!(tag_of(tag::SOURCE), Some(json!("vol-1")));
    assert_eq!((tag_of(tag::INSTANCE), tag_of(tag::DEVICE)), (Some(json!("i-1")), Some(json!("/dev/xvda"))));
    assert_eq!(tag_of("aws:x"), None);
    let mut plain = account();
    plain.region_mut(R).volumes.get_mut("vol-1").unwrap().volume_type = "gp2".into();
    let proposal = on_instance(&plain, Value::Null).unwrap();
    assert_eq!(
        sound::named(&proposal.steps, "volume-1").act.call.input.get("Iops"),
        None,
        "AWS refuses IOPS for gp2"
    );
}

#[test]
fn the_swap_is_at_the_same_device_and_delete_on_termination_is_as_it_was() {
    let proposal = on_instance(&account(), Value::Null).unwrap();
    assert_eq!(sound::named(&proposal.steps, "attach-1").act.call.input["Device"], "/dev/xvda");
    let set = |name: &str| sound::named(&proposal.steps, name).act.call.input["BlockDeviceMappings"].clone();
    assert_eq!(
        set("keep-old-1"),
        json!([{ "DeviceName": "/dev/xvda", "Ebs": { "DeleteOnTermination": false } }])
    );
    assert_eq!(set("dot-1"), json!([{ "DeviceName": "/dev/xvda", "Ebs": { "DeleteOnTermination": true } }]));
    let planned = &proposal.proof[0].with["devices"];
    let disk =
        |device: &str| planned.as_array().unwrap().iter().find(|d| d["device"] == device).unwrap().clone();
    assert_eq!(
        disk("/dev/xvda"),
        json!({ "device": "/dev/xvda", "delete_on_termination": true, "encrypted": true, "key": KEY })
    );
    assert_eq!(
        disk("/dev/sdg"),
        json!({ "device": "/dev/sdg", "delete_on_termination": false, "encrypted": true, "key": null })
    );
}

#[test]
fn a_stopped_instance_stays_stopped_and_nothing_is_copied_beforehand() {
    let mut it = account();
    it.region_mut(R).instances.get_mut("i-1").unwrap().state = "stopped".into();
    let proposal = on_instance(&it, json!({ "via": "direct" })).unwrap();
    sound::steps(&proposal.steps);
    let expected = [
        "mark",
        "tag-old-1",
        "keep-old-1",
        "tag-old-2",
        "snapshot",
        "volume-1",
        "volume-2",
        "detach-1",
        "attach-1",
        "dot-1",
        "detach-2",
        "attach-2",
        "replaced-1",
        "replaced-2",
        "unmark",
    ];
    assert_eq!(sound::names(&proposal.steps), expected);
    assert_eq!(
        sound::named(&proposal.steps, "volume-1").act.call.input["SnapshotId"]["$output"]["step"],
        "snapshot"
    );
    assert!(proposal.impact[0].contains("no downtime"));
}

#[test]
fn a_failure_after_the_swap_brings_the_old_disks_back_and_the_instance_up() {
    let proposal = on_instance(&account(), json!({ "pre_snapshot": false, "via": "direct" })).unwrap();
    let names = sound::names(&proposal.steps);
    let until = |last: &str| names[..=names.iter().position(|n| *n == last).unwrap()].to_vec();
    let back = sound::going_back(&proposal.steps, &until("dot-1"), Purpose::Rollback);
    let expected = [
        "ModifyInstanceAttribute dot-1",
        "DetachVolume attach-1",
        "AttachVolume detach-1",
        "DeleteVolume volume-2",
        "DeleteVolume volume-1",
        "DeleteSnapshot snapshot",
        "DeleteSnapshot snapshot",
        "StartInstances stop",
        // Where the mark may not be removed, nobody waits for a stop that does not come.
        "CreateTags announce",
        "DeleteTags tag-old-2",
        "ModifyInstanceAttribute keep-old-1",
        "DeleteTags tag-old-1",
        "DeleteTags mark",
    ];
    assert_eq!(back, expected);
    let after_start = sound::going_back(&proposal.steps, &until("start"), Purpose::Rollback);
    assert_eq!(after_start[0], "StopInstances start");
    assert!(
        !after_start.iter().any(|a| a.starts_with("DeleteVolume")),
        "they may hold newer data: {after_start:?}"
    );
}

#[test]
fn an_undo_swaps_the_old_disks_back_and_keeps_the_new_ones_and_the_snapshots() {
    let proposal = on_instance(&account(), json!({ "pre_snapshot": false })).unwrap();
    let back = sound::going_back(&proposal.steps, &sound::names(&proposal.steps), Purpose::Undo);
    let expected = [
        "CreateTags start",
        "CreateTags start",
        "StopInstances start",
        "DetachVolume attach-2",
        "AttachVolume detach-2",
        "ModifyInstanceAttribute dot-1",
        "DetachVolume attach-1",
        "AttachVolume detach-1",
        "StartInstances stop",
        "DeleteTags tag-old-2",
        "ModifyInstanceAttribute keep-old-1",
        "DeleteTags tag-old-1",
        "DeleteTags start",
    ];
    assert_eq!(back, expected);
    for kept in ["snapshot", "copy-1", "volume-1", "volume-2"] {
        assert!(sound::undo_keeps(sound::named(&proposal.steps, kept)), "{kept}");
    }
}

#[test]
fn a_detached_volume_is_replaced_without_touching_any_instance() {
    let it = account();
    let target = it.owner.volume(R, "vol-9");
    let proposal = propose(&it, &target, Value::Null).unwrap();
    sound::steps(&proposal.steps);
    assert_eq!(sound::names(&proposal.steps), ["tag-old-1", "snapshot", "copy-1", "volume-1", "replaced-1"]);
    assert_eq!(proposal.risk, crate::calls::Risk::Safe);
    let direct = propose(&it, &target, json!({ "via": "direct" })).unwrap();
    assert_eq!(sound::names(&direct.steps), ["tag-old-1", "snapshot", "volume-1", "replaced-1"]);
}

#[test]
fn a_finding_on_an_attached_volume_is_answered_on_its_instance() {
    let it = account();
    let to = |id: &str| EncryptVolumes.retarget(&it, &it.owner.volume(R, id), &Value::Null);
    assert_eq!(to("vol-1"), Ok(it.owner.instance(R, "i-1")));
    assert_eq!(to("vol-9"), Ok(it.owner.volume(R, "vol-9")));
    assert!(matches!(to("vol-404"), Err(Refusal::Unknown(_))));
}

#[test]
fn what_a_person_told_redress_to_ignore_is_left_as_it_is() {
    let mut it = account();
    it.region_mut(R).volumes.get_mut("vol-2").unwrap().tags.insert(tag::IGNORE.into(), "scratch".into());
    let proposal = on_instance(&it, Value::Null).unwrap();
    assert!(!sound::names(&proposal.steps).contains(&"detach-2"));
    assert!(
        proposal.impact.iter().any(|i| i.contains("/dev/sdf") && i.contains(tag::IGNORE)),
        "{:?}",
        proposal.impact
    );
}

fn i(it: &mut Inventory) -> &mut Instance {
    it.region_mut(R).instances.get_mut("i-1").unwrap()
}
fn v(it: &mut Inventory) -> &mut Volume {
    it.region_mut(R).volumes.get_mut("vol-1").unwrap()
}

#[test]
fn a_snapshot_of_a_large_disk_is_waited_for_longer() {
    let mut it = account();
    let longest = |it: &Inventory| {
        let steps = on_instance(it, Value::Null).unwrap().steps;
        steps.iter().filter_map(|s| s.act.wait.as_ref()).map(|w| w.at_most).max().unwrap()
    };
    assert_eq!(longest(&it), 21_600);
    it.region_mut(R).volumes.get_mut("vol-1").unwrap().size = 16_384;
    assert_eq!(longest(&it), 16_384 * 25);
}
