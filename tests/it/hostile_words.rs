//! Tags, names, files and arguments that try to command a terminal or to become markup, through the built program.

use std::fs;

use redress::twin::demo;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{hostile::sealed, support};

/// What somebody may write into a tag, a name or a description.
const HOSTILE: &str = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\r\u{8}\u{202e}\u{200b}<script>alert(1)</script>|](javascript:x)`*_\n# heading";

/// An account of the demo's kind in which everybody's words are hostile.
fn hostile_account() -> Value {
    let twin = demo::demo("2026-11-22T10:00:00Z".parse().unwrap());
    let mut inventory = serde_json::to_value(twin.inventory()).unwrap();
    fn poison(value: &mut Value, count: &mut usize) {
        match value {
            Value::Object(map) => {
                for (key, inner) in map.iter_mut() {
                    let words = matches!(key.as_str(), "description" | "name" | "Name" | "redress:ignore" | "Owner" | "Env") && inner.is_string();
                    if words {
                        *inner = json!(format!("{} {HOSTILE}", inner.as_str().unwrap()));
                        *count += 1;
                    } else {
                        poison(inner, count);
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|v| poison(v, count)),
            _ => {}
        }
    }
    let mut count = 0;
    // A trail's name is part of its ARN, and AWS allows no such characters there.
    for region in inventory["regions"].as_object_mut().unwrap().values_mut() {
        poison(region, &mut count);
    }
    assert!(count > 10, "there is something hostile: {count}");
    inventory
}

/// Fails where a text would command a terminal, or reads as markup that somebody smuggled in.
fn harmless(what: &str, text: &str, markdown: bool) {
    // The program's own colours: ESC [ digits m, and nothing else.
    let mut rest = text;
    let mut bare = String::new();
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        bare.push_str(before);
        let end = after.find(|c: char| !c.is_ascii_digit() && c != ';').unwrap_or(after.len());
        assert!(after[end..].starts_with('m'), "{what} commands the terminal: {:?}", &after[..after.len().min(60)]);
        rest = &after[end + 1..];
    }
    bare.push_str(rest);
    let bad = bare.chars().find(|c| (c.is_control() && *c != '\n') || ('\u{202a}'..='\u{202e}').contains(c) || *c == '\u{200b}');
    assert_eq!(bad, None, "{what} has a hidden character:\n{bare:?}");
    if markdown {
        // Code spans show their text as it is, and so do fenced blocks; outside of them there must be none.
        let prose: String = bare.split("```").step_by(2).flat_map(|part| part.split('`').step_by(2)).collect();
        assert!(!prose.contains("<script") && !prose.contains("](javascript"), "{what} has markup that was smuggled in:\n{prose}");
    }
    assert!(!bare.lines().any(|l| l.starts_with("# heading")), "{what}: a name begins a line of its own");
}

fn redress(folder: &TempDir, line: &[&str]) -> (Option<i32>, String, String) {
    let output = support::at_home(env!("CARGO_BIN_EXE_redress"), folder.path()).args(line).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).expect("what is said is text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn tags_and_names_cannot_command_a_terminal_or_become_markup() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("hostile.json"), hostile_account().to_string()).unwrap();
    let mut shown = 0;
    for (format, colour) in [("text", "always"), ("markdown", "never"), ("json", "never")] {
        let plan = format!("{format}-{colour}.plan");
        let lines = [
            "scan -v".to_owned(),
            format!("plan -v --allow-cidr 203.0.113.0/24 -o {plan}"),
            format!("show {plan}"),
            format!("apply {plan} --auto-approve --max-risk disruptive -v"),
            "runs".to_owned(),
            "show last -v".to_owned(),
            "verify last -vv".to_owned(),
            "undo last --auto-approve --max-risk disruptive -v".to_owned(),
        ];
        for line in &lines {
            let words: Vec<&str> = line.split(' ').chain(["--account", "twin:./hostile.json", "--format", format, "--color", colour]).collect();
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
    write("finding.toml", "id = \"x\"\ntitle = \"\\u001b[2J\"\nfinding = \"\\u001b]0;owned\\u0007\"\n[[action]]\nuse = \"\\u001b[2J\"\n".to_owned());
    write("plan.json", json!({ "format": format!("redress.plan/{evil}") }).to_string());
    write("other.json", json!({ "format": evil }).to_string());
    write("shape.json", sealed(json!({ "format": "redress.plan/1", "account": "1", evil: 1, "regions": { evil: evil } })));
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
