//! The default routes that lead subnets to the internet which are declared private. Each is removed or, where
//! a replacement is named, led to a NAT gateway or an egress-only internet gateway.

use super::{
    Params, Part, Scene, path, steps,
    uses::{self, Led},
};
use crate::{
    actions::{Refusal, make, support},
    calls::{Risk, Step},
    checks::routes::{
        accident::{self, Accident, PRIVATE, PUBLIC},
        line,
    },
    inventory::{
        FamilyKind, Inventory, NatGateway, Route, Selector, Subnet, Want,
        routes::{EGRESS_ONLY, NAT_GATEWAY},
    },
    resource::ResourceId,
};

/// A table that leads private subnets to the internet, with what becomes of its routes.
pub struct Found<'t> {
    accident: Accident<'t>,
    /// The routes.
    pub routes: Vec<Led<'t>>,
}

/// Returns the facts: the table with its subnets and, where one of them is led to the internet by accident,
/// what is in them and the replacements that are named.
pub fn needs(inventory: &Inventory, target: &ResourceId, params: &Params) -> Vec<Want> {
    let mut wants = accident::wants(inventory, target);
    let region = target.region();
    let Some(known) = inventory.regions.get(region) else { return wants };
    let found = known.route_tables.get(target.id());
    let Some(table) = found.known().copied() else { return wants };
    if matches!(accident::survey(known, table, &params.private), Ok(Some(_))) {
        let of_vpc = |family| Want::by(region, family, "vpc-id", &table.vpc_id);
        wants.extend([FamilyKind::NetworkInterfaces, FamilyKind::NatGateways].map(of_vpc));
        wants.push(Want::all(region, FamilyKind::LoadBalancers));
        wants.extend((!params.nat_gateways.is_empty()).then(|| of_vpc(FamilyKind::RouteTables)));
        let named = params.egress_only_gateways.iter();
        wants.extend(named.map(|id| Want::id(region, FamilyKind::EgressOnlyGateways, id)));
        wants.extend(path::lists(region, table));
    }
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
    shared(scene, &accident)?;
    let led = |route: &&'t Route| Ok(Led { route, instead: instead(scene, &accident, route)? });
    let routes = accident.routes.iter().map(led).collect::<Result<Vec<_>, Refusal>>()?;
    Ok(Some(Found { accident, routes }))
}

/// Refuses a table that routes other subnets as well: what is a fault for one is meant for the other.
fn shared(scene: &Scene<'_>, accident: &Accident<'_>) -> Result<(), Refusal> {
    let gateways = scene.table.associations.iter().any(|association| association.gateway_id.is_some());
    if accident.others.is_empty() && !gateways {
        return Ok(());
    }
    let others = if accident.others.is_empty() { "a gateway".to_owned() } else { ids(&accident.others) };
    Err(Refusal::Refused(format!(
        "{} also routes the packets of {others}, for which no tag says that it is private ({PRIVATE}): \
         associate {} with a route table without {}",
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
    if gateway.state != "available" || gateway.connectivity_type.as_deref() != Some("public") {
        return Err(Refusal::Refused(format!(
            "{id} takes nothing to the internet: it is {}, and its connectivity is {}",
            gateway.state,
            gateway.connectivity_type.as_deref().unwrap_or("not shown")
        )));
    }
    reaches_out(scene, id, gateway)?;
    Ok(Some(id.to_owned()))
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
    let Some(Found { accident, routes }) = found else { return Ok(None) };
    let guards = uses::guards(scene, &accident.private, routes)?;
    let region = scene.context.region;
    let mut impact = Vec::new();
    for led in routes {
        impact.push(becomes(scene, led, after)?);
    }
    impact.extend(uses::cut(scene, &accident.private, routes)?);
    let summary = |led: &Led<'_>| match &led.instead {
        Some(new) => {
            format!("lead {} to {} instead of {}", new.destination, new.towards(), led.route.towards())
        }
        None => format!("remove the route {}", line(led.route)),
    };
    let parts: Vec<String> = routes.iter().map(summary).collect();
    let step = |(n, led)| step(region, &scene.table.id, n + 1, led);
    Ok(Some(Part {
        check: PUBLIC,
        with: match scene.params.private == accident::Declared::default() {
            true => serde_json::Value::Null,
            false => serde_json::json!({ PRIVATE: scene.params.private }),
        },
        summary: format!("{} for {}", parts.join(" and "), ids(&accident.private)),
        steps: routes.iter().enumerate().map(step).collect(),
        risk: Risk::Disruptive,
        impact,
        guards,
    }))
}

/// Describes what becomes of the packets of a route that goes.
fn becomes(scene: &Scene<'_>, led: &Led<'_>, after: &[Route]) -> Result<String, Refusal> {
    let (to, before) = (&led.route.destination, led.route.towards());
    if let Some(new) = &led.instead {
        return Ok(format!("packets to {to} go by {} instead of {before}", new.towards()));
    }
    let takers: Vec<String> = path::takers(scene.known, after, led.route)?.into_iter().map(line).collect();
    Ok(match takers.is_empty() {
        true => format!("packets to {to} are dropped: no other route of the table takes them"),
        false => format!("packets to {to} go by {} instead of {before}", takers.join(", ")),
    })
}

/// Builds the step that leads a destination elsewhere.
fn step(region: &str, table: &str, n: usize, led: &Led<'_>) -> Step {
    let now = |route: &Route, meaning: &str| vec![steps::leads(region, table, route).meaning(meaning)];
    let moved = "the route is gone, or leads elsewhere by now";
    let (title, act, back) = match &led.instead {
        Some(new) => (
            format!("lead {} to {}", new.destination, new.towards()),
            steps::replace(region, table, new),
            steps::replace(region, table, led.route).only_if(now(new, moved)),
        ),
        None => {
            let free = steps::no_route(region, table, &led.route.destination)
                .meaning("somebody has made a route to there by now");
            (
                format!("remove the route {}", line(led.route)),
                steps::delete(region, table, led.route),
                steps::create(region, table, led.route).only_if(vec![free]),
            )
        }
    };
    make::step(format!("lead-{n}"), title, act.only_if(now(led.route, moved)), make::back(vec![back]))
}

/// Returns the ids of subnets, as a list.
fn ids(subnets: &[&Subnet]) -> String {
    subnets.iter().map(|subnet| subnet.id.as_str()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
