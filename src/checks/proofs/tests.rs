//! Tests of `proofs`: required and forbidden behaviour, on small hand-made inventories.

//! Each promise broken one by one, and kept.

use super::*;
use crate::{
    inventory::{Caller, Instance, compute::Device},
    resource::Owner,
};

const R: &str = "us-east-1";
const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/1";

fn account() -> Inventory {
    let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
    let mut inventory = Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
    let region = inventory.region_mut(R);
    let device = Device {
        device_name: "/dev/xvda".into(),
        volume_id: "vol-2".into(),
        delete_on_termination: true,
        ..Device::default()
    };
    region.instances.put(
        "i-1",
        Instance { id: "i-1".into(), state: "running".into(), devices: vec![device], ..Instance::default() },
    );
    let tags: Tags =
        [(tag::SOURCE.to_owned(), "vol-1".to_owned()), ("Name".to_owned(), "db".to_owned())].into();
    let new = Volume {
        id: "vol-2".into(),
        encrypted: true,
        kms_key_id: Some(KEY.into()),
        availability_zone: "us-east-1a".into(),
        volume_type: "gp3".into(),
        size: 8,
        iops: Some(4000),
        tags,
        state: "in-use".into(),
        ..Volume::default()
    };
    region.volumes.put("vol-2", new);
    let tags = [(tag::REPLACED_BY.to_owned(), "vol-2".to_owned())].into();
    region
        .volumes
        .put("vol-1", Volume { id: "vol-1".into(), state: "available".into(), tags, ..Volume::default() });
    inventory
}

fn ask(check: &str, inventory: &Inventory, resource: &ResourceId, with: &Value) -> Verdict {
    let check = crate::checks::find(check).unwrap();
    assert!(!check.scanned);
    (check.judge)(inventory, resource, with)
}

fn disks_plan() -> Value {
    json!({ "state": "running", "devices": [{ "device": "/dev/xvda", "delete_on_termination": true,
        "encrypted": true, "key": KEY }] })
}

#[test]
fn the_disks_of_an_instance_are_as_planned_or_the_difference_is_named() {
    let it = account();
    let i = it.owner.instance(R, "i-1");
    assert_eq!(ask("instance-disks-as-planned", &it, &i, &disks_plan()), Verdict::Ok(None));
    let broken: [fn(&mut Inventory); 5] = [
        |it| it.region_mut(R).instances.get_mut("i-1").unwrap().state = "stopped".into(),
        |it| it.region_mut(R).instances.get_mut("i-1").unwrap().devices[0].delete_on_termination = false,
        |it| it.region_mut(R).instances.get_mut("i-1").unwrap().devices[0].device_name = "/dev/sdf".into(),
        |it| it.region_mut(R).volumes.get_mut("vol-2").unwrap().encrypted = false,
        |it| it.region_mut(R).volumes.get_mut("vol-2").unwrap().kms_key_id = Some("other".into()),
    ];
    for change in broken {
        let mut it = account();
        change(&mut it);
        assert!(matches!(ask("instance-disks-as-planned", &it, &i, &disks_plan()), Verdict::Violates(_)));
    }
}

#[test]
fn a_key_that_is_not_said_proves_nothing_but_a_broken_promise_counts_first() {
    let mut it = account();
    let i = it.owner.instance(R, "i-1");
    it.region_mut(R).volumes.get_mut("vol-2").unwrap().kms_key_id = None;
    assert!(matches!(ask("instance-disks-as-planned", &it, &i, &disks_plan()), Verdict::Unknown(_)));
    it.region_mut(R).instances.get_mut("i-1").unwrap().state = "stopped".into();
    assert!(matches!(ask("instance-disks-as-planned", &it, &i, &disks_plan()), Verdict::Violates(_)));
    assert!(
        matches!(ask("instance-disks-as-planned", &it, &i, &json!({})), Verdict::Unknown(_)),
        "no promise is no proof"
    );
}

#[test]
fn a_replacement_has_the_planned_size_speed_zone_tags_and_key() {
    let it = account();
    let v = it.owner.volume(R, "vol-1");
    let plan = json!({ "key": KEY, "availability_zone": "us-east-1a", "volume_type": "gp3", "size": 8,
        "iops": 4000, "throughput": null, "tags": { "Name": "db" } });
    assert_eq!(ask("volume-replaced", &it, &v, &plan), Verdict::Ok(None));
    for (member, other) in [
        ("key", json!("k")),
        ("availability_zone", json!("us-east-1b")),
        ("volume_type", json!("gp2")),
        ("size", json!(9)),
        ("iops", json!(3000)),
        ("throughput", json!(125)),
        ("tags", json!({ "Name": "web" })),
    ] {
        let mut wrong = plan.clone();
        wrong[member] = other;
        assert!(matches!(ask("volume-replaced", &it, &v, &wrong), Verdict::Violates(_)), "{member}");
    }
    let mut untagged = account();
    untagged.region_mut(R).volumes.get_mut("vol-1").unwrap().tags.clear();
    assert!(matches!(ask("volume-replaced", &untagged, &v, &plan), Verdict::Violates(_)));
}

