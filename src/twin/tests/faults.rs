//! The dial of faults, and how the twin answers reads.

use super::*;
use crate::{
    inventory::{Fact, FamilyKind, Inventory, Scope, Selector, Want},
    plan::Stage,
    twin::{DeniedRead, Fault, FaultKind, When},
};

fn with(kind: FaultKind, at: When) -> Twin {
    let mut twin = company();
    twin.faults.script.push(Fault { at, kind, times: 1, seen: 0 });
    twin
}

fn group(twin: &mut Twin, name: &str) -> Outcome {
    try_in(twin, "logs", MAIN, "CreateLogGroup", json!({ "logGroupName": name }))
}

#[test]
fn a_fault_strikes_at_its_call_and_only_there() {
    let mut twin = with(FaultKind::Throttled, When::Call(2));
    assert!(group(&mut twin, "a").is_ok());
    assert_eq!(error(group(&mut twin, "b")).class, ErrorClass::Throttled);
    assert!(group(&mut twin, "b").is_ok());
    let mut twin = with(FaultKind::ServerError, When::Operation("CreateLogGroup".into(), 2));
    twin.faults.script[0].times = 2;
    let classes: Vec<bool> = ["a", "b", "b", "b"].into_iter().map(|n| group(&mut twin, n).is_ok()).collect();
    assert_eq!(classes, [true, false, false, true]);
}

#[test]
fn after_a_lost_reply_it_was_done_and_before_every_other_fault_it_was_not() {
    use FaultKind::*;
    for kind in [
        Throttled,
        ServerError,
        LostReply,
        Timeout,
        NotVisibleYet,
        Denied,
        ExpiredCredentials,
        Quota,
        NoCapacity,
    ] {
        let mut twin = with(kind, When::Call(1));
        let error = error(group(&mut twin, "a"));
        let done = twin.truth().regions[MAIN].log_groups.get("a").known().is_some();
        assert_eq!(done, kind == LostReply, "{kind:?}");
        assert_eq!(
            error.class.effect_unknown(),
            matches!(kind, LostReply | ServerError | Timeout),
            "{kind:?}"
        );
    }
}

#[test]
fn what_is_begun_under_a_fault_ends_badly() {
    let mut twin = with(FaultKind::SnapshotFails, When::Operation("CreateSnapshot".into(), 1));
    let snapshot = made(ec2(&mut twin, "CreateSnapshot", json!({ "VolumeId": id("vol", 1) })));
    minutes(&mut twin, 60);
    assert_eq!(
        twin.truth().json(MAIN, FamilyKind::Snapshots, snapshot.as_str().unwrap()).known().unwrap()["state"],
        "error"
    );
    let mut twin = with(FaultKind::VolumeDies, When::Operation("CreateVolume".into(), 1));
    let volume = made(ec2(&mut twin, "CreateVolume", json!({ "AvailabilityZone": "us-east-1a", "Size": 1 })));
    minutes(&mut twin, 1);
    assert_eq!(
        twin.truth().json(MAIN, FamilyKind::Volumes, volume.as_str().unwrap()).known().unwrap()["state"],
        "error"
    );
    let mut twin = with(FaultKind::FallsBack, When::Operation("StartInstances".into(), 1));
    ec2(&mut twin, "StartInstances", json!({ "InstanceIds": [id("i", 4)] })).unwrap();
    minutes(&mut twin, 1);
    assert_eq!(
        twin.truth().json(MAIN, FamilyKind::Instances, &id("i", 4)).known().unwrap()["state"],
        "stopped"
    );
}

#[test]
fn lists_lag_behind_what_was_made() {
    let mut twin = company();
    twin.faults.list_lag = 30;
    group(&mut twin, "a").unwrap();
    let scope =
        Scope::from([Want::id(MAIN, FamilyKind::LogGroups, "a"), Want::all(MAIN, FamilyKind::LogGroups)]);
    assert!(twin.read(&scope).regions[MAIN].log_groups.get("a").is_absent());
    twin.pass(Duration::from_secs(31));
    assert!(twin.read(&scope).regions[MAIN].log_groups.get("a").known().is_some());
}

