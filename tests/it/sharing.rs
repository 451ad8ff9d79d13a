//! Sharing with everybody, through the built program on an emulator, with boto3 as the witness. The emulator has
//! no block on public snapshots, so the tests' own server has one that refuses what AWS refuses.

use std::fs;

use serde_json::{Value, json};

use crate::clinic_desk::Desk;

const SEED: &str = r#"
import json
import boto3

ec2 = boto3.client("ec2", region_name="us-east-1")
ec2.disable_snapshot_block_public_access()
volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
def snapshot(*users, **tags):
    pairs = [{"Key": k, "Value": v} for k, v in tags.items()]
    more = {"TagSpecifications": [{"ResourceType": "snapshot", "Tags": pairs}]} if pairs else {}
    id = ec2.create_snapshot(VolumeId=volume, **more)["SnapshotId"]
    for user in users:
        named = {"GroupNames": [user]} if user == "all" else {"UserIds": [user]}
        ec2.modify_snapshot_attribute(SnapshotId=id, Attribute="createVolumePermission", OperationType="add", **named)
    return id
ids = {"public": snapshot("all", "999988887777"), "partner": snapshot("999988887777"), "private": snapshot()}
"#;

const MANAGED: &str = r#"
ids["stack"] = snapshot("all", **{"aws:cloudformation:stack-id": "arn:aws:cloudformation:us-east-1:1:stack/s/1"})
"#;

const PRINTED: &str = "print(json.dumps(ids))\n";

/// Who may use each snapshot, and the state of the block.
const SHOWN: &str = r#"
import json
import boto3

ec2 = boto3.client("ec2", region_name="us-east-1")
own = boto3.client("sts", region_name="us-east-1").get_caller_identity()["Account"]
all = {s["SnapshotId"]: ec2.describe_snapshot_attribute(SnapshotId=s["SnapshotId"], Attribute="createVolumePermission")["CreateVolumePermissions"]
       for s in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"] if s["OwnerId"] == own}
all["block"] = ec2.get_snapshot_block_public_access_state()["State"]
print(json.dumps(all))
"#;

fn shown(desk: &Desk) -> Value {
    serde_json::from_str(&desk.python(SHOWN, "")).unwrap()
}

fn found<'s>(scan: &'s Value, check: &str) -> Vec<&'s str> {
    let findings = scan["findings"].as_array().unwrap().iter();
    findings.filter(|f| f["check"] == check).map(|f| f["resource"]["id"].as_str().unwrap()).collect()
}

const BOTH: &str = "--region us-east-1 --check snapshot-public --check snapshot-public-access-not-blocked";

