//! Playbooks: which findings, which actions with which parameters, under which guards and approval. TOML in, plain data
//! out, with errors that point at the place in the user's file. Pure: reading files is the command line's.

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
pub mod vocabulary;
mod with;

#[cfg(test)]
mod tests;

pub use assemble::check_parameters;
pub use load::{allow_cidrs, assemble, builtin, override_parameter, parse};
pub use problem::Problem;

/// One playbook.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Playbook {
    /// Its id, unique among all that are loaded; a user's playbook with the id of a built-in one takes its place.
    pub id: String,
    /// What it sets right, in one line.
    pub title: String,
    /// The checks whose findings it answers.
    pub finding: Vec<String>,
    /// Parameters of the checks (`[check]`): `{}` for none.
    pub check: Value,
    /// Which of those findings (`[match]`).
    pub matching: Match,
    /// What is done (`[[action]]`), in order; together they are one change.
    pub actions: Vec<ActionUse>,
    /// What keeps it from doing too much (`[guard]`).
    pub guard: Guard,
    /// Who must say yes.
    pub approve: Approve,
    /// The file it was read from, for messages; `built-in:NAME` for the embedded ones.
    pub source: String,
    /// SHA-256 over its text.
    pub digest: String,
}

/// Which findings a playbook answers; all that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Match {
    /// At least this grave.
    pub severity: Option<Severity>,
    /// Only in these regions (`*` and `?` as in shell patterns).
    pub regions: Vec<String>,
    /// Tags the resource must have; a value may be a pattern.
    pub tags: BTreeMap<String, String>,
    /// Tags that it must not have.
    pub without_tags: BTreeMap<String, String>,
    /// Patterns over the ARN or id, one of which must fit.
    pub resources: Vec<String>,
}

/// Limits of a playbook.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Guard {
    /// At most so many changes (default 50).
    pub max_changes: usize,
    /// At most so many percent of the resources of the kind (default 25), where more than 40 of it were read.
    pub max_percent: u8,
    /// Resources with one of these tags are left alone: `Key` or `Key=pattern`.
    pub protected_tags: Vec<String>,
}

impl Default for Guard {
    fn default() -> Self {
        Self { max_changes: 50, max_percent: 25, protected_tags: Vec::new() }
    }
}

/// Who must say yes to a change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Approve {
    /// A person, or `--auto-approve`.
    #[default]
    Ask,
    /// Nobody.
    Auto,
    /// It is reported and never done.
    Never,
}
