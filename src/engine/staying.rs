//! Resources that a change has created and its rollback leaves: they are named at the end of the change, with
//! the day until which they are kept, so that "everything is as it was before" is reported only where it is
//! true.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{by_hand::deletes, ledger::SharedJournal};
use crate::{
    calls::{Purpose, Recognise, Step, WayBack, way_back},
    inventory::{Fact, Inventory, Want, tag},
    journal::ChangeStory,
    plan::Change,
};

/// The result of a step that the rollback keeps.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stay {
    /// The created resources, each with the want that reads it; `None` where that is not known.
    things: Vec<(String, Option<Want>)>,
    /// A text with the step, the reason for keeping it, and the date.
    words: String,
}

/// Returns the results that a rollback of a change keeps, by its journal.
pub(super) fn staying(change: &Change, journal: &SharedJournal<'_>) -> Vec<Stay> {
    journal.look(|story| story.changes.get(&change.id).map(|told| kept(change, told))).unwrap_or_default()
}

/// Lists the reads that show which of them still exist.
pub(super) fn wants(stays: &[Stay]) -> impl Iterator<Item = Want> {
    stays.iter().flat_map(|stay| &stay.things).filter_map(|(_, want)| want.clone())
}

/// Adds the remaining resources to the text at the end of a rollback: only where none remain is everything as
/// it was.
pub(super) fn with_what_stays(rest: &str, stays: &[Stay], facts: &Inventory) -> String {
    let all: Vec<String> = stays.iter().filter_map(|stay| stay.there(facts)).collect();
    match all.is_empty() {
        true => rest.to_owned(),
        false => format!(
            "{}. Left behind: {}",
            rest.replace("Everything is as it was before", "What was there is as it was before"),
            all.join("; ")
        ),
    }
}

impl Stay {
    /// Describes the resources, as far as they exist.
    fn there(&self, facts: &Inventory) -> Option<String> {
        let all: Vec<String> =
            self.things.iter().filter_map(|(id, want)| there(id, want.as_ref(), facts)).collect();
        (!all.is_empty()).then(|| format!("{} ({})", all.join(", "), self.words))
    }
}

/// Returns the text for a resource that exists, or that is not known to be gone. A volume that is being
/// deleted is still listed for a while.
fn there(id: &str, want: Option<&Want>, facts: &Inventory) -> Option<String> {
    let Some(want) = want else { return Some(id.to_owned()) };
    match facts.json(&want.region, want.family, id) {
        Fact::Absent => None,
        Fact::Known(thing)
            if thing
                .get("state")
                .and_then(Value::as_str)
                .is_some_and(|state| matches!(state, "deleting" | "deleted")) =>
        {
            None
        }
        Fact::Known(_) => Some(id.to_owned()),
        silent => Some(format!(
            "{id}, of which it is unknown whether it exists ({})",
            silent.silence().unwrap_or_default()
        )),
    }
}

/// Returns each step whose result a rollback keeps, without the resources that the change itself has deleted.
fn kept(change: &Change, story: &ChangeStory) -> Vec<Stay> {
    let done = story.done();
    let taken_back: BTreeSet<String> =
        way_back(&change.steps, &done, Purpose::Rollback).into_iter().map(|back| back.of).collect();
    let stays = |step: &&Step| done.contains(&step.name) && !taken_back.contains(&step.name) && makes(step);
    let mut deleted = Vec::new();
    let calls = story
        .steps
        .iter()
        .filter(|s| done.contains(&s.name))
        .filter_map(|s| s.call.as_ref())
        .filter(|call| deletes(call));
    calls.for_each(|call| gather(&call.input, &mut deleted));
    let left = |mut stay: Stay| {
        stay.things.retain(|(id, _)| !deleted.contains(id));
        stay
    };
    let whole = change.steps.iter().filter(stays).filter_map(|step| stay(step, story)).map(left);
    let part = change
        .steps
        .iter()
        .filter(|step| taken_back.contains(&step.name))
        .filter_map(|step| beside(step, story));
    whole.chain(part).filter(|stay| !stay.things.is_empty()).collect()
}

