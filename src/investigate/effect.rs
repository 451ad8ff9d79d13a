//! The effect of a call that succeeded: what it made, opened, ran or took. The table of effects comes first;
//! for other calls that checks answer, intake knows what they touched.

use serde_json::Value;

use super::{
    document::EffectKind,
    table::{self, Row},
};
use crate::intake::{
    cloudtrail::{
        self,
        effect::Did,
        rules,
        table::extract,
        wire::{get, list, plain},
    },
    text::clean,
};

/// The longest text that is kept of a member, in characters.
const LONG: usize = 160;
/// The largest number of things that one call names.
const MOST: usize = 50;
/// The name of a setting that is the account's.
const ACCOUNT: &str = "account";

/// One thing that a call made, opened, ran or took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thing {
    pub kind: EffectKind,
    pub what: String,
    pub resource: String,
    pub detail: String,
}

/// The parameters of a call and its answer.
#[derive(Debug, Clone, Copy)]
pub struct Sides<'v> {
    pub request: &'v Value,
    pub response: &'v Value,
}

/// Returns whether the parameters of a call matter: `call` is without, `exact` with the version in its name.
pub fn is_of_interest(call: &str, exact: &str) -> bool {
    table::row_of(call).is_some() || cloudtrail::is_known(exact)
}

/// Returns the things that a call made, opened, ran or took.
pub fn things(call: &str, exact: &str, sides: Sides<'_>) -> Vec<Thing> {
    match table::row_of(call) {
        Some(row) => of_row(row, sides),
        None => touched(call, exact, sides),
    }
}

fn of_row(row: &Row, sides: Sides<'_>) -> Vec<Thing> {
    let holds = |condition: &str| match condition.split_once('=') {
        Some((path, value)) => sides.at(path).iter().any(|found| found == value),
        None => !sides.at(condition).is_empty(),
    };
    if !row.only.is_empty() && !row.only.iter().any(|condition| holds(condition)) {
        return Vec::new();
    }
    let mut names = row.named.iter().map(|path| sides.at(path)).find(|names| !names.is_empty());
    if names.is_none() && row.named.is_empty() {
        names = Some(vec![ACCOUNT.to_owned()]);
    }
    let mut details: Vec<String> = row.with.iter().flat_map(|path| sides.at(path)).collect();
    details.sort();
    details.dedup();
    let detail = clean(&details.join(", "), LONG);
    let thing =
        |resource| Thing { kind: row.kind, what: row.what.to_owned(), resource, detail: detail.clone() };
    // A call that names nothing had its effect all the same.
    names.unwrap_or_else(|| vec![String::new()]).into_iter().map(thing).collect()
}

/// Returns what intake knows a call to have touched: settings that a check asks about.
fn touched(call: &str, exact: &str, sides: Sides<'_>) -> Vec<Thing> {
    let Some(read) = extract(exact) else { return Vec::new() };
    let Did::Touched(targets, _) = read(sides.request, sides.response) else { return Vec::new() };
    let what = call.split_once(':').map_or(call, |(_, name)| name);
    let mut things: Vec<Thing> = Vec::new();
    for target in targets.into_iter().take(MOST) {
        let resource = if target.id.is_empty() { ACCOUNT.to_owned() } else { clean(&target.id, LONG) };
        // One group may be touched in two ways.
        if !things.iter().any(|thing| thing.resource == resource) {
            let what = words(what);
            things.push(Thing { kind: EffectKind::Loosened, what, resource, detail: String::new() });
        }
    }
    things
}

/// Writes the name of a call as words: `PutEventSelectors` becomes `put event selectors of`.
fn words(name: &str) -> String {
    let mut words = String::new();
    for c in name.chars().take(LONG) {
        if c.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(c.to_lowercase());
    }
    words + " of"
}

impl Sides<'_> {
    /// Returns the texts that a path leads to.
    fn at(&self, path: &str) -> Vec<String> {
        let (side, rest) = path.split_once('/').unwrap_or((path, ""));
        let root = if side == "r" { self.response } else { self.request };
        let mut found = Vec::new();
        walk(root, rest, &mut found);
        found
    }
}

fn walk(value: &Value, path: &str, found: &mut Vec<String>) {
    let (step, rest) = path.split_once('/').unwrap_or((path, ""));
    let mut keep = |text: &str| {
        if !text.is_empty() && found.len() < MOST {
            found.push(clean(text, LONG));
        }
    };
    match step {
        "" => match value {
            Value::String(text) => keep(text),
            Value::Number(number) => keep(&number.to_string()),
            Value::Bool(truth) => keep(&truth.to_string()),
            // EC2 wraps single values: `{"content": "fl-1", "tag": 1}`, `{"value": true}`.
            Value::Object(object) if object.contains_key("content") => keep(&plain(value, "content")),
            Value::Object(_) => keep(&plain(value, "value")),
            Value::Array(all) => all.iter().take(MOST).for_each(|one| walk(one, "", found)),
            Value::Null => {}
        },
        "*" => list(Some(value)).into_iter().take(MOST).for_each(|one| walk(one, rest, found)),
        "!rules" => rules::in_words(value).iter().for_each(|rule| keep(rule)),
        "!principals" => principals(value).iter().for_each(|name| keep(name)),
        "!members" => {
            // Ids are no settings.
            let members = value.as_object().into_iter().flatten().map(|(name, _)| name);
            members
                .filter(|name| !name.ends_with("Id") && !name.ends_with("Name"))
                .for_each(|name| keep(name));
        }
        _ => {
            if let Some(inner) = get(value, step) {
                walk(inner, rest, found);
            }
        }
    }
}

