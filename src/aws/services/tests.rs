//! The promises of calling that need no endpoint: every operation of the registry is known here, and no input
//! is shortened on its way.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_ec2::types::{UnsuccessfulItem, UnsuccessfulItemError};
use serde_json::json;

use super::*;
use crate::calls::{SPECS, Until};

/// Builds clients that would fail loudly if anything were sent.
fn nowhere() -> Clients {
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url("http://127.0.0.1:1");
    Clients::new(
        config.build(),
        std::sync::Arc::new(crate::aws::pace::Pace::new(None, Some("http://127.0.0.1"))),
    )
}

/// Makes a call that is always permitted.
async fn call(clients: &Clients, call: &Call) -> Outcome {
    super::call(clients, call, &|| Ok(Until::EVER)).await
}

#[tokio::test]
async fn every_operation_of_the_registry_is_known_and_refuses_members_it_does_not_pass_on() {
    let clients = nowhere();
    for spec in SPECS {
        let unknown = Call::new(spec.service, "us-east-1", spec.operation, json!({ "NoSuchMember": true }));
        let error = call(&clients, &unknown).await.unwrap_err();
        assert_eq!(error.class, ErrorClass::Semantic, "{}: {error}", unknown.name());
        assert!(
            error.message.contains("unknown field") && error.message.contains("NoSuchMember"),
            "{}: {error}",
            unknown.name()
        );
    }
}

#[tokio::test]
async fn a_member_deep_in_the_input_that_is_not_passed_on_is_refused_too() {
    let permission = json!({ "IpProtocol": "tcp", "IpRanges": [{ "CidrIp": "10.0.0.0/8", "Note": "x" }] });
    let deep = Call::new(
        "ec2",
        "us-east-1",
        "AuthorizeSecurityGroupIngress",
        json!({ "GroupId": "sg-1", "IpPermissions": [permission] }),
    );
    let error = call(&nowhere(), &deep).await.unwrap_err();
    assert!(error.message.contains("Note"), "{error}");
}

#[tokio::test]
async fn calls_that_need_a_token_of_ours_are_refused_without() {
    let flow_logs = json!({ "ResourceType": "VPC", "ResourceIds": ["vpc-1"], "TrafficType": "ALL",
        "LogDestinationType": "s3" });
    let volume = json!({ "AvailabilityZone": "us-east-1a" });
    for (operation, input) in [("CreateFlowLogs", flow_logs), ("CreateVolume", volume)] {
        let error = call(&nowhere(), &Call::new("ec2", "us-east-1", operation, input)).await.unwrap_err();
        assert!(error.message.contains("ClientToken"), "{error}");
    }
}

#[tokio::test]
async fn what_the_registry_does_not_know_is_not_called() {
    for (service, operation) in
        [("ec2", "TerminateInstances"), ("s3", "DeleteObject"), ("sts", "AssumeRole"), ("iam", "CreateUser")]
    {
        let error =
            call(&nowhere(), &Call::new(service, "us-east-1", operation, json!({}))).await.unwrap_err();
        assert_eq!(error.class, ErrorClass::Semantic, "{error}");
    }
}

fn item(id: &str, code: &str) -> UnsuccessfulItem {
    UnsuccessfulItem::builder()
        .resource_id(id)
        .error(UnsuccessfulItemError::builder().code(code).message("because").build())
        .build()
}

#[test]
fn a_reply_of_success_that_carries_a_failure_is_a_failure() {
    let delete = Call::new("ec2", "us-east-1", "DeleteFlowLogs", json!({}));
    let error = flow_log::unsuccessful(
        &delete,
        Some(vec![item("fl-1", "InvalidFlowLogId.NotFound"), item("fl-2", "UnauthorizedOperation")]),
    );
    assert_eq!(error.unwrap_err().class, ErrorClass::Denied, "the worst one counts");
    let gone = flow_log::unsuccessful(&delete, Some(vec![item("fl-1", "InvalidFlowLogId.NotFound")]));
    assert_eq!(gone.unwrap_err().class, ErrorClass::AlreadyDone);
    assert_eq!(flow_log::unsuccessful(&delete, Some(Vec::new())), Ok(()));
}
