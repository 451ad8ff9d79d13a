//! Facts about where packets go: route tables, NAT gateways, VPC peering connections. Plain data under AWS's
//! own names; nothing here judges.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Record, Tags,
    about::{About, Asked},
    permissions::on_all,
};
use crate::resource::Kind;

/// A route table (`ec2:DescribeRouteTables`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RouteTable {
    /// `rtb-...`
    pub id: String,
    /// The VPC it belongs to.
    pub vpc_id: String,
    /// OwnerId: another account's for the table of a VPC that is shared with this one.
    pub owner_id: String,
    /// The routes. AWS does not order them: the most specific destination counts.
    pub routes: Vec<Route>,
    /// The subnets and gateways whose packets it routes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub associations: Vec<RouteTableAssociation>,
    /// The virtual private gateways whose routes AWS adds to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub propagating_gateways: Vec<String>,
    /// Tags.
    pub tags: Tags,
}

/// A route.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Route {
    /// The destination: an IPv4 CIDR, an IPv6 CIDR, or the id of a prefix list.
    pub destination: String,
    /// The target: its id, under AWS's name of the member (`NatGatewayId`). A route to an instance has its
    /// network interface as well.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub target: BTreeMap<String, String>,
    /// InstanceOwnerId: the account of the instance that it leads to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_owner_id: Option<String>,
    /// `active`, `blackhole`, `filtered`.
    pub state: String,
    /// `CreateRoute`, `CreateRouteTable`, `EnableVgwRoutePropagation`, `Advertisement`.
    pub origin: String,
}

impl Route {
    /// Returns the id of the target under this name of AWS's, if it is of that kind.
    pub fn to(&self, member: &str) -> Option<&str> {
        self.target.get(member).map(String::as_str)
    }

    /// Returns whether it leads to an internet gateway.
    pub fn is_to_internet_gateway(&self) -> bool {
        self.to(GATEWAY).is_some_and(|id| id.starts_with("igw-"))
    }

    /// Returns the id of its target for people; of an instance and its interface, the interface.
    pub fn towards(&self) -> &str {
        let first = self.to(INTERFACE).or_else(|| self.target.values().next().map(String::as_str));
        first.unwrap_or("nothing that AWS names")
    }
}

/// The member of a route to a gateway that a VPC has one of, or to `local`.
pub const GATEWAY: &str = "GatewayId";
/// The member of a route to a NAT gateway.
pub const NAT_GATEWAY: &str = "NatGatewayId";
/// The member of a route to an egress-only internet gateway.
pub const EGRESS_ONLY: &str = "EgressOnlyInternetGatewayId";
/// The member of a route to a peering connection.
pub const PEERING: &str = "VpcPeeringConnectionId";
/// The member of a route to a network interface.
pub const INTERFACE: &str = "NetworkInterfaceId";
/// The member of a route to an instance.
pub const INSTANCE: &str = "InstanceId";

/// The state of an association that is complete.
pub const ASSOCIATED: &str = "associated";

/// An association of a route table: with a subnet, with a gateway, or as the main table of its VPC.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RouteTableAssociation {
    /// `rtbassoc-...`
    pub id: String,
    /// The subnet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet_id: Option<String>,
    /// The internet gateway or virtual private gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway_id: Option<String>,
    /// `true` for the main table, which routes the packets of all subnets without an association.
    pub main: bool,
    /// The state: `associating`, `associated`, `disassociating`, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

impl Record for RouteTable {
    const ABOUT: About = About {
        kind: Some(Kind::RouteTable),
        asked: Some(Asked::of("DescribeRouteTables", "route-table-id", "RouteTables[0]", &[])),
        ..About::of_ec2(
            &[on_all("ec2:DescribeRouteTables")],
            "rtb",
            "route-table",
            "InvalidRouteTableID.NotFound",
        )
    };
    const VOLATILE_IN_LISTS: &'static [(&'static str, &'static str)] = &[("associations", "id")];
    fn filters(&self) -> Vec<(&'static str, &str)> {
        let subnets = self.associations.iter().filter_map(|one| one.subnet_id.as_deref());
        let subnets = subnets.map(|subnet| ("association.subnet-id", subnet));
        std::iter::once(("vpc-id", self.vpc_id.as_str())).chain(subnets).collect()
    }
    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
    fn tags_mut(&mut self) -> Option<&mut Tags> {
        Some(&mut self.tags)
    }
}

