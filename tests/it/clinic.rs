//! The whole story of one sick account through the built program, on an emulator, with boto3 as the witness:
//! what a scan names, what a plan refuses, what is there after apply, what is left after undo. Once as text
//! and once as JSON.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::clinic_desk::Desk;

const REGIONS: &str = "--region us-east-1 --region eu-west-1";
const BOTH: &[&str] = &["us-east-1,eu-west-1"];
const OFFICE: &str = "--allow-cidr 203.0.113.0/24";
const SEED: &str = include_str!("clinic_seed.py");

/// The findings of a scan: by check, the ids or ARNs by which the seed names things; and those suppressed,
/// with reasons.
type Named = BTreeMap<String, BTreeSet<String>>;

fn found(scan: &Value) -> (Named, BTreeMap<String, String>) {
    let (mut open, mut suppressed) = (Named::new(), BTreeMap::new());
    for finding in scan["findings"].as_array().unwrap() {
        let (resource, check) = (&finding["resource"], finding["check"].as_str().unwrap().to_owned());
        let by_arn = matches!(resource["kind"].as_str(), Some("trail" | "account"));
        let name = resource[if by_arn { "arn" } else { "id" }].as_str().unwrap().to_owned();
        assert_eq!(finding["verdict"], "violates", "{finding}");
        if let Some(reason) = finding["suppressed"].as_str() {
            suppressed.insert(name, reason.to_owned());
        } else {
            open.entry(check).or_default().insert(name);
        }
    }
    (open, suppressed)
}

fn expected(seed: &Value) -> Named {
    serde_json::from_value(seed["expected"].clone()).unwrap()
}

fn id<'a>(seed: &'a Value, name: &str) -> &'a str {
    seed["ids"][name].as_str().unwrap_or_else(|| panic!("the seed has no {name}"))
}

/// What a plan skips of this resource.
fn skipped<'a>(plan: &'a Value, id: &str) -> &'a Value {
    let of_it = |s: &&Value| s["finding"]["resource"].as_str().is_some_and(|arn| arn.ends_with(id));
    plan["skipped"].as_array().unwrap().iter().find(of_it).unwrap_or_else(|| panic!("{id} is not skipped"))
}

#[test]
fn a_scan_names_every_bad_thing_of_the_clinic_and_none_of_the_good_ones_and_the_whole_story_runs_as_json() {
    let (desk, seed) = Desk::seeded(SEED);
    let scan = desk.ends(0, &format!("scan {REGIONS} --format json")).json();
    let (open, suppressed) = found(&scan);
    assert_eq!(open, expected(&seed));
    assert_eq!(
        suppressed,
        BTreeMap::from([(id(&seed, "excused").to_owned(), "a honeypot, reviewed".to_owned())])
    );
    assert_eq!(scan["unknown"], json!([]), "nothing is unknown");
    desk.ends(3, &format!("scan {REGIONS} --exit-code --format json"));
    story(&desk, &seed, true);
}

#[test]
fn the_whole_story_of_the_clinic_runs_as_text() {
    let (desk, seed) = Desk::seeded(SEED);
    let scan = desk.ends(0, &format!("scan {REGIONS}")).out;
    for name in expected(&seed).values().flatten() {
        let short = name.rsplit('/').next().unwrap();
        assert!(scan.contains(short) || name.ends_with(":root"), "the scan does not name {name}:\n{scan}");
    }
    // A note is no finding: the flow log has not delivered yet.
    let findings: Vec<&str> = scan.lines().filter(|line| !line.trim_start().starts_with('✓')).collect();
    let findings = findings.join("\n");
    for good in ["web", "ping", "office", "loose-good", "watched", "front/dev/xvda"] {
        assert!(!findings.contains(id(&seed, good)), "the scan names {good}, which is good:\n{scan}");
    }
    assert!(scan.contains("a honeypot, reviewed"), "{scan}");
    story(&desk, &seed, false);
}

