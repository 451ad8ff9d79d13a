//! Reads the listeners of load balancers, and the security policies of TLS.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::{Client, types};
use futures::{StreamExt, stream};

use super::{
    Ask, Members, balancing, distinct, not_listed,
    page::{known, pages, some, text},
    rules,
};
use crate::{
    aws::{errors, retry::reading},
    calls::{CallError, ErrorClass},
    inventory::{Fact, Listener, OF_BALANCER, Tags, TlsPolicy},
};

/// The maximum number of things on a page.
const PAGE: i32 = 400;
/// The maximum number of resources whose tags one call lists
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTags.html>).
const TAGGED: usize = 20;
/// The number of load balancers or listeners that are read at once.
const AT_ONCE: usize = 8;

/// Calls `elasticloadbalancing:DescribeListeners`: for each load balancer, since no operation lists the
/// listeners of all, for those that are named, or by ARN. Then `DescribeSSLPolicies`, `DescribeTags` and
/// `DescribeRules` for those that were found.
pub async fn listeners(client: &Client, ask: &Ask) -> Members<Listener> {
    let (mut found, mut rest) = (Vec::new(), Vec::new());
    match ask {
        Ask::All => match listed(client).await {
            // An endpoint that is not AWS's and has no load balancers.
            Err(error) if error.class == ErrorClass::Unsupported => {}
            listed => found = listed?,
        },
        Ask::Ids(ids) => {
            let each = stream::iter(ids.clone()).map(|id| async move {
                let answer = named(client, &id).await;
                (id, answer)
            });
            for (id, answer) in each.buffered(AT_ONCE).collect::<Vec<_>>().await {
                match answer {
                    Ok(listeners) => found.extend(listeners),
                    Err(error) => rest.push((id, errors::fact(&error))),
                }
            }
        }
        Ask::By(name, arns) if name == OF_BALANCER => found = of_balancers(client, arns.clone()).await?,
        Ask::By(..) => return not_listed("listeners"),
    }
    let mut listeners: Vec<Listener> = found.into_iter().map(listener).collect();
    rules::add(client, &mut listeners, matches!(ask, Ask::Ids(_))).await;
    let whole = complete(client, listeners).await;
    rest.extend(known(whole, |listener| &listener.id));
    Ok(rest)
}

async fn listed(client: &Client) -> Result<Vec<types::Listener>, CallError> {
    let balancers = balancing::load_balancers(client, &Ask::All).await?;
    let arns = balancers.into_iter().map(|(arn, _)| arn).filter(|arn| !arn.is_empty()).collect();
    of_balancers(client, arns).await
}

async fn of_balancers(client: &Client, arns: Vec<String>) -> Result<Vec<types::Listener>, CallError> {
    let each = stream::iter(arns).map(|arn| of_balancer(client, arn));
    let mut all = Vec::new();
    for listeners in each.buffered(AT_ONCE).collect::<Vec<_>>().await {
        match listeners {
            // Somebody has deleted the load balancer since it was listed.
            Err(error) if errors::says_absent(&error.code) => {}
            listeners => all.extend(listeners?),
        }
    }
    Ok(all)
}

async fn of_balancer(client: &Client, arn: String) -> Result<Vec<types::Listener>, CallError> {
    let request = client.describe_listeners().load_balancer_arn(arn).page_size(PAGE);
    Ok(pages!("elasticloadbalancing:DescribeListeners", request, listeners, set_marker, next_marker))
}

async fn named(client: &Client, arn: &str) -> Result<Vec<types::Listener>, CallError> {
    const OPERATION: &str = "elasticloadbalancing:DescribeListeners";
    let request = client.describe_listeners().listener_arns(arn);
    Ok(reading(OPERATION, || request.clone().send()).await?.listeners.unwrap_or_default())
}

fn listener(described: types::Listener) -> Listener {
    let actions = described.default_actions.unwrap_or_default();
    let certificate = described.certificates.unwrap_or_default().into_iter().next();
    Listener {
        certificate: certificate.and_then(|first| some(first.certificate_arn)),
        mutual_authentication: described.mutual_authentication.and_then(|mutual| some(mutual.mode)),
        more_in_actions: rules::more_in(&actions),
        default_actions: rules::actions(actions),
        id: text(described.listener_arn),
        load_balancer: text(described.load_balancer_arn),
        protocol: text(described.protocol),
        port: described.port,
        ssl_policy: some(described.ssl_policy),
        ..Listener::default()
    }
}

