//! Two rules of the house, and the places that do not keep them yet: no catch-all over kinds of things,
//! operations or services, since a new one would compile and be silently wrong; and no action named in code
//! that is for all of them. The lists can only become shorter: a place more fails, and so does a number that
//! is too high.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use redress::{actions, calls};

use super::layering::{code, sources};

const SRC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");

/// Where a catch-all stands for kinds of things, operations or services, how often, and the reason.
const CATCH_ALLS: &[(&str, usize, &str)] = &[
    ("actions/encrypt_volumes/mod.rs", 2, "an action refuses resources that are not its own"),
    ("actions/prune/mod.rs", 2, "an action refuses resources that are not its own"),
    (
        "aws/errors/mod.rs",
        1,
        "services have codes without end; one that is not in the table is not understood",
    ),
    ("calls/mark.rs", 1, "an operation does not say what it does to a mark"),
    ("calls/next_start.rs", 1, "an operation does not say what it attaches"),
    ("calls/words.rs", 1, "an operation does not say how it reads"),
    ("engine/marks/mod.rs", 1, "an operation does not say what it does to a mark"),
    ("engine/schedule/claims.rs", 1, "a kind does not say which other kinds it decides about"),
    ("plan/export/before.rs", 1, "an operation does not say what must hold before it"),
    ("plan/export/people.rs", 1, "a family does not say by which question each of its members is read"),
    ("plan/export/shell.rs", 1, "an operation does not say what it gives back to a script"),
    ("plan/export/states/ask.rs", 1, "a service does not say how a state machine names it"),
    ("plan/reach/mod.rs", 3, "an operation does not say what the account must show of what it sets"),
    ("plan/reach/disks.rs", 1, "an operation does not say what its snapshot is of"),
    ("plan/reach/form.rs", 1, "an operation does not say which values redress gives its members"),
    ("plan/reach/held.rs", 2, "an operation does not say which of its details the account bears out"),
    ("plan/reach/labels.rs", 1, "keys of tags are no kinds: one that is not in the list is refused"),
    ("resource.rs", 2, "an ARN may name anything"),
    ("twin/services/flow_log.rs", 1, "the twin refuses what it does not know, as AWS does"),
    (
        "twin/services/mod.rs",
        1,
        "services have codes of their own for an input that is not formed as it must be",
    ),
    ("twin/faults.rs", 2, "an operation does not say by which errors it fails"),
    ("twin/read.rs", 2, "trails, keys and instances are read in their own way, the others in the common one"),
];

/// Code for all actions that names one, and how often.
const NAMED_ACTIONS: &[(&str, usize)] = &[
    ("cli/commands/playbooks.rs", 1),
    ("cli/shared/examples.rs", 1),
    ("engine/prune.rs", 1),
    ("plan/kind.rs", 1),
    ("plan/reach/mod.rs", 2),
    ("playbook/assemble.rs", 3),
    ("report/sample.rs", 2),
    ("report/words/mod.rs", 2),
    ("report/words/next.rs", 1),
];

/// The kinds of resources.
const RESOURCES: [&str; 12] = [
    "Account",
    "SecurityGroup",
    "Vpc",
    "Trail",
    "Volume",
    "Instance",
    "Snapshot",
    "LogGroup",
    "Role",
    "Bucket",
    "FlowLog",
    "Other",
];

/// The arms of the matches in a piece of code, without what they do.
fn matches_in(code: &str) -> Vec<Vec<String>> {
    let starts = code
        .match_indices("match ")
        .filter(|(at, _)| code[..*at].chars().next_back().is_none_or(|c| !c.is_alphanumeric() && c != '_'));
    starts.filter_map(|(at, _)| arms(&code[at..])).collect()
}

/// The patterns of the first match in a text.
fn arms(text: &str) -> Option<Vec<String>> {
    let bytes = text.as_bytes();
    let mut depth = 0;
    let open = bytes.iter().position(|byte| {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            _ => {}
        }
        depth == 0 && matches!(byte, b'{' | b';')
    })?;
    let (mut all, mut pattern, mut in_pattern, mut depth, mut at) =
        (Vec::new(), String::new(), true, 0, open + 1);
    while at < bytes.len() {
        let byte = bytes[at];
        if depth == 0 && in_pattern && text[at..].starts_with("=>") {
            all.push(pattern.trim().to_owned());
            (pattern, in_pattern, at) = (String::new(), false, at + 2);
            continue;
        }
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' if depth == 0 => return Some(all),
            b')' | b']' | b'}' => depth -= 1,
            _ => {}
        }
        let block_ends = byte == b'}' && depth == 0 && !text[at + 1..].trim_start().starts_with(['.', '?']);
        if !in_pattern && depth == 0 && (byte == b',' || block_ends) {
            in_pattern = true;
        } else if in_pattern && !(byte == b',' && pattern.trim().is_empty()) {
            pattern.push(char::from(byte));
        }
        at += 1;
    }
    None
}

