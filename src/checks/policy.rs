//! Proves from a policy document that a service may do something, or reports that it cannot be proved. It
//! knows only the few condition operators that such policies use; whatever it does not know counts against
//! the proof, never for it.
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>)

use serde_json::Value;

/// A request as a policy would see it. In `resource` and in the values of `context` a `*` stands for any
/// text: a pattern of the policy must then cover all of it.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The service principal; `None` for an identity policy, which has no principal.
    pub principal: Option<&'a str>,
    /// `s3:PutObject`
    pub action: &'a str,
    /// The ARN; `None` for a trust policy, which has no resource.
    pub resource: Option<&'a str>,
    /// Condition keys that are known, with their values.
    pub context: &'a [(&'a str, &'a str)],
}

/// The reason for which a request is not proved to be allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unproved {
    /// No statement allows it.
    NotAllowed,
    /// A statement may deny it: its `Sid`, or its place.
    MayBeDenied(String),
}

/// Checks that a policy is proved to allow a request.
///
/// # Errors
/// The reason for which that is not proved.
pub fn allows(policy: &Value, request: &Request<'_>) -> Result<(), Unproved> {
    let statements: Vec<&Value> = match policy.get("Statement") {
        Some(Value::Array(all)) => all.iter().collect(),
        Some(one @ Value::Object(_)) => vec![one],
        _ => Vec::new(),
    };
    for (n, statement) in statements.iter().enumerate().filter(|(_, s)| text(s, "Effect") != "Allow") {
        if may_deny(statement, request) {
            let sid = text(statement, "Sid");
            return Err(Unproved::MayBeDenied(if sid.is_empty() {
                format!("statement {}", n + 1)
            } else {
                sid.to_owned()
            }));
        }
    }
    let allowed = statements.iter().any(|s| text(s, "Effect") == "Allow" && surely_allows(s, request));
    if allowed { Ok(()) } else { Err(Unproved::NotAllowed) }
}

fn text<'a>(statement: &'a Value, key: &str) -> &'a str {
    statement.get(key).and_then(Value::as_str).unwrap_or("")
}

/// Returns the texts of a member that may be one text or a list of them.
fn texts(value: Option<&Value>) -> Vec<String> {
    let one = |v: &Value| match v {
        Value::String(s) => Some(s.clone()),
        Value::Bool(b) => Some(b.to_string()),
        Value::Number(n) => Some(n.to_string()),
        _ => None,
    };
    match value {
        Some(Value::Array(all)) => all.iter().filter_map(one).collect(),
        Some(v) => one(v).into_iter().collect(),
        None => Vec::new(),
    }
}

fn surely_allows(statement: &Value, request: &Request<'_>) -> bool {
    let principal =
        request.principal.is_none_or(|own| principals(statement).iter().any(|p| p == "*" || p == own));
    let action = texts(statement.get("Action"))
        .iter()
        .any(|p| covers(&p.to_lowercase(), &request.action.to_lowercase()));
    let resource =
        request.resource.is_none_or(|own| texts(statement.get("Resource")).iter().any(|p| covers(p, own)));
    principal
        && action
        && resource
        && conditions(statement).iter().all(|c| holds(c, request.context) == Some(true))
}

/// Returns whether a statement that denies can touch the request. `NotAction` and its like count as
/// everything.
fn may_deny(statement: &Value, request: &Request<'_>) -> bool {
    let principal = match request.principal {
        Some(own) if statement.get("NotPrincipal").is_none() => {
            principals(statement).iter().any(|p| p == "*" || p == own)
        }
        _ => true,
    };
    let action = match statement.get("Action") {
        Some(all) => {
            texts(Some(all)).iter().any(|p| may_overlap(&p.to_lowercase(), &request.action.to_lowercase()))
        }
        None => true,
    };
    let resource = match (request.resource, statement.get("Resource")) {
        (Some(own), Some(all)) => texts(Some(all)).iter().any(|p| may_overlap(p, own)),
        _ => true,
    };
    principal
        && action
        && resource
        && conditions(statement).iter().all(|c| holds(c, request.context) != Some(false))
}

/// Returns the principals of a statement, as far as they can be the service: `*` and services.
fn principals(statement: &Value) -> Vec<String> {
    match statement.get("Principal") {
        Some(Value::String(all)) => vec![all.clone()],
        Some(Value::Object(map)) => {
            let star = texts(map.get("AWS")).into_iter().filter(|p| p == "*");
            texts(map.get("Service")).into_iter().chain(star).collect()
        }
        _ => Vec::new(),
    }
}

struct Condition {
    operator: String,
    key: String,
    values: Vec<String>,
}

