//! `redress plan`: shows a plan, and writes it to a file on request. Changes nothing.

use std::path::Path;

use crate::cli::shared::{args::SafetyLimits, exit::Exit, fail::Fail, planning, session::Session, summary};

/// Plans the changes to the account, and shows the plan.
///
/// # Errors
/// When the input is bad, the account cannot be opened, or the file cannot be written.
pub async fn run(
    session: &Session,
    output: Option<&Path>,
    exit_code: bool,
    safety: &SafetyLimits,
) -> Result<Exit, Fail> {
    let (_, _, _) = (session.chosen()?, session.findings()?, session.flow_logs()?);
    let door = session.open().await?;
    let planned = planning::plan(session, &door, safety).await?;
    summary::plan_to(session, &planned.plan, output)?;
    // The plan may lack what the unread rest of an input contained.
    let cut = (planned.incomplete() > 0).then_some(Exit::Held);
    Ok(Exit::worst(cut.into_iter().chain([Exit::of_plan(&planned.plan, exit_code)])))
}
