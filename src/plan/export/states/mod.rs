//! A plan as machines of AWS Step Functions, in the States Language with JSONPath, over the SDK integrations:
//! one machine for each region, since a machine calls only its own
//! (<https://docs.aws.amazon.com/step-functions/latest/dg/concepts-access-cross-acct-resources.html>). Pure:
//! the output is text, and nothing is run.

mod act;
mod ask;
mod before;
mod change;
mod data;
mod flow;
mod look;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use ask::present;
use change::{DONE, Writer, ended, entry};
use flow::{Flow, choice, fail, put_at};
use serde_json::{Map, Value, json};

use super::{
    CLAIM, NotExported, only_registered,
    words::{clean, name, plain},
};
use crate::plan::{Change, Plan};

/// Writes the machines that apply a plan, by region.
///
/// # Errors
/// The part that the language cannot express, or that exceeds the limits of a machine.
pub fn machines(plan: &Plan) -> Result<BTreeMap<String, String>, NotExported> {
    only_registered(plan)?;
    by_region(plan)?
        .into_iter()
        .map(|(region, changes)| Ok((region.to_owned(), forward(plan, region, &changes)?)))
        .collect()
}

/// Writes the machines that undo the others, by region. Their input is the output or the failure cause of the
/// other execution.
///
/// # Errors
/// As [`machines`].
pub fn machines_back(plan: &Plan) -> Result<BTreeMap<String, String>, NotExported> {
    only_registered(plan)?;
    by_region(plan)?
        .into_iter()
        .map(|(region, changes)| Ok((region.to_owned(), back(plan, region, &changes)?)))
        .collect()
}

/// Groups the changes by region.
///
/// # Errors
/// A change that comes after one of another region: no machine can observe when that was done.
fn by_region(plan: &Plan) -> Result<BTreeMap<&str, Vec<&Change>>, NotExported> {
    let mut all: BTreeMap<&str, Vec<&Change>> = BTreeMap::new();
    for change in &plan.changes {
        let elsewhere =
            change.after.iter().find(|id| plan.change(id).is_none_or(|c| c.region != change.region));
        if let Some(id) = elsewhere {
            let why = format!(
                "it comes after {id}, which is not of {}: a machine calls in one region, and knows of no \
                 other",
                change.region
            );
            return Err(NotExported { change: change.id.clone(), why });
        }
        all.entry(&change.region).or_default().push(change);
    }
    Ok(all)
}

fn forward(plan: &Plan, region: &str, changes: &[&Change]) -> Result<String, NotExported> {
    let mut flow = Flow::new();
    let expired = json!({ "Variable": "$$.Execution.StartTime",
        "StringGreaterThanEquals": plan.expires.strftime("%Y-%m-%dT%H:%M:%S").to_string() });
    flow.put("begin", choice(vec![(elsewhere(plan, region), "elsewhere"), (expired, "expired")], "set_out"));
    let object = |value: Value| -> Map<String, Value> {
        changes.iter().map(|c| (name(&c.id), value.clone())).collect()
    };
    let state = json!({ "run.$": "$$.Execution.Name", "made": object(json!({})),
        "outcome": object(json!({ "is": "not-begun" })) });
    flow.put(
        "set_out",
        put_at("$", &state, &changes.first().map_or_else(|| "sum_up".to_owned(), |c| entry(c))),
    );
    for (n, change) in changes.iter().enumerate() {
        let next = changes.get(n + 1).map_or_else(|| "sum_up".to_owned(), |c| entry(c));
        Writer { plan, change, next: &next }.forward(&mut flow)?;
    }
    let all: Vec<Value> = changes.iter().map(|c| ended(&c.id, DONE)).collect();
    finish(&mut flow, vec![(json!({ "And": all }), "done")], "not_all_done", "Redress.NotAllDone");
    flow.put(
        "expired",
        fail("Redress.Expired", &format!("the plan was good until {}: make a new one", plan.expires)),
    );
    written(flow, plan, region, "applies")
}

fn back(plan: &Plan, region: &str, changes: &[&Change]) -> Result<String, NotExported> {
    let mut flow = Flow::new();
    let known = json!({ "Not": { "And": [present("$.run"), present("$.made"), present("$.outcome")] } });
    flow.put("begin", choice(vec![(elsewhere(plan, region), "elsewhere"), (known, "no_run")], "set_out"));
    let first = changes.last().map_or_else(|| "sum_up".to_owned(), |c| entry(c));
    flow.put(
        "set_out",
        put_at("$", &json!({ "run.$": "$.run", "made.$": "$.made", "outcome.$": "$.outcome" }), &first),
    );
    for (n, change) in changes.iter().enumerate().rev() {
        let next =
            n.checked_sub(1).and_then(|n| changes.get(n)).map_or_else(|| "sum_up".to_owned(), |c| entry(c));
        Writer { plan, change, next: &next }.undo(&mut flow)?;
    }
    let left: Vec<Value> = changes.iter().flat_map(|c| [ended(&c.id, DONE), ended(&c.id, "stuck")]).collect();
    finish(&mut flow, vec![(json!({ "Or": left }), "not_all_taken_back")], "done", "Redress.NotAllTakenBack");
    flow.put(
        "no_run",
        fail(
            "Redress.NoRun",
            "the input is to be what the execution that applied the plan ended with: its output, or the \
             cause of its failure",
        ),
    );
    written(flow, plan, region, "undoes")
}

/// Returns the rule for an execution in another account or region than the plan's.
fn elsewhere(plan: &Plan, region: &str) -> Value {
    let here = format!("arn:{}:states:{region}:{}:*", plan.partition, plan.account);
    json!({ "Not": { "Variable": "$$.Execution.Id", "StringMatches": here } })
}

/// Writes the end: the outcome of every change, as the output or as the cause of the failure.
fn finish(flow: &mut Flow, ways: Vec<(Value, &str)>, default: &str, error: &str) {
    let not = if default == "done" { ways.first().map_or("", |(_, name)| *name) } else { default }.to_owned();
    flow.put(
        "sum_up",
        put_at("$", &json!({ "run.$": "$.run", "outcome.$": "$.outcome", "made.$": "$.made" }), "all_done"),
    );
    flow.put("all_done", choice(ways, default));
    flow.put("done", json!({ "Type": "Succeed" }));
    flow.put(&not, json!({ "Type": "Fail", "Error": error, "CausePath": "States.JsonToString($)" }));
}

fn written(mut flow: Flow, plan: &Plan, region: &str, does: &str) -> Result<String, NotExported> {
    flow.put(
        "elsewhere",
        fail(
            "Redress.Elsewhere",
            &format!("this machine is for account {} and region {region}", clean(&plan.account)),
        ),
    );
    let digest: String = clean(&plan.digest).chars().take(12).collect();
    let comment = format!(
        "This machine {does} the redress plan {digest} for account {} in {}, made {}. A standard workflow; \
         what its role must be allowed: redress permissions plan.json. {CLAIM}",
        clean(&plan.account),
        clean(region),
        plan.created
    );
    flow.definition("begin", &plain(&comment))
        .map_err(|why| NotExported { change: format!("what the plan does in {region}"), why })
}
