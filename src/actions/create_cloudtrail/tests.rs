//! Tests of `create_cloudtrail`: required and forbidden behaviour, on small hand-made inventories.

//! Creating a trail, and the refusals.

use super::*;
use crate::{
    actions::{Options, make::sound},
    calls::Purpose,
    inventory::{Bucket, Caller, Key, KeyPolicy, Selector, tag},
};

const R: &str = "eu-west-1";
const BUCKET: &str = "redress-cloudtrail-123456789012-eu-west-1";

fn account() -> Inventory {
    let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
    let mut inventory = Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
    inventory.trails.read(&Selector::by("region", R), Fact::Known(()));
    let arn = inventory.owner.trail(R, "redress").to_string();
    inventory.trails.items.insert(arn, Fact::Absent);
    inventory.buckets.items.insert(BUCKET.into(), Fact::Absent);
    inventory
}
fn propose(it: &Inventory, with: Value) -> Result<Proposal, Refusal> {
    let checks = vec!["cloudtrail-missing".to_owned()];
    let options = Options::default();
    CreateCloudtrail.propose(
        &Context { inventory: it, region: R, checks: &checks, options: &options },
        &it.owner.root(),
        &with,
    )
}
fn other_trail(it: &mut Inventory, logging: bool) -> ResourceId {
    let arn = it.owner.trail(R, "audit");
    let trail = Trail {
        id: arn.to_string(),
        name: "audit".into(),
        home_region: R.into(),
        s3_bucket_name: "logs".into(),
        is_logging: Fact::Known(logging),
        all_management_events: Fact::Known(true),
        latest_delivery_error: Fact::Absent,
        latest_delivery_time: Fact::Absent,
        ..Trail::default()
    };
    it.trails.put(trail.id.clone(), trail);
    let service = json!({ "Service": "cloudtrail.amazonaws.com" });
    let policy = json!({ "Statement": [{ "Effect": "Allow", "Principal": service, "Action": "s3:*",
        "Resource": ["arn:aws:s3:::logs", "arn:aws:s3:::logs/*"] }] });
    it.buckets.put(
        "logs",
        Bucket { id: "logs".into(), owned: true, policy: Fact::Known(policy), ..Bucket::default() },
    );
    arn
}

#[test]
fn an_account_without_a_trail_gets_one_with_a_bucket_that_is_ready_before_it_logs() {
    let it = account();
    let proposal = propose(&it, Value::Null).unwrap();
    sound::steps(&proposal.steps);
    let expected = [
        "create-bucket",
        "tag-bucket",
        "block-public",
        "version-bucket",
        "encrypt-bucket",
        "bucket-policy",
        "create-trail",
        "start-logging",
    ];
    assert_eq!(sound::names(&proposal.steps), expected);
    let create = &proposal.steps[0].act.call;
    assert_eq!(
        create.input,
        json!({ "Bucket": BUCKET, "ObjectOwnership": "BucketOwnerEnforced",
            "CreateBucketConfiguration": { "LocationConstraint": R } })
    );
    let trail = &sound::named(&proposal.steps, "create-trail").act.call.input;
    for member in ["IsMultiRegionTrail", "EnableLogFileValidation", "IncludeGlobalServiceEvents"] {
        assert_eq!(trail[member], true, "{member}");
    }
    for step in &proposal.steps[1..6] {
        assert_eq!(step.act.call.input["ExpectedBucketOwner"], "123456789012", "{}", step.name);
    }
}

#[test]
fn the_policy_lets_this_trail_write_and_nothing_in_without_tls() {
    use crate::checks::trails::bucket::{Delivery, delivery, tls_only};
    let it = account();
    let proposal = propose(&it, Value::Null).unwrap();
    let text =
        sound::named(&proposal.steps, "bucket-policy").act.call.input["Policy"].as_str().unwrap().to_owned();
    let policy: Value = serde_json::from_str(&text).unwrap();
    let of = |name: &str| Trail {
        id: it.owner.trail(R, name).to_string(),
        s3_bucket_name: BUCKET.into(),
        ..Trail::default()
    };
    assert_eq!(delivery(&policy, &of("redress"), "123456789012"), Delivery::Allowed);
    assert!(matches!(delivery(&policy, &of("other"), "123456789012"), Delivery::Missing(_)));
    assert!(tls_only(&policy));
}

