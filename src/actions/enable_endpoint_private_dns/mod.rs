//! `enable-endpoint-private-dns`: the public names of an AWS service lead to the interface endpoint of a VPC,
//! for everything that asks the VPC's resolver.

mod doors;

use serde_json::{Value, json};

use super::{
    Action, Around, Context, GuardNote, Parameter, Proof, Proposal, Refusal, concern,
    concern::Concern,
    make,
    setting::Nothing,
    support::{self, Subject},
};
use crate::{
    calls::{Act, Call, Expect, Risk, Step},
    checks::{
        endpoints::{NO_PRIVATE_DNS, without_private_names},
        security_groups::rules_want,
    },
    inventory::{FamilyKind, Selector, VpcDns, VpcEndpoint, Want},
    resource::{Kind, ResourceId},
    services::{Operation, Spec, endpoint::ModifyVpcEndpoint},
};

/// The action `enable-endpoint-private-dns`.
pub struct EnableEndpointPrivateDns;

/// Seconds within which an endpoint is available again. AWS names no time for it.
const SHOWS_WITHIN: u64 = 900;
/// The filter that picks the endpoints of a VPC.
const OF_VPC: &str = "vpc-id";
/// The words for a state in which an endpoint can be changed: the model of the API writes it with a capital,
/// and AWS answers without.
const AVAILABLE: &[&str] = &["available", "Available"];
/// The name of the guard on what else decides where names lead.
const ELSEWHERE: &str = "names-elsewhere";
/// The note of that guard.
const NOT_READ: &str = "Route 53 Profiles and Resolver rules, network ACLs of the endpoint's subnets, and \
                        IPv6 addresses of the endpoint are not read: they may lead the names elsewhere, or \
                        keep clients out";
/// Services whose interface endpoints have options of private DNS that redress does not set
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/privatelink-interface-endpoints.html>).
const WITH_OPTIONS: &[&str] = &["s3", "dynamodb"];

impl Action for EnableEndpointPrivateDns {
    fn name(&self) -> &'static str {
        "enable-endpoint-private-dns"
    }
    fn title(&self) -> &'static str {
        "Leads the public names of an AWS service to the interface endpoint in the VPC"
    }
    fn doc(&self) -> &'static str {
        include_str!("page.md")
    }
    fn answers(&self) -> &'static [&'static str] {
        &[NO_PRIVATE_DNS]
    }
    fn target(&self) -> Kind {
        Kind::VpcEndpoint
    }
    fn reads(&self, _: Kind) -> &'static [Around] {
        const {
            &[
                Around::found(FamilyKind::VpcEndpoints),
                Around::found(FamilyKind::VpcDns),
                Around::found(FamilyKind::Vpcs),
                Around::found(FamilyKind::SecurityGroupRules),
            ]
        }
    }
    fn parameters(&self) -> &'static [Parameter] {
        &[]
    }
    fn decode(&self, with: toml::de::Deserializer<'_>) -> Result<Value, toml::de::Error> {
        support::decode::<Nothing>(with)
    }
    fn needs(&self, context: &Context<'_>, target: &ResourceId, _: &Value) -> Vec<Want> {
        let region = context.region;
        let mut wants = vec![Want::id(region, FamilyKind::VpcEndpoints, target.id())];
        let known = context.inventory.regions.get(region);
        let endpoint = known.and_then(|place| place.vpc_endpoints.get(target.id()).known().copied());
        // Whatever is refused by the endpoint alone asks for no more.
        let Some(endpoint) = endpoint.filter(|endpoint| changeable(context, endpoint).is_ok()) else {
            return wants;
        };
        wants.push(Want::by(region, FamilyKind::VpcEndpoints, OF_VPC, &endpoint.vpc_id));
        wants.push(Want::id(region, FamilyKind::VpcDns, &endpoint.vpc_id));
        wants.push(Want::id(region, FamilyKind::Vpcs, &endpoint.vpc_id));
        wants.extend(endpoint.groups.iter().map(|group| rules_want(region, group)));
        wants
    }
    fn operations(&self) -> &'static [Spec] {
        const { &[<ModifyVpcEndpoint as Operation>::SPEC] }
    }
    fn concerns(&self) -> concern::Table {
        const { &[(FamilyKind::VpcEndpoints, Concern::these(&["private_dns_enabled"]))] }
    }
    fn is_remade(&self) -> bool {
        true
    }
    fn propose(&self, context: &Context<'_>, target: &ResourceId, _: &Value) -> Result<Proposal, Refusal> {
        let (region, place) = (context.region, support::region(context.inventory, context.region)?);
        let words = format!("VPC endpoint {}", target.id());
        let endpoint = support::need(place.vpc_endpoints.get(target.id()), &words)?;
        let names = changeable(context, endpoint)?;
        alone(context, endpoint)?;
        let what = format!("the DNS of {}", endpoint.vpc_id);
        let dns = support::need(place.vpc_dns.get(&endpoint.vpc_id), &what)?;
        resolves(endpoint, dns)?;
        free(endpoint, dns, names)?;
        doors::let_in(context, endpoint)?;
        let guard = support::ownership(&words, support::managed_by(&endpoint.tags), context.options)?;
        let setting = |is_on: bool| json!({ "private_dns_enabled": is_on });
        Ok(Proposal {
            summary: format!("lead {} to {} in {}", names.join(" and "), endpoint.id, endpoint.vpc_id),
            steps: vec![step(region, endpoint)],
            risk: Risk::Disruptive,
            impact: impact(endpoint, names),
            before: setting(false),
            after: setting(true),
            proof: vec![Proof {
                check: NO_PRIVATE_DNS.to_owned(),
                resource: target.clone(),
                with: Value::Null,
            }],
            not_restored: Vec::new(),
            guards: vec![guard, GuardNote::not_checked(ELSEWHERE, NOT_READ)],
            touches: vec![Want::id(region, FamilyKind::VpcEndpoints, target.id())],
            prerequisites: Vec::new(),
        })
    }
}

