//! Listeners of load balancers.

use serde::{Deserialize, Serialize};

use super::{
    Operation,
    spec::{Repeat::Harmless, Risk::Disruptive, Spec, names, spec},
};
use crate::inventory::FamilyKind::Listeners;

/// A call that sets the security policy of a listener. "Any properties that you do not specify remain
/// unchanged": <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ModifyListener.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ModifyListener {
    /// The listener, by its ARN.
    pub listener_arn: String,
    /// The name of the policy.
    pub ssl_policy: String,
}

impl Operation for ModifyListener {
    type Planned = Self;
    const SPEC: Spec = spec("elasticloadbalancing", "ModifyListener", Harmless, Disruptive)
        .on(&[names("/ListenerArn", Listeners)]);
}
