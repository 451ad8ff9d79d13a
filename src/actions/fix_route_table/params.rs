//! Parameters of `fix-route-table`.

use serde::{Deserialize, Serialize};

use crate::actions::Parameter;

/// The parameters, with their defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// A wider route to an internet gateway may take the packets of a route that goes.
    pub allow_internet_gateway: bool,
    /// The number of routes that a table may have, for each of IPv4 and IPv6.
    pub route_limit: usize,
}

impl Default for Params {
    fn default() -> Self {
        Self { allow_internet_gateway: false, route_limit: 50 }
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
];
