//! Tags, names, files and arguments that try to command a terminal or to become markup, through the built
//! program.

use std::fs;

use redress::twin::demo;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{fix, hostile::sealed, support};

/// What somebody may write into a tag, a name or a description.
const HOSTILE: &str = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\r\u{8}\u{202e}\u{200b}<script>alert(1)</script>|](javascript:x)`*_\n# heading";

/// An account of the demo's kind in which everybody's words are hostile.
fn hostile_account(hostile: &str) -> Value {
    let twin = demo::demo("2026-11-22T10:00:00Z".parse().unwrap());
    let mut inventory = serde_json::to_value(twin.inventory()).unwrap();
    fn poison(value: &mut Value, hostile: &str, count: &mut usize) {
        match value {
            Value::Object(map) => {
                for (key, inner) in map.iter_mut() {
                    let words = matches!(
                        key.as_str(),
                        "description" | "name" | "Name" | "redress:ignore" | "Owner" | "Env"
                    ) && inner.is_string();
                    if words {
                        *inner = json!(format!("{} {hostile}", inner.as_str().unwrap()));
                        *count += 1;
                    } else {
                        poison(inner, hostile, count);
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|v| poison(v, hostile, count)),
            _ => {}
        }
    }
    let mut count = 0;
    // A trail's name is part of its ARN, and AWS allows no such characters there.
    for region in inventory["regions"].as_object_mut().unwrap().values_mut() {
        poison(region, hostile, &mut count);
    }
    assert!(count > 10, "there is something hostile: {count}");
    inventory
}

/// Fails where a text would command a terminal, or reads as markup that somebody smuggled in.
pub fn harmless(what: &str, text: &str, markdown: bool) {
    // The program's own colours: ESC [ digits m, and nothing else.
    let mut rest = text;
    let mut bare = String::new();
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        bare.push_str(before);
        let end = after.find(|c: char| !c.is_ascii_digit() && c != ';').unwrap_or(after.len());
        assert!(
            after[end..].starts_with('m'),
            "{what} commands the terminal: {:?}",
            &after[..after.len().min(60)]
        );
        rest = &after[end + 1..];
    }
    bare.push_str(rest);
    let bad = bare.chars().find(|c| {
        (c.is_control() && *c != '\n') || ('\u{202a}'..='\u{202e}').contains(c) || *c == '\u{200b}'
    });
    assert_eq!(bad, None, "{what} has a hidden character:\n{bare:?}");
    if markdown {
        // Code spans show their text as it is, and so do fenced blocks; outside of them there must be none.
        let prose: String =
            bare.split("```").step_by(2).flat_map(|part| part.split('`').step_by(2)).collect();
        assert!(
            !prose.contains("<script") && !prose.contains("](javascript"),
            "{what} has markup that was smuggled in:\n{prose}"
        );
    }
    assert!(!bare.lines().any(|l| l.starts_with("# heading")), "{what}: a name begins a line of its own");
}

fn redress(folder: &TempDir, line: &[&str]) -> (Option<i32>, String, String) {
    redress_in(folder, line, &[])
}

fn redress_in(folder: &TempDir, line: &[&str], env: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let output = support::at_home(env!("CARGO_BIN_EXE_redress"), folder.path())
        .args(line)
        .envs(env.iter().copied())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).expect("what is said is text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// The option that names the account, for the commands that open one.
fn account<'a>(line: &str, account: &'a str) -> Vec<&'a str> {
    if line.starts_with("show") || line == "runs" { Vec::new() } else { vec!["--account", account] }
}

