//! `redress resume`: takes an interrupted run to its end. Its plan and journal are claims: the remaining
//! changes are shown, compared with today's playbooks and facts, and asked about as `apply` does, before
//! anything is called.

use super::undo;
use crate::{
    cli::shared::{
        account::stage,
        args::{Approval, Guards},
        ask::{self, Policy, Standing},
        events::Task,
        exit::Exit,
        fail::Fail,
        narrow::narrowed,
        perform::{self, Reopened},
        session::{self, Chosen, Session},
        signed, summary,
    },
    engine::left::{Left, left},
    journal::{Decision, Phase, RunDocument, Story},
    plan::{PlanKind, again::Today, as_called::as_called},
};

/// Resumes a run.
///
/// # Errors
/// When there is no such run, the credentials are not its own, the account cannot be opened, nobody can be
/// asked, or a call is not borne out.
pub async fn run(session: &Session, run: &str, approval: &Approval, guards: &Guards) -> Result<Exit, Fail> {
    let policy = Policy::of(approval)?;
    let mut at = perform::reopen(session, run).await?;
    let Reopened { state, folder, head, door, journal, .. } = &mut at;
    let plan = &folder.plan;
    // Another process may have finished the run while this one waited for the account.
    if journal.story.ended {
        session.out.say(&format!("run {} has finished: there is nothing to resume", head.run));
        perform::note_undone(door, state.as_ref(), plan, &journal.story)?;
        summary::run(session, &RunDocument::of(&journal.story, plan), plan)?;
        return Ok(Exit::of_run(&journal.story));
    }
    journal.signed = signed::of_run(session, folder, &journal.story)?;
    signed::tell(session, &format!("run {}", head.run), journal.signed.as_ref());
    if plan.kind == PlanKind::Undo {
        undo::as_its_run_says(plan, &journal.story, state.as_ref(), door)?;
    }
    let Chosen { playbooks, waivers, .. } = session.chosen()?;
    let today = Today { playbooks, waivers, options: session::options(guards) };
    let left = left(plan, &journal.story, &today, door.account.as_ref(), &stage).await;
    let signed = journal.signed.is_some();
    let decisions = decisions(session, &head.run, &left, &journal.story, &policy, signed).await?;
    // The undo calls of a change are made only if it fails, so they need not keep the run from going on.
    let withholds =
        policy.by_flags() && !signed && plan.kind != PlanKind::Undo && !left.judged.back.is_empty();
    let worked = if withholds { left.withheld(plan) } else { plan.clone() };
    let narrowed = narrowed(session, door, plan, &head.run).await?;
    let door = narrowed.as_ref().unwrap_or(door);
    let result = perform::work(session, door, &worked, &head.run, journal, Task::Resume(decisions)).await;
    perform::note_undone(door, state.as_ref(), plan, &journal.story)?;
    perform::sign(session, folder, &journal.story);
    perform::report(session, plan, &journal.story, result)
}

/// Shows the rest of a run and decides it anew.
async fn decisions(
    session: &Session,
    run: &str,
    left: &Left,
    story: &Story,
    policy: &Policy,
    signed: bool,
) -> Result<Vec<Decision>, Fail> {
    borne_out(run, left)?;
    let shown = Left { plan: as_called(&left.plan, &left.begun, &left.judged.claims), ..left.clone() };
    let left = &shown;
    let standings = policy.standings_left(left, signed);
    for (id, unlike) in &left.again.unlike {
        session.out.always(&unlike.told(id));
    }
    let failing = left
        .failing
        .iter()
        .map(|(id, why)| (id, format!("it fails in its rehearsal on the account as it is now: {why}")));
    let failing: Vec<Decision> =
        failing.map(|(id, by)| Decision { change: id.clone(), approved: false, by }).collect();
    for Decision { change, by, .. } in &failing {
        session.out.always(&format!("{change} is not begun: {by}"));
    }
    if left.plan.changes.is_empty() {
        return Ok(failing);
    }
    let asks = standings.values().any(|s| *s == Standing::Ask);
    let begun = if left.begun.is_empty() {
        ""
    } else {
        ". A change that is half done is shown as the calls that it makes, and asks; everything else about \
         it is claimed by the files alone"
    };
    let talk = format!("run {run} was interrupted; the rest of it follows{begun}");
    if asks {
        session.out.always(&talk)
    } else {
        session.out.say(&talk)
    }
    let decisions = ask::decided(session, &left.plan, &left.plan, &standings)
        .await
        .map_err(|fail| fail.why(format!("run {run} stays interrupted")))?;
    // A half-done change is continued or left as it is: leaving it means leaving the whole run as it is.
    let declined = |d: &&Decision| !d.approved && left.begun.contains(&d.change);
    if let Some(half) = decisions.iter().find(declined) {
        let way = if matches!(story.changes.get(&half.change).map(|c| &c.phase), Some(Phase::Back(_))) {
            "rolling back"
        } else {
            "half done"
        };
        let resume = session.common.typed.pieces().resume(run);
        let hint = if left.judged.ahead.contains(&half.change) && policy.by_flags() {
            format!(
                "{resume} on a terminal, where a person sees it and answers yes; or have runs signed \
                 (--sign), and give --trust"
            )
        } else {
            format!("{resume} on a terminal, or with --auto-approve --max-risk disruptive")
        };
        return Err(Fail::held(format!("{} is {way} and stays so: {}", half.change, half.by))
            .why("nothing was changed")
            .hint(hint));
    }
    Ok(decisions.into_iter().chain(failing).collect())
}

/// Refuses a run if nothing bears out some of its remaining calls.
fn borne_out(run: &str, left: &Left) -> Result<(), Fail> {
    if !left.judged.beyond.is_empty() {
        let fail = Fail::held(format!(
            "run {run} is not resumed: its files contain calls that none of its changes makes"
        ));
        return Err(left.judged.beyond.iter().fold(fail, |fail,
            why| fail.why(why.clone())).why("nothing was changed").hint(format!(
            "redress show {run} shows what was done. If somebody has changed the account since, change it \
             back and resume the run; if an instance is down, `redress recover {run} -o back.json` brings it \
             up by its tags. Signed runs show whether their files were edited: see --trust"
        )));
    }
    if !left.judged.unknown.is_empty() {
        let fail = Fail::failure(format!(
            "run {run} is not resumed: it is unknown whether the account confirms the rest of it"
        ));
        return Err(left
            .judged
            .unknown
            .iter()
            .fold(fail, |fail, why| fail.why(why.clone()))
            .hint("allow these reads, and resume it again"));
    }
    Ok(())
}
