//! Actors followed through events that are written by hand.

use serde_json::{Value, json};

use super::{Investigation, Period, Target, Trace};
use crate::intake::{self, Report};

const KEY: &str = "AKIAEXAMPLEEXAMPLE01";
const SESSION: &str = "ASIAEXAMPLEEXAMPLE02";

/// Builds an event of the user bob with his key.
fn event(minute: u32, source: &str, name: &str, over: Value) -> Value {
    let mut event = json!({
        "eventVersion": "1.11", "eventTime": format!("2026-11-22T06:{minute:02}:00Z"),
        "eventSource": format!("{source}.amazonaws.com"), "eventName": name, "awsRegion": "us-east-1",
        "sourceIPAddress": "198.51.100.7", "userAgent": "aws-cli/2.15", "readOnly": false,
        "requestParameters": null, "responseElements": null, "eventID": format!("{minute}"),
        "eventType": "AwsApiCall", "recipientAccountId": "123456789012",
        "userIdentity": {"type": "IAMUser", "userName": "bob", "accountId": "123456789012",
            "arn": "arn:aws:iam::123456789012:user/bob", "accessKeyId": KEY}
    });
    let all = event.as_object_mut().expect("an object");
    all.extend(over.as_object().expect("an object").clone());
    event
}

fn by_session(name: &str) -> Value {
    json!({"type": "AssumedRole", "principalId": format!("AROAEXAMPLE:{name}"), "accountId": "123456789012",
        "arn": format!("arn:aws:sts::123456789012:assumed-role/deploy/{name}"), "accessKeyId": SESSION,
        "sessionContext": {"sessionIssuer": {"type": "Role", "userName": "deploy",
            "arn": "arn:aws:iam::123456789012:role/ci/deploy", "accountId": "123456789012"}}})
}

fn read(target: Target, period: Period, text: &str) -> (Investigation, Vec<Report>) {
    let mut trace = Trace::new(target, period);
    let report = intake::events("log", Box::new(text.as_bytes()), &mut trace);
    let done = trace.done(vec![report]);
    let counts = done.counts;
    assert_eq!(
        counts.read,
        counts.matched + counts.others + counts.outside + counts.unreadable,
        "{counts:?}"
    );
    assert_eq!(counts.matched, counts.reads + counts.changes + counts.failed, "{counts:?}");
    let inputs = done.inputs.clone();
    (done, inputs)
}

fn log(events: &[Value]) -> String {
    json!({ "Records": events }).to_string()
}

fn key() -> Target {
    Target::access_key(KEY).expect("a key")
}

fn effects(done: &Investigation) -> Vec<String> {
    let all = done.effects.entries.iter();
    all.map(|e| format!("{} {} {}", e.name.kind.word(), e.name.what, e.name.resource)).collect()
}

