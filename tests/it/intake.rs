//! Intake on small samples, one for each format and for each way in which findings lie. All written for these
//! tests.

use std::{fs, io::Read, path::PathBuf};

use redress::{
    intake::{self, Intake, Item, Reason, ReportedFinding, page::controls_page},
    resource::{Kind, Owner},
};
use serde_json::{Value, json};

pub const ACCOUNT: &str = "123456789012";
pub const GROUP: &str = "sg-0aaaaaaaaaaaaaaa1";
pub const GROUP_ARN: &str = "arn:aws:ec2:us-east-1:123456789012:security-group/sg-0aaaaaaaaaaaaaaa1";

pub fn owner() -> Owner {
    Owner { partition: "aws".into(), account: ACCOUNT.into() }
}

pub fn collect(inputs: &[&str]) -> Intake {
    let inputs =
        inputs.iter().map(|text| ("input".to_owned(), Box::new(text.as_bytes()) as Box<dyn Read>)).collect();
    let intake = intake::collect(inputs, &owner(), &["us-east-1".to_owned()]);
    let counts = &intake.counts;
    assert_eq!(counts.read, counts.decisions.values().sum::<u64>());
    assert_eq!(counts.read, counts.merged + counts.unlisted + intake.suspicions.len() as u64);
    for report in &intake.reports {
        assert_eq!(report.read, report.counts.values().sum::<u64>());
    }
    intake
}

pub fn one(text: &str) -> ReportedFinding {
    let intake = collect(&[text]);
    assert_eq!(intake.suspicions.len(), 1, "{intake:#?}");
    intake.suspicions.into_iter().next().unwrap()
}

pub fn reason(value: &Value) -> Option<Reason> {
    one(&value.to_string()).decision.reason()
}

pub fn event(name: &str, time: &str, request: Value, response: Value) -> Value {
    let source = if name.contains("Trail") || name.contains("Logging") || name.contains("Selectors") {
        "cloudtrail"
    } else {
        "ec2"
    };
    json!({
        "eventVersion": "1.11", "eventTime": format!("2026-11-22T06:{time}Z"),
        "eventSource": format!("{source}.amazonaws.com"), "eventName": name,
        "awsRegion": "us-east-1", "sourceIPAddress": "198.51.100.7", "userAgent": "aws-cli/2",
        "requestParameters": request, "responseElements": response,
        "userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::123456789012:assumed-role/deploy/ci-118",
        "accountId": ACCOUNT,
            "sessionContext": {"sessionIssuer": {"userName": "deploy"}}},
        "eventID": format!("e-{name}-{time}"), "eventType": "AwsApiCall", "recipientAccountId": ACCOUNT
    })
}

pub fn asff(control: &str, id: &str) -> Value {
    json!({"SchemaVersion": "2018-10-08", "Id": format!("finding/{control}"),
        "ProductArn": "arn:aws:securityhub:us-east-1::product/aws/securityhub",
        "GeneratorId": format!("security-control/{control}"), "AwsAccountId": ACCOUNT, "Region": "us-east-1",
        "UpdatedAt": "2026-11-22T06:00:00.000Z",
        "Severity": {"Label": "HIGH"}, "Title": "t", "Compliance": {"Status": "FAILED",
        "SecurityControlId": control}, "Workflow": {"Status": "NEW"},
        "RecordState": "ACTIVE", "Resources": [{"Type": "AwsEc2SecurityGroup", "Id": id, "Partition": "aws",
        "Region": "us-east-1"}]})
}

pub fn prowler_ocsf(check: &str, arn: &str) -> Value {
    json!({"metadata": {"event_code": check, "product": {"name": "Prowler", "version": "5.46.0"},
        "version": "1.5.0"}, "severity": "High", "status": "New",
        "status_code": "FAIL", "class_uid": 2004, "time": 1795328849, "time_dt": "2026-11-22T06:27:29.487322",
        "finding_info": {"uid": "u"},
        "resources": [{"uid": arn, "region": "us-east-1", "cloud_partition": "aws",
        "type": "AwsEc2SecurityGroup"}], "cloud": {"account": {"uid": ACCOUNT}, "region": "us-east-1"}})
}

