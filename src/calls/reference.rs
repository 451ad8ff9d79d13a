//! References in a call's input: to the output of an earlier step, the run's id, a token, a date relative to
//! the run, or a secret. They are JSON objects with one key that begins with `$`; this file makes and
//! resolves them. A reference to a secret is resolved by the account alone, in the moment in which the call
//! is sent.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::outputs::{self, AllOutputs};

/// Makes a reference to the output `name` of step `step` of the same change. `name` may go on into the value:
/// `Snapshots/vol-1`.
pub fn output(step: &str, name: &str) -> Value {
    json!({ "$output": { "step": step, "name": name } })
}

/// Makes a reference to the output of a step of a change that this one comes after.
pub fn output_of(change: &str, step: &str, name: &str) -> Value {
    json!({ "$output": { "change": change, "step": step, "name": name } })
}

/// Makes a reference to a fact that an act of the same change and the same run, in whatever step, has
/// observed under this name ([`super::Observe`]).
pub fn observed(name: &str) -> Value {
    json!({ "$observed": name })
}

/// Makes a reference to the run's id.
pub fn run() -> Value {
    json!({ "$run": true })
}

/// Makes a reference to `change/step` of the current step.
pub fn step() -> Value {
    json!({ "$step": true })
}

/// Makes a reference to the token of this attempt at this step: 64 hex digits, which is what EC2 accepts as a
/// ClientToken (<https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html>).
pub fn token() -> Value {
    json!({ "$token": true })
}

/// Returns the date so many days after a time, as `2026-12-22`; `None` for a date that no calendar has. The
/// number may come from a file.
pub fn days_after(time: Timestamp, days: i64) -> Option<String> {
    let then = time.checked_add(SignedDuration::from_secs(days.checked_mul(24 * 60 * 60)?)).ok()?;
    Some(then.strftime("%Y-%m-%d").to_string())
}

/// Makes a reference to the date so many days after the run began, as `2026-12-22`.
pub fn date_after(days: i64) -> Value {
    json!({ "$date": days })
}

/// Makes a reference to the secret of the access key with this id, which may be a reference itself.
pub fn secret(key: Value) -> Value {
    json!({ SECRET: key })
}

/// The key of a reference to a secret.
const SECRET: &str = "$secret";

/// Returns the key whose secret a value refers to.
pub fn key_of_secret(value: &Value) -> Option<&Value> {
    value.as_object().filter(|map| map.len() == 1)?.get(SECRET)
}

/// Returns whether a value refers to a secret anywhere.
pub fn holds_secret(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.contains_key(SECRET) || map.values().any(holds_secret),
        Value::Array(items) => items.iter().any(holds_secret),
        _ => false,
    }
}

/// The values of references at one moment of a run.
#[derive(Debug, Clone)]
pub struct Bindings<'a> {
    /// The run's id.
    pub run: &'a str,
    /// The time at which the run began.
    pub started: Timestamp,
    /// The change to which the step belongs.
    pub change: &'a str,
    /// The step.
    pub step: &'a str,
    /// The number of the attempt, from 1. A new attempt begins only after the resource of the former one is
    /// proved dead.
    pub attempt: u32,
    /// Outputs of steps that are done, by change and step.
    pub outputs: &'a AllOutputs,
}

/// A reference that resolves to nothing, or to nothing yet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("step {step} refers to {what}, which does not exist")]
pub struct Unresolved {
    /// The step whose input holds the reference.
    pub step: String,
    /// The target of the reference.
    pub what: String,
}

