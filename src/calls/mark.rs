//! The mark on an instance: tags that name the run that works on it, the state in which that run found it,
//! and whether it is about to be stopped. Every change that takes an instance down or swaps its disks marks
//! it first, forward and in an undo, so that a lost run is found by its tags alone and no other run begins on
//! it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Act, BackAct, Call, Expect, Power, Recognise, Step, Test, reference};
use crate::{
    inventory::{FamilyKind, tag},
    services::{
        Operation, Planned,
        tag::{CreateTags, DeleteTags, Tag},
    },
};

/// The value of [`tag::STATE`] of an instance that its run is about to stop, or has stopped.
pub const STOPPING: &str = "stopping";
/// The value of [`tag::STATE`] of an instance that its run found stopped.
pub const FOUND_STOPPED: &str = "stopped";
/// The value of [`tag::STATE`] of an instance that its run found running.
pub const FOUND_RUNNING: &str = "running";

/// The keys of a mark.
const KEYS: [&str; 3] = [tag::RUN, tag::STEP, tag::STATE];

/// The name of the step that marks an instance in an undo.
const ON: &str = "undo-mark";

/// Marks an instance that carries no mark yet. `found` is the state in which it was found.
pub fn on(region: &str, instance: &str, found: &str) -> Act {
    let tags = [(tag::RUN, reference::run()), (tag::STEP, reference::step()), (tag::STATE, json!(found))];
    looks(region, &setting(instance, tags), is(region, instance, tag::RUN, reference::run()))
        .only_if(vec![of(region, instance, Value::Null)])
}

/// Removes the mark of a run from an instance. The mark of another run is left.
pub fn off(region: &str, instance: &str, run: Value) -> Act {
    let tags = KEYS.map(|key| Tag { key: key.to_owned(), value: None }).to_vec();
    let delete = DeleteTags::<Planned> { resources: vec![instance.into()], tags };
    looks(region, &delete, is(region, instance, tag::RUN, Value::Null))
        .only_if(vec![of(region, instance, run)])
        .or_leave()
}

/// Announces that this run is about to stop an instance that it has marked. Other runs look for the
/// announcement before they stop another instance.
pub fn announcing(region: &str, instance: &str) -> Act {
    looks(
        region,
        &setting(instance, [(tag::STATE, json!(STOPPING))]),
        is(region, instance, tag::STATE, json!(STOPPING)),
    )
    .only_if(vec![of(region, instance, reference::run())])
}

/// Withdraws the announcement: the instance is no longer about to be stopped. The mark itself may have to
/// stay, where its removal is denied, and must hold nobody up.
pub fn withdrawing(region: &str, instance: &str) -> Act {
    let act = looks(
        region,
        &setting(instance, [(tag::STATE, json!(FOUND_RUNNING))]),
        is(region, instance, tag::STATE, json!(FOUND_RUNNING)),
    );
    act.only_if(vec![of(region, instance, reference::run())]).or_leave()
}

/// Requires that the instance carries the mark of `run`, or no mark where `run` is null.
pub fn of(region: &str, instance: &str, run: Value) -> Expect {
    let meaning = format!(
        "{instance} is marked by another run, or its mark was taken away: let that run end or resume it; \
         where it is over or lost, `redress recover -o back.json` and `redress apply back.json` take the \
         mark off"
    );
    is(region, instance, tag::RUN, run).meaning(&meaning)
}

fn is(region: &str, instance: &str, key: &str, value: Value) -> Expect {
    Expect::new(region, FamilyKind::Instances, instance, &format!("/tags/{key}"), Test::Is(value))
}