const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/k";

/// Builds an account for a trail `trl` in us-east-1 with a new bucket and a key.
fn with_key() -> Inventory {
    let mut it = account();
    it.trails.read(&Selector::by("region", "us-east-1"), Fact::Known(()));
    let trail = it.owner.trail("us-east-1", "trl").to_string();
    it.trails.items.insert(trail.clone(), Fact::Absent);
    it.buckets.items.insert("logs".to_owned(), Fact::Absent);
    let good = |text: &str| text.to_owned();
    let key = Key {
        arn: KEY.into(),
        key_state: good("Enabled"),
        key_usage: good("ENCRYPT_DECRYPT"),
        key_spec: good("SYMMETRIC_DEFAULT"),
        ..Key::default()
    };
    it.region_mut("us-east-1").keys.put(KEY, key);
    let service = json!({ "Service": "cloudtrail.amazonaws.com" });
    let source = json!({ "aws:SourceArn": trail });
    let policy = json!({ "Statement": [
        { "Effect": "Allow", "Principal": service, "Action": "kms:GenerateDataKey*", "Resource": "*",
          "Condition": { "StringEquals": source, "StringLike": {
            "kms:EncryptionContext:aws:cloudtrail:arn": "arn:aws:cloudtrail:*:123456789012:trail/*" } } },
        { "Effect": "Allow", "Principal": service, "Action": "kms:DescribeKey", "Resource": "*",
          "Condition": { "StringEquals": source } },
    ] });
    it.region_mut("us-east-1").key_policies.put(KEY, KeyPolicy { id: KEY.into(), policy });
    it
}

fn asked_with_key() -> Value {
    json!({ "home_region": "us-east-1", "name": "trl", "bucket": "logs", "key": KEY })
}

