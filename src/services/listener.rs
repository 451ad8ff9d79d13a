//! Listeners of load balancers.

use serde::{Deserialize, Serialize};

use super::{
    Operation,
    spec::{Repeat::Harmless, Risk::Disruptive, Spec, names, spec},
};
use crate::inventory::{FamilyKind::Listeners, ListenerAction};

/// A call that sets properties of a listener. "Any properties that you do not specify remain unchanged", and
/// of a list all entries are replaced:
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ModifyListener.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ModifyListener {
    /// The listener, by its ARN.
    pub listener_arn: String,
    /// The name of the security policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssl_policy: Option<String>,
    /// The actions for requests that no rule is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_actions: Option<Vec<ListenerAction>>,
}

impl ModifyListener {
    /// Sets the security policy alone.
    pub fn policy(listener: &str, name: &str) -> Self {
        let ssl_policy = Some(name.to_owned());
        Self { listener_arn: listener.to_owned(), ssl_policy, default_actions: None }
    }

    /// Sets the default actions alone.
    pub fn actions(listener: &str, actions: Vec<ListenerAction>) -> Self {
        Self { listener_arn: listener.to_owned(), ssl_policy: None, default_actions: Some(actions) }
    }
}

impl Operation for ModifyListener {
    type Planned = Self;
    const SPEC: Spec = spec("elasticloadbalancing", "ModifyListener", Harmless, Disruptive)
        .on(&[names("/ListenerArn", Listeners)]);
}
