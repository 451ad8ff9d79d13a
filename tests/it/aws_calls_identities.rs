//! The calls on IAM users and their credentials, made on an emulator and read back.

use redress::{
    calls::ErrorClass,
    inventory::{FamilyKind as K, Simulation, Want},
};
use serde_json::{Value, json};

use crate::aws_calls::Maker;

/// A user with one of each credential that the emulator has.
const SEED: &str = r#"
import datetime, json
import boto3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

iam = boto3.client("iam")
iam.create_user(UserName="bo", Path="/people/", Tags=[{"Key": "Team", "Value": "maps"}])
secret = rsa.generate_private_key(public_exponent=65537, key_size=2048)
name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bo")])
start = datetime.datetime(2026, 1, 1)
signed = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(secret.public_key()).serial_number(7)
signed = signed.not_valid_before(start).not_valid_after(start + datetime.timedelta(days=9999)).sign(secret, hashes.SHA256())
pem = signed.public_bytes(serialization.Encoding.PEM).decode()
document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]})
print(json.dumps({
    "key": iam.create_access_key(UserName="bo")["AccessKey"]["AccessKeyId"],
    "ssh": iam.upload_ssh_public_key(UserName="bo", SSHPublicKeyBody="ssh-rsa AAAA bo")["SSHPublicKey"]["SSHPublicKeyId"],
    "certificate": iam.upload_signing_certificate(UserName="bo", CertificateBody=pem)["Certificate"]["CertificateId"],
    "role": iam.create_role(RoleName="worker", Path="/age-9/s3-1/sns-never/", AssumeRolePolicyDocument=document)["Role"]["Arn"],
    "policy": iam.create_policy(PolicyName="own", PolicyDocument=document)["Policy"]["Arn"],
}))
"#;

pub async fn users(maker: &mut Maker) {
    let seed: Value = serde_json::from_str(&maker.script(SEED)).unwrap();
    let id = |name: &str| seed[name].as_str().unwrap();
    let set = |member: &str, value: &str, status: &str| json!({ "UserName": "bo", member: value, "Status": status });
    for (operation, member, name) in [
        ("UpdateAccessKey", "AccessKeyId", "key"),
        ("UpdateSSHPublicKey", "SSHPublicKeyId", "ssh"),
        ("UpdateSigningCertificate", "CertificateId", "certificate"),
    ] {
        maker.makes("iam", operation, set(member, id(name), "Inactive")).await;
    }
    let key = maker.json("", K::AccessKeys, id("key")).await;
    assert_eq!((&key["user"], &key["status"]), (&json!("bo"), &json!("Inactive")));
    assert_eq!(key["tags"]["known"], json!({ "Team": "maps" }), "those of the user");
    assert_eq!(key["last_used"], "absent");
    let others = maker.json("", K::UserCredentials, "bo").await;
    let inactive = |list: &str, name: &str| {
        assert_eq!(others[list]["known"], json!([{ "id": id(name), "status": "Inactive" }]), "{list}");
    };
    inactive("ssh_keys", "ssh");
    inactive("certificates", "certificate");
    assert!(maker.is_gone("", K::LoginProfiles, "bo").await);
    maker.makes("iam", "UpdateAccessKey", set("AccessKeyId", id("key"), "Active")).await;
    assert_eq!(maker.json("", K::AccessKeys, id("key")).await["status"], "Active");
    // The emulator has what AWS has not: the key of a user is not one of every user.
    let foreign = json!({ "UserName": "", "AccessKeyId": id("key"), "Status": "Inactive" });
    assert_eq!(maker.class_of("iam", "UpdateAccessKey", foreign).await, ErrorClass::Semantic, "never sent");
    policies(maker, id("policy")).await;
    versions(maker, id("policy"), id("role")).await;
}

