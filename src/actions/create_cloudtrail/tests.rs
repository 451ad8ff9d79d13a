//! Tests of `create_cloudtrail`: required and forbidden behaviour, on small hand-made inventories.

//! Creating a trail, and the refusals.

use super::*;
use crate::{
    actions::{Options, make::sound},
    calls::Purpose,
    inventory::{Bucket, Caller, Selector, tag},
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

#[test]
fn in_us_east_1_no_location_is_given_and_a_key_encrypts_the_bucket() {
    let mut it = account();
    it.trails.read(&Selector::by("region", "us-east-1"), Fact::Known(()));
    let (trail, bucket) = (it.owner.trail("us-east-1", "t").to_string(), "b".to_owned());
    it.trails.items.insert(trail, Fact::Absent);
    it.buckets.items.insert(bucket, Fact::Absent);
    let proposal =
        propose(&it, json!({ "home_region": "us-east-1", "name": "t", "bucket": "b", "key": "arn:k" }))
            .unwrap();
    assert_eq!(
        proposal.steps[0].act.call.input,
        json!({ "Bucket": "b", "ObjectOwnership": "BucketOwnerEnforced" })
    );
    let rule = &sound::named(&proposal.steps, "encrypt-bucket").act.call.input["ServerSideEncryptionConfiguration"]
        ["Rules"][0];
    assert_eq!(
        rule["ApplyServerSideEncryptionByDefault"],
        json!({ "SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "arn:k" })
    );
    assert!(proposal.impact.iter().any(|l| l.contains("not checked")));
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
