//! The states of a machine while it is written, and the limits of Step Functions for a machine. It knows
//! nothing of changes. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::super::words::ascii_json;

/// The longest name of a state, in characters
/// (<https://docs.aws.amazon.com/step-functions/latest/apireference/API_StateEnteredEventDetails.html>).
const LONGEST_NAME: usize = 80;
/// The largest definition, in bytes, less what the request takes beside it
/// (<https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>).
const LARGEST: usize = 1_000_000;
/// The most events that the history of one execution holds (the same page). An execution that reaches it is
/// failed by AWS wherever it is, so a machine that might reach it is not written.
const MOST_EVENTS: u64 = 25_000;
/// The number of times that a repeatable call is repeated.
const REPEATS: u64 = 4;

/// States in the order in which they are read.
#[derive(Default)]
pub(super) struct Flow {
    states: Map<String, Value>,
    events: BTreeMap<String, u64>,
    turns: u64,
    twice: Option<String>,
}

impl Flow {
    /// Returns a flow without states.
    pub fn new() -> Self {
        Self { turns: 1, ..Self::default() }
    }

    /// Adds a state.
    pub fn put(&mut self, name: &str, state: Value) {
        let each = match state.get("Type").and_then(Value::as_str) {
            // Entered, scheduled, started, ended, left; and three events for each repetition.
            Some("Task") => 5 + state.get("Retry").map_or(0, |_| 3 * REPEATS),
            _ => 2,
        };
        self.events.insert(name.to_owned(), each * self.turns);
        if self.states.insert(name.to_owned(), state).is_some() {
            self.twice = Some(name.to_owned());
        }
    }

    /// Adds states, by `write`, that may be passed so many times.
    pub fn in_turns<T>(&mut self, turns: u64, write: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.turns, turns);
        let made = write(self);
        self.turns = before;
        made
    }

    /// Returns the definition: those states that can be reached, since AWS refuses a machine with others.
    ///
    /// # Errors
    /// The reason for which the machine cannot be written, such as its size.
    pub fn definition(mut self, start: &str, comment: &str) -> Result<String, String> {
        if let Some(name) = &self.twice {
            return Err(format!("two of its states would be named {name}"));
        }
        let reached = self.reached(start);
        self.states.retain(|name, _| reached.contains(name));
        if let Some(long) = self.states.keys().find(|name| name.chars().count() > LONGEST_NAME) {
            return Err(format!("the name of a state is longer than {LONGEST_NAME} characters: {long}"));
        }
        let events: u64 =
            self.events.iter().filter(|(name, _)| reached.contains(*name)).map(|(_, events)| events).sum();
        if events > MOST_EVENTS {
            return Err(format!(
                "with all waits at their longest it takes up to {events} events, and the history of an \
                 execution holds {MOST_EVENTS}: export a plan with fewer changes"
            ));
        }
        let machine = json!({ "Comment": comment, "QueryLanguage": "JSONPath", "StartAt": start,
            "States": self.states });
        let pretty = serde_json::to_string_pretty(&machine).map_err(|e| e.to_string())?;
        let text = ascii_json(&if pretty.len() > LARGEST { machine.to_string() } else { pretty });
        if text.len() > LARGEST {
            return Err(format!(
                "its definition has {} bytes, and a machine holds {LARGEST}: export a plan with fewer \
                 changes",
                text.len()
            ));
        }
        Ok(text + "\n")
    }

    fn reached(&self, start: &str) -> BTreeSet<String> {
        let (mut reached, mut open) = (BTreeSet::new(), vec![start.to_owned()]);
        while let Some(name) = open.pop() {
            if let Some(state) = self.states.get(&name)
                && reached.insert(name)
            {
                open.extend(targets(state));
            }
        }
        reached
    }
}

/// Returns the states that may come after this one.
pub(super) fn targets(state: &Value) -> Vec<String> {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let mut all: Vec<String> = [text(state, "Next"), text(state, "Default")].into_iter().flatten().collect();
    for list in ["Choices", "Catch"] {
        all.extend(
            state
                .get(list)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|one| text(one, "Next")),
        );
    }
    all
}

/// Returns a state that puts a value at a path.
pub(super) fn put_at(path: &str, value: &Value, next: &str) -> Value {
    json!({ "Type": "Pass", "Parameters": value, "ResultPath": path, "Next": next })
}

/// Returns a state that goes to the first of `ways` whose condition holds, else to `default`.
pub(super) fn choice(ways: Vec<(Value, &str)>, default: &str) -> Value {
    let choices: Vec<Value> = ways
        .into_iter()
        .map(|(mut rule, next)| {
            rule["Next"] = json!(next);
            rule
        })
        .collect();
    json!({ "Type": "Choice", "Choices": choices, "Default": default })
}

/// Returns a state that ends the execution as failed.
pub(super) fn fail(error: &str, cause: &str) -> Value {
    json!({ "Type": "Fail", "Error": error, "Cause": cause })
}

/// Returns the rule that repeats a call with the same effect when it is made twice. EC2 has one name for all
/// its errors, so transient ones cannot be distinguished from others.
pub(super) fn repeated() -> Value {
    json!([{ "ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 3, "BackoffRate": 2,
        "MaxAttempts": REPEATS }])
}

/// Returns the rule that leads every error that can be caught to one state.
pub(super) fn caught(path: &str, next: &str) -> Value {
    json!([{ "ErrorEquals": ["States.ALL"], "ResultPath": path, "Next": next }])
}
