//! The wait for room, before a call of which AWS lets only so many be pending in a region. Where the new
//! resources count for hours, room for all of them is found before the instance that they are for goes down,
//! and nothing that is down waits for it.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{
    Engine, EngineError, ProgressEvent,
    ledger::SharedJournal,
    named::{Bounds, Failure, Named},
    so_far::not_begun,
    turns::LOOK_AGAIN,
};
use crate::{
    calls::{self, Call, Power, Step, mark, volume_copies::in_progress},
    inventory::{FamilyKind, Inventory, Scope, Selector, Want},
    journal::{StepState, Story},
    plan::Change,
    services::spec::Pending,
};

/// The calls for which a change needs room now.
struct Wanted<'a> {
    pending: Pending,
    /// The call, or the first of those that follow once something is down.
    call: &'a Call,
    steps: Vec<&'a Step>,
    bounds: Bounds,
}

/// The resources that are pending in a region.
#[derive(Default)]
struct Seen {
    /// Their number, or the least that it can be.
    count: usize,
    /// The resources that they are made from, where AWS limits that, too.
    sources: BTreeSet<String>,
}

fn pending_of(call: &Call) -> Option<Pending> {
    calls::find(&call.service, &call.operation)?.pending
}

/// Returns the calls for which a change needs room before the step at this place: that of the step itself,
/// or, where it leads to something being down, those that follow until it is up again.
fn wanted<'a>(change: &'a Change, at: usize, journal: &SharedJournal<'_>) -> Option<Wanted<'a>> {
    let step = change.steps.get(at).filter(|step| not_begun(change, step, journal))?;
    let bounds = |step: &Step| Bounds::among(&step.act, change.steps.iter().map(|s| &s.act));
    if let Some(pending) = pending_of(&step.act.call) {
        // A call that was made before may have taken effect, and its token then returns the same resource:
        // that one is no reason to wait.
        let made = |story: &Story| {
            story.changes.get(&change.id).and_then(|c| c.step(&step.name)).is_some_and(|s| s.intents > 0)
        };
        if pending.outlasts && journal.look(made) {
            return None;
        }
        return Some(Wanted { pending, call: &step.act.call, steps: vec![step], bounds: bounds(step) });
    }
    if step.act.power() != Power::TakesDown && !mark::announces(&step.act) {
        return None;
    }
    let down = change.steps[at..].iter().take_while(|s| s.act.power() != Power::BringsUp);
    let steps: Vec<&Step> = down.filter(|s| s.act.outlasts() && not_begun(change, s, journal)).collect();
    let first = *steps.first()?;
    let (pending, call) = (pending_of(&first.act.call)?, &first.act.call);
    Some(Wanted { pending, call, steps, bounds: bounds(first) })
}

impl Wanted<'_> {
    /// Returns the reason for which there is no room; `None` where there is.
    fn no_room(&self, seen: &Seen, taken: usize) -> Option<String> {
        let Pending { most, outlasts } = self.pending;
        let (region, number) = (&self.call.region, self.steps.len());
        let sources = self.steps.iter().filter_map(|s| s.act.call.input.get("SourceVolumeId")?.as_str());
        if let Some(source) = sources.into_iter().find(|source| seen.sources.contains(*source)) {
            return Some(format!("another copy of {source} is in progress, and AWS allows one at a time"));
        }
        if seen.count + taken + number <= most {
            return None;
        }
        Some(match outlasts {
            false => format!("{} copies are pending in {region}, and AWS allows {most}", seen.count),
            true => format!(
                "{} copies of volumes are in progress in {region} or about to be, those of others included, \
                 and AWS allows {most} until they are initialised: there is no room for {number} more",
                seen.count + taken
            ),
        })
    }
}

