//! Waivers on the command line: the built program on the demo account.

use std::{fs, path::Path, process::Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::support;

const CHECK: &str = "security-group-open-admin-port";

fn run(home: &Path, line: &str) -> Output {
    let mut command = support::at_home(env!("CARGO_BIN_EXE_redress"), home);
    command.current_dir(home).args(line.split_whitespace()).output().unwrap()
}

fn out(home: &Path, line: &str) -> String {
    let output = run(home, line);
    String::from_utf8(output.stdout).unwrap()
}

fn json(home: &Path, line: &str) -> Value {
    serde_json::from_str(&out(home, line)).unwrap()
}

/// Writes waivers of the check beside a playbook of nobody.
fn waivers(home: &Path, all: &[(&str, &str)]) {
    let one = |(resource, until): &(&str, &str)| {
        format!(
            "[[waiver]]\ncheck = \"{CHECK}\"\nresource = \"{resource}\"\nreason = \"honeypot, SEC-7\"\nwho = \
             \"ann\"\nuntil = {until}\n\n"
        )
    };
    fs::create_dir_all(home.join("books")).unwrap();
    fs::write(home.join("books/waivers.toml"), all.iter().map(one).collect::<String>()).unwrap();
}

/// Returns the ids of the open groups of the demo account.
fn open(scan: &Value) -> Vec<String> {
    let findings = scan["findings"].as_array().unwrap().iter();
    let open = findings.filter(|f| f["verdict"] == "violates" && f["suppressed"].is_null());
    open.map(|f| f["resource"]["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_is_waived_is_shown_counted_apart_and_not_planned_until_its_day_has_passed() {
    let home = TempDir::new().unwrap();
    let home = home.path();
    let at = format!("--account twin:demo --check {CHECK} --playbooks books --allow-cidr 203.0.113.0/24");
    waivers(home, &[]);
    let before = json(home, &format!("scan {at} --format json"));
    let (all, set_aside) = (open(&before), before["counts"]["suppressed"].as_u64().unwrap());
    let id = all[0].as_str();
    waivers(home, &[(id, "2099-12-31")]);
    let scan = json(home, &format!("scan {at} --format json"));
    assert_eq!(open(&scan), all[1..], "this one alone");
    assert_eq!(scan["counts"]["suppressed"], set_aside + 1);
    let waived = scan["findings"].as_array().unwrap().iter().find(|f| f["resource"]["id"] == id).unwrap();
    assert_eq!(waived["suppressed"], "honeypot, SEC-7");
    assert_eq!(waived["waiver"], serde_json::json!({ "who": "ann", "until": "2099-12-31" }));
    let plan = json(home, &format!("plan {at} --format json"));
    let changed = plan["changes"].as_array().unwrap().iter();
    assert!(changed.filter(|c| c["resource"].to_string().contains(id)).count() == 0, "{plan}");
    for format in ["text", "markdown", "html", "sarif", "junit"] {
        let said = out(home, &format!("scan {at} --format {format}"));
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains("waived by ann until 2099-12-31: honeypot, SEC-7"), "{format}: {said}");
    }
    let sarif = json(home, &format!("scan {at} --format sarif"));
    let results = sarif["runs"][0]["results"].as_array().unwrap().iter();
    let suppressed = results.filter(|result| result["suppressions"].is_array()).count();
    assert_eq!(suppressed as u64, set_aside + 1);
    // A plan that was made before the waiver does not change what is waived by now.
    waivers(home, &[]);
    run(home, &format!("plan {at} -o plan.json"));
    waivers(home, &[(id, "2099-12-31")]);
    let apply = format!("apply plan.json {at} --auto-approve --max-risk disruptive --format json");
    let apply = apply.replace(&format!(" --check {CHECK}"), "");
    let applied = json(home, &apply);
    let of = |id: &str| {
        let mut changes = applied["changes"].as_array().unwrap().iter();
        changes.find(|change| change["resource"].to_string().contains(id)).map(|change| &change["outcome"])
    };
    assert!(of(id).is_some_and(|outcome| outcome != "verified"), "{applied}");
    assert_eq!(of(&all[1]), Some(&Value::from("verified")), "{applied}");
    run(home, "undo last --account twin:demo --auto-approve --max-risk disruptive");
    waivers(home, &[(id, "2020-12-31"), ("sg-none", "2099-12-31")]);
    let scan = json(home, &format!("scan {at} --format json"));
    assert_eq!(open(&scan), all, "the finding is back");
    let lapsed = scan["lapsed_waivers"].as_array().unwrap();
    assert_eq!((lapsed.len(), &lapsed[0]["expired"]), (2, &Value::from("2020-12-31")), "{lapsed:?}");
    for format in ["text", "markdown", "html"] {
        let said = out(home, &format!("scan {at} --format {format}"));
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in ["expired on 2020-12-31: its finding is open again", "matches no finding"] {
            assert!(said.contains(part), "{format}: {said}");
        }
    }
}

#[test]
fn what_is_wrong_in_a_file_of_waivers_is_told_before_anything_is_read() {
    let home = TempDir::new().unwrap();
    let home = home.path();
    waivers(home, &[("sg-1", "2027-13-01")]);
    for line in [
        "scan --account twin:demo --playbooks books",
        "playbooks check books",
        "plan --waivers books/waivers.toml",
    ] {
        let said = run(home, line);
        let err = String::from_utf8(said.stderr).unwrap();
        assert_eq!(said.status.code(), Some(2), "{line}: {err}");
        assert!(err.contains("books/waivers.toml:6:9"), "{line}: {err}");
    }
    let said = run(home, "scan --account twin:demo --waivers none.toml");
    assert_eq!(said.status.code(), Some(2));
    assert!(String::from_utf8(said.stderr).unwrap().contains("none.toml"));
}
