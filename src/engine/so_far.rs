//! The questions about a change that its journal answers: what was begun, what others have set, what a
//! rollback has undone.

use std::{borrow::Cow, collections::BTreeSet};

use serde_json::Value;

use super::{ledger::SharedJournal, marks};
use crate::{
    calls::{self, Act, AllOutputs, Bindings, Otherwise, Purpose, Risk, Step, WayBack, before, still},
    journal::{ChangeStory, StepState, StepStory, Story},
    plan::{Change, Plan, Restore, each_once, proof::Moment, restore},
};

/// The prefix of the text about changes that others made while this one was under way.
pub(super) const MEANWHILE: &str = "somebody else changed meanwhile, and it is left so: ";

/// Returns the values of references in the proofs of a change.
pub(super) fn bindings<'a>(
    change: &'a Change,
    journal: &'a SharedJournal<'_>,
    outputs: &'a AllOutputs,
) -> Bindings<'a> {
    let head = journal.head();
    Bindings { run: &head.run, started: head.started, change: &change.id, step: "proof", attempt: 1, outputs }
}

/// Checks whether a step has no intent yet, or is known to have had no effect.
pub(super) fn not_begun(change: &Change, step: &calls::Step, journal: &SharedJournal<'_>) -> bool {
    let told = journal.look(|story| {
        story.changes.get(&change.id).and_then(|c| c.step(&step.name)).map(|s| s.state.clone())
    });
    told.is_none_or(|state| state == StepState::NotDone)
}

/// Returns the act, with the preconditions of a disk swap where a plan of an earlier version gives it none.
/// The volumes that `recover` attaches were checked when its plan was made.
pub(super) fn guarded<'a>(change: &Change, act: &'a Act, journal: &SharedJournal<'_>) -> Cow<'a, Act> {
    if change.action == "recover" {
        return Cow::Borrowed(act);
    }
    let copied =
        |step: &StepStory| step.call.as_ref().is_some_and(|call| call.operation == "CreateSnapshots");
    let since = journal
        .look(|story| story.changes.get(&change.id)?.steps.iter().filter(|s| copied(s)).map(|s| s.at).max());
    still::derived(act, since)
}

/// Returns the resources of the acts that were left out: somebody else has set their state.
pub(super) fn set_by_others(change: &Change, journal: &SharedJournal<'_>) -> BTreeSet<String> {
    let Some(story) = journal.look(|story| story.changes.get(&change.id).cloned()) else {
        return BTreeSet::new();
    };
    let outputs = journal.look(Story::outputs);
    let bindings = bindings(change, journal, &outputs);
    let way = calls::way_back(&change.steps, &story.done(), Purpose::Rollback);
    let acts = change.steps.iter().map(|s| (&s.name, &s.act)).chain(way.iter().map(|b| (&b.name, &b.act)));
    let left = acts.filter(|(name, _)| story.step(name).is_some_and(|s| s.state == StepState::Left));
    let mut all = BTreeSet::new();
    for (_, act) in left {
        let act = guarded(change, act, journal);
        all.extend(
            before::scopes(&act, &bindings).filter_map(Result::ok).flatten().map(|want| want.to_string()),
        );
    }
    all
}

/// Returns the resources of the power acts that were left out: somebody else has started or stopped them.
pub(super) fn turned_by_others(change: &Change, journal: &SharedJournal<'_>) -> BTreeSet<String> {
    let left = |step: &&Step| {
        let told =
            journal.look(|story| story.changes.get(&change.id)?.step(&step.name).map(|s| s.state.clone()));
        step.act.power() != calls::Power::Stays && told == Some(StepState::Left)
    };
    if change.steps.iter().any(|step| left(&step)) { set_by_others(change, journal) } else { BTreeSet::new() }
}

/// Describes a complete undo: what stays on purpose, and what others have started, stopped or deleted in the
/// meantime.
pub(super) fn restored_but(
    change: &Change,
    restore: &Restore,
    now: &Value,
    journal: &SharedJournal<'_>,
) -> String {
    let mut moved = restore::left(change, restore, now, Moment::EndOfRun);
    let mut theirs = moved.turned_by_others(&turned_by_others(change, journal));
    theirs.append(&mut moved.decided);
    let theirs = (!theirs.is_empty()).then(|| format!("{MEANWHILE}{}", restore::words(&theirs)));
    each_once(&restore.kept).into_iter().map(str::to_owned).chain(theirs).collect::<Vec<_>>().join("; ")
}

/// Checks whether an act of the rollback was begun.
pub(super) fn going_back(change: &Change, journal: &SharedJournal<'_>) -> bool {
    let step = |name: &str| change.steps.iter().any(|s| s.name == name);
    journal
        .look(|story| story.changes.get(&change.id).is_some_and(|c| c.steps.iter().any(|s| !step(&s.name))))
}

/// Returns the plan and the change of a step that destroys something: both are marked irreversible. A step
/// with preconditions has its own, which are looked at directly before its call.
pub(super) fn for_good<'a>(
    plan: &'a Plan,
    change: &'a Change,
    step: &Step,
) -> Option<(&'a Plan, &'a Change)> {
    (change.risk == Risk::Irreversible
        && matches!(step.way_back, WayBack::Cannot(_))
        && step.act.before.is_empty())
    .then_some((plan, change))
}

/// Checks whether no step of a change can have taken effect.
pub(super) fn nothing_done(change: &Change, journal: &SharedJournal<'_>) -> bool {
    let untouched = |s: &StepStory| s.theirs || matches!(s.state, StepState::NotDone | StepState::Left);
    journal.look(|story| story.changes.get(&change.id).is_none_or(|c| c.steps.iter().all(untouched)))
}

/// Returns the reasons for which acts that stand alone have failed, where nothing else was done, either.
pub(super) fn alone_in_vain(change: &Change, journal: &SharedJournal<'_>) -> Option<String> {
    let alone = change.steps.iter().any(|step| step.act.otherwise == Otherwise::Alone);
    let failed = journal.look(|story| story.changes.get(&change.id).map(ChangeStory::by_hand))?;
    (alone && !failed.is_empty() && nothing_done(change, journal)).then(|| failed.join("; "))
}

/// Returns the commands that bring an instance of a change back up, where it has one.
pub(super) fn recovering(change: &Change, journal: &SharedJournal<'_>) -> String {
    // `recover` finds it by its mark alone.
    let marked = journal
        .look(|story| story.changes.get(&change.id).is_some_and(|told| !marks::standing(told).is_empty()));
    if marked {
        format!(
            ". {} bring its instance back up on volumes that are there",
            marks::recover(&journal.head().run)
        )
    } else {
        String::new()
    }
}
