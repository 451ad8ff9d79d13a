//! `redress export`: the script is run over the AWS CLI on an emulator, then judged by redress's own proofs, and its way
//! back by the account as it was. The AWS CLI lives in a virtual environment of its own, made on first use.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::OnceLock,
};

use serde_json::Value;
use tempfile::TempDir;

use super::support::{Keys, Moto, moto, python};

/// The folder with `aws` in it.
fn aws_cli() -> &'static Path {
    static BIN: OnceLock<PathBuf> = OnceLock::new();
    BIN.get_or_init(|| {
        let venv = python().parent().and_then(Path::parent).unwrap().with_file_name("redress-awscli");
        let lock = File::create(venv.with_extension("lock")).unwrap();
        lock.lock().unwrap();
        let bin = venv.join("bin");
        let ready = Command::new(bin.join("aws")).arg("--version").output().is_ok_and(|o| o.status.success());
        if !ready {
            assert!(Command::new("python3").args(["-m", "venv"]).arg(&venv).status().unwrap().success());
            let pip = Command::new(bin.join("python")).args(["-m", "pip", "install", "--quiet", "awscli==1.46.3"]).output().unwrap();
            assert!(pip.status.success(), "{}", String::from_utf8_lossy(&pip.stderr));
        }
        bin
    })
}

struct Desk {
    keys: Keys,
    folder: TempDir,
    moto: &'static Moto,
}

impl Desk {
    fn new() -> Self {
        let moto = moto();
        Self { keys: moto.account(), folder: tempfile::tempdir().unwrap(), moto }
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let path = format!("{}:{}", aws_cli().display(), std::env::var("PATH").unwrap_or_default());
        command.env_clear().env("PATH", path).envs(self.keys.environment(self.moto)).current_dir(self.folder.path());
        command.env("REDRESS_PAUSE", "0.2").env("REDRESS_STATE", self.folder.path().join("state")).stdin(Stdio::null());
        command
    }

    fn redress(&self, words: &[&str]) -> Output {
        self.command(env!("CARGO_BIN_EXE_redress")).args(words).args(["--state-dir", "runs"]).output().unwrap()
    }

    /// A plan of what these checks find in the sick account, as scripts.
    fn export(&self, checks: &[&str]) {
        let mut words = vec!["plan", "-o", "plan.json", "--region", "us-east-1", "--allow-cidr", "198.51.100.0/24", "--quiet"];
        words.extend(checks.iter().flat_map(|c| ["--check", c]));
        let planned = self.redress(&words);
        assert!(matches!(planned.status.code(), Some(0 | 4)), "{}", told(&planned));
        let exported = self.redress(&["export", "plan.json", "--to", "aws-cli", "-o", "out"]);
        assert!(exported.status.success(), "{}", told(&exported));
    }

    fn bash(&self, script: &str) -> Output {
        self.command("bash").arg(self.folder.path().join("out").join(script)).output().unwrap()
    }

    /// The account by other eyes: rules, trails, disks by what they are.
    fn seen(&self) -> Value {
        serde_json::from_str(&self.moto.python(&self.keys, LOOK)).unwrap()
    }
}

const LOOK: &str = "
import boto3, json
ec2, trails = boto3.client('ec2'), boto3.client('cloudtrail')
rules = [{k: v for k, v in r.items() if k not in ('SecurityGroupRuleId', 'SecurityGroupRuleArn', 'Tags')} for r in ec2.describe_security_group_rules()['SecurityGroupRules']]
disks = [[i['InstanceId'], i['State']['Name'], m['DeviceName'], m['Ebs']['VolumeId']] for r in ec2.describe_instances()['Reservations'] for i in r['Instances'] for m in i['BlockDeviceMappings']]
shown = [[t['Name'], t['IsMultiRegionTrail'], t['LogFileValidationEnabled'], trails.get_trail_status(Name=t['TrailARN'])['IsLogging']] for t in trails.describe_trails()['trailList']]
print(json.dumps({'rules': sorted(rules, key=lambda r: json.dumps(r, sort_keys=True)), 'disks': sorted(disks), 'trails': sorted(shown)}, sort_keys=True, default=str))
";

