//! Policies of every shape, and what each is judged to be.

use serde_json::json;

use super::*;

const S3: Of = Of { prefix: Some("s3"), partition: "aws" };

fn with(base: &Value, more: Value) -> Value {
    let mut statement = base.clone();
    for (member, value) in more.as_object().unwrap() {
        match value {
            Value::Null => drop(statement.as_object_mut().unwrap().remove(member)),
            value => statement[member] = value.clone(),
        }
    }
    statement
}

fn all(effect: &str) -> Value {
    json!({ "Effect": effect, "Principal": "*", "Action": "*", "Resource": "*" })
}

fn of(statements: &[Value]) -> Width {
    width(&json!({ "Version": "2012-10-17", "Statement": statements }), S3)
}

fn judged(more: Value) -> Width {
    of(&[with(&all("Allow"), more)])
}

fn denies(more: Value) -> Width {
    of(&[all("Allow"), with(&all("Deny"), more)])
}

fn is_unclear(width: &Width) -> bool {
    matches!(width, Width::Unclear(_))
}

#[test]
fn everything_for_everybody_is_open_however_it_is_written() {
    for more in [
        json!({}),
        json!({ "Sid": "Default" }),
        json!({ "Principal": { "AWS": "*" } }),
        json!({ "Principal": { "AWS": ["123456789012", "*"] } }),
        json!({ "Action": ["s3:GetObject", "*"] }),
        json!({ "Action": "s3:*" }),
        json!({ "Action": "S3:*" }),
        json!({ "Resource": ["*"] }),
        json!({ "Resource": "arn:aws:s3:::*" }),
        json!({ "Condition": {} }),
    ] {
        assert_eq!(judged(more.clone()), Width::Open(vec![0]), "{more}");
    }
    assert_eq!(width(&json!({ "Statement": all("Allow") }), S3), Width::Open(vec![0]));
}

#[test]
fn whatever_is_less_than_everything_is_bounded() {
    for more in [
        json!({ "Principal": { "AWS": "arn:aws:iam::123456789012:root" } }),
        json!({ "Principal": { "Service": ["logs.amazonaws.com"] } }),
        json!({ "Action": "ec2:*" }),
        json!({ "Resource": ["arn:aws:s3:::maps", "arn:aws:s3:::maps/*"] }),
        json!({ "Resource": "arn:aws:s3:us-east-1:123456789012:accesspoint/*" }),
        json!({ "Condition": { "StringEquals": { "aws:PrincipalOrgID": "o-1" } } }),
        json!({ "Condition": { "StringEquals": { "AWS:principalaccount": ["123456789012"] } } }),
        json!({ "Condition": { "StringLike": { "aws:ResourceAccount": "123456789012" } } }),
        json!({ "Condition": { "StringEquals": { "aws:ResourceOrgID": "o-1" },
            "IpAddress": { "aws:VpcSourceIp": "10.0.0.0/8" } } }),
        json!({ "Condition": { "ArnLike": { "aws:PrincipalArn": "arn:aws:iam::123456789012:role/*" } } }),
        json!({ "Condition": { "ForAnyValue:StringLike": { "aws:PrincipalOrgPaths": "o-1/r-1/*" } } }),
        json!({ "Condition": { "Bool": { "aws:PrincipalIsAWSService": "true" } } }),
        json!({ "Condition": { "Bool": { "aws:PrincipalIsAWSService": true } } }),
    ] {
        assert_eq!(judged(more.clone()), Width::Bounded, "{more}");
    }
}

#[test]
fn some_actions_for_everybody_are_noted() {
    for more in [json!({ "Action": ["s3:Get*", "s3:Put*"] }), json!({ "Action": "s3:GetObject" })] {
        assert_eq!(judged(more.clone()), Width::Wide("statement 1".to_owned()), "{more}");
    }
}

