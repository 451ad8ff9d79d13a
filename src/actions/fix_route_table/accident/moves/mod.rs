//! Private subnets whose route table other subnets need as it is: each is associated with a table that the
//! playbook names, and nothing else changes. No table is ever guessed.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    super::{
        Part, Scene, path, steps,
        uses::{self, Led},
    },
    Found, ids, none_of, public, serves,
};
use crate::{
    actions::{Refusal, make, support},
    calls::{Act, Call, Expect, Observe, Risk, Step, Test, reference},
    checks::routes::{
        accident::{Accident, PUBLIC},
        line,
    },
    inventory::{
        FamilyKind, Inventory, Route, RouteTable, Subnet, Want,
        routes::{ASSOCIATED, EGRESS_ONLY, NAT_GATEWAY},
    },
    resource::ResourceId,
    services::{
        Planned, Ref,
        route_table::{AssociateRouteTable, DisassociateRouteTable, ReplaceRouteTableAssociation},
    },
};

/// The filter of tables by the subnet that is associated with them.
const OF_SUBNET: &str = "association.subnet-id";
/// The meaning of an association that is another one by now.
const MOVED: &str = "the subnet has another route table by now";
/// Seconds within which an association has to show.
const SHOWS_WITHIN: u64 = 300;

/// Returns the facts: the tables that are named, and those of the VPC, which show the table of each subnet.
pub fn needs(inventory: &Inventory, target: &ResourceId, named: &[String]) -> Vec<Want> {
    let region = target.region();
    let Some(known) = inventory.regions.get(region).filter(|_| !named.is_empty()) else { return Vec::new() };
    let id = |id: &String| Want::id(region, FamilyKind::RouteTables, id);
    let mut wants: Vec<Want> = named.iter().map(id).collect();
    let table = known.route_tables.get(target.id());
    wants.extend(
        table.known().map(|table| Want::by(region, FamilyKind::RouteTables, "vpc-id", &table.vpc_id)),
    );
    let own = named.iter().filter_map(|id| known.route_tables.get(id).known().copied());
    wants.extend(own.flat_map(|table| path::lists(region, table)));
    wants
}

/// Returns the wants for the tables of the subnets that fall to this one: there must be none.
pub fn free(region: &str, table: &RouteTable, found: &Accident<'_>) -> Vec<Want> {
    let own: BTreeSet<&str> =
        table.associations.iter().filter_map(|association| association.subnet_id.as_deref()).collect();
    let falls = found.private.iter().map(|subnet| subnet.id.as_str()).filter(|subnet| !own.contains(subnet));
    falls.map(|subnet| Want::by(region, FamilyKind::RouteTables, OF_SUBNET, subnet)).collect()
}

/// Returns the table that is named for the VPC; `None` where none is named at all.
///
/// # Errors
/// A refusal: none or several of the VPC, or one that leads to the internet itself.
pub fn named<'s>(scene: &Scene<'s>) -> Result<Option<&'s RouteTable>, Refusal> {
    let named = &scene.params.private_tables;
    let mut all = Vec::new();
    for id in named {
        let table = scene.known.route_tables.get(id);
        if table.is_absent() {
            continue;
        }
        let table = support::need(table, &format!("route table {id}"))?;
        if table.vpc_id == scene.table.vpc_id {
            all.push(table);
        }
    }
    let table = match all.as_slice() {
        [] => return none_of(scene, named, "a route table").map(|()| None),
        [one] => *one,
        _ => {
            return Err(Refusal::Refused(format!(
                "private_tables names several tables of {}: which of them is meant is not certain",
                scene.table.vpc_id
            )));
        }
    };
    match unfit(scene, table) {
        None => Ok(Some(table)),
        Some(why) => Err(Refusal::Refused(format!(
            "{}, which private_tables names, takes no private subnet: {why}",
            table.id
        ))),
    }
}

/// Returns the reason for which a table cannot take private subnets.
fn unfit(scene: &Scene<'_>, table: &RouteTable) -> Option<String> {
    if !scene.context.inventory.owner.owns(&table.owner_id) {
        return Some(format!("it belongs to account {}", table.owner_id));
    }
    // One that drops packets now leads there as soon as the gateway is attached again.
    if let Some(route) = table.routes.iter().find(|route| route.is_to_internet_gateway()) {
        return Some(format!("it has the route {} itself", line(route)));
    }
    let gateway = table.associations.iter().find_map(|one| one.gateway_id.as_ref());
    gateway.map(|gateway| format!("it routes what comes in by the gateway {gateway}"))
}

