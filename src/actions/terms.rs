//! What actions are told and what they answer with, beside steps: options, proofs, guard notes. Data only.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::resource::ResourceId;

/// What the user asked for that changes what actions do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// The operator's own address, and where it is known from (`--my-address`, `SSH_CONNECTION`).
    #[serde(default)]
    pub my_address: Option<(IpAddr, String)>,
    /// Whether lock-out guards are loosened (`--allow-lockout`).
    #[serde(default)]
    pub allow_lockout: bool,
    /// Whether resources that something else manages may be changed (`--include-managed`).
    #[serde(default)]
    pub include_managed: bool,
}

/// What proves a change: a check on a resource, with parameters. It holds when the check says `ok` or `retained`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    /// The check's id.
    pub check: String,
    /// The resource.
    pub resource: ResourceId,
    /// The check's parameters; null for none.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub with: Value,
}

/// A guard that was asked, and what it found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardNote {
    /// `lock-out`, `ownership`, `blast-radius`, ...
    pub guard: String,
    /// `passed`, `not-checked` or `loosened`.
    pub result: String,
    /// What was looked at.
    pub note: String,
}

impl GuardNote {
    /// A guard that found nothing against the change.
    pub fn passed(guard: &str, note: impl Into<String>) -> Self {
        Self { guard: guard.to_owned(), result: "passed".to_owned(), note: note.into() }
    }
    /// A guard that could not be asked; shown so.
    pub fn not_checked(guard: &str, note: impl Into<String>) -> Self {
        Self { guard: guard.to_owned(), result: "not-checked".to_owned(), note: note.into() }
    }
    /// A guard that a flag or parameter has loosened.
    pub fn loosened(guard: &str, note: impl Into<String>) -> Self {
        Self { guard: guard.to_owned(), result: "loosened".to_owned(), note: note.into() }
    }
}

/// One use of an action in a change, with its parameters as they were decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActionUse {
    /// The action's name.
    #[serde(rename = "use")]
    pub action: String,
    /// Its parameters, all of them, defaults included.
    pub with: Value,
}