/// Whether a pattern is for whatever comes.
fn takes_all(pattern: &str) -> bool {
    let anything = |word: &str| {
        matches!(word, "_" | "..")
            || word.chars().all(|c| c.is_ascii_lowercase() || c == '_') && !word.is_empty()
    };
    match pattern.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        Some(parts) => parts.split(',').all(|part| anything(part.trim())),
        None => anything(pattern),
    }
}

/// Whether patterns tell kinds of things, operations or services apart.
fn tells_apart(patterns: &[String], words: &BTreeSet<String>) -> bool {
    let family = |word: &str| ["FamilyKind::", "K::", "F::"].iter().any(|begins| word.starts_with(begins));
    let resource = |word: &str| word.strip_prefix("Kind::").is_some_and(|kind| RESOURCES.contains(&kind));
    let names = |pattern: &String| {
        pattern
            .split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'))
            .any(|word| family(word) || resource(word))
    };
    let quotes = |pattern: &String| pattern.split('"').skip(1).step_by(2).any(|text| words.contains(text));
    patterns.iter().any(|pattern| names(pattern) || quotes(pattern))
}

fn relative(path: &Path) -> String {
    path.strip_prefix(SRC).unwrap().to_string_lossy().into_owned()
}

/// The code of a file without comments behind a line, and without brackets and commas in its texts.
fn bare(path: &Path) -> String {
    let code: Vec<String> =
        code(path).lines().map(|line| line.split(" // ").next().unwrap_or_default().to_owned()).collect();
    without_marks_in_texts(&code.join("\n"))
}

fn without_marks_in_texts(code: &str) -> String {
    let mut out = String::with_capacity(code.len());
    let (mut chars, mut within) = (code.chars().peekable(), false);
    while let Some(c) = chars.next() {
        let next = chars.peek().copied();
        match c {
            '\\' if within => {
                chars.next();
            }
            '"' => {
                within = !within;
                out.push(c);
            }
            // A character, not a lifetime.
            '\'' if !within && (next == Some('\\') || chars.clone().nth(1) == Some('\'')) => {
                let length = if next == Some('\\') { 3 } else { 2 };
                chars.nth(length - 1);
                out.push_str("' '");
            }
            '(' | ')' | '[' | ']' | '{' | '}' | ',' | ';' | '=' if within => out.push(' '),
            _ => out.push(c),
        }
    }
    out
}

#[test]
fn no_catch_all_stands_for_kinds_operations_or_services_but_where_the_list_says() {
    let specs = calls::SPECS;
    let words: BTreeSet<String> =
        specs.iter().flat_map(|spec| [spec.service.to_owned(), spec.operation.to_owned()]).collect();
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    // What comes in from elsewhere may be anything.
    for path in sources(Path::new(SRC)).into_iter().filter(|path| !relative(path).starts_with("intake")) {
        let lying = |patterns: &&Vec<String>| {
            tells_apart(patterns, &words) && patterns.iter().any(|pattern| takes_all(pattern))
        };
        let count = matches_in(&bare(&path)).iter().filter(lying).count();
        if count > 0 {
            found.insert(relative(&path), count);
        }
    }
    let listed: BTreeMap<String, usize> =
        CATCH_ALLS.iter().map(|(file, count, _)| ((*file).to_owned(), *count)).collect();
    assert_eq!(found, listed, "left: what is there; right: what the list allows");
}

#[test]
fn code_for_all_actions_names_none_but_where_the_list_says() {
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for room in ["engine", "plan", "playbook", "cli", "report"] {
        for path in sources(&Path::new(SRC).join(room)) {
            let code = bare(&path);
            let count: usize = actions::all()
                .iter()
                .map(|action| code.matches(&format!("\"{}\"", action.name())).count())
                .sum();
            if count > 0 {
                found.insert(relative(&path), count);
            }
        }
    }
    let listed: BTreeMap<String, usize> =
        NAMED_ACTIONS.iter().map(|(file, count)| ((*file).to_owned(), *count)).collect();
    assert_eq!(found, listed, "left: what is there; right: what the list allows");
}

#[test]
fn the_reader_of_matches_sees_catch_alls() {
    let text = "fn a(k: FamilyKind) -> u8 { match k { FamilyKind::Volumes | FamilyKind::Vpcs => { f({1}) } \
                FamilyKind::Keys => 2, other => 0 } }";
    let all = matches_in(text);
    assert_eq!(all, [["FamilyKind::Volumes | FamilyKind::Vpcs", "FamilyKind::Keys", "other"]]);
    assert!(tells_apart(&all[0], &BTreeSet::new()) && takes_all(&all[0][2]) && !takes_all(&all[0][1]));
    let nested =
        matches_in("match (a, g(|x| match x { 1 => 2, _ => 3 })) { (\"ec2\", _) => 1, (_, other) => 2, }");
    assert_eq!(nested[0], ["(\"ec2\", _)", "(_, other)"]);
    assert!(
        tells_apart(&nested[0], &BTreeSet::from(["ec2".to_owned()]))
            && takes_all(&nested[0][1])
            && !takes_all(&nested[0][0])
    );
    assert!(!takes_all("Some(x)") && !takes_all("x if x > 1") && takes_all("_"));
}
