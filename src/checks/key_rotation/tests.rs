//! The stages of a rotation, judged at their edges.

use super::*;
use crate::{
    checks,
    inventory::{Caller, LastUse, Secret},
    resource::Owner,
};

const OLD_KEY: &str = "AKIAOLD";
const NEW_KEY: &str = "AKIANEW";

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn used(date: &str) -> Fact<LastUse> {
    Fact::Known(LastUse { date: time(date), region: "us-east-1".into(), service: "s3".into() })
}

fn key(id: &str, created: &str, marks: &[(&str, &str)]) -> AccessKey {
    let tags = marks.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    AccessKey {
        id: id.into(),
        user: "ci".into(),
        status: "Active".into(),
        created: Fact::Known(time(created)),
        last_used: Fact::Absent,
        tags: Fact::Known(tags),
        ..AccessKey::default()
    }
}

/// Builds the old key, replaced.
fn replaced_key() -> AccessKey {
    AccessKey {
        last_used: used("2026-11-01T00:00:00Z"),
        ..key(OLD_KEY, "2025-01-01T00:00:00Z", &[("redress:replaced-by:AKIAOLD", NEW_KEY)])
    }
}

fn account(keys: Vec<AccessKey>) -> Inventory {
    let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
    let mut account = Inventory::empty(owner, Caller::default(), time("2026-11-22T10:00:00Z"));
    account.access_keys.read(&of_user("ci").selector, Fact::Known(()));
    for key in keys {
        account.access_keys.put(key.id.clone(), key);
    }
    account
}

fn judged(check: &str, keys: Vec<AccessKey>, with: Value) -> Verdict {
    let account = account(keys);
    (checks::find(check).unwrap().judge)(&account, &account.owner.access_key(OLD_KEY), &with)
}

fn violates(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Violates(_))
}

#[test]
fn a_key_is_old_by_its_creation_whatever_its_use() {
    let of = |created: &str, with: Value| judged(OLD, vec![key(OLD_KEY, created, &[])], with);
    assert!(violates(&of("2026-08-24T09:59:59Z", Value::Null)));
    assert_eq!(of("2026-08-24T10:00:00Z", Value::Null), Verdict::Ok(None), "90 days to the second");
    assert!(violates(&of("2026-10-01T00:00:00Z", json!({ "days": 30 }))));
    let inactive = AccessKey { status: "Inactive".into(), ..key(OLD_KEY, "2020-01-01T00:00:00Z", &[]) };
    assert_eq!(judged(OLD, vec![inactive], Value::Null), Verdict::Ok(None));
    for unknown in [
        AccessKey { status: "Suspended".into(), ..key(OLD_KEY, "2020-01-01T00:00:00Z", &[]) },
        AccessKey { created: Fact::unknown("?"), ..key(OLD_KEY, "2020-01-01T00:00:00Z", &[]) },
        AccessKey { tags: Fact::unknown("AccessDenied"), ..key(OLD_KEY, "2020-01-01T00:00:00Z", &[]) },
    ] {
        assert!(
            matches!(judged(OLD, vec![unknown.clone()], Value::Null), Verdict::Unknown(_)),
            "{unknown:?}"
        );
    }
}

#[test]
fn a_key_that_was_replaced_is_noted_and_not_rotated_again() {
    let new = key(NEW_KEY, "2026-11-01T00:00:00Z", &[]);
    let verdict = judged(OLD, vec![replaced_key(), new], Value::Null);
    assert!(matches!(verdict, Verdict::Ok(Some(note)) if note.contains(NEW_KEY)));
    // One whose new key is gone waits for nothing: it is old, and a person takes off the mark.
    let stalled = judged(OLD, vec![replaced_key()], Value::Null);
    assert!(matches!(stalled, Verdict::Violates(why) if why["stalled"].is_string()));
    // A mark about another key is none about this one.
    let other = key(OLD_KEY, "2025-01-01T00:00:00Z", &[("redress:replaced-by:AKIAOTHER", NEW_KEY)]);
    assert!(violates(&judged(OLD, vec![other], Value::Null)));
}

#[test]
fn a_replaced_key_is_free_once_nobody_has_used_it_for_a_while_and_the_new_one_exists_for_as_long() {
    let new = |created: &str| key(NEW_KEY, created, &[]);
    let old = |last: &str| AccessKey { last_used: used(last), ..replaced_key() };
    let of = |old: AccessKey, new: AccessKey| judged(REPLACED, vec![old, new], Value::Null);
    assert!(violates(&of(old("2026-11-01T00:00:00Z"), new("2026-11-10T00:00:00Z"))));
    let waits = |verdict: Verdict, from: &str| {
        let Verdict::Ok(Some(note)) = verdict else { panic!("{verdict:?}") };
        assert!(note.contains(from), "{note}");
    };
    waits(of(old("2026-11-20T08:00:00Z"), new("2026-11-10T00:00:00Z")), "2026-11-27 08:00 UTC");
    waits(of(old("2026-11-01T00:00:00Z"), new("2026-11-21T10:00:00Z")), "2026-11-28 10:00 UTC");
    let soon = judged(
        REPLACED,
        vec![old("2026-11-20T08:00:00Z"), new("2026-11-10T00:00:00Z")],
        json!({ "days": 2 }),
    );
    assert!(violates(&soon));
    let never = AccessKey { last_used: Fact::Absent, ..replaced_key() };
    assert!(violates(&of(never, new("2026-11-10T00:00:00Z"))));
}

