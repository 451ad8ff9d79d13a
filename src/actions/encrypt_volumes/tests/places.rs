//! These tests hold where a volume is attached: a disk comes back at the EBS card where it was, and one that
//! a service of AWS holds is refused with that service's name.

use super::*;
use crate::inventory::Record;

fn at_card(it: &mut Inventory, id: &str, card: i32) {
    it.region_mut(R).volumes.get_mut(id).unwrap().attachments[0].ebs_card_index = Some(card);
}

/// Returns the EBS cards at which the calls of the change attach, forward and back.
fn cards(proposal: &Proposal, n: u8) -> Vec<Value> {
    let named = |name: String| sound::named(&proposal.steps, &name).clone();
    let (forth, back) = (named(format!("attach-{n}")), named(format!("detach-{n}")));
    let acts = [&forth.act].into_iter().chain(back.way_back.acts());
    acts.map(|act| act.call.input.get("EbsCardIndex").cloned().unwrap_or_default()).collect()
}

#[test]
fn a_disk_of_another_ebs_card_comes_back_there_forward_and_back_and_that_is_proved() {
    let mut it = account();
    at_card(&mut it, "vol-2", 1);
    let proposal = on_instance(&it, Value::Null).unwrap();
    sound::steps(&proposal.steps);
    assert_eq!(cards(&proposal, 2), [json!(1), json!(1)]);
    assert_eq!(cards(&proposal, 1), [Value::Null, Value::Null], "0 is the default and is not given");
    let waited = sound::named(&proposal.steps, "attach-2").act.wait.clone().unwrap();
    assert!(waited.until.iter().any(|e| e.at == "/attachments/0/ebs_card_index"), "{waited:?}");
    let planned = proposal.proof[0].with["devices"].as_array().unwrap();
    let card = |device: &str| planned.iter().find(|d| d["device"] == device).unwrap().get("ebs_card_index");
    assert_eq!((card("/dev/sdf"), card("/dev/xvda")), (Some(&json!(1)), None));
}

#[test]
fn the_tags_record_the_ebs_card_for_a_recovery() {
    let mut it = account();
    at_card(&mut it, "vol-2", 1);
    let proposal = on_instance(&it, Value::Null).unwrap();
    let input = |name: &str| sound::named(&proposal.steps, name).act.call.input.clone();
    let has = |tags: &Value| {
        tags.as_array().unwrap().iter().any(|t| t["Key"] == tag::EBS_CARD && t["Value"] == "1")
    };
    assert!(has(&input("volume-2")["TagSpecifications"][0]["Tags"]));
    assert!(has(&input("tag-old-2")["Tags"]));
    assert!(!has(&input("volume-1")["TagSpecifications"][0]["Tags"]));
}

#[test]
fn a_volume_that_a_service_holds_is_refused_with_its_owner_and_no_empty_id_is_asked_for() {
    let mut it = account();
    let held = Attachment {
        state: "attached".into(),
        associated_resource: Some("arn:aws:ecs:us-east-1:123456789012:task/blue/1".into()),
        instance_owning_service: Some("ecs.amazonaws.com".into()),
        ..Attachment::default()
    };
    v(&mut it).attachments = vec![held];
    let target = it.owner.volume(R, "vol-1");
    let retargeted = EncryptVolumes.retarget(&it, &target, &Value::Null);
    for refused in [retargeted.map(|_| ()), propose(&it, &target, Value::Null).map(|_| ())] {
        let Err(Refusal::Refused(why)) = refused else { panic!("{refused:?}") };
        assert!(why.contains("task/blue/1") && why.contains("ecs.amazonaws.com"), "{why}");
    }
    let instances: Vec<_> = it.regions[R].volumes.get("vol-1").known().unwrap().filters();
    assert!(instances.iter().all(|(_, value)| !value.is_empty()), "{instances:?}");
}

#[test]
fn the_quotas_of_storage_are_asked_for_and_one_that_is_not_known_is_noted() {
    use crate::{actions::GuardResult, inventory::Quota};
    let mut it = account();
    it.region_mut(R).volumes.get_mut("vol-2").unwrap().volume_type = "io2".into();
    let asked = |it: &Inventory| {
        let (checks, options) = (Vec::new(), Options::default());
        let context = Context { inventory: it, region: R, checks: &checks, options: &options };
        let wants = EncryptVolumes.needs(&context, &it.owner.instance(R, "i-1"), &Value::Null);
        wants.iter().map(ToString::to_string).filter(|w| w.contains("ebs/L-")).collect::<Vec<_>>()
    };
    let ids = ["ebs/L-09BD8365", "ebs/L-309BACF6", "ebs/L-7A658B76", "ebs/L-8D977E7E"];
    let wants = asked(&it);
    assert_eq!(wants.len(), ids.len(), "{wants:?}");
    assert!(wants.iter().zip(ids).all(|(want, id)| want.contains(id)), "{wants:?}");
    let note = |it: &Inventory| {
        let guards = on_instance(it, Value::Null).unwrap().guards;
        guards.into_iter().find(|g| g.guard == "storage-quota").map(|g| g.result)
    };
    assert_eq!(note(&it), Some(GuardResult::NotChecked));
    for id in ids {
        it.region_mut(R).quotas.items.insert(id.into(), Fact::Absent);
    }
    assert_eq!(note(&it), None, "AWS's defaults, and nothing else");
    it.region_mut(R).quotas.put(ids[2], Quota { id: ids[2].into(), value: 300 });
    assert_eq!(note(&it), Some(GuardResult::Passed));
    it.region_mut(R).quotas.items.insert(ids[3].into(), Fact::Unknown("AccessDenied".into()));
    assert_eq!(note(&it), Some(GuardResult::NotChecked), "the IOPS of io2");
}
