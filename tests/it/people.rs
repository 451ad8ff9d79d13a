//! People who sign in to the console, through the built program on an emulator, with boto3 as the witness.
//! Passwords are never old there: the tests' own server makes them as old as the path of their user says
//! (`moto_server.py`).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{clinic_desk::Desk, proxy::Proxy};

/// Users with passwords: long unused, never used, in use, new; without MFA, with it, with an access key; one
/// for emergencies, an administrator, one without a password.
pub(crate) const SEED: &str = r#"
import json
import boto3

iam = boto3.client("iam")
keys = {}

def user(name, path="/", password=True, mfa=True, key=None):
    iam.create_user(UserName=name, Path=path)
    if password:
        iam.create_login_profile(UserName=name, Password="long-enough-1A!")
    if mfa:
        serial = iam.create_virtual_mfa_device(VirtualMFADeviceName=name)["VirtualMFADevice"]["SerialNumber"]
        iam.enable_mfa_device(UserName=name, SerialNumber=serial, AuthenticationCode1="123456", AuthenticationCode2="234567")
    if key:
        keys[name] = iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]
        iam.update_access_key(UserName=name, AccessKeyId=keys[name], Status=key)

user("left", "/age-900/signed-300/")
user("never", "/age-400/", key="Inactive")
user("robot", "/age-700/signed-650/used-1/", key="Active")
user("weeks", "/age-900/signed-60/")
user("daily", "/age-900/signed-1/")
user("new")
user("break-glass", "/age-900/", mfa=False)
user("chief", "/age-900/", mfa=False)
everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
iam.put_user_policy(UserName="chief", PolicyName="everything", PolicyDocument=json.dumps(everything))
user("plain", "/staff/age-300/signed-2/", mfa=False)
user("coder", "/age-300/signed-2/used-1/", mfa=False, key="Active")
user("service", "/age-300/used-1/", password=False, mfa=False, key="Active")
iam.create_group(GroupName="staff")
for name in ("plain", "left"):
    iam.add_user_to_group(GroupName="staff", UserName=name)
print(json.dumps(keys))
"#;

/// Every user with what there is of it, and every group with its policies.
const SHOWN: &str = r#"
import json
import boto3

iam = boto3.client("iam")
shown = {"users": {}, "groups": {}}
for name in (u["UserName"] for u in iam.list_users()["Users"]):
    try:
        password = bool(iam.get_login_profile(UserName=name))
    except iam.exceptions.NoSuchEntityException:
        password = False
    policies = {p: iam.get_user_policy(UserName=name, PolicyName=p)["PolicyDocument"] for p in iam.list_user_policies(UserName=name)["PolicyNames"]}
    shown["users"][name] = {
        "password": password, "policies": policies, "groups": [g["GroupName"] for g in iam.list_groups_for_user(UserName=name)["Groups"]],
        "devices": len(iam.list_mfa_devices(UserName=name)["MFADevices"]),
        "keys": {k["AccessKeyId"]: k["Status"] for k in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]},
    }
for name in (g["GroupName"] for g in iam.list_groups()["Groups"]):
    shown["groups"][name] = {p: iam.get_group_policy(GroupName=name, PolicyName=p)["PolicyDocument"] for p in iam.list_group_policies(GroupName=name)["PolicyNames"]}
print(json.dumps(shown, sort_keys=True))
"#;

const UNUSED: &str = "--region eu-west-1 --check console-password-unused";
const MFA: &str = "--region eu-west-1 --check user-without-mfa";
pub(crate) const GROUP: &str = "redress-require-mfa";

pub(crate) fn shown(desk: &Desk) -> Value {
    serde_json::from_str(&desk.python(SHOWN, "")).unwrap()
}

fn found(desk: &Desk, check: &str) -> Vec<String> {
    let scan = desk.ends(0, &format!("scan {check} --format json")).json();
    // What a policy of redress denies is listed as kept.
    let ids = scan["findings"].as_array().unwrap().iter().filter(|f| f["verdict"] != "retained");
    let mut ids: Vec<String> = ids.map(|f| f["resource"]["id"].as_str().unwrap().to_owned()).collect();
    ids.sort_unstable();
    ids
}

