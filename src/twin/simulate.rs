//! What IAM would decide about an action of a role, on any resource: as far as the policies of the twin show it.

use serde_json::{Value, json};

use super::Twin;
use crate::{
    checks::policy::{Request, Unproved, allows},
    inventory::{Fact, Simulation},
};

impl Twin {
    /// Returns the decision. Policies that the twin does not have may allow the action, too: what was read before
    /// stands then.
    pub(super) fn simulation(&self, id: &str) -> Fact<Simulation> {
        let read = || self.truth.simulations.get(id).map(Clone::clone);
        let Some((role, action)) = Simulation::parts(id) else { return Fact::Absent };
        let Some((statements, all)) = self.statements(role) else { return read() };
        let policy = json!({ "Statement": statements });
        let request = Request { principal: None, action, resource: Some("*"), context: &[] };
        let decision = match allows(&policy, &request) {
            Ok(()) => Simulation::ALLOWED,
            Err(_) if !all => return read(),
            Err(Unproved::NotAllowed) => "implicitDeny",
            Err(Unproved::MayBeDenied(_)) => "explicitDeny",
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
        Some((managed.into_iter().chain(role.inline_policies.known()?.values()).flat_map(of).collect(), all))
    }
}
