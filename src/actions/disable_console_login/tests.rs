//! Users of small accounts: whose console is closed, how, and who is left.

use super::*;
use crate::{
    actions::{Options, make::sound},
    calls::Purpose,
    inventory::{AccessKey, Caller, CredentialRow, Fact, Inventory, LoginProfile, Selector},
    resource::Owner,
};

fn account() -> Inventory {
    let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
    let caller = Caller { arn: "arn:aws:iam::123456789012:user/robin".into(), ..Caller::default() };
    let mut it = Inventory::empty(owner, caller, "2026-11-22T10:00:00Z".parse().unwrap());
    let old = || Fact::Known("2024-01-01T00:00:00Z".parse().unwrap());
    let row = CredentialRow {
        id: "bo".into(),
        user_created: old(),
        password_enabled: Fact::Known(true),
        password_last_used: Fact::Absent,
        password_last_changed: old(),
        ..CredentialRow::default()
    };
    let user = User {
        id: "bo".into(),
        password_last_used: Fact::Absent,
        groups: Fact::Known(Vec::new()),
        inline_policies: Fact::Known([].into()),
        attached_policies: Fact::Known(Vec::new()),
        ..User::default()
    };
    it.credential_reports.put("bo", row);
    it.users.put("bo", user);
    let login = LoginProfile { id: "bo".into(), created: old(), last_used: Fact::Absent };
    it.login_profiles.put("bo", login);
    it.access_keys.read(&Selector::by(AccessKey::USER, "bo"), Fact::Known(()));
    it.user_policies.items.insert(UserPolicy::of("bo", DENIAL), Fact::Absent);
    it
}

fn propose(it: &Inventory, with: &str) -> Result<Proposal, Refusal> {
    let context = Context { inventory: it, region: "", checks: &[], options: &Options::default() };
    let with = DisableConsoleLogin.decode(toml::de::Deserializer::parse(with).unwrap()).unwrap();
    DisableConsoleLogin.propose(&context, &it.owner.user("bo"), &with)
}

fn key(status: &str) -> AccessKey {
    AccessKey { id: "AKIA1".into(), user: "bo".into(), status: status.into(), ..AccessKey::default() }
}

#[test]
fn sessions_are_denied_and_allowed_again() {
    let proposal = propose(&account(), "").unwrap();
    sound::steps(&proposal.steps);
    let input = &proposal.steps[0].act.call.input;
    assert_eq!((&input["UserName"], &input["PolicyName"]), (&json!("bo"), &json!(DENIAL)));
    let policy: Value = serde_json::from_str(input["PolicyDocument"].as_str().unwrap()).unwrap();
    assert_eq!(policy, policies::denial());
    assert_eq!(sound::going_back(&proposal.steps, &["deny"], Purpose::Undo), ["DeleteUserPolicy deny"]);
    assert_eq!(proposal.risk, Risk::Disruptive);
    // What the step sets is what the check retains.
    let mut after = account();
    let policies = [(DENIAL.to_owned(), policy)].into();
    after.users.get_mut("bo").unwrap().inline_policies = Fact::Known(policies);
    let proof = &proposal.proof[0];
    let verdict = (crate::checks::find(&proof.check).unwrap().judge)(&after, &proof.resource, &proof.with);
    assert_eq!(verdict.word(), "retained");
    assert!(matches!(propose(&after, ""), Err(Refusal::Nothing(_))));
}

#[test]
fn a_deleted_password_is_gone_for_good_and_that_is_said() {
    let mut it = account();
    it.access_keys.put("AKIA1", key("Active"));
    let proposal = propose(&it, "method = \"delete\"").unwrap();
    sound::steps(&proposal.steps);
    assert_eq!(proposal.steps[0].act.call.input, json!({ "UserName": "bo" }));
    assert_eq!(proposal.risk, Risk::Irreversible);
    assert!(matches!(&proposal.steps[0].way_back, WayBack::Cannot(why) if why.contains("keeps no password")));
    it.login_profiles.items.insert("bo".into(), Fact::Absent);
    assert!(matches!(propose(&it, "method = \"delete\""), Err(Refusal::Nothing(_))));
    let proof = &proposal.proof[0];
    let verdict = (crate::checks::find(&proof.check).unwrap().judge)(&it, &proof.resource, &proof.with);
    assert_eq!(verdict.word(), "ok", "the report still shows the password");
}

