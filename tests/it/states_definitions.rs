//! These tests judge the definitions of exported machines: every state is reached, every task names
//! operations as AWS does, and the policy of the plan allows them. No machine is run.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use redress::plan::{Plan, digest, export};
use serde_json::{Value, json};

use super::{
    states::{targets, told},
    support::python,
};

fn demo(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_redress"));
    let account: &[&str] = if matches!(words.first(), Some(&"export" | &"permissions")) {
        &[]
    } else {
        &["--account", "twin:demo"]
    };
    command
        .args(words)
        .args(account)
        .env("REDRESS_STATE_DIR", "state")
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn demo_plan(folder: &Path) -> Plan {
    let planned = demo(folder, &["plan", "-o", "plan.json", "--quiet"]);
    assert!(matches!(planned.status.code(), Some(0 | 4)), "{}", told(&planned));
    digest::parse(&fs::read_to_string(folder.join("plan.json")).unwrap()).unwrap()
}

/// The machines of every change that the demo account has something for.
fn demo_machines(folder: &Path) -> Vec<PathBuf> {
    demo_plan(folder);
    let exported = demo(folder, &["export", "plan.json", "--to", "step-functions", "-o", "out"]);
    assert!(exported.status.success(), "{}", told(&exported));
    let mut all: Vec<PathBuf> =
        fs::read_dir(folder.join("out")).unwrap().map(|f| f.unwrap().path()).collect();
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
            assert!(
                name.len() <= 80 && to.iter().all(|t| states.contains_key(*t)),
                "{}: {name} leads to {to:?}",
                path.display()
            );
            let ends = matches!(state["Type"].as_str().unwrap(), "Succeed" | "Fail");
            assert_eq!(ends, to.is_empty(), "{name}");
            assert_eq!(state["Type"] == "Choice", state.get("Next").is_none() && !ends, "{name}");
            assert!(
                state["Type"] != "Task" || state["Catch"][0]["ErrorEquals"] == json!(["States.ALL"]),
                "{name}"
            );
            reached.extend(to);
        }
        assert_eq!(reached.len(), states.len(), "{}: a state that nothing leads to", path.display());
    }
}

/// The emulator lacks some operations, and takes any name: every task is held against the models of the
/// services.
#[test]
fn every_task_names_operations_and_members_as_aws_does() {
    let folder = tempfile::tempdir().unwrap();
    let judged = Command::new(python())
        .args(["-c", include_str!("states_names.py")])
        .args(demo_machines(folder.path()))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&judged.stderr).into_owned();
    assert!(
        judged.status.success() && judged.stdout.is_empty(),
        "{said}{}",
        String::from_utf8_lossy(&judged.stdout)
    );
    let tasks: usize = said.trim().trim_end_matches(" tasks").parse().unwrap();
    assert!(tasks > 100, "{said}");
}

/// All operations of the machines, in the words of IAM.
fn actions(machine: &Value) -> BTreeSet<String> {
    let tasks = machine["States"].as_object().unwrap().values().filter_map(|s| s["Resource"].as_str());
    let action = |resource: &str| {
        let mut words = resource.rsplit(':');
        let (operation, service) = (words.next().unwrap(), words.next().unwrap());
        let service = match service {
            "cloudwatchlogs" => "logs",
            "elasticloadbalancingv2" => "elasticloadbalancing",
            other => other,
        };
        match operation {
            "headBucket" => "s3:ListBucket".to_owned(),
            other => format!("{service}:{}{}", other[..1].to_uppercase(), &other[1..]),
        }
    };
    tasks.map(action).collect()
}

#[test]
fn the_policy_of_the_plan_lets_the_machines_do_all_they_do() {
    let folder = tempfile::tempdir().unwrap();
    let machines = demo_machines(folder.path());
    let output = demo(folder.path(), &["permissions", "plan.json"]);
    let policy: Value = serde_json::from_slice(&output.stdout).unwrap();
    let statements = policy["Statement"].as_array().unwrap();
    let allowed: BTreeSet<String> = statements
        .iter()
        .flat_map(|s| s["Action"].as_array().unwrap())
        .map(|a| a.as_str().unwrap().to_owned())
        .collect();
    let asked: BTreeSet<String> = machines
        .iter()
        .flat_map(|path| actions(&serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()))
        .collect();
    assert!(
        asked.len() > 20 && asked.is_subset(&allowed),
        "{:?}",
        asked.difference(&allowed).collect::<Vec<_>>()
    );
}

#[test]
fn what_no_machine_can_do_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let plan = demo_plan(folder.path());
    assert_eq!(export::machines(&plan).unwrap().keys().collect::<Vec<_>>(), ["eu-west-1", "us-east-1"]);
    let refused = |spoil: &dyn Fn(&mut Plan)| {
        let mut plan = plan.clone();
        spoil(&mut plan);
        export::machines(&plan).unwrap_err()
    };
    let at = |action: &str| {
        plan.changes.iter().position(|c| c.action == action && c.region == "us-east-1").unwrap()
    };
    let abroad = plan.changes.iter().position(|c| c.region == "eu-west-1").unwrap();
    let group = at("tighten-security-group");

    let first = &plan.changes[group].id;
    let error = refused(&|plan| plan.changes[abroad].after = vec![first.clone()]);
    assert!(error.change == plan.changes[abroad].id && error.why.contains(first.as_str()), "{error}");
    let error = refused(&|plan| plan.changes[group].before = json!(vec!["a rule"; 251]));
    assert!(error.change == plan.changes[group].id && error.why.contains("256 KiB"), "{error}");
    let error = refused(&|plan| plan.changes[group].steps[0].act.call.region = "eu-west-1".to_owned());
    assert!(
        error.change == plan.changes[group].id && error.why.contains("RevokeSecurityGroupIngress"),
        "{error}"
    );
    let error = refused(&|plan| plan.changes[group].steps[0].act.call.input["GroupId.$"] = json!("$.secret"));
    assert!(error.change == plan.changes[group].id && error.why.contains("GroupId.$"), "{error}");
    let error = refused(&|plan| {
        let disks = plan.changes[at("encrypt-volumes")].clone();
        plan.changes
            .extend((0..40).map(|n| redress::plan::Change { id: format!("more{n}"), ..disks.clone() }));
    });
    assert!(error.why.contains("25000"), "{error}");
    let error = refused(&|plan| {
        let input = &mut plan.changes[group].steps[0].act.call.input;
        input["GroupId"] = json!("x".repeat(1_000_001));
    });
    assert!(error.why.contains("bytes"), "{error}");
}

#[test]
fn a_machine_is_shown_where_there_is_one_and_several_need_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    demo_plan(folder.path());
    let shown = demo(folder.path(), &["export", "plan.json", "--to", "step-functions"]);
    assert_eq!(shown.status.code(), Some(2), "{}", told(&shown));
    let planned =
        demo(folder.path(), &["plan", "-o", "plan.json", "--quiet", "--check", "instance-backup-stale"]);
    assert!(matches!(planned.status.code(), Some(0 | 4)), "{}", told(&planned));
    let shown = demo(folder.path(), &["export", "plan.json", "--to", "step-functions", "--way-back"]);
    let machine: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert!(
        machine["Comment"].as_str().unwrap().contains("undoes")
            && machine["States"]["done"]["Type"] == "Succeed",
        "{machine:#}"
    );
}