#[test]
fn in_us_east_1_no_location_is_given_and_a_key_encrypts_the_logs_and_the_bucket() {
    let proposal = propose(&with_key(), asked_with_key()).unwrap();
    assert_eq!(
        proposal.steps[0].act.call.input,
        json!({ "Bucket": "logs", "ObjectOwnership": "BucketOwnerEnforced" })
    );
    let rule = &sound::named(&proposal.steps, "encrypt-bucket").act.call.input["ServerSideEncryptionConfiguration"]
        ["Rules"][0];
    assert_eq!(
        rule["ApplyServerSideEncryptionByDefault"],
        json!({ "SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY })
    );
    assert_eq!(sound::named(&proposal.steps, "create-trail").act.call.input["KmsKeyId"], KEY);
    let promised = proposal.proof.iter().find(|p| p.check == "trail-raised").unwrap();
    assert_eq!(promised.with["key"], KEY);
    assert!(proposal.guards.iter().any(|g| g.guard == "key"), "{:?}", proposal.guards);
}

#[test]
fn a_key_that_cloudtrail_could_not_use_is_refused_before_the_bucket_is_made() {
    type Row = (fn(&mut Inventory), &'static str);
    let rows: &[Row] = &[
        (
            |it| it.region_mut("us-east-1").keys.get_mut(KEY).unwrap().key_state = "Disabled".into(),
            "Disabled",
        ),
        (
            |it| {
                let policy = it.region_mut("us-east-1").key_policies.get_mut(KEY).unwrap();
                policy.policy["Statement"].as_array_mut().unwrap().pop();
            },
            "kms:DescribeKey",
        ),
        (
            |it| {
                let of_another =
                    json!({ "aws:SourceArn": "arn:aws:cloudtrail:us-east-1:123456789012:trail/x" });
                let policy = it.region_mut("us-east-1").key_policies.get_mut(KEY).unwrap();
                policy.policy["Statement"][0]["Condition"]["StringEquals"] = of_another;
            },
            "kms:GenerateDataKey",
        ),
    ];
    for (change, word) in rows {
        let mut it = with_key();
        change(&mut it);
        let refused = propose(&it, asked_with_key());
        assert!(matches!(&refused, Err(Refusal::Refused(why)) if why.contains(word)), "{word}: {refused:?}");
    }
    let mut unread = with_key();
    unread.region_mut("us-east-1").key_policies.items.insert(KEY.into(), Fact::Unknown("denied".into()));
    assert!(
        matches!(propose(&unread, asked_with_key()), Err(Refusal::Unknown(why)) if why.contains("denied"))
    );
}

#[test]
fn a_key_must_be_in_the_region_of_the_bucket_and_that_of_another_account_is_left_to_cloudtrail() {
    let mut it = with_key();
    let bucket = Bucket {
        id: "logs".into(),
        owned: true,
        region: Fact::Known("eu-west-1".into()),
        tags: Fact::Known([(tag::RUN.to_owned(), "r".to_owned())].into()),
        ..settled()
    };
    it.buckets.put("logs", bucket);
    assert!(
        matches!(propose(&it, asked_with_key()), Err(Refusal::Refused(why)) if why.contains("eu-west-1"))
    );
    let central = "arn:aws:kms:us-east-1:999999999999:key/k";
    let mut it = with_key();
    let key = it.region_mut("us-east-1").keys.get(KEY).known().copied().unwrap().clone();
    it.region_mut("us-east-1").keys.put(central, key);
    let mut with = asked_with_key();
    with["key"] = json!(central);
    let proposal = propose(&it, with).unwrap();
    let note = proposal.guards.iter().find(|g| g.guard == "key").unwrap();
    assert_eq!(note.result, crate::actions::GuardResult::NotChecked);
}

/// Builds a bucket with everything that redress sets.
fn settled() -> Bucket {
    Bucket {
        public_access_blocked: Fact::Known(true),
        versioning: Fact::Known("Enabled".into()),
        encryption: Fact::Known("aws:kms".into()),
        policy: Fact::Absent,
        ..Bucket::default()
    }
}

#[test]
fn the_calls_on_a_bucket_go_to_its_own_region() {
    let mut it = account();
    let bucket = Bucket {
        id: "central".into(),
        owned: true,
        region: Fact::Known("us-east-1".into()),
        tags: Fact::Known(Tags::new()),
        versioning: Fact::Absent,
        ..settled()
    };
    it.buckets.put("central", bucket);
    let proposal = propose(&it, json!({ "bucket": "central", "reuse_bucket": true })).unwrap();
    let regions: Vec<(&str, &str)> =
        proposal.steps.iter().map(|s| (s.name.as_str(), s.act.call.region.as_str())).collect();
    assert_eq!(
        regions,
        [
            ("version-bucket", "us-east-1"),
            ("bucket-policy", "us-east-1"),
            ("create-trail", R),
            ("start-logging", R)
        ]
    );
}

#[test]
fn the_trail_of_the_organization_makes_another_unnecessary_or_the_question_open() {
    let of_all = Trail {
        id: "arn:aws:cloudtrail:eu-west-1:999999999999:trail/of-all".into(),
        is_multi_region: true,
        is_organization: true,
        is_logging: Fact::Known(true),
        all_management_events: Fact::Unknown("TrailNotFoundException".into()),
        ..Trail::default()
    };
    let with = |trail: &Trail| {
        let mut it = account();
        it.trails.put(trail.id.clone(), trail.clone());
        propose(&it, Value::Null)
    };
    assert!(matches!(with(&of_all), Err(Refusal::Nothing(_))));
    let unsure = Trail { is_logging: Fact::Unknown("denied".into()), ..of_all.clone() };
    assert!(matches!(with(&unsure), Err(Refusal::Unknown(_))));
    let stopped = Trail { is_logging: Fact::Known(false), ..of_all.clone() };
    let proposal = with(&stopped).unwrap();
    assert!(proposal.impact.iter().any(|l| l.contains("once it is started")), "{:?}", proposal.impact);
    let known = Trail { all_management_events: Fact::Known(true), ..of_all };
    assert!(matches!(with(&known), Err(Refusal::Nothing(_))));
}

#[test]
fn a_stopped_trail_to_a_bucket_of_another_account_does_not_stand_in_the_way_and_its_copy_is_named() {
    let mut it = account();
    let arn = other_trail(&mut it, false).to_string();
    it.buckets.get_mut("logs").unwrap().owned = false;
    let proposal = propose(&it, Value::Null).unwrap();
    assert!(sound::names(&proposal.steps).contains(&"create-trail"));
    assert!(
        proposal.impact.iter().any(|l| l.contains("billed") && l.contains("once it is started")),
        "{:?}",
        proposal.impact
    );
    it.trails.get_mut(&arn).unwrap().is_logging = Fact::Known(true);
    assert!(matches!(propose(&it, Value::Null), Err(Refusal::Unknown(_))));
}

#[test]
fn a_rollback_deletes_the_empty_bucket_and_an_undo_keeps_it_with_its_logs() {
    let proposal = propose(&account(), Value::Null).unwrap();
    let names = sound::names(&proposal.steps);
    assert_eq!(
        sound::going_back(&proposal.steps, &names[..7], Purpose::Rollback),
        ["DeleteTrail create-trail", "DeleteBucket create-bucket"]
    );
    let undo = sound::going_back(&proposal.steps, &names, Purpose::Undo);
    assert_eq!(undo, ["StopLogging start-logging", "DeleteTrail create-trail"]);
    assert!(sound::undo_keeps(&proposal.steps[0]));
    assert_eq!(
        sound::going_back(&proposal.steps, &names, Purpose::Rollback),
        undo,
        "once it logs the bucket stays"
    );
}

#[test]
fn a_trail_that_can_be_raised_is_raised_instead() {
    for logging in [true, false] {
        let mut it = account();
        let arn = other_trail(&mut it, logging);
        let proposal = propose(&it, Value::Null).unwrap();
        assert!(proposal.steps.is_empty());
        let [prerequisite] = proposal.prerequisites.as_slice() else {
            panic!("{:?}", proposal.prerequisites)
        };
        assert_eq!((prerequisite.action, &prerequisite.resource), ("raise-cloudtrail", &arn));
        let decoded = crate::actions::find("raise-cloudtrail")
            .unwrap()
            .decode(toml::de::Deserializer::parse("").unwrap())
            .unwrap();
        assert_eq!(prerequisite.with, decoded, "the same as a playbook's, so that it is one change");
        assert_eq!(proposal.proof[0].check, "cloudtrail-missing");
    }
}

#[test]
fn of_several_trails_one_that_is_raised_anyway_is_taken() {
    let mut it = account();
    let other = other_trail(&mut it, true);
    let mut fine = it.trails.get(other.as_str()).known().copied().unwrap().clone();
    (fine.id, fine.log_file_validation) = (it.owner.trail(R, "a-fine-one").to_string(), true);
    it.trails.put(fine.id.clone(), fine);
    assert_eq!(propose(&it, Value::Null).unwrap().prerequisites[0].resource, other);
}

#[test]
fn a_trail_that_cannot_be_raised_does_not_stand_in_the_way_and_one_in_doubt_does() {
    let mut it = account();
    other_trail(&mut it, false);
    it.buckets.items.insert("logs".into(), Fact::Absent);
    assert!(propose(&it, Value::Null).unwrap().prerequisites.is_empty());
    it.buckets.items.insert("logs".into(), Fact::Unknown("AccessDenied".into()));
    assert!(matches!(propose(&it, Value::Null), Err(Refusal::Unknown(why)) if why.contains("audit")));
}

#[test]
fn a_bucket_name_of_somebody_else_or_of_the_account_stops_the_change() {
    let mut it = account();
    it.buckets.put(BUCKET, Bucket { id: BUCKET.into(), owned: false, ..Bucket::default() });
    assert!(matches!(propose(&it, Value::Null),
            Err(Refusal::Refused(why)) if why.contains("owned by somebody else")));
    assert!(
        matches!(propose(&it, json!({ "reuse_bucket": true })), Err(Refusal::Refused(_))),
        "no parameter lets logs go to a stranger"
    );
    it.buckets
        .put(BUCKET, Bucket { id: BUCKET.into(), owned: true, tags: Fact::Absent, ..Bucket::default() });
    assert!(matches!(propose(&it, Value::Null), Err(Refusal::Refused(why)) if why.contains("reuse_bucket")));
    it.buckets.items.insert(BUCKET.into(), Fact::Unknown("AccessDenied".into()));
    assert!(matches!(propose(&it, Value::Null), Err(Refusal::Unknown(_))));
}

#[test]
fn a_bucket_that_is_used_again_keeps_its_statements_and_is_never_lowered() {
    let mut it = account();
    let theirs = json!({ "Sid": "OnlyByTls", "Effect": "Allow",
        "Principal": { "AWS": "arn:aws:iam::123456789012:root" }, "Action": "s3:GetObject",
        "Resource": "*" });
    let former = json!({ "Version": "2012-10-17", "Statement": [theirs.clone()] });
    let bucket = Bucket {
        id: BUCKET.into(),
        owned: true,
        region: Fact::Known(R.into()),
        policy: Fact::Known(former.clone()),
        public_access_blocked: Fact::Known(true),
        versioning: Fact::Absent,
        encryption: Fact::Known("aws:kms".into()),
        tags: Fact::Known([(tag::RUN.to_owned(), "r0".to_owned())].into()),
        ..Bucket::default()
    };
    it.buckets.put(BUCKET, bucket);
    let proposal = propose(&it, Value::Null).unwrap();
    sound::steps(&proposal.steps);
    assert_eq!(
        sound::names(&proposal.steps),
        ["version-bucket", "bucket-policy", "create-trail", "start-logging"]
    );
    let step = sound::named(&proposal.steps, "bucket-policy");
    let whole: Value = serde_json::from_str(step.act.call.input["Policy"].as_str().unwrap()).unwrap();
    let sids: Vec<&str> =
        whole["Statement"].as_array().unwrap().iter().map(|s| s["Sid"].as_str().unwrap()).collect();
    assert_eq!(whole["Statement"][0], theirs);
    assert_eq!(sids, ["OnlyByTls", "CloudTrailLooksAtTheAcl", "CloudTrailWrites", "OnlyByTlsredress"]);
    let crate::calls::WayBack::Calls { rollback, .. } = &step.way_back else { panic!("no way back") };
    assert_eq!(rollback[0].call.input["Policy"], former.to_string());
}

#[test]
fn an_account_that_has_a_trail_of_all_regions_or_a_taken_name_gets_none() {
    let mut it = account();
    let arn = other_trail(&mut it, true).to_string();
    it.trails.get_mut(&arn).unwrap().is_multi_region = true;
    assert!(
        propose(&it, Value::Null).unwrap().steps.is_empty(),
        "the same answer as before that trail was raised"
    );
    it.trails.get_mut(&arn).unwrap().all_management_events = Fact::Known(false);
    assert!(matches!(propose(&it, json!({ "name": "audit" })),
            Err(Refusal::Refused(why)) if why.contains("audit")));
    let mut it = account();
    it.trails.read(&Selector::by("region", R), Fact::Unknown("AccessDenied".into()));
    assert!(matches!(propose(&it, Value::Null), Err(Refusal::Unknown(_))));
}

#[test]
fn a_trail_without_management_events_stands_in_nobodys_way() {
    let mut it = account();
    let arn = other_trail(&mut it, true).to_string();
    it.buckets.get_mut("logs").unwrap().owned = false;
    it.trails.get_mut(&arn).unwrap().all_management_events = Fact::Known(false);
    it.trails.get_mut(&arn).unwrap().management_gaps = vec![Trail::NO_MANAGEMENT.to_owned()];
    assert!(propose(&it, Value::Null).is_ok());
}
