//! The facts of one region, by the names by which a path asks for them: built once, so that each finding
//! costs no more than the interfaces that it is about.

use std::{
    cell::{OnceCell, RefCell},
    collections::HashMap,
    net::IpAddr,
};

use super::{
    acls,
    answer::{Answer, At, Because, Path},
    block::Block,
    question::Traffic,
    routes::{self, Way},
};
use crate::{
    checks::network_acls::ways::Family,
    inventory::{
        Fact, LoadBalancer, NetworkAcl, NetworkInterface, Region, RouteTable, Selector, balancing::TARGET,
    },
    resource::Owner,
};

/// A region with its indexes.
pub(super) struct Place<'i> {
    /// The account.
    pub owner: &'i Owner,
    /// The facts.
    pub known: &'i Region,
    tables: HashMap<&'i str, &'i RouteTable>,
    mains: HashMap<&'i str, &'i RouteTable>,
    edges: HashMap<&'i str, Vec<&'i RouteTable>>,
    acls: HashMap<&'i str, &'i NetworkAcl>,
    block: Block<'i>,
    network_balancers: OnceCell<Result<Vec<&'i LoadBalancer>, String>>,
    by_subnet: OnceCell<HashMap<&'i str, Vec<&'i NetworkInterface>>>,
    accelerated: OnceCell<HashMap<&'i str, &'i str>>,
    ways: RefCell<HashMap<(&'i str, Family), Way>>,
    passes: RefCell<HashMap<(&'i str, Traffic), Because>>,
}

impl<'i> Place<'i> {
    /// Builds the indexes of a region.
    pub fn of(owner: &'i Owner, known: &'i Region) -> Self {
        let (mut tables, mut mains, mut edges) = (HashMap::new(), HashMap::new(), HashMap::new());
        for (_, table) in known.route_tables.known() {
            for one in &table.associations {
                if one.main {
                    mains.insert(table.vpc_id.as_str(), table);
                }
                if let Some(subnet) = &one.subnet_id {
                    tables.insert(subnet.as_str(), table);
                }
                if let Some(gateway) = &one.gateway_id {
                    edges.entry(gateway.as_str()).or_insert_with(Vec::new).push(table);
                }
            }
        }
        let acls = known.network_acls.known();
        let acls = acls.flat_map(|(_, acl)| acl.subnets.iter().map(move |subnet| (subnet.as_str(), acl)));
        Self {
            owner,
            known,
            tables,
            mains,
            edges,
            acls: acls.collect(),
            block: Block::of(known),
            network_balancers: OnceCell::new(),
            by_subnet: OnceCell::new(),
            accelerated: OnceCell::new(),
            ways: RefCell::default(),
            passes: RefCell::default(),
        }
    }

    /// Adds the hops of a subnet to a path: its route, its network ACL where there is traffic, and VPC Block
    /// Public Access. Returns the internet gateway, if it is known.
    pub fn through(&self, path: &mut Path, vpc: &str, subnet: &str, arrives: Arrives<'_>) -> Option<String> {
        let table = self.table(vpc, subnet);
        let (answer, gateway) = match &table {
            Err(why) => ((Answer::Unknown, why.clone()), None),
            Ok(table) => self.routed(table, subnet, &arrives),
        };
        if !path.add(At::Route, answer) {
            return None;
        }
        if !arrives.traffic.is_empty() && !path.add(At::NetworkAcl, self.admitted(vpc, subnet, &arrives)) {
            return None;
        }
        let owner = table.as_ref().map_or("", |table| table.owner_id.as_str());
        let block = match self.owner.owns(owner) {
            true => self.block.lets_in(vpc, subnet),
            // It is a setting of whoever owns the VPC.
            false => {
                let why = format!("{vpc} is shared by {owner}, whose VPC Block Public Access counts");
                (Answer::Unknown, why)
            }
        };
        path.add(At::BlockPublicAccess, block);
        gateway
    }

    /// Returns the table that routes the packets of a subnet
    /// (<https://docs.aws.amazon.com/vpc/latest/userguide/RouteTables.html>).
    fn table(&self, vpc: &str, subnet: &str) -> Result<&'i RouteTable, String> {
        if let Some(why) = silence(&self.known.route_tables.listed(&Selector::by("vpc-id", vpc))) {
            return Err(format!("the route tables of {vpc}: {why}"));
        }
        let found = self.tables.get(subnet).or_else(|| self.mains.get(vpc)).copied();
        found.ok_or_else(|| format!("AWS shows no route table of {subnet}"))
    }

    fn routed(
        &self,
        table: &'i RouteTable,
        subnet: &str,
        arrives: &Arrives<'_>,
    ) -> (Because, Option<String>) {
        let mut ways = self.ways.borrow_mut();
        let way = ways
            .entry((table.id.as_str(), arrives.family))
            .or_insert_with(|| routes::way(self.known, table, arrives.family));
        match way {
            Way::Nowhere(why) => ((Answer::No, format!("{subnet}: {why}")), None),
            Way::Unknown(why) => ((Answer::Unknown, format!("{subnet}: {why}")), None),
            Way::Gateway { id, route } => {
                let edges = self.edges.get(id.as_str()).map_or(&[][..], Vec::as_slice);
                let straight = (Answer::Yes, format!("{} leads {subnet} by {route}", table.id));
                let found = routes::taken_in(self.known, id, edges, arrives.address).unwrap_or(straight);
                (found, Some(id.clone()))
            }
        }
    }

    fn admitted(&self, vpc: &str, subnet: &str, arrives: &Arrives<'_>) -> Because {
        if let Some(why) = silence(&self.known.network_acls.listed(&Selector::by("vpc-id", vpc))) {
            return (Answer::Unknown, format!("the network ACLs of {vpc}: {why}"));
        }
        let Some(acl) = self.acls.get(subnet) else {
            return (Answer::Unknown, format!("AWS shows no network ACL of {subnet}"));
        };
        let mut passes = self.passes.borrow_mut();
        let mut one = |traffic: &Traffic| {
            let judged = || acls::passes(acl, traffic);
            passes.entry((acl.id.as_str(), *traffic)).or_insert_with(judged).clone()
        };
        let mut best: Option<Because> = None;
        for traffic in arrives.traffic.iter().filter(|traffic| traffic.family == arrives.family) {
            let found = one(traffic);
            if best.as_ref().is_none_or(|(answer, _)| found.0 < *answer) {
                best = Some(found);
            }
            if best.as_ref().is_some_and(|(answer, _)| *answer == Answer::Yes) {
                break;
            }
        }
        best.unwrap_or_else(|| (Answer::No, format!("there is no {} traffic", arrives.family.word())))
    }

    /// Returns the interfaces in a subnet, as far as they are known.
    pub fn in_subnet(&self, subnet: &str) -> &[&'i NetworkInterface] {
        let index = self.by_subnet.get_or_init(|| {
            let mut all: HashMap<&str, Vec<&NetworkInterface>> = HashMap::new();
            for (_, eni) in self.known.network_interfaces.known() {
                all.entry(eni.subnet_id.as_str()).or_default().push(eni);
            }
            all
        });
        index.get(subnet).map_or(&[][..], Vec::as_slice)
    }

    /// Returns the reason for which the world may reach an interface without a public address all the same:
    /// by a network load balancer, or by Global Accelerator, which both send it packets of the clients
    /// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/network/edit-target-group-attributes.html>,
    /// <https://docs.aws.amazon.com/global-accelerator/latest/dg/preserve-client-ip-address.html>).
    pub fn led_to(&self, eni: &NetworkInterface) -> Option<String> {
        let vpc = eni.vpc_id.as_str();
        let of_vpc = Selector::by("vpc-id", vpc);
        if let Some(why) = silence(&self.known.network_interfaces.listed(&of_vpc)) {
            return Some(format!("whether Global Accelerator reaches {vpc}: its interfaces: {why}"));
        }
        let accelerated = self.accelerated.get_or_init(|| {
            let all = self.known.network_interfaces.known();
            let made = all.filter(|(_, eni)| eni.interface_type == "global_accelerator_managed");
            made.map(|(id, eni)| (eni.vpc_id.as_str(), id)).collect()
        });
        if let Some(made) = accelerated.get(vpc) {
            return Some(format!(
                "Global Accelerator reaches into {vpc} by {made}, and may lead to {}",
                eni.id
            ));
        }
        let balancers = self.network_balancers.get_or_init(|| network_balancers(self.known));
        let balancers = match balancers {
            Err(why) => return Some(why.clone()),
            Ok(all) if all.is_empty() => return None,
            Ok(all) => all,
        };
        let named = |arn: &String| balancers.iter().find(|one| one.id == *arn).map(|one| one.name.as_str());
        let ids = eni.instance_id.iter().chain(&eni.private_ip).chain(&eni.more_addresses);
        for id in ids {
            let groups = self.known.target_groups.select(&Selector::by(TARGET, id));
            let Fact::Known(groups) = &groups else {
                let first = balancers.first().map_or("", |one| one.name.as_str());
                return Some(format!(
                    "{} has no public address, and redress did not read whether the network load balancer \
                     {first}, which faces the internet, leads to it",
                    eni.id
                ));
            };
            if let Some(name) = groups.iter().flat_map(|(_, group)| &group.load_balancers).find_map(named) {
                return Some(format!(
                    "{} has no public address, but the network load balancer {name}, which faces the \
                     internet, leads to it",
                    eni.id
                ));
            }
        }
        None
    }
}

/// Returns the network load balancers, but for those that are known to be internal.
fn network_balancers(known: &Region) -> Result<Vec<&LoadBalancer>, String> {
    match known.load_balancers.select(&Selector::All) {
        Fact::Known(all) => Ok(all
            .into_iter()
            .map(|(_, one)| one)
            .filter(|one| one.id.contains(":loadbalancer/net/") && one.scheme != "internal")
            .collect()),
        silent => Err(format!(
            "it has no public address, and the load balancers that may lead to it: {}",
            silent.silence().unwrap_or("AWS shows none")
        )),
    }
}

/// Packets as they arrive in a subnet.
pub(super) struct Arrives<'t> {
    /// Their address family.
    pub family: Family,
    /// The private address, of IPv6 the address, to which they go.
    pub address: Option<IpAddr>,
    /// The traffic, any of which is enough; none where ports do not matter.
    pub traffic: &'t [Traffic],
}

/// Returns the reason for which a listing is not known.
pub(super) fn silence(listed: &Fact<()>) -> Option<&str> {
    match listed {
        Fact::Known(()) => None,
        silent => Some(silent.silence().unwrap_or("AWS shows none")),
    }
}