fn story() -> Vec<Value> {
    let denied = json!({"errorCode": "AccessDenied", "readOnly": true});
    vec![
        event(
            0,
            "iam",
            "CreateAccessKey",
            json!({
            "userIdentity": {"type": "IAMUser", "userName": "alice", "accessKeyId": "AKIAOTHERKEY00000000",
                "arn": "arn:aws:iam::123456789012:user/alice"},
            "requestParameters": {"userName": "bob"},
            "responseElements": {"accessKey": {"accessKeyId": KEY, "userName": "bob"}}}),
        ),
        event(1, "sts", "GetCallerIdentity", json!({"readOnly": true})),
        event(2, "iam", "ListUsers", denied.clone()),
        event(3, "iam", "ListRoles", denied),
        event(
            4,
            "iam",
            "CreateUser",
            json!({"requestParameters": {"userName": "backup"},
            "responseElements": {"user": {"arn": "arn:aws:iam::123456789012:user/backup"}}}),
        ),
        event(
            5,
            "iam",
            "AttachUserPolicy",
            json!({"sourceIPAddress": "203.0.113.9",
            "requestParameters": {"userName": "backup", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}}),
        ),
        event(
            6,
            "ec2",
            "AuthorizeSecurityGroupIngress",
            json!({"requestParameters": {
            "groupId": "sg-0aaaaaaaaaaaaaaa1", "ipPermissions": {"items": [{"ipProtocol": "tcp", "fromPort": 22,
            "toPort": 22, "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}}]}},
            "responseElements": {"_return": true}}),
        ),
        event(7, "cloudtrail", "StopLogging", json!({"requestParameters": {"name": "audit"}})),
        event(
            8,
            "sts",
            "AssumeRole",
            json!({"readOnly": true,
            "requestParameters": {"roleArn": "arn:aws:iam::123456789012:role/ci/deploy", "roleSessionName": "x"},
            "responseElements": {"credentials": {"accessKeyId": SESSION}}}),
        ),
        event(
            9,
            "ec2",
            "RunInstances",
            json!({"userIdentity": by_session("x"), "responseElements": {
            "instancesSet": {"items": [{"instanceId": "i-0aaaaaaaaaaaaaaa1", "networkInterfaceSet": {"items": [
            {"networkInterfaceId": "eni-0aaaaaaaaaaaaaaa1"}]}}]}}}),
        ),
        event(10, "ec2", "CreateKeyPair", json!({"errorCode": "Client.DryRunOperation"})),
    ]
}

#[test]
fn a_key_is_followed_from_its_making_to_the_session_that_it_opened() {
    let (done, _) = read(key(), Period::default(), &log(&story()));
    assert_eq!((done.counts.read, done.counts.matched, done.counts.others), (11, 9, 2));
    let counts = done.counts;
    assert_eq!((counts.reads, counts.changes, counts.failed, counts.denied), (2, 4, 3, 2));
    assert_eq!(
        effects(&done),
        [
            "made user arn:aws:iam::123456789012:user/backup",
            "loosened policy on user backup",
            "loosened inbound rules of security group sg-0aaaaaaaaaaaaaaa1",
            "loosened logging of trail audit",
        ]
    );
    let addresses: Vec<(&str, u64)> =
        done.addresses.entries.iter().map(|a| (a.name.as_str(), a.figures.events)).collect();
    assert_eq!(addresses, [("198.51.100.7", 8), ("203.0.113.9", 1)]);
    let failed: Vec<&str> = done.failures.entries.iter().map(|f| f.code.as_str()).collect();
    assert_eq!(failed, ["Client.DryRunOperation", "AccessDenied", "AccessDenied"]);
    let [session] = &done.sessions.entries[..] else { panic!("{:?}", done.sessions) };
    assert_eq!((session.name.key.as_str(), session.name.session.as_str()), (SESSION, "x"));
    let [origin] = &done.origins.entries[..] else { panic!("{:?}", done.origins) };
    assert!(origin.name.by.ends_with("user/alice") && origin.name.call == "iam:CreateAccessKey");
    let entries: Vec<&str> = done.timeline.entries.iter().map(|e| e.call.as_str()).collect();
    assert_eq!(entries.len(), 6, "reads that failed are counted, and no entries: {entries:?}");
    assert_eq!(done.timeline.entries[4].resources, ["session of arn:aws:iam::123456789012:role/ci/deploy"]);
    assert_eq!((done.timeline.hours.len(), done.timeline.hours[0].changes), (1, 4));
}

#[test]
fn each_kind_of_actor_is_known_by_its_own_marks() {
    let text = log(&story());
    let matched = |target: Result<Target, String>| {
        let (done, _) = read(target.expect("a target"), Period::default(), &text);
        (done.counts.matched, done.origins.entries.len())
    };
    assert_eq!(matched(Target::user("bob")), (9, 1));
    assert_eq!(matched(Target::user("arn:aws:iam::123456789012:user/bob")), (9, 1));
    assert_eq!(matched(Target::user("arn:aws:iam::210987654321:user/bob")), (0, 0));
    assert_eq!(matched(Target::user("arn:aws:iam::123456789012:root")), (0, 0));
    assert_eq!(matched(Target::role("deploy")), (1, 1));
    assert_eq!(matched(Target::role("arn:aws:iam::123456789012:role/ci/deploy")), (1, 1));
    assert_eq!(matched(Target::role("arn:aws:iam::123456789012:role/deploy")), (0, 0));
    assert_eq!(matched(Target::access_key(SESSION)), (1, 1));
    assert_eq!(matched(Target::address("198.51.100.7")), (10, 0));
    assert_eq!(matched(Target::address("::ffff:203.0.113.9")), (1, 0));
    assert_eq!(matched(Target::instance("i-0aaaaaaaaaaaaaaa1")), (0, 1));
}

#[test]
fn an_instance_is_the_session_of_its_name_and_what_anybody_may_choose_is_said() {
    let id = "i-0aaaaaaaaaaaaaaa1";
    let mut delivered = by_session(id);
    delivered["sessionContext"]["ec2RoleDelivery"] = "2.0".into();
    let mut issued = by_session("other");
    issued["inScopeOf"] = json!({"issuerType": "AWS::EC2::Instance",
        "credentialsIssuedTo": format!("arn:aws:ec2:us-east-1:123456789012:instance/{id}")});
    let events = [delivered, issued, by_session(id), by_session("i-0bbbbbbbbbbbbbbb2")]
        .map(|who| event(1, "s3", "ListBuckets", json!({"userIdentity": who, "readOnly": true})));
    let (done, _) = read(Target::instance(id).expect("an id"), Period::default(), &log(&events));
    assert_eq!(done.counts.matched, 3);
    assert!(done.notes[0].starts_with("1 events are of sessions that bear the name"), "{:?}", done.notes);
    let delivered =
        "used by i-0aaaaaaaaaaaaaaa1 from 198.51.100.7 (1), other from 198.51.100.7 (1): an address";
    assert!(done.notes[1].contains(delivered), "{:?}", done.notes);
    let mut trace = Trace::new(Target::instance(id).expect("an id"), Period::default());
    intake::events("log", Box::new(log(&story()).as_bytes()), &mut trace);
    assert_eq!(trace.interfaces(), ["eni-0aaaaaaaaaaaaaaa1"]);
}

#[test]
fn every_envelope_gives_the_same() {
    let story = story();
    let looked_up: Vec<Value> =
        story.iter().map(|e| json!({"EventId": "1", "CloudTrailEvent": e.to_string()})).collect();
    let lines: Vec<String> = story.iter().map(Value::to_string).collect();
    let bus: Vec<String> = story
        .iter()
        .map(|e| {
            json!({"detail-type": "AWS API Call via CloudTrail", "source": "x", "detail": e}).to_string()
        })
        .collect();
    let logs: Vec<Value> = story.iter().map(|e| json!({"timestamp": 1, "message": e.to_string()})).collect();
    let (wanted, _) = read(key(), Period::default(), &log(&story));
    for text in [
        json!({ "Events": looked_up }).to_string(),
        json!(story).to_string(),
        lines.join("\n"),
        bus.join("\n"),
        json!({ "logEvents": logs }).to_string(),
    ] {
        let (done, _) = read(key(), Period::default(), &text);
        assert_eq!(
            Investigation { inputs: Vec::new(), ..done },
            Investigation { inputs: Vec::new(), ..wanted.clone() }
        );
    }
}

#[test]
fn a_period_leaves_out_what_is_outside_and_never_what_has_no_time() {
    let mut events = story();
    events.push(event(20, "ec2", "CreateVpc", json!({"eventTime": null})));
    events.push(event(20, "ec2", "CreateVpc", json!({"eventTime": "yesterday"})));
    let at = |text: &str| Some(text.parse().expect("a time"));
    let period = Period { since: at("2026-11-22T06:05:00Z"), until: at("2026-11-22T06:08:00Z") };
    let (done, _) = read(key(), period, &log(&events));
    assert_eq!((done.counts.matched, done.counts.outside, done.counts.untimed), (5, 6, 2));
    assert_eq!(done.first, at("2026-11-22T06:05:00Z"));
    assert!(done.notes.iter().any(|note| note.starts_with("2 events of the actor have no time")));
}

#[test]
fn what_cannot_be_read_is_counted_and_the_rest_is_not_lost() {
    let good = event(1, "ec2", "CreateVpc", json!({})).to_string();
    let twice = good.replacen("\"eventVersion\"", "\"userIdentity\":{},\"eventVersion\"", 1);
    let other_kind = good.replacen("\"us-east-1\"", "7", 1);
    let text = format!("{{\"Records\":[{good},{twice},{other_kind},{{\"a\":nope}},{good}");
    let (done, inputs) = read(key(), Period::default(), &text);
    assert_eq!((done.counts.read, done.counts.matched, done.counts.unreadable), (5, 2, 3));
    assert!(inputs[0].incomplete.is_some(), "{inputs:?}");
}

#[test]
fn findings_of_others_are_no_events() {
    let (done, inputs) = read(key(), Period::default(), "{\"Findings\": []}");
    assert_eq!((done.counts.read, inputs[0].format.as_str()), (0, "nothing"));
    let s3 = json!({"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": {}}]});
    let (done, inputs) = read(key(), Period::default(), &s3.to_string());
    assert_eq!((done.counts.read, inputs[0].format.as_str()), (0, "notification of a file"));
}

#[test]
fn lists_are_bounded_and_what_is_beyond_is_counted() {
    let many: Vec<Value> = (0..6_100)
        .map(|n| {
            event(
                n % 60,
                "ec2",
                "CreateVpc",
                json!({"userAgent": format!("agent {n}\u{1b}[2J"),
                "responseElements": {"vpc": {"vpcId": format!("vpc-{n:017x}")}}}),
            )
        })
        .collect();
    let (done, _) = read(key(), Period::default(), &log(&many));
    assert_eq!((done.agents.entries.len(), done.agents.beyond), (1_000, 5_100));
    assert!(done.agents.entries.iter().all(|agent| !agent.name.contains('\u{1b}')));
    assert_eq!((done.effects.entries.len(), done.effects.beyond), (5_000, 1_100));
    assert_eq!((done.timeline.entries.len(), done.timeline.left_out), (1_000, 5_100));
    assert_eq!(done.counts.changes, 6_100);
}

#[test]
fn what_is_kept_for_a_plan_is_what_checks_answer_and_succeeded() {
    let mut trace = Trace::new(key(), Period::default());
    let mut story = story();
    story.push(event(11, "cloudtrail", "DeleteTrail", json!({"errorCode": "AccessDenied"})));
    intake::events("log", Box::new(log(&story).as_bytes()), &mut trace);
    let kept = trace.kept.document();
    let names: Vec<&str> =
        kept["Records"].as_array().expect("a list").iter().filter_map(|e| e["eventName"].as_str()).collect();
    for name in ["AuthorizeSecurityGroupIngress", "StopLogging"] {
        assert!(names.contains(&name), "{names:?}");
    }
    assert!(!names.contains(&"DeleteTrail") && !names.contains(&"RunInstances"), "{names:?}");
}

#[test]
fn a_target_that_is_none_is_refused_with_the_reason() {
    for bad in ["", "AKIA", "akiaexampleexample01", "AKIAEXAMPLE EXAMPLE0", "AROAEXAMPLEEXAMPLE01"] {
        assert!(Target::access_key(bad).is_err(), "{bad}");
    }
    assert!(Target::access_key("AIDAEXAMPLEEXAMPLE01").is_err_and(|why| why.contains("--user")));
    for bad in ["", "a b", "arn:aws:iam::123456789012:role/x", "arn:aws:iam::1:user/x", "a/b", "ä"] {
        assert!(Target::user(bad).is_err(), "{bad}");
    }
    let session = "arn:aws:sts::123456789012:assumed-role/deploy/x";
    assert!(Target::role(session).is_err_and(|why| why.contains("session")));
    for bad in ["i-", "i-xyz", "vpc-0aaaaaaaaaaaaaaa1", "i-0AAAAAAAAAAAAAAA1"] {
        assert!(Target::instance(bad).is_err(), "{bad}");
    }
    for bad in ["", "198.51.100.0/24", "198.51.100", "host.example", "198.051.100.7"] {
        assert!(Target::address(bad).is_err(), "{bad}");
    }
    assert_eq!(Target::address("2001:DB8:0::7").map(|a| a.words()), Ok("address 2001:db8::7".to_owned()));
}

#[test]
fn a_failed_sign_in_is_a_failure_although_it_has_no_error_code() {
    let failed = event(1, "signin", "ConsoleLogin", json!({"responseElements": {"ConsoleLogin": "Failure"}}));
    let (done, _) = read(Target::user("bob").expect("a name"), Period::default(), &log(&[failed]));
    assert_eq!((done.counts.failed, done.counts.changes), (1, 0));
}
