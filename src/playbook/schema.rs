//! The JSON Schema (draft 7, which editors for TOML know) of playbooks, made from the keys that the loader
//! knows and from the parameters of the actions. It allows all that the loader allows and rejects most of
//! what the loader rejects; the loader alone decides.

use serde_json::{Map, Value, json};

use super::{
    keys::{self, Section},
    vocabulary::Vocabulary,
};
use crate::actions::{Action, Parameter};

/// Builds the schema.
pub fn schema() -> Value {
    let words = Vocabulary::all();
    let uses: Vec<Value> = words.usable().iter().filter_map(|name| words.action(name)).map(of_use).collect();
    let mut top = section(&keys::TOP);
    top["properties"]["id"]["pattern"] = json!("^[a-z0-9][a-z0-9-]*$");
    top["properties"]["id"]["maxLength"] = json!(64);
    let check = json!({ "enum": words.checks });
    top["properties"]["finding"] = with_doc(
        &json!({ "oneOf": [check, { "type": "array", "items": check, "minItems": 1 }] }),
        doc_of(&keys::TOP, "finding"),
    );
    top["properties"]["check"] = of_checks(&words);
    top["properties"]["match"] = section(&keys::MATCH);
    top["properties"]["guard"] = section(&keys::GUARD);
    top["properties"]["action"] =
        with_doc(&json!({ "type": "array", "minItems": 1, "items": { "oneOf": uses } }), keys::ACTION.doc);
    top["required"] = json!(["id", "title", "finding", "action"]);
    let mut schema =
        json!({ "$schema": "http://json-schema.org/draft-07/schema#", "title": "A playbook of redress" });
    merge(&mut schema, top);
    schema
}

fn merge(into: &mut Value, from: Value) {
    if let (Some(into), Value::Object(from)) = (into.as_object_mut(), from) {
        into.extend(from);
    }
}

fn doc_of(section: &Section, key: &str) -> &'static str {
    section.keys.iter().find(|k| k.name == key).map_or("", |k| k.doc)
}

fn with_doc(schema: &Value, doc: &str) -> Value {
    let mut schema = schema.clone();
    if !doc.is_empty() {
        schema["description"] = json!(doc);
    }
    schema
}

/// Builds the schema of a table with exactly these keys.
fn table(doc: &str, keys: &[Parameter]) -> Value {
    let properties: Map<String, Value> = keys.iter().map(|k| (k.name.to_owned(), of_key(k))).collect();
    with_doc(&json!({ "type": "object", "additionalProperties": false, "properties": properties }), doc)
}

fn section(section: &Section) -> Value {
    table(section.doc, section.keys)
}

/// Builds the schema of `[check]`, with the parameters of all checks: the findings of a playbook determine
/// which of them it may give.
fn of_checks(words: &Vocabulary) -> Value {
    let all: Vec<Parameter> = words.checks.iter().flat_map(|check| keys::of_check(check)).copied().collect();
    table(keys::CHECK.doc, &all)
}

/// Builds the schema of the use of one action.
fn of_use(action: &'static dyn Action) -> Value {
    let mut with = table(doc_of(&keys::ACTION, "with"), action.parameters());
    with["description"] = json!(format!("Parameters of {}.", action.name()));
    let properties =
        json!({ "use": { "const": action.name(), "description": action.title() }, "with": with });
    json!({ "type": "object", "additionalProperties": false, "required": ["use"], "properties": properties })
}

/// Builds the schema of a key with its type, its description and its default.
fn of_key(key: &Parameter) -> Value {
    let mut schema = with_doc(&of_kind(key.kind), key.doc);
    if let Some(default) = toml::from_str::<Map<String, Value>>(&format!("v = {}", key.default))
        .ok()
        .and_then(|mut t| t.remove("v"))
    {
        schema["default"] = default;
    }
    schema
}

/// Builds the schema of a type from its description in words. Words that name no type of TOML are strings.
fn of_kind(kind: &str) -> Value {
    let quoted: Vec<&str> = kind.split('"').skip(1).step_by(2).collect();
    let numbers: Vec<i64> =
        kind.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect();
    let counted = ["number", "days", "hours", "seconds"].iter().any(|word| kind.starts_with(word));
    match (kind, numbers.as_slice()) {
        _ if kind.starts_with("list of \"") => {
            json!({ "type": "array", "minItems": 1, "items": { "enum": quoted } })
        }
        _ if kind.starts_with("list of") => json!({ "type": "array", "items": { "type": "string" } }),
        _ if kind.starts_with("table of") => {
            json!({ "type": "object", "additionalProperties": { "type": "string" } })
        }
        _ if !quoted.is_empty() => json!({ "enum": quoted }),
        ("boolean" | "true or false", _) => json!({ "type": "boolean" }),
        (_, [least, most]) if counted => json!({ "type": "integer", "minimum": least, "maximum": most }),
        _ if counted => json!({ "type": "integer", "minimum": 0 }),
        (_, [_, ..]) if kind.chars().all(|c| c.is_ascii_digit() || " or,".contains(c)) => {
            json!({ "enum": numbers })
        }
        _ => json!({ "type": "string" }),
    }
}
