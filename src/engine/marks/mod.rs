//! The marks of runs on instances, as the engine reads them: which instances of a region other runs have down
//! or are about to stop, and by which command a mark is followed. Turns count the changes of one run; runs of
//! other state directories show in the account alone.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;

use super::{
    Engine, EngineError, ProgressEvent,
    ledger::SharedJournal,
    named::{Failure, Named, SHOWN_WITHIN},
    turns::LOOK_AGAIN,
};
pub(super) use crate::calls::mark::recover;
use crate::{
    calls::{Power, mark},
    inventory::{Cause, Fact, FamilyKind, Instance, Inventory, Reason, Selector, TAG_KEY, Want, tag},
    journal::{ChangeStory, StepState},
    plan::Change,
};

/// The longest wait for an instance that another run has down. The turns of one run need no bound: its
/// changes have theirs.
const OTHERS_WITHIN: Duration = Duration::from_secs(3600);

/// The instances of a region that other runs work on, by their marks: instance and run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Others {
    /// Instances that do not run, and that their run did not find stopped.
    down: BTreeMap<String, String>,
    /// Instances that still run, and that a run is about to stop.
    announced: BTreeMap<String, String>,
}

impl Others {
    /// Collects the marks in these facts of runs other than `own`.
    fn of(facts: &Inventory, region: &str, own: &str) -> Result<Self, Reason> {
        let listing = listing(region);
        let nothing = || Reason::new(Cause::Other, format!("{listing} was not read"));
        let marked = match facts.regions.get(region).ok_or_else(nothing)?.instances.select(&listing.selector)
        {
            Fact::Known(marked) => marked,
            Fact::Unknown(reason) => return Err(reason),
            Fact::Absent | Fact::NotRead => return Err(nothing()),
        };
        let mut others = Self::default();
        for (id, instance) in marked {
            let Some(run) = instance.tags.get(tag::RUN).filter(|run| *run != own) else { continue };
            let found = instance.tags.get(tag::STATE).map(String::as_str);
            match instance.state.as_str() {
                "terminated" | "shutting-down" => {}
                "running" if found == Some(mark::STOPPING) => {
                    drop(others.announced.insert(id.to_owned(), run.clone()))
                }
                "running" => {}
                _ if found == Some(mark::FOUND_STOPPED) => {}
                _ => drop(others.down.insert(id.to_owned(), run.clone())),
            }
        }
        Ok(others)
    }

    /// Returns the instances that count for a run that wants to stop one more. Of two runs that announce at
    /// the same moment, at least one sees the other; the earlier one goes first. It does not know whether the
    /// later one has looked before it announced: a stop that follows such a look shows by the time that the
    /// view is `settled`. Announcements of the run that an undo reverses do not count: that run is over, or
    /// halted under the lock that the undo holds.
    fn counting(mut self, own: &str, of_run: Option<&str>, settled: bool) -> BTreeMap<String, String> {
        self.announced.retain(|_, run| Some(run.as_str()) != of_run && (run.as_str() < own || !settled));
        self.down.append(&mut self.announced);
        self.down
    }
}

/// Returns the want for all instances of a region that carry the mark of a run.
fn listing(region: &str) -> Want {
    Want { selector: Selector::by(TAG_KEY, tag::RUN), ..Want::all(region, FamilyKind::Instances) }
}

