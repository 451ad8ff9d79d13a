//! The point of no return of a change. Once a call that brings something up took effect, people may be working on it, and
//! what it writes is nowhere else: from then on nothing rolls back by itself. What fails afterwards is left over: a person
//! reads what to do, or that the change is in doubt and how to take it back.

use super::{Engine, apply::bindings, ledger::Ledger};
use crate::{
    calls::{Act, Call, Power},
    journal::{ChangeStory, Event, StepState, StoreError, Story},
    plan::{Change, PlanKind},
};

impl Engine<'_> {
    /// Whether a call of the change that brings something up took effect, or may have.
    pub(super) fn past_return(&self, change: &Change, journal: &Ledger<'_>) -> bool {
        let begun = |story: &ChangeStory, name: &str| story.step(name).is_some_and(|s| !matches!(s.state, StepState::NotDone | StepState::Left));
        let up = |story: &ChangeStory| change.steps.iter().any(|s| s.act.power() == Power::BringsUp && begun(story, &s.name));
        journal.look(|story| story.changes.get(&change.id).is_some_and(up))
    }

    /// Journals that a step, or an act of the way back, is left over. A call that was made and has not shown what it was to
    /// show leaves the change in doubt; one that was not made is for a person to make.
    pub(super) fn leave(&self, change: &Change, step: &str, act: &Act, reason: String, journal: &Ledger<'_>) -> Result<(), StoreError> {
        let made = journal.look(|story| {
            let told = story.changes.get(&change.id).and_then(|c| c.step(step));
            told.is_some_and(|s| matches!(s.state, StepState::Called | StepState::Settled))
        });
        let outputs = journal.look(Story::outputs);
        let input = bindings(change, journal, &outputs).resolve(&act.call.input).unwrap_or_else(|_| act.call.input.clone());
        let doubtful = made || act.power() == Power::BringsUp;
        let call = (!doubtful).then(|| Call { input, ..act.call.clone() });
        let (change, step) = (change.id.clone(), step.to_owned());
        journal.write(self.account.now(), Event::LeftOver { change, step, call, reason })
    }
}

/// Why a change that stands is not proved, from the doubts about it: what it says, and how it is taken back.
pub(super) fn stands(doubts: &[String], journal: &Ledger<'_>) -> String {
    let head = journal.head();
    let back = match head.kind {
        PlanKind::Plan => format!("`redress undo {}` takes it back", head.run),
        _ => format!("`redress show {}` tells what was called", head.run),
    };
    format!("{}. Nothing is taken back by itself once it was started: {back}", doubts.join("; "))
}

/// Ids of the things that calls name which are left for a person to make.
pub(super) fn named_by_leftovers(change: &Change, journal: &Ledger<'_>) -> Vec<String> {
    let ids =
        |call: &Call| call.input.get("Resources").and_then(|r| r.as_array()).into_iter().flatten().filter_map(|id| id.as_str()).map(str::to_owned).collect();
    let of = |story: &ChangeStory| story.left.iter().filter_map(|l| l.call.as_ref()).flat_map(|call| -> Vec<String> { ids(call) }).collect();
    journal.look(|story| story.changes.get(&change.id).map(of)).unwrap_or_default()
}
