//! `redress export --to step-functions`: the machines are run by an emulator in one account and held against another, equal
//! account in which `redress apply` did the same; where the emulator cannot run them, their definitions are judged. The
//! emulator's own names are set right by `states_moto.py`.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
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
        let moto = Moto::start_script(include_str!("states_moto.py"));
        let keys = moto.account_named(MACHINE);
        Self { moto, keys, folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn redress(&self, keys: &Keys, words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_redress"));
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).envs(keys.environment(&self.moto)).current_dir(self.folder.path());
        command.args(words).args(["--state-dir", &format!("runs-{}", keys.account)]).stdin(Stdio::null()).output().unwrap()
    }

    fn plan(&self, keys: &Keys, checks: &[&str]) -> Value {
        let mut words = vec!["plan", "-o", "plan.json", "--region", "us-east-1", "--allow-cidr", "198.51.100.0/24", "--quiet"];
        words.extend(checks.iter().flat_map(|c| ["--check", c]));
        let planned = self.redress(keys, &words);
        assert!(matches!(planned.status.code(), Some(0 | 4)), "{}", told(&planned));
        serde_json::from_str(&fs::read_to_string(self.path("plan.json")).unwrap()).unwrap()
    }

    /// The machine of a plan that was made a moment ago, and that of its way back.
    fn export(&self) -> (Value, Value) {
        let exported = self.redress(&self.keys, &["export", "plan.json", "--to", "step-functions", "-o", "out"]);
        assert!(exported.status.success(), "{}", told(&exported));
        let read = |name: &str| serde_json::from_str(&fs::read_to_string(self.path("out").join(name)).unwrap()).unwrap();
        (read("apply-us-east-1.asl.json"), read("way-back-us-east-1.asl.json"))
    }

    fn run(&self, machine: &Value, input: &Value) -> Ran {
        fs::write(self.path("machine.json"), machine.to_string()).unwrap();
        let script = self.python(&self.keys, include_str!("states_run.py"), &[&self.path("machine.json").to_string_lossy(), &input.to_string()], "");
        let ended: Value = serde_json::from_str(&script).unwrap();
        let text = ended["output"].as_str().or(ended["cause"].as_str()).unwrap_or_default();
        let told: Value = serde_json::from_str(text).unwrap_or_else(|_| panic!("{ended:#}"));
        Ran { succeeded: ended["status"] == "SUCCEEDED", told, called: ended["called"].clone() }
    }

    fn python(&self, keys: &Keys, script: &str, words: &[&str], input: &str) -> String {
        use std::io::Write;
        let mut command = Command::new(python());
        command.args(["-c", script]).args(words).envs(keys.environment(&self.moto)).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
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
        serde_json::from_str(&self.python(keys, LOOK, &["us-east-1", "batch"], &line)).unwrap()
    }
}

/// How an execution ended.
struct Ran {
    succeeded: bool,
    told: Value,
    called: Value,
}

impl Ran {
    fn outcomes(&self) -> Vec<&str> {
        self.told["outcome"].as_object().unwrap().values().map(|o| o["is"].as_str().unwrap()).collect()
    }

    fn outcome(&self, change: &str) -> &str {
        self.told["outcome"][change]["is"].as_str().unwrap()
    }

    fn called(&self) -> BTreeSet<&str> {
        self.called.as_array().unwrap().iter().filter_map(Value::as_str).collect()
    }
}

fn told(output: &Output) -> String {
    format!("{}\n{}\n{}", output.status, String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The change of a plan with this action.
fn change<'a>(plan: &'a Value, action: &str) -> &'a str {
    plan["changes"].as_array().unwrap().iter().find(|c| c["action"] == action).unwrap()["id"].as_str().unwrap()
}

