//! Loads playbooks from text, or reports everything that is wrong with the text, each problem with its place.
//! The text is parsed to values with places first, and each part is then checked for what it should be;
//! reading files is the command line's.

use std::ops::Range;

use sha2::{Digest, Sha256};
use toml::{Spanned, de::DeTable};

use super::{
    Approve, Playbook, actions, bounds, keys,
    problem::{Problem, hint_for},
    read::{Named, Placed, Reader},
    sections,
    sets::{Set, USUAL},
    vocabulary::Vocabulary,
};

/// The largest number of TOML syntax errors that are reported per file; those after the first are mostly
/// consequences.
const SYNTAX_ERRORS: usize = 5;

/// A playbook and the place of its id.
pub(super) struct Loaded {
    pub playbook: Playbook,
    /// `true` if the file names the sets.
    pub names_sets: bool,
    pub id_at: Range<usize>,
}

/// Reads one playbook. `source` is the file's name, for messages.
///
/// # Errors
/// All problems of the text, in the order of the file.
pub fn parse(text: &str, source: &str) -> Result<Playbook, Vec<Problem>> {
    parse_with(&Vocabulary::all(), text, source).map(|loaded| loaded.playbook)
}

/// Decodes the bytes of a file as UTF-8.
///
/// # Errors
/// When they are not UTF-8, with the place of the first wrong byte.
pub fn text(bytes: Vec<u8>, source: &str) -> Result<String, Vec<Problem>> {
    String::from_utf8(bytes).map_err(|error| {
        let good =
            String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]).into_owned();
        let end = good.len()..good.len();
        vec![Problem::at(
            source,
            &good,
            end,
            "this is not UTF-8 text",
            Some("save the file as UTF-8; TOML knows no other encoding".to_owned()),
        )]
    })
}

pub(super) fn parse_with(words: &Vocabulary, text: &str, source: &str) -> Result<Loaded, Vec<Problem>> {
    let mut reader = Reader::new(text, source);
    let parsed = document(&mut reader, text).and_then(|root| playbook(&mut reader, words, root.get_ref()));
    let problems = reader.finish();
    match parsed {
        Some(loaded) if problems.is_empty() => Ok(loaded),
        _ => Err(problems),
    }
}

fn document<'t>(reader: &mut Reader<'_>, text: &'t str) -> Option<Spanned<DeTable<'t>>> {
    let root = tables(reader, text, bounds::MAX_BYTES)?;
    if root.get_ref().is_empty() {
        let hint = "a playbook has at least id, title, finding and one [[action]]; redress playbooks show ID \
                    prints one to begin with";
        reader.report(0..0, "the file is empty", Some(hint.to_owned()));
        return None;
    }
    Some(root)
}

/// Parses a text as TOML, and notes what is none.
pub(super) fn tables<'t>(
    reader: &mut Reader<'_>,
    text: &'t str,
    most_bytes: usize,
) -> Option<Spanned<DeTable<'t>>> {
    if let Some((span, what)) = bounds::exceeded(text, most_bytes) {
        reader.report(span, what, None);
        return None;
    }
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in errors.iter().take(SYNTAX_ERRORS) {
        reader.report(
            error.span().unwrap_or(0..0),
            format!("this is not TOML: {}", error.message().trim()),
            syntax_hint(error.message()),
        );
    }
    errors.is_empty().then_some(root)
}

fn syntax_hint(message: &str) -> Option<String> {
    let hint = match message {
        m if m.contains("duplicate key") => "the same key or section is given twice; keep one of them",
        m if m.contains("basic string") || m.contains("literal string") => {
            "a string ends on the line on which it begins, with the quote that it began with"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

fn playbook(reader: &mut Reader<'_>, words: &Vocabulary, root: &DeTable<'_>) -> Option<Loaded> {
    reader.unknown_keys(root, &keys::TOP);
    let id = reader
        .required(root, "id", 0..0, "give it a name of its own: id = \"my-playbook\"")
        .and_then(|value| id(reader, value));
    let title =
        reader.required(root, "title", 0..0, "name in one line the problem that it fixes: title = \"...\"");
    let title = title.and_then(|value| reader.string(value, "title", 200));
    let finding = findings(reader, words, root);
    let given = root.get("approve").and_then(|value| reader.choice(value, "approve", APPROVE));
    let sets = root.get("sets").map(|value| sets(reader, value));
    let check = root.get("check").and_then(|value| sections::check(reader, value, &finding));
    let matching = root.get("match").and_then(|value| sections::matching(reader, value)).unwrap_or_default();
    let guard = root.get("guard").and_then(|value| sections::guard(reader, value)).unwrap_or_default();
    let actions = actions::read(reader, words, root, &finding);
    let (id, id_at) = id?;
    let playbook = Playbook {
        id,
        title: title?,
        finding: finding.into_iter().map(|(check, _)| check).collect(),
        check: check.unwrap_or_else(|| serde_json::json!({})),
        matching,
        actions,
        guard,
        approve: given.unwrap_or_default(),
        sets: sets.clone().unwrap_or_else(|| USUAL.to_vec()),
        source: reader.source.to_owned(),
        digest: Sha256::digest(reader.text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    Some(Loaded { playbook, names_sets: sets.is_some(), id_at })
}

const APPROVE: &[(&str, Approve)] =
    &[("ask", Approve::Ask), ("auto", Approve::Auto), ("never", Approve::Never)];

fn id(reader: &mut Reader<'_>, value: &Placed<'_>) -> Option<Named> {
    let id = reader.string(value, "id", 64)?;
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if id.chars().all(good) && !id.starts_with('-') {
        return Some((id, value.span()));
    }
    let better: String = id.to_lowercase().chars().map(|c| if good(c) { c } else { '-' }).collect();
    let hint = format!("{:?} would do", better.trim_start_matches('-'));
    reader.report(
        value.span(),
        format!("id {id:?} is not made of lowercase letters, digits and hyphens"),
        Some(hint),
    );
    None
}

/// Reads the sets that the playbook belongs to.
fn sets(reader: &mut Reader<'_>, value: &Placed<'_>) -> Vec<Set> {
    let words: Vec<_> = Set::ALL.iter().map(|set| set.word()).collect();
    let mut found = Vec::new();
    for (name, span) in reader.strings(value, "sets", 40) {
        match Set::named(&name) {
            None => reader.report(span, format!("there is no set {name:?}"), hint_for(&name, &words)),
            Some(set) if found.contains(&set) => {
                reader.report(span, format!("the set {name:?} is named twice"), None)
            }
            Some(set) => found.push(set),
        }
    }
    found
}

/// Reads the checks whose findings the playbook answers.
fn findings(reader: &mut Reader<'_>, words: &Vocabulary, root: &DeTable<'_>) -> Vec<Named> {
    let Some(value) = reader.required(
        root,
        "finding",
        0..0,
        "name the check whose findings it answers; redress scan shows them",
    ) else {
        return Vec::new();
    };
    let named = if value.get_ref().is_array() {
        reader.strings(value, "finding", 100)
    } else {
        reader.string(value, "finding", 100).map(|text| (text, value.span())).into_iter().collect()
    };
    let mut found: Vec<Named> = Vec::new();
    for (check, span) in named {
        if !words.checks.contains(&check.as_str()) {
            reader.report(span, format!("there is no check {check:?}"), hint_for(&check, &words.checks));
        } else if found.iter().any(|(other, _)| *other == check) {
            reader.report(span, format!("the check {check:?} is named twice"), None);
        } else {
            found.push((check, span));
        }
    }
    found
}
