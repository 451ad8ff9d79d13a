//! `redress revoke` through the built program on an emulator, with boto3 as the witness: a user that is named by one
//! of its keys, a role that it has assumed, and what cannot be revoked. The emulator does not list credentials for
//! single services, has no limit on inline policies, and lets a user that is denied everything go on.

use serde_json::{Value, json};

use crate::{
    clinic_desk::Desk,
    proxy::{At, Fault, Proxy, signal},
    support::{Keys, moto},
};

/// A user with two keys, an SSH key, a policy and a password, roles, and names that mean two things.
const SEED: &str = r#"
import json
import boto3

iam = boto3.client("iam")
trust = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]})
own = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]})
iam.create_user(UserName="bo", Path="/people/")
iam.put_user_policy(UserName="bo", PolicyName="own", PolicyDocument=own)
iam.create_login_profile(UserName="bo", Password="Dunkel-Wald-17")
keys = {n: iam.create_access_key(UserName="bo")["AccessKey"]["AccessKeyId"] for n in ("old", "new")}
iam.update_access_key(UserName="bo", AccessKeyId=keys["old"], Status="Inactive")
iam.upload_ssh_public_key(UserName="bo", SSHPublicKeyBody="ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC7 bo")
iam.create_user(UserName="kim")
keys["kim"] = iam.create_access_key(UserName="kim")["AccessKey"]["AccessKeyId"]
iam.create_user(UserName="twin")
iam.create_user(UserName="break-glass")
for name, path in (("deploy", "/"), ("twin", "/"), ("linked", "/aws-service-role/ecs.amazonaws.com/")):
    iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=trust)
iam.put_role_policy(RoleName="deploy", PolicyName="own", PolicyDocument=own)
print(json.dumps(keys))
"#;

/// Everything that is shown of the identities.
const SHOWN: &str = r#"
import json
import boto3

iam = boto3.client("iam")
shown = {}
for user in iam.list_users()["Users"]:
    name = user["UserName"]
    shown[name] = {
        "keys": {k["AccessKeyId"]: k["Status"] for k in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]},
        "ssh": [k["Status"] for k in iam.list_ssh_public_keys(UserName=name)["SSHPublicKeys"]],
        "policies": {p: iam.get_user_policy(UserName=name, PolicyName=p)["PolicyDocument"] for p in iam.list_user_policies(UserName=name)["PolicyNames"]},
    }
for role in iam.list_roles()["Roles"]:
    name = role["RoleName"]
    shown["role " + name] = {p: iam.get_role_policy(RoleName=name, PolicyName=p)["PolicyDocument"] for p in iam.list_role_policies(RoleName=name)["PolicyNames"]}
shown["password"] = iam.get_login_profile(UserName="bo")["LoginProfile"]["UserName"]
print(json.dumps(shown, default=str))
"#;

fn shown(desk: &Desk) -> Value {
    serde_json::from_str(&desk.python(SHOWN, "")).unwrap()
}

const USERS: &str = r#"--set revoke-credentials.users=["bo"]"#;
const UNDO: &str = "undo last --auto-approve --max-risk disruptive";

/// What is shown once bo can do nothing any more.
fn revoked(mut shown: Value, key: &str) -> Value {
    let of_bo = &mut shown["bo"];
    of_bo["keys"][key] = json!("Inactive");
    of_bo["ssh"] = json!(["Inactive"]);
    of_bo["policies"]["redress-quarantine"] = json!({ "Version": "2012-10-17", "Statement": [
        { "Sid": "RedressQuarantine", "Effect": "Deny", "Action": "*", "Resource": "*" }] });
    shown
}

/// A desk behind a proxy, on which a plan to revoke bo lies.
fn planned() -> (Desk, Proxy, Value) {
    let (mut desk, keys) = Desk::seeded(SEED);
    let proxy = Proxy::before(&desk.endpoint);
    desk.endpoint.clone_from(&proxy.url);
    desk.ends(0, "revoke bo --region us-east-1 -o plan.json");
    (desk, proxy, keys)
}

