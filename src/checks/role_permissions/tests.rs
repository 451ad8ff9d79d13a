//! Roles that do not use what they may do, and such that look alike.

use super::*;
use crate::{
    inventory::{Caller, ManagedPolicy, ServiceUse},
    resource::Owner,
};

const NOW: &str = "2026-11-22T10:00:00Z";
const POLICY: &str = "arn:aws:iam::123456789012:policy/deploy";

fn before(days: i64) -> Timestamp {
    let now: Timestamp = NOW.parse().unwrap();
    now.checked_sub(jiff::SignedDuration::from_hours(24 * days)).unwrap()
}

fn role() -> Role {
    Role {
        id: "deploy".into(),
        arn: "arn:aws:iam::123456789012:role/ci/deploy".into(),
        created: Fact::Known(before(500)),
        inline_policies: Fact::Known([].into()),
        attached_policies: Fact::Known(vec![POLICY.into()]),
        ..Role::default()
    }
}

fn policy(actions: Value) -> Value {
    let statement = json!({ "Effect": "Allow", "Action": actions, "Resource": "*" });
    json!({ "Version": "2012-10-17", "Statement": [statement] })
}

/// Builds an account with one role, whose policy allows three services, of which it uses one.
fn account(role: Role) -> Inventory {
    let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
    let mut account = Inventory::empty(owner, Caller::default(), NOW.parse().unwrap());
    let used = |days: Option<i64>| ServiceUse {
        last_used: days.map_or(Fact::Absent, |days| Fact::Known(before(days))),
        actions: BTreeMap::new(),
    };
    let services = [("s3", Some(1)), ("sqs", Some(200)), ("sns", None), ("kms", None)];
    let services = services.map(|(name, days)| (name.to_owned(), used(days))).into();
    account.role_uses.put(role.arn.clone(), RoleUse { id: role.arn.clone(), services });
    let document = policy(json!(["s3:Get*", "sqs:*", "sns:Publish", "kms:Decrypt", "iam:PassRole"]));
    account.managed_policies.put(POLICY, ManagedPolicy { id: POLICY.into(), document });
    account.roles.put(role.id.clone(), role);
    account
}

fn judged(account: &Inventory, with: Value) -> Verdict {
    judge(account, &account.owner.role("deploy"), &with)
}

fn evidence(account: &Inventory, with: Value) -> Value {
    match judged(account, with) {
        Verdict::Violates(evidence) => evidence,
        other => panic!("{other:?}"),
    }
}

#[test]
fn services_that_a_role_has_not_used_for_so_many_days_are_named_with_their_last_use() {
    let it = account(role());
    let found = evidence(&it, Value::Null);
    assert_eq!(found["policies"], json!({ POLICY: ["sns", "sqs"] }));
    assert_eq!(found["last_used"], json!({ "sns": "never", "sqs": "2026-05-06" }));
    assert_eq!(found["days"], 90);
    let longer = evidence(&it, json!({ DAYS: 300 }));
    assert_eq!(longer["policies"], json!({ POLICY: ["sns"] }));
    let kept = evidence(&it, json!({ KEEP: ["SNS"] }));
    assert_eq!(kept["policies"], json!({ POLICY: ["kms", "sqs"] }), "what is kept is said anew");
}

#[test]
fn a_role_that_uses_all_or_is_young_or_is_nobodys_to_change_is_fine() {
    let mut used = account(role());
    used.managed_policies.put(POLICY, ManagedPolicy { id: POLICY.into(), document: policy(json!("s3:*")) });
    assert_eq!(judged(&used, Value::Null), Verdict::Ok(None));
    let young = account(Role { created: Fact::Known(before(60)), ..role() });
    assert_eq!(judged(&young, Value::Null), Verdict::Ok(None));
    let of_path = |path: &str| account(Role { arn: format!("arn:aws:iam::1:role/{path}/deploy"), ..role() });
    for path in ["aws-service-role/x.amazonaws.com", "aws-reserved/sso.amazonaws.com"] {
        assert!(matches!(judged(&of_path(path), Value::Null), Verdict::Ok(Some(_))), "{path}");
    }
    let of_aws = vec!["arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned()];
    let of_aws = account(Role { attached_policies: Fact::Known(of_aws), ..role() });
    assert!(matches!(judged(&of_aws, Value::Null), Verdict::Ok(Some(why)) if why.contains("AWS's own")));
    let bare = account(Role { attached_policies: Fact::Known(Vec::new()), ..role() });
    assert_eq!(judged(&bare, Value::Null), Verdict::Ok(None));
}

#[test]
fn an_inline_policy_counts_too_and_so_does_one_that_names_no_services() {
    let inline = Fact::Known([("own".to_owned(), policy(json!("*")))].into());
    let found = evidence(&account(Role { inline_policies: inline, ..role() }), Value::Null);
    assert_eq!(found["policies"], json!({ POLICY: ["sns", "sqs"], "own": ["sns", "sqs"] }));
}

#[test]
fn what_was_not_read_is_unknown() {
    let mut unread = account(role());
    unread.role_uses.items.insert(role().arn, Fact::unknown("ReportFailed: no (iam:Get)"));
    assert!(matches!(judged(&unread, Value::Null), Verdict::Unknown(why) if why.contains("ReportFailed")));
    let mut half = account(role());
    if let Some(used) = half.role_uses.get_mut(&role().arn) {
        used.services.insert("sns".into(), ServiceUse::default());
    }
    assert!(matches!(judged(&half, Value::Null), Verdict::Unknown(why) if why.contains("sns")));
    let mut lost = account(role());
    lost.managed_policies.items.insert(POLICY.into(), Fact::Absent);
    assert!(matches!(judged(&lost, Value::Null), Verdict::Unknown(_)));
    for role in [
        Role { created: Fact::NotRead, ..role() },
        Role { inline_policies: Fact::unknown("AccessDenied"), ..role() },
        Role { attached_policies: Fact::unknown("AccessDenied"), ..role() },
    ] {
        assert!(matches!(judged(&account(role), Value::Null), Verdict::Unknown(_)));
    }
}

#[test]
fn a_report_is_made_only_of_roles_about_which_it_decides_something() {
    let asks = |role: Role| {
        let it = account(role);
        let wants = needs(&it, &it.owner.role("deploy"), &Value::Null);
        wants.iter().any(|want| want.family == FamilyKind::RoleUses)
    };
    assert!(asks(role()));
    assert!(!asks(Role { created: Fact::Known(before(60)), ..role() }));
    assert!(!asks(Role { attached_policies: Fact::Known(Vec::new()), ..role() }));
    assert!(!asks(Role { arn: "arn:aws:iam::1:role/aws-service-role/x/deploy".into(), ..role() }));
}
