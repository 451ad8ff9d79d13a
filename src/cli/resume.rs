//! `redress resume`: takes an interrupted run to its end, with the decisions that were made when it began.

use super::{
    account::Place,
    exit::Exit,
    fail::Fail,
    perform::{self, Task},
    session::{Session, store_fail},
    summary,
};
use crate::journal::RunDocument;

/// Resumes.
///
/// # Errors
/// No such run, other credentials than its own, no way to the account.
pub async fn run(session: &Session, run: &str) -> Result<Exit, Fail> {
    let (state, folder) = session.run(run)?;
    let head = folder.story().head;
    let _lock = perform::lock(session, state.as_ref(), &folder.plan, &head.run, &perform::person())?;
    let door = session.reopen(&Place::of_run(&head, &folder.plan.regions)).await?;
    // Another process may have finished it while this one waited for the account.
    let (plan, mut journal) = (&folder.plan, folder.journal().map_err(store_fail)?);
    if journal.story.ended {
        session.out.say(&format!("run {} came to its end: there is nothing to resume", head.run));
        perform::note_undone(&door, state.as_ref(), plan, &journal.story)?;
        summary::run(session, &RunDocument::of(&journal.story, plan), plan)?;
        return Ok(Exit::of_run(&journal.story));
    }
    let result = perform::work(session, &door, plan, &head.run, &mut journal, Task::Resume).await;
    perform::note_undone(&door, state.as_ref(), plan, &journal.story)?;
    perform::report(session, plan, &journal.story, result)
}
