//! The list for a person where a rollback could not go on: the acts that are left, the refused one among
//! them, in order and in words. It must name no deletion: a disk that is attached by then may be older than
//! the one that would be deleted.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    Engine, EngineError,
    as_left::{AsLeft, swaps},
    ledger::SharedJournal,
    marks,
    so_far::{bindings, recovering},
};
use crate::{
    calls::{
        self, Act, BackAct, Bindings, Call, Otherwise, Purpose, Risk, before,
        words::{to_do, words},
    },
    inventory::FamilyKind,
    journal::{ChangeStory, Outcome, StepState, Story},
    plan::Change,
};

impl Engine<'_> {
    /// Ends a change that could not be rolled back, with the tasks for a person.
    pub(super) async fn stuck(
        &self,
        change: &Change,
        why: String,
        journal: &SharedJournal<'_>,
    ) -> Result<(), EngineError> {
        let left = self.as_left(change, journal).await;
        let todo = by_hand(change, &left, journal);
        let reason = left.with_dead_keys(format!("{why}. A person is needed: {todo}"));
        self.ended(change, Outcome::Stuck, reason, Value::Null, Vec::new(), journal)
    }
}

/// Writes the list for a person when a rollback failed or was refused.
fn by_hand(change: &Change, left: &AsLeft, journal: &SharedJournal<'_>) -> String {
    let Some(story) = journal.look(|story| story.changes.get(&change.id).cloned()) else {
        return String::new();
    };
    let outputs = journal.look(Story::outputs);
    let bindings = bindings(change, journal, &outputs);
    let way = calls::way_back(&change.steps, &story.done(), Purpose::Rollback);
    let resolved = |back: &BackAct| {
        let input = bindings.resolve(&back.act.call.input).ok()?;
        Some((Call { input, ..back.act.call.clone() }, is_open(back, &story, &bindings)))
    };
    let all: Vec<(Call, bool)> = way.iter().filter_map(resolved).collect();
    let open: Vec<&Call> = all.iter().filter(|(_, open)| *open).map(|(call, _)| call).collect();
    // Where no disk is exchanged, no copy can be older: the created resources are deleted.
    let disks =
        change.touches.iter().any(|want| matches!(want.family, FamilyKind::Instances | FamilyKind::Volumes));
    let (deletions, acts): (Vec<&Call>, Vec<&Call>) =
        open.into_iter().partition(|call| disks && deletes(call));
    let started =
        if all.iter().any(|(call, _)| swaps(call)) { left.started_since(&story) } else { Vec::new() };
    if !started.is_empty() {
        return started_since(started, &deletions, &story, &journal.head().run);
    }
    let mut said: Vec<String> = places(all.iter().map(|(call, _)| call)).into_iter().collect();
    let look = |call| format!("check whether \"{call}\" took effect, and undo it if it did");
    let todo: Vec<String> = in_doubt(&story).map(look).chain(acts.iter().map(|call| to_do(call))).collect();
    if !todo.is_empty() {
        said.push(format!("Left to do, in this order: {}", todo.join("; ")));
    }
    said.extend(with_care(&acts));
    said.extend(kept(&deletions));
    format!("{}{}", said.join(". "), recovering(change, journal))
}

/// Writes the list where somebody has started the instance since: each attached disk may hold the newest
/// data, so the list detaches none. Only a fresh read of the account, as `redress recover` makes, shows the
/// devices without a disk.
fn started_since(started: Vec<String>, deletions: &[&Call], story: &ChangeStory, run: &str) -> String {
    let doubts = in_doubt(story).map(|call| format!("it is not known whether \"{call}\" took effect"));
    let detach =
        "Detach none of them, and attach no former disk in their place: the attached disks hold what was \
         written last"
            .to_owned();
    let recover = match marks::standing(story).is_empty() {
        true => "Attach by hand only what is missing at a device".to_owned(),
        false => format!(
            "{} attach only what is missing at a device, start it where it is down, and take the mark of the \
             run off",
            marks::recover(run)
        ),
    };
    started
        .into_iter()
        .chain(doubts)
        .chain([detach])
        .chain(kept(deletions))
        .chain([recover])
        .collect::<Vec<_>>()
        .join(". ")
}

/// Checks whether an act of the rollback is still to be done. An act whose precondition did not hold was
/// refused, and is still to be done; one that was left to the decision of somebody else is not.
fn is_open(back: &BackAct, story: &ChangeStory, bindings: &Bindings<'_>) -> bool {
    let refused = |act: &Act| act.otherwise == Otherwise::Stop && before::missing(act, bindings).is_none();
    match story.step(&back.name).map(|step| &step.state) {
        Some(StepState::Settled) => false,
        Some(StepState::Left) => refused(&back.act),
        Some(StepState::NotDone | StepState::Intended | StepState::Called) | None => true,
    }
}

/// Lists the calls of which it is not known whether they took effect.
fn in_doubt(story: &ChangeStory) -> impl Iterator<Item = String> {
    story
        .steps
        .iter()
        .filter(|step| step.state == StepState::Intended)
        .map(|step| step.call.as_ref().map_or_else(|| step.name.clone(), words))
}

/// Checks whether a call is irreversible.
pub(super) fn deletes(call: &Call) -> bool {
    calls::find(&call.service, &call.operation).is_some_and(|spec| spec.risk == Risk::Irreversible)
}

/// Describes the volume that each device should hold in the end.
fn places<'a>(way: impl Iterator<Item = &'a Call>) -> Option<String> {
    let mut should: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for call in way.filter(|call| call.operation == "AttachVolume") {
        let text = |member: &str| call.input.get(member).and_then(Value::as_str);
        if let (Some(instance), Some(device), Some(volume)) =
            (text("InstanceId"), text("Device"), text("VolumeId"))
        {
            should.insert((instance, device), volume);
        }
    }
    let all: Vec<String> = should
        .into_iter()
        .map(|((instance, device), volume)| format!("{device} of {instance} should hold {volume}"))
        .collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// Describes the safe exchange of disks by hand.
fn with_care(acts: &[&Call]) -> Option<String> {
    acts.iter().any(|call| swaps(call)).then(|| {
        "Exchange disks only while the instance is stopped. Where it has run since this change stopped it, a \
         disk that is attached now holds what is newest: leave that one where it is, and fill only the \
         devices that are empty"
            .to_owned()
    })
}

/// Lists the resources that the rollback would delete, to be kept until everything runs.
fn kept(deletions: &[&Call]) -> Option<String> {
    let id = |call: &&Call| {
        call.input.as_object().and_then(|input| input.values().find_map(Value::as_str)).map(str::to_owned)
    };
    let ids: Vec<String> = deletions.iter().filter_map(id).collect();
    (!ids.is_empty()).then(|| {
        format!(
            "Delete nothing yet: keep {} until all is shown to run, since it may hold what is newest",
            ids.join(", ")
        )
    })
}
