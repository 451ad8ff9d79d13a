//! The default routes that lead subnets to the internet which are declared private. Each is removed or, where
//! a replacement is named, led to a NAT gateway or an egress-only internet gateway. Where other subnets need
//! the route, the private ones get another table.

mod moves;
mod public;

use super::{
    Params, Part, Scene, path,
    uses::{self, Led},
};
use crate::{
    actions::{Refusal, support},
    checks::routes::{
        accident::{self, Accident, PRIVATE},
        line,
    },
    inventory::{
        FamilyKind, Inventory, NatGateway, Route, RouteTable, Selector, Subnet, Want,
        routes::{EGRESS_ONLY, NAT_GATEWAY},
    },
    resource::ResourceId,
};

/// A table that leads private subnets to the internet, with what becomes of its routes.
pub struct Found<'t> {
    accident: Accident<'t>,
    /// The routes.
    pub routes: Vec<Led<'t>>,
    /// The table that the subnets get, where they do: the routes stay then.
    pub to: Option<&'t RouteTable>,
}

impl<'t> Found<'t> {
    /// Returns the routes that go from the table.
    pub fn away(&self) -> &[Led<'t>] {
        if self.to.is_some() { &[] } else { &self.routes }
    }

    /// Returns the ids of the private subnets.
    pub fn subnets(&self) -> impl Iterator<Item = &str> {
        self.accident.private.iter().map(|subnet| subnet.id.as_str())
    }
}

/// Returns the facts: the table with its subnets and, where one of them is led to the internet by accident,
/// what is in them and the replacements that are named.
pub fn needs(inventory: &Inventory, target: &ResourceId, params: &Params) -> Vec<Want> {
    let mut wants = accident::wants(inventory, target);
    let region = target.region();
    let Some(known) = inventory.regions.get(region) else { return wants };
    let found = known.route_tables.get(target.id());
    let Some(table) = found.known().copied() else { return wants };
    if let Ok(Some(found)) = accident::survey(known, table, &params.private) {
        let of_vpc = |family| Want::by(region, family, "vpc-id", &table.vpc_id);
        wants.extend([FamilyKind::NetworkInterfaces, FamilyKind::NatGateways].map(of_vpc));
        wants.push(Want::all(region, FamilyKind::LoadBalancers));
        wants.extend((!params.nat_gateways.is_empty()).then(|| of_vpc(FamilyKind::RouteTables)));
        let named = params.egress_only_gateways.iter();
        wants.extend(named.map(|id| Want::id(region, FamilyKind::EgressOnlyGateways, id)));
        wants.extend(path::lists(region, table));
        if !params.private_tables.is_empty() {
            wants.extend(moves::free(region, table, &found));
        }
    }
    wants.extend(moves::needs(inventory, target, &params.private_tables));
    wants
}

/// Returns the routes that go; `None` where no private subnet is led to the internet.
///
/// # Errors
/// A refusal: what is not known, or the reason for which the table cannot be changed.
pub fn found<'t>(scene: &Scene<'t>) -> Result<Option<Found<'t>>, Refusal> {
    let survey = accident::survey(scene.known, scene.table, &scene.params.private).map_err(|why| {
        Refusal::Unknown(format!(
            "redress could not find out whether the table leads private subnets to the internet: {why}"
        ))
    })?;
    let Some(accident) = survey else { return Ok(None) };
    let to = shared(scene, &accident)?;
    let routes = match to {
        Some(to) => moves::led(scene, &accident.routes, to)?,
        None => {
            changeable(scene, &accident)?;
            let led = |route: &&'t Route| Ok(Led { route, instead: instead(scene, &accident, route)? });
            accident.routes.iter().map(led).collect::<Result<_, Refusal>>()?
        }
    };
    Ok(Some(Found { accident, routes, to }))
}

/// Refuses routes that redress does not change.
fn changeable(scene: &Scene<'_>, accident: &Accident<'_>) -> Result<(), Refusal> {
    for route in &accident.routes {
        scene.only_one(route)?;
        if route.destination.starts_with("pl-") {
            return Err(Refusal::Refused(format!(
                "the route {} leads to a prefix list, and redress changes routes to networks alone: lead it \
                 elsewhere by hand",
                line(route)
            )));
        }
    }
    Ok(())
}

/// Returns the table that the private subnets get where their own routes other subnets as well: what is a
/// fault for one is meant for the other. `None` where it routes no others.
///
/// # Errors
/// A refusal where no table is named, or the table routes a gateway.
fn shared<'t>(scene: &Scene<'t>, accident: &Accident<'_>) -> Result<Option<&'t RouteTable>, Refusal> {
    let gateways = scene.table.associations.iter().any(|association| association.gateway_id.is_some());
    if accident.others.is_empty() && !gateways {
        return Ok(None);
    }
    if !gateways && let Some(table) = moves::named(scene)? {
        return Ok(Some(table));
    }
    let others = if accident.others.is_empty() { "a gateway".to_owned() } else { ids(&accident.others) };
    Err(Refusal::Refused(format!(
        "{} also routes the packets of {others}, for which no tag says that it is private ({PRIVATE}): \
         associate {} with a route table without {}, or name that table (private_tables)",
        scene.table.id,
        ids(&accident.private),
        line(accident.routes[0])
    )))
}

/// Returns the route that takes the place of one; `None` where no replacement for it is named.
///
/// # Errors
/// A refusal: a replacement that is not certain, or does not work.
fn instead(scene: &Scene<'_>, accident: &Accident<'_>, route: &Route) -> Result<Option<Route>, Refusal> {
    let led =
        |(member, id): (&str, String)| Route { target: [(member.to_owned(), id)].into(), ..route.clone() };
    let replacement = match route.destination.contains(':') {
        true => egress_only(scene)?.map(|id| (EGRESS_ONLY, id)),
        false => nat(scene, accident)?.map(|id| (NAT_GATEWAY, id)),
    };
    Ok(replacement.map(led))
}