/// plan, apply, verify, undo.
fn story(desk: &Desk, seed: &Value, json: bool) {
    let format = if json { "--format json" } else { "--format text" };
    let before = desk.look(BOTH);
    desk.ends(4, &format!("plan {REGIONS} -o refusing.json {format}"));
    let refusing = plan(desk, "refusing.json");
    let refused = skipped(&refusing, id(seed, "ssh-only-way"));
    assert_eq!(refused["kind"], "refused");
    let reason = refused["reason"].as_str().unwrap();
    assert!(
        reason.contains("the last way in")
            && reason.contains(id(seed, "front"))
            && reason.contains("--allow-cidr"),
        "{reason}"
    );
    assert!(
        !refusing["changes"].to_string().contains(id(seed, "ssh-only-way")),
        "what is refused is not planned"
    );

    desk.ends(4, &format!("plan {REGIONS} {OFFICE} -o plan.json {format}"));
    let plan = plan(desk, "plan.json");
    let refused: Vec<_> =
        plan["skipped"].as_array().unwrap().iter().filter(|s| s["kind"] == "refused").collect();
    assert_eq!(refused.len(), 1, "only the volume of the cluster's member: {refused:?}");
    assert_eq!(skipped(&plan, id(seed, "member/dev/xvda"))["kind"], "refused");
    assert_eq!(skipped(&plan, id(seed, "excused"))["kind"], "suppressed");
    assert_eq!(desk.look(BOTH), before, "scan and plan change nothing");

    let applied =
        desk.ends(0, &format!("apply plan.json {OFFICE} --auto-approve --max-risk disruptive {format}"));
    if json {
        let run = applied.json();
        assert_eq!(
            (run["format"].as_str(), run["state"].as_str()),
            (Some("redress.run/1"), Some("complete"))
        );
        let good = |c: &Value| matches!(c["outcome"].as_str(), Some("verified" | "already-fixed"));
        assert!(run["changes"].as_array().unwrap().iter().all(good), "{run}");
    }
    let after = desk.look(BOTH);
    healed(seed, &before, &after);
    desk.ends(0, &format!("verify last {format}"));
    assert_eq!(desk.look(BOTH), after, "verify changes nothing");

    desk.ends(0, &format!("undo last --auto-approve --max-risk disruptive {format}"));
    let undone = desk.look(BOTH);
    as_before(&before, &undone);
    let rest = found(&desk.ends(0, &format!("scan {REGIONS} --format json")).json()).0;
    let mut expected = expected(seed);
    // The snapshots that were taken for the encryption are kept, and are younger than a day.
    expected.remove("instance-backup-stale");
    assert_eq!(rest, expected, "what was wrong is wrong again");
}

fn plan(desk: &Desk, name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(desk.path(name)).unwrap()).unwrap()
}

fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().unwrap().iter()
}

/// boto3 agrees that what was wrong is right, and that the rest is as it was.
fn healed(seed: &Value, before: &Value, after: &Value) {
    let (old, new) = (&before["regions"]["us-east-1"], &after["regions"]["us-east-1"]);
    groups_are_tight(seed, old, new);
    volumes_are_encrypted(seed, old, new);
    let trail = &new["trails"][id(seed, "trail")];
    assert_eq!(
        (&trail["logging"], &trail["IsMultiRegionTrail"], &trail["LogFileValidationEnabled"]),
        (&json!(true), &json!(true), &json!(true))
    );
    assert_eq!(trail["S3BucketName"], old["trails"][id(seed, "trail")]["S3BucketName"]);
    for (region, vpcs) in [
        ("us-east-1", &["default-us-east-1", "plain", "half", "watched"][..]),
        ("eu-west-1", &["default-eu-west-1"][..]),
    ] {
        for vpc in vpcs {
            let logs = object(&after["regions"][region]["flow_logs"])
                .filter(|(_, f)| f["ResourceId"] == id(seed, vpc) && f["TrafficType"] == "ALL");
            let logs: Vec<_> = logs.map(|(_, f)| f["FlowLogStatus"].as_str().unwrap()).collect();
            assert_eq!(logs, ["ACTIVE"], "flow logs of {vpc}");
        }
    }
    let instance = id(seed, "database");
    for device in ["/dev/xvda", "/dev/sdf"] {
        let of = |s: &Value| {
            s["tags"]["redress:source"] == id(seed, &format!("database{device}"))
                || s["volume"] == id(seed, &format!("database{device}"))
        };
        assert!(
            object(&new["snapshots"]).any(|(_, s)| of(s) && s["state"] == "completed"),
            "{instance} {device} has a snapshot"
        );
    }
}

