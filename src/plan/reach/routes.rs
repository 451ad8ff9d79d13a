//! Calls about routes, compared with the route tables of today. A route carries no mark of the run that made
//! it: its destination and its target decide. Pure.

use serde_json::Value;

use super::Way;
use crate::{
    calls::Call,
    inventory::{
        FamilyKind, Inventory, Route,
        routes::{EGRESS_ONLY, GATEWAY, NAT_GATEWAY, PEERING},
    },
    plan::Change,
    services::route::{CreateRoute, DeleteRoute, ReplaceRoute},
};

/// Returns whether a call is about one route of a table, and not about the table.
pub(super) fn is_about(call: &Call) -> bool {
    call.is::<CreateRoute>() || call.is::<ReplaceRoute>() || call.is::<DeleteRoute>()
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

/// Returns the member and the id of the target that a call names.
fn target(call: &Call) -> Option<(&'static str, &str)> {
    [GATEWAY, NAT_GATEWAY, EGRESS_ONLY, PEERING]
        .into_iter()
        .find_map(|member| Some((member, call.input.get(member)?.as_str()?)))
}

/// Returns the id of a target that redress sets and removes.
fn own(route: &Route) -> Option<&str> {
    [GATEWAY, NAT_GATEWAY, EGRESS_ONLY, PEERING].into_iter().find_map(|member| route.to(member))
}

/// Judges a call that sets or removes a route and is not what the action does today. Returns the claim for
/// which only the files of the run vouch: on the way back, a route comes, goes, or leads where it led. A call
/// that does nothing needs none.
pub(super) fn borne_out(change: &Change, facts: &Inventory, way: Way, call: &Call) -> Option<Option<String>> {
    let (table, to) = (change.resource.id(), destination(call));
    let routes = present(change, facts, call)?;
    if call.is::<DeleteRoute>() {
        return match routes.as_slice() {
            [] => Some(None),
            [route] if way == Way::Back => {
                Some(Some(format!("table {table} loses the route {to} to {}", own(route)?)))
            }
            _ => None,
        };
    }
    let (member, id) = target(call)?;
    let [route] = routes.as_slice() else {
        let makes = routes.is_empty() && way == Way::Back && call.is::<CreateRoute>();
        return makes.then(|| Some(format!("table {table} gets a route {to} to {id}")));
    };
    if route.to(member) == Some(id) {
        return Some(None);
    }
    // AWS makes no second one.
    if way != Way::Back || call.is::<CreateRoute>() {
        return None;
    }
    Some(Some(format!("in table {table}, the route {to} leads to {id} again instead of {}", own(route)?)))
}
