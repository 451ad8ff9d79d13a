//! The packets that lose a route, so that flow logs can be asked whose they are.

use std::collections::BTreeSet;

use super::{accident::Found, path};
use crate::{
    actions::{Refusal, support},
    checks::routes::line,
    evidence::{At, Closing, Stays, Traffic, Way},
    inventory::{Region, Route, RouteTable, Selector},
};

/// Returns the packets of each route that goes: those to its destination, but for the narrower networks to
/// which the table leads by other routes.
///
/// # Errors
/// A refusal where the networks of a destination are not known.
pub fn closings(known: &Region, at: &At, going: &[&Route], after: &[Route]) -> Result<Vec<Closing>, Refusal> {
    let mut all = Vec::new();
    for route in going {
        let peers = path::networks(known, route)?;
        let mut narrower = Vec::new();
        for other in after {
            let networks = path::networks(known, other)?;
            narrower.extend(networks.into_iter().filter(|net| peers.iter().any(|wide| wide.contains(net))));
        }
        all.push(Closing {
            closes: format!("the route {}", line(route)),
            way: Way::Out,
            traffic: Traffic::ALL,
            peers,
            stays: vec![Stays { traffic: Traffic::ALL, peers: narrower }],
            stateful: false,
            at: at.clone(),
        });
    }
    Ok(all)
}

/// Returns the packets of subnets that get another table, as far as no route of it takes them.
///
/// # Errors
/// A refusal where the networks of a destination are not known.
pub fn moved(known: &Region, found: &Found<'_>, to: &RouteTable) -> Result<Vec<Closing>, Refusal> {
    let mut going = Vec::new();
    for led in &found.routes {
        if path::takers(known, &to.routes, led.route)?.iter().all(|taker| taker.state == "blackhole") {
            going.push(led.route);
        }
    }
    let named = found.subnets().map(str::to_owned).collect();
    closings(known, &At::Subnets { vpc: to.vpc_id.clone(), named, others_but: None }, &going, &to.routes)
}

/// Returns the subnets whose packets the table routes.
///
/// # Errors
/// A refusal where that is not known.
pub fn behind(known: &Region, table: &RouteTable) -> Result<At, Refusal> {
    let subnets = |table: &RouteTable| {
        table.associations.iter().filter_map(|one| one.subnet_id.clone()).collect::<BTreeSet<_>>()
    };
    let (vpc, named) = (table.vpc_id.clone(), subnets(table));
    if !table.associations.iter().any(|one| one.main) {
        return Ok(At::Subnets { vpc, named, others_but: None });
    }
    let question = format!("which subnets of {vpc} have a route table of their own");
    let tables = known.route_tables.select(&Selector::by("vpc-id", vpc.as_str()));
    let tables = support::known(tables, support::Subject::Question(&question))?.unwrap_or_default();
    let others = tables.into_iter().filter(|(id, _)| *id != table.id).flat_map(|(_, other)| subnets(other));
    Ok(At::Subnets { vpc, named, others_but: Some(others.collect()) })
}
