//! The check on web ACLs: a load balancer that the internet reaches has one.

use serde_json::{Value, json};

use super::{
    Check,
    one::{Info, Rule},
};
use crate::{
    finding::{Severity, Verdict},
    inventory::WebAclAssociation,
    resource::Kind,
};

/// The id of the check.
pub const WITHOUT_WEB_ACL: &str = "load-balancer-without-web-acl";

/// The checks of this family.
pub static CHECKS: &[Check] = &[Check::of::<WithoutWebAcl>()];

/// States in which a load balancer takes requests
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerState.html>).
const TAKES_REQUESTS: &[&str] = &["active", "active_impaired"];

/// Returns whether a load balancer takes requests.
pub fn takes_requests(balancer: &WebAclAssociation) -> bool {
    TAKES_REQUESTS.contains(&balancer.state.as_str())
}

struct WithoutWebAcl;

impl Rule for WithoutWebAcl {
    type On = WebAclAssociation;
    const INFO: Info = Info {
        id: WITHOUT_WEB_ACL,
        title: "A load balancer that the internet reaches has no web ACL",
        why: "Nothing looks at the requests before the application does: floods, scanners and known attacks \
              reach it as they are.",
        severity: Severity::Medium,
        kind: Kind::LoadBalancer,
        known_as: &[
            ("security-hub", &["ELB.16"]),
            ("prowler", &["elbv2_waf_acl_attached"]),
            ("config-managed", &["alb-waf-enabled"]),
        ],
        triggers: &["elasticloadbalancing:CreateLoadBalancer", "wafv2:DisassociateWebACL"],
    };

    /// Returns whether the internet reaches it. Tools that report internal load balancers, too, are answered
    /// where they name one.
    fn is_scanned(balancer: &WebAclAssociation) -> bool {
        balancer.takes_web_acls() && balancer.scheme != "internal"
    }

    fn judge(balancer: &WebAclAssociation, _: &Value) -> Verdict {
        if !balancer.takes_web_acls() {
            return Verdict::Ok(Some("only application load balancers have web ACLs".to_owned()));
        }
        match &balancer.web_acl {
            Some(_) => Verdict::Ok(None),
            None if takes_requests(balancer) => Verdict::Violates(json!({ "load_balancer": balancer.name(),
                "scheme": balancer.scheme, "web_acl": null })),
            None => Verdict::Unknown(format!("its state is {:?}: it takes no requests", balancer.state)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn balancer(kind: &str, scheme: &str, state: &str, web_acl: Option<&str>) -> WebAclAssociation {
        WebAclAssociation {
            id: format!("arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/{kind}/web/1"),
            scheme: scheme.into(),
            state: state.into(),
            web_acl: web_acl.map(str::to_owned),
            ..WebAclAssociation::default()
        }
    }

    fn judged(one: &WebAclAssociation) -> Verdict {
        WithoutWebAcl::judge(one, &Value::Null)
    }

    #[test]
    fn a_load_balancer_of_the_internet_without_a_web_acl_is_found() {
        let open = balancer("app", "internet-facing", "active", None);
        assert!(WithoutWebAcl::is_scanned(&open));
        assert!(matches!(judged(&open), Verdict::Violates(with) if with["load_balancer"] == json!("web")));
        let impaired = balancer("app", "internet-facing", "active_impaired", None);
        assert!(matches!(judged(&impaired), Verdict::Violates(_)), "it still takes requests");
        assert_eq!(judged(&balancer("app", "internet-facing", "active", Some("arn"))), Verdict::Ok(None));
    }

    #[test]
    fn internal_ones_are_judged_where_they_are_named_and_others_have_no_web_acls() {
        let inside = balancer("app", "internal", "active", None);
        assert!(!WithoutWebAcl::is_scanned(&inside));
        assert!(matches!(judged(&inside), Verdict::Violates(_)));
        assert!(
            WithoutWebAcl::is_scanned(&balancer("app", "", "active", None)),
            "a scheme that is not known"
        );
        for kind in ["net", "gwy"] {
            let other = balancer(kind, "internet-facing", "active", None);
            assert!(!WithoutWebAcl::is_scanned(&other));
            assert!(matches!(judged(&other), Verdict::Ok(Some(_))), "{kind}");
        }
    }

    #[test]
    fn one_that_takes_no_requests_yet_is_not_judged() {
        for state in ["provisioning", "failed", "", "resting"] {
            let one = balancer("app", "internet-facing", state, None);
            assert!(matches!(judged(&one), Verdict::Unknown(_)), "{state}");
            assert!(WithoutWebAcl::is_scanned(&one), "it is shown, and not left out");
        }
    }
}