#[test]
fn a_trail_is_judged_by_what_was_promised_of_it() {
    let mut it = account();
    let arn = it.owner.trail(R, "audit");
    let plan =
        json!({ "is_multi_region": true, "log_file_validation": true, "is_logging": true, "bucket": "b" });
    it.trails.items.insert(arn.to_string(), Fact::Absent);
    assert!(matches!(ask("trail-raised", &it, &arn, &plan), Verdict::Violates(_)));
    let good = Trail {
        id: arn.to_string(),
        s3_bucket_name: "b".into(),
        is_multi_region: true,
        log_file_validation: true,
        is_logging: Fact::Known(true),
        ..Trail::default()
    };
    for (trail, ok) in [
        (good.clone(), true),
        (Trail { is_multi_region: false, ..good.clone() }, false),
        (Trail { log_file_validation: false, ..good.clone() }, false),
        (Trail { is_logging: Fact::Known(false), ..good.clone() }, false),
        (Trail { s3_bucket_name: "other".into(), ..good.clone() }, false),
    ] {
        it.trails.put(arn.to_string(), trail);
        assert_eq!(ask("trail-raised", &it, &arn, &plan) == Verdict::Ok(None), ok);
    }
    it.trails.put(arn.to_string(), Trail { is_logging: Fact::Unknown("denied".into()), ..good });
    assert!(matches!(ask("trail-raised", &it, &arn, &plan), Verdict::Unknown(_)));
}

#[test]
fn what_was_to_go_is_gone_only_when_it_was_looked_for() {
    let mut it = account();
    let v = it.owner.volume(R, "vol-2");
    assert!(matches!(ask("volume-gone", &it, &v, &Value::Null), Verdict::Violates(_)));
    it.region_mut(R).volumes.get_mut("vol-2").unwrap().state = "deleting".into();
    assert_eq!(ask("volume-gone", &it, &v, &Value::Null), Verdict::Ok(None));
    let s = it.owner.snapshot(R, "snap-1");
    assert!(matches!(ask("snapshot-gone", &it, &s, &Value::Null), Verdict::Unknown(_)));
    it.region_mut(R).snapshots.items.insert("snap-1".into(), Fact::Absent);
    assert_eq!(ask("snapshot-gone", &it, &s, &Value::Null), Verdict::Ok(None));
}

#[test]
fn a_disk_at_another_ebs_card_than_planned_is_not_as_planned() {
    let with_card = |card: Option<i32>| {
        let mut it = account();
        let attachment = crate::inventory::Attachment {
            instance_id: "i-1".into(),
            device: "/dev/xvda".into(),
            ebs_card_index: card,
            ..Default::default()
        };
        it.region_mut(R).volumes.get_mut("vol-2").unwrap().attachments = vec![attachment];
        it
    };
    let mut plan = disks_plan();
    let judge = |it: &Inventory, plan: &Value| {
        ask("instance-disks-as-planned", it, &it.owner.instance(R, "i-1"), plan)
    };
    assert_eq!(judge(&with_card(None), &plan), Verdict::Ok(None));
    assert!(matches!(judge(&with_card(Some(1)), &plan), Verdict::Violates(_)));
    plan["devices"][0]["ebs_card_index"] = json!(1);
    assert_eq!(judge(&with_card(Some(1)), &plan), Verdict::Ok(None));
    assert!(matches!(judge(&with_card(None), &plan), Verdict::Violates(_)));
}

#[test]
fn an_instance_that_has_lost_its_public_address_for_good_is_not_as_planned() {
    let mut it = account();
    let mut plan = disks_plan();
    let judge = |it: &Inventory, plan: &Value| {
        ask("instance-disks-as-planned", it, &it.owner.instance(R, "i-1"), plan)
    };
    assert_eq!(judge(&it, &plan), Verdict::Ok(None), "it had none before");
    plan["public_address"] = json!(true);
    assert!(matches!(judge(&it, &plan), Verdict::Violates(_)));
    it.region_mut(R).instances.get_mut("i-1").unwrap().public_ip = Some("198.51.100.8".into());
    assert_eq!(judge(&it, &plan), Verdict::Ok(None));
    it.region_mut(R).instances.get_mut("i-1").unwrap().public_ip = None;
    plan["later"] = json!(true);
    assert_eq!(judge(&it, &plan), Verdict::Ok(None), "later it may be stopped");
}
