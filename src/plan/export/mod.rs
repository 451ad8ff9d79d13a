//! A plan as a program for another engine: the same calls in the same order, each change first asserting the
//! state from which it begins, ids passed on, waits as in the plan, and the undo. Pure: the output is text,
//! and nothing is run.

mod before;
mod facts;
mod identities;
mod people;
mod query;
mod shell;
mod states;
#[cfg(test)]
mod tests;
mod words;

pub use shell::{forward, way_back};
pub use states::{machines, machines_back};

use super::Plan;
use crate::calls::{self, reference};

/// The notice at the top of every program.
const CLAIM: &str = "The plan file was not compared with any account: read the calls. The descriptions of \
                     them are copied from the file.";

/// Refuses a plan with a call that is none of redress's own: a program made from it would do something that
/// no plan of redress does. One that delivers a secret is refused, too.
///
/// # Errors
/// The first such call, forward or back, with its change.
fn only_registered(plan: &Plan) -> Result<(), NotExported> {
    for change in &plan.changes {
        for call in change
            .steps
            .iter()
            .flat_map(|step| std::iter::once(&step.act).chain(step.way_back.acts()))
            .map(|act| &act.call)
        {
            if calls::find(&call.service, &call.operation).is_none() {
                let why = format!(
                    "{} is not an operation that redress makes, so it is not written into a program",
                    call.name()
                );
                return Err(NotExported { change: change.id.clone(), why });
            }
            if reference::holds_secret(&call.input) {
                let why = "it delivers a secret, which only redress may hold: apply this change with redress";
                return Err(NotExported { change: change.id.clone(), why: why.to_owned() });
            }
        }
    }
    Ok(())
}

/// The reason for which a plan cannot be exported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{change} cannot be exported: {why}")]
pub struct NotExported {
    /// The change.
    pub change: String,
    /// The part that is missing.
    pub why: String,
}
