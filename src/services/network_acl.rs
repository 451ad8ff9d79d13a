//! Network ACLs.

use serde::{Deserialize, Serialize};

use super::{
    Operation,
    spec::{
        Repeat::{Harmless, LookFirst},
        Risk::{Disruptive, Safe},
        Spec, names, spec,
    },
};
use crate::inventory::{AclEntry, FamilyKind::NetworkAcls};

/// A call that adds an entry to a network ACL. AWS has no call that changes the number of one.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNetworkAclEntry.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CreateNetworkAclEntry {
    /// The network ACL.
    pub network_acl_id: String,
    /// The number, 1 to 32766: the entry with the lowest one that fits a packet decides about it.
    pub rule_number: i32,
    /// The number of the protocol, `6` for TCP.
    pub protocol: String,
    /// `allow` or `deny`.
    pub rule_action: String,
    /// `true` for what leaves.
    pub egress: bool,
    /// An IPv4 network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cidr_block: Option<String>,
    /// An IPv6 network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv6_cidr_block: Option<String>,
    /// The ports of TCP or UDP; none for all protocols.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port_range: Option<PortRange>,
}

impl CreateNetworkAclEntry {
    /// Builds the call that adds an entry for ports of TCP or UDP, or for all protocols.
    pub fn of(network_acl_id: &str, egress: bool, rule_number: i32, entry: &AclEntry) -> Self {
        Self {
            network_acl_id: network_acl_id.to_owned(),
            rule_number,
            protocol: entry.protocol.clone(),
            rule_action: entry.action.clone(),
            egress,
            cidr_block: entry.cidr_block.clone(),
            ipv6_cidr_block: entry.ipv6_cidr_block.clone(),
            port_range: entry.from_port.zip(entry.to_port).map(|(from, to)| PortRange { from, to }),
        }
    }

    /// Returns the entry that the call adds, as the facts about the network ACL show it.
    pub fn entry(&self) -> AclEntry {
        AclEntry {
            action: self.rule_action.clone(),
            protocol: self.protocol.clone(),
            cidr_block: self.cidr_block.clone(),
            ipv6_cidr_block: self.ipv6_cidr_block.clone(),
            from_port: self.port_range.map(|ports| ports.from),
            to_port: self.port_range.map(|ports| ports.to),
            ..AclEntry::default()
        }
    }
}

/// A range of ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct PortRange {
    /// The first port.
    pub from: i32,
    /// The last port.
    pub to: i32,
}

impl Operation for CreateNetworkAclEntry {
    type Planned = Self;
    const SPEC: Spec = spec("ec2", "CreateNetworkAclEntry", LookFirst, Disruptive)
        .on(&[names("/NetworkAclId", NetworkAcls)]);
}

/// A call that deletes an entry of a network ACL, by its number and direction.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteNetworkAclEntry.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeleteNetworkAclEntry {
    /// The network ACL.
    pub network_acl_id: String,
    /// The number.
    pub rule_number: i32,
    /// `true` for what leaves.
    pub egress: bool,
}

impl Operation for DeleteNetworkAclEntry {
    type Planned = Self;
    const SPEC: Spec =
        spec("ec2", "DeleteNetworkAclEntry", Harmless, Safe).on(&[names("/NetworkAclId", NetworkAcls)]);
}