fn conditions(statement: &Value) -> Vec<Condition> {
    let Some(Value::Object(operators)) = statement.get("Condition") else { return Vec::new() };
    let keys = operators.iter().filter_map(|(operator, keys)| keys.as_object().map(|keys| (operator, keys)));
    keys.flat_map(|(operator, keys)| {
        keys.iter().map(move |(key, values)| Condition {
            operator: operator.clone(),
            key: key.to_lowercase(),
            values: texts(Some(values)),
        })
    })
    .collect()
}

/// Returns whether a condition holds for the request; `None` if that cannot be determined.
fn holds(condition: &Condition, context: &[(&str, &str)]) -> Option<bool> {
    let operator = condition.operator.strip_suffix("IfExists").unwrap_or(&condition.operator);
    let (_, own) = context.iter().find(|(key, _)| key.to_lowercase() == condition.key)?;
    let any = |test: &dyn Fn(&str) -> bool| condition.values.iter().any(|v| test(v));
    let like = || {
        if any(&|v| covers(v, own)) {
            Some(true)
        } else if any(&|v| may_overlap(v, own)) {
            None
        } else {
            Some(false)
        }
    };
    let equal = || {
        if own.contains('*') { None } else { Some(any(&|v| v == *own)) }
    };
    match operator {
        "StringEquals" => equal(),
        "StringNotEquals" => equal().map(|yes| !yes),
        "StringEqualsIgnoreCase" => Some(any(&|v| v.eq_ignore_ascii_case(own))),
        "Bool" => Some(any(&|v| v.eq_ignore_ascii_case(own))),
        "StringLike" | "ArnLike" | "ArnEquals" => like(),
        "StringNotLike" | "ArnNotLike" | "ArnNotEquals" => like().map(|yes| !yes),
        _ => None,
    }
}

/// Returns whether a pattern (`*`, `?`) covers a text; a `*` in the text stands for anything and only a `*`
/// covers it.
pub fn covers(pattern: &str, text: &str) -> bool {
    let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let mut reach = vec![false; t.len() + 1];
    reach[0] = true;
    for c in p {
        let mut next = vec![false; t.len() + 1];
        next[0] = c == '*' && reach[0];
        for n in 1..=t.len() {
            next[n] = match c {
                '*' => reach[n] || next[n - 1],
                '?' => reach[n - 1] && t[n - 1] != '*',
                c => reach[n - 1] && t[n - 1] == c,
            };
        }
        reach = next;
    }
    reach[t.len()]
}

