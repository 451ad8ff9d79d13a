//! Policies of redress's own by which everything is denied to a user, or to older sessions of a role. Only
//! a policy of its own name, and with its own content, is ever set or deleted. Pure.

use serde_json::Value;

use super::Way;
use crate::{
    calls::Call,
    checks::revoked::{DENY_ALL, OLDER_SESSIONS, QUARANTINE, denies_before, deny_all},
    plan::Change,
};

fn text<'c>(call: &'c Call, member: &str) -> &'c str {
    call.input.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// The calls, each with the member that names the policy, and the end of that name.
const CALLS: [(&str, &str, &str); 6] = [
    ("PutUserPolicy", "PolicyName", QUARANTINE),
    ("DeleteUserPolicy", "PolicyName", QUARANTINE),
    ("AttachUserPolicy", "PolicyArn", DENY_ALL),
    ("DetachUserPolicy", "PolicyArn", DENY_ALL),
    ("PutRolePolicy", "PolicyName", OLDER_SESSIONS),
    ("DeleteRolePolicy", "PolicyName", OLDER_SESSIONS),
];

/// Returns whether a call sets or deletes one of these policies.
pub(super) fn is_about(call: &Call) -> bool {
    CALLS.iter().any(|(operation, member, name)| {
        let named = text(call, member);
        // The name itself, or an ARN with an account before it.
        call.operation == *operation && (named == *name || name.starts_with(':') && named.ends_with(name))
    })
}

/// Accepts a denial that is set, and on the way back one that is taken off, which only the files vouch for.
pub(super) fn borne_out(change: &Change, way: Way, call: &Call) -> Option<Option<String>> {
    let document = serde_json::from_str::<Value>(text(call, "PolicyDocument")).unwrap_or_default();
    let ours = document == deny_all() || denies_before(&document).is_some();
    let (sets, attaches) = (call.operation.starts_with("Put"), call.operation.starts_with("Attach"));
    let freed = || Some(format!("what is denied to {} is allowed again", change.resource.id()));
    match way {
        Way::Forth => (sets && ours || attaches).then_some(None),
        Way::Back => (!attaches && (!sets || ours)).then(freed),
    }
}
