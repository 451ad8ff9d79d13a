//! Parameters of `tighten-security-group`, checked as they are read.

use serde::{Deserialize, Serialize};

use super::keep::{self, Keep};
use crate::{
    actions::allowed::{self, Allowed},
    checks::{ports::Authorised, security_groups::traffic::Direction},
};

/// The treatment of a rule that is open to the world.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// Its whole range of ports is let in from the allowed CIDRs instead, or from nowhere.
    #[default]
    Narrow,
    /// The rule is revoked.
    Revoke,
    /// Its harmless ports stay open to the world; the others are let in from the allowed CIDRs.
    Split,
}

/// The parameters, with their defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// The rules that are looked at. Left out where they are the inbound ones, as in plans from before there
    /// was a choice.
    #[serde(skip_serializing_if = "is_inbound")]
    pub direction: Direction,
    /// The treatment of an open rule.
    pub strategy: Strategy,
    /// The networks that are let in instead.
    #[serde(deserialize_with = "allowed::together")]
    pub allow: Vec<Allowed>,
    /// The traffic that still goes out; for outbound rules.
    #[serde(deserialize_with = "keep::together", skip_serializing_if = "Vec::is_empty")]
    pub keep: Vec<Keep>,
    /// The last way in to a running instance may be closed.
    pub close_last_way_in: bool,
    /// The number of rules of a direction that a group may have, for each of IPv4 and IPv6.
    pub rule_limit: usize,
    /// The ports that may be open to the world: those of the check on other ports, which a playbook names
    /// in `[check]`. Left out where they are the default, as in plans from before there was the check.
    #[serde(skip_serializing_if = "is_default")]
    pub authorised: Authorised,
}

fn is_inbound(direction: &Direction) -> bool {
    *direction == Direction::Ingress
}

fn is_default(authorised: &Authorised) -> bool {
    *authorised == Authorised::default()
}

impl Default for Params {
    fn default() -> Self {
        Self {
            direction: Direction::default(),
            strategy: Strategy::default(),
            allow: Vec::new(),
            keep: Vec::new(),
            close_last_way_in: false,
            rule_limit: 60,
            authorised: Authorised::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Params, toml::de::Error> {
        Params::deserialize(toml::de::Deserializer::parse(text).unwrap())
    }

    #[test]
    fn the_world_and_what_is_near_it_is_never_allowed() {
        for bad in [
            "0.0.0.0/0",
            "::/0",
            "0.0.0.0/1",
            "128.0.0.0/1",
            "12.0.0.0/7",
            "2000::/3",
            "2000::/15",
            "fc00::/7",
        ] {
            assert!(
                read(&format!("allow = ['{bad}']"))
                    .unwrap_err()
                    .to_string()
                    .contains("the world, or near it"),
                "{bad}"
            );
        }
        let eights: Vec<String> = (0..128).map(|n| format!("'{n}.0.0.0/8'")).collect();
        assert!(
            read(&format!("allow = [{}]", eights.join(","))).unwrap_err().to_string().contains("together")
        );
        assert_eq!(read(&format!("allow = [{}]", eights[1..].join(","))).unwrap().allow.len(), 127);
    }

    #[test]
    fn what_is_not_a_canonical_cidr_is_an_error_that_says_what_to_write() {
        for (bad, hint) in [
            ("203.0.113.5/24", "203.0.113.0/24"),
            ("2001:DB8::/32", "2001:db8::/32"),
            ("office", "203.0.113.0/24"),
        ] {
            assert!(read(&format!("allow = ['{bad}']")).unwrap_err().to_string().contains(hint), "{bad}");
        }
        let one = read("allow = ['203.0.113.5', '2001:DB8::5']").unwrap().allow;
        assert_eq!(
            one.into_iter().map(String::from).collect::<Vec<_>>(),
            ["203.0.113.5/32", "2001:db8::5/128"]
        );
        assert!(read("strategy = 'shut'").is_err() && read("alow = []").is_err());
    }

    #[test]
    fn parameters_come_back_as_they_went_with_defaults_and_without_doubles() {
        let params = read("allow = ['203.0.113.0/24', '2001:db8::/32', '203.0.113.0/24']").unwrap();
        let json = serde_json::to_value(&params).unwrap();
        let expected = serde_json::json!({ "strategy": "narrow", "allow": ["203.0.113.0/24", "2001:db8::/32"],
            "close_last_way_in": false, "rule_limit": 60 });
        assert_eq!(json, expected);
        assert_eq!(serde_json::from_value::<Params>(json).unwrap(), params);
    }

    #[test]
    fn what_is_kept_of_the_way_out_comes_back_in_order_and_once() {
        let text = "direction = 'egress'\nkeep = ['443/tcp to pl-1', 'all to 10.0.0.0/8', '443/tcp to pl-1']";
        let params = read(text).unwrap();
        let json = serde_json::to_value(&params).unwrap();
        assert_eq!(json["direction"], "egress");
        assert_eq!(json["keep"], serde_json::json!(["all to 10.0.0.0/8", "443/tcp to pl-1"]));
        assert_eq!(serde_json::from_value::<Params>(json).unwrap(), params);
        let why = read("keep = ['all to ::/0']").unwrap_err().to_string();
        assert!(why.contains("name ports"), "{why}");
        assert!(read("direction = 'out'").is_err());
    }
}