impl Engine<'_> {
    /// Waits, directly before a call that takes something down, until fewer instances of the region are down
    /// than the limit allows, by the marks of other runs and the turns of this one. The turn of this change
    /// is taken already.
    pub(super) async fn take_turn_of_the_account(
        &self,
        named: Named<'_>,
        journal: &SharedJournal<'_>,
    ) -> Result<(), Failure> {
        if named.act.power() != Power::TakesDown {
            return Ok(());
        }
        let (region, run, since) =
            (named.act.call.region.as_str(), journal.head().run.as_str(), self.account.now());
        let of_run = journal.head().of_run.as_deref();
        let (most, settles) = (self.stop_at_once.max(1), self.lag.min(SHOWN_WITHIN));
        loop {
            let facts = self.account.read(&[listing(region)].into()).await;
            let waited = self.account.now().duration_since(since).unsigned_abs();
            let why = match Others::of(&facts, region, run) {
                Ok(others) => {
                    let others = others.counting(run, of_run, waited >= settles);
                    if others.is_empty()
                        || others.len() + self.own_turns(region, named.change, journal).await? < most
                    {
                        return Ok(());
                    }
                    if waited >= OTHERS_WITHIN {
                        return Err(Failure::Halt(EngineError::Elsewhere(halted(
                            &others, named, most, waited,
                        ))));
                    }
                    format!(
                        "until {} is up again: {most} at once in {region} (--stop-at-once)",
                        words(&others)
                    )
                }
                Err(reason) if reason.cause() == Cause::Credentials => {
                    return Err(Failure::Halt(EngineError::Credentials(reason.to_string())));
                }
                Err(reason) if reason.cause() == Cause::Denied || waited >= OTHERS_WITHIN => {
                    return Err(Failure::Halt(EngineError::Unread(format!(
                        "redress could not find out which instances of {region} other runs have down: \
                         {reason}"
                    ))));
                }
                Err(reason) => {
                    format!("until it is known which instances of {region} other runs have down: {reason}")
                }
            };
            if self.stop.soon() || journal.turns().are_closed() {
                return Err(named.stopped("before", ", which waited for its turn"));
            }
            journal.forget_fresh(named.change);
            self.talk.on_progress(&ProgressEvent::ItsTurn {
                change: named.change.to_owned(),
                why,
                seconds: waited.as_secs(),
            });
            self.rest(LOOK_AGAIN, journal).await?;
        }
    }
}

/// Lists instances with the runs that have them down.
fn words(others: &BTreeMap<String, String>) -> String {
    others.iter().map(|(id, run)| format!("{id} of run {run}")).collect::<Vec<_>>().join(", ")
}

fn halted(others: &BTreeMap<String, String>, named: Named<'_>, most: usize, waited: Duration) -> String {
    let lost = others.values().next().map(|run| recover(run)).unwrap_or_default();
    format!(
        "{} of {} waited {} min in vain: {} is down or about to be stopped, and {most} at once in {} may be \
         (--stop-at-once). Where that run is lost, {lost} bring its instance up",
        named.name,
        named.change,
        waited.as_secs() / 60,
        words(others),
        named.act.call.region
    )
}

/// Returns the instances on which the mark of a run stands by its journal: it was set, or may have been, and
/// not removed.
pub(super) fn standing(told: &ChangeStory) -> Vec<String> {
    let mut standing: Vec<String> = Vec::new();
    for step in &told.steps {
        let Some(call) = &step.call else { continue };
        let names = |key: &str| {
            call.input
                .get("Tags")
                .and_then(Value::as_array)
                .is_some_and(|tags| tags.iter().any(|t| t["Key"] == key))
        };
        let ids = call
            .input
            .get("Resources")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        let instances = ids.filter(|id| id.starts_with("i-") && names(tag::RUN)).map(str::to_owned);
        match (call.operation.as_str(), &step.state) {
            ("CreateTags", StepState::Intended | StepState::Called | StepState::Settled) => {
                standing.extend(instances)
            }
            ("DeleteTags", StepState::Called | StepState::Settled) => {
                let gone: Vec<String> = instances.collect();
                standing.retain(|id| !gone.contains(id));
            }
            _ => {}
        }
    }
    standing
}

/// Describes the mark of another run on an instance that a change touches, and the remedy. `own` lists runs
/// whose marks do not count.
pub(super) fn in_work(change: &Change, facts: &Inventory, own: &[&str]) -> Option<String> {
    change.touches.iter().filter(|want| want.family == FamilyKind::Instances).find_map(|want| {
        let Selector::Id(id) = &want.selector else { return None };
        let place = facts.regions.get(&want.region)?;
        let instance: &Instance = place.instances.get(id).known().copied()?;
        let run = instance.tags.get(tag::RUN).filter(|run| !own.contains(&run.as_str()))?;
        let lost = recover(run);
        Some(format!(
            "{id} is marked by run {run}, which has it in work or was lost: `redress resume {run}` goes on \
             with it; where it is over or lost, {lost} bring {id} up and take the mark off"
        ))
    })
}

#[cfg(test)]
mod tests;
