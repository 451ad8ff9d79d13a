//! The words that a playbook may use for things outside of it: the checks that a scan runs, and the known
//! actions. Tests bring words of their own.

use crate::{
    actions::{self, Action},
    checks,
};

/// A set of known checks and actions.
pub struct Vocabulary {
    /// The ids of checks.
    pub checks: Vec<&'static str>,
    /// The actions.
    pub actions: Vec<&'static dyn Action>,
}

impl Vocabulary {
    /// Returns everything that this program knows. Checks that only prove changes are never findings, and so
    /// are left out.
    pub fn all() -> Self {
        Self {
            checks: checks::all().filter(|c| c.scanned).map(|c| c.id).collect(),
            actions: actions::all().to_vec(),
        }
    }

    /// Returns the action with this name.
    pub fn action(&self, name: &str) -> Option<&'static dyn Action> {
        self.actions.iter().copied().find(|a| a.name() == name)
    }

    /// Returns the names of the actions that a playbook can use: those that answer some check.
    pub fn usable(&self) -> Vec<&'static str> {
        self.actions.iter().filter(|a| !a.answers().is_empty()).map(|a| a.name()).collect()
    }
}
