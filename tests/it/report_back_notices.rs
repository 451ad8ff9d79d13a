//! These tests report the outcomes of plans of the demo account: which findings are resolved, the file that
//! names every change, and the policy that allows the report. They need no emulator.

use std::{
    collections::BTreeSet,
    fs,
    process::{Command, Stdio},
};

use redress::{
    journal::{ChangeStory, Event, Outcome, Phase, Story, closing},
    plan::{Plan, digest},
};
use serde_json::{Value, json};

use crate::report_back::PRODUCT;

#[test]
fn a_file_of_outcomes_names_every_change_and_every_source() {
    let folder = tempfile::tempdir().unwrap();
    let run = |line: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_redress"))
            .args(line.split_whitespace())
            .current_dir(folder.path())
            .env_clear()
            .env("HOME", folder.path())
            .env("REDRESS_STATE_DIR", folder.path().join("state"))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let apply = "apply --account twin:demo --allow-cidr 203.0.113.0/24 --auto-approve --max-risk disruptive \
                 --format json";
    let (code, _, err) = run(&format!("{apply} --report-back securityhub"));
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("has no Security Hub"), "{err}");
    let (code, _, err) = run(&format!("{apply} --report-back file:nowhere/outcomes.json"));
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("cannot write there") && err.contains("nothing was done"), "{err}");
    let (_, out, _) = run("runs --format json");
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap()["runs"], json!([]), "{out}");

    let (_, out, err) = run(&format!("{apply} --report-back file:outcomes.json"));
    let told: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}\n{err}"));
    let events: Vec<Value> =
        serde_json::from_str(&fs::read_to_string(folder.path().join("outcomes.json")).unwrap()).unwrap();
    let named: BTreeSet<&str> = events
        .iter()
        .flat_map(|e| e["unmapped"]["redress"]["changes"].as_array().unwrap())
        .map(|c| c["id"].as_str().unwrap())
        .collect();
    let changes: BTreeSet<&str> =
        told["changes"].as_array().unwrap().iter().map(|c| c["id"].as_str().unwrap()).collect();
    assert_eq!(named, changes);
    for event in &events {
        let activity = event["activity_id"].as_u64().unwrap();
        assert_eq!(event["type_uid"], 200_300 + activity, "{event}");
        let verified = event["unmapped"]["redress"]["changes"]
            .as_array()
            .unwrap()
            .iter()
            .all(|c| c["outcome"] == "verified");
        assert_eq!(
            (activity == 3, event["status_id"] == 4, event["compliance"]["status"] == "Pass"),
            (verified, verified, verified),
            "{event}"
        );
    }
    assert!(!folder.path().join("outcomes.json.part").exists());
}

/// A plan of the demo account with these findings of Security Hub behind its first two changes that answer
/// any.
fn planned(make: impl Fn(&Value, &Value) -> Value) -> (Plan, [String; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_redress"))
        .args(["plan", "--account", "twin:demo", "-o", "-", "--quiet"])
        .env_clear()
        .env("HOME", folder.path())
        .env("REDRESS_STATE_DIR", folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let mut plan: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)));
    let answering: Vec<&Value> = plan["changes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|c| !c["findings"].as_array().unwrap().is_empty())
        .take(2)
        .collect();
    let ids =
        [answering[0]["id"].as_str().unwrap().to_owned(), answering[1]["id"].as_str().unwrap().to_owned()];
    let origins = make(&answering[0]["findings"][0], &answering[1]["findings"][0]);
    plan["origins"] = origins;
    (serde_json::from_value(plan).unwrap(), ids)
}

fn origin(id: &str, answers: &[&Value], control: &str) -> Value {
    json!({"tool": "Security Hub", "format": "ASFF 2018-10-08", "framework": "security-hub",
        "control": control, "finding": id, "product": PRODUCT,
        "account": "123456789012", "answers": answers})
}

fn story(outcomes: &[(&str, Outcome)]) -> Story {
    let mut story = Story::default();
    story.apply(jiff::Timestamp::UNIX_EPOCH, &Event::RunEnded);
    for (id, outcome) in outcomes {
        story.changes.insert(
            (*id).to_owned(),
            ChangeStory { phase: Phase::Ended(*outcome), ..ChangeStory::default() },
        );
    }
    story
}

