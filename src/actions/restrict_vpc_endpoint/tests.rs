//! The policies that are set, and those that are left.

use super::{perimeter::*, *};
use crate::{
    actions::{Action, Options, Proposal, make::sound},
    calls::Purpose,
    checks::policy::{Request, allows},
    inventory::{Caller, Inventory},
    resource::Owner,
};

const R: &str = "us-east-1";
const ID: &str = "vpce-1";
const ACCOUNT: &str = "123456789012";

fn open() -> Value {
    json!({ "Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*" })
}

fn partner() -> Value {
    json!({ "Sid": "Partner", "Effect": "Allow", "Principal": { "AWS": "999988887777" },
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::tiles/*" })
}

fn account(service: &str, policy: &Value, change: impl FnOnce(&mut VpcEndpoint)) -> Inventory {
    let owner = Owner { partition: "aws".into(), account: ACCOUNT.into() };
    let mut it = Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
    let mut endpoint = VpcEndpoint {
        id: ID.into(),
        endpoint_type: if service == "s3" { "Gateway" } else { "Interface" }.into(),
        vpc_id: "vpc-1".into(),
        service_name: format!("com.amazonaws.{R}.{service}"),
        state: "available".into(),
        policy_supported: Fact::Known(true),
        route_table_ids: vec!["rtb-1".into(), "rtb-2".into()],
        ..VpcEndpoint::default()
    };
    endpoint.set_policy(Some(policy.to_string()));
    change(&mut endpoint);
    it.region_mut(R).vpc_endpoints.put(ID, endpoint);
    it.organizations.items.insert(Organization::ID.into(), Fact::Absent);
    it
}

fn propose(it: &Inventory, with: &str) -> Result<Proposal, Refusal> {
    let context = Context { inventory: it, region: R, checks: &[], options: &Options::default() };
    let with = RESTRICT_VPC_ENDPOINT.decode(toml::de::Deserializer::parse(with).unwrap()).unwrap();
    RESTRICT_VPC_ENDPOINT.propose(&context, &it.owner.ec2(R, "vpc-endpoint", ID), &with)
}

/// Returns the policy that is set.
fn set(it: &Inventory, with: &str) -> Value {
    let proposal = propose(it, with).unwrap();
    serde_json::from_str(proposal.steps[0].act.call.input["PolicyDocument"].as_str().unwrap()).unwrap()
}

fn refused(it: &Inventory) -> String {
    match propose(it, "") {
        Err(Refusal::Refused(why)) => why,
        other => panic!("{other:?}"),
    }
}

fn sids(policy: &Value) -> Vec<&str> {
    policy["Statement"].as_array().unwrap().iter().map(|s| s["Sid"].as_str().unwrap_or("")).collect()
}

#[test]
fn the_open_statement_is_replaced_others_stay_and_an_undo_sends_the_former_document() {
    let before = json!({ "Id": "ours", "Version": "2008-10-17", "Statement": [partner(), open()] });
    let it = account("s3", &before, |_| {});
    let proposal = propose(&it, "").unwrap();
    sound::steps(&proposal.steps);
    let new = set(&it, "");
    assert_eq!(sids(&new), ["Partner", "OwnPrincipalsAndResources", "ServicesOfAws", "BucketsOfAws"]);
    assert_eq!((&new["Id"], &new["Version"]), (&before["Id"], &before["Version"]));
    assert_eq!(new["Statement"][0], partner());
    assert_eq!(
        new["Statement"][1],
        json!({ "Sid": "OwnPrincipalsAndResources", "Effect": "Allow", "Principal": "*", "Action": "*",
            "Resource": "*", "Condition": { "StringEquals": { "aws:PrincipalAccount": ACCOUNT,
                "aws:ResourceAccount": ACCOUNT } } })
    );
    assert_eq!(sound::going_back(&proposal.steps, &["set"], Purpose::Undo), ["ModifyVpcEndpoint set"]);
    let back = proposal.steps[0].way_back.acts().next().unwrap();
    assert_eq!(back.call.input, json!({ "VpcEndpointId": ID, "PolicyDocument": before.to_string() }));
    assert_eq!(proposal.before, json!({ "policy": meaning_of(&before) }));
    assert_eq!(proposal.after, json!({ "policy": meaning_of(&new) }));
    assert_eq!(proposal.risk, Risk::Disruptive);
    let impact = proposal.impact.join("\n");
    for part in
        ["outside of account 123456789012", "nobody has signed", "over 2 route tables", "the other statement"]
    {
        assert!(impact.contains(part), "{part}: {impact}");
    }
}

#[test]
fn what_is_read_without_a_signature_has_no_condition_and_reads_objects_only() {
    let new = set(&account("s3", &json!({ "Statement": open() }), |_| {}), "");
    assert_eq!(new["Version"], "2012-10-17");
    let buckets = &new["Statement"][2];
    assert_eq!((&buckets["Action"], buckets.get("Condition")), (&json!("s3:GetObject"), None));
    let arns: Vec<&str> =
        buckets["Resource"].as_array().unwrap().iter().map(|a| a.as_str().unwrap()).collect();
    for arn in [
        "arn:aws:s3:::al2023-repos-us-east-1-de612dc2/*",
        "arn:aws:s3:::prod-us-east-1-starport-layer-bucket/*",
        "arn:aws:s3:::amazoncloudwatch-agent/*",
    ] {
        assert!(arns.contains(&arn), "{arn}");
    }
    assert!(
        arns.iter().all(|arn| arn.ends_with("/*") && arn.matches('*').count() == 1 && !arn.contains('{'))
    );
    assert!(new.to_string().len() < CHARACTERS / 2);
}

#[test]
fn the_perimeter_is_the_organization_where_there_is_one_that_could_be_read() {
    let mut it = account("kms", &json!({ "Statement": [open()] }), |_| {});
    let inside = |policy: &Value| policy["Statement"][0]["Condition"]["StringEquals"].clone();
    let own = json!({ "aws:PrincipalAccount": ACCOUNT, "aws:ResourceAccount": ACCOUNT });
    assert_eq!(inside(&set(&it, "")), own);
    let Err(Refusal::Refused(why)) = propose(&it, "perimeter = 'organization'") else { panic!() };
    assert!(why.contains("in no organization"), "{why}");
    it.organizations.put(Organization::ID, Organization { organization_id: "o-example".into() });
    let all = json!({ "aws:PrincipalOrgID": "o-example", "aws:ResourceOrgID": "o-example" });
    assert_eq!(inside(&set(&it, "")), all);
    assert_eq!(inside(&set(&it, "perimeter = 'organization'")), all);
    assert_eq!(inside(&set(&it, "perimeter = 'account'")), own);
    for silent in [Fact::unknown("AccessDenied"), Fact::NotRead] {
        it.organizations.items.insert(Organization::ID.into(), silent);
        assert!(matches!(propose(&it, ""), Err(Refusal::Unknown(why)) if why.contains("perimeter")));
        assert_eq!(inside(&set(&it, "perimeter = 'account'")), own);
    }
    let empty = Organization { organization_id: String::new() };
    it.organizations.put(Organization::ID, empty);
    assert!(matches!(propose(&it, ""), Err(Refusal::Unknown(_))));
    let bad = RESTRICT_VPC_ENDPOINT.decode(toml::de::Deserializer::parse("perimeter = 'world'").unwrap());
    assert!(bad.is_err());
}

#[test]
fn resources_that_aws_owns_stay_allowed_to_principals_inside() {
    for (service, owned) in [
        ("ssm", "arn:aws:ssm:us-east-1::document/*"),
        ("ec2", "arn:aws:ec2:*::image/*"),
        ("imagebuilder", "arn:aws:imagebuilder:us-east-1:aws:component/*"),
    ] {
        let new = set(&account(service, &json!({ "Statement": [open()] }), |_| {}), "");
        let statement = &new["Statement"][2];
        assert!(statement["Resource"].as_array().unwrap().contains(&json!(owned)), "{statement}");
        assert_eq!(statement["Condition"], json!({ "StringEquals": { "aws:PrincipalAccount": ACCOUNT } }));
    }
    let global =
        account("x", &json!({ "Statement": [open()] }), |it| it.service_name = "com.amazonaws.iam".into());
    assert!(sids(&set(&global, "")).contains(&"OwnPrincipalsResourcesOfAws"));
    let other = account("x", &json!({ "Statement": [open()] }), |it| {
        it.service_name = "com.amazonaws.eu-west-1.ssm".into();
        it.service_region = Some("eu-west-1".into());
    });
    assert!(set(&other, "").to_string().contains("arn:aws:ssm:eu-west-1::document/*"));
}

#[test]
fn whatever_policy_is_set_is_bounded_and_has_the_meaning_that_is_expected() {
    for service in [
        "s3",
        "dynamodb",
        "ec2",
        "ssm",
        "imagebuilder",
        "kms",
        "logs",
        "monitoring",
        "sqs",
        "sns",
        "secretsmanager",
    ] {
        let it = account(service, &json!({ "Statement": [open(), open()] }), |_| {});
        let new = set(&it, "");
        assert_eq!(
            width(&new, service_of(it.regions[R].vpc_endpoints.get(ID).known().unwrap())),
            Width::Bounded
        );
        let sids = sids(&new);
        let distinct: std::collections::BTreeSet<&&str> = sids.iter().collect();
        assert_eq!(distinct.len(), sids.len());
        assert!(sids.iter().all(|sid| sid.bytes().all(|b| b.is_ascii_alphanumeric())));
    }
}

#[test]
fn an_id_that_somebody_has_used_is_not_used_twice() {
    let mut taken = partner();
    taken["Sid"] = json!("ServicesOfAws");
    let new = set(&account("s3", &json!({ "Statement": [taken, open()] }), |_| {}), "");
    assert_eq!(sids(&new), ["ServicesOfAws", "OwnPrincipalsAndResources", "ServicesOfAws2", "BucketsOfAws"]);
}

#[test]
fn what_cannot_be_restricted_is_refused_with_the_reason() {
    let policy = json!({ "Statement": [open()] });
    for (service, part) in [("sts", "nobody signs"), ("ecr.api", "no policy for that service")] {
        let why = refused(&account(service, &policy, |_| {}));
        assert!(why.contains(part) && why.starts_with("VPC endpoint vpce-1: "), "{why}");
    }
    let marked = |it: &mut VpcEndpoint| {
        it.tags.insert("aws:cloudformation:stack-id".into(), "arn:aws:cloudformation:x".into());
    };
    type Change = (fn(&mut VpcEndpoint), &'static str);
    let changes: [Change; 5] = [
        (|it| it.requester_managed = true, "a service of AWS manages it"),
        (|it| it.owner_id = "999988887777".into(), "only its owner"),
        (|it| it.state = "pending".into(), "\"pending\""),
        (|it| it.service_name = "aws.sagemaker.us-east-1.notebook".into(), "no service for which"),
        (marked, "CloudFormation"),
    ];
    for (change, part) in changes {
        let why = refused(&account("s3", &policy, change));
        assert!(why.contains(part), "{why}");
    }
    let odd = json!({ "Effect": "Allow", "Principal": "*", "NotAction": "s3:x", "Resource": "*" });
    let why = refused(&account("s3", &json!({ "Statement": [open(), odd] }), |_| {}));
    assert!(why.contains("statement 1") && why.contains("could not be proved"), "{why}");
    let mut long = partner();
    long["Resource"] = json!("x".repeat(18_000));
    let why = refused(&account("s3", &json!({ "Statement": [open(), long] }), |_| {}));
    assert!(why.contains("AWS allows 20480"), "{why}");
    let mut china = account("s3", &policy, |_| {});
    china.owner.partition = "aws-cn".into();
    assert!(refused(&china).contains("partition aws-cn"));
}

#[test]
fn what_is_not_open_needs_nothing_and_what_is_not_known_is_never_set() {
    let policy = json!({ "Statement": [open()] });
    let of = |change: fn(&mut VpcEndpoint)| propose(&account("s3", &policy, change), "");
    for change in [
        (|it| it.endpoint_type = "GatewayLoadBalancer".into()) as fn(&mut VpcEndpoint),
        |it| it.policy_supported = Fact::Known(false),
        |it| it.set_policy(Some(json!({ "Statement": [partner()] }).to_string())),
        |it| it.service_name = "com.amazonaws.vpce.us-east-1.vpce-svc-1".into(),
    ] {
        assert!(matches!(of(change), Err(Refusal::Nothing(_))), "{:?}", of(change));
    }
    for change in [
        (|it| it.endpoint_type = "Bridge".into()) as fn(&mut VpcEndpoint),
        |it| it.policy_supported = Fact::unknown("AccessDenied"),
        |it| it.policy_supported = Fact::NotRead,
        |it| it.set_policy(Some("{".into())),
        |it| it.policy = Fact::NotRead,
        |it| {
            let bound = json!({ "StringEquals": { "aws:SourceVpc": "vpc-1" } });
            let mut statement = open();
            statement["Condition"] = bound;
            it.set_policy(Some(json!({ "Statement": [statement] }).to_string()));
        },
    ] {
        assert!(matches!(of(change), Err(Refusal::Unknown(_))), "{:?}", of(change));
    }
    assert!(matches!(of(|it| it.set_policy(None)), Err(Refusal::Refused(_))), "there is none");
}

#[test]
fn every_service_has_statements_in_every_partition_or_a_reason() {
    let inside = Inside::Account(ACCOUNT.into());
    for (word, partition, has) in [
        ("kms", "aws-cn", true),
        ("s3", "aws-us-gov", false),
        ("ssm", "aws-cn", false),
        ("lambda", "aws", false),
    ] {
        let own = Own { inside: &inside, partition, region: "r" };
        assert_eq!(own_statements(word, &own).is_ok(), has, "{word} in {partition}");
    }
}

// A request that nobody has signed has no keys of a principal.
#[test]
fn the_new_policy_lets_in_whom_it_should_and_nobody_else() {
    const OTHER: &str = "999988887777";
    let open = json!({ "Statement": [open()] });
    let asked = |policy: &Value, action: &str, resource: &str, by: Option<&str>, of: &str, service: bool| {
        let by = by.into_iter().map(|by| ("aws:PrincipalAccount", by));
        let service = ("aws:PrincipalIsAWSService", if service { "true" } else { "false" });
        let context: Vec<(&str, &str)> = by.chain([("aws:ResourceAccount", of), service]).collect();
        let request =
            Request { principal: Some("somebody"), action, resource: Some(resource), context: &context };
        allows(policy, &request).is_ok()
    };
    let policy = set(&account("s3", &open, |_| {}), "");
    let (put, get) = ("s3:PutObject", "s3:GetObject");
    let (bucket, repository) = ("arn:aws:s3:::b/x", "arn:aws:s3:::al2023-repos-us-east-1-de612dc2/x");
    for (action, resource, by, of, service, may) in [
        (put, bucket, Some(ACCOUNT), ACCOUNT, false, true),
        (put, bucket, Some(ACCOUNT), OTHER, false, false),
        (put, bucket, Some(OTHER), ACCOUNT, false, false),
        (get, bucket, Some(OTHER), OTHER, false, false),
        (get, bucket, None, ACCOUNT, false, false),
        (put, bucket, None, OTHER, true, true),
        (get, repository, None, OTHER, false, true),
        (get, repository, Some(OTHER), OTHER, false, true),
        (put, repository, None, OTHER, false, false),
        (put, repository, Some(ACCOUNT), OTHER, false, false),
    ] {
        assert_eq!(asked(&policy, action, resource, by, of, service), may, "{action} {resource} {by:?} {of}");
    }
    let policy = set(&account("ssm", &open, |_| {}), "");
    let document = "arn:aws:ssm:us-east-1::document/AWS-RunShellScript";
    for (action, by, may) in [
        ("ssm:SendCommand", Some(ACCOUNT), true),
        ("ssm:SendCommand", Some(OTHER), false),
        ("ssm:SendCommand", None, false),
        ("ssm:DeleteDocument", Some(ACCOUNT), false),
    ] {
        assert_eq!(asked(&policy, action, document, by, "aws", false), may, "{action} {by:?}");
    }
    let policy = set(&account("ec2", &open, |_| {}), "");
    for (action, by, may) in [
        ("ec2:CreateVolume", Some(ACCOUNT), true),
        ("ec2:CreateVolume", Some(OTHER), false),
        ("ec2:ModifyVolume", Some(ACCOUNT), false),
    ] {
        let volume = "arn:aws:ec2:us-east-1:999988887777:volume/vol-1";
        assert_eq!(asked(&policy, action, volume, by, OTHER, false), may, "{action} {by:?}");
    }
}
