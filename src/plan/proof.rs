//! Proving a change: its proofs are evaluated on facts, in a rehearsal as after a run. An HTTP 200 proves
//! nothing. Pure.

use serde_json::Value;

use super::Change;
use crate::{
    actions::Proof,
    calls::Bindings,
    checks,
    finding::Verdict,
    inventory::{Inventory, Scope},
};

/// The moment of a comparison, which decides whether running states count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The end of a run, which leaves nothing down that was up.
    EndOfRun,
    /// A later moment: people and schedulers stop and start things.
    Later,
}

/// The state of the proofs of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proved {
    /// All hold; the notes name what can only be known later.
    Holds(Vec<String>),
    /// One is violated.
    Violated(String),
    /// It cannot be determined.
    Unknown(String),
}

/// Evaluates the proofs of a change in an inventory. References in them are resolved by the bindings. Later
/// than at the end of its run, only the properties that the change changed are judged ([`checks::LATER`]).
pub fn proved(change: &Change, inventory: &Inventory, moment: Moment, bindings: &Bindings<'_>) -> Proved {
    proved_but(change, inventory, moment, bindings, &[])
}

/// Evaluates the proofs where a person is left to mark things: findings on these are open until then, and
/// count against nothing else.
pub fn proved_but(
    change: &Change,
    inventory: &Inventory,
    moment: Moment,
    bindings: &Bindings<'_>,
    unmarked: &[String],
) -> Proved {
    let (mut notes, mut unknown) = (Vec::new(), None);
    for proof in &change.proof {
        let Some(check) = checks::find(&proof.check) else {
            unknown.get_or_insert(format!("there is no check {}", proof.check));
            continue;
        };
        let with = match bindings.resolve(&proof.with) {
            Ok(with) => at(with, moment),
            // It refers to something that the change has not made yet.
            Err(missing) => return Proved::Violated(missing.to_string()),
        };
        match (check.judge)(inventory, &proof.resource, &with) {
            // The note of a check that only proves is a remark on what is known now.
            Verdict::Ok(note) => notes.extend(note.filter(|_| check.scanned)),
            Verdict::Retained(_) => {}
            Verdict::Violates(_) if check.scanned && unmarked.iter().any(|id| id == proof.resource.id()) => {
                notes.push(format!(
                    "the finding {} on {} is open until what is left is done by hand",
                    check.id,
                    proof.resource.id()
                ));
            }
            Verdict::Violates(evidence) => {
                return Proved::Violated(format!(
                    "{}: {} ({})",
                    proof.resource.id(),
                    check.title,
                    short(&evidence)
                ));
            }
            Verdict::Unknown(reason) => {
                unknown.get_or_insert(format!("{} on {}: {reason}", proof.check, proof.resource));
            }
        }
    }
    match unknown {
        Some(reason) => Proved::Unknown(reason),
        None if change.proof.is_empty() => Proved::Unknown("the change carries no proof".to_owned()),
        None => Proved::Holds(notes),
    }
}

/// Returns the remarks of the proofs that hold: what is as planned although it looks otherwise, and why.
pub fn remarks(
    change: &Change,
    inventory: &Inventory,
    moment: Moment,
    bindings: &Bindings<'_>,
) -> Vec<String> {
    let of = |proof: &Proof| {
        let check = checks::find(&proof.check).filter(|check| !check.scanned)?;
        let with = at(bindings.resolve(&proof.with).ok()?, moment);
        if let Verdict::Ok(note) = (check.judge)(inventory, &proof.resource, &with) { note } else { None }
    };
    change.proof.iter().filter_map(of).collect()
}

/// Returns the parameters of a check at a moment.
fn at(mut with: Value, moment: Moment) -> Value {
    if let (Moment::Later, Value::Object(map)) = (moment, &mut with) {
        map.insert(checks::LATER.to_owned(), Value::Bool(true));
    }
    with
}

/// Returns the facts that must be read to evaluate the proofs of a change and to take its footprint, as far
/// as they are known yet.
pub fn needs(change: &Change, inventory: &Inventory) -> Scope {
    let of = |proof: &Proof| {
        checks::find(&proof.check).map(|check| (check.reads_one)(inventory, &proof.resource, &proof.with))
    };
    change.touches.iter().cloned().chain(change.proof.iter().filter_map(of).flatten()).collect()
}

/// Shortens evidence to one line.
fn short(evidence: &Value) -> String {
    let text = evidence.to_string();
    match text.char_indices().nth(200) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}
