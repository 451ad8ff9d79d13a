//! The proof that a bucket's policy lets a trail deliver to it: the requests that CloudTrail makes, put to
//! [`policy`](crate::checks::policy). A request that cannot be proved is reported as such; it never counts as
//! allowed.
//!
//! Rules:
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html>.

use serde_json::Value;

use crate::{
    checks::policy::{Request, Unproved, allows},
    inventory::Trail,
};

/// The service that delivers.
const CLOUDTRAIL: &str = "cloudtrail.amazonaws.com";

/// The judgement on a trail's deliveries by a bucket's policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// The policy allows them.
    Allowed,
    /// The policy does not allow them; these statements are missing, in words.
    Missing(Vec<String>),
    /// The policy may deny them under conditions that cannot be judged from here.
    Unprovable(String),
}

/// Judges whether this policy lets this trail deliver: `s3:GetBucketAcl` on the bucket and `s3:PutObject` to
/// every key under `[prefix/]AWSLogs/<account>/`, for a trail of an organization also under
/// `[prefix/]AWSLogs/<organization id>/`, where the logs of its members go. CloudTrail uses TLS, calls as an
/// AWS service, names its trail and account as the source, and gives the bucket's owner full control.
pub fn delivery(policy: &Value, trail: &Trail, account: &str) -> Delivery {
    delivery_in(policy, trail, account, None)
}

/// Judges as [`delivery`] does, with the id of the organization where that is known.
pub fn delivery_in(policy: &Value, trail: &Trail, account: &str, organization: Option<&str>) -> Delivery {
    let partition = trail.id.split(':').nth(1).unwrap_or("aws");
    let bucket = format!("arn:{partition}:s3:::{}", trail.s3_bucket_name);
    let prefix = trail
        .s3_key_prefix
        .as_deref()
        .filter(|p| !p.is_empty())
        .map(|p| format!("{}/", p.trim_end_matches('/')))
        .unwrap_or_default();
    let objects = format!("{bucket}/{prefix}AWSLogs/{account}/*");
    let of_members = format!("{bucket}/{prefix}AWSLogs/{}/*", organization.unwrap_or("o-*"));
    let context = [
        ("aws:SourceArn", trail.id.as_str()),
        ("aws:SourceAccount", account),
        ("aws:SecureTransport", "true"),
        ("aws:PrincipalIsAWSService", "true"),
        ("s3:x-amz-acl", "bucket-owner-full-control"),
    ];
    // An ACL is sent only with an object that is written.
    let mut requests =
        vec![("s3:GetBucketAcl", &bucket, &context[..4]), ("s3:PutObject", &objects, &context[..])];
    if trail.is_organization {
        requests.push(("s3:PutObject", &of_members, &context[..]));
    }
    let mut lacking = Vec::new();
    for (action, resource, context) in requests {
        match allows(
            policy,
            &Request { principal: Some(CLOUDTRAIL), action, resource: Some(resource), context },
        ) {
            Ok(()) => {}
            Err(Unproved::NotAllowed)
                if organization.is_none() && *resource == of_members && names_an_organization(policy) =>
            {
                return Delivery::Unprovable(format!(
                    "the policy names the folder of one organization below {prefix}AWSLogs/, and redress \
                     cannot compare it with the organization of the trail"
                ));
            }
            Err(Unproved::NotAllowed) => lacking.push(format!("{action} on {resource} for {CLOUDTRAIL}")),
            Err(Unproved::MayBeDenied(sid)) => {
                return Delivery::Unprovable(format!(
                    "the policy's Deny statement {sid:?} may apply to {action}"
                ));
            }
        }
    }
    if lacking.is_empty() { Delivery::Allowed } else { Delivery::Missing(lacking) }
}

/// Returns whether a statement of the policy is about the folder of an organization, by its id.
fn names_an_organization(policy: &Value) -> bool {
    policy.to_string().contains("AWSLogs/o-")
}

