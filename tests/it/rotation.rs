//! The rotation of access keys through the built program on an emulator, with boto3 as the witness: a new key is
//! delivered, the old one deactivated, and deleted. The process is killed around every call, and no key is left that
//! nobody holds.

use std::{fs, path::Path};

use serde_json::Value;

use crate::{
    clinic_desk::Desk,
    proxy::{At, Fault, Proxy},
};

/// Users whose only key is old, one of whom sends mail and one of whom is for emergencies; one with two keys; and two
/// whose keys are being rotated.
const SEED: &str = r#"
import datetime
import json
import boto3

iam = boto3.client("iam")
keys = {}

def user(name, path, count=1):
    iam.create_user(UserName=name, Path=path)
    keys[name] = [iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"] for _ in range(count)]

def mark(name, mark, value):
    iam.tag_user(UserName=name, Tags=[{"Key": f"redress:{mark}:{keys[name][0]}", "Value": value}])

user("ci", "/age-400/used-1/")
user("young", "/age-30/used-1/")
user("ses-smtp-user.20240101", "/age-400/used-1/")
user("break-glass", "/age-400/used-1/")
user("two", "/age-400/used-1/later-200/", 2)
user("shop", "/age-500/used-20/later-30/", 2)
mark("shop", "replaced-by", keys["shop"][1])
user("mirror", "/age-600/used-70/later-80/", 2)
mark("mirror", "replaced-by", keys["mirror"][1])
mark("mirror", "retired", str(datetime.date.today() - datetime.timedelta(days=40)))
iam.update_access_key(UserName="mirror", AccessKeyId=keys["mirror"][0], Status="Inactive")
print(json.dumps(keys))
"#;

/// Every key with its status, the marks on the users, and what the secret of a user holds.
const SHOWN: &str = r#"
import json
import boto3

iam = boto3.client("iam")
secrets = boto3.client("secretsmanager", "eu-west-1")
shown = {"keys": {}, "marks": {}, "secrets": {}}
for user in iam.list_users()["Users"]:
    name = user["UserName"]
    keys = iam.list_access_keys(UserName=name)["AccessKeyMetadata"]
    shown["keys"][name] = {key["AccessKeyId"]: key["Status"] for key in keys}
    shown["marks"][name] = {tag["Key"]: tag["Value"] for tag in iam.list_user_tags(UserName=name)["Tags"]}
for secret in secrets.list_secrets()["SecretList"]:
    try:
        held = json.loads(secrets.get_secret_value(SecretId=secret["Name"])["SecretString"])
    except secrets.exceptions.ResourceNotFoundException:
        held = None
    shown["secrets"][secret["Name"]] = held
print(json.dumps(shown))
"#;

/// Whose key it is, by a request that it signs.
const WHO: &str = r#"
import sys
import boto3

print(boto3.client("sts", aws_access_key_id=sys.argv[1], aws_secret_access_key=sys.argv[2]).get_caller_identity()["Arn"])
"#;

const HERE: &str = "--region eu-west-1 --playbook-set strict --set rotate-access-key.region=eu-west-1";
const SECRET: &str = "redress/access-keys/ci";

fn shown(desk: &Desk) -> Value {
    serde_json::from_str(&desk.python(SHOWN, "")).unwrap()
}

/// The files below a folder that hold a text.
fn holding(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, text));
        } else if String::from_utf8_lossy(&fs::read(&path).unwrap()).contains(text) {
            found.push(path.display().to_string());
        }
    }
    found
}

