//! These tests read CloudTrail events in every form in which they are delivered. A later event takes back an
//! earlier one.

use redress::{intake::Reason, resource::Kind};
use serde_json::{Value, json};

use super::intake::{GROUP, GROUP_ARN, collect, event, one, reason};

fn opened() -> Value {
    event(
        "AuthorizeSecurityGroupIngress",
        "00:00",
        json!({"groupId": GROUP, "ipPermissions": {"items": [
        {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "groups": {},
            "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}, "ipv6Ranges": {}, "prefixListIds": {}}]}}),
        json!({"_return": true, "securityGroupRuleSet": {"items": [{"groupId": GROUP,
            "securityGroupRuleId": "sgr-0aaaaaaaaaaaaaaa1"}]}}),
    )
}

fn log(events: &[Value]) -> String {
    json!({ "Records": events }).to_string()
}

#[test]
fn one_call_is_one_suspicion_however_it_is_delivered() {
    let event = opened();
    let envelope = json!({"version": "0", "id": "x", "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.ec2", "account": "999999999999",
        "region": "eu-west-1", "time": "2026-11-22T07:00:00Z", "resources": [], "detail": event});
    let lookup = json!({"Events": [{"EventId": "e", "EventName": "AuthorizeSecurityGroupIngress",
        "ReadOnly": "false", "EventTime": 1795328849.0, "CloudTrailEvent": event.to_string()}]});
    let intake = collect(&[
        &log(std::slice::from_ref(&event)),
        &envelope.to_string(),
        &lookup.to_string(),
        &event.to_string(),
        &format!("{event}\n{event}\n"),
    ]);
    let [suspicion] = intake.suspicions.as_slice() else { panic!("{intake:#?}") };
    assert!(suspicion.decision.is_actionable());
    assert_eq!(suspicion.resource.as_ref().unwrap().as_str(), GROUP_ARN);
    assert_eq!(
        suspicion.checks,
        [
            "security-group-open-admin-port",
            "security-group-open-database-port",
            "security-group-open-all-traffic",
            "security-group-open-other-port",
            "default-security-group-has-rules",
            "vpc-endpoint-open-security-group"
        ]
    );
    assert_eq!(suspicion.sources.len(), 6);
    let evidence = suspicion.sources[0].evidence.as_ref().unwrap();
    assert_eq!(
        evidence.summary(),
        "AuthorizeSecurityGroupIngress by role deploy, session ci-118, from 198.51.100.7"
    );
    let formats: Vec<_> = intake.reports.iter().map(|r| r.format.as_str()).collect();
    assert_eq!(
        formats,
        [
            "CloudTrail log file",
            "EventBridge CloudTrail",
            "CloudTrail LookupEvents",
            "CloudTrail event",
            "CloudTrail event"
        ]
    );
}

#[test]
fn a_call_that_failed_only_read_or_was_ours_gives_nothing() {
    let with = |key: &str, value: Value| {
        let mut event = opened();
        event[key] = value;
        reason(&event)
    };
    assert_eq!(with("errorCode", json!("Client.UnauthorizedOperation")), Some(Reason::FailedCall));
    assert_eq!(with("errorCode", json!("Client.DryRunOperation")), Some(Reason::FailedCall));
    assert_eq!(with("errorCode", json!(null)), None);
    assert_eq!(with("errorCode", json!("")), None);
    assert_eq!(with("readOnly", json!("True")), Some(Reason::ReadOnly));
    assert_eq!(with("userAgent", json!("redress/0.1 aws-sdk-rust")), Some(Reason::OwnChange));
    assert_eq!(with("eventType", json!("AwsServiceEvent")), Some(Reason::UnmappedControl));
    assert_eq!(with("requestParameters", json!(null)), Some(Reason::Incomplete));
    assert_eq!(with("requestParameters", json!({"omitted": true})), Some(Reason::Incomplete));
    assert_eq!(with("recipientAccountId", json!("999999999999")), Some(Reason::OtherAccount));
    assert_eq!(with("awsRegion", json!("eu-west-1")), Some(Reason::OtherRegion));
    assert_eq!(with("awsRegion", json!("cn-north-1")), Some(Reason::OtherPartition));
    assert_eq!(with("awsRegion", json!("../../x")), Some(Reason::UnresolvedResource));
}

/// The decisions on the suspicions of some events, by the event's name.
fn decided(events: &[Value]) -> Vec<(String, String)> {
    collect(&[&log(events)])
        .suspicions
        .iter()
        .map(|s| (s.sources[0].control.clone(), s.decision.word().to_owned()))
        .collect()
}

fn said(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

#[test]
fn what_a_later_event_took_back_is_no_finding_and_what_an_earlier_one_did_is() {
    let revoked = |time: &str| {
        event(
            "RevokeSecurityGroupIngress",
            time,
            json!({"groupId": GROUP,
                "securityGroupRuleIds": {"items": [{"securityGroupRuleId": "sgr-0aaaaaaaaaaaaaaa1"}]}}),
            json!({"_return": true}),
        )
    };
    let group = "ec2:AuthorizeSecurityGroupIngress";
    assert_eq!(decided(&[opened(), revoked("01:00")]), said(&[(group, "reverted_later")]));
    // Files of a log are not in the order of time.
    assert_eq!(decided(&[revoked("01:00"), opened()]), said(&[(group, "reverted_later")]));
    let mut again = opened();
    again["eventTime"] = json!("2026-11-22T06:02:00Z");
    assert_eq!(decided(&[revoked("01:00"), again]), said(&[(group, "actionable")]));
    let other = event(
        "RevokeSecurityGroupIngress",
        "01:00",
        json!({"groupId": "sg-0bbbbbbbbbbbbbbb2", "ipProtocol": "tcp", "fromPort": 22, "toPort": 22,
            "cidrIp": "0.0.0.0/0"}),
        json!(null),
    );
    assert_eq!(decided(&[opened(), other]), said(&[(group, "actionable")]));
    let mut failed = revoked("01:00");
    failed["errorCode"] = json!("Client.UnauthorizedOperation");
    assert!(decided(&[opened(), failed]).contains(&(group.to_owned(), "actionable".to_owned())));
    let gone = event("DeleteSecurityGroup", "01:00", json!({"groupId": GROUP}), json!({"_return": true}));
    assert_eq!(decided(&[opened(), gone]), said(&[(group, "reverted_later")]));
}

#[test]
fn trails_that_were_stopped_and_started_again_are_fine_and_those_stopped_once_more_are_not() {
    let stop = |time: &str| {
        event(
            "StopLogging",
            time,
            json!({"name": "arn:aws:cloudtrail:us-east-1:123456789012:trail/audit"}),
            json!(null),
        )
    };
    let start = event("StartLogging", "01:00", json!({"name": "audit"}), json!(null));
    assert_eq!(
        decided(&[stop("00:00"), start.clone()]),
        said(&[("cloudtrail:StopLogging", "reverted_later")])
    );
    assert_eq!(
        decided(&[stop("00:00"), start, stop("02:00")]),
        said(&[("cloudtrail:StopLogging", "actionable")])
    );
    let weak = event(
        "UpdateTrail",
        "00:00",
        json!({"name": "audit", "isMultiRegionTrail": false, "enableLogFileValidation": false}),
        json!(null),
    );
    let kinds: Vec<_> = collect(&[&weak.to_string()])
        .suspicions
        .iter()
        .map(|s| (s.resource.as_ref().unwrap().kind(), s.checks.join(",")))
        .collect();
    assert_eq!(
        kinds,
        [
            (Kind::Trail, "cloudtrail-no-log-validation".to_owned()),
            (Kind::Account, "cloudtrail-missing".to_owned())
        ]
    );
    let deleted = event("DeleteTrail", "00:00", json!({"name": "audit"}), json!(null));
    assert_eq!(one(&deleted.to_string()).resource.unwrap().kind(), Kind::Account);
    let selectors = |management: bool| {
        event(
            "PutEventSelectors",
            "00:00",
            json!({"trailName": "audit", "eventSelectors": [{"includeManagementEvents": management,
                "readWriteType": "All"}]}),
            json!(null),
        )
    };
    assert_eq!(one(&selectors(false).to_string()).checks, ["cloudtrail-missing"]);
    assert!(collect(&[&selectors(true).to_string()]).suspicions.is_empty());
}

#[test]
fn what_was_made_and_deleted_again_is_no_finding() {
    let made = event(
        "CreateVolume",
        "00:00",
        json!({"size": "1"}),
        json!({"volumeId": "vol-0aaaaaaaaaaaaaaa1", "encrypted": false}),
    );
    let encrypted = event(
        "CreateVolume",
        "00:00",
        json!({"size": "1"}),
        json!({"volumeId": "vol-0aaaaaaaaaaaaaaa2", "encrypted": true}),
    );
    let deleted = event(
        "DeleteVolume",
        "01:00",
        json!({"volumeId": "vol-0aaaaaaaaaaaaaaa1"}),
        json!({"_return": true}),
    );
    assert_eq!(decided(&[made.clone(), encrypted]), said(&[("ec2:CreateVolume", "actionable")]));
    assert_eq!(decided(&[made, deleted]), said(&[("ec2:CreateVolume", "reverted_later")]));
    let run = event(
        "RunInstances",
        "00:00",
        json!({}),
        json!({"instancesSet": {"items": [{"instanceId": "i-0aaaaaaaaaaaaaaa1"},
            {"instanceId": "i-0aaaaaaaaaaaaaaa2"}]}}),
    );
    let terminated = event(
        "TerminateInstances",
        "01:00",
        json!({"instancesSet": {"items": [{"instanceId": "i-0aaaaaaaaaaaaaaa1"}]}}),
        json!({}),
    );
    assert_eq!(
        decided(&[run, terminated]),
        said(&[("ec2:RunInstances", "reverted_later"), ("ec2:RunInstances", "actionable")])
    );
}

#[test]
fn a_group_is_looked_at_when_it_is_made_with_the_rule_that_lets_everything_out() {
    let id = "sg-0aaaaaaaaaaaaaaa1";
    let made = event(
        "CreateSecurityGroup",
        "00:00",
        json!({"groupName": "web", "groupDescription": "web", "vpcId": "vpc-0aaaaaaaaaaaaaaa1"}),
        json!({"_return": true, "groupId": id}),
    );
    let deleted = event("DeleteSecurityGroup", "01:00", json!({"groupId": id}), json!({"_return": true}));
    assert_eq!(decided(std::slice::from_ref(&made)), said(&[("ec2:CreateSecurityGroup", "actionable")]));
    assert_eq!(decided(&[made, deleted]), said(&[("ec2:CreateSecurityGroup", "reverted_later")]));
}

#[test]
fn an_endpoint_is_looked_at_when_its_policy_is_made_set_or_reset() {
    let id = "vpce-0aaaaaaaaaaaaaaa1";
    let made = event(
        "CreateVpcEndpoint",
        "00:00",
        json!({"CreateVpcEndpointRequest": {"ServiceName": "com.amazonaws.us-east-1.s3"}}),
        json!({"CreateVpcEndpointResponse": {"vpcEndpoint": {"vpcEndpointId": id}}}),
    );
    let changed = |at: &str, member: &str, value: serde_json::Value| {
        let request = json!({"ModifyVpcEndpointRequest": {"VpcEndpointId": id, (member): value}});
        event("ModifyVpcEndpoint", at, request, json!({"ModifyVpcEndpointResponse": {"return": true}}))
    };
    let route = changed("01:00", "AddRouteTableId", json!({"tag": 1, "content": "rtb-0aaaaaaaaaaaaaaa1"}));
    let reset = changed("02:00", "ResetPolicy", json!(true));
    let set = changed("03:00", "PolicyDocument", json!("{}"));
    let deleted = event(
        "DeleteVpcEndpoints",
        "04:00",
        json!({"DeleteVpcEndpointsRequest": {"VpcEndpointId": {"tag": 1, "content": id}}}),
        json!({"DeleteVpcEndpointsResponse": {"unsuccessful": ""}}),
    );
    for one in [&made, &reset, &set] {
        let name = format!("ec2:{}", one["eventName"].as_str().unwrap());
        assert_eq!(decided(std::slice::from_ref(one)), said(&[(&name, "actionable")]));
    }
    assert_eq!(decided(&[route]), said(&[]), "its policy is as it was");
    assert_eq!(decided(&[made, deleted.clone()]), said(&[("ec2:CreateVpcEndpoint", "reverted_later")]));
}

#[test]
fn the_vpc_of_deleted_flow_logs_is_found_where_their_making_is_in_the_input() {
    let made = event(
        "CreateFlowLogs",
        "00:00",
        json!({"CreateFlowLogsRequest": {"ResourceType": "VPC", "ResourceId": {"tag": 1,
            "content": "vpc-0aaaaaaaaaaaaaaa1"}}}),
        json!({"CreateFlowLogsResponse": {"flowLogIdSet": {"item": "fl-0aaaaaaaaaaaaaaa1"},
            "unsuccessful": ""}}),
    );
    let deleted = event(
        "DeleteFlowLogs",
        "01:00",
        json!({"DeleteFlowLogsRequest": {"FlowLogId": {"tag": 1, "content": "fl-0aaaaaaaaaaaaaaa1"}}}),
        json!({"DeleteFlowLogsResponse": {"unsuccessful": ""}}),
    );
    assert_eq!(
        decided(std::slice::from_ref(&deleted)),
        said(&[("ec2:DeleteFlowLogs", "unresolved_resource")])
    );
    let intake = collect(&[&log(&[deleted.clone(), made.clone()])]);
    let [suspicion] = intake.suspicions.as_slice() else { panic!("{intake:#?}") };
    assert!(suspicion.decision.is_actionable());
    assert_eq!(
        (suspicion.resource.as_ref().unwrap().id(), suspicion.checks.as_slice()),
        ("vpc-0aaaaaaaaaaaaaaa1", ["vpc-without-flow-logs".to_owned()].as_slice())
    );
    let mut later = made.clone();
    later["eventTime"] = json!("2026-11-22T06:02:00Z");
    assert_eq!(decided(&[made, deleted.clone(), later]), said(&[("ec2:DeleteFlowLogs", "reverted_later")]));
    let mut failed = deleted;
    failed["responseElements"] =
        json!({"DeleteFlowLogsResponse": {"unsuccessful": {"item": {"resourceId": "fl-0aaaaaaaaaaaaaaa1"}}}});
    assert_eq!(reason(&failed), Some(Reason::FailedCall));
}
