//! Checks that prove changes of identities, and that no scan runs.

use serde_json::{Value, json};

use super::{Check, console, revoked};
use crate::{
    finding::{Severity, Verdict},
    inventory::{Fact, FamilyKind, Inventory, Tags, Want},
    resource::{Kind, ResourceId},
};

/// The id of the proof that a group requires MFA of its users.
pub const MFA_GROUP: &str = "mfa-group-as-planned";

/// The id of the proof that everything is denied to a user.
pub const DENIED: &str = "user-denied-as-planned";

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
];

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
