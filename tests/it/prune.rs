//! `redress prune` through the program on an emulator, with boto3 as the witness and as the clock: it sets
//! the day in `redress:expires` back.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{ci::walk, clinic_desk::Desk};

/// The time of all that a run kept has passed, but that of the snapshots taken while the instance was
/// running. One old volume is held, and the volume that took the place of another does not say so any more.
/// Instances that were off are started by their owner. Prints what may go: of a disk that was never attached
/// the unencrypted snapshot stays.
const PASSED: &str = r#"
import boto3, json
ec2 = boto3.client("ec2")
tags = lambda thing: {t["Key"]: t["Value"] for t in thing.get("Tags", [])}
volumes = {v["VolumeId"]: tags(v) for v in ec2.describe_volumes()["Volumes"]}
snapshots = {s["SnapshotId"]: tags(s) for s in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]}
kept = {i: t for i, t in {**volumes, **snapshots}.items() if "redress:expires" in t}
due = {i for i, t in kept.items() if not t["redress:step"].endswith("/warm")}
ec2.create_tags(Resources=sorted(due), Tags=[{"Key": "redress:expires", "Value": "2020-01-01"}])
of_volume = lambda name: next(i for i, t in volumes.items() if "redress:replaced-by" in t and (t.get("Name") == name or name in t.get("redress:device", "")))
held, orphan = of_volume("/dev/sdf"), of_volume("loose")
ec2.create_tags(Resources=[held], Tags=[{"Key": "redress:hold", "Value": "for the auditors"}])
ec2.delete_tags(Resources=[volumes[orphan]["redress:replaced-by"]], Tags=[{"Key": "redress:source"}])
taken_of = {s["SnapshotId"]: tags(s).get("redress:source", s["VolumeId"]) for s in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]}
plain = {s["SnapshotId"] for s in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"] if not s["Encrypted"]}
loose = {i for i, t in volumes.items() if "redress:replaced-by" in t and "redress:instance" not in t}
shared = sorted(i for i in due & set(snapshots))[0]
ec2.modify_snapshot_attribute(SnapshotId=shared, Attribute="createVolumePermission", OperationType="add", UserIds=["111122223333"])
stays = {shared} | {i for i in due & set(snapshots) if taken_of[i] == orphan or taken_of[i] in loose and i in plain} | {held, orphan}
ec2.start_instances(InstanceIds=[i["InstanceId"] for r in ec2.describe_instances()["Reservations"] for i in r["Instances"] if i["State"]["Name"] == "stopped"])
print(json.dumps({"go": sorted(due - stays), "kept": sorted(set(kept) - due | stays)}))
"#;

fn ids(value: &Value) -> BTreeSet<String> {
    value.as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_owned()).collect()
}

