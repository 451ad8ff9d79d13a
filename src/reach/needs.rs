//! The facts that decide the reach of findings, and as few as do. An interface without an address of the
//! internet asks for no route; a finding that has nothing to do with it asks for nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::{
    place::Place,
    question::{self, Question, Where},
};
use crate::{
    finding::Finding,
    inventory::{FamilyKind, Inventory, NetworkInterface, Region, Scope, Selector, VpcPublicAccess, Want},
};

/// Returns the facts that the reach of findings needs, as far as they are known yet. The caller reads those
/// that are not known and asks again until nothing new comes.
pub fn needs(inventory: &Inventory, findings: &[Finding], with: &dyn Fn(&str) -> Value) -> Scope {
    let mut parameters: HashMap<&str, Value> = HashMap::new();
    let mut places: BTreeMap<&str, Asking<'_>> = BTreeMap::new();
    for finding in findings {
        let with = parameters.entry(&finding.check).or_insert_with(|| with(&finding.check));
        let region = finding.resource.region();
        let Some(known) = inventory.regions.get(region) else { continue };
        if let Some(question) = question::of(inventory, finding, with) {
            let place = places.entry(region);
            let asking = place.or_insert_with(|| Asking::of(region, Place::of(&inventory.owner, known)));
            asking.question(&question, finding.resource.id());
        }
    }
    places.into_values().flat_map(Asking::done).collect()
}

/// The questions about one region.
struct Asking<'i> {
    region: &'i str,
    place: Place<'i>,
    vpcs: BTreeSet<String>,
    groups: BTreeSet<String>,
    scope: Scope,
}

impl<'i> Asking<'i> {
    fn of(region: &'i str, place: Place<'i>) -> Self {
        Self { region, place, vpcs: BTreeSet::new(), groups: BTreeSet::new(), scope: Scope::new() }
    }

    fn want(&mut self, family: FamilyKind, selector: Selector) {
        self.scope.insert(Want { region: self.region.to_owned(), family, selector });
    }

    fn question(&mut self, question: &Question, id: &str) {
        match &question.at {
            Where::Group => {
                let using = Selector::by("group-id", id);
                let found = self.place.known.network_interfaces.select(&using);
                self.want(FamilyKind::NetworkInterfaces, using);
                for (_, eni) in found.known().into_iter().flatten() {
                    self.interface(eni, false);
                }
            }
            Where::Subnets { vpc, subnets } => {
                self.want(FamilyKind::NetworkInterfaces, Selector::by("vpc-id", vpc));
                for subnet in subnets {
                    for eni in self.place.in_subnet(subnet).to_vec() {
                        self.interface(eni, true);
                    }
                }
            }
            Where::Launched { vpc } => {
                self.vpcs.insert(vpc.clone());
            }
            Where::Balancer { arn } => {
                self.want(FamilyKind::LoadBalancers, Selector::All);
                let found = self.place.known.load_balancers.get(arn);
                if let Some(one) = found.known().filter(|one| one.scheme != "internal") {
                    self.groups.extend(one.security_groups.iter().cloned());
                    self.vpcs.insert(one.vpc_id.clone());
                }
            }
        }
    }

    /// Asks, by the addresses of an interface, for what decides about it.
    fn interface(&mut self, eni: &NetworkInterface, groups: bool) {
        if eni.status == "available" {
            return;
        }
        if groups {
            self.groups.extend(eni.groups.iter().cloned());
        }
        let v6 = eni.more_addresses.iter().any(|address| address.contains(':'));
        let v4 = eni.public_ip.is_some() || !eni.more_public_ips.is_empty();
        if v4 || v6 {
            self.vpcs.insert(eni.vpc_id.clone());
        }
        if !v4 {
            self.want(FamilyKind::NetworkInterfaces, Selector::by("vpc-id", &eni.vpc_id));
            self.want(FamilyKind::LoadBalancers, Selector::All);
        }
    }

    /// Returns all wants.
    fn done(mut self) -> Scope {
        for vpc in std::mem::take(&mut self.vpcs) {
            self.routed(&vpc);
        }
        for group in std::mem::take(&mut self.groups) {
            self.group(&group);
        }
        self.scope
    }

    /// Asks for what decides about packets that come in to a VPC.
    fn routed(&mut self, vpc: &str) {
        let of_vpc = Selector::by("vpc-id", vpc);
        self.want(FamilyKind::NetworkAcls, of_vpc.clone());
        self.want(FamilyKind::VpcPublicAccess, Selector::Id(VpcPublicAccess::ID.to_owned()));
        let known: &'i Region = self.place.known;
        let tables = known.route_tables.select(&of_vpc);
        self.want(FamilyKind::RouteTables, of_vpc);
        let routes = tables.known().into_iter().flatten().flat_map(|(_, table)| &table.routes);
        for list in routes.map(|route| route.destination.as_str()).filter(|to| to.starts_with("pl-")) {
            self.want(FamilyKind::PrefixLists, Selector::Id(list.to_owned()));
        }
    }

    /// Asks for a group, and for the prefix lists that its rules name.
    fn group(&mut self, id: &str) {
        self.want(FamilyKind::SecurityGroups, Selector::Id(id.to_owned()));
        let known: &'i Region = self.place.known;
        let found = known.security_groups.get(id);
        let rules = found.known().and_then(|group| group.inbound.known()).into_iter().flatten();
        for list in rules.filter_map(|rule| rule.prefix_list_id.as_deref()) {
            self.want(FamilyKind::PrefixLists, Selector::Id(list.to_owned()));
        }
    }
}
