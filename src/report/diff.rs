//! The difference between the present and the future state of a resource, for people. Pure; the meaning of
//! the values is unknown here, except that references stand for values that only a run will know.

use std::collections::BTreeMap;

use serde_json::Value;

/// The meaning of a line in a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// The name of the lines that follow.
    Name,
    /// A value that will be added.
    Add,
    /// A value that will be removed.
    Remove,
    /// A value that stays.
    Keep,
}

impl Sign {
    /// Returns the mark at the beginning of the line, as `diff` writes it.
    pub fn mark(self) -> &'static str {
        match self {
            Sign::Add => "+",
            Sign::Remove => "-",
            Sign::Name | Sign::Keep => " ",
        }
    }
}

/// One line of a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The line's meaning.
    pub sign: Sign,
    /// The line's text, which has not been made safe yet.
    pub text: String,
}

/// The number of unchanged items of a list that are shown; the rest is only counted.
const KEPT: usize = 3;

/// Compares two values: objects by their dotted names, lists item by item.
pub fn diff(before: &Value, after: &Value) -> Vec<Line> {
    let (mut old, mut new) = (Vec::new(), Vec::new());
    flatten("", before, &mut old);
    flatten("", after, &mut new);
    let olds: BTreeMap<&str, &Value> = old.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let news: BTreeMap<&str, &Value> = new.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let mut lines = Vec::new();
    // The order is that of the state after; names that only the state before has follow in their own order.
    let gone = old.iter().filter(|(name, _)| !news.contains_key(name.as_str()));
    for (name, _) in new.iter().chain(gone) {
        one(name, olds.get(name.as_str()).copied(), news.get(name.as_str()).copied(), &mut lines);
    }
    lines
}

fn one(name: &str, old: Option<&Value>, new: Option<&Value>, lines: &mut Vec<Line>) {
    if old == new {
        return;
    }
    let empty = Vec::new();
    let items = |value: Option<&Value>| value.and_then(Value::as_array).cloned();
    match (items(old), items(new)) {
        (Some(a), Some(b)) => list(name, &a, &b, lines),
        (None, Some(b)) if old.is_none() => list(name, &empty, &b, lines),
        (Some(a), None) if new.is_none() => list(name, &a, &empty, lines),
        _ => {
            let called = |value: &Value| {
                if name.is_empty() { words(value) } else { format!("{name}: {}", words(value)) }
            };
            lines.extend(old.map(|value| Line { sign: Sign::Remove, text: called(value) }));
            lines.extend(new.map(|value| Line { sign: Sign::Add, text: called(value) }));
        }
    }
}

fn list(name: &str, old: &[Value], new: &[Value], lines: &mut Vec<Line>) {
    let removed = without(old, new);
    let added = without(new, old);
    let kept = without(old, &removed);
    let indent = if name.is_empty() { "" } else { "  " };
    if !name.is_empty() {
        lines.push(Line { sign: Sign::Name, text: name.to_owned() });
    }
    let mut say = |sign, text: String| lines.push(Line { sign, text: format!("{indent}{text}") });
    removed.iter().for_each(|value| say(Sign::Remove, words(value)));
    added.iter().for_each(|value| say(Sign::Add, words(value)));
    kept.iter().take(KEPT).for_each(|value| say(Sign::Keep, words(value)));
    if kept.len() > KEPT {
        say(Sign::Keep, format!("and {} more that stay", kept.len() - KEPT));
    }
}

/// Returns the items of `all` without those of `other`, one for one.
fn without(all: &[Value], other: &[Value]) -> Vec<Value> {
    let mut left: Vec<&Value> = other.iter().collect();
    let mut rest = Vec::new();
    for item in all {
        match left.iter().position(|o| *o == item) {
            Some(at) => {
                left.swap_remove(at);
            }
            None => rest.push(item.clone()),
        }
    }
    rest
}

/// Collects the leaves of a value with their dotted names. A null counts as missing.
fn flatten<'a>(name: &str, value: &'a Value, leaves: &mut Vec<(String, &'a Value)>) {
    match value {
        Value::Null => {}
        Value::Object(map) if reference(value).is_none() && fact(value).is_none() => {
            for (key, inner) in map {
                let dotted = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                flatten(&dotted, inner, leaves);
            }
        }
        leaf => leaves.push((name.to_owned(), leaf)),
    }
}

