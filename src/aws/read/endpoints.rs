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

/// Calls `ec2:DescribeVpcEndpoints`, and `ec2:DescribeVpcEndpointServices` where a policy was found.
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

/// Returns whether AWS is asked if the endpoint's service takes policies.
fn is_asked(endpoint: &VpcEndpoint) -> bool {
    matches!(endpoint.endpoint_type.as_str(), "Gateway" | "Interface") && !endpoint.is_of_others()
}

/// Adds whether the services take policies.
async fn complete(ec2: &Client, endpoints: Vec<VpcEndpoint>) -> Vec<VpcEndpoint> {
    let asked = endpoints.iter().filter(|endpoint| is_asked(endpoint));
    let regions: BTreeSet<Option<String>> = asked.map(|endpoint| endpoint.service_region.clone()).collect();
    let mut services = BTreeMap::new();
    for region in regions {
        let answer = described(ec2, region.clone()).await;
        services.insert(region, answer);
    }
    let supported = |endpoint: &VpcEndpoint| match services.get(&endpoint.service_region) {
        Some(Ok(all)) => all
            .get(&(endpoint.service_name.clone(), endpoint.endpoint_type.clone()))
            .copied()
            .flatten()
            .map_or_else(
                || {
                    let service = &endpoint.service_name;
                    Fact::unknown(format!("AWS does not list {service} (ec2:DescribeVpcEndpointServices)"))
                },
                Fact::Known,
            ),
        Some(Err(error)) => Fact::unknown(error),
        None => Fact::NotRead,
    };
    let whole = |endpoint: VpcEndpoint| {
        let policy_supported = if is_asked(&endpoint) { supported(&endpoint) } else { Fact::NotRead };
        VpcEndpoint { policy_supported, ..endpoint }
    };
    endpoints.into_iter().map(whole).collect()
}

/// Returns whether services take policies, by name and type of endpoint: one service may be there for both.
async fn described(
    ec2: &Client,
    region: Option<String>,
) -> Result<BTreeMap<(String, String), Option<bool>>, CallError> {
    let request = ec2.describe_vpc_endpoint_services().set_service_regions(region.map(|one| vec![one]));
    let services = pages!("ec2:DescribeVpcEndpointServices", request.max_results(PAGE), service_details);
    let by_type = |service: types::ServiceDetail| {
        let (name, supported) = (text(service.service_name), service.vpc_endpoint_policy_supported);
        let types = service.service_type.unwrap_or_default().into_iter();
        types.map(move |one| ((name.clone(), text(one.service_type)), supported)).collect::<Vec<_>>()
    };
    Ok(services.into_iter().flat_map(by_type).collect())
}
