//! `redress verify`: checks whether everything that a run fixed is still fixed. Reads the account again and
//! writes the result to the run's journal; changes nothing in the account. With `--report-back` it then
//! informs others of the outcome of the findings that the run was made for.

use crate::{
    cli::shared::{
        args::ReportBack,
        events::Task,
        exit::Exit,
        fail::Fail,
        perform::{self, Reopened},
        report_back,
        session::Session,
        summary,
    },
    journal::RunDocument,
};

/// Verifies a run, and informs the receivers.
///
/// # Errors
/// When there is no such run, the credentials are not its own, the account cannot be opened, or the journal
/// cannot be written.
pub async fn run(session: &Session, run: &str, targets: &[ReportBack]) -> Result<Exit, Fail> {
    let mut at = perform::reopen(session, run).await?;
    let Reopened { folder, head, door, journal, .. } = &mut at;
    report_back::ready(targets, &head.endpoint)?;
    let result = perform::work(session, door, &folder.plan, &head.run, journal, Task::Verify).await;
    let told = match result {
        Ok(()) => report_back::run(session, door, &folder.plan, journal, targets).await,
        Err(_) => Ok(Exit::Done),
    };
    summary::run(session, &RunDocument::of(&journal.story, &folder.plan), &folder.plan)?;
    match result {
        Ok(()) => Ok(Exit::worst([Exit::of_verify(&journal.story), told?])),
        Err(error) => {
            Err(Fail::failure(error.to_string()).hint(format!("redress verify {} tries again", head.run)))
        }
    }
}
