//! Tests of `trails`: required and forbidden behaviour, on small hand-made inventories.

//! The verdicts of the checks of trails, fact by fact.

use super::*;
use crate::{
    checks::find,
    inventory::{Caller, Selector},
    resource::Owner,
};

fn account(trails: &[Trail]) -> Inventory {
    let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
    let mut inventory = Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
    inventory.trails.read(&Selector::by("region", "us-east-1"), Fact::Known(()));
    for trail in trails {
        inventory.trails.put(trail.id.clone(), trail.clone());
    }
    inventory
}

fn good() -> Trail {
    Trail {
        id: "arn:aws:cloudtrail:us-east-1:123456789012:trail/audit".into(),
        is_multi_region: true,
        log_file_validation: true,
        is_logging: Fact::Known(true),
        latest_delivery_error: Fact::Absent,
        latest_delivery_time: Fact::Known("2026-11-22T09:00:00Z".parse().unwrap()),
        all_management_events: Fact::Known(true),
        ..Trail::default()
    }
}

fn say(check: &str, inventory: &Inventory) -> Verdict {
    let check = find(check).unwrap();
    let resource = (check.resources)(inventory, &["us-east-1".to_owned()]).remove(0);
    (check.judge)(inventory, &resource, &Value::Null)
}

#[test]
fn the_account_is_fine_with_a_multi_region_trail_even_when_it_is_stopped() {
    let stopped = Trail { is_logging: Fact::Known(false), ..good() };
    assert_eq!(say("cloudtrail-missing", &account(&[stopped])), Verdict::Ok(None));
}

#[test]
fn a_trail_of_one_region_or_of_some_events_does_not_make_the_account_fine() {
    for trail in [
        Trail { is_multi_region: false, ..good() },
        Trail { all_management_events: Fact::Known(false), ..good() },
    ] {
        assert!(matches!(say("cloudtrail-missing", &account(&[trail])), Verdict::Violates(_)));
    }
    assert!(matches!(say("cloudtrail-missing", &account(&[])), Verdict::Violates(_)));
}

#[test]
fn trails_that_could_not_be_listed_are_not_missing() {
    let mut inventory = account(&[]);
    inventory.trails.read(&Selector::by("region", "us-east-1"), Fact::Unknown("AccessDenied".into()));
    assert!(
        matches!(say("cloudtrail-missing", &inventory), Verdict::Unknown(why) if why.contains("AccessDenied"))
    );
    let unsure = Trail { all_management_events: Fact::Unknown("AccessDenied".into()), ..good() };
    assert!(matches!(say("cloudtrail-missing", &account(&[unsure])), Verdict::Unknown(_)));
    let check = find("cloudtrail-not-logging").unwrap();
    assert!((check.silence)(&inventory, "us-east-1").unwrap().contains("AccessDenied"));
}

#[test]
fn a_trail_that_logs_but_cannot_deliver_is_not_fine() {
    let stuck = Trail { latest_delivery_error: Fact::Known("AccessDenied".into()), ..good() };
    assert!(matches!(say("cloudtrail-not-logging", &account(&[stuck])),
            Verdict::Violates(e) if e["latest_delivery_error"] == "AccessDenied"));
    let stopped = Trail { is_logging: Fact::Known(false), ..good() };
    assert!(matches!(say("cloudtrail-not-logging", &account(&[stopped])), Verdict::Violates(_)));
    let fresh = Trail { latest_delivery_time: Fact::Absent, ..good() };
    assert!(matches!(say("cloudtrail-not-logging", &account(&[fresh])), Verdict::Ok(Some(_))));
    assert_eq!(say("cloudtrail-not-logging", &account(&[good()])), Verdict::Ok(None));
}

#[test]
fn a_status_that_was_denied_is_unknown() {
    for trail in [
        Trail { is_logging: Fact::Unknown("AccessDenied".into()), ..good() },
        Trail { is_logging: Fact::NotRead, ..good() },
        Trail { latest_delivery_error: Fact::Unknown("AccessDenied".into()), ..good() },
    ] {
        assert!(matches!(say("cloudtrail-not-logging", &account(&[trail])), Verdict::Unknown(_)));
    }
}

#[test]
fn a_trail_without_digests_is_named() {
    let bare = Trail { log_file_validation: false, ..good() };
    assert!(matches!(say("cloudtrail-no-log-validation", &account(&[bare])), Verdict::Violates(_)));
    assert_eq!(say("cloudtrail-no-log-validation", &account(&[good()])), Verdict::Ok(None));
}

#[test]
fn the_account_is_looked_at_from_where_it_was_read_or_from_where_it_is_told() {
    let check = find("cloudtrail-missing").unwrap();
    let inventory = account(&[]);
    let root = inventory.owner.root();
    assert_eq!((check.reads_one)(&inventory, &root, &Value::Null), [Want::trails("us-east-1")]);
    assert_eq!(
        (check.reads_one)(&inventory, &root, &json!({ "region": "eu-west-1" })),
        [Want::trails("eu-west-1")]
    );
}
