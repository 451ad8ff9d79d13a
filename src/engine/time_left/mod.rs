//! The check that the credentials last until a stopped instance could be up again. Credentials that end in
//! between leave it down: so it is not stopped where they end too soon, and a change that has it down turns
//! back while it still can. The durations are estimates; the limits of the waits themselves would forbid
//! nearly everything.

use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;

use super::{
    Engine, ProgressEvent,
    ledger::SharedJournal,
    named::{Failure, Named},
    so_far::not_begun,
    turns,
};
use crate::{
    account::Validity,
    calls::{self, Act, Power, Purpose, Step, Takes},
    journal::ChangeStory,
    plan::Change,
};

/// The minimum, in seconds, of a pass over the data of a disk, however little there is on it.
const PASS_AT_LEAST: u64 = 120;
/// Seconds for a GiB in a pass over a disk. AWS promises nothing; a later snapshot of the same disk passes
/// over the changed blocks alone
/// (<https://docs.aws.amazon.com/ebs/latest/userguide/ebs-creating-snapshot.html>), a copy that changes the
/// encryption may be whole (<https://docs.aws.amazon.com/ebs/latest/userguide/ebs-copy-snapshot.html>).
const PASS_PER_GIB: u64 = 15;
/// The divisor for the part of a disk that a later snapshot passes over again: one tenth.
const CHANGED_PART: u64 = 10;
/// The margin by which a change turns back before it must: the pause between two looks, and the time of a
/// look.
const MARGIN: Duration = Duration::from_secs(60);

/// Estimates the time of these acts, one after the other. Acts that are begun side by side count once, by the
/// biggest disk: the acts of one operation in a row, up to the one that waits for them.
fn time<'a>(acts: impl IntoIterator<Item = &'a Act>, biggest: u64, snapshots_before: bool) -> Duration {
    let (mut seconds, mut open) = (0, None);
    let mut warm = snapshots_before;
    for act in acts {
        let operation = act.call.operation.as_str();
        seconds += match act.takes() {
            Takes::Seconds(seconds) => seconds,
            _ if open == Some(operation) => 0,
            Takes::PassOverChanges if warm => PASS_AT_LEAST + biggest * PASS_PER_GIB / CHANGED_PART,
            Takes::PassOverChanges | Takes::Pass => PASS_AT_LEAST + biggest * PASS_PER_GIB,
        };
        warm |= act.takes() == Takes::PassOverChanges;
        open = act.wait.is_none().then_some(operation);
    }
    Duration::from_secs(seconds)
}

/// Returns the GiB of the biggest disk that a change creates.
fn biggest(steps: &[Step]) -> u64 {
    steps.iter().filter_map(|s| s.act.call.input.get("Size")?.as_u64()).max().unwrap_or(0)
}

/// Returns the acts until something is up again; all where nothing is brought up.
fn until_up<'a>(acts: impl Iterator<Item = &'a Act>) -> Vec<&'a Act> {
    let acts: Vec<&Act> = acts.collect();
    let up = acts.iter().position(|act| act.power() == Power::BringsUp).map_or(acts.len(), |at| at + 1);
    acts.into_iter().take(up).collect()
}

/// Estimates the time of a change from a step until the instance is up again.
fn ahead(change: &Change, from: usize) -> Duration {
    let warm = change.steps[..from].iter().any(|s| s.act.takes() == Takes::PassOverChanges);
    time(until_up(change.steps[from..].iter().map(|s| &s.act)), biggest(&change.steps), warm)
}

/// Estimates the time of the rollback after these steps until the instance is up again.
fn way_back(change: &Change, done: &[String]) -> Duration {
    let way = calls::way_back(&change.steps, done, Purpose::Rollback);
    time(until_up(way.iter().map(|back| &back.act)), 0, true)
}

/// Estimates the time for which a change may have an instance down: the forward steps, and the rollback after
/// a failure at their end.
fn downtime(change: &Change, from: usize) -> Option<Duration> {
    let stop = from + change.steps[from..].iter().position(|s| s.act.power() == Power::TakesDown)?;
    let done: Vec<String> = change
        .steps
        .iter()
        .take_while(|s| s.act.power() != Power::BringsUp)
        .map(|s| s.name.clone())
        .collect();
    Some(ahead(change, stop) + way_back(change, &done))
}

/// The first pass over the disks, as it was measured while the instance ran, and the downtime to expect from
/// it: a pass after the stop takes no longer than the first one, unless much has changed since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Measured {
    pass: Duration,
    least: Duration,
    most: Duration,
}

