//! What is to be read: data handed to the reading seam. Nothing here reads.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

use super::{FamilyKind, Selector};

/// One thing to read: a kind, where, and which of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Want {
    /// Where; empty for roles and buckets; for trails the region from which they are looked at.
    pub region: String,
    /// The kind.
    pub family: FamilyKind,
    /// Which of them.
    pub selector: Selector,
}

impl Want {
    /// All of a kind.
    pub fn all(region: &str, family: FamilyKind) -> Self {
        Self { region: region.to_owned(), family, selector: Selector::All }
    }
    /// The one with this id.
    pub fn id(region: &str, family: FamilyKind, id: impl Into<String>) -> Self {
        Self { region: region.to_owned(), family, selector: Selector::Id(id.into()) }
    }
    /// Those that a filter picks.
    pub fn by(region: &str, family: FamilyKind, name: &str, value: impl Into<String>) -> Self {
        Self { region: region.to_owned(), family, selector: Selector::by(name, value) }
    }
    /// The trails that can be seen from a region.
    pub fn trails(region: &str) -> Self {
        Self::by(region, FamilyKind::Trails, "region", region)
    }
}

impl fmt::Display for Want {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let family = self.family.word();
        let place = if self.region.is_empty() { "global" } else { &self.region };
        write!(f, "{place}/{family}/{}", self.selector.key())
    }
}

/// Everything that one reading is to answer.
pub type Scope = BTreeSet<Want>;
