//! `redress export --to step-functions`: the machines are run by an emulator in one account and held against
//! another, equal account in which `redress apply` did the same; where the emulator cannot run them, their
//! definitions are judged. The emulator's own names are set right by `states_moto.py`.

use std::{
    collections::BTreeSet,
    fs,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::support::{Keys, Moto, python};

/// The emulator runs all machines in this account, whoever starts them.
const MACHINE: &str = "123456789012";
const LOOK: &str = include_str!("clinic_look.py");

struct Stage {
    moto: Moto,
    keys: Keys,
    folder: TempDir,
}

impl Stage {
    fn new() -> Self {
        let moto = Moto::start_changed(include_str!("states_moto.py"));
        let keys = moto.account_named(MACHINE);
        Self { moto, keys, folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn redress(&self, keys: &Keys, words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_redress"));
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .envs(keys.environment(&self.moto))
            .current_dir(self.folder.path());
        command
            .args(words)
            .env("REDRESS_STATE_DIR", format!("runs-{}", keys.account))
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    fn plan(&self, keys: &Keys, checks: &[&str]) -> Value {
        let mut words = vec![
            "plan",
            "-o",
            "plan.json",
            "--region",
            "us-east-1",
            "--allow-cidr",
            "198.51.100.0/24",
            // The longest way has the calls of the others.
            "--set",
            "encrypt-volumes.via=copy",
            "--quiet",
        ];
        words.extend(checks.iter().flat_map(|c| ["--check", c]));
        let planned = self.redress(keys, &words);
        assert!(matches!(planned.status.code(), Some(0 | 4)), "{}", told(&planned));
        serde_json::from_str(&fs::read_to_string(self.path("plan.json")).unwrap()).unwrap()
    }

    /// The machine of a plan that was made a moment ago, and that of its way back.
    fn export(&self) -> (Value, Value) {
        let exported =
            self.redress(&self.keys, &["export", "plan.json", "--to", "step-functions", "-o", "out"]);
        assert!(exported.status.success(), "{}", told(&exported));
        let read = |name: &str| {
            serde_json::from_str(&fs::read_to_string(self.path("out").join(name)).unwrap()).unwrap()
        };
        (read("apply-us-east-1.asl.json"), read("way-back-us-east-1.asl.json"))
    }

    fn ended(&self, machine: &Value, input: &Value, region: &str) -> Value {
        fs::write(self.path("machine.json"), machine.to_string()).unwrap();
        let (path, input) = (self.path("machine.json"), input.to_string());
        let words = [path.to_str().unwrap(), &input, region];
        serde_json::from_str(&self.python(&self.keys, include_str!("states_run.py"), &words, "")).unwrap()
    }

    fn run(&self, machine: &Value, input: &Value) -> Ran {
        let ended = self.ended(machine, input, "us-east-1");
        let text = ended["output"].as_str().or(ended["cause"].as_str()).unwrap_or_default();
        let told: Value = serde_json::from_str(text).unwrap_or_else(|_| panic!("{ended:#}"));
        let names = |list: &str| {
            ended[list].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
        };
        Ran {
            succeeded: ended["status"] == "SUCCEEDED",
            told,
            called: names("called"),
            passed: names("passed"),
        }
    }

    fn python(&self, keys: &Keys, script: &str, words: &[&str], input: &str) -> String {
        use std::io::Write;
        let mut command = Command::new(python());
        command
            .args(["-c", script])
            .args(words)
            .envs(keys.environment(&self.moto))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn seed(&self, keys: &Keys) {
        self.moto.python(keys, include_str!("clinic_seed.py"));
    }

    /// The account by other eyes, without ids and times.
    fn seen(&self, keys: &Keys) -> Value {
        let line = json!({ "id": keys.id, "secret": keys.secret, "token": keys.token }).to_string();
        unnumbered(serde_json::from_str(&self.python(keys, LOOK, &["us-east-1", "batch"], &line)).unwrap())
    }
}

/// Changes are numbered in an order that follows ids, and those differ from account to account: steps without
/// the number of their change, and lists sorted again.
fn unnumbered(value: Value) -> Value {
    match value {
        Value::Object(map) => map
            .into_iter()
            .map(|(k, v)| (k.clone(), if k == "redress:step" { step(&v) } else { unnumbered(v) }))
            .collect(),
        Value::Array(items) => {
            let mut items: Vec<Value> = items.into_iter().map(unnumbered).collect();
            items.sort_by_key(Value::to_string);
            Value::Array(items)
        }
        other => other,
    }
}

fn step(of: &Value) -> Value {
    json!(of.as_str().and_then(|s| s.split_once('/')).map(|(_, step)| step).unwrap())
}

/// How an execution ended.
struct Ran {
    succeeded: bool,
    told: Value,
    called: BTreeSet<String>,
    passed: BTreeSet<String>,
}

impl Ran {
    fn outcomes(&self) -> Vec<&str> {
        self.told["outcome"].as_object().unwrap().values().map(|o| o["is"].as_str().unwrap()).collect()
    }

    fn outcome(&self, change: &str) -> &str {
        self.told["outcome"][change]["is"].as_str().unwrap()
    }
}

pub(crate) fn told(output: &Output) -> String {
    format!(
        "{}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Where two accounts differ.
fn differences(a: &Value, b: &Value) -> Vec<String> {
    match (a, b) {
        (Value::Object(x), Value::Object(y)) => {
            let keys: BTreeSet<&String> = x.keys().chain(y.keys()).collect();
            keys.into_iter()
                .flat_map(|k| differences(&a[k], &b[k]).into_iter().map(move |d| format!("{k}/{d}")))
                .collect()
        }
        (Value::Array(x), Value::Array(y)) if x.len() == y.len() => {
            x.iter().zip(y).flat_map(|(a, b)| differences(a, b)).collect()
        }
        _ if a == b => Vec::new(),
        _ => vec![format!("{a} | {b}")],
    }
}

fn same(a: &Value, b: &Value) {
    let differences = differences(a, b);
    assert!(differences.is_empty(), "{differences:#?}");
}

/// The change of a plan with this action.
fn change<'a>(plan: &'a Value, action: &str) -> &'a str {
    plan["changes"].as_array().unwrap().iter().find(|c| c["action"] == action).unwrap()["id"]
        .as_str()
        .unwrap()
}

pub(crate) fn targets(state: &Value) -> Vec<&str> {
    let lists = ["Choices", "Catch"]
        .iter()
        .flat_map(|l| state[*l].as_array().into_iter().flatten())
        .filter_map(|one| one["Next"].as_str());
    ["Next", "Default"].iter().filter_map(|key| state[*key].as_str()).chain(lists).collect()
}

/// All that the sick account has, but for the backup: encrypting the disks makes one, which `apply` proves
/// before it begins and a machine does not.
const CHECKS: &[&str] = &[
    "security-group-open-admin-port",
    "security-group-open-database-port",
    "security-group-open-all-traffic",
    "cloudtrail-not-logging",
    "cloudtrail-no-log-validation",
    "vpc-without-flow-logs",
    "ebs-volume-unencrypted",
];

#[test]
fn the_machine_leaves_what_apply_leaves_and_its_way_back_what_undo_leaves() {
    let stage = Stage::new();
    let other = stage.moto.account_named("200000000001");
    for keys in [&stage.keys, &other] {
        stage.seed(keys);
    }
    let before = stage.seen(&stage.keys);
    same(&before, &stage.seen(&other));

    stage.plan(&other, CHECKS);
    let disruptive = ["--auto-approve", "--max-risk", "disruptive", "--format", "json"];
    let applied = stage.redress(
        &other,
        &[&["apply", "plan.json", "--allow-cidr", "198.51.100.0/24"], &disruptive[..]].concat(),
    );
    assert!(applied.status.success(), "{}", told(&applied));

    let plan = stage.plan(&stage.keys, CHECKS);
    let (forward, back) = stage.export();
    let ran = stage.run(&forward, &json!({}));
    assert!(
        ran.succeeded && ran.outcomes().len() > 9 && ran.outcomes().iter().all(|o| *o == "done"),
        "{:#}",
        ran.told
    );
    assert!(
        ["createFlowLogs", "copySnapshot", "createRole", "updateTrail", "putRetentionPolicy"]
            .iter()
            .all(|o| ran.called.contains(*o)),
        "{:?}",
        ran.called
    );
    let after = stage.seen(&stage.keys);
    assert_ne!(after, before);
    same(&after, &stage.seen(&other));

    // redress reads the account, evaluates every proof of the plan, and finds nothing left to do.
    let again = stage.redress(
        &stage.keys,
        &[&["apply", "plan.json", "--allow-cidr", "198.51.100.0/24"], &disruptive[..]].concat(),
    );
    let run: Value =
        serde_json::from_slice(&again.stdout).unwrap_or_else(|e| panic!("{e}: {}", told(&again)));
    assert_eq!(run["changes"].as_array().unwrap().len(), plan["changes"].as_array().unwrap().len());
    assert!(run["changes"].as_array().unwrap().iter().all(|c| c["outcome"] == "already-fixed"), "{run:#}");

    let undone = stage.redress(&other, &[&["undo", "last"], &disruptive[..]].concat());
    assert!(undone.status.success(), "{}", told(&undone));
    let ran = stage.run(&back, &ran.told);
    assert!(ran.succeeded && ran.outcomes().iter().all(|o| *o == "taken-back"), "{:#}", ran.told);
    same(&stage.seen(&stage.keys), &stage.seen(&other));
}

#[test]
fn a_change_that_finds_something_else_than_the_plan_saw_calls_nothing_and_the_others_go_on() {
    let stage = Stage::new();
    stage.seed(&stage.keys);
    let plan = stage.plan(
        &stage.keys,
        &["security-group-open-database-port", "cloudtrail-not-logging", "instance-backup-stale"],
    );
    let (forward, _) = stage.export();
    stage.moto.python(&stage.keys, MEDDLE);
    let groups = |seen: &Value| seen["regions"]["us-east-1"]["groups"].clone();
    let before = stage.seen(&stage.keys);
    let ran = stage.run(&forward, &json!({}));
    assert!(!ran.succeeded);
    let (group, trail) = (change(&plan, "tighten-security-group"), change(&plan, "raise-cloudtrail"));
    assert_eq!((ran.outcome(group), ran.outcome(trail)), ("drifted", "done"), "{:#}", ran.told);
    assert_eq!(ran.outcome(change(&plan, "snapshot-instance")), "done", "{:#}", ran.told);
    assert!(
        ran.told["outcome"][group]["why"].as_str().unwrap().contains("the number of rules"),
        "{:#}",
        ran.told
    );
    let after = stage.seen(&stage.keys);
    same(&groups(&after), &groups(&before));
    assert_ne!(after, before);
}

/// Every open database port is opened once more, to another source.
const MEDDLE: &str = "
import boto3
ec2 = boto3.client('ec2')
for rule in ec2.describe_security_group_rules()['SecurityGroupRules']:
    if rule.get('FromPort') == 3306:
        ec2.authorize_security_group_ingress(GroupId=rule['GroupId'], IpPermissions=[{'IpProtocol': 'tcp', 'FromPort': 3306, 'ToPort': 3306, 'IpRanges': [{'CidrIp': '0.0.0.0/2'}]}])
";

#[test]
fn a_step_that_fails_is_gone_back_from_and_what_comes_after_the_change_is_blocked() {
    let stage = Stage::new();
    stage.seed(&stage.keys);
    let plan = stage.plan(
        &stage.keys,
        &["ebs-volume-unencrypted", "vpc-without-flow-logs", "security-group-open-database-port"],
    );
    let (mut forward, _) = stage.export();
    let disks = plan["changes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|c| c["action"] == "encrypt-volumes")
        .max_by_key(|c| c["steps"].as_array().unwrap().len())
        .unwrap();
    let disks = disks["id"].as_str().unwrap();
    let role = change(&plan, "ensure-delivery-role");
    // Midway, with the instance stopped and its root detached, the new volume is not there to be attached;
    // and the role cannot be given its policy.
    let attach = format!("{disks}_attach-1_call");
    forward["States"][&attach]["Parameters"] = json!({ "VolumeId": "vol-0123456789abcdef0",
        "InstanceId": "i-0123456789abcdef0", "Device": "/dev/xvda" });
    forward["States"][format!("{role}_permit")]["Parameters"]["RoleName"] = json!("nobody");
    for failing in [attach, format!("{role}_permit")] {
        forward["States"][failing].as_object_mut().unwrap().remove("Retry").unwrap();
    }
    let before = stage.seen(&stage.keys);
    let ran = stage.run(&forward, &json!({}));
    assert!(!ran.succeeded);
    assert_eq!((ran.outcome(disks), ran.outcome(role)), ("rolled-back", "rolled-back"), "{:#}", ran.told);
    assert!(
        ran.told["outcome"][disks]["why"].as_str().unwrap().contains("Ec2.Ec2Exception"),
        "{:#}",
        ran.told
    );
    assert_eq!(ran.outcome(change(&plan, "enable-flow-logs")), "blocked", "{:#}", ran.told);
    assert_eq!(ran.outcome(change(&plan, "tighten-security-group")), "done", "{:#}", ran.told);
    let after = stage.seen(&stage.keys);
    same(&after["roles"], &before["roles"]);
    for kind in ["instances", "flow_logs"] {
        same(&after["regions"]["us-east-1"][kind], &before["regions"]["us-east-1"][kind]);
    }
}

/// The way out of an answer that was lost: the call is made again, fails because it is so already, and is
/// looked for. The look at its preconditions comes before all of its repetitions: what the call itself has
/// changed cannot stand in its way.
#[test]
fn a_call_that_took_effect_before_counts_as_done() {
    let stage = Stage::new();
    stage.seed(&stage.keys);
    let plan = stage.plan(&stage.keys, &["ebs-volume-unencrypted"]);
    let (mut machine, _) = stage.export();
    let disks = change(&plan, "encrypt-volumes");
    let detach = format!("{disks}_detach-1");
    let call = format!("{detach}_call");
    let mut first = machine["States"][&call].clone();
    assert!(
        machine["States"][&detach]["Resource"] != first["Resource"]
            && !targets(&first).contains(&detach.as_str()),
        "{first:#}"
    );
    first.as_object_mut().unwrap().remove("Retry").unwrap();
    machine["States"]["again"] = first.clone();
    first["Next"] = json!("again");
    machine["States"][&call] = first;
    let ran = stage.run(&machine, &json!({}));
    assert!(ran.succeeded && ran.outcome(disks) == "done", "{:#}", ran.told);
    assert!(ran.passed.contains(&format!("{detach}_after_all")), "{:?}", ran.passed);
}

#[test]
fn a_machine_makes_a_trail_where_there_was_none() {
    let stage = Stage::new();
    let before = stage.seen(&stage.keys);
    stage.plan(&stage.keys, &["cloudtrail-missing"]);
    let (forward, back) = stage.export();
    assert_eq!(stage.ended(&forward, &json!({}), "eu-west-1")["error"], "Redress.Elsewhere");
    assert_eq!(stage.ended(&back, &json!({}), "us-east-1")["error"], "Redress.NoRun");
    same(&stage.seen(&stage.keys), &before);
    let ran = stage.run(&forward, &json!({}));
    assert!(ran.succeeded, "{:#}", ran.told);
    let proved = stage.redress(
        &stage.keys,
        &["apply", "plan.json", "--allow-cidr", "198.51.100.0/24", "--auto-approve", "--format", "json"],
    );
    let run: Value =
        serde_json::from_slice(&proved.stdout).unwrap_or_else(|e| panic!("{e}: {}", told(&proved)));
    assert_eq!(run["changes"][0]["outcome"], "already-fixed", "{run:#}");
    let ran = stage.run(&back, &ran.told);
    assert!(ran.succeeded && ran.outcomes() == ["taken-back"], "{:#}", ran.told);
    // The bucket stays: it may hold logs. The emulator deletes a trail by its name alone, and does nothing
    // when it is asked by ARN, as here; so that it was asked, once logging had been stopped, is what is
    // asserted.
    let after = stage.seen(&stage.keys);
    assert!(ran.called.contains("deleteTrail"), "{:?}", ran.called);
    assert!(
        after["regions"]["us-east-1"]["trails"]
            .as_object()
            .unwrap()
            .values()
            .all(|trail| trail["logging"] == false),
        "{after:#}"
    );
    assert_eq!(after["buckets"].as_object().unwrap().len(), 1, "{after:#}");
}
