//! Reads the DNS of VPCs: their settings, and the private hosted zones that they are associated with.

use aws_sdk_ec2::{
    Client,
    types::{AttributeBooleanValue, VpcAttributeName},
};
use aws_sdk_route53::types::HostedZoneSummary;
use futures::{StreamExt, stream};

use super::{Ask, Members, not_listed, page::some};
use crate::{
    aws::{errors, retry::reading},
    calls::CallError,
    inventory::{Fact, PrivateZone, VpcDns},
};

/// The number of VPCs that are read at once.
const AT_ONCE: usize = 4;
/// The maximum number of zones on a page.
const PAGE: i32 = 100;

/// Calls `ec2:DescribeVpcAttribute`, which returns one attribute of one VPC, and
/// `route53:ListHostedZonesByVPC`.
pub async fn names(
    ec2: &Client,
    route53: &aws_sdk_route53::Client,
    region: &str,
    ask: &Ask,
) -> Members<VpcDns> {
    let Ask::Ids(ids) = ask else { return not_listed("the DNS of VPCs") };
    let each = stream::iter(ids.clone()).map(|id| async move {
        let fact = match of_vpc(ec2, route53, region, &id).await {
            Ok(found) => Fact::Known(found),
            Err(error) => errors::fact(&error),
        };
        (id, fact)
    });
    Ok(each.buffered(AT_ONCE).collect().await)
}

async fn of_vpc(
    ec2: &Client,
    route53: &aws_sdk_route53::Client,
    region: &str,
    id: &str,
) -> Result<VpcDns, CallError> {
    const OPERATION: &str = "ec2:DescribeVpcAttribute";
    let attribute = |name: VpcAttributeName| ec2.describe_vpc_attribute().vpc_id(id).attribute(name);
    let support = attribute(VpcAttributeName::EnableDnsSupport);
    let support = reading(OPERATION, || support.clone().send()).await?.enable_dns_support;
    let hostnames = attribute(VpcAttributeName::EnableDnsHostnames);
    let hostnames = reading(OPERATION, || hostnames.clone().send()).await?.enable_dns_hostnames;
    let is_on = |value: Option<AttributeBooleanValue>| match value.and_then(|value| value.value) {
        Some(is_on) => Fact::Known(is_on),
        None => Fact::unknown(format!("the answer names no value ({OPERATION})")),
    };
    let zones = match zones(route53, region, id).await {
        Ok(zones) => Fact::Known(zones),
        Err(error) => Fact::unknown(&error),
    };
    Ok(VpcDns { id: id.to_owned(), dns_support: is_on(support), dns_hostnames: is_on(hostnames), zones })
}

async fn zones(
    route53: &aws_sdk_route53::Client,
    region: &str,
    id: &str,
) -> Result<Vec<PrivateZone>, CallError> {
    const OPERATION: &str = "route53:ListHostedZonesByVPC";
    let request = route53.list_hosted_zones_by_vpc().vpc_id(id).vpc_region(region.into()).max_items(PAGE);
    let (mut all, mut token) = (Vec::new(), None::<String>);
    loop {
        let page = reading(OPERATION, || request.clone().set_next_token(token.clone()).send()).await?;
        all.extend(page.hosted_zone_summaries.into_iter().map(zone));
        match page.next_token.filter(|token| !token.is_empty()) {
            None => return Ok(all),
            Some(next) if token.as_ref() == Some(&next) => {
                return Err(errors::in_body(
                    OPERATION,
                    "RepeatedToken",
                    "the listing does not come to an end",
                ));
            }
            next => token = next,
        }
    }
}

fn zone(found: HostedZoneSummary) -> PrivateZone {
    PrivateZone {
        id: found.hosted_zone_id,
        name: found.name.trim_end_matches('.').to_owned(),
        service: found.owner.as_ref().and_then(|owner| some(owner.owning_service.as_ref())),
        account: found.owner.as_ref().and_then(|owner| some(owner.owning_account.as_ref())),
    }
}