/// The resources of a plan's or a run's changes.
fn resources<'a>(changes: impl Iterator<Item = &'a Value>) -> BTreeSet<String> {
    changes.map(|c| c["resource"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()).collect()
}

/// Volumes and snapshots by their ids.
fn there(desk: &Desk) -> BTreeSet<String> {
    let region = &desk.look(&["us-east-1"])["regions"]["us-east-1"];
    ["volumes", "snapshots"]
        .iter()
        .flat_map(|kind| region[kind].as_object().unwrap().keys().cloned())
        .collect()
}

#[test]
fn prune_deletes_what_has_expired_and_is_still_what_was_kept_and_nothing_else() {
    let (desk, _) = Desk::seeded(include_str!("clinic_seed.py"));
    // The longest way keeps the most.
    desk.ends(
        0,
        "apply --check ebs-volume-unencrypted --set encrypt-volumes.via=copy --auto-approve --max-risk \
         disruptive --quiet",
    );
    let early = desk.ends(0, "prune --format json");
    assert_eq!(early.json()["changes"].as_array().unwrap().len(), 0, "nothing has expired");
    assert!(early.err.contains("is kept until"), "{}", early.err);

    let passed: Value = serde_json::from_str(&desk.moto.python(&desk.keys, PASSED)).unwrap();
    let (mut go, kept) = (ids(&passed["go"]), ids(&passed["kept"]));
    assert!(go.len() > 5 && kept.len() >= 4, "{passed}");
    let before = there(&desk);
    let planned = desk.ends(0, "prune --format json");
    assert_eq!(resources(planned.json()["changes"].as_array().unwrap().iter()), go, "{}", planned.err);
    let refused = desk.ends(4, "prune --auto-approve");
    assert!(refused.err.contains("--allow-irreversible prune"), "{}", refused.err);
    desk.ends(0, "prune -o prune.json");
    assert_eq!(there(&desk), before, "nothing is deleted without the flag");

    // Between plan and apply somebody holds one of them.
    let late = go.iter().find(|id| id.starts_with("snap-")).unwrap().clone();
    desk.moto.python(
        &desk.keys,
        &format!(
            "import boto3\nboto3.client('ec2').create_tags(Resources=['{late}'], Tags=[{{'Key': \
             'redress:hold', 'Value': ''}}])"
        ),
    );
    go.remove(&late);
    let run = desk.ends(4, "apply prune.json --auto-approve --allow-irreversible prune --format json").json();
    let verified = run["changes"].as_array().unwrap().iter().filter(|c| c["outcome"] == "verified");
    assert_eq!(resources(verified), go, "{run:#}");
    let after = there(&desk);
    assert_eq!(before.difference(&after).cloned().collect::<BTreeSet<_>>(), go, "boto3: just these are gone");
    assert!(kept.is_subset(&after) && after.contains(&late));

    let journals = walk(&desk.path("state"))
        .into_iter()
        .filter(|p| p.ends_with("journal.jsonl"))
        .map(|p| std::fs::read_to_string(p).unwrap());
    let journal: String = journals.filter(|text| text.contains("\"DeleteVolume\"")).collect();
    assert!(go.iter().all(|id| journal.contains(id)), "every deletion stands in the journal");
    // The emulator has no Recycle Bin: nothing is in it.
    let undo = desk.ends(4, "undo last --auto-approve --max-risk disruptive");
    assert!(
        go.iter().all(|id| undo.err.contains(&format!("{id} is not in the Recycle Bin"))),
        "{}",
        undo.err
    );
    assert_eq!(there(&desk), after);
}

#[test]
fn prune_deletes_nothing_of_an_instance_whose_key_is_to_be_deleted_or_that_is_off() {
    let (desk, _) = Desk::seeded(include_str!("clinic_seed.py"));
    desk.ends(0, "apply --check ebs-volume-unencrypted --auto-approve --max-risk disruptive --quiet");
    desk.moto.python(&desk.keys, PASSED);
    let planned =
        || resources(desk.ends(0, "prune --format json").json()["changes"].as_array().unwrap().iter());
    assert!(!planned().is_empty());
    let before = there(&desk);
    desk.ends(0, "prune -o prune.json");
    // A week before the key is gone it opens nothing any more.
    let keys = desk.moto.python(
        &desk.keys,
        r#"
import boto3
ec2, kms = boto3.client("ec2"), boto3.client("kms")
keys = {v["KmsKeyId"].split("/")[-1] for v in ec2.describe_volumes()["Volumes"] if v["Encrypted"]}
for key in keys: kms.schedule_key_deletion(KeyId=key)
print(len(keys))
"#,
    );
    assert_ne!(keys.trim(), "0");
    assert_eq!(planned(), BTreeSet::new());
    desk.ends(4, "apply prune.json --auto-approve --allow-irreversible prune --format json");
    assert_eq!(there(&desk), before, "a plan from before the key was to go deletes nothing either");
    desk.moto.python(
        &desk.keys,
        r#"
import boto3
ec2, kms = boto3.client("ec2"), boto3.client("kms")
for key in {v["KmsKeyId"].split("/")[-1] for v in ec2.describe_volumes()["Volumes"] if v["Encrypted"]}:
    kms.cancel_key_deletion(KeyId=key)
    kms.enable_key(KeyId=key)
ec2.stop_instances(InstanceIds=[i["InstanceId"] for r in ec2.describe_instances()["Reservations"] for i in r["Instances"]])
"#,
    );
    let disks = |ids: BTreeSet<String>| ids.into_iter().filter(|id| id.starts_with("vol-")).count();
    assert!(disks(planned()) <= 1, "only what was never attached: {:?}", planned());
}
