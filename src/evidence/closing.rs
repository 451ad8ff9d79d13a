//! Traffic that a change closes, as its action describes it: with whom, and at which interfaces. Data only.

use std::{collections::BTreeSet, net::IpAddr};

use ipnet::IpNet;

use super::{Flow, Way};

/// Traffic by protocol and port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traffic {
    /// The IANA number of the protocol; `None` for all.
    pub protocol: Option<u8>,
    /// The ports at the server, first and last; `None` for all, and for protocols without ports.
    pub ports: Option<(u16, u16)>,
}

impl Traffic {
    /// All traffic.
    pub const ALL: Self = Self { protocol: None, ports: None };

    /// Returns whether a record is of this traffic, as a request.
    pub(super) fn has(&self, flow: &Flow) -> bool {
        let within = |(first, last)| flow.destination_port.is_some_and(|port| first <= port && port <= last);
        self.protocol.is_none_or(|protocol| flow.protocol == Some(protocol)) && self.ports.is_none_or(within)
    }

    /// Returns whether some traffic is of both.
    pub(super) fn meets(&self, other: &Self) -> bool {
        let protocols = match (self.protocol, other.protocol) {
            (Some(one), Some(two)) => one == two,
            _ => true,
        };
        let ports = match (self.ports, other.ports) {
            (Some(one), Some(two)) => one.0 <= two.1 && two.0 <= one.1,
            _ => true,
        };
        protocols && ports
    }
}

/// Traffic that stays possible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stays {
    /// The traffic.
    pub traffic: Traffic,
    /// The networks of those who may go on.
    pub peers: Vec<IpNet>,
}

/// The interfaces at which a change closes something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// Those that use a security group.
    Group(String),
    /// Those in subnets of a VPC.
    Subnets {
        /// The VPC.
        vpc: String,
        /// The subnets.
        named: BTreeSet<String>,
        /// The subnets that do not count, where every other subnet of the VPC does.
        others_but: Option<BTreeSet<String>>,
    },
}

impl At {
    /// Returns whether an interface with these groups in this subnet counts.
    pub fn has(&self, groups: &[String], subnet: &str) -> bool {
        match self {
            At::Group(group) => groups.contains(group),
            At::Subnets { named, others_but, .. } => {
                named.contains(subnet) || others_but.as_ref().is_some_and(|but| !but.contains(subnet))
            }
        }
    }
}

/// Traffic that a change closes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// The thing that closes, for people: `tcp 22 from 0.0.0.0/0`.
    pub closes: String,
    /// The direction of its requests, seen from the interfaces.
    pub way: Way,
    /// The traffic.
    pub traffic: Traffic,
    /// The networks of those who can no longer send or be reached.
    pub peers: Vec<IpNet>,
    /// The traffic that stays possible all the same.
    pub stays: Vec<Stays>,
    /// `true` if answers pass wherever requests do, as at a security group; a network ACL and a route treat
    /// each packet by itself.
    pub stateful: bool,
    /// The interfaces.
    pub at: At,
}

/// Returns whether one of the networks contains an address.
pub(super) fn holds(nets: &[IpNet], address: IpAddr) -> bool {
    nets.iter().any(|net| net.contains(&address))
}
