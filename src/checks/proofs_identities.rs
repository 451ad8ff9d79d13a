//! Checks that prove changes of identities, and that no scan runs.

use serde_json::{Value, json};

use super::{Check, console};
use crate::{
    finding::{Severity, Verdict},
    inventory::{Fact, FamilyKind, Inventory, Tags, Want},
    resource::{Kind, ResourceId},
};

/// The id of the proof that a group requires MFA of its users.
pub const MFA_GROUP: &str = "mfa-group-as-planned";

/// The checks of this family.
pub static CHECKS: &[Check] = &[Check {
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
}];

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
