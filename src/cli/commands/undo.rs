//! `redress undo`: undoes a run, as a plan of its own that is rehearsed, shown, approved and journaled like
//! any other.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use crate::{
    cli::shared::{
        account::{OpenAccount, Place, stage},
        args::Approval,
        ask::Policy,
        asked::{Asked, ask_and_do},
        exit::Exit,
        fail::Fail,
        perform,
        plan_file::fits,
        planning,
        session::Session,
        signed,
        store::store_fail,
        summary,
    },
    engine::{
        left::judged,
        undo::{self, Undoing},
    },
    journal::{RunDocument, RunFolder, Signed, Store, Story},
    plan::{Change, Plan, PlanKind, as_called::as_called},
};

/// Undoes a run, or the changes of it that are named; with `output` it only writes the plan.
///
/// # Errors
/// When there is no such run or change, the credentials are not its own, or nobody can be asked.
pub async fn run(
    session: &Session,
    run: &str,
    changes: &[String],
    output: Option<&Path>,
    approval: &Approval,
) -> Result<Exit, Fail> {
    let policy = Policy::of(approval)?;
    let (state, folder) = session.run(run)?;
    may_be_undone(&folder, changes)?;
    let only: Option<BTreeSet<String>> = (!changes.is_empty()).then(|| changes.iter().cloned().collect());
    let id = folder.story().head.run;
    if let Some(path) = output {
        let (_, planned) = Planned::make(session, folder, only.as_ref()).await?;
        summary::plan_to(session, &planned.undoing.plan, Some(path))?;
        return Ok(planned.held);
    }
    let lock =
        perform::lock(session, state.as_ref(), &folder.plan, &format!("undo of {id}"), &perform::person())?;
    // The run is read again under the lock: changes that another process has undone meanwhile are not undone
    // twice.
    let folder = state.open_run(&id).map_err(store_fail)?;
    let signed = signed::of_run(session, &folder, &folder.story())?;
    signed::tell(session, &format!("run {id}"), signed.as_ref());
    let (door, planned) = Planned::make(session, folder, only.as_ref()).await?;
    if planned.undoing.plan.changes.is_empty() {
        session.out.say(&format!("there is nothing to undo in run {id}"));
        summary::run(session, &planned.document, &planned.of)?;
        return Ok(planned.held);
    }
    let exit = ask_and_do(session, &door, state.as_ref(), planned.asked(session, signed), &policy).await?;
    drop(lock);
    Ok(Exit::worst([exit, planned.held]))
}

/// Applies the undo in a file, as long as it is still the undo of its run.
///
/// # Errors
/// As [`run`], and when the run's state has changed since the plan was made (exit 4).
pub async fn apply(
    session: &Session,
    name: &str,
    plan: &Plan,
    signed: Option<Signed>,
    approval: &Approval,
) -> Result<Exit, Fail> {
    let policy = Policy::of(approval)?;
    let (state, folder) = session.run(plan.of_run.as_deref().unwrap_or_default())?;
    let id = folder.story().head.run;
    let lock =
        perform::lock(session, state.as_ref(), &folder.plan, &format!("undo of {id}"), &perform::person())?;
    let folder = state.open_run(&id).map_err(store_fail)?;
    let only: BTreeSet<String> = plan.changes.iter().map(|c| c.id.clone()).collect();
    let (door, now) = Planned::make(session, folder, Some(&only)).await?;
    fits(plan, &door)?;
    if !same(&now.undoing.plan, plan) {
        return Err(Fail::held(format!("{name}: run {id} has changed since this undo was planned"))
            .why("nothing was changed")
            .hint(format!("redress undo {id} -o FILE plans it anew")));
    }
    // The undo is made again: nothing else is taken from the file.
    let exit = ask_and_do(session, &door, state.as_ref(), now.asked(session, signed), &policy).await?;
    drop(lock);
    Ok(exit)
}

/// Returns whether two plans of an undo do the same: the impact may be described differently after other
/// changes since the run.
fn same(now: &Plan, planned: &Plan) -> bool {
    let plain = |change: &Change| Change { impact: Vec::new(), ..change.clone() };
    let alike = |(now, planned): (&Change, &Change)| undo::is_same(plain(now), &plain(planned));
    now.changes.len() == planned.changes.len() && now.changes.iter().zip(&planned.changes).all(alike)
}

