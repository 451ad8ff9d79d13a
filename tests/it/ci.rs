//! redress in CI: the reports, the files beside stdout, two roles of one account, and every command of
//! `docs/ci.md` as far as no cloud is needed: against the emulator.

use std::{fs, path::PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{self, Keys, moto};

/// A folder of its own with a state directory in it, and the environment of a CI job.
pub struct Bench {
    folder: TempDir,
    env: Vec<(&'static str, String)>,
}

impl Bench {
    /// One that knows no account.
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), env: Vec::new() }
    }

    /// A file in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn acting_as(&mut self, keys: &Keys) {
        self.env = keys.environment(moto());
        self.env.push(("REDRESS_LAG_SECONDS", "0".to_owned()));
    }

    /// Runs redress: its exit code, and what it said.
    pub fn run(&self, line: &str) -> (i32, String, String) {
        let mut command = support::at_home(env!("CARGO_BIN_EXE_redress"), self.folder.path());
        let output = command
            .args(line.split_whitespace())
            .envs(self.env.iter().map(|(name, value)| (*name, value)))
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    /// The same, and it must end with this code; gives stdout.
    pub fn ends(&self, code: i32, line: &str) -> String {
        let (ended, out, err) = self.run(line);
        assert_eq!(ended, code, "redress {line}\n{out}\n{err}");
        out
    }
}

/// A part of the demo account's plan that fits a comment with all of its calls, shown as a claim or not.
const SOME: &str =
    "--check security-group-open-admin-port --check ebs-volume-unencrypted --check vpc-without-flow-logs";
const PLAN: &str = "plan --account twin:demo --allow-cidr 203.0.113.0/24 -o plan.json";

