//! Listeners, as Elastic Load Balancing treats them.

use super::{OnTwin, done};
use crate::{
    calls::{CallError, Outcome},
    inventory::{Fact, Listener, ListenerAction, Region},
    services::listener::ModifyListener,
    twin::{
        Twin,
        errors::{must, refuse},
    },
};

impl OnTwin for ModifyListener {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        let id = &self.listener_arn;
        let known = t.region(region)?;
        let listener = must(known.listeners.get(id), id, || {
            refuse("ListenerNotFound", format!("One or more listeners not found: {id}"))
        })?;
        let versions = self.ssl_policy.as_deref().map(|name| versions(known, listener, name)).transpose()?;
        for action in self.default_actions.iter().flatten() {
            check(known, action)?;
        }
        if self.default_actions.as_ref().is_some_and(|all| all.len() != 1) {
            return Err(refuse("InvalidLoadBalancerAction", "exactly one action must answer a request"));
        }
        let Some(listener) = t.region_mut(region).listeners.get_mut(id) else { return done() };
        if let Some(versions) = versions {
            listener.ssl_policy = self.ssl_policy;
            listener.versions = Fact::Known(versions);
        }
        if let Some(actions) = self.default_actions {
            listener.default_actions = actions;
            listener.more_in_actions.clear();
        }
        done()
    }
}

/// Returns the versions of TLS of a security policy that the listener can get.
fn versions(known: &Region, listener: &Listener, name: &str) -> Result<Vec<String>, CallError> {
    let policy = must(known.tls_policies.get(name), name, || {
        refuse("SSLPolicyNotFound", format!("SSL policy '{name}' not found"))
    })?;
    if !listener.ends_tls() {
        let message = format!("A listener of {} has no security policy", listener.protocol);
        return Err(refuse("InvalidConfigurationRequest", message));
    }
    let kind = listener.balancer_type().unwrap_or_default();
    if !policy.load_balancer_types.is_empty() && !policy.load_balancer_types.iter().any(|one| one == kind) {
        let message = format!("SSL policy '{name}' is not for load balancers of the type {kind}");
        return Err(refuse("InvalidConfigurationRequest", message));
    }
    Ok(policy.versions.clone())
}

/// Checks that an action is one that AWS takes: it forwards to groups that exist, or redirects to another
/// place
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RedirectActionConfig.html>).
fn check(known: &Region, action: &ListenerAction) -> Result<(), CallError> {
    let invalid = |why: &str| Err(refuse("InvalidLoadBalancerAction", why));
    match (action.r#type.as_str(), &action.redirect_config) {
        ("forward", None) => {
            let groups = action.groups();
            if groups.is_empty() {
                return invalid("a forward action must name a target group");
            }
            for (arn, _) in groups {
                must(known.target_groups.get(arn), arn, || {
                    refuse("TargetGroupNotFound", format!("One or more target groups not found: {arn}"))
                })?;
            }
            Ok(())
        }
        ("redirect", Some(place)) => {
            let parts = [&place.protocol, &place.port, &place.host, &place.path];
            let kept = ["#{protocol}", "#{port}", "#{host}", "/#{path}"];
            let is_changed =
                |(part, kept): (&Option<String>, &str)| part.as_deref().is_some_and(|it| it != kept);
            if !parts.into_iter().zip(kept).any(is_changed) {
                return invalid("a redirect must change the protocol, the port, the host or the path");
            }
            if !["HTTP_301", "HTTP_302"].contains(&place.status_code.as_str()) {
                return invalid("a redirect needs a status code");
            }
            Ok(())
        }
        ("fixed-response" | "authenticate-oidc" | "authenticate-cognito" | "jwt-validation", _) => {
            invalid("its configuration is missing")
        }
        _ => Err(refuse("ValidationError", format!("invalid action {:?}", action.r#type))),
    }
}
