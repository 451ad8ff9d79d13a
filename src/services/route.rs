//! Routes of route tables.

use serde::{Deserialize, Serialize};

use super::{
    Operation,
    spec::{Repeat::Harmless, Risk::Disruptive, Spec, names, spec},
};
use crate::inventory::{
    FamilyKind::RouteTables,
    Route,
    routes::{EGRESS_ONLY, GATEWAY, NAT_GATEWAY, PEERING},
};

/// Defines a call that sets a route: a table, one destination and one target.
macro_rules! setting {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "PascalCase", deny_unknown_fields)]
        pub struct $name {
            /// The table.
            pub route_table_id: String,
            /// The IPv4 CIDR of the destination.
            pub destination_cidr_block: Option<String>,
            /// The IPv6 CIDR of the destination.
            pub destination_ipv6_cidr_block: Option<String>,
            /// The internet gateway that it leads to.
            pub gateway_id: Option<String>,
            /// The NAT gateway that it leads to.
            pub nat_gateway_id: Option<String>,
            /// The egress-only internet gateway that it leads to.
            pub egress_only_internet_gateway_id: Option<String>,
            /// The peering connection that it leads to.
            pub vpc_peering_connection_id: Option<String>,
        }

        impl $name {
            /// Creates the call for a route of a table.
            pub fn of(table: &str, route: &Route) -> Self {
                let to = route.destination.as_str();
                let target = |member: &str| route.to(member).map(str::to_owned);
                Self {
                    route_table_id: table.to_owned(),
                    destination_cidr_block: is_v4(to).then(|| to.to_owned()),
                    destination_ipv6_cidr_block: is_v6(to).then(|| to.to_owned()),
                    gateway_id: target(GATEWAY),
                    nat_gateway_id: target(NAT_GATEWAY),
                    egress_only_internet_gateway_id: target(EGRESS_ONLY),
                    vpc_peering_connection_id: target(PEERING),
                }
            }
            /// Returns the targets that the call names, each under the member of a route.
            pub fn targets(&self) -> Vec<(&'static str, String)> {
                let targets = [
                    (GATEWAY, &self.gateway_id),
                    (NAT_GATEWAY, &self.nat_gateway_id),
                    (EGRESS_ONLY, &self.egress_only_internet_gateway_id),
                    (PEERING, &self.vpc_peering_connection_id),
                ];
                targets.into_iter().filter_map(|(member, id)| Some((member, id.clone()?))).collect()
            }
        }

        impl Operation for $name {
            type Planned = Self;
            const SPEC: Spec = spec("ec2", stringify!($name), Harmless, Disruptive)
                .on(&[names("/RouteTableId", RouteTables)]);
        }
    };
}

setting! {
    /// A call that adds a route. One that is there already is an error, not a second one.
    /// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateRoute.html>
    CreateRoute
}

setting! {
    /// A call that gives the route to a destination another target, in one step: no packet is without a way.
    /// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReplaceRoute.html>
    ReplaceRoute
}

fn is_v4(destination: &str) -> bool {
    destination.contains('.') && !is_v6(destination)
}

fn is_v6(destination: &str) -> bool {
    destination.contains(':')
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

impl DeleteRoute {
    /// Creates the call for a route of a table.
    pub fn of(table: &str, route: &Route) -> Self {
        let to = route.destination.as_str();
        let is = |yes: bool| yes.then(|| to.to_owned());
        Self {
            route_table_id: table.to_owned(),
            destination_cidr_block: is(is_v4(to)),
            destination_ipv6_cidr_block: is(is_v6(to)),
            destination_prefix_list_id: is(to.starts_with("pl-")),
        }
    }
}

impl Operation for DeleteRoute {
    type Planned = Self;
    const SPEC: Spec =
        spec("ec2", "DeleteRoute", Harmless, Disruptive).on(&[names("/RouteTableId", RouteTables)]);
}
