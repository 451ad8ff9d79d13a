//! Parameters of `fix-route-table`.

use serde::{Deserialize, Serialize};

use crate::actions::Parameter;

/// The parameters, with their defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// A wider route to an internet gateway may take the packets of a route that goes.
    pub allow_internet_gateway: bool,
}

pub const PARAMETERS: &[Parameter] = &[Parameter {
    name: "allow_internet_gateway",
    kind: "boolean",
    default: "false",
    doc: "Whether a wider route to an internet gateway may take the packets that a route without a target \
          drops.",
}];
