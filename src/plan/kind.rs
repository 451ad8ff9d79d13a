//! The kinds of plans: a closed set, so that a word that this program does not know is refused when a file is read.

use serde::{Deserialize, Serialize};

/// The kind of a plan, which decides what may stand in it and how it is made again before anything is called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlanKind {
    /// Answers findings, as playbooks say.
    #[default]
    Plan,
    /// Takes a run back.
    Undo,
    /// Deletes what earlier runs kept, once its time has passed.
    Prune,
    /// Brings back up what a lost run left down.
    Recover,
}

impl PlanKind {
    /// The word for people and documents.
    pub fn word(self) -> &'static str {
        match self {
            PlanKind::Plan => "plan",
            PlanKind::Undo => "undo",
            PlanKind::Prune => "prune",
            PlanKind::Recover => "recover",
        }
    }

    /// Whether its changes bring back what was there before. Such a plan is made again whole, from its run or from the
    /// tags in the account, before anything is called.
    pub fn restores(self) -> bool {
        match self {
            PlanKind::Undo | PlanKind::Recover => true,
            PlanKind::Plan | PlanKind::Prune => false,
        }
    }
}
