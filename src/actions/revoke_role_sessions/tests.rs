//! The sessions that are denied, and the roles of which none are.

use super::*;
use crate::{
    actions::{
        Options,
        make::sound::{going_back, steps},
    },
    calls::Purpose,
    checks,
    inventory::{Caller, Fact, Inventory},
    resource::Owner,
};

const BEFORE_TIME: &str = "2026-11-22T10:15:00Z";

fn role() -> Role {
    Role {
        id: "deploy".into(),
        arn: "arn:aws:iam::123456789012:role/deploy".into(),
        inline_policies: Fact::Known([].into()),
        attached_policies: Fact::Known(Vec::new()),
        ..Role::default()
    }
}

fn account(role: Role) -> Inventory {
    let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
    let caller =
        Caller { arn: "arn:aws:sts::123456789012:assumed-role/ops/robin".into(), ..Caller::default() };
    let mut account = Inventory::empty(owner, caller, "2026-11-22T10:00:00Z".parse().unwrap());
    account.roles.put(role.id.clone(), role);
    account
}

fn propose(account: &Inventory, before: &str) -> Result<Proposal, Refusal> {
    let options = Options::default();
    let context = Context { inventory: account, region: "us-east-1", checks: &[], options: &options };
    let with = format!("roles = ['deploy']\n{before}");
    let with = RevokeRoleSessions.decode(toml::de::Deserializer::parse(&with).unwrap()).unwrap();
    RevokeRoleSessions.propose(&context, &account.owner.role("deploy"), &with)
}

fn usual(role: Role) -> Result<Proposal, Refusal> {
    propose(&account(role), &format!("before = '{BEFORE_TIME}'"))
}

#[test]
fn sessions_of_before_the_time_are_denied_and_an_undo_deletes_the_policy() {
    let proposal = usual(role()).unwrap();
    steps(&proposal.steps);
    let call = &proposal.steps[0].act.call;
    let policy: Value = serde_json::from_str(call.input["PolicyDocument"].as_str().unwrap()).unwrap();
    let condition = &policy["Statement"][0]["Condition"];
    assert_eq!(condition, &json!({ "DateLessThan": { "aws:TokenIssueTime": BEFORE_TIME } }));
    assert_eq!(going_back(&proposal.steps, &["deny"], Purpose::Undo), ["DeleteRolePolicy deny"]);
    let done = Role { inline_policies: Fact::Known([(OLDER_SESSIONS.to_owned(), policy)].into()), ..role() };
    assert!(matches!(usual(done.clone()), Err(Refusal::Nothing(_))));
    let account = account(done);
    let proof = &proposal.proof[0];
    let check = checks::find(&proof.check).unwrap();
    assert_eq!((check.judge)(&account, &proof.resource, &proof.with).word(), "ok");
}

#[test]
fn an_earlier_denial_is_replaced_and_set_back_and_a_strange_policy_stays() {
    let earlier = deny_older("2026-11-01T00:00:00Z".parse().unwrap());
    let with = |policy: Value| Role {
        inline_policies: Fact::Known([(OLDER_SESSIONS.to_owned(), policy)].into()),
        ..role()
    };
    let proposal = usual(with(earlier)).unwrap();
    assert_eq!(going_back(&proposal.steps, &["deny"], Purpose::Undo), ["PutRolePolicy deny"]);
    assert!(matches!(usual(with(json!({ "Statement": [] }))), Err(Refusal::Refused(_))));
}

#[test]
fn a_time_that_has_passed_or_is_missing_revokes_nothing() {
    let account = account(role());
    assert!(matches!(propose(&account, ""), Err(Refusal::Refused(why)) if why.contains("redress revoke")));
    assert!(matches!(propose(&account, "before = '2026-11-22T10:00:00Z'"),
            Err(Refusal::Refused(why)) if why.contains("has passed")));
}

#[test]
fn roles_of_services_of_identity_center_and_of_the_caller_are_refused_with_what_to_do() {
    let of = |path: &str| Role { arn: format!("arn:aws:iam::123456789012:role/{path}deploy"), ..role() };
    for (path, part) in [
        ("aws-service-role/ecs.amazonaws.com/", "linked to a service"),
        ("aws-reserved/sso.amazonaws.com/", "Identity Center"),
    ] {
        assert!(matches!(usual(of(path)), Err(Refusal::Refused(why)) if why.contains(part)), "{path}");
    }
    let mut own = account(role());
    own.caller.arn = "arn:aws:sts::123456789012:assumed-role/deploy/robin".into();
    assert!(matches!(propose(&own, &format!("before = '{BEFORE_TIME}'")),
            Err(Refusal::Refused(why)) if why.contains("redress uses")));
    let unread = Role { inline_policies: Fact::unknown("AccessDenied"), ..role() };
    assert!(matches!(usual(unread), Err(Refusal::Unknown(_))));
    let long = json!({ "Statement": "x".repeat(OF_ROLE) });
    let full = Role { inline_policies: Fact::Known([("long".to_owned(), long)].into()), ..role() };
    assert!(matches!(usual(full), Err(Refusal::Refused(why)) if why.contains("no room")));
}
