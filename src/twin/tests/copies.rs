//! Copies of volumes: what they are made of, AWS's limits, and their initialization.

use serde_json::{Value, json};

use super::*;
use crate::{
    calls::{Outputs, Tried},
    inventory::{FamilyKind, Scope, Volume, VolumeModification, Want},
};

/// Copies a volume of the main region with encryption.
fn copy(twin: &mut Twin, source: &str, more: Value) -> Outcome {
    let mut input = json!({ "SourceVolumeId": source, "VolumeType": "gp3", "Encrypted": true,
        "KmsKeyId": "alias/aws/ebs", "TagSpecifications": tag_all("volume", &[("redress:source", source)]) });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    ec2(twin, "CopyVolumes", input)
}

fn volume(twin: &Twin, id: &str) -> Volume {
    twin.truth().regions[MAIN].volumes.get(id).known().copied().unwrap().clone()
}

fn progress(twin: &Twin, id: &str) -> Option<i64> {
    let read = twin.read(&Scope::from([Want::id(MAIN, FamilyKind::VolumeStatuses, id)]));
    read.regions[MAIN].volume_statuses.get(id).known().unwrap().initialization_progress
}

/// Creates empty volumes of 1 GiB.
fn sources(twin: &mut Twin, n: usize) -> Vec<String> {
    let one = |_| {
        let input = json!({ "AvailabilityZone": "us-east-1a", "Size": 1 });
        made(ec2(twin, "CreateVolume", input)).as_str().unwrap().to_owned()
    };
    let all = (0..n).map(one).collect();
    minutes(twin, 1);
    all
}

#[test]
fn a_copy_is_usable_at_once_with_tags_of_its_own_and_is_initialised_later() {
    let mut twin = company();
    let source = id("vol", 1);
    let made = made(copy(&mut twin, &source, json!({}))).as_str().unwrap().to_owned();
    minutes(&mut twin, 1);
    let (new, old) = (volume(&twin, &made), volume(&twin, &source));
    assert_eq!((new.state.as_str(), new.encrypted, new.size), ("available", true, old.size));
    assert_eq!(new.source_volume_id.as_ref(), Some(&source));
    assert_eq!(new.availability_zone, old.availability_zone);
    assert!(new.kms_key_id.unwrap().contains(":key/"));
    assert_eq!(new.tags.keys().collect::<Vec<_>>(), ["redress:source"]);
    assert_eq!(progress(&twin, &made), Some(0));
    minutes(&mut twin, 600);
    assert_eq!(progress(&twin, &made), Some(100));
}

#[test]
fn a_copy_holds_what_its_source_held_when_it_was_made() {
    let mut twin = company();
    let source = id("vol", 1);
    minutes(&mut twin, 5);
    let before = twin.content(MAIN, &source);
    let made = made(copy(&mut twin, &source, json!({}))).as_str().unwrap().to_owned();
    minutes(&mut twin, 5);
    assert_eq!(twin.content(MAIN, &made), before);
}

#[test]
fn aws_makes_one_copy_of_a_source_at_a_time_and_five_in_a_region() {
    let mut twin = company();
    let all = sources(&mut twin, 6);
    let first = copy(&mut twin, &all[0], json!({}));
    assert!(first.is_ok());
    let again = error(copy(&mut twin, &all[0], json!({})));
    assert_eq!((again.code.as_str(), again.class), ("CopyVolumesLimitExceeded", ErrorClass::Concurrency));
    all[1..5].iter().for_each(|source| assert!(copy(&mut twin, source, json!({})).is_ok()));
    assert_eq!(code(copy(&mut twin, &all[5], json!({}))), "CopyVolumesLimitExceeded");
    minutes(&mut twin, 2);
    assert!(copy(&mut twin, &all[5], json!({})).is_ok(), "they are initialised by now");
    assert!(copy(&mut twin, &all[0], json!({})).is_ok());
}

#[test]
fn a_copy_that_is_deleted_gives_its_room_back() {
    let mut twin = company();
    let source = sources(&mut twin, 1).remove(0);
    let made = made(copy(&mut twin, &source, json!({})));
    twin.pass(Duration::from_secs(10));
    ec2(&mut twin, "DeleteVolume", json!({ "VolumeId": made })).unwrap();
    assert!(copy(&mut twin, &source, json!({})).is_ok());
}

#[test]
fn the_same_copy_asked_for_twice_is_made_once_and_a_key_that_does_not_work_kills_it_later() {
    let mut twin = company();
    let token = json!({ "ClientToken": "t1" });
    let first = copy(&mut twin, &id("vol", 1), token.clone());
    let outputs: Outputs = first.unwrap();
    assert_eq!(copy(&mut twin, &id("vol", 1), token).unwrap(), outputs);
    let source = sources(&mut twin, 1).remove(0);
    let dead = made(copy(&mut twin, &source, json!({ "KmsKeyId": "alias/retired" })));
    minutes(&mut twin, 1);
    assert_eq!(volume(&twin, dead.as_str().unwrap()).state, "error");
}

#[test]
fn a_volume_that_is_being_modified_or_is_nowhere_or_larger_is_not_copied() {
    let mut twin = company();
    let source = id("vol", 1);
    let smaller = json!({ "Size": volume(&twin, &source).size - 1 });
    assert_eq!(code(copy(&mut twin, &source, smaller)), "InvalidParameterValue");
    assert_eq!(code(copy(&mut twin, "vol-0", json!({}))), "InvalidVolume.NotFound");
    let mut modified = |state: &str| {
        let under_way = VolumeModification { id: source.clone(), modification_state: state.to_owned() };
        twin.truth_mut().region_mut(MAIN).volume_modifications.put(source.clone(), under_way);
        copy(&mut twin, &source, json!({}))
    };
    assert_eq!(code(modified("modifying")), "IncorrectModificationState");
    assert!(modified("optimizing").is_ok());
}

#[test]
fn a_copy_that_the_caller_may_not_make_is_denied_in_a_trial() {
    let mut twin = company();
    let call = Call::new("ec2", MAIN, "CopyVolumes", json!({ "SourceVolumeId": id("vol", 1) }));
    assert_eq!(twin.try_call(&call), Tried::Allowed);
    let denied = super::super::DeniedCall { operation: "CopyVolumes".to_owned(), resource: None };
    twin.faults.denied_calls.push(denied);
    assert!(matches!(twin.try_call(&call), Tried::Denied(_)));
}
