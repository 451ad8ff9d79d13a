//! The notations in which CloudTrail records request and response: classic EC2
//! (`xxxSet: {items: [...]}`), EC2 converted from XML (`XRequest: {...}`, where a list of one is an
//! object), and plain JSON. All are read alike here.

use serde_json::Value;

/// Reads a list in any of its notations: null, empty text and an empty object are empty; `items` and `item`
/// are looked into; a single object is a list of one; an element that is only wrapped with its position
/// yields its content.
pub fn list(value: Option<&Value>) -> Vec<&Value> {
    match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(s)) if s.is_empty() => Vec::new(),
        Some(Value::Array(list)) => list.iter().map(content).collect(),
        Some(Value::Object(object)) if object.is_empty() => Vec::new(),
        Some(Value::Object(object)) => match object.get("items").or_else(|| object.get("item")) {
            Some(inner) => list(Some(inner)),
            None => vec![content(value.unwrap_or(&Value::Null))],
        },
        Some(other) => vec![other],
    }
}

fn content(element: &Value) -> &Value {
    element.get("content").unwrap_or(element)
}

/// Returns a member by its name in either case: `groupId` or `GroupId`.
pub fn get<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    value.get(key).or_else(|| {
        let mut chars = key.chars();
        let pascal: String = chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect();
        value.get(pascal)
    })
}

/// Returns a member that is a string; empty if there is none.
pub fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    get(value, key).and_then(Value::as_str).unwrap_or("")
}

/// Returns a member that is a number, a boolean or a string, as text.
pub fn plain(value: &Value, key: &str) -> String {
    match get(value, key) {
        Some(Value::String(s)) => s.clone(),
        Some(Value::Number(n)) => n.to_string(),
        Some(Value::Bool(b)) => b.to_string(),
        _ => String::new(),
    }
}

/// Reads a boolean, which may be written as text.
pub fn truth(value: Option<&Value>) -> Option<bool> {
    match value? {
        Value::Bool(b) => Some(*b),
        Value::String(s) => match s.to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// Removes the wrapper that newer EC2 calls put around request and response: `CreateFlowLogsRequest`.
pub fn unwrapped<'v>(value: Option<&'v Value>, name: &str, end: &str) -> &'v Value {
    let value = value.unwrap_or(&Value::Null);
    value.get(format!("{name}{end}")).unwrap_or(value)
}

/// Returns whether a response lists parts of the request that failed.
pub fn unsuccessful(response: &Value) -> bool {
    get(response, "unsuccessful").is_some_and(|u| !list(Some(u)).is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_is_one_list_in_all_its_spellings() {
        for (written, length) in [
            (json!(null), 0),
            (json!(""), 0),
            (json!({}), 0),
            (json!({"items": []}), 0),
            (json!({"items": [{"a": 1}, {"a": 2}]}), 2),
            (json!({"item": "fl-1"}), 1),
            (json!({"tag": 1, "content": "fl-1"}), 1),
            (json!([{"tag": 1, "content": "fl-1"}, {"tag": 2, "content": "fl-2"}]), 2),
            (json!(["fl-1"]), 1),
            (json!("fl-1"), 1),
        ] {
            assert_eq!(list(Some(&written)).len(), length, "{written}");
        }
        assert_eq!(list(Some(&json!({"tag": 1, "content": "fl-1"}))), [&json!("fl-1")]);
    }
}
