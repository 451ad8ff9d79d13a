//! `redress investigate` through the built program: a story of an attack that is written by hand, followed
//! through files and through the event history, judged on the demo account, and taken to a plan.

use std::{fs, io::Write as _, path::Path};

use flate2::{Compression, write::GzEncoder};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use redress::{
    intake,
    investigate::{Period, Target, Trace},
};
use serde_json::{Value, json};

use crate::{
    ci::Bench,
    clinic_desk::Desk,
    events::history::History,
    findings::{CHECK, planned},
    support::moto,
};

pub const KEY: &str = "AKIAEXAMPLEEXAMPLE01";
const SESSION: &str = "ASIAEXAMPLEEXAMPLE02";
const OTHER: &str = "AKIAEXAMPLEEXAMPLE03";

/// So many minutes before now, as CloudTrail writes it.
fn ago(minutes: i64) -> String {
    format!("{:.0}", Timestamp::now().checked_sub(SignedDuration::from_mins(minutes)).unwrap())
}

/// An event of bob with his key, so many minutes ago.
pub fn event(minutes: i64, service: &str, name: &str, over: Value) -> Value {
    let mut event = json!({
        "eventVersion": "1.11", "eventTime": ago(minutes), "eventSource": format!("{service}.amazonaws.com"),
        "eventName": name, "awsRegion": "us-east-1", "sourceIPAddress": "198.51.100.7",
        "userAgent": "aws-cli/2.15", "readOnly": false, "requestParameters": null, "responseElements": null,
        "eventID": format!("{name}-{minutes}"), "eventType": "AwsApiCall", "recipientAccountId": "123456789012",
        "userIdentity": {"type": "IAMUser", "userName": "bob", "accountId": "123456789012",
            "arn": "arn:aws:iam::123456789012:user/bob", "accessKeyId": KEY}
    });
    event.as_object_mut().unwrap().extend(over.as_object().unwrap().clone());
    event
}

