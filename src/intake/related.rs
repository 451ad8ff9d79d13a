//! Resources that stand for others: an instance that a source reports stands for its disks and its security
//! groups, a VPC for its security groups, a disk for the instance that it is attached to, a load balancer
//! for its listeners, a user for its access keys, and a NAT gateway or a peering connection for the route
//! tables that lead to it, if the check that answers judges those. Tools and events name the one; our checks
//! judge the other. The relations are read from the account and never taken from a finding. Pure.

use std::collections::BTreeSet;

use super::{model::ReportedFinding, text::is_user_id};
use crate::{
    checks::{self, Unjudged, routes},
    inventory::{Attachment, Fact, FamilyKind, Inventory, Selector, Want},
    resource::{Kind, ResourceId},
};

/// Returns whether a finding on a resource of one kind can mean resources of another kind that belong to it.
pub fn stands_for(named: Kind, judged: Kind) -> bool {
    matches!(
        (named, judged),
        (Kind::Instance, Kind::Volume | Kind::SecurityGroup)
            | (Kind::Vpc, Kind::SecurityGroup)
            | (Kind::Volume, Kind::Instance)
            | (Kind::LoadBalancer, Kind::Listener)
            | (Kind::User, Kind::AccessKey)
            | (Kind::NatGateway | Kind::PeeringConnection, Kind::RouteTable)
    )
}

/// Returns the resources that stand for this one.
pub fn standing_for(inventory: &Inventory, judged: &ResourceId) -> BTreeSet<ResourceId> {
    let (name, id) = (judged.region(), judged.id());
    match judged.kind() {
        Kind::AccessKey => return users_of(inventory, id),
        Kind::User => return by_unique_id(inventory, id).into_iter().collect(),
        _ => {}
    }
    let Some(region) = inventory.regions.get(name) else { return BTreeSet::new() };
    let instance = |id: &str| inventory.owner.instance(name, id);
    match judged.kind() {
        Kind::Volume => region.volumes.get(id).known().map_or_else(BTreeSet::new, |v| {
            v.attachments.iter().filter_map(Attachment::instance).map(instance).collect()
        }),
        Kind::Instance => {
            let devices = region.instances.get(id).known().map(|i| &i.devices);
            devices.into_iter().flatten().map(|d| inventory.owner.volume(name, &d.volume_id)).collect()
        }
        Kind::SecurityGroup => {
            let with = region.network_interfaces.known().filter(|(_, i)| i.groups.iter().any(|g| g == id));
            let instances = with.filter_map(|(_, i)| i.instance_id.as_deref().map(instance));
            let group = region.security_groups.get(id);
            let vpc = group.known().map(|group| inventory.owner.ec2(name, "vpc", &group.vpc_id));
            instances.chain(vpc).collect()
        }
        Kind::RouteTable => {
            let table = region.route_tables.get(id);
            let targets =
                table.known().into_iter().flat_map(|table| &table.routes).filter_map(routes::looked_up);
            targets.filter_map(|(family, id)| family.resource(&inventory.owner, name, id)).collect()
        }
        Kind::Listener => {
            let balancer = region.listeners.get(judged.as_str()).known().map(|l| l.load_balancer.clone());
            balancer.and_then(|arn| ResourceId::try_from(arn).ok()).into_iter().collect()
        }
        _ => BTreeSet::new(),
    }
}

/// Returns whether a resource is another name of one of the same kind: AWS Config names users by their unique
/// ids.
pub fn is_alias(resource: &ResourceId) -> bool {
    resource.kind() == Kind::User && is_user_id(resource.id())
}

/// Returns a user by the id under which AWS Config names it.
fn by_unique_id(inventory: &Inventory, name: &str) -> Option<ResourceId> {
    let id =
        inventory.users.get(name).known().map(|user| user.user_id.as_str()).filter(|id| is_user_id(id))?;
    Some(inventory.owner.user(id))
}

/// Returns the user of an access key, by its name and by the id under which AWS Config names it.
fn users_of(inventory: &Inventory, key: &str) -> BTreeSet<ResourceId> {
    let Fact::Known(key) = inventory.access_keys.get(key) else { return BTreeSet::new() };
    let user = inventory.users.get(&key.user).known().map(|user| user.user_id.as_str());
    std::iter::once(key.user.as_str()).chain(user).map(|name| inventory.owner.user(name)).collect()
}

/// Returns the region and the check of each suspicion that names an instance and means its security groups,
/// which only the instance's interfaces show.
fn by_interface(suspicions: &[ReportedFinding]) -> BTreeSet<(&str, &str)> {
    let mut found = BTreeSet::new();
    for suspicion in suspicions.iter().filter(|s| s.decision.is_actionable()) {
        let Some(instance) = suspicion.resource.as_ref().filter(|r| r.kind() == Kind::Instance) else {
            continue;
        };
        let of_groups = |id: &&String| checks::find(id).is_some_and(|c| c.kind == Kind::SecurityGroup);
        found.extend(
            suspicion.checks.iter().filter(of_groups).map(|check| (instance.region(), check.as_str())),
        );
    }
    found
}

/// Returns the facts to read, beyond those that the checks read themselves, to know which
/// resource stands for which.
pub fn wants(suspicions: &[ReportedFinding]) -> BTreeSet<Want> {
    let by_id = |suspicion: &&ReportedFinding| {
        suspicion.decision.is_actionable() && suspicion.resource.as_ref().is_some_and(is_alias)
    };
    let users = suspicions.iter().find(by_id).map(|_| Want::all("", FamilyKind::Users));
    by_interface(suspicions)
        .into_iter()
        .map(|(region, _)| Want::all(region, FamilyKind::NetworkInterfaces))
        .chain(users)
        .collect()
}

/// Returns the checks and regions for which those facts could not be read, so that the resources that an
/// instance stands for cannot be judged.
pub fn unjudged(suspicions: &[ReportedFinding], inventory: &Inventory) -> Vec<Unjudged> {
    let silent = |(region, check): (&str, &str)| {
        let listing = inventory
            .regions
            .get(region)
            .map_or(Fact::NotRead, |r| r.network_interfaces.select(&Selector::All));
        let why = listing.silence()?.to_owned();
        let reason = format!("which security groups an instance has could not be read: {why}");
        Some(Unjudged { check: check.to_owned(), region: region.to_owned(), reason })
    };
    by_interface(suspicions).into_iter().filter_map(silent).collect()
}
