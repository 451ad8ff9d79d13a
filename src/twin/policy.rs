//! The little of IAM's policy language that decides whether a service may deliver: statements, principals,
//! actions and resources with `*`, and the conditions of AWS's own delivery policies. Everything else in a
//! policy counts as not matching an Allow; this is no policy simulator. It is not the checks' own evaluator
//! on purpose: one that the checks and the twin shared would only agree with itself.

use serde_json::Value;

use super::Twin;
use crate::inventory::{Fact, FlowLog, Trail};

/// A request of a service.
pub(super) struct Request<'a> {
    /// `cloudtrail.amazonaws.com`; `None` for identity policies, which name no principal.
    pub service: Option<&'a str>,
    /// `s3:PutObject`
    pub action: &'a str,
    /// The ARN; `None` for trust policies, which name no resource.
    pub resource: Option<&'a str>,
    /// Values of condition keys, e.g. `aws:SourceArn`.
    pub context: &'a [(&'a str, &'a str)],
}

/// Returns whether a policy allows a request: some Allow matches, no Deny does.
pub(super) fn allows(policy: &Value, request: &Request<'_>) -> bool {
    let statements = listed(&policy["Statement"]);
    let matching = |effect: &str| statements.iter().any(|s| s["Effect"] == effect && matches(s, request));
    matching("Allow") && !matching("Deny")
}

/// Returns whether a policy grants something to everybody without a condition.
pub(super) fn is_public(policy: &Value) -> bool {
    let everybody =
        |s: &Value| s["Principal"] == "*" || listed(&s["Principal"]["AWS"]).iter().any(|p| *p == "*");
    listed(&policy["Statement"])
        .iter()
        .any(|s| s["Effect"] == "Allow" && everybody(s) && s.get("Condition").is_none())
}

/// Returns a value, or a list of values, as a list.
fn listed(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Null => Vec::new(),
        one => vec![one],
    }
}

fn matches(statement: &Value, request: &Request<'_>) -> bool {
    let any = |member: &str, text: &str| {
        listed(&statement[member]).iter().filter_map(|v| v.as_str()).any(|pattern| like(pattern, text))
    };
    let principal = request.service.is_none_or(|service| {
        statement["Principal"] == "*"
            || listed(&statement["Principal"]["Service"]).iter().any(|p| *p == service || *p == "*")
    });
    principal
        && any("Action", request.action)
        && request.resource.is_none_or(|r| any("Resource", r))
        && conditions(&statement["Condition"], request.context)
}

/// Returns whether every condition holds. A key that the request does not carry fails, as in IAM.
fn conditions(block: &Value, context: &[(&str, &str)]) -> bool {
    let Value::Object(operators) = block else { return true };
    operators.iter().all(|(operator, keys)| {
        let Value::Object(keys) = keys else { return false };
        keys.iter().all(|(key, wanted)| {
            let Some((_, have)) = context.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)) else {
                return false;
            };
            listed(wanted).iter().any(|v| match (operator.as_str(), v) {
                ("StringEquals", Value::String(v)) => v == have,
                ("ArnLike" | "ArnEquals" | "StringLike", Value::String(v)) => like(v, have),
                ("Bool", Value::String(v)) => v == have,
                ("Bool", Value::Bool(v)) => v.to_string() == *have,
                _ => false,
            })
        })
    })
}