fn apply() -> String {
    format!("apply plan.json {USERS} --auto-approve --max-risk disruptive")
}

fn resume() -> String {
    format!("resume last {USERS} --auto-approve --max-risk disruptive")
}

#[test]
fn a_finding_that_accuses_a_user_is_shown_with_the_command_that_revokes_it() {
    let (desk, _) = Desk::seeded(SEED);
    let finding = json!({ "schemaVersion": "2.0", "accountId": desk.keys.account, "region": "us-east-1",
        "partition": "aws", "id": "f", "type": "UnauthorizedAccess:IAMUser/MaliciousIPCaller", "severity": 5,
        "title": "t", "updatedAt": "2026-11-22T06:00:00Z",
        "service": { "archived": false, "resourceRole": "TARGET", "additionalInfo": {} },
        "resource": { "resourceType": "AccessKey", "accessKeyDetails": {
            "accessKeyId": "AKIAIOSFODNN7EXAMPLE", "userType": "IAMUser", "userName": "bo" } } });
    std::fs::write(desk.path("found.json"), finding.to_string()).unwrap();
    let said = desk.run("scan --region us-east-1 --findings found.json");
    let shown = said.out.split_whitespace().collect::<Vec<_>>().join(" ");
    let command = format!("revoke arn:aws:iam::{}:user/bo", desk.keys.account);
    assert!(shown.contains(&format!("redress {command}")), "{}{}", said.out, said.err);
    let plan = desk.ends(0, &format!("{command} --region us-east-1 --format json")).json();
    let actions: Vec<&Value> =
        plan["changes"].as_array().unwrap().iter().map(|change| &change["action"]).collect();
    assert_eq!(actions, ["deny-user", "revoke-credentials"]);
}

#[test]
fn killed_around_every_call_a_revocation_comes_to_its_end_and_so_does_its_undo() {
    for n in 1..=3 {
        for how in [Fault::KillBefore, Fault::KillAfter] {
            let fault = (At::Change(n), how);
            let (desk, proxy, keys) = planned();
            let before = shown(&desk);
            desk.killed(&proxy, &apply(), fault);
            desk.ends(0, &resume());
            assert_eq!(shown(&desk), revoked(before.clone(), keys["new"].as_str().unwrap()), "{fault:?}");
            desk.killed(&proxy, UNDO, fault);
            desk.ends(0, &resume());
            assert_eq!(shown(&desk), before, "{fault:?}: everything is as it was");
        }
    }
}

/// Deletes the SSH keys of bo, which the last step of a plan is about.
const NO_SSH: &str = r#"
import boto3

iam = boto3.client("iam")
for key in iam.list_ssh_public_keys(UserName="bo")["SSHPublicKeys"]:
    iam.delete_ssh_public_key(UserName="bo", SSHPublicKeyId=key["SSHPublicKeyId"])
"#;

/// Makes the access keys of bo inactive.
const INACTIVE: &str = r#"
import boto3

iam = boto3.client("iam")
for key in iam.list_access_keys(UserName="bo")["AccessKeyMetadata"]:
    iam.update_access_key(UserName="bo", AccessKeyId=key["AccessKeyId"], Status="Inactive")
"#;

#[test]
fn a_credential_that_is_deleted_while_the_run_works_counts_as_done() {
    let (desk, proxy, keys) = planned();
    let mut left = revoked(shown(&desk), keys["new"].as_str().unwrap());
    left["bo"]["ssh"] = json!([]);
    proxy.go_wrong(Some((At::Change(2), Fault::Asleep)));
    let started = desk.start(&apply());
    let pid = started.child.as_ref().unwrap().id();
    proxy.sleeps(pid);
    proxy.go_wrong(None);
    desk.python(NO_SSH, "");
    signal("CONT", pid);
    let said = started.end();
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    assert_eq!(shown(&desk), left, "{}{}", said.out, said.err);
    desk.ends(0, "verify last");
}