#[test]
fn tools_that_say_the_same_of_the_same_thing_make_one_suspicion_with_all_sources() {
    let config = json!({"EvaluationResults": [{"ComplianceType": "NON_COMPLIANT",
        "EvaluationResultIdentifier": {"EvaluationResultQualifier": {
        "ConfigRuleName": "securityhub-restricted-ssh-1a2b3c4d", "ResourceType": "AWS::EC2::SecurityGroup",
        "ResourceId": GROUP}}}]});
    let mut old = asff("EC2.13", GROUP_ARN);
    old["Compliance"] = json!({"Status": "FAILED"});
    old["GeneratorId"] =
        json!("arn:aws:securityhub:::ruleset/cis-aws-foundations-benchmark/v/1.2.0/rule/4.1");
    let csv = format!(
        "AUTH_METHOD;ACCOUNT_UID;CHECK_ID;STATUS;MUTED;RESOURCE_UID;REGION;SEVERITY;STATUS_EXTENDED\np;{ACCOUNT};ec2_securitygroup_allow_ingress_from_internet_to_tcp_port_22;FAIL;False;{GROUP_ARN};us-east-1;high;\"a;\nb\"\n"
    );
    let inputs = [
        asff("EC2.13", GROUP_ARN).to_string(),
        json!([old]).to_string(),
        prowler_ocsf("ec2_securitygroup_allow_ingress_from_internet_to_tcp_port_22", GROUP_ARN).to_string(),
        csv,
        config.to_string(),
    ];
    let intake = collect(&inputs.iter().map(String::as_str).collect::<Vec<_>>());
    let [suspicion] = intake.suspicions.as_slice() else { panic!("{intake:#?}") };
    assert!(suspicion.decision.is_actionable());
    let frameworks: Vec<_> = suspicion.sources.iter().map(|s| s.framework.as_str()).collect();
    assert_eq!(frameworks, ["security-hub", "cis-1.2.0", "prowler", "prowler", "config-managed"]);
    assert_eq!((intake.counts.read, intake.counts.merged), (5, 4));
}

#[test]
fn the_gates_of_security_hub_each_have_their_reason() {
    let with = |path: &str, value: Value| {
        let mut finding = asff("EC2.13", GROUP_ARN);
        *finding.pointer_mut(path).unwrap() = value;
        reason(&finding)
    };
    assert_eq!(with("/Title", json!("t")), None);
    assert_eq!(with("/Compliance/Status", json!("PASSED")), Some(Reason::Passed));
    assert_eq!(with("/Compliance/Status", json!("WARNING")), Some(Reason::Passed));
    assert_eq!(with("/Workflow/Status", json!("SUPPRESSED")), Some(Reason::Suppressed));
    assert_eq!(with("/Workflow/Status", json!("RESOLVED")), Some(Reason::Archived));
    assert_eq!(with("/RecordState", json!("ARCHIVED")), Some(Reason::Archived));
    assert_eq!(with("/Severity", json!({"Label": "INFORMATIONAL"})), None);
    assert_eq!(with("/AwsAccountId", json!("999999999999")), None, "the resource's own account counts");
    assert_eq!(
        with(
            "/Resources/0/Id",
            json!("arn:aws:ec2:us-east-1:999999999999:security-group/sg-0aaaaaaaaaaaaaaa1")
        ),
        Some(Reason::OtherAccount)
    );
    assert_eq!(
        with(
            "/Resources/0/Id",
            json!("arn:aws-cn:ec2:us-east-1:123456789012:security-group/sg-0aaaaaaaaaaaaaaa1")
        ),
        Some(Reason::OtherPartition)
    );
    assert_eq!(
        with("/Resources/0/Id", json!("sg-0aaaaaaaaaaaaaaa1; rm -rf /")),
        Some(Reason::UnresolvedResource)
    );
    assert_eq!(with("/Resources/0/Id", json!("No trails")), Some(Reason::PseudoResource));
    assert_eq!(with("/Compliance/SecurityControlId", json!("EC2.99999")), Some(Reason::UnmappedControl));
}

#[test]
fn a_trail_that_is_missing_is_about_the_account_and_all_its_trails() {
    let suspicion = one(&asff("CloudTrail.1", "AWS::::Account:123456789012").to_string());
    assert_eq!(suspicion.resource.unwrap().kind(), Kind::Account);
    assert_eq!(suspicion.checks, ["cloudtrail-missing", "cloudtrail-not-logging"]);
    let pseudo =
        prowler_ocsf("cloudtrail_multi_region_enabled", "arn:aws:cloudtrail:us-east-1:123456789012:trail");
    assert_eq!(one(&pseudo.to_string()).id, suspicion.id);
}

