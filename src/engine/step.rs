//! One act, from its intent to the moment when the condition that it waits for holds. The journal alone
//! determines which part is due, so an act that was interrupted anywhere goes on from there.

use std::{sync::OnceLock, time::Duration};

use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    Engine, EngineError, ProgressEvent, before::Go, gather::nothing, ledger::SharedJournal, look::Look,
};
use crate::{
    calls::{
        self, Act, AllOutputs, Bindings, CallError, ErrorClass, Expect, NextStart, Otherwise, Outcome,
        Outputs, Power, Recognise, Repeat, Standing, Test, Unresolved, Wait, power, standing_of, still,
    },
    inventory::Scope,
    journal::{Event, StepResult, StepState, StoreError, Story},
    plan::{Change, Plan, proof, reach::nameless},
};

/// The reason for which an act was not done.
#[derive(Debug)]
pub enum Failure {
    /// It failed for good: the change must be rolled back.
    Failed(String),
    /// A precondition does not hold: nothing was called. Forward, the change is rolled back; in a rollback or
    /// an undo, a person is asked.
    Gone(String),
    /// The run must stop here; it can be resumed.
    Halt(EngineError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Failure::Halt(error.into())
    }
}

impl From<Unresolved> for Failure {
    fn from(missing: Unresolved) -> Self {
        Failure::Failed(missing.to_string())
    }
}

/// An act of a change, under its name in the journal.
#[derive(Clone, Copy)]
pub(super) struct Named<'a> {
    pub change: &'a str,
    pub name: &'a str,
    pub act: &'a Act,
    pub bounds: Bounds,
    /// The change, and its plan, where the act is irreversible: the change is made again directly before.
    pub for_good: Option<(&'a Plan, &'a Change)>,
    /// The next start of the instance that the act takes down, or the start of one that was down before the
    /// change. Its prospects are checked together with the preconditions.
    pub next: Option<&'a NextStart>,
    /// The rule for an act that leaves a target group without a healthy target.
    pub last_target: LastTarget,
    /// The change that is to be proved after the act, its last one.
    pub last_of: Option<&'a Change>,
}

/// The rule for an act that takes down the last healthy target of a target group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LastTarget {
    /// It is not made.
    Stays,
    /// It is made once others have had the time to become healthy: its approver knows of it.
    Goes,
    /// It is made without a check: something is put back.
    NotAsked,
}

/// The time limits of an act of a change.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Bounds {
    /// The longest wait of the change for the result of a call like this one. The act waits as long where AWS
    /// limits the number of pending calls.
    pub at_most: Duration,
    /// The time that the rollback takes, where something is down and would be rolled back.
    pub way_back: Option<Duration>,
}

impl Bounds {
    /// Determines the limits of an act among those of its change.
    pub fn among<'a>(act: &Act, acts: impl Iterator<Item = &'a Act>) -> Self {
        let alike = acts.filter(|other| {
            other.call.operation == act.call.operation && other.call.service == act.call.service
        });
        let at_most =
            alike.filter_map(|other| other.wait.as_ref()).map(|wait| wait.at_most).max().unwrap_or(0);
        Self { at_most: Duration::from_secs(at_most), way_back: None }
    }
}

/// The beginning of a wait, and the conditions in it on resources that calls of the change have created.
struct Since {
    called: Timestamp,
    made: Vec<Expect>,
}

/// The time after a call during which the former state may still be shown. A state that shows later, and from
/// which the expected one does not follow, means that the call has failed by itself.
pub(super) const SHOWN_WITHIN: Duration = Duration::from_secs(90);
/// The minimum by which a wait exceeds the lag of lists.
const SHOWN_MARGIN: Duration = Duration::from_secs(30);
/// The longest pause between two tries.
const LONGEST_PAUSE: u64 = 60;

