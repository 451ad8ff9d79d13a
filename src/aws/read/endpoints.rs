//! Reads VPC endpoints.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::{Client, types};

use super::{
    Ask, Members, distinct,
    page::{filters, known, pages, some, tags, text},
};
use crate::{
    aws::errors,
    calls::CallError,
    inventory::{Fact, VpcEndpoint},
};

/// The maximum number of things on a page.
const PAGE: i32 = 1000;

/// Calls `ec2:DescribeVpcEndpoints`, and `ec2:DescribeVpcEndpointServices` for services of AWS.
pub async fn endpoints(ec2: &Client, ask: &Ask) -> Members<VpcEndpoint> {
    let (mut found, mut rest) = (Vec::new(), Vec::new());
    match ask {
        Ask::All | Ask::By(..) => {
            let request = ec2.describe_vpc_endpoints().set_filters(filters(ask, "vpc-endpoint-id"));
            found = pages!("ec2:DescribeVpcEndpoints", request.max_results(PAGE), vpc_endpoints => endpoint);
        }
        Ask::Ids(ids) => match named(ec2, ids).await {
            // One that does not exist spoils the answer for the others.
            Err(error) if errors::says_absent(&error.code) && ids.len() > 1 => {
                for id in ids {
                    match named(ec2, std::slice::from_ref(id)).await {
                        Ok(one) => found.extend(one),
                        Err(error) => rest.push((id.clone(), errors::fact(&error))),
                    }
                }
            }
            answer => found = answer?,
        },
    }
    rest.extend(known(complete(ec2, found).await, |endpoint| &endpoint.id));
    Ok(rest)
}

async fn named(ec2: &Client, ids: &[String]) -> Result<Vec<VpcEndpoint>, CallError> {
    let request = ec2.describe_vpc_endpoints().set_vpc_endpoint_ids(Some(ids.to_vec()));
    Ok(pages!("ec2:DescribeVpcEndpoints", request, vpc_endpoints => endpoint))
}

fn endpoint(described: types::VpcEndpoint) -> VpcEndpoint {
    let groups = described.groups.unwrap_or_default().into_iter();
    let mut endpoint = VpcEndpoint {
        id: text(described.vpc_endpoint_id),
        endpoint_type: text(described.vpc_endpoint_type),
        vpc_id: text(described.vpc_id),
        service_name: text(described.service_name),
        service_region: some(described.service_region),
        state: text(described.state),
        groups: distinct(groups.filter_map(|group| some(group.group_id))),
        subnet_ids: distinct(described.subnet_ids.unwrap_or_default()),
        route_table_ids: distinct(described.route_table_ids.unwrap_or_default()),
        private_dns_enabled: described.private_dns_enabled.unwrap_or_default(),
        requester_managed: described.requester_managed.unwrap_or_default(),
        owner_id: text(described.owner_id),
        tags: tags(described.tags),
        ..VpcEndpoint::default()
    };
    endpoint.set_policy(some(described.policy_document));
    endpoint
}

/// Returns whether AWS is asked about the endpoint's service.
fn is_asked(endpoint: &VpcEndpoint) -> bool {
    matches!(endpoint.endpoint_type.as_str(), "Gateway" | "Interface") && !endpoint.is_of_others()
}

/// Adds whether the services take policies, and their public names.
async fn complete(ec2: &Client, endpoints: Vec<VpcEndpoint>) -> Vec<VpcEndpoint> {
    let asked = endpoints.iter().filter(|endpoint| is_asked(endpoint));
    let regions: BTreeSet<Option<String>> = asked.map(|endpoint| endpoint.service_region.clone()).collect();
    let mut services = BTreeMap::new();
    for region in regions {
        let answer = described(ec2, region.clone()).await;
        services.insert(region, answer);
    }
    let service = |endpoint: &VpcEndpoint| match services.get(&endpoint.service_region) {
        Some(Ok(all)) => {
            let named = (endpoint.service_name.clone(), endpoint.endpoint_type.clone());
            all.get(&named).cloned().map_or_else(|| unlisted(endpoint), Fact::Known)
        }
        Some(Err(error)) => Fact::unknown(error),
        None => Fact::NotRead,
    };
    let whole = |endpoint: VpcEndpoint| {
        let found = if is_asked(&endpoint) { service(&endpoint) } else { Fact::NotRead };
        let policy_supported = match found.as_ref().map(|service| service.takes_policies) {
            Fact::Known(Some(takes)) => Fact::Known(takes),
            Fact::Known(None) => unlisted(&endpoint),
            silent => silent.map(|_| false),
        };
        let private_dns_names = found.map(|service| service.names);
        VpcEndpoint { policy_supported, private_dns_names, ..endpoint }
    };
    endpoints.into_iter().map(whole).collect()
}

/// Returns that AWS does not list the service of an endpoint, or not what was asked of it.
fn unlisted<T>(endpoint: &VpcEndpoint) -> Fact<T> {
    let service = &endpoint.service_name;
    Fact::unknown(format!("AWS does not list {service} (ec2:DescribeVpcEndpointServices)"))
}

/// A service, as far as its endpoints depend on it.
#[derive(Debug, Clone)]
struct Service {
    /// `true` if it takes policies of endpoints, where the answer names that.
    takes_policies: Option<bool>,
    /// Its public names.
    names: Vec<String>,
}

/// Returns the services, by name and type of endpoint: one service may be there for both.
async fn described(
    ec2: &Client,
    region: Option<String>,
) -> Result<BTreeMap<(String, String), Service>, CallError> {
    let request = ec2.describe_vpc_endpoint_services().set_service_regions(region.map(|one| vec![one]));
    let services = pages!("ec2:DescribeVpcEndpointServices", request.max_results(PAGE), service_details);
    let by_type = |service: types::ServiceDetail| {
        let service_types = service.service_type.unwrap_or_default();
        let several = service.private_dns_names.unwrap_or_default().into_iter();
        let names =
            several.filter_map(|name| some(name.private_dns_name)).chain(some(service.private_dns_name));
        let (name, names) = (text(service.service_name), distinct(names));
        let service = Service { takes_policies: service.vpc_endpoint_policy_supported, names };
        let types = service_types.into_iter();
        types.map(move |one| ((name.clone(), text(one.service_type)), service.clone())).collect::<Vec<_>>()
    };
    Ok(services.into_iter().flat_map(by_type).collect())
}
