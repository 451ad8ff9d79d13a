//! Versions of the policies of a role: which a run may put in force or delete. No tag shows which version is
//! a run's, so that the policy must be of the role of the change, and a version that goes must be one
//! that allows less than another, and no older than the run. Pure.

use serde_json::Value;

use super::{Way, credentials::since_run};
use crate::{
    calls::{Act, Call},
    inventory::{Fact, FamilyKind, Inventory, PolicyVersions},
    plan::Change,
    resource::Kind,
    services::policy::{CreatePolicyVersion, DeletePolicyVersion, SetDefaultPolicyVersion},
};

/// Returns whether a call is about a version of a policy.
pub(super) fn is_about(call: &Call) -> bool {
    call.is::<CreatePolicyVersion>()
        || call.is::<SetDefaultPolicyVersion>()
        || call.is::<DeletePolicyVersion>()
}

/// Returns whether a policy is of the role of a change, whoever else has it by now.
pub(super) fn is_of_role(change: &Change, facts: &Inventory, family: FamilyKind, id: &str) -> bool {
    let own = format!("role/{}", change.resource.id());
    family == FamilyKind::PolicyVersions
        && change.resource.kind() == Kind::Role
        && facts.policy_versions.get(id).known().is_some_and(|policy| policy.holders.contains(&own))
}

/// Returns the version that a call deletes: the one that it names, or the one in force where the act before
/// it looks that up.
fn deleted<'p>(policy: &'p PolicyVersions, call: &Call) -> Option<&'p str> {
    match call.input.get("VersionId")? {
        Value::String(named) => policy.versions.get_key_value(named).map(|(name, _)| name.as_str()),
        _ => Some(&policy.default_version),
    }
}

/// Judges a call that is not what the action does today. Returns the claim for which only the files of the
/// run vouch.
pub(super) fn borne_out(
    change: &Change,
    facts: &Inventory,
    run: &str,
    (way, act): (Way, &Act),
) -> Option<Option<String>> {
    let call = &act.call;
    let text = |member: &str| call.input.get(member).and_then(Value::as_str).unwrap_or_default();
    let Fact::Known(policy) = facts.policy_versions.get(text("PolicyArn")) else { return None };
    let name = policy.id.rsplit('/').next().unwrap_or(&policy.id);
    if call.is::<CreatePolicyVersion>() {
        // It is in force already.
        let document = serde_json::from_str::<Value>(text("PolicyDocument")).ok()?;
        return (document == policy.document).then_some(None);
    }
    if way != Way::Back {
        return None;
    }
    if call.is::<SetDefaultPolicyVersion>() {
        let version = text("VersionId");
        return match policy.versions.get(version) {
            _ if policy.default_version == version => Some(None),
            Some(former) if is_narrower(&policy.document, &former.document) => Some(Some(format!(
                "version {version} of policy {name} is in force again, which allows more, for {}",
                policy.holders.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
            ))),
            _ => None,
        };
    }
    let Some(version) = deleted(policy, call) else { return Some(None) };
    let gone = policy.versions.get(version)?;
    let made_for = change.steps.iter().any(|step| {
        let document = step.act.call.input.get("PolicyDocument").and_then(Value::as_str);
        document.and_then(|text| serde_json::from_str::<Value>(text).ok()).as_ref() == Some(&gone.document)
    });
    let wider = |(other, one): (&String, &crate::inventory::PolicyVersion)| {
        other.as_str() != version && is_narrower(&gone.document, &one.document)
    };
    let ours = since_run(gone.created.known(), run) && policy.versions.iter().any(wider);
    (ours && (made_for || change.uses.is_empty())).then_some(None)
}

/// Returns whether a policy can be another one without some actions of it: the statements that stay are as
/// they were but for entries of their lists.
fn is_narrower(less: &Value, more: &Value) -> bool {
    let list = |policy: &Value| match policy.get("Statement") {
        Some(Value::Array(all)) => all.clone(),
        Some(one) => vec![one.clone()],
        None => Vec::new(),
    };
    let (less, more) = (list(less), list(more));
    let mut rest = more.iter();
    less != more && less.iter().all(|one| rest.any(|other| is_part(one, other)))
}

/// Returns whether a statement is another one, or that one with fewer actions.
fn is_part(one: &Value, other: &Value) -> bool {
    let without = |statement: &Value| {
        let mut statement = statement.clone();
        if let Some(members) = statement.as_object_mut() {
            members.shift_remove("Action");
        }
        statement
    };
    let allows = |statement: &Value| statement.get("Effect").is_some_and(|effect| effect == "Allow");
    one == other || allows(one) && allows(other) && without(one) == without(other)
}

#[cfg(test)]
mod tests;
