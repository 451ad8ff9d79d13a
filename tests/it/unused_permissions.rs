//! Roles that do not use what they may do, through the built program on an emulator, with boto3 as the witness: a
//! policy gets a narrower version, and the former one is in force again after an undo. The emulator has no reports on
//! the services that a role has used: the tests' own server makes them of the path of the role (`moto_server.py`). The
//! same server simulates policies, and no more than the names of actions. Nothing is denied there by a policy, so that
//! the documents are what is looked at.

use serde_json::{Value, json};

use crate::{
    clinic_desk::Desk,
    proxy::{At, Fault, Proxy},
};

/// A role that does not use two services; roles that use all of their own, are young, or have policies of AWS's;
/// and such whose policies are shared, full, young, inline or without services by name.
const SEED: &str = r#"
import json
import boto3

iam = boto3.client("iam")
trust = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]})

def document(actions):
    return json.dumps({"Version": "2012-10-17", "Statement": [
        {"Sid": "Work", "Effect": "Allow", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}}
        | (actions if isinstance(actions, dict) else {"Action": actions}),
        {"Effect": "Deny", "Action": ["sqs:PurgeQueue"], "Resource": "*"}]})

def role(name, path, actions=None, age=400):
    iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=trust)
    if actions:
        arn = iam.create_policy(PolicyName=name, Path=f"/age-{age}/", PolicyDocument=document(actions))["Policy"]["Arn"]
        iam.attach_role_policy(RoleName=name, PolicyArn=arn)
        return arn

used = "/age-400/s3-1/sqs-200/sns-never/kms-never/"
wide = ["s3:Get*", "sqs:*", "sns:Publish", "kms:Decrypt", "iam:PassRole"]
arns = {name: role(name, path, actions, age) for name, path, actions, age in (
    ("deploy", used, wide, 400),
    ("good", "/age-400/s3-1/sqs-20/", ["s3:*", "sqs:*"], 400),
    ("new", "/age-10/s3-never/", ["s3:*"], 400),
    ("shared", used, wide, 400),
    ("full", used, wide, 400),
    ("fresh", used, wide, 5),
    ("every", used, {"NotAction": "ec2:*"}, 400),
)}
iam.create_user(UserName="bo")
iam.attach_user_policy(UserName="bo", PolicyArn=arns["shared"])
for _ in range(4):
    iam.create_policy_version(PolicyArn=arns["full"], PolicyDocument=document(["s3:*"]))
