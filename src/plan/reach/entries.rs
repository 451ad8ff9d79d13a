//! Entries of network ACLs, which carry no mark of the run that made them: one is the run's own if the action
//! would add it today, had the account no such entry, with its number and all of its members. Pure.

use serde::Deserialize;

use crate::{
    calls::Call,
    inventory::{Inventory, Region},
    plan::Change,
    services::network_acl::{CreateNetworkAclEntry, DeleteNetworkAclEntry},
};

/// Removes the entries that the steps of a change add, or that those of its undo delete.
pub(super) fn forget(change: &Change, place: &mut Region) {
    for call in change.steps.iter().map(|step| &step.act.call) {
        let named = if call.is::<CreateNetworkAclEntry>() {
            added(call).map(|add| (add.network_acl_id, add.rule_number, add.egress))
        } else {
            deleted(call).map(|delete| (delete.network_acl_id, delete.rule_number, delete.egress))
        };
        let Some((acl, number, egress)) = named else { continue };
        if let Some(acl) = place.network_acls.get_mut(&acl) {
            let entries = if egress { &mut acl.outbound } else { &mut acl.inbound };
            entries.remove(&number);
        }
    }
}

/// Returns whether a call deletes an entry that the action, by its calls `forth`, would add today, or none at
/// all.
pub(super) fn is_own(forth: &[Call], facts: &Inventory, call: &Call) -> bool {
    let Some(delete) = deleted(call) else { return false };
    let region = facts.regions.get(&call.region);
    let acl = region.and_then(|region| region.network_acls.get(&delete.network_acl_id).known().copied());
    let Some(acl) = acl else { return false };
    let entries = if delete.egress { &acl.outbound } else { &acl.inbound };
    let Some(entry) = entries.get(&delete.rule_number) else { return true };
    forth.iter().filter_map(added).any(|add| {
        (add.network_acl_id.as_str(), add.rule_number, add.egress)
            == (delete.network_acl_id.as_str(), delete.rule_number, delete.egress)
            && add.entry() == *entry
    })
}

fn added(call: &Call) -> Option<CreateNetworkAclEntry> {
    call.is::<CreateNetworkAclEntry>().then(|| CreateNetworkAclEntry::deserialize(&call.input).ok())?
}

fn deleted(call: &Call) -> Option<DeleteNetworkAclEntry> {
    call.is::<DeleteNetworkAclEntry>().then(|| DeleteNetworkAclEntry::deserialize(&call.input).ok())?
}