fn groups_are_tight(seed: &Value, old: &Value, new: &Value) {
    let rules = |name: &str| -> Vec<&str> {
        new["groups"][id(seed, name)]["rules"].as_array().unwrap().iter().filter_map(Value::as_str).collect()
    };
    let out = "out -1 - 0.0.0.0/0";
    assert_eq!(
        rules("ssh-open"),
        ["in tcp 22-22 203.0.113.0/24 for a test", "in tcp 443-443 10.0.0.0/8 for a test", out]
    );
    assert_eq!(rules("ssh-only-way"), ["in tcp 22-22 203.0.113.0/24 for a test", out]);
    assert_eq!(rules("quarters"), ["in tcp 22-22 203.0.113.0/24 for a test", out]);
    assert_eq!(rules("mysql-open"), ["in tcp 3306-3306 203.0.113.0/24 for a test", out]);
    for name in ["ssh-open", "ssh-only-way", "winrm-v6", "range", "quarters", "mysql-open", "everything"] {
        let open = rules(name)
            .into_iter()
            .filter(|r| r.starts_with("in ") && [" 0.0.0.0/", " ::/0", "/2 "].iter().any(|w| r.contains(w)))
            .count();
        assert_eq!(open, 0, "{name}: {:?}", rules(name));
    }
    assert_eq!(rules("half-default"), [""; 0], "nothing comes in or goes out");
    for name in ["web", "ping", "office", "excused"] {
        assert_eq!(new["groups"][id(seed, name)], old["groups"][id(seed, name)], "{name} is left alone");
    }
}

fn volumes_are_encrypted(seed: &Value, old: &Value, new: &Value) {
    for name in ["database", "idle", "front", "member"] {
        let instance = id(seed, name);
        let (was, is) = (&old["instances"][instance], &new["instances"][instance]);
        assert_eq!(
            (&was["state"], &was["ip"], &was["type"], &was["tags"]),
            (&is["state"], &is["ip"], &is["type"], &is["tags"]),
            "{name}"
        );
        let devices = |of: &Value| -> Vec<(String, Value)> {
            object(&of["devices"]).map(|(d, b)| (d.clone(), b["dies"].clone())).collect()
        };
        assert_eq!(devices(was), devices(is), "{name}: the same devices, each with its DeleteOnTermination");
        for (device, behind) in object(&is["devices"]) {
            let volume = &new["volumes"][behind["volume"].as_str().unwrap()];
            assert_eq!(volume["Encrypted"], json!(name != "member"), "{name} {device}");
            assert_eq!(volume["at"], json!([[instance, device, "attached"]]));
            let before = &old["volumes"][was["devices"][device]["volume"].as_str().unwrap()];
            for what in ["Size", "VolumeType", "Iops", "AvailabilityZone"] {
                assert_eq!(volume[what], before[what], "{name} {device} {what}");
            }
            if matches!(name, "database" | "idle") {
                let kept = &new["volumes"][was["devices"][device]["volume"].as_str().unwrap()];
                assert_eq!(
                    (&kept["State"], &kept["tags"]["redress:replaced-by"]),
                    (&json!("available"), &behind["volume"]),
                    "the old volume is kept"
                );
            }
        }
    }
    let loose = object(&new["volumes"])
        .find(|(_, v)| v["tags"]["redress:source"] == id(seed, "loose"))
        .expect("the loose volume has its replacement")
        .1;
    assert_eq!(
        (&loose["Encrypted"], &loose["Iops"], &loose["Throughput"]),
        (&json!(true), &json!(3500), &json!(200))
    );
}

/// The account is as it was, but for what the plan named: new disks and snapshots, which carry the run's tag,
/// and log groups.
pub fn as_before(before: &Value, after: &Value) {
    let mut after = after.clone();
    let made = |v: &Value| v["tags"]["redress:run"].is_string();
    for region in after["regions"].as_object_mut().unwrap().values_mut() {
        for kind in ["volumes", "snapshots"] {
            region[kind].as_object_mut().unwrap().retain(|_, v| !made(v));
        }
        let groups = region["log_groups"].as_object_mut().unwrap();
        groups.retain(|name, _| name != "/redress/vpc-flow-logs");
    }
    for (region, was) in object(&before["regions"]) {
        for (kind, was) in object(was) {
            assert_eq!(was, &after["regions"][region][kind], "{kind} of {region}");
        }
    }
    assert_eq!(before, &after);
}