#[test]
fn a_user_with_an_active_key_is_not_denied() {
    for (status, refused) in [("Active", true), ("Suspended", true), ("Inactive", false), ("Expired", false)]
    {
        let mut it = account();
        it.access_keys.put("AKIA1", key(status));
        match propose(&it, "") {
            Err(Refusal::Refused(why)) => {
                assert!(refused && why.contains("AKIA1") && why.contains("method=\"delete\""), "{why}");
            }
            other => assert!(!refused && other.is_ok(), "{status}: {other:?}"),
        }
    }
    let mut unread = account();
    unread.access_keys.read(&Selector::by(AccessKey::USER, "bo"), Fact::unknown("AccessDenied"));
    assert!(matches!(propose(&unread, ""), Err(Refusal::Unknown(_))));
}

#[test]
fn who_signs_in_who_is_protected_and_what_is_not_known_is_left() {
    let of = |change: fn(&mut Inventory)| {
        let mut it = account();
        change(&mut it);
        propose(&it, "")
    };
    let recent = || Fact::Known("2026-11-01T00:00:00Z".parse().unwrap());
    let signed_in = of(|it| {
        let at = Fact::Known("2026-11-01T00:00:00Z".parse().unwrap());
        it.login_profiles.get_mut("bo").unwrap().last_used = at;
    });
    assert!(matches!(signed_in, Err(Refusal::Nothing(_))));
    let mut used = account();
    used.credential_reports.get_mut("bo").unwrap().password_last_used = recent();
    assert!(matches!(propose(&used, ""), Err(Refusal::Nothing(_))));
    let caller = of(|it| it.caller.arn = "arn:aws:iam::123456789012:user/bo".into());
    assert!(matches!(caller, Err(Refusal::Refused(why)) if why.contains("whose credentials redress uses")));
    let emergency = of(|it| {
        it.users.get_mut("bo").unwrap().tags.insert("break-glass".into(), "yes".into());
    });
    assert!(matches!(emergency, Err(Refusal::Refused(why)) if why.contains("emergencies")));
    let managed = of(|it| {
        let tags = &mut it.users.get_mut("bo").unwrap().tags;
        tags.insert("aws:cloudformation:stack-id".into(), "s".into());
    });
    assert!(matches!(managed, Err(Refusal::Refused(why)) if why.contains("CloudFormation")));
    for change in [
        (|it| drop(it.login_profiles.items.insert("bo".into(), Fact::unknown("AccessDenied"))))
            as fn(&mut Inventory),
        |it: &mut Inventory| it.users.get_mut("bo").unwrap().inline_policies = Fact::unknown("AccessDenied"),
        |it| drop(it.user_policies.items.remove(&UserPolicy::of("bo", DENIAL))),
        |it| it.credential_reports.get_mut("bo").unwrap().password_last_used = Fact::unknown("?"),
    ] {
        assert!(matches!(of(change), Err(Refusal::Unknown(_))));
    }
}

#[test]
fn a_policy_that_does_not_fit_or_is_somebody_elses_stops_it() {
    let mut full = account();
    let read =
        json!({ "Sid": "x".repeat(2000), "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*" });
    let long = json!({ "Version": "2012-10-17", "Statement": [read] });
    full.users.get_mut("bo").unwrap().inline_policies = Fact::Known([("long".to_owned(), long)].into());
    assert!(matches!(propose(&full, ""), Err(Refusal::Refused(why)) if why.contains("2048")));
    let mut theirs = account();
    let id = UserPolicy::of("bo", DENIAL);
    theirs.user_policies.put(id.clone(), UserPolicy { id, document: json!({ "Statement": [] }) });
    assert!(
        matches!(propose(&theirs, ""), Err(Refusal::Refused(why)) if why.contains("rename or delete it"))
    );
}
