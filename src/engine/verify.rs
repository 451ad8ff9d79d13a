//! Verification that a run's findings are still fixed: evaluates the proofs of a run again, on fresh facts,
//! and journals the results. Calls nothing.

use super::{Engine, EngineError, gather::afresh, ledger::SharedJournal, marks, so_far::bindings};
use crate::{
    journal::{Event, Journal, Outcome, Story},
    plan::{
        Change, Plan,
        proof::Moment,
        proof::{self, Proved},
    },
};

impl Engine<'_> {
    /// Checks every change of a run that stands.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub async fn verify(&self, plan: &Plan, journal: &mut Journal) -> Result<(), EngineError> {
        let journal = SharedJournal::new(journal);
        let stands = |change: &&Change| {
            let told = journal.look(|story| {
                story.changes.get(&change.id).map(|told| (told.outcome(), told.undone_by.is_some()))
            });
            matches!(told, Some((Some(outcome), false)) if outcome.applied() || outcome == Outcome::Restored)
        };
        let standing: Vec<&Change> = plan.changes.iter().filter(stands).collect();
        // All at once: many facts of many changes come in one answer.
        let all = afresh(self.account, &mut |known| {
            standing.iter().flat_map(|change| proof::needs(change, known)).collect()
        })
        .await;
        for change in standing {
            // One request that failed leaves facts of many changes unknown: each of them is read again alone.
            let answered = proof::needs(change, &all).iter().all(|want| all.answers(want));
            let alone = if answered {
                None
            } else {
                Some(afresh(self.account, &mut |known| proof::needs(change, known)).await)
            };
            let fresh = alone.as_ref().unwrap_or(&all);
            let footprint = fresh.footprint(&change.touches);
            let good = if change.restore.is_some() { Outcome::Restored } else { Outcome::Verified };
            let (outcome, reason, awaiting) =
                match self.proved(change, fresh, &footprint, Moment::Later, &journal) {
                    Proved::Holds(awaiting) => {
                        let outputs = journal.look(Story::outputs);
                        let bindings = bindings(change, &journal, &outputs);
                        let remarks = proof::remarks(change, fresh, Moment::Later, &bindings);
                        (good, remarks.join("; "), awaiting)
                    }
                    Proved::Violated(reason) | Proved::Unknown(reason) => {
                        let marked = marks::in_work(change, fresh, &[&journal.head().run]);
                        (
                            Outcome::Unverified,
                            [Some(reason), marked].into_iter().flatten().collect::<Vec<_>>().join("; "),
                            Vec::new(),
                        )
                    }
                };
            journal.write(
                self.account.now(),
                Event::CheckedAgain { change: change.id.clone(), outcome, reason, awaiting },
            )?;
        }
        Ok(())
    }
}