impl Engine<'_> {
    /// Performs an act, or the rest of it.
    pub(super) async fn act(&self, named: Named<'_>, journal: &SharedJournal<'_>) -> Result<(), Failure> {
        let began = self.account.now();
        for tries in 0_u32.. {
            if self.stop.now() {
                return Err(Failure::Halt(EngineError::Stopped(format!(
                    "before {} of {}",
                    named.name, named.change
                ))));
            }
            let step = journal.look(|story| {
                story.changes.get(named.change)?.step(named.name).map(|s| (s.state.clone(), s.at))
            });
            match step {
                Some((StepState::Settled, _)) => return Ok(()),
                Some((StepState::Left, _)) if named.act.otherwise == Otherwise::Leave => return Ok(()),
                Some((StepState::Called, at)) => {
                    if let Err(error) = self.settle(named, at, journal).await? {
                        self.after_error(named, &error, tries, began, journal).await?;
                    }
                }
                Some((StepState::Intended, at)) => self.look_for(named, at, true, journal).await?,
                Some((StepState::NotDone | StepState::Left, _)) | None => {
                    self.take_turn_of_the_account(named, journal).await?;
                    self.another_target_stays(named, journal).await?;
                    if let Go::Call(observed) = self.before(named, journal).await?
                        && let Err(error) = self.call_once(named, observed, journal).await?
                    {
                        self.after_error(named, &error, tries, began, journal).await?;
                    }
                }
            }
        }
        Err(Failure::Failed("it never succeeded".to_owned()))
    }

    /// Journals the intent, makes the call, journals the outcome.
    async fn call_once(
        &self,
        named: Named<'_>,
        observed: Outputs,
        journal: &SharedJournal<'_>,
    ) -> Result<Result<(), CallError>, Failure> {
        let outputs = journal.look(Story::outputs);
        let bindings = self.bindings(named, journal, &outputs);
        let input = bindings.resolve(&named.act.call.input)?;
        let call = calls::Call { input, ..named.act.call.clone() };
        if let Some(member) = nameless(&call) {
            return Err(Failure::Failed(format!(
                "{} was not called: it names nothing in {member}",
                call.name()
            )));
        }
        let (change, step) = (named.change.to_owned(), named.name.to_owned());
        journal.write(
            self.account.now(),
            Event::Intent {
                change: change.clone(),
                step: step.clone(),
                attempt: 1,
                call: call.clone(),
                observed,
            },
        )?;
        journal.forget_fresh(named.change);
        let outcome = self.call_with_leave(&call, journal).await?;
        let result = match &outcome {
            Ok(outputs) => StepResult::Done { outputs: outputs.clone() },
            Err(error) => StepResult::Failed { error: error.clone() },
        };
        journal.write(self.account.now(), Event::Result { change, step, result })?;
        Ok(outcome.map(|_| ()))
    }

    /// Makes a call whose intent is on record, if the run is still this process's own in the moment before
    /// the call is sent: the machine may have slept since the record, and another process have taken the run
    /// over.
    async fn call_with_leave(
        &self,
        call: &calls::Call,
        journal: &SharedJournal<'_>,
    ) -> Result<Outcome, Failure> {
        let refused = OnceLock::new();
        let leave = || {
            journal.may_call().map_err(|error| {
                let unsent = CallError {
                    class: ErrorClass::Transient,
                    code: "NoLeave".to_owned(),
                    message: error.to_string(),
                };
                // The first reason is the reason.
                let _ = refused.set(error);
                unsent
            })
        };
        let outcome = self.account.call_with(call, &leave).await;
        refused.into_inner().map_or(Ok(outcome), |error: StoreError| Err(error.into()))
    }

    /// Handles a failed call: looks for its effect, waits and goes on, or gives up.
    async fn after_error(
        &self,
        named: Named<'_>,
        error: &CallError,
        tries: u32,
        began: Timestamp,
        journal: &SharedJournal<'_>,
    ) -> Result<(), Failure> {
        let waited = self.account.now().duration_since(began).unsigned_abs();
        match error.class {
            ErrorClass::Credentials => Err(Failure::Halt(EngineError::Credentials(error.code.clone()))),
            // EC2 forgets tokens at a quota, and a state that "is so already" may be the effect of an earlier
            // try.
            ErrorClass::AlreadyDone | ErrorClass::Quota => {
                let outputs = journal.look(Story::outputs);
                let found = self.look(named.act, &self.bindings(named, journal, &outputs)).await;
                // After a quota error nothing is deleted: a resource that seems so does not show yet.
                let believed = error.class == ErrorClass::AlreadyDone || !looks_gone(named.act);
                if let (Look::Found(outputs), true) = (found, believed) {
                    return self.tell_result(named, StepResult::Found { outputs }, journal);
                }
                // A resource that AWS reports as existing may not show yet.
                if (error.class == ErrorClass::Quota && tries == 0) || waited > self.lag {
                    return self.give_up(named, error, journal).await;
                }
                self.rest(Duration::from_secs(pause_before(named, tries)), journal).await?;
                Ok(())
            }
            // Other operations end at some time. The act may wait for them as long as for its own result.
            ErrorClass::Concurrency if waited <= self.patience(named, journal).max(named.bounds.at_most) => {
                self.still_time_to_turn_back(named).await?;
                let seconds = pause_before(named, tries);
                self.talk.on_progress(&ProgressEvent::Again {
                    change: named.change.to_owned(),
                    why: error.code.clone(),
                    seconds,
                });
                self.rest(Duration::from_secs(seconds), journal).await?;
                Ok(())
            }
            // A transition that is under way may be the requested one: a state that is set already is not
            // requested again.
            ErrorClass::Consistency
                if waited <= self.patience(named, journal) && self.stands(named, journal).await =>
            {
                self.tell_result(named, StepResult::Found { outputs: Outputs::new() }, journal)
            }
            // A rollback would need the same capacity, and would leave less done.
            ErrorClass::Capacity if named.act.power() == Power::BringsUp => {
                self.no_room(named, error, tries, waited, journal).await
            }
            class
                if (class.passes()
                    || class == ErrorClass::Capacity
                    || self.caused(named, error, began, journal))
                    && waited <= self.patience(named, journal) =>
            {
                let seconds = pause_before(named, tries);
                self.talk.on_progress(&ProgressEvent::Again {
                    change: named.change.to_owned(),
                    why: error.code.clone(),
                    seconds,
                });
                self.rest(Duration::from_secs(seconds), journal).await?;
                Ok(())
            }
            _ => self.give_up(named, error, journal).await,
        }
    }

    /// Checks whether the account looks as it does after an act that sets a state. A missing resource is no
    /// evidence: it may only not show yet.
    async fn stands(&self, named: Named<'_>, journal: &SharedJournal<'_>) -> bool {
        let sets = matches!(&named.act.recognise, Recognise::Looks { outputs, .. } if outputs.is_empty())
            && !looks_gone(named.act);
        let outputs = journal.look(Story::outputs);
        sets && matches!(self.look(named.act, &self.bindings(named, journal, &outputs)).await, Look::Found(_))
    }

    /// Decides about an act that failed for good. Where it was called more than once, an earlier call may
    /// have taken effect without showing yet: the effect is looked for until it would have shown.
    async fn give_up(
        &self,
        named: Named<'_>,
        error: &CallError,
        journal: &SharedJournal<'_>,
    ) -> Result<(), Failure> {
        let told = journal
            .look(|story| story.changes.get(named.change)?.step(named.name).map(|s| (s.intents, s.at)));
        if let Some((2.., last)) = told {
            loop {
                let age = self.account.now().duration_since(last).unsigned_abs();
                let outputs = journal.look(Story::outputs);
                let over = age >= self.lag;
                match self.look(named.act, &self.bindings(named, journal, &outputs)).await {
                    // The absence of a resource is believed only when the resource would have shown.
                    Look::Found(outputs) if age >= self.lag || !looks_gone(named.act) => {
                        return self.tell_result(named, StepResult::Found { outputs }, journal);
                    }
                    Look::Unknown(why) if over || EngineError::of_read(&why).is_some() => {
                        self.leave_open(named, error, &why, journal)?;
                        if let Some(halt) = EngineError::of_read(&why) {
                            return Err(Failure::Halt(halt));
                        }
                        break;
                    }
                    _ if over => break,
                    // Neither done nor failed: a resume continues to look.
                    _ if self.stop.now() => {
                        return Err(Failure::Halt(EngineError::Stopped(format!(
                            "while looking for {} of {}",
                            named.name, named.change
                        ))));
                    }
                    _ => {}
                }
                self.rest(Duration::from_secs(self.lag.saturating_sub(age).as_secs().clamp(1, 15)), journal)
                    .await?;
            }
        }
        Err(Failure::Failed(format!("{}: {error}", named.act.call.name())))
    }

    /// Records that it is open whether an earlier call took effect: a resume or a rollback looks once more,
    /// and the reason is shown to a person.
    fn leave_open(
        &self,
        named: Named<'_>,
        error: &CallError,
        why: &str,
        journal: &SharedJournal<'_>,
    ) -> Result<(), Failure> {
        let message =
            format!("{}; redress cannot determine whether an earlier call took effect: {why}", error.message);
        let error = CallError { class: ErrorClass::Transient, code: error.code.clone(), message };
        self.tell_result(named, StepResult::Failed { error }, journal)
    }

    /// Looks for the effect of an intent with an unknown outcome. For calls without a token, absence is
    /// believed only [`Engine::lag`] after the intent, and by two reads; for all calls, where none is to be
    /// made `again`.
    pub(super) async fn look_for(
        &self,
        named: Named<'_>,
        intended: Timestamp,
        again: bool,
        journal: &SharedJournal<'_>,
    ) -> Result<(), Failure> {
        let spec = calls::find(&named.act.call.service, &named.act.call.operation);
        let careful = !again || spec.is_none_or(|s| s.repeat == Repeat::LookFirst);
        let (began, mut absent) = (self.account.now(), 0);
        loop {
            let outputs = journal.look(Story::outputs);
            let look = self.look(named.act, &self.bindings(named, journal, &outputs)).await;
            let age = self.account.now().duration_since(intended).unsigned_abs();
            match look {
                // A new resource may not show yet, and so looks deleted: deleting it again does no harm, and
                // only then is it known.
                Look::Found(_) if !careful && age < self.lag && looks_gone(named.act) => {
                    return self.tell_result(named, StepResult::NotFound, journal);
                }
                Look::Found(_) if !again && age < self.lag && looks_gone(named.act) => {}
                Look::Found(outputs) => {
                    return self.tell_result(named, StepResult::Found { outputs }, journal);
                }
                Look::Absent => absent += 1,
                Look::Unknown(why) => {
                    if let Some(halt) = EngineError::of_read(&why) {
                        return Err(Failure::Halt(halt));
                    }
                    absent = 0;
                    if self.account.now().duration_since(began).unsigned_abs() > self.patience(named, journal)
                    {
                        return Err(Failure::Failed(format!(
                            "{}: it is unknown whether it took effect: {why}",
                            named.act.call.name()
                        )));
                    }
                }
            }
            if absent > 0 && (!careful || (absent > 1 && age >= self.lag)) {
                return self.tell_result(named, StepResult::NotFound, journal);
            }
            if self.stop.now() {
                return Err(Failure::Halt(EngineError::Stopped(format!(
                    "while looking for {} of {}",
                    named.name, named.change
                ))));
            }
            let rest = self.lag.saturating_sub(age).as_secs().clamp(1, 15);
            let why = format!("until it is clear whether {} took effect", named.act.call.operation);
            self.talk.on_progress(&ProgressEvent::Waiting {
                change: named.change.to_owned(),
                why,
                seconds: age.as_secs(),
            });
            self.rest(Duration::from_secs(rest), journal).await?;
        }
    }

    /// Asks for capacity again, for a bounded time; then the run halts and can be resumed.
    async fn no_room(
        &self,
        named: Named<'_>,
        error: &CallError,
        tries: u32,
        waited: Duration,
        journal: &SharedJournal<'_>,
    ) -> Result<(), Failure> {
        if waited > self.room_within(named, journal) {
            return Err(Failure::Halt(EngineError::NoRoom(error.to_string())));
        }
        let seconds = pause_before(named, tries);
        self.talk.on_progress(&ProgressEvent::Again {
            change: named.change.to_owned(),
            why: error.code.clone(),
            seconds,
        });
        self.rest(Duration::from_secs(seconds), journal).await?;
        Ok(())
    }

    /// Records that a launch that failed was this run's own, so that it is not held against later acts.
    /// Returns whether that is new.
    pub(super) fn own_launch(
        &self,
        named: Named<'_>,
        fallen: &power::Fallen,
        journal: &SharedJournal<'_>,
    ) -> Result<bool, Failure> {
        let names = journal
            .look(|story| story.changes.get(named.change).map(|c| c.observed.clone()))
            .unwrap_or_default();
        let own = |name: &String| name == still::LAUNCH || name == still::AT_STOP;
        let other = |(name, was): &(String, Value)| own(name) && *was != fallen.launched;
        let observed: Outputs =
            names.into_iter().filter(other).map(|(name, _)| (name, fallen.launched.clone())).collect();
        let news = !observed.is_empty();
        if news {
            journal
                .write(self.account.now(), Event::Observed { change: named.change.to_owned(), observed })?;
        }
        Ok(news)
    }

    /// Waits for the condition of an act. A start that fell back by itself had no effect, and its error gives
    /// the reason.
    async fn settle(
        &self,
        named: Named<'_>,
        called: Timestamp,
        journal: &SharedJournal<'_>,
    ) -> Result<Result<(), CallError>, Failure> {
        if let Some(wait) = &named.act.wait {
            let outputs = journal.look(Story::outputs);
            let bindings = self.bindings(named, journal, &outputs);
            let until: Vec<Expect> =
                wait.until.iter().map(|e| e.resolve(&bindings)).collect::<Result<_, _>>()?;
            // A resource that a reference names was created by a call of this change.
            let made = wait
                .until
                .iter()
                .zip(&until)
                .filter(|(written, resolved)| written.id != resolved.id)
                .map(|(_, resolved)| resolved.clone())
                .collect();
            if let Err(fallen) = self.wait(named, wait, &until, Since { called, made }, journal).await? {
                self.own_launch(named, &fallen, journal)?;
                self.tell_result(named, StepResult::Failed { error: fallen.error.clone() }, journal)?;
                return Ok(Err(fallen.error));
            }
        }
        journal.write(
            self.account.now(),
            Event::Settled { change: named.change.to_owned(), step: named.name.to_owned() },
        )?;
        Ok(Ok(()))
    }

    async fn wait(
        &self,
        named: Named<'_>,
        wait: &Wait,
        until: &[Expect],
        since: Since,
        journal: &SharedJournal<'_>,
    ) -> Result<Result<(), power::Fallen>, Failure> {
        let mut missing = 0;
        let began = self.account.now();
        // A new resource may not show for as long as lists lag: before that no wait is in vain.
        let at_most =
            self.longest_wait(named.change, wait.at_most, journal).max((self.lag + SHOWN_MARGIN).as_secs());
        for tries in 0_u32.. {
            let mut scope: Scope = until.iter().flat_map(Expect::scope).collect();
            // Most settings show at once: the first look also reads what proves the change.
            let proves = named.last_of.filter(|_| tries == 0);
            scope.extend(proves.iter().flat_map(|change| proof::needs(change, &nothing(self.account))));
            let read_from = self.account.now();
            let inventory = self.account.read(&scope).await;
            let late = self.account.now().duration_since(began).unsigned_abs() > SHOWN_WITHIN;
            let mut blind = String::new();
            let seen = match standing_of(until, &inventory) {
                Standing::NotYet(what) if late && until.iter().any(|e| e.fell_back(&inventory)) => {
                    match until.iter().find_map(|e| power::fell_back(e, &inventory, since.called)) {
                        Some(fallen) => return Ok(Err(fallen)),
                        // It is not known whether it never came up, or was taken down by somebody since.
                        None => return Err(Failure::Failed(format!("waiting {} failed: {what}", wait.why))),
                    }
                }
                Standing::Holds => {
                    if named.last_of.is_some() {
                        journal.keep(named.change, read_from, inventory);
                    }
                    return Ok(Ok(()));
                }
                Standing::Never(what) => {
                    return Err(Failure::Failed(format!("waiting {} failed: {what}", wait.why)));
                }
                Standing::NotYet(what) => what,
                Standing::Unknown(reason) => {
                    // The call took effect, and so it stays: a resume continues the wait.
                    if let Some(halt) = EngineError::of_read(&reason) {
                        return Err(Failure::Halt(halt));
                    }
                    blind = format!(", which cannot be seen now: {reason}");
                    reason.to_string()
                }
            };
            missing = if since.made.iter().any(|e| e.is_missing(&inventory)) { missing + 1 } else { 0 };
            if missing > 1 && self.account.now().duration_since(since.called).unsigned_abs() > self.lag {
                let hint = since
                    .made
                    .iter()
                    .filter(|e| e.is_missing(&inventory))
                    .find_map(|e| e.family.about().vanishes)
                    .unwrap_or_default();
                return Err(Failure::Failed(format!("waiting {} failed: {seen} any more{hint}", wait.why)));
            }
            let seconds = self.account.now().duration_since(began).unsigned_abs().as_secs();
            if seconds >= at_most {
                return Err(Failure::Failed(format!(
                    "waited {seconds} s {} in vain: {what}",
                    wait.why,
                    what = seen
                )));
            }
            if self.stop.now() {
                return Err(Failure::Halt(EngineError::Stopped(format!("while waiting {}", wait.why))));
            }
            self.still_time_to_turn_back(named).await?;
            self.talk.on_progress(&ProgressEvent::Waiting {
                change: named.change.to_owned(),
                why: format!("{}{blind}", wait.why),
                seconds,
            });
            self.rest(Duration::from_secs((1 << tries.min(4)).min(15)), journal).await?;
        }
        Ok(Ok(()))
    }

    pub(super) fn tell_result(
        &self,
        named: Named<'_>,
        result: StepResult,
        journal: &SharedJournal<'_>,
    ) -> Result<(), Failure> {
        let event = Event::Result { change: named.change.to_owned(), step: named.name.to_owned(), result };
        journal.write(self.account.now(), event)?;
        Ok(())
    }

    pub(super) fn bindings<'b>(
        &self,
        named: Named<'b>,
        journal: &'b SharedJournal<'_>,
        outputs: &'b AllOutputs,
    ) -> Bindings<'b> {
        let head = journal.head();
        Bindings {
            run: &head.run,
            started: head.started,
            change: named.change,
            step: named.name,
            attempt: 1,
            outputs,
        }
    }
}

/// Checks whether the effect of an act is recognised by the absence of something.
pub(super) fn looks_gone(act: &Act) -> bool {
    matches!(&act.recognise, Recognise::Looks { expect, .. } if expect.iter().any(|e| e.test == Test::Gone))
}

/// Returns the seconds before the next try: exponential with full jitter
/// (<https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>). The dice are a hash of the
/// act and the try, so that a run replays.
fn pause_before(named: Named<'_>, tries: u32) -> u64 {
    let ceiling = (2_u64 << tries.min(6)).min(LONGEST_PAUSE);
    let digest = Sha256::digest(format!("{}|{}|{tries}", named.change, named.name));
    let dice = u64::from(digest[0]);
    1 + ceiling * dice / 256
}
