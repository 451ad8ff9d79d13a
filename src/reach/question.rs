//! From a finding to what is asked about it: which traffic, and at which interfaces, subnets or load
//! balancers the world would have to arrive.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use serde_json::Value;

use crate::{
    checks::{
        default_groups,
        network_acls::{self, ways::Family},
        ports::Transport,
        routes::accident,
        security_groups::{
            authorised,
            exposure::{Exposure, Offence, survey},
            rules_of,
            traffic::{Direction, Protocol, admits, nets, protocol, range},
            world::{is_private, open_among},
        },
        subnets,
    },
    finding::{Finding, Verdict},
    inventory::{Inventory, SecurityGroupRule},
    resource::Kind,
};

/// Packets of a transport and an address family to a range of ports, first and last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Traffic {
    pub family: Family,
    pub transport: Transport,
    pub from: u16,
    pub to: u16,
}

impl Traffic {
    /// Returns it for people: `tcp 22`, `udp 0-65535`.
    pub fn words(&self) -> String {
        let Self { transport, from, to, .. } = self;
        match from == to {
            true => format!("{} {from}", transport.word()),
            false => format!("{} {from}-{to}", transport.word()),
        }
    }
}

/// A place at which the world would have to arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Where {
    /// At the interfaces that use the security group of the finding.
    Group,
    /// At the interfaces in these subnets of a VPC, if a security group lets it in.
    Subnets { vpc: String, subnets: Vec<String> },
    /// At an interface that is yet to be launched in the subnet of the finding.
    Launched { vpc: String },
    /// At a load balancer.
    Balancer { arn: String },
}

/// A question about a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    pub at: Where,
    /// The traffic, none of it twice; any of it is enough.
    pub traffic: Vec<Traffic>,
}

/// Returns what is asked about a finding; `None` where the world has nothing to do with it, or the finding is
/// not open. `with` carries the parameters of its check.
pub(super) fn of(inventory: &Inventory, finding: &Finding, with: &Value) -> Option<Question> {
    let Verdict::Violates(evidence) = &finding.verdict else { return None };
    if finding.suppressed.is_some() {
        return None;
    }
    match finding.resource.kind() {
        Kind::SecurityGroup => of_group(inventory, finding, with),
        Kind::NetworkAcl => {
            let port = network_acls::PORTS.iter().find(|(check, _)| *check == finding.check)?.1;
            in_subnets(evidence, "subnets", &tcp(port, port))
        }
        Kind::RouteTable => {
            in_subnets(evidence, "private", &any()).filter(|_| finding.check == accident::PUBLIC)
        }
        Kind::Subnet => {
            if finding.check != subnets::AUTO_PUBLIC_IP {
                return None;
            }
            let at = Where::Launched { vpc: evidence.get("vpc")?.as_str()?.to_owned() };
            Some(Question { at, traffic: any().into_iter().filter(|t| t.family == Family::V4).collect() })
        }
        Kind::Listener => {
            let region = inventory.regions.get(finding.resource.region())?;
            let listener = region.listeners.get(finding.resource.as_str());
            let listener = *listener.known()?;
            let port = listener.port.and_then(|port| u16::try_from(port).ok());
            let traffic = port.map_or_else(any, |port| tcp(port, port));
            Some(Question { at: Where::Balancer { arn: listener.load_balancer.clone() }, traffic })
        }
        Kind::LoadBalancer => {
            let at = Where::Balancer { arn: finding.resource.as_str().to_owned() };
            Some(Question { at, traffic: any() })
        }
        Kind::Account
        | Kind::Vpc
        | Kind::NatGateway
        | Kind::EgressOnlyGateway
        | Kind::PeeringConnection
        | Kind::EbsDefaults
        | Kind::SnapshotBlock
        | Kind::Image
        | Kind::ImageBlock
        | Kind::Trail
        | Kind::Volume
        | Kind::Instance
        | Kind::Snapshot
        | Kind::LogGroup
        | Kind::Role
        | Kind::User
        | Kind::Group
        | Kind::AccessKey
        | Kind::Bucket
        | Kind::FlowLog
        | Kind::Key
        | Kind::VpcEndpoint
        | Kind::Other => None,
    }
}

