//! The command line as a person sees it: the built program on the demo twin, its stdout, stderr and exit
//! code, with good input and bad.

use std::{fs, path::PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::support;

/// A folder of its own for each test, with a state directory in it.
struct Desk {
    folder: TempDir,
}

/// What the program said.
struct Said {
    code: i32,
    /// Stdout as it is; `out` and `err` are fit for snapshots.
    raw: String,
    out: String,
    err: String,
}

impl Said {
    fn json(&self) -> Value {
        serde_json::from_str(&self.raw)
            .unwrap_or_else(|e| panic!("not JSON: {e}\n{}\n{}", self.out, self.err))
    }

    /// All of it, for a snapshot.
    fn whole(&self) -> String {
        format!("exit {}\n--- stdout\n{}--- stderr\n{}", self.code, self.out, self.err)
    }
}

impl Desk {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Runs `redress` with these words, in an environment that says nothing, and without a terminal.
    fn run(&self, line: &str) -> Said {
        self.with(line, &[])
    }

    fn with(&self, line: &str, env: &[(&str, &str)]) -> Said {
        let mut command = support::at_home(env!("CARGO_BIN_EXE_redress"), self.folder.path());
        let output = command.args(line.split_whitespace()).envs(env.iter().copied()).output().unwrap();
        let folder = self.folder.path().display().to_string();
        let (raw, err) =
            (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        Said {
            code: output.status.code().unwrap(),
            out: redact(&raw, &folder),
            err: redact(&err, &folder),
            raw,
        }
    }

    /// The same, and it must end with this code.
    fn ends(&self, code: i32, line: &str) -> Said {
        let said = self.run(line);
        assert_eq!(said.code, code, "redress {line}\n{}", said.whole());
        said
    }

    /// A plan of the demo account in `plan.json`.
    fn planned() -> Self {
        let desk = Self::new();
        desk.ends(4, "plan --account twin:demo --allow-cidr 203.0.113.0/24 -o plan.json");
        desk
    }
}

/// Puts words in the place of what differs from run to run: times, ids of runs, digests, folders.
fn redact(text: &str, folder: &str) -> String {
    let text = text.replace(folder, "DESK");
    let (mut out, mut word) = (String::new(), String::new());
    for c in text.chars().chain(['\n']) {
        if c.is_ascii_alphanumeric() || matches!(c, ':' | '-') {
            word.push(c);
            continue;
        }
        out.push_str(named(&word).unwrap_or(&word));
        out.push(c);
        word.clear();
    }
    out.pop();
    out
}

fn named(word: &str) -> Option<&'static str> {
    let shape: String = word.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    let hex =
        |n: usize| word.len() == n && word.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c));
    match shape.as_str() {
        "9999-99-99" => Some("DATE"),
        "99:99" => Some("TIME"),
        _ if shape.starts_with("99999999T999999Z-") => Some("RUN"),
        _ if shape.starts_with("9999-99-99T99:99:99") => Some("MOMENT"),
        _ if hex(12) && shape != "999999999999" || hex(64) => Some("DIGEST"),
        _ => None,
    }
}

fn counts(document: &Value, key: &str) -> u64 {
    document["counts"][key].as_u64().unwrap_or(0)
}

#[test]
fn the_demo_tells_the_whole_story_and_names_the_next_command() {
    let desk = Desk::new();
    let said = desk.ends(0, "demo");
    for part in [
        "1  scan",
        "2  plan",
        "3  approve",
        "4  apply",
        "5  verify",
        "6  undo",
        "redress scan --account twin:demo",
    ] {
        assert!(said.out.contains(part), "{part}\n{}", said.out);
    }
    assert_eq!(said.err, "", "the story is on stdout, and there is no other talk");
    assert!(!desk.path("state").exists(), "the demo leaves nothing behind");
    let wide: Vec<&str> = said.out.lines().filter(|line| console::measure_text_width(line) > 80).collect();
    assert_eq!(wide, Vec::<&str>::new(), "what is not told to a terminal fits 80 columns");
    let json = desk.ends(0, "demo --format json").json();
    assert_eq!(json["format"], "redress.demo/1");
    assert_eq!(counts(&json["undo"], "restored"), counts(&json["run"], "verified"));
}

