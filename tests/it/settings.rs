//! Remedies that are one setting, through the built program on an emulator, with boto3 as the witness: found, planned, set, proved and set back.

use serde_json::{Value, json};

use crate::clinic_desk::Desk;

const SEED: &str = r#"
import json
import boto3

ec2 = boto3.client("ec2", region_name="us-east-1")
ec2.enable_ebs_encryption_by_default()
for subnet in ec2.describe_subnets()["Subnets"]:
    ec2.modify_subnet_attribute(SubnetId=subnet["SubnetId"], MapPublicIpOnLaunch={"Value": False})
vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.9.{n}.0/24", AvailabilityZone="us-east-1a")["Subnet"]["SubnetId"] for n in (1, 2)]
for subnet, value in zip(subnets, (True, False)):
    ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": value})
print(json.dumps({"public": subnets[0], "private": subnets[1]}))
"#;

const LOOK: &str = r#"
import json
import boto3

ec2 = boto3.client("ec2", region_name="us-east-1")
print(json.dumps({s["SubnetId"]: s["MapPublicIpOnLaunch"] for s in ec2.describe_subnets()["Subnets"]}))
"#;

fn shown(desk: &Desk) -> Value {
    serde_json::from_str(&desk.python(LOOK, "")).unwrap()
}

#[test]
fn a_subnet_gives_out_no_public_addresses_any_more_and_does_again_after_an_undo() {
    let (desk, seed) = Desk::seeded(SEED);
    let (public, private) = (seed["public"].as_str().unwrap(), seed["private"].as_str().unwrap());
    let before = shown(&desk);
    let scan = desk.ends(0, "scan --region us-east-1 --check subnet-auto-public-ip --format json").json();
    let found: Vec<&Value> = scan["findings"].as_array().unwrap().iter().map(|finding| &finding["resource"]["id"]).collect();
    assert_eq!(found, [public]);
    desk.ends(0, "plan --region us-east-1 --check subnet-auto-public-ip -o plan.json");
    desk.ends(0, "apply plan.json --auto-approve --max-risk disruptive");
    let after = shown(&desk);
    assert_eq!((&after[public], &after[private]), (&json!(false), &json!(false)));
    desk.ends(0, "verify last");
    desk.ends(0, "undo last --auto-approve --max-risk disruptive");
    assert_eq!(shown(&desk), before, "everything is as it was");
}

#[test]
fn encryption_by_default_is_not_turned_on_under_a_key_that_is_not_known() {
    let (desk, _) = Desk::seeded(SEED);
    desk.python("import boto3; boto3.client('ec2', region_name='us-east-1').disable_ebs_encryption_by_default()", "");
    // The emulator has no GetEbsDefaultKmsKeyId, so that the finding is shown and nothing is planned.
    let plan = desk.ends(4, "plan --region us-east-1 --check ebs-default-encryption-off --format json").json();
    assert_eq!(plan["changes"], json!([]));
    let reason = plan["skipped"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("default key"), "{reason}");
}
