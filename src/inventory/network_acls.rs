//! Facts about network ACLs. Plain data under AWS's own names; nothing here judges.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Record, Tags,
    about::{About, Asked},
    permissions::on_all,
};
use crate::resource::Kind;

/// A network ACL (`ec2:DescribeNetworkAcls`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NetworkAcl {
    /// `acl-...`
    pub id: String,
    /// Its VPC.
    pub vpc_id: String,
    /// Its owner: another account in a shared VPC.
    pub owner_id: String,
    /// `true` for the one that subnets have which are associated with no other.
    pub is_default: bool,
    /// The subnets that have it.
    pub subnets: Vec<String>,
    /// The entries for what comes in, by their numbers. AWS shows its own last ones, too: 32767 for IPv4 and
    /// 32768 for IPv6, which deny the rest.
    pub inbound: BTreeMap<i32, AclEntry>,
    /// The entries for what leaves.
    pub outbound: BTreeMap<i32, AclEntry>,
    /// Tags.
    pub tags: Tags,
}

impl Record for NetworkAcl {
    const ABOUT: About = About {
        kind: Some(Kind::NetworkAcl),
        asked: Some(Asked::of("DescribeNetworkAcls", "network-acl-id", "NetworkAcls[0]", &[])),
        ..About::of_ec2(
            &[on_all("ec2:DescribeNetworkAcls")],
            "acl",
            "network-acl",
            "InvalidNetworkAclID.NotFound",
        )
    };
    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
    fn tags_mut(&mut self) -> Option<&mut Tags> {
        Some(&mut self.tags)
    }
    fn filters(&self) -> Vec<(&'static str, &str)> {
        vec![("vpc-id", &self.vpc_id)]
    }
}

impl NetworkAcl {
    /// Returns the entries for what leaves, or for what comes in.
    pub fn entries(&self, egress: bool) -> &BTreeMap<i32, AclEntry> {
        if egress { &self.outbound } else { &self.inbound }
    }

    /// Returns the same entries, to be changed.
    pub fn entries_mut(&mut self, egress: bool) -> &mut BTreeMap<i32, AclEntry> {
        if egress { &mut self.outbound } else { &mut self.inbound }
    }
}

/// An entry of a network ACL: one direction, one protocol, one range of ports, one network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AclEntry {
    /// `allow` or `deny`.
    pub action: String,
    /// The number of the protocol: `6` for TCP; `-1` for all.
    pub protocol: String,
    /// An IPv4 network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cidr_block: Option<String>,
    /// An IPv6 network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv6_cidr_block: Option<String>,
    /// The first port of TCP or UDP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_port: Option<i32>,
    /// The last port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_port: Option<i32>,
    /// The type of ICMP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icmp_type: Option<i32>,
    /// The code of ICMP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icmp_code: Option<i32>,
}

impl AclEntry {
    /// Returns the network, whatever its family; empty where AWS names none.
    pub fn network(&self) -> &str {
        self.cidr_block.as_deref().or(self.ipv6_cidr_block.as_deref()).unwrap_or_default()
    }

    /// Returns an entry for what comes in as a line for people: `deny tcp/22 from 0.0.0.0/0`.
    pub fn line(&self) -> String {
        self.worded("from")
    }

    /// Returns an entry for what leaves: `deny all traffic to 203.0.113.7/32`.
    pub fn line_out(&self) -> String {
        self.worded("to")
    }

    fn worded(&self, way: &str) -> String {
        let protocol = match self.protocol.as_str() {
            "-1" => "all traffic".to_owned(),
            "6" => "tcp".to_owned(),
            "17" => "udp".to_owned(),
            "1" => "icmp".to_owned(),
            "58" => "icmpv6".to_owned(),
            other => format!("protocol {other}"),
        };
        let ports = match (self.from_port, self.to_port) {
            (Some(from), Some(to)) if from == to => format!("/{from}"),
            (Some(from), Some(to)) => format!("/{from}-{to}"),
            _ => String::new(),
        };
        format!("{} {protocol}{ports} {way} {}", self.action, self.network())
    }
}
