//! Access keys that nobody uses, through the built program on an emulator, with boto3 as the witness. Keys are never
//! old there: the tests' own server makes them as old as the path of their user says (`moto_server.py`). What was
//! sent is looked at, too: every request about keys names the user.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{clinic_desk::Desk, proxy::Proxy};

/// Users with keys: old and never used, long unused, in use, new, inactive; one for emergencies, an administrator,
/// one of a stack, and some without keys.
const SEED: &str = r#"
import json
import boto3

iam = boto3.client("iam")
keys = {}

def user(name, path="/", keep=True, tags=()):
    iam.create_user(UserName=name, Path=path, Tags=[{"Key": k, "Value": v} for k, v in tags])
    if keep:
        keys[name] = iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]

user("never", "/age-400/")
user("long", "/age-900/used-200/")
keys["long-2"] = iam.create_access_key(UserName="long")["AccessKey"]["AccessKeyId"]
iam.update_access_key(UserName="long", AccessKeyId=keys["long-2"], Status="Inactive")
user("weeks", "/age-900/used-60/")
user("daily", "/age-900/used-1/")
user("new")
user("break-glass", "/age-700/")
user("tagged", "/age-700/", tags=[("break-glass", "yes")])
user("stack", "/age-700/", tags=[("AWSControlTower", "x")])
user("chief", "/age-700/")
everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
iam.put_user_policy(UserName="chief", PolicyName="everything", PolicyDocument=json.dumps(everything))
for n in range(5):
    user(f"person-{n}", keep=False)
print(json.dumps(keys))
"#;

/// Every key with its user and its status.
const SHOWN: &str = r#"
import json
import boto3

iam = boto3.client("iam")
shown = {}
for user in iam.list_users()["Users"]:
    for key in iam.list_access_keys(UserName=user["UserName"])["AccessKeyMetadata"]:
        shown[key["AccessKeyId"]] = [user["UserName"], key["Status"]]
print(json.dumps(shown))
"#;

const CHECK: &str = "--region eu-west-1 --check access-key-unused";

type Shown = BTreeMap<String, (String, String)>;

fn shown(desk: &Desk) -> Shown {
    serde_json::from_str(&desk.python(SHOWN, "")).unwrap()
}

fn reasons(plan: &Value) -> BTreeMap<String, String> {
    let of = |one: &Value| {
        let key = one["finding"]["resource"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        (key, one["reason"].as_str().unwrap().to_owned())
    };
    plan["skipped"].as_array().unwrap().iter().map(of).collect()
}

#[test]
fn a_key_that_nobody_uses_is_deactivated_and_activated_again_by_an_undo_and_no_other_is() {
    let (mut desk, seed) = Desk::seeded(SEED);
    let proxy = Proxy::before(&desk.endpoint);
    desk.endpoint.clone_from(&proxy.url);
    let key = |name: &str| seed[name].as_str().unwrap().to_owned();
    let before = shown(&desk);
    let scan = desk.ends(0, &format!("scan {CHECK} --format json")).json();
    let mut found: Vec<&str> =
        scan["findings"].as_array().unwrap().iter().map(|f| f["resource"]["id"].as_str().unwrap()).collect();
    let mut bad = ["never", "long", "break-glass", "tagged", "stack", "chief"].map(key);
    found.sort_unstable();
    bad.sort_unstable();
    assert_eq!(found, bad);
    let listed = proxy.log().into_iter().filter(|seen| seen.body.contains("Action=ListAccessKeys"));
    assert_eq!(listed.count(), 9, "users without an active key are not asked for their keys");

    let plan = desk.ends(4, &format!("plan {CHECK} -o plan.json --format json")).json();
    assert_eq!(shown(&desk), before, "a plan changes nothing");
    let refused = reasons(&plan);
    for (name, part) in [
        ("break-glass", "for emergencies"),
        ("tagged", "tag break-glass=yes"),
        ("stack", "Control Tower"),
        ("chief", "nobody might be left"),
    ] {
        assert!(refused[&key(name)].contains(part), "{name}: {}", refused[&key(name)]);
    }
    assert_eq!(refused.len(), 4, "{refused:?}");
    desk.ends(0, "apply plan.json --auto-approve --max-risk disruptive");
    let mut expected = before.clone();
    for name in ["never", "long"] {
        expected.insert(key(name), (name.to_owned(), "Inactive".to_owned()));
    }
    assert_eq!(shown(&desk), expected, "these keys, and no other one of their users");
    desk.ends(0, "verify last");
    desk.ends(0, "undo last --auto-approve --max-risk disruptive");
    assert_eq!(shown(&desk), before, "everything is as it was");

    let about_keys = ["ListAccessKeys", "UpdateAccessKey", "ListUserTags"];
    let sent: Vec<_> = proxy.log();
    for operation in about_keys {
        let of: Vec<_> =
            sent.iter().filter(|seen| seen.body.contains(&format!("Action={operation}&"))).collect();
        assert!(!of.is_empty(), "{operation}");
        assert!(of.iter().all(|seen| seen.body.contains("&UserName=")), "{operation}");
    }
    let changes = sent.iter().filter(|seen| seen.change.is_some()).count();
    assert_eq!(changes, 4, "two there and two back; having a report made is no change");
}

#[test]
fn the_days_are_the_playbook_s_and_a_key_that_was_used_since_the_plan_is_left() {
    let (desk, seed) = Desk::seeded(SEED);
    let key = |name: &str| seed[name].as_str().unwrap();
    let days = "--set deactivate-access-key.days=45";
    let plan = desk.ends(4, &format!("plan {CHECK} {days} -o plan.json --format json")).json();
    let targets = plan["changes"].to_string();
    assert!(targets.contains(key("weeks")) && !targets.contains(key("daily")), "{targets}");
    let another = "import boto3; iam = boto3.client('iam'); \
         iam.update_access_key(UserName='never', AccessKeyId='KEY', Status='Inactive')";
    desk.python(&another.replace("KEY", key("never")), "");
    desk.run(&format!("apply plan.json {days} --auto-approve --max-risk disruptive"));
    let now = shown(&desk);
    for name in ["never", "long", "weeks"] {
        assert_eq!(now[key(name)].1, "Inactive", "{name}");
    }
    desk.run("undo last --auto-approve --max-risk disruptive");
    let now = shown(&desk);
    assert_eq!(now[key("never")].1, "Inactive", "somebody else did that");
    assert_eq!(now[key("weeks")].1, "Active");
}

#[test]
fn an_administrator_is_planned_where_another_one_can_sign_in() {
    let (desk, seed) = Desk::seeded(SEED);
    let another = r#"
import boto3, json
iam = boto3.client("iam")
iam.create_group(GroupName="admins")
everything = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
made = iam.create_policy(PolicyName="everything", PolicyDocument=json.dumps(everything))["Policy"]["Arn"]
iam.attach_group_policy(GroupName="admins", PolicyArn=made)
iam.add_user_to_group(GroupName="admins", UserName="daily")
"#;
    desk.python(another, "");
    let plan = desk.ends(4, &format!("plan {CHECK} -o plan.json --format json")).json();
    let chief = seed["chief"].as_str().unwrap();
    assert!(plan["changes"].to_string().contains(chief), "{}", plan["skipped"]);
    desk.ends(0, "apply plan.json --auto-approve --max-risk disruptive");
    assert_eq!(shown(&desk)[chief].1, "Inactive");
}