#[test]
fn what_is_muted_anywhere_is_muted_and_what_later_passed_is_stale() {
    let mut muted = asff("EC2.13", GROUP_ARN);
    muted["Workflow"]["Status"] = json!("SUPPRESSED");
    let prowler =
        prowler_ocsf("ec2_securitygroup_allow_ingress_from_internet_to_tcp_port_22", GROUP_ARN).to_string();
    let intake = collect(&[&prowler, &muted.to_string()]);
    assert_eq!(intake.suspicions[0].decision.reason(), Some(Reason::Suppressed));
    assert!(intake.suspicions[0].sources[0].decision.is_actionable());
    let mut passed = asff("EC2.13", GROUP_ARN);
    passed["Compliance"]["Status"] = json!("PASSED");
    passed["UpdatedAt"] = json!("2026-11-22T07:00:00Z");
    let intake = collect(&[&asff("EC2.13", GROUP_ARN).to_string(), &passed.to_string()]);
    assert_eq!(intake.suspicions[0].decision.reason(), Some(Reason::Stale));
    passed["UpdatedAt"] = json!("2026-11-22T05:00:00Z");
    assert!(
        collect(&[&asff("EC2.13", GROUP_ARN).to_string(), &passed.to_string()]).suspicions[0]
            .decision
            .is_actionable()
    );
}

#[test]
fn prowler_s_muted_and_manual_results_are_not_acted_on_in_any_version() {
    let with = |status: &str, code: &str| {
        let mut finding = prowler_ocsf(
            "vpc_flow_logs_enabled",
            "arn:aws:ec2:us-east-1:123456789012:vpc/vpc-0aaaaaaaaaaaaaaa1",
        );
        finding["status"] = json!(status);
        finding["status_code"] = json!(code);
        reason(&finding)
    };
    assert_eq!(with("New", "FAIL"), None);
    assert_eq!(with("New", "PASS"), Some(Reason::Passed));
    assert_eq!(with("New", "MANUAL"), Some(Reason::Passed));
    assert_eq!(with("Suppressed", "FAIL"), Some(Reason::Suppressed));
    let v3 = |status: &str| {
        json!({"CheckID": "vpc_flow_logs_enabled", "Status": status, "StatusExtended": "s",
            "AccountId": ACCOUNT, "Region": "us-east-1",
        "ResourceArn": "arn:aws:ec2:us-east-1:123456789012:vpc/vpc-0aaaaaaaaaaaaaaa1", "Severity": "medium",
        "AssessmentStartTime": "2023-04-25T23:49:42.744599"})
    };
    assert_eq!(reason(&v3("FAIL")), None);
    assert_eq!(reason(&v3("WARNING")), Some(Reason::Suppressed));
    let v3_ocsf = |status: &str| {
        json!({"class_uid": 2001, "metadata": {"product": {"name": "Prowler", "version": "3.16.17",
            "feature": {"uid": "vpc_flow_logs_enabled"}}, "version": "1.0.0-rc.3"},
        "status": status, "severity": "Medium", "time": "2023-04-25 23:49:42.744599", "finding": {"uid": "u"},
        "cloud": {"account": {"uid": ACCOUNT}, "region": "us-east-1"},
        "resources": [{"uid": "arn:aws:ec2:us-east-1:123456789012:vpc/vpc-0aaaaaaaaaaaaaaa1",
        "region": "us-east-1", "type": "AwsEc2Vpc"}]})
    };
    assert_eq!(one(&v3_ocsf("Failure").to_string()).id, one(&v3("FAIL").to_string()).id);
    assert!(one(&v3_ocsf("Failure").to_string()).sources[0].time.is_some());
    let said = ["Failure", "Success", "Other", "Unknown"].map(|status| reason(&v3_ocsf(status)));
    assert_eq!(said, [None, Some(Reason::Passed), Some(Reason::Suppressed), Some(Reason::Passed)]);
    let v2 = json!({"Account Number": ACCOUNT, "Control": "[check21] Trails", "Control ID": "2.1",
        "Status": "FAIL", "Region": "us-east-1", "Message": "m"});
    assert_eq!(one(&v2.to_string()).checks, ["cloudtrail-missing", "cloudtrail-not-logging"]);
}

