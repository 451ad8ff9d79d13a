//! Checks that prove changes of identities, and that no scan runs.

use serde_json::{Value, json};

use super::{Check, LATER, console, revoked};
use crate::{
    finding::{Severity, Verdict},
    inventory::{Fact, FamilyKind, Inventory, Simulation, Tags, Want},
    resource::{Kind, ResourceId},
};

/// The id of the proof that a group requires MFA of its users.
pub const MFA_GROUP: &str = "mfa-group-as-planned";

/// The id of the proof that everything is denied to a user.
pub const DENIED: &str = "user-denied-as-planned";

/// The id of the proof that a role may still do what it does.
pub const STILL_ALLOWED: &str = "role-still-allowed";
/// Its parameter: the actions.
pub const ACTIONS: &str = "actions";

/// The checks of this family.
pub static CHECKS: &[Check] = &[
    Check {
        id: MFA_GROUP,
        title: "A group does not require MFA of its users",
        why: "Users who are put in it could go on without MFA.",
        severity: Severity::Medium,
        kind: Kind::Group,
        known_as: &[],
        triggers: &[],
        scanned: false,
        reads: |_| Vec::new(),
        reads_one: |_, resource, _| vec![Want::id("", FamilyKind::IamGroups, resource.id())],
        resources: |_, _| Vec::new(),
        judge: |inventory, resource, _: &Value| requires(inventory, resource),
        silence: |_, _| None,
        tags: |_, _| Tags::new(),
    },
    Check {
        id: DENIED,
        title: "Not everything is denied to a user",
        why: "Whoever has its credentials, or a session that was made with them, could go on.",
        severity: Severity::Critical,
        kind: Kind::User,
        known_as: &[],
        triggers: &[],
        scanned: false,
        reads: |_| Vec::new(),
        reads_one: |inventory, resource, _| {
            let user = Want::id("", FamilyKind::Users, resource.id());
            std::iter::once(user).chain(revoked::groups(inventory, resource.id())).collect()
        },
        resources: |_, _| Vec::new(),
        judge: |inventory, resource, _: &Value| is_denied(inventory, resource),
        silence: |_, _| None,
        tags: |_, _| Tags::new(),
    },
    Check {
        id: STILL_ALLOWED,
        title: "A role may not do what it was seen to do before its policies allowed less",
        why: "What the role is for would fail.",
        severity: Severity::Medium,
        kind: Kind::Role,
        known_as: &[],
        triggers: &[],
        scanned: false,
        reads: |_| Vec::new(),
        reads_one: |inventory, resource, with| {
            let role = Want::id("", FamilyKind::Roles, resource.id());
            std::iter::once(role).chain(simulated(inventory, resource.id(), actions(with))).collect()
        },
        resources: |_, _| Vec::new(),
        judge: may_still,
        silence: |_, _| None,
        tags: |_, _| Tags::new(),
    },
];

fn actions(with: &Value) -> impl Iterator<Item = &str> {
    with.get(ACTIONS).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// Returns the simulations of actions of a role as facts to read, once the role is known.
pub fn simulated<'a>(inventory: &Inventory, role: &str, actions: impl Iterator<Item = &'a str>) -> Vec<Want> {
    let Fact::Known(role) = inventory.roles.get(role) else { return Vec::new() };
    actions.map(|action| Want::id("", FamilyKind::Simulations, Simulation::of(&role.arn, action))).collect()
}

/// Judges whether IAM would allow actions of a role. Later than at the end of the run others may have changed
/// what the role may do, which is not for the change to prove.
fn may_still(inventory: &Inventory, resource: &ResourceId, with: &Value) -> Verdict {
    if with.get(LATER).is_some() {
        return Verdict::Ok(None);
    }
    let role = match inventory.roles.get(resource.id()) {
        Fact::Known(role) => role,
        Fact::Absent => return Verdict::Ok(Some("the role no longer exists".to_owned())),
        silent => return Verdict::Unknown(format!("the role: {}", silent.silence().unwrap_or_default())),
    };
    let mut lost = Vec::new();
    for action in actions(with) {
        match inventory.simulations.get(&Simulation::of(&role.arn, action)) {
            Fact::Known(found) if found.decision == Simulation::ALLOWED => {}
            Fact::Known(found) => lost.push(json!({ "action": action, "decision": found.decision })),
            silent => {
                let why = silent.silence().unwrap_or("there is no answer");
                return Verdict::Unknown(format!("whether {action} is allowed: {why}"));
            }
        }
    }
    if lost.is_empty() {
        Verdict::Ok(None)
    } else {
        Verdict::Violates(json!({ "role": role.id, "lost": lost }))
    }
}

fn is_denied(inventory: &Inventory, resource: &ResourceId) -> Verdict {
    match inventory.users.get(resource.id()) {
        Fact::Known(user) => match revoked::denied(inventory, user) {
            Ok(true) => Verdict::Ok(None),
            Ok(false) => Verdict::Violates(json!({ "user": resource.id() })),
            Err(why) => Verdict::Unknown(why),
        },
        Fact::Absent => Verdict::Ok(Some("the user no longer exists".to_owned())),
        silent => Verdict::Unknown(format!("the user: {}", silent.silence().unwrap_or_default())),
    }
}

fn requires(inventory: &Inventory, resource: &ResourceId) -> Verdict {
    match console::requires(inventory, resource.id()) {
        Fact::Known(true) => Verdict::Ok(None),
        Fact::Known(false) | Fact::Absent => Verdict::Violates(json!({ "group": resource.id() })),
        silent => Verdict::Unknown(format!(
            "the policies of group {}: {}",
            resource.id(),
            silent.silence().unwrap_or_default()
        )),
    }
}
