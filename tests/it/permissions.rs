//! `redress permissions`: a plan is applied and taken back on an emulator that enforces IAM, under exactly
//! the actions of its policy; what was asked for is written down by the emulator and compared. The emulator
//! cannot match ARNs of EC2 and knows no conditions, so resources are `*` there and conditions are left out;
//! the unit tests hold those.

use std::{
    collections::BTreeSet,
    fs,
    net::{TcpListener, TcpStream},
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use redress::plan::{
    Plan, digest,
    permissions::{self, Policy, Used},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::support::python;

/// An emulator of one's own that enforces IAM when told to.
struct Guarded {
    child: Child,
    port: u16,
    folder: TempDir,
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const REGIONS: [&str; 4] = ["--region", "us-east-1", "--region", "eu-west-1"];

impl Guarded {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|l| l.local_addr()).unwrap().port();
        let child = Command::new(python())
            .args(["-c", include_str!("permissions.py"), &port.to_string()])
            .arg(folder.path().join("asked"))
            .env("MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION", "true")
            .env("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let until = Instant::now() + Duration::from_secs(90);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < until, "the emulator does not answer");
            thread::sleep(Duration::from_millis(100));
        }
        Self { child, port, folder }
    }

    fn environment(&self, key: &(String, String)) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", self.port)),
            ("AWS_ACCESS_KEY_ID", key.0.clone()),
            ("AWS_SECRET_ACCESS_KEY", key.1.clone()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_DEFAULT_REGION", "us-east-1".to_owned()),
            ("AWS_CONFIG_FILE", "/dev/null".to_owned()),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ]
    }

    fn redress(&self, key: &(String, String), words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_redress"));
        command
            .args(words)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(self.environment(key));
        command.env("REDRESS_STATE_DIR", self.folder.path().join("state"));
        command.stdin(Stdio::null()).output().unwrap()
    }

    fn python(&self, script: &str, words: &[&str]) -> String {
        let output = Command::new(python())
            .args(["-c", script])
            .args(words)
            .envs(self.environment(&anybody()))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// A plan of the sick account, made while nothing is enforced.
    fn plan(&self) -> (String, Plan) {
        self.python(include_str!("clinic_seed.py"), &[]);
        let path = self.folder.path().join("plan.json").to_string_lossy().into_owned();
        let mut words = vec!["plan", "-o", &path, "--allow-cidr", "198.51.100.0/24", "--quiet"];
        words.extend(REGIONS);
        let planned = self.redress(&anybody(), &words);
        // What the clinic has that must be refused leads to 4.
        assert!(matches!(planned.status.code(), Some(0 | 4)), "{}", told(&planned));
        let plan = digest::parse(&fs::read_to_string(&path).unwrap()).unwrap();
        (path, plan)
    }

    /// Keys of a new user who may do just this, from now on.
    fn enforce(&self, actions: &BTreeSet<String>) -> (String, String) {
        let policy = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": actions,
            "Resource": "*" }] });
        let keys: Value = serde_json::from_str(&self.python(GRANT, &[&policy.to_string()])).unwrap();
        (
            keys["AccessKeyId"].as_str().unwrap().to_owned(),
            keys["SecretAccessKey"].as_str().unwrap().to_owned(),
        )
    }

    /// What was asked for since enforcement began: what was allowed, and what was denied.
    fn asked(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        let text = fs::read_to_string(self.folder.path().join("asked")).unwrap();
        let of = |word: &str| text.lines().filter_map(|l| l.strip_prefix(word)).map(str::to_owned).collect();
        (of("allowed "), of("denied "))
    }
}

const GRANT: &str = "
import boto3, json, os, sys, urllib.request
iam = boto3.client('iam')
iam.create_user(UserName='redress')
iam.put_user_policy(UserName='redress', PolicyName='plan', PolicyDocument=sys.argv[1])
key = iam.create_access_key(UserName='redress')['AccessKey']
urllib.request.urlopen(urllib.request.Request(os.environ['AWS_ENDPOINT_URL'] + '/moto-api/reset-auth', data=b'0', headers={'Content-Type': 'text/plain'}, method='POST')).read()
print(json.dumps({k: key[k] for k in ('AccessKeyId', 'SecretAccessKey')}))
";

