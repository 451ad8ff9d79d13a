//! Somebody edits one detail of a disk in the plan of a run that was killed. The tests show that the account
//! contradicts the detail and that nothing is called for it.

use std::collections::BTreeSet;

use redress::{calls::Call, plan::Plan};
use serde_json::{Value, json};

use super::{
    half_done::{borne_out, said},
    stand::{Kill, hold, yes},
    world,
};

/// A call of a plan by its step, as JSON.
fn input<'p>(plan: &'p mut Value, step: &str) -> &'p mut Value {
    let steps = plan["changes"][0]["steps"].as_array_mut().unwrap();
    &mut steps.iter_mut().find(|s| s["name"] == step).unwrap_or_else(|| panic!("no step {step}"))["call"]["input"]
}

/// The value of a tag that a step sets.
fn tag_of<'p>(plan: &'p mut Value, step: &str, key: &str) -> &'p mut Value {
    let input = input(plan, step);
    let list = if input.get("Tags").is_some() {
        &mut input["Tags"]
    } else {
        &mut input["TagSpecifications"][0]["Tags"]
    };
    &mut list
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .find(|t| t["Key"] == key)
        .unwrap_or_else(|| panic!("{step} sets no {key}"))["Value"]
}

fn add_tag(plan: &mut Value, step: &str, key: &str, value: &str) {
    let input = input(plan, step);
    let list = if input.get("Tags").is_some() {
        &mut input["Tags"]
    } else {
        &mut input["TagSpecifications"][0]["Tags"]
    };
    list.as_array_mut().unwrap().push(json!({ "Key": key, "Value": value }));
}

/// Takes a tag out of a list.
fn drop_tag(tags: &mut Value, key: &str) {
    let all = tags.as_array_mut().unwrap();
    let before = all.len();
    all.retain(|tag| tag["Key"] != key);
    assert!(all.len() < before, "there is no {key}");
}

/// The tags of what a step makes.
fn made_tags<'p>(plan: &'p mut Value, step: &str) -> &'p mut Value {
    &mut input(plan, step)["TagSpecifications"][0]["Tags"]
}

type Edit = Box<dyn Fn(&mut Value)>;
fn edit(of: impl Fn(&mut Value) + 'static) -> Edit {
    Box::new(of)
}

/// A way back of a step, as JSON.
fn back<'p>(plan: &'p mut Value, step: &str) -> &'p mut Value {
    let steps = plan["changes"][0]["steps"].as_array_mut().unwrap();
    &mut steps.iter_mut().find(|s| s["name"] == step).unwrap()["way_back"]["calls"]
}

