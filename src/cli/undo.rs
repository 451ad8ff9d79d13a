//! `redress undo`: takes a run back, as a plan of its own that is shown, approved and journaled like any other.

use std::collections::BTreeSet;

use super::{
    account::Place,
    args::Approval,
    ask::{self, Policy},
    exit::Exit,
    fail::Fail,
    perform, planning,
    session::{Session, store_fail},
    summary,
};
use crate::{
    engine::{self, undo},
    journal::{RunDocument, RunFolder},
};

/// Undoes a run, or the changes of it that are named.
///
/// # Errors
/// No such run or change, other credentials than its own, nobody to ask.
pub async fn run(session: &Session, run: &str, changes: &[String], approval: &Approval) -> Result<Exit, Fail> {
    let policy = Policy::of(approval)?;
    let (state, folder) = session.run(run)?;
    may_be_undone(&folder, changes)?;
    let head = folder.story().head;
    let lock = perform::lock(session, state.as_ref(), &folder.plan, &format!("undo of {}", head.run), &perform::person())?;
    let door = session.reopen(&Place::of_run(&head, &folder.plan.regions)).await?;
    // Read again under the lock: what another process has undone meanwhile is not undone twice.
    let folder = state.open_run(&head.run).map_err(store_fail)?;
    let only: Option<BTreeSet<String>> = (!changes.is_empty()).then(|| changes.iter().cloned().collect());
    let story = folder.story();
    let undoing = undo::plan(&story, &folder.plan, only.as_ref(), door.account.identity(), door.account.now(), planning::VALID_FOR);
    for (change, reason) in &undoing.refused {
        session.out.always(&format!("{change} is not taken back: {reason}"));
    }
    let held = if undoing.refused.is_empty() { Exit::Done } else { Exit::Held };
    if undoing.plan.changes.is_empty() {
        session.out.say(&format!("there is nothing of run {} to take back", head.run));
        summary::run(session, &RunDocument::of(&story, &folder.plan), &folder.plan)?;
        return Ok(held);
    }
    let decisions = ask::approve(session, &undoing.plan, &policy).await?;
    ask::any_approved(&decisions)?;
    let id = engine::run_id(&undoing.plan, door.account.now());
    let exit = perform::begin(session, &door, state.as_ref(), &id, &undoing.plan, decisions).await?;
    drop(lock);
    Ok(Exit::worst([exit, held]))
}

/// Refuses what cannot be undone at all, before anything is opened.
fn may_be_undone(folder: &RunFolder, changes: &[String]) -> Result<(), Fail> {
    let head = folder.story().head;
    match head.kind.as_str() {
        "undo" => return Err(Fail::usage(format!("run {} is itself an undo", head.run)).hint("to do it again make a new plan: redress plan -o plan.json")),
        "prune" => {
            return Err(Fail::usage(format!("run {} deleted what earlier runs had kept: that cannot be taken back", head.run))
                .hint(format!("redress show {}", head.run)));
        }
        _ => {}
    }
    let known: Vec<&str> = folder.plan.changes.iter().map(|c| c.id.as_str()).collect();
    match changes.iter().find(|id| !known.contains(&id.as_str())) {
        Some(id) => Err(Fail::usage(format!("run {} has no change {id}", head.run)).hint(format!(
            "it has {}; `redress show {}` tells of them",
            known.join(", "),
            head.run
        ))),
        None => Ok(()),
    }
}
