//! Security groups and flow logs.

use super::*;
use crate::{
    inventory::{Fact, FamilyKind, Selector, Want},
    twin::{DeniedCall, demo::OTHER},
};

fn ssh(sources: &[&str]) -> Value {
    let ranges: Vec<Value> = sources.iter().map(|s| json!({ "CidrIp": s, "Description": "d" })).collect();
    json!([{ "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": ranges }])
}

fn authorize(twin: &mut Twin, group: u64, permissions: Value) -> Outcome {
    ec2(
        twin,
        "AuthorizeSecurityGroupIngress",
        json!({ "GroupId": id("sg", group), "IpPermissions": permissions,
            "TagSpecifications": tag_all("security-group-rule", &[("redress:run", "r1")]) }),
    )
}

#[test]
fn every_source_becomes_a_rule_of_its_own_with_canonical_cidr_and_tags() {
    let mut twin = company();
    let ids = made(authorize(&mut twin, 18, ssh(&["192.0.2.77/24", "198.51.100.1/32"])));
    let rules = &twin.truth().regions[MAIN].security_group_rules;
    let rule = rules.get(ids[0].as_str().unwrap()).known().copied().unwrap().clone();
    assert_eq!(rule.cidr_ipv4.as_deref(), Some("192.0.2.0/24"));
    assert_eq!(rule.tags.get("redress:run").map(String::as_str), Some("r1"));
    assert_eq!((rule.ip_protocol.as_str(), rule.is_egress), ("tcp", false));
    assert_eq!(ids.as_array().unwrap().len(), 2);
}

#[test]
fn a_rule_that_is_there_already_is_a_duplicate_and_nothing_of_the_request_is_done() {
    let mut twin = company();
    let before = twin.inventory();
    let error = error(authorize(&mut twin, 1, ssh(&["192.0.2.0/24", "203.0.113.9/24"])));
    assert_eq!((error.code.as_str(), error.class), ("InvalidPermission.Duplicate", ErrorClass::AlreadyDone));
    assert_eq!(twin.inventory(), before);
    assert_eq!(
        code(authorize(&mut twin, 18, ssh(&["192.0.2.1/24", "192.0.2.2/24"]))),
        "InvalidParameterValue"
    );
}

