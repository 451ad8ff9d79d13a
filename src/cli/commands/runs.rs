//! `redress runs`: all runs, the newest first. Reads the state directory only.

use crate::{
    cli::shared::{args::Format, exit::Exit, fail::Fail, render, session::Session, store::store_fail},
    journal::RunDocument,
};

/// Lists the runs. A run that cannot be read does not hide the others.
///
/// # Errors
/// When the state directory cannot be read.
pub fn run(session: &Session) -> Result<Exit, Fail> {
    let state = session.state()?;
    let mut documents = Vec::new();
    let mut exit = Exit::Done;
    for id in state.runs().map_err(store_fail)? {
        match state.open_run(&id) {
            Ok(folder) => documents.push(RunDocument::of(&folder.story(), &folder.plan)),
            Err(error) => {
                session.out.always(&format!("warning: run {id} is left out: {error}"));
                exit = Exit::Failure;
            }
        }
    }
    if documents.is_empty() && exit == Exit::Failure && session.common.format == Format::Text {
        session.out.data("There is no run that can be read.\n")?;
        return Ok(exit);
    }
    session.out.data(&render::runs(session, &documents)?)?;
    Ok(exit)
}
