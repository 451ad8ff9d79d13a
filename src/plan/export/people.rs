//! The questions about people who sign in: passwords, MFA devices, groups, and policies of their own. Pure.

use serde_json::{Value, json};

use super::query::{Look, Query, at_time};
use crate::{
    calls::{Expect, Test},
    inventory::FamilyKind,
};

/// The families that these questions are about.
pub(super) const FAMILIES: [FamilyKind; 5] = [
    FamilyKind::IamGroups,
    FamilyKind::LoginProfiles,
    FamilyKind::MfaDevices,
    FamilyKind::Memberships,
    FamilyKind::UserPolicies,
];

/// Returns the question about the member `at` of this thing. Of the document of a policy only the existence
/// is asked.
pub(super) fn look(family: FamilyKind, id: &Value, at: &str) -> Option<Look> {
    let (operation, input, query) = match (family, at) {
        (FamilyKind::IamGroups, "") => ("ListGroupPolicies", json!({ "GroupName": id }), Query::There),
        (FamilyKind::IamGroups, "/inline_policies/known") => {
            ("ListGroupPolicies", json!({ "GroupName": id }), Query::Count("PolicyNames"))
        }
        (FamilyKind::IamGroups, "/attached_policies/known") => {
            ("ListAttachedGroupPolicies", json!({ "GroupName": id }), Query::Count("AttachedPolicies"))
        }
        (FamilyKind::IamGroups, policy) => {
            let policy = policy.strip_prefix("/inline_policies/known/")?;
            let input = json!({ "GroupName": id, "PolicyName": policy });
            ("GetGroupPolicy", input, Query::At("PolicyName".to_owned()))
        }
        (FamilyKind::LoginProfiles, "") => {
            ("GetLoginProfile", json!({ "UserName": id }), Query::At("LoginProfile.UserName".to_owned()))
        }
        (FamilyKind::LoginProfiles, LAST_USED) => {
            ("GetUser", json!({ "UserName": id }), Query::At("User.PasswordLastUsed".to_owned()))
        }
        (FamilyKind::MfaDevices, "/devices") => {
            ("ListMFADevices", json!({ "UserName": id }), Query::Count("MFADevices"))
        }
        (FamilyKind::Memberships, "") => {
            let (group, user) = id.as_str()?.split_once('/')?;
            let is = group.to_owned();
            let query = Query::Listed { list: "Groups", name: "GroupName", is };
            ("ListGroupsForUser", json!({ "UserName": user }), query)
        }
        (FamilyKind::UserPolicies, "" | "/document") => {
            let (user, policy) = id.as_str()?.split_once('/')?;
            let input = json!({ "UserName": user, "PolicyName": policy });
            ("GetUserPolicy", input, Query::At("PolicyName".to_owned()))
        }
        _ => return None,
    };
    Some(Look { service: "iam", operation, input, query, absent: "NoSuchEntity" })
}

/// The member of a password that holds the time at which it was last used.
const LAST_USED: &str = "/last_used/known";

/// Returns the question for a condition on `id`, and the test of its answer.
pub(super) fn question(expect: &Expect, id: &Value) -> Option<(Look, Test)> {
    let look = look(expect.family, id, &expect.at)?;
    let document = matches!(look.operation, "GetGroupPolicy" | "GetUserPolicy");
    let test = match (&look.query, &expect.test) {
        (Query::Count(_), Test::Is(all)) if is_empty(all) => Test::Is(json!(0)),
        (Query::Count(_), _) => return None,
        (_, Test::Is(Value::String(time))) if expect.at == LAST_USED => at_time(time),
        (_, Test::Is(value)) if document && !value.is_null() => Test::Exists,
        (_, other) => other.clone(),
    };
    Some((look, test))
}

fn is_empty(all: &Value) -> bool {
    all.as_array().is_some_and(Vec::is_empty) || all.as_object().is_some_and(serde_json::Map::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(family: FamilyKind, id: &str, at: &str, test: Test) -> Option<(Look, Test)> {
        question(&Expect::new("", family, id, at, test), &json!(id))
    }

    #[test]
    fn lists_are_empty_or_nothing_is_asked_of_them() {
        let none = asked(FamilyKind::MfaDevices, "bo", "/devices", Test::Is(json!([]))).unwrap();
        assert_eq!((none.0.query, none.1), (Query::Count("MFADevices"), Test::Is(json!(0))));
        let policies = "/inline_policies/known";
        let none = asked(FamilyKind::IamGroups, "g", policies, Test::Is(json!({}))).unwrap();
        assert_eq!((none.0.operation, none.1), ("ListGroupPolicies", Test::Is(json!(0))));
        assert_eq!(asked(FamilyKind::MfaDevices, "bo", "/devices", Test::Is(json!(["d"]))), None);
        assert_eq!(asked(FamilyKind::MfaDevices, "bo", "/devices", Test::Exists), None);
    }

    #[test]
    fn a_group_is_looked_for_among_all_of_the_user_and_both_names_come_from_the_id() {
        let (look, test) = asked(FamilyKind::Memberships, "g/bo", "", Test::Gone).unwrap();
        assert_eq!((look.input, test), (json!({ "UserName": "bo" }), Test::Gone));
        assert_eq!(look.query.jmespath(), "Groups[?GroupName==`\"g\"`].GroupName | [0]");
        let (look, test) =
            asked(FamilyKind::UserPolicies, "bo/p", "/document", Test::Is(json!({ "Version": "1" })))
                .unwrap();
        assert_eq!((look.input, test), (json!({ "UserName": "bo", "PolicyName": "p" }), Test::Exists));
        assert_eq!(asked(FamilyKind::Memberships, "g", "", Test::Gone), None);
    }

    #[test]
    fn a_time_is_compared_in_both_forms_and_none_is_none() {
        let time = json!("2026-02-04T13:47:06Z");
        let (_, test) = asked(FamilyKind::LoginProfiles, "bo", LAST_USED, Test::Is(time.clone())).unwrap();
        let Test::OneOf { good, .. } = test else { panic!("{test:?}") };
        assert_eq!(good, [time, json!("2026-02-04T13:47:06+00:00")]);
        let (_, test) = asked(FamilyKind::LoginProfiles, "bo", LAST_USED, Test::Is(Value::Null)).unwrap();
        assert_eq!(test, Test::Is(Value::Null));
    }
}
