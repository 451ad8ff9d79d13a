//! Facts about the listeners of load balancers and the security policies of TLS. Plain data under AWS's own
//! names; nothing here judges.

use serde::{Deserialize, Serialize};

use super::{
    Fact, ListenerAction, ListenerRule, Record, Tags,
    about::{About, Arn},
    permissions::{On, Reading, When, on_all},
};
use crate::resource::Kind;

/// The filter that picks the listeners of a load balancer, by its ARN.
pub const OF_BALANCER: &str = "load-balancer-arn";

/// A listener of an application, network or gateway load balancer
/// (`elasticloadbalancing:DescribeListeners`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Listener {
    /// ARN.
    pub id: String,
    /// The ARN of its load balancer.
    pub load_balancer: String,
    /// `HTTP`, `HTTPS`, `TCP`, `TLS`, `UDP`, ...
    pub protocol: String,
    /// The port on which it listens; a gateway load balancer has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<i32>,
    /// The name of its security policy, where it ends TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssl_policy: Option<String>,
    /// The versions of TLS that the policy lets clients speak: `TLSv1`, `TLSv1.1`, ... Not read where the
    /// listener does not end TLS.
    pub versions: Fact<Vec<String>>,
    /// The ARN of its default certificate, where it ends TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// The mode in which it asks clients for a certificate: `off`, `passthrough`, `verify`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mutual_authentication: Option<String>,
    /// The actions for a request that no rule is for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub default_actions: Vec<ListenerAction>,
    /// The names of those members of the default actions that are not among `default_actions`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub more_in_actions: Vec<String>,
    /// Its rules, but for the default one, by their priorities. Read of listeners of application load
    /// balancers: of those of HTTP, and of those of HTTPS beside one of HTTP that forwards.
    pub rules: Fact<Vec<ListenerRule>>,
    /// Its tags and those of its load balancer, which whoever manages both has set there.
    pub tags: Fact<Tags>,
}

const FOUND: When = When::Fact("a load balancer has a listener");
const PLAIN: When =
    When::Fact("an application load balancer has a listener of HTTP, or one is read by its ARN");

const READ_LISTENERS: &[Reading] = &[
    Reading { action: "elasticloadbalancing:DescribeLoadBalancers", when: When::Listed, on: On::All },
    on_all("elasticloadbalancing:DescribeListeners"),
    Reading { action: "elasticloadbalancing:DescribeSSLPolicies", when: FOUND, on: On::All },
    Reading { action: "elasticloadbalancing:DescribeTags", when: FOUND, on: On::All },
    Reading { action: "elasticloadbalancing:DescribeRules", when: PLAIN, on: On::All },
];

impl Record for Listener {
    const ABOUT: About = About {
        kind: Some(Kind::Listener),
        by_arn: true,
        arn: Arn { one: &[], any: "elasticloadbalancing:*:{account}:listener/*" },
        not_found: "ListenerNotFound",
        single: &[OF_BALANCER],
        ..About::read_by(READ_LISTENERS)
    };
    fn filters(&self) -> Vec<(&'static str, &str)> {
        vec![(OF_BALANCER, self.load_balancer.as_str())]
    }
    fn tags(&self) -> Option<&Tags> {
        self.tags.known()
    }
}

impl Listener {
    /// Returns whether it ends the TLS of its clients. A plain listener has no security policy on AWS, but an
    /// endpoint may show one.
    pub fn ends_tls(&self) -> bool {
        matches!(self.protocol.as_str(), "HTTPS" | "TLS")
    }

    /// Returns whether it takes plain HTTP at an application load balancer. The protocol decides: an endpoint
    /// may show a security policy there too.
    pub fn is_plain_http(&self) -> bool {
        self.protocol == "HTTP" && self.balancer_type() == Some("application")
    }

    /// Returns whether it takes HTTPS at an application load balancer.
    pub fn is_https(&self) -> bool {
        self.protocol == "HTTPS" && self.balancer_type() == Some("application")
    }

    /// Returns the part of its ARN that people know it by: the load balancer's name, and the port.
    pub fn words(&self) -> String {
        let name = self.load_balancer.split('/').rev().nth(1).unwrap_or(&self.load_balancer);
        self.port.map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"))
    }

    /// Returns the word for its kind of load balancer in lists of policies; `None` for a kind that ends no
    /// TLS.
    pub fn balancer_type(&self) -> Option<&'static str> {
        let resource = self.load_balancer.rsplit_once(":loadbalancer/").map_or("", |(_, rest)| rest);
        match resource.split('/').next() {
            Some("app") => Some("application"),
            Some("net") => Some("network"),
            _ => None,
        }
    }
}

/// A security policy of TLS (`elasticloadbalancing:DescribeSSLPolicies`), of which AWS makes all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TlsPolicy {
    /// Name.
    pub id: String,
    /// The versions of TLS that clients may speak: `TLSv1`, `TLSv1.1`, `TLSv1.2`, `TLSv1.3`.
    pub versions: Vec<String>,
    /// The ciphers, by their names.
    pub ciphers: Vec<String>,
    /// `application`, `network`. Empty where the endpoint does not return them.
    pub load_balancer_types: Vec<String>,
}

impl Record for TlsPolicy {
    const ABOUT: About = About {
        moves_by_itself: true,
        ..About::read_by(&[on_all("elasticloadbalancing:DescribeSSLPolicies")])
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_a_protocol_of_application_load_balancers() {
        let base = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer";
        let of = |kind: &str, protocol: &str| Listener {
            load_balancer: format!("{base}/{kind}/web/50dc6c495c0c9188"),
            protocol: protocol.to_owned(),
            ssl_policy: Some("ELBSecurityPolicy-2016-08".to_owned()),
            ..Listener::default()
        };
        assert!(of("app", "HTTP").is_plain_http() && of("app", "HTTPS").is_https());
        for other in
            [of("net", "HTTP"), of("app", "TCP"), of("app", ""), of("app", "http"), of("gwy", "HTTP")]
        {
            assert!(!other.is_plain_http() && !other.is_https(), "{other:?}");
        }
    }

    #[test]
    fn a_listener_is_named_by_its_load_balancer_and_port() {
        let base = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer";
        let of = |kind: &str| Listener {
            load_balancer: format!("{base}/{kind}/web/50dc6c495c0c9188"),
            port: Some(443),
            ..Listener::default()
        };
        assert_eq!((of("app").words().as_str(), of("app").balancer_type()), ("web:443", Some("application")));
        assert_eq!([of("net"), of("gwy")].map(|l| l.balancer_type()), [Some("network"), None]);
    }
}
