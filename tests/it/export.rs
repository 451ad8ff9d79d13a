//! `redress export`: the script is run over the AWS CLI on an emulator. What it leaves is compared with what
//! `apply` leaves in another account that was made in the same way, and what its way back leaves with what
//! `undo` leaves. The AWS CLI lives in a virtual environment of its own, made on first use.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use redress::playbook;
use serde_json::Value;

use super::{
    clinic::as_before,
    clinic_desk::Desk,
    people,
    support::{moto, python},
};

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
            let pip = Command::new(bin.join("python"))
                .args(["-m", "pip", "install", "--quiet", "awscli==1.46.3"])
                .output()
                .unwrap();
            assert!(pip.status.success(), "{}", String::from_utf8_lossy(&pip.stderr));
        }
        bin
    })
}

const SEED: &str = include_str!("clinic_seed.py");
const BOTH: &str = "us-east-1,eu-west-1";
const PLAN: &str =
    "plan -o plan.json --region us-east-1 --region eu-west-1 --allow-cidr 203.0.113.0/24 --quiet";

/// A plan, and its scripts in the folder `out`.
fn export(desk: &Desk, flags: &str) -> Value {
    let planned = desk.run(&format!("{PLAN} {flags}"));
    assert!(matches!(planned.code, Some(0 | 4)), "{}", planned.err);
    if desk.path("out").exists() {
        fs::remove_dir_all(desk.path("out")).unwrap();
    }
    desk.ends(0, "export plan.json --to aws-cli -o out");
    serde_json::from_str(&fs::read_to_string(desk.path("plan.json")).unwrap()).unwrap()
}

/// The AWS CLI, loaded once for a script of some hundred commands.
struct Loaded {
    child: Child,
}

