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

const MANAGEMENT: &str = "arn:aws:cloudtrail:us-east-1:999999999999:trail/of-all";

/// Returns the trail of the organization as a member account sees it.
fn of_all() -> Trail {
    Trail {
        id: MANAGEMENT.into(),
        is_organization: true,
        all_management_events: Fact::Unknown("TrailNotFoundException".into()),
        tags: Fact::Unknown("CloudTrailARNInvalidException".into()),
        ..good()
    }
}

#[test]
fn the_organizations_trail_covers_a_member_while_it_logs_although_its_selectors_are_its_owners() {
    let verdict = say("cloudtrail-missing", &account(&[of_all()]));
    assert!(matches!(verdict, Verdict::Ok(Some(note)) if note.contains("999999999999")));
    for doubtful in [
        Trail { is_logging: Fact::Unknown("denied".into()), ..of_all() },
        Trail { is_organization: false, ..of_all() },
        Trail { id: good().id, ..of_all() },
    ] {
        let verdict = say("cloudtrail-missing", &account(std::slice::from_ref(&doubtful)));
        assert!(matches!(verdict, Verdict::Unknown(_)), "{doubtful:?}: {verdict:?}");
    }
    for nothing in [
        Trail { is_multi_region: false, ..of_all() },
        Trail { is_logging: Fact::Known(false), ..of_all() },
        Trail { is_logging: Fact::Known(false), all_management_events: Fact::Known(true), ..of_all() },
    ] {
        let verdict = say("cloudtrail-missing", &account(std::slice::from_ref(&nothing)));
        assert!(matches!(verdict, Verdict::Violates(_)), "{nothing:?}: {verdict:?}");
    }
}

#[test]
fn a_trail_that_cannot_be_read_at_all_may_be_the_one_that_records_everything() {
    let mut inventory = account(&[]);
    inventory.trails.items.insert(MANAGEMENT.into(), Fact::Unknown("denied".into()));
    assert!(
        matches!(say("cloudtrail-missing", &inventory), Verdict::Unknown(why) if why.contains(MANAGEMENT))
    );
}

#[test]
fn an_error_of_before_the_start_is_not_held_against_a_trail_that_was_just_started() {
    let started = |at: &str| Trail {
        latest_delivery_error: Fact::Known("NoSuchBucket".into()),
        start_logging_time: Fact::Known(at.parse().unwrap()),
        ..good()
    };
    let note = say("cloudtrail-not-logging", &account(&[started("2026-11-22T09:50:00Z")]));
    assert!(matches!(note, Verdict::Ok(Some(why)) if why.contains("NoSuchBucket")));
    // A delivery after the start makes the error one of now, and so does half an hour without any.
    for late in ["2026-11-22T08:00:00Z", "2026-11-22T09:00:00Z"] {
        let verdict = say("cloudtrail-not-logging", &account(&[started(late)]));
        assert!(matches!(verdict, Verdict::Violates(_)), "{late}: {verdict:?}");
    }
    let never = Trail { latest_delivery_time: Fact::Absent, ..started("2026-11-22T09:00:00Z") };
    assert!(matches!(say("cloudtrail-not-logging", &account(&[never])), Verdict::Violates(_)));
}

#[test]
fn every_partition_has_a_first_region_of_its_own() {
    for (partition, region) in [
        ("aws", "us-east-1"),
        ("aws-cn", "cn-north-1"),
        ("aws-us-gov", "us-gov-west-1"),
        ("aws-eusc", "eusc-de-east-1"),
        ("aws-iso", "us-iso-east-1"),
        ("aws-iso-b", "us-isob-east-1"),
        ("aws-iso-e", "eu-isoe-west-1"),
        ("aws-iso-f", "us-isof-south-1"),
    ] {
        assert_eq!(first_region(partition), region);
    }
}

#[test]
fn a_second_copy_of_management_events_is_named_with_what_the_present_trail_lacks() {
    use super::coverage::copies;
    const R: &str = "us-east-1";
    assert_eq!(copies(&account(&[]), R, None), None);
    let gap = |gaps: &[&str]| Trail {
        all_management_events: Fact::Known(false),
        management_gaps: gaps.iter().map(|g| (*g).to_owned()).collect(),
        ..good()
    };
    assert_eq!(
        copies(&account(&[gap(&[Trail::NO_MANAGEMENT])]), R, None),
        None,
        "it records other events only"
    );
    let without = copies(&account(&[gap(&["events of kms.amazonaws.com"])]), R, None).unwrap();
    assert!(
        without.contains("billed") && without.contains("without events of kms.amazonaws.com"),
        "{without}"
    );
    let elsewhere = Trail { is_multi_region: false, home_region: "eu-west-1".into(), ..good() };
    assert_eq!(copies(&account(&[elsewhere]), R, None), None, "it is not seen from here");
    assert_eq!(copies(&account(&[good()]), R, Some(&good().id)), None, "the trail itself is no copy");
}
