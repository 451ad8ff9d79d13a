//! The direction of imports, and who may call what: read off the sources, so that it cannot be forgotten.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::imports;

/// Which modules may be named by which, from the top down. A module may name those to its right.
const RIGHTS: &[(&str, &[&str])] = &[
    ("private", &[]),
    ("resource", &[]),
    ("evidence", &[]),
    ("finding", &["resource", "inventory"]),
    ("inventory", &["resource"]),
    ("services", &["inventory", "resource"]),
    ("calls", &["services", "inventory", "resource", "finding"]),
    ("checks", &["inventory", "resource", "finding"]),
    ("reach", &["checks", "inventory", "resource", "finding"]),
    ("account", &["calls", "inventory", "resource"]),
    ("intake", &["checks", "inventory", "resource", "finding"]),
    ("investigate", &["intake"]),
    ("actions", &["calls", "checks", "evidence", "inventory", "resource", "finding", "services"]),
    ("playbook", &["actions", "checks", "inventory", "resource", "finding"]),
    (
        "plan",
        &[
            "playbook",
            "actions",
            "calls",
            "checks",
            "evidence",
            "inventory",
            "reach",
            "resource",
            "finding",
            "services",
        ],
    ),
    ("journal", &["plan", "calls", "inventory", "resource", "finding", "private"]),
    (
        "engine",
        &[
            "journal",
            "plan",
            "playbook",
            "actions",
            "calls",
            "checks",
            "inventory",
            "reach",
            "resource",
            "finding",
            "account",
            "services",
        ],
    ),
    (
        "report",
        &[
            "engine",
            "journal",
            "plan",
            "playbook",
            "actions",
            "calls",
            "checks",
            "evidence",
            "inventory",
            "reach",
            "resource",
            "finding",
            "intake",
            "investigate",
        ],
    ),
    ("aws", &["account", "calls", "inventory", "resource", "services"]),
    ("bucket", &["aws", "journal", "plan", "calls"]),
    ("twin", &["account", "plan", "calls", "inventory", "resource", "private", "services"]),
];

pub fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found
}

