//! The properties that rule out replacing the disks of an instance or a volume unattended. Each refusal names
//! the property and the remedy. Rules: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Stop_Start.html>
//! and the pages named below.

use super::{Parameters, needed_volume};
use crate::{
    actions::{
        Context, GuardNote, Refusal,
        support::{Subject, known, managed_by, managed_instance, marks_left, need, ownership, region},
    },
    inventory::{Fact, Instance, NetworkInterface, Selector, Volume, tag},
};

fn no(why: impl Into<String>) -> Result<(), Refusal> {
    Err(Refusal::Refused(why.into()))
}

/// Builds the refusal of a volume with several attachments.
pub fn multi_attach(id: &str, hosts: usize) -> String {
    format!(
        "{id} is a Multi-Attach volume ({hosts} attachments): all its hosts must stop writing together; \
         replace it by hand"
    )
}

/// Builds the refusal of a volume that is attached to something of a service of AWS.
pub fn held_by_service(id: &str, (resource, service): (&str, &str)) -> String {
    format!(
        "{id} is attached to {resource}, which {service} owns: only that service attaches another in its \
         place; have it make the resource anew with encrypted disks"
    )
}

/// The public addresses of an instance that is stopped.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// Elastic IPs, which stay.
    pub kept: Vec<String>,
    /// Automatic addresses, which are lost.
    pub lost: Vec<String>,
}

/// Checks everything about the instance itself.
///
/// # Errors
/// The first refusal.
pub fn instance(context: &Context<'_>, instance: &Instance) -> Result<Vec<GuardNote>, Refusal> {
    let id = &instance.id;
    if !matches!(instance.state.as_str(), "running" | "stopped") {
        return Err(Refusal::Refused(format!(
            "{id} is {}: wait until it is running or stopped, and plan again",
            instance.state
        )));
    }
    if let Some(group) = instance.tags.get("aws:autoscaling:groupName") {
        no(format!(
            "{id} belongs to the Auto Scaling group {group}, which would terminate it when it is stopped: \
             encrypt the group's launch template or image, and refresh its instances"
        ))?;
    }
    if let Some(run) = instance.tags.get(tag::RUN) {
        return Err(Refusal::Unknown(format!(
            "{id} is marked by run {run}, which works on it or was lost: let it end, or `redress resume \
             {run}`; where it is over or lost, `redress recover {run} -o back.json` and `redress apply \
             back.json` bring {id} up and take the mark off"
        )));
    }
    if let Some(operator) = &instance.operator {
        no(format!("{id} is operated by {operator}: its disks are that service's to change"))?;
    }
    kind(context, instance)?;
    protection(instance)?;
    let manager = managed_instance(&instance.tags, instance.instance_profile.as_deref());
    let mut notes = vec![ownership(id, manager, context.options)?, host(context, id)?];
    notes.extend(marks_left(id, &instance.tags));
    health(context, instance)?;
    notes.push(GuardNote::passed(
        "stop",
        format!(
            "{id} can be stopped and started: no spot, instance store, hibernation, enclave, dedicated host, \
             product code or stop protection"
        ),
    ));
    Ok(notes)
}

/// Returns the refusal of an instance of which AWS reports a word that redress does not know.
fn unknown_word(id: &str, what: &str, word: &str) -> Refusal {
    Refusal::Unknown(format!(
        "redress does not know {what}, {word:?}, and could not find out whether {id} comes back after a stop"
    ))
}

