//! Facts about web ACLs of AWS WAF, and the load balancers that they protect. Plain data under AWS's own
//! names; nothing here judges.

use serde::{Deserialize, Serialize};

use super::{
    Fact, Record, Tags,
    about::{About, Arn},
    permissions::{On, Reading, When, on_all, on_one},
};
use crate::resource::Kind;

/// The filter that picks the web ACL of a name, which is unique in a region.
pub const NAME: &str = "name";

/// The beginning of the names of web ACLs that Firewall Manager makes
/// (<https://docs.aws.amazon.com/waf/latest/developerguide/waf-policies.html>).
const OF_FIREWALL_MANAGER: &str = "FMManaged";

/// The ARN of any regional web ACL, without `arn:` and the partition.
const ANY: &str = "wafv2:*:{account}:regional/webacl/*";

/// A regional web ACL (`wafv2:GetWebACL`). Those for CloudFront are not read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WebAcl {
    /// ARN.
    pub id: String,
    /// Name.
    pub name: String,
    /// The action for a request that no rule ends: `Allow`, `Block`. Empty where it is another.
    pub default_action: String,
    /// Its rules, in the order in which they are asked.
    pub rules: Vec<WebAclRule>,
    /// `true` if Firewall Manager has made it.
    pub managed_by_firewall_manager: bool,
    /// `true` if a policy of Firewall Manager has taken it over.
    pub retrofitted_by_firewall_manager: bool,
    /// The names of the rule groups that Firewall Manager has put before and behind its rules.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub firewall_manager_rule_groups: Vec<String>,
}

/// A rule of a web ACL.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WebAclRule {
    /// Name.
    pub name: String,
    /// The action for a request that it matches: `Allow`, `Block`, `Count`, `Captcha`, `Challenge`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The effect on the actions of the rule group that it stands for: `None` leaves them, `Count` lets them
    /// count only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub override_action: Option<String>,
}

impl Record for WebAcl {
    const ABOUT: About = About {
        by_arn: true,
        arn: Arn { one: &[], any: ANY },
        not_found: "WAFNonexistentItemException",
        single: &[NAME],
        ..About::read_by(&[
            on_one("wafv2:GetWebACL"),
            // A plan does not show whether its web ACL was found by its name.
            on_all("wafv2:ListWebACLs"),
        ])
    };
    fn filters(&self) -> Vec<(&'static str, &str)> {
        vec![(NAME, self.name.as_str())]
    }
}

impl WebAcl {
    /// Returns the sign by which Firewall Manager owns it; `None` without any.
    pub fn of_firewall_manager(&self) -> Option<String> {
        match self.firewall_manager_rule_groups.as_slice() {
            _ if self.managed_by_firewall_manager => Some("Firewall Manager has made it".to_owned()),
            _ if self.name.starts_with(OF_FIREWALL_MANAGER) => {
                Some(format!("its name begins with {OF_FIREWALL_MANAGER}"))
            }
            _ if self.retrofitted_by_firewall_manager => {
                Some("a policy of Firewall Manager has taken it over".to_owned())
            }
            [] => None,
            groups => Some(format!("it has rule groups of Firewall Manager: {}", groups.join(", "))),
        }
    }
}

/// An application load balancer with its web ACL (`wafv2:GetWebACLForResource`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WebAclAssociation {
    /// The ARN of the load balancer.
    pub id: String,
    /// `internet-facing` or `internal`.
    pub scheme: String,
    /// `active`, `provisioning`, `active_impaired`, `failed`.
    pub state: String,
    /// The ARN of its web ACL, where it has one.
    pub web_acl: Option<String>,
    /// The tags of the load balancer.
    pub tags: Fact<Tags>,
}

const FOUND: When = When::Fact("a load balancer is found");

const READ_ASSOCIATIONS: &[Reading] = &[
    on_all("elasticloadbalancing:DescribeLoadBalancers"),
    Reading { action: "elasticloadbalancing:DescribeTags", when: FOUND, on: On::All },
    Reading { action: "wafv2:GetWebACLForResource", when: FOUND, on: On::Thing },
    // IAM is asked about the load balancer and about its web ACL
    // (<https://docs.aws.amazon.com/service-authorization/latest/reference/list_awswafv2.html>).
    Reading {
        action: "wafv2:GetWebACLForResource",
        when: FOUND,
        on: On::Only { id_prefix: "arn:", arn: ANY },
    },
    Reading {
        action: "wafv2:GetWebACL",
        when: When::Fact("a load balancer has a web ACL"),
        on: On::Only { id_prefix: "arn:", arn: ANY },
    },
    Reading { action: "elasticloadbalancing:GetLoadBalancerWebACL", when: FOUND, on: On::Thing },
];

impl Record for WebAclAssociation {
    const ABOUT: About = About {
        kind: Some(Kind::LoadBalancer),
        by_arn: true,
        arn: Arn { one: &[], any: "elasticloadbalancing:*:{account}:loadbalancer/app/*" },
        not_found: "LoadBalancerNotFound",
        ..About::read_by(READ_ASSOCIATIONS)
    };
    // AWS changes it by itself.
    const VOLATILE: &'static [&'static str] = &["state"];
    fn tags(&self) -> Option<&Tags> {
        self.tags.known()
    }
}

impl WebAclAssociation {
    /// Returns whether AWS WAF can protect it: only application load balancers have web ACLs.
    pub fn takes_web_acls(&self) -> bool {
        self.id.contains(":loadbalancer/app/")
    }

    /// Returns the name of the load balancer, which its ARN contains.
    pub fn name(&self) -> &str {
        self.id.split('/').rev().nth(1).unwrap_or(&self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sign_of_firewall_manager_counts() {
        let plain = WebAcl { name: "edge".into(), ..WebAcl::default() };
        assert_eq!(plain.of_firewall_manager(), None);
        for owned in [
            WebAcl { managed_by_firewall_manager: true, ..plain.clone() },
            WebAcl { retrofitted_by_firewall_manager: true, ..plain.clone() },
            WebAcl { name: "FMManagedWebACLV2-edge-1".into(), ..plain.clone() },
            WebAcl { firewall_manager_rule_groups: vec!["PRE-group".into()], ..plain.clone() },
        ] {
            assert!(owned.of_firewall_manager().is_some(), "{owned:?}");
        }
        assert_eq!(WebAcl { name: "my-FMManaged".into(), ..plain }.of_firewall_manager(), None);
    }

    #[test]
    fn only_application_load_balancers_have_web_acls() {
        let of = |kind: &str| WebAclAssociation {
            id: format!(
                "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/{kind}/web/50dc6c495c0c9188"
            ),
            ..WebAclAssociation::default()
        };
        assert!(of("app").takes_web_acls());
        assert!(!of("net").takes_web_acls() && !of("gwy").takes_web_acls());
        assert_eq!(of("app").name(), "web");
    }
}
