//! The waits for a turn: before something is taken down in a region, and before a call of which AWS lets only
//! so many be pending.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{
    Engine, EngineError, ProgressEvent,
    ledger::SharedJournal,
    left_down::{LeftDown, Verdict},
    named::{Failure, Named},
    turns::{LOOK_AGAIN, down_in, is_down, others_down},
};
use crate::{
    calls::{self, Call, Power, mark},
    inventory::{FamilyKind, Scope, Want},
    journal::{StepState, Story},
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

impl Engine<'_> {
    /// Waits, before a call that AWS limits by the number pending in a region, until there is room for one
    /// more. The calls of other people count, as AWS counts them too. Where the number is not known, AWS may
    /// refuse the call.
    pub(super) async fn take_room(
        &self,
        named: Named<'_>,
        journal: &SharedJournal<'_>,
    ) -> Result<(), Failure> {
        let call = &named.act.call;
        let Some(most) = calls::find(&call.service, &call.operation).and_then(|spec| spec.pending) else {
            return Ok(());
        };
        let begun = |story: &Story| {
            story
                .changes
                .get(named.change)
                .and_then(|c| c.step(named.name))
                .is_some_and(|s| s.state != StepState::NotDone)
        };
        if journal.look(begun) {
            return Ok(());
        }
        let (since, turns) = (self.account.now(), journal.turns());
        loop {
            let pending = self.pending_copies(call, journal).await?;
            let seconds = self.account.now().duration_since(since).unsigned_abs().as_secs();
            // Between the count and the claim nothing is awaited, so no other change comes in between.
            if pending + self.rooms_taken(named.change, &call.region, journal) < most {
                turns.rooms().insert(named.change.to_owned(), (named.name.to_owned(), call.region.clone()));
                return Ok(());
            }
            if seconds >= named.bounds.at_most.as_secs() {
                return Err(Failure::Failed(format!(
                    "waited {seconds} s in vain: {pending} copies are pending in {}, and AWS allows {most}",
                    call.region
                )));
            }
            if self.stop.now() || turns.are_closed() {
                return Err(named.stopped("before", ""));
            }
            self.still_time_to_turn_back(named).await?;
            let why = format!(
                "until fewer than {most} snapshot copies are pending in {}, those of others included",
                call.region
            );
            journal.forget_fresh(named.change);
            self.talk.on_progress(&ProgressEvent::ItsTurn { change: named.change.to_owned(), why, seconds });
            self.rest(LOOK_AGAIN, journal).await?;
        }
    }

    /// Counts the other changes that have room for a call that is not made yet, and so does not show.
    fn rooms_taken(&self, change: &str, region: &str, journal: &SharedJournal<'_>) -> usize {
        let made = |story: &Story, id: &str, step: &str| {
            let state = story.changes.get(id).and_then(|c| c.step(step)).map(|s| s.state.clone());
            matches!(state, Some(StepState::Called | StepState::Settled))
        };
        let rooms = journal.turns().rooms().clone();
        let open = |story: &Story| {
            rooms
                .iter()
                .filter(|(id, (step, place))| *id != change && place == region && !made(story, id, step))
                .count()
        };
        journal.look(open)
    }

    /// Counts the copies that are pending in the region of a call: those that show, and those that this run
    /// made a moment ago.
    async fn pending_copies(&self, call: &Call, journal: &SharedJournal<'_>) -> Result<usize, Failure> {
        let now = self.account.now();
        let young = |at: Timestamp| now.duration_since(at).unsigned_abs() < self.lag;
        let own: BTreeSet<String> = journal.look(|story| {
            let steps = story.changes.values().flat_map(|c| &c.steps);
            let same = |other: &Call| other.operation == call.operation && other.region == call.region;
            let alike = steps.filter(|s| s.call.as_ref().is_some_and(same) && young(s.at));
            alike.flat_map(|s| s.outputs.values()).filter_map(|id| id.as_str().map(str::to_owned)).collect()
        });
        let listed = Want::by(&call.region, FamilyKind::Snapshots, "status", "pending");
        let scope: Scope = own
            .iter()
            .map(|id| Want::id(&call.region, FamilyKind::Snapshots, id))
            .chain([listed.clone()])
            .collect();
        let inventory = self.account.read(&scope).await;
        if let Some(halt) = EngineError::of_facts(&inventory) {
            return Err(Failure::Halt(halt));
        }
        let Some(snapshots) = inventory.regions.get(&call.region).map(|r| &r.snapshots) else {
            return Ok(own.len());
        };
        let picked = snapshots.select(&listed.selector);
        let shown =
            picked.known().into_iter().flatten().filter(|(_, s)| s.is_copy()).map(|(id, _)| (*id).to_owned());
        let open = |id: &&String| snapshots.get(id).known().is_none_or(|s| s.state == "pending");
        Ok(shown.chain(own.iter().filter(open).cloned()).collect::<BTreeSet<String>>().len())
    }
}
