//! The role of an instance behind load balancers: the target groups that it is a target of, and whether they
//! have another healthy target while it is down. Evaluating it is pure; reading is the engine's.

use std::collections::BTreeSet;

use crate::inventory::{Fact, Reason, Region, Selector, Target, TargetGroup, balancing::TARGET};

/// The guard that keeps the last healthy target of a group from being stopped.
pub const LAST_TARGET: &str = "last-target";

/// The other targets of a target group beside one of its targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Others {
    /// At least one other target is healthy.
    Healthy,
    /// No other target is healthy, but one may become so: it is registered and not leaving.
    Coming,
    /// No other target could receive requests.
    None,
}

/// The membership of an instance in a target group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership<'a> {
    /// The name of the group.
    pub group: &'a str,
    /// The ARN of the group.
    pub arn: &'a str,
    /// `true` where the instance is healthy in the group, at one port at least.
    pub healthy: bool,
    /// The other targets of the group.
    pub others: Others,
    /// AWS's word for the health of the instance where it neither is healthy nor surely gets no requests.
    pub unclear: Option<&'a str>,
}

/// The states in which a target surely gets no requests while its group has a healthy one
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html>). AWS's
/// `unavailable` is none of them: it means that the health is not known.
const IDLE: &[&str] = &["initial", "unhealthy", "unused"];

/// The target groups of an instance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Serving<'a> {
    /// The groups that it is a target of.
    pub groups: Vec<Membership<'a>>,
    /// Groups whose targets could not be read, or in which the health of the instance is not known, each with
    /// the reason.
    pub unread: Vec<(&'a str, Reason)>,
}

impl<'a> Serving<'a> {
    /// Returns the groups that have a healthy target now and none while the instance is down.
    pub fn left_without(&self) -> impl Iterator<Item = &Membership<'a>> {
        self.groups.iter().filter(|one| one.healthy && one.others != Others::Healthy)
    }
}

/// Returns the names under which an instance may be registered: its id and each of its private addresses.
pub fn names(region: &Region, instance: &str) -> BTreeSet<String> {
    let own = region.instances.get(instance).known().and_then(|i| i.private_ip.clone());
    let attached = region.network_interfaces.items.picked(&Selector::by("attachment.instance-id", instance));
    let addresses =
        attached.into_iter().flat_map(|(_, i)| i.private_ip.iter().chain(&i.more_addresses).cloned());
    std::iter::once(instance.to_owned()).chain(own).chain(addresses).collect()
}

/// Returns the target groups of an instance, as far as they were read.
///
/// # Errors
/// The reason for which none of them is known.
pub fn serving<'a>(region: &'a Region, instance: &str) -> Result<Serving<'a>, Reason> {
    let groups = match region.target_groups.select(&Selector::All) {
        Fact::Known(groups) => groups,
        Fact::Absent => return Ok(Serving::default()),
        Fact::Unknown(reason) => return Err(reason),
        Fact::NotRead => return Err("target groups were not read".into()),
    };
    let mut unread: Vec<(&str, Reason)> = groups
        .into_iter()
        .filter_map(|(_, group)| Some((group.name.as_str(), group.targets.reason()?.clone())))
        .collect();
    let names = names(region, instance);
    let vpc = region.instances.get(instance).known().map_or("", |i| i.vpc_id.as_str());
    let found: BTreeSet<&str> = names
        .iter()
        .flat_map(|name| region.target_groups.items.picked(&Selector::by(TARGET, name)))
        .map(|(arn, _)| arn)
        .collect();
    let members =
        found.into_iter().filter_map(|arn| membership(region.target_groups.get(arn).known()?, &names, vpc));
    let groups: Vec<Membership<'a>> = members.collect();
    unread.extend(groups.iter().filter_map(|one| {
        let health = one.unclear.filter(|_| !one.healthy && one.others != Others::Healthy)?;
        Some((one.group, format!("the health of {instance} there is {health}").into()))
    }));
    Ok(Serving { groups, unread })
}

fn membership<'a>(group: &'a TargetGroup, names: &BTreeSet<String>, vpc: &str) -> Option<Membership<'a>> {
    // The same address may be another machine in another VPC; an address from outside the VPC is registered
    // for all zones.
    let here = |target: &Target| {
        target.id.starts_with("i-")
            || group.vpc_id == vpc
            || target.availability_zone.as_deref() == Some("all")
    };
    let own = |target: &&Target| names.contains(&target.id) && here(target);
    let targets = group.targets.known()?;
    // A target that leaves the group already is no longer a member.
    let (ours, others): (Vec<&Target>, Vec<&Target>) =
        targets.iter().filter(|t| !t.state.ends_with("draining")).partition(own);
    if ours.is_empty() {
        return None;
    }
    let any =
        |targets: &[&Target], states: &[&str]| targets.iter().any(|t| states.contains(&t.state.as_str()));
    let rest = match () {
        () if any(&others, &["healthy"]) => Others::Healthy,
        () if any(&others, &["initial", "unhealthy"]) => Others::Coming,
        () => Others::None,
    };
    let mut states = ours.iter().map(|target| target.state.as_str());
    Some(Membership {
        group: &group.name,
        arn: &group.id,
        healthy: any(&ours, &["healthy"]),
        others: rest,
        unclear: states
            .find(|state| *state != "healthy" && !IDLE.contains(state))
            .map(|state| if state.is_empty() { "not known" } else { state }),
    })
}