pub fn guardduty() -> Value {
    json!({"schemaVersion": "2.0", "accountId": ACCOUNT, "region": "us-east-1", "partition": "aws", "id": "f",
        "type": "UnauthorizedAccess:EC2/SSHBruteForce", "severity": 2,
        "title": "probed", "updatedAt": "2026-11-22T06:00:00Z", "service": {"archived": false,
        "resourceRole": "TARGET", "additionalInfo": {}},
        "resource": {"resourceType": "Instance", "instanceDetails": {"instanceId": "i-0aaaaaaaaaaaaaaa1",
        "networkInterfaces": [{"securityGroups": [{"groupId": GROUP}]}]}}})
}

/// The same with the SDK's spelling.
fn pascal(value: &Value) -> Value {
    match value {
        Value::Object(o) => {
            Value::Object(o.iter().map(|(k, v)| (k[..1].to_uppercase() + &k[1..], pascal(v))).collect())
        }
        Value::Array(a) => Value::Array(a.iter().map(pascal).collect()),
        other => other.clone(),
    }
}

#[test]
fn a_guarded_instance_that_is_probed_means_its_groups_in_both_spellings() {
    let found = one(&guardduty().to_string());
    assert!(found.decision.is_actionable());
    assert_eq!(found.resource.as_ref().unwrap().as_str(), GROUP_ARN);
    assert_eq!(one(&pascal(&guardduty()).to_string()).id, found.id);
    let with = |path: &str, value: Value| {
        let mut finding = guardduty();
        *finding.pointer_mut(path).unwrap() = value;
        (
            reason(&finding),
            reason(&json!({"detail-type": "GuardDuty Finding", "source": "aws.guardduty",
                    "detail": pascal(&finding)})),
        )
    };
    let both = |reason| (Some(reason), Some(reason));
    assert_eq!(with("/service/additionalInfo", json!({"sample": true})), both(Reason::Sample));
    assert_eq!(with("/service/additionalInfo", json!({"value": "{\"sample\":true}"})), both(Reason::Sample));
    assert_eq!(with("/title", json!("[SAMPLE] x")), both(Reason::Sample));
    assert_eq!(with("/resource/instanceDetails/instanceId", json!("i-99999999")), both(Reason::Sample));
    assert_eq!(with("/service/archived", json!(true)), both(Reason::Archived));
    assert_eq!(with("/service/resourceRole", json!("ACTOR")), both(Reason::UnmappedControl));
    assert_eq!(with("/type", json!("Trojan:EC2/DropPoint")), both(Reason::UnmappedControl));
    assert_eq!(with("/accountId", json!("1234567890123")), both(Reason::UnresolvedResource));
}

#[test]
fn whoever_is_accused_can_be_revoked_by_a_command_and_nothing_is_planned_for_it() {
    let accusing = |kind: &str, name: &str| {
        let mut finding = guardduty();
        finding["type"] = json!("UnauthorizedAccess:IAMUser/MaliciousIPCaller");
        finding["resource"] = json!({"resourceType": "AccessKey", "accessKeyDetails": {
            "accessKeyId": "AKIAIOSFODNN7EXAMPLE", "userType": kind, "userName": name}});
        finding
    };
    let command = |finding: &Value| one(&finding.to_string()).sources[0].command.clone();
    let user = Some(format!("redress revoke arn:aws:iam::{ACCOUNT}:user/bo"));
    let bo = accusing("IAMUser", "bo");
    assert_eq!(reason(&bo), Some(Reason::UnmappedControl));
    assert_eq!((command(&bo), command(&pascal(&bo))), (user.clone(), user.clone()));
    let role = format!("redress revoke arn:aws:iam::{ACCOUNT}:role/deploy");
    assert_eq!(command(&accusing("AssumedRole", "deploy")), Some(role));
    assert_eq!(command(&accusing("Root", "Root")), None);
    assert_eq!(command(&accusing("IAMUser", "bo --role x")), None);
    let mut over = bo;
    over["service"]["archived"] = json!(true);
    assert_eq!(command(&over), None, "an archived finding asks for nothing");
    assert_eq!(command(&guardduty()), None, "an instance is no identity");
    let hub = json!({"SchemaVersion": "2018-10-08", "Id": "arn:aws:guardduty:x", "Region": "us-east-1",
        "GeneratorId": "arn:aws:guardduty:us-east-1:123456789012:detector/d", "ProductName": "GuardDuty",
        "ProductArn": "arn:aws:securityhub:us-east-1::product/aws/guardduty", "AwsAccountId": ACCOUNT,
        "Types": ["TTPs/UnauthorizedAccess:IAMUser-MaliciousIPCaller"], "Title": "t", "RecordState": "ACTIVE",
        "Severity": {"Label": "MEDIUM"}, "Resources": [{"Type": "AwsIamAccessKey", "Partition": "aws",
        "Id": "AWS::IAM::AccessKey:AKIAIOSFODNN7EXAMPLE", "Details": {"AwsIamAccessKey": {
        "PrincipalType": "IAMUser", "PrincipalName": "bo"}}}]});
    assert_eq!(command(&hub), user);
}