/// Returns whether there is a text that two patterns both cover.
pub fn may_overlap(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    // reach[j]: the first i characters of `a` and the first j of `b` can stand for the same text.
    let mut reach = vec![false; b.len() + 1];
    reach[0] = true;
    for j in 1..=b.len() {
        reach[j] = reach[j - 1] && b[j - 1] == '*';
    }
    for &x in &a {
        let mut next = vec![false; b.len() + 1];
        next[0] = reach[0] && x == '*';
        for j in 1..=b.len() {
            let y = b[j - 1];
            let same = x == y || x == '?' || y == '?';
            next[j] = (same && reach[j - 1])
                || (x == '*' && (reach[j] || next[j - 1]))
                || (y == '*' && (next[j - 1] || reach[j]));
        }
        reach = next;
    }
    reach[b.len()]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const PUT: Request<'_> = Request {
        principal: Some("delivery.logs.amazonaws.com"),
        action: "s3:PutObject",
        resource: Some("arn:aws:s3:::b/p/AWSLogs/1/*"),
        context: &[
            ("aws:SourceAccount", "1"),
            ("aws:SourceArn", "arn:aws:logs:us-east-1:1:*"),
            ("s3:x-amz-acl", "bucket-owner-full-control"),
            ("aws:SecureTransport", "true"),
        ],
    };

    fn allow(more: Value) -> Value {
        let mut statement = json!({ "Effect": "Allow",
            "Principal": { "Service": "delivery.logs.amazonaws.com" }, "Action": "s3:PutObject",
            "Resource": "arn:aws:s3:::b/*" });
        for (key, value) in more.as_object().unwrap() {
            statement[key] = value.clone();
        }
        statement
    }
    fn proved(statements: &[Value]) -> Result<(), Unproved> {
        allows(&json!({ "Version": "2012-10-17", "Statement": statements }), &PUT)
    }

    #[test]
    fn a_statement_for_the_service_its_action_and_all_its_objects_is_proof() {
        let good = [
            json!({}),
            json!({ "Action": ["s3:Get*", "s3:Put*"] }),
            json!({ "Action": "S3:putobject" }),
            json!({ "Principal": "*" }),
            json!({ "Principal": { "AWS": "*" } }),
            json!({ "Resource": ["arn:aws:s3:::b/p/AWSLogs/1/*"] }),
            json!({ "Condition": { "StringEquals": { "aws:SourceAccount": ["2", "1"],
                "s3:x-amz-acl": "bucket-owner-full-control" } } }),
            json!({ "Condition": { "ArnLike": { "AWS:SourceArn": "arn:aws:logs:*:1:*" },
                "Bool": { "aws:SecureTransport": "true" } } }),
        ];
        for more in good {
            assert_eq!(proved(&[allow(more.clone())]), Ok(()), "{more}");
        }
        assert_eq!(allows(&json!({ "Statement": allow(json!({})) }), &PUT), Ok(()));
    }

    #[test]
    fn whatever_is_narrower_or_not_understood_is_no_proof() {
        let bad = [
            json!({ "Action": "s3:PutObjectAcl" }),
            json!({ "Principal": { "Service": "cloudtrail.amazonaws.com" } }),
            json!({ "Principal": { "AWS": "arn:aws:iam::1:root" } }),
            json!({ "Resource": "arn:aws:s3:::b/p/AWSLogs/1/vpcflowlogs/*" }),
            json!({ "Resource": "arn:aws:s3:::other/*" }),
            json!({ "Condition": { "StringEquals": { "aws:SourceAccount": "2" } } }),
            json!({ "Condition": { "ArnLike": { "aws:SourceArn": "arn:aws:logs:us-east-1:1:delivery-source:x" } } }),
            json!({ "Condition": { "StringEquals": { "aws:PrincipalOrgID": "o-1" } } }),
            json!({ "Condition": { "IpAddress": { "aws:SourceIp": "203.0.113.0/24" } } }),
        ];
        for more in bad {
            assert_eq!(proved(&[allow(more.clone())]), Err(Unproved::NotAllowed), "{more}");
        }
        assert_eq!(proved(&[]), Err(Unproved::NotAllowed));
        let mut with_not = allow(json!({}));
        with_not.as_object_mut().unwrap().remove("Action");
        with_not["NotAction"] = json!("s3:DeleteBucket");
        assert_eq!(proved(&[with_not]), Err(Unproved::NotAllowed));
    }

    #[test]
    fn a_denial_counts_unless_it_is_sure_not_to_touch_the_request() {
        let deny = |more: Value| {
            let mut statement = json!({ "Effect": "Deny", "Principal": "*", "Action": "s3:*",
                "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"] });
            for (key, value) in more.as_object().unwrap() {
                statement[key] = value.clone();
            }
            statement
        };
        let harmless = [
            json!({ "Condition": { "Bool": { "aws:SecureTransport": "false" } } }),
            json!({ "Action": "s3:DeleteObject*" }),
            json!({ "Resource": "arn:aws:s3:::b/secret/*" }),
            json!({ "Principal": { "AWS": "arn:aws:iam::2:root" } }),
            json!({ "Condition": { "StringNotEquals": { "aws:SourceAccount": ["1", "2"] } } }),
        ];
        for more in harmless {
            assert_eq!(proved(&[allow(json!({})), deny(more.clone())]), Ok(()), "{more}");
        }
        let harmful = [
            json!({ "Sid": "No" }),
            json!({ "Sid": "No", "Condition": { "StringNotEquals": { "aws:PrincipalOrgID": "o-1" } } }),
            json!({ "Sid": "No", "Resource": "arn:aws:s3:::b/p/AWSLogs/1/x/*" }),
            json!({ "Sid": "No", "Principal": null, "NotPrincipal": { "AWS": "arn:aws:iam::1:root" } }),
            json!({ "Sid": "No", "Condition": { "StringNotEquals": { "aws:SourceAccount": "2" } } }),
        ];
        for more in harmful {
            assert_eq!(
                proved(&[allow(json!({})), deny(more.clone())]),
                Err(Unproved::MayBeDenied("No".into())),
                "{more}"
            );
        }
    }

    proptest! {
        #[test]
        fn a_pattern_that_covers_a_text_overlaps_it(pattern in "[ab*?]{0,6}", text in "[ab]{0,6}") {
            prop_assert_eq!(covers(&pattern, &text), may_overlap(&pattern, &text));
        }
        #[test]
        fn overlap_does_not_depend_on_the_order(a in "[ab*?]{0,5}", b in "[ab*?]{0,5}") {
            prop_assert_eq!(may_overlap(&a, &b), may_overlap(&b, &a));
        }
        #[test]
        fn what_covers_a_pattern_covers_whatever_that_stands_for(pattern in "[ab*?]{0,5}",
            text in "[ab*]{0,5}", fill in "[ab]{0,3}") {
            if covers(&pattern, &text) {
                prop_assert!(covers(&pattern, &text.replace('*', &fill)));
            }
        }
    }
}
