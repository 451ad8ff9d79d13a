//! The ways in to the endpoint, as its security groups leave them: traffic that is led to it must get in.

use ipnet::IpNet;

use crate::{
    actions::{Context, Refusal, support},
    checks::{
        ports::Transport,
        security_groups::{rules_of, traffic},
    },
    inventory::VpcEndpoint,
};

/// The port of AWS's services.
const HTTPS: u16 = 443;

/// Checks that the security groups of an endpoint let in all IPv4 addresses of its VPC by HTTPS.
///
/// # Errors
/// A refusal that names the ranges that would be cut off, or the reason for which that is not known.
pub(super) fn let_in(context: &Context<'_>, endpoint: &VpcEndpoint) -> Result<(), Refusal> {
    let (id, place) = (&endpoint.id, support::region(context.inventory, context.region)?);
    if endpoint.groups.is_empty() {
        return Err(Refusal::Unknown(format!("VPC endpoint {id}: the answer names no security group of it")));
    }
    let mut nets: Vec<IpNet> = Vec::new();
    for group in &endpoint.groups {
        let rules = rules_of(context.inventory, context.region, group);
        let rules = support::need(rules, &format!("the rules of {group}"))?;
        let doors = rules.into_iter().filter(|rule| !rule.is_egress);
        let doors = doors.filter(|rule| traffic::admits(rule, Transport::Tcp, HTTPS));
        nets.extend(doors.filter_map(|rule| rule.cidr_ipv4.as_ref()?.parse::<IpNet>().ok()));
    }
    let nets = IpNet::aggregate(&nets);
    let vpc = support::need(place.vpcs.get(&endpoint.vpc_id), &format!("VPC {}", endpoint.vpc_id))?;
    let mut out = Vec::new();
    for range in support::vpc_ranges(vpc) {
        let range = range?;
        if range.addr().is_ipv4() && !nets.iter().any(|net| net.contains(&range)) {
            out.push(range.to_string());
        }
    }
    if out.is_empty() {
        return Ok(());
    }
    Err(Refusal::Refused(format!(
        "VPC endpoint {id}: its security groups ({}) do not let all of {} in on port {HTTPS}, as far as \
         ranges of addresses show: what is left out would lose the service. Let the ranges of {} in first",
        endpoint.groups.join(", "),
        out.join(", "),
        vpc.id
    )))
}
