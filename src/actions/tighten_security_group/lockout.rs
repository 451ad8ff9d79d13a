//! The lock-out guard: nobody who works with the account may be cut off unasked. It compares what all groups
//! of each interface behind the group let in before and after; it judges ways in for people, not traffic in
//! general.

use std::net::IpAddr;

use super::{edit::Edit, params::Params};
use crate::{
    actions::{Context, GuardNote, Refusal, support},
    checks::{
        ports::{Transport, WAYS_IN},
        security_groups::{lists_of, rules_of, rules_want, traffic},
    },
    inventory::{
        Fact, Family, FamilyKind, Instance, NetworkInterface, PrefixList, SecurityGroupRule, Selector, Want,
    },
};

const GUARD: &str = "lock-out";

/// Returns the interfaces that use a group.
///
/// # Errors
/// [`Refusal::Unknown`] if they were not listed.
pub fn interfaces<'a>(context: &Context<'a>, group: &str) -> Result<Vec<&'a NetworkInterface>, Refusal> {
    let region = support::region(context.inventory, context.region)?;
    let found = region.network_interfaces.select(&Selector::by("group-id", group));
    let found = support::known(found, support::Subject::Question(&format!("which interfaces use {group}")))?
        .unwrap_or_default();
    Ok(found.into_iter().map(|(_, interface)| interface).collect())
}

/// Returns the facts that the guard needs, given the known ones.
pub fn needs(context: &Context<'_>, group: &str) -> Vec<Want> {
    let region = context.region;
    let mut wants = vec![Want::by(region, FamilyKind::NetworkInterfaces, "group-id", group)];
    for interface in interfaces(context, group).unwrap_or_default() {
        let Some(instance) = &interface.instance_id else { continue };
        wants.push(Want::id(region, FamilyKind::Instances, instance));
        wants.push(Want::all(region, FamilyKind::ManagedInstances));
        for other in interface.groups.iter().filter(|g| *g != group) {
            wants.push(rules_want(region, other));
            wants.extend(lists_of(context.inventory, region, other));
        }
    }
    wants
}

/// An interface of a running instance, with the rules of all its groups afterwards.
struct Reach<'a> {
    instance: &'a Instance,
    after: Vec<&'a SecurityGroupRule>,
}

/// Asks the guard.
///
/// # Errors
/// A refusal that names the instance and the access that would be cut, or [`Refusal::Unknown`] if that cannot
/// be determined.
pub fn guard(
    context: &Context<'_>,
    group: &str,
    edit: &Edit<'_>,
    params: &Params,
) -> Result<Vec<GuardNote>, Refusal> {
    let lists = &support::region(context.inventory, context.region)?.prefix_lists;
    let reaches = reaches(context, group, edit)?;
    let mut notes = vec![own_host(context, group)?];
    let mut ways_in: Vec<String> =
        reaches.iter().filter_map(|r| last_way_in(context, edit, lists, r)).collect();
    ways_in.dedup();
    let ways_in = (!ways_in.is_empty()).then(|| ways_in.join("; "));
    let running = format!("{} interface(s) of running instances behind the group", reaches.len());
    notes.push(settle(
        ways_in,
        context.options.allow_lockout || params.close_last_way_in,
        format!("{running}, each keeps a way in"),
    )?);
    let Some((address, source)) = &context.options.my_address else {
        notes.push(GuardNote::not_checked(GUARD, "the operator's address is not known (give --my-address)"));
        return Ok(notes);
    };
    let mut cut: Vec<String> = reaches.iter().filter_map(|r| cuts(*address, edit, lists, r)).collect();
    cut.dedup();
    let cut = (!cut.is_empty()).then(|| cut.join("; "));
    notes.push(settle(
        cut,
        context.options.allow_lockout,
        format!("{address} ({source}) is not cut from a running instance"),
    )?);
    Ok(notes)
}

/// Weighs an objection to the change against the permission of the user.
fn settle(against: Option<String>, loosened: bool, fine: String) -> Result<GuardNote, Refusal> {
    match against {
        None => Ok(GuardNote::passed(GUARD, fine)),
        Some(found) if loosened => Ok(GuardNote::loosened(GUARD, found)),
        Some(found) => Err(Refusal::Refused(format!(
            "{found}: give --allow-cidr with the network that must still come in, or --allow-lockout if that \
             is meant"
        ))),
    }
}

