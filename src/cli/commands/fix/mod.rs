//! `redress fix`: the interactive session. It scans, or reads a plan, goes through the changes with a person,
//! rehearses the chosen ones, asks once more, and lets the engine make them. Nothing is changed before the
//! last yes.

mod drive;
mod edit;
mod order;
mod question;
mod walk;

use std::path::Path;

use self::{drive::Drive, walk::Walk};
use super::apply;
use crate::{
    cli::shared::{
        args::{Approval, SafetyLimits},
        ask::Policy,
        exit::Exit,
        fail::Fail,
        perform::{self, Approved},
        planning, render,
        session::Session,
        terminal,
    },
    engine::{self, EngineError},
    journal::{RunDocument, Story},
    plan::Plan,
    report::text::fix as screens,
};

/// Goes through a plan with a person, and makes the chosen changes.
///
/// # Errors
/// When nobody can be asked or the input is bad (exit 2), or the session was left (exit 4).
pub async fn run(
    session: &Session,
    file: Option<&Path>,
    plain: bool,
    approval: &Approval,
    safety: &SafetyLimits,
) -> Result<Exit, Fail> {
    let policy = Policy::of(approval)?;
    may_ask()?;
    let plain = plain || terminal::dumb();
    let session = &Session {
        common: session.common.clone(),
        out: if plain { session.out.plainer() } else { session.out },
    };
    session.out.say(if file.is_some() {
        "reading the plan and the account ..."
    } else {
        "scanning, planning and rehearsing ..."
    });
    let apply::ApplyInput { state, door, plan, facts, held, again, signed } =
        apply::ground(session, file, safety).await?;
    // A claim that rests on a file alone is asked about, whatever the flags are.
    let policy = if again.is_some_and(|again| !again.own.is_empty()) { policy.asking() } else { policy };
    if plan.changes.is_empty() {
        session.out.data(&render::plan(session, &plan, None)?)?;
        return Ok(Exit::worst([held, Exit::of_plan(&plan, false)]));
    }
    let facts = match facts {
        Some(facts) => facts,
        None => planning::facts(session, &door, &plan).await?,
    };
    let id = engine::run_id(&plan, door.account.now());
    let _lock = perform::lock(session, state.as_ref(), &plan, &id, &door.account.identity().caller.arn)?;
    session.out.show_always(&screens::note(&opening(&plan), &render::talk(session)));
    let drive = Drive { session, door: &door, facts, walk: Walk::new(plan, &policy) };
    let (plan, decisions) = drive.run(terminal::open(session.out, plain)).await?;
    session.out.always("");
    let approved = Approved { plan: &plan, signed: apply::as_signed(signed, &plan, &decisions)?, decisions };
    let (story, result) = perform::go(session, &door, state.as_ref(), &id, approved).await?;
    Ok(Exit::worst([held, close(session, &plan, &story, result)?]))
}

/// Refuses politely where nobody can answer.
fn may_ask() -> Result<(), Fail> {
    if terminal::present() {
        return Ok(());
    }
    Err(Fail::usage("`redress fix` asks questions, and there is no terminal to ask at")
        .why("nothing was changed")
        .hint(
            "run it on a terminal; without one: `redress plan -o plan.json`, and `redress apply plan.json \
             --auto-approve`",
        ))
}

fn opening(plan: &Plan) -> String {
    let asked = order::gravest_first(plan).len();
    let changes =
        if asked == 1 { "1 change".to_owned() } else { format!("{asked} changes, the most severe first") };
    format!("Account {} at {}: {changes}. Nothing is done before your last yes.", plan.account, plan.endpoint)
}

/// Shows the closing screen and returns the exit code.
fn close(
    session: &Session,
    plan: &Plan,
    story: &Story,
    result: Result<(), EngineError>,
) -> Result<Exit, Fail> {
    session.out.data(&screens::closing(&RunDocument::of(story, plan), &render::data(session)))?;
    let exit = Exit::of_run(story);
    let Err(error) = result else { return Ok(exit) };
    let fail = Fail::failure(error.to_string())
        .why(format!("run {} is interrupted; its journal records everything that was done", story.head.run));
    session
        .out
        .fail(&fail.hint(format!("{} goes on", session.common.typed.pieces().resume(&story.head.run))));
    Ok(Exit::worst([exit, Exit::Failure]))
}
