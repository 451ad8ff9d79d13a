//! Foreign findings from end to end: on an emulated account in bad shape, what other tools and CloudTrail say
//! of it is planned and applied, and closes the findings that a scan closes. Where it closes fewer, the test
//! says which and why.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::{Command, Stdio},
    sync::OnceLock,
};

use redress::intake::{self, Item, Reason};
use serde_json::Value;

use crate::{
    clinic_desk::Desk,
    support::{Keys, Moto, python},
};

const SEED: &str = include_str!("clinic_seed.py");
const WHERE: &str = "--region us-east-1 --region eu-west-1 --allow-cidr 203.0.113.0/24 --format json";
const REGIONS: &str = "us-east-1,eu-west-1";
const TRAIL: &str = include_str!("clinic_trail.py");
const QUIET: &str = include_str!("settings_quiet.py");
const PROWLER: &str = include_str!("clinic_prowler.py");
/// One run of Prowler in each of its formats.
const FORMATS: [&str; 3] = ["run.asff.json", "run.csv", "run.ocsf.json"];

/// What stands open or was closed: check and resource, each by the name that its seed gave it.
type Open = BTreeSet<(String, String)>;

fn pairs(list: &[(&str, &str)]) -> Open {
    list.iter().map(|(check, name)| ((*check).to_owned(), (*name).to_owned())).collect()
}

/// The names that a seed gave to ids: `database/dev/xvda` for `vol-...`.
fn names(ids: &Value) -> BTreeMap<String, String> {
    fn walk(at: &str, value: &Value, into: &mut BTreeMap<String, String>) {
        match value {
            Value::String(id) => drop(into.insert(id.clone(), at.to_owned())),
            Value::Object(inner) => {
                inner.iter().for_each(|(key, value)| walk(&format!("{at}{key}"), value, into))
            }
            _ => {}
        }
    }
    let mut names = BTreeMap::new();
    walk("", ids, &mut names);
    names
}

/// What a scan of everything finds, but for what somebody has set aside.
fn open(desk: &Desk, ids: &Value) -> Open {
    let names = names(ids);
    let scan = desk.ends(0, &format!("scan {WHERE}")).json();
    assert_eq!(scan["unknown"], serde_json::json!([]));
    let of = |f: &Value| {
        let (resource, word) = (&f["resource"], |v: &Value| v.as_str().unwrap_or_default().to_owned());
        let name = ["id", "arn"].iter().find_map(|key| names.get(resource[*key].as_str()?)).cloned();
        // What the emulator had before the seed is named by its kind and place.
        (
            word(&f["check"]),
            name.unwrap_or_else(|| format!("{} of {}", word(&resource["kind"]), word(&resource["region"]))),
        )
    };
    scan["findings"].as_array().unwrap().iter().filter(|f| f["suppressed"].is_null()).map(of).collect()
}

/// Plans what a scan finds, or what stands in these inputs, applies all of it, checks it again, and gives
/// what was closed by it.
fn closed(desk: &Desk, ids: &Value, findings: &[&str]) -> (Open, Value) {
    let before = open(desk, ids);
    let inputs: String = findings.iter().map(|f| format!(" --findings {f}")).collect();
    let said = desk.ends(0, &format!("scan {WHERE}{inputs}")).json();
    if !findings.is_empty() {
        adds_up(&said["intake"]);
    }
    desk.run(&format!("plan {WHERE}{inputs} -o plan.json"));
    let run = desk.run(
        "apply plan.json --allow-cidr 203.0.113.0/24 --auto-approve --max-risk disruptive --format json",
    );
    assert_eq!(
        (run.code, run.json()["state"].as_str()),
        (Some(0), Some("complete")),
        "{}\n{}",
        run.out,
        run.err
    );
    desk.ends(0, "verify last --format json");
    let after = open(desk, ids);
    assert_eq!(
        after.difference(&before).collect::<Vec<_>>(),
        Vec::<&(String, String)>::new(),
        "nothing is worse than before"
    );
    (before.difference(&after).cloned().collect(), said["intake"].clone())
}

