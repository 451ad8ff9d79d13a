//! Routes, as `ec2:CreateRoute`, `ec2:ReplaceRoute` and `ec2:DeleteRoute` treat them.

use ipnet::IpNet;

use super::{OnTwin, done};
use crate::{
    calls::{CallError, Outcome},
    inventory::{
        Route, RouteTable,
        routes::{EGRESS_ONLY, NAT_GATEWAY, PEERING},
    },
    services::route::{CreateRoute, DeleteRoute, ReplaceRoute},
    twin::{
        Twin,
        errors::{must, refuse},
    },
};

/// Routes of a table, IPv4 and IPv6 counted apart
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-limits-route-tables>).
const LIMIT: usize = 50;
/// The error code for a table that has more routes.
const OVER: &str = "RouteLimitExceeded";

impl OnTwin for CreateRoute {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        let targets = self.targets();
        let to = destination([self.destination_cidr_block, self.destination_ipv6_cidr_block, None])?;
        let network: IpNet = to
            .parse()
            .map_err(|_| refuse("InvalidParameterValue", format!("CIDR block {to} is malformed")))?;
        let id = self.route_table_id.clone();
        let table = own_table(t, region, &id)?;
        if table.routes.iter().any(|r| r.destination == to && r.origin != "EnableVgwRoutePropagation") {
            return Err(refuse(
                "RouteAlreadyExists",
                format!("The route identified by {to} already exists."),
            ));
        }
        let local = table.routes.iter().filter(|r| r.target.values().any(|target| target == "local"));
        let within = |own: &str| own.parse::<IpNet>().is_ok_and(|own| own.contains(&network));
        if local.into_iter().any(|r| within(&r.destination)) {
            let message = format!("The destination {to} is more specific than a local route");
            return Err(refuse("InvalidParameterValue", message));
        }
        let same = |r: &&Route| r.destination.contains(':') == to.contains(':');
        let counted = |r: &&Route| r.origin != "EnableVgwRoutePropagation";
        let limit = t.quotas.get(OVER).copied().unwrap_or(LIMIT).max(LIMIT);
        if table.routes.iter().filter(same).filter(counted).count() >= limit {
            return Err(refuse(OVER, "The maximum number of routes has been reached."));
        }
        let route = leading(t, region, to, &targets)?;
        if let Some(table) = t.region_mut(region).route_tables.get_mut(&id) {
            table.routes.push(route);
        }
        done()
    }
}

impl OnTwin for ReplaceRoute {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        let targets = self.targets();
        let to = destination([self.destination_cidr_block, self.destination_ipv6_cidr_block, None])?;
        let id = self.route_table_id.clone();
        let is_it = |r: &Route| r.destination == to && r.origin == "CreateRoute";
        if !own_table(t, region, &id)?.routes.iter().any(is_it) {
            let message = format!("There is no route defined for '{to}' in the route table.");
            return Err(refuse("InvalidParameterValue", message));
        }
        let route = leading(t, region, to.clone(), &targets)?;
        let table = t.region_mut(region).route_tables.get_mut(&id);
        if let Some(old) = table.and_then(|table| table.routes.iter_mut().find(|r| is_it(r))) {
            *old = route;
        }
        done()
    }
}

/// Returns the route to a destination, as AWS makes it: a target that does not exist is refused.
fn leading(
    t: &Twin,
    region: &str,
    destination: String,
    targets: &[(&'static str, String)],
) -> Result<Route, CallError> {
    let [(member, id)] = targets else {
        return Err(refuse("InvalidParameterCombination", "The request must name one target"));
    };
    let state = match *member {
        PEERING => connected(t, region, id)?,
        NAT_GATEWAY => of_nat(t, region, id)?,
        EGRESS_ONLY => of_egress_only(t, region, id)?,
        // The account in memory has no internet gateways of its own: routes name them.
        _ => "active",
    };
    Ok(Route {
        destination,
        target: [((*member).to_owned(), id.clone())].into(),
        instance_owner_id: None,
        state: state.to_owned(),
        origin: "CreateRoute".to_owned(),
    })
}

/// Returns the state of a new route to a NAT gateway, which AWS takes in any state but that it is gone.
fn of_nat(t: &Twin, region: &str, id: &str) -> Result<&'static str, CallError> {
    let absent =
        || refuse("InvalidNatGatewayID.NotFound", format!("The NatGateway ID '{id}' does not exist"));
    let gateway = must(t.region(region)?.nat_gateways.get(id), id, absent)?;
    match gateway.state.as_str() {
        "available" => Ok("active"),
        "pending" => Ok("blackhole"),
        _ => Err(absent()),
    }
}

/// Returns the state of a new route to an egress-only internet gateway.
fn of_egress_only(t: &Twin, region: &str, id: &str) -> Result<&'static str, CallError> {
    let absent = || refuse("InvalidGatewayID.NotFound", format!("The eigw ID '{id}' does not exist"));
    must(t.region(region)?.egress_only_gateways.get(id), id, absent)?;
    Ok("active")
}

/// Returns the state of a new route to a peering connection: it drops packets until the other side accepts.
fn connected(t: &Twin, region: &str, id: &str) -> Result<&'static str, CallError> {
    let absent = || {
        let message = format!("The vpcPeeringConnection ID '{id}' does not exist");
        refuse("InvalidVpcPeeringConnectionID.NotFound", message)
    };
    let connection = must(t.region(region)?.vpc_peering_connections.get(id), id, absent)?;
    match connection.status.as_str() {
        "active" => Ok("active"),
        "pending-acceptance" | "provisioning" | "initiating-request" => Ok("blackhole"),
        _ => Err(absent()),
    }
}

impl OnTwin for DeleteRoute {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        let destination = destination([
            self.destination_cidr_block,
            self.destination_ipv6_cidr_block,
            self.destination_prefix_list_id,
        ])?;
        let id = &self.route_table_id;
        let routes = &own_table(t, region, id)?.routes;
        let of = |origin: &str| routes.iter().any(|r| r.destination == destination && r.origin == origin);
        if of("CreateRouteTable") {
            let message = format!("cannot remove local route {destination} in route table {id}");
            return Err(refuse("InvalidParameterValue", message));
        }
        // A route that AWS adds itself goes where its source goes.
        if !of("CreateRoute") {
            let message = format!("no route with destination-cidr-block {destination} in route table {id}");
            return Err(refuse("InvalidRoute.NotFound", message));
        }
        if let Some(table) = t.region_mut(region).route_tables.get_mut(id) {
            table.routes.retain(|r| !(r.destination == destination && r.origin == "CreateRoute"));
        }
        done()
    }
}

/// Returns the one destination that a call names.
fn destination(given: [Option<String>; 3]) -> Result<String, CallError> {
    let mut given = given.into_iter().flatten();
    match (given.next(), given.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(refuse("MissingParameter", "The request must contain a destination")),
        (Some(_), Some(_)) => {
            Err(refuse("InvalidParameterCombination", "The request must contain one destination only"))
        }
    }
}

/// Returns a table of the account. The table of a VPC that is shared with it is its owner's to change.
pub(super) fn own_table<'t>(t: &'t Twin, region: &str, id: &str) -> Result<&'t RouteTable, CallError> {
    let table = must(t.region(region)?.route_tables.get(id), id, || {
        refuse("InvalidRouteTableID.NotFound", format!("The routeTable ID '{id}' does not exist"))
    })?;
    match t.truth.owner.owns(&table.owner_id) {
        true => Ok(table),
        false => Err(refuse("UnauthorizedOperation", "You are not authorized to perform this operation.")),
    }
}
