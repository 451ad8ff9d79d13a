//! A plan from the files of a run as it may be shown where its changes cannot be made again: by the calls
//! themselves. Everything else in the files about such a change is shown as a claim of the files, and its
//! risk is determined by the registry of calls. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Change, Plan};
use crate::calls::{self, Risk, Step, words::in_full};

/// The prefix of lines for which only the files vouch.
const SAYS: &str = "according to the run's files: ";

/// Returns the plan with these of its changes shown as the calls that they make. `claims` are the calls of
/// each change for which only the files vouch.
#[must_use]
pub fn as_called(plan: &Plan, ids: &[String], claims: &BTreeMap<String, Vec<String>>) -> Plan {
    let one = |change: &Change| {
        if ids.contains(&change.id) {
            called(change, claims.get(&change.id).map_or(&[], Vec::as_slice))
        } else {
            change.clone()
        }
    };
    Plan { changes: plan.changes.iter().map(one).collect(), ..plan.clone() }
}

fn called(change: &Change, claims: &[String]) -> Change {
    let claimed = claims.iter().map(|claim| format!("nothing in the account bears this out: {claim}"));
    let impact = claimed.chain(change.impact.iter().map(|line| format!("{SAYS}{line}"))).collect();
    // A person decides about anything that opens or lowers something on the word of a file.
    let least = if claims.is_empty() { Risk::Safe } else { Risk::Disruptive };
    Change {
        summary: format!("{SAYS}{}", change.summary),
        risk: change.risk.max(calls::floor(&change.steps)).max(least),
        impact,
        // Guards were not asked and states were not read again.
        guards: Vec::new(),
        before: Value::Null,
        after_state: Value::Null,
        steps: change
            .steps
            .iter()
            .map(|step| Step { title: in_full(&step.act.call), ..step.clone() })
            .collect(),
        ask: true,
        ..change.clone()
    }
}
