//! Intake on what attackers and accidents make: arbitrary bytes, and good findings with parts changed. It
//! must neither panic nor believe, and every resource that comes out must be one that its own alphabet
//! allows.

use std::io::Read;

use proptest::prelude::*;
use redress::{
    intake::{self, Intake, split::MAX_RECORD, text::LONG},
    resource::Owner,
};
use serde_json::{Value, json};

use super::intake::{ACCOUNT, asff, event, guardduty, prowler_ocsf};

fn collect(bytes: &[u8]) -> Intake {
    let owner = Owner { partition: "aws".into(), account: ACCOUNT.into() };
    let intake = intake::collect(
        vec![("input".to_owned(), Box::new(bytes) as Box<dyn Read>)],
        &owner,
        &["us-east-1".to_owned()],
    );
    assert_eq!(intake.counts.read, intake.counts.decisions.values().sum::<u64>());
    for suspicion in &intake.suspicions {
        let json = serde_json::to_string(suspicion).unwrap();
        assert!(json.len() < 64 * LONG * suspicion.sources.len(), "{}", json.len());
        if !suspicion.decision.is_actionable() {
            continue;
        }
        let resource = suspicion.resource.as_ref().unwrap();
        assert_eq!((resource.account(), resource.partition()), (ACCOUNT, "aws"));
        assert!(matches!(resource.region(), "" | "us-east-1"), "{resource}");
        assert!(
            resource.as_str().bytes().all(|b| b.is_ascii_alphanumeric() || b":/-_.".contains(&b)),
            "{resource}"
        );
        assert!(!suspicion.checks.is_empty());
    }
    intake
}

/// A sample of each format.
fn samples() -> Vec<String> {
    let group = "arn:aws:ec2:us-east-1:123456789012:security-group/sg-0aaaaaaaaaaaaaaa1";
    let opened = event(
        "AuthorizeSecurityGroupIngress",
        "00:00",
        json!({"groupId": "sg-0aaaaaaaaaaaaaaa1", "ipProtocol": "tcp", "fromPort": 22, "toPort": 22,
            "cidrIp": "0.0.0.0/0"}),
        json!(null),
    );
    let config = json!({"EvaluationResults": [{"ComplianceType": "NON_COMPLIANT",
        "EvaluationResultIdentifier": {"EvaluationResultQualifier":
        {"ConfigRuleName": "restricted-ssh", "ResourceType": "AWS::EC2::SecurityGroup",
            "ResourceId": "sg-0aaaaaaaaaaaaaaa1"}}}]});
    let custodian = json!([{"GroupId": "sg-0aaaaaaaaaaaaaaa1", "IpPermissions": [], "OwnerId": ACCOUNT,
        "c7n:matched": 1}]);
    vec![
        json!({"Records": [opened]}).to_string(),
        json!({"Events": [{"CloudTrailEvent": opened.to_string()}]}).to_string(),
        json!({"detail-type": "AWS API Call via CloudTrail", "detail": opened}).to_string(),
        json!([asff("EC2.13", group)]).to_string(),
        prowler_ocsf("ec2_securitygroup_allow_ingress_from_internet_to_tcp_port_22", group).to_string(),
        json!({"CheckID": "vpc_flow_logs_enabled", "Status": "FAIL", "StatusExtended": "s",
            "AccountId": ACCOUNT, "Region": "us-east-1", "ResourceArn": group})
        .to_string(),
        guardduty().to_string(),
        config.to_string(),
        custodian.to_string(),
        format!(
            "AUTH_METHOD;ACCOUNT_UID;CHECK_ID;STATUS;MUTED;RESOURCE_UID;REGION\np;{ACCOUNT};vpc_flow_logs_enabled;FAIL;False;arn:aws:ec2:us-east-1:{ACCOUNT}:vpc/vpc-0aaaaaaaaaaaaaaa1;us-east-1\n"
        ),
        format!(
            "PROFILE,ACCOUNT_NUM,REGION,TITLE_ID,CHECK_RESULT,TITLE_TEXT\n,{ACCOUNT},us-east-1,2.1,FAIL,[check21] x\n"
        ),
    ]
}