#[test]
fn the_machine_leaves_what_apply_leaves_and_its_way_back_what_undo_leaves() {
    let stage = Stage::new();
    let other = stage.moto.account_named("200000000001");
    for keys in [&stage.keys, &other] {
        stage.seed(keys);
    }
    let before = stage.seen(&stage.keys);
    assert_eq!(before, stage.seen(&other));

    stage.plan(&other, &[]);
    let disruptive = ["--auto-approve", "--max-risk", "disruptive", "--format", "json"];
    let applied = stage.redress(&other, &[&["apply", "plan.json"], &disruptive[..]].concat());
    assert!(applied.status.success(), "{}", told(&applied));

    let plan = stage.plan(&stage.keys, &[]);
    let (forward, back) = stage.export();
    let ran = stage.run(&forward, &json!({}));
    assert!(ran.succeeded && ran.outcomes().len() > 9 && ran.outcomes().iter().all(|o| *o == "done"), "{:#}", ran.told);
    assert!(["createFlowLogs", "copySnapshot", "createRole", "updateTrail", "putRetentionPolicy"].iter().all(|o| ran.called().contains(o)), "{}", ran.called);
    let after = stage.seen(&stage.keys);
    assert_ne!(after, before);
    assert_eq!(after, stage.seen(&other));

    // redress reads the account, evaluates every proof of the plan, and finds nothing left to do.
    let again = stage.redress(&stage.keys, &[&["apply", "plan.json"], &disruptive[..]].concat());
    let run: Value = serde_json::from_slice(&again.stdout).unwrap_or_else(|e| panic!("{e}: {}", told(&again)));
    assert_eq!(run["changes"].as_array().unwrap().len(), plan["changes"].as_array().unwrap().len());
    assert!(run["changes"].as_array().unwrap().iter().all(|c| c["outcome"] == "already-fixed"), "{run:#}");

    let undone = stage.redress(&other, &[&["undo", "last"], &disruptive[..]].concat());
    assert!(undone.status.success(), "{}", told(&undone));
    let ran = stage.run(&back, &ran.told);
    assert!(ran.succeeded && ran.outcomes().iter().all(|o| *o == "taken-back"), "{:#}", ran.told);
    assert_eq!(stage.seen(&stage.keys), stage.seen(&other));
}

#[test]
fn a_change_that_finds_something_else_than_the_plan_saw_calls_nothing_and_the_others_go_on() {
    let stage = Stage::new();
    stage.seed(&stage.keys);
    let plan = stage.plan(&stage.keys, &["security-group-open-database-port", "cloudtrail-not-logging"]);
    let (forward, _) = stage.export();
    stage.moto.python(&stage.keys, MEDDLE);
    let groups = |seen: &Value| seen["regions"]["us-east-1"]["groups"].clone();
    let before = stage.seen(&stage.keys);
    let ran = stage.run(&forward, &json!({}));
    assert!(!ran.succeeded);
    let (group, trail) = (change(&plan, "tighten-security-group"), change(&plan, "raise-cloudtrail"));
    assert_eq!((ran.outcome(group), ran.outcome(trail)), ("drifted", "done"), "{:#}", ran.told);
    assert!(ran.told["outcome"][group]["why"].as_str().unwrap().contains("the number of rules"), "{:#}", ran.told);
    let after = stage.seen(&stage.keys);
    assert_eq!(groups(&after), groups(&before));
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
    let plan = stage.plan(&stage.keys, &["ebs-volume-unencrypted", "vpc-without-flow-logs", "security-group-open-database-port"]);
    let (mut forward, _) = stage.export();
    let disks =
        plan["changes"].as_array().unwrap().iter().filter(|c| c["action"] == "encrypt-volumes").max_by_key(|c| c["steps"].as_array().unwrap().len()).unwrap();
    let disks = disks["id"].as_str().unwrap();
    let role = change(&plan, "ensure-delivery-role");
    // Midway, with the instance stopped and its root detached, the new volume is not there to be attached; and the role
    // cannot be given its policy.
    forward["States"][format!("{disks}_attach-1")]["Parameters"] =
        json!({ "VolumeId": "vol-0123456789abcdef0", "InstanceId": "i-0123456789abcdef0", "Device": "/dev/xvda" });
    forward["States"][format!("{role}_permit")]["Parameters"]["RoleName"] = json!("nobody");
    for failing in [format!("{disks}_attach-1"), format!("{role}_permit")] {
        forward["States"][failing].as_object_mut().unwrap().remove("Retry").unwrap();
    }
    let before = stage.seen(&stage.keys);
    let ran = stage.run(&forward, &json!({}));
    assert!(!ran.succeeded);
    assert_eq!((ran.outcome(disks), ran.outcome(role)), ("rolled-back", "rolled-back"), "{:#}", ran.told);
    assert!(ran.told["outcome"][disks]["why"].as_str().unwrap().contains("Ec2.Ec2Exception"), "{:#}", ran.told);
    assert_eq!(ran.outcome(change(&plan, "enable-flow-logs")), "blocked", "{:#}", ran.told);
    assert_eq!(ran.outcome(change(&plan, "tighten-security-group")), "done", "{:#}", ran.told);
    let after = stage.seen(&stage.keys);
    assert_eq!(after["roles"], before["roles"]);
    for kind in ["instances", "flow_logs"] {
        assert_eq!(after["regions"]["us-east-1"][kind], before["regions"]["us-east-1"][kind], "{kind}");
    }
}

