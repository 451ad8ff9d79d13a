//! Interface endpoints behind a group: their clients come from the VPC, so HTTPS from its own ranges stays
//! where the world goes; and a group that others use, too, is not narrowed for an endpoint's sake.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::edit::Edit;
use crate::{
    actions::{
        Context, GuardNote, Refusal,
        group_use::{interfaces, of_service},
        support::{self, Subject},
    },
    checks::{
        endpoint_groups::{OPEN_GROUP, endpoints_of, named},
        ports::{ENDPOINT, Transport},
        security_groups::traffic,
    },
    inventory::{Family, FamilyKind, NetworkInterface, PrefixList, SecurityGroupRule, Want},
};

/// The name of the guard.
const GUARD: &str = "endpoint-clients";
/// The type of the network interfaces of interface endpoints
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NetworkInterface.html>).
const OF_ENDPOINT: &str = "vpc_endpoint";
/// The number of interfaces that a refusal names.
const MOST_NAMED: usize = 5;

/// The interface endpoints behind a group.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Endpoints {
    /// The endpoints, with their services; empty where only their interfaces were read.
    pub names: Vec<String>,
    /// The ranges of their VPCs.
    pub ranges: Vec<IpNet>,
}

/// Returns the facts that are needed, given the known ones: the VPCs of endpoints, and the endpoints
/// themselves where a finding on them is answered.
pub fn needs(context: &Context<'_>, group: &str) -> Vec<Want> {
    let mut wants = Vec::new();
    if is_asked(context) {
        wants.push(Want::all(context.region, FamilyKind::VpcEndpoints));
    }
    let vpcs = vpcs(context, group).unwrap_or_default();
    wants.extend(vpcs.into_iter().map(|vpc| Want::id(context.region, FamilyKind::Vpcs, vpc)));
    wants
}

fn is_asked(context: &Context<'_>) -> bool {
    context.checks.iter().any(|check| check == OPEN_GROUP)
}

/// Returns the VPCs of the endpoints behind a group.
fn vpcs<'a>(context: &Context<'a>, group: &str) -> Result<BTreeSet<&'a str>, Refusal> {
    let of_interfaces = interfaces(context, group)?.into_iter().filter(|one| is_of_endpoint(one));
    let mut vpcs: BTreeSet<&str> = of_interfaces.map(|one| one.vpc_id.as_str()).collect();
    if is_asked(context) {
        let question = format!("which endpoints have {group}");
        let found = endpoints_of(context.inventory, context.region, group);
        let found = support::known(found, Subject::Question(&question))?.unwrap_or_default();
        vpcs.extend(found.into_iter().map(|endpoint| endpoint.vpc_id.as_str()));
    }
    Ok(vpcs)
}

fn is_of_endpoint(interface: &NetworkInterface) -> bool {
    interface.interface_type == OF_ENDPOINT
}

/// Returns the endpoints behind a group, with the ranges of their VPCs.
///
/// # Errors
/// [`Refusal::Unknown`] if these are not known.
pub fn behind(context: &Context<'_>, group: &str) -> Result<Endpoints, Refusal> {
    let place = support::region(context.inventory, context.region)?;
    let mut ranges = BTreeSet::new();
    for id in vpcs(context, group)? {
        let question = format!("which ranges {id} has, from which the endpoints are reached");
        let vpc = support::known(place.vpcs.get(id), Subject::Question(&question))?;
        let vpc = vpc.ok_or_else(|| Refusal::Unknown(format!("AWS does not report {id}; scan again")))?;
        ranges.extend(support::vpc_ranges(vpc).collect::<Result<Vec<_>, _>>()?);
    }
    let names = match is_asked(context) {
        true => endpoints_of(context.inventory, context.region, group).known().cloned().unwrap_or_default(),
        false => Vec::new(),
    };
    let names = names.into_iter().map(named).collect();
    Ok(Endpoints { names, ranges: ranges.into_iter().collect() })
}

/// Returns the reason for which a group is not narrowed for its endpoints: others use it, and the rule may be
/// meant for them.
pub fn shared(context: &Context<'_>, group: &str) -> Option<Refusal> {
    let all = match interfaces(context, group) {
        Ok(all) => all,
        Err(refusal) => return Some(refusal),
    };
    let mut others: Vec<String> = all.into_iter().filter(|one| !is_of_endpoint(one)).map(user).collect();
    if others.is_empty() {
        return None;
    }
    others.sort_unstable();
    let more = others.len().saturating_sub(MOST_NAMED);
    others.truncate(MOST_NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Some(Refusal::Refused(format!(
        "{group} is not the endpoint's alone: {}{more} use it, too, and its rule may be meant for them. Give \
         the endpoint a group of its own that lets in 443/tcp from the VPC, and take this one from it",
        others.join(", ")
    )))
}

fn user(interface: &NetworkInterface) -> String {
    match &interface.instance_id {
        Some(instance) => format!("{} of {instance}", interface.id),
        None => format!("{} ({})", interface.id, of_service(interface)),
    }
}

/// Notes the ranges from which the endpoints are still reached.
pub fn guard(edit: &Edit<'_>, lists: &Family<PrefixList>, endpoints: &Endpoints) -> Option<GuardNote> {
    let reached = reached(edit, lists, endpoints);
    let came = edit.revoke.iter().any(|rule| is_https(rule));
    (came && !reached.is_empty()).then(|| {
        GuardNote::passed(
            GUARD,
            format!("endpoints of the group are still reached from {} on 443/tcp", listed(&reached)),
        )
    })
}

/// Returns the ranges of the VPC from which some rule lets HTTPS in afterwards.
fn reached(edit: &Edit<'_>, lists: &Family<PrefixList>, endpoints: &Endpoints) -> Vec<IpNet> {
    let nets: Vec<IpNet> = edit
        .after
        .iter()
        .filter(|rule| is_https(rule))
        .filter_map(|rule| traffic::nets(rule, lists).known().cloned())
        .flatten()
        .collect();
    let is_in = |range: &&IpNet| nets.iter().any(|net| net.contains(*range));
    endpoints.ranges.iter().filter(is_in).copied().collect()
}

/// Describes the loss of those who came to the endpoints from elsewhere.
pub fn impact(edit: &Edit<'_>, lists: &Family<PrefixList>, endpoints: &Endpoints) -> Option<String> {
    let reached = reached(edit, lists, endpoints);
    let came = edit.revoke.iter().any(|rule| is_https(rule));
    let which = match endpoints.names.as_slice() {
        [] => "endpoints of the group".to_owned(),
        names => names.join(", "),
    };
    (came && !reached.is_empty()).then(|| {
        format!(
            "{which}: clients in the VPC ({}) still reach them on 443/tcp, and on no \
             other port by these rules; peered VPCs, transit gateways, VPNs and Direct Connect do only from \
             networks that are allowed, and lose with the private name of the service the service itself",
            listed(&reached)
        )
    })
}

fn is_https(rule: &SecurityGroupRule) -> bool {
    ENDPOINT.iter().any(|service| traffic::admits(rule, Transport::Tcp, service.port))
}

fn listed(ranges: &[IpNet]) -> String {
    ranges.iter().map(IpNet::to_string).collect::<Vec<_>>().join(", ")
}
