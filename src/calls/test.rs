//! The tests that a condition puts a value to, as data.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A test of a value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Test {
    /// It exists.
    Exists,
    /// It does not exist.
    Gone,
    /// It has this value.
    Is(Value),
    /// It has another value than this one, or none.
    Unlike(Value),
    /// It is a time, and earlier than this one.
    Earlier(Timestamp),
    /// It is one of `good`. One of `never` means that it never will be.
    OneOf {
        /// Values that pass.
        good: Vec<Value>,
        /// Values that mean failure.
        never: Vec<Value>,
        /// Values that mean failure too, once so much time has passed that they are not left from before the
        /// call.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        late: Vec<Value>,
    },
    /// The family has no resource that this filter picks, with the id as its value: no network interface has
    /// a group by `group-id`.
    NoneBy(String),
    /// The family has no resource that this filter picks, with the id as its value, beside these.
    OnlyBy {
        /// The filter.
        filter: String,
        /// The ids of the resources that it may pick.
        these: Vec<String>,
    },
}

impl Test {
    /// Returns the filter of a test of a listing, with the ids that it may pick.
    pub(super) fn listing(&self) -> Option<(&str, &[String])> {
        match self {
            Test::NoneBy(filter) => Some((filter, &[])),
            Test::OnlyBy { filter, these } => Some((filter, these)),
            Test::Exists
            | Test::Gone
            | Test::Is(_)
            | Test::Unlike(_)
            | Test::Earlier(_)
            | Test::OneOf { .. } => None,
        }
    }

    /// Returns whether the test is one of a listing.
    pub fn lists(&self) -> bool {
        self.listing().is_some()
    }
}
