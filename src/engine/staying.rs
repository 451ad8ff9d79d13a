//! What a change has made and its way back leaves: named where the change ends, with the day until which it is kept, so that
//! "everything is as it was before" is said only where it is true.

use std::collections::BTreeSet;

use serde_json::Value;

use super::ledger::Ledger;
use crate::{
    calls::{Purpose, Recognise, Step, WayBack, way_back},
    inventory::tag,
    journal::ChangeStory,
    plan::Change,
};

/// What an end after a way back says, with what stays behind: only where nothing does is everything as it was.
pub(super) fn with_what_stays(rest: &str, change: &Change, journal: &Ledger<'_>) -> String {
    let stays = journal.look(|story| story.changes.get(&change.id).map(|told| staying(change, told))).unwrap_or_default();
    match stays.is_empty() {
        true => rest.to_owned(),
        false => format!("{}. Left behind: {}", rest.replace("Everything is as it was before", "What was there is as it was before"), stays.join("; ")),
    }
}

/// Each step whose product a rollback keeps: the ids, the step, why, and until when.
fn staying(change: &Change, story: &ChangeStory) -> Vec<String> {
    let done = story.done();
    let taken_back: BTreeSet<String> = way_back(&change.steps, &done, Purpose::Rollback).into_iter().map(|back| back.of).collect();
    let stays = |step: &&Step| done.contains(&step.name) && !taken_back.contains(&step.name) && makes(step);
    change.steps.iter().filter(stays).filter_map(|step| words(step, story)).collect()
}

/// Whether a step makes something: it is known by its tags, or carries them.
fn makes(step: &Step) -> bool {
    matches!(step.act.recognise, Recognise::Tagged { .. }) || step.act.call.operation.starts_with("Create") && step.act.call.operation != "CreateTags"
}

fn words(step: &Step, story: &ChangeStory) -> Option<String> {
    let told = story.step(&step.name)?;
    let mut ids = Vec::new();
    told.outputs.values().for_each(|value| gather(value, &mut ids));
    if ids.is_empty() {
        ids.extend(named(&told.call.as_ref()?.input));
    }
    let why = match &step.way_back {
        WayBack::Calls { kept_once: Some(once), .. } => once.reason.clone(),
        WayBack::Kept(why) | WayBack::Cannot(why) => why.clone(),
        // What another step's way back covers is not left; what has calls is taken back.
        WayBack::ByStep(_) | WayBack::Calls { kept_once: None, .. } => return None,
    };
    let until = match told.call.as_ref().and_then(|call| expires(&call.input)) {
        Some(date) => format!("kept until {date}, then offered by `redress prune`"),
        None => "without a date: look at it, and delete it by hand when it is not needed".to_owned(),
    };
    Some(format!("{} ({}; {why}; {until})", ids.join(", "), step.title))
}

/// The ids in an output.
fn gather(value: &Value, ids: &mut Vec<String>) {
    match value {
        Value::String(id) => ids.push(id.clone()),
        Value::Array(items) => items.iter().for_each(|v| gather(v, ids)),
        Value::Object(map) => map.values().for_each(|v| gather(v, ids)),
        _ => {}
    }
}

/// The name under which a call makes something that has no id.
fn named(input: &Value) -> Option<String> {
    ["Bucket", "RoleName", "logGroupName", "Name"].iter().find_map(|member| input.get(*member)?.as_str().map(str::to_owned))
}

/// The day in the tag of what a call makes.
fn expires(input: &Value) -> Option<String> {
    match input {
        Value::Object(map) if map.get("Key").and_then(Value::as_str) == Some(tag::EXPIRES) => map.get("Value")?.as_str().map(str::to_owned),
        Value::Object(map) => map.values().find_map(expires),
        Value::Array(items) => items.iter().find_map(expires),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_day_is_found_in_the_tags_of_what_is_made() {
        let input = json!({ "VolumeId": "vol-1", "TagSpecifications": [{ "ResourceType": "snapshot", "Tags": [
            { "Key": "redress:run", "Value": "r" }, { "Key": "redress:expires", "Value": "2026-12-22" }] }] });
        assert_eq!(expires(&input).as_deref(), Some("2026-12-22"));
        assert_eq!(expires(&json!({ "Tags": [{ "Key": "Name", "Value": "x" }] })), None);
    }
}
