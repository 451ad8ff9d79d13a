//! `redress scan`: today's findings, and what would be done about each. Changes nothing.

use std::path::Path;

use crate::{
    cli::shared::{
        account::OpenAccount, args::SafetyLimits, exit::Exit, fail::Fail, files, planning, render,
        session::Session, summary,
    },
    engine::gather::gather,
    finding::Verdict,
    inventory::{FamilyKind, Inventory, Want},
};

/// Scans the account, and shows the findings.
///
/// # Errors
/// When the input is bad, or the account cannot be opened.
pub async fn run(session: &Session, exit_code: bool, save: Option<&Path>) -> Result<Exit, Fail> {
    let (_, _, _) = (session.chosen()?, session.findings()?, session.flow_logs()?);
    let door = session.open().await?;
    let planned = planning::plan(session, &door, &SafetyLimits::default()).await?;
    let survey = &planned.survey;
    if let Some(path) = save {
        files::keep(path, &render::document(&whole(&door, &planned.whole).await)?, "the inventory")?;
        session.out.say(&format!(
            "what was read is in {}: --account twin:{}",
            path.display(),
            path.display()
        ));
    }
    summary::findings(session, &render::Seen::of(&door, &planned).scan())?;
    let unknown = survey.findings.iter().filter(|f| matches!(f.verdict, Verdict::Unknown(_))).count()
        + survey.unjudged.len()
        + planned.incomplete();
    let open = survey
        .findings
        .iter()
        .filter(|f| matches!(f.verdict, Verdict::Violates(_)) && f.suppressed.is_none())
        .count();
    Ok(Exit::of_scan(unknown, open, exit_code))
}

/// Adds to the facts what later findings may ask for: the security groups of each instance, and the rules of
/// groups that were closed as their listing shows.
async fn whole(door: &OpenAccount, read: &Inventory) -> Inventory {
    const LATER: [FamilyKind; 2] = [FamilyKind::NetworkInterfaces, FamilyKind::SecurityGroupRules];
    let all = |_: &Inventory| {
        door.regions.iter().flat_map(|region| LATER.map(|family| Want::all(region, family))).collect()
    };
    gather(door.account.as_ref(), read.clone(), &mut { all }).await
}
