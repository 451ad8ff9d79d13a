//! The data that states what is to be read, handed to the reading seam. Nothing here reads.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

use super::{FamilyKind, Selector};
use crate::resource::region_in;

/// One question to the account: a kind, a region, and a choice of members.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Want {
    /// The region; empty for roles and buckets; for trails the region from which they are seen.
    pub region: String,
    /// The kind.
    pub family: FamilyKind,
    /// The choice of members.
    pub selector: Selector,
}

impl Want {
    /// Asks for all of a kind.
    pub fn all(region: &str, family: FamilyKind) -> Self {
        Self { region: region.to_owned(), family, selector: Selector::All }
    }
    /// Asks for the one with this id.
    pub fn id(region: &str, family: FamilyKind, id: impl Into<String>) -> Self {
        Self { region: region.to_owned(), family, selector: Selector::Id(id.into()) }
    }
    /// Asks for those that a filter picks.
    pub fn by(region: &str, family: FamilyKind, name: &str, value: impl Into<String>) -> Self {
        Self { region: region.to_owned(), family, selector: Selector::by(name, value) }
    }
    /// Asks for the key with this id, ARN or alias: in the region that its ARN names, else in this one.
    pub fn key(region: &str, key: impl Into<String>) -> Self {
        let key = key.into();
        Self::id(region_in(&key).unwrap_or(region), FamilyKind::Keys, &key)
    }
    /// Asks for the policy of a key, in the region of [`Self::key`].
    pub fn key_policy(region: &str, key: &str) -> Self {
        Self { family: FamilyKind::KeyPolicies, ..Self::key(region, key) }
    }
    /// Asks for the trails that can be seen from a region.
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

/// All wants that one reading is to answer.
pub type Scope = BTreeSet<Want>;
