//! Comparing footprints: what of the things a change touches looks different. Pure.

use std::collections::BTreeSet;

use serde_json::Value;

/// Where two footprints differ, in words: the wants whose things look different.
pub fn differences(expected: &Value, found: &Value) -> Vec<String> {
    let (Value::Object(expected), Value::Object(found)) = (expected, found) else {
        return if expected == found { Vec::new() } else { vec!["the whole".to_owned()] };
    };
    let keys: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
    keys.into_iter().filter(|key| expected.get(*key) != found.get(*key)).cloned().collect()
}

/// Whether a footprint says of a want that there is nothing.
pub fn nothing(value: Option<&Value>) -> bool {
    value.is_none_or(|v| v.is_null() || v.as_array().is_some_and(Vec::is_empty))
}
