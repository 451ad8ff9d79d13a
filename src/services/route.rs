//! Routes of route tables.

use serde::{Deserialize, Serialize};

use super::{
    Operation,
    spec::{Repeat::Harmless, Risk::Disruptive, Spec, names, spec},
};
use crate::inventory::FamilyKind::RouteTables;

/// A call that adds a route to a peering connection. One that is there already is an error, not a second one.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateRoute.html>
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CreateRoute {
    /// The table.
    pub route_table_id: String,
    /// The IPv4 CIDR of the destination.
    pub destination_cidr_block: Option<String>,
    /// The IPv6 CIDR of the destination.
    pub destination_ipv6_cidr_block: Option<String>,
    /// The peering connection.
    pub vpc_peering_connection_id: String,
}

impl Operation for CreateRoute {
    type Planned = Self;
    const SPEC: Spec =
        spec("ec2", "CreateRoute", Harmless, Disruptive).on(&[names("/RouteTableId", RouteTables)]);
}

/// A call that removes a route, by its exact destination.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteRoute.html>
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeleteRoute {
    /// The table.
    pub route_table_id: String,
    /// The IPv4 CIDR of the destination.
    pub destination_cidr_block: Option<String>,
    /// The IPv6 CIDR of the destination.
    pub destination_ipv6_cidr_block: Option<String>,
    /// The prefix list of the destination.
    pub destination_prefix_list_id: Option<String>,
}

impl Operation for DeleteRoute {
    type Planned = Self;
    const SPEC: Spec =
        spec("ec2", "DeleteRoute", Harmless, Disruptive).on(&[names("/RouteTableId", RouteTables)]);
}
