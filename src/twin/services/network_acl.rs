//! Entries of network ACLs, as `ec2:CreateNetworkAclEntry` and `DeleteNetworkAclEntry` treat them.

use ipnet::{Ipv4Net, Ipv6Net};

use super::{OnTwin, done};
use crate::{
    calls::{CallError, Outcome},
    inventory::{AclEntry, NetworkAcl},
    services::network_acl::{CreateNetworkAclEntry, DeleteNetworkAclEntry},
    twin::{
        Twin,
        errors::{must, refuse},
    },
};

/// The number of entries of a direction, AWS's own counted
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-limits-nacls>).
const LIMIT: usize = 20;
/// The error code for a network ACL that has more entries.
const OVER: &str = "NetworkAclEntryLimitExceeded";
/// The last number that a customer can give.
const LAST: i32 = 32_766;

impl OnTwin for CreateNetworkAclEntry {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        let acl = own(t, region, &self.network_acl_id)?;
        let entry = entry(&self)?;
        if !(1..=LAST).contains(&self.rule_number) {
            let message = format!("Value ({}) for parameter ruleNumber is invalid", self.rule_number);
            return Err(refuse("InvalidParameterValue", message));
        }
        let entries = acl.entries(self.egress);
        if entries.contains_key(&self.rule_number) {
            let message = format!(
                "EntryAlreadyExists: The network acl entry identified by {} already exists.",
                self.rule_number
            );
            return Err(refuse("NetworkAclEntryAlreadyExists", message));
        }
        let limit = t.quotas.get(OVER).copied().unwrap_or(LIMIT);
        if entries.len() >= limit {
            return Err(refuse(OVER, "The maximum number of network acl entries has been reached."));
        }
        if let Some(acl) = t.region_mut(region).network_acls.get_mut(&self.network_acl_id) {
            acl.entries_mut(self.egress).insert(self.rule_number, entry);
        }
        done()
    }
}

impl OnTwin for DeleteNetworkAclEntry {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        let acl = own(t, region, &self.network_acl_id)?;
        let entries = acl.entries(self.egress);
        if !entries.contains_key(&self.rule_number) {
            let message = format!("The network acl entry identified by {} does not exist.", self.rule_number);
            return Err(refuse("InvalidNetworkAclEntry.NotFound", message));
        }
        if self.rule_number > LAST {
            return Err(refuse("InvalidParameterValue", "the default entries cannot be deleted"));
        }
        if let Some(acl) = t.region_mut(region).network_acls.get_mut(&self.network_acl_id) {
            acl.entries_mut(self.egress).remove(&self.rule_number);
        }
        done()
    }
}

fn own<'t>(t: &'t Twin, region: &str, id: &str) -> Result<&'t NetworkAcl, CallError> {
    let absent =
        || refuse("InvalidNetworkAclID.NotFound", format!("The networkAcl ID '{id}' does not exist"));
    let acl = must(t.region(region)?.network_acls.get(id), id, absent)?;
    // In a shared VPC the entries are the owner's to change.
    if !t.truth.owner.owns(&acl.owner_id) {
        return Err(refuse("UnauthorizedOperation", "You are not authorized to perform this operation."));
    }
    Ok(acl)
}

/// Builds the entry that a call asks for, with its network in AWS's form.
fn entry(call: &CreateNetworkAclEntry) -> Result<AclEntry, CallError> {
    let wrong = |what: String| refuse("InvalidParameterValue", what);
    let malformed = |cidr: &String| wrong(format!("CIDR block {cidr} is malformed"));
    let v4 = call
        .cidr_block
        .as_ref()
        .map(|cidr| cidr.parse::<Ipv4Net>().map(|net| net.trunc().to_string()).map_err(|_| malformed(cidr)));
    let v6 = call
        .ipv6_cidr_block
        .as_ref()
        .map(|cidr| cidr.parse::<Ipv6Net>().map(|net| net.trunc().to_string()).map_err(|_| malformed(cidr)));
    let (cidr_block, ipv6_cidr_block) = (v4.transpose()?, v6.transpose()?);
    if cidr_block.is_some() == ipv6_cidr_block.is_some() {
        return Err(refuse("MissingParameter", "Either cidrBlock or ipv6CidrBlock must be given"));
    }
    if !matches!(call.rule_action.as_str(), "allow" | "deny") {
        return Err(wrong(format!("Invalid value '{}' for ruleAction", call.rule_action)));
    }
    // For other protocols AWS ignores ports; redress names none.
    match (call.protocol.as_str(), &call.port_range) {
        ("6" | "17", Some(ports)) if 0 <= ports.from && ports.from <= ports.to && ports.to <= 65_535 => {}
        ("-1", None) => {}
        (protocol, ports) => {
            return Err(wrong(format!("Invalid ports {ports:?} of protocol {protocol}")));
        }
    }
    Ok(AclEntry { cidr_block, ipv6_cidr_block, ..call.entry() })
}