/// Edits of one detail, each with what is said of it. `other` is a volume of somebody else's, `old` the root
/// that is replaced.
fn edits(old: &str, other: &str) -> Vec<(&'static str, Edit)> {
    let (old, other, third) = (old.to_owned(), other.to_owned(), other.to_owned());
    let kept = old.clone();
    vec![
        ("has Size 1; the account shows", edit(|p| input(p, "volume-1")["Size"] = json!(1))),
        (
            "has VolumeType io2; the account shows",
            edit(|p| input(p, "volume-1")["VolumeType"] = json!("io2")),
        ),
        ("has Iops 64000; the account shows", edit(|p| input(p, "volume-1")["Iops"] = json!(64000))),
        (
            "has Throughput 1000; the account shows",
            edit(|p| input(p, "volume-1")["Throughput"] = json!(1000)),
        ),
        (
            "has AvailabilityZone us-east-1f; the account shows",
            edit(|p| input(p, "volume-1")["AvailabilityZone"] = json!("us-east-1f")),
        ),
        (
            "loads a volume at 300 MiB/s, which the change was not given",
            edit(|p| input(p, "volume-1")["VolumeInitializationRate"] = json!(300)),
        ),
        (
            "at the EBS card 1; the account shows none but the default",
            edit(|p| input(p, "attach-1")["EbsCardIndex"] = json!(1)),
        ),
        (
            "sets redress:ebs-card=1; the account shows none but the default",
            edit(|p| add_tag(p, "volume-1", "redress:ebs-card", "1")),
        ),
        (
            "where the instance is not",
            edit(|p| {
                let trial = input(p, "volume-1");
                let tags = [
                    ("run", json!({ "$run": true })),
                    ("step", json!({ "$step": true })),
                    ("token", json!({ "$token": true })),
                ];
                let tags: Vec<Value> = tags
                    .into_iter()
                    .map(|(key, value)| json!({ "Key": format!("redress:{key}"), "Value": value }))
                    .collect();
                *trial = json!({ "AvailabilityZone": "us-east-1f", "Size": 1, "VolumeType": "gp3",
                    "Encrypted": true, "KmsKeyId": trial["KmsKeyId"],
                "ClientToken": { "$token": true }, "TagSpecifications": [{ "ResourceType": "volume",
                "Tags": tags }] });
            }),
        ),
        (
            "is to take the place of",
            edit(move |p| *tag_of(p, "volume-1", "redress:source") = json!(other.clone())),
        ),
        (
            "sets redress:device=/dev/sdz; the account shows",
            edit(|p| *tag_of(p, "volume-1", "redress:device") = json!("/dev/sdz")),
        ),
        (
            "sets redress:instance=i-0ffffffffffffffff; the account shows",
            edit(|p| *tag_of(p, "volume-1", "redress:instance") = json!("i-0ffffffffffffffff")),
        ),
        (
            "which redress does not do there",
            edit(|p| add_tag(p, "volume-1", "redress:expires", "2020-01-01")),
        ),
        ("which redress does not do there", edit(|p| add_tag(p, "volume-1", "redress:hold", "mine"))),
        ("which is another run", edit(|p| *tag_of(p, "volume-1", "redress:run") = json!("run-9"))),
        ("which is no step of", edit(|p| *tag_of(p, "volume-1", "redress:step") = json!("c99/x"))),
        (
            "sets redress:token=aa; the account shows",
            edit(|p| *tag_of(p, "volume-1", "redress:token") = json!("aa")),
        ),
        (
            "does not show of which volume",
            edit(|p| {
                input(p, "volume-1")["SnapshotId"] =
                    json!({ "$output": { "step": "stop", "name": "SnapshotId" } })
            }),
        ),
        (
            "takes a volume that no step of the change makes for",
            edit(|p| input(p, "attach-1")["Device"] = json!("/dev/sdz")),
        ),
        (
            "for a copy that the run made",
            edit(move |p| input(p, "attach-1")["VolumeId"] = json!(kept.clone())),
        ),
        (
            "; the account shows that it belongs at",
            edit(|p| input(p, "detach-1")["Device"] = json!("/dev/sdz")),
        ),
        (
            "where the run replaces no disk",
            edit(|p| input(p, "dot-1")["BlockDeviceMappings"][0]["DeviceName"] = json!("/dev/sdz")),
        ),
        (
            "without looking whether the instance is stopped",
            edit(|p| {
                let steps = p["changes"][0]["steps"].as_array_mut().unwrap();
                let detach = steps.iter_mut().find(|s| s["name"] == "detach-1").unwrap();
                detach["before"] =
                    json!([{ "region": "us-east-1", "family": "instances", "id": "i-1", "test": "exists" }]);
            }),
        ),
        (
            "is recognised by other signs",
            edit(|p| {
                let steps = p["changes"][0]["steps"].as_array_mut().unwrap();
                let made = steps.iter_mut().find(|s| s["name"] == "volume-1").unwrap();
                made["recognise"] =
                    json!({ "looks": { "expect": [], "outputs": { "VolumeId": "vol-0ffffffffffffffff" } } });
            }),
        ),
        (
            "is about the tag redress:hold",
            edit(|p| {
                let act = &mut back(p, "tag-old-1")["rollback"][0];
                act["call"]["input"]["Tags"].as_array_mut().unwrap().push(json!({ "Key": "redress:hold" }));
            }),
        ),
        ("leaves out the tag redress:step", edit(|p| drop_tag(made_tags(p, "volume-1"), "redress:step"))),
        ("leaves out the tag redress:device", edit(|p| drop_tag(made_tags(p, "volume-1"), "redress:device"))),
        ("leaves out the tag redress:source", edit(|p| drop_tag(made_tags(p, "copy-1"), "redress:source"))),
        ("leaves out the tag redress:expires", edit(|p| drop_tag(made_tags(p, "copy-1"), "redress:expires"))),
        (
            "leaves out the tag redress:step",
            edit(|p| drop_tag(&mut input(p, "unmark")["Tags"], "redress:step")),
        ),
        (
            "leaves out the tag redress:state",
            edit(|p| drop_tag(&mut input(p, "unmark")["Tags"], "redress:state")),
        ),
        (
            "leaves out the tag redress:replaced-by",
            edit(|p| {
                drop_tag(
                    &mut back(p, "tag-old-1")["rollback"][0]["call"]["input"]["Tags"],
                    "redress:replaced-by",
                )
            }),
        ),
        ("are not redress's own, or all", edit(|p| input(p, "unmark")["Tags"] = json!([]))),
        ("are not redress's own, or all", edit(|p| input(p, "replaced-1")["Tags"] = json!([]))),
        ("is about redress:token", edit(|p| add_tag(p, "replaced-1", "redress:token", &"a".repeat(64)))),
        (
            "which the run did not make to replace it",
            edit(move |p| *tag_of(p, "replaced-1", "redress:replaced-by") = json!(third.clone())),
        ),
        (
            "which the run has marked and did not make",
            edit(move |p| {
                back(p, "volume-1")["rollback"][0]["call"]["input"]["VolumeId"] = json!(old.clone());
            }),
        ),
        (
            "twice in InstanceIds",
            edit(|p| {
                let id = input(p, "start")["InstanceIds"][0].clone();
                input(p, "start")["InstanceIds"] = json!([id, id]);
            }),
        ),
    ]
}

