//! `redress show`: a plan from its file, or the story of a run. Reads files only.

use std::path::Path;

use crate::{
    cli::shared::{exit::Exit, fail::Fail, plan_file, session::Session, store::store_fail, summary},
    journal::RunDocument,
};

/// Shows a plan if the argument is a file or looks like one, else a run.
///
/// # Errors
/// When the file is not a plan, or the run is not found.
pub fn run(session: &Session, what: &str) -> Result<Exit, Fail> {
    if plan_file::is_file(what) {
        let plan = plan_file::read(Path::new(what))?;
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
