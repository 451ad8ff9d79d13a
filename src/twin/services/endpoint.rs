//! VPC endpoints, as `ec2:ModifyVpcEndpoint` treats them.

use serde_json::Value;

use super::{OnTwin, done};
use crate::{
    calls::{CallError, Outcome},
    inventory::{Fact, VpcEndpoint},
    services::endpoint::ModifyVpcEndpoint,
    twin::{
        Twin,
        errors::{must, refuse, unknown},
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
        let endpoint = endpoint.clone();
        if let Some(document) = &self.policy_document {
            policy(&endpoint, document)?;
        }
        if self.private_dns_enabled == Some(true) {
            private_dns(t, region, &endpoint)?;
        }
        if let Some(endpoint) = t.region_mut(region).vpc_endpoints.get_mut(id) {
            if let Some(document) = self.policy_document {
                endpoint.set_policy(Some(document));
            }
            if let Some(is_on) = self.private_dns_enabled {
                endpoint.private_dns_enabled = is_on;
            }
        }
        done()
    }
}

/// Checks that an endpoint takes this policy.
fn policy(endpoint: &VpcEndpoint, document: &str) -> Result<(), CallError> {
    if !matches!(endpoint.endpoint_type.as_str(), "Gateway" | "Interface") {
        let message = format!("'{}' is of a type that has no policy", endpoint.id);
        return Err(refuse("InvalidParameter", message));
    }
    let is_json = serde_json::from_str::<Value>(document).is_ok_and(|policy| policy.is_object());
    if !is_json || document.chars().count() > CHARACTERS {
        return Err(refuse("InvalidPolicyDocument", "The policy document is not valid".to_owned()));
    }
    Ok(())
}

/// Checks that private DNS can be turned on: the VPC resolves names, and nothing else in it has those of the
/// service (<https://docs.aws.amazon.com/vpc/latest/privatelink/interface-endpoints.html>).
fn private_dns(t: &Twin, region: &str, endpoint: &VpcEndpoint) -> Result<(), CallError> {
    let invalid = |message: String| Err(refuse("InvalidParameter", message));
    let (id, vpc) = (&endpoint.id, &endpoint.vpc_id);
    let known = t.region(region)?;
    let names = match &endpoint.private_dns_names {
        Fact::Known(names) if endpoint.endpoint_type == "Interface" && !names.is_empty() => names,
        Fact::Known(_) => return invalid(format!("Private DNS is not supported for '{id}'")),
        silent => return Err(unknown(id, silent.silence().unwrap_or("not read"))),
    };
    let dns = must(known.vpc_dns.get(vpc), vpc, || {
        refuse("InvalidVpcID.NotFound", format!("The vpc ID '{vpc}' does not exist"))
    })?;
    if [&dns.dns_support, &dns.dns_hostnames].into_iter().any(|fact| *fact != Fact::Known(true)) {
        return invalid(
            "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set \
             to true"
                .to_owned(),
        );
    }
    let conflict = |what: &str| {
        invalid(format!("private-dns-enabled cannot be set because there is already a conflict: {what}"))
    };
    let other = known.vpc_endpoints.known().map(|(_, other)| other).find(|other| {
        other.id != *id
            && other.vpc_id == *vpc
            && other.service_name == endpoint.service_name
            && other.private_dns_enabled
    });
    if let Some(other) = other {
        return conflict(&other.id);
    }
    let zones = dns.zones.known().into_iter().flatten();
    let mut of_name = zones.filter(|zone| names.iter().any(|name| zone.is_of(name)));
    of_name.next().map_or(Ok(()), |zone| conflict(&zone.name))
}
