//! Runs the engine for a command: the lock, the run's folder, requests to stop, progress, and the report
//! afterwards. The account is changed by the engine alone.

use std::{sync::Arc, time::Duration};

use super::{
    account::{OpenAccount, Place, stage},
    events::{Events, Task},
    exit::Exit,
    fail::Fail,
    narrow::narrowed,
    out::Out,
    progress::Progress,
    session::Session,
    signals::{self, Listening, Signal},
    signed,
    store::store_fail,
    summary,
};
use crate::{
    engine::{self, Engine, EngineError, Stop, undo},
    journal::{
        Claim, Decision, Event, Journal, Lock, RunDocument, RunFolder, Signed, Store, StoreError, Story,
        down, story::Head,
    },
    plan::{Plan, PlanKind, again::Today},
};

/// Takes the locks of the regions that a run works on, and reports a lock that a dead process left behind.
///
/// # Errors
/// When another process works on them, or the state directory cannot be written (exit 1).
pub fn lock(
    session: &Session,
    state: &dyn Store,
    plan: &Plan,
    run: &str,
    caller: &str,
) -> Result<Lock, Fail> {
    let lock = state.lock(&Claim::of(plan, run, caller, jiff::Timestamp::now())).map_err(store_fail)?;
    if let Some(left) = &lock.left {
        session.out.always(&format!(
            "warning: the lock was left behind by {}, which has died: taken over. `redress runs` shows how \
             far it came",
            left.words()
        ));
    }
    Ok(lock)
}

/// Returns the name of the local user, for the time before it is known whose credentials are used.
pub fn person() -> String {
    let named = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
    named("USER")
        .or_else(|| named("LOGNAME"))
        .or_else(|| named("USERNAME"))
        .unwrap_or_else(|| "somebody".to_owned())
}

/// An earlier run at its own account, locked, with its journal open to be continued.
pub struct Reopened {
    /// The store of its folder.
    pub state: Box<dyn Store>,
    /// Its plan, and the content of its journal.
    pub folder: RunFolder,
    /// The start of the run, as its journal records it.
    pub head: Head,
    /// The account.
    pub door: OpenAccount,
    /// The journal, read again under the lock: another process may have continued it meanwhile.
    pub journal: Journal,
    /// The lock, held as long as this value lives.
    _lock: Lock,
}

/// Opens an earlier run, to continue it.
///
/// # Errors
/// When there is no such run, another process works on it, the credentials are not its own, or the account
/// cannot be opened.
pub async fn reopen(session: &Session, run: &str) -> Result<Reopened, Fail> {
    let (state, folder) = session.run(run)?;
    let head = folder.story().head;
    let lock = lock(session, state.as_ref(), &folder.plan, &head.run, &person())?;
    // This comes before any read of the account; a caller who acts on the journal checks again what was read
    // of it then.
    signed::of_run(session, &folder, &folder.story())?;
    let door = session.reopen(&Place::of_run(&head, &folder.plan.regions)).await?;
    let journal = folder.journal().map_err(store_fail)?;
    Ok(Reopened { state, folder, head, door, journal, _lock: lock })
}

/// A plan with its decisions.
pub struct Approved<'p> {
    /// The plan.
    pub plan: &'p Plan,
    /// The decisions about its changes.
    pub decisions: Vec<Decision>,
    /// The signer of its file, where a signature was asked for.
    pub signed: Option<Signed>,
}

/// Begins a run of a plan, takes it to its end, and reports. The caller holds the lock.
///
/// # Errors
/// When the run's folder cannot be created; then nothing was changed.
pub async fn begin(
    session: &Session,
    door: &OpenAccount,
    state: &dyn Store,
    run: &str,
    approved: Approved<'_>,
) -> Result<Exit, Fail> {
    let plan = approved.plan;
    let (story, result) = go(session, door, state, run, approved).await?;
    report(session, plan, &story, result)
}

/// Runs a plan as [`begin`] does, but without the report: returns the state of the run, and the reason if it
/// did not come to its end.
///
/// # Errors
/// As [`begin`].
pub async fn go(
    session: &Session,
    door: &OpenAccount,
    state: &dyn Store,
    run: &str,
    approved: Approved<'_>,
) -> Result<(Story, Result<(), EngineError>), Fail> {
    let Approved { plan, decisions, signed } = approved;
    let narrowed = narrowed(session, door, plan, run).await?;
    let door = narrowed.as_ref().unwrap_or(door);
    let folder = state.create(run, plan).map_err(store_fail)?;
    let mut journal = folder.journal().map_err(store_fail)?;
    journal.signed = signed;
    let result = work(session, door, plan, run, &mut journal, Task::Apply(run, decisions)).await;
    note_undone(door, state, plan, &journal.story)?;
    sign(session, &folder, &journal.story);
    Ok((journal.story, result))
}

/// Signs a run where a key was given. A failure to sign is reported and does not undo the run.
pub fn sign(session: &Session, folder: &RunFolder, story: &Story) {
    if let Err(fail) = signed::sign_run(session, folder, story) {
        session.out.fail(&fail);
    }
}

