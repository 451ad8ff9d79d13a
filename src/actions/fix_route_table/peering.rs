//! The routes to peering connections that cover more than the peer VPC: routes to the networks of the peer
//! take their place. The new ones come before the old one goes, and on the way back the old one comes first.

use ipnet::IpNet;
use serde_json::Value;

use super::{Part, Scene, internet, path, steps};
use crate::{
    actions::{GuardNote, Refusal, make},
    calls::{Risk, Step},
    checks::routes::{
        line,
        peering::{self, BROAD, Width},
    },
    inventory::{Inventory, Route, RouteTable, Want, routes::PEERING},
    resource::ResourceId,
};

/// The name of the guard.
const GUARD: &str = "route-quota";
/// The error code for a table that has more routes.
pub const OVER: &str = "RouteLimitExceeded";

/// A route that goes, and the networks of the peer that it covers.
pub struct Broad<'t> {
    /// The route.
    pub route: &'t Route,
    networks: Vec<IpNet>,
}

impl Broad<'_> {
    fn connection(&self) -> &str {
        self.route.to(PEERING).unwrap_or_default()
    }
}

/// Returns the facts: the table, the peering connections that its routes lead to, and, where one is broad,
/// the prefix lists that are destinations.
pub fn needs(inventory: &Inventory, target: &ResourceId) -> Vec<Want> {
    let mut wants = peering::wants(inventory, target);
    let Some(known) = inventory.regions.get(target.region()) else { return wants };
    let found = known.route_tables.get(target.id());
    let Some(table) = found.known().copied() else { return wants };
    let is_broad = |route: &Route| {
        let to = peering::destination(route).ok().flatten();
        let peer = to.and_then(|_| peering::networks(known, table, route).ok());
        to.zip(peer).is_some_and(|(to, peer)| matches!(peering::width(to, &peer), Width::Broad(_)))
    };
    if table.routes.iter().any(is_broad) {
        wants.extend(path::lists(target.region(), table));
    }
    wants
}

/// Returns the routes that go, in the order of their destinations.
///
/// # Errors
/// A refusal: what is not known of a route or its peer.
pub fn broad<'a>(scene: &Scene<'a>) -> Result<Vec<Broad<'a>>, Refusal> {
    let mut all = Vec::new();
    for route in &scene.table.routes {
        let Some(to) = peering::destination(route).map_err(Refusal::Unknown)? else { continue };
        let peer = peering::networks(scene.known, scene.table, route).map_err(|why| {
            Refusal::Unknown(format!(
                "redress could not find out which networks are behind the route {}: {why}",
                line(route)
            ))
        })?;
        if let Width::Broad(networks) = peering::width(to, &peer) {
            scene.only_one(route)?;
            all.push(Broad { route, networks });
        }
    }
    all.sort_by_key(|broad| &broad.route.destination);
    Ok(all)
}

/// Returns the routes that come: to the networks of the peers that the broad routes alone lead to, each once.
///
/// # Errors
/// A refusal where a network is of this VPC, or where a narrower route than the broad one leads it elsewhere.
pub fn comes(scene: &Scene<'_>, broad: &[Broad<'_>]) -> Result<Vec<Route>, Refusal> {
    let table = scene.table;
    let mut new: Vec<Route> = Vec::new();
    for one in broad {
        for network in &one.networks {
            let wanted = Route { destination: network.to_string(), ..one.route.clone() };
            if let Some(own) = own_network(table, network) {
                return Err(Refusal::Refused(format!(
                    "{network}, a network of the peer behind {}, overlaps with {own} of {}: which of \
                     them packets are for is not certain",
                    one.connection(),
                    table.vpc_id
                )));
            }
            let now = path::takers(scene.known, &table.routes, &wanted)?;
            let goes = |route: &&Route| broad.iter().any(|other| other.route == *route);
            let leads = |route: &&Route| route.target == wanted.target && route.state == "active";
            if let Some(other) = now.iter().find(|route| !leads(route)) {
                return Err(Refusal::Refused(format!(
                    "packets to {network}, a network of the peer behind {}, go by {} ({}) now: decide which \
                     way is meant before {} is narrowed",
                    one.connection(),
                    line(other),
                    other.state,
                    line(one.route)
                )));
            }
            if now.iter().all(goes) && !new.contains(&wanted) {
                new.push(wanted);
            }
        }
    }
    new.sort_by(|a, b| a.destination.cmp(&b.destination));
    Ok(new)
}

/// Returns the network of the table's own VPC that overlaps with one of a peer.
fn own_network<'t>(table: &'t RouteTable, network: &IpNet) -> Option<&'t str> {
    let local = table.routes.iter().filter(|route| route.target.values().any(|target| target == "local"));
    local
        .map(|route| route.destination.as_str())
        .find(|own| own.parse::<IpNet>().is_ok_and(|own| own.contains(network) || network.contains(&own)))
}