#[test]
fn what_a_disk_is_found_by_later_is_not_left_out() {
    let whole = world::demo();
    let (plan, _) = world::one_instance(&whole);
    let text = serde_json::to_value(&plan).unwrap();
    for key in ["run", "step", "expires", "instance", "device", "delete-on-termination"]
        .map(|key| format!("redress:{key}"))
    {
        let stand = world::demo();
        stand.killed(&plan, Kill::AfterCall(1));
        let mut edited = text.clone();
        drop_tag(&mut input(&mut edited, "tag-old-1")["Tags"], &key);
        let edited: Plan = serde_json::from_value(edited).unwrap();
        let said = said(&stand, &edited);
        assert!(
            said.beyond.iter().any(|why| why.contains(&format!("leaves out the tag {key}"))),
            "{key}: {said:#?}"
        );
    }
    // What a released version did not tag so is named, and no flag speaks for it.
    for (step, words) in
        [("mark", "is not tagged with the state"), ("volume-1", "is not tagged as going with the instance")]
    {
        let stand = world::demo();
        stand.killed(&plan, Kill::AfterRecord(3));
        let mut edited = text.clone();
        match step {
            "mark" => drop_tag(&mut input(&mut edited, step)["Tags"], "redress:state"),
            _ => drop_tag(made_tags(&mut edited, step), "redress:delete-on-termination"),
        }
        let edited: Plan = serde_json::from_value(edited).unwrap();
        let said = said(&stand, &edited);
        let id = &plan.changes[0].id;
        assert!(
            said.ahead.contains(id) && said.claims[id].iter().any(|claim| claim.contains(words)),
            "{step}: {said:#?}"
        );
    }
}

