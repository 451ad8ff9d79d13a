//! The traffic that still goes out where a group no longer lets everything out, as a playbook names it. It is
//! checked as it is read: nothing that is kept lets everything out again.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::{
    actions::allowed,
    checks::{
        ports::Transport,
        security_groups::{
            traffic::{self, Protocol},
            world,
        },
    },
    inventory::{Family, PrefixList, SecurityGroupRule},
};

/// Traffic that still goes out, and where to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Keep {
    what: What,
    to: To,
}

/// The kind of traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    All,
    Icmp,
    Icmpv6,
    Ports(Transport, u16, u16),
}

/// The destination.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum To {
    Net(IpNet),
    List(String),
    Group(String),
}

/// Examples of what can be kept, for messages and pages.
pub const FORMS: &str = "\"443/tcp to 0.0.0.0/0\", \"53/udp to 10.0.0.2/32\", \"1024-2048/tcp to sg-0123\", \
                         \"443/tcp to pl-0123\", \"icmp to 10.0.0.0/8\" or \"all to 10.0.0.0/8\"";

impl TryFrom<String> for Keep {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let parts = text.split_once(" to ").and_then(|(what, to)| Some((What::read(what)?, to)));
        let Some((what, to)) = parts else {
            return Err(format!("{text:?} does not say which traffic goes where: write one such as {FORMS}"));
        };
        let to = To::read(to)?;
        let keep = Self { what, to };
        keep.bounded().map_err(|why| format!("{text:?} {why}"))?;
        Ok(keep)
    }
}

impl From<Keep> for String {
    fn from(keep: Keep) -> String {
        keep.words()
    }
}

impl What {
    fn read(text: &str) -> Option<Self> {
        match text {
            "all" => return Some(Self::All),
            "icmp" => return Some(Self::Icmp),
            "icmpv6" => return Some(Self::Icmpv6),
            _ => {}
        }
        let (ports, transport) = text.split_once('/')?;
        let transport = Transport::ALL.into_iter().find(|one| one.word() == transport)?;
        let (from, to) = ports.split_once('-').unwrap_or((ports, ports));
        let (from, to) = (from.parse::<u16>().ok()?, to.parse::<u16>().ok()?);
        (from <= to).then_some(Self::Ports(transport, from, to))
    }

    fn words(self) -> String {
        match self {
            Self::All => "all".to_owned(),
            Self::Icmp => "icmp".to_owned(),
            Self::Icmpv6 => "icmpv6".to_owned(),
            Self::Ports(transport, from, to) if from == to => format!("{from}/{}", transport.word()),
            Self::Ports(transport, from, to) => format!("{from}-{to}/{}", transport.word()),
        }
    }

    /// Returns whether it is all traffic, or all ports of a transport.
    fn is_everything(self) -> bool {
        match self {
            Self::All => true,
            Self::Ports(_, from, to) => from <= 1 && to == u16::MAX,
            Self::Icmp | Self::Icmpv6 => false,
        }
    }
}

impl To {
    fn read(text: &str) -> Result<Self, String> {
        let is_id = |rest: &str| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric());
        match text.split_once('-') {
            Some(("pl", rest)) if is_id(rest) => Ok(Self::List(text.to_owned())),
            Some(("sg", rest)) if is_id(rest) => Ok(Self::Group(text.to_owned())),
            _ => allowed::network(text).map(Self::Net),
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Net(net) => net.to_string(),
            Self::List(id) | Self::Group(id) => id.clone(),
        }
    }
}

impl Keep {
    /// Returns it as a playbook has it.
    pub fn words(&self) -> String {
        format!("{} to {}", self.what.words(), self.to.words())
    }

    /// Returns the prefix list that it goes to.
    pub fn list(&self) -> Option<&str> {
        match &self.to {
            To::List(id) => Some(id),
            To::Net(_) | To::Group(_) => None,
        }
    }

    /// Returns whether it goes to a network of this address family, or to something that may have both.
    pub fn has_family(&self, v4: bool) -> bool {
        match &self.to {
            To::Net(net) => net.addr().is_ipv4() == v4,
            To::List(_) | To::Group(_) => true,
        }
    }

    fn bounded(&self) -> Result<(), String> {
        let To::Net(net) = &self.to else { return Ok(()) };
        let v4 = net.addr().is_ipv4();
        match self.what {
            What::Icmp if !v4 => return Err("is for IPv6: write icmpv6".to_owned()),
            What::Icmpv6 if v4 => return Err("is for IPv4: write icmp".to_owned()),
            _ => {}
        }
        if self.what.is_everything() && world::is_wide(net) {
            let limit = if v4 { world::WIDE_V4 } else { world::WIDE_V6 };
            return Err(format!(
                "keeps what is to be closed, all traffic to everywhere: name ports, or a network of /{limit} \
                 or narrower"
            ));
        }
        Ok(())
    }

    /// Returns the rules that let it out, as far as one that goes does, with its description and its tags.
    /// Nothing is opened that this one does not let out.
    pub fn rules(&self, gone: &SecurityGroupRule, lists: &Family<PrefixList>) -> Vec<SecurityGroupRule> {
        let protocol = match (traffic::protocol(gone), self.what) {
            (Protocol::All, _) => true,
            (Protocol::Ports(own), What::Ports(transport, ..)) => own == transport,
            (Protocol::Ports(_) | Protocol::Other(_), _) => false,
        };
        let nets = traffic::nets(gone, lists).known().cloned().filter(|_| protocol).unwrap_or_default();
        self.within(&nets, lists).into_iter().map(|to| self.rule(gone, to)).collect()
    }