#[test]
fn a_finding_is_resolved_as_a_whole_or_not_at_all() {
    let (plan, [first, second]) =
        planned(|a, b| json!([origin("a", &[a], "x"), origin("ab", &[a, b], "x"), origin("a", &[b], "y")]));
    let told = |story: &Story| -> Vec<String> {
        let all = closing::notices(&plan, story, jiff::Timestamp::UNIX_EPOCH);
        all.notices.iter().flat_map(|n| &n.findings).map(|f| f.id.clone()).collect()
    };
    assert_eq!(told(&story(&[(&first, Outcome::Verified), (&second, Outcome::Verified)])), ["a", "ab"]);
    for half in [
        Outcome::Unverified,
        Outcome::AlreadyFixed,
        Outcome::NotApproved,
        Outcome::RolledBack,
        Outcome::Stuck,
    ] {
        assert_eq!(
            told(&story(&[(&first, Outcome::Verified), (&second, half)])),
            Vec::<String>::new(),
            "{half:?}: the id `a` names one finding under two controls"
        );
    }
    let mut undone = story(&[(&first, Outcome::Verified), (&second, Outcome::Verified)]);
    undone.changes.get_mut(&first).unwrap().undone_by = Some("r2".to_owned());
    assert_eq!(told(&undone), Vec::<String>::new());
}

#[test]
fn a_finding_whose_control_the_checks_answer_in_part_stays_open_and_so_does_one_that_the_plan_opens_anew() {
    let in_part = |a: &Value| {
        let mut origin = origin("a", &[a], "EC2.28");
        origin["beyond"] = json!(["a plan of AWS Backup (EC2.28)"]);
        origin
    };
    let (mut plan, [first, second]) = planned(|a, b| json!([in_part(a), origin("b", &[b], "y")]));
    let verified = story(&[(&first, Outcome::Verified), (&second, Outcome::Verified)]);
    let open = |plan: &Plan| -> Vec<(String, String)> {
        let left = closing::notices(plan, &verified, jiff::Timestamp::UNIX_EPOCH).left;
        left.into_iter().map(|(finding, why)| (finding.id, why)).collect()
    };
    let left = open(&plan);
    assert_eq!(left.len(), 1);
    assert!(left[0].1.contains("it is also about a plan of AWS Backup"), "{left:?}");
    let mut opened = plan.origins[1].answers[0].clone();
    opened.check = "security-group-open-other-port".to_owned();
    plan.rehearsal.opens.push(opened);
    let left = open(&plan);
    assert!(
        left.iter().any(|(id, why)| id == "b" && why.contains("security-group-open-other-port")),
        "{left:?}"
    );
}

#[test]
fn more_findings_than_one_request_takes_go_in_several() {
    let (plan, [first, _]) =
        planned(|a, _| Value::Array((0..250).map(|n| origin(&format!("f-{n}"), &[a], "x")).collect()));
    let all = closing::notices(&plan, &story(&[(&first, Outcome::Verified)]), jiff::Timestamp::UNIX_EPOCH);
    assert_eq!(all.notices.iter().map(|n| n.findings.len()).collect::<Vec<_>>(), [100, 100, 50]);
}

#[test]
fn a_plan_keeps_what_it_was_made_for_and_one_without_reads_as_before() {
    let (mut plan, _) = planned(|a, _| json!([origin("a", &[a], "x")]));
    digest::seal(&mut plan);
    assert_eq!(digest::parse(&serde_json::to_string(&plan).unwrap()).unwrap(), plan);
    plan.origins.clear();
    digest::seal(&mut plan);
    let text = serde_json::to_string(&plan).unwrap();
    assert!(!text.contains("origins"), "what is not there changes no digest of an older plan");
    assert_eq!(digest::parse(&text).unwrap(), plan);
}

#[test]
fn telling_security_hub_is_in_no_policy_unless_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let policy = |line: &str| -> Value {
        let mut command = Command::new(env!("CARGO_BIN_EXE_redress"));
        command
            .args(line.split_whitespace())
            .current_dir(folder.path())
            .env_clear()
            .env("HOME", folder.path())
            .env("REDRESS_STATE_DIR", folder.path());
        let output = command.stdin(Stdio::null()).output().unwrap();
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| panic!("{line}: {e}: {}", String::from_utf8_lossy(&output.stderr)))
    };
    let hubs = |document: &Value| -> Vec<Value> {
        let statements = document["Statement"].as_array().unwrap();
        statements
            .iter()
            .filter(|s| s["Action"] == json!(["securityhub:BatchUpdateFindings"]))
            .map(|s| s["Resource"].clone())
            .collect()
    };
    policy("plan --account twin:demo --format json -o plan.json");
    for without in
        ["permissions --all --only read", "permissions --all --only write", "permissions plan.json"]
    {
        assert!(!policy(without).to_string().contains("securityhub"), "{without}");
    }
    let of_plan = hubs(&policy("permissions plan.json --report-back"));
    let expected = ["eu-west-1", "us-east-1"]
        .map(|region| format!("arn:aws:securityhub:{region}:123456789012:hub/default"));
    assert_eq!(of_plan, [json!(expected)]);
    let standing = policy("permissions --all --report-back");
    assert_eq!(hubs(&standing["report_back"]), [json!(["arn:aws:securityhub:*:*:hub/default"])]);
    assert_eq!(policy("permissions --all --only report-back"), standing["report_back"]);
    assert_eq!(policy("permissions --all")["report_back"], Value::Null);
}