#[test]
fn every_sample_is_read_before_it_is_spoiled() {
    for sample in samples() {
        let intake = collect(sample.as_bytes());
        assert_eq!((intake.counts.read, &intake.reports[0].incomplete), (1, &None), "{sample}");
    }
}

/// Puts a value in the place of the `n`th one of a document, counted in depth.
fn put(value: &mut Value, n: &mut usize, new: &Value) {
    if *n == 0 {
        *value = new.clone();
    }
    *n = n.wrapping_sub(1);
    match value {
        Value::Object(o) if *n < 10_000 => o.values_mut().for_each(|v| put(v, n, new)),
        Value::Array(a) if *n < 10_000 => a.iter_mut().for_each(|v| put(v, n, new)),
        _ => {}
    }
}

fn evil() -> impl Strategy<Value = Value> {
    let texts = prop_oneof![
        ".{0,40}",
        Just("arn:aws:ec2:us-east-1:123456789012:security-group/sg-0aaaaaaaaaaaaaaa1\n--force".to_owned()),
        Just("arn:aws:ec2:us-east-1:123456789012:security-group/../../vpc/vpc-0aaaaaaaaaaaaaaa1".to_owned()),
        Just("arn:aws:cloudtrail:us-east-1:123456789012:trail/$(id)".to_owned()),
        Just("999999999999".to_owned()),
        Just("x".repeat(100_000)),
        "arn:aws[a-z-]{0,4}:(ec2|cloudtrail|iam|s3|x):[a-z0-9-]{0,12}:[0-9]{0,13}:[ -~]{0,30}",
    ];
    prop_oneof![
        texts.prop_map(Value::String),
        any::<i64>().prop_map(|n| json!(n)),
        any::<f64>().prop_map(|n| json!(n)),
        Just(json!(null)),
        Just(json!([])),
        Just(json!({})),
        Just(json!([[{}], "x", {"items": [{"item": [null]}]}])),
        any::<bool>().prop_map(|b| json!(b))
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn arbitrary_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        collect(&bytes);
    }

    #[test]
    fn what_looks_like_json_does_no_harm(text in "[\\[\\]{}\":,\\\\a-c0-9 \n]{0,300}") {
        collect(text.as_bytes());
        collect(format!("{{\"Records\":[{text}").as_bytes());
    }

    #[test]
    fn what_looks_like_separated_values_does_no_harm(text in "[;\"\n\ra-c]{0,300}") {
        collect(format!("AUTH_METHOD;CHECK_ID;STATUS;RESOURCE_UID;REGION;ACCOUNT_UID\n{text}").as_bytes());
    }

    #[test]
    fn samples_with_any_byte_changed_do_no_harm(which in 0usize..11,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
            cut in any::<prop::sample::Index>()) {
        let mut bytes = samples()[which].clone().into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        collect(&bytes);
        bytes.truncate(cut.index(bytes.len()));
        collect(&bytes);
    }

    #[test]
    fn samples_with_any_value_changed_do_no_harm(which in 0usize..9, at in 0usize..60, new in evil()) {
        let mut value: Value = serde_json::from_str(&samples()[which]).unwrap();
        put(&mut value, &mut { at }, &new);
        collect(value.to_string().as_bytes());
        collect(format!("{value}\n{value}").as_bytes());
    }
}

#[test]
fn depth_size_and_number_without_end_are_borne() {
    let deep = format!("{{\"Records\":[{}1{}]}}", "{\"a\":".repeat(5000), "}".repeat(5000));
    assert_eq!(collect(deep.as_bytes()).counts.decisions["incomplete"], 1);
    let mut huge = asff("EC2.13", "arn:aws:ec2:us-east-1:123456789012:security-group/sg-0aaaaaaaaaaaaaaa1");
    huge["Title"] = json!("x".repeat(MAX_RECORD / 2));
    assert!(collect(huge.to_string().as_bytes()).suspicions[0].decision.is_actionable());
    huge["Title"] = json!("x".repeat(MAX_RECORD));
    assert_eq!(collect(huge.to_string().as_bytes()).counts.decisions["incomplete"], 1);
    let surrogate = asff("EC2.13", "arn:aws:ec2:us-east-1:123456789012:security-group/sg-0aaaaaaaaaaaaaaa1")
        .to_string()
        .replace("\"t\"", "\"\\ud800\"");
    assert!(collect(surrogate.as_bytes()).suspicions[0].decision.is_actionable());
}

