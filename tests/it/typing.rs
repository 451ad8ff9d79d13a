//! What is typed and what is shown to be typed: help, controls in the place of checks, the width of a pipe,
//! and commands that work as they are shown.

use std::{collections::BTreeSet, fs};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    layering::{code, sources},
    style::literals,
    support,
};

struct Said {
    code: i32,
    out: String,
    err: String,
}

struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn words(&self, words: &[&str], env: &[(&str, &str)]) -> Said {
        let mut command = support::at_home(env!("CARGO_BIN_EXE_redress"), self.0.path());
        let output = command.args(words).envs(env.iter().copied()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Said { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    fn run(&self, line: &str) -> Said {
        self.words(&line.split_whitespace().collect::<Vec<_>>(), &[])
    }

    /// A command as it was shown, typed into a shell with more behind it.
    fn shown(&self, line: &str, more: &str) -> Said {
        let rest = line.strip_prefix("redress ").unwrap_or_else(|| panic!("{line}"));
        let mut command = support::at_home("/bin/sh", self.0.path());
        let output = command
            .args(["-c", &format!("'{}' {rest} {more}", env!("CARGO_BIN_EXE_redress"))])
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Said { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// The command that is shown for this purpose.
fn next(text: &str, purpose: &str) -> String {
    let after = text
        .split_once(&format!("Next, {purpose}:\n"))
        .unwrap_or_else(|| panic!("nothing {purpose} in\n{text}"))
        .1;
    after.lines().take_while(|line| line.starts_with("  ")).map(str::trim).collect::<Vec<_>>().join(" ")
}

#[test]
fn help_is_a_command_too() {
    let desk = Desk::new();
    for (line, same) in
        [("help", "--help"), ("help scan", "scan --help"), ("help playbooks new", "playbooks new --help")]
    {
        let (said, same) = (desk.run(line), desk.run(same));
        assert_eq!((said.code, &said.out), (0, &same.out), "redress {line}: {}", said.err);
        assert!(said.out.contains("Usage:"), "{}", said.out);
    }
    assert_eq!(desk.run("help nosuch").code, 2);
}

#[test]
fn an_option_that_a_command_does_not_take_is_refused_with_those_that_do() {
    let desk = Desk::new();
    let said = desk.run("resume last --findings found.json");
    assert_eq!(said.code, 2);
    assert!(
        said.err.contains("unexpected argument '--findings' found")
            && said.err.contains("an option of scan, plan, apply and fix"),
        "{}",
        said.err
    );
    for (line, left_out) in
        [("resume", "--check"), ("runs", "--jobs"), ("completions", "--region"), ("fix", "--format")]
    {
        let help = desk.run(&format!("{line} --help")).out;
        assert!(!help.contains(left_out) && help.contains("--verbose"), "{line}: {help}");
        assert!(help.lines().all(|l| l.chars().count() <= 80), "{help}");
    }
}

#[test]
fn a_control_that_others_know_names_its_checks() {
    let desk = Desk::new();
    let checks = |line: &str| -> BTreeSet<String> {
        let said = desk.run(&format!("scan --account twin:demo --format json {line}"));
        let scan: Value =
            serde_json::from_str(&said.out).unwrap_or_else(|e| panic!("{line}: {e}\n{}", said.err));
        scan["findings"].as_array().unwrap().iter().map(|f| f["check"].as_str().unwrap().to_owned()).collect()
    };
    let explained: Value = serde_json::from_str(&desk.run("explain EC2.13 --format json").out).unwrap();
    let named: Vec<String> = explained["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| format!("--check {}", c["id"].as_str().unwrap()))
        .collect();
    assert!(!named.is_empty());
    assert_eq!(checks("--check EC2.13"), checks(&named.join(" ")));
    assert_eq!(
        checks("--check ec2.13 --check EC2.6"),
        checks(&format!("{} --check vpc-without-flow-logs", named.join(" ")))
    );
    let said = desk.run("scan --account twin:demo --check EC2.99999");
    assert!(said.code == 2 && said.err.contains("there is no check"), "{}", said.err);
}

#[test]
fn the_width_that_the_environment_asks_for_is_kept_in_a_pipe() {
    let desk = Desk::new();
    let widest = |columns: Option<&str>| {
        let env: Vec<(&str, &str)> = columns.map(|c| ("COLUMNS", c)).into_iter().collect();
        let said = desk
            .words(&["plan", "--account", "twin:demo", "--check", "security-group-open-admin-port"], &env);
        // A command that is shown is one line, so that it can be copied.
        said.out
            .lines()
            .filter(|line| !line.starts_with("  redress "))
            .map(|line| line.chars().count())
            .max()
            .unwrap()
    };
    assert!(widest(Some("60")) <= 60, "{}", widest(Some("60")));
    assert!(widest(None) > 60 && widest(None) <= 100, "{}", widest(None));
    assert!(widest(Some("180")) > 100 && widest(Some("180")) <= 180, "{}", widest(Some("180")));
    assert_eq!(widest(Some("wide")), widest(None));
}

#[test]
fn the_commands_that_are_shown_mean_the_same_and_work_as_they_stand() {
    let desk = Desk::new();
    fs::create_dir(desk.0.path().join("my books")).unwrap();
    let typed = "scan --account twin:demo --state-dir runs/here --check security-group-open-admin-port \
                 --region us-east-1 --allow-cidr 203.0.113.0/24 --playbooks";
    let mut words: Vec<&str> = typed.split(' ').collect();
    words.push("my books");
    let scan = desk.words(&words, &[("COLUMNS", "1000")]);
    let plan = next(&scan.out, "to see what would be done");
    for part in [
        "--region us-east-1",
        "--state-dir runs/here",
        "--allow-cidr 203.0.113.0/24",
        "--check security-group-open-admin-port",
        "'my books'",
    ] {
        assert!(plan.contains(part), "{part} is not in {plan}");
    }
    let planned = desk.shown(&plan, "");
    assert_eq!(planned.code, 0, "{plan}\n{}", planned.err);
    let kept: Value =
        serde_json::from_str(&fs::read_to_string(desk.0.path().join("plan.json")).unwrap()).unwrap();
    assert_eq!(kept["regions"], serde_json::json!(["us-east-1"]));
    assert!(kept.to_string().contains("203.0.113.0/24"));
    let apply = next(&planned.out, "to do it");
    let applied = desk.shown(&apply, "--auto-approve --max-risk disruptive");
    assert_eq!(applied.code, 0, "{apply}\n{}", applied.err);
    for purpose in ["to check later that it is still fixed", "to undo it"] {
        let command = next(&applied.out, purpose);
        assert!(command.contains("--state-dir runs/here"), "{command}");
        let more = if command.contains("undo") { "--auto-approve --max-risk disruptive" } else { "" };
        let said = desk.shown(&command, more);
        assert_eq!(said.code, 0, "{command}\n{}", said.err);
    }
    // A folder of findings stays one, and events are looked up by the time that was given.
    let finding = desk.run(
        "scan --account twin:demo --check security-group-open-admin-port --format json --state-dir runs/here",
    );
    fs::create_dir(desk.0.path().join("found")).unwrap();
    fs::write(desk.0.path().join("found/one.json"), "[]").unwrap();
    assert!(!finding.out.is_empty());
    let said = desk.run("plan --account twin:demo --findings found --state-dir runs/here");
    assert!(!said.out.contains("one.json"), "{}", said.out);
}

/// What begins with a question and ends as a statement is no sentence, and so is the name of a fact that
/// stands for one.
#[test]
fn what_is_not_known_is_told_in_a_sentence() {
    let questions = ["whether ", "which ", "whose ", "under which ", "when ", "how long "];
    let (mut wrong, mut asked) = (Vec::new(), 0);
    for path in sources(&std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let text = code(&path);
        let headless = |said: &String| {
            questions.iter().any(|q| said.trim_start_matches(" is kept: ").starts_with(q))
                && said.contains("not known: ")
        };
        wrong.extend(
            literals(&text).into_iter().filter(headless).map(|said| format!("{}: {said}", path.display())),
        );
        for call in [" need(", "(need(", "::need(", " known(", "(known(", "::known("] {
            for (at, _) in text.match_indices(call) {
                // The question is among the arguments, which may stand on lines of their own.
                let arguments: String = text[at..].chars().take_while(|c| *c != ';').take(200).collect();
                asked += 1;
                let bare = questions.iter().any(|q| arguments.contains(&format!("\"{q}")));
                if bare && !arguments.contains("Question(") {
                    wrong.push(format!("{}: {arguments}", path.display()));
                }
            }
        }
    }
    assert!(asked > 50, "{asked}");
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn a_mistyped_key_is_said_to_be_none() {
    let desk = Desk::new();
    let said = desk.run(
        "plan --account twin:demo --check ebs-volume-unencrypted --set encrypt-volumes.key=alias/nosuch",
    );
    let text = said.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("there is no key or alias alias/nosuch in"), "{}", said.out);
    assert!(!text.contains("scan again"), "{}", said.out);
}