role("own", used)
iam.put_role_policy(RoleName="own", PolicyName="mine", PolicyDocument=document(["sqs:*"]))
role("of-aws", used)
iam.attach_role_policy(RoleName="of-aws", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
print(json.dumps(arns))
"#;

/// All versions of all policies, and the one in force of each.
const SHOWN: &str = r#"
import json
import boto3

iam = boto3.client("iam")
shown = {}
for policy in iam.list_policies(Scope="Local")["Policies"]:
    arn = policy["Arn"]
    versions = [v["VersionId"] for v in iam.list_policy_versions(PolicyArn=arn)["Versions"]]
    documents = {v: iam.get_policy_version(PolicyArn=arn, VersionId=v)["PolicyVersion"]["Document"] for v in versions}
    shown[policy["PolicyName"]] = {"in_force": iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"], "versions": documents}
print(json.dumps(shown))
"#;

const SCOPE: &str = "--region us-east-1 --playbook-set strict --check role-unused-permissions";
const APPLY: &str = "apply plan.json --playbook-set strict --auto-approve --max-risk disruptive";
const RESUME: &str = "resume last --playbook-set strict --auto-approve --max-risk disruptive";
const UNDO: &str = "undo last --auto-approve --max-risk disruptive";

fn shown(desk: &Desk) -> Value {
    serde_json::from_str(&desk.python(SHOWN, "")).unwrap()
}

/// A desk behind a proxy.
fn desk() -> (Desk, Proxy, Value) {
    let (mut desk, arns) = Desk::seeded(SEED);
    let proxy = Proxy::before(&desk.endpoint);
    desk.endpoint.clone_from(&proxy.url);
    (desk, proxy, arns)
}

/// What is shown once the policy of `deploy` is narrowed.
fn narrowed(mut shown: Value) -> Value {
    let policy = &mut shown["deploy"];
    let mut document = policy["versions"]["v1"].clone();
    document["Statement"][0]["Action"] = json!(["s3:Get*", "kms:Decrypt", "iam:PassRole"]);
    policy["versions"]["v2"] = document;
    policy["in_force"] = json!("v2");
    shown
}

#[test]
fn what_a_role_does_not_use_goes_out_of_its_policy_and_comes_back_with_an_undo() {
    let (desk, proxy, arns) = desk();
    let before = shown(&desk);
    let scan = desk.ends(0, &format!("scan {SCOPE} --format json")).json();
    let mut found: Vec<&str> =
        scan["findings"].as_array().unwrap().iter().map(|f| f["resource"]["id"].as_str().unwrap()).collect();
    found.sort_unstable();
    assert_eq!(found, ["deploy", "every", "fresh", "full", "own", "shared"]);
    assert!(scan["notes"].to_string().contains("AWS's own"), "{}", scan["notes"]);
    // A report for each role that has policies of the account's own, and is old enough; one listing of roles.
    let asked = proxy.asked();
    let count = |part: &str| asked.iter().filter(|one| one.contains(part)).count();
    assert_eq!(count("GenerateServiceLastAccessedDetails"), 7, "{asked:?}");
    assert_eq!((count("GetAccountAuthorizationDetails"), count("GetRole")), (2, 0), "{asked:?}");

    let plan = desk.ends(4, &format!("plan {SCOPE} -o plan.json --format json")).json();
    assert_eq!(shown(&desk), before, "a plan changes nothing");
    let refused = plan["skipped"].as_array().unwrap();
    for (name, part) in [
        ("shared", "it is with user/bo, too"),
        ("full", "5 versions"),
        ("fresh", "younger than the days"),
        ("every", "has used s3"),
        ("own", "inline policy mine"),
    ] {
        let one = refused.iter().find(|one| one["finding"]["resource"].as_str().unwrap().ends_with(name));
        let reason = one.unwrap_or_else(|| panic!("{name}: {refused:?}"))["reason"].as_str().unwrap();
        assert!(reason.contains(part), "{name}: {reason}");
    }
    assert_eq!(refused.len(), 5, "{refused:?}");
    let impact = plan["changes"][0]["impact"].to_string();
    assert!(impact.contains("sns:Publish no longer") && impact.contains("90 days"), "{impact}");
    // Of what IAM tracks one by one, `s3:CreateBucket` was denied before.
    let proof = plan["changes"][0]["proof"][1]["with"].to_string();
    assert_eq!(proof, r#"{"actions":["s3:GetBucketTagging"]}"#, "{}", plan["changes"][0]);

    desk.ends(0, APPLY);
    let changes: Vec<_> = proxy.log().into_iter().filter(|seen| seen.change.is_some()).collect();
    let [one] = &changes[..] else { panic!("{changes:?}") };
    assert!(one.body.contains("Action=CreatePolicyVersion") && one.body.contains("SetAsDefault=true"));
    assert_eq!(shown(&desk), narrowed(before.clone()));
    let again = desk.ends(0, &format!("scan {SCOPE} --format json")).json();
    assert!(!again["findings"].to_string().contains(arns["deploy"].as_str().unwrap()), "it is closed");
    assert_eq!(again["findings"].as_array().unwrap().len(), 5);

    desk.ends(0, UNDO);
    assert_eq!(shown(&desk), before, "the former version is in force, and the new one is gone");
}

#[test]
fn killed_around_every_call_it_comes_to_its_end_and_so_does_its_undo() {
    for how in [Fault::KillBefore, Fault::KillAfter] {
        for n in 1..=2 {
            let (desk, proxy, _) = desk();
            let before = shown(&desk);
            desk.ends(4, &format!("plan {SCOPE} -o plan.json"));
            desk.killed(&proxy, APPLY, (At::Change(1), how));
            desk.ends(0, RESUME);
            assert_eq!(shown(&desk), narrowed(before.clone()), "{how:?}");
            desk.killed(&proxy, UNDO, (At::Change(n), how));
            desk.ends(0, "resume last --auto-approve --max-risk disruptive");
            assert_eq!(shown(&desk), before, "{how:?} {n}: everything is as it was");
        }
    }
}

/// Puts a version of somebody else's in force.
const OTHER: &str = r#"
import json, sys
import boto3

iam = boto3.client("iam")
arn = sys.argv[1]
document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]})
iam.create_policy_version(PolicyArn=arn, PolicyDocument=document, SetAsDefault=True)
"#;

#[test]
fn a_version_that_somebody_else_has_put_in_force_stays() {
    let (desk, _, arns) = desk();
    desk.ends(4, &format!("plan {SCOPE} -o plan.json"));
    desk.ends(0, APPLY);
    desk.python(OTHER, arns["deploy"].as_str().unwrap());
    let theirs = shown(&desk);
    let said = desk.run(UNDO);
    assert_ne!(said.code, Some(0), "{}{}", said.out, said.err);
    assert_eq!(shown(&desk), theirs, "{}{}", said.out, said.err);
}
