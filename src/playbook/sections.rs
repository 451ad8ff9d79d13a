//! The sections `[check]`, `[match]` and `[guard]` of a playbook, read from values with places.

use std::{collections::BTreeMap, ops::Range};

use serde_json::{Map, Value};
use toml::de::DeTable;

use super::{
    Guard, Match, keys,
    problem::hint_for,
    read::{Named, Placed, Reader},
};
use crate::{
    actions::{Parameter, allowed::Allowed},
    checks::{passwords::Characters, ports::Authorised},
    finding::Severity,
    inventory::sharing::{ALL_BLOCKED, NEW_BLOCKED},
};

/// The longest pattern, in characters.
const PATTERN: usize = 512;
/// The longest key of a tag, in characters
/// (<https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html>).
const TAG_KEY: usize = 128;

/// Reads `[check]`: the parameters of the playbook's checks.
pub fn check(reader: &mut Reader<'_>, value: &Placed<'_>, finding: &[Named]) -> Option<Value> {
    let table = reader.table(value, "check", Some("write a section: [check]".to_owned()))?;
    let known: Vec<&Parameter> = finding.iter().flat_map(|(check, _)| keys::of_check(check)).collect();
    let mut found = Map::new();
    for (key, value) in table {
        let name: &str = key.get_ref();
        match known.iter().find(|p| p.name == name) {
            Some(parameter) => {
                if let Some(value) = check_parameter(reader, parameter, value) {
                    found.insert(name.to_owned(), value);
                }
            }
            // Without a known check nothing is known of its parameters; the check itself was reported.
            None if finding.is_empty() => {}
            None => unknown_of_check(reader, name, key.span(), finding, &known),
        }
    }
    Some(Value::Object(found))
}

fn unknown_of_check(
    reader: &mut Reader<'_>,
    name: &str,
    span: Range<usize>,
    finding: &[Named],
    known: &[&Parameter],
) {
    let checks = finding.iter().map(|(check, _)| check.as_str()).collect::<Vec<_>>().join(", ");
    let has = if known.is_empty() { "no parameters" } else { "no such parameter" };
    let hint = hint_for(name, &known.iter().map(|p| p.name).collect::<Vec<_>>());
    let moved =
        keys::elsewhere(name, &keys::CHECK).map(|section| format!("{name:?} belongs to {}", section.shown));
    reader.report(span, format!("unknown key {name:?} in [check]: {checks} has {has}"), moved.or(hint));
}

fn check_parameter(reader: &mut Reader<'_>, parameter: &Parameter, value: &Placed<'_>) -> Option<Value> {
    if let Some((least, most)) = keys::bounds(parameter.kind) {
        return reader.number(value, parameter.name, least..=most, None).map(Value::from);
    }
    if parameter.kind == keys::CHARACTERS {
        return listed(reader, parameter.name, value, |word| {
            Characters::named(word).map(|kind| kind.word().to_owned())
        });
    }
    if parameter.kind == keys::MODE {
        let modes = [ALL_BLOCKED, NEW_BLOCKED].map(|mode| (mode, mode));
        return reader.choice(value, parameter.name, &modes).map(Value::from);
    }
    if parameter.kind == keys::PORTS {
        return listed(reader, parameter.name, value, |port| Authorised::one(port).map(|_| port.to_owned()));
    }
    if parameter.kind == keys::TIME {
        let text = reader.string(value, parameter.name, 40)?;
        return match text.parse::<jiff::Timestamp>() {
            Ok(time) => Some(Value::from(time.to_string())),
            Err(_) => {
                let what = format!("{}: {text:?} is no time", parameter.name);
                let hint = "write a time with its zone, such as \"2026-12-08T10:00:00Z\"";
                reader.report(value.span(), what, Some(hint.to_owned()));
                None
            }
        };
    }
    if parameter.kind == keys::CIDRS {
        return listed(reader, parameter.name, value, |text| {
            Allowed::try_from(text.to_owned()).map(String::from)
        });
    }
    if parameter.kind == keys::PATTERNS {
        return listed(reader, parameter.name, value, |name| match name.is_empty() {
            true => Err("a name is empty".to_owned()),
            false => Ok(name.to_owned()),
        });
    }
    if parameter.kind == keys::TAGS {
        return private_tags(reader, parameter.name, value);
    }
    if value.get_ref().as_str() == Some("") {
        return Some(Value::from(""));
    }
    let tag = reader.string(value, parameter.name, 400)?;
    tag_key(reader, &tag, value.span(), parameter.name).then_some(Value::from(tag))
}

/// Reads a list of tags, of which there must be one.
fn private_tags(reader: &mut Reader<'_>, name: &str, value: &Placed<'_>) -> Option<Value> {
    let before = reader.count();
    let mut all = Vec::new();
    for (tag, span) in reader.strings(value, name, 400) {
        if tag_key(reader, &tag, span, name) {
            all.push(Value::from(tag));
        }
    }
    (reader.count() == before).then_some(Value::Array(all))
}

/// Reads a list of ports or networks, which may be empty: nothing is authorised then, or blocked.
fn listed(
    reader: &mut Reader<'_>,
    name: &str,
    value: &Placed<'_>,
    read: fn(&str) -> Result<String, String>,
) -> Option<Value> {
    if value.get_ref().as_array().is_some_and(|list| list.is_empty()) {
        return Some(Value::Array(Vec::new()));
    }
    let before = reader.count();
    let mut all = Vec::new();
    for (one, span) in reader.strings(value, name, 50) {
        match read(&one) {
            Ok(read) => all.push(Value::from(read)),
            Err(why) => reader.report(span, format!("{name}: {why}"), None),
        }
    }
    (reader.count() == before).then_some(Value::Array(all))
}

