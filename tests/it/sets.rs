//! Sets of playbooks on the command line: the built program on the demo account.

use std::{collections::BTreeSet, fs, path::Path, process::Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::support;

fn run(home: &Path, line: &str) -> Output {
    let mut command = support::at_home(env!("CARGO_BIN_EXE_redress"), home);
    command.args(line.split_whitespace()).output().unwrap()
}

fn json(home: &Path, line: &str) -> Value {
    let output = run(home, line);
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{line}: {e}: {}", String::from_utf8_lossy(&output.stderr)))
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn found(home: &Path, options: &str) -> BTreeSet<String> {
    let scan = json(home, &format!("scan --account twin:demo --format json {options}"));
    let findings = scan["findings"].as_array().unwrap().iter();
    findings.map(|f| f["check"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_set_narrows_a_scan_to_what_its_playbooks_answer() {
    let home = TempDir::new().unwrap();
    let (all, cis, fsbp) = (
        found(home.path(), ""),
        found(home.path(), "--playbook-set cis"),
        found(home.path(), "--playbook-set fsbp"),
    );
    assert!(all.contains("kms-rotation-off") && all.contains("load-balancer-weak-tls"), "{all:?}");
    assert!(cis.contains("kms-rotation-off") && !cis.contains("load-balancer-weak-tls"), "{cis:?}");
    assert!(!fsbp.contains("kms-rotation-off") && fsbp.contains("load-balancer-weak-tls"), "{fsbp:?}");
    let both: BTreeSet<String> = cis.union(&fsbp).cloned().collect();
    assert_eq!(found(home.path(), "--playbook-set cis --playbook-set fsbp"), both);
}

#[test]
fn a_plan_of_a_set_is_applied_with_the_same_set_and_the_next_command_names_it() {
    let home = TempDir::new().unwrap();
    let book = "id = \"gentle\"\ntitle = \"Rotate\"\nfinding = \"kms-rotation-off\"\nsets = \
                [\"incident\"]\n[[action]]\nuse = \"enable-kms-rotation\"\n";
    fs::create_dir(home.path().join("books")).unwrap();
    fs::write(home.path().join("books/kms-rotation.toml"), book.replace("gentle", "kms-rotation")).unwrap();
    let plan = home.path().join("plan.json");
    let place = format!("--playbooks {}", home.path().join("books").display());
    let made = run(
        home.path(),
        &format!(
            "plan --account twin:demo {place} --playbook-set incident --check kms-rotation-off -o {}",
            plan.display()
        ),
    );
    assert!(plan.is_file(), "{}", stderr(&made));
    let written: Value = serde_json::from_slice(&fs::read(&plan).unwrap()).unwrap();
    assert_eq!(written["changes"][0]["playbook"], "kms-rotation", "{}", stderr(&made));
    let next = stderr(&made) + &String::from_utf8_lossy(&made.stdout);
    assert!(next.lines().any(|l| l.contains("apply") && l.contains("--playbook-set incident")), "{next}");
    let apply = format!("apply {} --account twin:demo {place} --auto-approve", plan.display());
    let without = run(home.path(), &apply);
    let said = stderr(&without) + &String::from_utf8_lossy(&without.stdout);
    assert!(without.status.code() == Some(4) && said.contains("--playbook-set"), "{said}");
    let applied = run(home.path(), &format!("{apply} --playbook-set incident"));
    assert_eq!(applied.status.code(), Some(0), "{}", stderr(&applied));
    assert!(!found(home.path(), "").contains("kms-rotation-off"));
}

#[test]
fn a_check_beside_the_sets_is_run_and_its_playbook_named() {
    let home = TempDir::new().unwrap();
    let output = run(home.path(), "scan --account twin:demo --playbook-set fsbp --check kms-rotation-off");
    let (said, shown) = (stderr(&output), String::from_utf8_lossy(&output.stdout).into_owned());
    assert!(said.contains("kms-rotation does, with --playbook-set default"), "{said}");
    assert!(shown.contains("kms-rotation-off"), "{shown}");
}

#[test]
fn the_list_of_playbooks_names_their_sets_and_is_narrowed_by_them() {
    let home = TempDir::new().unwrap();
    let ids = |options: &str| -> Vec<String> {
        let list = json(home.path(), &format!("playbooks list --format json {options}"));
        list["playbooks"].as_array().unwrap().iter().map(|p| p["id"].as_str().unwrap().to_owned()).collect()
    };
    assert!(ids("").len() > ids("--playbook-set cis").len());
    assert!(ids("--playbook-set incident").contains(&"create-cloudtrail".to_owned()));
    let text = run(home.path(), "playbooks list --playbook-set cis");
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("in default, strict, cis"), "{text}");
}

#[test]
fn the_lists_of_playbooks_and_actions_fit_80_columns() {
    let home = TempDir::new().unwrap();
    for line in ["playbooks list", "actions list"] {
        let mut command = support::at_home(env!("CARGO_BIN_EXE_redress"), home.path());
        let output = command.env("COLUMNS", "80").args(line.split_whitespace()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.lines().count() > 30, "{text}");
        let wide: Vec<&str> = text.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(wide.is_empty(), "{line}: {wide:#?}");
    }
}

#[test]
fn an_unknown_set_is_refused_with_those_that_there_are() {
    let home = TempDir::new().unwrap();
    let output = run(home.path(), "plan --account twin:demo --playbook-set cjs");
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(said.contains("'cjs'") && said.contains("default, strict, cis, fsbp, incident"), "{said}");
}

#[test]
fn the_next_command_names_the_sets_again() {
    let home = TempDir::new().unwrap();
    let output = run(home.path(), "scan --account twin:demo --playbook-set cis");
    let both = stderr(&output) + &String::from_utf8_lossy(&output.stdout);
    assert!(both.contains("--playbook-set cis"), "{both}");
}

#[test]
fn a_playbook_of_another_set_does_not_stand_in_the_way() {
    let home = TempDir::new().unwrap();
    let book = "id = \"harder\"\ntitle = \"Rotate\"\nfinding = \"kms-rotation-off\"\nsets = \
                [\"strict\"]\n[[action]]\nuse = \"enable-kms-rotation\"\nwith = { period_days = 100 }\n";
    fs::create_dir(home.path().join("books")).unwrap();
    fs::write(home.path().join("books/harder.toml"), book).unwrap();
    let place = format!("--account twin:demo --playbooks {}", home.path().join("books").display());
    let plan = home.path().join("plan.json");
    let file = plan.display();
    run(home.path(), &format!("plan {place} --check kms-rotation-off -o {file}"));
    let applied = run(home.path(), &format!("apply {file} {place} --auto-approve"));
    assert_eq!(applied.status.code(), Some(0), "{}", stderr(&applied));
    let strict = run(home.path(), &format!("plan {place} --playbook-set strict --check kms-rotation-off"));
    let said = stderr(&strict) + &String::from_utf8_lossy(&strict.stdout);
    assert!(!said.contains("conflict"), "what is fixed conflicts no more: {said}");
}
