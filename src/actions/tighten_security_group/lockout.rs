//! The lock-out guard: nobody who works with the account may be cut off unasked. It compares what all groups
//! of each interface behind the group let in before and after; it judges ways in for people, not traffic in
//! general.

use std::net::IpAddr;

use super::{edit::Edit, params::Params};
use crate::{
    actions::{
        Context, GuardNote, Refusal,
        group_use::{interfaces, other_account},
        support,
    },
    checks::{
        ports::{Transport, WAYS_IN},
        security_groups::{lists_of, rules_of, rules_want, traffic},
    },
    inventory::{Fact, Family, FamilyKind, Instance, NetworkInterface, PrefixList, SecurityGroupRule, Want},
};

/// The name of the guard.
pub const GUARD: &str = "lock-out";

/// The remedy for a way in that would be lost.
const ALLOW: &str = "give --allow-cidr with the network that must still come in";

/// Returns the facts that the guard needs, given the known ones.
pub fn needs(context: &Context<'_>, group: &str) -> Vec<Want> {
    let region = context.region;
    let mut wants = vec![Want::by(region, FamilyKind::NetworkInterfaces, "group-id", group)];
    for interface in interfaces(context, group).unwrap_or_default() {
        if let Some(instance) = &interface.instance_id {
            wants.push(Want::id(region, FamilyKind::Instances, instance));
            wants.push(Want::all(region, FamilyKind::ManagedInstances));
        }
        wants.push(Want::all(region, FamilyKind::TargetGroups));
        for other in interface.groups.iter().filter(|g| *g != group) {
            wants.push(rules_want(region, other));
            wants.extend(lists_of(context.inventory, region, other));
        }
    }
    wants
}

/// An interface of an instance that runs, or may run, with the rules of all its groups afterwards.
pub struct Reach<'a> {
    /// The interface.
    pub interface: &'a NetworkInterface,
    /// The id of the instance.
    pub id: &'a str,
    /// The instance; `None` where it is not among what can be read: in a shared subnet it belongs to another
    /// account, and the group applies to it all the same
    /// (<https://docs.aws.amazon.com/vpc/latest/userguide/security-group-sharing.html>).
    pub instance: Option<&'a Instance>,
    /// The rules.
    pub after: Vec<&'a SecurityGroupRule>,
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
    let mut notes = vec![own_host(context, group, ALLOW)?];
    let mut ways_in: Vec<String> =
        reaches.iter().filter_map(|r| last_way_in(context, edit, lists, r)).collect();
    ways_in.dedup();
    let ways_in = (!ways_in.is_empty()).then(|| ways_in.join("; "));
    let seen = reaches.iter().filter(|r| r.instance.is_some()).count();
    let running = format!("{seen} interface(s) of running instances behind the group");
    notes.push(settle(
        ways_in,
        context.options.allow_lockout || params.close_last_way_in,
        format!("{running}, each keeps a way in"),
    )?);
    notes.extend(unseen(context, &reaches));
    let Some((address, source)) = &context.options.my_address else {
        notes.push(GuardNote::not_checked(GUARD, "the operator's address is not known (give --my-address)"));
        return Ok(notes);
    };
    let mut cut: Vec<String> =
        reaches.iter().filter_map(|r| cuts(context, *address, edit, lists, r)).collect();
    cut.dedup();
    let cut = (!cut.is_empty()).then(|| cut.join("; "));
    notes.push(settle(
        cut,
        context.options.allow_lockout,
        format!("{address} ({source}) is not cut from a running instance"),
    )?);
    Ok(notes)
}

/// The number of instances that a note names.
const MOST_NAMED: usize = 5;

/// Notes the instances that cannot be read: they are taken for running, and nobody knows more of them.
pub fn unseen(context: &Context<'_>, reaches: &[Reach<'_>]) -> Option<GuardNote> {
    let unseen: Vec<&Reach<'_>> = reaches.iter().filter(|r| r.instance.is_none()).collect();
    let named: Vec<String> = unseen.iter().take(MOST_NAMED).map(|r| named(context, r.interface)).collect();
    let more = match unseen.len().checked_sub(MOST_NAMED) {
        None | Some(0) => String::new(),
        Some(more) => format!(" and {more} more"),
    };
    (!unseen.is_empty()).then(|| {
        GuardNote::not_checked(
            GUARD,
            format!(
                "redress cannot read the instances of {} interface(s) behind the group ({}{more}): they \
                 count as running, and whether Systems Manager reaches them is not known",
                unseen.len(),
                named.join(", ")
            ),
        )
    })
}

/// Weighs an objection to the change against the permission of the user.
///
/// # Errors
/// A refusal with the objection, unless the user has loosened the guard.
pub fn settle(against: Option<String>, loosened: bool, fine: String) -> Result<GuardNote, Refusal> {
    settle_by(against, loosened, fine, ALLOW)
}

/// Weighs an objection like [`settle`], with another remedy.
///
/// # Errors
/// A refusal with the objection, unless the user has loosened the guard.
pub fn settle_by(
    against: Option<String>,
    loosened: bool,
    fine: String,
    remedy: &str,
) -> Result<GuardNote, Refusal> {
    match against {
        None => Ok(GuardNote::passed(GUARD, fine)),
        Some(found) if loosened => Ok(GuardNote::loosened(GUARD, found)),
        Some(found) => {
            Err(Refusal::Refused(format!("{found}: {remedy}, or --allow-lockout if that is meant")))
        }
    }
}