#[test]
fn a_denied_read_is_unknown_and_leaves_the_others_alone() {
    let mut twin = company();
    twin.faults.denied_reads = vec![
        DeniedRead { family: FamilyKind::Volumes, region: Some(MAIN.into()), member: None },
        DeniedRead { family: FamilyKind::Buckets, region: None, member: Some("policy".into()) },
    ];
    let disk = id("vol", 1);
    let read = twin.read(
        &[
            Want::all(MAIN, FamilyKind::Volumes),
            Want::id(MAIN, FamilyKind::Volumes, &disk),
            Want::all("eu-west-1", FamilyKind::Volumes),
            Want::all(MAIN, FamilyKind::Vpcs),
            Want::id("", FamilyKind::Buckets, "larkspur-audit"),
        ]
        .into(),
    );
    let denied = read.regions[MAIN].volumes.get(&disk).silence().unwrap().to_owned();
    assert!(denied.starts_with("AccessDenied:") && denied.ends_with("(ec2:DescribeVolumes)"), "{denied}");
    assert!(read.regions[MAIN].volumes.select(&Selector::All).silence().is_some());
    assert!(read.regions["eu-west-1"].volumes.select(&Selector::All).known().is_some());
    assert_eq!(read.regions[MAIN].vpcs.select(&Selector::All).known().map(Vec::len), Some(5));
    let bucket = read.buckets.get("larkspur-audit");
    let bucket = bucket.known().unwrap();
    assert!(matches!(bucket.policy, Fact::Unknown(_)) && bucket.versioning == Fact::Known("Enabled".into()));
}

#[test]
fn a_read_answers_what_was_asked_and_nothing_else() {
    let twin = company();
    let rules = Want::by(MAIN, FamilyKind::SecurityGroupRules, "group-id", id("sg", 2));
    let read = twin.read(&[rules, Want::id(MAIN, FamilyKind::Volumes, "vol-nobody")].into());
    let region = &read.regions[MAIN];
    assert_eq!(region.security_group_rules.items.len(), 5);
    assert!(region.volumes.get("vol-nobody").is_absent());
    assert_eq!(region.volumes.get(&id("vol", 1)), Fact::NotRead);
    assert!(region.security_groups.items.is_empty() && read.trails.items.is_empty());
}

#[test]
fn a_listing_of_instances_does_not_tell_what_only_a_read_by_id_tells() {
    let twin = company();
    let (all, one) =
        (Want::all(MAIN, FamilyKind::Instances), Want::id(MAIN, FamilyKind::Instances, id("i", 1)));
    let read = twin.read(&[all, one].into());
    let instances = &read.regions[MAIN].instances;
    assert_eq!(instances.get(&id("i", 1)).known().unwrap().stop_protection, Fact::Known(false));
    assert_eq!(instances.get(&id("i", 2)).known().unwrap().stop_protection, Fact::NotRead);
}

#[test]
fn a_key_answers_to_its_alias_its_arn_and_its_id() {
    let twin = company();
    let arn = twin.truth().regions[MAIN].keys.get("alias/aws/ebs").known().unwrap().arn.clone();
    let asked = [
        "alias/aws/ebs".to_owned(),
        arn.rsplit('/').next().unwrap().to_owned(),
        arn.clone(),
        "arn:aws:kms:us-east-1:123456789012:alias/aws/ebs".to_owned(),
    ];
    let read = twin.read(&asked.iter().map(|k| Want::id(MAIN, FamilyKind::Keys, k)).collect());
    for name in asked {
        assert_eq!(read.regions[MAIN].keys.get(&name).known().unwrap().arn, arn, "{name}");
    }
}

#[test]
fn a_multi_region_trail_is_seen_from_every_region() {
    let mut twin = company();
    try_in(
        &mut twin,
        "cloudtrail",
        MAIN,
        "UpdateTrail",
        json!({ "Name": "company-audit", "IsMultiRegionTrail": true }),
    )
    .unwrap();
    let read = twin.read(&[Want::trails("eu-west-1")].into());
    assert_eq!(read.trails.items.len(), 2);
    assert!(read.trails.select(&Selector::by("region", "eu-west-1")).known().is_some());
    assert!(
        read.trails.select(&Selector::by("region", MAIN)).silence().is_some(),
        "the other listing was not asked for"
    );
}

