//! Tests of `snapshots`: required and forbidden behaviour, on small hand-made inventories.

//! The verdicts of the check of backups, fact by fact.

use super::*;
use crate::{
    inventory::{Caller, Volume, compute::Device},
    resource::Owner,
};

const R: &str = "us-east-1";

fn account() -> Inventory {
    let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
    let mut inventory = Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
    let region = inventory.region_mut(R);
    region.instances.read(&Selector::All, Fact::Known(()));
    region.volumes.read(&Selector::All, Fact::Known(()));
    region.snapshots.read(&Selector::All, Fact::Known(()));
    let device =
        |name: &str, id: &str| Device { device_name: name.into(), volume_id: id.into(), ..Device::default() };
    let instance = Instance {
        id: "i-1".into(),
        state: "running".into(),
        devices: vec![device("/dev/xvda", "vol-1"), device("/dev/sdf", "vol-2")],
        tags: [("Backup".to_owned(), "true".to_owned())].into(),
        ..Instance::default()
    };
    region.instances.put("i-1", instance);
    for id in ["vol-1", "vol-2"] {
        region.volumes.put(id, Volume { id: id.into(), ..Volume::default() });
    }
    inventory
}

fn snap(inventory: &mut Inventory, id: &str, volume: &str, time: &str, state: &str) {
    let start_time = Some(time.parse().unwrap());
    let snapshot = Snapshot {
        id: id.into(),
        volume_id: volume.into(),
        state: state.into(),
        start_time,
        ..Snapshot::default()
    };
    inventory.region_mut(R).snapshots.put(id, snapshot);
}

fn say(inventory: &Inventory, with: Value) -> Verdict {
    stale(inventory, &inventory.owner.instance(R, "i-1"), &with)
}

#[test]
fn every_disk_needs_a_completed_snapshot_younger_than_a_day() {
    let mut it = account();
    snap(&mut it, "snap-1", "vol-1", "2026-11-22T09:00:00Z", "completed");
    assert!(matches!(say(&it, Value::Null),
            Verdict::Violates(e) if e["volumes"][0]["volume"] == "vol-2" && e["volumes"].as_array().unwrap().len() == 1));
    snap(&mut it, "snap-2", "vol-2", "2026-11-22T09:00:00Z", "pending");
    assert!(matches!(say(&it, Value::Null), Verdict::Violates(_)), "a pending snapshot is no backup");
    snap(&mut it, "snap-2", "vol-2", "2026-11-21T10:00:00Z", "completed");
    assert!(
        matches!(say(&it, Value::Null),
            Verdict::Violates(e) if e["volumes"][0]["newest_snapshot"] == "snap-2"),
        "24 hours old is not younger"
    );
    assert_eq!(say(&it, json!({ "max_age_hours": 25 })), Verdict::Ok(None));
}

#[test]
fn only_instances_that_ask_for_it_and_could_be_lost_are_judged() {
    let mut it = account();
    assert_eq!(say(&it, json!({ "tag": "Backup=yes" })), Verdict::Ok(None));
    assert!(matches!(say(&it, json!({ "tag": "Backup" })), Verdict::Violates(_)));
    assert!(matches!(say(&it, json!({ "tag": "" })), Verdict::Violates(_)));
    it.region_mut(R).instances.get_mut("i-1").unwrap().state = "terminated".into();
    assert_eq!(say(&it, Value::Null), Verdict::Ok(None));
}

#[test]
fn a_state_that_aws_adds_later_is_unknown_and_no_backup() {
    let mut it = account();
    for volume in ["vol-1", "vol-2"] {
        snap(&mut it, &format!("snap-of-{volume}"), volume, "2026-11-22T09:00:00Z", "completed-partly");
    }
    assert!(matches!(say(&it, Value::Null), Verdict::Violates(_)));
    it.region_mut(R).instances.get_mut("i-1").unwrap().state = "resuming".into();
    assert!(matches!(say(&it, Value::Null), Verdict::Unknown(why) if why.contains("its state is resuming")));
}