#[test]
fn sixty_rules_a_family_are_the_limit_and_a_prefix_list_counts_its_entries() {
    let mut twin = company();
    let many: Vec<String> = (0..60).map(|n| format!("192.0.2.{n}/32")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    made(authorize(&mut twin, 18, ssh(&many)));
    assert_eq!(error(authorize(&mut twin, 18, ssh(&["198.51.100.0/24"]))).class, ErrorClass::Quota);
    let v6 = json!([{ "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22,
        "Ipv6Ranges": [{ "CidrIpv6": "2001:db8::/32" }] }]);
    made(authorize(&mut twin, 18, v6));
    made(authorize(&mut twin, 14, ssh(&many[..56])));
    let list = json!([{ "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22,
        "PrefixListIds": [{ "PrefixListId": id("pl", 1) }] }]);
    assert_eq!(error(authorize(&mut twin, 14, list)).class, ErrorClass::Quota);
}

#[test]
fn what_is_malformed_is_refused() {
    let mut twin = company();
    for (permissions, wanted) in [
        (ssh(&["10.0.0.0/33"]), "InvalidParameterValue"),
        (ssh(&["::/0"]), "InvalidParameterValue"),
        (ssh(&[]), "MissingParameter"),
        (json!([]), "MissingParameter"),
        (json!([{ "IpProtocol": "tcp", "IpRanges": [{ "CidrIp": "10.0.0.0/8" }] }]), "InvalidParameterValue"),
        (
            json!([{ "IpProtocol": "tcp", "FromPort": 9, "ToPort": 8,
                "IpRanges": [{ "CidrIp": "10.0.0.0/8" }] }]),
            "InvalidParameterValue",
        ),
        (
            json!([{ "IpProtocol": "tcp", "FromPort": 9, "ToPort": 9,
                "IpRanges": [{ "Cidr": "10.0.0.0/8" }] }]),
            "UnknownParameter",
        ),
        (
            json!([{ "IpProtocol": "tcp", "FromPort": 9, "ToPort": 9,
                "PrefixListIds": [{ "PrefixListId": "pl-nobody" }] }]),
            "InvalidPrefixListID.NotFound",
        ),
        (
            json!([{ "IpProtocol": "tcp", "FromPort": 9, "ToPort": 9,
                "UserIdGroupPairs": [{ "GroupId": "sg-nobody" }] }]),
            "InvalidGroup.NotFound",
        ),
    ] {
        assert_eq!(code(authorize(&mut twin, 18, permissions.clone())), wanted, "{permissions}");
    }
}

#[test]
fn a_rule_is_revoked_by_its_id_and_one_that_is_gone_was_revoked_before() {
    let mut twin = company();
    let group = id("sg", 3);
    let rules = twin.truth().regions[MAIN]
        .security_group_rules
        .select(&Selector::by("group-id", &group))
        .known()
        .unwrap()
        .iter()
        .map(|(id, r)| (id.to_string(), r.is_egress))
        .collect::<Vec<_>>();
    let ingress = &rules.iter().find(|(_, egress)| !egress).unwrap().0;
    let egress = &rules.iter().find(|(_, egress)| *egress).unwrap().0;
    let mut revoke = |rule: &str| {
        ec2(
            &mut twin,
            "RevokeSecurityGroupIngress",
            json!({ "GroupId": group, "SecurityGroupRuleIds": [rule] }),
        )
    };
    assert!(revoke(ingress).is_ok());
    let again = error(revoke(ingress));
    assert_eq!(
        (again.code.as_str(), again.class),
        ("InvalidSecurityGroupRuleId.NotFound", ErrorClass::AlreadyDone)
    );
    assert_eq!(code(revoke(egress)), "InvalidSecurityGroupRuleId.NotFound");
}

fn log_to_bucket(twin: &mut Twin, vpc: u64, token: &str) -> Outcome {
    ec2(
        twin,
        "CreateFlowLogs",
        json!({ "ResourceType": "VPC", "ResourceIds": [id("vpc", vpc)], "TrafficType": "ALL",
            "LogDestinationType": "s3",
        "LogDestination": "arn:aws:s3:::larkspur-flow-logs/vpc/", "ClientToken": token,
        "TagSpecifications": tag_all("vpc-flow-log", &[("redress:run", "r1")]) }),
    )
}

fn delivery(twin: &Twin, log: &Value) -> Option<String> {
    twin.truth().regions[MAIN]
        .flow_logs
        .get(log[0].as_str().unwrap())
        .known()
        .unwrap()
        .deliver_logs_status
        .clone()
}

#[test]
fn a_flow_log_delivers_after_ten_minutes() {
    let mut twin = company();
    let policy = twin.truth().buckets.get("larkspur-flow-logs").known().unwrap().policy.clone();
    let log = made(log_to_bucket(&mut twin, 1, "t1"));
    minutes(&mut twin, 9);
    assert_eq!(delivery(&twin, &log), None);
    minutes(&mut twin, 2);
    assert_eq!(delivery(&twin, &log).as_deref(), Some("SUCCESS"));
    assert_eq!(
        twin.truth().buckets.get("larkspur-flow-logs").known().unwrap().policy,
        policy,
        "a policy that lets logs in survives"
    );
}

#[test]
fn aws_adds_its_statements_to_a_policy_that_does_not_cover_the_whole_bucket_where_the_caller_may_change_it() {
    let narrow = || {
        let mut twin = company();
        let bucket = twin.truth_mut().buckets.get_mut("larkspur-flow-logs").unwrap();
        let Fact::Known(policy) = &mut bucket.policy else { panic!("no policy") };
        policy["Statement"][1]["Resource"] = json!("arn:aws:s3:::larkspur-flow-logs/vpc/*");
        let was = policy.clone();
        (twin, was)
    };
    let now = |twin: &Twin| {
        twin.truth().buckets.get("larkspur-flow-logs").known().unwrap().policy.known().unwrap().clone()
    };
    let (mut twin, was) = narrow();
    log_to_bucket(&mut twin, 1, "t1").unwrap();
    let extended = now(&twin);
    assert_eq!(extended["Statement"].as_array().unwrap().len(), 4, "{extended}");
    assert_eq!(extended["Statement"][0], was["Statement"][0], "what was there stays");
    // The next log to the same place adds nothing.
    log_to_bucket(&mut twin, 4, "t2").unwrap();
    assert_eq!(now(&twin), extended);
    let (mut twin, was) = narrow();
    twin.faults.denied_calls = vec![DeniedCall { operation: "PutBucketPolicy".into(), resource: None }];
    log_to_bucket(&mut twin, 1, "t1").unwrap();
    assert_eq!(now(&twin), was, "the caller may not change it");
    let none = &mut twin.truth_mut().buckets.get_mut("larkspur-flow-logs").unwrap().policy;
    *none = Fact::Absent;
    assert_eq!(code(log_to_bucket(&mut twin, 2, "t2")), "LogDestinationPermissionIssue");
}

#[test]
fn the_same_token_gives_the_same_flow_log_and_another_request_with_it_is_refused() {
    let mut twin = company();
    let first = made(log_to_bucket(&mut twin, 1, "t1"));
    assert_eq!(made(log_to_bucket(&mut twin, 1, "t1")), first);
    assert_eq!(code(log_to_bucket(&mut twin, 3, "t1")), "IdempotentParameterMismatch");
    let twice = error(log_to_bucket(&mut twin, 1, "t2"));
    assert_eq!((twice.code.as_str(), twice.class), ("FlowLogAlreadyExists", ErrorClass::AlreadyDone));
}

#[test]
fn the_owner_of_a_shared_vpc_alone_may_log_it() {
    assert_eq!(error(log_to_bucket(&mut company(), 5, "t")).class, ErrorClass::Denied);
}

#[test]
fn aws_writes_over_the_policy_of_a_bucket_that_does_not_let_it_in() {
    let mut twin = company();
    let input = json!({ "ResourceType": "VPC", "ResourceIds": [id("vpc", 1)], "TrafficType": "ALL",
        "LogDestinationType": "s3", "LogDestination": "arn:aws:s3:::larkspur-audit" });
    made(ec2(&mut twin, "CreateFlowLogs", input));
    let policy =
        twin.truth().buckets.get("larkspur-audit").known().unwrap().policy.known().unwrap().to_string();
    assert!(policy.contains("delivery.logs.amazonaws.com") && !policy.contains("cloudtrail"), "{policy}");
}

fn log_to_group(twin: &mut Twin, role: &str, group: &str) -> Outcome {
    ec2(
        twin,
        "CreateFlowLogs",
        json!({ "ResourceType": "VPC", "ResourceIds": [id("vpc", 1)], "TrafficType": "ALL",
            "LogDestinationType": "cloud-watch-logs", "LogGroupName": group,
        "DeliverLogsPermissionArn": format!("arn:aws:iam::123456789012:role/{role}") }),
    )
}

#[test]
fn a_role_that_cannot_be_assumed_or_may_not_write_keeps_logs_from_being_delivered() {
    let mut twin = company();
    assert_eq!(error(log_to_group(&mut twin, "nobody", "/larkspur/lab")).class, ErrorClass::Consistency);
    let log = made(log_to_group(&mut twin, "lab-flow-logs", "/larkspur/lab"));
    minutes(&mut twin, 11);
    assert_eq!(delivery(&twin, &log).as_deref(), Some("FAILED"));
}

#[test]
fn a_role_with_the_conditions_of_confused_deputy_delivers_from_its_own_account_only() {
    let mut twin = company();
    let trust = |account: &str| {
        json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow",
            "Principal": { "Service": "vpc-flow-logs.amazonaws.com" }, "Action": "sts:AssumeRole",
            "Condition": { "StringEquals": { "aws:SourceAccount": account },
            "ArnLike": { "aws:SourceArn": format!("arn:aws:ec2:us-east-1:{account}:vpc-flow-log/*") } } }] })
        .to_string()
    };
    let policy = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": "arn:aws:logs:us-east-1:123456789012:log-group:/larkspur/lab:*" }] })
    .to_string();
    for (name, account) in [("right", "123456789012"), ("wrong", "999988887777")] {
        try_in(
            &mut twin,
            "iam",
            "",
            "CreateRole",
            json!({ "RoleName": name, "AssumeRolePolicyDocument": trust(account) }),
        )
        .unwrap();
        try_in(
            &mut twin,
            "iam",
            "",
            "PutRolePolicy",
            json!({ "RoleName": name, "PolicyName": "p", "PolicyDocument": policy }),
        )
        .unwrap();
    }
    assert!(log_to_group(&mut twin, "wrong", "/larkspur/lab").is_err());
    let log = made(log_to_group(&mut twin, "right", "/larkspur/lab"));
    minutes(&mut twin, 11);
    assert_eq!(delivery(&twin, &log).as_deref(), Some("SUCCESS"));
}

