//! Waivers: decisions of people that findings stay as they are until a day, in a file beside the playbooks. A
//! waiver sets a violation aside and nothing else: what is unknown stays unknown, and one that has expired,
//! or that matches nothing, is reported. Pure.

mod apply;
mod read;

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use self::apply::OfCheck;
pub use self::{
    apply::{Lapsed, Scanned},
    read::parse,
};
use super::keys::Section;

/// The name of the file beside the playbooks.
pub const FILE: &str = "waivers.toml";

/// A waiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiver {
    /// The id of the check.
    pub check: String,
    /// The pattern of the ARN or the id of the resource: `*` is anything, `?` is one character.
    pub resource: String,
    /// The reason.
    pub reason: String,
    /// The person who decided.
    pub who: String,
    /// The last day on which it holds, in UTC.
    pub until: Date,
    /// The place of it, as `file:line`.
    pub place: String,
}

/// The waivers of a file, in its order, with an index by their checks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waivers {
    all: Vec<Waiver>,
    by_check: BTreeMap<String, OfCheck>,
}

/// The keys of a waiver.
pub static SECTION: Section = Section {
    shown: "[[waiver]]",
    doc: "A finding that stays as it is until a day. All keys are required.",
    keys: &[
        key("check", "string", "The id of the check."),
        key(
            "resource",
            "pattern",
            "The ARN or the id of the resource, or a pattern: `*` is anything, `?` one character.",
        ),
        key("reason", "string", "The reason, for those who read the report."),
        key("who", "string", "The person who decided."),
        key("until", "date", "The last day on which it holds, in UTC: `until = 2027-03-31`."),
    ],
};

const fn key(name: &'static str, kind: &'static str, doc: &'static str) -> crate::actions::Parameter {
    crate::actions::Parameter { name, kind, default: "", doc }
}

#[cfg(test)]
mod tests;
