//! `redress verify`: is it still fixed? Reads the account again and writes what it finds to the run's journal; changes
//! nothing in the account. With `--report-back` it then tells others what became of the findings that the run was made for.

use super::{
    args::ReportBack,
    exit::Exit,
    fail::Fail,
    perform::{self, Reopened, Task},
    report_back,
    session::Session,
    summary,
};
use crate::journal::RunDocument;

/// Verifies, and tells those who are to be told.
///
/// # Errors
/// No such run, other credentials than its own, no way to the account, a journal that cannot be written.
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
        Err(error) => Err(Fail::failure(error.to_string()).hint(format!("redress verify {} tries again", head.run))),
    }
}