/// Returns whether the policy denies everything that comes without TLS.
pub fn tls_only(policy: &Value) -> bool {
    let statements = match policy.get("Statement") {
        Some(Value::Array(all)) => all.iter().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    };
    statements.iter().any(|s| {
        let plain = s
            .pointer("/Condition/Bool/aws:SecureTransport")
            .and_then(|v| v.as_str().map(str::to_owned).or_else(|| v.as_bool().map(|b| b.to_string())));
        s["Effect"] == "Deny"
            && s["Principal"] == "*"
            && s["Action"] == "s3:*"
            && plain.as_deref() == Some("false")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TRAIL: &str = "arn:aws:cloudtrail:us-east-1:123456789012:trail/audit";

    fn trail() -> Trail {
        Trail { id: TRAIL.into(), s3_bucket_name: "b".into(), ..Trail::default() }
    }
    fn statement(action: &str, resource: &str, condition: Value) -> Value {
        json!({ "Effect": "Allow", "Principal": { "Service": CLOUDTRAIL }, "Action": action,
            "Resource": resource, "Condition": condition })
    }
    fn documented() -> Vec<Value> {
        let from = json!({ "StringEquals": { "aws:SourceArn": TRAIL } });
        let write = json!({ "StringEquals": { "aws:SourceArn": TRAIL,
            "s3:x-amz-acl": "bucket-owner-full-control" } });
        vec![
            statement("s3:GetBucketAcl", "arn:aws:s3:::b", from),
            statement("s3:PutObject", "arn:aws:s3:::b/AWSLogs/123456789012/*", write),
        ]
    }
    fn say(statements: Vec<Value>) -> Delivery {
        delivery(&json!({ "Statement": statements }), &trail(), "123456789012")
    }

    #[test]
    fn the_documented_policy_and_a_wider_one_without_conditions_allow() {
        assert_eq!(say(documented()), Delivery::Allowed);
        let wide = vec![
            statement("s3:Get*", "arn:aws:s3:::*", json!({})),
            statement("s3:putobject", "arn:aws:s3:::b/*", json!({})),
        ];
        assert_eq!(say(wide), Delivery::Allowed);
        let one = json!({ "Statement": statement("*", "*", json!({})) });
        assert_eq!(delivery(&one, &trail(), "123456789012"), Delivery::Allowed);
    }

    #[test]
    fn what_is_missing_is_told() {
        let cases = [
            (vec![], 2),
            (documented()[..1].to_vec(), 1),
            (
                vec![
                    documented()[0].clone(),
                    statement("s3:PutObject", "arn:aws:s3:::b/AWSLogs/999999999999/*", json!({})),
                ],
                1,
            ),
            (
                vec![
                    documented()[0].clone(),
                    statement("s3:PutObject", "arn:aws:s3:::b/AWSLogs/123456789012/CloudTrail/*", json!({})),
                ],
                1,
            ),
            (
                vec![
                    documented()[0].clone(),
                    statement("s3:PutObject", "arn:aws:s3:::b/AWSLogs/123456789012/????", json!({})),
                ],
                1,
            ),
        ];
        for (statements, lacking) in cases {
            assert!(
                matches!(say(statements.clone()), Delivery::Missing(m) if m.len() == lacking),
                "{statements:?}"
            );
        }
    }

    #[test]
    fn conditions_for_another_trail_or_of_an_unknown_kind_do_not_allow() {
        for condition in [
            json!({ "StringEquals": { "aws:SourceArn": "arn:aws:cloudtrail:us-east-1:123456789012:trail/other" } }),
            json!({ "StringEquals": { "aws:SourceOrgID": "o-1" } }),
            json!({ "IpAddress": { "aws:SourceIp": "10.0.0.0/8" } }),
        ] {
            let statements = vec![
                documented()[0].clone(),
                statement("s3:PutObject", "arn:aws:s3:::b/*", condition.clone()),
            ];
            assert!(matches!(say(statements), Delivery::Missing(_)), "{condition}");
        }
        let like = json!({ "ArnLike": { "aws:SourceArn": "arn:aws:cloudtrail:*:123456789012:trail/*" } });
        assert_eq!(
            say(vec![documented()[0].clone(), statement("s3:PutObject", "arn:aws:s3:::b/*", like)]),
            Delivery::Allowed
        );
    }

    #[test]
    fn the_trail_of_an_organization_needs_the_folder_of_its_members_too() {
        let of_all = Trail { is_organization: true, ..trail() };
        let with = |resource: &str| {
            let mut all = documented();
            all.push(statement("s3:PutObject", resource, json!({})));
            delivery(&json!({ "Statement": all }), &of_all, "123456789012")
        };
        let own = delivery(&json!({ "Statement": documented() }), &of_all, "123456789012");
        assert!(matches!(own, Delivery::Missing(m) if m.len() == 1 && m[0].contains("AWSLogs/o-*")));
        assert!(matches!(with("arn:aws:s3:::b/AWSLogs/o-example/*"), Delivery::Unprovable(_)));
        assert_eq!(with("arn:aws:s3:::b/AWSLogs/*"), Delivery::Allowed);
        let mut named = documented();
        named.push(statement("s3:PutObject", "arn:aws:s3:::b/AWSLogs/o-example/*", json!({})));
        let policy = json!({ "Statement": named });
        let known = |id: &str| delivery_in(&policy, &of_all, "123456789012", Some(id));
        assert_eq!(known("o-example"), Delivery::Allowed);
        assert!(matches!(known("o-other"), Delivery::Missing(m) if m[0].contains("AWSLogs/o-other")));
    }

    #[test]
    fn a_prefix_must_be_covered() {
        let with_prefix = Trail { s3_key_prefix: Some("logs".into()), ..trail() };
        let policy = json!({ "Statement": documented() });
        assert!(matches!(delivery(&policy, &with_prefix, "123456789012"), Delivery::Missing(_)));
    }

    #[test]
    fn a_deny_counts_unless_it_surely_does_not_apply() {
        let deny = |principal: Value, action: &str, resource: &str, condition: Value| {
            let mut all = documented();
            all.push(json!({ "Sid": "D", "Effect": "Deny", "Principal": principal, "Action": action,
                "Resource": resource, "Condition": condition }));
            say(all)
        };
        let tls = json!({ "Bool": { "aws:SecureTransport": "false" } });
        assert_eq!(deny(json!("*"), "s3:*", "arn:aws:s3:::b/*", tls), Delivery::Allowed);
        assert_eq!(
            deny(json!({ "AWS": "arn:aws:iam::1:role/x" }), "s3:*", "arn:aws:s3:::b/*", json!({})),
            Delivery::Allowed
        );
        assert_eq!(deny(json!("*"), "s3:DeleteObject", "arn:aws:s3:::b/*", json!({})), Delivery::Allowed);
        let other = json!({ "StringNotEquals": { "aws:SourceArn": TRAIL } });
        assert_eq!(deny(json!("*"), "s3:PutObject", "arn:aws:s3:::b/*", other), Delivery::Allowed);
        let kms = json!({ "StringNotEquals": { "s3:x-amz-server-side-encryption": "aws:kms" } });
        assert!(matches!(deny(json!("*"), "s3:PutObject", "arn:aws:s3:::b/*", kms),
                Delivery::Unprovable(why) if why.contains("\"D\"")));
        assert!(matches!(
            deny(json!("*"), "s3:Put*", "arn:aws:s3:::b/AWSLogs/*/CloudTrail/*", json!({})),
            Delivery::Unprovable(_)
        ));
    }
}
