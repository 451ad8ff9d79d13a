//! The action on small accounts: the changes that it makes, and everything that it must refuse.

use super::*;
use crate::{
    actions::Options,
    inventory::{Bucket, Caller, Fact, Inventory, RetentionPolicy, Role, Selector},
    resource::Owner,
};

const REGION: &str = "us-east-1";

fn account(logs: Vec<FlowLog>) -> Inventory {
    let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
    let mut inventory = Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
    let region = inventory.region_mut(REGION);
    region.vpcs.put("vpc-1", Vpc { id: "vpc-1".into(), owner_id: "123456789012".into(), ..Vpc::default() });
    region.flow_logs.read(&Selector::by("resource-id", "vpc-1"), Fact::Known(()));
    for log in logs {
        region.flow_logs.put(log.id.clone(), log);
    }
    inventory
}

fn log(traffic: &str, to: &str, status: Option<&str>) -> FlowLog {
    FlowLog {
        id: "fl-1".into(),
        resource_id: "vpc-1".into(),
        flow_log_status: "ACTIVE".into(),
        traffic_type: traffic.into(),
        deliver_logs_status: status.map(Into::into),
        log_group_name: Some(to.into()),
        ..FlowLog::default()
    }
}

fn decode(with: &str) -> Result<Value, String> {
    EnableFlowLogs.decode(toml::de::Deserializer::parse(with).unwrap()).map_err(|e| e.to_string())
}

fn propose(inventory: &Inventory, with: &str) -> Result<Proposal, Refusal> {
    let context = Context {
        inventory,
        region: REGION,
        checks: &[WITHOUT_FLOW_LOGS.to_owned()],
        options: &Options::default(),
    };
    EnableFlowLogs.propose(&context, &inventory.owner.vpc(REGION, "vpc-1"), &decode(with).unwrap())
}

