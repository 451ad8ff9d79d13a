//! The kinds of plans: a closed set, so that a word that this program does not know is refused when a file is
//! read.

use serde::{Deserialize, Serialize};

/// The kind of a plan, which decides what it may contain and how it is made again before anything is called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlanKind {
    /// Changes that answer findings, as playbooks require.
    #[default]
    Plan,
    /// The undo of a run.
    Undo,
    /// The deletion of resources that earlier runs kept, once their time has passed.
    Prune,
    /// The recovery of resources that a lost run left down.
    Recover,
}

impl PlanKind {
    /// Returns the word for people and documents.
    pub fn word(self) -> &'static str {
        match self {
            PlanKind::Plan => "plan",
            PlanKind::Undo => "undo",
            PlanKind::Prune => "prune",
            PlanKind::Recover => "recover",
        }
    }

    /// Returns whether its changes restore an earlier state. Such a plan is made again whole, from its run or
    /// from the tags in the account, before anything is called.
    pub fn restores(self) -> bool {
        match self {
            PlanKind::Undo | PlanKind::Recover => true,
            PlanKind::Plan | PlanKind::Prune => false,
        }
    }
}
