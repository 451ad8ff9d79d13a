//! The users of subnets that lose their route to an internet gateway: a NAT gateway or a load balancer that
//! works by it, and interfaces for which it is the only way out.

use std::collections::BTreeSet;

use super::Scene;
use crate::{
    actions::{GuardNote, Refusal, support},
    inventory::{Fact, NatGateway, NetworkInterface, Route, RouteTable, Selector, Subnet},
};

/// The name of the guard.
const GUARD: &str = "subnets-in-use";
/// The name of the guard on the host of redress.
const LOCK_OUT: &str = "lock-out";
/// The number of things that a sentence names.
const NAMED: usize = 3;

/// A route that goes, and the one that takes its place.
pub struct Led<'t> {
    /// The route to the internet gateway.
    pub route: &'t Route,
    /// The route to the named replacement, if there is one.
    pub instead: Option<Route>,
}

/// Returns the selector of everything of the VPC of a table.
fn of_vpc(scene: &Scene<'_>) -> Selector {
    Selector::by("vpc-id", &scene.table.vpc_id)
}

/// Returns the NAT gateways of the VPC that are not gone.
pub fn nat_gateways<'s>(scene: &Scene<'s>) -> Result<Vec<(&'s str, &'s NatGateway)>, Refusal> {
    let all = support::need(scene.known.nat_gateways.select(&of_vpc(scene)), "the NAT gateways of the VPC")?;
    Ok(all
        .into_iter()
        .filter(|(_, gateway)| !matches!(gateway.state.as_str(), "deleted" | "failed"))
        .collect())
}

/// Returns the interfaces in these subnets that something uses.
fn interfaces<'s>(scene: &Scene<'s>, subnets: &[&Subnet]) -> Result<Vec<&'s NetworkInterface>, Refusal> {
    let all = scene.known.network_interfaces.select(&of_vpc(scene));
    let all = support::need(all, "the network interfaces of the VPC")?;
    let ids: BTreeSet<&str> = subnets.iter().map(|subnet| subnet.id.as_str()).collect();
    let is_used = |eni: &&NetworkInterface| eni.status != "available" && ids.contains(eni.subnet_id.as_str());
    Ok(all.into_iter().map(|(_, eni)| eni).filter(is_used).collect())
}

/// Returns the public IPv4 addresses of an interface.
fn public(eni: &NetworkInterface) -> impl Iterator<Item = &str> {
    eni.public_ip.iter().chain(&eni.more_public_ips).map(String::as_str)
}

/// Returns whether the route to an internet gateway is a way out for an interface: over IPv4 it takes a
/// public address, over IPv6 any
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Internet_Gateway.html>).
fn gets_out(eni: &NetworkInterface, v6: bool) -> bool {
    match v6 {
        true => eni.more_addresses.iter().any(|address| address.contains(':')),
        false => public(eni).next().is_some(),
    }
}

/// Checks that nothing in the subnets needs the routes that go, and that redress does not run there. With
/// `to`, the subnets get that table.
///
/// # Errors
/// A refusal with what needs them.
pub fn guards(
    scene: &Scene<'_>,
    subnets: &[&Subnet],
    routes: &[Led<'_>],
    to: Option<&RouteTable>,
) -> Result<Vec<GuardNote>, Refusal> {
    let all = interfaces(scene, subnets)?;
    Ok(vec![needed(scene, subnets, routes, to, &all)?, own_host(scene, &all)?])
}

/// Returns the ids of the interfaces in these subnets that something uses.
pub fn in_use<'s>(scene: &Scene<'s>, subnets: &[&Subnet]) -> Result<Vec<&'s str>, Refusal> {
    Ok(interfaces(scene, subnets)?.into_iter().map(|eni| eni.id.as_str()).collect())
}

/// Asks whether redress itself runs in the subnets, and would lose the way to AWS.
fn own_host(scene: &Scene<'_>, all: &[&NetworkInterface]) -> Result<GuardNote, Refusal> {
    let host = match &scene.context.inventory.caller.host {
        Fact::Known(host) => host,
        Fact::Absent => return Ok(GuardNote::passed(LOCK_OUT, "redress does not run on an instance")),
        Fact::Unknown(_) | Fact::NotRead => {
            let note = "redress could not find out whether it runs in one of these subnets";
            return Ok(GuardNote::not_checked(LOCK_OUT, note));
        }
    };
    let is_here = all.iter().any(|eni| eni.instance_id.as_ref() == Some(host));
    match (is_here, scene.context.options.allow_lockout) {
        (false, _) => {
            Ok(GuardNote::passed(LOCK_OUT, format!("{host}, on which redress runs, is in another subnet")))
        }
        (true, true) => Ok(GuardNote::loosened(
            LOCK_OUT,
            format!("redress itself runs on {host}, in one of these subnets; --allow-lockout was given"),
        )),
        (true, false) => Err(Refusal::Refused(format!(
            "redress itself runs on {host}, in one of these subnets, and may lose its way to AWS: run it \
             elsewhere, or give --allow-lockout"
        ))),
    }
}