/// Checks that the plan of an interrupted undo is the undo of its run, as that run's files record it.
///
/// # Errors
/// When it is not (exit 4), or there is no such run.
pub fn as_its_run_says(plan: &Plan, undo: &Story, state: &dyn Store, door: &OpenAccount) -> Result<(), Fail> {
    let of = plan.of_run.as_deref().unwrap_or_default();
    let folder = state.open_run(of).map_err(store_fail)?;
    if undo::is_of_run(plan, &undo.head.run, &folder.story(), &folder.plan, door.account.identity()) {
        return Ok(());
    }
    Err(Fail::held(format!("run {} is not resumed: its plan is not the undo of run {of}", undo.head.run))
        .why("nothing was changed")
        .hint(format!("redress undo {of} plans it anew; settle by hand what this run has begun")))
}

/// An undo, planned and rehearsed on the account as it is.
struct Planned {
    undoing: Undoing,
    /// The plan of the run that it undoes.
    of: Plan,
    /// The state of that run.
    document: RunDocument,
    /// The part of the exit code that comes from changes that are not undone.
    held: Exit,
    /// The claims that rest on the run's files alone, by change.
    claims: BTreeMap<String, Vec<String>>,
}

impl Planned {
    /// Opens the account of the run, plans the undo and rehearses it; reports the changes that are not
    /// undone.
    async fn make(
        session: &Session,
        folder: RunFolder,
        only: Option<&BTreeSet<String>>,
    ) -> Result<(OpenAccount, Self), Fail> {
        let story = folder.story();
        let door = session.reopen(&Place::of_run(&story.head, &folder.plan.regions)).await?;
        let mut undoing = undo::plan(
            &story,
            &folder.plan,
            only,
            door.account.identity(),
            door.account.now(),
            planning::VALID_FOR,
        );
        // The undo calls are in the run's files; a call that redress would never make, or not on these
        // resources, is not made.
        let run = story.head.run.clone();
        let judged = judged(&run, &undoing.calls(&folder.plan), door.account.as_ref()).await;
        if let Some(fail) = not_borne_out(&run, judged.beyond, judged.unknown) {
            return Err(fail);
        }
        let claims = judged.claims;
        undoing.rehearse(&folder.plan, door.account.as_ref(), &stage).await;
        for (change, reason) in &undoing.refused {
            session.out.always(&format!("{change} is not undone: {reason}"));
        }
        let held = if undoing.refused.is_empty() { Exit::Done } else { Exit::Held };
        let document = RunDocument::of(&story, &folder.plan);
        Ok((door, Self { undoing, of: folder.plan, document, held, claims }))
    }

    /// Returns the undo as it is asked about: by its calls, since every description of it comes from the
    /// run's files.
    fn asked(&self, session: &Session, signed: Option<Signed>) -> Asked<'_> {
        let plan = &self.undoing.plan;
        session.out.say(
            "an undo is shown as the calls that it makes; everything else about its changes is claimed by \
             the run's files alone",
        );
        let ids: Vec<String> = plan.changes.iter().map(|c| c.id.clone()).collect();
        Asked { plan, shown: as_called(plan, &ids, &self.claims), signed }
    }
}

/// Returns the reason to refuse an undo if some of its calls are not borne out.
fn not_borne_out(run: &str, beyond: Vec<String>, unknown: Vec<String>) -> Option<Fail> {
    let fail = match (beyond.is_empty(), unknown.is_empty()) {
        (true, true) => return None,
        (false, _) => Fail::held(format!(
            "run {run} is not undone: its files contain calls that are not part of the undo of any of its \
             changes"
        )),
        (true, false) => Fail::failure(format!(
            "run {run} is not undone: it is unknown whether the account confirms its undo calls"
        )),
    };
    let hint = format!("redress show {run} shows what was done; `--change ID` undoes the rest");
    Some(beyond.into_iter().chain(unknown).fold(fail, Fail::why).why("nothing was changed").hint(hint))
}

/// Refuses a run that cannot be undone at all, before anything is opened.
fn may_be_undone(folder: &RunFolder, changes: &[String]) -> Result<(), Fail> {
    let head = folder.story().head;
    match head.kind {
        PlanKind::Undo => {
            return Err(Fail::usage(format!("run {} is itself an undo", head.run))
                .hint("to do it again make a new plan: redress plan -o plan.json"));
        }
        // The Recycle Bin may have some of the resources that it deleted.
        PlanKind::Prune | PlanKind::Plan | PlanKind::Recover => {}
    }
    let known: Vec<&str> = folder.plan.changes.iter().map(|c| c.id.as_str()).collect();
    match changes.iter().find(|id| !known.contains(&id.as_str())) {
        Some(id) => Err(Fail::usage(format!("run {} has no change {id}", head.run)).hint(format!(
            "it has {}; `redress show {}` shows them",
            known.join(", "),
            head.run
        ))),
        None => Ok(()),
    }
}
