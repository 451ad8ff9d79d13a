//! Words of a shell script: JSON with references as one word, names of variables, text for comments. The
//! content of a tag or a description stays text: literals are in single quotes and in ASCII, comments are one
//! line. Pure.

use serde_json::Value;

pub(super) use crate::calls::command::{ascii, ascii_json, clean, kebab, quoted};

/// Returns whether a value contains a reference.
pub(super) fn holds_reference(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.iter().any(|(key, v)| key.starts_with('$') || holds_reference(v)),
        Value::Array(items) => items.iter().any(holds_reference),
        _ => false,
    }
}

/// Writes a text for a comment or a message: one line of ASCII, so that nothing in it can hide or look like
/// code. No CI runner that is shown the script finds a command in it, such as `##[group]`.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\'' | '"' | '\\' => out.push(c),
            '#' if rest.peek() == Some(&'#') => out.push_str("\\u{23}"),
            c => out.extend(c.escape_default()),
        }
    }
    out
}

/// Turns a text into one that is valid in a variable's name.
pub(super) fn name(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

/// Returns the variable that holds an output.
pub(super) fn variable(change: &str, step: &str, output: &str) -> String {
    format!("{}__{}__{}", name(change), name(step), name(output))
}

/// Returns the variable that holds an observation of a change.
pub(super) fn observed(change: &str, name: &str) -> String {
    variable(change, "observed", name)
}

/// The step for which a value is written.
#[derive(Clone, Copy)]
pub(super) struct Here<'a> {
    /// The change.
    pub change: &'a str,
    /// The step, or the act of a rollback or an undo.
    pub step: &'a str,
}

/// A piece of a word.
enum Piece {
    /// Text as it is.
    Literal(String),
    /// Text that the shell inserts.
    Shell(String),
}

/// Writes a JSON value as one word of the shell, with each reference replaced by the shell's expression for
/// it.
pub(super) fn json_word(value: &Value, here: Here<'_>) -> String {
    let mut pieces = Vec::new();
    write(value, here, &mut pieces);
    let mut word = String::new();
    let mut literal = String::new();
    for piece in pieces {
        match piece {
            Piece::Literal(text) => literal.push_str(&text),
            Piece::Shell(text) => {
                word.push_str(&quoted(&std::mem::take(&mut literal)));
                word.push_str(&format!("\"{text}\""));
            }
        }
    }
    if !literal.is_empty() {
        word.push_str(&quoted(&literal));
    }
    word
}

fn write(value: &Value, here: Here<'_>, pieces: &mut Vec<Piece>) {
    let literal = |text: &str, pieces: &mut Vec<Piece>| pieces.push(Piece::Literal(text.to_owned()));
    match value {
        Value::Object(map) => {
            if let Some((key, inner)) =
                map.iter().next().filter(|(key, _)| map.len() == 1 && key.starts_with('$'))
            {
                // Lists of ids are written as JSON by the shell; single ids are in quotes.
                let list = is_list(value) || key == "$observed";
                literal(if list { "" } else { "\"" }, pieces);
                pieces.push(Piece::Shell(reference(key, inner, list, here)));
                literal(if list { "" } else { "\"" }, pieces);
                return;
            }
            literal("{", pieces);
            for (n, (key, v)) in map.iter().enumerate() {
                literal(
                    &format!("{}{}:", if n > 0 { "," } else { "" }, ascii(&Value::from(key.as_str()))),
                    pieces,
                );
                write(v, here, pieces);
            }
            literal("}", pieces);
        }
        Value::Array(items) => {
            literal("[", pieces);
            for (n, v) in items.iter().enumerate() {
                literal(if n > 0 { "," } else { "" }, pieces);
                write(v, here, pieces);
            }
            literal("]", pieces);
        }
        scalar => literal(&ascii(scalar), pieces),
    }
}

/// Returns whether a value is a reference to a list of ids.
pub(super) fn is_list(value: &Value) -> bool {
    matches!(
        value.pointer("/$output/name").and_then(Value::as_str),
        Some("SecurityGroupRuleIds" | "FlowLogIds" | "SnapshotIds")
    )
}

/// Returns the expression that the shell inserts for a reference. Arguments are names only, so they need no
/// quotes.
fn reference(key: &str, inner: &Value, list: bool, here: Here<'_>) -> String {
    match key {
        "$run" => "${RUN}".to_owned(),
        // Kept as JSON; a fact that was never observed is null.
        "$observed" => format!("${{{}:-null}}", observed(here.change, inner.as_str().unwrap_or_default())),
        "$step" => format!("{}/{}", clean(here.change), clean(here.step)),
        "$token" => format!("$(token {} {})", clean(here.change), clean(here.step)),
        "$date" => format!("$(day {})", inner.as_i64().unwrap_or_default()),
        _ if list => format!("$(json_list ${{{}}})", output(inner, here)),
        _ => match inner.get("name").and_then(Value::as_str).and_then(|n| n.split_once('/')) {
            Some((_, key)) => format!("$(pick {} ${{{}}})", clean(key), output(inner, here)),
            None => format!("${{{}}}", output(inner, here)),
        },
    }
}

/// Returns the variable of an output reference.
fn output(inner: &Value, here: Here<'_>) -> String {
    let text = |member: &str| inner.get(member).and_then(Value::as_str);
    let first = text("name").unwrap_or_default().split('/').next().unwrap_or_default();
    variable(text("change").unwrap_or(here.change), text("step").unwrap_or_default(), first)
}

/// Returns the ids of a condition as words of a `for`.
pub(super) fn id_words(id: &Value, here: Here<'_>) -> Vec<String> {
    match id {
        Value::String(text) => vec![quoted(&plain(text))],
        Value::Array(items) => items.iter().flat_map(|v| id_words(v, here)).collect(),
        Value::Object(map) => match map.iter().next() {
            Some((key, inner)) if map.len() == 1 && key == "$output" => {
                let whole = inner.get("name").and_then(Value::as_str).is_some_and(|n| n == "Snapshots");
                let list = is_list(id);
                vec![match (whole, list) {
                    (true, _) => format!("$(values ${{{}}})", output(inner, here)),
                    (_, true) => format!("${{{}}}", output(inner, here)),
                    _ => format!("\"{}\"", reference(key, inner, list, here)),
                }]
            }
            _ => map.values().flat_map(|v| id_words(v, here)).collect(),
        },
        _ => Vec::new(),
    }
}
