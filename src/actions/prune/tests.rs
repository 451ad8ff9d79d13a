//! Tests of `prune`: required and forbidden behaviour, on small hand-made inventories.

//! The deletions of prune, and the resources that it leaves.

use super::{in_bin as in_bin_now, *};
use crate::{
    actions::{Options, make::sound},
    inventory::{BinRule, Caller, Device, Fact, Instance, InstanceStatus, Key, Removal, compute::Attachment},
    resource::Owner,
};

const R: &str = "us-east-1";
const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/k";

fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

/// Builds an account on the 22nd: an old volume (kept until the 21st) with its replacement attached, and four
/// backups of i-1, of which the oldest three are past their date and the newest failed.
fn account() -> Inventory {
    let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
    let mut inventory = Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
    let region = inventory.region_mut(R);
    let old = tags(&[
        (tag::RUN, "r"),
        (tag::EXPIRES, "2026-11-21"),
        (tag::REPLACED_BY, "vol-new"),
        (tag::INSTANCE, "i-1"),
    ]);
    region.volumes.put(
        "vol-old",
        Volume { id: "vol-old".into(), state: "available".into(), tags: old, ..Volume::default() },
    );
    let attachments = vec![Attachment {
        instance_id: "i-1".into(),
        device: "/dev/xvda".into(),
        state: "attached".into(),
        ..Attachment::default()
    }];
    let new_tags = tags(&[(tag::SOURCE, "vol-old"), (tag::INSTANCE, "i-1"), (tag::DEVICE, "/dev/xvda")]);
    let attached_at = Some("2026-10-22T08:20:00Z".parse().unwrap());
    region.volumes.put(
        "vol-new",
        Volume { attachments, attached_at, state: "in-use".into(), ..replacement("vol-new", new_tags) },
    );
    let devices = vec![Device {
        device_name: "/dev/xvda".into(),
        volume_id: "vol-new".into(),
        status: "attached".into(),
        ..Device::default()
    }];
    let launch_time = Some("2026-10-22T08:30:00Z".parse().unwrap());
    region.instances.put(
        "i-1",
        Instance { id: "i-1".into(), state: "running".into(), devices, launch_time, ..Instance::default() },
    );
    let [key_state, key_usage, key_spec] =
        ["Enabled", "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT"].map(str::to_owned);
    region
        .keys
        .put(KEY, Key { id: KEY.into(), arn: KEY.into(), key_state, key_usage, key_spec, ..Key::default() });
    region.volumes.read(&Selector::All, Fact::Known(()));
    let ok = InstanceStatus {
        id: "i-1".into(),
        system_status: "ok".into(),
        instance_status: "ok".into(),
        attached_ebs_status: "ok".into(),
        events: Vec::new(),
    };
    region.instance_statuses.put("i-1", ok);
    region.snapshots.read(&Selector::All, Fact::Known(()));
    region.removals.read(&Selector::All, Fact::Known(()));
    for (n, state) in [(1, "completed"), (2, "completed"), (3, "completed"), (4, "error")] {
        let id = format!("snap-{n}");
        let set = format!("set-{n}");
        let all = [
            (tag::RUN, "r"),
            (tag::EXPIRES, "2026-11-20"),
            (tag::SET, set.as_str()),
            (tag::INSTANCE, "i-1"),
            (tag::KEEP_LAST, "2"),
        ];
        let start_time = Some(format!("2026-11-1{n}T00:00:00Z").parse().unwrap());
        region.snapshots.put(
            id.clone(),
            Snapshot { id, state: state.into(), start_time, tags: tags(&all), ..Snapshot::default() },
        );
    }
    inventory
}

fn replacement(id: &str, tags: Tags) -> Volume {
    let create_time = Some("2026-10-22T08:00:00Z".parse().unwrap());
    Volume {
        id: id.into(),
        state: "available".into(),
        encrypted: true,
        kms_key_id: Some(KEY.into()),
        create_time,
        tags,
        ..Volume::default()
    }
}