fn told(output: &Output) -> String {
    format!("{}\n{}\n{}", output.status, String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_script_leaves_what_apply_leaves_and_its_way_back_what_was_before() {
    let desk = Desk::new();
    desk.moto.python(&desk.keys, include_str!("clinic_seed.py"));
    desk.export(&["security-group-open-admin-port", "cloudtrail-not-logging", "cloudtrail-no-log-validation"]);
    let before = desk.seen();
    let ran = desk.bash("apply.sh");
    assert!(ran.status.success(), "{}", told(&ran));
    assert_ne!(desk.seen(), before);

    // redress reads the account, evaluates every proof of the plan, and finds nothing left to do.
    let applied = desk.redress(&["apply", "plan.json", "--auto-approve", "--max-risk", "disruptive", "--format", "json"]);
    let run: Value = serde_json::from_slice(&applied.stdout).unwrap_or_else(|e| panic!("{e}: {}", told(&applied)));
    let changes = run["changes"].as_array().unwrap();
    let not: Vec<&Value> = changes.iter().filter(|c| c["outcome"] != "already-fixed").collect();
    assert!(changes.len() > 3 && not.is_empty(), "{not:#?}");

    let back = desk.bash("way-back.sh");
    assert!(back.status.success(), "{}", told(&back));
    assert_eq!(desk.seen(), before);
}

#[test]
fn a_script_stops_before_its_first_call_when_somebody_has_changed_the_account() {
    let desk = Desk::new();
    desk.moto.python(&desk.keys, include_str!("clinic_seed.py"));
    desk.export(&["security-group-open-database-port"]);
    desk.moto.python(&desk.keys, MEDDLE);
    let before = desk.seen();
    let ran = desk.bash("apply.sh");
    assert_eq!(ran.status.code(), Some(1), "{}", told(&ran));
    assert!(String::from_utf8_lossy(&ran.stderr).contains("before the change"), "{}", told(&ran));
    assert_eq!(desk.seen(), before);
}

/// Every open database port is opened once more, under another source.
const MEDDLE: &str = "
import boto3
ec2 = boto3.client('ec2')
for rule in ec2.describe_security_group_rules()['SecurityGroupRules']:
    if rule.get('FromPort') == 3306:
        ec2.authorize_security_group_ingress(GroupId=rule['GroupId'], IpPermissions=[{'IpProtocol': 'tcp', 'FromPort': 3306, 'ToPort': 3306, 'IpRanges': [{'CidrIp': '0.0.0.0/2'}]}])
";

#[test]
fn a_script_makes_a_trail_where_there_was_none() {
    let desk = Desk::new();
    desk.export(&["cloudtrail-missing"]);
    let ran = desk.bash("apply.sh");
    assert!(ran.status.success(), "{}", told(&ran));
    let trails = desk.seen()["trails"].clone();
    assert_eq!(trails.as_array().unwrap().len(), 1, "{trails}");
    assert!(trails[0][3] == true && trails[0][1] == true, "{trails}");
}

#[test]
fn scripts_are_written_once_and_both() {
    let desk = Desk::new();
    desk.moto.python(&desk.keys, include_str!("clinic_seed.py"));
    desk.export(&["security-group-open-database-port"]);
    for script in ["apply.sh", "way-back.sh"] {
        let path = desk.folder.path().join("out").join(script);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.is_ascii() && text.contains("set -euo pipefail"), "{script}");
        assert!(desk.command("bash").arg("-n").arg(&path).status().unwrap().success(), "{script}");
    }
    let shown = desk.redress(&["export", "plan.json", "--to", "aws-cli", "--way-back"]);
    assert_eq!(String::from_utf8(shown.stdout).unwrap(), fs::read_to_string(desk.folder.path().join("out/way-back.sh")).unwrap());
}