/// Describes a value in words, on one line.
pub fn words(value: &Value) -> String {
    if let Some(meaning) = reference(value).or_else(|| fact(value)) {
        return meaning;
    }
    match value {
        Value::Null => "none".to_owned(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.is_empty() => "\"\"".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => {
            let separator = if items.iter().any(Value::is_object) { "; " } else { ", " };
            items.iter().map(words).collect::<Vec<_>>().join(separator)
        }
        Value::Object(map) => {
            let known = map.iter().filter(|(_, inner)| !inner.is_null());
            known
                .map(|(key, inner)| format!("{} {}", key.replace('_', " "), words(inner)))
                .collect::<Vec<_>>()
                .join(", ")
        }
    }
}

/// Describes evidence in lines: one for all plain members by name, and one for each object in
/// a list of objects.
pub fn evidence(value: &Value) -> Vec<String> {
    let Some(map) = value.as_object().filter(|_| reference(value).is_none() && fact(value).is_none()) else {
        return vec![words(value)];
    };
    let (mut short, mut things) = (Vec::new(), Vec::new());
    for (key, inner) in map.iter().filter(|(_, inner)| !inner.is_null()) {
        match inner.as_array().filter(|items| items.iter().any(Value::is_object)) {
            Some(items) => things.extend(items.iter().map(words)),
            None => short.push(format!("{}: {}", key.replace('_', " "), words(inner))),
        }
    }
    let first = (!short.is_empty()).then(|| short.join("; "));
    first.into_iter().chain(things).collect()
}

/// Describes a fact in words, where evidence contains one unchanged (see [`crate::inventory::Fact`]).
fn fact(value: &Value) -> Option<String> {
    let map = value.as_object().filter(|map| map.len() == 1)?;
    let unknown = || map.get("unknown").and_then(Value::as_str).map(|why| format!("unknown ({why})"));
    map.get("known").map(words).or_else(unknown)
}

/// Describes a reference in words; nothing for a literal (see [`crate::calls::reference`]).
pub fn reference(value: &Value) -> Option<String> {
    let map = value.as_object().filter(|map| map.len() == 1)?;
    let (key, inner) = map.iter().next()?;
    let text = |name: &str| inner.get(name).and_then(Value::as_str);
    match key.as_str() {
        "$run" => Some("id of the run".to_owned()),
        "$step" => Some("name of this step".to_owned()),
        "$token" => Some("token of this step".to_owned()),
        "$date" if inner.as_i64() == Some(1) => Some("1 day after the run".to_owned()),
        "$date" => Some(format!("{inner} days after the run")),
        "$output" => {
            let of = text("change").map_or(String::new(), |change| format!(" of change {change}"));
            Some(format!("output {} of step {}{of}", text("name")?, text("step")?))
        }
        _ => None,
    }
}

/// Replaces the references in a call's input by readable placeholders: `<output VolumeId of step volume-1>`.
pub fn readable(value: &Value) -> Value {
    match value {
        _ if reference(value).is_some() => {
            Value::String(format!("<{}>", reference(value).unwrap_or_default()))
        }
        Value::Object(map) => {
            Value::Object(map.iter().map(|(key, inner)| (key.clone(), readable(inner))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(readable).collect()),
        literal => literal.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::calls::reference as refer;

    fn shown(before: &Value, after: &Value) -> String {
        diff(before, after).iter().map(|line| format!("{} {}\n", line.sign.mark(), line.text)).collect()
    }

    #[test]
    fn rules_that_go_and_come_stand_line_by_line() {
        let before = json!({ "ingress": ["tcp 22 from 0.0.0.0/0 \"temporary\"", "tcp 443 from 0.0.0.0/0"] });
        let after = json!({ "ingress": ["tcp 443 from 0.0.0.0/0", "tcp 22 from 203.0.113.0/24"] });
        let expected = "  ingress\n-   tcp 22 from 0.0.0.0/0 \"temporary\"\n+   tcp 22 from \
                        203.0.113.0/24\n    tcp 443 from 0.0.0.0/0\n";
        assert_eq!(shown(&before, &after), expected);
    }

    #[test]
    fn members_have_dotted_names_and_what_is_the_same_is_left_out() {
        let before = json!({ "logging": { "on": false, "bucket": "b" }, "old": 1 });
        let after = json!({ "logging": { "on": true, "bucket": "b" }, "expires": refer::date_after(30) });
        assert_eq!(
            shown(&before, &after),
            "- logging.on: no\n+ logging.on: yes\n+ expires: 30 days after the run\n- old: 1\n"
        );
    }

    #[test]
    fn what_is_not_there_before_is_all_new() {
        assert_eq!(shown(&Value::Null, &json!({ "name": "x", "tags": ["a"] })), "+ name: x\n  tags\n+   a\n");
        assert_eq!(shown(&json!(["a", "a"]), &json!(["a"])), "- a\n  a\n");
        assert_eq!(shown(&json!({ "a": 1 }), &json!({ "a": 1 })), "");
    }

    #[test]
    fn unchanged_items_are_counted_beyond_the_first() {
        let many: Vec<String> = (0..9).map(|n| format!("r{n}")).collect();
        let after: Vec<String> = many[1..].to_vec();
        assert_eq!(shown(&json!(many), &json!(after)), "- r0\n  r1\n  r2\n  r3\n  and 5 more that stay\n");
    }

    #[test]
    fn evidence_tells_each_thing_on_a_line_of_its_own() {
        let found = json!({ "rules": [{ "rule": "sgr-1", "ports": "22" }, { "rule": "sgr-2", "ports": "23" }],
            "age_hours": 24, "last": null });
        assert_eq!(evidence(&found), ["age hours: 24", "rule sgr-1, ports 22", "rule sgr-2, ports 23"]);
        assert_eq!(
            evidence(&json!({ "events": { "known": true }, "more": { "unknown": "AccessDenied" } })),
            ["events: yes; more: unknown (AccessDenied)"]
        );
        assert_eq!(evidence(&json!("as it is")), ["as it is"]);
        assert_eq!(evidence(&json!({ "rules": ["a", "b"] })), ["rules: a, b"]);
    }

    #[test]
    fn references_read_as_words() {
        let input = json!({ "VolumeId": refer::output("volume-1", "VolumeId"), "Tags": [refer::run(),
            refer::token(), refer::output_of("c1", "s", "Arn")] });
        let expected = json!({ "VolumeId": "<output VolumeId of step volume-1>",
            "Tags": ["<id of the run>", "<token of this step>", "<output Arn of step s of change c1>"] });
        assert_eq!(readable(&input), expected);
        assert_eq!(
            words(&json!({ "from_port": 22, "cidrs": ["a", "b"], "none": null })),
            "from port 22, cidrs a, b"
        );
    }
}
