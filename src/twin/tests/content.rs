//! The age of the content of disks, and views that lag behind each other.

use super::*;
use crate::{
    inventory::{FamilyKind, Scope, Want},
    twin::{DeniedCall, Faults},
};

fn call(operation: &str, n: u64) -> Call {
    Call::new("ec2", MAIN, operation, json!({ "InstanceIds": [id("i", n)] }))
}

/// Returns the volume and the device at an instance's root.
fn root(twin: &Twin, n: u64) -> (String, String) {
    let instance = twin.truth().regions[MAIN].instances.get(&id("i", n)).known().copied().unwrap();
    let device = instance.devices.iter().find(|d| d.device_name == instance.root_device_name).unwrap();
    (device.volume_id.clone(), device.device_name.clone())
}

fn copy_of(twin: &mut Twin, volume: &str) -> String {
    let snapshot = made(ec2(twin, "CreateSnapshot", json!({ "VolumeId": volume })));
    minutes(twin, 30);
    let made =
        made(ec2(twin, "CreateVolume", json!({ "AvailabilityZone": "us-east-1a", "SnapshotId": snapshot })));
    minutes(twin, 1);
    made.as_str().unwrap().to_owned()
}

fn swap(twin: &mut Twin, n: u64, old: &str, new: &str, device: &str) {
    ec2(twin, "DetachVolume", json!({ "VolumeId": old, "InstanceId": id("i", n), "Device": device }))
        .unwrap();
    minutes(twin, 5);
    ec2(twin, "AttachVolume", json!({ "VolumeId": new, "InstanceId": id("i", n), "Device": device }))
        .unwrap();
    minutes(twin, 5);
}

#[test]
fn a_copy_of_a_stopped_instances_disk_is_as_new_as_the_disk() {
    let mut twin = company();
    let (volume, device) = root(&twin, 3);
    ec2(&mut twin, "StopInstances", json!({ "InstanceIds": [id("i", 3)] })).unwrap();
    minutes(&mut twin, 2);
    let copy = copy_of(&mut twin, &volume);
    assert_eq!(twin.content(MAIN, &copy), twin.content(MAIN, &volume));
    swap(&mut twin, 3, &volume, &copy, &device);
    ec2(&mut twin, "StartInstances", json!({ "InstanceIds": [id("i", 3)] })).unwrap();
    minutes(&mut twin, 5);
    assert!(twin.stale().is_empty(), "{:?}", twin.stale());
    assert!(
        twin.content(MAIN, &copy).written > twin.content(MAIN, &volume).written,
        "what runs may be written to"
    );
}

#[test]
fn a_copy_made_before_a_start_is_older_than_what_was_written_since() {
    let mut twin = company();
    let (volume, device) = root(&twin, 3);
    let copy = copy_of(&mut twin, &volume);
    let launched = |twin: &Twin| {
        twin.truth().regions[MAIN].instances.get(id("i", 3).as_str()).known().unwrap().launch_time
    };
    let before = launched(&twin);
    twin.by_hand(&call("StopInstances", 3)).unwrap();
    minutes(&mut twin, 2);
    twin.by_hand(&call("StartInstances", 3)).unwrap();
    assert!(launched(&twin) > before, "every start moves the launch time");
    minutes(&mut twin, 2);
    twin.by_hand(&call("StopInstances", 3)).unwrap();
    minutes(&mut twin, 2);
    assert!(twin.stale().is_empty());
    swap(&mut twin, 3, &volume, &copy, &device);
    ec2(&mut twin, "StartInstances", json!({ "InstanceIds": [id("i", 3)] })).unwrap();
    let stale = twin.stale();
    assert_eq!(
        (stale.len(), stale[0].volume.as_str(), stale[0].device.as_str()),
        (1, copy.as_str(), device.as_str())
    );
}

