//! The resources and conditions to which policies are bound, compared with examples.
use super::*;
use crate::calls::{SPECS, reference};

fn owner() -> Owner {
    Owner { partition: "aws".to_owned(), account: "123456789012".to_owned() }
}

fn grants(service: &str, operation: &str, input: Value) -> Vec<Grant> {
    of_call(&Call::new(service, "us-east-1", operation, input), &owner(), Used::Called)
}

fn policy(grants: &[Grant]) -> Value {
    serde_json::to_value(Policy::of(grants)).unwrap()["Statement"].clone()
}

#[test]
fn what_redress_made_is_deleted_only_with_its_tag() {
    let made = policy(&grants(
        "ec2",
        "DeleteVolume",
        json!({ "VolumeId": reference::output("volume-1", "VolumeId") }),
    ));
    assert_eq!(made[0]["Resource"], json!(["arn:aws:ec2:us-east-1:123456789012:volume/*"]));
    assert_eq!(made[0]["Condition"], json!({ "StringLike": { "aws:ResourceTag/redress:run": "*" } }));
}

#[test]
fn an_instance_stands_by_its_arn_and_a_volume_to_come_by_its_tag() {
    let input = json!({ "VolumeId": reference::output("volume-1", "VolumeId"), "InstanceId": "i-1",
        "Device": "/dev/xvda" });
    let made = policy(&grants("ec2", "AttachVolume", input));
    assert_eq!(made.as_array().unwrap().len(), 2, "{made:#}");
    assert!(
        made.as_array()
            .unwrap()
            .iter()
            .any(|s| s["Resource"] == json!(["arn:aws:ec2:us-east-1:123456789012:instance/i-1"])
                && s.get("Condition").is_none())
    );
}

#[test]
fn a_role_is_passed_to_flow_logs_alone_and_logs_are_delivered_by_the_role() {
    let input = json!({ "ResourceIds": ["vpc-1"], "LogDestinationType": "cloud-watch-logs",
        "DeliverLogsPermissionArn": "arn:aws:iam::123456789012:role/deliver" });
    let all = grants("ec2", "CreateFlowLogs", input);
    let pass = all.iter().find(|g| g.action == "iam:PassRole").unwrap();
    assert_eq!(
        pass.condition,
        json!({ "StringEquals": { "iam:PassedToService": "vpc-flow-logs.amazonaws.com" } })
    );
    assert!(pass.resources.contains("arn:aws:iam::123456789012:role/deliver"));
    assert!(
        !all.iter().any(|g| g.action == "logs:CreateLogDelivery" || g.action == "ec2:CreateTags"),
        "{all:?}"
    );
    let to_s3 =
        grants("ec2", "CreateFlowLogs", json!({ "ResourceIds": ["vpc-1"], "LogDestinationType": "s3" }));
    assert!(
        to_s3.iter().any(|g| g.action == "logs:CreateLogDelivery")
            && !to_s3.iter().any(|g| g.action == "iam:PassRole")
    );
}

#[test]
fn tags_are_set_by_the_call_that_makes_and_on_nothing_else() {
    let all = grants(
        "ec2",
        "CreateSnapshots",
        json!({ "InstanceSpecification": { "InstanceId": "i-1" }, "TagSpecifications": [] }),
    );
    let tags = all.iter().find(|g| g.action == "ec2:CreateTags").unwrap();
    assert_eq!(tags.condition, json!({ "StringEquals": { "ec2:CreateAction": "CreateSnapshots" } }));
    assert_eq!(tags.resources, BTreeSet::from(["arn:aws:ec2:us-east-1::snapshot/*".to_owned()]));
}

#[test]
fn operations_of_s3_have_actions_of_other_names() {
    let one = |operation| grants("s3", operation, json!({ "Bucket": "b" }))[0].clone();
    assert_eq!(one("PutBucketEncryption").action, "s3:PutEncryptionConfiguration");
    assert_eq!(one("PutPublicAccessBlock").action, "s3:PutBucketPublicAccessBlock");
    assert_eq!(one("PutBucketPolicy").resources, BTreeSet::from(["arn:aws:s3:::b".to_owned()]));
}

#[test]
fn the_standing_policies_allow_every_call_and_every_reading() {
    let writes = Policy::of(&all_writes(&owner()));
    for spec in SPECS {
        assert!(writes.actions().contains(spec.action().as_str()), "{}", spec.operation);
        assert!(
            spec.permissions.iter().all(|also| writes.actions().contains(also.action)),
            "{}",
            spec.operation
        );
    }
    let reads = Policy::of(&all_reads());
    let written: Vec<&str> = reads
        .actions()
        .into_iter()
        .filter(|a| {
            !["Describe", "Get", "List", "Lookup"].iter().any(|w| a.split(':').nth(1).unwrap().starts_with(w))
        })
        .collect();
    // AWS makes reports for them, or simulates decisions, and nothing else in the account changes.
    assert_eq!(
        written,
        [
            "iam:GenerateCredentialReport",
            "iam:GenerateServiceLastAccessedDetails",
            "iam:SimulatePrincipalPolicy"
        ]
    );
    assert!(reads.actions().contains("cloudtrail:LookupEvents"));
}

#[test]
fn reads_of_trails_and_keys_are_not_bound_to_the_account() {
    use crate::inventory::FamilyKind;
    for kind in [FamilyKind::Trails, FamilyKind::Keys, FamilyKind::KeyPolicies] {
        let any = super::reads::any_of(kind, &owner());
        assert!(any.starts_with("arn:aws:") && !any.contains("123456789012"), "{any}");
    }
    assert!(super::reads::any_of(FamilyKind::LogGroups, &owner()).contains("123456789012"));
}
