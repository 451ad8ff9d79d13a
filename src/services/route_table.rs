//! The associations of subnets with route tables.

use serde::{Deserialize, Serialize};

use super::{
    Form, Operation, Planned, Sent,
    spec::{Repeat::Harmless, Risk::Disruptive, Spec, names, spec},
};
use crate::inventory::FamilyKind::{RouteTables, Subnets};

/// A call that associates a subnet, which has no route table of its own, with one.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssociateRouteTable.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AssociateRouteTable {
    /// The table.
    pub route_table_id: String,
    /// The subnet.
    pub subnet_id: String,
}

impl Operation for AssociateRouteTable {
    type Planned = Self;
    const SPEC: Spec = spec("ec2", "AssociateRouteTable", Harmless, Disruptive)
        .on(&[names("/RouteTableId", RouteTables), names("/SubnetId", Subnets)]);
}

/// A call that gives a subnet another route table in one step. The association has another id afterwards.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReplaceRouteTableAssociation.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, bound = "")]
pub struct ReplaceRouteTableAssociation<F: Form = Sent> {
    /// The association.
    pub association_id: F::Of<String>,
    /// The new table.
    pub route_table_id: String,
}

impl<F: Form> Operation for ReplaceRouteTableAssociation<F> {
    type Planned = ReplaceRouteTableAssociation<Planned>;
    // IAM is asked about the subnet and the former table, too, which the id of an association does not show.
    const SPEC: Spec = spec("ec2", "ReplaceRouteTableAssociation", Harmless, Disruptive)
        .on(&[names("/RouteTableId", RouteTables)])
        .asks(&[RouteTables, Subnets]);
}

/// A call that leaves a subnet to the main table of its VPC.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisassociateRouteTable.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, bound = "")]
pub struct DisassociateRouteTable<F: Form = Sent> {
    /// The association.
    pub association_id: F::Of<String>,
}

impl<F: Form> Operation for DisassociateRouteTable<F> {
    type Planned = DisassociateRouteTable<Planned>;
    const SPEC: Spec =
        spec("ec2", "DisassociateRouteTable", Harmless, Disruptive).asks(&[RouteTables, Subnets]);
}
