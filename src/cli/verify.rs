//! `redress verify`: is it still fixed? Reads the account again and writes what it finds to the run's journal; changes
//! nothing in the account.

use super::{
    exit::Exit,
    fail::Fail,
    perform::{self, Reopened, Task},
    session::Session,
    summary,
};
use crate::journal::RunDocument;

/// Verifies.
///
/// # Errors
/// No such run, other credentials than its own, no way to the account, a journal that cannot be written.
pub async fn run(session: &Session, run: &str) -> Result<Exit, Fail> {
    let mut at = perform::reopen(session, run).await?;
    let Reopened { folder, head, door, journal, .. } = &mut at;
    let result = perform::work(session, door, &folder.plan, &head.run, journal, Task::Verify).await;
    summary::run(session, &RunDocument::of(&journal.story, &folder.plan), &folder.plan)?;
    match result {
        Ok(()) => Ok(Exit::of_verify(&journal.story)),
        Err(error) => Err(Fail::failure(error.to_string()).hint(format!("redress verify {} tries again", head.run))),
    }
}