#[test]
fn scan_plan_apply_verify_undo_as_documents() {
    let desk = Desk::new();
    let scan = desk.ends(0, "scan --account twin:demo --format json").json();
    assert_eq!(scan["format"], "redress.findings/1");
    let findings = scan["findings"].as_array().unwrap();
    assert!(findings.iter().all(|f| f["decision"].is_string()), "every finding says what would be done");
    desk.ends(3, "scan --account twin:demo --exit-code");

    let plan = desk
        .ends(4, "plan --account twin:demo --allow-cidr 203.0.113.0/24 -o plan.json --format json")
        .json();
    assert_eq!(plan["format"], "redress.plan/1");
    assert_eq!(
        serde_json::from_str::<Value>(&desk.read("plan.json")).unwrap(),
        plan,
        "the file is the document"
    );

    let run = desk
        .ends(
            0,
            "apply plan.json --allow-cidr 203.0.113.0/24 --auto-approve --max-risk disruptive --format json",
        )
        .json();
    assert_eq!(run["format"], "redress.run/1");
    let changes = plan["changes"].as_array().unwrap().len() as u64;
    assert_eq!(counts(&run, "verified") + counts(&run, "already-fixed"), changes, "{run}");

    let verified = desk.ends(0, "verify last --format json").json();
    assert_eq!(counts(&verified, "verified"), counts(&run, "verified"));
    let undo = desk.ends(0, "undo last --auto-approve --max-risk disruptive --format json").json();
    assert_eq!((&undo["kind"], counts(&undo, "restored")), (&Value::from("undo"), counts(&run, "verified")));

    let runs = desk.ends(0, "runs --format json").json();
    let states: Vec<&str> =
        runs["runs"].as_array().unwrap().iter().filter_map(|r| r["state"].as_str()).collect();
    assert_eq!(states, ["complete", "undone"], "the newest first");
    let again = desk.ends(0, "scan --account twin:demo --format json").json();
    // But for backups, which an undo keeps.
    let open = |scan: &Value| -> Vec<String> {
        let open = scan["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|f| f["verdict"] == "violates" && f["check"] != "instance-backup-stale");
        open.map(|f| format!("{} {}", f["check"], f["resource"]["arn"])).collect()
    };
    assert_eq!(open(&again), open(&scan), "what was fixed is open again");
}

#[test]
fn applying_without_a_terminal_asks_nobody_and_changes_nothing() {
    let desk = Desk::planned();
    let twin = desk.read("state/twin/demo.json");
    let plan: Value = serde_json::from_str(&desk.read("plan.json")).unwrap();
    let changes = plan["changes"].as_array().unwrap().len();
    insta::assert_snapshot!(
        desk.ends(2, "apply plan.json --allow-cidr 203.0.113.0/24")
            .whole()
            .replace(&format!("{changes} changes"), "N changes")
    );
    assert_eq!(desk.ends(0, "runs").out.lines().next(), Some("There are no runs yet."));
    let inventory = |text: &str| serde_json::from_str::<Value>(text).unwrap()["truth"].clone();
    assert_eq!(inventory(&desk.read("state/twin/demo.json")), inventory(&twin));
}

#[test]
fn auto_approve_does_what_is_safe_and_tells_why_not_the_rest() {
    let desk = Desk::planned();
    let run = desk.ends(4, "apply plan.json --allow-cidr 203.0.113.0/24 --auto-approve --format json").json();
    let changes = run["changes"].as_array().unwrap();
    assert!(counts(&run, "verified") > 0 && counts(&run, "not-approved") > 0);
    // What only a change that is not approved needs is not made either, for another reason.
    let mut held = changes.iter().filter(|c| c["outcome"] == "not-approved");
    let named = |why: &Value| why.as_str().unwrap().contains("--max-risk disruptive");
    assert!(held.any(|c| named(&c["reason"])), "{run}");
}

#[test]
fn a_part_of_a_plan_is_applied_with_what_it_needs_and_taken_back() {
    let desk = Desk::planned();
    let plan: Value = serde_json::from_str(&desk.read("plan.json")).unwrap();
    let late =
        plan["changes"].as_array().unwrap().iter().find(|c| c["action"] == "enable-flow-logs").unwrap();
    let (id, needs) = (late["id"].as_str().unwrap(), late["after"].as_array().unwrap().len());
    let run = desk
        .ends(
            0,
            &format!(
                "apply plan.json --allow-cidr 203.0.113.0/24 --change {id} --auto-approve --max-risk \
                 disruptive --format json"
            ),
        )
        .json();
    assert!(run["changes"].as_array().unwrap().len() > needs);
    assert_eq!(counts(&run, "verified"), run["changes"].as_array().unwrap().len() as u64, "{run}");
    let first = run["changes"][0]["id"].as_str().unwrap().to_owned();
    let refused = desk.ends(4, &format!("undo last --change {first}"));
    assert!(refused.err.contains("still stands"), "{}", refused.err);
    desk.ends(0, "undo last --auto-approve --max-risk disruptive");
}

#[test]
fn an_undo_can_be_planned_reviewed_and_done_later_as_it_was_reviewed() {
    let desk = Desk::planned();
    desk.ends(0, "apply plan.json --allow-cidr 203.0.113.0/24 --auto-approve --max-risk disruptive");
    desk.ends(0, "undo last -o undo.json");
    assert_eq!(
        desk.ends(0, "runs --format json").json()["runs"].as_array().unwrap().len(),
        1,
        "planning an undo does nothing"
    );
    let plan: Value = serde_json::from_str(&desk.read("undo.json")).unwrap();
    assert_eq!(plan["rehearsal"]["undo_restores"], true, "{}", plan["rehearsal"]);
    assert!(
        plan["rehearsal"]["opens"].as_array().is_some_and(|opens| !opens.is_empty()),
        "what was closed is open again"
    );
    assert!(desk.ends(0, "show undo.json").out.contains(
        "rehearsed: every call went through, the earlier state is restored except for what is named"
    ));
    desk.ends(0, "show undo.json --format html");
    assert!(
        desk.ends(2, "apply undo.json --change c1").err.contains("cannot change a plan that is made already")
    );
    // A part of it taken back meanwhile: the reviewed undo is not what takes the run back any more.
    let last = plan["changes"][0]["id"].as_str().unwrap();
    desk.ends(0, &format!("undo last --change {last} -o part.json"));
    desk.ends(0, "apply part.json --auto-approve --max-risk disruptive");
    let stale = desk.ends(4, "apply undo.json --auto-approve --max-risk disruptive");
    assert!(stale.err.contains("has changed since this undo was planned"), "{}", stale.err);
    let run = plan["of_run"].as_str().unwrap();
    desk.ends(0, &format!("undo {run} -o rest.json"));
    let undone = desk.ends(0, "apply rest.json --auto-approve --max-risk disruptive --format json").json();
    assert_eq!(undone["kind"], "undo");
    let runs = desk.ends(0, "runs --format json").json();
    let told = runs["runs"].as_array().unwrap().iter().find(|r| r["run"] == run).unwrap().clone();
    assert_eq!(told["state"], "undone", "{runs}");
}

#[test]
fn pruning_is_only_planned_unless_it_is_allowed_by_name() {
    let desk = Desk::planned();
    desk.ends(0, "apply plan.json --allow-cidr 203.0.113.0/24 --auto-approve --max-risk disruptive");
    let said = desk.ends(0, "prune --account twin:demo");
    assert!(said.err.contains("is kept until DATE"), "{}", said.err);
    desk.ends(0, "prune --account twin:demo --auto-approve --allow-irreversible prune");
}

#[test]
fn plans_that_are_not_as_they_were_written_are_refused() {
    let desk = Desk::planned();
    let plan = desk.read("plan.json");
    desk.write("empty.json", "");
    desk.write("cut.json", plan.split_inclusive('\n').take(3).collect::<String>().trim_end());
    desk.write("edited.json", &plan.replacen("us-east-1", "us-west-2", 1));
    desk.write("other.json", "{\"format\": \"redress.run/1\"}");
    desk.write("picture.json", "\u{89}PNG");
    let mut said = String::new();
    for file in ["empty", "cut", "edited", "other", "picture", "missing"] {
        said.push_str(&format!("{file}: {}", desk.ends(2, &format!("apply {file}.json --auto-approve")).err));
    }
    desk.write(
        "inventory.json",
        &serde_json::from_str::<Value>(&desk.read("state/twin/demo.json")).unwrap()["truth"]
            .to_string()
            .replace("123456789012", "210987654321"),
    );
    said.push_str(
        &desk.ends(2, "apply plan.json --allow-cidr 203.0.113.0/24 --account twin:./inventory.json").err,
    );
    insta::assert_snapshot!(said);
    assert_eq!(
        desk.ends(0, "runs --format json").json()["runs"].as_array().map(Vec::len),
        Some(0),
        "nothing was begun"
    );
}

#[test]
fn a_plan_that_expired_is_refused() {
    let desk = Desk::new();
    desk.ends(4, "plan --account twin:demo -o plan.json --valid-for 1m");
    // Applying it moves the twin's clock on by more than a minute: the disks take their time.
    desk.ends(0, "apply plan.json --auto-approve --max-risk disruptive");
    let said = desk.ends(2, "apply plan.json --auto-approve");
    assert!(said.err.contains("expired at"), "{}", said.err);
}

#[test]
fn bad_input_is_told_with_what_to_do() {
    let desk = Desk::new();
    desk.write("not-a-folder", "");
    let lines = [
        (2, "frobnicate"),
        (2, "scan --account 123456789012"),
        (2, "scan --account twin:nobody"),
        (2, "scan --account twin:demo --region mars-1"),
        (2, "scan --account twin:demo --check cloudtrail-mising"),
        (2, "scan --account twin:demo --profile prod"),
        (2, "plan --account twin:demo --allow-cidr 0.0.0.0/0"),
        (2, "plan --account twin:demo --allow-cidr ::/1"),
        (2, "plan --account twin:demo --allow-cidr office"),
        (2, "plan --account twin:demo --set tighten-security-group.strateg=revoke"),
        (2, "plan --account twin:demo --valid-for tomorrow"),
        (2, "apply --account twin:demo --allow-irreversible prunne"),
        (2, "undo nothing-like-a-run"),
        (2, "show nothing-like-a-run"),
        (2, "actions show encrypt-volume"),
        (2, "playbooks show ebs-encription"),
        (2, "runs --state-dir not-a-folder/below"),
        (2, "scan --account twin:demo --state-dir not-a-folder/below"),
    ];
    let told: String = lines
        .iter()
        .map(|(code, line)| format!("$ redress {line}\n{}\n", desk.ends(*code, line).whole()))
        .collect();
    insta::assert_snapshot!(told);
}

#[test]
fn playbooks_are_checked_with_file_line_and_column() {
    let desk = Desk::new();
    fs::create_dir(desk.path("books")).unwrap();
    desk.write(
        "books/a.toml",
        "id = \"a\"\ntitle = \"A\"\nfinding = [\"ebs-volume-unencrypted\"]\ncolour = 1\n[[action]]\nuse = \
         \"encrypt-volumez\"\n",
    );
    desk.write(
        "books/b.toml",
        "id = \"b\"\ntitle = \"B\"\nfinding = [\"ebs-volume-unencrypted\"]\n[[action]]\nuse = \
         \"encrypt-volumes\"\nwith = { keep_days = \"long\" }\n",
    );
    let good = "id = \"c\"\ntitle = \"C\"\nfinding = [\"ebs-volume-unencrypted\"]\n[[action]]\nuse = \
                \"encrypt-volumes\"\n";
    desk.write("books/c.toml", good);
    desk.write("books/d.toml", good);
    insta::assert_snapshot!(desk.ends(2, "playbooks check books").whole());
    assert!(desk.ends(2, "scan --account twin:demo --playbooks books").err.contains("books/a.toml:4:1"));
    desk.ends(0, "playbooks check books/c.toml");
}

#[test]
fn without_credentials_or_an_endpoint_that_answers_it_says_so() {
    let desk = Desk::new();
    let said = desk.run("scan --region us-east-1");
    assert_eq!(said.code, 2, "{}", said.whole());
    assert!(
        said.err.starts_with("error: no AWS credentials found") && said.err.contains("redress demo"),
        "{}",
        said.err
    );
    let env = [
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("AWS_ACCESS_KEY_ID", "x"),
        ("AWS_SECRET_ACCESS_KEY", "very-secret-text"),
    ];
    for line in ["scan --region us-east-1", "scan --region us-east-1 -vvv"] {
        let said = desk.with(line, &env);
        assert_eq!(said.code, 1, "{}", said.whole());
        assert!(said.err.contains("error: http://127.0.0.1:9 does not answer"), "{}", said.err);
        assert!(!said.whole().contains("very-secret-text"));
    }
}

#[test]
fn a_run_is_not_taken_to_another_account() {
    let desk = Desk::planned();
    desk.ends(0, "apply plan.json --allow-cidr 203.0.113.0/24 --auto-approve --max-risk disruptive");
    for command in ["undo", "verify", "resume"] {
        let said = desk.ends(2, &format!("{command} last --account twin:other"));
        assert!(said.err.contains("is for account 123456789012 at twin:demo"), "{}", said.err);
    }
    assert!(desk.ends(0, "resume last").err.contains("nothing to resume"));
}

#[test]
fn quiet_means_that_only_data_is_said() {
    let desk = Desk::planned();
    let said = desk
        .ends(0, "apply plan.json --allow-cidr 203.0.113.0/24 --auto-approve --max-risk disruptive --quiet");
    assert_eq!(said.err, "");
    assert!(!said.out.contains('\u{1b}'), "no colours where there is no terminal");
    assert!(desk.ends(0, "show last --color always").out.contains('\u{1b}'));
}

#[test]
fn a_user_of_the_demo_account_is_revoked_and_given_everything_back() {
    let desk = Desk::new();
    let plan = desk.ends(0, "revoke print-shop --account twin:demo -o plan.json --format json").json();
    let actions: Vec<&Value> =
        plan["changes"].as_array().unwrap().iter().map(|change| &change["action"]).collect();
    assert_eq!(actions, ["deny-user", "revoke-credentials"]);
    let rehearsal = &plan["rehearsal"];
    assert_eq!(rehearsal["closes"].as_array().unwrap().len(), 1, "{rehearsal}");
    assert_eq!(rehearsal.get("differences"), None, "all is predicted: {rehearsal}");
    let users = r#"--set revoke-credentials.users=["print-shop"]"#;
    desk.ends(0, &format!("apply plan.json {users} --auto-approve --max-risk disruptive"));
    desk.ends(0, "undo last --auto-approve --max-risk disruptive");
}
