//! The one key that is deactivated, and those that are left.

use super::*;
use crate::{
    actions::{Options, make::sound},
    calls::Purpose,
    inventory::{Caller, Inventory, LastUse, Tags, User},
    resource::Owner,
};

const ID: &str = "AKIAIOSFODNN7EXAMPLE";

fn key() -> AccessKey {
    AccessKey {
        id: ID.into(),
        user: "bo".into(),
        status: "Active".into(),
        created: Fact::Known("2024-01-01T00:00:00Z".parse().unwrap()),
        last_used: Fact::Known(LastUse {
            date: "2026-03-01T10:00:00Z".parse().unwrap(),
            region: "eu-west-1".into(),
            service: "s3".into(),
        }),
        tags: Fact::Known(Tags::new()),
        ..AccessKey::default()
    }
}

fn account(key: Fact<AccessKey>) -> Inventory {
    let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
    let caller = Caller { arn: "arn:aws:iam::123456789012:user/robin".into(), ..Caller::default() };
    let mut account = Inventory::empty(owner, caller, "2026-11-22T10:00:00Z".parse().unwrap());
    account.access_keys.items.insert(ID.into(), key);
    let user = User {
        id: "bo".into(),
        groups: Fact::Known(Vec::new()),
        inline_policies: Fact::Known([].into()),
        attached_policies: Fact::Known(Vec::new()),
        ..User::default()
    };
    account.users.put("bo", user);
    account
}

fn propose_on(account: &Inventory, with: &str) -> Result<Proposal, Refusal> {
    let target = account.owner.access_key(ID);
    let options = Options::default();
    let context = Context { inventory: account, region: "us-east-1", checks: &[], options: &options };
    let with = DeactivateAccessKey.decode(toml::de::Deserializer::parse(with).unwrap()).unwrap();
    DeactivateAccessKey.propose(&context, &target, &with)
}

fn propose(key: Fact<AccessKey>) -> Result<Proposal, Refusal> {
    propose_on(&account(key), "")
}

#[test]
fn the_one_key_is_deactivated_by_the_name_of_its_user_and_activated_again() {
    let proposal = propose(Fact::Known(key())).unwrap();
    sound::steps(&proposal.steps);
    let call = &proposal.steps[0].act.call;
    assert_eq!(call.input, json!({ "UserName": "bo", "AccessKeyId": ID, "Status": "Inactive" }));
    assert_eq!(
        sound::going_back(&proposal.steps, &["deactivate"], Purpose::Undo),
        ["UpdateAccessKey deactivate"]
    );
    assert!(
        proposal.impact[0].contains("last used on 2026-03-01 for s3 in eu-west-1"),
        "{:?}",
        proposal.impact
    );
    assert_eq!(proposal.proof[0].with, json!({ "days": 90 }));
    assert_eq!(proposal.risk, Risk::Disruptive);
    let before: Vec<&str> = proposal.steps[0].act.before.iter().map(|one| one.at.as_str()).collect();
    assert_eq!(before, ["/user=bo/status", "/last_used/known/date"], "looked at in the same breath");
}

#[test]
fn the_days_of_the_playbook_are_those_of_the_proof() {
    let account = account(Fact::Known(AccessKey {
        last_used: Fact::Absent,
        created: Fact::Known("2026-09-20T00:00:00Z".parse().unwrap()),
        ..key()
    }));
    assert!(matches!(propose_on(&account, ""), Err(Refusal::Nothing(_))), "63 days");
    let proposal = propose_on(&account, "days = 45").unwrap();
    assert_eq!(proposal.proof[0].with, json!({ "days": 45 }));
    assert!(proposal.summary.contains("created on 2026-09-20 and never used"), "{}", proposal.summary);
    for bad in
        ["days = 0", "days = 4000", "days = '90'", "break_glass_users = ['']", "break_glass_tags = 'x'"]
    {
        assert!(DeactivateAccessKey.decode(toml::de::Deserializer::parse(bad).unwrap()).is_err(), "{bad}");
    }
}

#[test]
fn what_is_inactive_used_or_not_known_is_left() {
    let with = |change: fn(&mut AccessKey)| {
        let mut key = key();
        change(&mut key);
        propose(Fact::Known(key))
    };
    assert!(matches!(with(|key| key.status = "Inactive".into()), Err(Refusal::Nothing(_))));
    assert!(matches!(with(|key| key.status = "Expired".into()), Err(Refusal::Unknown(_))));
    assert!(matches!(with(|key| key.last_used = Fact::unknown("AccessDenied")), Err(Refusal::Unknown(_))));
    assert!(matches!(with(|key| key.user.clear()), Err(Refusal::Unknown(_))), "never without a name");
    assert!(matches!(propose(Fact::unknown("AccessDenied")), Err(Refusal::Unknown(_))));
    assert!(matches!(propose(Fact::Absent), Err(Refusal::Refused(_))));
}

#[test]
fn the_key_of_the_caller_and_managed_users_are_refused() {
    let own = AccessKey { of_caller: true, ..key() };
    assert!(matches!(propose(Fact::Known(own)), Err(Refusal::Refused(why)) if why.contains("itself")));
    let mut of_caller = account(Fact::Known(key()));
    of_caller.caller.arn = "arn:aws:iam::123456789012:user/bo".into();
    assert!(matches!(propose_on(&of_caller, ""), Err(Refusal::Refused(why)) if why.contains("redress uses")));
    let tags = Fact::Known([("aws:cloudformation:stack-id".to_owned(), "s".to_owned())].into());
    let managed = propose(Fact::Known(AccessKey { tags, ..key() }));
    assert!(matches!(managed, Err(Refusal::Refused(why)) if why.contains("CloudFormation")));
}

#[test]
fn the_facts_about_the_user_are_asked_for_once_the_key_names_it() {
    let account = account(Fact::Known(key()));
    let options = Options::default();
    let context = Context { inventory: &account, region: "us-east-1", checks: &[], options: &options };
    let wants = DeactivateAccessKey.needs(&context, &account.owner.access_key(ID), &Value::Null);
    let words: Vec<String> = wants.iter().map(Want::to_string).collect();
    assert_eq!(words, [format!("global/access-keys/{ID}"), "global/users/bo".to_owned()], "no administrator");
}
