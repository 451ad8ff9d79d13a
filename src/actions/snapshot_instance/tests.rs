//! Tests of `snapshot_instance`: required and forbidden behaviour, on small hand-made inventories.

//! The composition of a backup.

use super::*;
use crate::{
    actions::{Options, make::sound},
    inventory::{Caller, Inventory, Volume, compute::Device},
    resource::Owner,
};

const R: &str = "us-east-1";

fn account(tags: Tags) -> Inventory {
    let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
    let mut inventory = Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
    let region = inventory.region_mut(R);
    let device =
        |name: &str, id: &str| Device { device_name: name.into(), volume_id: id.into(), ..Device::default() };
    let devices = vec![device("/dev/xvda", "vol-1"), device("/dev/sdf", "vol-2")];
    region.instances.put(
        "i-1",
        Instance { id: "i-1".into(), state: "running".into(), devices, tags, ..Instance::default() },
    );
    for id in ["vol-1", "vol-2"] {
        region.volumes.put(id, Volume { id: id.into(), size: 8, ..Volume::default() });
    }
    inventory
}
fn propose(it: &Inventory, with: Value) -> Result<Proposal, Refusal> {
    let options = Options::default();
    SnapshotInstance.propose(
        &Context { inventory: it, region: R, checks: &[], options: &options },
        &it.owner.instance(R, "i-1"),
        &with,
    )
}
fn tags_of(proposal: &Proposal) -> Vec<(String, Value)> {
    let tags = proposal.steps[0].act.call.input["TagSpecifications"][0]["Tags"].as_array().unwrap();
    tags.iter().map(|t| (t["Key"].as_str().unwrap().to_owned(), t["Value"].clone())).collect()
}

#[test]
fn all_volumes_are_in_one_set_that_says_what_it_is_and_how_long_it_is_kept() {
    let it = account(
        [
            ("Name".to_owned(), "db".to_owned()),
            ("aws:x".to_owned(), "y".to_owned()),
            ("team".to_owned(), "a".to_owned()),
        ]
        .into(),
    );
    let proposal = propose(&it, json!({ "keep_days": 7, "keep_last": 2 })).unwrap();
    sound::steps(&proposal.steps);
    let [step] = proposal.steps.as_slice() else { panic!("one step") };
    assert_eq!(step.act.call.input["InstanceSpecification"], json!({ "InstanceId": "i-1" }));
    let tags = tags_of(&proposal);
    let tag_of = |key: &str| tags.iter().find(|(k, _)| k == key).map(|(_, v)| v.clone());
    for (key, value) in [
        ("Name", json!("db")),
        ("team", json!("a")),
        ("Backup", json!("true")),
        (tag::SET, reference::token()),
        (tag::EXPIRES, reference::date_after(7)),
        (tag::KEEP_LAST, json!("2")),
        (tag::INSTANCE, json!("i-1")),
    ] {
        assert_eq!(tag_of(key), Some(value), "{key}");
    }
    assert_eq!(tag_of("aws:x"), None);
    assert!(sound::undo_keeps(step));
}

#[test]
fn nothing_that_is_shown_or_called_names_a_volume_since_a_rehearsal_makes_others() {
    let proposal = propose(&account(Tags::new()), Value::Null).unwrap();
    let shown = serde_json::to_string(
        &json!({ "steps": proposal.steps, "impact": proposal.impact, "summary": proposal.summary }),
    )
    .unwrap();
    assert!(!shown.contains("vol-"), "{shown}");
}

#[test]
fn tags_that_find_no_room_are_left_out_and_named() {
    let many: Tags = (0..50).map(|n| (format!("k{n:02}"), String::new())).collect();
    let proposal = propose(&account(many), Value::Null).unwrap();
    let tags = tags_of(&proposal);
    assert_eq!(tags.len(), TAG_LIMIT);
    assert!(tags.iter().any(|(k, _)| k == "Name") && tags.iter().any(|(k, _)| k == "Backup"));
    assert!(proposal.impact.iter().any(|l| l.contains("left out: k49")), "{:?}", proposal.impact);
}

#[test]
fn what_cannot_be_backed_up_is_refused() {
    type Row = (fn(&mut Instance), fn(&Refusal) -> bool);
    let rows: &[Row] = &[
        (|i| i.state = "pending".into(), |r| matches!(r, Refusal::Refused(_))),
        (|i| i.hibernation = true, |r| matches!(r, Refusal::Refused(_))),
        (|i| i.devices.clear(), |r| matches!(r, Refusal::Nothing(_))),
        (|i| i.devices[0].volume_id = "vol-unread".into(), |r| matches!(r, Refusal::Unknown(_))),
    ];
    for (change, expected) in rows {
        let mut it = account(Tags::new());
        change(it.region_mut(R).instances.get_mut("i-1").unwrap());
        assert!(propose(&it, Value::Null).is_err_and(|r| expected(&r)), "{:?}", propose(&it, Value::Null));
    }
}

#[test]
fn parameters_that_make_no_sense_are_errors() {
    let decode = |text: &'static str| SnapshotInstance.decode(toml::de::Deserializer::parse(text).unwrap());
    for bad in ["keep_last = 0", "tag = 'Backup'", "tag = '=x'", "keep = 3"] {
        assert!(decode(bad).is_err(), "{bad}");
    }
    assert_eq!(decode("").unwrap().as_object().unwrap().len(), SnapshotInstance.parameters().len());
}