#[test]
fn an_instance_shows_a_mapping_late_and_a_device_is_in_use_until_it_shows_it_as_free() {
    let mut twin = company();
    twin.faults = Faults { view_lag: 60, ..Faults::default() };
    let (volume, device) = root(&twin, 3);
    ec2(&mut twin, "StopInstances", json!({ "InstanceIds": [id("i", 3)] })).unwrap();
    minutes(&mut twin, 2);
    let scope = Scope::from([Want::id(MAIN, FamilyKind::Instances, id("i", 3))]);
    let shown = |twin: &Twin| {
        twin.read(&scope).regions[MAIN]
            .instances
            .get(id("i", 3).as_str())
            .known()
            .unwrap()
            .devices
            .iter()
            .any(|d| d.volume_id == volume)
    };
    ec2(&mut twin, "DetachVolume", json!({ "VolumeId": volume, "InstanceId": id("i", 3), "Device": device }))
        .unwrap();
    twin.pass(Duration::from_secs(10));
    let attach = json!({ "VolumeId": volume, "InstanceId": id("i", 3), "Device": device });
    assert_eq!(twin.truth().regions[MAIN].volumes.get(&volume).known().unwrap().state, "available");
    assert!(shown(&twin));
    let refused = error(ec2(&mut twin, "AttachVolume", attach.clone()));
    assert_eq!(refused.code, "InvalidParameterValue");
    assert!(refused.message.contains("Attachment point /dev/xvda is already in use"), "{}", refused.message);
    minutes(&mut twin, 1);
    assert!(!shown(&twin));
    ec2(&mut twin, "AttachVolume", attach).unwrap();
    twin.pass(Duration::from_secs(10));
    assert!(!shown(&twin), "attached, as the volume says, and not shown yet");
    assert_eq!(
        code(ec2(&mut twin, "StartInstances", json!({ "InstanceIds": [id("i", 3)] }))),
        "InvalidParameterValue"
    );
    minutes(&mut twin, 1);
    assert!(shown(&twin));
    ec2(&mut twin, "StartInstances", json!({ "InstanceIds": [id("i", 3)] })).unwrap();
}

#[test]
fn a_policy_denies_a_call_on_one_resource_and_not_on_another() {
    let mut twin = company();
    let (volume, _) = root(&twin, 3);
    twin.faults
        .denied_calls
        .push(DeniedCall { operation: "CreateTags".to_owned(), resource: Some(volume.clone()) });
    let tag = |twin: &mut Twin, id: &str| {
        ec2(twin, "CreateTags", json!({ "Resources": [id], "Tags": [{ "Key": "a", "Value": "b" }] }))
    };
    assert_eq!(error(tag(&mut twin, &volume)).class, ErrorClass::Denied);
    tag(&mut twin, &id("i", 3)).unwrap();
}

#[test]
fn with_credentials_that_have_ended_nothing_is_read_and_nothing_is_called() {
    let mut twin = company();
    twin.faults.credentials_end = Some(twin.now());
    let scope = Scope::from([Want::id(MAIN, FamilyKind::Instances, id("i", 3))]);
    assert!(twin.read(&scope).regions[MAIN].instances.get(id("i", 3).as_str()).silence().is_some());
    assert_eq!(
        error(ec2(&mut twin, "StopInstances", json!({ "InstanceIds": [id("i", 3)] }))).class,
        ErrorClass::Credentials
    );
    twin.faults.credentials_end = None;
    ec2(&mut twin, "StopInstances", json!({ "InstanceIds": [id("i", 3)] })).unwrap();
}

