//! The checks on listeners of load balancers: their clients speak no version of TLS that is broken, and who
//! comes by plain HTTP is sent to HTTPS.

use serde_json::{Value, json};

use super::{
    Check,
    one::{Info, Rule},
};
use crate::{
    finding::{Severity, Verdict},
    inventory::{Fact, Listener, ListenerAction, ListenerRule},
    resource::Kind,
};

/// The id of the check on versions of TLS.
pub const WEAK_TLS: &str = "load-balancer-weak-tls";
/// The id of the check on plain HTTP.
pub const PLAIN_HTTP: &str = "load-balancer-plain-http";

/// The checks of this family.
pub static CHECKS: &[Check] = &[Check::of::<WeakTls>(), Check::of::<PlainHttp>()];

/// Versions that nobody should speak any more (<https://www.rfc-editor.org/rfc/rfc8996>).
const BROKEN: &[&str] = &["SSLv2", "SSLv3", "TLSv1", "TLSv1.1"];
/// Versions in which nothing is known to be broken.
const SOUND: &[&str] = &["TLSv1.2", "TLSv1.3"];

/// Returns the broken ones among versions of TLS.
///
/// # Errors
/// A version that redress does not know, or that there are none: nothing is proved then.
pub fn broken(versions: &[String]) -> Result<Vec<&str>, String> {
    let is_known = |v: &&String| BROKEN.contains(&v.as_str()) || SOUND.contains(&v.as_str());
    match versions.iter().find(|v| !is_known(v)) {
        Some(strange) => Err(format!("it allows {strange}, which redress does not know")),
        None if versions.is_empty() => Err("the answer names no version of TLS".to_owned()),
        None => Ok(versions.iter().map(String::as_str).filter(|v| BROKEN.contains(v)).collect()),
    }
}

struct WeakTls;

impl Rule for WeakTls {
    type On = Listener;
    const INFO: Info = Info {
        id: WEAK_TLS,
        title: "A load balancer lets clients speak TLS 1.0 or 1.1",
        why: "Both versions are broken: what a client sends over them can be read or changed on its way.",
        severity: Severity::Medium,
        kind: Kind::Listener,
        known_as: &[
            ("security-hub", &["ELB.17"]),
            ("prowler", &["elbv2_insecure_ssl_ciphers"]),
            ("config-managed", &["elbv2-predefined-security-policy-ssl-check"]),
        ],
        triggers: &["elasticloadbalancing:CreateListener", "elasticloadbalancing:ModifyListener"],
    };

    fn is_scanned(listener: &Listener) -> bool {
        listener.ends_tls()
    }

    fn judge(listener: &Listener, _: &Value) -> Verdict {
        if !listener.ends_tls() {
            return Verdict::Ok(Some(format!("a listener of {} ends no TLS", listener.protocol)));
        }
        let versions = match &listener.versions {
            Fact::Known(versions) => versions,
            silent => {
                let why = silent.silence().unwrap_or("the answer names no security policy");
                return Verdict::Unknown(format!("its versions of TLS: {why}"));
            }
        };
        match broken(versions) {
            Err(why) => Verdict::Unknown(why),
            Ok(broken) if broken.is_empty() => Verdict::Ok(None),
            Ok(broken) => Verdict::Violates(json!({ "listener": listener.words(),
                "policy": listener.ssl_policy, "allows": broken })),
        }
    }
}

/// Types of actions that answer a request, or pass it on
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Action.html>).
const ENDS: &[&str] = &["forward", "redirect", "fixed-response"];
/// Types of actions that let a request through to the next one, or do not.
const LETS_THROUGH: &[&str] = &["authenticate-oidc", "authenticate-cognito", "jwt-validation"];