/// Returns the NAT gateway that is named for the table: the one in its VPC, or, of several, the one in the
/// zone of the subnets.
fn nat(scene: &Scene<'_>, accident: &Accident<'_>) -> Result<Option<String>, Refusal> {
    let all = uses::nat_gateways(scene)?;
    let named = |(id, _): &&(&str, &NatGateway)| scene.params.nat_gateways.iter().any(|named| named == id);
    let mut named: Vec<(&str, &NatGateway)> = all.iter().filter(named).copied().collect();
    if named.len() > 1 {
        named.retain(|(_, gateway)| is_near(scene, gateway, &accident.private));
    }
    let (id, gateway) = match named.as_slice() {
        [] => return none_of(scene, &scene.params.nat_gateways, "a NAT gateway").map(|()| None),
        [one] => *one,
        _ => {
            return Err(Refusal::Refused(format!(
                "nat_gateways names several for {} ({}): which of them is meant is not certain",
                scene.table.id,
                named.iter().map(|(id, _)| *id).collect::<Vec<_>>().join(", ")
            )));
        }
    };
    serves(scene, id, gateway)?;
    Ok(Some(id.to_owned()))
}

/// Refuses a NAT gateway that takes nothing to the internet.
fn serves(scene: &Scene<'_>, id: &str, gateway: &NatGateway) -> Result<(), Refusal> {
    if gateway.state != "available" || gateway.connectivity_type.as_deref() != Some("public") {
        return Err(Refusal::Refused(format!(
            "{id} takes nothing to the internet: it is {}, and its connectivity is {}",
            gateway.state,
            gateway.connectivity_type.as_deref().unwrap_or("not shown")
        )));
    }
    reaches_out(scene, id, gateway)
}

/// Refuses a NAT gateway whose own subnet has no way to the internet. A regional one has a table of its own.
fn reaches_out(scene: &Scene<'_>, id: &str, gateway: &NatGateway) -> Result<(), Refusal> {
    let Some(subnet) = &gateway.subnet_id else { return Ok(()) };
    let unknown = |why: String| {
        Refusal::Unknown(format!("redress could not find out whether {id} reaches the internet: {why}"))
    };
    let tables = scene.known.route_tables.select(&Selector::by("vpc-id", &scene.table.vpc_id));
    let tables = support::need(tables, "the route tables of the VPC")?;
    let has = |own: bool| {
        tables.iter().find(|(_, table)| {
            table.associations.iter().any(|a| if own { a.subnet_id.as_ref() == Some(subnet) } else { a.main })
        })
    };
    let Some((table, routes)) = has(true).or_else(|| has(false)) else {
        return Err(unknown(format!("AWS shows no route table of {subnet}")));
    };
    let ways = accident::ways_out(scene.known, routes).map_err(unknown)?;
    match ways.iter().any(|way| !way.destination.contains(':')) {
        true => Ok(()),
        false => Err(Refusal::Refused(format!(
            "{id} takes nothing to the internet: {table}, the table of its subnet {subnet}, has no default \
             route to an internet gateway"
        ))),
    }
}

/// Returns whether a NAT gateway is in the zone of all these subnets, or in all zones.
fn is_near(scene: &Scene<'_>, gateway: &NatGateway, subnets: &[&Subnet]) -> bool {
    let Some(subnet) = &gateway.subnet_id else { return true };
    let zone = scene.known.subnets.get(subnet);
    let zone = zone.known().map(|subnet| subnet.availability_zone.as_str());
    zone.is_some_and(|zone| subnets.iter().all(|subnet| subnet.availability_zone == zone))
}

/// Returns the egress-only internet gateway that is named for the VPC, which has one at most.
fn egress_only(scene: &Scene<'_>) -> Result<Option<String>, Refusal> {
    for id in &scene.params.egress_only_gateways {
        let gateway = scene.known.egress_only_gateways.get(id);
        if gateway.is_absent() {
            continue;
        }
        let gateway = support::need(gateway, &format!("egress-only gateway {id}"))?;
        if gateway.vpc_id == scene.table.vpc_id && gateway.state == "attached" {
            return Ok(Some(id.clone()));
        }
    }
    none_of(scene, &scene.params.egress_only_gateways, "an egress-only gateway").map(|()| None)
}

/// Refuses replacements of which none is one of the VPC, so that a slip in an id does not cut the subnets
/// off.
fn none_of(scene: &Scene<'_>, named: &[String], what: &str) -> Result<(), Refusal> {
    match named.is_empty() {
        true => Ok(()),
        false => Err(Refusal::Refused(format!(
            "of the replacements that are named ({}), none is {what} of {} that can be used: name one, or \
             give that VPC a playbook of its own",
            named.join(", "),
            scene.table.vpc_id
        ))),
    }
}

/// Returns the part of the change that leads them elsewhere.
///
/// # Errors
/// A refusal: something in the subnets that needs the route.
pub fn part(scene: &Scene<'_>, found: Option<&Found<'_>>, after: &[Route]) -> Result<Option<Part>, Refusal> {
    let Some(found) = found else { return Ok(None) };
    match found.to {
        Some(to) => moves::part(scene, found, to),
        None => public::part(scene, found, after),
    }
    .map(Some)
}

/// Returns the ids of subnets, as a list.
fn ids(subnets: &[&Subnet]) -> String {
    subnets.iter().map(|subnet| subnet.id.as_str()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
