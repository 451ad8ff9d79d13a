//! The paths from the internet to what a finding is about: by the interfaces of a group, those in subnets, to
//! what is launched in a subnet, and to a load balancer.

use std::{collections::BTreeSet, net::IpAddr};

use ipnet::IpNet;

use super::{
    answer::{Answer, At, Because, Path, Reach},
    place::{Arrives, Place, silence},
    question::Traffic,
};
use crate::{
    checks::{
        network_acls::ways::Family,
        security_groups::{
            traffic::{nets, span},
            world::open_among,
        },
    },
    inventory::{Fact, LoadBalancer, NetworkInterface, SecurityGroupRule, Selector},
};

/// The type of the interface of a NAT gateway, as AWS's model and as AWS's filter names it
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfaces.html>).
const NAT: [&str; 2] = ["natGateway", "nat_gateway"];

/// Returns whether the world reaches the interfaces that use a group.
pub(super) fn of_group(place: &Place<'_>, group: &str, traffic: &[Traffic]) -> Reach {
    let found = place.known.network_interfaces.select(&Selector::by("group-id", group));
    let Fact::Known(found) = &found else {
        let why = found.silence().unwrap_or("AWS shows none");
        return Reach::unknown(At::Interface, format!("the interfaces that use {group}: {why}"));
    };
    let paths = found.iter().map(|(_, eni)| {
        best(traffic, |family| {
            let mut path = Path::default();
            if path.add(At::Interface, used(eni, &format!("uses {group}"))) {
                arrive(place, path, eni, family, traffic)
            } else {
                path
            }
        })
    });
    Reach::of(paths, &format!("no network interface uses {group}, until it is given to one"))
}

/// Returns whether the world reaches an interface in one of these subnets that a group opens to it.
pub(super) fn of_subnets(place: &Place<'_>, vpc: &str, subnets: &[String], traffic: &[Traffic]) -> Reach {
    if let Some(why) = silence(&place.known.network_interfaces.listed(&Selector::by("vpc-id", vpc))) {
        return Reach::unknown(At::Interface, format!("the interfaces of {vpc}: {why}"));
    }
    let interfaces = subnets.iter().flat_map(|subnet| place.in_subnet(subnet));
    let paths = interfaces.map(|eni| {
        best(traffic, |family| {
            let mut path = Path::default();
            let is_in = format!("is in {}", eni.subnet_id);
            if path.add(At::Interface, used(eni, &is_in))
                && path.add(At::SecurityGroup, opened(place, &eni.id, &eni.groups, family, traffic))
            {
                arrive(place, path, eni, family, traffic)
            } else {
                path
            }
        })
    });
    Reach::of(paths, "no network interface is in its subnets, until one is launched there")
}

/// Returns whether the world reaches what is launched in a subnet that gives out public IPv4 addresses, as
/// soon as a group and the network ACL let it in.
pub(super) fn of_launched(place: &Place<'_>, vpc: &str, subnet: &str, traffic: &[Traffic]) -> Reach {
    let mut path = Path::default();
    path.add(At::Address, (Answer::Yes, format!("what is launched in {subnet} gets a public address")));
    let arrives = Arrives { family: Family::V4, address: None, traffic };
    let gateway = place.through(&mut path, vpc, subnet, arrives);
    path.example = format!("what is launched in {subnet}, through {}", gateway.unwrap_or_default());
    Reach::of([path], "")
}

/// Returns whether the world reaches a load balancer.
pub(super) fn of_balancer(place: &Place<'_>, arn: &str, traffic: &[Traffic]) -> Reach {
    let found = place.known.load_balancers.get(arn);
    let Fact::Known(one) = &found else {
        let why = found.silence().unwrap_or("AWS does not show it");
        return Reach::unknown(At::Scheme, format!("the load balancer: {why}"));
    };
    let scheme = match one.scheme.as_str() {
        "internet-facing" => (Answer::Yes, format!("{} faces the internet", one.name)),
        "internal" => (Answer::No, format!("{} is internal", one.name)),
        other => (Answer::Unknown, format!("{} has the scheme {other:?}", one.name)),
    };
    let to = |subnet: &String| {
        best(traffic, |family| {
            let mut path = Path::default();
            let is_open = path.add(At::Scheme, scheme.clone())
                && path.add(At::SecurityGroup, balancer_opened(place, one, family, traffic));
            if is_open {
                let arrives = Arrives { family, address: None, traffic };
                let gateway = place.through(&mut path, &one.vpc_id, subnet, arrives);
                path.example = format!("{} in {subnet}, through {}", one.name, gateway.unwrap_or_default());
            }
            path
        })
    };
    if one.subnets.is_empty() && one.scheme != "internal" {
        return Reach::unknown(At::Route, format!("AWS names no subnet of {}", one.name));
    }
    let nowhere = String::new();
    let subnets = if one.subnets.is_empty() { std::slice::from_ref(&nowhere) } else { &one.subnets };
    Reach::of(subnets.iter().map(to), "")
}

/// Returns whether a group of a load balancer lets the world in. A network load balancer without one lets
/// everybody in
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-security-groups.html>).
fn balancer_opened(place: &Place<'_>, one: &LoadBalancer, family: Family, traffic: &[Traffic]) -> Because {
    let has_none = one.security_groups.is_empty() && one.id.contains(":loadbalancer/net/");
    match has_none {
        true => (Answer::Yes, format!("{} has no security group", one.name)),
        false => opened(place, &one.name, &one.security_groups, family, traffic),
    }
}

