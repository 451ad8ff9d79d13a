//! What a call's input can hold beside literals: the output of an earlier step, the run's id, a token, a date relative
//! to the run. They stand in the JSON as objects with one key that begins with `$`; this file makes and resolves them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Outputs, before};

/// The output `name` of step `step` of the same change. `name` may go on into the value: `Snapshots/vol-1`.
pub fn output(step: &str, name: &str) -> Value {
    json!({ "$output": { "step": step, "name": name } })
}

/// The output of a step of a change that this one comes after.
pub fn output_of(change: &str, step: &str, name: &str) -> Value {
    json!({ "$output": { "change": change, "step": step, "name": name } })
}

/// A fact that an act of the same change, of the same run and in whatever step, has observed under this name
/// ([`super::Observe`]).
pub fn observed(name: &str) -> Value {
    json!({ "$observed": name })
}

/// The run's id.
pub fn run() -> Value {
    json!({ "$run": true })
}

/// `change/step` of the step that is made.
pub fn step() -> Value {
    json!({ "$step": true })
}

/// The token of this attempt at this step: 64 hex digits, which is what EC2 takes as a ClientToken
/// (<https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html>).
pub fn token() -> Value {
    json!({ "$token": true })
}

/// The day that is so many days after the run began, as `2026-12-22`.
pub fn date_after(days: i64) -> Value {
    json!({ "$date": days })
}

/// What references stand for at one moment of a run.
#[derive(Debug, Clone)]
pub struct Bindings<'a> {
    /// The run's id.
    pub run: &'a str,
    /// When the run began.
    pub started: Timestamp,
    /// The change whose step this is.
    pub change: &'a str,
    /// The step.
    pub step: &'a str,
    /// Which attempt this is, from 1; a new one only after the thing that the former made is proved dead.
    pub attempt: u32,
    /// Outputs of steps that are done, by change and step.
    pub outputs: &'a BTreeMap<(String, String), Outputs>,
}

/// A reference that stands for nothing yet, or for nothing at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("step {step} refers to {what}, which is not there")]
pub struct Unresolved {
    /// The step whose input holds the reference.
    pub step: String,
    /// What it refers to.
    pub what: String,
}

impl Bindings<'_> {
    /// The value with every reference replaced by what it stands for.
    pub fn resolve(&self, value: &Value) -> Result<Value, Unresolved> {
        match value {
            Value::Object(map) => match map.iter().next() {
                Some((key, inner)) if map.len() == 1 && key.starts_with('$') => self.one(key, inner),
                _ => map.iter().map(|(k, v)| Ok((k.clone(), self.resolve(v)?))).collect::<Result<_, _>>().map(Value::Object),
            },
            Value::Array(items) => items.iter().map(|v| self.resolve(v)).collect::<Result<_, _>>().map(Value::Array),
            literal => Ok(literal.clone()),
        }
    }

    /// The value with only the references to outputs replaced: what an undo takes over from the run that it takes back.
    pub fn resolve_outputs(&self, value: &Value) -> Result<Value, Unresolved> {
        match value {
            Value::Object(map) => match map.iter().next() {
                Some((key, inner)) if map.len() == 1 && key == "$output" => self.one(key, inner),
                _ => map.iter().map(|(k, v)| Ok((k.clone(), self.resolve_outputs(v)?))).collect::<Result<_, _>>().map(Value::Object),
            },
            Value::Array(items) => items.iter().map(|v| self.resolve_outputs(v)).collect::<Result<_, _>>().map(Value::Array),
            literal => Ok(literal.clone()),
        }
    }

    /// The token of this attempt.
    pub fn token(&self) -> String {
        let digest = Sha256::digest(format!("{}|{}|{}|{}", self.run, self.change, self.step, self.attempt));
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn one(&self, key: &str, inner: &Value) -> Result<Value, Unresolved> {
        let missing = || Unresolved { step: self.step.to_owned(), what: format!("{key} {inner}") };
        match key {
            "$run" => Ok(json!(self.run)),
            "$step" => Ok(json!(format!("{}/{}", self.change, self.step))),
            "$token" => Ok(json!(self.token())),
            "$date" => {
                let days = inner.as_i64().ok_or_else(missing)?;
                let then = self.started.checked_add(jiff::SignedDuration::from_hours(24 * days)).map_err(|_| missing())?;
                Ok(json!(then.strftime("%Y-%m-%d").to_string()))
            }
            "$output" => self.output(inner).filter(|value| names(value)).cloned().ok_or_else(missing),
            "$observed" => inner.as_str().and_then(|name| before::recorded(self.outputs, self.change, name)).cloned().ok_or_else(missing),
            _ => Err(missing()),
        }
    }

    /// An output as it is recorded, whatever it is.
    fn output(&self, inner: &Value) -> Option<&Value> {
        let change = inner.get("change").map_or(Some(self.change), Value::as_str)?;
        let step = inner.get("step")?.as_str()?;
        let mut path = inner.get("name")?.as_str()?.split('/');
        let outputs = self.outputs.get(&(change.to_owned(), step.to_owned()))?;
        path.clone().next().and_then(|first| outputs.get(first)).and_then(|value| {
            path.next();
            path.try_fold(value, |v, key| v.get(key))
        })
    }
}

