//! The course of a run through its changes, and of a change through its steps, forward and back. The journal
//! determines which step is due, so applying and resuming are the same.

use std::time::Duration;

use futures::{FutureExt, StreamExt, stream::FuturesUnordered};
use serde_json::Value;

use super::{
    Engine, EngineError, ProgressEvent,
    begin::Instead,
    gather::{gather, nothing},
    ledger::SharedJournal,
    leftover::{named_by_leftovers, stands},
    named::{Bounds, Failure, Named},
    preflight::next_start,
    schedule::{self, Schedule},
    serving::last_target,
    so_far::{
        alone_in_vain, bindings, for_good, going_back, guarded, nothing_done, restored_but, turned_by_others,
    },
};
use crate::{
    calls::{self, Otherwise},
    inventory::Inventory,
    journal::{ChangeStory, Decision, Event, Journal, Outcome, Phase, StoreError, Story},
    plan::{
        Change, Plan,
        proof::Moment,
        proof::{self, Proved},
        restore,
    },
};

/// Pauses, in seconds, between checks of a proof that does not hold yet: reads may lag behind recent calls.
pub(super) const PROOF_PAUSES: [u64; 5] = [1, 2, 5, 10, 20];

impl Engine<'_> {
    /// Begins a run of a plan and takes it to its end.
    ///
    /// # Errors
    /// When it had to stop before its end; the journal then records its progress.
    pub async fn apply(
        &self,
        plan: &Plan,
        run: &str,
        decisions: Vec<Decision>,
        journal: &mut Journal,
    ) -> Result<(), EngineError> {
        let started = Event::RunStarted {
            run: run.to_owned(),
            plan_digest: plan.digest.clone(),
            kind: plan.kind,
            of_run: plan.of_run.clone(),
            account: plan.account.clone(),
            partition: plan.partition.clone(),
            endpoint: plan.endpoint.clone(),
            caller: self.account.identity().caller.arn.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            decisions,
            signed: journal.signed.clone(),
        };
        journal.write(self.account.now(), started)?;
        self.work(plan, journal).await
    }

    /// Takes an interrupted run to its end. Former decisions stand, except where `decisions` replaces them.
    ///
    /// # Errors
    /// As [`Engine::apply`].
    pub async fn resume(
        &self,
        plan: &Plan,
        decisions: Vec<Decision>,
        journal: &mut Journal,
    ) -> Result<(), EngineError> {
        let (caller, signed) = (self.account.identity().caller.arn.clone(), journal.signed.clone());
        journal.write(self.account.now(), Event::Resumed { caller, decisions, signed })?;
        self.work(plan, journal).await
    }

    /// Runs the changes; those that have nothing in common run side by side. After a reason to stop, nothing
    /// new begins, and each running change goes on to its own next safe point.
    async fn work(&self, plan: &Plan, journal: &mut Journal) -> Result<(), EngineError> {
        let ledger = SharedJournal::new(journal);
        let mut schedule = ledger.look(|story| Schedule::new(plan, story));
        let (mut running, mut halted) = (FuturesUnordered::new(), None);
        loop {
            while let Some(place) = self.next(plan, &mut schedule, running.len(), &mut halted) {
                ledger.turns().begins(&plan.changes[place].id);
                running.push(self.begin(plan, place, &ledger).map(move |result| (place, result)));
            }
            let Some((place, result)) = running.next().await else { break };
            ledger.turns().ends(&plan.changes[place].id);
            ledger.forget_fresh(&plan.changes[place].id);
            if result.is_ok() {
                ledger.look(|story| schedule.over(place, story));
            }
            // A failure to write the journal is graver than any other reason to stop. The first error of a
            // kind is kept: it names the cause.
            let graver = |than: &EngineError, error: &EngineError| {
                matches!(error, EngineError::Store(_)) && !matches!(than, EngineError::Store(_))
            };
            match result {
                Err(error) if halted.as_ref().is_none_or(|than| graver(than, &error)) => halted = Some(error),
                _ => {}
            }
            // A waiting change may wait for one that stopped with something down: no more turns.
            if halted.is_some() {
                ledger.turns().close();
            }
        }
        let Some(error) = halted else {
            ledger.write(self.account.now(), Event::RunEnded)?;
            return Ok(());
        };
        if !matches!(error, EngineError::Store(_)) {
            let reason = self.stopped(&error, &plan.changes, &ledger).await;
            ledger.write(self.account.now(), Event::Stopped { reason })?;
        }
        Err(error)
    }

    /// Takes the next change to begin, if there is room for one; none once there is a reason to stop.
    fn next(
        &self,
        plan: &Plan,
        schedule: &mut Schedule<'_>,
        running: usize,
        halted: &mut Option<EngineError>,
    ) -> Option<usize> {
        if halted.is_some() || running >= self.jobs.clamp(1, schedule::MOST_JOBS) {
            return None;
        }
        let next = schedule.peek()?;
        if self.stop.soon() {
            *halted = Some(EngineError::Stopped(format!("before {}", plan.changes[next].id)));
            return None;
        }
        schedule.take()
    }

    async fn begin(&self, plan: &Plan, place: usize, journal: &SharedJournal<'_>) -> Result<(), EngineError> {
        let change = &plan.changes[place];
        self.talk.on_progress(&ProgressEvent::ChangeBegins {
            id: change.id.clone(),
            summary: change.summary.clone(),
            place: place + 1,
            of: plan.changes.len(),
            steps: change.steps.len(),
        });
        self.change(plan, change, journal).await
    }

    /// Takes one change from its present phase to its end.
    async fn change(
        &self,
        plan: &Plan,
        change: &Change,
        journal: &SharedJournal<'_>,
    ) -> Result<(), EngineError> {
        loop {
            let phase = journal
                .look(|story| story.changes.get(&change.id).map(|c| c.phase.clone()))
                .unwrap_or_default();
            // An untouched change that was begun earlier must meet the same conditions as a new one.
            let begins =
                phase == Phase::Waiting || (phase == Phase::Forward && journal.untouched(&change.id));
            match phase {
                Phase::Ended(_) => return Ok(()),
                Phase::Waiting | Phase::Forward if begins => {
                    match self.may_begin(plan, change, journal).await {
                        Ok(before) => journal.write(
                            self.account.now(),
                            Event::ChangeStarted { change: change.id.clone(), before },
                        )?,
                        Err(Instead::Halt(error)) => return Err(error),
                        Err(Instead::End(outcome, reason)) => {
                            self.end(change, outcome, reason, Value::Null, Vec::new(), journal).await?
                        }
                    }
                }
                Phase::Waiting | Phase::Forward => match self.forward(plan, change, journal).await {
                    Ok(()) => self.finish(change, journal).await?,
                    Err(Failure::Halt(error)) => return Err(error),
                    Err(Failure::Gone(reason)) if nothing_done(change, journal) => {
                        self.end(
                            change,
                            Outcome::Blocked,
                            format!("{reason}. Nothing was changed"),
                            Value::Null,
                            Vec::new(),
                            journal,
                        )
                        .await?;
                    }
                    Err(Failure::Failed(reason)) if nothing_done(change, journal) => {
                        self.end(
                            change,
                            Outcome::Failed,
                            format!("{reason}. Nothing was changed"),
                            Value::Null,
                            Vec::new(),
                            journal,
                        )
                        .await?;
                    }
                    Err(Failure::Failed(reason) | Failure::Gone(reason)) => {
                        self.talk.on_progress(&ProgressEvent::GoingBack {
                            change: change.id.clone(),
                            reason: reason.clone(),
                        });
                        journal.write(
                            self.account.now(),
                            Event::RollbackStarted { change: change.id.clone(), reason },
                        )?;
                    }
                },
                // A rollback that earlier versions decided on after the start, and of which nothing was done.
                Phase::Back(reason) if self.past_return(change, journal) && !going_back(change, journal) => {
                    self.doubt(change, reason, journal)?;
                    self.finish(change, journal).await?;
                }
                Phase::Back(reason) => match self.back(change, journal).await {
                    Ok(()) => self.taken_back(plan, change, &reason, journal).await?,
                    Err(Failure::Halt(error)) => return Err(error),
                    Err(Failure::Gone(why)) => {
                        self.stuck(
                            change,
                            format!("{reason}; and the rollback stopped {why}. Nothing more was called"),
                            journal,
                        )
                        .await?
                    }
                    Err(Failure::Failed(why)) => {
                        self.stuck(change, format!("{reason}; and the rollback failed: {why}"), journal)
                            .await?
                    }
                },
            }
        }
    }

    async fn forward(
        &self,
        plan: &Plan,
        change: &Change,
        journal: &SharedJournal<'_>,
    ) -> Result<(), Failure> {
        for (n, step) in change.steps.iter().enumerate() {
            if journal.look(|story| story.changes.get(&change.id).is_some_and(|c| c.is_left(&step.name))) {
                continue;
            }
            self.talk.on_progress(&ProgressEvent::StepBegins {
                change: change.id.clone(),
                title: step.title.clone(),
                place: n + 1,
            });
            let mut bounds = Bounds::among(&step.act, change.steps.iter().map(|s| &s.act));
            bounds.way_back = self.way_back_if_down(change, step, journal);
            let next = next_start(change, change.steps[n..].iter().map(|s| &s.act), journal);
            let (next, last_target, for_good) =
                (next.as_ref(), last_target(change), for_good(plan, change, step));
            let last_of = (n + 1 == change.steps.len()).then_some(change);
            let named = Named {
                change: &change.id,
                name: &step.name,
                act: &step.act,
                bounds,
                next,
                last_target,
                for_good,
                last_of,
            };
            // Room may take hours to come, in which nobody waits for this change's turn. Conditions directly
            // before something goes down are checked once its turn has come.
            self.take_room(change, n, named, journal).await?;
            self.take_turn(named, journal).await?;
            if let Some(short) = self.time_is_short(change, n, journal).await {
                return Err(Failure::Failed(short));
            }
            self.shown_to_come_up(change, n, journal).await?;
            self.announce_downtime(change, n, journal);
            let goes_on = step.act.is_bookkeeping() || step.act.deletes_own();
            let done = match self.doubtful(change, journal) && !goes_on {
                true => Err(Failure::Failed("it is in doubt what came before it has led to".to_owned())),
                false => {
                    let act = guarded(change, &step.act, journal);
                    let named = Named { act: &act, ..named };
                    // An undo reverses its run, and follows the same rules as a rollback.
                    if change.restore.is_some() {
                        self.take_back(named, journal).await
                    } else {
                        self.act(named, journal).await
                    }
                }
            };
            match done {
                Err(Failure::Failed(reason)) if calls::only_records(&change.steps, n) => {
                    self.leave(change, &step.name, &step.act, reason, journal)?
                }
                Err(Failure::Failed(reason) | Failure::Gone(reason))
                    if step.act.otherwise == Otherwise::Alone || self.past_return(change, journal) =>
                {
                    self.leave(change, &step.name, &step.act, reason, journal)?;
                }
                done => done?,
            }
            self.give_back_turn(named, journal);
        }
        match alone_in_vain(change, journal) {
            Some(reason) => Err(Failure::Failed(reason)),
            None => Ok(()),
        }
    }

    /// Checks whether a change is in doubt: one of its calls did not have the expected result.
    fn doubtful(&self, change: &Change, journal: &SharedJournal<'_>) -> bool {
        journal.look(|story| story.changes.get(&change.id).is_some_and(|c| !c.doubts().is_empty()))
    }

    /// Journals a doubt about the resource that was started.
    fn doubt(&self, change: &Change, reason: String, journal: &SharedJournal<'_>) -> Result<(), StoreError> {
        match change.steps.iter().find(|s| s.act.power() == calls::Power::BringsUp) {
            Some(start) => self.leave(change, &start.name, &start.act, reason, journal),
            None => Ok(()),
        }
    }

    /// Reads the account afresh after the last step, and proves the change.
    async fn finish(&self, change: &Change, journal: &SharedJournal<'_>) -> Result<(), EngineError> {
        let mut pauses = PROOF_PAUSES.iter();
        let theirs = journal.look(|story| story.changes.get(&change.id).is_some_and(ChangeStory::all_theirs));
        loop {
            let known = journal
                .take_fresh(&change.id, self.account.now(), |read| proof::needs(change, read))
                .unwrap_or_else(|| nothing(self.account));
            let fresh = gather(self.account, known, &mut |known| proof::needs(change, known)).await;
            if let Some(halt) = EngineError::of_facts(&fresh) {
                return Err(halt);
            }
            let after = fresh.footprint(&change.touches);
            let proved = self.proved(change, &fresh, &after, Moment::EndOfRun, journal);
            let doubts = journal
                .look(|story| story.changes.get(&change.id).map(crate::journal::ChangeStory::doubts))
                .unwrap_or_default();
            match (&proved, pauses.next()) {
                (Proved::Holds(awaiting), _) if !doubts.is_empty() => {
                    return self
                        .end(
                            change,
                            Outcome::Unverified,
                            stands(&doubts, journal),
                            after,
                            awaiting.clone(),
                            journal,
                        )
                        .await;
                }
                (Proved::Holds(awaiting), _) => {
                    let (outcome, reason) = match &change.restore {
                        Some(restore) => (Outcome::Restored, restored_but(change, restore, &after, journal)),
                        None if theirs => (
                            Outcome::AlreadyFixed,
                            "AWS answered that it was so already: somebody else did the same at the same \
                             time, and this run changed nothing"
                                .to_owned(),
                        ),
                        None => {
                            let outputs = journal.look(Story::outputs);
                            let bindings = bindings(change, journal, &outputs);
                            let remarks = proof::remarks(change, &fresh, Moment::EndOfRun, &bindings);
                            (Outcome::Verified, remarks.join("; "))
                        }
                    };
                    return self.end(change, outcome, reason, after, awaiting.clone(), journal).await;
                }
                (Proved::Violated(reason) | Proved::Unknown(reason), None) => {
                    let reason = match doubts.is_empty() {
                        true => reason.clone(),
                        false => stands(&[doubts.as_slice(), std::slice::from_ref(reason)].concat(), journal),
                    };
                    return self.end(change, Outcome::Unverified, reason, after, Vec::new(), journal).await;
                }
                (_, Some(seconds)) => self.rest(Duration::from_secs(*seconds), journal).await?,
            }
        }
    }

    /// Checks a change against fresh facts: its proofs, or, for an undo, the footprint that it restores.
    pub(super) fn proved(
        &self,
        change: &Change,
        fresh: &Inventory,
        footprint: &Value,
        moment: Moment,
        journal: &SharedJournal<'_>,
    ) -> Proved {
        match &change.restore {
            Some(to) => {
                restore::restored_but(change, to, footprint, moment, &turned_by_others(change, journal))
            }
            None => {
                let excused = named_by_leftovers(change, journal);
                proof::proved_but(
                    change,
                    fresh,
                    moment,
                    &bindings(change, journal, &journal.look(Story::outputs)),
                    &excused,
                )
            }
        }
    }

    /// Ends a change, and adds to its reason the keys that keep an instance of it down.
    pub(super) async fn end(
        &self,
        change: &Change,
        outcome: Outcome,
        reason: String,
        after: Value,
        awaiting: Vec<String>,
        journal: &SharedJournal<'_>,
    ) -> Result<(), EngineError> {
        let reason = self.with_dead_keys(change, outcome, reason, journal).await;
        self.ended(change, outcome, reason, after, awaiting, journal)
    }

    /// Ends a change with its final reason.
    pub(super) fn ended(
        &self,
        change: &Change,
        outcome: Outcome,
        reason: String,
        after: Value,
        awaiting: Vec<String>,
        journal: &SharedJournal<'_>,
    ) -> Result<(), EngineError> {
        self.talk.on_progress(&ProgressEvent::ChangeEnds {
            id: change.id.clone(),
            outcome,
            reason: reason.clone(),
        });
        journal.write(
            self.account.now(),
            Event::ChangeEnded { change: change.id.clone(), outcome, reason, after, awaiting },
        )?;
        Ok(())
    }
}
