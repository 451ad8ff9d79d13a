//! The check on routes whose target no longer exists. AWS shows them as `blackhole`, and drops what they
//! would take. A blackhole whose target may come back is none of them: an interface that is detached, a
//! gateway that is attached again.

use serde_json::Value;

use super::{evidence, is_made, judged, line, looked_up, reads, resources, silence, strange, tags};
use crate::{
    checks::Check,
    finding::{Severity, Verdict},
    inventory::{Fact, FamilyKind, Inventory, Route, Want},
    resource::{Kind, ResourceId},
};

/// The id of the check.
pub const BLACKHOLE: &str = "route-table-blackhole-route";

/// The kinds of targets that are looked up, in words.
pub const LOOKED_UP: &str = "NAT gateways, peering connections, network interfaces and instances";

/// The check.
pub(super) const CHECK: Check = Check {
    id: BLACKHOLE,
    title: "A route leads to a target that no longer exists",
    why: "What the route would take is dropped in silence, though a wider route might deliver it, and \
          whoever reads the table takes the network behind it for connected.",
    severity: Severity::Low,
    kind: Kind::RouteTable,
    known_as: &[],
    // A route to something that exists becomes one when that is deleted.
    triggers: &["ec2:DeleteNatGateway", "ec2:DeleteVpcPeeringConnection"],
    scanned: true,
    reads,
    reads_one: |inventory, resource, _| wants(inventory, resource),
    resources,
    judge: |inventory, resource, _| judge(inventory, resource),
    silence,
    tags,
};

/// The standing of the target of a route that drops its packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// It no longer exists: AWS was asked for it by its id, and has no such thing.
    Gone,
    /// It exists, or nobody looks: the reason for which the route stays.
    Stays(String),
    /// It could not be read. The text is the reason.
    Unknown(String),
}

/// Returns whether a route drops its packets and somebody has made it.
///
/// # Errors
/// The word of AWS's that redress does not know.
pub fn drops(route: &Route) -> Result<bool, String> {
    match route.state.as_str() {
        // A filtered route is one of a route server that another takes the place of
        // (https://docs.aws.amazon.com/vpc/latest/userguide/dynamic-routing-route-server.html).
        "active" | "filtered" => Ok(false),
        "blackhole" => is_made(route).ok_or_else(|| strange(route)),
        _ => Err(strange(route)),
    }
}

/// Returns what is known of the target of a route.
pub fn target(inventory: &Inventory, region: &str, route: &Route) -> Target {
    let Some((family, id)) = looked_up(route) else {
        return Target::Stays(format!(
            "the route {} drops packets; whether its target is gone is not known, since redress looks up \
             {LOOKED_UP}",
            line(route)
        ));
    };
    // A participant's interface in a shared subnet may not be shown to the owner of the VPC.
    if let Some(other) = route.instance_owner_id.as_deref().filter(|owner| !inventory.owner.owns(owner)) {
        return Target::Stays(format!("the route {} leads to an instance of account {other}", line(route)));
    }
    match inventory.json(region, family, id) {
        Fact::Absent => Target::Gone,
        Fact::Known(thing) => {
            let state =
                ["state", "status"].iter().find_map(|member| thing.get(member).and_then(Value::as_str));
            let state = state.filter(|state| !state.is_empty()).map(|state| format!(" ({state})"));
            Target::Stays(format!(
                "the route {} drops packets, but AWS still shows {id}{}",
                line(route),
                state.unwrap_or_default()
            ))
        }
        silent => Target::Unknown(format!("{id}: {}", silent.silence().unwrap_or_default())),
    }
}

/// Returns the facts of the check: the table, and the targets of its routes that drop packets.
pub fn wants(inventory: &Inventory, resource: &ResourceId) -> Vec<Want> {
    let (region, id) = (resource.region(), resource.id());
    let mut wants = vec![Want::id(region, FamilyKind::RouteTables, id)];
    let table = inventory.regions.get(region).map(|place| place.route_tables.get(id));
    let routes = table.as_ref().and_then(|table| table.known().map(|table| table.routes.as_slice()));
    let dropping = routes.unwrap_or_default().iter().filter(|route| drops(route) == Ok(true));
    wants.extend(dropping.filter_map(looked_up).map(|(family, id)| Want::id(region, family, id)));
    wants
}

