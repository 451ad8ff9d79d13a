//! Reads load balancers, target groups and the health of their targets.

use aws_sdk_elasticloadbalancingv2::{Client, types};
use futures::{StreamExt, stream};

use super::{
    Ask, Members, not_listed,
    page::{known, pages, some, text},
};
use crate::{
    aws::{errors, retry::reading},
    calls::{CallError, ErrorClass},
    inventory::{Fact, LoadBalancer, Target, TargetGroup},
};

/// The maximum number of groups on a page.
const PAGE: i32 = 400;

/// Reads target groups by `elasticloadbalancing:DescribeTargetGroups`, and `DescribeTargetHealth` for each:
/// no operation lists the groups of which an instance is a target.
pub async fn target_groups(client: &Client, ask: &Ask) -> Members<TargetGroup> {
    if *ask != Ask::All {
        return not_listed("no single target groups; target groups");
    }
    let listed = match listed(client).await {
        // An endpoint that is not AWS's and has no load balancers.
        Err(error) if error.class == ErrorClass::Unsupported => return Ok(Vec::new()),
        listed => listed?,
    };
    let groups = stream::iter(listed).map(|group| with_targets(client, group));
    Ok(known(groups.buffered(8).collect::<Vec<_>>().await, |group| &group.id))
}

/// Calls `elasticloadbalancing:DescribeLoadBalancers`, which fails for all if one of several ARNs does not
/// exist.
pub async fn load_balancers(client: &Client, ask: &Ask) -> Members<LoadBalancer> {
    let ids = match ask {
        Ask::All => {
            let all = described(client).await?.into_iter().map(balancer);
            return Ok(known(all, |balancer| &balancer.id));
        }
        Ask::By(..) => return not_listed("load balancers"),
        Ask::Ids(ids) => ids,
    };
    let mut found = Vec::new();
    for (id, answer) in by_arn(client, ids).await {
        match answer {
            Ok(all) => found.extend(known(all.into_iter().map(balancer), |balancer| &balancer.id)),
            Err(error) => found.push((id, errors::fact(&error))),
        }
    }
    Ok(found)
}

/// Calls `elasticloadbalancing:DescribeLoadBalancers` for all.
pub async fn described(client: &Client) -> Result<Vec<types::LoadBalancer>, CallError> {
    let request = client.describe_load_balancers().page_size(PAGE);
    Ok(pages!("elasticloadbalancing:DescribeLoadBalancers", request, load_balancers, set_marker, next_marker))
}

/// The answers about load balancers, each with the ARN that was asked for.
type Answers = Vec<(String, Result<Vec<types::LoadBalancer>, CallError>)>;

/// Calls `elasticloadbalancing:DescribeLoadBalancers` for each of these.
pub async fn by_arn(client: &Client, arns: &[String]) -> Answers {
    const OPERATION: &str = "elasticloadbalancing:DescribeLoadBalancers";
    let each = stream::iter(arns.to_vec()).map(|arn| async move {
        let request = client.describe_load_balancers().load_balancer_arns(&arn);
        let answer = reading(OPERATION, || request.clone().send()).await;
        (arn, answer.map(|answer| answer.load_balancers.unwrap_or_default()))
    });
    each.buffered(8).collect().await
}

fn balancer(described: types::LoadBalancer) -> LoadBalancer {
    LoadBalancer {
        id: text(described.load_balancer_arn),
        name: text(described.load_balancer_name),
        scheme: text(described.scheme),
        vpc_id: text(described.vpc_id),
        subnets: described
            .availability_zones
            .unwrap_or_default()
            .into_iter()
            .filter_map(|zone| some(zone.subnet_id))
            .collect(),
        security_groups: described.security_groups.unwrap_or_default(),
    }
}

async fn listed(client: &Client) -> Result<Vec<TargetGroup>, CallError> {
    let request = client.describe_target_groups().page_size(PAGE);
    let groups =
        pages!("elasticloadbalancing:DescribeTargetGroups", request, target_groups, set_marker, next_marker);
    Ok(groups.into_iter().map(group).collect())
}

fn group(group: types::TargetGroup) -> TargetGroup {
    TargetGroup {
        id: text(group.target_group_arn),
        name: text(group.target_group_name),
        target_type: text(group.target_type),
        vpc_id: text(group.vpc_id),
        load_balancers: group.load_balancer_arns.unwrap_or_default(),
        targets: Fact::NotRead,
    }
}

async fn with_targets(client: &Client, group: TargetGroup) -> TargetGroup {
    if group.target_type == "lambda" {
        return group;
    }
    let health = reading("elasticloadbalancing:DescribeTargetHealth", || {
        client.describe_target_health().target_group_arn(&group.id).send()
    })
    .await;
    let targets = match health {
        Ok(answer) => Fact::Known(
            answer.target_health_descriptions.unwrap_or_default().into_iter().map(target).collect(),
        ),
        Err(error) => errors::fact(&error),
    };
    TargetGroup { targets, ..group }
}

fn target(described: types::TargetHealthDescription) -> Target {
    let (target, health) = (described.target, described.target_health);
    Target {
        id: text(target.as_ref().and_then(|t| t.id.as_deref())),
        port: target.as_ref().and_then(|t| t.port),
        availability_zone: target.and_then(|t| some(t.availability_zone)),
        state: text(health.as_ref().and_then(|h| h.state.as_ref())),
        reason: health.and_then(|h| some(h.reason)),
    }
}
