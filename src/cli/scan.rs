//! `redress scan`: findings now, and what would be done about each. Changes nothing.

use super::{args::Belts, exit::Exit, fail::Fail, planning, render, session::Session};
use crate::finding::Verdict;

/// Scans.
///
/// # Errors
/// Bad input, or no way to the account.
pub async fn run(session: &Session, exit_code: bool) -> Result<Exit, Fail> {
    let (_, _, _) = (session.playbooks()?, session.checks()?, session.findings()?);
    let door = session.open().await?;
    let planned = planning::plan(session, &door, &Belts::default()).await?;
    let survey = &planned.survey;
    session.out.data(&render::findings(session, &render::Seen::of(&door, &planned).scan())?)?;
    let unknown = survey.findings.iter().filter(|f| matches!(f.verdict, Verdict::Unknown(_))).count() + survey.unjudged.len();
    let open = survey.findings.iter().filter(|f| matches!(f.verdict, Verdict::Violates(_)) && f.suppressed.is_none()).count();
    Ok(Exit::of_scan(unknown, open, exit_code))
}
