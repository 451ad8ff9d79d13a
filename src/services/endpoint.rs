//! VPC endpoints.

use serde::{Deserialize, Serialize};

use super::{
    Operation,
    spec::{Repeat::Harmless, Risk::Disruptive, Spec, names, spec},
};
use crate::inventory::FamilyKind::VpcEndpoints;

/// A call that sets properties of a VPC endpoint; what it does not name stays. `ResetPolicy` is never sent:
/// it sets a policy that allows everything, whatever the former one was.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyVpcEndpoint.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ModifyVpcEndpoint {
    /// The endpoint.
    pub vpc_endpoint_id: String,
    /// The policy: JSON as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_document: Option<String>,
    /// `true` if the public names of the service lead to the endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_dns_enabled: Option<bool>,
}

impl ModifyVpcEndpoint {
    /// Sets the policy alone.
    pub fn policy(endpoint: &str, document: &str) -> Self {
        let policy_document = Some(document.to_owned());
        Self { vpc_endpoint_id: endpoint.to_owned(), policy_document, private_dns_enabled: None }
    }

    /// Sets private DNS alone.
    pub fn private_dns(endpoint: &str, is_on: bool) -> Self {
        let vpc_endpoint_id = endpoint.to_owned();
        Self { vpc_endpoint_id, policy_document: None, private_dns_enabled: Some(is_on) }
    }
}

impl Operation for ModifyVpcEndpoint {
    type Planned = Self;
    const SPEC: Spec =
        spec("ec2", "ModifyVpcEndpoint", Harmless, Disruptive).on(&[names("/VpcEndpointId", VpcEndpoints)]);
}