#[test]
fn a_resumed_run_gives_nothing_back_and_goes_on_without_what_is_gone() {
    let (desk, proxy, keys) = planned();
    let before = shown(&desk);
    let mut left = revoked(before.clone(), keys["new"].as_str().unwrap());
    left["bo"]["ssh"] = json!([]);
    desk.killed(&proxy, &apply(), (At::Change(2), Fault::KillBefore));
    desk.python(NO_SSH, "");
    let said = desk.ends(0, &resume());
    assert_eq!(shown(&desk), left, "{}{}", said.out, said.err);
    assert!(!said.err.contains("delete-user-policy"), "{}", said.err);
    // The SSH key that somebody has deleted does not come back.
    let said = desk.ends(0, UNDO);
    let all = said.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(all.contains("left so: global/user-credentials/bo (ssh_keys)"), "{}", said.out);
    let mut back = before;
    back["bo"]["ssh"] = json!([]);
    assert_eq!(shown(&desk), back);
}

#[test]
fn an_undo_gives_back_what_is_left_after_the_leaked_key_was_deleted() {
    let (desk, _, keys) = planned();
    let mut back = shown(&desk);
    desk.ends(0, &apply());
    let new = keys["new"].as_str().unwrap();
    desk.python(
        &format!("import boto3; boto3.client('iam').delete_access_key(UserName='bo', AccessKeyId='{new}')"),
        "",
    );
    let said = desk.ends(0, UNDO);
    let all = said.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(all.contains(&format!("global/access-keys/{new} (it does not exist)")), "{}", said.out);
    back["bo"]["keys"].as_object_mut().unwrap().remove(new);
    assert_eq!(shown(&desk), back);
    desk.ends(0, "verify last");
}

#[test]
fn a_key_that_somebody_makes_inactive_after_the_plan_keeps_nothing_else_from_being_done() {
    let (desk, _, keys) = planned();
    let mut left = revoked(shown(&desk), keys["new"].as_str().unwrap());
    desk.python(INACTIVE, "");
    desk.ends(0, &apply());
    assert_eq!(shown(&desk), left);
    desk.ends(0, UNDO);
    // Somebody else has made the key inactive, and it stays so.
    left["bo"]["policies"].as_object_mut().unwrap().remove("redress-quarantine");
    left["bo"]["ssh"] = json!(["Active"]);
    assert_eq!(shown(&desk), left);
}

#[test]
fn a_key_that_cannot_be_made_inactive_keeps_neither_the_denial_nor_the_rest_from_being_done() {
    let (desk, proxy, keys) = planned();
    let new = keys["new"].as_str().unwrap();
    let before = shown(&desk);
    let mut left = revoked(before.clone(), new);
    left["bo"]["keys"][new] = json!("Active");
    proxy.go_wrong(Some((At::Change(2), Fault::Denied)));
    let said = desk.ends(7, &apply());
    proxy.go_wrong(None);
    assert_eq!(shown(&desk), left, "{}{}", said.out, said.err);
    let all = format!("{}{}", said.out, said.err).split_whitespace().collect::<Vec<_>>().join(" ");
    for part in ["left to do by hand", "aws iam update-access-key", &format!("access key {new} is active")] {
        assert!(all.contains(part), "{part}: {}{}", said.out, said.err);
    }
    let plan = desk.ends(0, "revoke bo --region us-east-1 --format json").json();
    assert_eq!(plan["changes"].as_array().unwrap().len(), 1, "the rest: {plan}");
    assert_eq!(plan["changes"][0]["steps"].as_array().unwrap().len(), 1, "{plan}");
    desk.ends(0, UNDO);
    assert_eq!(shown(&desk), before);
}