#[test]
fn whatever_is_not_understood_is_neither_open_nor_fine() {
    for more in [
        json!({ "Principal": null }),
        json!({ "Principal": null, "NotPrincipal": { "AWS": "123456789012" } }),
        json!({ "Principal": "123456789012" }),
        json!({ "Principal": { "AWS": 1 } }),
        json!({ "Principal": { "AWS": [] } }),
        json!({ "Principal": { "AWS": "arn:aws:iam::*:root" } }),
        json!({ "Principal": { "New": "*" } }),
        json!({ "Action": null, "NotAction": "s3:DeleteBucket" }),
        json!({ "Action": "s3:?*" }),
        json!({ "Action": {} }),
        json!({ "Resource": null, "NotResource": "arn:aws:s3:::maps" }),
        json!({ "Resource": "arn:aws:s3:::*/*" }),
        json!({ "Resource": "arn:*:dynamodb:*:*:table/*" }),
        json!({ "Condition": { "StringEquals": { "aws:SourceVpc": "vpc-1" } } }),
        json!({ "Condition": { "StringEqualsIfExists": { "aws:PrincipalOrgID": "o-1" } } }),
        json!({ "Condition": { "StringNotEquals": { "aws:PrincipalOrgID": "o-1" } } }),
        json!({ "Condition": { "StringLike": { "aws:PrincipalOrgID": "*" } } }),
        json!({ "Condition": { "StringLike": { "aws:PrincipalAccount": ["123456789012", "1*"] } } }),
        json!({ "Condition": { "StringEquals": { "aws:PrincipalOrgID": "${aws:ResourceOrgID}" } } }),
        json!({ "Condition": { "ArnLike": { "aws:PrincipalArn": "arn:aws:iam::*:role/x" } } }),
        json!({ "Condition": { "ForAllValues:StringLike": { "aws:PrincipalOrgPaths": "o-1/*" } } }),
        json!({ "Condition": { "BoolIfExists": { "aws:PrincipalIsAWSService": "true" } } }),
        json!({ "Condition": { "Bool": { "aws:PrincipalIsAWSService": "false" } } }),
        json!({ "Condition": { "StringEquals": { "aws:PrincipalOrgID": [] } } }),
        json!({ "Condition": "none" }),
        json!({ "Effect": "allow" }),
        json!({ "Strange": 1 }),
    ] {
        assert!(is_unclear(&judged(more.clone())), "{more}: {:?}", judged(more.clone()));
    }
    for policy in [json!({}), json!({ "Statement": [] }), json!({ "Statement": ["*"] }), json!([])] {
        assert!(is_unclear(&width(&policy, S3)), "{policy}");
    }
    let unknown = Of { prefix: None, partition: "aws" };
    let statement = |action: &str| json!({ "Statement": with(&all("Allow"), json!({ "Action": action })) });
    assert!(is_unclear(&width(&statement("x:*"), unknown)));
    assert_eq!(width(&statement("*"), unknown), Width::Open(vec![0]));
    assert_eq!(width(&statement("x:Get*"), unknown), Width::Wide("statement 1".to_owned()));
}

#[test]
fn a_denial_closes_an_open_policy_only_if_it_denies_all_others() {
    for more in [
        json!({}),
        json!({ "Condition": { "StringNotEquals": { "aws:PrincipalOrgID": "o-1" } } }),
        json!({ "Condition": { "StringNotEqualsIfExists": { "aws:ResourceOrgID": "o-1" },
            "BoolIfExists": { "aws:PrincipalIsAWSService": "false" } } }),
        json!({ "Principal": { "AWS": "*" }, "Action": "s3:*",
            "Condition": { "StringNotEquals": { "aws:PrincipalAccount": "123456789012" } } }),
    ] {
        assert_eq!(denies(more.clone()), Width::Bounded, "{more}");
    }
    for more in [
        json!({ "Action": "s3:DeleteBucket" }),
        json!({ "Principal": { "AWS": "123456789012" } }),
        json!({ "Resource": "arn:aws:s3:::maps/*" }),
        json!({ "Condition": { "Bool": { "aws:SecureTransport": "false" } } }),
        json!({ "Condition": { "NumericLessThan": { "s3:TlsVersion": 1.2 } } }),
    ] {
        assert_eq!(denies(more.clone()), Width::Open(vec![0]), "{more}");
    }
    for more in [
        json!({ "Action": null, "NotAction": "s3:GetObject" }),
        json!({ "Principal": null, "NotPrincipal": { "AWS": "123456789012" } }),
        json!({ "Condition": { "NotIpAddress": { "aws:VpcSourceIp": "10.0.0.0/8" } } }),
        json!({ "Condition": { "StringNotEquals": { "aws:PrincipalOrgID": "o-1", "aws:SourceVpc": "v" } } }),
        json!({ "Condition": { "StringNotEquals": { "aws:PrincipalOrgID": "o-1",
            "aws:ResourceOrgID": "o-1" } } }),
        json!({ "Condition": { "Bool": { "aws:SecureTransport": "true" } } }),
        json!({ "Condition": { "Bool": { "aws:PrincipalIsAWSService": "false" } } }),
    ] {
        assert!(is_unclear(&denies(more.clone())), "{more}: {:?}", denies(more.clone()));
    }
}

#[test]
fn the_open_statements_are_found_among_others() {
    let narrow = with(&all("Allow"), json!({ "Action": "s3:GetObject" }));
    assert_eq!(of(&[narrow.clone(), all("Allow"), narrow.clone(), all("Allow")]), Width::Open(vec![1, 3]));
    assert_eq!(of(&[narrow.clone(), narrow.clone()]), Width::Wide("statement 1".to_owned()));
    let odd = with(&narrow, json!({ "Action": null, "NotAction": "s3:x" }));
    assert!(is_unclear(&of(&[narrow, odd])));
}
