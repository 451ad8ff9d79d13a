//! The keys and marks that a run may touch, and those that it may not.

use serde_json::json;

use super::*;
use crate::{
    actions::terms::ActionUse,
    inventory::{Caller, LastUse, Tags},
    plan::ActionNames,
    resource::Owner,
};

const RUN: &str = "20261122T100000Z-123456";

fn owner() -> Owner {
    Owner { partition: "aws".into(), account: "123456789012".into() }
}

fn key(id: &str, user: &str, created: &str) -> AccessKey {
    AccessKey {
        id: id.into(),
        user: user.into(),
        status: "Active".into(),
        created: Fact::Known(created.parse().unwrap()),
        last_used: Fact::Absent,
        tags: Fact::Known(Tags::new()),
        ..AccessKey::default()
    }
}

fn account(keys: Vec<AccessKey>) -> Inventory {
    let mut account = Inventory::empty(owner(), Caller::default(), "2026-11-22T10:05:00Z".parse().unwrap());
    for key in keys {
        account.access_keys.put(key.id.clone(), key);
    }
    account.access_keys.read(&Selector::by(AccessKey::USER, "ci"), Fact::Known(()));
    account
}

fn change(action: &str) -> Change {
    Change {
        uses: vec![ActionUse { action: action.to_owned(), with: json!({}) }],
        ..Change::frame("c1".into(), ActionNames::of([action]), &owner().access_key("AKIAOLD"), "us-east-1")
    }
}

fn may_delete_key(action: &str, id: &str, facts: &Inventory) -> bool {
    let call =
        Call::new("iam", "us-east-1", "DeleteAccessKey", json!({ "UserName": "ci", "AccessKeyId": id }));
    may_delete(&call, &change(action), RUN, facts, (FamilyKind::AccessKeys, id))
}

#[test]
fn only_a_key_that_the_run_can_have_made_may_be_deleted() {
    let old = key("AKIAOLD", "ci", "2024-01-01T00:00:00Z");
    let used = LastUse { date: "2026-11-22T10:02:00Z".parse().unwrap(), ..LastUse::default() };
    let facts = account(vec![
        old,
        key("AKIANEW", "ci", "2026-11-22T10:00:00Z"),
        AccessKey { last_used: Fact::Known(used), ..key("AKIAUSED", "ci", "2026-11-22T10:00:01Z") },
        AccessKey { last_used: Fact::NotRead, ..key("AKIAUNREAD", "ci", "2026-11-22T10:00:01Z") },
        key("AKIABEFORE", "ci", "2026-11-22T09:00:00Z"),
        key("AKIAOTHER", "bo", "2026-11-22T10:00:01Z"),
    ]);
    let may: Vec<&str> =
        ["AKIAOLD", "AKIANEW", "AKIAUSED", "AKIAUNREAD", "AKIABEFORE", "AKIAOTHER", "AKIANONE"]
            .into_iter()
            .filter(|id| may_delete_key("rotate-access-key", id, &facts))
            .collect();
    assert_eq!(may, ["AKIANEW"]);
}

#[test]
fn the_old_key_may_be_deleted_only_after_its_rotation() {
    let retired = |status: &str, tags: &[(&str, &str)]| AccessKey {
        status: status.into(),
        tags: Fact::Known(tags.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()),
        ..key("AKIAOLD", "ci", "2024-01-01T00:00:00Z")
    };
    let mark = [("redress:retired:AKIAOLD", "2026-10-01")];
    let is_over = account(vec![retired("Inactive", &mark)]);
    assert!(may_delete_key("delete-access-key", "AKIAOLD", &is_over));
    assert!(!may_delete_key("delete-access-key", "AKIAOLD", &account(vec![retired("Active", &mark)])));
    assert!(!may_delete_key("delete-access-key", "AKIAOLD", &account(vec![retired("Inactive", &[])])));
}

