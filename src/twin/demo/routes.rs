//! The company's routes: tables, a NAT gateway, a peering connection. Data only.

use super::{ACCOUNT, MAIN, id, named, network::VPC_MAIN};
use crate::inventory::{
    Inventory, NatGateway, PeeredVpc, Route, RouteTable, RouteTableAssociation, VpcPeeringConnection,
    routes::{ASSOCIATED, GATEWAY, NAT_GATEWAY, PEERING},
};

/// The VPC with the data.
const VPC_DATA: u64 = 2;
/// The VPC that another account shares.
const VPC_SHARED: u64 = 5;

pub(super) fn furnish(company: &mut Inventory) {
    let private = vec![
        local("10.10.0.0/16"),
        route("0.0.0.0/0", NAT_GATEWAY, &id("nat", 1)),
        route("10.20.0.0/16", PEERING, &id("pcx", 1)),
    ];
    let public = vec![
        local("10.10.0.0/16"),
        route("0.0.0.0/0", GATEWAY, &id("igw", 1)),
        // The partner has deleted the connection. Without the route its packets would go to the internet.
        dropping("10.80.0.0/16", PEERING, &id("pcx", 9), "CreateRoute"),
    ];
    // The tunnel to the office is down: its routes come back with it.
    let data = vec![
        local("10.20.0.0/16"),
        // Drawn with a broad brush; nothing else of it is routed anywhere.
        route("10.0.0.0/8", PEERING, &id("pcx", 1)),
        dropping("10.70.0.0/16", GATEWAY, &id("vgw", 1), "EnableVgwRoutePropagation"),
    ];
    let shared =
        vec![local("10.50.0.0/16"), dropping("0.0.0.0/0", NAT_GATEWAY, &id("nat", 9), "CreateRoute")];
    // Somebody has copied the public table for the batch jobs.
    let batch = vec![local("10.10.0.0/16"), route("0.0.0.0/0", GATEWAY, &id("igw", 1))];
    let list = [
        (1, VPC_MAIN, "main", ACCOUNT, vec![local("10.10.0.0/16")]),
        (2, VPC_MAIN, "main-private", ACCOUNT, private),
        (3, VPC_MAIN, "main-public", ACCOUNT, public),
        (4, VPC_DATA, "data", ACCOUNT, data),
        (5, VPC_SHARED, "shared-by-parent", "999988887777", shared),
        (6, VPC_MAIN, "main-batch", ACCOUNT, batch),
    ];
    for (n, vpc, name, owner, routes) in list {
        let table = RouteTable {
            id: id("rtb", n),
            vpc_id: id("vpc", vpc),
            owner_id: owner.to_owned(),
            routes,
            associations: vec![associated(n)],
            propagating_gateways: if n == 4 { vec![id("vgw", 1)] } else { Vec::new() },
            tags: named(name),
        };
        company.region_mut(MAIN).route_tables.put(table.id.clone(), table);
    }
    gateways(company);
    peerings(company);
}

/// Returns the association of a table: those with a name for it have a subnet each, the others are the
/// main tables of their VPCs.
fn associated(table: u64) -> RouteTableAssociation {
    let subnet = match table {
        2 => Some(1),
        3 => Some(2),
        6 => Some(4),
        _ => None,
    };
    RouteTableAssociation {
        id: id("rtbassoc", table),
        subnet_id: subnet.map(|n| id("subnet", n)),
        gateway_id: None,
        main: subnet.is_none(),
        state: Some(ASSOCIATED.to_owned()),
    }
}

fn local(cidr: &str) -> Route {
    Route { origin: "CreateRouteTable".to_owned(), ..route(cidr, GATEWAY, "local") }
}

fn route(destination: &str, member: &str, target: &str) -> Route {
    Route {
        destination: destination.to_owned(),
        target: [(member.to_owned(), target.to_owned())].into(),
        instance_owner_id: None,
        state: "active".to_owned(),
        origin: "CreateRoute".to_owned(),
    }
}

fn dropping(destination: &str, member: &str, target: &str, origin: &str) -> Route {
    let (state, origin) = ("blackhole".to_owned(), origin.to_owned());
    Route { state, origin, ..route(destination, member, target) }
}

fn gateways(company: &mut Inventory) {
    let gateway = NatGateway {
        id: id("nat", 1),
        vpc_id: id("vpc", VPC_MAIN),
        subnet_id: Some(id("subnet", 2)),
        state: "available".to_owned(),
        availability_mode: Some("zonal".to_owned()),
        connectivity_type: Some("public".to_owned()),
        tags: named("main"),
    };
    company.region_mut(MAIN).nat_gateways.put(gateway.id.clone(), gateway);
}

fn peerings(company: &mut Inventory) {
    let side = |vpc, cidr: &str| PeeredVpc {
        vpc_id: id("vpc", vpc),
        owner_id: ACCOUNT.to_owned(),
        region: MAIN.to_owned(),
        cidrs: vec![cidr.to_owned()],
        ipv6_cidrs: Vec::new(),
    };
    let connection = VpcPeeringConnection {
        id: id("pcx", 1),
        status: "active".to_owned(),
        requester: side(VPC_MAIN, "10.10.0.0/16"),
        accepter: side(VPC_DATA, "10.20.0.0/16"),
        tags: named("main-data"),
    };
    company.region_mut(MAIN).vpc_peering_connections.put(connection.id.clone(), connection);
}