/// Returns whether these actions send a client to HTTPS.
///
/// # Errors
/// A type of action or a protocol that redress does not know, or that nothing answers the request: nothing is
/// proved then.
pub fn leads_to_https(actions: &[ListenerAction]) -> Result<bool, String> {
    let is_known = |action: &&ListenerAction| {
        ENDS.contains(&action.r#type.as_str()) || LETS_THROUGH.contains(&action.r#type.as_str())
    };
    if let Some(strange) = actions.iter().find(|action| !is_known(action)) {
        return Err(format!("an action of the type {:?}, which redress does not know", strange.r#type));
    }
    let ends: Vec<_> = actions.iter().filter(|action| ENDS.contains(&action.r#type.as_str())).collect();
    let [end] = ends[..] else {
        return Err(format!("the answer names {} actions that answer a request", ends.len()));
    };
    if end.r#type != "redirect" {
        return Ok(false);
    }
    let place = end.redirect_config.as_ref().ok_or("the answer does not name where it redirects to")?;
    match place.protocol.as_deref() {
        Some("HTTPS") => Ok(true),
        // A redirect keeps the protocol that it does not name.
        Some("HTTP" | "#{protocol}") | None => Ok(false),
        Some(other) => Err(format!("a redirect to the protocol {other:?}, which redress does not know")),
    }
}

/// Returns those rules of a listener that do not send a client to HTTPS.
///
/// # Errors
/// The rule that redress cannot judge.
pub fn leading_elsewhere(rules: &[ListenerRule]) -> Result<Vec<&ListenerRule>, String> {
    let mut found = Vec::new();
    for rule in rules {
        let leads = leads_to_https(&rule.actions).map_err(|why| format!("rule {}: {why}", rule.priority))?;
        found.extend((!leads).then_some(rule));
    }
    Ok(found)
}

struct PlainHttp;

impl Rule for PlainHttp {
    type On = Listener;
    const INFO: Info = Info {
        id: PLAIN_HTTP,
        title: "A load balancer answers plain HTTP, and does not redirect it to HTTPS",
        why: "What a client sends and gets by plain HTTP, passwords and sessions too, can be read and \
              changed by everybody on its way.",
        severity: Severity::Medium,
        kind: Kind::Listener,
        known_as: &[
            ("security-hub", &["ELB.1"]),
            ("pci-dss-3.2.1", &["PCI.ELBV2.1"]),
            ("prowler", &["elbv2_ssl_listeners"]),
            ("config-managed", &["alb-http-to-https-redirection-check"]),
        ],
        triggers: &[
            "elasticloadbalancing:CreateListener",
            "elasticloadbalancing:ModifyListener",
            "elasticloadbalancing:CreateRule",
            "elasticloadbalancing:ModifyRule",
        ],
    };

    fn is_scanned(listener: &Listener) -> bool {
        listener.is_plain_http()
    }

    /// Judges internal load balancers like all others, as Security Hub does
    /// (<https://docs.aws.amazon.com/securityhub/latest/userguide/elb-controls.html#elb-1>).
    fn judge(listener: &Listener, _: &Value) -> Verdict {
        if !listener.is_plain_http() {
            return Verdict::Ok(Some(
                "it does not take plain HTTP at an application load balancer".to_owned(),
            ));
        }
        let default = match leads_to_https(&listener.default_actions) {
            Ok(leads) => leads,
            Err(why) => return Verdict::Unknown(format!("its default action: {why}")),
        };
        let rules = listener.rules.as_ref().map(|rules| leading_elsewhere(rules));
        let (others, unread) = match &rules {
            Fact::Known(Ok(others)) => (others.as_slice(), None),
            Fact::Known(Err(why)) => (&[][..], Some(why.clone())),
            silent => (&[][..], Some(silent.silence().unwrap_or("the answer names none").to_owned())),
        };
        match unread {
            // No rule can make good what the default action does.
            Some(why) if default => Verdict::Unknown(format!("its rules: {why}")),
            _ if default && others.is_empty() => Verdict::Ok(None),
            _ => Verdict::Violates(json!({ "listener": listener.words(),
                "default": listener.default_actions.iter().map(|action| &action.r#type).collect::<Vec<_>>(),
                "rules": others.iter().map(|rule| &rule.priority).collect::<Vec<_>>() })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::RedirectConfig;

    fn action(kind: &str, protocol: Option<&str>) -> ListenerAction {
        let config = || RedirectConfig { protocol: protocol.map(str::to_owned), ..RedirectConfig::default() };
        ListenerAction {
            r#type: kind.into(),
            redirect_config: (kind == "redirect").then(config),
            ..ListenerAction::default()
        }
    }

    fn plain(default: Vec<ListenerAction>, rules: Fact<Vec<ListenerAction>>) -> Verdict {
        let rule =
            |action| ListenerRule { priority: "7".into(), actions: vec![action], ..ListenerRule::default() };
        let listener = Listener {
            load_balancer: "arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/app/web/1".into(),
            protocol: "HTTP".into(),
            port: Some(80),
            ssl_policy: Some("ELBSecurityPolicy-2016-08".into()),
            default_actions: default,
            rules: rules.map(|all| all.into_iter().map(rule).collect()),
            ..Listener::default()
        };
        assert!(PlainHttp::is_scanned(&listener));
        PlainHttp::judge(&listener, &Value::Null)
    }

    #[test]
    fn plain_http_is_fine_where_every_request_is_sent_to_https() {
        let (to_https, none) = (|| action("redirect", Some("HTTPS")), || Fact::Known(Vec::new()));
        assert_eq!(plain(vec![to_https()], none()), Verdict::Ok(None));
        assert_eq!(plain(vec![to_https()], Fact::Known(vec![to_https()])), Verdict::Ok(None));
        for other in [
            action("forward", None),
            action("fixed-response", None),
            action("redirect", None),
            action("redirect", Some("HTTP")),
            action("redirect", Some("#{protocol}")),
        ] {
            let found = plain(vec![other.clone()], none());
            assert!(
                matches!(&found, Verdict::Violates(with) if with["listener"] == json!("web:80")),
                "{found:?}"
            );
            let by_rule = plain(vec![to_https()], Fact::Known(vec![to_https(), other]));
            assert!(
                matches!(&by_rule, Verdict::Violates(with) if with["rules"] == json!(["7"])),
                "{by_rule:?}"
            );
        }
        let denied = plain(vec![action("forward", None)], Fact::unknown("AccessDenied"));
        assert!(matches!(denied, Verdict::Violates(_)), "the default action is enough");
    }

    #[test]
    fn actions_that_redress_does_not_know_prove_nothing() {
        let to_https = || action("redirect", Some("HTTPS"));
        let no_place = ListenerAction { redirect_config: None, ..to_https() };
        for strange in [
            vec![],
            vec![action("teleport", None)],
            vec![action("teleport", None), to_https()],
            vec![action("", None)],
            vec![to_https(), to_https()],
            vec![action("authenticate-oidc", None)],
            vec![action("redirect", Some("HTTP/3"))],
            vec![no_place],
        ] {
            let found = plain(strange.clone(), Fact::Known(Vec::new()));
            assert!(matches!(found, Verdict::Unknown(_)), "{strange:?}: {found:?}");
        }
        for silent in [
            Fact::unknown("AccessDenied"),
            Fact::NotRead,
            Fact::Absent,
            Fact::Known(vec![action("new", None)]),
        ] {
            let found = plain(vec![to_https()], silent);
            assert!(matches!(&found, Verdict::Unknown(why) if why.starts_with("its rules: ")), "{found:?}");
        }
    }

    #[test]
    fn what_is_no_plain_http_of_an_application_load_balancer_is_not_scanned() {
        let of = |kind: &str, protocol: &str| Listener {
            load_balancer: format!("arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/{kind}/web/1"),
            protocol: protocol.into(),
            ..Listener::default()
        };
        for other in
            [of("app", "HTTPS"), of("app", "TCP"), of("net", "TCP"), of("net", "HTTP"), of("app", "")]
        {
            assert!(!PlainHttp::is_scanned(&other), "{other:?}");
            assert!(matches!(PlainHttp::judge(&other, &Value::Null), Verdict::Ok(Some(_))), "{other:?}");
        }
    }

    fn listener(protocol: &str, versions: Fact<&[&str]>) -> Listener {
        Listener {
            protocol: protocol.into(),
            ssl_policy: Some("ELBSecurityPolicy-2016-08".into()),
            versions: versions.map(|all| all.iter().map(|v| (*v).to_owned()).collect()),
            ..Listener::default()
        }
    }

    fn judged(protocol: &str, versions: Fact<&[&str]>) -> Verdict {
        WeakTls::judge(&listener(protocol, versions), &Value::Null)
    }

    #[test]
    fn tls_1_0_and_1_1_are_weak_and_what_is_not_known_is_never_fine() {
        for weak in ["TLSv1", "TLSv1.1", "SSLv3"] {
            let all = [weak, "TLSv1.2"];
            let found = judged("HTTPS", Fact::Known(&all));
            assert!(
                matches!(&found, Verdict::Violates(with) if with["allows"] == json!([weak])),
                "{found:?}"
            );
        }
        assert_eq!(judged("TLS", Fact::Known(&["TLSv1.2", "TLSv1.3"])), Verdict::Ok(None));
        for silent in [
            Fact::Known(&["TLSv1.2", "TLSv1.4"][..]),
            Fact::Known(&[]),
            Fact::unknown("AccessDenied"),
            Fact::Absent,
            Fact::NotRead,
        ] {
            assert!(matches!(judged("HTTPS", silent.clone()), Verdict::Unknown(_)), "{silent:?}");
        }
    }

    // An emulator shows a policy at plain listeners too.
    #[test]
    fn a_listener_that_ends_no_tls_is_not_scanned() {
        for protocol in ["HTTP", "TCP", "UDP", "QUIC", ""] {
            let plain = listener(protocol, Fact::Known(&["TLSv1"]));
            assert!(!WeakTls::is_scanned(&plain), "{protocol}");
            assert!(matches!(WeakTls::judge(&plain, &Value::Null), Verdict::Ok(Some(_))));
        }
    }
}