#[test]
fn tags_and_names_cannot_command_a_terminal_or_become_markup() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("hostile.json"), hostile_account(HOSTILE).to_string()).unwrap();
    let mut shown = 0;
    for (format, colour) in [("text", "always"), ("markdown", "never"), ("json", "never")] {
        let plan = format!("{format}-{colour}.plan");
        let lines = [
            "scan -v".to_owned(),
            format!("plan -v --allow-cidr 203.0.113.0/24 -o {plan}"),
            format!("show {plan}"),
            format!("apply {plan} --allow-cidr 203.0.113.0/24 --auto-approve --max-risk disruptive -v"),
            "runs".to_owned(),
            "show last -v".to_owned(),
            "verify last -vv".to_owned(),
            "undo last --auto-approve --max-risk disruptive -v".to_owned(),
        ];
        for line in &lines {
            let words: Vec<&str> = line
                .split(' ')
                .chain(account(line, "twin:./hostile.json"))
                .chain(["--format", format, "--color", colour])
                .collect();
            let (code, out, err) = redress(&folder, &words);
            assert!(matches!(code, Some(0 | 4)), "{line}: {code:?}\n{err}");
            harmless(&format!("stdout of {line} {format} {colour}"), &out, format == "markdown");
            harmless(&format!("stderr of {line} {format} {colour}"), &err, false);
            shown += usize::from(out.contains("owned") || err.contains("owned"));
        }
    }
    assert!(shown > 6, "the hostile words are shown, made harmless: {shown}");
}

#[test]
fn words_from_files_and_the_command_line_cannot_command_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let evil = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{202e}";
    let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
    write("key.toml", format!("\"{}\" = 1\nid = \"x\u{202e}y\"\n", "\\u001b[2J\\u202e"));
    write("raw.toml", format!("id = \"{evil}\"\n{evil} = 1\n"));
    write(
        "finding.toml",
        "id = \"x\"\ntitle = \"\\u001b[2J\"\nfinding = \"\\u001b]0;owned\\u0007\"\n[[action]]\nuse = \
         \"\\u001b[2J\"\n"
            .to_owned(),
    );
    write("plan.json", json!({ "format": format!("redress.plan/{evil}") }).to_string());
    write("other.json", json!({ "format": evil }).to_string());
    write(
        "shape.json",
        sealed(json!({ "format": "redress.plan/1", "account": "1", evil: 1, "regions": { evil: evil } })),
    );
    write("twin.json", json!({ "format": evil }).to_string());
    write("shape-twin.json", json!({ "regions": { "us-east-1": { "vpcs": evil } } }).to_string());
    let lines: [&[&str]; 16] = [
        &["playbooks", "check", "key.toml"],
        &["playbooks", "check", "raw.toml"],
        &["playbooks", "check", "finding.toml"],
        &["playbooks", "check", evil],
        &["playbooks", "show", evil],
        &["actions", "show", evil],
        &["show", "plan.json"],
        &["show", "other.json"],
        &["show", "shape.json"],
        &["show", evil],
        &["apply", "other.json", "--account", "twin:demo"],
        &["scan", "--account", "twin:./twin.json"],
        &["scan", "--account", "twin:./shape-twin.json"],
        &["scan", "--account", evil],
        &["scan", "--account", "twin:demo", "--check", evil],
        &["scan", "--account", "twin:demo", "--set", evil],
    ];
    for line in lines {
        let (code, out, err) = redress(&folder, line);
        assert!(matches!(code, Some(1 | 2)), "{line:?}: {code:?}\n{out}\n{err}");
        harmless(&format!("stdout of {line:?}"), &out, false);
        harmless(&format!("stderr of {line:?}"), &err, false);
    }
}

/// The first line that a CI runner would obey: GitHub's those that begin with `::` behind white space and
/// those that hold `##[`, Azure's those that hold `##vso[`.
pub fn obeyed(text: &str) -> Option<&str> {
    text.lines().find(|line| {
        let mut rest = line.trim_start();
        // Colours stand before the first word.
        while let Some((numbers, after)) = rest.strip_prefix("\u{1b}[").and_then(|r| r.split_once('m')) {
            if !numbers.chars().all(|c| c.is_ascii_digit() || c == ';') {
                break;
            }
            rest = after.trim_start();
        }
        let bracket = |at: usize| {
            line[at + 2..].trim_start_matches(|c: char| c.is_ascii_alphanumeric()).starts_with('[')
        };
        rest.starts_with("::") || line.match_indices("##").any(|(at, _)| bracket(at)) || line.contains("##[")
    })
}

