//! `redress plan`: shows a plan, and writes it to a file on request. Changes nothing.

use std::path::Path;

use super::{
    args::SafetyLimits, exit::Exit, fail::Fail, files::keep, planning, render, session::Session, summary,
};
use crate::plan::Plan;

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
    let (_, _, _) = (session.playbooks()?, session.checks()?, session.findings()?);
    let door = session.open().await?;
    let planned = planning::plan(session, &door, safety).await?;
    show(session, &planned.plan, output)?;
    // The plan may lack what the unread rest of an input contained.
    let cut = (planned.incomplete() > 0).then_some(Exit::Held);
    Ok(Exit::worst(cut.into_iter().chain([Exit::of_plan(&planned.plan, exit_code)])))
}

/// Writes a plan to the file that was asked for, and shows it.
///
/// # Errors
/// When the file or stdout cannot be written.
pub fn show(session: &Session, plan: &Plan, output: Option<&Path>) -> Result<(), Fail> {
    match output {
        Some(path) if path.as_os_str() == "-" => {
            summary::plan_files(session, plan, None)?;
            session.out.data(&render::plan_json(plan)?)
        }
        Some(path) => {
            keep(path, &render::plan_json(plan)?, "the plan")?;
            let name = path.display().to_string();
            summary::plan(session, plan, Some(&name))?;
            session.out.say(&format!("the plan is in {name}, good until {:.0}", plan.expires));
            Ok(())
        }
        None => summary::plan(session, plan, None),
    }
}