/// Returns the names that would lead to an endpoint, where the endpoint itself allows the change.
fn changeable<'e>(context: &Context<'_>, endpoint: &'e VpcEndpoint) -> Result<&'e [String], Refusal> {
    let id = &endpoint.id;
    let refused = |why: String| Err(Refusal::Refused(format!("VPC endpoint {id}: {why}")));
    if !context.inventory.owner.owns(&endpoint.owner_id) {
        return refused(format!("it is account {}'s: only its owner can change it", endpoint.owner_id));
    }
    if endpoint.requester_managed {
        return refused("a service of AWS manages it, and only that can change it".to_owned());
    }
    match without_private_names(endpoint) {
        Ok(None) => {}
        Ok(Some(why)) => return Err(Refusal::Nothing(format!("VPC endpoint {id}: {why}"))),
        Err(why) => return Err(Refusal::Unknown(format!("VPC endpoint {id}: {why}"))),
    }
    let names = support::need(
        endpoint.private_dns_names.as_ref(),
        &format!("the names of {}", endpoint.service_name),
    )?;
    if endpoint.private_dns_enabled {
        return Err(Refusal::Nothing(format!("VPC endpoint {id} has private DNS already")));
    }
    if let Some((_, word)) = endpoint.service().filter(|(_, word)| WITH_OPTIONS.contains(word)) {
        return refused(format!(
            "for {word}, private DNS has options (for inbound resolver endpoints only, or for all), and \
             gateway endpoints serve the same names: choose these by hand"
        ));
    }
    if !AVAILABLE.contains(&endpoint.state.as_str()) {
        return refused(format!("it is in the state {:?}: plan again when it is available", endpoint.state));
    }
    Ok(names)
}

/// Checks that no other endpoint of the VPC has the names already.
fn alone(context: &Context<'_>, endpoint: &VpcEndpoint) -> Result<(), Refusal> {
    let place = support::region(context.inventory, context.region)?;
    let question = format!("which other endpoints {} has", endpoint.vpc_id);
    let beside = place.vpc_endpoints.select(&Selector::by(OF_VPC, &endpoint.vpc_id));
    let beside = support::need(beside, Subject::Question(question.as_str()))?;
    if let Some((id, fact)) = place.vpc_endpoints.items.unknown().first() {
        return Err(Refusal::Unknown(format!(
            "redress could not find out whether {id} is an endpoint of the same service: {}",
            fact.silence().unwrap_or("it was not read")
        )));
    }
    let same = |other: &&VpcEndpoint| {
        other.id != endpoint.id && other.service_name == endpoint.service_name && other.private_dns_enabled
    };
    match beside.into_iter().map(|(_, other)| other).find(same) {
        None => Ok(()),
        Some(other) => Err(Refusal::Refused(format!(
            "VPC endpoint {}: {} of the same VPC leads the names of {} to itself already, so that this one \
             is used by its own names only: delete the one that is not needed",
            endpoint.id, other.id, endpoint.service_name
        ))),
    }
}

