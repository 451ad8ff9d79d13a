//! Parameters of `fix-route-table`.

use serde::{Deserialize, Serialize};

use crate::{actions::Parameter, checks::routes::accident::Declared};

/// The parameters, with their defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// A wider route to an internet gateway may take the packets of a route that goes.
    pub allow_internet_gateway: bool,
    /// The number of routes that a table may have, for each of IPv4 and IPv6.
    pub route_limit: usize,
    /// The NAT gateways that take the place of routes to internet gateways, over IPv4.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nat_gateways: Vec<String>,
    /// The egress-only internet gateways that do so over IPv6.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub egress_only_gateways: Vec<String>,
    /// The tables that private subnets get where their own routes other subnets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub private_tables: Vec<String>,
    /// The tags that declare a subnet private: those of the check, which a playbook names in `[check]`. Left
    /// out where they are the default, as in plans from before there was the check.
    #[serde(skip_serializing_if = "is_default")]
    pub private: Declared,
}

fn is_default(declared: &Declared) -> bool {
    *declared == Declared::default()
}

impl Default for Params {
    fn default() -> Self {
        Self {
            allow_internet_gateway: false,
            route_limit: 50,
            nat_gateways: Vec::new(),
            egress_only_gateways: Vec::new(),
            private_tables: Vec::new(),
            private: Declared::default(),
        }
    }
}

/// The parameters as pages describe them.
pub const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "allow_internet_gateway",
        kind: "boolean",
        default: "false",
        doc: "Whether a wider route to an internet gateway may take the packets of a route that goes.",
    },
    Parameter {
        name: "route_limit",
        kind: "number",
        default: "50",
        doc: "How many routes a table may have, for each of IPv4 and IPv6, while old and new ones exist side \
              by side: the quota \"Routes per route table\" of the account.",
    },
    Parameter {
        name: "nat_gateways",
        kind: "list of ids of NAT gateways",
        default: "[]",
        doc: "The NAT gateways that private subnets reach the internet by instead, over IPv4. A table \
              takes the one in its VPC, of several the one in the zone of its subnets.",
    },
    Parameter {
        name: "egress_only_gateways",
        kind: "list of ids of egress-only internet gateways",
        default: "[]",
        doc: "The egress-only internet gateways that private subnets reach the internet by instead, over \
              IPv6.",
    },
    Parameter {
        name: "private_tables",
        kind: "list of ids of route tables",
        default: "[]",
        doc: "The route tables that private subnets are associated with where their table also routes other \
              subnets. The one in its VPC counts.",
    },
];
