//! Events on access keys. Those of IAM arrive in one region, whichever the plan has.

use serde_json::Value;

use super::{
    effect::{Did, NO_ID, Target, exists},
    wire::{get, text},
};

const KEY: &str = "AwsIamAccessKey";
const USER: &str = "AwsIamUser";
const UNUSED: &[&str] = &["access-key-unused"];
const OF_ROOT: &[&str] = &["root-access-key"];

/// Returns the name under which a key is active.
fn active(key: &str) -> String {
    format!("active/{key}")
}

/// Reads `CreateAccessKey`. A key without a user is one of the root user.
pub fn create_key(_: &Value, response: &Value) -> Did {
    let key = get(response, "accessKey").unwrap_or(response);
    let (id, user) = (text(key, "accessKeyId"), text(key, "userName"));
    if id.is_empty() {
        return Did::Missing(NO_ID);
    }
    let opens = vec![vec![active(id), exists(id)]];
    let target = match user {
        "" => Target { only: Some(OF_ROOT), opens, ..Target::default() },
        _ => Target { id: id.to_owned(), kind: KEY, only: Some(UNUSED), opens },
    };
    Did::Touched(vec![target], Vec::new())
}

/// Reads `UpdateAccessKey`.
pub fn update_key(request: &Value, _: &Value) -> Did {
    match (text(request, "accessKeyId"), text(request, "status")) {
        ("", _) => Did::Missing(NO_ID),
        (id, "Inactive") => Did::Harmless("it deactivates the key", vec![active(id)], Vec::new()),
        (id, _) => {
            let opens = vec![vec![active(id), exists(id)]];
            Did::Touched(vec![Target { id: id.to_owned(), kind: KEY, only: Some(UNUSED), opens }], Vec::new())
        }
    }
}

/// Returns the name under which a user has a password, and the one under which it is without MFA.
fn signs_in(user: &str) -> [String; 2] {
    [format!("password/{user}"), format!("without-mfa/{user}")]
}

/// Reads the events by which a user comes to sign in with a password alone.
pub fn opens(request: &Value, _: &Value) -> Did {
    match text(request, "userName") {
        "" => Did::Missing(NO_ID),
        user => {
            let target =
                Target { id: user.to_owned(), kind: USER, opens: vec![signs_in(user).into()], only: None };
            Did::Touched(vec![target], Vec::new())
        }
    }
}

/// Reads `DeleteLoginProfile`.
pub fn delete_password(request: &Value, _: &Value) -> Did {
    let [password, _] = signs_in(text(request, "userName"));
    Did::Harmless("the user has no password any more", vec![password], Vec::new())
}

/// Reads `EnableMFADevice`. A user has up to eight devices, so that one may be taken away without harm.
pub fn enable_device(request: &Value, _: &Value) -> Did {
    let [_, without] = signs_in(text(request, "userName"));
    Did::Harmless("it enrols a device", vec![without], Vec::new())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_is_looked_at_from_its_creation_until_it_is_deactivated() {
        let made = json!({ "accessKey": { "accessKeyId": "AKIA1", "userName": "bo", "status": "Active" } });
        let Did::Touched(targets, _) = create_key(&Value::Null, &made) else { panic!() };
        assert_eq!((targets[0].id.as_str(), targets[0].only), ("AKIA1", Some(UNUSED)));
        let request = json!({ "accessKeyId": "AKIA1", "userName": "bo", "status": "Inactive" });
        let Did::Harmless(_, closes, _) = update_key(&request, &Value::Null) else { panic!() };
        assert!(targets[0].opens[0].contains(&closes[0]));
        let again = json!({ "accessKeyId": "AKIA1", "userName": "bo", "status": "Active" });
        assert!(matches!(update_key(&again, &Value::Null), Did::Touched(..)));
        assert_eq!(update_key(&Value::Null, &Value::Null), Did::Missing(NO_ID));
    }

    #[test]
    fn a_user_is_looked_at_until_the_password_is_deleted_or_a_device_is_enrolled() {
        let request = json!({ "userName": "bo" });
        let Did::Touched(targets, _) = opens(&request, &Value::Null) else { panic!() };
        assert_eq!((targets[0].id.as_str(), targets[0].kind), ("bo", USER));
        for closed in [delete_password(&request, &Value::Null), enable_device(&request, &Value::Null)] {
            let Did::Harmless(_, closes, _) = closed else { panic!() };
            assert!(targets[0].opens[0].contains(&closes[0]), "{closes:?}");
        }
        assert_eq!(opens(&Value::Null, &Value::Null), Did::Missing(NO_ID));
    }

    #[test]
    fn a_key_without_a_user_is_one_of_the_root_user() {
        let made = json!({ "accessKey": { "accessKeyId": "AKIA1", "status": "Active" } });
        let Did::Touched(targets, _) = create_key(&Value::Null, &made) else { panic!() };
        assert_eq!((targets[0].id.as_str(), targets[0].only), ("", Some(OF_ROOT)));
    }

    #[test]
    fn the_checks_that_events_single_out_exist() {
        for name in [UNUSED, OF_ROOT].concat() {
            assert!(crate::checks::find(name).is_some(), "{name}");
        }
    }
}
