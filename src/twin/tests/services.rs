//! Log groups, roles, trails and buckets.

use super::*;
use crate::{
    inventory::{Fact, Key, KeyPolicy, RetentionPolicy, Trail},
    twin::demo::OTHER,
};

fn logs(twin: &mut Twin, operation: &str, input: Value) -> Outcome {
    try_in(twin, "logs", MAIN, operation, input)
}

fn iam(twin: &mut Twin, operation: &str, input: Value) -> Outcome {
    try_in(twin, "iam", "us-east-1", operation, input)
}

fn s3(twin: &mut Twin, operation: &str, input: Value) -> Outcome {
    try_in(twin, "s3", MAIN, operation, input)
}

fn trail(twin: &mut Twin, operation: &str, input: Value) -> Outcome {
    try_in(twin, "cloudtrail", MAIN, operation, input)
}

fn the_trail(twin: &Twin, name: &str) -> Trail {
    twin.truth()
        .trails
        .get(&format!("arn:aws:cloudtrail:us-east-1:123456789012:trail/{name}"))
        .known()
        .copied()
        .unwrap()
        .clone()
}

#[test]
fn a_log_group_is_made_once_and_keeps_one_of_the_retentions_there_are() {
    let mut twin = company();
    let name = json!({ "logGroupName": "/redress/flow" });
    assert!(
        logs(&mut twin, "CreateLogGroup", json!({ "logGroupName": "/redress/flow", "tags": { "a": "b" } }))
            .is_ok()
    );
    assert_eq!(error(logs(&mut twin, "CreateLogGroup", name.clone())).class, ErrorClass::AlreadyDone);
    let keep = |twin: &mut Twin, days: i32| {
        logs(twin, "PutRetentionPolicy", json!({ "logGroupName": "/redress/flow", "retentionInDays": days }))
    };
    assert!(keep(&mut twin, 31).is_err());
    assert!(keep(&mut twin, 30).is_ok());
    assert_eq!(
        twin.truth().regions[MAIN].log_groups.get("/redress/flow").known().unwrap().retention_in_days,
        Some(30)
    );
    assert!(logs(&mut twin, "DeleteRetentionPolicy", name.clone()).is_ok());
    assert!(logs(&mut twin, "DeleteLogGroup", name.clone()).is_ok());
    assert_eq!(error(logs(&mut twin, "DeleteLogGroup", name)).class, ErrorClass::AlreadyDone);
}

