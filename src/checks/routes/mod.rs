//! Checks on route tables, and what they share: which tables are judged, and how a route is named.

pub mod accident;
pub mod blackhole;
pub mod peering;

use serde_json::{Value, json};

use super::Check;
use crate::{
    finding::Verdict,
    inventory::{
        Fact, FamilyKind, Inventory, Region, Route, RouteTable, Selector, Tags, Want,
        routes::{INSTANCE, INTERFACE, NAT_GATEWAY, PEERING},
    },
    resource::ResourceId,
};

/// The checks of this family.
pub static CHECKS: &[Check] = &[accident::CHECK, blackhole::CHECK, peering::CHECK];

/// The origin of a route that somebody has made, and that can be removed; AWS adds all others itself
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Route.html>).
pub const MADE: &str = "CreateRoute";
/// The origins of routes that AWS adds itself: with the table, from a virtual private gateway, from a route
/// server.
const ADDED: [&str; 3] = ["CreateRouteTable", "EnableVgwRoutePropagation", "Advertisement"];

/// Describes a route by its destination and its target.
pub fn line(route: &Route) -> String {
    format!("{} to {}", route.destination, route.towards())
}

/// Returns whether somebody has made a route; `None` for an origin that redress does not know.
pub fn is_made(route: &Route) -> Option<bool> {
    match route.origin.as_str() {
        MADE => Some(true),
        origin if ADDED.contains(&origin) => Some(false),
        _ => None,
    }
}

/// Describes a route whose state or origin is none that redress knows.
fn strange(route: &Route) -> String {
    format!(
        "the route {} has the state {:?} and the origin {:?}, of which redress does not know one",
        line(route),
        route.state,
        route.origin
    )
}

/// Returns the family and the id by which the target of a route can be looked up; `None` for a kind of target
/// that redress does not read.
pub fn looked_up(route: &Route) -> Option<(FamilyKind, &str)> {
    let members = [
        (NAT_GATEWAY, FamilyKind::NatGateways),
        (PEERING, FamilyKind::VpcPeeringConnections),
        (INTERFACE, FamilyKind::NetworkInterfaces),
        (INSTANCE, FamilyKind::Instances),
    ];
    members.into_iter().find_map(|(member, family)| Some((family, route.to(member)?)))
}

/// Returns a table, if it is known.
///
/// # Errors
/// The verdict on a table that is not.
fn judged<'i>(
    inventory: &'i Inventory,
    resource: &ResourceId,
) -> Result<(&'i Region, &'i RouteTable), Verdict> {
    let Some(region) = inventory.regions.get(resource.region()) else {
        return Err(Verdict::Unknown("the region was not read".to_owned()));
    };
    match region.route_tables.get(resource.id()) {
        Fact::Known(table) if inventory.owner.owns(&table.owner_id) => Ok((region, table)),
        Fact::Known(_) => Err(Verdict::Ok(None)),
        Fact::Absent => Err(Verdict::Ok(Some("the route table no longer exists".to_owned()))),
        silent => Err(Verdict::Unknown(format!("the route table: {}", silent.silence().unwrap_or_default()))),
    }
}

fn reads(region: &str) -> Vec<Want> {
    vec![Want::all(region, FamilyKind::RouteTables)]
}

/// Returns the tables of this account. That of a VPC which another account shares is for that account to
/// judge and to change (<https://docs.aws.amazon.com/vpc/latest/userguide/vpc-sharing.html>).
fn resources(inventory: &Inventory, regions: &[String]) -> Vec<ResourceId> {
    let mut all = Vec::new();
    for name in regions.iter().filter(|name| silence(inventory, name).is_none()) {
        let Some(region) = inventory.regions.get(name) else { continue };
        let known = region.route_tables.known().filter(|(_, table)| inventory.owner.owns(&table.owner_id));
        let unknown = region.route_tables.items.unknown().into_iter().map(|(id, _)| id.as_str());
        all.extend(
            known.map(|(id, _)| id).chain(unknown).map(|id| inventory.owner.ec2(name, "route-table", id)),
        );
    }
    all
}

fn silence(inventory: &Inventory, region: &str) -> Option<String> {
    let Some(region) = inventory.regions.get(region) else { return Some("not read".to_owned()) };
    region.route_tables.select(&Selector::All).silence().map(|why| format!("route tables: {why}"))
}

fn tags(inventory: &Inventory, resource: &ResourceId) -> Tags {
    let region = inventory.regions.get(resource.region());
    region
        .and_then(|region| region.route_tables.get(resource.id()).known().map(|table| table.tags.clone()))
        .unwrap_or_default()
}

/// Returns the evidence of a violation: the routes in question.
fn evidence(table: &RouteTable, routes: &[&Route]) -> Value {
    let lines: Vec<String> = routes.iter().map(|route| line(route)).collect();
    json!({ "vpc": table.vpc_id, "routes": lines })
}