fn anybody() -> (String, String) {
    ("testing".to_owned(), "testing".to_owned())
}

fn told(output: &Output) -> String {
    format!(
        "{}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// For HeadBucket the emulator asks for `s3:HeadBucket` too, which is no action of IAM: AWS asks for
/// `s3:ListBucket` (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html>).
fn as_the_emulator_has_it(actions: &BTreeSet<String>) -> BTreeSet<String> {
    let head = actions.contains("s3:ListBucket").then(|| "s3:HeadBucket".to_owned());
    actions.iter().cloned().chain(head).collect()
}

/// What the command prints, as actions.
fn printed(guarded: &Guarded, path: &str) -> BTreeSet<String> {
    let output = guarded.redress(&anybody(), &["permissions", path]);
    assert!(output.status.success(), "{}", told(&output));
    let policy: Value = serde_json::from_slice(&output.stdout).unwrap();
    let statements = policy["Statement"].as_array().unwrap();
    statements
        .iter()
        .flat_map(|s| s["Action"].as_array().unwrap())
        .map(|a| a.as_str().unwrap().to_owned())
        .collect()
}

/// The arguments that apply a plan unasked.
fn applying(path: &str) -> Vec<&str> {
    let mut all = vec!["apply", path];
    all.extend("--allow-cidr 198.51.100.0/24 --auto-approve --max-risk disruptive --format json".split(' '));
    all
}

#[test]
fn a_plan_is_applied_and_taken_back_under_exactly_the_actions_of_its_policy() {
    let guarded = Guarded::start();
    let (path, plan) = guarded.plan();
    let granted = printed(&guarded, &path);
    let grants = permissions::of_plan(&plan);
    assert_eq!(granted, Policy::of(&grants).actions().into_iter().map(str::to_owned).collect());
    let key = guarded.enforce(&as_the_emulator_has_it(&granted));

    let applied = guarded.redress(&key, &applying(&path));
    assert!(applied.status.success(), "{}", told(&applied));
    let run: Value = serde_json::from_slice(&applied.stdout).unwrap();
    assert!(
        run["changes"]
            .as_array()
            .unwrap()
            .iter()
            .all(|c| c["outcome"] == "verified" || c["outcome"] == "already-fixed"),
        "{run:#}"
    );
    let undone = guarded
        .redress(&key, &["undo", "last", "--auto-approve", "--max-risk", "disruptive", "--format", "json"]);
    assert!(undone.status.success(), "{}", told(&undone));

    let (allowed, denied) = guarded.asked();
    assert!(denied.is_empty(), "these were asked for and are not in the policy: {denied:?}");
    let granted = as_the_emulator_has_it(&granted);
    let called: BTreeSet<String> =
        grants.iter().filter(|g| g.used == Used::Called).map(|g| g.action.clone()).collect();
    let unused: Vec<&String> = called.difference(&allowed).collect();
    assert!(unused.is_empty(), "these are in the policy as called, and were never asked for: {unused:?}");
    // What AWS asks for within another call, and what only some accounts need, is bound to what is called.
    let asked_for: BTreeSet<String> = allowed.into_iter().filter(|a| a != "sts:GetCallerIdentity").collect();
    assert!(asked_for.is_subset(&granted), "{:?}", asked_for.difference(&granted).collect::<Vec<_>>());
}

#[test]
fn one_action_less_and_the_plan_is_not_applied_whole() {
    let guarded = Guarded::start();
    let (path, _) = guarded.plan();
    let mut granted = printed(&guarded, &path);
    assert!(granted.remove("ec2:RevokeSecurityGroupIngress"));
    let key = guarded.enforce(&as_the_emulator_has_it(&granted));
    let applied = guarded.redress(&key, &applying(&path));
    assert!(!applied.status.success(), "{}", told(&applied));
    assert_eq!(guarded.asked().1, BTreeSet::from(["ec2:RevokeSecurityGroupIngress".to_owned()]));
}
