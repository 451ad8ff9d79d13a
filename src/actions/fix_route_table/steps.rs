//! The calls that add and remove routes, each with what must hold before it and what shows its effect. A
//! route is named by its destination, which is the whole of its name.

use serde_json::Value;

use crate::{
    actions::make,
    calls::{Act, Call, Expect, Test},
    inventory::{FamilyKind, Route, routes::PEERING},
    services::route::{CreateRoute, DeleteRoute},
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

/// Expects a table to have this route to a peering connection.
pub fn leads(region: &str, table: &str, route: &Route) -> Expect {
    let connection = route.to(PEERING).unwrap_or_default();
    route_is(region, table, &route.destination, &format!("target/{PEERING}"), connection)
}

/// Expects a peering connection to be active.
pub fn connected(region: &str, connection: &str) -> Expect {
    make::is(region, FamilyKind::VpcPeeringConnections, connection, "/status", "active")
        .meaning("the peering connection is not active")
}

/// Builds the call that adds a route to a peering connection.
pub fn create(region: &str, table: &str, route: &Route) -> Act {
    let to = route.destination.as_str();
    let is = |yes: bool| yes.then(|| to.to_owned());
    let call = CreateRoute {
        route_table_id: table.to_owned(),
        destination_cidr_block: is(to.contains('.') && !to.contains(':')),
        destination_ipv6_cidr_block: is(to.contains(':')),
        vpc_peering_connection_id: route.to(PEERING).unwrap_or_default().to_owned(),
    };
    let there = vec![leads(region, table, route), route_is(region, table, to, "state", "active")];
    make::act_until(Call::of(region, &call), there, SHOWS_WITHIN, "until the route is active")
}

/// Builds the call that removes a route.
pub fn delete(region: &str, table: &str, route: &Route) -> Act {
    let to = route.destination.as_str();
    let is = |yes: bool| yes.then(|| to.to_owned());
    let call = DeleteRoute {
        route_table_id: table.to_owned(),
        destination_cidr_block: is(to.contains('.') && !to.contains(':')),
        destination_ipv6_cidr_block: is(to.contains(':')),
        destination_prefix_list_id: is(to.starts_with("pl-")),
    };
    let gone = vec![no_route(region, table, to)];
    make::act_until(Call::of(region, &call), gone, SHOWS_WITHIN, "until the route is gone")
}
