//! Findings of other tools through the built program: what they name is planned where our own check agrees,
//! and nothing else is. On the demo twin, and on an emulated account.

use std::{collections::BTreeSet, fs, path::PathBuf, process::Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{clinic_desk, intake::event, proxy::Proxy, support};

const TWIN: &str = "--account twin:demo --format json";
pub const CHECK: &str = "security-group-open-admin-port";
const PROWLER: &str = "ec2_securitygroup_allow_ingress_from_internet_to_tcp_port_22";

struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, value: &Value) {
        fs::write(self.path(name), value.to_string()).unwrap();
    }

    fn run(&self, line: &str, stdin: Option<&str>) -> (i32, String, String) {
        let input = stdin.map_or_else(Stdio::null, |name| fs::File::open(self.path(name)).unwrap().into());
        let output = support::at_home(env!("CARGO_BIN_EXE_redress"), self.0.path())
            .args(line.split_whitespace())
            .stdin(input)
            .output()
            .unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    }

    fn json(&self, line: &str) -> Value {
        let (_, out, err) = self.run(line, None);
        serde_json::from_str(&out).unwrap_or_else(|e| panic!("{line}: {e}\n{out}\n{err}"))
    }
}

/// ARNs of the findings of a check that are planned.
pub fn planned(scan: &Value, check: &str) -> BTreeSet<String> {
    let of = |f: &&Value| f["check"] == check && f["decision"] == "planned";
    scan["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(of)
        .map(|f| f["resource"]["arn"].as_str().unwrap().to_owned())
        .collect()
}

fn region(arn: &str) -> &str {
    arn.split(':').nth(3).unwrap()
}

pub fn opened(arn: &str) -> Value {
    let request = json!({"groupId": arn.rsplit('/').next().unwrap(), "ipPermissions": {"items": [
        {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "groups": {},
            "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}, "ipv6Ranges": {}, "prefixListIds": {}}]}});
    let mut event = event("AuthorizeSecurityGroupIngress", "00:00", request, json!({"_return": true}));
    event["awsRegion"] = region(arn).into();
    event["recipientAccountId"] = arn.split(':').nth(4).unwrap().into();
    event["eventID"] = format!("e-{arn}").into();
    event
}

fn cloudtrail<'a>(arns: impl IntoIterator<Item = &'a String>) -> Value {
    json!({ "Records": arns.into_iter().map(|arn| opened(arn)).collect::<Vec<_>>() })
}

fn asff(arn: &str) -> Value {
    json!({"SchemaVersion": "2018-10-08", "Id": format!("f-{arn}"),
        "ProductArn": format!("arn:aws:securityhub:{}::product/aws/securityhub", region(arn)),
        "GeneratorId": "security-control/EC2.13", "AwsAccountId": arn.split(':').nth(4),
        "Region": region(arn), "Title": "ssh", "Description": "ssh",
        "CreatedAt": "2026-11-22T06:00:00Z", "UpdatedAt": "2026-11-22T06:00:00Z",
        "Severity": {"Label": "HIGH"}, "Types": ["Software and Configuration Checks"],
        "Compliance": {"Status": "FAILED", "SecurityControlId": "EC2.13"}, "Workflow": {"Status": "NEW"},
        "RecordState": "ACTIVE",
        "Resources": [{"Type": "AwsEc2SecurityGroup", "Id": arn, "Partition": "aws", "Region": region(arn)}]})
}

fn ocsf(arn: &str) -> Value {
    json!({"metadata": {"event_code": PROWLER, "product": {"name": "Prowler", "vendor_name": "Prowler",
        "version": "4.5.0"}, "version": "1.3.0"},
        "severity_id": 4, "severity": "High", "status": "New", "status_code": "FAIL", "status_detail": "open",
        "status_id": 1, "class_uid": 2004,
        "class_name": "Detection Finding", "category_uid": 2, "time_dt": "2026-11-22T06:00:00",
        "unmapped": {"provider": "aws"},
        "finding_info": {"uid": format!("prowler-aws-{PROWLER}-{arn}"), "title": "ssh"},
        "resources": [{"uid": arn, "type": "AwsEc2SecurityGroup", "region": region(arn), "name": arn,
        "cloud_partition": "aws"}],
        "cloud": {"provider": "aws", "account": {"uid": arn.split(':').nth(4)}, "region": region(arn)}})
}

/// What was read is told in full: by decision, and what was actionable by what our check said.
pub fn adds_up(intake: &Value) {
    let sum = |map: &Value| map.as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum::<u64>();
    assert_eq!(sum(&intake["counts"]["decisions"]), intake["counts"]["read"].as_u64().unwrap(), "{intake}");
    assert_eq!(
        sum(&intake["outcomes"]),
        intake["counts"]["decisions"]["actionable"].as_u64().unwrap_or(0),
        "{intake}"
    );
}

#[test]
fn three_formats_of_the_same_lead_to_the_same_plan_as_a_scan_for_it() {
    let desk = Desk::new();
    let wanted = planned(&desk.json(&format!("scan {TWIN} --check {CHECK}")), CHECK);
    assert!(wanted.len() > 3);
    desk.write("trail", &cloudtrail(&wanted));
    desk.write("hub", &json!({ "Findings": wanted.iter().map(|arn| asff(arn)).collect::<Vec<_>>() }));
    desk.write("prowler", &Value::Array(wanted.iter().map(|arn| ocsf(arn)).collect()));
    for name in ["trail", "hub", "prowler"] {
        let scan = desk.json(&format!("scan {TWIN} --findings {name}"));
        assert_eq!(planned(&scan, CHECK), wanted, "{name}: {}", scan["intake"]);
        assert!(
            scan["findings"].as_array().unwrap().iter().all(|f| f["sources"].as_array().unwrap().len() > 1),
            "{name}"
        );
        let arns: BTreeSet<String> = scan["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|f| f["resource"]["arn"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(arns, wanted, "{name} names nothing else");
        assert_eq!(scan["intake"]["outcomes"]["confirmed"], wanted.len(), "{name}");
        adds_up(&scan["intake"]);
    }
    let all = desk.json(&format!("scan {TWIN} --findings trail --findings hub --findings prowler"));
    assert_eq!(planned(&all, CHECK), wanted);
    assert_eq!(all["intake"]["counts"]["read"], wanted.len() * 3);
    adds_up(&all["intake"]);
}

#[test]
fn a_plan_tells_who_opened_it() {
    let desk = Desk::new();
    let wanted = planned(&desk.json(&format!("scan {TWIN} --check {CHECK}")), CHECK);
    desk.write("trail", &cloudtrail(wanted.iter().take(1)));
    let told = "AuthorizeSecurityGroupIngress by role deploy, session ci-118, from 198.51.100.7";
    let plan = desk.json(&format!("plan {TWIN} --findings trail"));
    let mut changes = plan["changes"].as_array().unwrap().iter();
    assert!(
        changes.any(|c| c["sources"][0].as_str().is_some_and(|s| s.contains(told))),
        "{}",
        plan["changes"]
    );
    let (_, out, err) = desk.run("plan --account twin:demo --findings -", Some("trail"));
    assert!(out.contains("by CloudTrail: AuthorizeSecurityGroupIngress"), "{out}");
    assert!(err.contains("1 finding read: 1 actionable (1 confirmed)"), "{err}");
    let (_, out, _) = desk.run("scan --account twin:demo --findings trail", None);
    assert!(
        out.contains("redress plan --account twin:demo --findings trail -o plan.json"),
        "what comes next is about the same findings: {out}"
    );
    let (_, out, _) = desk.run("plan --account twin:demo --findings trail --format markdown", None);
    assert!(out.contains("- reported by CloudTrail"), "{out}");
}

#[test]
fn what_is_not_confirmed_or_elsewhere_is_shown_and_not_planned() {
    let desk = Desk::new();
    let of = |account: &str, id: &str| format!("arn:aws:ec2:us-east-1:{account}:security-group/sg-{id}");
    let (gone, other) = (of("123456789012", "0aaaaaaaaaaaaaaa1"), of("999999999999", "0aaaaaaaaaaaaaaa2"));
    desk.write("trail", &cloudtrail([&gone, &other]));
    let scan = desk.json(&format!("scan {TWIN} --findings trail"));
    assert_eq!(scan["findings"], json!([]));
    assert_eq!(scan["intake"]["outcomes"], json!({"not_confirmed": 1}));
    assert_eq!(scan["intake"]["counts"]["decisions"], json!({"actionable": 1, "other_account": 1}));
    let answers: Vec<(&Value, &Value)> = scan["intake"]["suspicions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| (&s["answer"], &s["decision"]))
        .collect();
    assert_eq!(
        answers,
        [(&json!("not_confirmed"), &json!("actionable")), (&Value::Null, &json!("not_actionable"))]
    );
    adds_up(&scan["intake"]);
    assert_eq!(desk.json(&format!("plan {TWIN} --findings trail"))["changes"], json!([]));
    let (code, out, _) = desk.run("scan --account twin:demo --findings trail", None);
    assert_eq!(code, 0);
    assert!(out.contains("it is about another account") && out.contains("finds nothing wrong"), "{out}");
    assert_eq!(desk.json(&format!("scan {TWIN}"))["intake"], Value::Null);
}

#[test]
fn an_input_that_is_not_there_is_bad_input_and_one_that_breaks_off_is_unknown() {
    let desk = Desk::new();
    let (code, _, err) = desk.run("scan --account twin:demo --findings nowhere.json", None);
    assert_eq!(code, 2);
    assert!(err.contains("nowhere.json") && err.contains("hint:"), "{err}");
    let text =
        cloudtrail(&["arn:aws:ec2:us-east-1:123456789012:security-group/sg-0aaaaaaaaaaaaaaa1".to_owned()])
            .to_string();
    fs::create_dir_all(desk.path("in/deep")).unwrap();
    fs::write(desk.path("in/deep/cut"), &text[..text.len() - 2]).unwrap();
    let (code, _, err) = desk.run("scan --account twin:demo --findings in", None);
    assert_eq!(code, 4, "{err}");
    assert!(err.contains("incomplete"), "{err}");
    // A plan may lack what stood in the rest.
    let (code, _, err) = desk.run("plan --account twin:demo --findings in", None);
    assert_eq!(code, 4, "{err}");
    fs::write(desk.path("in/deep/cut"), &text).unwrap();
    assert_eq!(desk.run("plan --account twin:demo --findings in --exit-code", None).0, 0);
}

#[test]
fn a_saved_inventory_scans_as_the_account_did() {
    let desk = Desk::new();
    let first = desk.json(&format!("scan {TWIN} --save-inventory kept.json"));
    let kept: Value = serde_json::from_str(&fs::read_to_string(desk.path("kept.json")).unwrap()).unwrap();
    assert_eq!(kept["format"], "redress.inventory/1");
    let again = desk.json("scan --account twin:./kept.json --format json");
    let keys = |scan: &Value| -> Vec<String> {
        scan["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|f| format!("{} {} {} {}", f["check"], f["resource"]["arn"], f["decision"], f["suppressed"]))
            .collect()
    };
    assert!(!keys(&first).is_empty());
    assert_eq!(keys(&first), keys(&again));
}

#[test]
fn events_of_an_emulated_account_are_planned_and_applied_as_a_scan_would() {
    let (desk, seed) = clinic_desk::Desk::seeded(include_str!("clinic_seed.py"));
    let common = "--region us-east-1 --allow-cidr 203.0.113.0/24 --format json";
    let scan = desk.ends(0, &format!("scan {common}")).json();
    let wanted = planned(&scan, CHECK);
    assert!(!wanted.is_empty(), "{}", seed["expected"]);
    fs::write(desk.path("trail.json"), cloudtrail(&wanted).to_string()).unwrap();
    let found = desk.ends(0, &format!("scan {common} --findings trail.json")).json();
    assert_eq!(planned(&found, CHECK), wanted);
    adds_up(&found["intake"]);
    desk.run(&format!("apply {common} --findings trail.json --auto-approve --max-risk disruptive"));
    let after = desk.ends(0, &format!("scan {common} --findings trail.json")).json();
    assert_eq!(planned(&after, CHECK), BTreeSet::new());
    assert_eq!(after["intake"]["outcomes"], json!({"not_confirmed": wanted.len()}));
}

#[test]
fn an_account_stands_for_all_that_its_checks_judge_and_what_is_muted_anywhere_is_not_planned() {
    let desk = Desk::new();
    let mut on_account = asff("arn:aws:ec2:us-east-1:123456789012:security-group/sg-0");
    on_account["Compliance"]["SecurityControlId"] = "CloudTrail.1".into();
    on_account["GeneratorId"] = "security-control/CloudTrail.1".into();
    on_account["Resources"] = json!([{"Type": "AwsAccount", "Id": "AWS::::Account:123456789012",
        "Partition": "aws", "Region": "us-east-1"}]);
    desk.write("hub", &on_account);
    let scan = desk.json(&format!("scan {TWIN} --findings hub"));
    let checks: BTreeSet<&str> =
        scan["findings"].as_array().unwrap().iter().map(|f| f["check"].as_str().unwrap()).collect();
    assert_eq!(
        checks,
        BTreeSet::from(["cloudtrail-missing", "cloudtrail-not-logging"]),
        "{}",
        scan["intake"]
    );
    let wanted = planned(&desk.json(&format!("scan {TWIN} --check {CHECK}")), CHECK);
    let arn = wanted.first().unwrap();
    let mut muted = asff(arn);
    muted["Workflow"]["Status"] = "SUPPRESSED".into();
    desk.write("muted", &muted);
    desk.write("open", &ocsf(arn));
    let scan = desk.json(&format!("scan {TWIN} --findings open --findings muted"));
    assert_eq!(scan["findings"], json!([]), "{}", scan["intake"]);
    adds_up(&scan["intake"]);
}

#[test]
fn what_led_to_nothing_is_told_by_control_and_what_passed_only_counted() {
    let desk = Desk::new();
    let arn = |n: u32| format!("arn:aws:ec2:us-east-1:123456789012:security-group/sg-0aaaaaaaaaaaaaaa{n}");
    let with = |n: u32, check: &str, code: &str| {
        let mut finding = ocsf(&arn(n));
        finding["metadata"]["event_code"] = check.into();
        finding["status_code"] = code.into();
        finding
    };
    let acl = "ec2_networkacl_unused";
    desk.write(
        "run",
        &json!([
            with(1, acl, "FAIL"),
            with(2, acl, "FAIL"),
            with(3, PROWLER, "PASS"),
            with(4, PROWLER, "FAIL")
        ]),
    );
    let (_, out, _) = desk.run("scan --account twin:demo --findings run", None);
    let out = out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(out.contains(&format!("no check answers it: {acl} (2 times)")), "{out}");
    assert!(out.contains("its source does not report a problem: 1 "), "{out}");
    assert!(
        out.contains(&format!("sg-0aaaaaaaaaaaaaaa4 in us-east-1 ({PROWLER})"))
            && !out.contains("sg-0aaaaaaaaaaaaaaa3"),
        "{out}"
    );
    let wanted = planned(&desk.json(&format!("scan {TWIN} --check {CHECK}")), CHECK);
    desk.write("one", &ocsf(wanted.first().unwrap()));
    let scan = desk.json(&format!("scan {TWIN} --findings one"));
    assert!(
        scan["findings"][0]["sources"]
            .as_array()
            .unwrap()
            .iter()
            .any(|s| s == &format!("Prowler: {PROWLER}")),
        "{}",
        scan["findings"]
    );
}

/// The names of what redress asks AWS for, with findings of this account and this partition.
fn asked(account: &str, partition: &str, id: &str) -> (BTreeSet<String>, Value) {
    let keys = support::moto().account();
    let proxy = Proxy::before(&support::moto().url());
    let mut desk = clinic_desk::Desk::with(support::moto(), keys.clone());
    desk.endpoint.clone_from(&proxy.url);
    let account = if account.is_empty() { keys.account.as_str() } else { account };
    let arn = format!("arn:{partition}:ec2:us-east-1:{account}:security-group/{id}");
    let mut hub = asff(&arn);
    hub["Resources"][0]["Partition"] = partition.into();
    fs::write(desk.path("hub.json"), json!([hub, ocsf(&arn)]).to_string()).unwrap();
    let scan = desk.run("scan --region us-east-1 --format json --findings hub.json").json();
    (proxy.asked().into_iter().collect(), scan["intake"]["counts"]["decisions"].clone())
}

#[test]
fn a_finding_for_another_account_or_partition_reads_nothing() {
    const ID: &str = "sg-0aaaaaaaaaaaaaaa1";
    let (own, decided) = asked("", "aws", ID);
    assert_eq!(decided, json!({ "actionable": 2 }));
    assert!(own.contains("DescribeSecurityGroups"), "{own:?}");
    // Who one is, and which regions there are, is asked in any case.
    let always = BTreeSet::from(["GetCallerIdentity".to_owned(), "DescribeRegions".to_owned()]);
    for (account, partition, id, reason) in [
        ("999999999999", "aws", ID, "other_account"),
        ("", "aws-cn", ID, "other_partition"),
        ("", "aws", "sg-0aaaaaaaaaaaaaaa1' or '1'='1", "unresolved_resource"),
    ] {
        let (asked, decided) = asked(account, partition, id);
        assert_eq!(decided, json!({ reason: 2 }));
        assert_eq!(asked.difference(&always).collect::<Vec<_>>(), Vec::<&String>::new(), "{reason}");
    }
}
