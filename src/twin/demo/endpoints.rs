//! The company's VPC endpoints. Data only.

use serde_json::{Value, json};

use super::{ACCOUNT, MAIN, id, named, network::sg};
use crate::inventory::{Fact, Inventory, NetworkInterface, PrivateZone, VpcDns, VpcEndpoint};

pub(super) fn furnish(company: &mut Inventory) {
    let open =
        json!({ "Statement": [{ "Action": "*", "Effect": "Allow", "Principal": "*", "Resource": "*" }] });
    let tiles = json!({ "Sid": "TilesOfThePartner", "Effect": "Allow", "Principal": "*",
        "Action": ["s3:GetObject", "s3:ListBucket"],
        "Resource": ["arn:aws:s3:::partner-tiles", "arn:aws:s3:::partner-tiles/*"] });
    let wide = json!({ "Effect": "Allow", "Principal": { "AWS": "*" }, "Action": "*", "Resource": "*" });
    let inside =
        json!({ "StringEquals": { "aws:PrincipalAccount": ACCOUNT, "aws:ResourceAccount": ACCOUNT } });
    // The gateway to S3, with a statement of somebody's; one to DynamoDB that is as it should be; Systems
    // Manager as AWS makes it; and one of a service for which redress has no policy.
    let with_tiles = json!({ "Version": "2012-10-17", "Statement": [tiles, wide] });
    let bounded = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Principal": "*",
        "Action": "*", "Resource": "*", "Condition": inside }] });
    put(company, 1, "s3", "Gateway", &with_tiles, None);
    put(company, 2, "dynamodb", "Gateway", &bounded, None);
    // A group of its own that lets the world in, one for the VPC alone, and that of the public web servers.
    put(company, 3, "ssm", "Interface", &open, Some(sg::ENDPOINTS));
    put(company, 4, "sts", "Interface", &open, Some(sg::ENDPOINTS_INSIDE));
    // The names of this service go past its endpoint.
    put(company, 5, "logs", "Interface", &bounded, Some(sg::WEB));
    let vpc = id("vpc", super::network::VPC_MAIN);
    let place = company.region_mut(MAIN);
    if let Some(endpoint) = place.vpc_endpoints.get_mut(&id("vpce", 5)) {
        endpoint.private_dns_enabled = false;
    }
    let zone = |id: &str, name: &str| PrivateZone {
        id: id.to_owned(),
        name: name.to_owned(),
        service: None,
        account: Some(ACCOUNT.to_owned()),
    };
    let dns = VpcDns {
        id: vpc.clone(),
        dns_support: Fact::Known(true),
        dns_hostnames: Fact::Known(true),
        zones: Fact::Known(vec![zone("Z0123456789ABCDEFGHIJ", "larkspur.internal")]),
    };
    place.vpc_dns.put(vpc, dns);
}

fn put(company: &mut Inventory, n: u64, service: &str, kind: &str, policy: &Value, group: Option<u64>) {
    let is_gateway = kind == "Gateway";
    let only = |is_so: bool, prefix: &str, n: u64| if is_so { vec![id(prefix, n)] } else { Vec::new() };
    let mut endpoint = VpcEndpoint {
        id: id("vpce", n),
        endpoint_type: kind.to_owned(),
        vpc_id: id("vpc", super::network::VPC_MAIN),
        service_name: format!("com.amazonaws.{MAIN}.{service}"),
        state: "available".to_owned(),
        policy_supported: Fact::Known(true),
        subnet_ids: only(!is_gateway, "subnet", 1),
        groups: group.into_iter().map(|group| id("sg", group)).collect(),
        route_table_ids: only(is_gateway, "rtb", 1),
        private_dns_enabled: !is_gateway,
        private_dns_names: Fact::Known(match is_gateway {
            true => Vec::new(),
            false => vec![format!("{service}.{MAIN}.amazonaws.com")],
        }),
        owner_id: ACCOUNT.to_owned(),
        tags: named(service),
        ..VpcEndpoint::default()
    };
    endpoint.set_policy(Some(policy.to_string()));
    let interface = |group: String| NetworkInterface {
        id: id("eni", 60 + n),
        groups: vec![group],
        interface_type: "vpc_endpoint".to_owned(),
        status: "in-use".to_owned(),
        description: format!("VPC Endpoint Interface {}", endpoint.id),
        vpc_id: endpoint.vpc_id.clone(),
        subnet_id: id("subnet", 1),
        requester_managed: true,
        ..NetworkInterface::default()
    };
    for interface in endpoint.groups.clone().into_iter().map(interface) {
        company.region_mut(MAIN).network_interfaces.put(interface.id.clone(), interface);
    }
    company.region_mut(MAIN).vpc_endpoints.put(endpoint.id.clone(), endpoint);
}
