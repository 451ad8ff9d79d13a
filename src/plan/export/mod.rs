//! A plan as a program for another engine: the same calls in the same order, each change first asserting what it begins
//! from, ids passed on, waits as in the plan, and the way back. Pure: text comes out, and nothing is run.

mod before;
mod facts;
mod shell;
mod states;
#[cfg(test)]
mod tests;
mod words;

pub use shell::{forward, way_back};
pub use states::{machines, machines_back};

/// Why a plan cannot be exported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{change} cannot be exported: {why}")]
pub struct NotExported {
    /// Which change.
    pub change: String,
    /// What is missing.
    pub why: String,
}
