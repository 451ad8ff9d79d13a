//! These tests hold the description of the change against what it does to disks, keys and scanners
//! afterwards.

use super::*;
use crate::actions::{GuardNote, GuardResult};

fn says(proposal: &Proposal, word: &str) -> bool {
    proposal.impact.iter().any(|line| line.contains(word))
}

#[test]
fn slow_first_reads_are_named_and_a_rate_is_given_to_the_new_volumes_alone_and_proved() {
    let plain = on_instance(&account(), Value::Null).unwrap();
    assert!(says(&plain, "when it is first read"), "{:?}", plain.impact);
    let rated = on_instance(&account(), json!({ "initialization_rate": 200 })).unwrap();
    assert!(says(&rated, "200 MiB/s"), "{:?}", rated.impact);
    let rate = |proposal: &Proposal, step: &str| {
        sound::named(&proposal.steps, step).act.call.input.get("VolumeInitializationRate").cloned()
    };
    assert_eq!((rate(&rated, "volume-1"), rate(&rated, "trial-1")), (Some(json!(200)), None));
    assert_eq!(rate(&plain, "volume-1"), None);
    let proof = rated.proof.iter().find(|p| p.check == "volume-replaced").unwrap();
    assert_eq!(proof.with["volume_initialization_rate"], 200);
    let decode = |text: &'static str| EncryptVolumes.decode(toml::de::Deserializer::parse(text).unwrap());
    for rate in ["initialization_rate = 99", "initialization_rate = 301"] {
        assert!(decode(rate).is_err(), "{rate}");
    }
    assert_eq!(decode("initialization_rate = 100").unwrap()["initialization_rate"], 100);
}

#[test]
fn who_starts_it_under_a_key_of_the_customer_is_named_and_not_checked() {
    let mut it = account();
    let plain = on_instance(&it, Value::Null).unwrap();
    assert!(!says(&plain, "kms:CreateGrant"), "AWS's own key lets in the whole account");
    it.region_mut(R).keys.get_mut("alias/aws/ebs").unwrap().key_manager = "CUSTOMER".into();
    let loose = it.owner.volume(R, "vol-9");
    for own in [on_instance(&it, Value::Null).unwrap(), propose(&it, &loose, Value::Null).unwrap()] {
        assert!(says(&own, "kms:CreateGrant"), "{:?}", own.impact);
        let open = |g: &GuardNote| g.guard == "later-starts" && g.result == GuardResult::NotChecked;
        assert!(own.guards.iter().any(open), "{:?}", own.guards);
    }
}

#[test]
fn the_warm_set_and_its_copies_are_deleted_at_the_end_and_an_undo_names_none_of_them() {
    let proposal = on_instance(&account(), Value::Null).unwrap();
    let deleted = |step: &str| sound::named(&proposal.steps, step).act.call.clone();
    assert_eq!(deleted("warm-gone-2").operation, "DeleteSnapshot");
    assert_eq!(deleted("warm-gone-2").input["SnapshotId"]["$output"]["name"], "Snapshots/vol-2");
    assert_eq!(deleted("warm-gone-copy-1").input["SnapshotId"]["$output"]["step"], "warm-copy-1");
    for step in ["warm", "warm-copy-1"] {
        assert!(!sound::undo_keeps(sound::named(&proposal.steps, step)), "{step}");
    }
    assert!(says(&proposal, "2 old volumes and 2 final snapshots"), "{:?}", proposal.impact);
    let names = sound::names(&proposal.steps);
    let at = |name: &str| names.iter().position(|n| *n == name).unwrap();
    assert!(at("start") < at("warm-gone-copy-1"), "nothing is deleted while the instance is down");
    let cold = on_instance(&account(), json!({ "pre_snapshot": false })).unwrap();
    assert!(!sound::names(&cold.steps).iter().any(|name| name.contains("warm")));
}

#[test]
fn the_downtime_is_a_range_in_which_a_copy_may_be_whole() {
    let at = |copies: bool, warm: bool| super::super::instance::downtime(2048, 1, copies, warm);
    assert_eq!(at(true, true), [9, 7 + 52 + 512], "the copy after a warm set may be whole again");
    assert_eq!(at(false, true), [8, 7 + 52]);
    assert_eq!(at(false, false), [8, 7 + 512]);
    assert_eq!(super::super::instance::downtime(1, 1, true, true), [9, 9]);
}

