//! The promises of the error classes.

use super::*;
use crate::{
    calls::{Call, transitions},
    inventory::{Cause, Reason},
};

fn class(operation: &str, code: &str) -> ErrorClass {
    classify(operation, code, Some(400), Kind::Service)
}

#[test]
fn every_documented_code_has_its_class() {
    use ErrorClass::*;
    let cases = [
        ("CreateVolume", "RequestLimitExceeded", Throttled),
        ("CreateTrail", "ThrottlingException", Throttled),
        ("PutRolePolicy", "Throttling", Throttled),
        ("PutBucketPolicy", "SlowDown", Throttled),
        ("CreateVolume", "InternalError", Transient),
        ("CreateTrail", "ConflictException", Consistency),
        ("AttachVolume", "IncorrectState", Consistency),
        ("AttachVolume", "InvalidVolume.NotFound", Consistency),
        ("PutRolePolicy", "NoSuchEntity", Consistency),
        ("DeleteRole", "NoSuchEntity", AlreadyDone),
        ("DeleteSnapshot", "InvalidSnapshot.NotFound", AlreadyDone),
        ("DetachVolume", "InvalidAttachment.NotFound", AlreadyDone),
        ("DetachVolume", "InvalidVolume.NotFound", Consistency),
        ("DeleteFlowLogs", "InvalidFlowLogId.NotFound", AlreadyDone),
        ("RevokeSecurityGroupIngress", "InvalidSecurityGroupRuleId.NotFound", AlreadyDone),
        ("AuthorizeSecurityGroupIngress", "InvalidPermission.Duplicate", AlreadyDone),
        ("CreateBucket", "BucketAlreadyOwnedByYou", AlreadyDone),
        ("CreateBucket", "BucketAlreadyExists", Semantic),
        ("CreateSnapshot", "ConcurrentSnapshotLimitExceeded", Concurrency),
        ("CopySnapshot", "ResourceLimitExceeded", Concurrency),
        ("CopyVolumes", "CopyVolumesLimitExceeded", Concurrency),
        ("CopyVolumes", "ConcurrentCopyVolumeLimitExceeded", Concurrency),
        ("CopyVolumes", "IncorrectModificationState", Consistency),
        ("AuthorizeSecurityGroupIngress", "RulesPerSecurityGroupLimitExceeded", Quota),
        ("PutRolePolicy", "LimitExceeded", Quota),
        ("CreateLogGroup", "LimitExceededException", Quota),
        ("CreateTrail", "MaximumNumberOfTrailsExceededException", Quota),
        ("AssociateWebACL", "WAFUnavailableEntityException", Consistency),
        ("AssociateWebACL", "WAFNonexistentItemException", Consistency),
        ("DisassociateWebACL", "WAFNonexistentItemException", AlreadyDone),
        ("AssociateWebACL", "WAFLimitsExceededException", Quota),
        ("AssociateWebACL", "WAFInternalErrorException", Transient),
        ("AssociateWebACL", "WAFInvalidOperationException", Semantic),
        ("AssociateWebACL", "WAFFeatureNotIncludedInPricingPlanException", Semantic),
        ("StartInstances", "InsufficientInstanceCapacity", Capacity),
        ("CreateVolume", "UnauthorizedOperation", Denied),
        ("CreateRole", "AccessDenied", Denied),
        ("CreateRole", "ExpiredToken", Credentials),
        ("CreateRole", "SignatureDoesNotMatch", Credentials),
        ("CreateVolume", "InvalidParameterValue", Semantic),
        ("CreateVolume", "IdempotentParameterMismatch", Semantic),
        ("CreateVolume", "SomethingNew", Semantic),
    ];
    for (operation, code, expected) in cases {
        assert_eq!(class(operation, code), expected, "{operation} {code}");
    }
}

#[test]
fn every_row_of_the_page_has_a_link_or_says_where_it_was_observed() {
    let page = include_str!("../../../docs/aws-errors.md");
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
    assert!(rows.len() > 15, "{}", rows.len());
    for row in rows {
        let source = row.trim_end_matches('|').rsplit('|').next().unwrap_or_default();
        assert!(source.contains("](https://") || source.contains("observed with"), "{row}");
    }
    let code = include_str!("mod.rs");
    for list in code.split("\nconst ").skip(1).filter(|rest| rest.contains(": &[&str] =")) {
        let (name, _) = list.split_once(':').unwrap();
        let before = code.split(&format!("\nconst {name}:")).next().unwrap();
        let comment = before.rsplit("\n\n").next().unwrap();
        assert!(comment.contains("<https://") || name == "ABSENT", "{name} has no source");
    }
}

#[test]
fn a_server_error_that_nobody_knows_may_have_taken_effect() {
    assert_eq!(classify("CreateVolume", "SomethingNew", Some(503), Kind::Service), ErrorClass::Transient);
    assert!(classify("CreateVolume", "Timeout", None, Kind::Timeout).effect_unknown());
    assert!(classify("CreateVolume", "Connection", None, Kind::Connection).effect_unknown());
}