#[test]
fn config_says_who_fails_and_takes_no_rule_for_another_s() {
    let change = |rule: &str, now: &str| {
        json!({"detail-type": "Config Rules Compliance Change", "source": "aws.config",
            "detail": {"messageType": "ComplianceChangeNotification",
        "configRuleName": rule, "resourceType": "AWS::EC2::VPC", "resourceId": "vpc-0aaaaaaaaaaaaaaa1",
        "awsRegion": "us-east-1", "awsAccountId": ACCOUNT, "newEvaluationResult": {"complianceType": now}}})
    };
    assert_eq!(reason(&change("vpc-flow-logs-enabled", "NON_COMPLIANT")), None);
    assert_eq!(reason(&change("vpc-flow-logs-enabled", "COMPLIANT")), Some(Reason::Passed));
    assert_eq!(reason(&change("our-own-rule", "NON_COMPLIANT")), Some(Reason::UnmappedControl));
    let rule = json!({"ComplianceByConfigRules": [{"ConfigRuleName": "vpc-flow-logs-enabled",
        "Compliance": {"ComplianceType": "NON_COMPLIANT"}}]});
    assert_eq!(reason(&rule), Some(Reason::PseudoResource));
    let elsewhere = json!({"AggregateEvaluationResults": [{"ComplianceType": "NON_COMPLIANT",
        "AccountId": "999999999999", "AwsRegion": "us-east-1",
        "EvaluationResultIdentifier": {"EvaluationResultQualifier": {"ConfigRuleName": "vpc-flow-logs-enabled", "ResourceType": "AWS::EC2::VPC", "ResourceId": "vpc-0aaaaaaaaaaaaaaa1"}}}]});
    assert_eq!(reason(&elsewhere), Some(Reason::OtherAccount));
}

#[test]
fn security_hub_s_new_format_is_read_and_a_close_wins() {
    let finding = json!({"class_uid": 2003, "metadata": {"product": {"name": "Security Hub"},
        "version": "1.6.0"}, "compliance": {"control": "EC2.13", "status": "Fail", "status_id": 3},
        "status": "New", "status_id": 1, "activity_id": 1, "severity": "High",
        "cloud": {"account": {"uid": ACCOUNT}, "region": "us-east-1"}, "finding_info": {"uid": "x",
        "modified_time": 1795328849000_i64},
        "resources": [{"type": "AWS::EC2::SecurityGroup", "uid": GROUP, "region": "us-east-1"}]});
    assert_eq!(one(&finding.to_string()).id, one(&asff("EC2.13", GROUP_ARN).to_string()).id);
    let envelope = json!({"detail-type": "Findings Imported V2", "source": "aws.securityhub",
        "detail": {"findings": [finding]}});
    assert_eq!(reason(&envelope), None);
    let mut closed = finding;
    closed["activity_id"] = json!(3);
    assert_eq!(reason(&closed), Some(Reason::Archived));
}