/// Whether an output names something: an id, ids, or ids by what they were made of. A journal is a file, and a call whose input
/// lacks an id does something else: a `CreateVolume` without its snapshot makes an empty disk.
fn names(value: &Value) -> bool {
    match value {
        Value::String(id) => !id.is_empty(),
        Value::Array(ids) => !ids.is_empty() && ids.iter().all(names),
        Value::Object(by) => !by.is_empty() && by.values().all(names),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn references_resolve_wherever_they_stand_and_fail_by_name() {
        let mut outputs = BTreeMap::new();
        let made = Outputs::from([("Snapshots".to_owned(), json!({ "vol-1": "snap-1" }))]);
        outputs.insert(("c1".to_owned(), "snapshot".to_owned()), made);
        let started = "2026-11-22T10:00:00Z".parse().expect("a time");
        let bindings = Bindings { run: "r1", started, change: "c1", step: "copy", attempt: 1, outputs: &outputs };
        let input = json!({ "SourceSnapshotId": output("snapshot", "Snapshots/vol-1"), "Tags": [{ "Key": "a", "Value": run() }], "Until": date_after(30) });
        let expected = json!({ "SourceSnapshotId": "snap-1", "Tags": [{ "Key": "a", "Value": "r1" }], "Until": "2026-12-22" });
        assert_eq!(bindings.resolve(&input), Ok(expected));
        assert_eq!(bindings.token().len(), 64);
        assert_ne!(bindings.token(), Bindings { attempt: 2, ..bindings.clone() }.token());
        assert!(bindings.resolve(&output("snapshot", "Snapshots/vol-2")).is_err());
        assert!(bindings.resolve(&output_of("c2", "snapshot", "Snapshots")).is_err());
    }

    #[test]
    fn an_output_that_names_nothing_is_not_there() {
        let started = "2026-11-22T10:00:00Z".parse().expect("a time");
        for (value, named) in [
            (json!("snap-1"), true),
            (json!(["sgr-1", "sgr-2"]), true),
            (json!({ "vol-1": "snap-1" }), true),
            (json!({ "vol-1": "" }), false),
            (json!(null), false),
            (json!(""), false),
            (json!([]), false),
            (json!(["sgr-1", null]), false),
            (json!({}), false),
            (json!(1), false),
        ] {
            let outputs = BTreeMap::from([(("c1".to_owned(), "copy".to_owned()), Outputs::from([("SnapshotId".to_owned(), value.clone())]))]);
            let bindings = Bindings { run: "r1", started, change: "c1", step: "volume", attempt: 1, outputs: &outputs };
            let input = json!({ "Size": 8, "SnapshotId": output("copy", "SnapshotId") });
            assert_eq!(bindings.resolve(&input).is_ok(), named, "{value}");
            assert_eq!(bindings.resolve_outputs(&input).is_ok(), named, "{value}");
        }
    }
}
