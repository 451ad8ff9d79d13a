//! The calls that add and remove routes, each with what must hold before it and what shows its effect. A
//! route is named by its destination, which is the whole of its name.

use serde_json::Value;

use crate::{
    actions::make,
    calls::{Act, Call, Expect, Test},
    inventory::{FamilyKind, Route},
    services::route::{CreateRoute, DeleteRoute, ReplaceRoute},
};

/// Seconds within which a change of a route has to show. AWS makes it at once and shows it within seconds;
/// views that lag do so for minutes at most.
const SHOWS_WITHIN: u64 = 300;

/// Returns the place of a route in the facts about its table.
fn place(destination: &str) -> String {
    format!("/routes/destination={}", destination.replace('~', "~0").replace('/', "~1"))
}

/// Expects a member of a route to have this value.
pub fn route_is(region: &str, table: &str, destination: &str, member: &str, value: &str) -> Expect {
    make::is(region, FamilyKind::RouteTables, table, &format!("{}/{member}", place(destination)), value)
}

/// Expects that a table has no route to this destination.
pub fn no_route(region: &str, table: &str, destination: &str) -> Expect {
    let at = format!("{}/destination", place(destination));
    Expect::new(region, FamilyKind::RouteTables, table, &at, Test::Is(Value::Null))
}

/// Expects a table to have this route, with this target.
pub fn leads(region: &str, table: &str, route: &Route) -> Expect {
    // An instance is named together with its interface, either of which does.
    let (member, id) =
        route.target.iter().next().map(|(member, id)| (member.as_str(), id.as_str())).unwrap_or_default();
    route_is(region, table, &route.destination, &format!("target/{member}"), id)
}

/// Expects a peering connection to be active.
pub fn connected(region: &str, connection: &str) -> Expect {
    make::is(region, FamilyKind::VpcPeeringConnections, connection, "/status", "active")
        .meaning("the peering connection is not active")
}

/// Builds the call that adds a route.
pub fn create(region: &str, table: &str, route: &Route) -> Act {
    until_active(region, table, route, Call::of(region, &CreateRoute::of(table, route)))
}

/// Builds the call that gives the route to a destination the target of this one.
pub fn replace(region: &str, table: &str, route: &Route) -> Act {
    until_active(region, table, route, Call::of(region, &ReplaceRoute::of(table, route)))
}

fn until_active(region: &str, table: &str, route: &Route, call: Call) -> Act {
    let active = route_is(region, table, &route.destination, "state", "active");
    let there = vec![leads(region, table, route), active];
    make::act_until(call, there, SHOWS_WITHIN, "until the route is active")
}

/// Builds the call that removes a route.
pub fn delete(region: &str, table: &str, route: &Route) -> Act {
    let call = Call::of(region, &DeleteRoute::of(table, route));
    let gone = vec![no_route(region, table, &route.destination)];
    make::act_until(call, gone, SHOWS_WITHIN, "until the route is gone")
}
