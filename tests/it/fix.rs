//! `redress fix` on a real pseudo-terminal, on the demo twin: what a person sees and types, Ctrl-C, plain
//! lines, and the recorded session of `docs/fix-session.txt`. What the session decides is tested beside the
//! code, without a terminal.

use std::{
    fs,
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support;

/// A pseudo-terminal with a state directory of its own.
pub struct Desk {
    pub folder: TempDir,
    columns: u16,
    env: Vec<(String, String)>,
}

/// What was on the terminal.
pub struct Seen {
    pub raw: String,
    pub text: String,
    pub exit: i64,
    restored: bool,
}

impl Desk {
    pub fn new(term: &str) -> Self {
        let env = vec![("TERM".to_owned(), term.to_owned()), ("LANG".to_owned(), "C.UTF-8".to_owned())];
        Self { folder: tempfile::tempdir().unwrap(), columns: 80, env }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    fn redress(&self, line: &str) -> std::process::Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_redress"));
        command
            .args(line.split(' '))
            .env_clear()
            .env("HOME", self.folder.path())
            .env("REDRESS_STATE_DIR", self.folder.path().join("state"));
        command.current_dir(self.folder.path()).stdin(Stdio::null()).output().unwrap()
    }

    /// Runs `redress` with these words; each step waits for a text and then types.
    pub fn play(&self, line: &str, steps: &[(&str, &str)]) -> Seen {
        let mut env: serde_json::Map<String, Value> =
            self.env.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
        env.insert("HOME".to_owned(), json!(self.folder.path()));
        env.insert("REDRESS_STATE_DIR".to_owned(), json!(self.folder.path().join("state")));
        let mut argv = vec![env!("CARGO_BIN_EXE_redress").to_owned()];
        argv.extend(line.split(' ').map(str::to_owned));
        let order = json!({ "argv": argv, "env": env, "columns": self.columns, "rows": 50, "steps": steps });
        let mut child = Command::new(support::python())
            .args(["-c", include_str!("pty.py")])
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(order.to_string().as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        let raw = told["text"].as_str().unwrap().replace("\r\n", "\n");
        let text = console::strip_ansi_codes(&raw).into_owned();
        assert_eq!(told["missed"], Value::Null, "waited in vain:\n{text}");
        Seen {
            raw,
            text,
            exit: told["exit"].as_i64().unwrap(),
            restored: told["restored"].as_bool().unwrap(),
        }
    }

    /// How many runs there are.
    fn runs(&self) -> usize {
        let output = self.redress("runs --format json");
        serde_json::from_slice::<Value>(&output.stdout).unwrap()["runs"].as_array().unwrap().len()
    }
}

const DOWN: &str = "\u{1b}[B";
const UP: &str = "\u{1b}[A";
const CTRL_C: &str = "\u{3}";

#[test]
fn without_a_terminal_it_refuses_and_says_what_to_do() {
    let desk = Desk::new("xterm");
    let output = desk.redress("fix --account twin:demo");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        said.contains("no terminal to ask at")
            && said.contains("nothing was changed")
            && said.contains("redress plan -o plan.json"),
        "{said}"
    );
}

#[test]
fn a_change_is_chosen_confirmed_done_and_proved() {
    let desk = Desk::new("xterm-256color");
    let up = UP.to_owned();
    let steps = [
        ("Do c", format!("{up}\r")),
        ("Change 2 of", DOWN.repeat(5)),
        ("> finish", "\r".to_owned()),
        ("What now [", UP.repeat(2)),
        ("> go", "\r".to_owned()),
        ("Type the account id 123456789012 to do it", "123456789012\r".to_owned()),
    ];
    let steps: Vec<(&str, &str)> = steps.iter().map(|(wait, send)| (*wait, send.as_str())).collect();
    let seen = desk.play("fix --account twin:demo", &steps);
    assert_eq!(seen.exit, 0, "{}", seen.text);
    assert!(seen.restored);
    for part in [
        "You chose 1 change: 1 disruptive.",
        "rehearsed: closes 1 of 1, opens 0",
        "verified 1",
        "refused",
        "failed",
        "redress undo ",
    ] {
        assert!(seen.text.contains(part), "{part} is not in\n{}", seen.text);
    }
    assert_eq!(desk.runs(), 1);
}

/// Returns whether a question about a change got this answer.
fn is_answered(seen: &Seen, answer: &str) -> bool {
    let asked = seen.text.split("Do c").skip(1);
    let said = |rest: &str| rest.trim_start_matches(|c: char| c.is_ascii_digit()).to_owned();
    asked.map(said).any(|rest| rest.starts_with(&format!(": {answer}")))
}

#[test]
fn one_key_answers_and_a_question_mark_explains() {
    let desk = Desk::new("xterm-256color");
    let steps = [
        ("[y,n,a,s,d,e,f,q,?]:", "?"),
        ("no to this and the rest of its playbook", "x"),
        ("Press ? to hide this", "y"),
        ("Change 2 of", "d"),
        ("ec2:Modify", ""),
        ("Do c", "n"),
        ("Change 3 of", "f"),
        ("What now [g,b,q,?]:", "g"),
        ("Type the account id 123456789012 to do it", "123456789012\r"),
    ];
    let seen = desk.play("fix --account twin:demo", &steps);
    assert_eq!((seen.exit, seen.restored), (0, true), "{}", seen.text);
    assert!(
        is_answered(&seen, "yes") && is_answered(&seen, "no") && seen.text.contains("You chose 1 change"),
        "{}",
        seen.text
    );
    assert_eq!(desk.runs(), 1);
}

#[test]
fn a_word_typed_whole_answers_one_question() {
    let desk = Desk::new("xterm");
    let seen = desk.play("fix --account twin:demo", &[("Do c", "yes\r"), ("Change 2 of", ""), ("> no", "q")]);
    assert_eq!(seen.exit, 4, "{}", seen.text);
    assert!(
        is_answered(&seen, "yes") && is_answered(&seen, "quit") && !seen.text.contains("Which parameter"),
        "{}",
        seen.text
    );
    assert_eq!(desk.runs(), 0);
}

#[test]
fn apply_asks_by_keys_too() {
    let desk = Desk::new("xterm");
    let line = "apply --account twin:demo --check vpc-without-flow-logs --allow-cidr 203.0.113.0/24";
    let steps = [
        ("Do it [n,y,s,d,?]:", "d"),
        ("ec2:CreateFlowLogs", ""),
        ("Do it [", "s"),
        ("Do c1 [y,n,a,f,d,q,?]:", "y"),
        ("Do c2 [", "q"),
    ];
    let seen = desk.play(line, &steps);
    assert_eq!((seen.exit, seen.restored), (4, true), "{}", seen.text);
    assert!(seen.text.contains("nothing was approved, nothing was changed"), "{}", seen.text);
    assert_eq!(desk.runs(), 0);
    let seen = desk.play(line, &[("Do it [", "y")]);
    assert_eq!((seen.exit, seen.restored), (0, true), "{}", seen.text);
    // Words and Enter work as well where nothing can be drawn.
    let dumb = Desk::new("dumb");
    let seen = dumb.play(line, &[("Type a word or a number [no]:", "yes\r")]);
    assert_eq!(seen.exit, 0, "{}", seen.text);
    assert!(!seen.raw.contains("\u{1b}[2K"), "{:?}", seen.raw);
}

#[test]
fn ctrl_c_at_any_prompt_changes_nothing_and_gives_the_terminal_back() {
    let choice: &[(&str, &str)] = &[("> no", CTRL_C)];
    let parameter: &[(&str, &str)] = &[("> no", "\u{1b}[B\u{1b}[B\u{1b}[B\u{1b}[B\r"), ("> back", CTRL_C)];
    let line: &[(&str, &str)] = &[
        ("> no", "\u{1b}[B\u{1b}[B\u{1b}[B\u{1b}[B\r"),
        ("> back", "\u{1b}[A\u{1b}[A\u{1b}[A\r"),
        ("list of CIDRs", CTRL_C),
    ];
    let confirm: &[(&str, &str)] = &[
        ("> no", "\u{1b}[A\r"),
        ("Change 2 of", "\u{1b}[B\u{1b}[B\u{1b}[B\u{1b}[B\u{1b}[B\r"),
        ("> quit", "\u{1b}[A\u{1b}[A\r"),
        ("Type the account id", CTRL_C),
    ];
    let desk = Desk::new("xterm");
    for (name, steps) in [("choice", choice), ("parameter", parameter), ("line", line), ("confirm", confirm)]
    {
        // Changes with parameters to edit.
        let seen = desk.play("fix --account twin:demo --check security-group-open-admin-port", steps);
        assert_eq!(seen.exit, 4, "{name}: {}", seen.text);
        assert!(seen.restored, "{name}: the terminal's settings differ");
        assert!(seen.text.contains("nothing was changed"), "{name}: {}", seen.text);
        let (hidden, shown) = (seen.raw.rfind("\u{1b}[?25l"), seen.raw.rfind("\u{1b}[?25h"));
        assert!(shown >= hidden, "{name}: the cursor stays hidden");
    }
    let plain = desk.play("fix --account twin:demo --plain", &[("Type a word or a number [no]:", CTRL_C)]);
    assert_eq!(plain.exit, 4, "{}", plain.text);
    assert_eq!(desk.runs(), 0);
}

#[test]
fn it_fits_80_columns_and_needs_no_colour() {
    let desk = Desk::new("xterm").with("NO_COLOR", "1");
    let seen =
        desk.play("fix --account twin:demo", &[("> no", "\u{1b}[B\u{1b}[B\u{1b}[B\r"), ("> no", "\u{1b}")]);
    assert!(!seen.raw.contains("\u{1b}[3") && !seen.raw.contains("\u{1b}[1m"), "there is colour");
    fits(&seen.text);
}

/// No line is wider than the terminal, but for what people copy.
fn fits(text: &str) {
    let copied = |line: &&str| line.contains("arn:aws") || line.contains('/') && !line.starts_with('[');
    for line in text.lines().filter(|line| !copied(line)) {
        assert!(console::measure_text_width(line) <= 80, "{line:?}");
    }
}

#[test]
fn a_dumb_terminal_is_asked_line_by_line_and_nothing_is_drawn() {
    let desk = Desk::new("dumb");
    let ask = "Type a word or a number [no]:";
    let seen = desk
        .play("fix --account twin:demo", &[(ask, "maybe\r"), ("is none of the answers", ""), (ask, "qu\r")]);
    assert_eq!(seen.exit, 4, "{}", seen.text);
    assert!(!seen.raw.contains('\u{1b}'), "{:?}", seen.raw);
    assert_eq!(desk.runs(), 0);
}

#[test]
fn a_list_is_edited_where_it_is_drawn_by_typing_an_item() {
    let desk = Desk::new("xterm");
    let down = DOWN.repeat(4);
    let steps = [
        // The first two changes have no parameters.
        ("> no", "n".to_owned()),
        ("Change 2 of", String::new()),
        ("> no", "n".to_owned()),
        ("Change 3 of", String::new()),
        ("> no", format!("{down}\r")),
        ("> back", format!("{}\r", UP.repeat(3))),
        ("list of CIDRs): ", "0.0.0.0/0\r".to_owned()),
        ("not taken", String::new()),
        ("list of CIDRs): ", "203.0.113.0/24\r".to_owned()),
        ("let in 203.0.113.0/24", String::new()),
        ("> no", format!("{down}\r")),
        ("> back", format!("{}\r", UP.repeat(3))),
        ("list of CIDRs): 203.0.113.0/24", ", 198.51.100.0/24\r".to_owned()),
        ("let in 198.51.100.0/24", String::new()),
        ("> no", CTRL_C.to_owned()),
    ];
    let steps: Vec<(&str, &str)> = steps.iter().map(|(wait, send)| (*wait, send.as_str())).collect();
    let seen = desk.play("fix --account twin:demo", &steps);
    assert_eq!((seen.exit, seen.restored), (4, true), "{}", seen.text);
}

#[test]
fn a_plan_from_a_file_is_walked_through_as_it_is() {
    let desk = Desk::new("xterm");
    let planned = desk.redress("plan --account twin:demo --allow-cidr 203.0.113.0/24 -o plan.json");
    assert_eq!(planned.status.code(), Some(4));
    let ask = "Type a word or a number";
    let seen = desk.play(
        "fix plan.json --plain",
        &[(ask, "yes\r"), (ask, "finish\r"), (ask, "go\r"), ("Type the account id", "123456789012\r")],
    );
    assert_eq!(seen.exit, 0, "{}", seen.text);
    assert!(seen.text.contains("let in 203.0.113.0/24") && seen.text.contains("verified 1"), "{}", seen.text);
}

/// Puts words in the place of what differs from run to run.
fn normalised(text: &str) -> String {
    let run = |word: &str| word.len() == 23 && word.as_bytes()[8] == b'T' && word.contains("Z-");
    // A date, or a time of AWS's.
    let date = |word: &str| {
        let shape = (word.len(), word.matches('-').count(), word.matches(':').count());
        word.starts_with("20") && (shape == (10, 2, 0) || shape == (20, 2, 2) && word.ends_with('Z'))
    };
    let named = |word: &str| match word.trim_end_matches([':', ',', '.', ';']) {
        bare if run(bare) => word.replace(bare, "RUN"),
        bare if date(bare) => word.replace(bare, "DATE"),
        _ => word.to_owned(),
    };
    let lines = text.lines().map(|line| line.split(' ').map(named).collect::<Vec<_>>().join(" "));
    lines.map(|line| format!("{}\n", line.trim_end())).collect()
}

#[test]
fn the_recorded_session_is_what_a_session_looks_like() {
    let desk = Desk::new("xterm");
    // To the end of the line, so that what is typed never comes in the middle of it.
    let (ask, line) = ("]:\r\n", "]:\r\n");
    let steps = [
        (ask, "yes\r"),
        (ask, "no\r"),
        (ask, "edit\r"),
        (ask, "allow\r"),
        (line, "0.0.0.0/0\r"),
        (line, "203.0.113.0/24\r"),
        (ask, "yes\r"),
        (ask, "details\r"),
        (ask, "no\r"),
        (ask, "skip\r"),
        (ask, "finish\r"),
        (ask, "go\r"),
        ("to do it:\r\n", "123456789012\r"),
    ];
    let seen = desk.play("fix --account twin:demo --plain", &steps);
    assert_eq!(seen.exit, 0, "{}", seen.text);
    fits(&seen.text);
    let told = format!("$ redress fix --account twin:demo --plain\n{}", normalised(&seen.text));
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/fix-session.txt");
    if std::env::var_os("REDRESS_BLESS").is_some_and(|v| v == "1") {
        fs::write(&file, &told).unwrap();
    }
    assert_eq!(
        fs::read_to_string(&file).unwrap_or_default(),
        told,
        "the recorded session is stale; run this test once with REDRESS_BLESS=1"
    );
}

#[test]
fn sigterm_and_sighup_leave_a_question_as_ctrl_c_does_and_the_terminal_as_it_was() {
    for (line, wait) in [
        ("fix --account twin:demo", "Do c"),
        ("apply --account twin:demo", "Do it ["),
        ("fix --plain --account twin:demo", "Type a word"),
    ] {
        for signal in ["signal:SIGTERM", "signal:SIGHUP"] {
            let desk = Desk::new("xterm-256color");
            let seen = desk.play(line, &[(wait, signal)]);
            assert_eq!(seen.exit, 4, "{line} {signal}: {}", seen.text);
            assert!(seen.restored, "{line} {signal}: the terminal is left in another state");
            assert!(seen.text.contains("nothing was approved, nothing was changed"), "{}", seen.text);
            assert_eq!(desk.runs(), 0);
        }
    }
}

#[test]
fn findings_that_were_not_understood_end_the_session_before_it_begins() {
    let desk = Desk::new("xterm");
    fs::write(desk.folder.path().join("empty.json"), "").unwrap();
    let seen = desk.play("fix --account twin:demo --findings empty.json", &[]);
    assert_eq!(seen.exit, 2, "{}", seen.text);
    assert!(
        seen.text.contains("not understood") && seen.text.contains("empty.json: it is empty"),
        "{}",
        seen.text
    );
}
