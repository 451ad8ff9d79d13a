//! The commands, one file each: from the arguments of a command to its exit code.

mod actions;
mod apply;
mod block;
mod completions;
mod demo;
mod diff;
mod events;
mod explain;
mod export;
mod fix;
mod investigate;
mod man;
mod permissions;
mod plan;
mod playbooks;
mod prune;
mod recover;
mod resume;
mod revoke;
mod rotations;
mod runs;
mod scan;
mod show;
mod sign;
mod undo;
mod verify;

use super::shared::{
    args::{self, Command},
    exit::Exit,
    fail::Fail,
    session::Session,
    summary,
};

/// Runs the command that was given.
///
/// # Errors
/// The failure of the command.
pub async fn run(session: &Session, command: Command) -> Result<Exit, Fail> {
    summary::ready(session)?;
    match command {
        Command::Demo { reset, .. } => demo::run(session, reset).await,
        Command::Scan { exit_code, save_inventory, .. } => {
            scan::run(session, exit_code, save_inventory.as_deref()).await
        }
        Command::Plan { output, exit_code, safety, .. } => {
            plan::run(session, output.as_deref(), exit_code, &safety).await
        }
        Command::Block { addresses, place, until, output, safety, .. } => {
            block::run(session, &addresses, &place, until, output.as_deref(), &safety).await
        }
        Command::Revoke(args) => revoke::run(session, &args).await,
        Command::Events { past, output, exit_code, .. } => {
            events::run(session, &past, output.as_deref(), exit_code).await
        }
        Command::Investigate(all) => investigate::run(session, &all.whom, &all.evidence).await,
        Command::Sign { what, key, .. } => sign::run(session, &what, &key).map(|()| Exit::Done),
        Command::Diff { old, new, exit_code, .. } => diff::run(session, &old, &new, exit_code),
        Command::Show { what, .. } => show::run(session, &what),
        Command::Apply { plan, change, approval, closing, safety, .. } => {
            apply::run(session, plan.as_deref(), &change, &approval, &closing.report_back, &safety).await
        }
        Command::Fix { plan, plain, allow_irreversible, safety, .. } => {
            let approval = args::Approval { allow_irreversible, ..args::Approval::default() };
            fix::run(session, plan.as_deref(), plain, &approval, &safety).await
        }
        Command::Runs { .. } => runs::run(session),
        Command::Rotations(_) => rotations::run(session).await,
        Command::Resume { run, approval, guards, .. } => resume::run(session, &run, &approval, &guards).await,
        Command::Recover { run, output, .. } => {
            recover::run(session, run.as_deref(), output.as_deref()).await
        }
        Command::Undo { run, change, output, approval, .. } => {
            undo::run(session, &run, &change, output.as_deref(), &approval).await
        }
        Command::Verify { run, closing, .. } => verify::run(session, &run, &closing.report_back).await,
        Command::Prune { output, approval, .. } => prune::run(session, output.as_deref(), &approval).await,
        Command::Explain { what, .. } => explain::run(session, &what),
        Command::Completions { shell } => completions::run(session, shell),
        Command::Man { dir } => man::run(session, &dir),
        Command::Playbooks { what, .. } => playbooks::run(session, what.as_ref()),
        Command::Actions { what, .. } => actions::run(session, what.as_ref()),
        Command::Export { plan, to, way_back, output, .. } => {
            export::run(session, &plan, to, way_back, output.as_deref())
        }
        Command::Permissions { plan, all, only, report_back } => {
            permissions::run(session, plan.as_deref(), all.then_some(only), report_back)
        }
    }
}
