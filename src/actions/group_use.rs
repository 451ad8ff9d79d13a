//! The use of a security group: its owner, whatever else manages it, and the network interfaces that have it.
//! Nothing here decides what becomes of the group.

use super::{Context, GuardNote, Refusal, support};
use crate::inventory::{NetworkInterface, SecurityGroup, Selector};

/// Checks that a group is this account's, and that nothing else manages it.
///
/// # Errors
/// A refusal that names the owner, or the manager and the flag.
pub fn owner(context: &Context<'_>, group: &SecurityGroup) -> Result<GuardNote, Refusal> {
    if !context.inventory.owner.owns(&group.owner_id) {
        return Err(Refusal::Refused(format!(
            "{} belongs to account {}: only that account can change it",
            group.id, group.owner_id
        )));
    }
    // Groups that services create, as in
    // https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-man-sec-groups.html.
    let by_name = match group.name.as_str() {
        name if name.starts_with("ElasticMapReduce-") => Some("EMR"),
        name if name.starts_with("d-") && name.ends_with("_controllers") => Some("Directory Service"),
        name if name.starts_with("eks-cluster-sg-") => Some("EKS"),
        name if name.starts_with("k8s-") => Some("Kubernetes"),
        // It puts its rules back
        // (https://docs.aws.amazon.com/waf/latest/developerguide/security-group-policies.html).
        name if name.starts_with("FMManaged") => Some("Firewall Manager"),
        name if name.starts_with("security-group-for-inbound-nfs-d-") => Some("SageMaker"),
        name if name.starts_with("security-group-for-outbound-nfs-d-") => Some("SageMaker"),
        name if name.starts_with("GuardDutyManagedSecurityGroup-") => Some("GuardDuty"),
        name if name.starts_with("default_elb_") => Some("Elastic Load Balancing"),
        name if name.starts_with("aws-cloud9-") => Some("Cloud9"),
        _ => None,
    };
    let manager = support::managed_by(&group.tags)
        .or_else(|| by_name.map(|by| format!("{by} (it is named {})", group.name)));
    support::ownership(&group.id, manager, context.options)
}

/// Returns the id of a group with its name, where it has one.
pub fn named(group: &SecurityGroup) -> String {
    if group.name.is_empty() { group.id.clone() } else { format!("{} ({})", group.id, group.name) }
}

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

/// Describes an interface that belongs to no instance: the service that operates it, or its type.
pub fn of_service(interface: &NetworkInterface) -> String {
    if let Some(operator) = &interface.operator {
        return format!("of {operator}");
    }
    match interface.interface_type.as_str() {
        "" | "interface" if interface.requester_managed => "of a service of AWS".to_owned(),
        "" | "interface" => "attached to nothing".to_owned(),
        other => other.replace('_', " "),
    }
}

/// Returns the other account that an interface, or the instance behind it, belongs to. An interface that a
/// service attaches has the name of the service for an owner.
pub fn other_account<'a>(context: &Context<'_>, interface: &'a NetworkInterface) -> Option<&'a str> {
    let owners = [&interface.instance_owner_id, &interface.owner_id];
    let accounts = owners.into_iter().flatten().filter(|o| o.bytes().all(|b| b.is_ascii_digit()));
    accounts.map(String::as_str).find(|account| !context.inventory.owner.owns(account))
}