fn judge(inventory: &Inventory, resource: &ResourceId) -> Verdict {
    let table = match judged(inventory, resource) {
        Ok((_, table)) => table,
        Err(verdict) => return verdict,
    };
    let (mut gone, mut unknown, mut stays) = (Vec::new(), Vec::new(), Vec::new());
    for route in &table.routes {
        match drops(route) {
            Ok(false) => {}
            Ok(true) => match target(inventory, resource.region(), route) {
                Target::Gone => gone.push(route),
                Target::Stays(why) => stays.push(why),
                Target::Unknown(why) => unknown.push(format!("whether a target still exists: {why}")),
            },
            Err(why) => unknown.push(why),
        }
    }
    match (gone.is_empty(), unknown.is_empty()) {
        (false, _) => Verdict::Violates(evidence(table, &gone)),
        (true, false) => Verdict::Unknown(unknown.join("; ")),
        (true, true) => Verdict::Ok((!stays.is_empty()).then(|| stays.join("; "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        inventory::{Caller, NatGateway, RouteTable, Selector, VpcPeeringConnection, routes},
        resource::Owner,
    };

    const R: &str = "us-east-1";

    fn route(destination: &str, member: &str, id: &str, state: &str, origin: &str) -> Route {
        Route {
            destination: destination.into(),
            target: [(member.to_owned(), id.to_owned())].into(),
            instance_owner_id: None,
            state: state.into(),
            origin: origin.into(),
        }
    }

    fn account(routes: Vec<Route>) -> Inventory {
        let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
        let mut it = Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
        let region = it.region_mut(R);
        region.nat_gateways.read(&Selector::All, Fact::Known(()));
        region.vpc_peering_connections.read(&Selector::All, Fact::Known(()));
        region.network_interfaces.read(&Selector::All, Fact::Known(()));
        region.route_tables.read(&Selector::All, Fact::Known(()));
        let owner_id = "123456789012".into();
        let table = RouteTable {
            id: "rtb-1".into(),
            vpc_id: "vpc-1".into(),
            owner_id,
            routes,
            ..RouteTable::default()
        };
        region.route_tables.put("rtb-1", table);
        it
    }

    fn verdict(it: &Inventory) -> Verdict {
        judge(it, &it.owner.ec2(R, "route-table", "rtb-1"))
    }

    #[test]
    fn a_static_route_is_found_only_where_its_target_is_known_to_be_gone() {
        for (member, id) in
            [(routes::NAT_GATEWAY, "nat-1"), (routes::PEERING, "pcx-1"), (routes::INTERFACE, "eni-1")]
        {
            for destination in ["10.9.0.0/16", "2001:db8::/32", "pl-1"] {
                let it = account(vec![route(destination, member, id, "blackhole", "CreateRoute")]);
                let Verdict::Violates(evidence) = verdict(&it) else { panic!("{destination} to {id}") };
                assert_eq!(evidence["routes"], serde_json::json!([format!("{destination} to {id}")]));
            }
        }
        let mut shown = account(vec![
            route("0.0.0.0/0", routes::NAT_GATEWAY, "nat-1", "blackhole", "CreateRoute"),
            route("10.9.0.0/16", routes::PEERING, "pcx-1", "blackhole", "CreateRoute"),
        ]);
        let region = shown.region_mut(R);
        region.nat_gateways.put("nat-1", NatGateway { state: "deleted".into(), ..NatGateway::default() });
        let rejected = VpcPeeringConnection { status: "rejected".into(), ..VpcPeeringConnection::default() };
        region.vpc_peering_connections.put("pcx-1", rejected);
        let Verdict::Ok(Some(why)) = verdict(&shown) else { panic!() };
        assert!(why.contains("nat-1 (deleted)") && why.contains("pcx-1 (rejected)"), "{why}");
    }

    #[test]
    fn routes_that_aws_adds_and_targets_that_are_not_looked_up_are_no_finding() {
        for origin in ["EnableVgwRoutePropagation", "Advertisement", "CreateRouteTable"] {
            let it = account(vec![route("10.9.0.0/16", routes::NAT_GATEWAY, "nat-1", "blackhole", origin)]);
            assert_eq!(verdict(&it), Verdict::Ok(None), "{origin}");
        }
        for state in ["active", "filtered"] {
            let it = account(vec![route("10.9.0.0/16", routes::NAT_GATEWAY, "nat-1", state, "CreateRoute")]);
            assert_eq!(verdict(&it), Verdict::Ok(None), "{state}");
        }
        for (member, id) in
            [(routes::GATEWAY, "igw-1"), ("TransitGatewayId", "tgw-1"), ("LaterGatewayId", "x")]
        {
            let it = account(vec![route("10.9.0.0/16", member, id, "blackhole", "CreateRoute")]);
            let Verdict::Ok(Some(why)) = verdict(&it) else { panic!("{id}") };
            assert!(why.contains(LOOKED_UP), "{why}");
        }
        let foreign = Route {
            instance_owner_id: Some("999988887777".into()),
            ..route("10.9.0.0/16", routes::INTERFACE, "eni-1", "blackhole", "CreateRoute")
        };
        assert!(
            matches!(verdict(&account(vec![foreign])), Verdict::Ok(Some(why)) if why.contains("999988887777"))
        );
    }

    #[test]
    fn words_that_are_new_and_reads_that_failed_are_unknown() {
        for (state, origin) in [("frozen", "CreateRoute"), ("", "CreateRoute"), ("blackhole", "CreateTwin")] {
            let it = account(vec![route("10.9.0.0/16", routes::NAT_GATEWAY, "nat-1", state, origin)]);
            assert!(matches!(verdict(&it), Verdict::Unknown(_)), "{state} {origin}");
        }
        let mut it =
            account(vec![route("10.9.0.0/16", routes::NAT_GATEWAY, "nat-1", "blackhole", "CreateRoute")]);
        it.region_mut(R).nat_gateways.reads.clear();
        assert!(matches!(verdict(&it), Verdict::Unknown(why) if why.contains("not read")));
        it.region_mut(R).nat_gateways.read(&Selector::All, Fact::unknown("AccessDenied"));
        assert!(matches!(verdict(&it), Verdict::Unknown(why) if why.contains("AccessDenied")));
        it.region_mut(R).route_tables.items.insert("rtb-1".into(), Fact::unknown("AccessDenied"));
        assert!(matches!(verdict(&it), Verdict::Unknown(_)));
        assert_eq!(resources(&it, &[R.to_owned()]).len(), 1, "and it is not left out of a scan");
    }

    #[test]
    fn the_table_of_a_shared_vpc_is_for_its_owner_to_judge() {
        let mut it =
            account(vec![route("10.9.0.0/16", routes::NAT_GATEWAY, "nat-1", "blackhole", "CreateRoute")]);
        it.region_mut(R).route_tables.get_mut("rtb-1").unwrap().owner_id = "999988887777".into();
        assert_eq!(resources(&it, &[R.to_owned()]), []);
        assert_eq!(verdict(&it), Verdict::Ok(None));
    }
}