#[test]
fn a_new_key_is_delivered_and_its_secret_is_nowhere_else_and_an_undo_deletes_it() {
    let (desk, seed) = Desk::seeded(SEED);
    let before = shown(&desk);
    let old = seed["ci"][0].as_str().unwrap();
    let check = "--check access-key-old";
    let unnamed =
        desk.ends(4, &format!("plan --region eu-west-1 --playbook-set strict {check} --format json"));
    assert_eq!(unnamed.json()["changes"].as_array().unwrap().len(), 0, "no region is guessed");
    let plan = desk.ends(4, &format!("plan {HERE} {check} -o plan.json --format json")).json();
    let changes: Vec<&str> =
        plan["changes"].as_array().unwrap().iter().map(|c| c["resource"].as_str().unwrap()).collect();
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert!(changes[0].ends_with(old));
    let skipped = plan["skipped"].to_string();
    for part in ["SMTP password", "for emergencies", "two access keys"] {
        assert!(skipped.contains(part), "{part}: {skipped}");
    }
    assert_eq!(shown(&desk), before, "a plan changes nothing");

    let applied = desk.ends(0, &format!("apply plan.json {HERE} --auto-approve -vv"));
    let now = shown(&desk);
    let held = &now["secrets"][SECRET];
    let (new, secret) = (held["AccessKeyId"].as_str().unwrap(), held["SecretAccessKey"].as_str().unwrap());
    assert_eq!(now["keys"]["ci"][old], "Active");
    assert_eq!(now["keys"]["ci"][new], "Active");
    assert_eq!(now["marks"]["ci"][&format!("redress:replaced-by:{old}")], new);
    assert!(secret.len() >= 40 && !applied.out.contains(secret) && !applied.err.contains(secret));
    assert_eq!(holding(&desk.path("."), secret), Vec::<String>::new(), "no file holds the secret");
    let of_runs = desk.ends(0, "runs --format json").out + &desk.ends(0, "show last --format json").out;
    assert!(!of_runs.contains(secret));

    desk.ends(0, "verify last");
    let exported = desk.run("export plan.json --to aws-cli");
    assert!(exported.code != Some(0) && exported.err.contains("secret"), "{}", exported.err);
    desk.ends(0, "undo last --auto-approve --max-risk disruptive");
    let after = shown(&desk);
    assert_eq!(after["keys"], before["keys"], "the new key is deleted");
    assert_eq!(after["marks"], before["marks"]);
}

#[test]
fn a_key_that_is_in_use_is_not_deleted_by_an_undo() {
    let (desk, _) = Desk::seeded(SEED);
    desk.ends(0, &format!("apply {HERE} --check access-key-old --auto-approve"));
    let held = shown(&desk)["secrets"][SECRET].clone();
    let words =
        format!("{} {}", held["AccessKeyId"].as_str().unwrap(), held["SecretAccessKey"].as_str().unwrap());
    assert!(desk.python(WHO, &words).contains("user/"), "what was delivered signs requests");
    let before = shown(&desk);
    let undone = desk.run("undo last --auto-approve --max-risk disruptive");
    assert_ne!(undone.code, Some(0), "{}", undone.out);
    assert_eq!(shown(&desk)["keys"], before["keys"]);
}

