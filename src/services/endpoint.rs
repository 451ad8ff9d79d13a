//! VPC endpoints.

use serde::{Deserialize, Serialize};

use super::{
    Operation,
    spec::{Repeat::Harmless, Risk::Disruptive, Spec, names, spec},
};
use crate::inventory::FamilyKind::VpcEndpoints;

/// A call that sets the policy of a VPC endpoint. `ResetPolicy` is never sent: it sets a policy that allows
/// everything, whatever the former one was.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyVpcEndpoint.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ModifyVpcEndpoint {
    /// The endpoint.
    pub vpc_endpoint_id: String,
    /// The policy: JSON as text.
    pub policy_document: String,
}

impl Operation for ModifyVpcEndpoint {
    type Planned = Self;
    const SPEC: Spec =
        spec("ec2", "ModifyVpcEndpoint", Harmless, Disruptive).on(&[names("/VpcEndpointId", VpcEndpoints)]);
}
