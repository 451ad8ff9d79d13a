//! The laws that hold for every call: no panic whatever the input, no effect on an error, the same account
//! after the same calls, and no report of absence about resources that were not read.

use proptest::prelude::*;

use super::*;
use crate::{
    calls::SPECS,
    inventory::{Caller, Fact, FamilyKind, Inventory, Selector, Want},
    resource::Owner,
    twin::demo::OTHER,
};

#[test]
fn every_operation_of_the_registry_has_a_meaning_and_gives_no_undeclared_output() {
    for spec in SPECS {
        match try_in(&mut company(), spec.service, MAIN, spec.operation, json!({})) {
            Err(error) => assert_ne!(error.code, "InvalidAction", "{}", spec.operation),
            // It takes no input.
            Ok(outputs) => assert_eq!(outputs.len(), spec.outputs.len(), "{}", spec.operation),
        }
    }
    assert_eq!(
        error(try_in(&mut company(), "ec2", MAIN, "TerminateInstances", json!({}))).class,
        ErrorClass::Unsupported
    );
}

#[test]
fn a_member_that_aws_does_not_have_is_refused_by_every_operation() {
    for spec in SPECS {
        let outcome =
            try_in(&mut company(), spec.service, MAIN, spec.operation, json!({ "NoSuchMember": 1 }));
        let error = error(outcome);
        assert!(error.message.contains("NoSuchMember"), "{}: {error}", spec.operation);
        assert_eq!(error.class, ErrorClass::Semantic);
    }
}

/// Generates values that mean something to the twin, and some that do not.
fn word() -> impl Strategy<Value = Value> {
    let ids = ["sg", "sgr", "vol", "i", "snap", "vpc", "fl", "eni", "pl"];
    prop_oneof![
        (0..ids.len(), 1_u64..20).prop_map(move |(kind, n)| json!(id(ids[kind], n))),
        prop::sample::select(vec![
            "larkspur-audit",
            "larkspur-logs",
            "company-audit",
            "lab-flow-logs",
            "/larkspur/lab",
            "alias/aws/ebs",
            "alias/retired",
            "us-east-1",
            "us-east-1a",
            "gp3",
            "io2",
            "VPC",
            "ALL",
            "s3",
            "tcp",
            "-1",
            "0.0.0.0/0",
            "::/0",
            "/dev/xvda",
            "/dev/sdf",
            "volume",
            "snapshot",
            "arn:aws:s3:::larkspur-audit/x",
            "arn:aws:iam::123456789012:role/lab-flow-logs",
            "Enabled",
            "{\"Statement\":[{}]}",
            "",
            "aws:x",
            "é",
            "arn:",
            ":::",
        ])
        .prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(Value::Null),
    ]
}

const MEMBERS: &[&str] = &[
    "GroupId",
    "IpPermissions",
    "IpProtocol",
    "FromPort",
    "ToPort",
    "IpRanges",
    "CidrIp",
    "PrefixListIds",
    "PrefixListId",
    "SecurityGroupRuleIds",
    "TagSpecifications",
    "ResourceType",
    "Tags",
    "Key",
    "Value",
    "ResourceIds",
    "TrafficType",
    "LogDestinationType",
    "LogDestination",
    "LogGroupName",
    "DeliverLogsPermissionArn",
    "ClientToken",
    "FlowLogIds",
    "VolumeId",
    "InstanceSpecification",
    "InstanceId",
    "SourceRegion",
    "SourceSnapshotId",
    "SnapshotId",
    "Encrypted",
    "KmsKeyId",
    "AvailabilityZone",
    "Size",
    "VolumeType",
    "Iops",
    "Throughput",
    "Device",
    "InstanceIds",
    "BlockDeviceMappings",
    "DeviceName",
    "Ebs",
    "Resources",
    "logGroupName",
    "retentionInDays",
    "RoleName",
    "PolicyName",
    "PolicyDocument",
    "AssumeRolePolicyDocument",
    "Name",
    "S3BucketName",
    "S3KeyPrefix",
    "Bucket",
    "Policy",
    "Tagging",
    "TagSet",
    "VersioningConfiguration",
    "Status",
    "IsMultiRegionTrail",
];

fn input() -> impl Strategy<Value = Value> {
    word().prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(prop::sample::select(MEMBERS), inner, 0..8)
                .prop_map(|map| map.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()),
        ]
    })
}

/// Generates inputs that have the members which an operation requires, with any values.
fn shaped() -> impl Strategy<Value = (usize, Value)> {
    let asked: Vec<Vec<&'static str>> = SPECS
        .iter()
        .map(|s| MEMBERS.iter().copied().filter(|m| accepts(s.service, s.operation, m)).collect())
        .collect();
    (0..SPECS.len()).prop_flat_map(move |n| {
        let members = asked[n].clone();
        let values = prop::collection::vec(
            prop_oneof![4 => word(), 2 => word().prop_map(|w| json!([w])), 1 => input()],
            members.len(),
        );
        let kept = prop::collection::vec(prop::bool::weighted(0.8), members.len());
        (values, kept).prop_map(move |(values, kept)| {
            let pairs = members.iter().zip(values).zip(kept).filter(|(_, keep)| *keep);
            (n, pairs.map(|((k, v), _)| ((*k).to_owned(), v)).collect())
        })
    })
}

