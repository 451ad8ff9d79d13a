//! The guard for what stands behind load balancers: their health checks come from inside the VPC, and by a
//! rule for the world, too. It judges the ports at which instances are targets; a port of its own that a
//! group of targets has for its checks is not among what is read.

use super::{
    edit::Edit,
    lockout::{GUARD, Reach, named, reaches, settle},
};
use crate::{
    actions::{Context, GuardNote, Refusal, support},
    calls::serving::names,
    checks::{
        ports::Transport,
        security_groups::{traffic, world::has_private},
    },
    inventory::{
        Fact, Family, PrefixList, Region, SecurityGroupRule, Selector, TargetGroup, balancing::TARGET,
    },
};

/// Asks the guard: no target may lose its health checks unasked
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/network/target-group-health-checks.html>).
///
/// # Errors
/// A refusal that names the target, its port and its group.
pub fn guard(context: &Context<'_>, group: &str, edit: &Edit<'_>) -> Result<Option<GuardNote>, Refusal> {
    let region = support::region(context.inventory, context.region)?;
    let reaches = reaches(context, group, edit)?;
    if reaches.is_empty() || !edit.revoke.iter().any(|rule| from_inside(rule, &region.prefix_lists)) {
        return Ok(None);
    }
    let (mut seen, mut lost) = (0_usize, Vec::<String>::new());
    for reach in &reaches {
        for (group, port) in targets(region, reach) {
            seen += 1;
            let by = |rule: &SecurityGroupRule| {
                traffic::admits(rule, Transport::Tcp, port) && from_inside(rule, &region.prefix_lists)
            };
            if edit.revoke.iter().any(|rule| by(rule)) && !reach.after.iter().any(|rule| by(rule)) {
                lost.push(format!(
                    "it would cut the health checks of target group {} from port {port} of {}: they come \
                     from inside the VPC",
                    group.name,
                    named(context, reach)
                ));
            }
        }
    }
    lost.sort();
    lost.dedup();
    let lost = (!lost.is_empty()).then(|| lost.join("; "));
    if let (None, Some(why)) = (&lost, silence(region)) {
        let note = format!("whether load balancers check the health of what is behind the group: {why}");
        return Ok(Some(GuardNote::not_checked(GUARD, note)));
    }
    if seen == 0 {
        return Ok(None);
    }
    let fine = format!("{seen} target(s) of load balancers behind the group, each keeps its health checks");
    settle(lost, context.options.allow_lockout, fine).map(Some)
}

/// Returns the reason for which target groups, or the targets of one, are not known.
fn silence(region: &Region) -> Option<String> {
    match region.target_groups.select(&Selector::All) {
        Fact::Known(groups) => {
            groups.into_iter().find_map(|(_, group)| group.targets.reason().map(<_>::to_string))
        }
        Fact::Absent => None,
        Fact::Unknown(why) => Some(why.to_string()),
        Fact::NotRead => Some("target groups were not read".to_owned()),
    }
}

/// Returns the groups behind load balancers in which an instance is a target, with its port in each. One that
/// is unhealthy as it is loses nothing.
fn targets<'a>(region: &'a Region, reach: &Reach<'_>) -> Vec<(&'a TargetGroup, u16)> {
    let mut all = Vec::new();
    for name in names(region, reach.id) {
        for (_, group) in region.target_groups.items.picked(&Selector::by(TARGET, &name)) {
            // The same address may be another machine in another VPC.
            let here = name.starts_with("i-") || group.vpc_id == reach.interface.vpc_id;
            let own = group.targets.known().into_iter().flatten().filter(|t| here && t.id == name);
            let live = own.filter(|target| matches!(target.state.as_str(), "healthy" | "initial"));
            let ports = live.filter_map(|target| u16::try_from(target.port?).ok());
            all.extend(ports.filter(|_| !group.load_balancers.is_empty()).map(|port| (group, port)));
        }
    }
    all
}

/// Returns whether a rule lets in somebody inside the VPC: a group, or private addresses.
fn from_inside(rule: &SecurityGroupRule, lists: &Family<PrefixList>) -> bool {
    let nets = traffic::nets(rule, lists);
    !rule.is_egress
        && (rule.referenced_group_id.is_some()
            || nets.known().is_some_and(|nets| nets.iter().any(has_private)))
}