#[test]
fn windows_may_give_its_disks_other_letters_and_bare_metal_is_waited_for_longer() {
    let mut it = account();
    assert!(!says(&on_instance(&it, Value::Null).unwrap(), "drive letters"));
    i(&mut it).platform_details = "Windows".into();
    let patience = |it: &Inventory| {
        let proposal = on_instance(it, Value::Null).unwrap();
        sound::named(&proposal.steps, "start").act.wait.as_ref().unwrap().at_most
    };
    let usual = patience(&it);
    assert!(says(&on_instance(&it, Value::Null).unwrap(), "drive letters"));
    i(&mut it).instance_type = "m5.metal".into();
    let kind = InstanceType { id: "m5.metal".into(), instance_storage: false };
    it.region_mut(R).instance_types.put("m5.metal", kind);
    assert_eq!(patience(&it), usual + 1800);
}

#[test]
fn a_status_that_aws_adds_later_is_never_taken_for_health() {
    for word in ["warning", "impaired", "insufficient-data", ""] {
        let status = |system: &str, volumes: &str| InstanceStatus {
            system_status: system.into(),
            instance_status: "ok".into(),
            attached_ebs_status: volumes.into(),
            ..InstanceStatus::default()
        };
        assert!(status(word, "ok").proves_reachable().is_err(), "{word}");
        assert!(status("ok", word).proves_health().is_err(), "{word}");
    }
    let proposal = on_instance(&account(), Value::Null).unwrap();
    let until = sound::named(&proposal.steps, "start").act.wait.clone().unwrap().until;
    let mut it = account();
    i(&mut it).state = "running".into();
    it.region_mut(R).instance_statuses.get_mut("i-1").unwrap().attached_ebs_status = "warning".into();
    let standing = crate::calls::standing_of(&until, &it);
    assert!(matches!(standing, crate::calls::Standing::NotYet(_)), "{standing:?}");
}

#[test]
fn checks_of_the_applications_that_pass_before_the_stop_must_pass_after_the_start() {
    use crate::{actions::GuardResult, inventory::ApplicationStatus};
    let with = |fact: Option<Fact<&str>>| {
        let mut it = account();
        if let Some(fact) = fact {
            let status = |status: &str| ApplicationStatus { id: "i-1".into(), status: status.into() };
            it.region_mut(R).application_statuses.items.insert("i-1".into(), fact.map(status));
        }
        let proposal = on_instance(&it, Value::Null).unwrap();
        let wait = sound::named(&proposal.steps, "start").act.wait.clone().unwrap();
        let waits = wait.until.iter().any(|e| e.family == FamilyKind::ApplicationStatuses);
        let note = proposal.guards.into_iter().find(|g| g.guard == "application-status").map(|g| g.result);
        (waits, note, wait.at_most)
    };
    let (passes, none) = (with(Some(Fact::Known("ok"))), with(Some(Fact::Absent)));
    assert_eq!((passes.0, passes.1), (true, Some(GuardResult::Passed)));
    assert_eq!((none.0, none.1, passes.2 - none.2), (false, None, 900));
    assert_eq!(with(Some(Fact::Known("not-applicable"))), none);
    for other in ["impaired", "initializing", "insufficient-data", "suppressed", "a word to come", ""] {
        let (waits, note, _) = with(Some(Fact::Known(other)));
        assert_eq!((waits, note), (false, Some(GuardResult::NotChecked)), "{other}");
    }
    for silent in [Some(Fact::unknown("AccessDenied")), None] {
        let (waits, note, _) = with(silent);
        assert_eq!((waits, note), (false, Some(GuardResult::NotChecked)));
    }
}

#[test]
fn snapshots_and_copies_carry_the_tags_of_their_disks_and_a_set_those_that_all_have() {
    let mut it = account();
    for (id, stage) in [("vol-1", "prod"), ("vol-2", "test")] {
        let tags = &mut it.region_mut(R).volumes.get_mut(id).unwrap().tags;
        tags.insert("Stage".into(), stage.into());
        tags.insert("Team".into(), "db".into());
    }
    let proposal = on_instance(&it, Value::Null).unwrap();
    let value = |step: &str, key: &str| {
        let input = &sound::named(&proposal.steps, step).act.call.input;
        let tags = input["TagSpecifications"][0]["Tags"].as_array().unwrap();
        tags.iter().find(|t| t["Key"] == key).map(|t| t["Value"].clone())
    };
    for set in ["warm", "snapshot"] {
        assert_eq!((value(set, "Team"), value(set, "Stage")), (Some(json!("db")), None), "{set}");
        assert_eq!(value(set, "aws:x"), None, "{set}");
    }
    assert_eq!(value("copy-2", "Stage"), Some(json!("test")));
    assert_eq!(value("copy-1", tag::SOURCE), Some(json!("vol-1")));
}
