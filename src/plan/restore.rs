//! Comparing footprints: what of the things a change touches looks different, and whether an undo brought back what was
//! there. Pure.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Restore, proof::Proved};

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

/// Whether a footprint is what an undo was to bring back. What the run made and what stays on purpose may differ: it was
/// not there before, and is as the run left it.
pub fn restored(restore: &Restore, footprint: &Value) -> Proved {
    let left: Vec<String> = differences(&restore.to, footprint).into_iter().filter(|want| restore.kept.is_empty() || !nothing(restore.to.get(want))).collect();
    if left.is_empty() { Proved::Holds(Vec::new()) } else { Proved::Violated(format!("not as it was before: {}", left.join(", "))) }
}
