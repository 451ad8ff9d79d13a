//! The traffic that one rule of a security group lets in: protocol, ports, sources. This module reads rules;
//! it does not decide whether they let in too much.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::{
    checks::ports::Transport,
    inventory::{Fact, Family, PrefixList, SecurityGroupRule},
};

/// The direction of a rule's traffic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Traffic to those who have the group.
    #[default]
    Ingress,
    /// Traffic from those who have the group.
    Egress,
}

impl Direction {
    /// Returns the direction of a rule.
    pub fn of(rule: &SecurityGroupRule) -> Self {
        if rule.is_egress { Self::Egress } else { Self::Ingress }
    }
    /// Returns whether a rule has this direction.
    pub fn has(self, rule: &SecurityGroupRule) -> bool {
        Self::of(rule) == self
    }
    /// Returns the word before the other side: `from` or `to`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ingress => "from",
            Self::Egress => "to",
        }
    }
    /// Returns AWS's word: `ingress` or `egress`.
    pub fn word_of_aws(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }
    /// Returns the adjective: `inbound` or `outbound`.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Ingress => "inbound",
            Self::Egress => "outbound",
        }
    }
}

/// The protocol of a rule, by word or number
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol<'a> {
    /// Everything: `-1`.
    All,
    /// TCP or UDP, whose ports are ports.
    Ports(Transport),
    /// Any other protocol. The "ports" of ICMP are its types, and other protocols have none.
    Other(&'a str),
}

/// Returns the protocol of the rule.
pub fn protocol(rule: &SecurityGroupRule) -> Protocol<'_> {
    match rule.ip_protocol.as_str() {
        "-1" | "all" => Protocol::All,
        "tcp" | "6" => Protocol::Ports(Transport::Tcp),
        "udp" | "17" => Protocol::Ports(Transport::Udp),
        other => Protocol::Other(other),
    }
}

/// Returns the ports of a TCP or UDP rule, first and last; -1 in the rule stands for all.
pub fn range(rule: &SecurityGroupRule) -> (i32, i32) {
    let from = rule.from_port.max(0);
    let to = if rule.to_port < 0 { 65535 } else { rule.to_port };
    (from, to)
}

/// Returns the ports of a transport that the rule lets in, first and last.
pub fn span(rule: &SecurityGroupRule, transport: Transport) -> Option<(i32, i32)> {
    match protocol(rule) {
        Protocol::All => Some((0, 65535)),
        Protocol::Ports(own) => (own == transport).then(|| range(rule)),
        Protocol::Other(_) => None,
    }
}

/// Returns whether the rule lets traffic to this port in.
pub fn admits(rule: &SecurityGroupRule, transport: Transport, port: u16) -> bool {
    span(rule, transport).is_some_and(|(from, to)| (from..=to).contains(&i32::from(port)))
}

/// Returns whether the rule lets in every port of a transport. Port 0 is not used, so 1-65535 is all, too.
pub fn admits_all(rule: &SecurityGroupRule, transport: Transport) -> bool {
    admits(rule, transport, 1)
        && admits(rule, transport, u16::MAX)
        && (protocol(rule) == Protocol::All || range(rule).0 <= 1)
}

/// Returns the ranges that the rule's source stands for; none for another group.
pub fn nets(rule: &SecurityGroupRule, lists: &Family<PrefixList>) -> Fact<Vec<IpNet>> {
    if let Some(id) = &rule.prefix_list_id {
        return match lists.get(id) {
            Fact::Known(list) => match &list.entries {
                Fact::Known(entries) => parsed(entries.iter()),
                silent => Fact::unknown(format!(
                    "the entries of prefix list {id}: {}",
                    silent.silence().unwrap_or("absent")
                )),
            },
            silent => Fact::unknown(format!(
                "prefix list {id}: {}",
                silent.silence().unwrap_or("it does not exist")
            )),
        };
    }
    parsed(rule.cidr_ipv4.iter().chain(&rule.cidr_ipv6))
}

fn parsed<'a>(cidrs: impl Iterator<Item = &'a String>) -> Fact<Vec<IpNet>> {
    let nets: Result<Vec<IpNet>, String> =
        cidrs.map(|cidr| cidr.parse::<IpNet>().map_err(|_| format!("{cidr:?} is not a CIDR"))).collect();
    nets.map_or_else(Fact::unknown, Fact::Known)
}

/// Returns whether the rule's source contains an address; an unknown prefix list does not.
pub fn holds(rule: &SecurityGroupRule, lists: &Family<PrefixList>, address: IpAddr) -> bool {
    nets(rule, lists).known().is_some_and(|nets| nets.iter().any(|net| net.contains(&address)))
}

/// Returns the rule's source as a person writes it.
pub fn source(rule: &SecurityGroupRule) -> &str {
    let all = [&rule.cidr_ipv4, &rule.cidr_ipv6, &rule.prefix_list_id, &rule.referenced_group_id];
    all.into_iter().flatten().next().map_or("nowhere", String::as_str)
}

/// Returns the rule's ports as a person writes them: `22`, `20-4000`, `all`, `type 8`.
pub fn ports(rule: &SecurityGroupRule) -> String {
    match protocol(rule) {
        Protocol::All => "all".to_owned(),
        Protocol::Ports(_) => match range(rule) {
            (0, 65535) => "all".to_owned(),
            (from, to) if from == to => from.to_string(),
            (from, to) => format!("{from}-{to}"),
        },
        Protocol::Other(_) if rule.from_port < 0 => "all".to_owned(),
        Protocol::Other("icmp" | "icmpv6" | "1" | "58") => format!("type {}", rule.from_port),
        Protocol::Other(_) => "none".to_owned(),
    }
}

/// Returns protocol and ports: `tcp 22`, `udp all`, `all traffic`.
pub fn traffic(rule: &SecurityGroupRule) -> String {
    match protocol(rule) {
        Protocol::All => "all traffic".to_owned(),
        Protocol::Ports(transport) => format!("{} {}", transport.word(), ports(rule)),
        Protocol::Other("icmp" | "1") => format!("icmp {}", ports(rule)),
        Protocol::Other("icmpv6" | "58") => format!("icmpv6 {}", ports(rule)),
        Protocol::Other(number) => format!("protocol {number}"),
    }
}

/// Returns the traffic of a rule and with whom: `tcp 22 from 0.0.0.0/0`.
pub fn whom(rule: &SecurityGroupRule) -> String {
    format!("{} {} {}", traffic(rule), Direction::of(rule).word(), source(rule))
}

/// Returns the whole rule in a line: `tcp 22 from 0.0.0.0/0 "temporary"`.
pub fn line(rule: &SecurityGroupRule) -> String {
    let said =
        rule.description.as_deref().filter(|d| !d.is_empty()).map(|d| format!(" {d:?}")).unwrap_or_default();
    whom(rule) + &said
}