/// Returns the first pass over the disks that a change has made before the step at `stop`; `None` where it
/// has made none, or none is to follow. `called` returns the time of a step's call.
fn measured(
    change: &Change,
    stop: usize,
    called: &dyn Fn(&str) -> Option<Timestamp>,
    now: Timestamp,
) -> Option<Measured> {
    let is_pass = |step: &Step| !matches!(step.act.takes(), Takes::Seconds(_));
    let (before, after) = change.steps.split_at(stop);
    let first = before.iter().position(is_pass)?;
    let last = before.iter().rposition(is_pass)?;
    let begun = called(&before[first].name)?;
    let ended = before.get(last + 1).map_or(Some(now), |step| called(&step.name))?;
    let pass = Duration::try_from(ended.duration_since(begun)).ok()?;
    let (mut fixed, mut passes) = (0, BTreeSet::new());
    for act in until_up(after.iter().map(|s| &s.act)) {
        match act.takes() {
            Takes::Seconds(seconds) => fixed += seconds,
            Takes::PassOverChanges | Takes::Pass => drop(passes.insert(act.call.operation.as_str())),
        }
    }
    let least = Duration::from_secs(fixed + PASS_AT_LEAST * passes.len() as u64);
    let most = (Duration::from_secs(fixed) + pass).max(least);
    (!passes.is_empty()).then_some(Measured { pass, least, most })
}

fn minutes(time: Duration) -> u64 {
    time.as_secs().div_ceil(60)
}

impl Engine<'_> {
    /// Reports the downtime to expect, before the step at this place takes something down.
    pub(super) fn announce_downtime(&self, change: &Change, at: usize, ledger: &SharedJournal<'_>) {
        let takes_down = |s: &&Step| s.act.power() == Power::TakesDown && not_begun(change, s, ledger);
        if change.steps.get(at).filter(takes_down).is_none() {
            return;
        }
        let now = self.account.now();
        let measured = ledger.look(|story| {
            let story = story.changes.get(&change.id)?;
            measured(change, at, &|step| story.step(step).map(|s| s.at), now)
        });
        if let Some(Measured { pass, least, most }) = measured {
            let [pass, least, most] = [pass, least, most].map(|time| time.as_secs());
            self.talk.on_progress(&ProgressEvent::Downtime { change: change.id.clone(), pass, least, most });
        }
    }

    /// Returns the remaining time of the credentials, and their end; `None` where no end is known.
    async fn left(&self) -> Option<(Duration, Timestamp)> {
        match self.account.validity().await {
            Validity::Ends(ends) => {
                Some((Duration::try_from(ends.duration_since(self.account.now())).unwrap_or_default(), ends))
            }
            Validity::Lasting | Validity::Renewed(_) | Validity::Unsaid => None,
        }
    }

    /// Returns the reason for which a change has too little time for its next step. It is checked before the
    /// first step and before a stop, and, once the instance is down, before each step that can be rolled
    /// back.
    pub(super) async fn time_is_short(
        &self,
        change: &Change,
        next: usize,
        ledger: &SharedJournal<'_>,
    ) -> Option<String> {
        let step = change.steps.get(next).filter(|s| not_begun(change, s, ledger))?;
        if next == 0 || step.act.power() == Power::TakesDown {
            let needed = downtime(change, next)?;
            let (left, ends) = self.left().await?;
            return (left < needed).then(|| {
                format!(
                    "the credentials end at {ends:.0}, in {} min, and the instance could be down for {} min: \
                     it was not stopped. Renew them and make the change then",
                    left.as_secs() / 60,
                    minutes(needed)
                )
            });
        }
        if step.act.power() == Power::BringsUp || !ledger.look(|story| turns::is_down(story, &change.id)) {
            return None;
        }
        let (back, ahead) = (self.time_back(change, ledger), ahead(change, next));
        let (left, ends) = self.left().await?;
        (left < ahead && left >= back).then(|| turn_back(ends, left, back))
    }

    fn time_back(&self, change: &Change, ledger: &SharedJournal<'_>) -> Duration {
        let done =
            ledger.look(|story| story.changes.get(&change.id).map(ChangeStory::done)).unwrap_or_default();
        way_back(change, &done)
    }

    /// Estimates the time of a change's rollback, where it would be made while something is down.
    pub(super) fn way_back_if_down(
        &self,
        change: &Change,
        step: &Step,
        ledger: &SharedJournal<'_>,
    ) -> Option<Duration> {
        let back = step.act.power() == Power::Stays && ledger.look(|story| turns::is_down(story, &change.id));
        back.then(|| self.time_back(change, ledger))
    }

    /// Turns back from a wait in which something is down, when the credentials hardly outlast the rollback.
    /// Where they no longer do, the wait goes on: it may still end with the instance up, and the end of the
    /// credentials halts the run.
    pub(super) async fn still_time_to_turn_back(&self, named: Named<'_>) -> Result<(), Failure> {
        let Some(back) = named.bounds.way_back else { return Ok(()) };
        match self.left().await {
            Some((left, ends)) if left >= back && left < back + MARGIN => {
                Err(Failure::Failed(turn_back(ends, left, back)))
            }
            _ => Ok(()),
        }
    }
}

fn turn_back(ends: Timestamp, left: Duration, back: Duration) -> String {
    format!(
        "the credentials end at {ends:.0}, in {} min, and the rollback takes {} min: it is rolled back while \
         that is still possible, so that the instance is not left down. Renew them and make the change then",
        left.as_secs() / 60,
        minutes(back)
    )
}

#[cfg(test)]
mod tests;