/// Asks about the interfaces in subnets, whose ids begin the texts of a list in the evidence.
fn in_subnets(evidence: &Value, member: &str, traffic: &[Traffic]) -> Option<Question> {
    let list = evidence.get(member)?.as_array()?.iter().filter_map(Value::as_str);
    let subnets = list.filter_map(|text| text.split(' ').next()).map(str::to_owned).collect();
    let vpc = evidence.get("vpc")?.as_str()?.to_owned();
    Some(Question { at: Where::Subnets { vpc, subnets }, traffic: traffic.to_vec() })
}

fn tcp(from: u16, to: u16) -> Vec<Traffic> {
    Family::ALL.map(|family| Traffic { family, transport: Transport::Tcp, from, to }).to_vec()
}

fn any() -> Vec<Traffic> {
    let of = |family| Transport::ALL.map(|transport| Traffic { family, transport, from: 1, to: u16::MAX });
    Family::ALL.into_iter().flat_map(of).collect()
}

fn of_group(inventory: &Inventory, finding: &Finding, with: &Value) -> Option<Question> {
    let (region, id) = (finding.resource.region(), finding.resource.id());
    let lists = &inventory.regions.get(region)?.prefix_lists;
    let rules = rules_of(inventory, region, id);
    let inbound: Vec<&SecurityGroupRule> =
        rules.known()?.iter().copied().filter(|rule| Direction::Ingress.has(rule)).collect();
    let exposure = Exposure::of(&finding.check).filter(|one| one.direction() == Direction::Ingress);
    let mut traffic = BTreeSet::new();
    let mut sources: BTreeMap<Family, Vec<IpNet>> = BTreeMap::new();
    let mut add = |rule: &SecurityGroupRule, ports: Vec<(Transport, (i32, i32))>| {
        let known = nets(rule, lists);
        for net in known.known().into_iter().flatten().filter(|net| !is_private(net)) {
            let family = Family::of(net);
            sources.entry(family).or_default().push(*net);
            for (transport, (from, to)) in &ports {
                let [from, to] = [from, to].map(|port| u16::try_from(*port).unwrap_or(u16::MAX));
                traffic.insert(Traffic { family, transport: *transport, from, to });
            }
        }
    };
    match exposure {
        Some(exposure) => {
            let authorised = authorised(with).ok()?;
            for offence in survey(&inbound, lists, exposure, &authorised).offences {
                add(offence.rule, ports(&offence));
            }
        }
        None if finding.check == default_groups::HAS_RULES => {
            inbound.iter().for_each(|rule| add(rule, all_ports(rule)));
        }
        None => return None,
    }
    // A list that opens to the world by IPv4 may have an office in IPv6.
    traffic.retain(|one| sources.get(&one.family).is_some_and(|nets| !open_among(&[nets]).is_empty()));
    // Rules for other protocols, and those for other groups, let no connection of the world in.
    (!traffic.is_empty()).then(|| Question { at: Where::Group, traffic: traffic.into_iter().collect() })
}

/// Returns the ports of an offence, over their transports.
fn ports(offence: &Offence<'_>) -> Vec<(Transport, (i32, i32))> {
    let rule = offence.rule;
    let services = offence.services.iter().flat_map(|service| {
        let over = service.transports.iter().filter(|transport| admits(rule, **transport, service.port));
        over.map(|transport| (*transport, (i32::from(service.port), i32::from(service.port))))
    });
    let others = Transport::ALL.into_iter().filter(|own| protocol(rule) == Protocol::Ports(*own));
    let others = others.flat_map(|transport| offence.others.iter().map(move |range| (transport, *range)));
    let all: Vec<_> = services.chain(others).collect();
    if all.is_empty() { all_ports(rule) } else { all }
}

fn all_ports(rule: &SecurityGroupRule) -> Vec<(Transport, (i32, i32))> {
    match protocol(rule) {
        Protocol::All => Transport::ALL.map(|transport| (transport, (1, i32::from(u16::MAX)))).to_vec(),
        Protocol::Ports(transport) => vec![(transport, range(rule))],
        Protocol::Other(_) => Vec::new(),
    }
}
