//! Tests that good files are loaded as written, and that no input at all makes the loader panic.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::{GOOD, read};
use crate::{
    finding::Severity,
    playbook::{Approve, Guard, Match},
};

#[test]
fn the_shortest_playbook_has_the_defaults() {
    let playbook = read(GOOD).expect("it is good");
    assert_eq!(
        (playbook.id.as_str(), playbook.title.as_str(), playbook.source.as_str()),
        ("mine", "Mine", "mine.toml")
    );
    assert_eq!(playbook.finding, ["security-group-open-admin-port"]);
    assert_eq!(playbook.matching, Match::default());
    assert_eq!(playbook.guard, Guard::default());
    assert_eq!(playbook.approve, Approve::Ask);
    assert_eq!(playbook.check, json!({}));
    assert_eq!(playbook.actions[0].action, "tighten-security-group");
    assert_eq!(
        playbook.actions[0].with,
        json!({"strategy": "narrow", "allow": [], "keep_days": 30, "key": null})
    );
}

#[test]
fn a_full_playbook_is_read_in_all_its_parts() {
    let text = r#"
        id = "all"
        title = "All"
        finding = ["instance-backup-stale", "security-group-open-admin-port"]
        approve = "never"
        [check]
        tag = "Save=yes"
        max_age_hours = 48
        [match]
        severity = "medium"
        regions = ["us-*", "eu-west-?"]
        tags = { Env = "prod*", Empty = "" }
        without_tags = { Team = "*" }
        resources = ["sg-*", "arn:aws:ec2:*:*:instance/i-?"]
        [[action]]
        use = "snapshot-instance"
        [[action]]
        use = "tighten-security-group"
        with = { strategy = "split", allow = ["203.0.113.0/24"], keep_days = 0x10 }
        [guard]
        max_changes = 1_000
        max_percent = 100
        protected_tags = ["DoNotTouch", "Env=legacy-*"]
    "#;
    let playbook = read(text).expect("it is good");
    let tags = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<BTreeMap<_, _>>()
    };
    assert_eq!(playbook.approve, Approve::Never);
    assert_eq!(playbook.check, json!({"max_age_hours": 48, "tag": "Save=yes"}));
    let expected = Match {
        severity: Some(Severity::Medium),
        regions: vec!["us-*".into(), "eu-west-?".into()],
        tags: tags(&[("Env", "prod*"), ("Empty", "")]),
        without_tags: tags(&[("Team", "*")]),
        resources: vec!["sg-*".into(), "arn:aws:ec2:*:*:instance/i-?".into()],
    };
    assert_eq!(playbook.matching, expected);
    let names: Vec<_> = playbook.actions.iter().map(|u| u.action.as_str()).collect();
    assert_eq!(names, ["snapshot-instance", "tighten-security-group"]);
    assert_eq!(playbook.actions[1].with["keep_days"], 16);
    let guard = Guard {
        max_changes: 1000,
        max_percent: 100,
        protected_tags: vec!["DoNotTouch".into(), "Env=legacy-*".into()],
    };
    assert_eq!(playbook.guard, guard);
}

#[test]
fn an_empty_list_of_protected_tags_is_none() {
    let playbook = read(&format!("{GOOD}[guard]\nprotected_tags = []\n")).expect("it is good");
    assert_eq!(playbook.guard, Guard::default());
}

#[test]
fn a_byte_order_mark_and_windows_lines_do_no_harm() {
    assert!(read(&format!("\u{feff}{}", GOOD.replace('\n', "\r\n"))).is_ok());
    let problems = read(&GOOD.replace('\n', "\r\n").replace("use", "usse")).expect_err("usse is no key");
    assert_eq!(problems.iter().map(|p| (p.line, p.column)).collect::<Vec<_>>(), [(5, 1), (6, 1)]);
}

#[test]
fn the_digest_is_of_the_text_and_changes_with_it() {
    let digest = read(GOOD).expect("it is good").digest;
    assert_eq!(digest.len(), 64);
    assert_eq!(digest, read(GOOD).expect("it is good").digest);
    assert_ne!(digest, read(&format!("{GOOD}\n")).expect("it is good").digest);
}

/// Texts that look like playbooks: the right words in the wrong order.
fn almost_toml() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "id",
        "title",
        "finding",
        "match",
        "action",
        "guard",
        "check",
        "with",
        "use",
        "severity",
        "tags",
        "allow",
        "=",
        "=",
        "[",
        "]",
        "[[",
        "]]",
        "{",
        "}",
        ".",
        ",",
        "\n",
        "\n",
        "\"",
        "'",
        "\"\"\"",
        "\\",
        "\"mine\"",
        "\"security-group-open-admin-port\"",
        "\"tighten-security-group\"",
        "\"instance-backup-stale\"",
        "1",
        "-9e9",
        "true",
        "1979-05-27",
        "#",
        "é",
        "\u{1b}",
        " ",
    ]);
    prop::collection::vec(word, 0..60).prop_map(|words| words.concat())
}

/// Generates a good playbook with some of its bytes exchanged, doubled or lost.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let text = format!(
        "{GOOD}with = {{ strategy = \"split\", allow = [\"10.0.0.0/8\"], key = \"k\" }}\n[match]\ntags = {{ \
         A = \"b\" }}\n[guard]\nmax_changes = 3\n"
    );
    prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..6).prop_map(move |hits| {
        let mut bytes = text.clone().into_bytes();
        for (at, byte, how) in hits {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        bytes
    })
}

/// Checks that any input yields a playbook, or at least one problem whose place is in the text and whose
/// message is printable.
fn is_answered(text: &str) -> Result<(), TestCaseError> {
    if let Err(problems) = read(text) {
        prop_assert!(!problems.is_empty());
        for problem in problems {
            prop_assert!(problem.line >= 1 && problem.line <= text.matches('\n').count() + 1, "{problem}");
            let shown = problem.to_string();
            prop_assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn no_text_makes_the_loader_panic(text in any::<String>()) {
        is_answered(&text)?;
    }

    #[test]
    fn nothing_that_looks_like_a_playbook_makes_the_loader_panic(text in almost_toml()) {
        is_answered(&text)?;
    }

    #[test]
    fn no_damage_to_a_file_makes_the_loader_panic(bytes in damaged()) {
        match crate::playbook::load::text(bytes, "mine.toml") {
            Ok(text) => is_answered(&text)?,
            Err(problems) => prop_assert!(problems[0].what.contains("UTF-8")),
        }
    }
}

#[test]
fn no_depth_of_keys_tables_or_lists_exhausts_the_stack() {
    let path = ["a"; 79].join(".");
    let tables = (0..80).fold("1".to_owned(), |inner, _| format!("{{ {path} = {inner} }}"));
    let deep = [
        format!("x = {}", "[".repeat(30_000)),
        format!("x = {}", "{a=".repeat(15_000)),
        format!("x{} = 1", ".a".repeat(30_000)),
        format!("[{}]", vec!["a"; 30_000].join(".")),
        "[".repeat(30_000),
        format!("x = {tables}"),
    ];
    for text in deep {
        assert!(read(&text).is_err(), "{}", &text[..40]);
    }
}
