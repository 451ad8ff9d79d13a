//! The networks that a playbook lets keep their way in, checked as they are read: an allowed CIDR is never
//! the world, nor near it.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::checks::security_groups::world;

/// A network that may come in: canonical, and not the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Allowed(pub IpNet);

impl From<Allowed> for String {
    fn from(allowed: Allowed) -> String {
        allowed.0.to_string()
    }
}

impl TryFrom<String> for Allowed {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let net = network(&text)?;
        let limit = if net.addr().is_ipv4() { world::WIDE_V4 } else { world::WIDE_V6 };
        if net.prefix_len() < limit {
            return Err(format!(
                "{text:?} is the world, or near it: allow networks of /{limit} or narrower, best your own"
            ));
        }
        Ok(Self(net))
    }
}

/// Parses a network as AWS writes it. An address stands for itself alone, here as on the command line.
///
/// # Errors
/// The fault, with the form to write.
pub fn network(text: &str) -> Result<IpNet, String> {
    let text = text.parse::<IpAddr>().map_or(text.to_owned(), |address| IpNet::from(address).to_string());
    let net: IpNet = text.parse().map_err(|_| {
        format!("{text:?} is not a CIDR: write one such as \"203.0.113.0/24\" or \"2001:db8::/32\"")
    })?;
    if net.trunc() != net {
        return Err(format!(
            "{text:?} has bits set outside of its prefix: write \"{}\", if that is meant",
            net.trunc()
        ));
    }
    if net.to_string() != text {
        return Err(format!("{text:?} is not how AWS writes it: write \"{net}\""));
    }
    match nobodys(&net) {
        Some(why) => Err(format!("{text:?} {why}")),
        None => Ok(net),
    }
}

/// Returns the reason for which no packet of the network has such an address as its source or destination.
fn nobodys(net: &IpNet) -> Option<String> {
    let mapped = match net.addr() {
        IpAddr::V6(v6) if net.prefix_len() >= 96 => v6.to_ipv4_mapped(),
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    };
    if let Some(v4) = mapped {
        return Some(format!(
            "is an IPv4 address in the form of IPv6, which packets do not have: write {v4}"
        ));
    }
    let first = net.addr();
    let is_own = first.is_loopback() || first.is_multicast() || first.is_unspecified();
    let why = "is no address that another host could have: name the one that is meant";
    (is_own && net.prefix_len() > 8).then(|| why.to_owned())
}

/// Parses the allowed networks, which must not add up to the world either.
///
/// # Errors
/// The first that is no network or too wide, or the fact that they cover the world together.
pub fn together<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Allowed>, D::Error> {
    let mut all = Vec::<Allowed>::deserialize(deserializer)?;
    all.sort_by_key(|a| a.0);
    all.dedup();
    if world::cover_half(all.iter().map(|a| &a.0)) {
        return Err(serde::de::Error::custom(
            "these CIDRs together cover half of the address space, which is the world: allow less",
        ));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_no_other_host_has_is_no_network_to_name() {
        for (bad, why) in [
            ("::ffff:203.0.113.7", "write 203.0.113.7"),
            ("127.0.0.1", "another host"),
            ("224.0.0.1", "another host"),
            ("0.0.0.0", "another host"),
            ("::1", "another host"),
        ] {
            assert!(network(bad).unwrap_err().contains(why), "{bad}");
        }
        for good in ["0.0.0.0/0", "::/0", "127.0.0.0/8", "203.0.113.7", "2001:db8::7"] {
            network(good).unwrap();
        }
    }
}