#[test]
fn a_retention_policy_of_the_account_decides_in_the_place_of_what_is_set_on_a_log_group() {
    let mut twin = company();
    let policy = |days: Fact<i32>| RetentionPolicy {
        id: "org-default".into(),
        days,
        selection: Some(r#"LogGroupNamePrefix IN ["/redress/"]"#.into()),
        updated: None,
    };
    let shows = |twin: &Twin, name: &str| {
        let group = twin.truth().regions[MAIN].log_groups.get(name).known().copied().unwrap();
        (group.retention_in_days, group.retention_policy_name.clone())
    };
    let keep = |twin: &mut Twin, name: &str| {
        logs(twin, "CreateLogGroup", json!({ "logGroupName": name })).unwrap();
        logs(twin, "PutRetentionPolicy", json!({ "logGroupName": name, "retentionInDays": 90 })).unwrap();
    };
    let by = Some("org-default".to_owned());
    twin.truth_mut().region_mut(MAIN).retention_policies.put("org-default", policy(Fact::Known(365)));
    keep(&mut twin, "/redress/flow");
    assert_eq!(shows(&twin, "/redress/flow"), (Some(365), by.clone()));
    keep(&mut twin, "/other");
    assert_eq!(shows(&twin, "/other"), (Some(90), None), "the policy does not select it");
    twin.truth_mut().region_mut(MAIN).retention_policies.put("org-default", policy(Fact::Absent));
    keep(&mut twin, "/redress/ever");
    assert_eq!(shows(&twin, "/redress/ever"), (None, by));
}

#[test]
fn a_log_group_that_is_protected_against_deletion_stays() {
    let mut twin = company();
    logs(&mut twin, "CreateLogGroup", json!({ "logGroupName": "g" })).unwrap();
    let protect = |twin: &mut Twin, on: bool| {
        twin.truth_mut().region_mut(MAIN).log_groups.get_mut("g").unwrap().deletion_protection = on;
    };
    protect(&mut twin, true);
    assert_eq!(
        code(logs(&mut twin, "DeleteLogGroup", json!({ "logGroupName": "g" }))),
        "ValidationException"
    );
    protect(&mut twin, false);
    logs(&mut twin, "DeleteLogGroup", json!({ "logGroupName": "g" })).unwrap();
}

#[test]
fn a_role_goes_only_after_its_policies() {
    let mut twin = company();
    let role = json!({ "RoleName": "lab-flow-logs" });
    assert_eq!(code(iam(&mut twin, "DeleteRole", role.clone())), "DeleteConflict");
    let policy = json!({ "RoleName": "lab-flow-logs", "PolicyName": "deliver" });
    assert!(iam(&mut twin, "DeleteRolePolicy", policy.clone()).is_ok());
    assert_eq!(error(iam(&mut twin, "DeleteRolePolicy", policy)).class, ErrorClass::AlreadyDone);
    assert!(iam(&mut twin, "DeleteRole", role.clone()).is_ok());
    assert_eq!(error(iam(&mut twin, "DeleteRole", role)).class, ErrorClass::AlreadyDone);
}

#[test]
fn a_role_is_made_once_of_a_document_that_is_one() {
    let mut twin = company();
    let make = |twin: &mut Twin, name: &str, document: &str| {
        iam(twin, "CreateRole", json!({ "RoleName": name, "AssumeRolePolicyDocument": document }))
    };
    assert_eq!(code(make(&mut twin, "r", "{")), "MalformedPolicyDocument");
    assert_eq!(code(make(&mut twin, "r", "{}")), "MalformedPolicyDocument");
    assert_eq!(code(make(&mut twin, "a b", r#"{"Statement":[{}]}"#)), "ValidationError");
    assert!(make(&mut twin, "r", r#"{"Statement":[{}]}"#).is_ok());
    let again = error(make(&mut twin, "r", r#"{"Statement":[{}]}"#));
    assert_eq!((again.code.as_str(), again.class), ("EntityAlreadyExists", ErrorClass::AlreadyDone));
}

#[test]
fn a_trail_is_raised_and_delivers_again() {
    let mut twin = company();
    let before = the_trail(&twin, "company-audit").latest_delivery_time;
    trail(
        &mut twin,
        "UpdateTrail",
        json!({ "Name": "company-audit", "IsMultiRegionTrail": true, "EnableLogFileValidation": true }),
    )
    .unwrap();
    trail(
        &mut twin,
        "StartLogging",
        json!({ "Name": "arn:aws:cloudtrail:us-east-1:123456789012:trail/company-audit" }),
    )
    .unwrap();
    let raised = the_trail(&twin, "company-audit");
    assert_eq!(
        (raised.is_multi_region, raised.log_file_validation, raised.is_logging.clone()),
        (true, true, Fact::Known(true))
    );
    assert_eq!(raised.latest_delivery_time, before);
    minutes(&mut twin, 6);
    assert_ne!(the_trail(&twin, "company-audit").latest_delivery_time, before);
    trail(&mut twin, "StopLogging", json!({ "Name": "company-audit" })).unwrap();
    assert_eq!(the_trail(&twin, "company-audit").is_logging, Fact::Known(false));
}

#[test]
fn a_trail_is_changed_at_home_only() {
    let mut twin = company();
    let arn = "arn:aws:cloudtrail:us-east-1:123456789012:trail/company-audit";
    let elsewhere = |twin: &mut Twin, name: &str| {
        code(try_in(twin, "cloudtrail", OTHER, "StartLogging", json!({ "Name": name })))
    };
    assert_eq!(elsewhere(&mut twin, arn), "InvalidHomeRegionException");
    assert_eq!(
        elsewhere(&mut twin, "company-audit"),
        "TrailNotFoundException",
        "a single-region trail is not seen from elsewhere"
    );
    trail(&mut twin, "UpdateTrail", json!({ "Name": arn, "IsMultiRegionTrail": true })).unwrap();
    assert_eq!(elsewhere(&mut twin, "company-audit"), "InvalidHomeRegionException");
}

#[test]
fn a_trail_whose_bucket_went_away_says_so_at_its_next_delivery() {
    let mut twin = company();
    twin.truth_mut().buckets.items.remove("larkspur-audit");
    trail(&mut twin, "StartLogging", json!({ "Name": "company-audit" })).unwrap();
    minutes(&mut twin, 6);
    assert_eq!(
        the_trail(&twin, "company-audit").latest_delivery_error,
        Fact::Known("NoSuchBucket".to_owned())
    );
}

fn policy(bucket: &str, trail: &str) -> String {
    let condition = json!({ "StringEquals": { "aws:SourceArn": format!("arn:aws:cloudtrail:us-east-1:123456789012:trail/{trail}") } });
    let who = json!({ "Service": "cloudtrail.amazonaws.com" });
    json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": who, "Action": "s3:GetBucketAcl",
            "Resource": format!("arn:aws:s3:::{bucket}"), "Condition": condition },
        { "Effect": "Allow", "Principal": who, "Action": "s3:PutObject",
            "Resource": format!("arn:aws:s3:::{bucket}/AWSLogs/123456789012/*"), "Condition": condition },
        { "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [format!("arn:aws:s3:::{bucket}"),
            format!("arn:aws:s3:::{bucket}/*")],
                "Condition": { "Bool": { "aws:SecureTransport": "false" } } },
    ]})
    .to_string()
}

#[test]
fn a_trail_needs_a_bucket_that_lets_just_this_trail_in() {
    let mut twin = company();
    let make = |twin: &mut Twin| {
        trail(
            twin,
            "CreateTrail",
            json!({ "Name": "redress", "S3BucketName": "new-bucket", "IsMultiRegionTrail": true,
                "EnableLogFileValidation": true, "TagsList": [{ "Key": "a", "Value": "b" }] }),
        )
    };
    assert_eq!(code(make(&mut twin)), "S3BucketDoesNotExistException");
    s3(&mut twin, "CreateBucket", json!({ "Bucket": "new-bucket" })).unwrap();
    assert_eq!(code(make(&mut twin)), "InsufficientS3BucketPolicyException");
    let put = |twin: &mut Twin, name: &str| {
        s3(twin, "PutBucketPolicy", json!({ "Bucket": "new-bucket", "Policy": policy("new-bucket", name) }))
            .unwrap()
    };
    put(&mut twin, "another");
    assert_eq!(code(make(&mut twin)), "InsufficientS3BucketPolicyException");
    put(&mut twin, "redress");
    assert_eq!(made(make(&mut twin)), json!("arn:aws:cloudtrail:us-east-1:123456789012:trail/redress"));
    assert_eq!(the_trail(&twin, "redress").is_logging, Fact::Known(false), "a new trail does not log yet");
    let again = error(make(&mut twin));
    assert_eq!((again.code.as_str(), again.class), ("TrailAlreadyExistsException", ErrorClass::AlreadyDone));
    trail(&mut twin, "DeleteTrail", json!({ "Name": "redress" })).unwrap();
    assert_eq!(
        error(trail(&mut twin, "DeleteTrail", json!({ "Name": "redress" }))).class,
        ErrorClass::AlreadyDone
    );
}

#[test]
fn a_name_that_somebody_else_has_is_refused_and_ones_own_is_recognised() {
    let mut twin = company();
    let taken = error(s3(&mut twin, "CreateBucket", json!({ "Bucket": "larkspur-logs" })));
    assert_eq!((taken.code.as_str(), taken.class), ("BucketAlreadyExists", ErrorClass::Semantic));
    assert!(
        s3(&mut twin, "CreateBucket", json!({ "Bucket": "larkspur-tiles" })).is_ok(),
        "us-east-1 says yes again"
    );
    let mut there = |place: Value| {
        try_in(
            &mut twin,
            "s3",
            OTHER,
            "CreateBucket",
            json!({ "Bucket": "larkspur-tiles", "CreateBucketConfiguration": place }),
        )
    };
    assert_eq!(error(there(json!({ "LocationConstraint": OTHER }))).class, ErrorClass::AlreadyDone);
    assert_eq!(
        code(there(json!({ "LocationConstraint": "ap-south-1" }))),
        "IllegalLocationConstraintException"
    );
    assert_eq!(
        code(s3(&mut company(), "CreateBucket", json!({ "Bucket": "Not_A_Name" }))),
        "InvalidBucketName"
    );
}

#[test]
fn the_settings_of_a_bucket_are_kept_and_a_public_policy_is_blocked() {
    let mut twin = company();
    s3(&mut twin, "CreateBucket", json!({ "Bucket": "b-1" })).unwrap();
    let on = json!({ "BlockPublicAcls": true, "IgnorePublicAcls": true, "BlockPublicPolicy": true,
        "RestrictPublicBuckets": true });
    s3(&mut twin, "PutPublicAccessBlock", json!({ "Bucket": "b-1", "PublicAccessBlockConfiguration": on }))
        .unwrap();
    s3(
        &mut twin,
        "PutBucketVersioning",
        json!({ "Bucket": "b-1", "VersioningConfiguration": { "Status": "Enabled" } }),
    )
    .unwrap();
    let rule = json!({ "ApplyServerSideEncryptionByDefault": { "SSEAlgorithm": "aws:kms",
        "KMSMasterKeyID": "alias/x" } });
    s3(
        &mut twin,
        "PutBucketEncryption",
        json!({ "Bucket": "b-1", "ServerSideEncryptionConfiguration": { "Rules": [rule] } }),
    )
    .unwrap();
    s3(
        &mut twin,
        "PutBucketTagging",
        json!({ "Bucket": "b-1", "Tagging": { "TagSet": [{ "Key": "a", "Value": "b" }] } }),
    )
    .unwrap();
    let open = r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*"}]}"#;
    assert_eq!(
        code(s3(&mut twin, "PutBucketPolicy", json!({ "Bucket": "b-1", "Policy": open }))),
        "AccessDenied"
    );
    assert_eq!(
        code(s3(&mut twin, "PutBucketPolicy", json!({ "Bucket": "b-1", "Policy": "{" }))),
        "MalformedPolicy"
    );
    assert_eq!(
        code(s3(&mut twin, "PutBucketPolicy", json!({ "Bucket": "larkspur-logs", "Policy": open }))),
        "AccessDenied"
    );
    assert_eq!(
        code(s3(
            &mut twin,
            "PutBucketTagging",
            json!({ "Bucket": "b-1", "ExpectedBucketOwner": "1", "Tagging": { "TagSet": [] } })
        )),
        "AccessDenied"
    );
    let bucket = twin.truth().buckets.get("b-1").known().copied().unwrap().clone();
    assert_eq!(
        (bucket.versioning, bucket.encryption, bucket.encryption_key),
        (Fact::Known("Enabled".into()), Fact::Known("aws:kms".into()), Fact::Known("alias/x".into()))
    );
    assert_eq!((bucket.public_access_blocked, bucket.policy), (Fact::Known(true), Fact::Absent));
}

#[test]
fn only_a_bucket_that_is_known_to_be_empty_is_deleted() {
    let mut twin = company();
    assert!(is_unknown(s3(&mut twin, "DeleteBucket", json!({ "Bucket": "larkspur-tiles" }))));
    assert_eq!(code(s3(&mut twin, "DeleteBucket", json!({ "Bucket": "larkspur-audit" }))), "BucketNotEmpty");
    s3(&mut twin, "CreateBucket", json!({ "Bucket": "b-1" })).unwrap();
    assert!(s3(&mut twin, "DeleteBucket", json!({ "Bucket": "b-1" })).is_ok());
    assert_eq!(
        error(s3(&mut twin, "DeleteBucket", json!({ "Bucket": "b-1" }))).class,
        ErrorClass::AlreadyDone
    );
}

/// Gives the company a trail of another account, as a member of an organization sees it.
fn with_trail_of_all(twin: &mut Twin) -> String {
    let arn = "arn:aws:cloudtrail:us-east-1:999999999999:trail/of-all".to_owned();
    let of_all = Trail {
        id: arn.clone(),
        name: "of-all".into(),
        home_region: MAIN.into(),
        is_organization: true,
        is_multi_region: true,
        is_logging: Fact::Known(true),
        ..Trail::default()
    };
    twin.truth_mut().trails.put(arn.clone(), of_all);
    arn
}

#[test]
fn the_trail_of_an_organization_is_changed_by_its_owner_only() {
    let mut twin = company();
    let arn = with_trail_of_all(&mut twin);
    let refused = trail(&mut twin, "StopLogging", json!({ "Name": arn }));
    assert_eq!(code(refused), "NotOrganizationMasterAccountException");
    let own = "arn:aws:cloudtrail:us-east-1:123456789012:trail/company-audit";
    twin.truth_mut().trails.get_mut(own).unwrap().is_organization = true;
    assert!(trail(&mut twin, "StartLogging", json!({ "Name": own })).is_ok());
}

#[test]
fn an_old_delivery_error_stays_until_the_next_delivery() {
    let mut twin = company();
    let own = "arn:aws:cloudtrail:us-east-1:123456789012:trail/company-audit";
    twin.truth_mut().trails.get_mut(own).unwrap().latest_delivery_error = Fact::Known("NoSuchBucket".into());
    trail(&mut twin, "StartLogging", json!({ "Name": own })).unwrap();
    let shown = the_trail(&twin, "company-audit");
    assert_eq!(shown.latest_delivery_error, Fact::Known("NoSuchBucket".to_owned()));
    assert_eq!(shown.start_logging_time, Fact::Known(twin.now()));
    minutes(&mut twin, 6);
    assert_eq!(the_trail(&twin, "company-audit").latest_delivery_error, Fact::Known(String::new()));
}

#[test]
fn a_trail_takes_a_key_of_the_buckets_region_that_lets_cloudtrail_in() {
    let mut twin = company();
    let key = "arn:aws:kms:us-east-1:123456789012:key/logs";
    let record = Key {
        arn: key.into(),
        key_state: "Enabled".into(),
        key_spec: "SYMMETRIC_DEFAULT".into(),
        key_usage: "ENCRYPT_DECRYPT".into(),
        ..Key::default()
    };
    twin.truth_mut().region_mut(MAIN).keys.put(key, record);
    let create = |twin: &mut Twin, name: &str, key: &str| {
        let policy = policy("larkspur-audit", name);
        s3(twin, "PutBucketPolicy", json!({ "Bucket": "larkspur-audit", "Policy": policy })).unwrap();
        let input = json!({ "Name": name, "S3BucketName": "larkspur-audit", "KmsKeyId": key });
        trail(twin, "CreateTrail", input)
    };
    let open = json!({ "Statement": { "Effect": "Allow", "Principal": { "Service": "cloudtrail.amazonaws.com" },
        "Action": "kms:*", "Resource": "*" } });
    let put = |twin: &mut Twin, policy: Value| {
        let policies = &mut twin.truth_mut().region_mut(MAIN).key_policies;
        policies.put(key, KeyPolicy { id: key.into(), policy });
    };
    put(&mut twin, json!({ "Statement": [] }));
    assert_eq!(code(create(&mut twin, "first", key)), "InsufficientEncryptionPolicyException");
    put(&mut twin, open);
    let elsewhere = "arn:aws:kms:eu-west-1:123456789012:key/logs";
    assert_eq!(code(create(&mut twin, "second", elsewhere)), "KmsKeyNotFoundException");
    assert!(create(&mut twin, "third", key).is_ok());
    assert_eq!(the_trail(&twin, "third").kms_key_id.as_deref(), Some(key));
}
