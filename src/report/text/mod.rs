//! Reports as text for terminals and logs: wrapped to a width, in colour if that is wanted, and safe whatever
//! an account contains. One file for each subject.

mod change;
pub mod explain;
mod findings;
pub mod fix;
mod investigation;
mod plan;
mod run;

pub use findings::findings;
pub use investigation::investigation;
pub use plan::{asked, change, plan, skipped};
pub use run::{progress, run, runs};

use super::{
    style::{Page, Tone, plain, span},
    words::Next,
};

/// Writes the next commands.
fn commands(page: &mut Page, next: &[Next]) {
    if next.is_empty() {
        return;
    }
    page.blank();
    for Next { purpose, command } in next {
        page.text(0, &[plain(format!("Next, {purpose}:"))]);
        page.verbatim(2, &span(Tone::Command, command));
    }
}
