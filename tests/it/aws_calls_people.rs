//! The calls on passwords, policies and groups of IAM users, made on an emulator and read back.

use redress::{calls::ErrorClass, inventory::FamilyKind as K};
use serde_json::{Value, json};

use crate::aws_calls::{Maker, US};

pub async fn people(maker: &mut Maker) {
    let name = maker.seed("boto3.client('iam').create_user(UserName='calls-bo')['User']['UserName']");
    maker.seed("boto3.client('iam').create_login_profile(UserName='calls-bo', Password='x')['LoginProfile']['UserName']");
    assert_eq!(maker.json("", K::LoginProfiles, &name).await["id"], name);
    assert_eq!(maker.json("", K::MfaDevices, &name).await["devices"], json!([]));

    let policy = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Deny", "Action": "*", "Resource": "*" }] });
    let put = json!({ "UserName": name, "PolicyName": "no", "PolicyDocument": policy.to_string() });
    maker.makes("iam", "PutUserPolicy", put).await;
    assert_eq!(maker.json("", K::UserPolicies, "calls-bo/no").await["document"], policy);
    let delete = json!({ "UserName": name, "PolicyName": "no" });
    maker.makes("iam", "DeleteUserPolicy", delete.clone()).await;
    assert!(maker.is_gone("", K::UserPolicies, "calls-bo/no").await);
    assert_eq!(maker.class_of("iam", "DeleteUserPolicy", delete).await, ErrorClass::AlreadyDone);

    let group = json!({ "GroupName": "calls-g" });
    maker.makes("iam", "CreateGroup", group.clone()).await;
    assert_eq!(maker.class_of("iam", "CreateGroup", group).await, ErrorClass::AlreadyDone);
    let put = json!({ "GroupName": "calls-g", "PolicyName": "no", "PolicyDocument": policy.to_string() });
    maker.makes("iam", "PutGroupPolicy", put).await;
    let seen = maker.json("", K::IamGroups, "calls-g").await;
    assert_eq!(
        (&seen["inline_policies"]["known"]["no"], &seen["attached_policies"]["known"]),
        (&policy, &json!([]))
    );
    assert!(maker.is_gone("", K::Memberships, "calls-g/calls-bo").await);
    let member = json!({ "GroupName": "calls-g", "UserName": name });
    maker.makes("iam", "AddUserToGroup", member.clone()).await;
    assert_eq!(maker.json("", K::Memberships, "calls-g/calls-bo").await["id"], "calls-g/calls-bo");
    maker.makes("iam", "RemoveUserFromGroup", member).await;
    assert!(maker.is_gone("", K::Memberships, "calls-g/calls-bo").await);

    let make =
        format!("boto3.client('iam').create_access_key(UserName='{name}')['AccessKey']['AccessKeyId']");
    let key = maker.seed(&make);
    for status in ["Inactive", "Active"] {
        let update = json!({ "UserName": name, "AccessKeyId": key, "Status": status });
        maker.makes("iam", "UpdateAccessKey", update).await;
        assert_eq!(maker.json("", K::AccessKeys, &key).await["status"], status);
    }

    keys(maker, &name).await;

    maker.makes("iam", "DeleteLoginProfile", json!({ "UserName": name })).await;
    assert!(maker.is_gone("", K::LoginProfiles, &name).await);
    let again = maker.class_of("iam", "DeleteLoginProfile", json!({ "UserName": name })).await;
    assert_eq!(again, ErrorClass::AlreadyDone);
    for family in [K::LoginProfiles, K::MfaDevices] {
        assert!(maker.is_gone("", family, "calls-nobody").await, "{family:?}");
    }
}

/// A key is made, delivered and deleted, and its user marked. The secret goes from one call to the next inside of the
/// account.
async fn keys(maker: &mut Maker, name: &str) {
    let made = maker.makes("iam", "CreateAccessKey", json!({ "UserName": name })).await;
    assert_eq!(made.keys().collect::<Vec<_>>(), ["AccessKeyId"], "nothing of the answer is kept but the id");
    let key = made["AccessKeyId"].as_str().unwrap().to_owned();
    let tags = json!([{ "Key": "redress:access-keys-of", "Value": name }]);
    let token = "0".repeat(32);
    let new = json!({ "Name": "calls/keys", "ClientRequestToken": token, "Tags": tags });
    maker.makes("secretsmanager", "CreateSecret", new).await;
    let empty = maker.json(US, K::Secrets, "calls/keys").await;
    assert_eq!((&empty["current"], &empty["tags"]["redress:access-keys-of"]), (&Value::Null, &json!(name)));
    let versions = ["1", "2"].map(|n| n.repeat(32));
    for version in &versions {
        let input = json!({ "SecretId": "calls/keys", "ClientRequestToken": version,
            "SecretString": { "$secret": key }, "VersionStages": ["AWSCURRENT", format!("{key}-{}", &version[..1])] });
        maker.makes("secretsmanager", "PutSecretValue", input).await;
        assert_eq!(maker.json(US, K::Secrets, "calls/keys").await["current"], *version);
    }
    let lost = json!({ "SecretId": "calls/keys", "ClientRequestToken": versions[0],
        "SecretString": { "$secret": "AKIAOFANOTHERPROCESS" }, "VersionStages": ["AWSCURRENT"] });
    assert_eq!(maker.class_of("secretsmanager", "PutSecretValue", lost).await, ErrorClass::Semantic);
    let back = json!({ "SecretId": "calls/keys", "VersionStage": "AWSCURRENT",
        "RemoveFromVersionId": versions[1], "MoveToVersionId": versions[0] });
    maker.makes("secretsmanager", "UpdateSecretVersionStage", back).await;
    let seen = maker.json(US, K::Secrets, "calls/keys").await;
    assert_eq!(seen["current"], versions[0]);
    assert_eq!(seen["labels"][format!("{key}-2")], versions[1], "a version with a label is kept");
    let delete = json!({ "SecretId": "calls/keys", "ForceDeleteWithoutRecovery": true });
    maker.makes("secretsmanager", "DeleteSecret", delete).await;
    assert!(maker.is_gone(US, K::Secrets, "calls/keys").await);

    let mark = "redress:replaced-by:AKIAOLD";
    let tag = json!({ "UserName": name, "Tags": [{ "Key": mark, "Value": key }] });
    maker.makes("iam", "TagUser", tag).await;
    assert_eq!(maker.json("", K::Users, name).await["tags"][mark], key);
    maker.makes("iam", "UntagUser", json!({ "UserName": name, "TagKeys": [mark] })).await;
    assert_eq!(maker.json("", K::Users, name).await["tags"].get(mark), None);
    maker.makes("iam", "DeleteAccessKey", json!({ "UserName": name, "AccessKeyId": key })).await;
    assert!(maker.is_gone("", K::AccessKeys, &key).await);
}