/// Returns the resources that a step has created beside those that its rollback deletes: a snapshot of an
/// instance covers the disks that somebody attaches in the meantime.
fn beside(step: &Step, story: &ChangeStory) -> Option<Stay> {
    if !matches!(step.act.recognise, Recognise::Tagged { .. }) {
        return None;
    }
    let told = story.step(&step.name)?;
    let mut ids = Vec::new();
    told.outputs.values().for_each(|value| gather(value, &mut ids));
    let others: Vec<String> = story
        .steps
        .iter()
        .filter(|s| s.name != step.name)
        .filter_map(|s| Some(s.call.as_ref()?.input.to_string()))
        .collect();
    ids.retain(|id| !others.iter().any(|input| input.contains(&format!("\"{id}\""))));
    let until = until(step, &told.call.as_ref()?.input);
    let things: Vec<_> = ids.into_iter().map(|id| (id.clone(), place(step, &id))).collect();
    (!things.is_empty()).then(|| Stay {
        things,
        words: format!("{}; it was made together with the others; {until}", step.title),
    })
}

/// Checks whether a step creates something: its act is recognised by tags, or its operation is a creation.
fn makes(step: &Step) -> bool {
    matches!(step.act.recognise, Recognise::Tagged { .. })
        || step.act.call.operation.starts_with("Create") && step.act.call.operation != "CreateTags"
}

fn stay(step: &Step, story: &ChangeStory) -> Option<Stay> {
    let told = story.step(&step.name)?;
    let call = told.call.as_ref()?;
    let mut ids = Vec::new();
    told.outputs.values().for_each(|value| gather(value, &mut ids));
    if ids.is_empty() {
        ids.extend(named(&call.input));
    }
    let why = match &step.way_back {
        WayBack::Calls { kept_once: Some(once), .. } => once.reason.clone(),
        WayBack::Kept(why) | WayBack::Cannot(why) => why.clone(),
        // A result that another step's undo covers is not left; one with calls is undone.
        WayBack::ByStep(_) | WayBack::Calls { kept_once: None, .. } => return None,
    };
    let until = until(step, &call.input);
    let mut things: Vec<(String, Option<Want>)> =
        ids.into_iter().map(|id| (id.clone(), place(step, &id))).collect();
    if things.is_empty() {
        things.push(("what it made".to_owned(), None));
    }
    Some(Stay { things, words: format!("{}; {why}; {until}", step.title) })
}

/// Describes how long the result of a step is kept, and how it is deleted.
fn until(step: &Step, input: &Value) -> String {
    let back = step.way_back.acts().find(|act| deletes(&act.call));
    let by = back.map_or_else(|| "by hand".to_owned(), |act| format!("with {}", act.call.name()));
    match expires(input) {
        Some(date) => format!("kept until {date}, then offered by `redress prune`"),
        None if tagged(input, tag::SOURCE).is_some() => {
            "`redress prune` offers it once the volume that it was made from, or another in its place, has \
             been in use for thirty days"
                .to_owned()
        }
        None => format!(
            "it has no date, so that `redress prune` never offers it: delete it {by} once nothing needs it"
        ),
    }
}

/// Returns the want that shows a resource which a step has created.
fn place(step: &Step, id: &str) -> Option<Want> {
    match &step.act.recognise {
        Recognise::Tagged { region, family, .. } | Recognise::Beside { region, family, .. } => {
            Some(Want::id(region, *family, id))
        }
        Recognise::Looks { expect, .. } => expect
            .iter()
            .find(|e| e.ids().iter().any(|one| one == id))
            .map(|e| Want::id(&e.region, e.family, id)),
    }
}

/// Collects the ids in an output.
fn gather(value: &Value, ids: &mut Vec<String>) {
    match value {
        Value::String(id) => ids.push(id.clone()),
        Value::Array(items) => items.iter().for_each(|v| gather(v, ids)),
        Value::Object(map) => map.values().for_each(|v| gather(v, ids)),
        _ => {}
    }
}

/// Returns the name under which a call creates a resource that has no id.
fn named(input: &Value) -> Option<String> {
    ["Bucket", "RoleName", "logGroupName", "Name"]
        .iter()
        .find_map(|member| input.get(*member)?.as_str().map(str::to_owned))
}

/// Returns the date of expiry in the tags of a call.
fn expires(input: &Value) -> Option<String> {
    tagged(input, tag::EXPIRES)
}