#[test]
fn every_report_can_be_a_file_and_the_summary_grows() {
    let mut bench = Bench::new();
    bench.env = vec![("GITHUB_STEP_SUMMARY", "step.md".to_owned())];
    bench.ends(
        4,
        &format!(
            "{PLAN} {SOME} --report html=plan.html --report junit=plan.xml --report sarif=plan.sarif --report \
             markdown=plan.md"
        ),
    );
    let (shown, markdown) = (bench.ends(0, "show plan.json --format markdown"), bench.read("plan.md"));
    // A file is shown as a claim, and else as it was shown when it was made.
    let unclaimed = |shown: String, before: &str, after: &str| {
        let (head, rest) =
            shown.split_once(before).unwrap_or_else(|| panic!("it is shown as a claim: {shown}"));
        assert!(rest.starts_with("This is what the file claims, not compared with any account"), "{rest}");
        format!("{head}{}", rest.split_once(after).unwrap().1)
    };
    let shown = unclaimed(shown, "> ⚠️ **", "**\n\n");
    // What was typed for the plan is repeated only by the command that it was typed for.
    assert_eq!(shown, markdown.replace("plan.json --allow-cidr 203.0.113.0/24`", "plan.json`"));
    assert_eq!(bench.read("step.md").trim(), markdown.trim(), "show adds nothing to the summary");
    assert!(bench.read("plan.html").starts_with("<!doctype html>"));
    let page = bench.ends(0, "show plan.json --format html");
    let before = "\n<section class=\"verdict warn\" aria-label=\"source of these statements\"><p \
                  class=\"result\"><span class=\"dot\" aria-hidden=\"true\"></span>";
    assert_eq!(
        unclaimed(page, before, "</section>"),
        bench.read("plan.html").replace("plan.json --allow-cidr 203.0.113.0&#x2f;24<", "plan.json<")
    );
    let sarif: Value = serde_json::from_str(&bench.read("plan.sarif")).unwrap();
    assert!(!sarif["runs"][0]["results"].as_array().unwrap().is_empty());
    assert!(bench.read("plan.xml").contains("<testsuites"));

    bench.ends(
        4,
        "apply plan.json --allow-cidr 203.0.113.0/24 --auto-approve --report junit=run.xml --events \
         events.jsonl",
    );
    assert!(bench.read("step.md").len() > markdown.len() + 100, "the run is added to the summary");
    let events: Vec<Value> =
        bench.read("events.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |name: &str| events.iter().filter(|e| e["event"] == name).count();
    assert_eq!(
        (&events[0]["event"], &events[events.len() - 1]["event"]),
        (&Value::from("run-begins"), &Value::from("run-ends"))
    );
    assert_eq!(of("change-begins"), of("change-ends"));
    assert!(
        of("step-begins") > 0
            && events.iter().all(|e| e["format"] == "redress.event/1" && e["run"] == events[0]["run"])
    );
    let verified = events[events.len() - 1]["counts"]["verified"].as_u64().unwrap();
    let xml = bench.read("run.xml");
    let passed = xml.matches("<testcase").count() - xml.matches("<skipped").count();
    assert_eq!((passed as u64, xml.matches("<failure").count()), (verified, 0), "{xml}");
    bench.ends(0, "undo last --auto-approve --max-risk disruptive --format sarif --events undo.jsonl");
    assert!(bench.read("undo.jsonl").contains("\"kind\":\"undo\""));
}

#[test]
fn a_file_that_cannot_be_written_ends_the_command_before_anything_is_done() {
    let bench = Bench::new();
    bench.ends(4, PLAN);
    for flag in [
        "--summary no/such/folder.md",
        "--events no/such/folder.jsonl",
        "--report html=no/such/folder.html",
        "--report pdf=x.pdf",
    ] {
        bench.ends(2, &format!("apply plan.json --allow-cidr 203.0.113.0/24 --auto-approve {flag}"));
    }
    assert_eq!(bench.ends(0, "runs").lines().next(), Some("There are no runs yet."));
}

#[test]
fn a_diff_says_what_changed_between_two_plans() {
    let bench = Bench::new();
    bench.ends(4, PLAN);
    bench.ends(4, "plan --account twin:demo --allow-cidr 203.0.113.0/24 -o same.json");
    assert!(bench.ends(0, "diff plan.json same.json --exit-code").starts_with("The plans do the same"));
    bench.ends(4, "plan --account twin:demo --allow-cidr 198.51.100.0/24 -o other.json");
    let told = bench.ends(3, "diff plan.json other.json --exit-code");
    assert!(told.contains("198.51.100.0/24") && told.contains("203.0.113.0/24"), "{told}");
    bench.ends(4, "apply plan.json --allow-cidr 203.0.113.0/24 --auto-approve");
    bench.ends(4, "plan --account twin:demo --allow-cidr 203.0.113.0/24 -o later.json");
    let json: Value =
        serde_json::from_str(&bench.ends(0, "diff plan.json later.json --format json")).unwrap();
    assert_eq!(json["format"], "redress.diff/1");
    assert!(!json["removed"].as_array().unwrap().is_empty(), "what is done is planned no more");
    assert!(bench.ends(0, "diff plan.json later.json --format markdown").contains("### Gone"));
    bench.ends(2, "diff plan.json later.json --format html");
    bench.ends(2, "diff plan.json missing.json");
}

/// Keys of a role of an account.
fn role(keys: &Keys, name: &str) -> Keys {
    let script = format!(
        "import boto3, json\nc = boto3.client('sts').assume_role(RoleArn='arn:aws:iam::{}:role/{name}', \
         RoleSessionName='ci')['Credentials']\nprint(json.dumps([c['AccessKeyId'], c['SecretAccessKey'], \
         c['SessionToken']]))",
        keys.account
    );
    let [id, secret, token]: [String; 3] = serde_json::from_str(&moto().python(keys, &script)).unwrap();
    Keys { account: keys.account.clone(), id, secret, token }
}

#[test]
fn a_plan_made_by_one_role_is_applied_by_another_of_the_same_account_and_of_no_other() {
    let owner = moto().account();
    moto().python(&owner, include_str!("clinic_seed.py"));
    let (reader, writer) = (role(&owner, "redress-plan"), role(&owner, "redress-apply"));
    let mut bench = Bench::new();
    bench.acting_as(&reader);
    let (code, out, err) = bench.run(
        "plan --region us-east-1 -o plan.json --check security-group-open-admin-port --allow-cidr \
         203.0.113.0/24",
    );
    assert!([0, 4].contains(&code), "{code}\n{out}\n{err}");
    let plan: Value = serde_json::from_str(&bench.read("plan.json")).unwrap();
    assert!(plan["caller"].as_str().unwrap().contains("assumed-role/redress-plan/"), "{}", plan["caller"]);
    assert!(!plan["changes"].as_array().unwrap().is_empty());

    bench.acting_as(&moto().account());
    let (code, _, err) =
        bench.run("apply plan.json --allow-cidr 203.0.113.0/24 --auto-approve --max-risk disruptive");
    assert_eq!(code, 2, "keys of another account: {err}");

    bench.acting_as(&writer);
    let run: Value = serde_json::from_str(&bench.ends(
        0,
        "apply plan.json --allow-cidr 203.0.113.0/24 --auto-approve --max-risk disruptive --format json",
    ))
    .unwrap();
    assert_eq!(run["counts"]["verified"], plan["changes"].as_array().unwrap().len());
    let journal: String = walk(&bench.path("state"))
        .iter()
        .filter(|p| p.ends_with("journal.jsonl"))
        .map(|p| fs::read_to_string(p).unwrap())
        .collect();
    assert!(journal.contains("assumed-role/redress-apply/"), "the journal names who did it");
}

/// All files under a folder.
pub fn walk(folder: &std::path::Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

/// The commands of redress in the blocks of a page, in order, without what the shell does around them.
fn commands(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        if line.starts_with("```") {
            inside = !inside;
        } else if inside {
            let line = line.trim().trim_start_matches("- ").trim_start_matches("run: ");
            if let Some(command) = line.strip_prefix("redress ") {
                found.push(command.split(['|', '>']).next().unwrap().trim().to_owned());
            }
        }
    }
    found
}

#[test]
fn every_command_of_the_page_on_ci_does_what_the_page_says() {
    let page = include_str!("../../docs/ci.md");
    let all = commands(page);
    assert!(all.len() >= 15, "{all:#?}");
    let owner = moto().account();
    moto().python(&owner, include_str!("clinic_seed.py"));
    let mut bench = Bench::new();
    bench.acting_as(&owner);
    fs::create_dir_all(bench.path("out")).unwrap();
    fs::create_dir_all(bench.path("playbooks")).unwrap();
    for command in &all {
        let (code, out, err) = bench.run(command);
        // 4 is what the page says of a plan that refuses something; a scan with --exit-code finds something.
        let fine = if command.contains("--exit-code") { vec![3, 4] } else { vec![0, 4] };
        assert!(fine.contains(&code), "redress {command}\nexit {code}\n{out}\n{err}");
        if command.starts_with("permissions") {
            let policy: Value = serde_json::from_str(&out).unwrap();
            assert!(
                policy["Statement"].as_array().is_some_and(|all| !all.is_empty()),
                "redress {command}: {policy}"
            );
        }
    }
    for file in
        ["plan.json", "plan.html", "plan.md", "redress.xml", "redress.sarif", "summary.md", "events.jsonl"]
    {
        assert!(fs::metadata(bench.path("out").join(file)).unwrap().len() > 100, "{file}");
    }
}

#[test]
fn the_examples_are_yaml_and_json_that_can_be_read() {
    let script = r#"
import json, re, sys
import yaml
page = open(sys.argv[1]).read() if len(sys.argv) > 1 else PAGE
blocks = re.findall(r"```(yaml|json)\n(.*?)```", page, re.S)
for kind, text in blocks:
    (yaml.safe_load if kind == "yaml" else json.loads)(text)
print(len(blocks))
"#;
    let page = serde_json::to_string(include_str!("../../docs/ci.md")).unwrap();
    let said = moto().python(&moto().account(), &format!("PAGE = {page}\n{script}"));
    assert_eq!(said.trim(), "4");
}

/// A bench with a plan of one group of the demo in which a rule is let in and another closed, and the twin's
/// faults set.
fn faulty(faults: &Value) -> Bench {
    let bench = Bench::new();
    bench.ends(4, PLAN);
    set_faults(&bench, faults);
    bench
}

fn set_faults(bench: &Bench, faults: &Value) {
    let mut twin: Value = serde_json::from_str(&bench.read("state/twin/demo.json")).unwrap();
    twin["faults"] = faults.clone();
    fs::write(bench.path("state/twin/demo.json"), twin.to_string()).unwrap();
}

/// A change of the plan that first lets somebody in and then closes to the world.
fn narrowing(bench: &Bench) -> String {
    let plan: Value = serde_json::from_str(&bench.read("plan.json")).unwrap();
    let operations = |c: &Value| {
        c["steps"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s["call"]["operation"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let fits = |c: &&Value| operations(c) == ["AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress"];
    plan["changes"].as_array().unwrap().iter().find(fits).expect("the demo narrows a group")["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn revoking_is_denied(times: u32) -> Value {
    serde_json::json!({ "script": [{ "at": { "operation": ["RevokeSecurityGroupIngress", 1] },
        "kind": "denied", "times": times }] })
}

#[test]
fn exit_0_all_is_verified() {
    let bench = faulty(&serde_json::json!({}));
    bench.ends(
        0,
        &format!(
            "apply plan.json --allow-cidr 203.0.113.0/24 --auto-approve --max-risk disruptive --change {}",
            narrowing(&bench)
        ),
    );
}

#[test]
fn exit_1_the_endpoint_does_not_answer() {
    let mut bench = Bench::new();
    let keys = [
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("AWS_ACCESS_KEY_ID", "x"),
        ("AWS_SECRET_ACCESS_KEY", "y"),
    ];
    bench.env = keys.map(|(name, value)| (name, value.to_owned())).to_vec();
    bench.ends(1, "scan --region us-east-1");
}

#[test]
fn exit_2_the_plan_was_edited() {
    let bench = faulty(&serde_json::json!({}));
    fs::write(bench.path("plan.json"), bench.read("plan.json").replacen("us-east-1", "us-west-2", 1))
        .unwrap();
    bench.ends(2, "apply plan.json --allow-cidr 203.0.113.0/24 --auto-approve");
}

#[test]
fn exit_3_findings_are_pending() {
    Bench::new().ends(3, "scan --account twin:demo --exit-code");
}

#[test]
fn exit_4_a_scan_could_not_see_everything() {
    let bench = faulty(&serde_json::json!({ "denied_reads": [{ "family": "volumes" }] }));
    bench.ends(4, "scan --account twin:demo");
}

#[test]
fn exit_5_a_change_failed_and_was_rolled_back() {
    let bench = faulty(&revoking_is_denied(1));
    let run = bench.ends(
        5,
        &format!(
            "apply plan.json --allow-cidr 203.0.113.0/24 --auto-approve --max-risk disruptive --format json \
             --change {}",
            narrowing(&bench)
        ),
    );
    assert!(run.contains("\"rolled-back\""), "{run}");
}

#[test]
fn exit_6_the_way_back_failed_too() {
    let bench = faulty(&revoking_is_denied(1000));
    let run = bench.ends(
        6,
        &format!(
            "apply plan.json --allow-cidr 203.0.113.0/24 --auto-approve --max-risk disruptive --format json \
             --change {}",
            narrowing(&bench)
        ),
    );
    assert!(run.contains("\"stuck\""), "{run}");
}

#[test]
fn exit_7_a_proof_cannot_be_read_any_more() {
    let bench = faulty(&serde_json::json!({}));
    bench.ends(
        0,
        &format!(
            "apply plan.json --allow-cidr 203.0.113.0/24 --auto-approve --max-risk disruptive --change {}",
            narrowing(&bench)
        ),
    );
    set_faults(&bench, &serde_json::json!({ "denied_reads": [{ "family": "security-group-rules" }] }));
    bench.ends(7, "verify last");
}
