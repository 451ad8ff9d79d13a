//! The point of no return of a change. Once a call that brings something up took effect, people may be
//! working on it, and the data that it writes exists nowhere else: from then on nothing is rolled back
//! automatically. A later failure becomes a leftover: a task for a person, or a doubt about the change, with
//! the command that undoes it.

use super::{Engine, ledger::SharedJournal, so_far::bindings};
use crate::{
    calls::{Act, Call, Power},
    journal::{ChangeStory, Event, StepState, StoreError, Story},
    plan::{Change, PlanKind},
};

impl Engine<'_> {
    /// Checks whether a call of the change that brings something up took effect, or may have.
    pub(super) fn past_return(&self, change: &Change, journal: &SharedJournal<'_>) -> bool {
        let begun = |story: &ChangeStory, name: &str| {
            story.step(name).is_some_and(|s| !matches!(s.state, StepState::NotDone | StepState::Left))
        };
        let up = |story: &ChangeStory| {
            change.steps.iter().any(|s| s.act.power() == Power::BringsUp && begun(story, &s.name))
        };
        journal.look(|story| story.changes.get(&change.id).is_some_and(up))
    }

    /// Journals that a step, or an act of an undo or rollback, is left over. A call that was made without the
    /// expected result leaves the change in doubt; one that was not made is left for a person to make.
    pub(super) fn leave(
        &self,
        change: &Change,
        step: &str,
        act: &Act,
        reason: String,
        journal: &SharedJournal<'_>,
    ) -> Result<(), StoreError> {
        let made = journal.look(|story| {
            let told = story.changes.get(&change.id).and_then(|c| c.step(step));
            told.is_some_and(|s| matches!(s.state, StepState::Called | StepState::Settled))
        });
        let outputs = journal.look(Story::outputs);
        let input = bindings(change, journal, &outputs)
            .resolve(&act.call.input)
            .unwrap_or_else(|_| act.call.input.clone());
        let doubtful = made || act.power() == Power::BringsUp;
        let call = (!doubtful).then(|| Call { input, ..act.call.clone() });
        let (change, step) = (change.id.clone(), step.to_owned());
        journal.write(self.account.now(), Event::LeftOver { change, step, call, reason })
    }
}

/// Explains why a change that stands is not proved: the doubts about it, and the command that undoes it.
pub(super) fn stands(doubts: &[String], journal: &SharedJournal<'_>) -> String {
    let head = journal.head();
    let back = match head.kind {
        PlanKind::Plan => format!("`redress undo {}` undoes it", head.run),
        _ => format!("`redress show {}` shows what was called", head.run),
    };
    format!("{}. Nothing is rolled back automatically after the start: {back}", doubts.join("; "))
}

/// Returns the ids of the resources in calls that are left for a person to make.
pub(super) fn named_by_leftovers(change: &Change, journal: &SharedJournal<'_>) -> Vec<String> {
    let ids = |call: &Call| {
        call.input
            .get("Resources")
            .and_then(|r| r.as_array())
            .into_iter()
            .flatten()
            .filter_map(|id| id.as_str())
            .map(str::to_owned)
            .collect()
    };
    let of = |story: &ChangeStory| {
        story
            .left
            .iter()
            .filter_map(|l| l.call.as_ref())
            .flat_map(|call| -> Vec<String> { ids(call) })
            .collect()
    };
    journal.look(|story| story.changes.get(&change.id).map(of)).unwrap_or_default()
}