/// What AWS lets a name hold and a CI runner obeys: wrapped, each can come first in a line.
const COMMANDS: &str = "::set-output name=ok::true ##[set-output name=ok]true ::stop-commands::p \
                        ::add-mask::0 ##vso[task.complete] ::error::x ::warning::y";

#[test]
fn names_cannot_command_a_ci_runner() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("gha.json"), hostile_account(COMMANDS).to_string()).unwrap();
    let mut shown = 0;
    for (ci, format) in [
        ("GITHUB_ACTIONS", "text"),
        ("CI", "markdown"),
        ("CI", "json"),
        ("TF_BUILD", "sarif"),
        ("GITLAB_CI", "html"),
    ] {
        let plan = format!("{ci}-{format}.plan");
        let lines = [
            "scan".to_owned(),
            format!("plan -v --allow-cidr 203.0.113.0/24 -o {plan}"),
            format!("show {plan}"),
            format!("apply {plan} --auto-approve --max-risk disruptive -v"),
            "show last".to_owned(),
            "undo last --auto-approve --max-risk disruptive -v".to_owned(),
        ];
        for line in &lines {
            let words: Vec<&str> =
                line.split(' ').chain(account(line, "twin:./gha.json")).chain(["--format", format]).collect();
            let (code, out, err) = redress_in(&folder, &words, &[(ci, "true")]);
            assert!(matches!(code, Some(0 | 4)), "{line}: {code:?}\n{err}");
            assert_eq!((obeyed(&out), obeyed(&err)), (None, None), "{line} {format} {ci}");
            shown += usize::from(out.contains("set-output") || err.contains("set-output"));
        }
    }
    assert!(shown > 12, "the names are shown, made harmless: {shown}");
    // A plan that delivers a secret is not exported.
    let line = "plan --check security-group-open-admin-port --allow-cidr 203.0.113.0/24 -o export.plan";
    let words: Vec<&str> = line.split(' ').chain(account(line, "twin:./gha.json")).collect();
    assert_eq!(redress_in(&folder, &words, &[]).0, Some(0));
    let (code, script, _) =
        redress_in(&folder, &["export", "export.plan", "--to", "aws-cli"], &[("CI", "true")]);
    assert!(code == Some(0) && obeyed(&script).is_none() && script.contains("set-output"), "{code:?}");
}

#[test]
fn names_cannot_command_a_ci_runner_through_files_that_lead_to_a_stream() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("gha.json"), hostile_account(COMMANDS).to_string()).unwrap();
    let mut seen = 0;
    for format in ["text", "markdown", "json", "html", "junit", "sarif"] {
        let lines = [
            format!("plan -q --format json --report {format}=/dev/stdout"),
            format!("scan -q --format json --report {format}=/dev/stderr"),
            format!("plan -q --format html --report {format}=/dev/fd/1 --summary /dev/stdout"),
            format!("plan -q --format {format} -o /dev/stdout"),
            format!("scan -q --format {format} --save-inventory /dev/stdout"),
        ];
        for line in lines {
            let words: Vec<&str> = line
                .split(' ')
                .chain(["--account", "twin:./gha.json", "--allow-cidr", "203.0.113.0/24"])
                .collect();
            let (code, out, err) = redress_in(&folder, &words, &[("CI", "true")]);
            assert!(matches!(code, Some(0 | 4)), "{line}: {code:?}\n{err}");
            assert_eq!((obeyed(&out), obeyed(&err)), (None, None), "{line}");
            seen += usize::from(out.contains("set-output") || err.contains("set-output"));
        }
    }
    assert!(seen > 24, "the names are shown, made harmless: {seen}");
    let line = [
        "apply",
        "--account",
        "twin:./gha.json",
        "--auto-approve",
        "--max-risk",
        "disruptive",
        "--events",
        "/dev/stderr",
        "--allow-cidr",
        "203.0.113.0/24",
    ];
    let (code, out, err) = redress_in(&folder, &line, &[("CI", "true")]);
    assert!(matches!(code, Some(0 | 4)) && err.contains("redress.event/1"), "{code:?}\n{err}");
    assert_eq!((obeyed(&out), obeyed(&err)), (None, None));
    // A pipe is no stream of this process, and somebody may show what comes through.
    assert!(
        std::process::Command::new("mkfifo")
            .arg(folder.path().join("pipe"))
            .status()
            .expect("mkfifo is there")
            .success()
    );
    let reader = std::thread::spawn({
        let pipe = folder.path().join("pipe");
        move || fs::read_to_string(pipe).unwrap()
    });
    redress_in(
        &folder,
        &["plan", "-q", "--account", "twin:./gha.json", "--report", "text=pipe"],
        &[("CI", "true")],
    );
    let through = reader.join().unwrap();
    assert!(through.contains("set-output") && obeyed(&through).is_none(), "{through}");
}

