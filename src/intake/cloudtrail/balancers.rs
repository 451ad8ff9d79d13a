//! Events about load balancers: their listeners with their rules, and their web ACLs.

use serde_json::Value;

use super::{
    effect::{Did, NO_ID, made, with_open},
    wire::{get, text},
};

/// Returns the name of a load balancer's lack of a web ACL.
pub fn unprotected(balancer: &str) -> String {
    format!("web-acl/{balancer}")
}

/// Opens a load balancer that has no web ACL any more.
pub fn without_web_acl(arn: &str) -> Did {
    match arn {
        "" => Did::Missing(NO_ID),
        _ if arn.contains(":loadbalancer/app/") => {
            Did::Touched(vec![with_open(arn, unprotected(arn))], Vec::new())
        }
        _ => Did::Harmless("it is not about a load balancer", Vec::new(), Vec::new()),
    }
}

/// Opens a new application load balancer that the internet reaches: it has no web ACL yet.
pub fn balancer(made: &Value) -> Did {
    match [text(made, "type"), text(made, "scheme")] {
        ["application", "internet-facing"] => without_web_acl(text(made, "loadBalancerArn")),
        ["", _] => Did::Missing(NO_ID),
        _ => Did::Harmless("it has no web ACL to have", Vec::new(), Vec::new()),
    }
}

/// Opens a listener that ends TLS or takes plain HTTP.
pub fn listener(listener: &Value) -> Did {
    match text(listener, "protocol") {
        "HTTPS" | "TLS" | "HTTP" => made(text(listener, "listenerArn")),
        "" => Did::Missing(NO_ID),
        _ => Did::Harmless("the listener ends no TLS and takes no HTTP", Vec::new(), Vec::new()),
    }
}

/// Opens a listener whose security policy, protocol or actions an event names.
pub fn modify_listener(request: &Value, _: &Value) -> Did {
    let is_named = |member: &str| get(request, member).is_some_and(|value| !value.is_null());
    if ["sslPolicy", "protocol", "defaultActions"].iter().any(|member| is_named(member)) {
        return made(text(request, "listenerArn"));
    }
    Did::Harmless("it leaves the security policy and the actions alone", Vec::new(), Vec::new())
}

/// Returns the ARN of the listener of a rule, which the rule's own ARN contains; empty if there is none.
pub fn listener_of(rule: &str) -> String {
    let (listener, _) = rule.rsplit_once('/').unwrap_or_default();
    listener.replacen(":listener-rule/", ":listener/", 1)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::intake::cloudtrail::table::extract;

    #[test]
    fn events_about_listeners_and_their_rules_open_the_listener() {
        let arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/web/1/2";
        let rule = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener-rule/app/web/1/2/3";
        let opened = |event: &str, request: Value, response: Value| {
            let read = extract(&format!("elasticloadbalancing:{event}")).unwrap();
            match read(&request, &response) {
                Did::Touched(targets, _) => targets.into_iter().map(|target| target.id).collect(),
                _ => Vec::new(),
            }
        };
        let none = || json!(null);
        for protocol in ["HTTP", "HTTPS", "TLS"] {
            let listener = json!({ "listeners": [{ "listenerArn": arn, "protocol": protocol }] });
            assert_eq!(opened("CreateListener", none(), listener), [arn], "{protocol}");
        }
        let tcp = json!({ "listeners": [{ "listenerArn": arn, "protocol": "TCP" }] });
        assert!(opened("CreateListener", none(), tcp).is_empty());
        let actions = json!({ "listenerArn": arn, "defaultActions": [{ "type": "forward" }] });
        assert_eq!(opened("ModifyListener", actions, none()), [arn]);
        assert!(opened("ModifyListener", json!({ "listenerArn": arn, "port": 81 }), none()).is_empty());
        assert_eq!(opened("CreateRule", json!({ "listenerArn": arn }), none()), [arn]);
        assert_eq!(opened("ModifyRule", json!({ "ruleArn": rule }), none()), [arn]);
        assert!(opened("ModifyRule", json!({ "ruleArn": "" }), none()).is_empty());
    }

    #[test]
    fn a_load_balancer_of_the_internet_is_open_until_it_has_a_web_acl() {
        let arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/web/50dc6c495c0c9188";
        let read =
            |event: &str, request: Value, response: Value| extract(event).unwrap()(&request, &response);
        let created = |kind: &str, scheme: &str| {
            let made = json!({ "loadBalancerArn": arn, "type": kind, "scheme": scheme });
            read("elasticloadbalancing:CreateLoadBalancer", json!(null), json!({ "loadBalancers": [made] }))
        };
        let opens = |did: &Did| match did {
            Did::Touched(targets, _) => targets[0].opens.clone(),
            _ => Vec::new(),
        };
        let made = created("application", "internet-facing");
        let [names] = &opens(&made)[..] else { panic!("{made:?}") };
        for other in [created("network", "internet-facing"), created("application", "internal")] {
            assert!(matches!(other, Did::Harmless(..)), "{other:?}");
        }
        assert!(matches!(created("", ""), Did::Missing(_)));
        let on = |event: &str, arn: &str| read(event, json!({ "resourceArn": arn }), json!(null));
        assert_eq!(&opens(&on("wafv2:DisassociateWebACL", arn)), std::slice::from_ref(names));
        let api = "arn:aws:apigateway:us-east-1::/restapis/1/stages/a";
        assert!(matches!(on("wafv2:DisassociateWebACL", api), Did::Harmless(..)));
        let Did::Harmless(_, closes, _) = on("wafv2:AssociateWebACL", arn) else { panic!() };
        assert!(closes.iter().all(|name| names.contains(name)) && !closes.is_empty(), "{closes:?}");
    }
}
