//! Subnets.

use serde::{Deserialize, Serialize};

use super::{
    Operation,
    spec::{Repeat::Harmless, Risk::Disruptive, Spec, names, spec},
};
use crate::inventory::FamilyKind::Subnets;

/// A call that changes an attribute of a subnet; AWS accepts one of them in a call, and has no DryRun for it.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifySubnetAttribute.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ModifySubnetAttribute {
    /// The subnet.
    pub subnet_id: String,
    /// `true` if new network interfaces get a public IPv4 address.
    pub map_public_ip_on_launch: Attribute,
}

/// The value of an attribute that is on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Attribute {
    /// The value.
    pub value: bool,
}

impl Operation for ModifySubnetAttribute {
    type Planned = Self;
    const SPEC: Spec = spec("ec2", "ModifySubnetAttribute", Harmless, Disruptive)
        .on(&[names("/SubnetId", Subnets)])
        .without_dry_run();
}
