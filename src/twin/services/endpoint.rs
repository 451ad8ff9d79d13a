//! VPC endpoints, as `ec2:ModifyVpcEndpoint` treats them.

use serde_json::Value;

use super::{OnTwin, done};
use crate::{
    calls::Outcome,
    services::endpoint::ModifyVpcEndpoint,
    twin::{
        Twin,
        errors::{must, refuse},
    },
};

/// The number of characters of a policy, with its white space
/// (<https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html>).
const CHARACTERS: usize = 20_480;

impl OnTwin for ModifyVpcEndpoint {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        let id = &self.vpc_endpoint_id;
        let endpoint = must(t.region(region)?.vpc_endpoints.get(id), id, || {
            refuse("InvalidVpcEndpointId.NotFound", format!("The Vpc Endpoint Id '{id}' does not exist"))
        })?;
        if endpoint.requester_managed || !t.truth.owner.owns(&endpoint.owner_id) {
            return Err(refuse("OperationNotPermitted", format!("'{id}' is managed by its requester")));
        }
        if !matches!(endpoint.endpoint_type.as_str(), "Gateway" | "Interface") {
            return Err(refuse("InvalidParameter", format!("'{id}' is of a type that has no policy")));
        }
        let is_json = serde_json::from_str::<Value>(&self.policy_document).is_ok_and(|p| p.is_object());
        if !is_json || self.policy_document.chars().count() > CHARACTERS {
            return Err(refuse("InvalidPolicyDocument", "The policy document is not valid".to_owned()));
        }
        if let Some(endpoint) = t.region_mut(region).vpc_endpoints.get_mut(id) {
            endpoint.set_policy(Some(self.policy_document));
        }
        done()
    }
}