/// Lets the engine do one task, shows progress and obeys requests to stop.
///
/// # Errors
/// When the engine stops before the end of the run; its journal records how far it came.
pub async fn work(
    session: &Session,
    door: &OpenAccount,
    plan: &Plan,
    run: &str,
    journal: &mut Journal,
    task: Task<'_>,
) -> Result<(), EngineError> {
    let stop = Arc::new(Stop::default());
    let progress = Progress::new(session.out, session.common.verbose > 0);
    let watcher = tokio::spawn(watch(
        signals::listen(),
        Arc::clone(&stop),
        session.out,
        session.common.typed.pieces().resume(run),
    ));
    let events = Events::open(session, door, run, &progress);
    events.begin(plan, &task);
    // They were read before anything else was done. If they cannot be read any more, none are used, and then
    // nothing new begins.
    let chosen = session.chosen().ok();
    let (playbooks, waivers) = chosen.map(|chosen| (chosen.playbooks, chosen.waivers)).unwrap_or_default();
    let today = Today { playbooks, waivers, options: plan.options.clone() };
    let engine = Engine {
        account: door.account.as_ref(),
        talk: &events,
        stop: &stop,
        stage: &stage,
        today: &today,
        lag: lag(),
        jobs: jobs(session),
        stop_at_once: stop_at_once(session),
    };
    let result = match task {
        Task::Apply(run, decisions) => engine.apply(plan, run, decisions, journal).await,
        Task::Resume(decisions) => engine.resume(plan, decisions, journal).await,
        Task::Verify => engine.verify(plan, journal).await,
        Task::Notify(notices) => engine.notify(notices, journal).await,
    };
    watcher.abort();
    progress.done();
    events.end(&RunDocument::of(&journal.story, plan));
    result
}

/// Passes requests to stop on: the first stops after the changes at hand, the second before the next call,
/// whichever signals they come as.
async fn watch(mut requests: Listening, stop: Arc<Stop>, out: Out, resume: String) {
    for count in 1_u32.. {
        let signal = requests.next().await;
        stop.request();
        let by = if signal == Signal::Interrupt { String::new() } else { format!("{signal}: ") };
        out.always(&match count {
            1 => format!(
                "\n{by}stopping after the changes at hand; {signal} again stops before the next call. \
                 `{resume}` goes on later"
            ),
            2 => format!(
                "\n{by}stopping before the next call. The journal records everything that was done: \
                 `{resume}` goes on"
            ),
            _ => format!("\n{by}waiting for the calls that are under way"),
        });
    }
}

/// Returns the number of changes that run at once.
fn jobs(session: &Session) -> usize {
    session.common.jobs.map_or(engine::schedule::JOBS, usize::from)
}

/// Returns the number of instances in a region that may be down at once.
pub fn stop_at_once(session: &Session) -> usize {
    session.common.stop_at_once.map_or(engine::turns::STOP_AT_ONCE, usize::from)
}

/// Returns how long a listing may lag behind a creation. `REDRESS_LAG_SECONDS` shortens it for endpoints that
/// are known to be consistent, such as emulators.
fn lag() -> Duration {
    let given = std::env::var("REDRESS_LAG_SECONDS").ok().and_then(|text| text.parse().ok());
    given.map_or(engine::LAG, |seconds: u64| Duration::from_secs(seconds).min(engine::LAG))
}

/// Records in the original run which of its changes an undo has restored.
///
/// # Errors
/// When that run's journal cannot be read or written.
pub fn note_undone(
    door: &OpenAccount,
    state: &dyn Store,
    plan: &Plan,
    undo_story: &Story,
) -> Result<(), Fail> {
    let Some(original) = plan.of_run.as_ref().filter(|_| plan.kind == PlanKind::Undo) else { return Ok(()) };
    let folder = state.run(original).map_err(store_fail)?;
    let told = folder.story();
    let new = |id: &String| told.changes.get(id).is_some_and(|c| c.undone_by.is_none());
    let changes: Vec<String> = undo::taken_back(undo_story).into_iter().filter(new).collect();
    if changes.is_empty() {
        return Ok(());
    }
    let mut journal = folder.journal().map_err(store_fail)?;
    journal
        .write(door.account.now(), Event::Undone { by: undo_story.head.run.clone(), changes })
        .map_err(store_fail)
}

/// Writes the run to stdout and returns the exit code.
///
/// # Errors
/// When stdout cannot be written.
pub fn report(
    session: &Session,
    plan: &Plan,
    story: &Story,
    result: Result<(), EngineError>,
) -> Result<Exit, Fail> {
    let out = session.out;
    let document = RunDocument::of(story, plan);
    let mut exit = Exit::of_run(story);
    // The state of the run does not depend on whether its report can be written.
    if let Err(fail) = summary::run(session, &document, plan) {
        out.fail(&fail);
        exit = Exit::worst([exit, Exit::Failure]);
    }
    let Err(error) = result else { return Ok(exit) };
    let (run, typed) = (&story.head.run, session.common.typed.pieces());
    let down: Vec<String> = document.changes.iter().flat_map(|change| change.down.clone()).collect();
    let fail = match &error {
        EngineError::Store(StoreError::Lost { .. }) => Fail::failure(error.to_string()).hint(format!(
            "{} shows how far the other process has come; only one operator at a time can work on an account",
            typed.of_run("show", run)
        )),
        _ => Fail::failure(error.to_string())
            .why(format!("run {run} is interrupted; its journal records everything that was done"))
            .hint(format!("{} goes on", typed.resume(run))),
    };
    out.fail(&down::words(run, &down).into_iter().fold(fail, Fail::why));
    Ok(Exit::worst([exit, Exit::Failure]))
}