#[test]
fn what_custodian_matched_is_told_by_the_policy_in_its_folder() {
    let metadata = json!({"policy": {"name": "p", "resource": "aws.vpc",
        "filters": [{"not": [{"type": "flow-logs", "enabled": true}]}]},
        "execution": {"end_time": 1795328898.2}, "config": {"account_id": ACCOUNT, "region": "us-east-1",
        "dryrun": true}})
    .to_string();
    let matched = json!([{"VpcId": "vpc-0aaaaaaaaaaaaaaa1", "OwnerId": ACCOUNT, "CidrBlock": "10.0.0.0/16",
        "DhcpOptionsId": "d"}])
    .to_string();
    let run = |folders: [&str; 2]| {
        let inputs: Vec<(String, Box<dyn Read + '_>)> = vec![
            (format!("{}/resources.json", folders[0]), Box::new(matched.as_bytes())),
            (format!("{}/metadata.json", folders[1]), Box::new(metadata.as_bytes())),
        ];
        intake::collect(inputs, &owner(), &[]).suspicions
    };
    let found = run(["out/p", "out/p"]);
    assert!(found[0].decision.is_actionable());
    assert_eq!(found[0].checks, ["vpc-without-flow-logs"]);
    assert_eq!(run(["out/p", "out/q"])[0].decision.reason(), Some(Reason::UnmappedControl));
}

#[test]
fn known_formats_that_are_not_taken_are_declined_with_the_reason() {
    for (text, format) in [
        (json!({"ArtifactName": "x", "Results": []}).to_string(), "Trivy"),
        (json!([{"check_type": "terraform", "results": {"failed_checks": []}}]).to_string(), "Checkov"),
        ("scoutsuite_results =\n{\"account_id\": \"1\"}".to_owned(), "ScoutSuite"),
        (json!({"group_id": "g", "groups": [], "controls": null}).to_string(), "Powerpipe"),
        ("group_id,title,description,control_id,status\na,b,c,d,alarm\n".to_owned(), "Powerpipe"),
        (
            json!([{"plugin": "p", "category": "c", "resource": "r", "region": "us-east-1", "status": "FAIL",
            "message": "m"}])
            .to_string(),
            "CloudSploit",
        ),
        (
            json!({"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
            "s3": {}}]})
            .to_string(),
            "notification of a file",
        ),
        ("hello".to_owned(), "unknown format"),
        (json!({"a": 1}).to_string(), "unknown format"),
    ] {
        let intake = collect(&[&text]);
        let report = &intake.reports[0];
        assert_eq!((report.format.as_str(), report.read), (format, 0), "{text}");
        assert!(report.declined.is_some(), "{text}");
    }
    for (empty, is_taken) in
        [("", false), ("[]", true), ("{\"Findings\": []}", true), ("\u{feff}  \n", false)]
    {
        let intake = collect(&[empty]);
        assert_eq!(
            (intake.reports[0].format.as_str(), intake.reports[0].declined.is_none()),
            ("nothing", is_taken),
            "{empty:?}"
        );
    }
}

#[test]
fn an_input_that_is_cut_off_gives_what_it_holds_and_says_so() {
    let whole = json!([
        asff("EC2.13", GROUP_ARN),
        asff("EC2.6", "arn:aws:ec2:us-east-1:123456789012:vpc/vpc-0aaaaaaaaaaaaaaa1")
    ])
    .to_string();
    let intake = collect(&[&whole[..whole.len() - 1]]);
    assert_eq!(intake.counts.decisions["actionable"], 2);
    assert!(intake.reports[0].incomplete.as_ref().unwrap().contains("not closed"));
    let intake = collect(&[&whole[..whole.len() - 20]]);
    assert_eq!((intake.counts.decisions["actionable"], intake.counts.decisions["incomplete"]), (1, 1));
    assert!(intake.reports[0].incomplete.is_some());
}

#[test]
fn a_finding_with_a_key_that_stands_twice_is_not_acted_on() {
    let twice = asff("EC2.13", GROUP_ARN).to_string().replacen(
        "\"AwsAccountId\"",
        "\"AwsAccountId\":\"999999999999\",\"AwsAccountId\"",
        1,
    );
    let intake = collect(&[&twice]);
    assert!(intake.suspicions.is_empty());
    assert_eq!(intake.counts.decisions["incomplete"], 1);
    let mut hidden = String::new();
    intake::read("x", Box::new(twice.as_bytes()), &mut |item| hidden = format!("{item:?}"));
    assert_eq!(hidden, format!("{:?}", Item::Counted(Reason::Incomplete)));
}

#[test]
fn the_page_of_controls_is_what_the_program_says() {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/controls.md");
    let page = controls_page();
    if std::env::var_os("REDRESS_BLESS").is_some_and(|v| v == "1") {
        fs::write(&file, &page).unwrap();
    }
    assert!(
        fs::read_to_string(&file).is_ok_and(|found| found == page),
        "docs/controls.md is stale; run the tests once with REDRESS_BLESS=1"
    );
}