#[test]
fn an_automatic_address_does_not_come_back_to_an_instance_with_two_interfaces() {
    let mut twin = company();
    let region = twin.truth_mut().region_mut(MAIN);
    let (first, mut second) = region
        .network_interfaces
        .known()
        .find(|(_, i)| i.instance_id == Some(id("i", 6)))
        .map(|(f, i)| (f.to_owned(), i.clone()))
        .unwrap();
    (second.id, second.public_ip, second.public_ip_owner) = ("eni-second".to_owned(), None, None);
    region.network_interfaces.put("eni-second", second);
    for operation in ["StopInstances", "StartInstances"] {
        ec2(&mut twin, operation, json!({ "InstanceIds": [id("i", 6)] })).unwrap();
        minutes(&mut twin, 5);
    }
    let after = twin.truth().regions[MAIN].instances.get(&id("i", 6)).known().copied().unwrap().clone();
    assert_eq!((after.state.as_str(), after.public_ip), ("running", None), "{first}");
}

#[test]
fn an_automatic_address_does_not_come_back_beside_an_elastic_ip_at_a_secondary_address() {
    for more in [Vec::new(), vec!["203.0.113.9".to_owned()]] {
        let mut twin = company();
        let comes_back = more.is_empty();
        twin.truth_mut().region_mut(MAIN).network_interfaces.items.change_all(|interface| {
            if interface.instance_id == Some(id("i", 6)) {
                interface.more_public_ips.clone_from(&more);
            }
        });
        for operation in ["StopInstances", "StartInstances"] {
            ec2(&mut twin, operation, json!({ "InstanceIds": [id("i", 6)] })).unwrap();
            minutes(&mut twin, 5);
        }
        let after = twin.truth().regions[MAIN].instances.get(&id("i", 6)).known().copied().unwrap().clone();
        assert_eq!((after.state.as_str(), after.public_ip.is_some()), ("running", comes_back), "{more:?}");
    }
}

#[test]
fn iops_have_the_limits_of_their_type() {
    let mut twin = company();
    let quota = crate::inventory::Quota { id: "ebs/L-8D977E7E".into(), value: 500_000 };
    twin.truth.region_mut(MAIN).quotas.put(quota.id.clone(), quota);
    let mut make = |kind: &str, iops: i32| {
        ec2(
            &mut twin,
            "CreateVolume",
            json!({ "AvailabilityZone": "us-east-1a", "Size": 4000, "VolumeType": kind, "Iops": iops }),
        )
    };
    for (kind, most) in [("gp3", 80_000), ("io1", 64_000), ("io2", 256_000)] {
        make(kind, most).unwrap();
        assert_eq!(code(make(kind, most + 1)), "InvalidParameterValue");
    }
}

