//! How fast intake reads, format by format, and how much memory a large log takes. Plain, since a reader is
//! either fast enough or not. It is compiled without the SDKs, so that they need not be built a second time:
//!
//! ```text
//! cargo measure --bench intake                          every format, from memory
//! cargo measure --bench intake -- generate FILE [MiB]   writes a CloudTrail log of that size, 1024 by default
//! cargo measure --bench intake -- peak FILE             reads a file, and says how much memory that took at most
//! cargo measure --bench intake -- follow FILE NAME      the same for an investigation of the role NAME
//! ```
//!
//! What is counted is the processor's time of the one thread that reads, where the system tells it (Linux),
//! so that what else the machine does counts as little as it can; elsewhere the clock's.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints, and may panic")]

#[path = "../it/worked.rs"]
mod worked;

use std::{
    fs::File,
    io::{BufWriter, Read, Write},
    time::{Duration, Instant},
};

use flate2::{Compression, write::GzEncoder};
use redress::{
    intake,
    investigate::{Period, Target, Trace},
    resource::Owner,
};
use serde_json::{Value, json};

use worked::worked;

const ACCOUNT: &str = "123456789012";
/// How large the input of each format is.
const SIZE: usize = 32 << 20;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["generate", file] => generate(file, 1024),
        ["generate", file, size] => generate(file, size.parse().unwrap()),
        ["peak", file] => peak(file),
        ["follow", file, role] => follow(file, role),
        _ => all(),
    }
}

