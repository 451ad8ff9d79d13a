//! The security policies of listeners, as Elastic Load Balancing treats them.

use super::{OnTwin, done};
use crate::{
    calls::Outcome,
    inventory::Fact,
    services::listener::ModifyListener,
    twin::{
        Twin,
        errors::{must, refuse},
    },
};

impl OnTwin for ModifyListener {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        let (id, name) = (&self.listener_arn, &self.ssl_policy);
        let known = t.region(region)?;
        let listener = must(known.listeners.get(id), id, || {
            refuse("ListenerNotFound", format!("One or more listeners not found: {id}"))
        })?;
        let policy = must(known.tls_policies.get(name), name, || {
            refuse("SSLPolicyNotFound", format!("SSL policy '{name}' not found"))
        })?;
        if !listener.ends_tls() {
            let message = format!("A listener of {} has no security policy", listener.protocol);
            return Err(refuse("InvalidConfigurationRequest", message));
        }
        let kind = listener.balancer_type().unwrap_or_default();
        if !policy.load_balancer_types.is_empty() && !policy.load_balancer_types.iter().any(|one| one == kind)
        {
            let message = format!("SSL policy '{name}' is not for load balancers of the type {kind}");
            return Err(refuse("InvalidConfigurationRequest", message));
        }
        let versions = policy.versions.clone();
        if let Some(listener) = t.region_mut(region).listeners.get_mut(id) {
            listener.ssl_policy = Some(self.ssl_policy);
            listener.versions = Fact::Known(versions);
        }
        done()
    }
}