fn reaches<'a>(context: &Context<'a>, group: &str, edit: &'a Edit<'_>) -> Result<Vec<Reach<'a>>, Refusal> {
    let region = support::region(context.inventory, context.region)?;
    let mut all = Vec::new();
    for interface in interfaces(context, group)? {
        let Some(id) = &interface.instance_id else { continue };
        let Some(instance) =
            support::known(region.instances.get(id), &format!("the state of {id} behind the group"))?
        else {
            continue;
        };
        if !matches!(instance.state.as_str(), "running" | "pending") {
            continue;
        }
        let mut after: Vec<&SecurityGroupRule> = edit.after.iter().collect();
        for other in interface.groups.iter().filter(|g| *g != group) {
            let rules = rules_of(context.inventory, context.region, other);
            after.extend(
                support::known(
                    rules,
                    support::Subject::Question(&format!("what {other}, the other group of {id}, lets in")),
                )?
                .unwrap_or_default(),
            );
        }
        all.push(Reach { instance, after });
    }
    Ok(all)
}

/// Refuses a change that would cut off the machine that redress runs on.
fn own_host(context: &Context<'_>, group: &str) -> Result<GuardNote, Refusal> {
    match &context.inventory.caller.host {
        Fact::Known(host) => {
            let behind = interfaces(context, group)?.iter().any(|i| i.instance_id.as_ref() == Some(host));
            let found = behind.then(|| format!("redress itself runs on {host}, behind this group"));
            settle(
                found,
                context.options.allow_lockout,
                format!("{host}, on which redress runs, is not behind the group"),
            )
        }
        Fact::Absent => Ok(GuardNote::passed(GUARD, "redress does not run on an instance")),
        _ => Ok(GuardNote::not_checked(
            GUARD,
            "whether redress runs on an instance behind the group is not known",
        )),
    }
}

fn lets_in(rule: &SecurityGroupRule, port: u16) -> bool {
    !rule.is_egress && traffic::admits(rule, Transport::Tcp, port)
}

/// Returns a description if the operator's address could come in by a rule that goes, and by none afterwards.
fn cuts(address: IpAddr, edit: &Edit<'_>, lists: &Family<PrefixList>, reach: &Reach<'_>) -> Option<String> {
    let by = |rule: &SecurityGroupRule, port| lets_in(rule, port) && traffic::holds(rule, lists, address);
    let was = |port: &&u16| edit.revoke.iter().any(|r| by(r, **port));
    let port = WAYS_IN.iter().filter(was).find(|port| !reach.after.iter().any(|r| by(r, **port)))?;
    Some(format!("it would cut your own address {address} from port {port} of {}", named(reach.instance)))
}

/// Returns a description if the last way in for a person goes, and Systems Manager is not known to reach the
/// instance.
fn last_way_in(
    context: &Context<'_>,
    edit: &Edit<'_>,
    lists: &Family<PrefixList>,
    reach: &Reach<'_>,
) -> Option<String> {
    let was = WAYS_IN.iter().any(|port| edit.revoke.iter().any(|r| lets_in(r, *port)));
    let is =
        WAYS_IN.iter().any(|port| reach.after.iter().any(|r| lets_in(r, *port) && from_somewhere(r, lists)));
    if !was || is || managed(context, &reach.instance.id) {
        return None;
    }
    Some(format!(
        "it is the last way in to {}, which is running: no rule for port 22, 3389, 5985 or 5986 would be \
         left, and Systems Manager is not known to reach it",
        named(reach.instance)
    ))
}

/// Returns whether a rule's source is anybody at all: a CIDR, another group, a prefix list with entries.
fn from_somewhere(rule: &SecurityGroupRule, lists: &Family<PrefixList>) -> bool {
    rule.referenced_group_id.is_some()
        || traffic::nets(rule, lists).known().is_some_and(|nets| !nets.is_empty())
}

fn managed(context: &Context<'_>, instance: &str) -> bool {
    let Some(region) = context.inventory.regions.get(context.region) else { return false };
    region.managed_instances.get(instance).known().is_some_and(|m| m.ping_status == "Online")
}

fn named(instance: &Instance) -> String {
    match instance.tags.get("Name") {
        Some(name) if !name.is_empty() => format!("{} ({name})", instance.id),
        _ => instance.id.clone(),
    }
}
