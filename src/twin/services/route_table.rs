//! Associations of subnets with route tables, as `ec2:AssociateRouteTable`,
//! `ec2:ReplaceRouteTableAssociation` and `ec2:DisassociateRouteTable` treat them. Each new association has a
//! new id.

use super::{OnTwin, done, route::own_table};
use crate::{
    calls::{CallError, Outcome},
    inventory::{RouteTableAssociation, routes::ASSOCIATED},
    services::route_table::{AssociateRouteTable, DisassociateRouteTable, ReplaceRouteTableAssociation},
    twin::{
        Twin,
        errors::{must, refuse},
    },
};

impl OnTwin for AssociateRouteTable {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        let (id, subnet) = (&self.route_table_id, &self.subnet_id);
        let vpc = own_table(t, region, id)?.vpc_id.clone();
        let found = must(t.region(region)?.subnets.get(subnet), subnet, || {
            refuse("InvalidSubnetID.NotFound", format!("The subnet ID '{subnet}' does not exist"))
        })?;
        of_one_vpc(&vpc, &found.vpc_id)?;
        let has = |a: &RouteTableAssociation| a.subnet_id.as_ref() == Some(subnet);
        if t.region(region)?.route_tables.known().any(|(_, table)| table.associations.iter().any(has)) {
            let message = format!("the specified association for route table {id} conflicts");
            return Err(refuse("Resource.AlreadyAssociated", message));
        }
        let association = RouteTableAssociation { subnet_id: Some(self.subnet_id), ..Default::default() };
        associate(t, region, id, association)
    }
}

impl OnTwin for ReplaceRouteTableAssociation {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        let vpc = own_table(t, region, &self.route_table_id)?.vpc_id.clone();
        let (former, association) = standing(t, region, &self.association_id)?;
        of_one_vpc(&vpc, &own_table(t, region, &former)?.vpc_id)?;
        end(t, region, &former, &self.association_id);
        associate(t, region, &self.route_table_id, association)
    }
}

impl OnTwin for DisassociateRouteTable {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        let (table, association) = standing(t, region, &self.association_id)?;
        own_table(t, region, &table)?;
        if association.main {
            let message = format!("cannot disassociate the main route table association {}", association.id);
            return Err(refuse("InvalidParameterValue", message));
        }
        end(t, region, &table, &self.association_id);
        done()
    }
}

/// Returns an association with the id of its table.
fn standing(t: &Twin, region: &str, id: &str) -> Result<(String, RouteTableAssociation), CallError> {
    let tables = &t.region(region)?.route_tables;
    let mut all =
        tables.known().flat_map(|(table, about)| about.associations.iter().map(move |a| (table, a)));
    let found = all.find(|(_, association)| association.id == id);
    found.map(|(table, association)| (table.to_owned(), association.clone())).ok_or_else(|| {
        refuse("InvalidAssociationID.NotFound", format!("The association ID '{id}' does not exist"))
    })
}

/// Refuses a table of another VPC than that of the subnet.
fn of_one_vpc(table: &str, other: &str) -> Result<(), CallError> {
    match table == other {
        true => Ok(()),
        false => Err(refuse(
            "InvalidParameterValue",
            format!("The route table belongs to {table}, and the association to {other}"),
        )),
    }
}

fn associate(t: &mut Twin, region: &str, table: &str, association: RouteTableAssociation) -> Outcome {
    let id = t.fresh("rtbassoc");
    if let Some(table) = t.region_mut(region).route_tables.get_mut(table) {
        let state = Some(ASSOCIATED.to_owned());
        table.associations.push(RouteTableAssociation { id, state, ..association });
    }
    done()
}

fn end(t: &mut Twin, region: &str, table: &str, id: &str) {
    if let Some(table) = t.region_mut(region).route_tables.get_mut(table) {
        table.associations.retain(|association| association.id != id);
    }
}
