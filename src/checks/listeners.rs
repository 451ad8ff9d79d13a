//! The check on listeners of load balancers: their clients speak no version of TLS that is broken.

use serde_json::{Value, json};

use super::{
    Check,
    one::{Info, Rule},
};
use crate::{
    finding::{Severity, Verdict},
    inventory::{Fact, Listener},
    resource::Kind,
};

/// The id of the check on versions of TLS.
pub const WEAK_TLS: &str = "load-balancer-weak-tls";

/// The checks of this family.
pub static CHECKS: &[Check] = &[Check::of::<WeakTls>()];

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

#[cfg(test)]
mod tests {
    use super::*;

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
