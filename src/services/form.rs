//! The two forms of an operation's input: the planned form, whose members may refer to values that are known
//! only when the call is made, and the sent form, which contains no references. A member of type
//! `F::Of<String>` may be a reference in a plan; all others are literal in both.

use std::fmt::Debug;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Data that an input can contain.
pub trait Plain: Clone + Debug + PartialEq + Serialize + DeserializeOwned {}

impl<T: Clone + Debug + PartialEq + Serialize + DeserializeOwned> Plain for T {}

/// A form of an input.
pub trait Form: Clone + Debug + PartialEq {
    /// A member that may be a reference in a plan.
    type Of<T: Plain>: Plain;
}

/// The form that is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent;

impl Form for Sent {
    type Of<T: Plain> = T;
}

/// The form of plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned;

impl Form for Planned {
    type Of<T: Plain> = Ref<T>;
}

/// A value, or a reference to one (`calls::reference`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Ref<T> {
    /// The value itself.
    Literal(T),
    /// An object with one key that begins with `$`.
    To(Value),
}

impl From<&str> for Ref<String> {
    fn from(text: &str) -> Self {
        Ref::Literal(text.to_owned())
    }
}

impl From<String> for Ref<String> {
    fn from(text: String) -> Self {
        Ref::Literal(text)
    }
}

impl From<Value> for Ref<String> {
    fn from(value: Value) -> Self {
        match value {
            Value::String(text) => Ref::Literal(text),
            reference => Ref::To(reference),
        }
    }
}

impl From<Vec<String>> for Ref<Vec<String>> {
    fn from(ids: Vec<String>) -> Self {
        Ref::Literal(ids)
    }
}

impl From<Value> for Ref<Vec<String>> {
    fn from(value: Value) -> Self {
        Ref::To(value)
    }
}
