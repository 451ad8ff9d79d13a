//! The waits: for the effect of a call with an unknown outcome, and for the condition of an act.

use std::time::Duration;

use jiff::Timestamp;

use super::{Failure, Named, SHOWN_MARGIN, Since, looks_gone};
use crate::{
    calls::{self, CallError, Expect, Repeat, Standing, Wait, awaited, power},
    engine::{
        Engine, EngineError, ProgressEvent, gather::nothing, ledger::SharedJournal, look::Look,
        named::SHOWN_WITHIN,
    },
    inventory::Scope,
    journal::{Event, StepResult, Story},
    plan::proof,
};

impl Engine<'_> {
    /// Looks for the effect of an intent with an unknown outcome. For calls without a token, absence is
    /// believed only [`Engine::lag`] after the intent, and by two reads; for all calls, where none is to be
    /// made `again`.
    pub(in crate::engine) async fn look_for(
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
                return Err(named.stopped("while looking for", ""));
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

    /// Waits for the condition of an act. A start that fell back by itself had no effect, and its error gives
    /// the reason.
    pub(super) async fn settle(
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
        self.spread(named, called, journal).await?;
        journal.write(
            self.account.now(),
            Event::Settled { change: named.change.to_owned(), step: named.name.to_owned() },
        )?;
        Ok(Ok(()))
    }

    /// Leaves a result alone until other services of AWS can be expected to act by it. An endpoint whose
    /// lists do not lag has no such delay.
    async fn spread(
        &self,
        named: Named<'_>,
        called: Timestamp,
        journal: &SharedJournal<'_>,
    ) -> Result<(), Failure> {
        let whole = Duration::from_secs(named.act.spreads()).min(self.lag);
        loop {
            let age = self.account.now().duration_since(called).unsigned_abs();
            let Some(rest) = whole.checked_sub(age).filter(|rest| !rest.is_zero()) else { return Ok(()) };
            let why = "until other services of AWS can be expected to see it".to_owned();
            if self.stop.now() {
                return Err(Failure::Halt(EngineError::Stopped(format!("while waiting {why}"))));
            }
            self.talk.on_progress(&ProgressEvent::Waiting {
                change: named.change.to_owned(),
                why,
                seconds: age.as_secs(),
            });
            self.rest(rest.clamp(Duration::from_secs(1), Duration::from_secs(5)), journal).await?;
        }
    }

    pub(super) async fn wait(
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
            let seen = match awaited(until, &inventory) {
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
}