#[test]
fn names_cannot_command_the_terminal_through_the_spinner() {
    let desk = fix::Desk::new("xterm-256color");
    fs::write(
        desk.folder.path().join("hostile.json"),
        hostile_account(&format!("{HOSTILE}\u{1b}]52;c;cHduZWQ=\u{7}\u{1b}]8;;http://e.vil\u{7}"))
            .to_string(),
    )
    .unwrap();
    let seen = desk.play(
        "apply --account twin:./hostile.json --allow-cidr 203.0.113.0/24 --auto-approve --max-risk \
         disruptive",
        &[],
    );
    assert!(matches!(seen.exit, 0 | 4) && seen.raw.contains("/"), "{}", seen.text);
    for bad in ["\u{1b}]", "\u{7}", "\u{202e}", "\u{200b}", "\u{9b}"] {
        assert!(!seen.raw.contains(bad), "{bad:?} reached the terminal");
    }
    assert!(seen.raw.contains("u{202e}"), "the names were shown\n{}", seen.text);
}

#[test]
fn a_lock_that_somebody_has_planted_says_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let locks = folder.path().join("state/locks");
    fs::create_dir_all(&locks).unwrap();
    let words = "x\nerror: all is well\u{1b}]52;c;cHduZWQ=\u{7}\u{202e}";
    let holder = json!({ "format": "redress.lock/1", "run": words, "caller": words, "host": words,
        "process": 1, "since": "2026-11-22T10:00:00Z" });
    for region in ["eu-west-1", "global", "us-east-1"] {
        fs::write(locks.join(format!("123456789012.{region}.lock")), holder.to_string()).unwrap();
    }
    let (code, _, err) = redress(&folder, &["apply", "--account", "twin:demo", "--auto-approve"]);
    assert!(matches!(code, Some(0 | 4)) && err.contains("was left behind by"), "{code:?}\n{err}");
    assert!(!err.lines().any(|line| line.starts_with("error: all is well")), "{err}");
    harmless("a planted lock", &err, false);
}

#[test]
fn what_a_program_that_fetches_credentials_writes_is_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config");
    fs::write(
        &config,
        "[default]\nregion = us-east-1\ncredential_process = echo s3cr3t-of-the-process >&2; exit 7\n",
    )
    .unwrap();
    let env = [("AWS_CONFIG_FILE", config.to_str().unwrap()), ("PATH", "/usr/bin:/bin")];
    for verbose in ["-q", "-v", "-vvv"] {
        let (code, out, err) = redress_in(&folder, &["scan", verbose], &env);
        assert_eq!(code, Some(2), "{out}\n{err}");
        assert!(!err.contains("s3cr3t-of-the-process") && !out.contains("s3cr3t-of-the-process"), "{err}");
        assert!(err.contains("run the command by hand"), "{err}");
    }
}