/// What was read is told in full: by decision, and what was actionable by what our check said.
fn adds_up(intake: &Value) {
    let sum = |map: &Value| map.as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum::<u64>();
    let counts = &intake["counts"];
    assert_eq!(sum(&counts["decisions"]), counts["read"].as_u64().unwrap(), "{counts}");
    assert_eq!(sum(&intake["outcomes"]), counts["decisions"]["actionable"].as_u64().unwrap_or(0), "{counts}");
    let listed = intake["suspicions"].as_array().unwrap().len() as u64;
    assert_eq!(
        listed + counts["merged"].as_u64().unwrap() + counts["unlisted"].as_u64().unwrap(),
        counts["read"].as_u64().unwrap(),
        "{counts}"
    );
}

/// What a plain scan closes on an account that is seeded in the same way.
fn closed_by_scan() -> &'static Open {
    static CLOSED: OnceLock<Open> = OnceLock::new();
    CLOSED.get_or_init(|| {
        let (desk, seed) = Desk::seeded(SEED);
        closed(&desk, &seed["ids"], &[]).0
    })
}

#[test]
fn what_cloudtrail_recorded_of_the_clinic_closes_what_a_scan_closes() {
    let (desk, seed) = Desk::seeded(SEED);
    fs::write(desk.path("trail.json"), desk.python(TRAIL, REGIONS)).unwrap();
    let (closed, intake) = closed(&desk, &seed["ids"], &["trail.json"]);
    assert_eq!(&closed, closed_by_scan());
    taken_back(&intake);
}

/// What was opened and shut again, what failed, and what is another account's is told and leads to nothing.
fn taken_back(intake: &Value) {
    let decisions = &intake["counts"]["decisions"];
    let told = ["failed_call", "other_account", "reverted_later", "read_only"]
        .map(|word| decisions[word].as_u64().unwrap_or(0));
    assert_eq!(told, [1, 1, 3, 1], "{decisions}");
}

/// What Prowler has no rule for, though a scan finds it: WinRM, and flow logs that record only what is let
/// in.
const NOT_PROWLERS: &[(&str, &str)] =
    &[("security-group-open-admin-port", "winrm-v6"), ("vpc-without-flow-logs", "half")];

/// Writes what Prowler would say, by our own hand, in all three formats.
fn said_by_hand(desk: &Desk, words: &str) {
    let said: BTreeMap<String, String> = serde_json::from_str(&desk.python(PROWLER, words)).unwrap();
    said.iter().for_each(|(name, text)| fs::write(desk.path(name), text).unwrap());
}

#[test]
fn what_prowler_says_of_everything_closes_what_a_scan_closes_but_for_what_it_has_no_rule_for() {
    let (desk, seed) = Desk::seeded(SEED);
    said_by_hand(&desk, &format!("{REGIONS} all"));
    the_three_formats_are_one(&desk);
    offline_is_as_online(&desk);
    let (closed, intake) = closed(&desk, &seed["ids"], &["run.ocsf.json"]);
    assert_eq!(closed, closed_by_scan().difference(&pairs(NOT_PROWLERS)).cloned().collect());
    // Disks without snapshots of instances that ask for no backups, and ports that are open on purpose.
    assert!(intake["outcomes"]["not_confirmed"].as_u64().is_some_and(|n| n > 0), "{}", intake["outcomes"]);
}

#[test]
fn what_prowler_says_of_what_is_in_use_closes_that_and_leaves_the_rest() {
    let (desk, seed) = Desk::seeded(SEED);
    said_by_hand(&desk, REGIONS);
    let closed = closed(&desk, &seed["ids"], &["run.csv"]).0;
    // Nobody uses these groups, and no instance is in these networks.
    let mut left = pairs(NOT_PROWLERS);
    for group in ["range", "quarters"] {
        left.insert(("security-group-open-admin-port".to_owned(), group.to_owned()));
    }
    left.extend(pairs(&[
        ("security-group-open-database-port", "mysql-open"),
        ("security-group-open-all-traffic", "everything"),
        ("security-group-open-other-port", "range"),
        ("default-security-group-has-rules", "half-default"),
    ]));
    left.extend(
        ["default-us-east-1", "default-eu-west-1"]
            .map(|vpc| ("vpc-without-flow-logs".to_owned(), vpc.to_owned())),
    );
    assert_eq!(closed, closed_by_scan().difference(&left).cloned().collect());
}