/// Returns those whom a policy lets in, as its statements name them
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>).
fn principals(policy: &Value) -> Vec<String> {
    let parsed = policy.as_str().and_then(|text| crate::intake::parse::parse(text.as_bytes()).ok());
    let policy = parsed.as_ref().unwrap_or(policy);
    let mut found = Vec::new();
    for statement in list(get(policy, "statement")).into_iter().take(MOST) {
        if get(statement, "effect").and_then(Value::as_str) == Some("Deny") {
            continue;
        }
        match get(statement, "principal") {
            Some(Value::Object(kinds)) => {
                kinds.iter().for_each(|(_, who)| walk(who, "", &mut found));
            }
            Some(who) => walk(who, "", &mut found),
            None => {}
        }
    }
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    fn of(call: &str, request: Value, response: Value) -> Vec<String> {
        things(call, call, Sides { request: &request, response: &response })
            .into_iter()
            .map(|thing| {
                format!("{} {} {} ({})", thing.kind.word(), thing.what, thing.resource, thing.detail)
            })
            .collect()
    }

    #[test]
    fn a_row_names_the_thing_and_nothing_that_it_does_not_list() {
        let key = json!({"accessKey": {"accessKeyId": "AKIA0", "userName": "bob", "status": "Active"}});
        assert_eq!(of("iam:CreateAccessKey", json!({"x": "secret"}), key), ["made access key AKIA0 (bob)"]);
        assert_eq!(
            of("iam:AttachUserPolicy", json!({"userName": "bob", "policyArn": "arn:p"}), json!(null)),
            ["loosened policy on user bob (arn:p)"]
        );
        let two = json!({"instancesSet": {"items": [{"instanceId": "i-1"}, {"instanceId": "i-2"}]}});
        assert_eq!(
            of("ec2:RunInstances", json!(null), two),
            ["made instance i-1 ()", "made instance i-2 ()"]
        );
        let data = json!({"instanceId": "i-1", "userData": "IyEvYmlu"});
        assert_eq!(
            of("ec2:ModifyInstanceAttribute", data, json!(null)),
            ["loosened attribute of instance i-1 (userData)"]
        );
        let logs = json!({"FlowLogId": {"content": "fl-1", "tag": 1}});
        assert_eq!(of("ec2:DeleteFlowLogs", logs, json!(null)), ["loosened flow log fl-1 ()"]);
        assert_eq!(of("macie2:DisableMacie", json!(null), json!(null)), ["loosened Macie account ()"]);
    }

    #[test]
    fn a_condition_decides_whether_there_is_an_effect() {
        let read = |decrypted: bool| {
            of("ssm:GetParameters", json!({"names": ["a", "b"], "withDecryption": decrypted}), json!(null))
        };
        assert_eq!(read(true), ["took parameter a ()", "took parameter b ()"]);
        assert!(read(false).is_empty());
        let share = |add: Value| {
            let request = json!({"snapshotId": "snap-1", "createVolumePermission": {"add": add}});
            of("ec2:ModifySnapshotAttribute", request, json!(null))
        };
        let with = json!({"items": [{"userId": "210987654321"}, {"group": "all"}]});
        assert_eq!(share(with), ["loosened sharing of snapshot snap-1 (210987654321, all)"]);
        assert!(share(json!({})).is_empty());
    }

    #[test]
    fn those_whom_a_policy_lets_in_are_named_and_those_whom_it_denies_are_not() {
        let policy = json!({"Statement": [
            {"Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam::210987654321:root", "*"]}},
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}},
            {"Effect": "Deny", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}}]});
        let request = json!({"roleName": "r", "policyDocument": policy.to_string()});
        assert_eq!(
            of("iam:UpdateAssumeRolePolicy", request, json!(null)),
            ["loosened trust policy of role r (*, arn:aws:iam::210987654321:root, ec2.amazonaws.com)"]
        );
        let request = json!({"bucketName": "b", "bucketPolicy": policy});
        assert!(of("s3:PutBucketPolicy", request, json!(null))[0].contains("210987654321"));
        let broken = json!({"roleName": "r", "policyDocument": "{"});
        assert_eq!(
            of("iam:UpdateAssumeRolePolicy", broken, json!(null)),
            ["loosened trust policy of role r ()"]
        );
    }

    #[test]
    fn what_intake_knows_needs_no_row() {
        let open = json!({"groupId": "sg-0aaaaaaaaaaaaaaa1", "ipPermissions": {"items": [{"ipProtocol": "tcp",
            "fromPort": 22, "toPort": 22, "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}}]}});
        assert_eq!(
            of("ec2:AuthorizeSecurityGroupIngress", open, json!({"_return": true})),
            ["loosened inbound rules of security group sg-0aaaaaaaaaaaaaaa1 (tcp 22 with 0.0.0.0/0)"]
        );
        assert_eq!(
            of("cloudtrail:PutEventSelectors", json!({"trailName": "audit"}), json!(null)),
            ["loosened put event selectors of audit ()"]
        );
        assert!(of("cloudtrail:StartLogging", json!({"name": "audit"}), json!(null)).is_empty());
    }

    #[test]
    fn a_call_stands_in_the_table_once_and_every_path_has_a_side() {
        let calls: BTreeSet<_> = table::TABLE.iter().map(|row| row.call).collect();
        assert_eq!(calls.len(), table::TABLE.len());
        for row in table::TABLE {
            for path in row.named.iter().chain(row.with).chain(row.only) {
                assert!(path.starts_with("q/") || path.starts_with("r/"), "{}: {path}", row.call);
            }
            // A thing is named by the call: no secret is among the members of an answer that are kept.
            let secret = |path: &&str| {
                let path = path.to_lowercase();
                ["secretaccess", "password", "token", "material"].iter().any(|word| path.contains(word))
            };
            assert!(!row.named.iter().chain(row.with).any(secret), "{}", row.call);
        }
    }
}
