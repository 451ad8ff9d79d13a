//! The checks on identities that a person names as compromised: nothing is left by which they can act. They
//! find nobody by themselves.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Check;
use crate::{
    finding::{Severity, Verdict},
    inventory::{AccessKey, Credential, Fact, FamilyKind, Inventory, Selector, Tags, User, Want},
    resource::{Kind, ResourceId},
};

/// The id of the check on users.
pub const USER: &str = "user-not-revoked";
/// Its parameter: the names of the users.
pub const USERS: &str = "users";
/// The id of the check on roles.
pub const ROLE: &str = "role-sessions-not-revoked";
/// Its parameter: the names of the roles.
pub const ROLES: &str = "roles";
/// Another one: the time before which sessions were issued that are denied.
pub const BEFORE: &str = "before";

/// The name of the inline policy that denies a user everything.
pub const QUARANTINE: &str = "redress-quarantine";
/// The name of the inline policy that denies older sessions of a role everything.
pub const OLDER_SESSIONS: &str = "redress-revoke-older-sessions";
/// The end of the ARN of AWS's policy that denies everything.
pub const DENY_ALL: &str = ":aws:policy/AWSDenyAll";

/// The checks of this family.
pub static CHECKS: &[Check] = &[
    Check {
        id: USER,
        title: "A user that is named as compromised can still act",
        why: "Somebody has asked for it: whoever has its credentials can use them until they are inactive, \
              and sessions that were made with them until everything is denied.",
        severity: Severity::Critical,
        kind: Kind::User,
        known_as: &[],
        triggers: &[],
        scanned: true,
        reads: |_| Vec::new(),
        reads_one: |inventory, resource, with| match names(with, USERS, resource) {
            true => of_user(resource.id()).into_iter().chain(groups(inventory, resource.id())).collect(),
            false => Vec::new(),
        },
        resources: |inventory, _| {
            inventory.users.known().map(|(name, _)| inventory.owner.user(name)).collect()
        },
        judge: judge_user,
        silence: |_, _| None,
        tags: |inventory, resource| {
            inventory.users.get(resource.id()).known().map_or_else(Tags::new, |user| user.tags.clone())
        },
    },
    Check {
        id: ROLE,
        title: "Older sessions of a role that is named as compromised can still act",
        why: "Somebody has asked for it: a session that was made with stolen credentials lives for hours, \
              whatever happens to these.",
        severity: Severity::Critical,
        kind: Kind::Role,
        known_as: &[],
        triggers: &[],
        scanned: true,
        reads: |_| Vec::new(),
        reads_one: |_, resource, with| match names(with, ROLES, resource) {
            true => vec![Want::id("", FamilyKind::Roles, resource.id())],
            false => Vec::new(),
        },
        resources: |inventory, _| {
            inventory.roles.known().map(|(name, _)| inventory.owner.role(name)).collect()
        },
        judge: judge_role,
        silence: |_, _| None,
        tags: |inventory, resource| {
            inventory.roles.get(resource.id()).known().map_or_else(Tags::new, |role| role.tags.clone())
        },
    },
];

/// Returns the facts that show whether a user can act.
pub fn of_user(name: &str) -> Vec<Want> {
    vec![
        Want::id("", FamilyKind::Users, name),
        Want::by("", FamilyKind::AccessKeys, AccessKey::USER, name),
        Want::id("", FamilyKind::UserCredentials, name),
    ]
}

/// Returns the groups of a user as facts to read, once the user is known.
pub fn groups(inventory: &Inventory, name: &str) -> Vec<Want> {
    let groups = inventory.users.get(name).known().and_then(|user| user.groups.known());
    groups.into_iter().flatten().map(|group| Want::id("", FamilyKind::IamGroups, group)).collect()
}

/// Returns the policy that denies everything.
pub fn deny_all() -> Value {
    json!({ "Version": "2012-10-17", "Statement": [
        { "Sid": "RedressQuarantine", "Effect": "Deny", "Action": "*", "Resource": "*" },
    ]})
}

/// Returns the policy that denies everything to sessions that were issued before a time
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html>).
pub fn deny_older(before: Timestamp) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [{ "Sid": "RedressRevokeOlderSessions", "Effect": "Deny",
        "Action": "*", "Resource": "*",
        "Condition": { "DateLessThan": { "aws:TokenIssueTime": before.to_string() } } }]})
}

/// Returns the time before which a policy denies sessions, if it is one of [`deny_older`].
pub fn denies_before(document: &Value) -> Option<Timestamp> {
    let time = document.pointer("/Statement/0/Condition/DateLessThan/aws:TokenIssueTime")?.as_str()?;
    time.parse().ok().filter(|time| deny_older(*time) == *document)
}

/// Returns whether everything is denied to a user, by a policy of its own or by one of a group that a person
/// has put it in. A group of which nothing is known denies nothing.
fn is_denied(
    inventory: &Inventory,
    user: &User,
    policies: &BTreeMap<String, Value>,
    attached: &[String],
) -> bool {
    let denies = |arn: &String| arn.ends_with(DENY_ALL);
    let by_group = |name: &String| {
        let Fact::Known(group) = inventory.iam_groups.get(name) else { return false };
        let inline =
            group.inline_policies.known().is_some_and(|all| all.values().any(|one| *one == deny_all()));
        inline || group.attached_policies.known().is_some_and(|all| all.iter().any(denies))
    };
    policies.get(QUARANTINE) == Some(&deny_all())
        || attached.iter().any(denies)
        || user.groups.known().is_some_and(|groups| groups.iter().any(by_group))
}