/// Matches IAM's patterns: `*` for any characters, `?` for one.
fn like(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        if p < pattern.len() && (pattern[p] == '?' || pattern[p] == text[t]) && pattern[p] != '*' {
            (p, t) = (p + 1, t + 1);
        } else if p < pattern.len() && pattern[p] == '*' {
            star = Some((p, t));
            p += 1;
        } else if let Some((at, from)) = star {
            star = Some((at, from + 1));
            (p, t) = (at + 1, from + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// Returns whether the trail's bucket lets it deliver: the two statements that CloudTrail requires
/// (<https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html>).
pub(super) fn trail_may_deliver(twin: &Twin, trail: &Trail) -> Fact<bool> {
    let owner = &twin.truth.owner;
    let policy = match twin.truth.buckets.get(&trail.s3_bucket_name) {
        Fact::Known(bucket) => bucket.policy.as_ref().map(Clone::clone),
        Fact::Absent => Fact::Absent,
        Fact::Unknown(reason) => Fact::Unknown(reason),
        Fact::NotRead => Fact::NotRead,
    };
    policy.map(|policy| {
        let bucket = format!("arn:{}:s3:::{}", owner.partition, trail.s3_bucket_name);
        let prefix = trail
            .s3_key_prefix
            .as_ref()
            .map_or_else(String::new, |p| format!("{}/", p.trim_end_matches('/')));
        let objects = format!("{bucket}/{prefix}AWSLogs/{}/CloudTrail/x", owner.account);
        let context = [
            ("aws:SourceArn", trail.id.as_str()),
            ("aws:SourceAccount", owner.account.as_str()),
            ("s3:x-amz-acl", "bucket-owner-full-control"),
            ("aws:SecureTransport", "true"),
        ];
        let may = |action, resource: &str| {
            allows(
                &policy,
                &Request {
                    service: Some("cloudtrail.amazonaws.com"),
                    action,
                    resource: Some(resource),
                    context: &context,
                },
            )
        };
        // Where the twin does not know the organization, it takes the policy to name the right one.
        let organizations = match twin.truth.organization() {
            Fact::Known(id) => vec![id.to_owned()],
            _ => organizations(&policy).into_iter().chain(["o-anyorganization".to_owned()]).collect(),
        };
        let organizations = organizations.into_iter();
        let members: Vec<String> =
            organizations.map(|id| format!("{bucket}/{prefix}AWSLogs/{id}/1/CloudTrail/x")).collect();
        let for_members = || members.iter().any(|objects| may("s3:PutObject", objects));
        may("s3:GetBucketAcl", &bucket)
            && may("s3:PutObject", &objects)
            && (!trail.is_organization || for_members())
    })
}

/// Returns the ids of organizations whose folders a bucket's policy names.
fn organizations(policy: &Value) -> Vec<String> {
    let text = policy.to_string();
    let after = text.split("AWSLogs/").skip(1).filter(|rest| rest.starts_with("o-"));
    after.map(|rest| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect()).collect()
}

/// Returns whether CloudTrail can encrypt log files of a trail under a key, by the policy of the key
/// (<https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html>).
pub(super) fn trail_may_encrypt(twin: &Twin, trail: &str, key: &str, policy: &Value) -> bool {
    let context = [
        ("aws:SourceArn", trail),
        ("aws:SourceAccount", twin.truth.owner.account.as_str()),
        ("kms:EncryptionContext:aws:cloudtrail:arn", trail),
    ];
    let service = Some("cloudtrail.amazonaws.com");
    let may = |action| allows(policy, &Request { service, action, resource: Some(key), context: &context });
    may("kms:GenerateDataKey") && may("kms:DescribeKey")
}

/// Returns whether a bucket's policy lets flow logs be delivered
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-permissions.html>).
pub(super) fn flow_logs_may_deliver(twin: &Twin, region: &str, destination: &str, policy: &Value) -> bool {
    let owner = &twin.truth.owner;
    let bucket = destination.split('/').next().unwrap_or(destination);
    let objects = format!("{}/AWSLogs/{}/vpcflowlogs/x", destination.trim_end_matches('/'), owner.account);
    let source = format!("arn:{}:logs:{region}:{}:*", owner.partition, owner.account);
    let context = [
        ("aws:SourceArn", source.as_str()),
        ("aws:SourceAccount", owner.account.as_str()),
        ("s3:x-amz-acl", "bucket-owner-full-control"),
        ("aws:SecureTransport", "true"),
        ("aws:PrincipalIsAWSService", "true"),
    ];
    let may = |action, resource| {
        allows(
            policy,
            &Request {
                service: Some("delivery.logs.amazonaws.com"),
                action,
                resource: Some(resource),
                context: &context,
            },
        )
    };
    may("s3:GetBucketAcl", bucket) && may("s3:PutObject", &objects)
}

/// Returns whether flow logs of a region may assume a role.
pub(super) fn flow_logs_may_assume(twin: &Twin, region: &str, trust: &Value) -> bool {
    let owner = &twin.truth.owner;
    let source = format!("arn:{}:ec2:{region}:{}:vpc-flow-log/fl-0", owner.partition, owner.account);
    let context = [("aws:SourceArn", source.as_str()), ("aws:SourceAccount", owner.account.as_str())];
    allows(
        trust,
        &Request {
            service: Some("vpc-flow-logs.amazonaws.com"),
            action: "sts:AssumeRole",
            resource: None,
            context: &context,
        },
    )
}

/// Returns the reason why a flow log cannot be delivered, in AWS's words; `None` where it can or where that
/// is unknown.
pub(super) fn flow_log_trouble(twin: &Twin, region: &str, log: &FlowLog) -> Option<String> {
    let trouble = || Some("Access error".to_owned());
    if log.log_destination_type == "s3" {
        let destination = log.log_destination.as_deref()?;
        let name = destination.split(":::").nth(1)?.split('/').next()?;
        return match twin.truth.buckets.get(name) {
            Fact::Absent => trouble(),
            Fact::Known(bucket) => match &bucket.policy {
                Fact::Known(policy) if flow_logs_may_deliver(twin, region, destination, policy) => None,
                Fact::Known(_) | Fact::Absent => trouble(),
                _ => None,
            },
            _ => None,
        };
    }
    let role = match twin.truth.roles.get(log.deliver_logs_permission_arn.as_deref()?.rsplit('/').next()?) {
        Fact::Known(role) => role,
        Fact::Absent => return trouble(),
        _ => return None,
    };
    if !flow_logs_may_assume(twin, region, &role.trust_policy) {
        return trouble();
    }
    // Attached policies are not known by their text: only a role without any can be judged.
    let (Fact::Known(inline), Some([])) =
        (&role.inline_policies, role.attached_policies.known().map(Vec::as_slice))
    else {
        return None;
    };
    let group = log.log_group_name.as_deref()?;
    let arn = twin.truth.owner.log_group(region, group);
    let may = |action: &str| {
        [format!("{arn}:*"), format!("{arn}:log-stream:x"), arn.to_string()].iter().any(|resource| {
            inline.values().any(|policy| {
                allows(policy, &Request { service: None, action, resource: Some(resource), context: &[] })
            })
        })
    };
    let exists = !twin.truth.regions.get(region)?.log_groups.get(group).is_absent();
    (!(may("logs:CreateLogStream") && may("logs:PutLogEvents") && (exists || may("logs:CreateLogGroup"))))
        .then(|| "Access error".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pattern_matches_as_in_iam() {
        for (pattern, text, yes) in [
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "ab", false),
            ("a?c", "abc", true),
            ("s3:*", "s3:PutObject", true),
            ("a", "ab", false),
            ("*a*b", "xaybzb", true),
        ] {
            assert_eq!(like(pattern, text), yes, "{pattern} {text}");
        }
    }

    #[test]
    fn a_condition_on_what_the_request_does_not_carry_fails_an_allow() {
        let policy = json!({ "Statement": { "Effect": "Allow", "Principal": { "Service": "a" },
            "Action": "x:y", "Resource": "*", "Condition": { "StringEquals": { "k": "v" } } } });
        let ask = |context| {
            allows(&policy, &Request { service: Some("a"), action: "x:y", resource: Some("r"), context })
        };
        assert!(!ask(&[]));
        assert!(ask(&[("k", "v")]));
        assert!(!ask(&[("k", "w")]));
    }

    #[test]
    fn a_deny_without_tls_does_not_stop_a_service_that_uses_it() {
        let policy = json!({ "Statement": [
            { "Effect": "Allow", "Principal": { "Service": "a" }, "Action": "x:y", "Resource": "*" },
            { "Effect": "Deny", "Principal": "*", "Action": "x:*", "Resource": "*",
                "Condition": { "Bool": { "aws:SecureTransport": "false" } } },
        ]});
        let ask = |tls| {
            allows(
                &policy,
                &Request {
                    service: Some("a"),
                    action: "x:y",
                    resource: Some("r"),
                    context: &[("aws:SecureTransport", tls)],
                },
            )
        };
        assert!(ask("true"));
        assert!(!ask("false"));
    }
}
