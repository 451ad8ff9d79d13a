//! The company's VPC endpoints. Data only.

use serde_json::{Value, json};

use super::{ACCOUNT, MAIN, id, named};
use crate::inventory::{Fact, Inventory, VpcEndpoint};

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
    put(company, 1, "s3", "Gateway", &with_tiles);
    put(company, 2, "dynamodb", "Gateway", &bounded);
    put(company, 3, "ssm", "Interface", &open);
    put(company, 4, "sts", "Interface", &open);
}

fn put(company: &mut Inventory, n: u64, service: &str, kind: &str, policy: &Value) {
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
        route_table_ids: only(is_gateway, "rtb", 1),
        private_dns_enabled: !is_gateway,
        owner_id: ACCOUNT.to_owned(),
        tags: named(service),
        ..VpcEndpoint::default()
    };
    endpoint.set_policy(Some(policy.to_string()));
    company.region_mut(MAIN).vpc_endpoints.put(endpoint.id.clone(), endpoint);
}