fn names(with: &Value, parameter: &str, resource: &ResourceId) -> bool {
    let all = with.get(parameter).and_then(Value::as_array);
    all.is_some_and(|all| all.iter().any(|name| name.as_str() == Some(resource.id())))
}

fn judge_user(inventory: &Inventory, resource: &ResourceId, with: &Value) -> Verdict {
    if !names(with, USERS, resource) {
        return Verdict::Ok(None);
    }
    match inventory.users.get(resource.id()) {
        Fact::Known(user) => of_known(inventory, user).unwrap_or_else(Verdict::Unknown),
        Fact::Absent => Verdict::Ok(Some("the user no longer exists".to_owned())),
        silent => Verdict::Unknown(format!("the user: {}", silent.silence().unwrap_or_default())),
    }
}

/// Judges a user. While not everything is denied to it, nothing else has to be known.
///
/// # Errors
/// The reason for which that is not possible.
fn of_known(inventory: &Inventory, user: &User) -> Result<Verdict, String> {
    let (mut open, mut unread) = (Vec::new(), Vec::new());
    let denied = denied(inventory, user)?;
    if !denied {
        open.push("its policies do not deny everything".to_owned());
    }
    match inventory.access_keys.select(&Selector::by(AccessKey::USER, user.id.as_str())) {
        Fact::Known(keys) => {
            for (id, key) in keys {
                match key.status.as_str() {
                    AccessKey::INACTIVE | "Expired" => {}
                    AccessKey::ACTIVE => open.push(format!("access key {id} is active")),
                    other => return Err(format!("the status of access key {id} is {other:?}")),
                }
            }
        }
        list => unread.push(silent("its access keys", list.silence())),
    }
    let mut lists = Vec::new();
    match inventory.user_credentials.get(&user.id) {
        Fact::Known(others) => lists.extend(others.lists()),
        others => unread.push(silent("its other credentials", others.silence())),
    }
    // A list that AWS did not give is denied with the rest; without the keys or any list nothing is known.
    let unknown = unread.join("; ");
    for (what, list) in lists {
        match list {
            Fact::Known(all) => open.extend(
                all.iter().filter(|one| is_active(one)).map(|one| format!("{what} {} is active", one.id)),
            ),
            list => unread.push(silent(&format!("{what}s"), list.silence())),
        }
    }
    Ok(match (open.is_empty(), unread.is_empty()) {
        (false, _) => Verdict::Violates(json!({ "user": user.id, "open": open })),
        (true, _) if !unknown.is_empty() => return Err(unknown),
        (true, true) => Verdict::Ok(None),
        (true, false) => Verdict::Ok(Some(format!(
            "everything is denied to it; what could not be read is denied with it: {}",
            unread.join("; ")
        ))),
    })
}

/// Returns whether everything is denied to a user.
///
/// # Errors
/// The reason for which that is not known.
pub fn denied(inventory: &Inventory, user: &User) -> Result<bool, String> {
    let inline = user.inline_policies.known();
    let inline = inline.ok_or_else(|| silent("its inline policies", user.inline_policies.silence()))?;
    let attached = user.attached_policies.known();
    let attached =
        attached.ok_or_else(|| silent("its attached policies", user.attached_policies.silence()))?;
    Ok(is_denied(inventory, user, inline, attached))
}

fn silent(what: &str, why: Option<&str>) -> String {
    format!("{what}: {}", why.unwrap_or("there is no answer"))
}

/// Returns whether a credential may be used; one whose status is not known may.
pub fn is_active(one: &Credential) -> bool {
    !["Inactive", "Expired"].contains(&one.status.as_str())
}

fn judge_role(inventory: &Inventory, resource: &ResourceId, with: &Value) -> Verdict {
    if !names(with, ROLES, resource) {
        return Verdict::Ok(None);
    }
    let Some(before) = with.get(BEFORE).and_then(Value::as_str).and_then(|time| time.parse().ok()) else {
        return Verdict::Unknown(format!("its parameter {BEFORE} is no time"));
    };
    let role = match inventory.roles.get(resource.id()) {
        Fact::Known(role) => role,
        Fact::Absent => return Verdict::Ok(Some("the role no longer exists".to_owned())),
        silent => return Verdict::Unknown(format!("the role: {}", silent.silence().unwrap_or_default())),
    };
    let Fact::Known(policies) = &role.inline_policies else {
        let why = role.inline_policies.silence().unwrap_or("there is no answer");
        return Verdict::Unknown(format!("its inline policies: {why}"));
    };
    match policies.get(OLDER_SESSIONS).and_then(denies_before) {
        Some(denied) if denied >= before => Verdict::Ok(None),
        _ => Verdict::Violates(json!({ "role": role.id, "sessions_issued_before": before.to_string() })),
    }
}