#[test]
fn a_detail_of_a_disk_that_the_account_contradicts_is_not_called() {
    let whole = world::demo();
    let (plan, _) = world::one_instance(&whole);
    let text = serde_json::to_value(&plan).unwrap();
    let old = text["changes"][0]["steps"]
        .as_array()
        .unwrap()
        .iter()
        .find(|s| s["name"] == "detach-1")
        .unwrap()["call"]["input"]["VolumeId"]
        .clone();
    let inventory = hold(&whole.twin).inventory();
    let place = &inventory.regions[&plan.changes[0].region];
    let other = place
        .volumes
        .known()
        .map(|(id, _)| id)
        .find(|id| !text.to_string().contains(*id))
        .unwrap()
        .to_owned();
    whole.run(&plan, yes(&plan), None).unwrap().unwrap();
    let stop = hold(&whole.called).iter().position(|c| c.operation == "StopInstances").unwrap() + 1;
    for (says, edit) in edits(old.as_str().unwrap(), &other) {
        let stand = world::demo();
        stand.killed(&plan, Kill::AfterCall(stop));
        let mut edited = text.clone();
        edit(&mut edited);
        assert_ne!(edited, text, "{says}");
        let edited: Plan = serde_json::from_value(edited).unwrap();
        let said = said(&stand, &edited);
        assert!(said.beyond.iter().any(|why| why.contains(says)), "{says}: {said:#?}");
    }
}

#[test]
fn a_disk_is_let_go_with_its_instance_only_where_it_did_before_whatever_the_files_say() {
    let whole = world::demo();
    let (plan, _) = world::one_instance(&whole);
    whole.run(&plan, yes(&plan), None).unwrap().unwrap();
    let called: Vec<Call> = hold(&whole.called).clone();
    let text = serde_json::to_value(&plan).unwrap();
    let stays = |n: usize| {
        text["changes"][0]["steps"]
            .as_array()
            .unwrap()
            .iter()
            .all(|s| s["name"] != format!("dot-{n}").as_str())
    };
    let n = (1..5)
        .find(|n| stays(*n) && called.iter().any(|c| c.input["Device"] != Value::Null))
        .expect("a disk that stays");
    let attach = text["changes"][0]["steps"]
        .as_array()
        .unwrap()
        .iter()
        .position(|s| s["name"] == format!("attach-{n}").as_str());
    let Some(attach) = attach else {
        panic!("the demo's instance has a disk that stays when it is terminated")
    };
    // Its device, with the words of the disk that goes.
    let device = text["changes"][0]["steps"][attach]["call"]["input"]["Device"].clone();
    let mut edited = text.clone();
    input(&mut edited, "dot-1")["BlockDeviceMappings"][0]["DeviceName"] = device;
    let edited: Plan = serde_json::from_value(edited).unwrap();
    let mut seen = BTreeSet::new();
    let dot = called.iter().rposition(|c| c.operation == "ModifyInstanceAttribute").unwrap() + 1;
    for kill in 2..dot {
        let stand = world::demo();
        stand.killed(&plan, Kill::AfterCall(kill));
        let said = said(&stand, &edited);
        seen.extend(said.beyond.iter().filter(|why| why.contains("stayed before")).map(|_| kill));
    }
    assert_eq!(seen, (2..dot).collect(), "at each of these calls it is refused");
}

#[test]
fn a_disk_that_an_instance_runs_on_is_not_deleted_whatever_the_files_say_of_its_start() {
    let stand = world::demo();
    let (plan, _) = world::one_instance(&stand);
    let whole = world::demo();
    whole.run(&plan, yes(&plan), None).unwrap().unwrap();
    let start = hold(&whole.called).iter().position(|c| c.operation == "StartInstances").unwrap() + 1;
    stand.killed(&plan, Kill::AfterCall(start));
    borne_out(&stand, &plan, "as it was written");
    let mut edited = serde_json::to_value(&plan).unwrap();
    back(&mut edited, "volume-1").as_object_mut().unwrap().shift_remove("kept_once");
    let edited: Plan = serde_json::from_value(edited).unwrap();
    let said = said(&stand, &edited);
    assert!(said.beyond.iter().any(|why| why.contains("runs on")), "{said:#?}");
}
