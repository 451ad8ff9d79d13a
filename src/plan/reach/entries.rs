//! Calls about entries of network ACLs, compared with the ACLs of today. An entry carries no mark of the run
//! that made it: its number and all of its members decide. Pure.

use serde::Deserialize;

use super::Way;
use crate::{
    calls::Call,
    checks::network_acls::blocks::Block,
    inventory::{AclEntry, Inventory, Region},
    plan::Change,
    services::network_acl::{CreateNetworkAclEntry, DeleteNetworkAclEntry},
};

/// Returns whether a call adds or deletes one entry of a network ACL, and is not about the ACL.
pub(super) fn is_about(call: &Call) -> bool {
    call.is::<DeleteNetworkAclEntry>() || call.is::<CreateNetworkAclEntry>()
}

/// Removes the entries that the steps of a change add, as far as they are as they were added.
pub(super) fn forget(change: &Change, place: &mut Region) {
    let adding = change.steps.iter().map(|step| &step.act.call).filter(|c| c.is::<CreateNetworkAclEntry>());
    for add in adding.filter_map(|call| CreateNetworkAclEntry::deserialize(&call.input).ok()) {
        if let Some(acl) = place.network_acls.get_mut(&add.network_acl_id) {
            let entries = acl.entries_mut(add.egress);
            if entries.get(&add.rule_number).is_some_and(|entry| *entry == add.entry()) {
                entries.remove(&add.rule_number);
            }
        }
    }
}

/// Judges a call that adds or deletes an entry and is not what the action does today. Returns the claim for
/// which only the files of the run vouch: on the way back, an entry goes that is like those which the action
/// adds. A call that does nothing needs none.
pub(super) fn borne_out(facts: &Inventory, way: Way, call: &Call) -> Option<Option<String>> {
    if let Ok(create) = CreateNetworkAclEntry::deserialize(&call.input) {
        return blocked_again(facts, way, call, &create);
    }
    let delete = DeleteNetworkAclEntry::deserialize(&call.input).ok()?;
    let region = facts.regions.get(&call.region)?;
    let acl = region.network_acls.get(&delete.network_acl_id).known().copied()?;
    match acl.entries(delete.egress).get(&delete.rule_number) {
        None => Some(None),
        Some(entry) if way == Way::Back && is_like_ours(entry, delete.egress) => {
            let line = if delete.egress { entry.line_out() } else { entry.line() };
            Some(Some(format!("{} loses entry {}: {line}", acl.id, delete.rule_number)))
        }
        Some(_) => None,
    }
}

/// Judges a call that adds an entry: on the way back, the block of a network may come back.
fn blocked_again(
    facts: &Inventory,
    way: Way,
    call: &Call,
    create: &CreateNetworkAclEntry,
) -> Option<Option<String>> {
    let region = facts.regions.get(&call.region)?;
    let acl = region.network_acls.get(&create.network_acl_id).known().copied()?;
    let entry = create.entry();
    match acl.entries(create.egress).get(&create.rule_number) {
        // AWS makes no second one.
        Some(present) => (*present == entry).then_some(None),
        None if way == Way::Back && blocks(&entry) => {
            let line = if create.egress { entry.line_out() } else { entry.line() };
            Some(Some(format!("{} gets entry {} again: {line}", acl.id, create.rule_number)))
        }
        None => None,
    }
}

/// Returns whether an entry blocks a network that is not the world.
fn blocks(entry: &AclEntry) -> bool {
    let of_block = entry.network().parse().is_ok_and(|network| Block::entry(&network) == *entry);
    of_block && !matches!(entry.network(), "0.0.0.0/0" | "::/0")
}

/// Returns whether an entry is like those that actions add: for one port of TCP alone, or a block of a
/// network that is not the world.
fn is_like_ours(entry: &AclEntry, egress: bool) -> bool {
    let is_port = entry.protocol == "6" && entry.from_port.is_some() && entry.from_port == entry.to_port;
    is_port && !egress || blocks(entry)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        inventory::{Caller, NetworkAcl},
        resource::Owner,
    };

    #[test]
    fn only_an_entry_that_is_like_those_of_the_action_may_go_and_only_on_the_way_back() {
        let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
        let mut facts = Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
        let entry = |protocol: &str, to: i32| AclEntry {
            action: "deny".into(),
            protocol: protocol.into(),
            cidr_block: Some("0.0.0.0/0".into()),
            from_port: Some(22),
            to_port: Some(to),
            ..AclEntry::default()
        };
        let inbound = [(99, entry("6", 22)), (100, entry("6", 80)), (101, entry("17", 22))].into();
        let acl = NetworkAcl { id: "acl-1".into(), inbound, ..NetworkAcl::default() };
        facts.region_mut("us-east-1").network_acls.put("acl-1", acl);
        let call = |acl: &str, number: i32| {
            let input = json!({ "NetworkAclId": acl, "RuleNumber": number, "Egress": false });
            Call::new("ec2", "us-east-1", "DeleteNetworkAclEntry", input)
        };
        let claim = borne_out(&facts, Way::Back, &call("acl-1", 99)).unwrap().unwrap();
        assert_eq!(claim, "acl-1 loses entry 99: deny tcp/22 from 0.0.0.0/0");
        assert_eq!(borne_out(&facts, Way::Back, &call("acl-1", 7)), Some(None), "nothing is lost");
        for (way, call) in [
            (Way::Forth, call("acl-1", 99)),
            (Way::Back, call("acl-1", 100)),
            (Way::Back, call("acl-1", 101)),
            (Way::Back, call("acl-2", 99)),
        ] {
            assert_eq!(borne_out(&facts, way, &call), None, "{call:?}");
        }
    }
}
