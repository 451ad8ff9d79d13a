//! What an instance is to load balancers: the target groups that it is a target of, and whether they have another healthy target
//! while it is down. Evaluating it is pure; reading is the engine's.

use std::collections::BTreeSet;

use crate::inventory::{Fact, Reason, Region, Selector, Target, TargetGroup, balancing::TARGET};

/// The guard that keeps the last healthy target of a group from being stopped.
pub const LAST_TARGET: &str = "last-target";

/// What a target group has beside one of its targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Others {
    /// Another healthy target.
    Healthy,
    /// None that is healthy, and one that may become so: it is registered and not leaving.
    Coming,
    /// None to which it could send requests.
    None,
}

/// An instance as a target of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership<'a> {
    /// The group.
    pub group: &'a str,
    /// Its ARN.
    pub arn: &'a str,
    /// Whether the instance is healthy in it, at one port at least.
    pub healthy: bool,
    /// What the group has beside it.
    pub others: Others,
}

/// The target groups of an instance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Serving<'a> {
    /// Those that it is a target of.
    pub groups: Vec<Membership<'a>>,
    /// Groups of which the targets could not be read, each with the reason.
    pub unread: Vec<(&'a str, Reason)>,
}

impl<'a> Serving<'a> {
    /// The groups that have no healthy target while the instance is down and have one now.
    pub fn left_without(&self) -> impl Iterator<Item = &Membership<'a>> {
        self.groups.iter().filter(|one| one.healthy && one.others != Others::Healthy)
    }
}

/// What an instance may be registered as: its id, and every private address that it has.
pub fn names(region: &Region, instance: &str) -> BTreeSet<String> {
    let own = region.instances.get(instance).known().and_then(|i| i.private_ip.clone());
    let attached = region.network_interfaces.items.picked(&Selector::by("attachment.instance-id", instance));
    let addresses = attached.into_iter().flat_map(|(_, i)| i.private_ip.iter().chain(&i.more_addresses).cloned());
    std::iter::once(instance.to_owned()).chain(own).chain(addresses).collect()
}

/// The target groups of an instance, as far as they were read.
///
/// # Errors
/// Why nothing of it is known.
pub fn serving<'a>(region: &'a Region, instance: &str) -> Result<Serving<'a>, Reason> {
    let groups = match region.target_groups.select(&Selector::All) {
        Fact::Known(groups) => groups,
        Fact::Absent => return Ok(Serving::default()),
        Fact::Unknown(reason) => return Err(reason),
        Fact::NotRead => return Err("target groups were not read".into()),
    };
    let unread = groups.into_iter().filter_map(|(_, group)| Some((group.name.as_str(), group.targets.reason()?.clone()))).collect();
    let names = names(region, instance);
    let vpc = region.instances.get(instance).known().map_or("", |i| i.vpc_id.as_str());
    let found: BTreeSet<&str> = names.iter().flat_map(|name| region.target_groups.items.picked(&Selector::by(TARGET, name))).map(|(arn, _)| arn).collect();
    let members = found.into_iter().filter_map(|arn| membership(region.target_groups.get(arn).known()?, &names, vpc));
    Ok(Serving { groups: members.collect(), unread })
}

fn membership<'a>(group: &'a TargetGroup, names: &BTreeSet<String>, vpc: &str) -> Option<Membership<'a>> {
    // The same address may be another thing in another VPC; an address of elsewhere is registered for all zones.
    let here = |target: &Target| target.id.starts_with("i-") || group.vpc_id == vpc || target.availability_zone.as_deref() == Some("all");
    let own = |target: &&Target| names.contains(&target.id) && here(target);
    let targets = group.targets.known()?;
    // What leaves the group already is no member any more.
    let (ours, others): (Vec<&Target>, Vec<&Target>) = targets.iter().filter(|t| !t.state.ends_with("draining")).partition(own);
    if ours.is_empty() {
        return None;
    }
    let any = |targets: &[&Target], states: &[&str]| targets.iter().any(|t| states.contains(&t.state.as_str()));
    let rest = match () {
        () if any(&others, &["healthy"]) => Others::Healthy,
        () if any(&others, &["initial", "unhealthy"]) => Others::Coming,
        () => Others::None,
    };
    Some(Membership { group: &group.name, arn: &group.id, healthy: any(&ours, &["healthy"]), others: rest })
}
