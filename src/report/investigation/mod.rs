//! The report on an investigation: as the document `redress.investigation/1`, and as a story in sections that
//! the text and the page both show. Pure.

mod lines;
mod story;

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Scan, json::FindingsDocument, style::Tone};
use crate::{evidence::SeenTraffic, investigate::Investigation};

pub use story::{Bar, Section, Story, story};

/// The name of the document's format.
const FORMAT: &str = "redress.investigation/1";

/// The result of an investigation.
#[derive(Debug, Clone, Copy)]
pub struct Investigated<'a> {
    /// The account of what the actor did.
    pub investigation: &'a Investigation,
    /// The traffic of the actor, by flow logs; `None` without any.
    pub traffic: Option<&'a SeenTraffic>,
    /// The verdicts of our checks on what it made and loosened; `None` where they were not asked.
    pub scan: Option<&'a Scan<'a>>,
    /// The reason why they were not asked.
    pub not_judged: Option<&'a str>,
    /// The playbooks that answer the checks that found something, by check.
    pub playbooks: &'a BTreeMap<String, Vec<String>>,
    /// The options that name the events again, for the next commands.
    pub again: &'a str,
    /// The file with the findings for a plan, if one was written.
    pub output: Option<&'a str>,
}

/// The document `redress.investigation/1`.
#[derive(Debug, Serialize)]
pub struct InvestigationDocument<'a> {
    /// The format's name.
    pub format: &'static str,
    /// The account of what the actor did.
    #[serde(flatten)]
    pub investigation: &'a Investigation,
    /// The traffic of the actor, by flow logs; null without any.
    pub traffic: Option<&'a SeenTraffic>,
    /// The verdicts of our checks on what it made and loosened, as `redress.findings/1`; null where they were
    /// not asked.
    pub now: Option<FindingsDocument>,
    /// The reason why they were not asked; null where they were.
    pub not_judged: Option<&'a str>,
    /// The playbooks that answer each check that found something.
    pub playbooks: &'a BTreeMap<String, Vec<String>>,
}

impl<'a> From<&Investigated<'a>> for InvestigationDocument<'a> {
    fn from(all: &Investigated<'a>) -> Self {
        Self {
            format: FORMAT,
            investigation: all.investigation,
            traffic: all.traffic,
            now: all.scan.map(FindingsDocument::from),
            not_judged: all.not_judged,
            playbooks: all.playbooks,
        }
    }
}

/// A line: its label, what happened, and what is of lesser importance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its tone.
    pub tone: Tone,
    /// A time, a number or a word.
    pub label: String,
    /// The event or the thing.
    pub text: String,
    /// The remark.
    pub faint: String,
}
