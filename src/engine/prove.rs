//! Proving a change: its proofs are evaluated on facts that were read afresh. An HTTP 200 proves nothing. Pure.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    actions::Proof,
    checks,
    finding::Verdict,
    inventory::{Inventory, Scope},
    plan::Change,
};

/// How the proofs of a change stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proved {
    /// All hold; the notes say what can only be known later.
    Yes(Vec<String>),
    /// One is violated.
    No(String),
    /// One cannot be told, and none is violated.
    Unknown(String),
}

/// What must be read to evaluate the proofs and to take the footprint of a change.
pub fn needs(change: &Change, inventory: &Inventory) -> Scope {
    let mut scope: Scope = change.touches.iter().cloned().collect();
    for proof in &change.proof {
        if let Some(check) = checks::find(&proof.check) {
            scope.extend((check.reads_one)(inventory, &proof.resource, &proof.with));
        }
    }
    scope
}

/// How the proofs stand in an inventory.
pub fn evaluate(proofs: &[Proof], inventory: &Inventory) -> Proved {
    let (mut awaiting, mut unknown) = (BTreeSet::new(), None);
    for proof in proofs {
        let Some(check) = checks::find(&proof.check) else {
            return Proved::Unknown(format!("this redress does not know the check {}", proof.check));
        };
        match (check.judge)(inventory, &proof.resource, &proof.with) {
            Verdict::Ok(note) => awaiting.extend(note),
            Verdict::Retained(_) => {}
            Verdict::Violates(evidence) => return Proved::No(format!("{}: {} ({})", proof.resource.id(), check.title, short(&evidence))),
            Verdict::Unknown(reason) => unknown = unknown.or(Some(format!("{}: {}: {reason}", proof.resource.id(), check.id))),
        }
    }
    match unknown {
        Some(reason) => Proved::Unknown(reason),
        None if proofs.is_empty() => Proved::Unknown("nothing proves this change".to_owned()),
        None => Proved::Yes(awaiting.into_iter().collect()),
    }
}

/// Evidence in one short line.
fn short(evidence: &Value) -> String {
    let text = evidence.to_string();
    match text.char_indices().nth(200) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}

/// Where two footprints differ, in words: the wants whose things look different.
pub fn differences(expected: &Value, found: &Value) -> Vec<String> {
    let (Value::Object(expected), Value::Object(found)) = (expected, found) else {
        return if expected == found { Vec::new() } else { vec!["the whole".to_owned()] };
    };
    let keys: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
    keys.into_iter().filter(|key| expected.get(*key) != found.get(*key)).cloned().collect()
}
