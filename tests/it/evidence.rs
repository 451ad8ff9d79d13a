//! `--flow-logs` and `--allow-observed` through the built program on an emulator, with boto3 as the witness:
//! who uses what would close is shown wherever a plan is, and logs that are no logs change nothing. The
//! emulator writes no flow logs, so the tests write them, about the interfaces that it made.

use std::{fs::File, io::Write, path::Path, sync::Arc};

use flate2::{Compression, write::GzEncoder};
use parquet::{
    data_type::{ByteArray, ByteArrayType, Int32Type, Int64Type},
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::parser::parse_message_type,
};
use serde_json::Value;

use crate::{clinic_desk::Desk, fix};

/// Two instances behind a group that is open, one behind another, and a group without use.
const SEED: &str = r#"
import json
import boto3

ec2 = boto3.client("ec2", region_name="us-east-1")
vpc = ec2.create_vpc(CidrBlock="10.6.0.0/16")["Vpc"]["VpcId"]
subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.6.1.0/24", AvailabilityZone="us-east-1a")["Subnet"]["SubnetId"]
def group(name):
    made = ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=made, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}])
    return made
def interface(group):
    made = ec2.create_network_interface(SubnetId=subnet, Groups=[group])["NetworkInterface"]
    return [made["NetworkInterfaceId"], made["PrivateIpAddress"]]
used, quiet, alone = group("used"), group("quiet"), group("alone")
print(json.dumps({"used": used, "quiet": quiet, "alone": alone, "interfaces": [interface(used), interface(used), interface(quiet)]}))
"#;

const RULES: &str = r#"
import json
import boto3

ec2 = boto3.client("ec2", region_name="us-east-1")
all = ec2.describe_security_groups()["SecurityGroups"]
print(json.dumps({g["GroupId"]: sorted(r["CidrIp"] for p in g["IpPermissions"] if p.get("FromPort") == 22 for r in p["IpRanges"]) for g in all}))
"#;

const CHECKS: &str = "--region us-east-1 --check security-group-open-admin-port";
const HEADER: &str = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes \
                      start end action log-status";

struct Scene {
    desk: Desk,
    seed: Value,
}

impl Scene {
    fn new() -> Self {
        let (desk, seed) = Desk::seeded(SEED);
        Self { desk, seed }
    }

    fn group(&self, name: &str) -> &str {
        self.seed[name].as_str().unwrap()
    }

    fn eni(&self, n: usize) -> &str {
        self.seed["interfaces"][n][0].as_str().unwrap()
    }

    /// A record of traffic to an interface.
    fn record(&self, n: usize, from: &str, port: u16, at: u64, action: &str) -> String {
        let to = self.seed["interfaces"][n][1].as_str().unwrap();
        let (eni, end) = (self.eni(n), at + 60);
        format!("2 123456789012 {eni} {from} {to} 40000 {port} 6 4 2048 {at} {end} {action} OK\n")
    }

    /// Logs in which two came in at the group that is used, one knocked, and all interfaces are covered.
    fn whole(&self) -> String {
        [
            format!("{HEADER}\n"),
            self.record(0, "203.0.113.7", 22, 1_795_000_000, "ACCEPT"),
            self.record(1, "203.0.113.9", 22, 1_795_000_060, "ACCEPT"),
            self.record(1, "198.51.100.9", 22, 1_795_000_060, "REJECT"),
            self.record(0, "198.51.100.8", 443, 1_795_000_000, "ACCEPT"),
            format!("2 123456789012 {} - - - - - - - 1795000000 1795000060 - NODATA\n", self.eni(2)),
        ]
        .concat()
    }

    fn write(&self, name: &str, text: &str) {
        write(&self.desk.path(name), text.as_bytes());
    }

    fn rules(&self) -> Value {
        serde_json::from_str(&self.desk.python(RULES, "")).unwrap()
    }
}

fn write(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    File::create(path).unwrap().write_all(bytes).unwrap();
}