/// Returns the path of the address family by which the world gets furthest.
fn best(traffic: &[Traffic], by: impl Fn(Family) -> Path) -> Path {
    let families: BTreeSet<Family> = traffic.iter().map(|one| one.family).collect();
    families.into_iter().map(by).min_by_key(Path::short_of).unwrap_or_default()
}

fn used(eni: &NetworkInterface, how: &str) -> Because {
    match eni.status.as_str() {
        "available" => (Answer::No, format!("{} {how}, and is attached to nothing", eni.id)),
        _ => (Answer::Yes, format!("{} {how}", eni.id)),
    }
}

/// Adds the hops from the internet to an interface.
fn arrive(
    place: &Place<'_>,
    mut path: Path,
    eni: &NetworkInterface,
    family: Family,
    traffic: &[Traffic],
) -> Path {
    let (address, private) = match address(place, eni, family) {
        Ok(found) => found,
        Err(none) => {
            path.add(At::Address, none);
            return path;
        }
    };
    path.add(At::Address, (Answer::Yes, format!("{} has the public address {address}", eni.id)));
    let arrives = Arrives { family, address: private, traffic };
    let gateway = place.through(&mut path, &eni.vpc_id, &eni.subnet_id, arrives);
    path.example = format!("{} at {address}, through {}", eni.id, gateway.unwrap_or_default());
    path
}

/// Returns an address of the internet, and the one that packets to it have within the VPC, if that is known.
///
/// # Errors
/// The answer where there is none.
fn address(
    place: &Place<'_>,
    eni: &NetworkInterface,
    family: Family,
) -> Result<(String, Option<IpAddr>), Because> {
    // It answers nobody whom it did not ask first.
    if NAT.contains(&eni.interface_type.as_str()) {
        return Err((Answer::No, format!("{} is a NAT gateway's, which lets nobody in", eni.id)));
    }
    let found = match family {
        Family::V4 => {
            let primary = eni.public_ip.as_ref().map(|public| (public, eni.private_ip.as_deref()));
            primary.or_else(|| eni.more_public_ips.first().map(|public| (public, None)))
        }
        Family::V6 => eni.more_addresses.iter().find(|a| is_global(a)).map(|a| (a, Some(a.as_str()))),
    };
    if let Some((public, private)) = found {
        return Ok((public.clone(), private.and_then(|text| text.parse().ok())));
    }
    let none = match family {
        Family::V4 => format!("{} has no public address", eni.id),
        Family::V6 => format!("{} has no IPv6 address of the internet", eni.id),
    };
    Err(place.led_to(eni).map_or((Answer::No, none), |why| (Answer::Unknown, why)))
}

/// Returns whether an address is one of IPv6 that the internet routes: RFC 4291, section 2.4.
fn is_global(address: &str) -> bool {
    address.parse::<std::net::Ipv6Addr>().is_ok_and(|one| one.segments()[0] & 0xe000 == 0x2000)
}

/// Returns whether one of these groups lets the world in to some of the traffic.
fn opened(place: &Place<'_>, name: &str, groups: &[String], family: Family, traffic: &[Traffic]) -> Because {
    if groups.is_empty() {
        return (Answer::Unknown, format!("AWS names no security group of {name}"));
    }
    let mut unknown = None;
    for id in groups {
        match lets_in(place, id, family, traffic) {
            Ok(true) => return (Answer::Yes, format!("{id} of {name} lets the world in")),
            Ok(false) => {}
            Err(why) => unknown = Some(format!("{id} of {name}: {why}")),
        }
    }
    unknown.map_or_else(
        || (Answer::No, format!("no security group of {name} lets the world in")),
        |why| (Answer::Unknown, why),
    )
}

fn lets_in(place: &Place<'_>, id: &str, family: Family, traffic: &[Traffic]) -> Result<bool, String> {
    let listed = place.known.security_group_rules.select(&Selector::by("group-id", id));
    let group = place.known.security_groups.get(id);
    let rules: Vec<&SecurityGroupRule> = match (&listed, &group) {
        (Fact::Known(rules), _) => {
            rules.iter().map(|(_, rule)| *rule).filter(|rule| !rule.is_egress).collect()
        }
        (_, Fact::Known(group)) => match &group.inbound {
            Fact::Known(rules) => rules.iter().collect(),
            silent => return Err(silent.silence().unwrap_or("AWS shows no rules").to_owned()),
        },
        (_, silent) => return Err(silent.silence().unwrap_or("AWS does not show it").to_owned()),
    };
    let mut unknown = None;
    for one in traffic.iter().filter(|one| one.family == family) {
        let (from, to) = (i32::from(one.from), i32::from(one.to));
        let fits = |rule: &&&SecurityGroupRule| {
            span(rule, one.transport).is_some_and(|(first, last)| first <= to && from <= last)
        };
        let mut sources: Vec<IpNet> = Vec::new();
        for rule in rules.iter().filter(fits) {
            match nets(rule, &place.known.prefix_lists) {
                Fact::Known(found) => {
                    sources.extend(found.into_iter().filter(|net| Family::of(net) == family))
                }
                silent => unknown = silent.silence().map(str::to_owned),
            }
        }
        if !open_among(&[sources]).is_empty() {
            return Ok(true);
        }
    }
    unknown.map_or(Ok(false), Err)
}
