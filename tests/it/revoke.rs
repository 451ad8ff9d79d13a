//! `redress revoke` through the built program on an emulator, with boto3 as the witness: a user that is named by one
//! of its keys, a role that it has assumed, and what cannot be revoked. The emulator does not list credentials for
//! single services, has no limit on inline policies, and lets a user that is denied everything go on.

use serde_json::{Value, json};

use crate::{
    clinic_desk::Desk,
    proxy::Proxy,
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
    let change = &plan["changes"][0];
    for part in [new, "its password stays", "--role"] {
        assert!(change["impact"].to_string().contains(part), "{part}: {change}");
    }
    assert!(
        change["guards"].to_string().contains("service-specific credentials could not be read"),
        "{change}"
    );

    desk.ends(0, &format!("apply plan.json {USERS} --auto-approve --max-risk disruptive"));
    assert_eq!(
        proxy.changes(),
        ["PutUserPolicy", "UpdateAccessKey", "UpdateSSHPublicKey"],
        "everything is denied first"
    );
    let mut expected = before.clone();
    let of_bo = &mut expected["bo"];
    of_bo["keys"][new] = json!("Inactive");
    of_bo["ssh"] = json!(["Inactive"]);
    of_bo["policies"]["redress-quarantine"] = json!({ "Version": "2012-10-17", "Statement": [
        { "Sid": "RedressQuarantine", "Effect": "Deny", "Action": "*", "Resource": "*" }] });
    assert_eq!(shown(&desk), expected, "bo, and nobody else");
    desk.ends(0, "verify last");
    desk.ends(0, "revoke bo --region us-east-1");
    desk.ends(0, "undo last --auto-approve --max-risk disruptive");
    assert_eq!(shown(&desk), before, "everything is as it was");
}

#[test]
fn sessions_of_a_role_that_the_user_has_assumed_are_denied_with_it() {
    let (desk, _) = Desk::seeded(SEED);
    let before = shown(&desk);
    let plan = desk.ends(0, "revoke bo --role deploy --region us-east-1 -o plan.json --format json").json();
    let changes = plan["changes"].as_array().unwrap();
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
    desk.ends(0, "undo last --auto-approve --max-risk disruptive");
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
        ("arn:aws:iam::999999999999:root", "root user"),
        ("arn:aws:sts::999999999999:federated-user/bo", "GetFederationToken"),
        ("ASIAIOSFODNN7EXAMPLE", "the key of a session"),
        ("a/b", "name a user"),
        ("bo --role kim", "no user, role or access key"),
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