/// OCSF, CSV and ASFF of one run, given at once: each finding once, with three sources, and the plan is that
/// of one of them.
fn the_three_formats_are_one(desk: &Desk) {
    let scan = |inputs: &str| desk.ends(0, &format!("scan {WHERE} {inputs}")).json();
    let each: Vec<Value> = FORMATS.iter().map(|name| scan(&format!("--findings {name}"))).collect();
    let all = scan(&FORMATS.map(|name| format!("--findings {name}")).join(" "));
    adds_up(&all["intake"]);
    let ids = |scan: &Value| -> Vec<(String, String, String)> {
        let word = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        let mut ids: Vec<_> = scan["intake"]["suspicions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| (word(&s["id"]), word(&s["decision"]), word(&s["answer"])))
            .collect();
        ids.sort();
        ids
    };
    for one in &each {
        assert_eq!(ids(one), ids(&all));
    }
    let read = |scan: &Value| scan["intake"]["counts"]["read"].as_u64().unwrap();
    assert_eq!(read(&all), each.iter().map(read).sum::<u64>());
    assert_eq!(read(&all), 3 * read(&each[0]));
    for suspicion in all["intake"]["suspicions"].as_array().unwrap() {
        let mut by_control: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
        for source in suspicion["sources"].as_array().unwrap() {
            *by_control
                .entry(source["control"].as_str().unwrap())
                .or_default()
                .entry(source["input"].as_str().unwrap())
                .or_default() += 1;
        }
        for (control, inputs) in by_control {
            assert_eq!(inputs.keys().copied().collect::<BTreeSet<_>>(), BTreeSet::from(FORMATS), "{control}");
            assert_eq!(inputs.values().collect::<BTreeSet<_>>().len(), 1, "{control}: {inputs:?}");
        }
    }
    let found = |scan: &Value| -> Vec<String> {
        scan["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|f| format!("{} {} {}", f["check"], f["resource"]["arn"], f["decision"]))
            .collect()
    };
    assert!(each.iter().all(|one| found(one) == found(&all)));
}

/// Findings against an inventory that was saved come to the same as findings against the account.
fn offline_is_as_online(desk: &Desk) {
    desk.ends(0, &format!("scan {WHERE} --save-inventory kept.json"));
    let online = desk.ends(0, &format!("scan {WHERE} --findings run.ocsf.json")).json();
    let offline =
        desk.ends(0, &format!("scan {WHERE} --account twin:./kept.json --findings run.ocsf.json")).json();
    for what in ["suspicions", "counts", "outcomes"] {
        assert_eq!(online["intake"][what], offline["intake"][what], "{what}");
    }
    let found = |scan: &Value| -> Vec<String> {
        scan["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|f| format!("{} {} {} {}", f["check"], f["resource"]["arn"], f["decision"], f["sources"]))
            .collect()
    };
    assert!(!found(&online).is_empty());
    assert_eq!(found(&online), found(&offline));
}

/// Which controls a run says to be violated, and where.
fn failed(path: &Path) -> BTreeSet<(String, String)> {
    let mut failed = BTreeSet::new();
    intake::read("run", Box::new(fs::File::open(path).unwrap()), &mut |item| {
        if let Item::Found(suspicion, _) = item
            && suspicion.decision.reason() != Some(Reason::Passed)
        {
            failed.insert((suspicion.sources[0].control.clone(), suspicion.named.clone()));
        }
    });
    failed
}

/// Prowler itself: more than two gigabytes that take minutes to come, so that it runs only where
/// `REDRESS_PROWLER` names the program (`pip install prowler==5.46.0` in an environment of its own).
#[test]
fn prowler_itself_closes_the_same_and_our_hand_writes_what_it_says() {
    let Some(prowler) = std::env::var_os("REDRESS_PROWLER") else {
        println!("skipped: REDRESS_PROWLER does not name the program");
        return;
    };
    let (desk, seed) = Desk::seeded(SEED);
    said_by_hand(&desk, &format!("{REGIONS} all"));
    fs::rename(desk.path("run.ocsf.json"), desk.path("hand.json")).unwrap();
    // Prowler adds to a table that is there.
    ["run.csv", "run.asff.json"].iter().for_each(|name| fs::remove_file(desk.path(name)).unwrap());
    let words = "aws --services ec2 vpc cloudtrail kms --region us-east-1 eu-west-1 --scan-unused-services \
                 --excluded-checks ec2_ebs_snapshots_encrypted ec2_ebs_public_snapshot --output-formats \
                 json-ocsf csv json-asff --output-directory . --output-filename run --no-banner \
                 --ignore-exit-code-3";
    let mut command = Command::new(prowler);
    command
        .args(words.split_whitespace())
        .current_dir(desk.folder.path())
        .envs(desk.keys.environment(desk.moto))
        .env("HOME", desk.folder.path());
    let output = command.stdin(Stdio::null()).output().expect("Prowler starts");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let by_hand = failed(&desk.path("hand.json"));
    let known: BTreeSet<&String> = by_hand.iter().map(|(control, _)| control).collect();
    let itself: BTreeSet<_> = failed(&desk.path("run.ocsf.json"))
        .into_iter()
        .filter(|(control, _)| known.contains(control))
        .collect();
    assert_eq!(by_hand, itself);
    the_three_formats_are_one(&desk);
    offline_is_as_online(&desk);
    let closed = closed(&desk, &seed["ids"], &["run.ocsf.json"]).0;
    assert_eq!(closed, closed_by_scan().difference(&pairs(NOT_PROWLERS)).cloned().collect());
}

/// The same on an account that somebody else has made sick: `REDRESS_CLINIC` names a script that takes an
/// endpoint, seeds the account of the keys `testing`, and prints the ids of what it made.
#[test]
fn an_account_that_was_seeded_by_others_is_closed_in_the_same_way() {
    let Some(script) = std::env::var_os("REDRESS_CLINIC") else {
        println!("skipped: REDRESS_CLINIC names no script");
        return;
    };
    // It ends with its standard input, that is with the tests.
    let moto: &'static Moto = Box::leak(Box::new(Moto::start()));
    let seeded = || {
        moto.reset();
        let keys = Keys {
            account: "123456789012".to_owned(),
            id: "testing".to_owned(),
            secret: "testing".to_owned(),
            token: "testing".to_owned(),
        };
        let output = Command::new(python()).arg(&script).arg(moto.url()).output().expect("python starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let desk = Desk::with(moto, keys);
        // No event tells of what the emulator itself has in every account: default subnets with public
        // addresses, and no encryption by default.
        desk.python(QUIET, REGIONS);
        (desk, serde_json::from_slice::<Value>(&output.stdout).expect("the seed prints JSON"))
    };
    let (desk, ids) = seeded();
    let wanted = closed(&desk, &ids, &[]).0;
    assert!(wanted.len() > 15, "{wanted:?}");
    let (desk, ids) = seeded();
    fs::write(desk.path("trail.json"), desk.python(TRAIL, REGIONS)).unwrap();
    let (by_events, intake) = closed(&desk, &ids, &["trail.json"]);
    assert_eq!(by_events, wanted);
    taken_back(&intake);
    let (desk, ids) = seeded();
    said_by_hand(&desk, &format!("{REGIONS} all"));
    assert_eq!(closed(&desk, &ids, &["run.asff.json"]).0, wanted, "Prowler has a rule for all of it");
}