impl Engine<'_> {
    /// Waits until AWS has room for what the step at this place makes, or leads to while something is down.
    /// The calls of other people count, as AWS counts them too. Where the number is not known, AWS may refuse
    /// the call.
    pub(super) async fn take_room(
        &self,
        change: &Change,
        at: usize,
        named: Named<'_>,
        journal: &SharedJournal<'_>,
    ) -> Result<(), Failure> {
        let Some(wanted) = wanted(change, at, journal) else { return Ok(()) };
        let (since, turns) = (self.account.now(), journal.turns());
        let claim: Vec<(String, String)> =
            wanted.steps.iter().map(|s| (s.name.clone(), wanted.call.region.clone())).collect();
        let held =
            turns.rooms().get(named.change).is_some_and(|had| claim.iter().all(|one| had.contains(one)));
        let itself = wanted.steps.iter().any(|s| s.name == named.name);
        // It was found before the instance went down: from here on AWS decides.
        if held && itself {
            return Ok(());
        }
        let down = wanted.pending.outlasts && named.bounds.way_back.is_some();
        loop {
            let seen = self.pending(wanted.call, wanted.pending, journal).await?;
            let seconds = self.account.now().duration_since(since).unsigned_abs().as_secs();
            // Between the count and the claim nothing is awaited, so no other change comes in between. Room
            // that the change has already was not given to others.
            let taken = if held { 0 } else { self.rooms_taken(named.change, &wanted.call.region, journal) };
            let Some(why) = wanted.no_room(&seen, taken) else {
                turns.rooms().insert(named.change.to_owned(), claim);
                return Ok(());
            };
            if down {
                return Err(Failure::Failed(format!("{why}; nothing that is down waits for that")));
            }
            if seconds >= wanted.bounds.at_most.as_secs() {
                return Err(Failure::Failed(format!("waited {seconds} s in vain: {why}")));
            }
            if self.stop.now() || turns.are_closed() {
                return Err(named.stopped("before", ""));
            }
            self.still_time_to_turn_back(named).await?;
            journal.forget_fresh(named.change);
            let why = match wanted.pending.outlasts {
                true => format!("for room: {why}"),
                false => format!(
                    "until fewer than {} snapshot copies are pending in {}, those of others included",
                    wanted.pending.most, wanted.call.region
                ),
            };
            self.talk.on_progress(&ProgressEvent::ItsTurn { change: named.change.to_owned(), why, seconds });
            self.rest(LOOK_AGAIN, journal).await?;
        }
    }

    /// Counts the calls of other changes that have room and are not made yet, and so do not show.
    fn rooms_taken(&self, change: &str, region: &str, journal: &SharedJournal<'_>) -> usize {
        let made = |story: &Story, id: &str, step: &str| {
            let state = story.changes.get(id).and_then(|c| c.step(step)).map(|s| s.state.clone());
            matches!(state, Some(StepState::Called | StepState::Settled))
        };
        let rooms = journal.turns().rooms().clone();
        let open = |story: &Story| {
            let others = rooms.iter().filter(|(id, _)| *id != change);
            let calls = others.flat_map(|(id, calls)| calls.iter().map(move |call| (id, call)));
            calls.filter(|(id, (step, place))| place == region && !made(story, id, step)).count()
        };
        journal.look(open)
    }

    /// Looks for the resources that are pending in the region of a call: those that show, and those that this
    /// run made a moment ago.
    async fn pending(
        &self,
        call: &Call,
        pending: Pending,
        journal: &SharedJournal<'_>,
    ) -> Result<Seen, Failure> {
        let now = self.account.now();
        let young = |at: Timestamp| now.duration_since(at).unsigned_abs() < self.lag;
        let own: BTreeSet<String> = journal.look(|story| {
            let steps = story.changes.values().flat_map(|c| &c.steps);
            let same = |other: &Call| other.operation == call.operation && other.region == call.region;
            let alike = steps.filter(|s| s.call.as_ref().is_some_and(same) && young(s.at));
            alike.flat_map(|s| s.outputs.values()).filter_map(|id| id.as_str().map(str::to_owned)).collect()
        });
        match pending.outlasts {
            true => self.volume_copies(&call.region, &own).await,
            false => self.snapshot_copies(&call.region, &own).await,
        }
    }

    async fn read_for_room(&self, scope: &Scope) -> Result<Inventory, Failure> {
        let inventory = self.account.read(scope).await;
        match EngineError::of_facts(&inventory) {
            Some(halt) => Err(Failure::Halt(halt)),
            None => Ok(inventory),
        }
    }

    async fn snapshot_copies(&self, region: &str, own: &BTreeSet<String>) -> Result<Seen, Failure> {
        let listed = Want::by(region, FamilyKind::Snapshots, "status", "pending");
        let scope: Scope = own
            .iter()
            .map(|id| Want::id(region, FamilyKind::Snapshots, id))
            .chain([listed.clone()])
            .collect();
        let inventory = self.read_for_room(&scope).await?;
        let Some(snapshots) = inventory.regions.get(region).map(|r| &r.snapshots) else {
            return Ok(Seen { count: own.len(), ..Seen::default() });
        };
        let picked = snapshots.select(&listed.selector);
        let shown =
            picked.known().into_iter().flatten().filter(|(_, s)| s.is_copy()).map(|(id, _)| (*id).to_owned());
        let open = |id: &&String| snapshots.get(id).known().is_none_or(|s| s.state == "pending");
        let all: BTreeSet<String> = shown.chain(own.iter().filter(open).cloned()).collect();
        Ok(Seen { count: all.len(), ..Seen::default() })
    }

    /// Looks for copies of volumes that AWS is initialising. A copy names its source; the progress of each is
    /// read by its id.
    async fn volume_copies(&self, region: &str, own: &BTreeSet<String>) -> Result<Seen, Failure> {
        let own_wants = own.iter().map(|id| Want::id(region, FamilyKind::Volumes, id));
        let mut scope: Scope = own_wants.chain([Want::all(region, FamilyKind::Volumes)]).collect();
        let mut facts = self.read_for_room(&scope).await?;
        if let Some(why) = facts.region_mut(region).volumes.select(&Selector::All).silence() {
            return Err(Failure::Failed(format!(
                "which copies of volumes are in progress in {region} could not be read: {why}"
            )));
        }
        let now = self.account.now();
        let copies = in_progress(facts.region_mut(region), now);
        scope = copies.map(|copy| Want::id(region, FamilyKind::VolumeStatuses, &copy.id)).collect();
        if !scope.is_empty() {
            facts.merge(self.read_for_room(&scope).await?);
        }
        let place = &*facts.region_mut(region);
        let shown: Vec<_> = in_progress(place, now).collect();
        let unseen = |id: &&String| {
            place.volumes.get(id).known().is_none() && shown.iter().all(|copy| copy.id != **id)
        };
        Ok(Seen {
            count: shown.len() + own.iter().filter(unseen).count(),
            sources: shown.iter().filter_map(|copy| copy.source_volume_id.clone()).collect(),
        })
    }
}
