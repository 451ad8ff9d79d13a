//! The input and output of actions, beside steps: options, proofs, guard notes. Data only.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::resource::ResourceId;

/// The options of the user that change the behaviour of actions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// The operator's own address, and its source (`--my-address`, `SSH_CONNECTION`).
    #[serde(default)]
    pub my_address: Option<(IpAddr, String)>,
    /// Lock-out guards are loosened (`--allow-lockout`).
    #[serde(default)]
    pub allow_lockout: bool,
    /// Resources that something else manages may be changed (`--include-managed`).
    #[serde(default)]
    pub include_managed: bool,
    /// The proposal is only compared with the calls of a change that is half done: the preconditions of these
    /// are checked directly before each of them, and where one does not hold, the change goes back. No flag
    /// and no file sets this.
    #[serde(skip)]
    pub half_done: bool,
}

/// The proof of a change: a check on a resource, with parameters. It holds when the result of the check is
/// `ok` or `retained`.
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

/// The result of a guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GuardResult {
    /// It found nothing against the change.
    Passed,
    /// It could not be asked.
    NotChecked,
    /// A flag or a parameter has loosened it.
    Loosened,
}

impl GuardResult {
    /// Returns the word for people and documents.
    pub fn word(self) -> &'static str {
        match self {
            GuardResult::Passed => "passed",
            GuardResult::NotChecked => "not-checked",
            GuardResult::Loosened => "loosened",
        }
    }
}

/// A guard that was asked, and its result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardNote {
    /// `lock-out`, `ownership`, `blast-radius`, ...
    pub guard: String,
    /// The result.
    pub result: GuardResult,
    /// The facts that were looked at.
    pub note: String,
}

/// Guards that are noted for the reader and decide nothing: AWS counts quotas itself before anything is taken
/// down, the checks of applications are in the steps where they are waited for, and credentials that could
/// not be read are denied with the others.
const ASIDE: [&str; 4] = ["storage-quota", "rule-quota", "application-status", UNREAD];

/// The guard that notes credentials of a user that could not be read.
pub const UNREAD: &str = "other-credentials";

impl GuardNote {
    /// Returns whether the change would be another one without the note: a plan is not made anew because what
    /// is only noted could be read this time, or could not.
    pub fn decides(&self) -> bool {
        !ASIDE.contains(&self.guard.as_str())
    }
    /// Notes a guard that found nothing against the change.
    pub fn passed(guard: &str, note: impl Into<String>) -> Self {
        Self { guard: guard.to_owned(), result: GuardResult::Passed, note: note.into() }
    }
    /// Notes a guard that could not be asked; shown as such.
    pub fn not_checked(guard: &str, note: impl Into<String>) -> Self {
        Self { guard: guard.to_owned(), result: GuardResult::NotChecked, note: note.into() }
    }
    /// Notes a guard that a flag or parameter has loosened.
    pub fn loosened(guard: &str, note: impl Into<String>) -> Self {
        Self { guard: guard.to_owned(), result: GuardResult::Loosened, note: note.into() }
    }
}

/// The beginning of the lines of an impact on what else lets the same traffic through. They are for the
/// reader: another change, or somebody, may close it meanwhile, and the change is the same one.
pub const RESIDUAL: &str = "residual: ";

/// A use of an action in a change, with its parameters as they were decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActionUse {
    /// The name of the action.
    #[serde(rename = "use")]
    pub action: String,
    /// All parameters of the action, defaults included.
    pub with: Value,
}