/// Adds a snapshot that an encryption of this volume left.
fn left(it: &mut Inventory, id: &str, of: &str, encrypted: bool, tags_of: &[(&str, &str)]) {
    let all = [&[(tag::RUN, "r"), (tag::EXPIRES, "2026-11-20")], tags_of].concat();
    let volume_id = if encrypted { "vol-ffff" } else { of }.to_owned();
    let snapshot = Snapshot {
        id: id.into(),
        volume_id,
        state: "completed".into(),
        encrypted,
        tags: tags(&all),
        ..Snapshot::default()
    };
    it.region_mut(R).snapshots.put(id, snapshot);
}

/// Builds an account with a volume that was never attached, its replacement, and the two snapshots taken in
/// between.
fn detached() -> Inventory {
    let mut it = account();
    let kept = tags(&[(tag::RUN, "r"), (tag::EXPIRES, "2026-11-21"), (tag::REPLACED_BY, "vol-new2")]);
    it.region_mut(R).volumes.put(
        "vol-loose",
        Volume { id: "vol-loose".into(), state: "available".into(), tags: kept, ..Volume::default() },
    );
    it.region_mut(R).volumes.put("vol-new2", replacement("vol-new2", tags(&[(tag::SOURCE, "vol-loose")])));
    left(&mut it, "snap-plain", "vol-loose", false, &[(tag::SOURCE, "vol-loose")]);
    left(&mut it, "snap-copy", "vol-loose", true, &[(tag::SOURCE, "vol-loose")]);
    it
}

fn propose(it: &Inventory, target: &ResourceId) -> Result<Proposal, Refusal> {
    let options = Options::default();
    Prune.propose(&Context { inventory: it, region: R, checks: &[], options: &options }, target, &Value::Null)
}
fn old(it: &mut Inventory) -> &mut Volume {
    it.region_mut(R).volumes.get_mut("vol-old").unwrap()
}

fn new(it: &mut Inventory) -> &mut Volume {
    it.region_mut(R).volumes.get_mut("vol-new").unwrap()
}
fn status(it: &mut Inventory) -> &mut InstanceStatus {
    it.region_mut(R).instance_statuses.get_mut("i-1").unwrap()
}

#[test]
fn what_has_expired_and_was_replaced_may_go_and_it_cannot_be_taken_back() {
    let it = account();
    let proposal = propose(&it, &it.owner.volume(R, "vol-old")).unwrap();
    sound::steps(&proposal.steps);
    assert_eq!(proposal.risk, Risk::Irreversible);
    assert!(matches!(proposal.steps[0].way_back, WayBack::Cannot(_)));
    assert_eq!(
        proposal.steps[0].act.call,
        Call::new("ec2", R, "DeleteVolume", json!({ "VolumeId": "vol-old" }))
    );
    assert_eq!(proposal.proof[0].check, "volume-gone");
}