/// Returns the routes that the subnets lose, each with the one of the new table that leads to the internet in
/// its place.
///
/// # Errors
/// A refusal: a NAT gateway that does not reach the internet.
pub fn led<'t>(scene: &Scene<'_>, routes: &[&'t Route], to: &RouteTable) -> Result<Vec<Led<'t>>, Refusal> {
    let one = |route: &&'t Route| Ok(Led { route, instead: instead(scene, route, to)? });
    routes.iter().map(one).collect()
}

/// Returns the route to a NAT gateway or an egress-only internet gateway that takes the packets of a route in
/// the new table. Nothing else is known to lead to the internet.
fn instead(scene: &Scene<'_>, route: &Route, to: &RouteTable) -> Result<Option<Route>, Refusal> {
    let takers = path::takers(scene.known, &to.routes, route)?;
    let [taker] = takers.as_slice() else { return Ok(None) };
    if taker.state != "active" {
        return Ok(None);
    }
    if taker.to(EGRESS_ONLY).is_some() {
        return Ok(Some((*taker).clone()));
    }
    let Some(nat) = taker.to(NAT_GATEWAY) else { return Ok(None) };
    match uses::nat_gateways(scene)?.into_iter().find(|(id, _)| *id == nat) {
        Some((id, gateway)) => serves(scene, id, gateway).map(|()| Some((*taker).clone())),
        None => Err(Refusal::Unknown(format!(
            "redress could not find out whether {nat} reaches the internet: {} does not show it",
            scene.table.vpc_id
        ))),
    }
}

/// Returns what the subnets have by the former table and not by the new one, beside the way to the internet:
/// routes that are missing, and packets that others take.
fn lost(
    scene: &Scene<'_>,
    Accident { routes, .. }: &Accident<'_>,
    to: &RouteTable,
) -> Result<Vec<String>, Refusal> {
    let from = scene.table;
    let same = |a: &Route, b: &Route| a.destination == b.destination && a.target == b.target;
    let mut lost = Vec::new();
    let kept = from.routes.iter().filter(|route| !routes.contains(route));
    for route in kept.filter(|route| !matches!(route.state.as_str(), "blackhole" | "filtered")) {
        if route.state != "active" {
            return Err(Refusal::Unknown(format!(
                "redress could not find out whether the route {} leads anywhere: its state is {:?}",
                line(route),
                route.state
            )));
        }
        if !to.routes.iter().any(|other| same(route, other) && other.state == "active") {
            lost.push(format!("the route {}", line(route)));
            continue;
        }
        let wide = path::networks(scene.known, route)?;
        for other in to.routes.iter().filter(|other| !from.routes.iter().any(|one| same(one, other))) {
            let narrow = path::networks(scene.known, other)?;
            if narrow.iter().any(|net| wide.iter().any(|wide| wide.contains(net))) {
                lost.push(format!("part of the route {}, which {} takes", line(route), line(other)));
            }
        }
    }
    let gateways = from.propagating_gateways.iter().filter(|id| !to.propagating_gateways.contains(id));
    lost.extend(gateways.map(|id| format!("the routes that AWS adds from {id}")));
    Ok(lost)
}

/// Returns the part of the change that gives the subnets the other table.
///
/// # Errors
/// A refusal: something in the subnets that needs the former table.
pub fn part(scene: &Scene<'_>, found: &Found<'_>, to: &RouteTable) -> Result<Part, Refusal> {
    let Found { accident, routes, .. } = found;
    let private = &accident.private;
    let guards = uses::guards(scene, private, routes, Some(to))?;
    let mut impact = vec![format!(
        "{} keeps its routes: the packets of {} go as before",
        scene.table.id,
        ids(&accident.others)
    )];
    for led in routes {
        let takers = path::takers(scene.known, &to.routes, led.route)?;
        impact.push(public::taken(led.route, &takers));
    }
    let lost = lost(scene, accident, to)?.join(", ");
    if !lost.is_empty() {
        let used = uses::in_use(scene, private)?;
        if !used.is_empty() {
            return Err(Refusal::Refused(format!(
                "{} lacks {lost}, which {} has, and {} may need it: add it to {} first",
                to.id,
                scene.table.id,
                uses::few(&used),
                to.id
            )));
        }
        impact.push(format!("the subnets, in which nothing is in use, lose {lost}"));
    }
    impact.extend(uses::cut(scene, private, routes)?);
    let step = |(n, subnet): (usize, &&Subnet)| step(scene, to, n + 1, subnet);
    Ok(Part {
        check: PUBLIC,
        with: public::with(scene),
        summary: format!("associate {} with {} instead", ids(private), to.id),
        steps: private.iter().enumerate().map(step).collect::<Result<_, Refusal>>()?,
        risk: Risk::Disruptive,
        impact,
        guards,
    })
}

/// Returns the place of the association of a subnet in the facts about its table.
fn of(subnet: &str, member: &str) -> String {
    format!("/associations/subnet_id={subnet}/{member}")
}

/// Waits until a subnet is associated with a table.
fn associated(region: &str, table: &str, subnet: &str, call: Call) -> Act {
    let there = make::is(region, FamilyKind::RouteTables, table, &of(subnet, "state"), ASSOCIATED);
    make::act_until(call, vec![there], SHOWS_WITHIN, "until the subnet is associated with the table")
}

/// Expects a member of a table, or of one of its associations, to have this value.
fn is(region: &str, table: &RouteTable, at: &str, value: impl Into<Value>) -> Expect {
    make::is(region, FamilyKind::RouteTables, table.id.as_str(), at, value)
}

/// Builds the step that gives a subnet another table. Its undo looks up the id that the association has then.
fn step(scene: &Scene<'_>, to: &RouteTable, n: usize, subnet: &Subnet) -> Result<Step, Refusal> {
    let (region, from, subnet) = (scene.context.region, scene.table, subnet.id.as_str());
    let own = from.associations.iter().find(|one| one.subnet_id.as_deref() == Some(subnet));
    let association = own.or_else(|| from.associations.iter().find(|one| one.main));
    let id = association.map(|one| one.id.as_str()).filter(|id| !id.is_empty()).ok_or_else(|| {
        Refusal::Unknown(format!("AWS shows no id of the association by which {} routes {subnet}", from.id))
    })?;
    let look = Observe {
        name: format!("association-{n}"),
        region: region.to_owned(),
        family: FamilyKind::RouteTables,
        id: json!(to.id),
        at: of(subnet, "id"),
        anew: true,
    };
    let new = Ref::To(reference::observed(&look.name));
    let [act, back] = match own {
        Some(_) => replaced(region, [from, to], subnet, id, new),
        None => added(region, [from, to], subnet, id, new),
    };
    let here = is(region, to, &of(subnet, "subnet_id"), subnet).meaning(MOVED);
    Ok(make::step(
        format!("associate-{n}"),
        format!("associate {subnet} with {}", to.id),
        act.only_if(unchanged(scene, to)),
        make::back(vec![back.only_if(vec![here]).observing([look])]),
    ))
}

/// Builds the call that replaces the association `id` of a subnet, and the one back, which replaces the new
/// one.
fn replaced(
    region: &str,
    [from, to]: [&RouteTable; 2],
    subnet: &str,
    id: &str,
    new: Ref<String>,
) -> [Act; 2] {
    let call = |association: Ref<String>, table: &RouteTable| {
        let route_table_id = table.id.clone();
        let call = ReplaceRouteTableAssociation::<Planned> { association_id: association, route_table_id };
        associated(region, &table.id, subnet, Call::of(region, &call))
    };
    let before = is(region, from, &of(subnet, "id"), id).meaning(MOVED);
    [call(id.into(), to).only_if(vec![before]), call(new, from)]
}

/// Builds the call that associates a subnet of the main table, whose association as the main one is `main`,
/// and the one back, which ends the new association.
fn added(region: &str, [from, to]: [&RouteTable; 2], subnet: &str, main: &str, new: Ref<String>) -> [Act; 2] {
    let is_main = is(region, from, &format!("/associations/id={main}/main"), true)
        .meaning("the former table is not the main table any more");
    let free = Expect::new(region, FamilyKind::RouteTables, subnet, "", Test::NoneBy(OF_SUBNET.to_owned()));
    let call = AssociateRouteTable { route_table_id: to.id.clone(), subnet_id: subnet.to_owned() };
    let act = associated(region, &to.id, subnet, Call::of(region, &call));
    let back = Call::of(region, &DisassociateRouteTable::<Planned> { association_id: new });
    let gone = is(region, to, &of(subnet, "subnet_id"), Value::Null);
    let why = "until the subnet has no table of its own";
    let back = make::act_until(back, vec![gone], SHOWS_WITHIN, why);
    [act.only_if(vec![free.meaning(MOVED), is_main.clone()]), back.only_if(vec![is_main])]
}

/// Expects the new table to lead the packets as it did when the change was planned.
fn unchanged(scene: &Scene<'_>, to: &RouteTable) -> Vec<Expect> {
    let region = scene.context.region;
    let out = scene.table.routes.iter().filter(|route| route.is_to_internet_gateway());
    let same = |out: &Route| match to.routes.iter().find(|route| route.destination == out.destination) {
        Some(route) => steps::leads(region, &to.id, route),
        None => steps::no_route(region, &to.id, &out.destination),
    };
    out.map(|out| same(out).meaning("the new table leads elsewhere by now")).collect()
}

#[cfg(test)]
mod tests;