fn setting(instance: &str, tags: impl IntoIterator<Item = (&'static str, Value)>) -> CreateTags<Planned> {
    let tags =
        tags.into_iter().map(|(key, value)| Tag { key: key.to_owned(), value: Some(value.into()) }).collect();
    CreateTags { resources: vec![instance.into()], tags }
}

fn looks(region: &str, operation: &impl Operation, expect: Expect) -> Act {
    Act::new(Call::of(region, operation), None, Recognise::Looks { expect: vec![expect], outputs: [].into() })
}

/// Returns the commands that bring the instances of a run back up by its marks and remove the marks.
pub fn recover(run: &str) -> String {
    format!("`redress recover {run} -o back.json` and `redress apply back.json`")
}

/// Returns the instance on which an act sets or removes a mark.
fn marked(act: &Act) -> Option<&str> {
    let own = |tag: &Value| tag.get("Key").and_then(Value::as_str).is_some_and(|key| KEYS.contains(&key));
    let tags = act
        .call
        .input
        .get("Tags")
        .and_then(Value::as_array)
        .filter(|tags| !tags.is_empty() && tags.iter().all(own));
    let marks = act.call.service == "ec2"
        && matches!(act.call.operation.as_str(), "CreateTags" | "DeleteTags")
        && tags.is_some();
    match act.call.input.get("Resources").and_then(Value::as_array).filter(|_| marks)?.as_slice() {
        [one] => one.as_str().filter(|id| id.starts_with("i-")),
        _ => None,
    }
}

/// Checks whether an act announces that an instance is about to be stopped.
pub fn announces(act: &Act) -> bool {
    marked(act).is_some_and(|id| act.call.input == announcing("", id).call.input)
}

/// Describes an act that sets or removes a mark.
pub fn words(act: &Act) -> Option<String> {
    let id = marked(act)?;
    Some(match act.call.operation.as_str() {
        "DeleteTags" => format!("take the tag off {id}"),
        _ if announces(act) => format!("tag {id} as about to be stopped"),
        _ if act.call.input == withdrawing("", id).call.input => {
            format!("tag {id} as not about to be stopped any more")
        }
        _ => format!("tag {id} as being worked on"),
    })
}

/// Returns the instances that an act takes down or brings up, or whose disks it swaps.
fn worked_on(act: &Act) -> Vec<&str> {
    let input = &act.call.input;
    match (act.power(), act.call.operation.as_str()) {
        (Power::TakesDown | Power::BringsUp, _) => act.call.instances().collect(),
        (Power::Stays, "DetachVolume" | "AttachVolume") => {
            input.get("InstanceId").and_then(Value::as_str).into_iter().collect()
        }
        (Power::Stays, _) => Vec::new(),
    }
}

/// Wraps the undo of a run in marks: each instance is marked before it is worked on, announced before it is
/// stopped, and set free at the end.
pub fn around(acts: Vec<BackAct>) -> Vec<BackAct> {
    let mut ids: Vec<(String, String, String, bool)> = Vec::new();
    for back in &acts {
        for id in worked_on(&back.act) {
            // An instance that the run itself has left down is brought up as well, and so is found by its
            // mark.
            let turned = back.act.power() != Power::Stays;
            match ids.iter_mut().find(|(known, ..)| known == id) {
                Some((.., turns)) => *turns |= turned,
                None => ids.push((id.to_owned(), back.act.call.region.clone(), back.of.clone(), turned)),
            }
        }
    }
    let many = ids.len() > 1;
    let name = |word: &str, id: &str| if many { format!("{word}-{id}") } else { word.to_owned() };
    let (mut way, mut free) = (Vec::new(), Vec::new());
    for (id, region, of, turns) in &ids {
        let off = off(region, id, reference::run());
        let found = if *turns { FOUND_RUNNING } else { FOUND_STOPPED };
        way.push(BackAct {
            of: of.clone(),
            name: name(ON, id),
            act: on(region, id, found),
            redo: Some(off.clone()),
        });
        free.push(BackAct { of: of.clone(), name: name("undo-unmark", id), act: off, redo: None });
    }
    for back in acts {
        if back.act.power() == Power::TakesDown {
            let region = &back.act.call.region;
            let announced = worked_on(&back.act)
                .into_iter()
                .map(|id| (id, announcing(region, id), Some(withdrawing(region, id))));
            way.extend(announced.map(|(id, act, redo)| BackAct {
                of: back.of.clone(),
                name: name("undo-announce", id),
                act,
                redo,
            }));
        }
        way.push(back);
    }
    way.extend(free);
    way
}

/// Returns the name of the undo step whose reversal covers this act, if the act has none of its own: removing
/// a mark is covered by setting it.
pub fn covered_by(back: &BackAct) -> Option<String> {
    let id = marked(&back.act).filter(|_| back.redo.is_none())?;
    Some(if back.name.ends_with(id) { format!("{ON}-{id}") } else { ON.to_owned() })
}

/// Lets the mark of this run count as none, where the act marks an instance: an undo takes over the marks
/// that its run has left.
pub fn or_of(act: &mut Act, run: &str) {
    let own = |expect: &&mut Expect| {
        expect.at == format!("/tags/{}", tag::RUN) && expect.test == Test::Is(Value::Null)
    };
    if marked(act).is_some() {
        let good = vec![Value::Null, json!(run)];
        act.before
            .iter_mut()
            .filter(own)
            .for_each(|e| e.test = Test::OneOf { good: good.clone(), never: Vec::new(), late: Vec::new() });
    }
}

/// Adapts the marks of an undo to instances that are stopped and stay stopped.
pub fn stays_down(steps: &mut Vec<Step>, off: &BTreeSet<String>) {
    let is_off = |act: &Act| marked(act).is_some_and(|id| off.contains(id));
    steps.retain(|step| !(announces(&step.act) && is_off(&step.act)));
    for step in steps.iter_mut().filter(|step| is_off(&step.act)) {
        let tags = step.act.call.input.get_mut("Tags").and_then(Value::as_array_mut).into_iter().flatten();
        tags.filter(|t| t["Key"] == tag::STATE && !t["Value"].is_null())
            .for_each(|t| t["Value"] = json!(FOUND_STOPPED));
    }
}

/// Returns the steps without those that set or remove marks: undo plans that earlier versions made have none.
pub fn without(steps: &[Step]) -> Vec<Step> {
    steps.iter().filter(|step| marked(&step.act).is_none()).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn back(of: &str, operation: &str, input: Value) -> BackAct {
        let act = Act::new(
            Call::new("ec2", "us-east-1", operation, input),
            None,
            Recognise::Looks { expect: Vec::new(), outputs: [].into() },
        );
        BackAct { of: of.to_owned(), name: format!("undo-{of}-1"), act, redo: None }
    }

    fn names(acts: &[BackAct]) -> Vec<&str> {
        acts.iter().map(|back| back.name.as_str()).collect()
    }

    #[test]
    fn whatever_is_taken_down_or_swapped_is_marked_first_and_set_free_last() {
        let (one, disk) =
            (json!({ "InstanceIds": ["i-1"] }), json!({ "InstanceId": "i-1", "VolumeId": "vol-1" }));
        let way = around(vec![
            back("start", "StopInstances", one.clone()),
            back("attach", "DetachVolume", disk.clone()),
            back("stop", "StartInstances", one),
        ]);
        assert_eq!(
            names(&way),
            ["undo-mark", "undo-announce", "undo-start-1", "undo-attach-1", "undo-stop-1", "undo-unmark"]
        );
        assert_eq!(way[0].act, on("us-east-1", "i-1", "running"));
        assert!(announces(&way[1].act) && !announces(&way[0].act) && !announces(&way[5].act));
        assert_eq!(
            (covered_by(&way[5]), covered_by(&way[0]), way[1].redo.as_ref()),
            (Some(ON.to_owned()), None, Some(&withdrawing("us-east-1", "i-1")))
        );
        // One that was found stopped, and stays so.
        let way = around(vec![back("attach", "DetachVolume", disk)]);
        assert_eq!(
            (names(&way), &way[0].act),
            (vec!["undo-mark", "undo-attach-1", "undo-unmark"], &on("us-east-1", "i-1", "stopped"))
        );
        assert_eq!(
            names(&around(vec![back("tag", "DeleteSnapshot", json!({ "SnapshotId": "snap-1" }))])),
            ["undo-tag-1"]
        );
    }

    #[test]
    fn only_tags_of_a_mark_on_one_instance_are_one() {
        let tag = |resources: Value, key: &str| {
            back("x", "CreateTags", json!({ "Resources": resources, "Tags": [{ "Key": key, "Value": "v" }] }))
                .act
        };
        assert!(words(&tag(json!(["i-1"]), tag::RUN)).is_some());
        for other in [
            tag(json!(["vol-1"]), tag::RUN),
            tag(json!(["i-1", "i-2"]), tag::RUN),
            tag(json!(["i-1"]), "Name"),
        ] {
            assert_eq!(words(&other), None);
        }
    }
}