/// Returns the value of a tag that a call sets.
fn tagged(input: &Value, key: &str) -> Option<String> {
    match input {
        Value::Object(map) if map.get("Key").and_then(Value::as_str) == Some(key) => {
            map.get("Value")?.as_str().map(str::to_owned)
        }
        Value::Object(map) => map.values().find_map(|value| tagged(value, key)),
        Value::Array(items) => items.iter().find_map(|value| tagged(value, key)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::{
        actions::make,
        calls::{Call, KeptOnce, Outputs, Shape, Undo},
        inventory::{Caller, FamilyKind, Volume},
        journal::{Event, StepResult, Story},
        resource::Owner,
    };

    const R: &str = "us-east-1";

    fn of_volume(id: &str) -> Option<Want> {
        Some(Want::id(R, FamilyKind::Volumes, id))
    }

    #[test]
    fn only_what_is_there_or_may_be_there_is_left_behind() {
        let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
        let mut facts = Inventory::empty(owner, Caller::default(), jiff::Timestamp::UNIX_EPOCH);
        let volumes = &mut facts.region_mut(R).volumes;
        volumes.put("vol-1", Volume { id: "vol-1".into(), state: "deleting".into(), ..Volume::default() });
        volumes.items.insert("vol-2".into(), Fact::Absent);
        volumes.put("vol-3", Volume { id: "vol-3".into(), state: "available".into(), ..Volume::default() });
        volumes.items.insert("vol-4".into(), Fact::Unknown("AccessDenied".into()));
        let stay = |ids: &[&str]| Stay {
            things: ids.iter().map(|id| ((*id).to_owned(), of_volume(id))).collect(),
            words: "kept".to_owned(),
        };
        let said = |stay: Stay| with_what_stays("Everything is as it was before", &[stay], &facts);
        assert_eq!(said(stay(&["vol-1", "vol-2"])), "Everything is as it was before");
        let left = said(stay(&["vol-1", "vol-2", "vol-3", "vol-4"]));
        assert!(
            left.starts_with(
                "What was there is as it was before. Left behind: vol-3, vol-4, of which it is unknown"
            ),
            "{left}"
        );
    }

    #[test]
    fn what_has_no_date_says_how_it_is_deleted_and_what_has_one_until_when_it_is_kept() {
        let delete = make::act(Call::new("ec2", R, "DeleteVolume", json!({ "VolumeId": "x" })), Vec::new());
        let kept_once = Some(KeptOnce { step: "start".into(), reason: "it may hold newer data".into() });
        let way_back = WayBack::Calls { rollback: vec![delete], undo: Undo::Same, kept_once, redo: false };
        let words = |input: Value| {
            let call = Call::new("ec2", R, "CreateVolume", input);
            let step = make::step(
                "volume",
                "make a volume",
                make::making(call.clone(), FamilyKind::Volumes, "VolumeId", Shape::Id, None),
                way_back.clone(),
            );
            let mut story = Story::default();
            let (change, name) = ("c1".to_owned(), "volume".to_owned());
            let intent = Event::Intent {
                change: change.clone(),
                step: name.clone(),
                attempt: 1,
                call,
                observed: Outputs::new(),
            };
            let outputs = BTreeMap::from([("VolumeId".to_owned(), json!("vol-1"))]);
            for event in [intent, Event::Result { change, step: name, result: StepResult::Done { outputs } }]
            {
                story.apply(jiff::Timestamp::UNIX_EPOCH, &event);
            }
            let stay = stay(&step, &story.changes["c1"]).expect("it stays");
            assert_eq!(stay.things, [("vol-1".to_owned(), of_volume("vol-1"))]);
            stay.words
        };
        let undated = words(json!({}));
        assert!(
            undated.contains("it may hold newer data") && undated.contains("delete it with ec2:DeleteVolume"),
            "{undated}"
        );
        let dated = words(json!({ "Tags": [{ "Key": "redress:expires", "Value": "2026-12-22" }] }));
        assert!(dated.contains("kept until 2026-12-22") && !dated.contains("DeleteVolume"), "{dated}");
    }

    #[test]
    fn the_day_is_found_in_the_tags_of_what_is_made() {
        let input = json!({ "VolumeId": "vol-1", "TagSpecifications": [{ "ResourceType": "snapshot", "Tags": [
            { "Key": "redress:run", "Value": "r" }, { "Key": "redress:expires",
                "Value": "2026-12-22" }] }] });
        assert_eq!(expires(&input).as_deref(), Some("2026-12-22"));
        assert_eq!(expires(&json!({ "Tags": [{ "Key": "Name", "Value": "x" }] })), None);
    }
}