#[test]
fn snapshots_of_the_volume_that_a_disk_was_made_from_count_until_it_was_made() {
    for copied in [false, true] {
        let mut it = account();
        snap(&mut it, "snap-1", "vol-1", "2026-11-22T09:00:00Z", "completed");
        let (volume, tags) = match copied {
            true => ("vol-2", [(tag::SOURCE.to_owned(), "vol-0".to_owned())].into()),
            false => ("vol-0", Tags::new()),
        };
        snap(&mut it, "snap-origin", volume, "2026-11-20T09:00:00Z", "completed");
        let origin = it.region_mut(R).snapshots.get_mut("snap-origin").unwrap();
        origin.tags = tags;
        origin.transfer_type = copied.then(|| "standard".to_owned());
        it.region_mut(R).volumes.get_mut("vol-2").unwrap().snapshot_id = Some("snap-origin".into());
        assert!(matches!(say(&it, Value::Null), Verdict::Violates(_)));
        snap(&mut it, "snap-0", "vol-0", "2026-11-22T08:00:00Z", "completed");
        assert_eq!(say(&it, Value::Null), Verdict::Ok(None));
        it.region_mut(R).volumes.get_mut("vol-2").unwrap().create_time =
            Some("2026-11-20T10:00:00Z".parse().unwrap());
        assert!(
            matches!(say(&it, Value::Null), Verdict::Violates(_)),
            "taken after the disk was made, it does not hold what was written to it"
        );
    }
}

#[test]
fn snapshots_that_could_not_be_listed_are_unknown() {
    let mut it = account();
    it.region_mut(R).snapshots.read(&Selector::All, Fact::Unknown("AccessDenied".into()));
    assert!(matches!(say(&it, Value::Null), Verdict::Unknown(why) if why.contains("AccessDenied")));
    let mut it = account();
    it.region_mut(R).volumes.get_mut("vol-1").unwrap().snapshot_id = Some("snap-x".into());
    it.region_mut(R).snapshots.items.insert("snap-x".into(), Fact::Unknown("AccessDenied".into()));
    snap(&mut it, "snap-2", "vol-2", "2026-11-22T09:00:00Z", "completed");
    assert!(matches!(say(&it, Value::Null), Verdict::Unknown(_)));
}

#[test]
fn what_must_be_read_follows_the_disk_to_what_it_was_made_from() {
    let mut it = account();
    snap(&mut it, "snap-origin", "vol-0", "2026-11-20T09:00:00Z", "completed");
    it.region_mut(R).volumes.get_mut("vol-1").unwrap().snapshot_id = Some("snap-origin".into());
    let wants = reads_one(&it, &it.owner.instance(R, "i-1"));
    assert!(wants.contains(&Want::by(R, FamilyKind::Snapshots, "volume-id", "vol-0")), "{wants:?}");
}

#[test]
fn a_copy_is_known_by_its_transfer_type_or_description_and_never_counts_for_the_volume_that_aws_names() {
    let marks: [fn(&mut Snapshot); 3] = [
        |s| s.transfer_type = Some("time-based".into()),
        |s| s.description = "[Copied snap-1 from us-west-2] nightly".into(),
        |s| s.description = "Copied for DestinationAmi ami-2 from SourceAmi ami-1".into(),
    ];
    for mark in marks {
        let mut it = account();
        snap(&mut it, "snap-1", "vol-1", "2026-11-22T09:00:00Z", "completed");
        snap(&mut it, "snap-2", "vol-2", "2026-11-22T09:00:00Z", "completed");
        assert_eq!(say(&it, Value::Null), Verdict::Ok(None));
        mark(it.region_mut(R).snapshots.get_mut("snap-2").unwrap());
        assert!(
            matches!(say(&it, Value::Null), Verdict::Violates(_)),
            "AWS has given a copy the id of this disk"
        );
    }
}