#[test]
fn a_page_with_status_500_is_an_operation_that_is_not_there_and_with_503_an_outage() {
    assert_eq!(classify("CopyVolumes", "", Some(500), Kind::Foreign), ErrorClass::Unsupported);
    assert_eq!(classify("CopyVolumes", "", Some(503), Kind::Foreign), ErrorClass::Transient);
    assert!(is_page(b"<!doctype html>\n<html lang=en>"));
    assert!(is_page(b"upstream connect error"));
    assert!(!is_page(b"<?xml version=\"1.0\"?><Response>"));
    assert!(!is_page(b"{\"__type\":\"X\"}"));
    assert!(!is_page(b""), "a reply to HEAD has no body");
}

#[test]
fn an_error_page_of_aws_says_nothing_about_the_effect_of_a_change() {
    let page = described("ec2:CreateFlowLogs", Kind::Foreign, None, None, Some(500));
    assert_eq!((page.class, page.code.as_str()), (ErrorClass::Unsupported, "Unsupported"));
    let error = at_aws(page);
    assert!(error.class.effect_unknown() && error.message.contains("error page"), "{error}");
    assert!(!error.message.contains("does not have"), "{error}");
    let unknown = in_body("ec2:CreateFlowLogs", "InvalidAction", "no");
    assert_eq!(at_aws(unknown).class, ErrorClass::Unsupported, "AWS itself names this code");
}

#[test]
fn what_is_not_there_is_told_from_what_is_denied() {
    assert_eq!(fact::<()>(&in_body("ec2:DescribeVolumes", "InvalidVolume.NotFound", "no")), Fact::Absent);
    assert_eq!(fact::<()>(&in_body("s3:GetBucketPolicy", "NoSuchBucketPolicy", "no")), Fact::Absent);
    let denied =
        fact::<()>(&in_body("ec2:DescribeVolumes", "UnauthorizedOperation", "You are not authorized."));
    assert_eq!(
        denied,
        Fact::Unknown(Reason::new(
            Cause::Denied,
            "UnauthorizedOperation: You are not authorized. (ec2:DescribeVolumes)"
        ))
    );
    let expired: Fact<()> = fact(&in_body("ec2:DescribeVolumes", "RequestExpired", "Request has expired."));
    assert_eq!(expired.cause(), Some(Cause::Credentials));
}

#[test]
fn no_message_holds_a_key_a_token_or_a_second_line() {
    let token = "A".repeat(300);
    let secrets = format!(
        "denied for ASIAABCDEFGHIJKLMNOP\nwith\u{1b}[2J x-amz-security-token:{token} end. Encoded \
         authorization failure message: abc"
    );
    let cleaned = clean(&secrets);
    assert_eq!(cleaned, "denied for (left out) with [2J (left out) end.");
    let quoted = in_body(
        "ec2:DescribeVolumes",
        "SignatureDoesNotMatch",
        "the canonical string was 'x-amz-security-token:abc'",
    );
    assert!(!quoted.message.contains("abc"), "{quoted}");
    assert!(clean(&"word ".repeat(400)).len() < 510);
    let request = "authorization: AWS4-HMAC-SHA256 Credential=x/y SignedHeaders=host, Signature=04b9 \
                   x-amz-security-token: short x-amz-date: now";
    let left = "authorization: (left out) (left out) (left out) (left out) x-amz-security-token: (left out) \
                x-amz-date: now";
    assert_eq!(clean(request), left, "what an endpoint quotes of a signed request");
}

#[test]
fn what_passes_only_where_the_run_caused_it_is_told_by_code_and_message() {
    let rows = [
        ("CreateFlowLogs", "InvalidParameter", "Unable to assume given IAM role", 1),
        ("CreateFlowLogs", "InvalidParameter", "Something else", 0),
        ("CreateFlowLogs", "400", "vpc-1: Access Denied for LogDestination: g.", 1),
        (
            "AttachVolume",
            "InvalidParameterValue",
            "Invalid value '/dev/sda1' for unixDevice. Attachment point /dev/sda1 is already in use",
            1,
        ),
        ("DeleteRole", "DeleteConflict", "Cannot delete entity, must delete policies first.", 1),
    ];
    for (operation, code, message, count) in rows {
        let error = in_body(&format!("any:{operation}"), code, message);
        assert_eq!(error.class, ErrorClass::Semantic, "{operation}");
        let call = Call::new("any", "us-east-1", operation, serde_json::Value::Null);
        assert_eq!(transitions(&call, &error).count(), count, "{operation} {message}");
    }
}

#[test]
fn a_limit_of_iam_or_kms_is_a_quota_and_never_throttling() {
    for (operation, code) in [
        ("CreateRole", "LimitExceeded"),
        ("PutRolePolicy", "LimitExceededException"),
        ("CreateKey", "LimitExceededException"),
    ] {
        assert_eq!(class(operation, code), ErrorClass::Quota, "{operation} {code}");
        assert_eq!(
            classify(operation, code, Some(409), Kind::Service),
            ErrorClass::Quota,
            "{operation} {code}"
        );
    }
    assert!(!ErrorClass::Quota.passes(), "waiting does not help");
}