/// Checks that the VPC resolves names at all, which AWS requires.
fn resolves(endpoint: &VpcEndpoint, dns: &VpcDns) -> Result<(), Refusal> {
    for (name, fact) in [("enableDnsSupport", &dns.dns_support), ("enableDnsHostnames", &dns.dns_hostnames)] {
        let what = format!("whether {} has {name}", dns.id);
        if !*support::need(fact.as_ref(), Subject::Question(what.as_str()))? {
            return Err(Refusal::Refused(format!(
                "VPC endpoint {}: private DNS needs enableDnsSupport and enableDnsHostnames of {}, and \
                 {name} is off: turn it on first, if nothing in the VPC depends on that",
                endpoint.id, dns.id
            )));
        }
    }
    Ok(())
}

/// Checks that no private hosted zone of the VPC decides about the names. AWS refuses one of the same name;
/// one within a name would go on to answer for its part, and one around it would answer no longer.
fn free(endpoint: &VpcEndpoint, dns: &VpcDns, names: &[String]) -> Result<(), Refusal> {
    let zones = support::need(dns.zones.as_ref(), &format!("the private hosted zones of {}", dns.id))?;
    for name in names {
        // Zones of AWS's services are those of other endpoints: they decide about their own names only.
        let decides = |zone: &&crate::inventory::PrivateZone| match &zone.service {
            Some(_) => zone.is_of(name),
            None => zone.overlaps(name),
        };
        if let Some(zone) = zones.iter().find(decides) {
            let owner = zone.account.as_deref().or(zone.service.as_deref()).unwrap_or("an unknown owner");
            return Err(Refusal::Refused(format!(
                "VPC endpoint {}: the private hosted zone {} ({}, of {owner}) of {} decides about {name}: \
                 if it leads to an endpoint already, all is well without private DNS; else disassociate it \
                 first",
                endpoint.id, zone.name, zone.id, dns.id
            )));
        }
    }
    Ok(())
}

/// Builds the step: the setting, and its undo. An endpoint is pending while AWS changes its names.
fn step(region: &str, endpoint: &VpcEndpoint) -> Step {
    let id = endpoint.id.as_str();
    let is = |is_on: bool| -> Vec<Expect> {
        let states = AVAILABLE.iter().map(|word| json!(word)).collect();
        vec![
            make::is(region, FamilyKind::VpcEndpoints, id, "/private_dns_enabled", is_on),
            make::one_of(region, FamilyKind::VpcEndpoints, id, "/state", states),
        ]
    };
    let set = |is_on: bool| -> Act {
        let call = Call::of(region, &ModifyVpcEndpoint::private_dns(id, is_on));
        let why = format!("until private DNS is {} and it is available", if is_on { "on" } else { "off" });
        make::act_until(call, is(is_on), SHOWS_WITHIN, &why)
    };
    let changed = format!("somebody has changed VPC endpoint {id} since the plan was made");
    let before = is(false).into_iter().map(|expect| expect.meaning(&changed)).collect();
    let title = format!("turn on private DNS of {id}");
    make::step("set", title, set(true).only_if(before), make::back_and_forth(set(false)))
}

fn impact(endpoint: &VpcEndpoint, names: &[String]) -> Vec<String> {
    let (id, vpc, names) = (&endpoint.id, &endpoint.vpc_id, names.join(", "));
    vec![
        format!(
            "everything that asks the resolver of {vpc} gets the private addresses of {id} for {names}: its \
             traffic moves from the way to the internet to the endpoint"
        ),
        format!(
            "the policy of {id} counts for these calls from then on, and policies that name the source \
             addresses of the VPC (aws:SourceIp) no longer match them: they come with aws:SourceVpce"
        ),
        format!(
            "connections that stand go on where they are; the endpoint is in {} subnet(s), and what is in \
             another zone goes across zones",
            endpoint.subnet_ids.len()
        ),
    ]
}

#[cfg(test)]
mod tests;