fn refused(inventory: &Inventory, with: &str) -> String {
    match propose(inventory, with) {
        Err(Refusal::Refused(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_vpc_gets_a_flow_log_after_its_log_group_and_its_role() {
    let proposal = propose(&account(vec![]), "").unwrap();
    let input = &proposal.steps[0].act.call.input;
    assert_eq!(input["LogGroupName"], "/redress/vpc-flow-logs");
    assert_eq!(
        input["DeliverLogsPermissionArn"],
        "arn:aws:iam::123456789012:role/redress-vpc-flow-logs-us-east-1"
    );
    assert_eq!((&input["TrafficType"], &input["MaxAggregationInterval"]), (&json!("ALL"), &json!(600)));
    assert_eq!(input["ClientToken"], reference::token());
    assert_eq!(input["TagSpecifications"][0]["ResourceType"], "vpc-flow-log");
    let needed: Vec<_> =
        proposal.prerequisites.iter().map(|p| (p.action, p.resource.id().to_owned())).collect();
    assert_eq!(
        needed,
        [
            ("ensure-log-group", "/redress/vpc-flow-logs".to_owned()),
            ("ensure-delivery-role", "redress-vpc-flow-logs-us-east-1".to_owned())
        ]
    );
    let WayBack::Calls { rollback, undo: Undo::Same, .. } = &proposal.steps[0].way_back else {
        panic!("no way back")
    };
    assert_eq!(rollback[0].call.input, json!({ "FlowLogIds": reference::output(STEP, IDS) }));
}

#[test]
fn a_policy_of_the_account_decides_how_long_a_new_log_group_keeps_its_records() {
    let mut inventory = account(vec![]);
    let kept = |inventory: &Inventory| {
        let lines = propose(inventory, "").unwrap().impact;
        lines.into_iter().find(|line| line.contains("log group that is new")).unwrap()
    };
    assert!(kept(&inventory).ends_with("keeps them 90 days"));
    let policies = &mut inventory.region_mut(REGION).retention_policies;
    policies.read(&Selector::All, Fact::Known(()));
    let policy = RetentionPolicy { id: "org".into(), days: Fact::Known(365), ..RetentionPolicy::default() };
    policies.put("org", policy);
    assert!(kept(&inventory).contains("365 days, as the account's retention policy org decides"));
}

#[test]
fn prerequisites_take_the_parameters_that_they_are_given() {
    let proposal =
        propose(&account(vec![]), "retention_days = 30\nlog_group = '/own'\nrole_name = 'own'").unwrap();
    for needed in &proposal.prerequisites {
        let action = crate::actions::find(needed.action).unwrap();
        let text = toml::to_string(&toml::Value::try_from(&needed.with).unwrap()).unwrap();
        assert_eq!(
            action.decode(toml::de::Deserializer::parse(&text).unwrap()).unwrap(),
            needed.with,
            "{}",
            needed.action
        );
    }
}

#[test]
fn a_role_that_is_there_is_named_with_its_path() {
    let mut inventory = account(vec![]);
    let arn = "arn:aws:iam::123456789012:role/logs/own";
    inventory.roles.put("own", Role { id: "own".into(), arn: arn.into(), ..Role::default() });
    assert_eq!(
        propose(&inventory, "role_name = 'own'").unwrap().steps[0].act.call.input["DeliverLogsPermissionArn"],
        arn
    );
}

#[test]
fn logs_that_do_not_count_stay_and_are_named() {
    let proposal =
        propose(&account(vec![log("ACCEPT", "/redress/vpc-flow-logs", Some("SUCCESS"))]), "").unwrap();
    assert!(
        proposal.impact.iter().any(|line| line.starts_with("fl-1 stays as it is")),
        "{:?}",
        proposal.impact
    );
    assert_eq!(proposal.steps.len(), 1);
    assert_eq!(
        proposal.after,
        json!(["ACCEPT traffic to /redress/vpc-flow-logs", "ALL traffic to /redress/vpc-flow-logs"])
    );
}

#[test]
fn a_vpc_with_a_log_that_counts_needs_nothing() {
    for status in [Some("SUCCESS"), None] {
        assert!(matches!(propose(&account(vec![log("REJECT", "/x", status)]), ""), Err(Refusal::Nothing(_))));
    }
}

#[test]
fn a_failing_log_to_the_same_destination_is_refused_and_one_elsewhere_is_left() {
    let failing = |to: &str| account(vec![log("ALL", to, Some("FAILED"))]);
    assert!(
        refused(&failing("/redress/vpc-flow-logs"), "")
            .contains("fl-1 already goes to /redress/vpc-flow-logs")
    );
    assert!(propose(&failing("/other"), "").is_ok());
    assert!(propose(&failing("/redress/vpc-flow-logs"), "traffic_type = 'REJECT'").is_ok());
}

#[test]
fn a_shared_vpc_and_what_is_not_known_is_not_touched() {
    let mut inventory = account(vec![]);
    inventory.region_mut(REGION).vpcs.get_mut("vpc-1").unwrap().owner_id = "999999999999".into();
    assert!(refused(&inventory, "").contains("999999999999"));
    let mut inventory = account(vec![]);
    inventory
        .region_mut(REGION)
        .flow_logs
        .read(&Selector::by("resource-id", "vpc-1"), Fact::Unknown("denied".into()));
    assert!(matches!(propose(&inventory, ""), Err(Refusal::Unknown(why)) if why.contains("denied")));
}

const S3: &str = "destination = 's3'\nbucket = 'logs/vpc'";

fn with_bucket(policy: Fact<Value>) -> Inventory {
    let mut inventory = account(vec![]);
    let bucket = Bucket {
        id: "logs".into(),
        owned: true,
        policy,
        encryption: Fact::Known("AES256".into()),
        region: Fact::Known("eu-west-1".into()),
        ..Bucket::default()
    };
    inventory.buckets.put("logs", bucket);
    inventory
}

fn good() -> Value {
    let bucket = params::Bucket { name: "logs".into(), prefix: "vpc".into() };
    json!({ "Version": "2012-10-17", "Statement": bucket::statements(&account(vec![]), REGION, &bucket) })
}

/// Returns the policy for one prefix alone.
fn narrow(prefix: &str) -> Value {
    let mut policy = good();
    policy["Statement"][0]["Resource"] = json!(format!("arn:aws:s3:::logs/{prefix}/AWSLogs/123456789012/*"));
    policy
}

#[test]
fn a_bucket_whose_policy_is_proved_takes_the_logs_and_must_keep_its_policy() {
    assert_eq!(
        good()["Statement"][0]["Resource"],
        "arn:aws:s3:::logs/*",
        "AWS adds nothing to such a policy"
    );
    let proposal = propose(&with_bucket(Fact::Known(good())), S3).unwrap();
    let input = &proposal.steps[0].act.call.input;
    assert_eq!(
        (&input["LogDestinationType"], &input["LogDestination"]),
        (&json!("s3"), &json!("arn:aws:s3:::logs/vpc/"))
    );
    assert!(input.get("DeliverLogsPermissionArn").is_none() && proposal.prerequisites.is_empty());
    assert_eq!(
        (proposal.proof[1].check.as_str(), &proposal.proof[1].with["policy"]),
        (BUCKET_POLICY, &good())
    );
}

#[test]
fn a_policy_that_aws_has_changed_is_set_back_in_the_region_of_the_bucket_and_left_alone_otherwise() {
    let proposal = propose(&with_bucket(Fact::Known(narrow("vpc"))), S3).unwrap();
    make::sound::steps(&proposal.steps);
    let back = &proposal.steps[1].act;
    assert_eq!((back.call.name().as_str(), back.call.region.as_str()), ("s3:PutBucketPolicy", "eu-west-1"));
    let policy: Value = serde_json::from_str(back.call.input["Policy"].as_str().unwrap()).unwrap();
    assert_eq!(policy, narrow("vpc"));
    assert_eq!(back.call.input["ConfirmRemoveSelfBucketAccess"], json!(false));
    assert!(back.corrects());
    let WayBack::Calls { rollback, undo: Undo::Same, .. } = &proposal.steps[0].way_back else {
        panic!("no way back")
    };
    let undone: Vec<&str> = rollback.iter().map(|act| act.call.operation.as_str()).collect();
    assert_eq!(undone, ["DeleteFlowLogs", "PutBucketPolicy"]);
}

#[test]
fn a_data_perimeter_that_excepts_the_services_of_aws_lets_flow_logs_in() {
    let mut policy = good();
    let deny = json!({ "Sid": "Perimeter", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
        "Resource": ["arn:aws:s3:::logs", "arn:aws:s3:::logs/*"], "Condition": {
        "StringNotEqualsIfExists": { "aws:PrincipalOrgID": "o-1" },
        "BoolIfExists": { "aws:PrincipalIsAWSService": "false" } } });
    policy["Statement"].as_array_mut().unwrap().push(deny);
    assert!(propose(&with_bucket(Fact::Known(policy.clone())), S3).is_ok());
    policy["Statement"][2]["Condition"].as_object_mut().unwrap().remove("BoolIfExists");
    assert!(refused(&with_bucket(Fact::Known(policy)), S3).contains("Perimeter"));
}

#[test]
fn whatever_manages_the_vpc_or_the_bucket_is_named_and_holds_nothing_back() {
    let managed: Tags = [("aws:cloudformation:stack-name".to_owned(), "logs".to_owned())].into();
    let mut inventory = with_bucket(Fact::Known(good()));
    let unread = propose(&inventory, S3).unwrap().guards;
    assert_eq!(unread[1].result, crate::actions::GuardResult::NotChecked, "the bucket's tags were not read");
    inventory.buckets.get_mut("logs").unwrap().tags = Fact::Absent;
    assert_eq!(propose(&inventory, S3).unwrap().guards.len(), 1);
    inventory.region_mut(REGION).vpcs.get_mut("vpc-1").unwrap().tags = managed.clone();
    inventory.buckets.get_mut("logs").unwrap().tags = Fact::Known(managed);
    let guards = propose(&inventory, S3).unwrap().guards;
    for what in ["vpc-1 is managed by", "bucket logs is managed by"] {
        assert!(guards.iter().any(|guard| guard.note.starts_with(what)), "{what}: {guards:?}");
    }
}

#[test]
fn a_bucket_that_is_not_proved_is_refused_with_the_statements_to_add() {
    for policy in [Fact::Absent, Fact::Known(narrow("other")), Fact::Known(json!({ "Statement": [] }))] {
        let why = refused(&with_bucket(policy), S3);
        assert!(why.contains("AWSLogDeliveryWrite") && why.contains("arn:aws:s3:::logs/*"), "{why}");
    }
    let mut one_sided = narrow("vpc");
    one_sided["Statement"].as_array_mut().unwrap().pop();
    assert!(refused(&with_bucket(Fact::Known(one_sided)), S3).contains("GetBucketAcl"));
    let mut denied = good();
    let deny = json!({ "Sid": "Vault", "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::logs/*" });
    denied["Statement"].as_array_mut().unwrap().push(deny);
    assert!(refused(&with_bucket(Fact::Known(denied)), S3).contains("Vault"));
}

#[test]
fn a_bucket_that_is_not_known_or_not_ours_or_under_a_key_is_not_used() {
    assert!(matches!(
        propose(&with_bucket(Fact::Unknown("AccessDenied".into())), S3),
        Err(Refusal::Unknown(_))
    ));
    assert!(matches!(propose(&account(vec![]), S3), Err(Refusal::Unknown(_))));
    let change = |change: fn(&mut Bucket)| {
        let mut inventory = with_bucket(Fact::Known(good()));
        change(inventory.buckets.get_mut("logs").unwrap());
        inventory
    };
    assert!(refused(&change(|b| b.owned = false), S3).contains("another account"));
    assert!(refused(&change(|b| b.encryption = Fact::Known("aws:kms".into())), S3).contains("KMS"));
    assert!(matches!(propose(&change(|b| b.encryption = Fact::NotRead), S3), Err(Refusal::Unknown(_))));
    assert!(matches!(propose(&change(|b| b.region = Fact::NotRead), S3), Err(Refusal::Unknown(_))));
    assert!(refused(&account(vec![]), "destination = 's3'").contains("needs the parameter bucket"));
}

#[test]
fn parameters_are_read_with_care_and_come_back_as_they_went() {
    let bad = [
        ("traffic_type = 'ACCEPT'", "ALL"),
        ("max_aggregation_interval = 300", "60 or 600"),
        ("retention_days = 42", "take 60"),
        ("log_group = 'a b'", "log group"),
        ("log_group = 'aws/flow'", "begins with aws/"),
        ("role_name = 'a/b'", "role"),
        ("bucket = 'B'", "bucket"),
        ("bucket = 'logs/AWSLogs/x'", "AWSLogs"),
        ("bucket = 'arn:aws:sqs:::x'", "ARN"),
        ("destnation = 's3'", "destination"),
    ];
    for (text, hint) in bad {
        let error = decode(text).unwrap_err();
        assert!(error.contains(hint), "{text}: {error}");
    }
    let whole = params::Bucket { name: "logs".into(), prefix: String::new() };
    assert_eq!(whole.arn(&account(vec![]).owner), "arn:aws:s3:::logs");
    for text in ["", S3, "bucket = 'arn:aws:s3:::logs/vpc/'", "role_name = 'r'\nlog_format = '${version}'"] {
        let once = decode(text).unwrap();
        let again: Params = serde_json::from_value(once.clone()).unwrap();
        assert_eq!(serde_json::to_value(again).unwrap(), once, "{text}");
    }
}
