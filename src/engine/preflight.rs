//! The check before something is taken down: every later call up to the one that brings it up again, and
//! every call of the rollback, would be allowed. The calls are tried without effect, directly before. A
//! denial keeps the instance up; a call with an unknown result is reported and does not count as allowed.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Engine, ProgressEvent,
    ledger::SharedJournal,
    named::Failure,
    so_far::{bindings, not_begun},
};
use crate::{
    calls::{self, Act, Call, NextStart, Power, Purpose, Tried},
    journal::{ChangeStory, Event, StepState, Story},
    plan::Change,
};

impl Engine<'_> {
    /// Tries the later calls, before the step at this place takes something down.
    ///
    /// # Errors
    /// The call that would be denied.
    pub(super) async fn shown_to_come_up(
        &self,
        change: &Change,
        at: usize,
        journal: &SharedJournal<'_>,
    ) -> Result<(), Failure> {
        let Some(step) = change
            .steps
            .get(at)
            .filter(|s| s.act.power() == Power::TakesDown && not_begun(change, s, journal))
        else {
            return Ok(());
        };
        let Later { calls, unknown } = later(change, at, journal);
        let (mut allowed, mut good, mut not_told) = (0, BTreeSet::new(), BTreeMap::new());
        for call in &calls {
            match self.account.try_call(call).await {
                Tried::Allowed => {
                    allowed += 1;
                    good.insert(call.name());
                }
                Tried::Denied(why) => {
                    return Err(Failure::Failed(format!(
                        "{} would be denied ({why}): \"{}\" was not done, since nothing is taken down before \
                         it is shown that it can come up again",
                        call.name(),
                        step.title
                    )));
                }
                Tried::Missing(why) => {
                    return Err(Failure::Failed(format!(
                        "the endpoint does not have {} ({why}): \"{}\" was not done, since what follows it \
                         needs that call",
                        call.name(),
                        step.title
                    )));
                }
                Tried::CannotTell(why) => drop(not_told.entry(call.name()).or_insert(why)),
            }
        }
        // A call that names a resource that does not exist yet counts as allowed if the same operation was
        // tried or made on another resource.
        let made = |name: &String| {
            journal.look(|story| story.changes.get(&change.id).is_some_and(|c| was_made(c, name)))
        };
        for name in unknown.into_iter().filter(|name| !good.contains(name) && !made(name)) {
            not_told.entry(name).or_insert_with(|| "what it names does not exist yet".to_owned());
        }
        let not_told: Vec<String> =
            not_told.into_iter().map(|(name, why)| format!("{name}: {why}")).collect();
        if !not_told.is_empty() {
            self.talk
                .on_progress(&ProgressEvent::NotTried { change: change.id.clone(), calls: not_told.clone() });
        }
        journal.write(
            self.account.now(),
            Event::Tried { change: change.id.clone(), step: step.name.clone(), allowed, not_told },
        )?;
        Ok(())
    }
}

/// Returns the next start after the first of these acts, where that act takes something down; or the start by
/// the first act itself, where the change brings up an instance that it has not taken down.
pub(super) fn next_start<'a>(
    change: &Change,
    acts: impl Iterator<Item = &'a Act>,
    journal: &SharedJournal<'_>,
) -> Option<NextStart> {
    // The outputs of the run are searched only where something goes down or comes up, not before every act.
    let mut acts = acts.peekable();
    let first = acts.peek()?.power();
    let outputs = || journal.look(Story::outputs);
    match first {
        Power::TakesDown => NextStart::after(acts, &bindings(change, journal, &outputs())),
        // An instance that the change has taken down is started whatever is known of the keys: they were
        // checked before, and AWS decides.
        Power::BringsUp if change.steps.iter().any(|step| step.act.power() == Power::TakesDown) => None,
        Power::BringsUp => NextStart::ahead(acts.take(1), &bindings(change, journal, &outputs())),
        Power::Stays => None,
    }
}

/// Checks whether this change has made a call of an operation already.
fn was_made(told: &ChangeStory, name: &str) -> bool {
    told.steps.iter().any(|s| {
        s.call.as_ref().is_some_and(|call| call.name() == name)
            && matches!(s.state, StepState::Called | StepState::Settled)
    })
}

/// The calls after a step.
#[derive(Default)]
struct Later {
    /// Calls in their final form, each once.
    calls: Vec<Call>,
    /// Operations whose input names a resource that does not exist yet.
    unknown: BTreeSet<String>,
}

/// Collects the calls after a step up to and including the one that brings up, and those of the rollback.
fn later(change: &Change, at: usize, journal: &SharedJournal<'_>) -> Later {
    let (outputs, story) = (
        journal.look(Story::outputs),
        journal.look(|story| story.changes.get(&change.id).cloned().unwrap_or_default()),
    );
    let bindings = bindings(change, journal, &outputs);
    let down = &change.steps[at..];
    let up = down.iter().position(|s| s.act.power() == Power::BringsUp);
    // Once the instance is up, nothing is rolled back: that step has no part in the rollback.
    let mut names = story.done();
    names.extend(down.iter().take(up.unwrap_or(down.len())).map(|s| s.name.clone()));
    let forward = down.iter().take(up.map_or(down.len(), |n| n + 1)).skip(1).map(|s| &s.act);
    let way = calls::way_back(&change.steps, &names, Purpose::Rollback);
    let mut later = Later::default();
    let mut add = |act: &Act| match bindings.resolve(&act.call.input) {
        Ok(input) => {
            let call = Call { input, ..act.call.clone() };
            if !later.calls.contains(&call) {
                later.calls.push(call);
            }
        }
        Err(_) => drop(later.unknown.insert(act.call.name())),
    };
    forward.for_each(&mut add);
    way.iter().for_each(|back| add(&back.act));
    later
}