#[test]
fn a_volume_stays_for_each_reason_there_is() {
    type Row = (fn(&mut Inventory), &'static str);
    let rows: &[Row] = &[
        (|it| drop(old(it).tags.insert(tag::EXPIRES.into(), "2026-11-22".into())), "kept until 2026-11-22"),
        (|it| drop(old(it).tags.insert(tag::EXPIRES.into(), "soon".into())), "no date"),
        (|it| drop(old(it).tags.remove(tag::EXPIRES)), "no date until when"),
        (|it| drop(old(it).tags.insert(tag::HOLD.into(), "audit".into())), "audit"),
        (|it| drop(old(it).tags.remove(tag::RUN)), "not made or kept by redress"),
        (|it| drop(old(it).tags.remove(tag::REPLACED_BY)), "what replaced it"),
        (|it| old(it).state = "in-use".into(), "attached to nothing"),
        (|it| it.region_mut(R).volumes.get_mut("vol-new").unwrap().encrypted = false, "not encrypted"),
        (|it| new(it).attachments.clear(), "attached to 0 instances"),
        (|it| new(it).attachments[0].state = "attaching".into(), "is attaching"),
        // States that AWS may add later prove nothing.
        (|it| new(it).attachments[0].state = "moving".into(), "is moving"),
        (|it| it.region_mut(R).instances.get_mut("i-1").unwrap().state = "resuming".into(), "is resuming"),
        (
            |it| it.region_mut(R).instances.get_mut("i-1").unwrap().devices[0].status = "moving".into(),
            "disks",
        ),
        (|it| old(it).state = "migrating".into(), "attached to nothing"),
        (|it| new(it).attachments[0].device = "/dev/sdf".into(), "name another place"),
        (|it| new(it).attachments[0].instance_id = "i-2".into(), "name another place"),
        (
            |it| new(it).attached_at = Some("2026-10-22T09:00:00Z".parse().unwrap()),
            "before vol-new was attached at",
        ),
        (
            |it| it.region_mut(R).keys.get_mut(KEY).unwrap().key_state = "PendingDeletion".into(),
            "is PendingDeletion",
        ),
        (|it| it.region_mut(R).keys.get_mut(KEY).unwrap().key_state = "Disabled".into(), "is Disabled"),
        (|it| it.region_mut(R).instances.get_mut("i-1").unwrap().state = "stopped".into(), "is stopped"),
        (|it| it.region_mut(R).instances.get_mut("i-1").unwrap().devices.clear(), "among its disks"),
        (
            |it| drop(it.region_mut(R).volumes.items.insert("vol-new".into(), Fact::Absent)),
            "only one that holds its data",
        ),
        (
            |it| {
                it.region_mut(R).instance_statuses.get_mut("i-1").unwrap().instance_status = "impaired".into()
            },
            "its instance status is impaired",
        ),
        (|it| status(it).system_status = "initializing".into(), "its system status is initializing"),
        (|it| status(it).system_status = "not-applicable".into(), "its system status is not-applicable"),
        (
            |it| status(it).instance_status = "insufficient-data".into(),
            "its instance status is insufficient-data",
        ),
        (|it| status(it).attached_ebs_status = "impaired".into(), "its attached EBS status is impaired"),
        (|it| status(it).attached_ebs_status.clear(), "its attached EBS status is not known"),
    ];
    for (change, word) in rows {
        let mut it = account();
        change(&mut it);
        let said = propose(&it, &it.owner.volume(R, "vol-old"));
        assert!(matches!(&said, Err(Refusal::Refused(why)) if why.contains(word)), "{word}: {said:?}");
    }
}

#[test]
fn what_is_not_known_stays() {
    let mut it = account();
    it.region_mut(R).volumes.reads.clear();
    it.region_mut(R).volumes.items.remove("vol-new");
    assert!(matches!(propose(&it, &it.owner.volume(R, "vol-old")), Err(Refusal::Unknown(_))));
    let mut it = account();
    it.region_mut(R).instance_statuses.items.clear();
    assert!(matches!(propose(&it, &it.owner.volume(R, "vol-old")), Err(Refusal::Unknown(_))));
    for forget in [
        (|it| it.region_mut(R).keys.items.clear()) as fn(&mut Inventory),
        |it| it.region_mut(R).instances.items.clear(),
        |it| new(it).attached_at = None,
        |it| new(it).kms_key_id = None,
    ] {
        let mut it = account();
        forget(&mut it);
        assert!(matches!(propose(&it, &it.owner.volume(R, "vol-old")), Err(Refusal::Unknown(_))));
    }
    let mut it = account();
    it.region_mut(R).snapshots.reads.clear();
    assert!(
        matches!(propose(&it, &it.owner.snapshot(R, "snap-1")), Err(Refusal::Unknown(_))),
        "other backups were not listed"
    );
}

#[test]
fn the_last_completed_backups_stay_whatever_their_date() {
    let it = account();
    let may_go = |it: &Inventory, n: u8| propose(it, &it.owner.snapshot(R, &format!("snap-{n}"))).is_ok();
    assert_eq!(
        [1, 2, 3, 4].map(|n| may_go(&it, n)),
        [true, false, false, true],
        "two are kept; the failed one is no backup"
    );
    let mut it = account();
    for n in [1, 2, 3] {
        it.region_mut(R).snapshots.get_mut(&format!("snap-{n}")).unwrap().state = "error".into();
    }
    assert_eq!([1, 2, 3, 4].map(|n| may_go(&it, n)), [false; 4], "none is completed");
}

#[test]
fn a_set_counts_as_completed_only_when_all_its_members_are() {
    let mut it = account();
    let mut member = it.region_mut(R).snapshots.get("snap-3").known().copied().unwrap().clone();
    (member.id, member.state) = ("snap-3b".into(), "pending".into());
    it.region_mut(R).snapshots.put("snap-3b", member);
    assert!(
        matches!(propose(&it, &it.owner.snapshot(R, "snap-1")), Err(Refusal::Refused(_))),
        "only two sets are completed, and two are kept"
    );
}

#[test]
fn candidates_are_all_that_redress_dated_each_with_its_answer() {
    let it = account();
    let found = candidates(&it, R, it.read_at);
    let may: Vec<&str> = found.iter().filter(|(_, r)| r.is_ok()).map(|(id, _)| id.id()).collect();
    assert_eq!((found.len(), may), (5, vec!["snap-1", "snap-4", "vol-old"]));
    assert!(candidates(&it, "eu-west-1", it.read_at).is_empty());
}

#[test]
fn a_snapshot_is_judged_by_what_became_of_its_source() {
    let place = [(tag::SOURCE, "vol-old"), (tag::INSTANCE, "i-1")];
    let fresh = || {
        let mut it = account();
        left(&mut it, "snap-final", "vol-old", false, &[(tag::INSTANCE, "i-1")]);
        left(&mut it, "snap-copy", "vol-old", true, &place);
        it
    };
    let says =
        |it: &Inventory| ["snap-final", "snap-copy"].map(|id| propose(it, &it.owner.snapshot(R, id)).is_ok());
    assert_eq!(says(&fresh()), [true, true]);
    let mut pruned = fresh();
    pruned.region_mut(R).volumes.items.remove("vol-old");
    assert_eq!(says(&pruned), [true, true], "the old volume went first");
    for spoil in [
        (|it| it.region_mut(R).keys.get_mut(KEY).unwrap().key_state = "PendingDeletion".into())
            as fn(&mut Inventory),
        |it| it.region_mut(R).instances.get_mut("i-1").unwrap().state = "stopped".into(),
        |it| status(it).attached_ebs_status = "impaired".into(),
        |it| drop(it.region_mut(R).volumes.items.remove("vol-new")),
    ] {
        let mut it = fresh();
        spoil(&mut it);
        assert_eq!(says(&it), [false, false]);
    }
    let mut unread = fresh();
    unread.region_mut(R).volumes.reads.clear();
    assert!(matches!(propose(&unread, &unread.owner.snapshot(R, "snap-final")), Err(Refusal::Unknown(_))));
    let mut rolled_back = fresh();
    rolled_back.region_mut(R).volumes.items.remove("vol-new");
    old(&mut rolled_back).tags = Tags::new();
    assert_eq!(says(&rolled_back), [true, true], "it was never replaced, and is there");
}

#[test]
fn of_a_disk_that_was_never_attached_one_unencrypted_copy_stays() {
    let says = |it: &Inventory| {
        let snapshots = ["snap-plain", "snap-copy"].map(|id| propose(it, &it.owner.snapshot(R, id)).is_ok());
        (propose(it, &it.owner.volume(R, "vol-loose")).is_ok(), snapshots)
    };
    assert_eq!(
        says(&detached()),
        (true, [false, true]),
        "the unencrypted snapshot stays, so the old volume may go"
    );
    let mut it = detached();
    it.region_mut(R).snapshots.items.remove("snap-plain");
    assert!(!says(&it).0, "the old volume is the last unencrypted copy");
    let mut it = detached();
    it.region_mut(R).keys.get_mut(KEY).unwrap().key_state = "Disabled".into();
    assert_eq!(says(&it), (false, [false, false]));
    let mut it = detached();
    let attachments = vec![Attachment {
        instance_id: "i-1".into(),
        device: "/dev/sdf".into(),
        state: "attached".into(),
        ..Attachment::default()
    }];
    let devices = Device {
        device_name: "/dev/sdf".into(),
        volume_id: "vol-new2".into(),
        status: "attached".into(),
        ..Device::default()
    };
    it.region_mut(R).instances.get_mut("i-1").unwrap().devices.push(devices);
    let new = it.region_mut(R).volumes.get_mut("vol-new2").unwrap();
    (new.attachments, new.state, new.attached_at) =
        (attachments, "in-use".into(), Some("2026-11-01T00:00:00Z".parse().unwrap()));
    assert_eq!(
        says(&it),
        (false, [false, false]),
        "it was made before the last start, and attached only since"
    );
    it.region_mut(R).instances.get_mut("i-1").unwrap().launch_time =
        Some("2026-11-02T00:00:00Z".parse().unwrap());
    assert_eq!(says(&it), (true, [true, true]), "its instance was started with it, and is well");
}

#[test]
fn a_snapshot_stays_while_an_image_or_a_lock_holds_it_or_that_cannot_be_told_and_the_bin_is_named() {
    let says = |removal: Option<Removal>| {
        let mut it = account();
        let removals = &mut it.region_mut(R).removals;
        match removal {
            Some(removal) => removals.put("snap-1", removal),
            None => removals.read(&Selector::All, Fact::unknown("AccessDenied")),
        }
        propose(&it, &it.owner.snapshot(R, "snap-1"))
    };
    let none = || Fact::Known(Vec::new());
    let free = || Removal {
        images: none(),
        lock: Fact::Absent,
        shared: none(),
        rules: Fact::Known(Vec::new()),
        in_bin: Fact::Known(false),
        ..Removal::default()
    };
    let image = Removal { images: Fact::Known(vec!["ami-1".into()]), ..free() };
    assert!(matches!(says(Some(image)), Err(Refusal::Refused(why)) if why.contains("ami-1")));
    let locked = Removal { lock: Fact::Known("governance".into()), ..free() };
    assert!(matches!(says(Some(locked)), Err(Refusal::Refused(why)) if why.contains("locked (governance)")));
    for (with, words) in [
        (vec!["111122223333", "all"], "shared with the account 111122223333 and everybody"),
        (vec!["all"], "shared with everybody"),
    ] {
        let shared = Removal { shared: Fact::Known(with.into_iter().map(str::to_owned).collect()), ..free() };
        assert!(matches!(says(Some(shared)),
                Err(Refusal::Refused(why)) if why.contains(words) && why.contains("reset-snapshot-attribute")));
    }
    let unread = || Fact::unknown("AccessDenied");
    let denied = [
        Removal { images: Fact::unknown("AccessDenied"), ..free() },
        Removal { lock: Fact::unknown("AccessDenied"), ..free() },
        Removal { shared: unread(), ..free() },
    ];
    for unknown in denied.map(Some).into_iter().chain([None]) {
        assert!(matches!(says(unknown), Err(Refusal::Unknown(why)) if why.contains("AccessDenied")));
    }
    let rule = BinRule { id: "rule-1".into(), days: 14, ..BinRule::default() };
    for (removal, word) in [
        (free(), "gone for good"),
        (
            Removal { rules: Fact::Known(vec![rule]), ..free() },
            "recoverable for 14 days after the deletion: the rule rule-1",
        ),
        (Removal { rules: Fact::unknown("AccessDenied"), ..free() }, "cannot be told"),
    ] {
        let impact = says(Some(removal)).unwrap().impact.join("; ");
        assert!(impact.contains(word), "{impact}");
    }
}

#[test]
fn what_was_deleted_is_restored_from_the_bin_only_while_it_is_known_to_be_there() {
    let mut it = account();
    let gone = it.owner.snapshot(R, "snap-9");
    let mut says = |in_bin| {
        it.region_mut(R).removals.put("snap-9", Removal { in_bin, ..Removal::default() });
        in_bin_now(&gone, &it)
    };
    assert_eq!(says(Fact::Known(true)), Ok(()));
    assert!(says(Fact::Known(false)).unwrap_err().contains("not in the Recycle Bin"));
    assert!(says(Fact::unknown("AccessDenied")).unwrap_err().contains("AccessDenied"));
    let act = restore(&Call::new("ec2", R, "DeleteSnapshot", json!({ "SnapshotId": "snap-9" }))).unwrap();
    assert_eq!((act.call.operation.as_str(), act.before.len()), ("RestoreSnapshotFromRecycleBin", 1));
    assert!(restore(&Call::new("ec2", R, "CreateTags", json!({}))).is_none());
}
