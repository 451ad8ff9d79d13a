//! Tests of `raise_cloudtrail`: required and forbidden behaviour, on small hand-made inventories.

//! Raising a trail, and the refusals.

use super::*;
use crate::{
    actions::{Options, make::sound},
    calls::Purpose,
    inventory::{Bucket, Caller, Key, Selector},
    resource::Owner,
};

const R: &str = "us-east-1";

pub(crate) fn policy() -> Value {
    let service = json!({ "Service": "cloudtrail.amazonaws.com" });
    json!({ "Statement": [
        { "Effect": "Allow", "Principal": service, "Action": "s3:GetBucketAcl",
            "Resource": "arn:aws:s3:::logs" },
        { "Effect": "Allow", "Principal": service, "Action": "s3:PutObject",
            "Resource": "arn:aws:s3:::logs/*" },
    ] })
}

/// Builds an account with a stopped trail of one region without digests, and a bucket that it can use.
fn account() -> Inventory {
    let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
    let mut inventory = Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
    inventory.trails.read(&Selector::by("region", R), Fact::Known(()));
    let trail = Trail {
        id: arn(&inventory).to_string(),
        name: "audit".into(),
        home_region: R.into(),
        s3_bucket_name: "logs".into(),
        is_logging: Fact::Known(false),
        latest_delivery_error: Fact::Absent,
        latest_delivery_time: Fact::Absent,
        all_management_events: Fact::Known(true),
        ..Trail::default()
    };
    inventory.trails.put(trail.id.clone(), trail);
    inventory.buckets.put(
        "logs",
        Bucket { id: "logs".into(), owned: true, policy: Fact::Known(policy()), ..Bucket::default() },
    );
    inventory
}
fn arn(inventory: &Inventory) -> ResourceId {
    inventory.owner.trail(R, "audit")
}
fn trail(it: &mut Inventory) -> &mut Trail {
    let id = arn(it).to_string();
    it.trails.get_mut(&id).unwrap()
}
fn propose(it: &Inventory) -> Result<Proposal, Refusal> {
    let checks = vec!["cloudtrail-not-logging".to_owned()];
    let options = Options::default();
    RaiseCloudtrail.propose(
        &Context { inventory: it, region: R, checks: &checks, options: &options },
        &arn(it),
        &Value::Null,
    )
}

#[test]
fn a_stopped_trail_is_set_right_before_it_is_started_and_goes_back_as_it_was() {
    let it = account();
    let proposal = propose(&it).unwrap();
    sound::steps(&proposal.steps);
    assert_eq!(sound::names(&proposal.steps), ["update", "start"]);
    let id = arn(&it);
    let set = |on: bool| {
        json!({ "Name": id, "IsMultiRegionTrail": on, "IncludeGlobalServiceEvents": on,
        "EnableLogFileValidation": on })
    };
    assert_eq!(proposal.steps[0].act.call.input, set(true));
    let crate::calls::WayBack::Calls { rollback, .. } = &proposal.steps[0].way_back else {
        panic!("no way back")
    };
    assert_eq!(rollback[0].call.input, set(false));
    assert_eq!(
        sound::going_back(&proposal.steps, &["update", "start"], Purpose::Undo),
        ["StopLogging start", "UpdateTrail update"]
    );
    assert!(proposal.impact.iter().any(|l| l.contains("cannot be recovered")), "{:?}", proposal.impact);
    assert_eq!(
        proposal.proof.iter().map(|p| p.check.as_str()).collect::<Vec<_>>(),
        ["trail-raised", "cloudtrail-not-logging"]
    );
}

#[test]
fn only_what_is_lacking_is_done() {
    let mut it = account();
    trail(&mut it).is_multi_region = true;
    trail(&mut it).log_file_validation = true;
    assert_eq!(sound::names(&propose(&it).unwrap().steps), ["start"]);
    trail(&mut it).is_logging = Fact::Known(true);
    assert!(matches!(propose(&it), Err(Refusal::Nothing(_))));
    trail(&mut it).log_file_validation = false;
    trail(&mut it).include_global_service_events = true;
    let update = propose(&it).unwrap().steps.remove(0);
    assert_eq!(update.act.call.input, json!({ "Name": arn(&it), "EnableLogFileValidation": true }));
}

