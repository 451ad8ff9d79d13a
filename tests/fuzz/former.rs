//! A plan and a journal that the program once wrote, made small enough to be read thousands of times a
//! second.

// Each target uses its part of it.
#![allow(dead_code, reason = "shared by programs of which each uses a part")]

use serde_json::Value;

/// A plan with a few changes, one of each kind.
pub fn plan() -> Value {
    let mut plan: Value =
        serde_json::from_str(include_str!("../fixtures/v1/runs/20261122T093454Z-67222b/plan.json"))
            .expect("JSON");
    if let Some(changes) = plan["changes"].as_array_mut() {
        changes.retain(|c| ["c1", "c2", "c3", "c12", "c14", "c19", "c20"].iter().any(|id| c["id"] == *id));
    }
    plan["rehearsal"]["predicted"] = serde_json::json!({});
    plan
}

/// The first events of the run of such a plan.
pub fn events() -> Vec<Value> {
    let journal = include_str!("../fixtures/v1/runs/20261122T093454Z-67222b/journal.jsonl");
    journal
        .lines()
        .take(30)
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["event"].clone())
        .collect()
}
