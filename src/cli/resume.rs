//! `redress resume`: takes an interrupted run to its end, with the decisions that were made when it began.

use super::{
    exit::Exit,
    fail::Fail,
    perform::{self, Reopened, Task},
    session::Session,
    summary,
};
use crate::journal::RunDocument;

/// Resumes.
///
/// # Errors
/// No such run, other credentials than its own, no way to the account.
pub async fn run(session: &Session, run: &str) -> Result<Exit, Fail> {
    let mut at = perform::reopen(session, run).await?;
    let Reopened { state, folder, head, door, journal, .. } = &mut at;
    let plan = &folder.plan;
    // Another process may have finished it while this one waited for the account.
    if journal.story.ended {
        session.out.say(&format!("run {} came to its end: there is nothing to resume", head.run));
        perform::note_undone(door, state.as_ref(), plan, &journal.story)?;
        summary::run(session, &RunDocument::of(&journal.story, plan), plan)?;
        return Ok(Exit::of_run(&journal.story));
    }
    let result = perform::work(session, door, plan, &head.run, journal, Task::Resume).await;
    perform::note_undone(door, state.as_ref(), plan, &journal.story)?;
    perform::report(session, plan, &journal.story, result)
}