/// Reads `[match]`: the conditions on findings.
pub fn matching(reader: &mut Reader<'_>, value: &Placed<'_>) -> Option<Match> {
    let table = reader.table(value, "match", Some("write a section: [match]".to_owned()))?;
    reader.unknown_keys(table, &keys::MATCH);
    Some(Match {
        severity: table.get("severity").and_then(|value| reader.choice(value, "severity", SEVERITY)),
        regions: patterns(reader, table, "regions", region_wrong),
        tags: tags(reader, table, "tags"),
        without_tags: tags(reader, table, "without_tags"),
        resources: patterns(reader, table, "resources", resource_wrong),
    })
}

const SEVERITY: &[(&str, Severity)] = &[
    ("low", Severity::Low),
    ("medium", Severity::Medium),
    ("high", Severity::High),
    ("critical", Severity::Critical),
];

/// Reads a list of patterns, each of which could fit something.
fn patterns(
    reader: &mut Reader<'_>,
    table: &DeTable<'_>,
    name: &str,
    wrong: fn(&str) -> Option<&'static str>,
) -> Vec<String> {
    let Some(value) = table.get(name) else { return Vec::new() };
    let mut found = Vec::new();
    for (pattern, span) in reader.strings(value, name, PATTERN) {
        match wrong(&pattern) {
            Some(hint) => {
                reader.report(span, format!("{pattern:?} in {name} can fit nothing"), Some(hint.to_owned()))
            }
            None => found.push(pattern),
        }
    }
    found
}

fn region_wrong(pattern: &str) -> Option<&'static str> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-*?".contains(c);
    (!pattern.chars().all(good)).then_some("a region looks like us-east-1; patterns know * and ? alone")
}

fn resource_wrong(pattern: &str) -> Option<&'static str> {
    let bad = |c: char| c.is_whitespace() || "[]{}!|\\^$".contains(c);
    pattern
        .chars()
        .any(bad)
        .then_some("it is a pattern over an ARN or an id such as sg-0123; patterns know * and ? alone")
}

/// Reads tags with patterns for their values.
fn tags(reader: &mut Reader<'_>, table: &DeTable<'_>, name: &str) -> BTreeMap<String, String> {
    let Some(value) = table.get(name) else { return BTreeMap::new() };
    let Some(table) = reader.table(
        value,
        name,
        Some(format!("write {name} = {{ Env = \"prod\" }}; a value may be a pattern, \"*\" is any")),
    ) else {
        return BTreeMap::new();
    };
    let mut found = BTreeMap::new();
    for (key, value) in table {
        let tag: &str = key.get_ref();
        if tag_key(reader, tag, key.span(), name)
            && let Some(pattern) = tag_pattern(reader, value, &format!("the value of tag {tag:?}"))
        {
            found.insert(tag.to_owned(), pattern);
        }
    }
    found
}

/// Reads a pattern for a tag's value: a string that may be empty, as tags' values may.
fn tag_pattern(reader: &mut Reader<'_>, value: &Placed<'_>, name: &str) -> Option<String> {
    match value.get_ref().as_str() {
        Some("") => Some(String::new()),
        _ => reader.string(value, name, PATTERN),
    }
}

/// Returns whether a `Key` or `Key=value` has a valid tag key, and reports an invalid one.
fn tag_key(reader: &mut Reader<'_>, tag: &str, span: Range<usize>, name: &str) -> bool {
    let key = tag.split_once('=').map_or(tag, |(key, _)| key);
    let good = !key.trim().is_empty() && key.chars().count() <= TAG_KEY && !key.chars().any(char::is_control);
    if !good {
        reader.report(
            span,
            format!("{tag:?} in {name} is not a tag"),
            Some(format!("the key of a tag has 1 to {TAG_KEY} characters")),
        );
    }
    good
}

/// Reads `[guard]`: the limits.
pub fn guard(reader: &mut Reader<'_>, value: &Placed<'_>) -> Option<Guard> {
    let table = reader.table(value, "guard", Some("write a section: [guard]".to_owned()))?;
    reader.unknown_keys(table, &keys::GUARD);
    let never = Some("to have the findings reported and nothing done, write approve = \"never\" at the top");
    let changes =
        table.get("max_changes").and_then(|value| reader.number(value, "max_changes", 1..=10_000, never));
    let percent =
        table.get("max_percent").and_then(|value| reader.number(value, "max_percent", 1..=100, never));
    let protected = table
        .get("protected_tags")
        .filter(|value| value.get_ref().as_array().is_none_or(|list| !list.is_empty()));
    let protected =
        protected.map(|value| reader.strings(value, "protected_tags", PATTERN)).unwrap_or_default();
    let protected_tags =
        protected.into_iter().filter(|(tag, span)| tag_key(reader, tag, span.clone(), "protected_tags"));
    let default = Guard::default();
    Some(Guard {
        max_changes: changes.and_then(|n| usize::try_from(n).ok()).unwrap_or(default.max_changes),
        max_percent: percent.and_then(|n| u8::try_from(n).ok()).unwrap_or(default.max_percent),
        protected_tags: protected_tags.map(|(tag, _)| tag).collect(),
    })
}