fn reasons(plan: &Value) -> BTreeMap<String, String> {
    let of = |one: &Value| {
        let user = one["finding"]["resource"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        (user, one["reason"].as_str().unwrap().to_owned())
    };
    plan["skipped"].as_array().unwrap().iter().map(of).collect()
}

/// Checks that no request could have shown the seed of a device, and that every one about a user names it.
fn is_discreet(proxy: &Proxy) {
    for seen in proxy.log() {
        assert!(!seen.body.contains("Action=ListVirtualMFADevices"), "{}", seen.body);
        let about_user = ["GetLoginProfile", "GetUser&", "ListMFADevices", "ListAccessKeys"];
        let is_about = about_user.iter().any(|word| seen.body.contains(&format!("Action={word}")));
        assert!(!is_about || seen.body.contains("&UserName="), "{}", seen.body);
    }
}

#[test]
fn the_console_is_denied_to_who_does_not_use_it_and_allowed_again_by_an_undo() {
    let (mut desk, seed) = Desk::seeded(SEED);
    let proxy = Proxy::before(&desk.endpoint);
    desk.endpoint.clone_from(&proxy.url);
    let before = shown(&desk);
    assert_eq!(found(&desk, UNUSED), ["break-glass", "chief", "left", "never", "robot"]);
    let plan = desk.ends(4, &format!("plan {UNUSED} -o plan.json --format json")).json();
    assert_eq!(shown(&desk), before, "a plan changes nothing");
    let refused = reasons(&plan);
    for (name, part) in [
        ("break-glass", "for emergencies"),
        ("chief", "nobody might be left"),
        ("robot", seed["robot"].as_str().unwrap()),
        ("robot", "disable-console-login.method=\"delete\""),
    ] {
        assert!(refused[name].contains(part), "{name}: {}", refused[name]);
    }
    desk.ends(0, "apply plan.json --auto-approve --max-risk disruptive");
    let mut expected = before.clone();
    for name in ["left", "never"] {
        let condition = json!({ "Null": { "aws:TokenIssueTime": "false" } });
        let set = &shown(&desk)["users"][name]["policies"]["redress-no-console"];
        assert_eq!(
            (&set["Statement"][0]["Effect"], &set["Statement"][0]["Condition"]),
            (&json!("Deny"), &condition)
        );
        expected["users"][name]["policies"]["redress-no-console"] = set.clone();
    }
    assert_eq!(shown(&desk), expected, "one policy each, and nothing else");
    desk.ends(0, "verify last");
    assert_eq!(found(&desk, UNUSED), ["break-glass", "chief", "robot"], "the others are kept");
    desk.ends(0, "undo last --auto-approve --max-risk disruptive");
    assert_eq!(shown(&desk), before, "everything is as it was");
    is_discreet(&proxy);
}

#[test]
fn a_password_is_deleted_only_by_name_and_cannot_come_back() {
    let (desk, _) = Desk::seeded(SEED);
    let before = shown(&desk);
    let method = "--set disable-console-login.method=delete";
    desk.ends(4, &format!("plan {UNUSED} {method} -o plan.json"));
    desk.run(&format!("apply plan.json {method} --auto-approve --max-risk disruptive"));
    assert_eq!(shown(&desk), before, "an irreversible action needs its own flag");
    let flags = format!("{method} --auto-approve --allow-irreversible disable-console-login");
    desk.ends(0, &format!("apply plan.json {flags}"));
    let mut expected = before;
    for name in ["left", "never", "robot"] {
        expected["users"][name]["password"] = json!(false);
    }
    assert_eq!(shown(&desk), expected, "passwords; access keys and devices stay");
    desk.ends(0, "verify last");
    assert_eq!(found(&desk, UNUSED), ["break-glass", "chief"]);
    let undo = desk.run("undo last --auto-approve --max-risk disruptive");
    assert!(
        undo.err.contains("keeps no password") || undo.out.contains("keeps no password"),
        "{}{}",
        undo.out,
        undo.err
    );
    assert_eq!(shown(&desk), expected);
}

#[test]
fn whoever_signs_in_without_mfa_is_put_in_the_group_and_taken_out_again() {
    let (mut desk, seed) = Desk::seeded(SEED);
    let proxy = Proxy::before(&desk.endpoint);
    desk.endpoint.clone_from(&proxy.url);
    let before = shown(&desk);
    assert_eq!(found(&desk, MFA), ["break-glass", "chief", "coder", "plain"], "a key alone is no sign-in");
    let plan = desk.ends(4, &format!("plan {MFA} -o plan.json --format json")).json();
    let refused = reasons(&plan);
    for (name, part) in [
        ("break-glass", "for emergencies"),
        ("chief", "nobody might be left"),
        ("coder", seed["coder"].as_str().unwrap()),
        ("coder", "require-mfa.with_keys=[\"coder\"]"),
    ] {
        assert!(refused[name].contains(part), "{name}: {}", refused[name]);
    }
    let actions: Vec<&Value> = plan["changes"].as_array().unwrap().iter().map(|c| &c["action"]).collect();
    assert_eq!(actions, ["ensure-mfa-group", "require-mfa"]);
    desk.ends(0, "apply plan.json --auto-approve --max-risk disruptive");
    let after = shown(&desk);
    let policy = after["groups"][GROUP]["require-mfa"].clone();
    let deny = policy["Statement"].as_array().unwrap().iter().find(|one| one["Effect"] == "Deny").unwrap();
    assert_eq!(deny["Condition"], json!({ "BoolIfExists": { "aws:MultiFactorAuthPresent": "false" } }));
    let mut expected = before.clone();
    expected["groups"][GROUP] = json!({ "require-mfa": policy });
    expected["users"]["plain"]["groups"] = after["users"]["plain"]["groups"].clone();
    assert_eq!(after, expected, "one group and one user in it");
    let groups = after["users"]["plain"]["groups"].as_array().unwrap();
    assert!(groups.contains(&json!(GROUP)) && groups.contains(&json!("staff")), "{groups:?}");
    desk.ends(0, "verify last");
    assert_eq!(found(&desk, MFA), ["break-glass", "chief", "coder"], "plain is kept");

    desk.ends(0, "undo last --auto-approve --max-risk disruptive");
    let mut back = before.clone();
    back["groups"][GROUP] = expected["groups"][GROUP].clone();
    assert_eq!(shown(&desk), back, "the group stays, without users");
    // The group that is left is used again; a user with a key that is named goes in, too.
    let named = "--set require-mfa.with_keys=[\"coder\"]";
    let plan = desk.ends(4, &format!("plan {MFA} {named} -o plan.json --format json")).json();
    assert_eq!(plan["changes"].as_array().unwrap().len(), 2, "no group is made: {plan}");
    desk.ends(0, &format!("apply plan.json {named} --auto-approve --max-risk disruptive"));
    assert!(shown(&desk)["users"]["coder"]["groups"].to_string().contains(GROUP));
    is_discreet(&proxy);
}

#[test]
fn a_group_of_somebody_else_is_left_and_so_is_who_has_enrolled_a_device_since() {
    let (desk, _) = Desk::seeded(SEED);
    let theirs = "--set require-mfa.group=staff";
    let plan = desk.ends(4, &format!("plan {MFA} {theirs} --format json")).json();
    assert_eq!(plan["changes"], json!([]));
    assert!(reasons(&plan)["plain"].contains("somebody else's"), "{:?}", reasons(&plan));
    desk.ends(4, &format!("plan {MFA} -o plan.json"));
    let enrol = "import boto3; iam = boto3.client('iam'); \
         serial = iam.create_virtual_mfa_device(VirtualMFADeviceName='p')['VirtualMFADevice']['SerialNumber']; \
         iam.enable_mfa_device(UserName='plain', SerialNumber=serial, AuthenticationCode1='123456', AuthenticationCode2='234567')";
    desk.python(enrol, "");
    desk.run("apply plan.json --auto-approve --max-risk disruptive");
    assert_eq!(shown(&desk)["users"]["plain"]["groups"], json!(["staff"]), "the person was faster");
}
