//! Routes, as `ec2:CreateRoute` and `ec2:DeleteRoute` treat them.

use ipnet::IpNet;

use super::{OnTwin, done};
use crate::{
    calls::{CallError, Outcome},
    inventory::{Route, RouteTable, routes::PEERING},
    services::route::{CreateRoute, DeleteRoute},
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
        let to = destination([self.destination_cidr_block, self.destination_ipv6_cidr_block, None])?;
        let network: IpNet = to
            .parse()
            .map_err(|_| refuse("InvalidParameterValue", format!("CIDR block {to} is malformed")))?;
        let (id, connection) = (&self.route_table_id, &self.vpc_peering_connection_id);
        let table = own_table(t, region, id)?;
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
        let state = connected(t, region, connection)?;
        let route = Route {
            destination: to,
            target: [(PEERING.to_owned(), connection.clone())].into(),
            instance_owner_id: None,
            state: state.to_owned(),
            origin: "CreateRoute".to_owned(),
        };
        if let Some(table) = t.region_mut(region).route_tables.get_mut(id) {
            table.routes.push(route);
        }
        done()
    }
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
fn own_table<'t>(t: &'t Twin, region: &str, id: &str) -> Result<&'t RouteTable, CallError> {
    let table = must(t.region(region)?.route_tables.get(id), id, || {
        refuse("InvalidRouteTableID.NotFound", format!("The routeTable ID '{id}' does not exist"))
    })?;
    match t.truth.owner.owns(&table.owner_id) {
        true => Ok(table),
        false => Err(refuse("UnauthorizedOperation", "You are not authorized to perform this operation.")),
    }
}