fn packed(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// The same records as Parquet: the text is in the default format, with its header.
fn columns(path: &Path, text: &str) {
    let names: Vec<&str> = HEADER.split_whitespace().collect();
    let kind = |name: &&str| match *name {
        "version" | "srcport" | "dstport" => "INT32",
        "protocol" | "packets" | "bytes" | "start" | "end" => "INT64",
        _ => "BINARY",
    };
    let column = |name: &&str| {
        let of = if kind(name) == "BINARY" { " (UTF8)" } else { "" };
        format!("OPTIONAL {} {}{of};", kind(name), name.replace('-', "_"))
    };
    let schema = format!("message flows {{ {} }}", names.iter().map(column).collect::<String>());
    let schema = Arc::new(parse_message_type(&schema).unwrap());
    let packed = WriterProperties::builder()
        .set_compression(parquet::basic::Compression::GZIP(Default::default()))
        .build();
    let mut writer =
        SerializedFileWriter::new(File::create(path).unwrap(), schema, Arc::new(packed)).unwrap();
    let mut group = writer.next_row_group().unwrap();
    for (at, name) in names.iter().enumerate() {
        let values = text.lines().skip(1).map(|line| line.split(' ').nth(at).filter(|value| *value != "-"));
        let values: Vec<Option<&str>> = values.collect();
        let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
        let given = values.iter().flatten();
        let mut into = group.next_column().unwrap().unwrap();
        match kind(name) {
            "INT32" => {
                let all: Vec<i32> = given.map(|value| value.parse().unwrap()).collect();
                into.typed::<Int32Type>().write_batch(&all, Some(&levels), None).unwrap();
            }
            "INT64" => {
                let all: Vec<i64> = given.map(|value| value.parse().unwrap()).collect();
                into.typed::<Int64Type>().write_batch(&all, Some(&levels), None).unwrap();
            }
            _ => {
                let all: Vec<ByteArray> = given.map(|value| ByteArray::from(*value)).collect();
                into.typed::<ByteArrayType>().write_batch(&all, Some(&levels), None).unwrap();
            }
        }
        into.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
}

fn change<'v>(plan: &'v Value, group: &str) -> &'v Value {
    let changes = plan["changes"].as_array().unwrap();
    changes.iter().find(|one| one["resource"].as_str().unwrap().ends_with(group)).expect("a change")
}

/// A text without line breaks and indents.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn who_uses_what_would_close_is_shown_in_every_form_and_applied_as_without_logs() {
    let scene = Scene::new();
    let (desk, before) = (&scene.desk, scene.rules());
    // A folder as it comes from S3: compressed files, in folders of days.
    let (first, second) = (
        scene.whole(),
        [format!("{HEADER}\n"), scene.record(0, "203.0.113.7", 22, 1_795_086_400, "ACCEPT")].concat(),
    );
    write(&desk.path("logs/2026/11/17/a.log.gz"), &packed(&first));
    write(&desk.path("logs/2026/11/18/b.log.gz"), &packed(&second));
    let flags = format!("{CHECKS} --flow-logs logs --max-changes 10 --max-percent 100");
    let said = desk.ends(0, &format!("plan {flags} -o plan.json --report html=plan.html"));
    assert!(said.err.contains("6 records of flow logs were read, in 2 files"), "{}", said.err);
    let text = flat(&said.out);
    assert!(
        text.contains("accepted 3 flows, 6.0 KiB, with addresses 203.0.113.7 (2 flows, 4.0 KiB"),
        "{text}"
    );
    assert!(text.contains("rejected already: 1 flow"), "{text}");
    assert!(text.contains("the logs cover 1 of 2 interfaces in a part of that time only"), "{text}");
    assert!(
        text.contains("nobody used tcp 22 from 0.0.0.0/0")
            && text.contains("as the logs of its interface show"),
        "{text}"
    );
    assert!(text.contains("no interface is behind tcp 22 from 0.0.0.0/0"), "{text}");
    let plan: Value = serde_json::from_slice(&std::fs::read(desk.path("plan.json")).unwrap()).unwrap();
    let one = &change(&plan, scene.group("used"))["evidence"]["uses"][0];
    assert_eq!((one["accepted"]["flows"].as_u64(), one["interfaces"].as_u64()), (Some(3), Some(2)));
    assert_eq!(one["accepted"]["peers"][0]["address"], "203.0.113.7");
    assert_eq!(one["rejected"]["peers"][0]["address"], "198.51.100.9");
    let page = std::fs::read_to_string(desk.path("plan.html")).unwrap();
    assert!(page.contains("<dt>Use</dt>") && page.contains("203.0.113.9 (1 flow"), "the page shows it");
    let scan = desk.ends(0, &format!("scan {CHECKS} --flow-logs logs --format json")).json();
    let found = scan["findings"].as_array().unwrap().iter();
    let of = found.clone().find(|one| one["resource"]["id"] == scene.group("used")).unwrap();
    assert!(of["used"][0].as_str().unwrap().contains("accepted 3 flows"), "{of}");
    assert_eq!(scene.rules(), before, "neither changes anything");
    // A plan from a file is made again without logs, and is the same; what only the file states is said so.
    let said = desk.ends(0, "apply plan.json --auto-approve --max-risk disruptive");
    assert!(!flat(&said.err).contains("drifted") && !flat(&said.out).contains("drifted"), "{}", said.err);
    assert!(
        flat(&said.err).contains("according to the file: tcp 22 from 0.0.0.0/0 was used"),
        "{}",
        said.err
    );
    let after = scene.rules();
    assert_eq!(after[scene.group("used")], serde_json::json!([]));
    desk.ends(0, "undo last --auto-approve --max-risk disruptive");
    assert_eq!(scene.rules(), before);
}

