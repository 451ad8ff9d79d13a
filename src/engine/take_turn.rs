//! The wait for a turn, before something is taken down in a region.

use std::collections::BTreeSet;

use super::{
    Engine, ProgressEvent,
    ledger::SharedJournal,
    left_down::{LeftDown, Verdict},
    named::{Failure, Named},
    turns::{LOOK_AGAIN, down_in, is_down, others_down},
};
use crate::{
    calls::{Power, mark},
    journal::Story,
};

impl Engine<'_> {
    /// Waits, before the first call of a change that takes something down, until no more than the allowed
    /// number of changes have something down in its region. Waiting calls nothing: the change goes on when
    /// its turn comes. Nobody waits for an instance that a finished change has left down.
    pub(super) async fn take_turn(
        &self,
        named: Named<'_>,
        journal: &SharedJournal<'_>,
    ) -> Result<(), Failure> {
        if named.act.power() != Power::TakesDown && !mark::announces(named.act) {
            return Ok(());
        }
        let (region, since, turns) = (named.act.call.region.as_str(), self.account.now(), journal.turns());
        let (own, most) = (
            |story: &Story| story.changes.get(named.change).is_some_and(|c| down_in(c).contains(region)),
            self.stop_at_once.max(1),
        );
        loop {
            let moved = turns.moved.notified();
            let left = self.left_down(region, named.change, journal).await?;
            let seconds = self.account.now().duration_since(since).unsigned_abs().as_secs();
            // Between this look and the claim nothing is awaited, so no other change comes in between.
            let (before, down) = journal
                .look(|story| (self.whose_turn(story, region, named.change, &left, journal), own(story)));
            if down || before.len() < most {
                turns.claims().entry(named.change.to_owned()).or_default().insert(region.to_owned());
                return Ok(());
            }
            if self.stop.soon() || turns.are_closed() {
                return Err(named.stopped("before", ", which waited for its turn"));
            }
            let who: Vec<String> = before.into_iter().collect();
            let are = if who.len() == 1 { "is" } else { "are" };
            let why = format!(
                "until {} {are} up again: {most} at once in {region} (--stop-at-once)",
                who.join(" and ")
            );
            journal.forget_fresh(named.change);
            self.talk.on_progress(&ProgressEvent::ItsTurn { change: named.change.to_owned(), why, seconds });
            match left.verdict(most, seconds) {
                Verdict::Wait if turns.can_move(&who) => moved.await,
                // Only in a journal that somebody has edited, or of a plan that lacks a change.
                Verdict::Wait => {
                    let who = who.join(" and ");
                    let why = format!(
                        "{who} took something down in {region} by the journal of this run, and is no change \
                         that runs: bring that up first"
                    );
                    return Err(Failure::Gone(why));
                }
                Verdict::LookAgain => self.rest(LOOK_AGAIN, journal).await?,
                Verdict::InVain(why) => return Err(Failure::Gone(why)),
            }
        }
    }

    /// Returns the changes that have a turn in a region: by the journal, and by their claims. An instance
    /// that a finished change has left down counts as long as it is not shown to be up.
    fn whose_turn(
        &self,
        story: &Story,
        region: &str,
        change: &str,
        left: &LeftDown,
        journal: &SharedJournal<'_>,
    ) -> BTreeSet<String> {
        let claims = journal.turns().claims();
        let claimed =
            claims.iter().filter(|(id, regions)| *id != change && regions.contains(region)).map(|(id, _)| id);
        let down = others_down(story, region, change).filter(|id| !left.up.contains(*id));
        down.chain(claimed).cloned().collect()
    }

    /// Counts the other changes of the run that have something down in a region, or a turn at it.
    pub(super) async fn own_turns(
        &self,
        region: &str,
        change: &str,
        journal: &SharedJournal<'_>,
    ) -> Result<usize, Failure> {
        let left = self.left_down(region, change, journal).await?;
        Ok(journal.look(|story| self.whose_turn(story, region, change, &left, journal)).len())
    }

    /// Releases the turn of a change once its instance is up again.
    pub(super) fn give_back_turn(&self, named: Named<'_>, journal: &SharedJournal<'_>) {
        if named.act.power() == Power::BringsUp && !journal.look(|story| is_down(story, named.change)) {
            journal.turns().release(named.change);
        }
    }
}
