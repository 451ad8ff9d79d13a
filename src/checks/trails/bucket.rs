//! Whether a bucket's policy lets a trail deliver to it: a proof over the policy's JSON, not an evaluation of IAM. What
//! cannot be proved is said to be so; it never counts as allowed.
//!
//! Rules: <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html>,
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>.

use serde_json::Value;

use crate::inventory::Trail;

/// The service that delivers.
const CLOUDTRAIL: &str = "cloudtrail.amazonaws.com";
/// Stands for "whatever comes here": only the wildcard `*` of a pattern matches it.
const ANYTHING: char = '\u{1}';

/// What a policy says of a trail's deliveries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// It allows them.
    Allowed,
    /// It does not; these statements are missing, in words.
    Missing(Vec<String>),
    /// It may deny them under conditions that cannot be judged from here.
    Unprovable(String),
}

/// One request that CloudTrail makes.
struct Request<'a> {
    action: &'static str,
    resource: String,
    trail: &'a str,
    account: &'a str,
}

/// Whether this policy lets this trail deliver: `s3:GetBucketAcl` on the bucket and `s3:PutObject` to every key under
/// `[prefix/]AWSLogs/<account>/`.
pub fn delivery(policy: &Value, trail: &Trail, account: &str) -> Delivery {
    let partition = trail.id.split(':').nth(1).unwrap_or("aws");
    let bucket = format!("arn:{partition}:s3:::{}", trail.s3_bucket_name);
    let prefix = trail.s3_key_prefix.as_deref().filter(|p| !p.is_empty()).map(|p| format!("{}/", p.trim_end_matches('/'))).unwrap_or_default();
    let requests = [
        Request { action: "s3:GetBucketAcl", resource: bucket.clone(), trail: &trail.id, account },
        Request { action: "s3:PutObject", resource: format!("{bucket}/{prefix}AWSLogs/{account}/{ANYTHING}"), trail: &trail.id, account },
    ];
    let statements = list(policy.get("Statement"));
    for request in &requests {
        if let Some(deny) = statements.iter().find(|s| s["Effect"] == "Deny" && may_deny(s, request)) {
            let name = deny["Sid"].as_str().map_or_else(|| "without a Sid".to_owned(), |sid| format!("{sid:?}"));
            return Delivery::Unprovable(format!("the policy's Deny statement {name} may apply to {}", request.action));
        }
    }
    let lacking: Vec<String> = requests
        .iter()
        .filter(|r| !statements.iter().any(|s| s["Effect"] == "Allow" && allows(s, r)))
        .map(|r| format!("{} on {} for {CLOUDTRAIL}", r.action, r.resource.replace(ANYTHING, "*")))
        .collect();
    if lacking.is_empty() { Delivery::Allowed } else { Delivery::Missing(lacking) }
}

/// Whether the policy denies everything that comes without TLS.
pub fn tls_only(policy: &Value) -> bool {
    list(policy.get("Statement")).iter().any(|s| {
        let plain = s.pointer("/Condition/Bool/aws:SecureTransport");
        s["Effect"] == "Deny" && s["Principal"] == "*" && texts(s.get("Action")).iter().any(|a| a == "s3:*") && texts(plain).iter().any(|v| v == "false")
    })
}

/// A member that may be one thing or a list of things.
fn list(value: Option<&Value>) -> Vec<&Value> {
    match value {
        Some(Value::Array(items)) => items.iter().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    }
}