#[test]
fn an_interface_that_no_log_covers_is_unknown() {
    let scene = Scene::new();
    let log = [format!("{HEADER}\n"), scene.record(0, "203.0.113.7", 443, 1_795_000_000, "ACCEPT")].concat();
    scene.write("a.log", &log);
    let said =
        scene.desk.ends(0, &format!("plan {CHECKS} --flow-logs a.log --max-changes 10 --max-percent 100"));
    let text = flat(&said.out);
    for n in [1, 2] {
        let words = format!(
            "no log covers {}: redress could not find out whether anybody used tcp 22 from 0.0.0.0/0 there",
            scene.eni(n)
        );
        assert!(text.contains(&words), "{words}\n{text}");
    }
    assert!(text.contains("as the logs of 1 of 2 interfaces show"), "{text}");
}

#[test]
fn observed_addresses_are_let_in_only_when_asked_for_and_only_those_that_came_in() {
    let scene = Scene::new();
    let (desk, before) = (&scene.desk, scene.rules());
    scene.write("a.log", &scene.whole());
    let flags = format!("{CHECKS} --flow-logs a.log --max-changes 10 --max-percent 100");
    let plain = desk.ends(0, &format!("plan {flags} --format json")).json();
    assert_eq!(change(&plain, scene.group("used"))["uses"][0]["with"]["allow"], serde_json::json!([]));
    let said = desk.ends(0, &format!("plan {flags} --allow-observed -o plan.json"));
    let text = flat(&said.out);
    assert!(
        text.contains("allowed as observed: 203.0.113.7/32, 203.0.113.9/32, accepted 2 flows since"),
        "{text}"
    );
    let plan: Value = serde_json::from_slice(&std::fs::read(desk.path("plan.json")).unwrap()).unwrap();
    let allowed = |group: &str| change(&plan, scene.group(group))["uses"][0]["with"]["allow"].clone();
    assert_eq!(allowed("used"), serde_json::json!(["203.0.113.7/32", "203.0.113.9/32"]));
    assert_eq!(allowed("quiet"), serde_json::json!([]), "nobody came in there");
    // The networks rest on the file alone: without a person, the change is not made.
    let held = desk.ends(4, "apply plan.json --auto-approve --max-risk disruptive");
    let reason = flat(&format!("{}{}", held.out, held.err));
    assert!(reason.contains("203.0.113.7/32"), "{reason}");
    let now = scene.rules();
    assert_eq!(now[scene.group("used")], before[scene.group("used")]);
    assert_eq!(now[scene.group("quiet")], serde_json::json!([]), "what needs no observed network is done");
    // It is asked for by name, and needs logs.
    let bare = desk.ends(2, &format!("plan {CHECKS} --allow-observed"));
    assert!(bare.err.contains("--flow-logs"), "{}", bare.err);
    // Logs with a gap are no ground for it.
    let log = [format!("{HEADER}\n"), scene.record(0, "203.0.113.7", 22, 1_795_000_000, "ACCEPT")].concat();
    scene.write("b.log", &log);
    let flags = format!("{CHECKS} --flow-logs b.log --allow-observed --max-changes 10 --max-percent 100");
    let refused = desk.ends(4, &format!("plan {flags} --format json")).json();
    let [skipped] = refused["skipped"].as_array().unwrap().as_slice() else { panic!("{refused:#}") };
    assert!(skipped["finding"]["resource"].as_str().unwrap().ends_with(scene.group("used")), "{skipped}");
    let reason = skipped["reason"].as_str().unwrap();
    assert!(reason.contains(&format!("no log covers {}", scene.eni(1))), "{reason}");
    assert_eq!(refused["changes"], serde_json::json!([]));
}

