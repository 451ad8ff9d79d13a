//! `redress show`: a plan from its file, or the story of a run. Reads files only.

use std::path::Path;

use super::{
    apply,
    exit::Exit,
    fail::Fail,
    session::{Session, store_fail},
    summary,
};
use crate::journal::RunDocument;

/// Returns whether an argument names a file, or looks like one, rather than a run.
pub fn is_file(what: &str) -> bool {
    let path = Path::new(what);
    path.exists() || what.contains(['/', '\\']) || path.extension().is_some_and(|e| e == "json")
}

/// Shows a plan if the argument is a file or looks like one, else a run.
///
/// # Errors
/// When the file is not a plan, or the run is not found.
pub fn run(session: &Session, what: &str) -> Result<Exit, Fail> {
    if is_file(what) {
        let plan = apply::read(Path::new(what))?;
        if jiff::Timestamp::now() >= plan.expires && !plan.endpoint.starts_with("twin:") {
            session.out.say(&format!(
                "warning: this plan expired at {:.0} and can no longer be applied",
                plan.expires
            ));
        }
        summary::claim(session, &plan, what)?;
    } else {
        let (_, folder) = session.run(what)?;
        summary::run(
            session,
            &RunDocument::of(&folder.story(), &folder.plan).telling(folder.moments().map_err(store_fail)?),
            &folder.plan,
        )?;
    }
    Ok(Exit::Done)
}
