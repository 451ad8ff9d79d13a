//! Calls about the route tables of subnets, compared with the tables of today. An association carries no mark
//! of the run that made it, and has another id each time: its subnet and its table decide. Pure.

use serde_json::Value;

use super::{Lead, Way};
use crate::{
    calls::{Act, Call},
    inventory::{
        Fact, FamilyKind, Inventory, Region, RouteTable, RouteTableAssociation, Scope, Selector, Want,
    },
    plan::Change,
    resource::Kind,
    services::route_table::{AssociateRouteTable, DisassociateRouteTable, ReplaceRouteTableAssociation},
};

/// Returns whether a call is about the route table of one subnet.
pub(super) fn is_about(call: &Call) -> bool {
    call.is::<AssociateRouteTable>()
        || call.is::<ReplaceRouteTableAssociation>()
        || call.is::<DisassociateRouteTable>()
}

/// Returns the table of a change.
fn own<'i>(change: &Change, facts: &'i Inventory) -> Option<(&'i Region, &'i RouteTable)> {
    if change.resource.kind() != Kind::RouteTable {
        return None;
    }
    let region = facts.regions.get(&change.region)?;
    Some((region, region.route_tables.get(change.resource.id()).known().copied()?))
}

/// Returns whether a thing is of the VPC of the table of a change.
pub(super) fn is_of_vpc(change: &Change, facts: &Inventory, thing: &Value) -> bool {
    own(change, facts)
        .is_some_and(|(_, table)| thing.get("vpc_id").and_then(Value::as_str) == Some(&table.vpc_id))
}

/// Returns the association of a table by its member that has this value.
fn of(
    table: &RouteTable,
    is_it: impl Fn(&RouteTableAssociation) -> bool,
) -> Option<(&RouteTable, &RouteTableAssociation)> {
    table.associations.iter().find(|one| is_it(one)).map(|one| (table, one))
}

/// Returns the facts that must be read to judge calls about the route tables of subnets: all tables of the
/// VPC, which show where an association is.
pub(super) fn needs(change: &Change, known: &Inventory) -> Scope {
    let backs = change.steps.iter().flat_map(|step| step.way_back.acts());
    let mut acts = change.steps.iter().map(|step| &step.act).chain(backs);
    if change.resource.kind() != Kind::RouteTable || !acts.any(|act| is_about(&act.call)) {
        return Scope::new();
    }
    let want = Want::id(&change.region, FamilyKind::RouteTables, change.resource.id());
    let of_vpc = own(change, known)
        .map(|(_, table)| Want::by(&change.region, FamilyKind::RouteTables, "vpc-id", &table.vpc_id));
    std::iter::once(want).chain(of_vpc).collect()
}

/// Returns the association that a call ends, with its table: the one with that id, or the one that the act
/// looks up directly before the call. `Some(None)` where it is gone; `None` where that is not known.
fn ended<'i>(
    region: &'i Region,
    vpc: &str,
    act: &Act,
) -> Option<Option<(&'i RouteTable, &'i RouteTableAssociation)>> {
    if let Some(id) = act.call.input.get("AssociationId")?.as_str() {
        let tables = region.route_tables.select(&Selector::by("vpc-id", vpc));
        let tables = tables.known()?;
        return Some(tables.iter().find_map(|(_, table)| of(table, |one| one.id == id)));
    }
    let [look] = act.observe.as_slice() else { return None };
    let subnet = look.at.strip_prefix("/associations/subnet_id=")?.strip_suffix("/id")?;
    match region.route_tables.get(look.id.as_str()?) {
        Fact::Known(table) => Some(of(table, |one| one.subnet_id.as_deref() == Some(subnet))),
        Fact::Absent => Some(None),
        Fact::Unknown(_) | Fact::NotRead => None,
    }
}

/// Judges a call that is not what the action does today. Returns the claim for which only the files of the
/// run vouch: on the way back, a subnet gets the table of the change again. A call that does nothing needs
/// none.
pub(super) fn borne_out(change: &Change, facts: &Inventory, lead: &Lead<'_>) -> Option<Option<String>> {
    let (region, table) = own(change, facts)?;
    let call = &lead.act.call;
    let to = call.input.get("RouteTableId").and_then(Value::as_str);
    if call.is::<AssociateRouteTable>() {
        // AWS associates a subnet once.
        let subnet = call.input.get("SubnetId")?.as_str()?;
        let has = |one: &RouteTableAssociation| one.subnet_id.as_deref() == Some(subnet);
        return region.route_tables.known().any(|(_, table)| of(table, has).is_some()).then_some(None);
    }
    let Some((from, association)) = ended(region, &table.vpc_id, &lead.act)? else { return Some(None) };
    let subnet = association.subnet_id.as_deref()?;
    let is_back = lead.way == Way::Back && from.vpc_id == table.vpc_id && from.id != table.id;
    let is_main = table.associations.iter().any(|one| one.main);
    let comes_back = if call.is::<DisassociateRouteTable>() { is_main } else { to == Some(&table.id) };
    (is_back && comes_back)
        .then(|| Some(format!("{subnet} is led by {} again instead of {}", table.id, from.id)))
}