/// The story: a key is made, used from two addresses, denied, and used to make a user, attach a policy, open this
/// group, stop a trail and assume a role, whose session runs an instance.
fn story(group: &str) -> Vec<Value> {
    let parts: Vec<&str> = group.split(':').collect();
    let (region, account) = (parts[3], parts[4]);
    let id = group.rsplit('/').next().unwrap();
    let alice = json!({"type": "IAMUser", "userName": "alice", "accessKeyId": OTHER, "accountId": account,
        "arn": format!("arn:aws:iam::{account}:user/alice")});
    let session = json!({"type": "AssumedRole", "accessKeyId": SESSION, "accountId": account,
        "arn": format!("arn:aws:sts::{account}:assumed-role/deploy/i-0bbbbbbbbbbbbbbb2"),
        "sessionContext": {"sessionIssuer": {"type": "Role", "userName": "deploy", "accountId": account,
            "arn": format!("arn:aws:iam::{account}:role/deploy")}}});
    let denied = || json!({"errorCode": "AccessDenied", "readOnly": true});
    let mut events = vec![
        event(
            90,
            "iam",
            "CreateAccessKey",
            json!({"userIdentity": alice,
            "requestParameters": {"userName": "bob"},
            "responseElements": {"accessKey": {"accessKeyId": KEY, "userName": "bob"}}}),
        ),
        event(80, "sts", "GetCallerIdentity", json!({"readOnly": true})),
        event(79, "iam", "ListUsers", denied()),
        event(78, "iam", "ListRoles", denied()),
        event(
            70,
            "iam",
            "CreateUser",
            json!({"sourceIPAddress": "203.0.113.9",
            "requestParameters": {"userName": "backup"},
            "responseElements": {"user": {"arn": format!("arn:aws:iam::{account}:user/backup")}}}),
        ),
        event(
            69,
            "iam",
            "CreateLoginProfile",
            json!({
            "requestParameters": {"userName": "backup", "password": "HIDDEN_DUE_TO_SECURITY_REASONS"}}),
        ),
        event(
            68,
            "iam",
            "AttachUserPolicy",
            json!({"requestParameters": {"userName": "backup",
            "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}}),
        ),
        event(
            60,
            "ec2",
            "AuthorizeSecurityGroupIngress",
            json!({"requestParameters": {"groupId": id,
            "ipPermissions": {"items": [{"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "groups": {},
            "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}, "ipv6Ranges": {}, "prefixListIds": {}}]}},
            "responseElements": {"_return": true}}),
        ),
        event(50, "cloudtrail", "StopLogging", json!({"requestParameters": {"name": "no-such-trail"}})),
        event(
            40,
            "sts",
            "AssumeRole",
            json!({"readOnly": true,
            "requestParameters": {"roleArn": format!("arn:aws:iam::{account}:role/deploy"),
                "roleSessionName": "i-0bbbbbbbbbbbbbbb2"},
            "responseElements": {"credentials": {"accessKeyId": SESSION, "sessionToken": "SECRETTOKEN"}}}),
        ),
        event(
            30,
            "ec2",
            "RunInstances",
            json!({"userIdentity": session,
            "requestParameters": {"userData": "SECRETDATA"}, "responseElements": {"instancesSet": {"items": [
            {"instanceId": "i-0ccccccccccccccc3"}]}}}),
        ),
    ];
    for event in &mut events {
        event["awsRegion"] = region.into();
        event["recipientAccountId"] = account.into();
        event["userIdentity"]["accountId"] = account.into();
    }
    events
}

fn write(bench: &Bench, name: &str, events: &[Value]) {
    fs::write(bench.path(name), json!({ "Records": events }).to_string()).unwrap();
}

/// The groups of the demo account that are open, and so planned to be closed.
fn open_groups(bench: &Bench) -> Vec<String> {
    let scan = bench.ends(
        0,
        &format!(
            "scan --account twin:demo --check {CHECK} --allow-cidr 203.0.113.0/24 \
                                       --format json"
        ),
    );
    planned(&serde_json::from_str(&scan).unwrap(), CHECK).into_iter().collect()
}

fn of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn effects(document: &Value) -> Vec<String> {
    let all = document["effects"]["entries"].as_array().unwrap().iter();
    all.map(|e| format!("{} {}", e["kind"].as_str().unwrap(), e["what"].as_str().unwrap())).collect()
}

#[test]
fn a_story_is_told_judged_and_taken_to_a_plan() {
    let bench = Bench::new();
    let group = open_groups(&bench).remove(0);
    write(&bench, "log.json", &story(&group));
    let line = format!(
        "investigate --access-key {KEY} --cloudtrail log.json --account twin:demo --allow-cidr 203.0.113.0/24"
    );
    // The trail that was stopped does not exist, and so is not confirmed.
    let document = of(&bench.ends(0, &format!("{line} --format json -o found.json")));
    assert_eq!(document["format"], "redress.investigation/1");
    let counts = &document["counts"];
    assert_eq!(
        [&counts["read"], &counts["matched"], &counts["others"], &counts["unreadable"], &counts["denied"]],
        [11, 9, 2, 0, 2]
    );
    assert_eq!(
        effects(&document),
        [
            "made user",
            "made console password of user",
            "loosened policy on user",
            "loosened inbound rules of security group",
            "loosened logging of trail"
        ]
    );
    let from: Vec<&Value> =
        document["addresses"]["entries"].as_array().unwrap().iter().map(|a| &a["name"]).collect();
    assert_eq!(from, ["198.51.100.7", "203.0.113.9"]);
    assert_eq!(document["sessions"]["entries"][0]["key"], SESSION);
    assert!(document["origins"]["entries"][0]["by"].as_str().unwrap().ends_with("user/alice"));
    let now = document["now"]["findings"].as_array().unwrap();
    assert!(now.iter().any(|f| f["check"] == CHECK && f["resource"]["arn"] == group.as_str()), "{now:?}");
    assert!(now.iter().all(|f| f["resource"]["arn"] == group.as_str()), "only what the key touched: {now:?}");
    assert!(!document["playbooks"][CHECK].as_array().unwrap().is_empty());

    // What is written for a plan leads to the change, and the change names who did it.
    let plan = of(&bench
        .ends(0, "plan --account twin:demo --findings found.json --allow-cidr 203.0.113.0/24 --format json"));
    let [change] = &plan["changes"].as_array().unwrap()[..] else { panic!("{plan}") };
    assert_eq!(change["resource"], group.as_str());
    let told = change.to_string();
    assert!(told.contains("AuthorizeSecurityGroupIngress by user bob, from 198.51.100.7"), "{told}");

    let text = bench.ends(0, &format!("{line} -o found.json"));
    for part in [
        "What access key AKIAEXAMPLEEXAMPLE01 did",
        "iam:CreateAccessKey by arn:aws:iam::",
        "(arn:aws:iam::aws:policy/AdministratorAccess)",
        "tcp 22 with 0.0.0.0/0",
        "answered by",
        "Next, to plan what answers it:\n  redress plan --account twin:demo --findings found.json",
        "Next, to follow a session:\n  redress investigate --account twin:demo --access-key ASIAEXAMPLEEXAMPLE02 \
         --cloudtrail log.json",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    // Nothing that is a secret, or may be one, leaves the events.
    let page = bench.ends(0, &format!("{line} --format html"));
    let kept = fs::read_to_string(bench.path("found.json")).unwrap();
    for (form, said) in [("text", &text), ("page", &page), ("findings", &kept)] {
        for secret in ["SECRETTOKEN", "SECRETDATA", "HIDDEN_DUE"] {
            assert!(!said.contains(secret), "{secret} is in the {form}");
        }
    }
}

#[test]
fn the_text_keeps_to_its_width_and_the_session_is_followed_by_the_command_that_is_shown() {
    let bench = Bench::new();
    write(
        &bench,
        "log.json",
        &story("arn:aws:ec2:us-east-1:123456789012:security-group/sg-0aaaaaaaaaaaaaaa1"),
    );
    let line = format!("investigate --access-key {KEY} --cloudtrail log.json --offline");
    let text = bench.ends(0, &line);
    assert!(text.contains("not judged") && text.contains("--offline"), "{text}");
    let shown = text.split("redress investigate").nth(1).unwrap().lines().next().unwrap();
    let session = bench.ends(0, &format!("investigate{shown} --format json"));
    assert_eq!(of(&session)["counts"]["matched"], 1);
    assert_eq!(effects(&of(&session)), ["made instance"]);
    assert_eq!(of(&session)["not_judged"], "--offline: no account was opened");
    // The session has the name of an instance, which anybody may choose.
    let instance =
        bench.ends(0, "investigate --instance i-0bbbbbbbbbbbbbbb2 --cloudtrail log.json --offline");
    assert!(instance.contains("whoever assumes a role chooses that name"), "{instance}");
    let narrow = bench.path("narrow.sh");
    fs::write(&narrow, "").unwrap();
    let wide = text.lines().filter(|l| !l.starts_with("  redress") && l.chars().count() > 100);
    assert_eq!(wide.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn what_cannot_be_followed_or_read_ends_before_anything_is_done() {
    let bench = Bench::new();
    write(&bench, "log.json", &[event(1, "ec2", "CreateVpc", json!({}))]);
    fs::write(bench.path("other.json"), r#"{"Findings": [{"SchemaVersion": "2018-10-08", "Id": "x",
        "ProductArn": "arn:aws:securityhub:us-east-1::product/aws/securityhub", "AwsAccountId": "123456789012",
        "GeneratorId": "security-control/EC2.13", "Region": "us-east-1", "Title": "t", "RecordState": "ACTIVE",
        "Resources": [{"Type": "Other", "Id": "x"}], "Compliance": {"Status": "FAILED"}}]}"#)
    .unwrap();
    fs::write(bench.path("text.json"), "no events at all").unwrap();
    let offline = "--cloudtrail log.json --offline";
    for (line, part) in [
        (format!("investigate {offline}"), "--access-key"),
        (format!("investigate --user a --role b {offline}"), "cannot be used with"),
        (format!("investigate --access-key AKIA {offline}"), "begins with AKIA or ASIA"),
        (format!("investigate --access-key AROAEXAMPLEEXAMPLE01 {offline}"), "--role NAME"),
        (format!("investigate --address 300.1.1.1 {offline}"), "give one address"),
        (format!("investigate --address 10.0.0.0/8 {offline}"), "a network is not one address"),
        (format!("investigate --instance x {offline}"), "i-0123456789abcdef0"),
        (format!("investigate --user a/b {offline}"), "give the name of a user"),
        (format!("investigate --user a --since yesterday {offline}"), "--since"),
        (format!("investigate --user a --since 1h --until 2h {offline}"), "there is no time between"),
        (format!("investigate --user a {offline} --format sarif"), "--format text, json or html"),
        (format!("investigate --user a {offline} --flow-logs log.json"), "--instance or an --address"),
        (
            "investigate --user a --cloudtrail other.json --offline".to_owned(),
            "it holds no CloudTrail events",
        ),
        ("investigate --user a --cloudtrail text.json --offline".to_owned(), "not in a format that is known"),
        ("investigate --user a --cloudtrail none.json --offline".to_owned(), "cannot read CloudTrail events"),
        ("investigate --user a --offline".to_owned(), "--cloudtrail"),
        ("investigate --user a --account twin:demo".to_owned(), "--cloudtrail FILE"),
    ] {
        let (code, out, err) = bench.run(&line);
        assert_eq!((code, out.as_str()), (2, ""), "redress {line}\n{err}");
        let flat = err.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(part), "{part} is not in what `{line}` ends with:\n{err}");
    }
    // Nobody in the log is no error.
    let nobody = bench.ends(0, &format!("investigate --user nobody {offline}"));
    assert!(nobody.contains("None of the events"), "{nobody}");
}

#[test]
fn broken_files_beside_whole_ones_are_said_and_nothing_is_dropped_silently() {
    let bench = Bench::new();
    fs::create_dir(bench.path("logs")).unwrap();
    let events: Vec<Value> =
        (0..200).map(|n| event(n, "ec2", "DescribeVpcs", json!({"readOnly": true}))).collect();
    write(&bench, "logs/whole.json", &events);
    let text = json!({ "Records": events }).to_string();
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    fs::write(bench.path("logs/cut.json.gz"), &packed[..packed.len() / 2]).unwrap();
    fs::write(
        bench.path("logs/digest.json"),
        r#"{"awsAccountId": "1", "digestStartTime": "x", "logFiles": []}"#,
    )
    .unwrap();
    let (code, out, err) = bench.run("investigate --user bob --cloudtrail logs --offline --format json");
    assert_eq!(code, 4, "{err}");
    assert!(err.contains("cut.json.gz: incomplete") && err.contains("digest"), "{err}");
    let document = of(&out);
    let counts = &document["counts"];
    let n = |name: &str| counts[name].as_u64().unwrap();
    assert!(n("read") > 200 && n("matched") < 400, "{counts}");
    assert_eq!(n("read"), n("matched") + n("others") + n("outside") + n("unreadable"));
    assert!(document["inputs"].to_string().contains("ends early"), "{}", document["inputs"]);
    // The digest alone is no gap.
    fs::remove_file(bench.path("logs/cut.json.gz")).unwrap();
    bench.ends(0, "investigate --user bob --cloudtrail logs --offline");
}

#[test]
fn an_account_that_cannot_be_opened_leaves_the_story_and_says_that_it_is_not_judged() {
    let bench = Bench::new();
    write(
        &bench,
        "log.json",
        &story("arn:aws:ec2:us-east-1:123456789012:security-group/sg-0aaaaaaaaaaaaaaa1"),
    );
    let line = "investigate --user bob --cloudtrail log.json --region us-east-1 --format json";
    let (code, out, err) = bench.run(line);
    assert_eq!(code, 4, "{err}");
    assert!(err.contains("not judged"), "{err}");
    let document = of(&out);
    assert_eq!(document["now"], Value::Null);
    assert!(document["not_judged"].as_str().unwrap().contains("could not be opened"));
    assert_eq!(effects(&document).len(), 5);
    // Where nothing is to be judged, nothing is opened.
    let reads = [event(1, "ec2", "DescribeVpcs", json!({"readOnly": true}))];
    write(&bench, "reads.json", &reads);
    bench.ends(0, "investigate --user bob --cloudtrail reads.json --region us-east-1");
}

/// Words that command a terminal, a CI runner, a page or a shell.
const HOSTILE: &str = "x\u{1b}[2J\u{202e}<script>alert(1)</script>\"'`$(id)\n::error::##[x]";

#[test]
fn hostile_words_of_events_command_nothing() {
    let bench = Bench::new();
    let mut events = vec![
        event(
            5,
            "iam",
            "CreateUser",
            json!({"userAgent": HOSTILE, "sourceIPAddress": HOSTILE,
            "awsRegion": HOSTILE, "requestParameters": {"userName": HOSTILE},
            "responseElements": {"user": {"arn": HOSTILE}}}),
        ),
        event(
            4,
            "sts",
            "AssumeRole",
            json!({"requestParameters": {"roleArn": HOSTILE,
            "roleSessionName": HOSTILE},
            "responseElements": {"credentials": {"accessKeyId": format!("ASIA{HOSTILE}")}}}),
        ),
        event(3, "iam", HOSTILE, json!({"errorCode": HOSTILE})),
        event(
            2,
            "ec2",
            "AuthorizeSecurityGroupIngress",
            json!({"requestParameters": {"groupId": HOSTILE,
            "ipPermissions": {"items": [{"ipProtocol": HOSTILE, "ipRanges": {"items": [{"cidrIp": HOSTILE}]}}]}}}),
        ),
    ];
    events[0]["userIdentity"]["arn"] = HOSTILE.into();
    events[1]["recipientAccountId"] = HOSTILE.into();
    write(&bench, "log.json", &events);
    for format in ["text", "json", "html"] {
        let line = format!("investigate --user bob --cloudtrail log.json --offline -v --format {format}");
        let (code, out, err) = bench.run(&line);
        assert_eq!(code, 0, "{err}");
        for said in [&out, &err] {
            let bad = said.chars().find(|c| c.is_control() && *c != '\n' || *c == '\u{202e}');
            assert_eq!(bad, None, "{format}: {said}");
            assert!(!said.contains("##["), "{format}: {said}");
        }
        assert!(format != "html" || !out.contains("<script"), "{out}");
        // A key that is none stands in no command.
        assert!(!out.contains("--access-key ASIA"), "{out}");
    }
}

#[test]
fn the_page_of_the_documentation_names_every_member_of_the_document() {
    let bench = Bench::new();
    write(
        &bench,
        "log.json",
        &story("arn:aws:ec2:us-east-1:123456789012:security-group/sg-0aaaaaaaaaaaaaaa1"),
    );
    let line = format!("investigate --access-key {KEY} --cloudtrail log.json --offline --format json");
    let document = of(&bench.ends(0, &line));
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/investigate.md")).unwrap();
    let mut names: Vec<String> = document.as_object().unwrap().keys().cloned().collect();
    for part in ["counts", "timeline"] {
        names.extend(document[part].as_object().unwrap().keys().cloned());
    }
    for list in ["calls", "failures", "origins", "sessions", "effects"] {
        names.extend(document[list]["entries"][0].as_object().unwrap().keys().cloned());
    }
    for list in ["hours", "entries"] {
        names.extend(document["timeline"][list][0].as_object().unwrap().keys().cloned());
    }
    let missing: Vec<&String> = names.iter().filter(|name| !page.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "docs/investigate.md does not name {missing:?}");
}

#[test]
fn the_event_history_is_asked_by_the_key_and_what_it_does_not_show_is_said() {
    let mut desk = Desk::with(moto(), moto().account());
    let history = History::before(&desk.endpoint);
    desk.endpoint.clone_from(&history.url);
    let group = format!("arn:aws:ec2:us-east-1:{}:security-group/sg-0aaaaaaaaaaaaaaa1", desk.keys.account);
    history.happened("us-east-1", story(&group));
    let line = format!("investigate --access-key {KEY} --region us-east-1");
    let said = desk.ends(0, &format!("{line} --format json"));
    let document = said.json();
    assert_eq!((&document["counts"]["read"], &document["counts"]["matched"]), (&json!(9), &json!(9)));
    let asked = |key: &str, value: &str| json!([{"AttributeKey": key, "AttributeValue": value}]);
    assert!(history.asked().iter().all(|a| a.input["LookupAttributes"] == asked("AccessKeyId", KEY)));
    let notes = document["notes"].to_string();
    assert!(
        notes.contains("no data events") && notes.contains("only the events that bear the name"),
        "{notes}"
    );
    // The group does not exist there, and so nothing is confirmed.
    assert_eq!(document["now"]["findings"], json!([]), "{}", document["now"]);
    // A day is looked up unless more is asked for.
    let span = |input: &Value| input["EndTime"].as_f64().unwrap() - input["StartTime"].as_f64().unwrap();
    assert!((span(&history.asked()[0].input) - 86_400.0).abs() < 120.0);

    let before = history.asked().len();
    desk.ends(0, "investigate --user bob --since 7d --region us-east-1");
    let user = &history.asked()[before].input;
    assert_eq!(user["LookupAttributes"], asked("Username", "bob"));
    assert!((span(user) - 604_800.0).abs() < 120.0);
    let before = history.asked().len();
    let role = desk.ends(0, "investigate --role deploy --region us-east-1 --format json").json();
    assert_eq!(history.asked()[before].input["LookupAttributes"], asked("ReadOnly", "false"));
    assert_eq!(role["counts"]["matched"], 1);
    assert!(role["notes"].to_string().contains("only calls that are not read-only"), "{}", role["notes"]);
    history.deny("us-east-1");
    let denied = desk.ends(4, &line);
    assert!(denied.err.contains("AccessDenied"), "{}", denied.err);
    assert!(desk.ends(2, &format!("{line} --since 91d")).err.contains("90 days"));
}

const FLOWS: &str = "\
version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status
2 1 eni-0aaaaaaaaaaaaaaa1 198.51.100.7 10.0.0.5 50000 22 6 10 1000 1790000000 1790000060 ACCEPT OK
2 1 eni-0aaaaaaaaaaaaaaa1 198.51.100.7 10.0.0.5 50001 3389 6 10 1000 1790000000 1790000060 REJECT OK
2 1 eni-0bbbbbbbbbbbbbbb2 203.0.113.200 10.0.0.6 50001 443 6 10 1000 1790000000 1790000060 ACCEPT OK
";

#[test]
fn flow_logs_show_the_traffic_of_an_address_and_of_an_instance() {
    let bench = Bench::new();
    write(
        &bench,
        "log.json",
        &story("arn:aws:ec2:us-east-1:123456789012:security-group/sg-0aaaaaaaaaaaaaaa1"),
    );
    fs::write(bench.path("flows.log"), FLOWS).unwrap();
    let logs = "--cloudtrail log.json --offline --flow-logs flows.log";
    let line = format!("investigate --address 198.51.100.7 {logs}");
    let traffic = of(&bench.ends(0, &format!("{line} --format json")))["traffic"].take();
    assert_eq!((&traffic["accepted"]["flows"], &traffic["rejected"]["flows"]), (&json!(1), &json!(1)));
    assert_eq!(traffic["interfaces"], json!({"eni-0aaaaaaaaaaaaaaa1": 2}));
    assert_eq!((&traffic["ports"][0]["port"], &traffic["ports"][0]["opened"]), (&json!(22), &json!(true)));
    let text = bench.ends(0, &line);
    assert!(text.contains("tcp 3389") && text.contains("opened by it: 0 accepted"), "{text}");
    let instance = format!("investigate --instance i-0ccccccccccccccc3 {logs}");
    let (code, _, err) = bench.run(&instance);
    assert_eq!(code, 2);
    assert!(err.contains("are not known") && err.contains("--interface"), "{err}");
    let known = of(&bench.ends(0, &format!("{instance} --interface eni-0bbbbbbbbbbbbbbb2 --format json")));
    assert_eq!(known["traffic"]["records"], 1);
    assert_eq!(bench.run(&format!("{instance} --interface x")).0, 2);
    fs::write(bench.path("flows.log"), "no flow log").unwrap();
    assert_eq!(bench.run(&line).0, 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever stands in a log, its records add up, and nothing panics.
    #[test]
    fn the_numbers_add_up_whatever_is_changed_in_a_log(
        edits in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(&b"{}[]\",:\\0n\xff "[..])), 0..6),
        cut in any::<prop::sample::Index>(),
        cuts in any::<bool>(),
    ) {
        let group = "arn:aws:ec2:us-east-1:123456789012:security-group/sg-0aaaaaaaaaaaaaaa1";
        let mut bytes = json!({ "Records": story(group) }).to_string().into_bytes();
        for (at, byte) in &edits {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        if cuts {
            bytes.truncate(cut.index(bytes.len()));
        }
        let mut trace = Trace::new(Target::access_key(KEY).unwrap(), Period::default());
        let report = intake::events("log", Box::new(bytes.as_slice()), &mut trace);
        let counts = trace.done(vec![report.clone()]).counts;
        prop_assert_eq!(counts.read, counts.matched + counts.others + counts.outside + counts.unreadable);
        prop_assert_eq!(counts.matched, counts.reads + counts.changes + counts.failed);
        // A record that is lost is a gap that the report names.
        let gap = report.incomplete.is_some() || report.declined.is_some() || counts.unreadable > 0;
        prop_assert!(counts.read == 11 || gap, "{:?} {:?}", counts, report);
    }
}