fn accepts(service: &str, operation: &str, member: &str) -> bool {
    let outcome = try_in(&mut company(), service, MAIN, operation, json!({ member: Value::Null }));
    !error(outcome).message.contains("unknown field")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_call_panics_whatever_its_input(n in 0..SPECS.len(), input in input()) {
        let mut twin = company();
        let _ = try_in(&mut twin, SPECS[n].service, MAIN, SPECS[n].operation, input);
        twin.pass(Duration::from_secs(3_600));
    }

    #[test]
    fn a_call_that_fails_has_done_nothing_and_one_that_succeeds_declares_its_outputs((n, input) in shaped()) {
        let mut twin = company();
        let before = twin.inventory();
        match try_in(&mut twin, SPECS[n].service, MAIN, SPECS[n].operation, input) {
            Ok(outputs) => prop_assert_eq!(outputs.keys().map(String::as_str).collect::<Vec<_>>(),
                SPECS[n].outputs),
            Err(_) => prop_assert_eq!(twin.inventory(), before),
        }
        twin.pass(Duration::from_secs(u64::MAX));
    }

    #[test]
    fn the_same_calls_make_the_same_account(calls in prop::collection::vec(shaped(), 1..12)) {
        let run = || {
            let mut twin = company();
            for (n, input) in &calls {
                let _ = try_in(&mut twin, SPECS[*n].service, MAIN, SPECS[*n].operation, input.clone());
                twin.pass(Duration::from_secs(20));
            }
            serde_json::to_string(&twin).unwrap()
        };
        prop_assert_eq!(run(), run());
    }

    #[test]
    fn a_twin_that_knows_nothing_says_of_nothing_that_it_is_absent((n, input) in shaped()) {
        let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
        let mut twin = Twin::from_inventory(Inventory::empty(owner, Caller::default(), company().now()));
        twin.truth_mut().region_mut(MAIN);
        let before = twin.inventory();
        let outcome = try_in(&mut twin, SPECS[n].service, MAIN, SPECS[n].operation, input);
        if let Err(error) = outcome {
            prop_assert!(matches!(error.class,
                ErrorClass::Unsupported | ErrorClass::Semantic | ErrorClass::Quota), "{}", error);
            prop_assert_eq!(twin.inventory(), before);
        }
    }
}

#[test]
fn a_read_never_says_absent_of_what_was_not_read() {
    for kind in FamilyKind::ALL {
        let mut twin = company();
        // Everything that the truth contains of this kind is forgotten.
        let whole = twin.inventory();
        let mut others = Inventory::empty(whole.owner.clone(), whole.caller.clone(), whole.read_at);
        for other in FamilyKind::ALL.iter().filter(|k| *k != kind) {
            for region in [MAIN, OTHER] {
                others.merge(twin.read(&[Want::all(region, *other)].into()));
            }
        }
        twin = Twin::from_inventory(others);
        let wants = [
            Want::all(MAIN, *kind),
            Want::id(MAIN, *kind, "x"),
            Want::by(MAIN, *kind, "tag:redress:run", "r"),
            Want::by(MAIN, *kind, "region", MAIN),
        ];
        let read = twin.read(&wants.clone().into());
        for want in &wants {
            assert!(read.select_json(want).silence().is_some(), "{want}: {:?}", read.select_json(want));
        }
        assert_eq!(crate::plan::Stage::missing(&twin, &wants.into()).len(), 4, "{kind:?}");
    }
}

#[test]
fn a_listing_that_was_read_answers_for_that_listing_only() {
    let disks = Want::by(MAIN, FamilyKind::Volumes, "attachment.instance-id", id("i", 1));
    let twin = Twin::from_inventory(company().read(&[disks.clone()].into()));
    let read = twin.read(
        &[disks.clone(), Want::id(MAIN, FamilyKind::Volumes, "vol-x"), Want::all(MAIN, FamilyKind::Volumes)]
            .into(),
    );
    let volumes = &read.regions[MAIN].volumes;
    assert_eq!(volumes.select(&disks.selector).known().map(Vec::len), Some(2));
    assert_eq!(volumes.get("vol-x"), Fact::NotRead);
    assert_eq!(volumes.select(&Selector::All), Fact::NotRead);
}

#[test]
fn a_thousand_small_runs_take_no_time() {
    let start = std::time::Instant::now();
    let company = company();
    for n in 0..1_000 {
        let mut twin = company.clone();
        ec2(&mut twin, "CreateSnapshot", json!({ "VolumeId": id("vol", 1) })).unwrap();
        twin.read(
            &[
                Want::by(MAIN, FamilyKind::Snapshots, "volume-id", id("vol", 1)),
                Want::id(MAIN, FamilyKind::Volumes, format!("vol-{n}")),
            ]
            .into(),
        );
        minutes(&mut twin, 10);
    }
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}