/// A NAT gateway (`ec2:DescribeNatGateways`). One that was deleted is shown for about an hour.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NatGateway {
    /// `nat-...`
    pub id: String,
    /// Its VPC.
    pub vpc_id: String,
    /// Its subnet; a regional one has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet_id: Option<String>,
    /// `pending`, `available`, `deleting`, `deleted`, `failed`.
    pub state: String,
    /// `zonal` or `regional`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub availability_mode: Option<String>,
    /// `public` or `private`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connectivity_type: Option<String>,
    /// Tags.
    pub tags: Tags,
}

impl Record for NatGateway {
    const ABOUT: About = About {
        kind: Some(Kind::NatGateway),
        asked: Some(Asked {
            filters: "Filter",
            ..Asked::of("DescribeNatGateways", "nat-gateway-id", "NatGateways[0]", &[])
        }),
        ..About::of_ec2(
            &[on_all("ec2:DescribeNatGateways")],
            "nat",
            "natgateway",
            "InvalidNatGatewayID.NotFound",
        )
    };
    fn filters(&self) -> Vec<(&'static str, &str)> {
        vec![("vpc-id", &self.vpc_id)]
    }
    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
    fn tags_mut(&mut self) -> Option<&mut Tags> {
        Some(&mut self.tags)
    }
}

/// An egress-only internet gateway (`ec2:DescribeEgressOnlyInternetGateways`): a way out for IPv6, and none
/// in.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EgressOnlyGateway {
    /// `eigw-...`
    pub id: String,
    /// The VPC that it is attached to.
    pub vpc_id: String,
    /// The state of the attachment: `attaching`, `attached`, `detaching`, `detached`.
    pub state: String,
    /// Tags.
    pub tags: Tags,
}

impl Record for EgressOnlyGateway {
    const ABOUT: About = About {
        kind: Some(Kind::EgressOnlyGateway),
        ..About::of_ec2(
            &[on_all("ec2:DescribeEgressOnlyInternetGateways")],
            "eigw",
            "egress-only-internet-gateway",
            "InvalidGatewayID.NotFound",
        )
    };
    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
    fn tags_mut(&mut self) -> Option<&mut Tags> {
        Some(&mut self.tags)
    }
}

/// A VPC peering connection (`ec2:DescribeVpcPeeringConnections`). Both accounts see it, each under the same
/// id.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VpcPeeringConnection {
    /// `pcx-...`
    pub id: String,
    /// The code of its status: `active`, `pending-acceptance`, `deleted`, ...
    pub status: String,
    /// The VPC that asked for it.
    pub requester: PeeredVpc,
    /// The VPC that was asked.
    pub accepter: PeeredVpc,
    /// Tags.
    pub tags: Tags,
}

/// One side of a peering connection.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PeeredVpc {
    /// `vpc-...`
    pub vpc_id: String,
    /// Its account.
    pub owner_id: String,
    /// Its region.
    pub region: String,
    /// Its IPv4 CIDRs. AWS names none while the connection is not active.
    pub cidrs: Vec<String>,
    /// Its IPv6 CIDRs.
    pub ipv6_cidrs: Vec<String>,
}

impl Record for VpcPeeringConnection {
    const ABOUT: About = About {
        kind: Some(Kind::PeeringConnection),
        asked: Some(Asked::of(
            "DescribeVpcPeeringConnections",
            "vpc-peering-connection-id",
            "VpcPeeringConnections[0]",
            &[("/status", "Status.Code")],
        )),
        ..About::of_ec2(
            &[on_all("ec2:DescribeVpcPeeringConnections")],
            "pcx",
            "vpc-peering-connection",
            "InvalidVpcPeeringConnectionID.NotFound",
        )
    };
    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
    fn tags_mut(&mut self) -> Option<&mut Tags> {
        Some(&mut self.tags)
    }
}