#[test]
fn a_key_whose_replacement_is_gone_inactive_or_of_another_user_stays() {
    let new = || key(NEW_KEY, "2026-11-01T00:00:00Z", &[]);
    for keys in [
        vec![replaced_key()],
        vec![replaced_key(), AccessKey { status: "Inactive".into(), ..new() }],
        vec![replaced_key(), AccessKey { user: "bo".into(), ..new() }],
    ] {
        assert!(violates(&judged(OLD, keys.clone(), Value::Null)), "{keys:?}");
        let verdict = judged(REPLACED, keys, Value::Null);
        assert!(
            matches!(&verdict, Verdict::Ok(Some(note)) if note.contains("this one stays")),
            "{verdict:?}"
        );
    }
    let plain = key(OLD_KEY, "2025-01-01T00:00:00Z", &[]);
    assert_eq!(judged(REPLACED, vec![plain, new()], Value::Null), Verdict::Ok(None), "nothing replaced it");
}

#[test]
fn keys_that_stand_in_each_others_place_or_in_their_own_stay() {
    let circle = [("redress:replaced-by:AKIAOLD", NEW_KEY), ("redress:replaced-by:AKIANEW", OLD_KEY)];
    let itself = [("redress:replaced-by:AKIAOLD", OLD_KEY)];
    for marks in [&circle[..], &itself[..]] {
        let marked = |id, created| key(id, created, marks);
        let keys = vec![marked(OLD_KEY, "2025-01-01T00:00:00Z"), marked(NEW_KEY, "2025-02-01T00:00:00Z")];
        let verdict = judged(REPLACED, keys, Value::Null);
        assert!(
            matches!(&verdict, Verdict::Ok(Some(note)) if note.contains("this one stays")),
            "{verdict:?}"
        );
    }
}

#[test]
fn what_was_not_read_about_a_replacement_frees_nothing() {
    let mut account = account(vec![replaced_key()]);
    account.access_keys.reads.clear();
    let check = checks::find(REPLACED).unwrap();
    let target = account.owner.access_key(OLD_KEY);
    assert!(matches!((check.judge)(&account, &target, &Value::Null), Verdict::Unknown(_)));
    let wants = (check.reads_one)(&account, &target, &Value::Null);
    assert!(wants.contains(&of_user("ci")), "{wants:?}");
    for unknown in [
        AccessKey { last_used: Fact::NotRead, ..replaced_key() },
        AccessKey { tags: Fact::unknown("AccessDenied"), ..replaced_key() },
    ] {
        let new = key(NEW_KEY, "2026-11-01T00:00:00Z", &[]);
        assert!(matches!(judged(REPLACED, vec![unknown, new], Value::Null), Verdict::Unknown(_)));
    }
}

#[test]
fn only_a_key_that_a_rotation_deactivated_long_ago_is_to_be_deleted() {
    let retired = |status: &str, on: &str| AccessKey {
        status: status.into(),
        ..key(OLD_KEY, "2025-01-01T00:00:00Z", &[("redress:retired:AKIAOLD", on)])
    };
    assert!(violates(&judged(RETIRED, vec![retired("Inactive", "2026-10-23")], Value::Null)));
    let waits = judged(RETIRED, vec![retired("Inactive", "2026-10-24")], Value::Null);
    assert!(matches!(waits, Verdict::Ok(Some(note)) if note.contains("2026-11-23")));
    assert_eq!(judged(RETIRED, vec![retired("Active", "2026-01-01")], Value::Null), Verdict::Ok(None));
    let odd = judged(RETIRED, vec![retired("Inactive", "long ago")], Value::Null);
    assert!(matches!(odd, Verdict::Unknown(why) if why.contains("long ago")));
    let by_hand = AccessKey { status: "Inactive".into(), ..key(OLD_KEY, "2020-01-01T00:00:00Z", &[]) };
    assert_eq!(judged(RETIRED, vec![by_hand], Value::Null), Verdict::Ok(None));
}

#[test]
fn a_delivery_is_proved_by_the_key_and_the_label_of_its_version() {
    let with = json!({ "region": "r", "secret": "s" });
    let judge = |account: &Inventory| {
        let target = account.owner.access_key(OLD_KEY);
        (checks::find(DELIVERED).unwrap().judge)(account, &target, &with)
    };
    let keys = || vec![replaced_key(), key(NEW_KEY, "2026-11-22T09:59:00Z", &[])];
    let secret = |labels: &[(&str, &str)]| {
        let labels = labels.iter().map(|(label, version)| ((*label).to_owned(), (*version).to_owned()));
        Secret { id: "s".into(), ..Secret::default() }.labelled(labels.collect())
    };
    let mut account = account(keys());
    assert!(matches!(judge(&account), Verdict::Unknown(_)), "the secret was not read");
    account.region_mut("r").secrets.put("s", secret(&[("AWSCURRENT", "v1"), (NEW_KEY, "v1")]));
    assert_eq!(judge(&account), Verdict::Ok(None));
    account.region_mut("r").secrets.put("s", secret(&[("AWSCURRENT", "v1")]));
    assert!(violates(&judge(&account)));
    account.region_mut("r").secrets.items.insert("s".into(), Fact::Absent);
    assert!(violates(&judge(&account)));
    account.region_mut("r").secrets.put("s", secret(&[(NEW_KEY, "v1")]));
    account.access_keys.items.insert(NEW_KEY.into(), Fact::Absent);
    assert!(violates(&judge(&account)), "the key is gone");
}
