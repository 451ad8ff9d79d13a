//! The networks that are never blocked: the VPC's own, AWS's at each host, its health checkers, and the
//! address of the person who asks.

use ipnet::IpNet;

use crate::{
    actions::{Context, GuardNote, Refusal, support},
    inventory::{FamilyKind, NetworkAcl, PrefixList, Selector, Want},
};

/// The name of the guard on the person's own address.
const LOCK_OUT: &str = "lock-out";
/// The name of the guard on health checkers.
const CHECKERS: &str = "health-checkers";
/// Addresses at which AWS answers every instance: metadata, DNS, time
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/vpc-dns.html>).
const LOCAL: [&str; 2] = ["169.254.0.0/16", "fd00:ec2::/32"];

/// Returns the names of AWS's lists of the addresses from which Route 53 checks health
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/working-with-aws-managed-prefix-lists.html>).
fn lists(region: &str) -> [String; 2] {
    ["", "ipv6."].map(|family| format!("com.amazonaws.{region}.{family}route53-healthchecks"))
}

fn named(name: &str) -> Selector {
    Selector::by("prefix-list-name", name)
}

/// Returns the facts: the lists by their names, and then their entries.
pub fn needs(context: &Context<'_>) -> Vec<Want> {
    let region = context.region;
    let mut wants = Vec::new();
    for name in lists(region) {
        wants.push(Want::by(region, FamilyKind::PrefixLists, "prefix-list-name", &name));
        wants.extend(
            found(context, &name).into_iter().map(|list| Want::id(region, FamilyKind::PrefixLists, &list.id)),
        );
    }
    wants
}

fn found<'c>(context: &Context<'c>, name: &str) -> Vec<&'c PrefixList> {
    let known = context.inventory.regions.get(context.region);
    let listed = known.map(|known| known.prefix_lists.select(&named(name)));
    let listed = listed.and_then(|listed| listed.known().cloned()).unwrap_or_default();
    listed.into_iter().map(|(_, list)| list).filter(|list| list.owner_id == "AWS").collect()
}

/// Checks all of them.
///
/// # Errors
/// A refusal: a network that is never blocked, or the VPC's own that are not known.
pub fn all(context: &Context<'_>, acl: &NetworkAcl, networks: &[IpNet]) -> Result<Vec<GuardNote>, Refusal> {
    own(context, acl, networks)?;
    Ok(vec![person(context, networks)?, checkers(context, networks)?])
}

fn overlap(a: &IpNet, b: &IpNet) -> bool {
    a.contains(b) || b.contains(a)
}

/// Refuses networks of the VPC, and those at which AWS answers every instance.
fn own(context: &Context<'_>, acl: &NetworkAcl, networks: &[IpNet]) -> Result<(), Refusal> {
    let known = support::region(context.inventory, context.region)?;
    let vpc = support::need(known.vpcs.get(&acl.vpc_id), &format!("VPC {}", acl.vpc_id))?;
    for range in support::vpc_ranges(vpc) {
        let range = range?;
        if let Some(network) = networks.iter().find(|network| overlap(network, &range)) {
            return Err(Refusal::Refused(format!(
                "{network} is of {range} of {} itself: isolate the instance instead, a network ACL would \
                 cut it from its neighbours only",
                vpc.id
            )));
        }
    }
    let local = LOCAL.iter().filter_map(|range| range.parse::<IpNet>().ok());
    for range in local {
        if let Some(network) = networks.iter().find(|network| overlap(network, &range)) {
            return Err(Refusal::Refused(format!(
                "{network} is of {range}, where AWS answers every instance (metadata, DNS, time)"
            )));
        }
    }
    Ok(())
}

/// Refuses the address of the person who asks; nothing loosens this.
fn person(context: &Context<'_>, networks: &[IpNet]) -> Result<GuardNote, Refusal> {
    let Some((address, source)) = &context.options.my_address else {
        return Ok(GuardNote::not_checked(
            LOCK_OUT,
            "the operator's address is not known (give --my-address)",
        ));
    };
    match networks.iter().find(|network| network.contains(address)) {
        None => Ok(GuardNote::passed(LOCK_OUT, format!("{address} ({source}) is not blocked"))),
        Some(network) => Err(Refusal::Refused(format!(
            "{network} contains your own address {address} ({source}): name a narrower network"
        ))),
    }
}

/// Refuses the addresses from which Route 53 checks health, where AWS lists them.
fn checkers(context: &Context<'_>, networks: &[IpNet]) -> Result<GuardNote, Refusal> {
    let mut read = 0;
    for name in lists(context.region) {
        for list in found(context, &name) {
            let Some(entries) = list.entries.known() else { continue };
            read += 1;
            let ranges = entries.iter().filter_map(|entry| entry.parse::<IpNet>().ok());
            for range in ranges {
                if let Some(network) = networks.iter().find(|network| overlap(network, &range)) {
                    return Err(Refusal::Refused(format!(
                        "{network} is of {range}, from which Route 53 checks health ({name}): healthy \
                         endpoints would be taken for dead"
                    )));
                }
            }
        }
    }
    Ok(match read == lists(context.region).len() {
        true => GuardNote::passed(CHECKERS, "none of these is an address from which Route 53 checks health"),
        false => GuardNote::not_checked(
            CHECKERS,
            "AWS's lists of the addresses from which Route 53 checks health could not be read",
        ),
    })
}