#[test]
fn to_a_user_without_active_credentials_everything_is_denied() {
    let (mut desk, _) = Desk::seeded(SEED);
    let proxy = Proxy::before(&desk.endpoint);
    desk.endpoint.clone_from(&proxy.url);
    desk.python(
        "import boto3; iam = boto3.client('iam'); \
         [iam.delete_access_key(UserName='kim', AccessKeyId=k['AccessKeyId']) for k in iam.list_access_keys(UserName='kim')['AccessKeyMetadata']]",
        "",
    );
    let before = shown(&desk);
    let plan = desk.ends(0, "revoke kim --region us-east-1 -o plan.json --format json").json();
    let changes = plan["changes"].as_array().unwrap();
    assert_eq!((changes.len(), &changes[0]["action"]), (1, &json!("deny-user")), "{plan}");
    let with = r#"--set revoke-credentials.users=["kim"] --auto-approve --max-risk disruptive"#;
    desk.killed(&proxy, &format!("apply plan.json {with}"), (At::Change(1), Fault::KillAfter));
    desk.ends(0, &format!("resume last {with}"));
    assert!(shown(&desk)["kim"]["policies"]["redress-quarantine"].is_object());
    desk.ends(0, "verify last");
    desk.ends(0, UNDO);
    assert_eq!(shown(&desk), before, "everything is as it was");
}

#[test]
fn a_user_that_one_of_its_keys_names_can_do_nothing_any_more_and_everything_again_after_an_undo() {
    let (mut desk, keys) = Desk::seeded(SEED);
    let proxy = Proxy::before(&desk.endpoint);
    desk.endpoint.clone_from(&proxy.url);
    let (old, new) = (keys["old"].as_str().unwrap(), keys["new"].as_str().unwrap());
    let before = shown(&desk);
    // Also an inactive key says whose it is.
    let plan = desk.ends(0, &format!("revoke {old} --region us-east-1 -o plan.json --format json")).json();
    assert_eq!(shown(&desk), before, "a plan changes nothing");
    let (denial, change) = (&plan["changes"][0], &plan["changes"][1]);
    assert_eq!(change["after"], json!(["c1"]), "everything is denied first: {change}");
    for part in ["its password stays", "--role"] {
        assert!(denial["impact"].to_string().contains(part), "{part}: {denial}");
    }
    assert!(change["impact"].to_string().contains(new), "{change}");
    assert!(
        change["guards"].to_string().contains("service-specific credentials could not be read"),
        "{change}"
    );

    let script = desk.ends(0, "export plan.json --to aws-cli").out;
    assert!(script.contains("'list-ssh-public-keys'"), "{script}");
    desk.ends(0, &apply());
    assert_eq!(
        proxy.changes(),
        ["PutUserPolicy", "UpdateAccessKey", "UpdateSSHPublicKey"],
        "everything is denied first"
    );
    assert_eq!(shown(&desk), revoked(before.clone(), new), "bo, and nobody else");
    desk.ends(0, "verify last");
    let nothing = desk.ends(0, "revoke bo --region us-east-1 -o none.json --format json").json();
    assert_eq!(nothing["changes"], json!([]), "{nothing}");
    assert!(desk.path("none.json").exists());
    desk.ends(0, UNDO);
    assert_eq!(shown(&desk), before, "everything is as it was");
}