fn needed(
    scene: &Scene<'_>,
    subnets: &[&Subnet],
    routes: &[Led<'_>],
    to: Option<&RouteTable>,
    all: &[&NetworkInterface],
) -> Result<GuardNote, Refusal> {
    translates(scene, subnets, routes)?;
    balances(scene, subnets)?;
    if let Some(service) = all.iter().find(|eni| is_balancer(eni) && public(eni).next().is_some()) {
        return Err(Refusal::Refused(format!(
            "{} in {} is a load balancer's and has a public address: it answers the internet by that route",
            service.id, service.subnet_id
        )));
    }
    for led in routes.iter().filter(|led| led.instead.is_none()) {
        let v6 = led.route.destination.contains(':');
        let cut: Vec<&str> = all.iter().filter(|eni| gets_out(eni, v6)).map(|eni| eni.id.as_str()).collect();
        if !cut.is_empty() {
            let [parameter, what] = match v6 {
                true => ["egress_only_gateways", "an egress-only internet gateway"],
                false => ["nat_gateways", "a NAT gateway"],
            };
            let instead = match to {
                Some(to) => format!("give {} a route to {what} in its place", to.id),
                None => {
                    format!("name {what} of {} that takes its place ({parameter})", scene.table.vpc_id)
                }
            };
            return Err(Refusal::Refused(format!(
                "the route to {} is the only way to the internet for {}, in use: {instead}",
                led.route.destination,
                few(&cut)
            )));
        }
    }
    let note = "no NAT gateway or internet-facing load balancer is in the subnets, and nobody loses the \
                only way out";
    Ok(GuardNote::passed(GUARD, note))
}

/// Refuses subnets with a NAT gateway. A regional one is in none, and in all of its VPC.
fn translates(scene: &Scene<'_>, subnets: &[&Subnet], routes: &[Led<'_>]) -> Result<(), Refusal> {
    let leads = |id: &str| routes.iter().filter_map(|led| led.instead.as_ref()).any(|r| r.towards() == id);
    let named = |id: &str| scene.params.nat_gateways.iter().any(|named| named == id) || leads(id);
    let holds = |id: &str, gateway: &NatGateway| match &gateway.subnet_id {
        Some(own) => subnets.iter().any(|subnet| subnet.id == *own),
        None => !named(id),
    };
    match nat_gateways(scene)?.into_iter().find(|(id, gateway)| holds(id, gateway)) {
        None => Ok(()),
        Some((id, gateway)) => Err(Refusal::Refused(match &gateway.subnet_id {
            Some(subnet) => {
                format!("{subnet} holds the NAT gateway {id}, which reaches the internet by that route")
            }
            None => format!(
                "{} has the regional NAT gateway {id}: name it in nat_gateways if it takes the place of \
                 the route",
                scene.table.vpc_id
            ),
        })),
    }
}

/// Refuses subnets with an internet-facing load balancer.
fn balances(scene: &Scene<'_>, subnets: &[&Subnet]) -> Result<(), Refusal> {
    let all = scene.known.load_balancers.select(&Selector::All);
    let all = support::need(all, "the load balancers")?;
    let ids: BTreeSet<&str> = subnets.iter().map(|subnet| subnet.id.as_str()).collect();
    // A scheme that redress does not know is taken for one that faces the internet.
    let faces = all.iter().filter(|(_, balancer)| balancer.scheme != "internal");
    let mut found = faces.flat_map(|(_, b)| b.subnets.iter().map(move |subnet| (b, subnet)));
    match found.find(|(_, subnet)| ids.contains(subnet.as_str())) {
        None => Ok(()),
        Some((balancer, subnet)) => Err(Refusal::Refused(format!(
            "{subnet} holds the load balancer {}, which is {}: it answers the internet by that route",
            balancer.name, balancer.scheme
        ))),
    }
}

/// Returns whether an interface is a load balancer's: of Classic Load Balancers, nothing else is read.
fn is_balancer(eni: &NetworkInterface) -> bool {
    eni.requester_id.as_deref() == Some("amazon-elb")
        || eni.instance_owner_id.as_deref() == Some("amazon-elb")
}

/// Describes who can no longer be reached from the internet, by the address families of the routes that go.
pub fn cut(scene: &Scene<'_>, subnets: &[&Subnet], routes: &[Led<'_>]) -> Result<Option<String>, Refusal> {
    let all = interfaces(scene, subnets)?;
    let goes = |v6: bool| routes.iter().any(|led| led.route.destination.contains(':') == v6);
    let mut reached = Vec::new();
    for eni in &all {
        let v4 = public(eni).filter(|_| goes(false));
        let v6 = eni.more_addresses.iter().map(String::as_str).filter(|a| goes(true) && a.contains(':'));
        let addresses: Vec<&str> = v4.chain(v6).collect();
        if !addresses.is_empty() {
            reached.push(format!("{} ({})", eni.id, addresses.join(", ")));
        }
    }
    let reached: Vec<&str> = reached.iter().map(String::as_str).collect();
    Ok((!reached.is_empty()).then(|| {
        format!(
            "no longer reached from the internet: {}; public addresses stay, and cost as before",
            few(&reached)
        )
    }))
}

/// Returns a few of many, and the number of the others.
pub fn few(all: &[&str]) -> String {
    let named = all.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    match all.len().checked_sub(NAMED).filter(|more| *more > 0) {
        Some(more) => format!("{named} and {more} more"),
        None => named,
    }
}