/// Adds the versions of TLS that the policies let clients speak, and the tags.
async fn complete(client: &Client, listeners: Vec<Listener>) -> Vec<Listener> {
    if listeners.is_empty() {
        return listeners;
    }
    let arns = distinct(listeners.iter().flat_map(|l| [l.id.clone(), l.load_balancer.clone()]));
    let (policies, tags) = futures::join!(described(client), tags(client, &arns));
    let policies = policies
        .map(|all| all.into_iter().map(|policy| (policy.id, policy.versions)).collect::<BTreeMap<_, _>>());
    let versions = |name: &str| match &policies {
        Ok(all) => all.get(name).map_or_else(
            || {
                Fact::unknown(format!(
                    "AWS lists no policy {name} (elasticloadbalancing:DescribeSSLPolicies)"
                ))
            },
            |versions| Fact::Known(versions.clone()),
        ),
        Err(error) => Fact::unknown(error),
    };
    let whole = |listener: Listener| {
        let versions = match &listener.ssl_policy {
            Some(name) if listener.ends_tls() => versions(name),
            _ => Fact::NotRead,
        };
        let tags = [&listener.load_balancer, &listener.id].map(|arn| tags.get(arn));
        let tags = match tags {
            [Some(Fact::Known(of_balancer)), Some(Fact::Known(own))] => {
                Fact::Known(of_balancer.clone().into_iter().chain(own.clone()).collect())
            }
            [of_balancer, own] => {
                let silent = [of_balancer, own].into_iter().flatten().find_map(|fact| fact.silence());
                Fact::unknown(silent.unwrap_or("the answer lacks them (elasticloadbalancing:DescribeTags)"))
            }
        };
        Listener { versions, tags, ..listener }
    };
    listeners.into_iter().map(whole).collect()
}

/// Calls `elasticloadbalancing:DescribeTags`.
pub async fn tags(client: &Client, arns: &[String]) -> BTreeMap<String, Fact<Tags>> {
    const OPERATION: &str = "elasticloadbalancing:DescribeTags";
    let mut all = BTreeMap::new();
    for some_arns in arns.chunks(TAGGED) {
        let request = client.describe_tags().set_resource_arns(Some(some_arns.to_vec()));
        match reading(OPERATION, || request.clone().send()).await {
            Ok(answer) => {
                all.extend(answer.tag_descriptions.unwrap_or_default().into_iter().map(|described| {
                    let tags = described.tags.unwrap_or_default().into_iter();
                    let tags =
                        tags.filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default()))).collect();
                    (text(described.resource_arn), Fact::Known(tags))
                }))
            }
            // One that is deleted meanwhile fails the call for all.
            Err(error) if some_arns.len() > 1 && errors::says_absent(&error.code) => {
                for arn in some_arns {
                    all.extend(Box::pin(tags(client, std::slice::from_ref(arn))).await);
                }
            }
            Err(error) => all.extend(some_arns.iter().map(|arn| (arn.clone(), Fact::unknown(&error)))),
        }
    }
    all
}

/// Calls `elasticloadbalancing:DescribeSSLPolicies`.
pub async fn policies(client: &Client, ask: &Ask) -> Members<TlsPolicy> {
    let wanted = |policy: &TlsPolicy| match ask {
        Ask::Ids(ids) => ids.contains(&policy.id),
        Ask::All | Ask::By(..) => true,
    };
    let all = match described(client).await {
        Err(error) if error.class == ErrorClass::Unsupported => Vec::new(),
        described => described?,
    };
    Ok(known(all.into_iter().filter(wanted), |policy| &policy.id))
}

async fn described(client: &Client) -> Result<Vec<TlsPolicy>, CallError> {
    let request = client.describe_ssl_policies().page_size(PAGE);
    let policies =
        pages!("elasticloadbalancing:DescribeSSLPolicies", request, ssl_policies, set_marker, next_marker);
    Ok(policies.into_iter().map(policy).collect())
}

fn policy(described: types::SslPolicy) -> TlsPolicy {
    TlsPolicy {
        id: text(described.name),
        versions: described.ssl_protocols.unwrap_or_default(),
        ciphers: described.ciphers.unwrap_or_default().into_iter().filter_map(|c| some(c.name)).collect(),
        load_balancer_types: described.supported_load_balancer_types.unwrap_or_default(),
    }
}