/// Returns the interfaces behind a group of instances that run, or may run.
///
/// # Errors
/// [`Refusal::Unknown`] if they, or the rules of their other groups, are not known.
pub fn reaches<'a>(
    context: &Context<'a>,
    group: &str,
    edit: &'a Edit<'_>,
) -> Result<Vec<Reach<'a>>, Refusal> {
    let region = support::region(context.inventory, context.region)?;
    let mut all = Vec::new();
    for interface in interfaces(context, group)? {
        let Some(id) = &interface.instance_id else { continue };
        let instance =
            support::known(region.instances.get(id), &format!("the state of {id} behind the group"))?;
        // An instance in a state that AWS adds later counts as running.
        let off = ["stopping", "stopped", "shutting-down", "terminated"];
        let runs = |instance: &Instance| !off.contains(&instance.state.as_str());
        // An interface that is attached has an instance, whether or not it can be read.
        if instance.map_or(interface.status == "available", |instance| !runs(instance)) {
            continue;
        }
        let after = after(context, group, edit, interface)?;
        all.push(Reach { interface, id, instance, after });
    }
    Ok(all)
}

/// Returns the rules of all groups of an interface as they are afterwards.
///
/// # Errors
/// [`Refusal::Unknown`] if the rules of its other groups are not known.
pub fn after<'a>(
    context: &Context<'a>,
    group: &str,
    edit: &'a Edit<'_>,
    interface: &NetworkInterface,
) -> Result<Vec<&'a SecurityGroupRule>, Refusal> {
    let what = interface.instance_id.as_ref().unwrap_or(&interface.id);
    let mut after: Vec<&SecurityGroupRule> = edit.after.iter().collect();
    for other in interface.groups.iter().filter(|g| *g != group) {
        let question = format!("what {other}, the other group of {what}, lets in");
        let rules = rules_of(context.inventory, context.region, other);
        after.extend(support::known(rules, support::Subject::Question(&question))?.unwrap_or_default());
    }
    Ok(after)
}

/// Refuses a change that would cut off the machine that redress runs on.
///
/// # Errors
/// A refusal with its id and the remedy.
pub fn own_host(context: &Context<'_>, group: &str, remedy: &str) -> Result<GuardNote, Refusal> {
    match &context.inventory.caller.host {
        Fact::Known(host) => {
            let behind = interfaces(context, group)?.iter().any(|i| i.instance_id.as_ref() == Some(host));
            let found = behind.then(|| format!("redress itself runs on {host}, behind this group"));
            let fine = format!("{host}, on which redress runs, is not behind the group");
            settle_by(found, context.options.allow_lockout, fine, remedy)
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
fn cuts(
    context: &Context<'_>,
    address: IpAddr,
    edit: &Edit<'_>,
    lists: &Family<PrefixList>,
    reach: &Reach<'_>,
) -> Option<String> {
    let by = |rule: &SecurityGroupRule, port| lets_in(rule, port) && traffic::holds(rule, lists, address);
    let was = |port: &&u16| edit.revoke.iter().any(|r| by(r, **port));
    let port = WAYS_IN.iter().filter(was).find(|port| !reach.after.iter().any(|r| by(r, **port)))?;
    Some(format!(
        "it would cut your own address {address} from port {port} of {}",
        named(context, reach.interface)
    ))
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
    if !was || is || managed(context, reach.id) {
        return None;
    }
    Some(format!(
        "it is the last way in to {}, which {} running: no rule for port 22, 3389, 5985 or 5986 would be \
         left, and Systems Manager is not known to reach it",
        named(context, reach.interface),
        if reach.instance.is_some() { "is" } else { "may be" }
    ))
}

/// Returns whether a rule's source is anybody at all: a CIDR, another group, a prefix list with entries.
fn from_somewhere(rule: &SecurityGroupRule, lists: &Family<PrefixList>) -> bool {
    rule.referenced_group_id.is_some()
        || traffic::nets(rule, lists).known().is_some_and(|nets| !nets.is_empty())
}

/// Returns whether Systems Manager is known to reach an instance.
pub fn managed(context: &Context<'_>, instance: &str) -> bool {
    let Some(region) = context.inventory.regions.get(context.region) else { return false };
    region.managed_instances.get(instance).known().is_some_and(|m| m.ping_status == "Online")
}

/// Returns the id of an instance with its `Name`, or its account, where these are known.
pub fn named(context: &Context<'_>, interface: &NetworkInterface) -> String {
    let Some(id) = &interface.instance_id else { return interface.id.clone() };
    let instance =
        context.inventory.regions.get(context.region).map_or(Fact::NotRead, |r| r.instances.get(id));
    let name = instance.known().and_then(|i| i.tags.get("Name")).filter(|name| !name.is_empty()).cloned();
    match (name, other_account(context, interface)) {
        (Some(name), _) => format!("{id} ({name})"),
        (None, Some(account)) => format!("{id} of account {account}"),
        (None, None) => id.clone(),
    }
}