    /// Returns the parts of the destination that lie in these networks. A list and a group stand for all of
    /// their addresses: they are parts only where all of these do.
    fn within(&self, nets: &[IpNet], lists: &Family<PrefixList>) -> Vec<To> {
        let holds = |net: &IpNet| nets.iter().any(|wide| wide.contains(net));
        match &self.to {
            To::Net(kept) if holds(kept) => vec![To::Net(*kept)],
            // Two networks are apart, or one contains the other.
            To::Net(kept) => nets.iter().filter(|net| kept.contains(*net)).map(|net| To::Net(*net)).collect(),
            To::List(id) => {
                let list = lists.get(id);
                let entries = list.known().and_then(|list| list.entries.known());
                let all = entries.is_some_and(|entries| {
                    entries.iter().all(|entry| entry.parse::<IpNet>().is_ok_and(|net| holds(&net)))
                });
                all.then(|| self.to.clone()).into_iter().collect()
            }
            To::Group(_) => {
                let all_of_v4 = nets.iter().any(|net| net.addr().is_ipv4() && net.prefix_len() == 0);
                all_of_v4.then(|| self.to.clone()).into_iter().collect()
            }
        }
    }

    fn rule(&self, gone: &SecurityGroupRule, to: To) -> SecurityGroupRule {
        let (protocol, from_port, to_port) = match self.what {
            What::All => ("-1", -1, -1),
            What::Icmp => ("icmp", -1, -1),
            What::Icmpv6 => ("icmpv6", -1, -1),
            What::Ports(transport, from, to) => (transport.word(), i32::from(from), i32::from(to)),
        };
        let words = to.words();
        let is = |yes: bool| yes.then(|| words.clone());
        SecurityGroupRule {
            ip_protocol: protocol.to_owned(),
            from_port,
            to_port,
            cidr_ipv4: is(matches!(&to, To::Net(net) if net.addr().is_ipv4())),
            cidr_ipv6: is(matches!(&to, To::Net(net) if !net.addr().is_ipv4())),
            prefix_list_id: is(matches!(to, To::List(_))),
            referenced_group_id: is(matches!(to, To::Group(_))),
            referenced_group_owner: None,
            ..gone.clone()
        }
    }

    /// Returns whether a rule that stays lets all of it out already.
    pub fn is_let_out_by(&self, rule: &SecurityGroupRule, lists: &Family<PrefixList>) -> bool {
        let protocol = match (traffic::protocol(rule), self.what) {
            (Protocol::All, _) => true,
            (Protocol::Ports(_), What::Ports(transport, from, to)) => traffic::span(rule, transport)
                .is_some_and(|(first, last)| first <= i32::from(from) && i32::from(to) <= last),
            (Protocol::Ports(_) | Protocol::Other(_), _) => false,
        };
        let there = match &self.to {
            To::Net(net) => {
                traffic::nets(rule, lists).known().is_some_and(|nets| nets.iter().any(|n| n.contains(net)))
            }
            To::List(id) => rule.prefix_list_id.as_ref() == Some(id),
            To::Group(id) => rule.referenced_group_id.as_ref() == Some(id),
        };
        rule.is_egress && protocol && there
    }
}

/// Parses what is kept, each once and in order.
///
/// # Errors
/// The first that cannot be read, or lets everything out.
pub fn together<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Keep>, D::Error> {
    let mut all = Vec::<Keep>::deserialize(deserializer)?;
    all.sort();
    all.dedup();
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Keep, String> {
        Keep::try_from(text.to_owned())
    }

    #[test]
    fn what_is_kept_reads_as_it_is_written() {
        for text in [
            "443/tcp to 0.0.0.0/0",
            "53/udp to 10.0.0.2/32",
            "1024-2048/tcp to sg-0123",
            "443/tcp to pl-63a5400a",
            "icmp to 10.0.0.0/8",
            "icmp to 0.0.0.0/0",
            "icmpv6 to ::/0",
            "all to 10.0.0.0/8",
            "all to 2001:db8::/32",
            "0-65535/tcp to 192.168.0.0/16",
        ] {
            assert_eq!(String::from(read(text).unwrap()), text);
        }
        assert_eq!(read("123/udp to 198.51.100.7").unwrap().words(), "123/udp to 198.51.100.7/32");
    }

    #[test]
    fn what_cannot_be_read_or_is_everything_is_an_error_that_says_what_to_write() {
        for (bad, hint) in [
            ("443", "443/tcp to 0.0.0.0/0"),
            ("443 to 0.0.0.0/0", "443/tcp to 0.0.0.0/0"),
            ("443/sctp to 0.0.0.0/0", "443/tcp"),
            ("443/tcp from 10.0.0.0/8", "443/tcp to"),
            ("2048-1024/tcp to 10.0.0.0/8", "1024-2048/tcp"),
            ("65536/tcp to 10.0.0.0/8", "443/tcp"),
            ("443/tcp to 10.0.0.1/8", "10.0.0.0/8"),
            ("443/tcp to office", "not a CIDR"),
            ("443/tcp to sg-", "not a CIDR"),
            ("all to 0.0.0.0/0", "name ports"),
            ("all to 8.0.0.0/6", "/8 or narrower"),
            ("0-65535/tcp to ::/0", "/16 or narrower"),
            ("1-65535/udp to 0.0.0.0/0", "name ports"),
            ("icmp to ::/0", "icmpv6"),
            ("icmpv6 to 10.0.0.0/8", "icmp"),
        ] {
            let why = read(bad).unwrap_err();
            assert!(why.contains(hint), "{bad}: {why}");
        }
    }
}
