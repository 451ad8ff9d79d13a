//! The decisions of IAM about actions of a role, on any resource: as far as the policies of the twin show
//! them.

use serde_json::{Value, json};

use super::{
    Twin,
    policy::{Request, allows},
};
use crate::inventory::{Fact, Simulation};

impl Twin {
    /// Returns the decision. Policies that the twin does not have may allow the action, too: the decision
    /// that was read before stands then.
    pub(super) fn simulation(&self, id: &str) -> Fact<Simulation> {
        let read = || self.truth.simulations.get(id).map(Clone::clone);
        let Some((role, action)) = Simulation::parts(id) else { return read() };
        let Some((statements, all)) = self.statements(role) else { return read() };
        let policy = json!({ "Statement": statements });
        let request = Request { service: None, action, resource: Some("*"), context: &[] };
        let decision = match allows(&policy, &request) {
            true => Simulation::ALLOWED,
            false if !all => return read(),
            false => "implicitDeny",
        };
        Fact::Known(Simulation { id: id.to_owned(), decision: decision.to_owned() })
    }

    /// Returns the statements of all policies of a role that are known, and whether these are all.
    fn statements(&self, arn: &str) -> Option<(Vec<Value>, bool)> {
        let role = self.truth.roles.get(arn.rsplit('/').next()?).known().copied()?;
        if role.arn != arn || role.permissions_boundary.is_some() {
            return None;
        }
        let attached = role.attached_policies.known()?;
        let known = attached.iter().filter_map(|arn| self.truth.managed_policies.get(arn).known().copied());
        let managed: Vec<&Value> = known.map(|policy| &policy.document).collect();
        let all = managed.len() == attached.len();
        let of = |policy: &Value| match policy.get("Statement") {
            Some(Value::Array(all)) => all.clone(),
            one => one.cloned().into_iter().collect(),
        };
        let inline = role.inline_policies.known()?.values();
        Some((managed.into_iter().chain(inline).flat_map(of).collect(), all))
    }
}
