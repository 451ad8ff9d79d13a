//! Policies and groups of IAM users, which no tag shows to be a run's: what a call sets is borne out by the
//! text that redress writes, and by nothing in a file. Pure.

use serde_json::Value;

use super::Way;
use crate::{
    calls::Call,
    checks::console::{policies, requires},
    inventory::{Fact, FamilyKind, Inventory},
    plan::Change,
    services::sign_in::{
        AddUserToGroup, CreateGroup, DeleteLoginProfile, DeleteUserPolicy, PutGroupPolicy, PutUserPolicy,
        RemoveUserFromGroup,
    },
};

/// Returns whether a call is about what a user may do, and not about the user itself.
pub(super) fn is_about(call: &Call) -> bool {
    call.is::<PutUserPolicy>()
        || call.is::<DeleteUserPolicy>()
        || call.is::<DeleteLoginProfile>()
        || call.is::<AddUserToGroup>()
        || call.is::<RemoveUserFromGroup>()
        || call.is::<CreateGroup>()
        || call.is::<PutGroupPolicy>()
}

/// Returns whether a group does not exist, or has no policies, or none but the one that requires MFA.
fn is_free(facts: &Inventory, group: &str) -> bool {
    match facts.iam_groups.get(group) {
        Fact::Absent => true,
        Fact::Known(found) => {
            let required = policies::mfa_required(&facts.owner);
            found.inline_policies.known().is_some_and(|all| all.values().all(|one| *one == required))
                && found.attached_policies.known().is_some_and(Vec::is_empty)
        }
        Fact::Unknown(_) | Fact::NotRead => false,
    }
}

/// Accepts the calls that make the group of a change, and the one policy that it gets.
fn makes_group(change: &Change, facts: &Inventory, call: &Call) -> bool {
    let text = |member: &str| call.input.get(member).and_then(Value::as_str).unwrap_or_default();
    let group = text("GroupName");
    let policy = || serde_json::from_str::<Value>(text("PolicyDocument")).ok();
    let is_ours = call.is::<CreateGroup>()
        || text("PolicyName") == policies::REQUIRED && policy() == Some(policies::mfa_required(&facts.owner));
    group == change.resource.id() && is_ours && is_free(facts, group)
}

/// Returns whether a thing is the group that a call puts a user in, or takes it out of: one whose policy
/// requires MFA.
pub(super) fn is_group(facts: &Inventory, family: FamilyKind, id: &str) -> bool {
    family == FamilyKind::IamGroups && requires(facts, id) == Fact::Known(true)
}

/// Accepts what sets exactly what redress sets of the user of a change: its own denial, or the group that
/// requires MFA. On the way back these go, which opens something: the claim for which only the files vouch. A
/// password that is there is deleted only where the action deletes it today.
pub(super) fn borne_out(change: &Change, facts: &Inventory, way: Way, call: &Call) -> Option<Option<String>> {
    let text = |member: &str| call.input.get(member).and_then(Value::as_str).unwrap_or_default();
    if call.is::<CreateGroup>() || call.is::<PutGroupPolicy>() {
        return makes_group(change, facts, call).then_some(None);
    }
    let user = text("UserName");
    if user != change.resource.id() {
        return None;
    }
    if call.is::<PutUserPolicy>() {
        let is_ours =
            serde_json::from_str::<Value>(text("PolicyDocument")).is_ok_and(|is| is == policies::denial());
        return (is_ours && text("PolicyName") == policies::DENIAL).then_some(None);
    }
    let opens = |what: String| (way == Way::Back).then_some(Some(what));
    if call.is::<DeleteUserPolicy>() {
        let is_ours = text("PolicyName") == policies::DENIAL;
        return opens(format!("user {user} is denied nothing in the console any more")).filter(|_| is_ours);
    }
    if call.is::<DeleteLoginProfile>() {
        return facts.login_profiles.get(user).is_absent().then_some(None);
    }
    let group = text("GroupName");
    if !is_group(facts, FamilyKind::IamGroups, group) {
        return None;
    }
    if call.is::<AddUserToGroup>() {
        return Some(None);
    }
    opens(format!("user {user} is taken out of group {group}, which requires MFA"))
}