async fn policies(maker: &mut Maker, arn: &str) {
    let denial = json!({ "Version": "2012-10-17",
        "Statement": [{ "Effect": "Deny", "Action": "*", "Resource": "*" }] });
    let (name, attached) =
        (json!({ "UserName": "bo", "PolicyName": "p" }), json!({ "UserName": "bo", "PolicyArn": arn }));
    let mut put = name.clone();
    put["PolicyDocument"] = json!(denial.to_string());
    maker.makes("iam", "PutUserPolicy", put).await;
    maker.makes("iam", "AttachUserPolicy", attached.clone()).await;
    let user = maker.json("", K::Users, "bo").await;
    assert_eq!(user["inline_policies"]["known"]["p"], denial);
    assert_eq!(user["attached_policies"]["known"], json!([arn]));
    assert!(user["arn"].as_str().unwrap().ends_with(":user/people/bo"));
    // Listed as they are read one by one, but for what a listing does not read.
    let listed = maker.read([Want::all("", K::Users), Want::all("", K::ManagedPolicies)]).await;
    let mut of_listing = listed.json("", K::Users, "bo").known().unwrap().clone();
    of_listing["password_last_used"] = user["password_last_used"].clone();
    assert_eq!(of_listing, user);
    let policy = maker.json("", K::ManagedPolicies, arn).await;
    assert_eq!(listed.json("", K::ManagedPolicies, arn).known(), Some(&policy));
    maker.makes("iam", "DeleteUserPolicy", name.clone()).await;
    maker.makes("iam", "DetachUserPolicy", attached).await;
    let user = maker.json("", K::Users, "bo").await;
    assert_eq!(
        (&user["inline_policies"]["known"], &user["attached_policies"]["known"]),
        (&json!({}), &json!([]))
    );
    assert_eq!(maker.class_of("iam", "DeleteUserPolicy", name).await, ErrorClass::AlreadyDone);
    assert!(maker.is_gone("", K::Users, "nobody").await);
}

/// The versions of a policy, and a role whose path tells the tests' own server what it has used.
async fn versions(maker: &mut Maker, arn: &str, role: &str) {
    let narrower = json!({ "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*" }] });
    let create = json!({ "PolicyArn": arn, "PolicyDocument": narrower.to_string(), "SetAsDefault": true });
    maker.makes("iam", "CreatePolicyVersion", create).await;
    let policy = maker.json("", K::PolicyVersions, arn).await;
    assert_eq!((&policy["default_version"], &policy["names"]), (&json!("v2"), &json!(["v1", "v2"])));
    assert_eq!((&policy["document"], &policy["versions"]["v2"]["document"]), (&narrower, &narrower));
    assert_eq!(policy["holders"], json!([]), "the user has it no longer");
    assert_eq!(maker.json("", K::ManagedPolicies, arn).await["document"], narrower);
    let of = |version: &str| json!({ "PolicyArn": arn, "VersionId": version });
    assert_ne!(maker.class_of("iam", "DeletePolicyVersion", of("v2")).await, ErrorClass::AlreadyDone);
    maker.makes("iam", "SetDefaultPolicyVersion", of("v1")).await;
    maker.makes("iam", "DeletePolicyVersion", of("v2")).await;
    let policy = maker.json("", K::PolicyVersions, arn).await;
    assert_eq!((&policy["default_version"], &policy["names"]), (&json!("v1"), &json!(["v1"])));
    assert_eq!(maker.class_of("iam", "DeletePolicyVersion", of("v2")).await, ErrorClass::AlreadyDone);

    let uses = maker.json("", K::RoleUses, role).await;
    assert_eq!(uses["services"]["sns"]["last_used"], "absent");
    assert!(uses["services"]["s3"]["last_used"]["known"].is_string(), "{uses}");
    assert!(uses["services"]["s3"]["actions"]["CreateBucket"].is_string(), "{uses}");
    let simulated = Simulation::of(role, "s3:CreateBucket");
    assert_eq!(maker.json("", K::Simulations, &simulated).await["decision"], "implicitDeny");
    let listed = maker.read([Want::all("", K::Roles)]).await;
    let one = maker.json("", K::Roles, "worker").await;
    assert_eq!(listed.json("", K::Roles, "worker").known(), Some(&one));
    assert!(one["created"]["known"].is_string(), "{one}");
}
