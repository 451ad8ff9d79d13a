//! Playbooks: the findings they match, the actions with their parameters, the guards and the approval. TOML
//! in, plain data out, with errors that point at the place in the user's file. Pure: reading files is the
//! command line's.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::{actions::ActionUse, finding::Severity};

mod actions;
pub mod assemble;
pub mod bounds;
pub mod keys;
pub mod load;
pub mod matching;
pub mod problem;
mod read;
pub mod schema;
mod sections;
pub mod set;
pub mod sets;
pub mod vocabulary;
pub mod waivers;
mod with;

#[cfg(test)]
mod tests;

pub use assemble::{assemble, builtin, check_parameters, own_parameters};
pub use load::parse;
pub use problem::Problem;
pub use set::{allow_cidrs, override_parameter};
pub use sets::Set;
pub use waivers::Waivers;

/// A playbook.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Playbook {
    /// Its id, unique among all that are loaded; a user's playbook with the id of a built-in one replaces it.
    pub id: String,
    /// The purpose, in one line.
    pub title: String,
    /// The checks whose findings it answers.
    pub finding: Vec<String>,
    /// Parameters of the checks (`[check]`): `{}` for none.
    pub check: Value,
    /// The conditions on those findings (`[match]`).
    pub matching: Match,
    /// The actions (`[[action]]`), in order; together they are one change.
    pub actions: Vec<ActionUse>,
    /// The limits that keep it from doing too much (`[guard]`).
    pub guard: Guard,
    /// The kind of approval that its changes need.
    pub approve: Approve,
    /// The sets that it belongs to.
    pub sets: Vec<Set>,
    /// The file it was read from, for messages; `built-in:NAME` for the embedded ones.
    pub source: String,
    /// SHA-256 over its text.
    pub digest: String,
}

/// The conditions on the findings that a playbook answers; all that are given must hold.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Match {
    /// The lowest severity.
    pub severity: Option<Severity>,
    /// The regions, as patterns (`*` and `?` as in a shell).
    pub regions: Vec<String>,
    /// Tags that the resource must have; a value may be a pattern.
    pub tags: BTreeMap<String, String>,
    /// Tags that the resource must not have.
    pub without_tags: BTreeMap<String, String>,
    /// Patterns over the ARN or id, one of which must fit.
    pub resources: Vec<String>,
}

/// The limits of a playbook.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Guard {
    /// The largest number of changes (default 50).
    pub max_changes: usize,
    /// The largest share of the resources of the kind, in percent (default 25), where more than 40 of it were
    /// read.
    pub max_percent: u8,
    /// Protected tags: resources with one of them are left alone. `Key` or `Key=pattern`.
    pub protected_tags: Vec<String>,
}

impl Default for Guard {
    fn default() -> Self {
        Self { max_changes: 50, max_percent: 25, protected_tags: Vec::new() }
    }
}

/// The kind of approval that a change needs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Approve {
    /// Approval by a person, or by `--auto-approve`.
    #[default]
    Ask,
    /// No approval.
    Auto,
    /// The change is reported and never made.
    Never,
}