/// Refuses the kinds of instances that cannot be stopped and started as they were.
fn kind(context: &Context<'_>, instance: &Instance) -> Result<(), Refusal> {
    let id = &instance.id;
    if let Some(lifecycle) = &instance.lifecycle {
        no(format!(
            "{id} is a {lifecycle} instance, which may not come back after a stop: replace it by one with \
             encrypted disks"
        ))?;
    }
    match instance.root_device_type.as_str() {
        "ebs" | "" => {}
        "instance-store" => no(format!("the root of {id} is an instance store: it cannot be stopped"))?,
        other => return Err(unknown_word(id, "the type of its root device", other)),
    }
    let what = format!("whether the type {} of {id} has instance store disks", instance.instance_type);
    let kind = need(
        region(context.inventory, context.region)?.instance_types.get(&instance.instance_type),
        Subject::Question(&what),
    )?;
    if kind.instance_storage && instance.state == "running" {
        no(format!(
            "{id} ({}) has instance store disks, which a stop erases: save what is on them, stop it \
             yourself, and plan again",
            instance.instance_type
        ))?;
    }
    if instance.hibernation {
        no(format!(
            "{id} is set up to hibernate: sets of snapshots of such instances are not supported by AWS; \
             replace its disks by hand"
        ))?;
    }
    if !instance.product_codes.is_empty() {
        no(format!(
            "{id} carries Marketplace product codes ({}), which swapping its root may drop: replace its \
             disks by hand",
            instance.product_codes.join(", ")
        ))?;
    }
    match instance.tenancy.as_str() {
        "default" | "dedicated" | "" => {}
        "host" => no(format!(
            "{id} runs on a dedicated host, which may have no room for it after a stop: replace its disks by \
             hand"
        ))?,
        other => return Err(unknown_word(id, "its tenancy", other)),
    }
    if instance.enclave {
        no(format!("{id} has a Nitro enclave, whose state a stop ends: replace its disks by hand"))?;
    }
    Ok(())
}

fn protection(instance: &Instance) -> Result<(), Refusal> {
    if instance.state != "running" {
        return Ok(());
    }
    match known(
        instance.stop_protection.as_ref(),
        Subject::Question(&format!("whether {} is protected from being stopped", instance.id)),
    )? {
        Some(true) => no(format!(
            "{} is protected from being stopped (DisableApiStop): somebody wanted that; lift it yourself if \
             it may be stopped",
            instance.id
        )),
        _ => Ok(()),
    }
}

/// Refuses the instance that redress itself runs on.
fn host(context: &Context<'_>, id: &str) -> Result<GuardNote, Refusal> {
    match &context.inventory.caller.host {
        Fact::Known(own) if own == id => {
            Err(Refusal::Refused(format!("{id} is the instance that redress runs on: run it from elsewhere")))
        }
        Fact::Known(_) | Fact::Absent => {
            Ok(GuardNote::passed("own-host", "redress does not run on this instance"))
        }
        _ => Ok(GuardNote::not_checked("own-host", "whether redress runs on this instance is not known")),
    }
}

/// Refuses an instance for which AWS has scheduled events, or whose status checks fail already.
fn health(context: &Context<'_>, instance: &Instance) -> Result<(), Refusal> {
    let id = &instance.id;
    let statuses = &region(context.inventory, context.region)?.instance_statuses;
    let Some(status) = known(statuses.get(id), &format!("the status of {id}"))? else {
        return match instance.state.as_str() {
            "running" => {
                Err(Refusal::Unknown(format!("AWS does not report the status of {id}, which is running")))
            }
            _ => Ok(()),
        };
    };
    if !status.events.is_empty() {
        no(format!("AWS has scheduled {} for {id}: let that pass first", status.events.join(", ")))?;
    }
    if instance.state == "running"
        && let Err(why) = status.proves_reachable()
    {
        no(format!(
            "{id} does not pass its status checks ({why}): nobody could tell whether it came up well \
             afterwards; see to that first"
        ))?;
    }
    Ok(())
}

