//! Acts whose call failed: the effect is looked for, the call is repeated, or the act is given up.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::{Failure, Named, looks_gone, pause_before};
use crate::{
    calls::{CallError, ErrorClass, Outputs, Power, Recognise, power, still},
    engine::{Engine, EngineError, ProgressEvent, ledger::SharedJournal, look::Look},
    journal::{Event, StepResult},
};

impl Engine<'_> {
    /// Handles a failed call: looks for its effect, waits and goes on, or gives up.
    pub(super) async fn after_error(
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
                let found = self.effect(named, journal).await;
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
            // Where they go on for hours, nothing that is down waits for them.
            ErrorClass::Concurrency if named.act.outlasts() && named.bounds.way_back.is_some() => {
                self.give_up(named, error, journal).await
            }
            ErrorClass::Concurrency if waited <= self.patience(named, journal).max(named.bounds.at_most) => {
                self.still_time_to_turn_back(named).await?;
                self.rest_before_next(named, error, tries, journal).await
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
                self.rest_before_next(named, error, tries, journal).await
            }
            _ => self.give_up(named, error, journal).await,
        }
    }

    /// Checks whether the account looks as it does after an act that sets a state. A missing resource is no
    /// evidence: it may only not show yet.
    pub(super) async fn stands(&self, named: Named<'_>, journal: &SharedJournal<'_>) -> bool {
        let sets = matches!(&named.act.recognise, Recognise::Looks { outputs, .. } if outputs.is_empty())
            && !looks_gone(named.act);
        sets && matches!(self.effect(named, journal).await, Look::Found(_))
    }

    /// Decides about an act that failed for good. Where it was called more than once, an earlier call may
    /// have taken effect without showing yet: the effect is looked for until it would have shown.
    pub(super) async fn give_up(
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
                let over = age >= self.lag;
                match self.effect(named, journal).await {
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
                    Look::Others(why) => {
                        self.leave_open(named, error, &why, journal)?;
                        break;
                    }
                    _ if over => break,
                    // Neither done nor failed: a resume continues to look.
                    _ if self.stop.now() => {
                        return Err(named.stopped("while looking for", ""));
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
    pub(super) fn leave_open(
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

    /// Reports that a call is made again, and waits before that.
    async fn rest_before_next(
        &self,
        named: Named<'_>,
        error: &CallError,
        tries: u32,
        journal: &SharedJournal<'_>,
    ) -> Result<(), Failure> {
        let (change, why) = (named.change.to_owned(), error.code.clone());
        let seconds = pause_before(named, tries);
        self.talk.on_progress(&ProgressEvent::Again { change, why, seconds });
        Ok(self.rest(Duration::from_secs(seconds), journal).await?)
    }

    /// Asks for capacity again, for a bounded time; then the run halts and can be resumed.
    pub(super) async fn no_room(
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
        self.rest_before_next(named, error, tries, journal).await
    }

    /// Records that a launch that failed was this run's own, so that it is not held against later acts.
    /// Returns whether that is new.
    pub(in crate::engine) fn own_launch(
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
}