#[test]
fn broken_unicode_in_what_names_a_resource_names_none() {
    let arn = "arn:aws:ec2:us-east-1:123456789012:security-group/sg-0aaaaaaaaaaaaaaa1";
    let whole = asff("EC2.13", arn).to_string();
    assert!(collect(whole.as_bytes()).suspicions[0].decision.is_actionable());
    for (from, to) in [
        ("security-group/sg-0", "security-group/sg-\\udc000"),
        ("security-group/sg-0", "security-group/\\ud83dsg-0"),
        (":security-group/", ":security-group\\u0000/"),
        ("arn:aws:ec2:us-east-1:123456789012", "arn:aws:ec2:us-east-1:12345678901\\uff12"),
    ] {
        let text = whole.replace(from, to);
        assert_ne!(text, whole);
        assert!(collect(text.as_bytes()).suspicions.iter().all(|s| !s.decision.is_actionable()), "{to}");
    }
    // A key that is broken is no key of the format: the finding lacks what it names.
    let key = whole
        .replace("\"SecurityControlId\"", "\"SecurityControl\\ud800Id\"")
        .replace("security-control/EC2.13", "x");
    assert!(collect(key.as_bytes()).suspicions.iter().all(|s| !s.decision.is_actionable()));
}

#[test]
fn a_key_that_stands_twice_anywhere_in_a_record_of_any_format_takes_it_away() {
    for sample in samples().iter().filter(|s| s.starts_with(['{', '['])) {
        // Every key, put in front of itself once more; what stands around a list of records is not part of a
        // record.
        let keys: Vec<usize> = sample.match_indices("\":").map(|(at, _)| at).collect();
        let mut refused = 0;
        for end in keys {
            let quote = sample[..end].rfind('"').unwrap();
            // Within an event that stands in a text, quotes are escaped.
            let start = if sample[..quote].ends_with('\\') { quote - 1 } else { quote };
            let twice = format!("{}{}:null,{}", &sample[..start], &sample[start..=end], &sample[start..]);
            if collect(twice.as_bytes()).counts.decisions.contains_key("actionable") {
                let name = &sample[quote + 1..end];
                assert!(
                    ["Records", "Events", "EvaluationResults"].contains(&name),
                    "{name} stands twice: {twice}"
                );
            } else {
                refused += 1;
            }
        }
        assert!(refused > 3, "{sample}");
    }
}

#[test]
fn envelopes_in_envelopes_end_and_what_lies_too_deep_is_not_believed() {
    let finding = asff("EC2.13", "arn:aws:ec2:us-east-1:123456789012:security-group/sg-0aaaaaaaaaaaaaaa1");
    let carried = |depth: usize| {
        (0..depth)
            .fold(finding.clone(), |inner, _| json!({"Type": "Notification", "Message": inner.to_string()}))
    };
    assert!(collect(carried(1).to_string().as_bytes()).suspicions[0].decision.is_actionable());
    // Each layer doubles the backslashes of the one within: a dozen are a megabyte.
    let deep = collect(carried(12).to_string().as_bytes());
    assert!(deep.suspicions.is_empty(), "{deep:?}");
    let objects = (0..60).fold(finding.clone(), |inner, _| json!({"Message": inner}));
    assert!(collect(objects.to_string().as_bytes()).suspicions.is_empty());
    let lists = (0..60).fold(json!([finding]), |inner, _| json!({"Findings": inner, "items": []}));
    collect(lists.to_string().as_bytes());
}
