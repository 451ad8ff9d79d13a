//! The calls on the password policy of an account, made on an emulator and read back.

use redress::{calls::ErrorClass, inventory::FamilyKind as K};
use serde_json::{Value, json};

use crate::aws_calls::Maker;

pub async fn policy(maker: &mut Maker) {
    let set = |length: i32, age: Value, reuse: Value| {
        let all = json!({ "MinimumPasswordLength": length, "RequireSymbols": true, "RequireNumbers": false,
            "RequireUppercaseCharacters": true, "RequireLowercaseCharacters": false,
            "AllowUsersToChangePassword": true, "HardExpiry": false });
        let mut all = all.as_object().unwrap().clone();
        let more = [("MaxPasswordAge", age), ("PasswordReusePrevention", reuse)];
        all.extend(more.into_iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.to_owned(), v)));
        Value::Object(all)
    };
    maker.makes("iam", "UpdateAccountPasswordPolicy", set(20, json!(90), json!(24))).await;
    let expected = json!({ "minimum_password_length": 20, "require_symbols": true, "require_numbers": false,
        "require_uppercase_characters": true, "require_lowercase_characters": false,
        "allow_users_to_change_password": true, "max_password_age": 90, "password_reuse_prevention": 24,
        "hard_expiry": false });
    assert_eq!(maker.json("", K::PasswordPolicies, "account").await, expected);
    maker.makes("iam", "UpdateAccountPasswordPolicy", set(8, Value::Null, Value::Null)).await;
    let seen = maker.json("", K::PasswordPolicies, "account").await;
    assert_eq!((seen.get("max_password_age"), seen.get("password_reuse_prevention")), (None, None));
    maker.makes("iam", "DeleteAccountPasswordPolicy", json!({})).await;
    assert!(maker.is_gone("", K::PasswordPolicies, "account").await);
    assert_eq!(
        maker.class_of("iam", "DeleteAccountPasswordPolicy", json!({})).await,
        ErrorClass::AlreadyDone
    );
}