#[test]
fn only_the_marks_of_the_key_may_be_set_on_a_user() {
    let tag = |key: &str| {
        let input = json!({ "UserName": "ci", "Tags": [{ "Key": key, "Value": "x" }] });
        marks(&change("rotate-access-key"), &Call::new("iam", "us-east-1", "TagUser", input))
    };
    assert!(tag("redress:replaced-by:AKIAOLD").is_ok() && tag("redress:retired:AKIAOLD").is_ok());
    for foreign in ["redress:replaced-by:AKIAOTHER", "redress:break-glass", "Team", ""] {
        assert!(tag(foreign).is_err(), "{foreign:?}");
    }
    let none = Call::new("iam", "us-east-1", "UntagUser", json!({ "UserName": "ci", "TagKeys": [] }));
    assert!(marks(&change("rotate-access-key"), &none).is_err(), "AWS takes an empty list for an error");
}

#[test]
fn what_the_run_has_made_is_forgotten_and_a_mark_of_somebody_else_is_not() {
    let mark = |value: &str| {
        let tags = [("redress:replaced-by:AKIAOLD".to_owned(), value.to_owned())].into();
        AccessKey { tags: Fact::Known(tags), ..key("AKIAOLD", "ci", "2024-01-01T00:00:00Z") }
    };
    let new = || key("AKIANEW", "ci", "2026-11-22T10:00:01Z");
    let marked = |facts: &Inventory| {
        !facts.access_keys.get("AKIAOLD").known().unwrap().tags.known().unwrap().is_empty()
    };
    let mut left = account(vec![mark("AKIANEW"), new()]);
    forget(&change("rotate-access-key"), RUN, &mut left);
    assert!(left.access_keys.get("AKIANEW").is_absent() && !marked(&left));
    let mut left = account(vec![mark("AKIABYHAND"), new()]);
    forget(&change("rotate-access-key"), RUN, &mut left);
    assert!(marked(&left), "another rotation goes on");
}

#[test]
fn the_secret_that_the_run_has_made_is_forgotten_wherever_it_is() {
    let mut left = account(vec![key("AKIAOLD", "ci", "2024-01-01T00:00:00Z")]);
    for (name, run) in [("ours", RUN), ("theirs", "20261121T100000Z-123456")] {
        let tags = [(tag::RUN.to_owned(), run.to_owned())].into();
        left.region_mut("eu-west-1").secrets.put(name, Secret { id: name.into(), tags, ..Secret::default() });
    }
    forget(&change("rotate-access-key"), RUN, &mut left);
    let secrets = &left.region_mut("eu-west-1").secrets;
    assert!(secrets.get("ours").is_absent() && secrets.get("theirs").known().is_some());
}

#[test]
fn the_time_of_a_run_is_in_its_id() {
    assert_eq!(began(RUN), "2026-11-22T10:00:00Z".parse().ok());
    for odd in ["", "r1", "20261322T100000Z-1", "export-20261122T100000Z"] {
        assert_eq!(began(odd), None, "{odd}");
    }
}

#[test]
fn of_a_key_that_is_gone_only_the_rest_is_ended() {
    let ends = |operation: &str, facts: &Inventory| {
        let call = Call::new("iam", "us-east-1", operation, json!({ "UserName": "ci" }));
        ends_what_is_gone(&call, &change("delete-access-key"), facts)
    };
    let mut gone = account(Vec::new());
    gone.access_keys.items.insert("AKIAOLD".into(), Fact::Absent);
    assert!(ends("DeleteAccessKey", &gone) && ends("UntagUser", &gone));
    for operation in ["CreateAccessKey", "TagUser", "UpdateAccessKey"] {
        assert!(!ends(operation, &gone), "{operation}");
    }
    let there = account(vec![key("AKIAOLD", "ci", "2024-01-01T00:00:00Z")]);
    let mut unread = account(Vec::new());
    unread.access_keys.items.insert("AKIAOLD".into(), Fact::NotRead);
    for facts in [&there, &unread] {
        assert!(!ends("DeleteAccessKey", facts) && !ends("UntagUser", facts));
    }
}