/// Builds a copy of the account of which only some facts are known.
fn partial() -> Twin {
    let known = company().read(
        &[
            Want::by(MAIN, FamilyKind::SecurityGroupRules, "group-id", id("sg", 2)),
            Want::id(MAIN, FamilyKind::SecurityGroups, id("sg", 2)),
            Want::all(MAIN, FamilyKind::Instances),
        ]
        .into(),
    );
    Twin::from_inventory(known)
}

#[test]
fn a_rehearsal_says_what_it_does_not_know_and_learns_it() {
    let mut twin = partial();
    let scope = Scope::from([
        Want::by(MAIN, FamilyKind::SecurityGroupRules, "group-id", id("sg", 2)),
        Want::id(MAIN, FamilyKind::Instances, id("i", 1)),
        Want::id("", FamilyKind::Roles, "r"),
        Want::id(MAIN, FamilyKind::Keys, "alias/aws/ebs"),
    ]);
    assert_eq!(Stage::missing(&twin, &scope).len(), 3, "{:?}", Stage::missing(&twin, &scope));
    Stage::learn(&mut twin, company().read(&scope));
    assert_eq!(Stage::missing(&twin, &scope), Vec::<String>::new());
}

#[test]
fn what_a_rehearsal_has_done_is_not_unlearned() {
    let mut twin = partial();
    Stage::learn(&mut twin, company().read(&[Want::id(MAIN, FamilyKind::Instances, id("i", 1))].into()));
    ec2(&mut twin, "StopInstances", json!({ "InstanceIds": [id("i", 1)] })).unwrap();
    let rules: Vec<String> = twin.truth().regions[MAIN]
        .security_group_rules
        .known()
        .filter(|(_, r)| !r.is_egress)
        .map(|(id, _)| id.to_owned())
        .collect();
    ec2(
        &mut twin,
        "RevokeSecurityGroupIngress",
        json!({ "GroupId": id("sg", 2), "SecurityGroupRuleIds": rules }),
    )
    .unwrap();
    let fresh = json!([{ "IpProtocol": "tcp", "FromPort": 1, "ToPort": 1,
        "IpRanges": [{ "CidrIp": "10.0.0.0/8" }] }]);
    let new = made(ec2(
        &mut twin,
        "AuthorizeSecurityGroupIngress",
        json!({ "GroupId": id("sg", 2), "IpPermissions": fresh }),
    ));
    Stage::learn(
        &mut twin,
        company().read(
            &[Want::all(MAIN, FamilyKind::SecurityGroupRules), Want::all(MAIN, FamilyKind::Instances)].into(),
        ),
    );
    let region = &twin.truth().regions[MAIN];
    assert_eq!(region.instances.get(&id("i", 1)).known().unwrap().state, "stopping");
    assert!(region.security_group_rules.get(new[0].as_str().unwrap()).known().is_some());
    assert!(rules.iter().all(|id| region.security_group_rules.get(id).is_absent()));
}

#[test]
fn a_fork_goes_its_own_way() {
    let twin = company();
    let mut fork = Stage::fork(&twin);
    fork.perform(&Call::new("ec2", MAIN, "DeleteVolume", json!({ "VolumeId": id("vol", 1) }))).unwrap();
    assert!(twin.truth().regions[MAIN].volumes.get(&id("vol", 1)).known().is_some());
    assert!(fork.inventory().regions[MAIN].volumes.get(&id("vol", 1)).is_absent());
}

#[test]
fn a_saved_twin_goes_on_where_it_was() {
    let mut twin = company();
    twin.faults.script.push(Fault { at: When::Call(9), kind: FaultKind::Quota, times: 1, seen: 0 });
    ec2(&mut twin, "StopInstances", json!({ "InstanceIds": [id("i", 6)] })).unwrap();
    let mut again: Twin = serde_json::from_str(&serde_json::to_string(&twin).unwrap()).unwrap();
    assert_eq!(again, twin);
    minutes(&mut again, 1);
    assert_eq!(again.truth().regions[MAIN].instances.get(&id("i", 6)).known().unwrap().state, "stopped");
}

#[test]
fn the_clock_of_an_inventory_is_when_it_was_read_and_only_goes_forward() {
    let mut twin = company();
    let then = twin.now();
    twin.catch_up("2026-01-01T00:00:00Z".parse().unwrap());
    assert_eq!(twin.now(), then);
    minutes(&mut twin, 2);
    let inventory: Inventory = twin.inventory();
    assert_eq!(inventory.read_at.duration_since(then).as_secs(), 120);
}
