//! The rollback of a change: its acts in their order, and the comparison with the former state.

use std::time::Duration;

use super::{
    Engine, EngineError, ProgressEvent,
    apply::PROOF_PAUSES,
    before::left,
    gather::afresh,
    ledger::SharedJournal,
    named::{Bounds, Failure, LastTarget, Named},
    preflight::next_start,
    so_far::{MEANWHILE, guarded, recovering, set_by_others},
    staying::{self, staying, with_what_stays},
};
use crate::{
    calls::{self, Purpose, WayBack, before},
    journal::{ChangeStory, Outcome, StepState, Story},
    plan::{
        Change, Plan, PlanKind,
        restore::{self, Moved},
    },
};

impl Engine<'_> {
    /// Rolls back the steps that took effect. An act whose state is set already counts as done; an act that
    /// refers to a resource that was never created has nothing to undo.
    pub(super) async fn back(&self, change: &Change, journal: &SharedJournal<'_>) -> Result<(), Failure> {
        self.settle_doubts(change, journal).await?;
        let done =
            journal.look(|story| story.changes.get(&change.id).map(ChangeStory::done)).unwrap_or_default();
        let way = calls::way_back(&change.steps, &done, Purpose::Rollback);
        for (n, back) in way.iter().enumerate() {
            if journal.look(|story| story.changes.get(&change.id).is_some_and(|c| c.is_left(&back.name))) {
                continue;
            }
            self.talk.on_progress(&ProgressEvent::StepBegins {
                change: change.id.clone(),
                title: format!("roll back {}", back.of),
                place: 0,
            });
            let act = guarded(change, &back.act, journal);
            let bounds = Bounds::among(&back.act, way.iter().map(|b| &b.act));
            let next = next_start(change, way[n..].iter().map(|b| &b.act), journal);
            let (next, last_target) = (next.as_ref(), LastTarget::NotAsked);
            let named = Named {
                change: &change.id,
                name: &back.name,
                act: &act,
                bounds,
                next,
                last_target,
                for_good: None,
                last_of: None,
            };
            self.take_turn(named, journal).await?;
            let done = self.take_back(named, journal).await;
            match done {
                // No behaviour depends on a record, so bringing the instance up again must not wait for it.
                Err(Failure::Failed(reason) | Failure::Gone(reason)) if back.act.is_bookkeeping() => {
                    self.leave(change, &back.name, &back.act, reason, journal)?;
                }
                done => done?,
            }
            self.give_back_turn(named, journal);
        }
        Ok(())
    }

    /// Performs an act of a rollback or an undo. An act that refers to something that was never created or
    /// observed is left out: an instance that was not stopped is not started.
    pub(super) async fn take_back(
        &self,
        named: Named<'_>,
        journal: &SharedJournal<'_>,
    ) -> Result<(), Failure> {
        let missing =
            before::missing(named.act, &self.bindings(named, journal, &journal.look(Story::outputs)));
        match (
            missing,
            journal.look(|story| story.changes.get(named.change)?.step(named.name).map(|s| s.state.clone())),
        ) {
            (Some(missing), None) => Ok(journal
                .write(self.account.now(), left(named, format!("{missing}: there is nothing to undo")))?),
            (Some(_), Some(StepState::Left)) => Ok(()),
            _ => self.act(named, journal).await,
        }
    }

    /// Looks for the effect of each step with an unknown outcome before the rollback. Otherwise its resource
    /// would be left behind unreported.
    async fn settle_doubts(&self, change: &Change, journal: &SharedJournal<'_>) -> Result<(), Failure> {
        for step in &change.steps {
            let told = journal.look(|story| {
                story
                    .changes
                    .get(&change.id)
                    .and_then(|c| c.step(&step.name))
                    .map(|s| (s.state.clone(), s.at))
            });
            if let Some((StepState::Intended, at)) = told {
                let named = Named {
                    change: &change.id,
                    name: &step.name,
                    act: &step.act,
                    bounds: Bounds::default(),
                    next: None,
                    last_target: LastTarget::NotAsked,
                    for_good: None,
                    last_of: None,
                };
                self.look_for(named, at, false, journal).await?;
            }
        }
        Ok(())
    }

    /// Compares, after a rollback, the touched resources with their former state. Former values must be
    /// restored; new resources may stay where the plan allows it; all other differences are named.
    pub(super) async fn taken_back(
        &self,
        plan: &Plan,
        change: &Change,
        why: &str,
        journal: &SharedJournal<'_>,
    ) -> Result<(), EngineError> {
        let before =
            journal.look(|story| story.changes.get(&change.id).map(|c| c.before.clone())).unwrap_or_default();
        let mut pauses = PROOF_PAUSES.iter();
        let predicted = plan.rehearsal.predicted.get(&change.id);
        let by_others = set_by_others(change, journal);
        let stays = staying(change, journal);
        let (fresh, after, left) = loop {
            let fresh = afresh(self.account, &mut |_| {
                change.touches.iter().cloned().chain(staying::wants(&stays)).collect()
            })
            .await;
            if let Some(halt) = EngineError::of_facts(&fresh) {
                return Err(halt);
            }
            let after = fresh.footprint(&change.touches);
            let mut left = restore::after_rollback(change, &before, predicted, &after);
            left.leave(&by_others);
            match pauses.next() {
                Some(seconds) if !left.is_clean() => {
                    self.rest(Duration::from_secs(*seconds), journal).await?
                }
                _ => break (fresh, after, left),
            }
        };
        let kept = !Change::kept(&change.steps).is_empty();
        let by_hand = journal
            .look(|story| story.changes.get(&change.id).map(crate::journal::ChangeStory::by_hand))
            .unwrap_or_default();
        let lost = !left.unread.is_empty()
            || left.ours.keys().any(|thing| !kept || !restore::nothing(before.get(thing)));
        let for_good = if plan.kind == PlanKind::Plan { done_for_good(change, journal) } else { Vec::new() };
        if !for_good.is_empty() {
            let rest = format!(
                "All that can be undone is as it was before; done, and not to be undone: {}",
                for_good.join("; ")
            );
            return self
                .end(change, Outcome::RolledBack, format!("{why}. {rest}"), after, Vec::new(), journal)
                .await;
        }
        let (outcome, mut rest) = match (left.is_clean(), lost) {
            (true, _) if !by_hand.is_empty() => (
                Outcome::RolledBack,
                format!(
                    "All that works is as it was before; what only records is left to do by hand: {}",
                    by_hand.join("; ")
                ),
            ),
            (true, _) => (Outcome::RolledBack, "Everything is as it was before".to_owned()),
            (_, false) => (
                Outcome::RolledBack,
                format!(
                    "What was there is as it was before; new and kept on purpose: {}",
                    restore::words(&left.ours)
                ),
            ),
            _ => (Outcome::Stuck, stuck_by(&left, change, journal)),
        };
        if !left.others.is_empty() {
            rest.push_str(&format!("; {MEANWHILE}{}", restore::words(&left.others)));
        }
        let rest = with_what_stays(&rest, &stays, &fresh);
        self.end(change, outcome, format!("{why}. {rest}"), after, Vec::new(), journal).await
    }
}

/// Returns the steps that are done and have no reverse.
fn done_for_good(change: &Change, journal: &SharedJournal<'_>) -> Vec<String> {
    let done = journal.look(|story| story.changes.get(&change.id).map(ChangeStory::done)).unwrap_or_default();
    let lost =
        change.steps.iter().filter(|s| matches!(s.way_back, WayBack::Cannot(_)) && done.contains(&s.name));
    lost.map(|step| step.title.clone()).collect()
}

/// Describes the task for a person after a rollback that did not restore the former state.
fn stuck_by(left: &Moved, change: &Change, journal: &SharedJournal<'_>) -> String {
    let run = &journal.head().run;
    let before = &change.before;
    format!(
        "Not as it was before: {}. A person is needed: look at `redress show {run}` for what was called, and \
         fix what is named here; it was: {before}{}",
        left.what(),
        recovering(change, journal)
    )
}
