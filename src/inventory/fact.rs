//! What is known of one thing, honestly. A fact that was denied or never asked for is neither "absent" nor "fine";
//! this type keeps the four cases apart, and must not offer a way to mistake one for another.

use serde::{Deserialize, Serialize};

/// A fact about an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact<T> {
    /// Read, and this is it.
    Known(T),
    /// Read, and there is no such thing.
    Absent,
    /// Asked for, but not answered: denied, throttled out, not supported by the endpoint. The text says which.
    Unknown(String),
    /// Outside of what was asked for.
    NotRead,
}

impl<T> Default for Fact<T> {
    /// What nobody asked for is not read.
    fn default() -> Self {
        Fact::NotRead
    }
}

impl<T> Fact<T> {
    /// The value where it is known.
    pub fn known(&self) -> Option<&T> {
        if let Fact::Known(value) = self { Some(value) } else { None }
    }
    /// Whether it was read and is not there.
    pub fn is_absent(&self) -> bool {
        matches!(self, Fact::Absent)
    }
    /// Why nothing can be said: `None` for `Known` and `Absent`.
    pub fn silence(&self) -> Option<&str> {
        match self {
            Fact::Known(_) | Fact::Absent => None,
            Fact::Unknown(reason) => Some(reason),
            Fact::NotRead => Some("not read"),
        }
    }
    /// The same fact about a borrowed value.
    pub fn as_ref(&self) -> Fact<&T> {
        match self {
            Fact::Known(value) => Fact::Known(value),
            Fact::Absent => Fact::Absent,
            Fact::Unknown(reason) => Fact::Unknown(reason.clone()),
            Fact::NotRead => Fact::NotRead,
        }
    }
    /// The same fact about something made of the value.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Fact<U> {
        match self {
            Fact::Known(value) => Fact::Known(make(value)),
            Fact::Absent => Fact::Absent,
            Fact::Unknown(reason) => Fact::Unknown(reason),
            Fact::NotRead => Fact::NotRead,
        }
    }
}
