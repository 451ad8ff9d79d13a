//! The calls on passwords, policies and groups of IAM users, made on an emulator and read back.

use redress::{calls::ErrorClass, inventory::FamilyKind as K};
use serde_json::json;

use crate::aws_calls::Maker;

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

    maker.makes("iam", "DeleteLoginProfile", json!({ "UserName": name })).await;
    assert!(maker.is_gone("", K::LoginProfiles, &name).await);
    let again = maker.class_of("iam", "DeleteLoginProfile", json!({ "UserName": name })).await;
    assert_eq!(again, ErrorClass::AlreadyDone);
    for family in [K::LoginProfiles, K::MfaDevices] {
        assert!(maker.is_gone("", family, "calls-nobody").await, "{family:?}");
    }
}
