//! Disks that are copied as volumes: the steps, the call, the words and the refusals.

use super::*;

fn doubled() -> Value {
    json!({ "via": "volume-copy" })
}

#[test]
fn disks_that_are_copied_as_volumes_need_no_snapshots() {
    let proposal = on_instance(&account(), doubled()).unwrap();
    sound::steps(&proposal.steps);
    let expected = [
        "mark",
        "trial-1",
        "trial-2",
        "trial-gone-1",
        "trial-gone-2",
        "tag-old-1",
        "keep-old-1",
        "tag-old-2",
        "announce",
        "stop",
        "volume-1",
        "volume-2",
        "detach-1",
        "attach-1",
        "dot-1",
        "detach-2",
        "attach-2",
        "start",
        "replaced-1",
        "replaced-2",
        "unmark",
    ];
    assert_eq!(sound::names(&proposal.steps), expected);
    assert!(proposal.impact[0].contains("downtime 9 to 10 minutes"), "{:?}", proposal.impact);
    let said = proposal.impact.join("\n");
    assert!(said.contains("for up to 6 hours") && said.contains("3,000 IOPS"), "{said}");
    assert!(said.contains("until AWS has room for the copies: 5 may be in progress"), "{said}");
    assert!(!said.contains("snapshot"), "{said}");
}

#[test]
fn a_copy_is_like_its_source_and_carries_its_tags_and_where_it_belongs() {
    let proposal = on_instance(&account(), doubled()).unwrap();
    let call = &sound::named(&proposal.steps, "volume-1").act.call;
    assert_eq!(call.operation, "CopyVolumes");
    for (member, value) in [
        ("SourceVolumeId", json!("vol-1")),
        ("VolumeType", json!("gp3")),
        ("Size", json!(8)),
        ("Iops", json!(4000)),
        ("Throughput", json!(250)),
        ("Encrypted", json!(true)),
        ("KmsKeyId", json!(KEY)),
        ("ClientToken", crate::calls::reference::token()),
    ] {
        assert_eq!(call.input[member], value, "{member}");
    }
    let tags = call.input["TagSpecifications"][0]["Tags"].as_array().unwrap();
    let tag_of = |key: &str| tags.iter().find(|t| t["Key"] == key).map(|t| t["Value"].clone());
    assert_eq!(tag_of("Name"), Some(json!("data")));
    assert_eq!(tag_of(tag::SOURCE), Some(json!("vol-1")));
    assert_eq!(tag_of(tag::DEVICE), Some(json!("/dev/xvda")));
    assert_eq!(tag_of(tag::DELETE_ON_TERMINATION), Some(json!("true")));
    let untyped = |kind: &str| {
        let mut it = account();
        v(&mut it).volume_type = kind.into();
        let proposal = on_instance(&it, doubled()).unwrap();
        sound::named(&proposal.steps, "volume-1").act.call.input.clone()
    };
    let gp2 = untyped("gp2");
    assert_eq!((gp2.get("Iops"), gp2.get("Throughput"), &gp2["VolumeType"]), (None, None, &json!("gp2")));
}

#[test]
fn a_disk_is_copied_only_while_nothing_can_write_to_it() {
    let proposal = on_instance(&account(), doubled()).unwrap();
    for name in ["volume-1", "volume-2"] {
        let act = &sound::named(&proposal.steps, name).act;
        let at = |family: FamilyKind, at: &str| act.before.iter().any(|e| e.family == family && e.at == at);
        assert!(at(FamilyKind::Instances, "/state") && at(FamilyKind::Instances, "/launch_time"), "{name}");
        assert!(at(FamilyKind::Volumes, "/attachments/0/instance_id"), "{name}");
        assert_eq!(act.observe.len(), 1, "{name}");
    }
}

#[test]
fn a_failure_while_it_is_down_deletes_the_copies_and_brings_it_up() {
    let proposal = on_instance(&account(), doubled()).unwrap();
    let names = sound::names(&proposal.steps);
    let until = names[..=names.iter().position(|n| *n == "volume-2").unwrap()].to_vec();
    let back = sound::going_back(&proposal.steps, &until, Purpose::Rollback);
    let expected = ["DeleteVolume volume-2", "DeleteVolume volume-1", "StartInstances stop"];
    assert_eq!(back[..3], expected);
    let undone = sound::going_back(&proposal.steps, &names, Purpose::Undo);
    assert!(!undone.iter().any(|call| call.starts_with("DeleteVolume")), "{undone:?}");
    assert!(sound::undo_keeps(sound::named(&proposal.steps, "volume-1")));
}

#[test]
fn a_detached_volume_is_copied_while_it_is_attached_to_nothing() {
    let it = account();
    let target = it.owner.volume(R, "vol-9");
    let proposal = propose(&it, &target, doubled()).unwrap();
    sound::steps(&proposal.steps);
    assert_eq!(sound::names(&proposal.steps), ["tag-old-1", "volume-1", "replaced-1"]);
    let act = &sound::named(&proposal.steps, "volume-1").act;
    assert_eq!(act.call.input["SourceVolumeId"], "vol-9");
    assert!(act.before.iter().any(|e| e.at == "/state") && act.before.iter().any(|e| e.at == "/attachments"));
    let said = proposal.impact.join("\n");
    assert!(said.contains("until the old volume is pruned") && !said.contains("snapshot"), "{said}");
    assert!(said.contains("kept: 1 old volume, until `redress prune` deletes it"), "{said}");
}

#[test]
fn a_stopped_instance_is_copied_as_it_is() {
    let mut it = account();
    i(&mut it).state = "stopped".into();
    let proposal = on_instance(&it, doubled()).unwrap();
    assert_eq!(
        sound::names(&proposal.steps)[..6],
        ["mark", "tag-old-1", "keep-old-1", "tag-old-2", "volume-1", "volume-2"]
    );
}

#[test]
fn what_aws_does_not_copy_is_refused_with_another_way() {
    let refused = |it: &Inventory, with: Value| match on_instance(it, with) {
        Err(Refusal::Refused(why)) => why,
        other => panic!("{other:?}"),
    };
    let rated = json!({ "via": "volume-copy", "initialization_rate": 200 });
    assert!(refused(&account(), rated).contains("no initialization_rate (200 MiB/s)"));
    let mut it = account();
    v(&mut it).availability_zone = "us-east-1-wl1-bos-wlz-1".into();
    assert!(refused(&it, doubled()).contains("Wavelength"));
    let mut it = account();
    for n in 10..14 {
        let (id, device) = (format!("vol-{n}"), format!("/dev/sd{n}"));
        it.region_mut(R).volumes.put(&id, volume_of(&id, &device, false));
        it.region_mut(R).volume_modifications.items.insert(id.clone(), Fact::Absent);
        let status = "attached".into();
        i(&mut it).devices.push(Device {
            device_name: device,
            volume_id: id,
            delete_on_termination: false,
            status,
        });
    }
    let why = refused(&it, doubled());
    assert!(why.contains("5 copies") && why.contains("6 disks") && why.contains("direct"), "{why}");
    assert!(on_instance(&it, json!({ "via": "direct" })).is_ok());
}
