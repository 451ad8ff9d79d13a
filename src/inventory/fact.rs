//! The state of knowledge about one fact. A fact that was denied or never asked for is neither "absent" nor
//! "fine"; this type keeps the four cases apart, and must not offer a way to mistake one for another.

use std::{fmt, ops::Deref};

use serde::{Deserialize, Serialize};

/// A fact about an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact<T> {
    /// Read, with this value.
    Known(T),
    /// Read, and it does not exist.
    Absent,
    /// Asked for, but not answered: denied, throttled out, not supported by the endpoint. The reason names
    /// the cause.
    Unknown(Reason),
    /// Outside of what was asked for.
    NotRead,
}

/// The reason why a fact is unknown: its text, and the class of the failed read.
///
/// The class decides what the failure means for those who need the fact now, so it is not saved: the JSON
/// form is the text alone. Credentials that had ended when an inventory was saved are no evidence about those
/// of today.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Reason {
    text: String,
    cause: Cause,
}

/// The class of a read that failed, as far as what happens next depends on it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Cause {
    /// The credentials have ended, are wrong, or could not be obtained: no read succeeds before they are
    /// renewed.
    Credentials,
    /// The caller may not read this: no repetition helps before somebody allows it.
    Denied,
    /// Anything else, which may pass.
    #[default]
    Other,
}

impl Reason {
    /// Creates a reason of a class.
    pub fn new(cause: Cause, text: impl Into<String>) -> Self {
        Self { text: text.into(), cause }
    }
    /// Returns the class of the failed read.
    pub fn cause(&self) -> Cause {
        self.cause
    }
}

impl Deref for Reason {
    type Target = str;
    fn deref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<String> for Reason {
    fn from(text: String) -> Self {
        Self::new(Cause::Other, text)
    }
}

impl From<&str> for Reason {
    fn from(text: &str) -> Self {
        Self::new(Cause::Other, text)
    }
}

impl From<Reason> for String {
    fn from(reason: Reason) -> Self {
        reason.text
    }
}

impl<T> Default for Fact<T> {
    /// Returns [`Fact::NotRead`]: nobody asked for the fact.
    fn default() -> Self {
        Fact::NotRead
    }
}

impl<T> Fact<T> {
    /// Returns the value if the fact is known.
    pub fn known(&self) -> Option<&T> {
        if let Fact::Known(value) = self { Some(value) } else { None }
    }
    /// Returns whether it was read and does not exist.
    pub fn is_absent(&self) -> bool {
        matches!(self, Fact::Absent)
    }
    /// Creates a fact that is unknown for this reason.
    pub fn unknown(reason: impl Into<Reason>) -> Self {
        Fact::Unknown(reason.into())
    }
    /// Returns the reason if the fact is unknown.
    pub fn reason(&self) -> Option<&Reason> {
        if let Fact::Unknown(reason) = self { Some(reason) } else { None }
    }
    /// Returns the class of the failed read if the fact is unknown.
    pub fn cause(&self) -> Option<Cause> {
        self.reason().map(Reason::cause)
    }
    /// Returns the reason why there is no answer: `None` for `Known` and `Absent`.
    pub fn silence(&self) -> Option<&str> {
        match self {
            Fact::Known(_) | Fact::Absent => None,
            Fact::Unknown(reason) => Some(reason),
            Fact::NotRead => Some("not read"),
        }
    }
    /// Borrows the value, and keeps the other cases.
    pub fn as_ref(&self) -> Fact<&T> {
        match self {
            Fact::Known(value) => Fact::Known(value),
            Fact::Absent => Fact::Absent,
            Fact::Unknown(reason) => Fact::Unknown(reason.clone()),
            Fact::NotRead => Fact::NotRead,
        }
    }
    /// Converts the value, and keeps the other cases.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Fact<U> {
        match self {
            Fact::Known(value) => Fact::Known(make(value)),
            Fact::Absent => Fact::Absent,
            Fact::Unknown(reason) => Fact::Unknown(reason),
            Fact::NotRead => Fact::NotRead,
        }
    }
}