#[test]
fn a_snapshot_is_taken_from_everybody_before_the_block_and_given_back_after_it() {
    let (desk, seed) = Desk::seeded(&format!("{SEED}{PRINTED}"));
    let public = seed["public"].as_str().unwrap();
    let before = shown(&desk);
    assert_eq!(before["block"], "unblocked");
    let scan = desk.ends(0, &format!("scan {BOTH} --format json")).json();
    assert_eq!(found(&scan, "snapshot-public"), [public], "accounts that are named are no finding");
    let block = found(&scan, "snapshot-public-access-not-blocked");
    assert_eq!(block, ["snapshot-block-public-access"]);
    let plan = desk.ends(0, &format!("plan {BOTH} -o plan.json --format json")).json();
    assert_eq!(shown(&desk), before, "a plan changes nothing");
    let changes = plan["changes"].as_array().unwrap();
    let actions: Vec<&str> = changes.iter().map(|change| change["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["unshare-snapshot", "block-public-snapshots"]);
    assert_eq!(changes[1]["after"], json!([changes[0]["id"]]));
    assert!(changes[0]["impact"].to_string().contains("999988887777"), "{}", changes[0]["impact"]);
    assert_eq!(plan["rehearsal"]["undo_restores"], true, "{}", plan["rehearsal"]);
    desk.ends(0, "apply plan.json --auto-approve --max-risk disruptive");
    let mut expected = before.clone();
    expected[public] = json!([{ "UserId": "999988887777" }]);
    expected["block"] = json!("block-all-sharing");
    assert_eq!(shown(&desk), expected, "the grant, the block, and nothing else");
    desk.ends(0, "verify last");
    // The grant alone cannot come back while the block stands on it.
    desk.ends(4, "undo last --change c1 --auto-approve --max-risk disruptive");
    assert_eq!(shown(&desk), expected);
    desk.ends(0, "undo last --auto-approve --max-risk disruptive");
    assert_eq!(shown(&desk), before, "everything is as it was");
}

#[test]
fn the_block_takes_nothing_from_everybody_by_itself_and_waits_for_what_is_refused() {
    let (desk, seed) = Desk::seeded(&format!("{SEED}{}{PRINTED}", MANAGED));
    let before = shown(&desk);
    let check = "--region us-east-1 --check snapshot-public-access-not-blocked";
    let refused = |options: &str| {
        let plan = desk.ends(4, &format!("plan {options} --format json")).json();
        let skipped = plan["skipped"].as_array().unwrap().iter();
        let mut of_block =
            skipped.filter(|one| one["finding"]["check"] == "snapshot-public-access-not-blocked");
        let changes = plan["changes"].as_array().unwrap().iter();
        assert!(changes.clone().all(|change| change["action"] != "block-public-snapshots"), "{plan}");
        (changes.count(), of_block.next().unwrap()["reason"].as_str().unwrap().to_owned())
    };
    let (changes, reason) = refused(&format!("{check} --include-managed"));
    assert_eq!(changes, 0, "{reason}");
    assert!(reason.contains("for a finding of its own"), "{reason}");
    let (changes, reason) = refused(BOTH);
    assert_eq!(changes, 1, "the other snapshot, and no block");
    assert!(
        reason.contains("CloudFormation") && reason.contains(seed["stack"].as_str().unwrap()),
        "{reason}"
    );
    // A public snapshot that somebody lets stay is not taken from everybody for the block, either.
    let public = seed["public"].as_str().unwrap();
    let waiver = format!(
        "[[waiver]]\ncheck = \"snapshot-public\"\nresource = \"{public}\"\nreason = \"samples\"\nwho = \
         \"ann\"\nuntil = 2099-12-31\n"
    );
    fs::write(desk.path("waivers.toml"), waiver).unwrap();
    let (changes, reason) = refused(&format!("{BOTH} --include-managed --waivers waivers.toml"));
    assert_eq!(changes, 1, "the one of the stack: {reason}");
    assert!(reason.contains(public) && reason.contains("for a finding of its own"), "{reason}");
    desk.ends(0, &format!("plan {BOTH} --include-managed -o plan.json"));
    desk.ends(0, "apply plan.json --include-managed --auto-approve --max-risk disruptive");
    let after = shown(&desk);
    assert_eq!(
        (&after[seed["stack"].as_str().unwrap()], &after["block"]),
        (&json!([]), &json!("block-all-sharing"))
    );
    desk.ends(0, "undo last --auto-approve --max-risk disruptive");
    assert_eq!(shown(&desk), before);
}

#[test]
fn where_only_new_sharing_is_to_be_blocked_what_is_public_stays() {
    let (desk, _) = Desk::seeded(&format!("{SEED}{PRINTED}"));
    let before = shown(&desk);
    fs::create_dir(desk.path("books")).unwrap();
    let mine = include_str!("../../playbooks/public-snapshots-block.toml")
        .replace("# [check]", "[check]")
        .replace("# state =", "state =");
    assert!(mine.contains("\nstate = \"block-new-sharing\""), "{mine}");
    fs::write(desk.path("books/mine.toml"), mine).unwrap();
    let check = "--region us-east-1 --check snapshot-public-access-not-blocked --playbooks books";
    desk.ends(0, &format!("plan {check} -o plan.json"));
    desk.ends(0, "apply plan.json --playbooks books --auto-approve");
    let mut expected = before.clone();
    expected["block"] = json!("block-new-sharing");
    assert_eq!(shown(&desk), expected);
    let scan = desk.ends(0, &format!("scan {check} --format json")).json();
    assert_eq!(found(&scan, "snapshot-public-access-not-blocked"), Vec::<&str>::new());
    desk.ends(0, "verify last");
    desk.ends(0, "undo last --playbooks books --auto-approve --max-risk disruptive");
    assert_eq!(shown(&desk), before);
}

const IMAGES: &str = r#"
import json
import boto3

ec2 = boto3.client("ec2", region_name="us-east-1")
ec2.disable_image_block_public_access()
instance = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
def image(name, *users):
    id = ec2.create_image(Name=name, InstanceId=instance)["ImageId"]
    for user in users:
        named = {"Group": user} if user == "all" else {"UserId": user}
        ec2.modify_image_attribute(ImageId=id, LaunchPermission={"Add": [named]})
    return id
print(json.dumps({"public": image("workshop", "all", "999988887777"), "partner": image("tiles", "999988887777"), "private": image("app")}))
"#;

const SHOWN_IMAGES: &str = r#"
import json
import boto3

ec2 = boto3.client("ec2", region_name="us-east-1")
all = {i["ImageId"]: ec2.describe_image_attribute(ImageId=i["ImageId"], Attribute="launchPermission")["LaunchPermissions"]
       for i in ec2.describe_images(Owners=["self"])["Images"]}
all["block"] = ec2.get_image_block_public_access_state()["ImageBlockPublicAccessState"]
print(json.dumps(all))
"#;

#[test]
fn an_image_is_taken_from_everybody_before_the_block_and_given_back_after_it() {
    let (desk, seed) = Desk::seeded(IMAGES);
    let shown = |desk: &Desk| serde_json::from_str::<Value>(&desk.python(SHOWN_IMAGES, "")).unwrap();
    let public = seed["public"].as_str().unwrap();
    let before = shown(&desk);
    let both = "--region us-east-1 --check image-public --check image-public-access-not-blocked";
    let scan = desk.ends(0, &format!("scan {both} --format json")).json();
    assert_eq!(found(&scan, "image-public"), [public]);
    assert_eq!(found(&scan, "image-public-access-not-blocked"), ["image-block-public-access"]);
    let plan = desk.ends(0, &format!("plan {both} -o plan.json --format json")).json();
    assert_eq!(shown(&desk), before, "a plan changes nothing");
    let changes = plan["changes"].as_array().unwrap();
    assert_eq!(changes[1]["after"], json!([changes[0]["id"]]));
    // The emulator fails where it is asked for that.
    assert!(changes[0]["impact"].to_string().contains("the time of its last launch is not known"));
    desk.ends(0, "apply plan.json --auto-approve --max-risk disruptive");
    let mut expected = before.clone();
    expected[public] = json!([{ "UserId": "999988887777" }]);
    expected["block"] = json!("block-new-sharing");
    assert_eq!(shown(&desk), expected, "the grant, the block, and nothing else");
    desk.ends(0, "verify last");
    desk.ends(0, "undo last --auto-approve --max-risk disruptive");
    assert_eq!(by_text(shown(&desk)), by_text(before), "everything is as it was");
}

/// Lists of users in one order: emulators append what is given back.
fn by_text(mut all: Value) -> Value {
    for list in all.as_object_mut().unwrap().values_mut().filter_map(Value::as_array_mut) {
        list.sort_by_key(Value::to_string);
    }
    all
}
