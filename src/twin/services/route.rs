//! Routes, as `ec2:DeleteRoute` treats them.

use super::{OnTwin, done};
use crate::{
    calls::{CallError, Outcome},
    inventory::RouteTable,
    services::route::DeleteRoute,
    twin::{
        Twin,
        errors::{must, refuse},
    },
};

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