/// The same for texts; `true` and `false` may be written without quotes.
fn texts(value: Option<&Value>) -> Vec<String> {
    list(value)
        .into_iter()
        .map(|v| match v {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
        .collect()
}

fn names_service(statement: &Value, member: &str) -> bool {
    texts(statement.get(member).and_then(|p| p.get("Service"))).iter().any(|s| s == CLOUDTRAIL)
}

/// Whether an Allow statement surely allows the request. A wildcard principal is not taken as proof: policies that
/// open a bucket to everyone are often stopped by a public access block.
fn allows(statement: &Value, request: &Request<'_>) -> bool {
    let action = texts(statement.get("Action")).iter().any(|p| matches(&p.to_lowercase(), &request.action.to_lowercase()));
    let resource = texts(statement.get("Resource")).iter().any(|p| matches(p, &request.resource));
    names_service(statement, "Principal") && action && resource && conditions(statement).iter().all(|c| holds(c, request) == Some(true))
}

/// Whether a Deny statement might deny the request.
fn may_deny(statement: &Value, request: &Request<'_>) -> bool {
    let principal = match (statement.get("Principal"), statement.get("NotPrincipal")) {
        (_, Some(_)) => !names_service(statement, "NotPrincipal"),
        (Some(Value::String(all)), _) => all == "*",
        (Some(_), _) => names_service(statement, "Principal") || texts(statement.pointer("/Principal/AWS")).iter().any(|p| p == "*"),
        (None, None) => true,
    };
    let lower = request.action.to_lowercase();
    let action = match (statement.get("Action"), statement.get("NotAction")) {
        (None, not) => !texts(not).iter().any(|p| matches(&p.to_lowercase(), &lower)),
        (some, _) => texts(some).iter().any(|p| matches(&p.to_lowercase(), &lower)),
    };
    let resource = match (statement.get("Resource"), statement.get("NotResource")) {
        (None, not) => !texts(not).iter().any(|p| matches(p, &request.resource)),
        (some, _) => texts(some).iter().any(|p| overlaps(p, &request.resource)),
    };
    principal && action && resource && !conditions(statement).iter().any(|c| holds(c, request) == Some(false))
}

/// One condition: operator, key, values.
type Condition = (String, String, Vec<String>);

fn conditions(statement: &Value) -> Vec<Condition> {
    let Some(Value::Object(operators)) = statement.get("Condition") else { return Vec::new() };
    operators
        .iter()
        .filter_map(|(operator, keys)| keys.as_object().map(|keys| (operator, keys)))
        .flat_map(|(operator, keys)| keys.iter().map(move |(key, values)| (operator.to_lowercase(), key.to_lowercase(), texts(Some(values)))))
        .collect()
}

/// Whether a condition holds for a delivery of CloudTrail, which uses TLS 1.2, is a service of AWS, names its trail and
/// account as the source and gives the bucket's owner full control; nothing where that cannot be told.
fn holds((operator, key, values): &Condition, request: &Request<'_>) -> Option<bool> {
    let sent = match key.as_str() {
        "aws:sourcearn" => request.trail,
        "aws:sourceaccount" => request.account,
        "s3:x-amz-acl" if request.action == "s3:PutObject" => "bucket-owner-full-control",
        "aws:securetransport" | "aws:principalisawsservice" => "true",
        "s3:tlsversion" => return tls_version(operator, values),
        _ => return None,
    };
    let operator = operator.strip_suffix("ifexists").unwrap_or(operator);
    let (negated, plain) = match operator.strip_prefix("stringnot").or_else(|| operator.strip_prefix("arnnot")) {
        Some(rest) => (true, rest),
        None => (false, operator.strip_prefix("string").or_else(|| operator.strip_prefix("arn")).unwrap_or(operator)),
    };
    let arn = operator.starts_with("arn");
    let found = match plain {
        "like" => values.iter().any(|v| matches(v, sent)),
        "equals" if arn => values.iter().any(|v| matches(v, sent)),
        "equals" => values.iter().any(|v| v == sent),
        "equalsignorecase" | "bool" => values.iter().any(|v| v.eq_ignore_ascii_case(sent)),
        _ => return None,
    };
    Some(found != negated)
}

fn tls_version(operator: &str, values: &[String]) -> Option<bool> {
    let least = values.iter().filter_map(|v| v.parse::<f64>().ok()).fold(f64::INFINITY, f64::min);
    (operator == "numericlessthan" && least <= 1.2).then_some(false)
}

/// Whether a pattern with `*` and `?` matches a text whole; [`ANYTHING`] in the text is matched by `*` only, so that a
/// match covers whatever may stand there.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some('?') if text[t] != ANYTHING => (p, t) = (p + 1, t + 1),
            Some(c) if *c == text[t] => (p, t) = (p + 1, t + 1),
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (p, t) = (at + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// Whether a pattern can match any of the texts that begin as `text` does up to [`ANYTHING`]: said too often rather
/// than too seldom.
fn overlaps(pattern: &str, text: &str) -> bool {
    let fixed = text.split(ANYTHING).next().unwrap_or(text);
    let head = pattern.split(['*', '?']).next().unwrap_or(pattern);
    match (text.contains(ANYTHING), head.len() == pattern.len()) {
        (false, _) => matches(pattern, text),
        (true, true) => pattern.starts_with(fixed),
        (true, false) => head.starts_with(fixed) || fixed.starts_with(head),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use serde_json::json;

    const TRAIL: &str = "arn:aws:cloudtrail:us-east-1:123456789012:trail/audit";

    fn trail() -> Trail {
        Trail { id: TRAIL.into(), s3_bucket_name: "b".into(), ..Trail::default() }
    }
    fn statement(action: &str, resource: &str, condition: Value) -> Value {
        json!({ "Effect": "Allow", "Principal": { "Service": CLOUDTRAIL }, "Action": action, "Resource": resource, "Condition": condition })
    }
    fn documented() -> Vec<Value> {
        let from = json!({ "StringEquals": { "aws:SourceArn": TRAIL } });
        let write = json!({ "StringEquals": { "aws:SourceArn": TRAIL, "s3:x-amz-acl": "bucket-owner-full-control" } });
        vec![statement("s3:GetBucketAcl", "arn:aws:s3:::b", from), statement("s3:PutObject", "arn:aws:s3:::b/AWSLogs/123456789012/*", write)]
    }
    fn say(statements: Vec<Value>) -> Delivery {
        delivery(&json!({ "Statement": statements }), &trail(), "123456789012")
    }

    #[test]
    fn the_documented_policy_and_a_wider_one_without_conditions_allow() {
        assert_eq!(say(documented()), Delivery::Allowed);
        let wide = vec![statement("s3:Get*", "arn:aws:s3:::*", json!({})), statement("s3:putobject", "arn:aws:s3:::b/*", json!({}))];
        assert_eq!(say(wide), Delivery::Allowed);
        let one = json!({ "Statement": statement("*", "*", json!({})) });
        assert_eq!(delivery(&one, &trail(), "123456789012"), Delivery::Allowed);
    }

    #[test]
    fn what_is_missing_is_told() {
        let cases = [
            (vec![], 2),
            (documented()[..1].to_vec(), 1),
            (vec![documented()[0].clone(), statement("s3:PutObject", "arn:aws:s3:::b/AWSLogs/999999999999/*", json!({}))], 1),
            (vec![documented()[0].clone(), statement("s3:PutObject", "arn:aws:s3:::b/AWSLogs/123456789012/CloudTrail/*", json!({}))], 1),
            (vec![documented()[0].clone(), statement("s3:PutObject", "arn:aws:s3:::b/AWSLogs/123456789012/????", json!({}))], 1),
        ];
        for (statements, lacking) in cases {
            assert!(matches!(say(statements.clone()), Delivery::Missing(m) if m.len() == lacking), "{statements:?}");
        }
    }

    #[test]
    fn conditions_for_another_trail_or_of_an_unknown_kind_do_not_allow() {
        for condition in [
            json!({ "StringEquals": { "aws:SourceArn": "arn:aws:cloudtrail:us-east-1:123456789012:trail/other" } }),
            json!({ "StringEquals": { "aws:SourceOrgID": "o-1" } }),
            json!({ "IpAddress": { "aws:SourceIp": "10.0.0.0/8" } }),
        ] {
            let statements = vec![documented()[0].clone(), statement("s3:PutObject", "arn:aws:s3:::b/*", condition.clone())];
            assert!(matches!(say(statements), Delivery::Missing(_)), "{condition}");
        }
        let like = json!({ "ArnLike": { "aws:SourceArn": "arn:aws:cloudtrail:*:123456789012:trail/*" } });
        assert_eq!(say(vec![documented()[0].clone(), statement("s3:PutObject", "arn:aws:s3:::b/*", like)]), Delivery::Allowed);
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
            all.push(json!({ "Sid": "D", "Effect": "Deny", "Principal": principal, "Action": action, "Resource": resource, "Condition": condition }));
            say(all)
        };
        let tls = json!({ "Bool": { "aws:SecureTransport": "false" } });
        assert_eq!(deny(json!("*"), "s3:*", "arn:aws:s3:::b/*", tls), Delivery::Allowed);
        assert_eq!(deny(json!({ "AWS": "arn:aws:iam::1:role/x" }), "s3:*", "arn:aws:s3:::b/*", json!({})), Delivery::Allowed);
        assert_eq!(deny(json!("*"), "s3:DeleteObject", "arn:aws:s3:::b/*", json!({})), Delivery::Allowed);
        let other = json!({ "StringNotEquals": { "aws:SourceArn": TRAIL } });
        assert_eq!(deny(json!("*"), "s3:PutObject", "arn:aws:s3:::b/*", other), Delivery::Allowed);
        let kms = json!({ "StringNotEquals": { "s3:x-amz-server-side-encryption": "aws:kms" } });
        assert!(matches!(deny(json!("*"), "s3:PutObject", "arn:aws:s3:::b/*", kms), Delivery::Unprovable(why) if why.contains("\"D\"")));
        assert!(matches!(deny(json!("*"), "s3:Put*", "arn:aws:s3:::b/AWSLogs/*/CloudTrail/*", json!({})), Delivery::Unprovable(_)));
    }
}