#[test]
fn a_trail_records_all_regions_only_where_no_other_one_does() {
    let mut it = account();
    let other = Trail {
        id: it.owner.trail(R, "other").to_string(),
        is_multi_region: true,
        all_management_events: Fact::Known(true),
        ..Trail::default()
    };
    it.trails.put(other.id.clone(), other);
    assert_eq!(
        propose(&it).unwrap().steps[0].act.call.input,
        json!({ "Name": arn(&it), "EnableLogFileValidation": true })
    );
}

#[test]
fn a_trail_that_cannot_deliver_is_refused_with_what_is_missing() {
    type Row = (fn(&mut Inventory), &'static str);
    let rows: &[Row] = &[
        (|it| it.buckets.get_mut("logs").unwrap().policy = Fact::Absent, "s3:PutObject"),
        (
            |it| {
                it.buckets.get_mut("logs").unwrap().policy =
                    Fact::Known(json!({ "Statement": [policy()["Statement"][0]] }))
            },
            "s3:PutObject on arn:aws:s3:::logs/AWSLogs",
        ),
        (|it| drop(it.buckets.items.insert("logs".into(), Fact::Absent)), "does not exist"),
        (
            |it| {
                trail(it).kms_key_id = Some("k".into());
                it.region_mut(R).keys.put("k", Key { key_state: "Disabled".into(), ..Key::default() });
            },
            "Disabled",
        ),
        (
            |it| {
                trail(it).is_logging = Fact::Known(true);
                trail(it).latest_delivery_error = Fact::Known("NoSuchBucket".into());
            },
            "NoSuchBucket",
        ),
    ];
    for (change, word) in rows {
        let mut it = account();
        change(&mut it);
        assert!(
            matches!(propose(&it), Err(Refusal::Refused(why)) if why.contains(word)),
            "{word}: {:?}",
            propose(&it)
        );
    }
}

#[test]
fn a_trail_of_another_account_is_its_owners_to_change() {
    let mut it = account();
    it.owner.account = "210987654321".into();
    let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
    let options = Options::default();
    let context = Context { inventory: &it, region: R, checks: &[], options: &options };
    let said = RaiseCloudtrail.propose(&context, &owner.trail(R, "audit"), &Value::Null);
    assert!(matches!(said, Err(Refusal::Refused(why)) if why.contains("account 123456789012")));
}

#[test]
fn a_bucket_that_cannot_be_read_is_unknown_unless_the_trail_delivered_a_short_time_ago() {
    for change in [
        (|it: &mut Inventory| it.buckets.get_mut("logs").unwrap().owned = false) as fn(&mut Inventory),
        |it| it.buckets.get_mut("logs").unwrap().policy = Fact::Unknown("AccessDenied".into()),
        |it| drop(it.buckets.items.remove("logs")),
    ] {
        let mut it = account();
        change(&mut it);
        assert!(matches!(propose(&it), Err(Refusal::Unknown(_))));
        trail(&mut it).latest_delivery_time = Fact::Known("2026-11-22T09:00:00Z".parse().unwrap());
        assert!(propose(&it).is_ok());
        trail(&mut it).latest_delivery_time = Fact::Known("2026-11-20T09:00:00Z".parse().unwrap());
        assert!(matches!(propose(&it), Err(Refusal::Unknown(_))));
    }
}

#[test]
fn what_the_trail_does_must_be_known() {
    let mut it = account();
    trail(&mut it).is_logging = Fact::Unknown("AccessDenied".into());
    assert!(matches!(propose(&it), Err(Refusal::Unknown(_))));
    let mut it = account();
    it.trails.reads.clear();
    assert!(matches!(propose(&it), Err(Refusal::Unknown(_))), "another trail may record all regions");
}

/// Returns the trail of the organization as a member sees it.
fn of_all() -> Trail {
    Trail {
        id: "arn:aws:cloudtrail:us-east-1:999999999999:trail/of-all".into(),
        is_multi_region: true,
        is_organization: true,
        is_logging: Fact::Known(true),
        all_management_events: Fact::Unknown("TrailNotFoundException".into()),
        ..Trail::default()
    }
}

#[test]
fn what_another_trail_may_record_already_is_not_recorded_a_second_time() {
    for (other, word) in [
        (of_all(), "organization's trail"),
        (Trail { is_logging: Fact::Unknown("denied".into()), ..of_all() }, "could not find out which events"),
    ] {
        let mut it = account();
        it.trails.put(other.id.clone(), other);
        let proposal = propose(&it).unwrap();
        let update = &proposal.steps[0].act.call.input;
        assert_eq!(*update, json!({ "Name": arn(&it), "EnableLogFileValidation": true }));
        let says = |words: &str| proposal.impact.iter().any(|line| line.contains(words));
        assert!(says(word) && says("a second copy of management events is billed"), "{:?}", proposal.impact);
    }
}

#[test]
fn the_key_of_a_trail_is_looked_for_in_the_region_of_its_arn() {
    let mut it = account();
    let key = "arn:aws:kms:eu-west-1:123456789012:key/k";
    trail(&mut it).kms_key_id = Some(key.into());
    let asked = evidence_wants(&trail(&mut it).clone());
    assert!(asked.contains(&Want::id("eu-west-1", FamilyKind::Keys, key)), "{asked:?}");
    let enabled = Key { key_state: "Enabled".into(), ..Key::default() };
    it.region_mut("eu-west-1").keys.put(key, enabled);
    assert!(propose(&it).is_ok());
}

#[test]
fn an_error_of_before_the_start_does_not_keep_a_trail_from_being_raised() {
    let mut it = account();
    trail(&mut it).is_logging = Fact::Known(true);
    trail(&mut it).latest_delivery_error = Fact::Known("NoSuchBucket".into());
    assert!(matches!(propose(&it), Err(Refusal::Refused(_))));
    trail(&mut it).start_logging_time = Fact::Known("2026-11-22T09:55:00Z".parse().unwrap());
    assert_eq!(sound::names(&propose(&it).unwrap().steps), ["update"]);
}

#[test]
fn a_trail_of_control_tower_is_left_to_control_tower() {
    let mut it = account();
    trail(&mut it).name = "aws-controltower-BaselineCloudTrail".into();
    assert!(matches!(propose(&it), Err(Refusal::Refused(why)) if why.contains("--include-managed")));
}

#[test]
fn the_organizations_own_trail_is_raised_where_its_bucket_admits_the_folder_of_its_members() {
    let mut it = account();
    trail(&mut it).is_organization = true;
    let organization = Want::id("", FamilyKind::Organizations, Organization::ID);
    assert!(evidence_wants(&trail(&mut it).clone()).contains(&organization));
    let statement = |folder: &str| {
        json!({ "Effect": "Allow", "Principal": { "Service": "cloudtrail.amazonaws.com" },
            "Action": "s3:PutObject", "Resource": format!("arn:aws:s3:::logs/AWSLogs/{folder}/*") })
    };
    let acl = policy()["Statement"][0].clone();
    let open = json!({ "Statement": [acl, statement("123456789012"), statement("o-example")] });
    it.buckets.get_mut("logs").unwrap().policy = Fact::Known(open);
    assert!(matches!(propose(&it), Err(Refusal::Unknown(_))), "the organization was not read");
    let known = |id: &str| Organization { organization_id: id.into() };
    it.organizations.put(Organization::ID, known("o-example"));
    assert!(propose(&it).is_ok());
    it.organizations.put(Organization::ID, known("o-other"));
    assert!(matches!(propose(&it), Err(Refusal::Refused(why)) if why.contains("o-other")));
}