/// An event of a log: of a hundred, two are such as checks answer, and ten more are written down.
fn event(n: usize) -> Value {
    let (name, request, response) = match n % 100 {
        7 => (
            "AuthorizeSecurityGroupIngress",
            json!({"groupId": format!("sg-{:017x}", n % 5000),
                "ipPermissions": {"items": [{"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "groups": {},
                "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}, "ipv6Ranges": {}, "prefixListIds": {}}]}}),
            json!({"_return": true}),
        ),
        8 => (
            "CreateVolume",
            json!({"size": "8", "zone": "us-east-1a"}),
            json!({"volumeId": format!("vol-{:017x}", n % 5000), "encrypted": false}),
        ),
        10..20 => (
            "CreateTags",
            json!({"resourcesSet": {"items": [{"resourceId": "i-0aaaaaaaaaaaaaaa1"}]},
                "tagSet": {"items": [{"key": "a", "value": "b"}]}}),
            json!({"_return": true}),
        ),
        _ => (
            "DescribeInstances",
            json!({"instancesSet": {}, "filterSet": {"items": [{"name": "tag:Name",
                "valueSet": {"items": [{"value": format!("web-{n}")}]}}]}}),
            json!(null),
        ),
    };
    json!({
        "eventVersion": "1.11",
        "userIdentity": {"type": "AssumedRole", "principalId": "AROAEXAMPLEEXAMPLE:ci",
        "arn": "arn:aws:sts::123456789012:assumed-role/deploy/ci", "accountId": ACCOUNT,
            "accessKeyId": "ASIAEXAMPLEEXAMPLE", "sessionContext": {"sessionIssuer": {"type": "Role",
            "principalId": "AROAEXAMPLEEXAMPLE",
            "arn": "arn:aws:iam::123456789012:role/deploy", "accountId": ACCOUNT, "userName": "deploy"},
            "attributes": {"creationDate": "2026-11-22T05:00:00Z", "mfaAuthenticated": "false"}}},
        "eventTime": format!("2026-11-22T{:02}:{:02}:{:02}Z", n / 3600 % 24, n / 60 % 60, n % 60),
        "eventSource": "ec2.amazonaws.com", "eventName": name,
        "awsRegion": "us-east-1", "sourceIPAddress": "198.51.100.7",
        "userAgent": "aws-cli/2.15.0 md/awscrt Python/3.11", "requestParameters": request,
        "responseElements": response, "requestID": format!("{n:032x}"), "eventID": format!("{n:032x}"),
        "readOnly": name.starts_with("Describe"), "eventType": "AwsApiCall",
        "managementEvent": true, "recipientAccountId": ACCOUNT, "eventCategory": "Management",
        "tlsDetails": {"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256",
        "clientProvidedHostHeader": "ec2.us-east-1.amazonaws.com"}
    })
}

fn group(n: usize) -> String {
    format!("arn:aws:ec2:us-east-1:{ACCOUNT}:security-group/sg-{n:017x}")
}

fn asff(n: usize) -> Value {
    json!({"SchemaVersion": "2018-10-08", "Id": format!("finding/{n}"),
        "ProductArn": "arn:aws:securityhub:us-east-1::product/aws/securityhub", "ProductName": "Security Hub",
        "GeneratorId": "security-control/EC2.13", "AwsAccountId": ACCOUNT, "Region": "us-east-1",
        "CreatedAt": "2026-11-20T06:00:00.000Z", "UpdatedAt": "2026-11-22T06:00:00.000Z",
        "Types": ["Software and Configuration Checks/Industry and Regulatory Standards"], "Severity": {"Label": "HIGH", "Normalized": 70, "Original": "HIGH"},
        "Title": "Security groups should not allow ingress to port 22", "Description": "d".repeat(300),
        "Remediation": {"Recommendation": {"Text": "t".repeat(120), "Url": "https://example.com"}},
        "Compliance": {"Status": if n.is_multiple_of(4) { "FAILED" } else { "PASSED" },
        "SecurityControlId": "EC2.13",
        "AssociatedStandards": [{"StandardsId": "standards/aws-foundational-security-best-practices/v/1.0.0"}]},
        "Workflow": {"Status": "NEW"}, "RecordState": "ACTIVE", "Resources": [{"Type": "AwsEc2SecurityGroup",
        "Id": group(n), "Partition": "aws", "Region": "us-east-1"}]})
}

fn ocsf(n: usize) -> Value {
    json!({"message": "m".repeat(100), "metadata": {"event_code": "vpc_flow_logs_enabled",
        "product": {"name": "Prowler", "uid": "prowler", "vendor_name": "Prowler", "version": "5.46.0"},
        "version": "1.5.0"},
        "severity_id": 3, "severity": "Medium", "status": "New",
        "status_code": if n.is_multiple_of(4) { "FAIL" } else { "PASS" }, "status_id": 1, "class_uid": 2004,
        "time": 1_795_328_849,
        "unmapped": {"compliance": {"CIS-3.0": ["3.7"], "NIST-800-53-Revision-5": ["ac_4", "au_2", "au_3",
        "si_4"]}, "notes": "x".repeat(800)}, "finding_info": {"uid": format!("u{n}"), "desc": "d".repeat(400),
            "title": "t"},
        "resources": [{"uid": format!("arn:aws:ec2:us-east-1:{ACCOUNT}:vpc/vpc-{n:017x}"),
        "region": "us-east-1", "cloud_partition": "aws", "type": "AwsEc2Vpc", "data": {"details": "",
        "metadata": {"x": "y".repeat(600)}}}],
        "cloud": {"account": {"uid": ACCOUNT}, "region": "us-east-1", "provider": "aws"}})
}

fn guardduty(n: usize) -> Value {
    json!({"schemaVersion": "2.0", "accountId": ACCOUNT, "region": "us-east-1", "partition": "aws",
        "id": format!("{n:032x}"), "type": "UnauthorizedAccess:EC2/SSHBruteForce", "severity": 2,
        "title": "t", "description": "d".repeat(200), "updatedAt": "2026-11-22T06:00:00Z",
        "service": {"archived": false, "resourceRole": "TARGET", "additionalInfo": {}, "count": 3},
        "resource": {"resourceType": "Instance", "instanceDetails": {"instanceId": format!("i-{n:017x}"),
        "networkInterfaces": [{"securityGroups": [{"groupId": format!("sg-{n:017x}")}]}]}}})
}

fn config(n: usize) -> Value {
    json!({"ComplianceType": "NON_COMPLIANT", "AccountId": ACCOUNT, "AwsRegion": "us-east-1",
        "ResultRecordedTime": "2026-11-22T06:00:00Z",
        "EvaluationResultIdentifier": {"EvaluationResultQualifier":
        {"ConfigRuleName": "vpc-flow-logs-enabled", "ResourceType": "AWS::EC2::VPC",
            "ResourceId": format!("vpc-{n:017x}")}}})
}

fn custodian(n: usize) -> Value {
    json!({"GroupId": format!("sg-{n:017x}"), "GroupName": "g", "OwnerId": ACCOUNT,
        "VpcId": "vpc-0aaaaaaaaaaaaaaa1", "IpPermissions": [{"IpProtocol": "tcp", "FromPort": 22,
        "ToPort": 22}], "c7n:matched-keys": ["x"]})
}

/// A list of so many bytes.
fn list(open: &str, close: &str, make: fn(usize) -> Value) -> Vec<u8> {
    let mut text = open.as_bytes().to_vec();
    for n in 0.. {
        if n > 0 {
            text.push(b',');
        }
        serde_json::to_writer(&mut text, &make(n)).unwrap();
        if text.len() > SIZE {
            break;
        }
    }
    text.extend_from_slice(close.as_bytes());
    text
}

fn csv() -> Vec<u8> {
    let mut text = b"AUTH_METHOD;TIMESTAMP;ACCOUNT_UID;FINDING_UID;CHECK_ID;STATUS;STATUS_EXTENDED;MUTED;SEVERITY;RESOURCE_TYPE;RESOURCE_UID;RESOURCE_NAME;PARTITION;REGION;DESCRIPTION;COMPLIANCE\n".to_vec();
    for n in 0.. {
        let status = if n % 4 == 0 { "FAIL" } else { "PASS" };
        let arn = group(n);
        writeln!(text, "p;2026-11-22 \
                        06:27:29.487322;{ACCOUNT};u{n};ec2_securitygroup_allow_ingress_from_internet_to_tcp_port_22;{status};\"open; \
                        \"\"wide\"\"\";False;high;AwsEc2SecurityGroup;{arn};sg;aws;us-east-1;{};{}", "d".repeat(300), "CIS: 5.2 | ".repeat(20)).unwrap();
        if text.len() > SIZE {
            return text;
        }
    }
    text
}

fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn all() {
    let log = list("{\"Records\":[", "]}", event);
    let lookup = list(
        "{\"Events\":[",
        "]}",
        |n| json!({"EventId": format!("{n}"), "ReadOnly": "true", "CloudTrailEvent": event(n).to_string()}),
    );
    let gz = compressed(&log);
    println!("{:28} {:>9} {:>12} {:>10}", "format", "MB/s", "findings/s", "actionable");
    time("CloudTrail log file", &log, log.len());
    time("CloudTrail log file, gzip", &gz, log.len());
    time("CloudTrail LookupEvents", &lookup, lookup.len());
    for (name, bytes) in [
        ("Security Hub ASFF", list("{\"Findings\":[", "]}", asff)),
        ("Prowler OCSF", list("[", "]", ocsf)),
        ("Prowler CSV", csv()),
        ("GuardDuty", list("[", "]", guardduty)),
        ("AWS Config", list("{\"AggregateEvaluationResults\":[", "]}", config)),
        ("Cloud Custodian", list("[", "]", custodian)),
    ] {
        time(name, &bytes, bytes.len());
    }
}

/// Reads an input some times, and tells the best.
fn time(name: &str, bytes: &[u8], plain: usize) {
    let mut best = Duration::MAX;
    let (mut read, mut actionable) = (0, 0);
    for _ in 0..3 {
        let begun = Instant::now();
        let before = worked(begun);
        let intake = collect(vec![(name.to_owned(), Box::new(bytes))]);
        best = best.min(worked(begun) - before);
        read = intake.counts.read;
        actionable = intake.counts.decisions.get("actionable").copied().unwrap_or(0);
    }
    let per = |n: f64| n / best.as_secs_f64();
    println!("{name:28} {:>9.0} {:>12.0} {actionable:>10}", per(plain as f64 / 1e6), per(read as f64));
}

fn collect(inputs: Vec<(String, Box<dyn Read + '_>)>) -> intake::Intake {
    let owner = Owner { partition: "aws".into(), account: ACCOUNT.into() };
    intake::collect(inputs, &owner, &[])
}

fn generate(file: &str, mebibytes: u64) {
    let mut out = BufWriter::new(File::create(file).unwrap());
    let mut written = 0;
    out.write_all(b"{\"Records\":[").unwrap();
    for n in 0.. {
        let text = event(n).to_string();
        written += text.len() as u64 + 1;
        out.write_all(if n > 0 { b"," } else { b"" }).unwrap();
        out.write_all(text.as_bytes()).unwrap();
        if written > mebibytes << 20 {
            break;
        }
    }
    out.write_all(b"]}").unwrap();
    out.flush().unwrap();
}

fn peak(file: &str) {
    let begun = Instant::now();
    let before = worked(begun);
    let intake = collect(vec![(file.to_owned(), Box::new(File::open(file).unwrap()))]);
    let (took, peak) = (worked(begun) - before, memory());
    let report = &intake.reports[0];
    println!(
        "{} bytes as {} in {:.1} s: {:?}; {} suspicions; {peak}",
        report.bytes,
        report.format,
        took.as_secs_f64(),
        intake.counts,
        intake.suspicions.len()
    );
}

fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find(|l| l.starts_with("VmHWM")).unwrap_or("VmHWM: not known here").to_owned()
}

fn follow(file: &str, role: &str) {
    let begun = Instant::now();
    let before = worked(begun);
    let mut trace = Trace::new(Target::role(role).unwrap(), Period::default());
    let report = intake::events(file, Box::new(File::open(file).unwrap()), &mut trace);
    let (bytes, done) = (report.bytes, trace.done(vec![report]));
    let took = worked(begun) - before;
    println!("{bytes} bytes in {:.1} s: {:?}; {}", took.as_secs_f64(), done.counts, memory());
}
