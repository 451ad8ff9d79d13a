//! The ways in which CloudTrail writes request and response down: classic EC2 (`xxxSet: {items: [...]}`), EC2 made from
//! XML (`XRequest: {...}`, where a list of one is an object), and plain JSON. Read here as one.

use serde_json::Value;

/// A list in any of its spellings: null, empty text and an empty object are empty; `items` and `item` are looked into;
/// a single object is a list of one; an element that is only marked with its place gives its content.
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

/// A member by its name in either spelling: `groupId` or `GroupId`.
pub fn get<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    value.get(key).or_else(|| {
        let mut chars = key.chars();
        let pascal: String = chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect();
        value.get(pascal)
    })
}

/// The text of a member.
pub fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    get(value, key).and_then(Value::as_str).unwrap_or("")
}

/// A member that is a number, a truth or a text, as text.
pub fn plain(value: &Value, key: &str) -> String {
    match get(value, key) {
        Some(Value::String(s)) => s.clone(),
        Some(Value::Number(n)) => n.to_string(),
        Some(Value::Bool(b)) => b.to_string(),
        _ => String::new(),
    }
}

/// A truth, which may be written as text.
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

/// The request or response without the wrapper that newer EC2 calls have: `CreateFlowLogsRequest`.
pub fn unwrapped<'v>(value: Option<&'v Value>, name: &str, end: &str) -> &'v Value {
    let value = value.unwrap_or(&Value::Null);
    value.get(format!("{name}{end}")).unwrap_or(value)
}

/// Whether a response says that some of what was asked for failed.
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