/// Returns the part of the change that narrows them; `None` where there are none.
///
/// # Errors
/// A refusal: a wider route that leads to the internet, or too many routes.
pub fn part(
    scene: &Scene<'_>,
    broad: &[Broad<'_>],
    new: &[Route],
    after: &[Route],
) -> Result<Option<Part>, Refusal> {
    if broad.is_empty() {
        return Ok(None);
    }
    let (table, region) = (scene.table, scene.context.region);
    let quota = fits(scene, new)?;
    let (mut impact, mut exposed, mut steps) = (Vec::new(), Vec::new(), Vec::new());
    for (n, route) in new.iter().enumerate() {
        steps.push(add(region, &table.id, n + 1, route));
    }
    for (n, one) in broad.iter().enumerate() {
        let takers = path::takers(scene.known, after, one.route)?;
        exposed.extend(takers.iter().filter(|t| t.is_to_internet_gateway()).map(|t| (one.route, *t)));
        impact.push(stays(one, &takers));
        steps.push(remove(region, &table.id, n + 1, one, after));
    }
    let mut guards = vec![internet::guard(scene, &exposed)?];
    guards.extend(quota);
    let lines: Vec<String> = broad.iter().map(|one| line(one.route)).collect();
    let networks: Vec<&str> = new.iter().map(|route| route.destination.as_str()).collect();
    let instead = match networks.is_empty() {
        true => String::new(),
        false => format!(" to {}", networks.join(", ")),
    };
    Ok(Some(Part {
        check: BROAD,
        with: Value::Null,
        summary: format!("narrow {}{instead}", lines.join(", ")),
        steps,
        risk: Risk::Disruptive,
        impact,
        guards,
    }))
}

/// Describes what becomes of the packets of a route that goes.
fn stays(one: &Broad<'_>, takers: &[&Route]) -> String {
    let networks: Vec<String> = one.networks.iter().map(IpNet::to_string).collect();
    let rest = match takers {
        [] => "are dropped by the table, where they were dropped by the peering connection".to_owned(),
        takers => format!(
            "go by {}, where they were dropped by the peering connection",
            takers.iter().map(|taker| line(taker)).collect::<Vec<_>>().join(", ")
        ),
    };
    format!(
        "packets to {} go to {} as before; all others to {} {rest}. A network that is added to the \
         peer later needs a route of its own",
        networks.join(", "),
        one.connection(),
        one.route.destination
    )
}

/// Checks that old and new routes side by side fit in the table. IPv4 and IPv6 are counted apart, and routes
/// that AWS propagates are not counted
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-limits-route-tables>).
fn fits(scene: &Scene<'_>, new: &[Route]) -> Result<Option<GuardNote>, Refusal> {
    let limit = scene.params.route_limit;
    for v6 in [false, true] {
        let of = |route: &&Route| route.destination.contains(':') == v6;
        let counted = |route: &&Route| route.origin != "EnableVgwRoutePropagation";
        let now = scene.table.routes.iter().filter(of).filter(counted).count();
        let more = new.iter().filter(of).count();
        if more > 0 && now + more > limit {
            let family = if v6 { "IPv6" } else { "IPv4" };
            return Err(Refusal::Refused(format!(
                "the new routes come before the old one goes, and for {family} that would be {now} + {more} \
                 routes where the limit is {limit}: remove routes first, or set route_limit if the quota of \
                 the account is higher"
            )));
        }
    }
    let note = "the quota of routes is taken for route_limit: AWS counts itself, before anything is removed";
    Ok((!new.is_empty()).then(|| GuardNote::not_checked(GUARD, note)))
}

/// Builds the step that adds a route, and removes it where it is undone.
fn add(region: &str, table: &str, n: usize, route: &Route) -> Step {
    let to = route.destination.as_str();
    let connection = route.to(PEERING).unwrap_or_default();
    let act = steps::create(region, table, route).only_if(vec![
        steps::no_route(region, table, to).meaning("somebody has made a route to there by now"),
        steps::connected(region, connection),
    ]);
    let back = steps::delete(region, table, route)
        .only_if(vec![steps::leads(region, table, route).meaning("the route leads elsewhere by now")]);
    make::step(format!("add-{n}"), format!("add the route {}", line(route)), act, make::back(vec![back]))
}

/// Builds the step that removes a broad route, once there are the routes to the networks of the peer.
fn remove(region: &str, table: &str, n: usize, one: &Broad<'_>, after: &[Route]) -> Step {
    let is_narrow =
        |route: &&Route| one.networks.iter().any(|network| network.to_string() == route.destination);
    let narrow = after.iter().filter(is_narrow).map(|route| {
        steps::leads(region, table, route).meaning("the route to a network of the peer is gone")
    });
    let mut before =
        vec![steps::leads(region, table, one.route).meaning("the route is gone, or leads elsewhere by now")];
    before.extend(narrow);
    let act = steps::delete(region, table, one.route).only_if(before);
    let to = one.route.destination.as_str();
    let back = steps::create(region, table, one.route).only_if(vec![
        steps::no_route(region, table, to).meaning("somebody has made a route to there by now"),
    ]);
    make::step(
        format!("remove-{n}"),
        format!("remove the route {}", line(one.route)),
        act,
        make::back(vec![back]),
    )
}