/// The machines of every change that the demo account has something for.
fn demo_machines(folder: &Path) -> Vec<PathBuf> {
    let redress = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_redress"));
        command.args(words).args(["--account", "twin:demo", "--state-dir", "state"]).current_dir(folder).stdin(Stdio::null()).output().unwrap()
    };
    let planned = redress(&["plan", "-o", "plan.json", "--quiet"]);
    assert!(matches!(planned.status.code(), Some(0 | 4)), "{}", told(&planned));
    let exported = redress(&["export", "plan.json", "--to", "step-functions", "-o", "out"]);
    assert!(exported.status.success(), "{}", told(&exported));
    let mut all: Vec<PathBuf> = fs::read_dir(folder.join("out")).unwrap().map(|f| f.unwrap().path()).collect();
    all.sort();
    assert_eq!(all.len(), 4, "{all:?}");
    all
}

#[test]
fn machines_are_whole_and_every_call_leads_to_a_way_back() {
    let folder = tempfile::tempdir().unwrap();
    for path in demo_machines(folder.path()) {
        let machine: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let states = machine["States"].as_object().unwrap();
        let mut reached = BTreeSet::from([machine["StartAt"].as_str().unwrap()]);
        for (name, state) in states {
            let to = targets(state);
            assert!(name.len() <= 80 && to.iter().all(|t| states.contains_key(*t)), "{}: {name} leads to {to:?}", path.display());
            let ends = matches!(state["Type"].as_str().unwrap(), "Succeed" | "Fail");
            assert_eq!(ends, to.is_empty(), "{name}");
            assert_eq!(state["Type"] == "Choice", state.get("Next").is_none() && !ends, "{name}");
            assert!(state["Type"] != "Task" || state["Catch"][0]["ErrorEquals"] == json!(["States.ALL"]), "{name}");
            reached.extend(to);
        }
        assert_eq!(reached.len(), states.len(), "{}: a state that nothing leads to", path.display());
    }
}

fn targets(state: &Value) -> Vec<&str> {
    let lists = ["Choices", "Catch"].iter().flat_map(|l| state[*l].as_array().into_iter().flatten()).filter_map(|one| one["Next"].as_str());
    ["Next", "Default"].iter().filter_map(|key| state[*key].as_str()).chain(lists).collect()
}

/// The emulator lacks some operations, and takes any name: every task is held against the models of the services.
#[test]
fn every_task_names_operations_and_members_as_aws_does() {
    let folder = tempfile::tempdir().unwrap();
    let judged = Command::new(python()).args(["-c", include_str!("states_names.py")]).args(demo_machines(folder.path())).output().unwrap();
    let said = String::from_utf8_lossy(&judged.stderr).into_owned();
    assert!(judged.status.success() && judged.stdout.is_empty(), "{said}{}", String::from_utf8_lossy(&judged.stdout));
    let tasks: usize = said.trim().trim_end_matches(" tasks").parse().unwrap();
    assert!(tasks > 100, "{said}");
}