impl Drop for Loaded {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Stands for `aws`: hands arguments, streams and environment to the CLI that is loaded.
const SHIM: &str = r#"
import json, os, socket, sys
peer = socket.socket(socket.AF_UNIX)
peer.connect(os.path.join(os.path.dirname(sys.argv[0]), "socket"))
socket.send_fds(peer, [b" "], [0, 1, 2])
peer.sendall(json.dumps({"arguments": sys.argv[1:], "environment": dict(os.environ)}).encode() + b"\0")
sys.exit((peer.recv(1) or b"\1")[0])
"#;

impl Loaded {
    /// Starts it; `aws` then lies in the desk's folder `bin`.
    fn at(desk: &Desk) -> Self {
        let (bin, python) = (desk.path("bin"), aws_cli().join("python"));
        fs::create_dir_all(&bin).unwrap();
        fs::write(bin.join("aws"), format!("#!{} -IS\n{SHIM}", python.display())).unwrap();
        fs::set_permissions(bin.join("aws"), fs::Permissions::from_mode(0o700)).unwrap();
        let socket = bin.join("socket");
        let child = Command::new(python)
            .args(["-c", include_str!("export_cli.py")])
            .arg(&socket)
            .env_clear()
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let end = Instant::now() + Duration::from_secs(120);
        while !socket.exists() {
            assert!(Instant::now() < end, "the AWS CLI does not load");
            thread::sleep(Duration::from_millis(50));
        }
        Self { child }
    }
}

/// A script with nothing but bash, the AWS CLI (that of the desk, where it is loaded) and the keys, about to
/// start.
fn script(desk: &Desk, name: &str) -> Command {
    let mut command = Command::new("bash");
    let path = format!(
        "{}:{}:{}",
        desk.path("bin").display(),
        aws_cli().display(),
        std::env::var("PATH").unwrap_or_default()
    );
    command
        .arg(desk.path("out").join(name))
        .env_clear()
        .env("PATH", path)
        .envs(desk.keys.environment(desk.moto))
        .current_dir(desk.folder.path());
    // A name like that of a run, so that boto3's view of both can be compared.
    command
        .env("REDRESS_PAUSE", "0.2")
        .env("REDRESS_STATE", desk.path("script.state"))
        .env("REDRESS_RUN", "20260101T000000Z-0a0a0a");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the script in one account, and redress in another meanwhile.
fn side_by_side(scripted: &Desk, name: &str, redress: &Desk, line: &str) {
    let child = script(scripted, name).spawn().unwrap();
    redress.ends(0, line);
    let ran = child.wait_with_output().unwrap();
    assert!(ran.status.success(), "{}", told(&ran));
}

fn told(output: &Output) -> String {
    format!(
        "{}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Where two documents differ; of lists of another length, what stands in one of them alone.
fn difference(ought: &Value, is: &Value, at: &str) -> String {
    match (ought, is) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            keys.into_iter().map(|key| difference(&ought[key], &is[key], &format!("{at}/{key}"))).collect()
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().map(|(n, (a, b))| difference(a, b, &format!("{at}/{n}"))).collect()
        }
        (Value::Array(a), Value::Array(b)) => {
            let only = |a: &[Value], b: &[Value], sign| {
                a.iter().filter(|v| !b.contains(v)).map(|v| format!("{sign} {at}: {v}\n")).collect::<String>()
            };
            format!("{at}: {} and {}\n", a.len(), b.len()) + &only(a, b, '-') + &only(b, a, '+')
        }
        _ if ought == is => String::new(),
        _ => format!("- {at}: {ought}\n+ {at}: {is}\n"),
    }
}

/// boto3 sees the same in both accounts, but for ids, times and tokens.
fn equal(scripted: &Desk, redress: &Desk, when: &str) {
    let [of_script, of_redress] = [scripted, redress].map(|desk| desk.look(&[BOTH, "plain"]));
    assert!(
        of_script == of_redress,
        "{when}: - redress, + script\n{}",
        difference(&of_redress, &of_script, "")
    );
}

#[test]
fn the_script_leaves_of_the_whole_clinic_what_apply_leaves_and_its_way_back_what_undo_leaves() {
    let (scripted, _) = Desk::seeded(SEED);
    let (redress, _) = Desk::seeded(SEED);
    let _loaded = Loaded::at(&scripted);
    let before = scripted.look(&[BOTH]);
    let mut done = BTreeSet::new();
    // Backups first: the snapshots of an encryption are backups too, and nothing would be left to do for
    // them.
    for flags in ["--check instance-backup-stale", ""] {
        let plan = export(&scripted, flags);
        export(&redress, flags);
        equal(&scripted, &redress, "before");
        done.extend(
            plan["changes"].as_array().unwrap().iter().map(|c| c["action"].as_str().unwrap().to_owned()),
        );

        side_by_side(
            &scripted,
            "apply.sh",
            &redress,
            "apply plan.json --allow-cidr 203.0.113.0/24 --auto-approve --max-risk disruptive",
        );
        equal(&scripted, &redress, "applied");
        // redress reads the account, evaluates every proof of the plan, and finds nothing left to do.
        let run = scripted
            .ends(
                0,
                "apply plan.json --allow-cidr 203.0.113.0/24 --auto-approve --max-risk disruptive --format \
                 json",
            )
            .json();
        let open: Vec<&Value> =
            run["changes"].as_array().unwrap().iter().filter(|c| c["outcome"] != "already-fixed").collect();
        assert!(open.is_empty(), "{open:#?}");

        side_by_side(&scripted, "way-back.sh", &redress, "undo last --auto-approve --max-risk disruptive");
        equal(&scripted, &redress, "taken back");
    }
    as_before(&before, &scripted.look(&[BOTH]));
    for action in [
        "encrypt-volumes",
        "enable-flow-logs",
        "ensure-delivery-role",
        "ensure-log-group",
        "raise-cloudtrail",
        "snapshot-instance",
        "tighten-security-group",
    ] {
        assert!(done.contains(action), "{action} was not among what was done: {done:?}");
    }
}

/// A check, a thing to which the plan is kept (by its playbook), and what somebody does to the account
/// between plan and script.
const MEDDLED: &[(&str, &str, &str)] = &[
    (
        "security-group-open-database-port",
        "mysql-open",
        "let_in(GroupId=ids['mysql-open'], CidrIp='0.0.0.0/2', IpProtocol='tcp', FromPort=3306, ToPort=3306)",
    ),
    (
        "ebs-volume-unencrypted",
        "database/dev/sdf",
        "ec2.detach_volume(InstanceId=ids['database'], VolumeId=ids['database/dev/sdf'])",
    ),
    ("ebs-volume-unencrypted", "idle/dev/xvda", "ec2.start_instances(InstanceIds=[ids['idle']])"),
    (
        "ebs-volume-unencrypted",
        "loose",
        "ec2.attach_volume(VolumeId=ids['loose'], InstanceId=ids['front'], Device='/dev/sdg')",
    ),
    (
        "vpc-without-flow-logs",
        "plain",
        "boto3.client('iam').create_role(RoleName='redress-vpc-flow-logs-us-east-1', \
         AssumeRolePolicyDocument='{}')",
    ),
    (
        "cloudtrail-no-log-validation",
        "trail",
        "trails.update_trail(Name='main', EnableLogFileValidation=True)",
    ),
];

/// The playbook in force for a check, kept to one thing.
fn kept_to(desk: &Desk, check: &str, id: &str) {
    let builtin =
        playbook::builtin().into_iter().find(|(_, text)| text.contains(&format!("\"{check}\""))).unwrap();
    let text =
        builtin.1.replacen("[[action]]", &format!("[match]\nresources = [\"*{id}\"]\n\n[[action]]"), 1);
    fs::create_dir_all(desk.path("playbooks")).unwrap();
    fs::write(desk.path("playbooks").join(format!("{}.toml", builtin.0)), text).unwrap();
}

#[test]
fn a_script_stops_before_its_first_call_when_somebody_has_changed_what_it_begins_from() {
    let (desk, seed) = Desk::seeded(SEED);
    let _loaded = Loaded::at(&desk);
    for (check, thing, meddling) in MEDDLED {
        if desk.path("playbooks").exists() {
            fs::remove_dir_all(desk.path("playbooks")).unwrap();
        }
        kept_to(&desk, check, seed["ids"][thing].as_str().unwrap());
        export(&desk, &format!("--check {check} --playbooks playbooks"));
        let set = "import boto3\nec2, trails = boto3.client('ec2'), boto3.client('cloudtrail')\nlet_in = \
                   ec2.authorize_security_group_ingress\n";
        desk.moto.python(&desk.keys, &format!("{set}ids = {}\n{meddling}", seed["ids"]));
        let before = desk.look(&[BOTH]);
        let ran = script(&desk, "apply.sh").output().unwrap();
        assert_eq!(ran.status.code(), Some(1), "{thing}: {}", told(&ran));
        assert!(
            String::from_utf8_lossy(&ran.stderr).contains("stopped: before the change: "),
            "{thing}: {}",
            told(&ran)
        );
        assert!(
            desk.look(&[BOTH]) == before,
            "{thing}: {}\n{}",
            told(&ran),
            difference(&before, &desk.look(&[BOTH]), "")
        );
        fs::remove_file(desk.path("script.state")).unwrap();
    }
}

#[test]
fn a_script_makes_a_trail_where_there_was_none() {
    let desk = Desk::with(moto(), moto().account());
    export(&desk, "--check cloudtrail-missing");
    let ran = script(&desk, "apply.sh").output().unwrap();
    assert!(ran.status.success(), "{}", told(&ran));
    let trails = desk.look(&[BOTH])["regions"]["us-east-1"]["trails"].clone();
    let [trail] = trails.as_object().unwrap().values().collect::<Vec<_>>()[..] else {
        panic!("not one trail: {trails}")
    };
    assert!(trail["IsMultiRegionTrail"] == true && trail["logging"] == true, "{trail}");
}

#[test]
fn scripts_are_written_once_and_both() {
    let (desk, _) = Desk::seeded(SEED);
    export(&desk, "--check security-group-open-database-port");
    for script in ["apply.sh", "way-back.sh"] {
        let path = desk.path("out").join(script);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.is_ascii() && text.contains("set -euo pipefail"), "{script}");
        assert!(Command::new("bash").arg("-n").arg(&path).status().unwrap().success(), "{script}");
    }
    // With the command `aws` itself.
    let early = script(&desk, "way-back.sh").output().unwrap();
    assert!(
        early.status.code() == Some(1)
            && String::from_utf8_lossy(&early.stderr).contains("nothing was applied from here"),
        "{}",
        told(&early)
    );
    let shown = desk.ends(0, "export plan.json --to aws-cli --way-back");
    assert_eq!(shown.out, fs::read_to_string(desk.path("out/way-back.sh")).unwrap());
}

#[test]
fn a_script_closes_consoles_and_requires_mfa_and_its_way_back_takes_both_back() {
    let (desk, _) = Desk::seeded(people::SEED);
    let _loaded = Loaded::at(&desk);
    let before = people::shown(&desk);
    export(&desk, "--check console-password-unused --check user-without-mfa");
    let ran = script(&desk, "apply.sh").output().unwrap();
    assert!(ran.status.success(), "{}", told(&ran));
    let after = people::shown(&desk);
    for name in ["left", "never"] {
        let policies = after["users"][name]["policies"].as_object().unwrap();
        assert_eq!(policies.keys().collect::<Vec<_>>(), ["redress-no-console"], "{name}");
    }
    assert!(after["users"]["plain"]["groups"].to_string().contains(people::GROUP), "{after:#}");
    let line = "apply plan.json --auto-approve --max-risk disruptive --format json";
    let run = desk.ends(0, line).json();
    let changes = run["changes"].as_array().unwrap();
    assert!(changes.len() > 3 && changes.iter().all(|c| c["outcome"] == "already-fixed"), "{changes:#?}");

    let ran = script(&desk, "way-back.sh").output().unwrap();
    assert!(ran.status.success(), "{}", told(&ran));
    let mut expected = before;
    expected["groups"][people::GROUP] = after["groups"][people::GROUP].clone();
    assert_eq!(people::shown(&desk), expected, "the group stays, without users");
}

#[test]
fn a_script_leaves_who_has_enrolled_a_device_since() {
    let (desk, _) = Desk::seeded(people::SEED);
    let _loaded = Loaded::at(&desk);
    export(&desk, "--check user-without-mfa");
    let enrol = "import boto3; iam = boto3.client('iam'); \
         serial = iam.create_virtual_mfa_device(VirtualMFADeviceName='p')['VirtualMFADevice']['SerialNumber']; \
         iam.enable_mfa_device(UserName='plain', SerialNumber=serial, AuthenticationCode1='123456', AuthenticationCode2='234567')";
    desk.python(enrol, "");
    let ran = script(&desk, "apply.sh").output().unwrap();
    assert_eq!(ran.status.code(), Some(1), "{}", told(&ran));
    assert!(told(&ran).contains("has enrolled a device"), "{}", told(&ran));
    assert_eq!(people::shown(&desk)["users"]["plain"]["groups"], serde_json::json!(["staff"]));
}