impl Bindings<'_> {
    /// Returns the value with every reference resolved.
    pub fn resolve(&self, value: &Value) -> Result<Value, Unresolved> {
        match value {
            Value::Object(map) => match map.iter().next() {
                Some((key, inner)) if map.len() == 1 && key.starts_with('$') => self.one(key, inner),
                _ => map
                    .iter()
                    .map(|(k, v)| Ok((k.clone(), self.resolve(v)?)))
                    .collect::<Result<_, _>>()
                    .map(Value::Object),
            },
            Value::Array(items) => {
                items.iter().map(|v| self.resolve(v)).collect::<Result<_, _>>().map(Value::Array)
            }
            literal => Ok(literal.clone()),
        }
    }

    /// Returns the value with only the references to outputs resolved, which is how an undo takes it over
    /// from the run that it undoes.
    pub fn resolve_outputs(&self, value: &Value) -> Result<Value, Unresolved> {
        match value {
            Value::Object(map) => match map.iter().next() {
                Some((key, inner)) if map.len() == 1 && key == "$output" => self.one(key, inner),
                _ => map
                    .iter()
                    .map(|(k, v)| Ok((k.clone(), self.resolve_outputs(v)?)))
                    .collect::<Result<_, _>>()
                    .map(Value::Object),
            },
            Value::Array(items) => {
                items.iter().map(|v| self.resolve_outputs(v)).collect::<Result<_, _>>().map(Value::Array)
            }
            literal => Ok(literal.clone()),
        }
    }

    /// Returns the token of this attempt.
    pub fn token(&self) -> String {
        let digest = Sha256::digest(format!("{}|{}|{}|{}", self.run, self.change, self.step, self.attempt));
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn one(&self, key: &str, inner: &Value) -> Result<Value, Unresolved> {
        let missing = || Unresolved { step: self.step.to_owned(), what: format!("{key} {inner}") };
        match key {
            // The account has the secret; nothing else ever does.
            SECRET => Ok(secret(self.resolve(inner)?)),
            "$run" => Ok(json!(self.run)),
            "$step" => Ok(json!(format!("{}/{}", self.change, self.step))),
            "$token" => Ok(json!(self.token())),
            "$date" => {
                let days = inner.as_i64().ok_or_else(missing)?;
                days_after(self.started, days).map(|date| json!(date)).ok_or_else(missing)
            }
            "$output" => self.output(inner).filter(|value| names(value)).cloned().ok_or_else(missing),
            "$observed" => inner
                .as_str()
                .and_then(|name| outputs::recorded(self.outputs, self.change, name))
                .cloned()
                .ok_or_else(missing),
            _ => Err(missing()),
        }
    }

    /// Returns an output as it is recorded, whatever its value.
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

/// Checks whether an output names something: an id, ids, or ids by the resource they were made of. A journal
/// is a file, and a call whose input lacks an id does something else: a `CreateVolume` without its snapshot
/// creates an empty disk.
fn names(value: &Value) -> bool {
    match value {
        Value::String(id) => !id.is_empty(),
        Value::Array(ids) => !ids.is_empty() && ids.iter().all(names),
        Value::Object(by) => !by.is_empty() && by.values().all(names),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::Outputs;

    #[test]
    fn references_resolve_wherever_they_stand_and_fail_by_name() {
        let mut outputs = AllOutputs::new();
        let made = Outputs::from([("Snapshots".to_owned(), json!({ "vol-1": "snap-1" }))]);
        outputs.insert(("c1".to_owned(), "snapshot".to_owned()), made);
        let started = "2026-11-22T10:00:00Z".parse().expect("a time");
        let bindings =
            Bindings { run: "r1", started, change: "c1", step: "copy", attempt: 1, outputs: &outputs };
        let input = json!({ "SourceSnapshotId": output("snapshot", "Snapshots/vol-1"), "Tags": [{ "Key": "a",
            "Value": run() }], "Until": date_after(30) });
        let expected = json!({ "SourceSnapshotId": "snap-1", "Tags": [{ "Key": "a", "Value": "r1" }],
            "Until": "2026-12-22" });
        assert_eq!(bindings.resolve(&input), Ok(expected));
        assert_eq!(bindings.token().len(), 64);
        assert_ne!(bindings.token(), Bindings { attempt: 2, ..bindings.clone() }.token());
        assert!(bindings.resolve(&output("snapshot", "Snapshots/vol-2")).is_err());
        assert!(bindings.resolve(&output_of("c2", "snapshot", "Snapshots")).is_err());
    }

    #[test]
    fn a_date_that_no_calendar_has_is_not_resolved() {
        let started: Timestamp = "2026-11-22T10:00:00Z".parse().expect("a time");
        for days in
            [i64::MIN, i64::MIN / 24, -10_000_000, 10_000_000, i64::MAX / 86_400, i64::MAX / 24, i64::MAX]
        {
            assert_eq!(days_after(started, days), None, "{days}");
        }
        assert_eq!(
            (days_after(started, 30), days_after(started, -1)),
            (Some("2026-12-22".to_owned()), Some("2026-11-21".to_owned()))
        );
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
            let outputs = AllOutputs::unit(
                ("c1".to_owned(), "copy".to_owned()),
                Outputs::from([("SnapshotId".to_owned(), value.clone())]),
            );
            let bindings =
                Bindings { run: "r1", started, change: "c1", step: "volume", attempt: 1, outputs: &outputs };
            let input = json!({ "Size": 8, "SnapshotId": output("copy", "SnapshotId") });
            assert_eq!(bindings.resolve(&input).is_ok(), named, "{value}");
            assert_eq!(bindings.resolve_outputs(&input).is_ok(), named, "{value}");
        }
    }
}
