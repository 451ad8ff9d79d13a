//! Reads route tables, NAT gateways and VPC peering connections.

use std::collections::BTreeMap;

use aws_sdk_ec2::{Client, types};

use super::{
    Ask, Members,
    page::{filters, known, pages, some, tags, text},
};
use crate::inventory::{
    EgressOnlyGateway, NatGateway, PeeredVpc, Route, RouteTable, RouteTableAssociation, VpcPeeringConnection,
    routes::{EGRESS_ONLY, GATEWAY, INSTANCE, INTERFACE, NAT_GATEWAY, PEERING},
};

/// Calls `ec2:DescribeRouteTables`.
pub async fn tables(ec2: &Client, ask: &Ask) -> Members<RouteTable> {
    let request = ec2.describe_route_tables().set_filters(filters(ask, "route-table-id")).max_results(100);
    Ok(known(pages!("ec2:DescribeRouteTables", request, route_tables => table), |t| &t.id))
}

fn table(table: types::RouteTable) -> RouteTable {
    let associations = table.associations.unwrap_or_default().into_iter();
    RouteTable {
        id: text(table.route_table_id),
        vpc_id: text(table.vpc_id),
        owner_id: text(table.owner_id),
        routes: table.routes.unwrap_or_default().into_iter().map(route).collect(),
        associations: associations.filter(stands).map(association).collect(),
        propagating_gateways: table
            .propagating_vgws
            .unwrap_or_default()
            .into_iter()
            .filter_map(|gateway| some(gateway.gateway_id))
            .collect(),
        tags: tags(table.tags),
    }
}

/// Returns whether an association is not one that has ended.
fn stands(association: &types::RouteTableAssociation) -> bool {
    let state = association.association_state.as_ref().and_then(|state| state.state.as_ref());
    !state.is_some_and(|state| matches!(state.as_str(), "disassociated" | "failed"))
}

fn association(association: types::RouteTableAssociation) -> RouteTableAssociation {
    RouteTableAssociation {
        id: text(association.route_table_association_id),
        subnet_id: some(association.subnet_id),
        gateway_id: some(association.gateway_id),
        main: association.main.unwrap_or_default(),
        state: association.association_state.and_then(|state| some(state.state)),
    }
}

fn route(route: types::Route) -> Route {
    let destinations =
        [route.destination_cidr_block, route.destination_ipv6_cidr_block, route.destination_prefix_list_id];
    let targets = [
        (GATEWAY, route.gateway_id),
        (NAT_GATEWAY, route.nat_gateway_id),
        (PEERING, route.vpc_peering_connection_id),
        (INSTANCE, route.instance_id),
        (INTERFACE, route.network_interface_id),
        (EGRESS_ONLY, route.egress_only_internet_gateway_id),
        ("TransitGatewayId", route.transit_gateway_id),
        ("LocalGatewayId", route.local_gateway_id),
        ("CarrierGatewayId", route.carrier_gateway_id),
        ("CoreNetworkArn", route.core_network_arn),
        ("OdbNetworkArn", route.odb_network_arn),
        ("IpAddress", route.ip_address),
    ];
    let given = |(member, id): (&str, Option<String>)| Some((member.to_owned(), some(id)?));
    Route {
        destination: destinations.into_iter().find_map(some).unwrap_or_default(),
        target: targets.into_iter().filter_map(given).collect::<BTreeMap<_, _>>(),
        instance_owner_id: some(route.instance_owner_id),
        state: text(route.state),
        origin: text(route.origin),
    }
}

/// Calls `ec2:DescribeNatGateways`.
pub async fn nat_gateways(ec2: &Client, ask: &Ask) -> Members<NatGateway> {
    // The member is called Filter here, as for flow logs.
    let request = ec2.describe_nat_gateways().set_filter(filters(ask, "nat-gateway-id")).max_results(1000);
    let gateways = pages!("ec2:DescribeNatGateways", request, nat_gateways);
    let gateways = gateways.into_iter().map(|g: types::NatGateway| NatGateway {
        id: text(g.nat_gateway_id),
        vpc_id: text(g.vpc_id),
        subnet_id: some(g.subnet_id),
        state: text(g.state),
        availability_mode: some(g.availability_mode),
        connectivity_type: some(g.connectivity_type),
        tags: tags(g.tags),
    });
    Ok(known(gateways, |g| &g.id))
}

/// Calls `ec2:DescribeEgressOnlyInternetGateways`, which has no filter for ids: of those that were asked for,
/// one that does not exist is an error on AWS, so that all are listed.
pub async fn egress_only_gateways(ec2: &Client, ask: &Ask) -> Members<EgressOnlyGateway> {
    let request = ec2.describe_egress_only_internet_gateways().max_results(255);
    let gateways = pages!("ec2:DescribeEgressOnlyInternetGateways", request, egress_only_internet_gateways);
    let gateways = gateways.into_iter().map(|g: types::EgressOnlyInternetGateway| {
        // A gateway has one attachment at most.
        let attachment = g.attachments.unwrap_or_default().into_iter().next();
        EgressOnlyGateway {
            id: text(g.egress_only_internet_gateway_id),
            vpc_id: text(attachment.as_ref().and_then(|attachment| attachment.vpc_id.clone())),
            state: text(attachment.and_then(|attachment| attachment.state)),
            tags: tags(g.tags),
        }
    });
    Ok(known(gateways.filter(|gateway| asked(ask, &gateway.id)), |g| &g.id))
}

/// Returns whether an ask is for this id, of a listing that AWS does not filter.
fn asked(ask: &Ask, id: &String) -> bool {
    match ask {
        Ask::Ids(ids) => ids.contains(id),
        Ask::All | Ask::By(..) => true,
    }
}

/// Calls `ec2:DescribeVpcPeeringConnections`.
pub async fn peering_connections(ec2: &Client, ask: &Ask) -> Members<VpcPeeringConnection> {
    let request = ec2
        .describe_vpc_peering_connections()
        .set_filters(filters(ask, "vpc-peering-connection-id"))
        .max_results(1000);
    let connections = pages!("ec2:DescribeVpcPeeringConnections", request, vpc_peering_connections);
    let connections = connections.into_iter().map(|c: types::VpcPeeringConnection| VpcPeeringConnection {
        id: text(c.vpc_peering_connection_id),
        status: text(c.status.and_then(|status| status.code)),
        requester: side(c.requester_vpc_info),
        accepter: side(c.accepter_vpc_info),
        tags: tags(c.tags),
    });
    Ok(known(connections, |c| &c.id))
}

fn side(info: Option<types::VpcPeeringConnectionVpcInfo>) -> PeeredVpc {
    let Some(info) = info else { return PeeredVpc::default() };
    let all = info.cidr_block_set.unwrap_or_default().into_iter().filter_map(|block| some(block.cidr_block));
    let v6 = info.ipv6_cidr_block_set.unwrap_or_default().into_iter();
    PeeredVpc {
        vpc_id: text(info.vpc_id),
        owner_id: text(info.owner_id),
        region: text(info.region),
        // The primary one is in the set as well, but an emulator may leave the set out.
        cidrs: super::distinct(all.chain(some(info.cidr_block))),
        ipv6_cidrs: super::distinct(v6.filter_map(|block| some(block.ipv6_cidr_block))),
    }
}