#[test]
fn parquet_shows_the_same_as_text() {
    let scene = Scene::new();
    scene.write("a.log", &scene.whole());
    columns(&scene.desk.path("a.parquet"), &scene.whole());
    let evidence = |file: &str| {
        let line = format!("plan {CHECKS} --flow-logs {file} --format json");
        let plan = scene.desk.ends(0, &line).json();
        change(&plan, scene.group("used"))["evidence"].clone()
    };
    let text = evidence("a.log");
    assert_eq!(text["uses"][0]["accepted"]["flows"], 2);
    assert_eq!(evidence("a.parquet"), text);
}

#[test]
fn a_walk_through_the_changes_and_a_scan_show_it() {
    let desk = fix::Desk::new("xterm");
    write(&desk.folder.path().join("a.log"), format!("{HEADER}\n").as_bytes());
    let line = "fix --account twin:demo --check security-group-open-admin-port --flow-logs a.log";
    let seen = desk.play(line, &[("Do c", "\u{3}")]);
    let text = flat(&seen.text);
    assert!(text.contains("use no log covers eni-"), "{text}");
    let scene = Scene::new();
    scene.write("a.log", &scene.whole());
    let text = flat(&scene.desk.ends(0, &format!("scan {CHECKS} --flow-logs a.log")).out);
    assert!(text.contains("use: tcp 22 from 0.0.0.0/0 was used"), "{text}");
}

#[test]
fn what_is_no_flow_log_ends_with_the_file_and_the_line_and_nothing_is_planned() {
    let scene = Scene::new();
    let whole = scene.whole();
    let cut = packed(&whole);
    scene.write("other.json", "{\"Records\": []}\n");
    scene.write("cut.log", whole.trim_end().strip_suffix(" NODATA").unwrap());
    write(&scene.desk.path("cut.log.gz"), &cut[..cut.len() - 12]);
    write(&scene.desk.path("cut.parquet"), b"PAR1 and no more");
    scene.write("bare.log", "version account-id interface-id start end\n");
    std::fs::create_dir(scene.desk.path("empty")).unwrap();
    for (file, words) in [
        ("other.json", "other.json, line 1: neither a header of field names nor a record"),
        ("cut.log", "cut.log, line 6: the log ends in the middle: 13 fields where the format has 14"),
        ("cut.log.gz", "the file is damaged, or cut off"),
        ("cut.parquet", "cut.parquet: the Parquet file is damaged, or cut off"),
        ("bare.log", "line 1: the log has no field srcaddr, dstaddr, dstport, protocol, action"),
        ("missing.log", "missing.log: cannot read flow logs from it"),
        ("empty", "there are no files in this folder"),
    ] {
        let said = scene.desk.ends(2, &format!("plan {CHECKS} --flow-logs {file} -o plan.json"));
        assert!(flat(&said.err).contains(words), "{words}\n{}", said.err);
        assert!(!scene.desk.path("plan.json").exists(), "{file}");
        assert!(said.out.is_empty(), "{}", said.out);
    }
}