/// Returns the public addresses of an instance, by whether they survive a stop
/// (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-instance-addressing.html>).
///
/// # Errors
/// A refusal if one would change and that was not allowed, or if that is not known.
pub fn addresses(
    context: &Context<'_>,
    instance: &Instance,
    parameters: &Parameters,
) -> Result<Addresses, Refusal> {
    let mut addresses = Addresses::default();
    if instance.state != "running" {
        return Ok(addresses);
    }
    let what = format!("the network interfaces of {}", instance.id);
    let listing = region(context.inventory, context.region)?
        .network_interfaces
        .select(&Selector::by("attachment.instance-id", &instance.id));
    let interfaces: Vec<&NetworkInterface> =
        known(listing, &what)?.unwrap_or_default().into_iter().map(|(_, i)| i).collect();
    let secondary: Vec<&str> =
        interfaces.iter().flat_map(|i| &i.more_public_ips).map(String::as_str).collect();
    addresses.kept.extend(secondary.iter().map(|ip| (*ip).to_owned()));
    for interface in &interfaces {
        match (&interface.public_ip, &interface.public_ip_owner) {
            (None, _) => {}
            (Some(ip), Some(owner)) if owner == "amazon" => addresses.lost.push(ip.clone()),
            (Some(ip), Some(_)) => addresses.kept.push(ip.clone()),
            (Some(ip), None) => {
                return Err(Refusal::Unknown(format!(
                    "redress could not find out who owns the public address {ip} of {}: a stop may lose it",
                    instance.id
                )));
            }
        }
    }
    if let Some(ip) =
        instance.public_ip.as_ref().filter(|ip| !addresses.kept.contains(ip) && !addresses.lost.contains(ip))
    {
        return Err(Refusal::Unknown(format!(
            "redress could not find out who owns the public address {ip} of {}: a stop may lose it",
            instance.id
        )));
    }
    // "it will not receive a new one if there is more than one network interface attached"
    if !addresses.lost.is_empty() && interfaces.len() > 1 {
        return Err(Refusal::Refused(format!(
            "the public address {} of {} is not an Elastic IP, and AWS gives none in its place to an \
             instance with {} interfaces: give it an Elastic IP first",
            addresses.lost.join(", "),
            instance.id,
            interfaces.len()
        )));
    }
    // Nor "while it has a secondary private IP address that is associated with an Elastic IP address".
    if !addresses.lost.is_empty() && !secondary.is_empty() {
        return Err(Refusal::Refused(format!(
            "the public address {} of {} is not an Elastic IP, and AWS gives none in its place to an \
             instance with an Elastic IP at a secondary private address ({}): give it an Elastic IP first",
            addresses.lost.join(", "),
            instance.id,
            secondary.join(", ")
        )));
    }
    if !addresses.lost.is_empty() && !parameters.allow_address_change {
        return Err(Refusal::Refused(format!(
            "the public address {} of {} is not an Elastic IP and would change by a stop: give it an Elastic \
             IP, or set allow_address_change = true",
            addresses.lost.join(", "),
            instance.id
        )));
    }
    Ok(addresses)
}

/// Checks everything about a volume.
///
/// # Errors
/// The first refusal.
pub fn volume<'a>(context: &Context<'a>, id: &str) -> Result<&'a Volume, Refusal> {
    let volume = needed_volume(context, id)?;
    if volume.multi_attach || volume.attachments.len() > 1 {
        no(multi_attach(id, volume.attachments.len()))?;
    }
    if let Some(held) = volume.held_by_service() {
        no(held_by_service(id, held))?;
    }
    if let Some(operator) = &volume.operator {
        no(format!("{id} is operated by {operator}: it is that service's to change"))?;
    }
    if let Some(outpost) = &volume.outpost_arn {
        no(format!(
            "{id} lives on an Outpost ({outpost}): its snapshots do too, which redress does not handle"
        ))?;
    }
    if volume.tags.contains_key("CSIVolumeName")
        || volume.tags.keys().any(|k| k.starts_with("kubernetes.io/created-for/"))
    {
        no(format!(
            "{id} is a persistent volume of Kubernetes, which knows it by its id and would lose it: move the \
             data inside the cluster"
        ))?;
    }
    ownership(id, managed_by(&volume.tags), context.options)?;
    let modification = known(
        region(context.inventory, context.region)?.volume_modifications.get(id),
        Subject::Question(&format!("whether {id} is being modified")),
    )?;
    // Any other word, and one that AWS adds later, may mean that it still goes on.
    if let Some(m) = modification.filter(|m| !matches!(m.modification_state.as_str(), "completed" | "failed"))
    {
        no(format!(
            "{id} is being modified ({}): wait until that is done, and plan again",
            m.modification_state
        ))?;
    }
    Ok(volume)
}
