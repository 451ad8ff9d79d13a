//! A plan from the files of a run as it may be shown where its changes cannot be made again: by the calls themselves. What else the
//! files say of such a change stands there as their word, and what it risks is the registry's to say. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Change, Plan};
use crate::calls::{self, Risk, Step, words::in_full};

/// The words that stand before what only the files say.
const SAYS: &str = "the run's files say: ";

/// The plan with these of its changes shown as the calls that they make; `claims` are the calls of each which only the files bear out.
#[must_use]
pub fn as_called(plan: &Plan, ids: &[String], claims: &BTreeMap<String, Vec<String>>) -> Plan {
    let one = |change: &Change| if ids.contains(&change.id) { called(change, claims.get(&change.id).map_or(&[], Vec::as_slice)) } else { change.clone() };
    Plan { changes: plan.changes.iter().map(one).collect(), ..plan.clone() }
}

fn called(change: &Change, claims: &[String]) -> Change {
    let claimed = claims.iter().map(|claim| format!("nothing in the account bears this out: {claim}"));
    let impact = claimed.chain(change.impact.iter().map(|line| format!("{SAYS}{line}"))).collect();
    // What opens or lowers something on the word of a file is for a person to say.
    let least = if claims.is_empty() { Risk::Safe } else { Risk::Disruptive };
    Change {
        summary: format!("{SAYS}{}", change.summary),
        risk: change.risk.max(calls::floor(&change.steps)).max(least),
        impact,
        // Neither was asked or read again.
        guards: Vec::new(),
        before: Value::Null,
        after_state: Value::Null,
        steps: change.steps.iter().map(|step| Step { title: in_full(&step.act.call), ..step.clone() }).collect(),
        ask: true,
        ..change.clone()
    }
}
