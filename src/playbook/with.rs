//! The `with` of an action: every wrong key and value is reported, not only the first, though the action's
//! own type decides what is right. It knows no particular action.

use std::ops::Range;

use serde_json::Value;
use toml::{
    Spanned,
    de::{DeTable, Deserializer, Error},
};

use super::{
    problem::{did_you_mean, hint_for},
    read::Reader,
};
use crate::actions::{Action, Parameter};

/// Decodes the `with` of an action by its own type. Returns `None` when something is wrong, which has been
/// reported then.
pub fn decode(reader: &mut Reader<'_>, action: &dyn Action, mut with: Spanned<DeTable<'_>>) -> Option<Value> {
    let before = reader.count();
    drop_unknown(reader, action, with.get_mut());
    let mut dropped: Vec<String> = Vec::new();
    // Each round reports one parameter and takes it out, so there are no more rounds than parameters.
    loop {
        let error = match action.decode(Deserializer::from(with.clone())) {
            Ok(value) => return (reader.count() == before).then_some(value),
            Err(error) => error,
        };
        let blamed = blamed(&error, &with);
        // A parameter that was given, but wrongly, is not also missing.
        if !dropped.iter().any(|name| error.message().contains(&format!("missing field `{name}`"))) {
            let span = blamed.as_ref().map_or_else(|| with.span(), |(_, span)| span.clone());
            report(reader, action, blamed.as_ref().map(|(name, _)| name.as_str()), &error, span);
        }
        match blamed {
            Some((name, _)) if with.get_mut().remove(name.as_str()).is_some() => dropped.push(name),
            _ => return None,
        }
    }
}

fn drop_unknown(reader: &mut Reader<'_>, action: &dyn Action, with: &mut DeTable<'_>) {
    let known: Vec<&str> = action.parameters().iter().map(|p| p.name).collect();
    let unknown: Vec<_> = with
        .keys()
        .filter(|k| !known.contains(&k.get_ref().as_ref()))
        .map(|k| (k.get_ref().to_string(), k.span()))
        .collect();
    for (name, span) in unknown {
        with.remove(name.as_str());
        reader.report(span, unknown_parameter(action, &name), parameter_hint(action, &name));
    }
}

/// Builds the message about a parameter that an action does not have.
pub fn unknown_parameter(action: &dyn Action, name: &str) -> String {
    match action.parameters() {
        [] => format!("{} takes no parameters, and so no {name:?}", action.name()),
        _ => format!("{} has no parameter {name:?}", action.name()),
    }
}

/// Builds the hint for such a parameter: the one that was probably meant, else the known ones.
pub fn parameter_hint(action: &dyn Action, name: &str) -> Option<String> {
    hint_for(name, &action.parameters().iter().map(|p| p.name).collect::<Vec<_>>())
}

/// Returns the parameter that an error is about, with the place: found by the error's place, or by a name in
/// its message.
fn blamed(error: &Error, with: &Spanned<DeTable<'_>>) -> Option<(String, Range<usize>)> {
    let table = with.get_ref();
    let inside = |span: &Range<usize>| {
        let found = table.iter().find(|(key, value)| {
            key.span().start <= span.start && span.end <= value.span().end.max(key.span().end)
        });
        found.map(|(key, _)| (key.get_ref().to_string(), span.clone()))
    };
    let named = || {
        let found = table.iter().find(|(key, _)| {
            ['`', '"'].iter().any(|q| error.message().contains(&format!("{q}{}{q}", key.get_ref())))
        });
        found.map(|(key, value)| (key.get_ref().to_string(), value.span()))
    };
    error.span().as_ref().and_then(inside).or_else(named)
}

fn report(
    reader: &mut Reader<'_>,
    action: &dyn Action,
    name: Option<&str>,
    error: &Error,
    span: Range<usize>,
) {
    let message = wording(error.message());
    let what = name.map_or_else(
        || format!("{}: {message}", action.name()),
        |name| format!("parameter {name:?} of {}: {message}", action.name()),
    );
    let parameter = name.and_then(|name| action.parameters().iter().find(|p| p.name == name));
    let hint = meant(error.message()).or_else(|| parameter.map(describe));
    reader.report(span, what, hint);
}

/// Describes the type of a parameter, for a hint.
fn describe(parameter: &Parameter) -> String {
    let default = if parameter.default.is_empty() {
        String::new()
    } else {
        format!(" (default {})", parameter.default)
    };
    format!("{} is: {}{default}", parameter.name, parameter.kind)
}

/// The phrases of serde for Rust's whole numbers, with plain ones for people.
const NUMBERS: &[(&str, &str)] = &[
    ("expected u8", "expected a whole number from 0 to 255"),
    ("expected u16", "expected a whole number from 0 to 65535"),
    ("expected u32", "expected a whole number from 0 to 4294967295"),
    ("expected u64", "expected a whole number, not negative"),
    ("expected usize", "expected a whole number, not negative"),
    ("expected i32", "expected a whole number"),
    ("expected i64", "expected a whole number"),
];

/// Rewrites serde's message in the words that the other messages use.
pub fn wording(message: &str) -> String {
    let message = message.trim().replace('`', "\"");
    if let Some(name) = message.strip_prefix("missing field ") {
        return format!("missing parameter {name}");
    }
    let message = message
        .replace("unknown variant ", "unknown value ")
        .replace("invalid type: ", "wrong type: ")
        .replace("sequence", "list");
    let number = NUMBERS.iter().find(|(name, _)| message.ends_with(name));
    number.map_or_else(|| message.clone(), |(name, words)| message.replace(name, words))
}

/// Suggests the value that was probably meant, where serde lists the valid ones.
pub fn meant(message: &str) -> Option<String> {
    let (word, known) = message.strip_prefix("unknown variant `")?.split_once("`, expected ")?;
    let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
    did_you_mean(word, known).map(|meant| format!("did you mean {meant:?}?"))
}