#[test]
fn sessions_of_a_role_that_the_user_has_assumed_are_denied_with_it() {
    let (desk, _) = Desk::seeded(SEED);
    let before = shown(&desk);
    let plan = desk.ends(0, "revoke bo --role deploy --region us-east-1 -o plan.json --format json").json();
    let changes = plan["changes"].as_array().unwrap();
    let time = |member: &str| plan[member].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let lifetime = time("expires").duration_since(time("created"));
    assert_eq!(lifetime, jiff::SignedDuration::from_mins(15), "after that it is refused");
    let with =
        &changes.iter().find(|change| change["action"] == "revoke-role-sessions").unwrap()["uses"][0]["with"];
    let time = with["before"].as_str().unwrap();
    let roles =
        format!(r#"--set revoke-role-sessions.roles=["deploy"] --set revoke-role-sessions.before={time}"#);
    desk.ends(0, &format!("apply plan.json {USERS} {roles} --auto-approve --max-risk disruptive"));
    let now = shown(&desk);
    let policy = &now["role deploy"]["redress-revoke-older-sessions"]["Statement"][0];
    assert_eq!(policy["Condition"], json!({ "DateLessThan": { "aws:TokenIssueTime": time } }));
    assert!(now["bo"]["policies"]["redress-quarantine"].is_object());
    desk.ends(0, UNDO);
    assert_eq!(shown(&desk), before, "everything is as it was");
}

#[test]
fn what_is_no_identity_or_two_or_of_another_account_is_an_error_and_nothing_is_changed() {
    let (desk, _) = Desk::seeded(SEED);
    let before = shown(&desk);
    for (name, part) in [
        ("nobody", "no user, role or access key of this account has that name"),
        ("AKIAIOSFODNN7EXAMPLE", "cannot be revoked"),
        ("twin", "a user and a role have this name"),
        ("arn:aws:iam::999999999999:user/bo", "is of account 999999999999"),
        ("arn:aws-cn:iam::123456789012:user/bo", "is of partition aws-cn"),
        ("arn:aws:iam::999999999999:root", "root user"),
        ("arn:aws:sts::999999999999:federated-user/bo", "GetFederationToken"),
        ("ASIAIOSFODNN7EXAMPLE", "the key of a session"),
        ("a/b", "name a user"),
        ("bo --role kim", "no role of this account has that name"),
    ] {
        let said = desk.ends(2, &format!("revoke {name} --region us-east-1"));
        assert!(said.err.contains(part), "{name}: {}", said.err);
    }
    for (name, part) in [("break-glass", "for emergencies"), ("linked", "linked to a service")] {
        let said = desk.ends(4, &format!("revoke {name} --region us-east-1"));
        assert!(said.out.contains(part), "{name}: {}", said.out);
    }
    assert_eq!(shown(&desk), before);
}

/// Two administrators, of whom one cannot sign in, and a user of a stack.
const CHIEFS: &str = r#"
import json
import boto3

iam = boto3.client("iam")
everything = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
for name in ("chief", "retired"):
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="everything", PolicyDocument=everything)
iam.create_access_key(UserName="chief")
iam.create_user(UserName="glass", Tags=[{"Key": "break-glass", "Value": "yes"}])
iam.create_access_key(UserName="glass")
iam.create_user(UserName="stack", Tags=[{"Key": "AWSControlTower", "Value": "x"}])
iam.create_access_key(UserName="stack")
print("{}")
"#;

#[test]
fn the_last_administrator_and_users_for_emergencies_are_refused_until_there_is_another() {
    let (desk, _) = Desk::seeded(CHIEFS);
    for (name, part) in
        [("chief", "nobody might be left"), ("glass", "for emergencies"), ("stack", "Control Tower")]
    {
        let said = desk.ends(4, &format!("revoke {name} --region us-east-1 -o plan.json --format json"));
        let plan = said.json();
        assert_eq!(plan["changes"], json!([]), "{name}");
        assert!(plan["skipped"].to_string().contains(part), "{name}: {plan}");
    }
    desk.python("import boto3; boto3.client('iam').create_access_key(UserName='retired')", "");
    let plan = desk.ends(0, "revoke chief --region us-east-1 --format json").json();
    assert_eq!(plan["changes"].as_array().unwrap().len(), 2, "{plan}");
}

#[test]
fn whoever_works_with_redress_is_not_revoked() {
    let (desk, _) = Desk::seeded(SEED);
    let made = "import boto3, json; iam = boto3.client('iam'); iam.create_user(UserName='robin'); \
         key = iam.create_access_key(UserName='robin')['AccessKey']; \
         print(json.dumps([key['AccessKeyId'], key['SecretAccessKey']]))";
    let (id, secret): (String, String) = serde_json::from_str(&desk.python(made, "")).unwrap();
    let own = Desk::with(
        moto(),
        Keys { account: desk.keys.account.clone(), id: id.clone(), secret, token: String::new() },
    );
    for name in ["robin", id.as_str()] {
        let said = own.ends(2, &format!("revoke {name} --region us-east-1"));
        assert!(said.err.contains("lock itself out"), "{name}: {}", said.err);
    }
}
