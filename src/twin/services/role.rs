//! Roles and their inline policies, as IAM treats them
//! (<https://docs.aws.amazon.com/IAM/latest/APIReference/welcome.html>).

use serde_json::Value;

use super::{
    OnTwin, done,
    tag::{checked, within_limit},
};
use crate::{
    calls::{CallError, Outcome},
    inventory::{Fact, FamilyKind, Role},
    services::role::{CreateRole, DeleteRole, DeleteRolePolicy, PutRolePolicy},
    twin::{
        Twin,
        errors::{must, refuse, unknown},
        take_away,
    },
};

fn no_role(name: &str) -> String {
    format!("The role with name {name} cannot be found.")
}

fn named(name: &str, longest: usize) -> Result<(), CallError> {
    let fits = !name.is_empty()
        && name.len() <= longest
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c));
    if fits {
        Ok(())
    } else {
        Err(refuse("ValidationError", format!("{name:?} is not a name that IAM takes")))
    }
}

/// Parses a policy document: JSON text with at least one statement.
pub(super) fn document(text: &str) -> Result<Value, CallError> {
    let malformed = |why: String| refuse("MalformedPolicyDocument", why);
    let policy: Value =
        serde_json::from_str(text).map_err(|e| malformed(format!("Syntax errors in policy: {e}")))?;
    let some = match &policy["Statement"] {
        Value::Array(items) => !items.is_empty(),
        Value::Object(_) => true,
        _ => false,
    };
    if some { Ok(policy) } else { Err(malformed("Syntax errors in policy: no statement".to_owned())) }
}

impl OnTwin for CreateRole {
    fn perform(self, t: &mut Twin, _: &str) -> Outcome {
        let name = &self.role_name;
        named(name, 64)?;
        let trust_policy = document(&self.assume_role_policy_document)?;
        let tags = checked(&self.tags, "InvalidInput")?;
        within_limit(&tags)?;
        match t.truth.roles.get(name) {
            Fact::Absent => {}
            Fact::Known(_) => {
                return Err(refuse("EntityAlreadyExists", format!("Role with name {name} already exists.")));
            }
            silent => {
                return Err(unknown(&format!("the role {name}"), silent.silence().unwrap_or("not read")));
            }
        }
        let owner = &t.truth.owner;
        let role = Role {
            id: name.clone(),
            arn: format!("arn:{}:iam::{}:role/{name}", owner.partition, owner.account),
            created: Fact::Known(t.now),
            trust_policy,
            inline_policies: Fact::Known(Default::default()),
            attached_policies: Fact::Known(Vec::new()),
            permissions_boundary: None,
            tags,
        };
        t.made(FamilyKind::Roles, name);
        t.truth.roles.put(name.clone(), role);
        done()
    }
}

impl OnTwin for PutRolePolicy {
    fn perform(self, t: &mut Twin, _: &str) -> Outcome {
        let name = &self.role_name;
        named(&self.policy_name, 128)?;
        let policy = document(&self.policy_document)?;
        let role = must(t.truth.roles.get(name), name, || refuse("NoSuchEntity", no_role(name)))?;
        if let Some(why) = role.inline_policies.silence() {
            return Err(unknown(&format!("the inline policies of {name}"), why));
        }
        if let Some(Role { inline_policies, .. }) = t.truth.roles.get_mut(name) {
            let mut policies = std::mem::take(inline_policies).known().cloned().unwrap_or_default();
            policies.insert(self.policy_name, policy);
            *inline_policies = Fact::Known(policies);
        }
        t.role_is_young(name);
        done()
    }
}

impl OnTwin for DeleteRolePolicy {
    fn perform(self, t: &mut Twin, _: &str) -> Outcome {
        let name = &self.role_name;
        let role = must(t.truth.roles.get(name), name, || refuse("NoSuchEntity", no_role(name)))?;
        let policies = must(role.inline_policies.as_ref(), "the role's inline policies", || {
            refuse("NoSuchEntity", "there are no inline policies")
        })?;
        if !policies.contains_key(&self.policy_name) {
            return Err(refuse(
                "NoSuchEntity",
                format!("The role policy with name {} cannot be found.", self.policy_name),
            ));
        }
        if let Some(Role { inline_policies: Fact::Known(policies), .. }) = t.truth.roles.get_mut(name) {
            policies.remove(&self.policy_name);
        }
        t.role_lags(name);
        done()
    }
}

impl OnTwin for DeleteRole {
    fn perform(self, t: &mut Twin, _: &str) -> Outcome {
        let name = &self.role_name;
        let role = must(t.truth.roles.get(name), name, || refuse("NoSuchEntity", no_role(name)))?;
        let (inline, attached) = (&role.inline_policies, &role.attached_policies);
        if let Some(why) = inline.silence().or(attached.silence()) {
            return Err(unknown(&format!("the policies of {name}"), why));
        }
        if inline.known().is_some_and(|p| !p.is_empty())
            || attached.known().is_some_and(|p| !p.is_empty())
            || t.seems_to_have_policies(name)
        {
            return Err(refuse(
                "DeleteConflict",
                "Cannot delete entity, must delete or detach policies first.",
            ));
        }
        take_away(&mut t.truth.roles, name);
        done()
    }
}