#[test]
fn a_replaced_key_is_deactivated_and_a_retired_one_deleted_each_by_a_run_of_its_own() {
    let (desk, seed) = Desk::seeded(SEED);
    let key = |name: &str, n: usize| seed[name][n].as_str().unwrap();
    let listed = desk.ends(0, "rotations --region eu-west-1 --format json").json();
    let stages: Vec<(&str, &str)> = listed["rotations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["user"].as_str().unwrap(), one["stage"].as_str().unwrap()))
        .collect();
    assert_eq!(stages, [("mirror", "over"), ("shop", "free")]);
    let before = shown(&desk);

    desk.ends(0, &format!("apply {HERE} --check access-key-replaced --auto-approve --max-risk disruptive"));
    let now = shown(&desk);
    assert_eq!(now["keys"]["shop"][key("shop", 0)], "Inactive");
    assert_eq!(now["keys"]["shop"][key("shop", 1)], "Active");
    assert!(now["marks"]["shop"][&format!("redress:retired:{}", key("shop", 0))].is_string());
    desk.ends(0, "undo last --auto-approve --max-risk disruptive");
    assert_eq!(shown(&desk), before);

    let delete = format!("apply {HERE} --check access-key-retired --auto-approve");
    desk.ends(4, &format!("{delete} --max-risk disruptive"));
    assert_eq!(shown(&desk), before, "nothing is deleted without its own flag");
    desk.ends(0, &format!("{delete} --allow-irreversible delete-access-key"));
    let now = shown(&desk);
    assert_eq!(now["keys"]["mirror"].as_object().unwrap().len(), 1);
    assert_eq!(now["keys"]["mirror"][key("mirror", 1)], "Active");
    assert_eq!(now["marks"]["mirror"], serde_json::json!({}), "the marks go with it");
}

/// A process on the way to deliver a key, killed around one of its calls.
fn killed(fault: (At, Fault)) -> (Desk, Proxy) {
    let (mut desk, _) = Desk::seeded(SEED);
    let proxy = Proxy::before(&desk.endpoint);
    desk.endpoint.clone_from(&proxy.url);
    proxy.go_wrong(Some(fault));
    let mut started = desk.start(&format!("apply {HERE} --check access-key-old --auto-approve"));
    let ended = proxy.watch(started.child.take().unwrap());
    assert!(ended.is_none(), "{fault:?}: it ended by itself: {ended:?}");
    proxy.go_wrong(None);
    (desk, proxy)
}

#[test]
fn killed_around_every_call_no_key_is_left_that_nobody_holds() {
    let faults =
        (1..=4).flat_map(|n| [(At::Change(n), Fault::KillBefore), (At::Change(n), Fault::KillAfter)]);
    for fault in faults {
        let (desk, _proxy) = killed(fault);
        let said = desk.run(&format!("resume last {} --auto-approve --max-risk disruptive", &HERE[19..]));
        let now = shown(&desk);
        let keys = now["keys"]["ci"].as_object().unwrap();
        match keys.len() {
            1 => assert!(
                said.code == Some(5) || said.code == Some(1),
                "{fault:?}: {:?} {}",
                said.code,
                said.err
            ),
            _ => {
                assert_eq!(said.code, Some(0), "{fault:?}: {} {}", said.out, said.err);
                let held = now["secrets"][SECRET]["AccessKeyId"].as_str().unwrap();
                assert_eq!(keys.len(), 2, "{fault:?}");
                assert_eq!(keys[held], "Active", "{fault:?}");
            }
        }
        // Whatever has come of it, the next run delivers a key, or finds it delivered.
        desk.ends(0, &format!("apply {HERE} --check access-key-old --auto-approve"));
        let now = shown(&desk);
        let held = now["secrets"][SECRET]["AccessKeyId"].as_str().unwrap();
        assert_eq!(now["keys"]["ci"].as_object().unwrap().len(), 2, "{fault:?}");
        assert_eq!(now["keys"]["ci"][held], "Active", "{fault:?}");
    }
}

#[test]
fn a_key_that_somebody_else_has_made_is_named_and_left() {
    let (desk, _proxy) = killed((At::Change(2), Fault::KillBefore));
    let theirs = desk.python(
        "import boto3; iam = boto3.client('iam'); iam.update_user(UserName='ci', NewPath='/age-400/used-1/later--1/'); \
         print(iam.create_access_key(UserName='ci')['AccessKey']['AccessKeyId'])",
        "",
    );
    let said = desk.run(&format!("resume last {} --auto-approve --max-risk disruptive", &HERE[19..]));
    let now = shown(&desk);
    let keys = now["keys"]["ci"].as_object().unwrap();
    assert_eq!(keys[theirs.trim()], "Active", "{} {}", said.out, said.err);
    assert!(
        said.code != Some(0) && said.out.contains(theirs.trim()),
        "{:?} {} {}",
        said.code,
        said.out,
        said.err
    );
    assert!(said.out.contains("somebody else may have made it"), "{}", said.out);
}
