//! `redress events` through the built program, against an emulated account whose event history a server of
//! the tests' own gives: what is asked of it and how fast, what comes of it, and that our own calls are known
//! by the name they carry.

pub mod history;

use std::{
    collections::BTreeSet,
    fs,
    process::{Command, Stdio},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use redress::{
    intake::{Intake, Reason, collect, mapping},
    resource::Owner,
};
use serde_json::{Value, json};

use self::history::History;
use crate::{
    clinic_desk::Desk,
    findings::{CHECK, adds_up, opened, planned},
    support::moto,
};

/// A desk with an account that nobody else has, behind a history of its own.
fn desk() -> (Desk, History) {
    let mut desk = Desk::with(moto(), moto().account());
    let history = History::before(&desk.endpoint);
    desk.endpoint.clone_from(&history.url);
    (desk, history)
}

fn ago(minutes: i64) -> String {
    format!("{:.0}", Timestamp::now().checked_sub(SignedDuration::from_mins(minutes)).unwrap())
}

/// An event that nothing answers, one of so many.
fn noise(name: &str, read_only: bool, n: i64) -> Value {
    json!({"eventVersion": "1.11", "eventTime": ago(10 + n % 600), "eventSource": "logs.amazonaws.com",
        "eventName": name, "awsRegion": "us-east-1",
        "eventID": format!("{name}-{n}"), "eventType": "AwsApiCall", "readOnly": read_only,
        "userIdentity": {"type": "Root"}, "requestParameters": null})
}

/// The opening of a group, so long ago.
fn opening(arn: &str, minutes: i64) -> Value {
    let mut event = opened(arn);
    event["eventTime"] = ago(minutes).into();
    event["readOnly"] = false.into();
    event
}

#[test]
fn what_somebody_opened_is_found_planned_and_closed() {
    let (mut desk, _) = Desk::seeded(include_str!("../clinic_seed.py"));
    let history = History::before(&desk.endpoint);
    desk.endpoint.clone_from(&history.url);
    let common = "--region us-east-1 --allow-cidr 203.0.113.0/24";
    let wanted = planned(&desk.ends(0, &format!("scan {common} --format json")).json(), CHECK);
    assert!(!wanted.is_empty());
    let mut failed = opening(
        &format!("arn:aws:ec2:us-east-1:{}:security-group/sg-0aaaaaaaaaaaaaaa1", desk.keys.account),
        90,
    );
    failed["errorCode"] = "Client.UnauthorizedOperation".into();
    let changes = wanted
        .iter()
        .map(|arn| opening(arn, 120))
        .chain([failed])
        .chain((0..60).map(|n| noise("CreateLogStream", false, n)));
    history.happened("us-east-1", changes);
    history.happened("us-east-1", (0..300).map(|n| noise("DescribeLogStreams", true, n)));
    history.happened(
        "us-east-1",
        [opening("arn:aws:ec2:us-east-1:1:security-group/sg-0ccccccccccccccc1", 60 * 30)],
    );
    let served = wanted.len() as u64 + 61;

    let said = desk.ends(0, &format!("events --since 24h {common} --format json"));
    let found = said.json();
    assert_eq!(planned(&found, CHECK), wanted);
    let intake = &found["intake"];
    adds_up(intake);
    assert_eq!(intake["counts"]["read"], served);
    assert_eq!(intake["reports"][0]["formats"], json!({"CloudTrail LookupEvents": served}));
    assert_eq!(
        intake["counts"]["decisions"],
        json!({"actionable": wanted.len(), "failed_call": 1, "unmapped_control": 60})
    );
    assert_eq!(intake["outcomes"], json!({"confirmed": wanted.len()}));
    let finding = found["findings"].as_array().unwrap().iter().find(|f| f["check"] == CHECK).unwrap();
    let who = "CloudTrail: AuthorizeSecurityGroupIngress by role deploy, session ci-118, from 198.51.100.7, ";
    assert!(finding["sources"].to_string().contains(who), "{finding}");
    // Only what is not read-only was asked for, and one page after the other.
    let asked = history.asked();
    assert_eq!(asked.len() as u64, served.div_ceil(50));
    assert!(
        asked.iter().all(|a| a.input["LookupAttributes"]
            == json!([{"AttributeKey": "ReadOnly", "AttributeValue": "false"}])),
        "{asked:?}"
    );

    let direct = desk.run(&format!("plan --events-since 24h {common} --format json")).json();
    let piped = piped(
        &desk,
        &format!("events --since 24h {common} -o -"),
        &format!("plan --findings - {common} --format json -o plan.json"),
    );
    let steps = |plan: &Value| {
        plan["changes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| (c["resource"].clone(), c["steps"].clone()))
            .collect::<Vec<_>>()
    };
    assert!(!steps(&piped).is_empty());
    assert_eq!(steps(&direct), steps(&piped));
    assert!(piped["changes"].to_string().contains(who), "{}", piped["changes"]);

    desk.run("apply plan.json --allow-cidr 203.0.113.0/24 --auto-approve --max-risk disruptive");
    let after = desk.ends(0, &format!("events --since 24h {common} --format json")).json();
    assert_eq!(after["intake"]["outcomes"], json!({"not_confirmed": wanted.len()}));
}

/// Two programs with a pipe between them; what the second says as JSON.
fn piped(desk: &Desk, first: &str, second: &str) -> Value {
    let mut events = desk.command(first).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut plan: Command = desk.command(second);
    let output = plan.stdin(events.stdout.take().unwrap()).output().unwrap();
    assert_eq!(events.wait().unwrap().code(), Some(0));
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn no_more_is_asked_than_the_share_of_what_is_documented_even_after_throttling() {
    let (desk, history) = desk();
    history.happened("us-east-1", (0..210).map(|n| noise("CreateLogStream", false, n)));
    history.happened("eu-west-1", (0..90).map(|n| noise("CreateLogStream", false, n)));
    history.throttle(1);
    let said =
        desk.ends(0, "events --since 24h --region us-east-1 --region eu-west-1 --pace 50 -o kept.json");
    assert!(
        said.err.contains("one call a second in each region, which is 50 % of what AWS grants"),
        "{}",
        said.err
    );
    assert!(said.err.contains("300 events looked up in 7 calls"), "{}", said.err);
    let asked = history.asked();
    assert_eq!(asked.len(), 8, "seven pages, and one of them asked for twice");
    for region in ["us-east-1", "eu-west-1"] {
        let times: Vec<_> = asked.iter().filter(|a| a.region == region).map(|a| a.at).collect();
        for three in times.windows(3) {
            assert!(
                three[2] - three[0] > Duration::from_secs(1),
                "more than two a second in {region}: {times:?}"
            );
        }
        // The share is one a second; the server sees each call a little later than it was let go.
        let least = Duration::from_secs(times.len() as u64 - 1) - Duration::from_millis(500);
        assert!(*times.last().unwrap() - times[0] >= least, "{region}: {times:?}");
    }
    let kept: Value = serde_json::from_str(&fs::read_to_string(desk.path("kept.json")).unwrap()).unwrap();
    let ids: BTreeSet<&str> =
        kept["Events"].as_array().unwrap().iter().map(|e| e["EventId"].as_str().unwrap()).collect();
    assert_eq!(
        (kept["Events"].as_array().unwrap().len(), ids.len()),
        (300, 210),
        "every event of both regions, once"
    );
    assert_eq!(kept.get("Incomplete"), None);
}

#[test]
fn a_region_that_may_not_be_looked_into_is_said_and_leaves_the_rest_and_the_exit_code_tells() {
    let (desk, history) = desk();
    history.happened("us-east-1", (0..3).map(|n| noise("CreateLogStream", false, n)));
    history.deny("eu-west-1");
    history.deny("eu-west-2");
    let regions = "--region eu-west-1 --region us-east-1 --region eu-west-2";
    let said = desk.ends(4, &format!("events --since 24h {regions} --format json"));
    assert!(
        said.err.contains("eu-west-1, eu-west-2: AccessDeniedException")
            && said.err.contains("cloudtrail:LookupEvents"),
        "{}",
        said.err
    );
    let intake = &said.json()["intake"];
    assert_eq!(intake["counts"]["read"], 3);
    assert!(
        intake["reports"][0]["incomplete"]
            .as_str()
            .unwrap()
            .starts_with("eu-west-1, eu-west-2: AccessDeniedException"),
        "{intake}"
    );
    let text = desk.ends(4, &format!("events --since 24h {regions}")).out;
    assert!(text.contains("No finding, but not everything is known"), "{text}");
    assert_eq!(
        desk.ends(4, &format!("plan --events-since 24h {regions} --format json")).json()["changes"],
        json!([])
    );
    // The file knows what it lacks, so that whoever takes it later knows too.
    desk.ends(4, &format!("events --since 24h {regions} -o kept.json"));
    let kept: Value = serde_json::from_str(&fs::read_to_string(desk.path("kept.json")).unwrap()).unwrap();
    assert_eq!(kept["Events"].as_array().unwrap().len(), 3);
    let later = desk.ends(4, "scan --region us-east-1 --findings kept.json");
    assert!(
        later.err.contains("kept.json: incomplete: eu-west-1, eu-west-2: AccessDeniedException"),
        "{}",
        later.err
    );
    // A file that was broken off has no end, and that is seen.
    let text = fs::read_to_string(desk.path("kept.json")).unwrap();
    fs::write(desk.path("cut.json"), text.split_once("\n],").unwrap().0).unwrap();
    let cut = desk.ends(4, "scan --region us-east-1 --findings cut.json");
    assert!(cut.err.contains("cut.json: incomplete"), "{}", cut.err);
}

#[test]
fn the_region_of_global_services_is_looked_into_too_and_that_is_said() {
    let (desk, history) = desk();
    let mut key = noise("CreateGroup", false, 1);
    key["eventSource"] = "iam.amazonaws.com".into();
    history.happened("us-east-1", [key]);
    let said = desk.ends(0, "events --since 30m --region eu-west-1 --format json");
    assert!(said.err.contains("us-east-1 was not asked for") && said.err.contains("IAM"), "{}", said.err);
    assert!(said.err.contains("may take 15"), "{}", said.err);
    assert_eq!(said.json()["intake"]["counts"]["read"], 1);
    assert_eq!(said.json()["regions"], json!(["eu-west-1"]));
    let regions: BTreeSet<String> = history.asked().into_iter().map(|a| a.region).collect();
    assert_eq!(regions, BTreeSet::from(["eu-west-1".to_owned(), "us-east-1".to_owned()]));
}

#[test]
fn no_event_that_checks_answer_is_left_out_with_those_that_only_read() {
    let framework = mapping::frameworks().iter().find(|f| f.id == "cloudtrail").unwrap();
    let reads = ["Describe", "Get", "List", "Head", "Lookup", "Search", "BatchGet", "AssumeRole"];
    let left_out: Vec<&&str> = framework
        .checks
        .keys()
        .filter(|call| reads.iter().any(|verb| call.split(':').nth(1).unwrap().starts_with(verb)))
        .collect();
    assert!(!framework.checks.is_empty() && left_out.is_empty(), "{left_out:?}");
}

fn decided(event: &Value) -> Intake {
    let owner = Owner {
        partition: "aws".to_owned(),
        account: event["recipientAccountId"].as_str().unwrap().to_owned(),
    };
    collect(
        vec![(
            "events".to_owned(),
            Box::new(std::io::Cursor::new(json!({ "Records": [event] }).to_string())),
        )],
        &owner,
        &[],
    )
}

#[test]
fn every_request_of_the_program_carries_the_name_by_which_its_events_are_known() {
    let (desk, history) = desk();
    let seed = "
import boto3, json
ec2 = boto3.client('ec2')
group = ec2.create_security_group(GroupName='g', Description='d')['GroupId']
ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[{'IpProtocol': 'tcp', 'FromPort': 22, 'ToPort': 22, 'IpRanges': [{'CidrIp': '0.0.0.0/0'}]}])
print(json.dumps(group))
";
    moto().python(&desk.keys, seed);
    desk.ends(
        0,
        "apply --region us-east-1 --check security-group-open-admin-port --allow-cidr 203.0.113.0/24 \
         --auto-approve --max-risk disruptive",
    );
    desk.ends(0, "events --since 1h --region us-east-1");
    let agents = history.agents();
    assert!(agents.len() > 10, "{agents:?}");
    let own = format!("lib/redress/{}", env!("CARGO_PKG_VERSION"));
    assert!(agents.iter().all(|agent| agent.split(' ').any(|word| word == own)), "{agents:?}");
    let services: BTreeSet<&str> =
        agents.iter().filter_map(|a| a.split_once(" api/")?.1.split(['/', '#', ' ']).next()).collect();
    assert!(services.is_superset(&BTreeSet::from(["ec2", "sts", "cloudtrail"])), "{services:?}");

    let mut event = opened("arn:aws:ec2:us-east-1:123456789012:security-group/sg-0aaaaaaaaaaaaaaa1");
    assert_eq!(decided(&event).suspicions[0].decision.reason(), None);
    for agent in agents.iter().take(20).cloned().chain([format!("[{own}]")]) {
        event["userAgent"] = agent.into();
        assert_eq!(
            decided(&event).suspicions[0].decision.reason(),
            Some(Reason::OwnChange),
            "{}",
            event["userAgent"]
        );
    }
    for other in ["aws-cli/2", "notredress/1", "lib/redressed/1", "https://example.org/redress/x"] {
        event["userAgent"] = other.into();
        assert_eq!(decided(&event).suspicions[0].decision.reason(), None, "{other}");
    }
}

#[test]
fn what_cannot_be_looked_up_is_refused_before_anything_is_asked() {
    let (desk, history) = desk();
    let far = desk.ends(2, "events --since 91d --region us-east-1");
    assert!(far.err.contains("90 days") && far.err.contains("--findings"), "{}", far.err);
    let twin = desk.ends(2, "events --since 24h --account twin:demo");
    assert!(
        twin.err.contains("a twin has no CloudTrail events") && twin.err.contains("hint:"),
        "{}",
        twin.err
    );
    assert!(
        desk.ends(2, "plan --events-since 24h --account twin:demo")
            .err
            .contains("a twin has no CloudTrail events")
    );
    assert!(desk.ends(2, "events --region us-east-1").err.contains("--since"));
    assert_eq!(history.asked().len(), 0);
}