#[test]
fn a_role_seems_to_have_its_policy_for_a_while_after_that_was_deleted() {
    let mut twin = company();
    twin.faults.view_lag = 30;
    let mut iam = |operation: &str, input: Value| try_in(&mut twin, "iam", "", operation, input);
    iam("CreateRole", json!({ "RoleName": "r", "AssumeRolePolicyDocument": r#"{"Statement":[{}]}"# }))
        .unwrap();
    iam(
        "PutRolePolicy",
        json!({ "RoleName": "r", "PolicyName": "p", "PolicyDocument": r#"{"Statement":[{}]}"# }),
    )
    .unwrap();
    iam("DeleteRolePolicy", json!({ "RoleName": "r", "PolicyName": "p" })).unwrap();
    assert_eq!(code(iam("DeleteRole", json!({ "RoleName": "r" }))), "DeleteConflict");
    minutes(&mut twin, 1);
    try_in(&mut twin, "iam", "", "DeleteRole", json!({ "RoleName": "r" })).unwrap();
}

#[test]
fn a_flow_log_is_refused_while_the_policy_of_its_role_does_not_count_everywhere() {
    let mut twin = company();
    twin.faults.view_lag = 30;
    let role = "lab-flow-logs";
    let policy = r#"{"Statement":[{"Effect":"Allow","Action":"logs:*","Resource":"*"}]}"#;
    let input = json!({ "RoleName": role, "PolicyName": "p", "PolicyDocument": policy });
    try_in(&mut twin, "iam", "", "PutRolePolicy", input).unwrap();
    let arn = format!("arn:aws:iam::123456789012:role/{role}");
    let log = json!({ "ResourceType": "VPC", "ResourceIds": [id("vpc", 1)], "TrafficType": "ALL",
        "LogDestinationType": "cloud-watch-logs", "LogGroupName": "/larkspur/lab",
        "DeliverLogsPermissionArn": arn });
    let refused = error(ec2(&mut twin, "CreateFlowLogs", log.clone()));
    assert!(
        refused.code == "400" && refused.message.contains("Access Denied for LogDestination"),
        "{refused}"
    );
    minutes(&mut twin, 1);
    ec2(&mut twin, "CreateFlowLogs", log).unwrap();
}

#[test]
fn a_group_takes_as_many_rules_as_the_accounts_own_quota_says() {
    use crate::plan::Stage;
    let mut twin = company();
    let mut rules = |count: usize, allow: Option<usize>| {
        allow.into_iter().for_each(|n| twin.allow("RulesPerSecurityGroupLimitExceeded", n));
        let ranges: Vec<Value> =
            (0..count).map(|n| json!({ "CidrIp": format!("10.{count}.{n}.0/24") })).collect();
        let permissions = json!([{ "IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "IpRanges": ranges }]);
        ec2(
            &mut twin,
            "AuthorizeSecurityGroupIngress",
            json!({ "GroupId": id("sg", 1), "IpPermissions": permissions }),
        )
    };
    assert_eq!(code(rules(70, None)), "RulesPerSecurityGroupLimitExceeded");
    rules(70, Some(100)).unwrap();
    assert_eq!(code(rules(60, None)), "RulesPerSecurityGroupLimitExceeded");
}

#[test]
fn storage_and_snapshots_count_against_the_accounts_quotas_where_they_are_known() {
    use crate::inventory::{Fact, Quota};
    let start = || {
        let mut twin = company();
        let place = twin.truth.region_mut(MAIN);
        for id in ["gp3", "io2"].into_iter().filter_map(Quota::storage).chain([Quota::SNAPSHOTS]) {
            place.quotas.items.insert(id.to_owned(), Fact::Unknown("AccessDenied".into()));
        }
        twin
    };
    let has = |twin: &mut Twin, id: &str, value: usize| {
        let quota = Quota { id: id.to_owned(), value };
        twin.truth.region_mut(MAIN).quotas.put(id.to_owned(), quota);
    };
    let volume = |twin: &mut Twin, kind: &str, size: i32, iops: i32| {
        let input = json!({ "AvailabilityZone": format!("{MAIN}a"), "VolumeType": kind, "Size": size,
            "Iops": iops });
        ec2(twin, "CreateVolume", input)
    };
    let mut twin = start();
    volume(&mut twin, "gp3", 60_000, 3000).expect("a quota that is not known is not counted against");
    has(&mut twin, Quota::storage("gp3").unwrap(), 59);
    assert_eq!(code(volume(&mut twin, "gp3", 1024, 3000)), "VolumeLimitExceeded");
    has(&mut twin, Quota::storage("gp3").unwrap(), 100);
    volume(&mut twin, "gp3", 1024, 3000).unwrap();
    twin.truth.region_mut(MAIN).quotas.items.insert(Quota::iops("io2").unwrap().to_owned(), Fact::Absent);
    volume(&mut twin, "io2", 500, 64_000).unwrap();
    let error = code(volume(&mut twin, "io2", 500, 64_000));
    assert_eq!(error, "MaxIOPSLimitExceeded", "AWS's default where nothing else applies");

    let mut twin = start();
    let there = twin.truth.region_mut(MAIN).snapshots.known().count();
    has(&mut twin, Quota::SNAPSHOTS, there + 1);
    let snapshot = |twin: &mut Twin, n: u64| ec2(twin, "CreateSnapshot", json!({ "VolumeId": id("vol", n) }));
    snapshot(&mut twin, 1).unwrap();
    assert_eq!(code(snapshot(&mut twin, 2)), "SnapshotLimitExceeded");
}