#[test]
fn a_role_or_log_group_that_was_not_read_is_not_rehearsed() {
    let mut twin = company();
    twin.truth_mut().region_mut(MAIN).log_groups = Default::default();
    assert!(is_unknown(log_to_group(&mut twin, "lab-flow-logs", "/larkspur/lab")));
    let mut twin = company();
    twin.truth_mut().roles.items.insert("lab-flow-logs".to_owned(), Fact::unknown("AccessDenied"));
    assert!(is_unknown(log_to_group(&mut twin, "lab-flow-logs", "/larkspur/lab")));
}

#[test]
fn a_deleted_flow_log_is_gone_and_deleting_it_again_was_done_before() {
    let mut twin = company();
    let call = json!({ "FlowLogIds": [id("fl", 1)] });
    assert!(ec2(&mut twin, "DeleteFlowLogs", call.clone()).is_ok());
    assert_eq!(error(ec2(&mut twin, "DeleteFlowLogs", call)).class, ErrorClass::AlreadyDone);
}

#[test]
fn regions_are_apart() {
    let twin = company();
    let read = twin.read(
        &[
            Want::id(OTHER, FamilyKind::SecurityGroups, id("sg", 1)),
            Want::id("ap-south-1", FamilyKind::SecurityGroups, id("sg", 1)),
        ]
        .into(),
    );
    assert!(read.regions[OTHER].security_groups.get(&id("sg", 1)).is_absent());
    assert_eq!(
        read.json("ap-south-1", FamilyKind::SecurityGroups, &id("sg", 1)),
        Fact::NotRead,
        "a region that was never read"
    );
}
