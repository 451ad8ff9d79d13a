//! The names of the actions of a change: a list, written as one word with `+` in plans, runs and reports.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The names of the actions of a change, in order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ActionNames(String);

impl ActionNames {
    /// Returns the list of several names.
    pub fn of<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        Self(names.into_iter().collect::<Vec<_>>().join("+"))
    }

    /// Returns the names, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split('+')
    }

    /// Returns the names as one word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ActionNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialEq<&str> for ActionNames {
    fn eq(&self, name: &&str) -> bool {
        self.0 == *name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_one_word_in_documents() {
        let names = ActionNames::of(["a", "b"]);
        assert_eq!(serde_json::to_value(&names).ok(), Some("a+b".into()));
        assert_eq!(names.iter().collect::<Vec<_>>(), ["a", "b"]);
        assert!(ActionNames::of(["a"]) == "a" && names != "a" && names == "a+b");
    }
}
