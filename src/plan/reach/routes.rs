//! Calls about routes, compared with the route tables of today. A route carries no mark of the run that made
//! it: its destination and its target decide. Pure.

use serde_json::Value;

use super::Way;
use crate::{
    calls::Call,
    inventory::{FamilyKind, Inventory, Route, routes::PEERING},
    plan::Change,
};

/// Returns whether a call is about one route of a table, and not about the table.
pub(super) fn is_about(call: &Call) -> bool {
    matches!(call.operation.as_str(), "CreateRoute" | "DeleteRoute")
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

/// Judges a call that adds or removes a route and is not what the action does today. Returns the claim for
/// which only the files of the run vouch: on the way back, a route to a peering connection comes or goes. A
/// call that does nothing needs none.
pub(super) fn borne_out(change: &Change, facts: &Inventory, way: Way, call: &Call) -> Option<Option<String>> {
    let (table, to) = (change.resource.id(), destination(call));
    let routes = present(change, facts, call)?;
    let connection = call.input.get(PEERING).and_then(Value::as_str);
    if call.operation == "CreateRoute" {
        return match routes.first() {
            // AWS makes no second one.
            Some(route) => (route.to(PEERING) == connection).then_some(None),
            None if way == Way::Back => {
                Some(Some(format!("table {table} gets a route {to} to {}", connection.unwrap_or_default())))
            }
            None => None,
        };
    }
    match routes.first() {
        None => Some(None),
        Some(route) if way == Way::Back && routes.len() == 1 => {
            let connection = route.to(PEERING)?;
            Some(Some(format!("table {table} loses the route {to} to {connection}")))
        }
        Some(_) => None,
    }
}
