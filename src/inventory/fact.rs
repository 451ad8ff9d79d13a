//! What is known of one thing, honestly. A fact that was denied or never asked for is neither "absent" nor "fine";
//! this type keeps the four cases apart, and must not offer a way to mistake one for another.

use std::{fmt, ops::Deref};

use serde::{Deserialize, Serialize};

/// A fact about an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact<T> {
    /// Read, and this is it.
    Known(T),
    /// Read, and there is no such thing.
    Absent,
    /// Asked for, but not answered: denied, throttled out, not supported by the endpoint. The reason says which.
    Unknown(Reason),
    /// Outside of what was asked for.
    NotRead,
}

/// The reason why a fact is unknown: its text, and the class of the failed read.
///
/// The class says what the failure means for whoever needs the fact now, so it is not saved: the JSON form is the text
/// alone. Credentials that had ended when an inventory was saved say nothing about those of today.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Reason {
    text: String,
    cause: Cause,
}

/// The class of a read that failed, as far as what happens next depends on it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Cause {
    /// The credentials have ended, are wrong, or could not be had: no read succeeds before they are renewed.
    Credentials,
    /// The caller may not read this: no repetition helps before somebody allows it.
    Denied,
    /// Anything else, which may pass.
    #[default]
    Other,
}

impl Reason {
    /// A reason of a class.
    pub fn new(cause: Cause, text: impl Into<String>) -> Self {
        Self { text: text.into(), cause }
    }
    /// The class of the failed read.
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
    /// A fact that is unknown for a reason that may pass.
    pub fn unknown(reason: impl Into<Reason>) -> Self {
        Fact::Unknown(reason.into())
    }
    /// The reason where the fact is unknown.
    pub fn reason(&self) -> Option<&Reason> {
        if let Fact::Unknown(reason) = self { Some(reason) } else { None }
    }
    /// The class of the failed read where the fact is unknown.
    pub fn cause(&self) -> Option<Cause> {
        self.reason().map(Reason::cause)
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
