//! Calls about routes, compared with the route tables of today. A route carries no mark of the run that made
//! it: its destination and its target decide. Pure.

use serde_json::Value;

use crate::{
    calls::Call,
    inventory::{FamilyKind, Inventory, Route},
    plan::Change,
};

/// Returns whether a call is about one route of a table, and not about the table.
pub(super) fn is_about(call: &Call) -> bool {
    call.operation == "DeleteRoute"
}

/// Returns the destination that a call names.
fn destination(call: &Call) -> &str {
    ["DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId"]
        .into_iter()
        .find_map(|member| call.input.get(member).and_then(Value::as_str))
        .unwrap_or_default()
}

/// Returns the routes of the table of a change to the destination that a call names; `None` where the table
/// is not known.
fn present(change: &Change, facts: &Inventory, call: &Call) -> Option<Vec<Route>> {
    let table = facts.json(&call.region, FamilyKind::RouteTables, change.resource.id());
    let routes = table.known()?.get("routes").cloned()?;
    let mut routes: Vec<Route> = serde_json::from_value(routes).ok()?;
    routes.retain(|route| route.destination == destination(call));
    Some(routes)
}

/// Returns that a call which removes a route that the action would not remove today does nothing, since there
/// is no such route; `None` where there may be one.
pub(super) fn deleted(change: &Change, facts: &Inventory, call: &Call) -> Option<Option<String>> {
    present(change, facts, call).filter(Vec::is_empty).map(|_| None)
}