/// The code of a file: without its comments and without its tests, which may use whatever they like.
pub fn code(path: &Path) -> String {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    if name == "tests.rs" || path.components().any(|c| c.as_os_str() == "tests") {
        return String::new();
    }
    let text = fs::read_to_string(path).unwrap();
    let text = untested(&text);
    text.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// A text without its items for tests: each ends with a line that begins with its closing brace, or with a
/// semicolon.
pub fn untested(text: &str) -> String {
    let (mut kept, mut lines) = (Vec::new(), text.lines());
    while let Some(line) = lines.next() {
        if line.trim() != "#[cfg(test)]" {
            kept.push(line);
            continue;
        }
        let indent = &line[..line.len() - line.trim_start().len()];
        let ends = |line: &str| line.strip_prefix(indent).is_some_and(|l| l.starts_with('}'));
        let item = lines.find(|line| !line.trim_start().starts_with("#["));
        if item.is_some_and(|item| item.trim_end().ends_with('{')) {
            lines.find(|line| ends(line));
        }
    }
    kept.join("\n")
}

#[test]
fn what_is_for_tests_alone_is_left_out_and_nothing_else() {
    let text =
        "a\n#[cfg(test)]\nmod tests;\nb\n#[cfg(test)]\n#[cfg(unix)]\nmod more {\n    x {\n    }\n}\nc\n";
    assert_eq!(untested(text), "a\nb\nc");
}

/// The modules of the crate that a text names.
fn named(text: &str) -> Vec<String> {
    let paths = imports::named(text).into_iter().filter(|path| path[0] == "crate");
    let mut names: Vec<String> = paths.filter_map(|path| path.into_iter().nth(1)).collect();
    names.dedup();
    names
}

fn module(path: &Path) -> String {
    let relative = path.strip_prefix(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).unwrap();
    relative.components().next().unwrap().as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
}

fn all() -> Vec<PathBuf> {
    sources(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")))
}

#[test]
fn imports_go_one_way() {
    let mut wrong = Vec::new();
    for path in all() {
        let own = module(&path);
        let Some((_, rights)) = RIGHTS.iter().find(|(m, _)| *m == own) else { continue };
        for name in named(&code(&path)) {
            if name != own && RIGHTS.iter().any(|(m, _)| *m == name) && !rights.contains(&name.as_str()) {
                wrong.push(format!("{} names {name}", path.display()));
            }
        }
        for name in ["cli"] {
            if code(&path).contains(&format!("crate::{name}")) {
                wrong.push(format!("{} names {name}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn only_the_engine_makes_mutating_calls_and_in_one_place() {
    let calling: Vec<String> = all()
        .iter()
        .filter(|p| !matches!(module(p).as_str(), "aws" | "twin"))
        .flat_map(|p| std::iter::repeat_n(module(p), code(p).matches("account.call").count()))
        .collect();
    assert_eq!(calling, ["engine"]);
}

/// Reporting to others comes after the run, so that nobody can take it over.
#[test]
fn whoever_waits_in_a_run_sees_that_the_run_is_lost() {
    let engine = all().into_iter().filter(|path| module(path) == "engine");
    let pausing = engine
        .filter(|path| code(path).contains(".pause("))
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned());
    assert_eq!(pausing.collect::<BTreeSet<_>>(), ["notify.rs", "patience.rs"].map(str::to_owned).into());
}

#[test]
fn calls_are_tried_by_the_engine_alone_and_in_one_place() {
    let trying: Vec<String> = all()
        .iter()
        .filter(|p| !matches!(module(p).as_str(), "aws" | "twin"))
        .flat_map(|p| std::iter::repeat_n(module(p), code(p).matches("account.try_call(").count()))
        .collect();
    assert_eq!(trying, ["engine"]);
}

#[test]
fn others_are_told_by_the_engine_alone_and_in_one_place() {
    let telling: Vec<String> = all()
        .iter()
        .filter(|p| !matches!(module(p).as_str(), "aws" | "twin"))
        .flat_map(|p| std::iter::repeat_n(module(p), code(p).matches("account.notify(").count()))
        .collect();
    assert_eq!(telling, ["engine"]);
}

#[test]
fn every_file_says_what_it_is_for_and_none_is_too_long() {
    let mut wrong = Vec::new();
    for path in all() {
        let text = fs::read_to_string(&path).unwrap();
        if !text.starts_with("//!") {
            wrong.push(format!("{} does not begin with //!", path.display()));
        }
        if text.lines().count() > 515 {
            wrong.push(format!("{} has {} lines", path.display(), text.lines().count()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_reader_of_imports_sees_them() {
    assert_eq!(named("use crate::{\n a::{b, c},\n d,\n};\nuse crate::e::f;"), ["a", "d", "e"]);
}

/// Words by which AWS gives bad news of a status or a key. Who asks for them takes their absence for good
/// news; who acts on a status asks for the words that prove it (`InstanceStatus::proves_health`, `key_state
/// == "Enabled"`).
const BAD_NEWS: [&str; 8] = [
    "impaired",
    "insufficient-data",
    "initializing",
    "Disabled",
    "PendingDeletion",
    "PendingReplicaDeletion",
    "PendingImport",
    "Unavailable",
];

/// Where a line asks for bad news: a string that is one of the words.
fn asks_for_bad_news(code: &str) -> Vec<String> {
    let asks = |line: &&str| BAD_NEWS.iter().any(|word| line.contains(&format!("\"{word}\"")));
    code.lines().filter(asks).map(|line| line.trim().to_owned()).collect()
}

#[test]
fn nothing_is_judged_by_the_absence_of_bad_news() {
    assert_eq!(
        asks_for_bad_news("if status.system_status != \"impaired\" {\n    go();").len(),
        1,
        "the test sees what it looks for"
    );
    for module in ["actions", "checks", "engine", "plan", "calls", "inventory"] {
        for path in sources(&Path::new("src").join(module)) {
            let found = asks_for_bad_news(&code(&path));
            assert!(
                found.is_empty(),
                "{} asks for bad news: {found:?}. Ask for what proves that all is well",
                path.display()
            );
        }
    }
}

/// The texts that the hunks of a patch replace, each with the file.
fn replaced(patch: &str) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    let mut file = String::new();
    for line in patch.lines() {
        if let Some(path) = line.strip_prefix("--- a/") {
            path.clone_into(&mut file);
        } else if line.starts_with("@@ ") {
            all.push((file.clone(), String::new()));
        } else if let Some((_, text)) = all.last_mut()
            && let Some(old) = line.strip_prefix([' ', '-'])
            && !line.starts_with("--- ")
        {
            text.push_str(old);
            text.push('\n');
        }
    }
    all
}

#[test]
fn every_mutant_still_applies() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let patches = fs::read_dir(root.join("tests/mutants"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "patch"));
    let mut hunks = 0;
    for patch in patches {
        for (file, old) in replaced(&fs::read_to_string(&patch).unwrap()) {
            hunks += 1;
            let source = fs::read_to_string(root.join(&file)).unwrap();
            assert!(
                source.contains(&old),
                "{}: {file} has changed where it takes a safeguard out: write it anew\n{old}",
                patch.display()
            );
        }
    }
    assert!(hunks > 10, "{hunks}");
}
