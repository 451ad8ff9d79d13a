//! These tests refuse instances and disks that must not be touched, and whatever rests on a fact that is not
//! known. An address that would change is named, or refused as well.

use super::*;
use crate::inventory::{NetworkInterface, VolumeModification};

/// A row of the table of refusals: the edit of the inventory, and a word of the reason.
pub(super) type Row = (fn(&mut Inventory), &'static str);

fn address(it: &mut Inventory, owner: Option<&str>) {
    let interface = NetworkInterface {
        id: "eni-1".into(),
        instance_id: Some("i-1".into()),
        public_ip: Some("198.51.100.7".into()),
        public_ip_owner: owner.map(str::to_owned),
        ..NetworkInterface::default()
    };
    it.region_mut(R).network_interfaces.put("eni-1", interface);
}

#[test]
fn every_row_of_the_table_is_refused_with_its_reason() {
    let rows: &[Row] = &[
        (|it| i(it).state = "pending".into(), "wait until it is running"),
        (
            |it| drop(i(it).tags.insert("aws:autoscaling:groupName".into(), "web".into())),
            "Auto Scaling group web",
        ),
        (|it| i(it).lifecycle = Some("spot".into()), "spot"),
        (|it| i(it).root_device_type = "instance-store".into(), "instance store"),
        (
            |it| it.region_mut(R).instance_types.get_mut("t3.micro").unwrap().instance_storage = true,
            "instance store disks",
        ),
        (|it| address(it, Some("amazon")), "198.51.100.7"),
        (|it| i(it).hibernation = true, "hibernate"),
        (|it| i(it).stop_protection = Fact::Known(true), "protected from being stopped"),
        (|it| i(it).product_codes = vec!["abc".into()], "product codes"),
        (|it| i(it).operator = Some("eks.amazonaws.com".into()), "operated by eks"),
        (|it| drop(i(it).tags.insert("kubernetes.io/cluster/blue".into(), "owned".into())), "Kubernetes"),
        (|it| drop(i(it).tags.insert("aws:cloudformation:stack-id".into(), "s".into())), "CloudFormation"),
        (|it| i(it).tenancy = "host".into(), "dedicated host"),
        (|it| i(it).enclave = true, "enclave"),
        (
            |it| {
                it.region_mut(R).instance_statuses.get_mut("i-1").unwrap().events =
                    vec!["system-reboot".into()]
            },
            "system-reboot",
        ),
        (
            |it| {
                it.region_mut(R).instance_statuses.get_mut("i-1").unwrap().instance_status = "impaired".into()
            },
            "does not pass its status checks",
        ),
        (
            |it| {
                it.region_mut(R).instance_statuses.get_mut("i-1").unwrap().system_status =
                    "initializing".into()
            },
            "does not pass its status checks",
        ),
        (|it| it.caller.host = Fact::Known("i-1".into()), "redress runs on"),
        (|it| v(it).multi_attach = true, "Multi-Attach"),
        (|it| v(it).operator = Some("ecs.amazonaws.com".into()), "operated by ecs"),
        (|it| v(it).outpost_arn = Some("arn:aws:outposts:::o".into()), "Outpost"),
        (|it| drop(v(it).tags.insert("CSIVolumeName".into(), "pvc".into())), "Kubernetes"),
        (
            |it| {
                it.region_mut(R).volume_modifications.put(
                    "vol-1",
                    VolumeModification { id: "vol-1".into(), modification_state: "modifying".into() },
                )
            },
            "being modified",
        ),
        (|it| (0..45).for_each(|n| drop(v(it).tags.insert(format!("k{n}"), String::new()))), "tags"),
    ];
    for (change, word) in rows {
        let mut it = account();
        change(&mut it);
        match on_instance(&it, Value::Null) {
            Err(Refusal::Refused(why)) => assert!(why.contains(word), "{word}: {why}"),
            other => panic!("{word}: {other:?}"),
        }
    }
}

#[test]
fn what_is_not_known_is_never_acted_upon() {
    let rows: &[Row] = &[
        (|it| i(it).stop_protection = Fact::Unknown("AccessDenied".into()), "stop protection"),
        (|it| it.region_mut(R).instance_types.items.clear(), "type"),
        (
            |it| {
                it.region_mut(R).network_interfaces.read(
                    &Selector::by("attachment.instance-id", "i-1"),
                    Fact::Unknown("AccessDenied".into()),
                )
            },
            "interfaces",
        ),
        (|it| address(it, None), "owner of the address"),
        (|it| i(it).public_ip = Some("198.51.100.8".into()), "address without interface"),
        (
            |it| {
                drop(
                    it.region_mut(R)
                        .volumes
                        .items
                        .insert("vol-2".into(), Fact::Unknown("AccessDenied".into())),
                )
            },
            "volume",
        ),
        (|it| drop(it.region_mut(R).volume_modifications.items.remove("vol-1")), "modification"),
        (|it| it.region_mut(R).instance_statuses.items.clear(), "status"),
        (
            |it| {
                it.region_mut(R).ebs_defaults.get_mut("account").unwrap().kms_key_id =
                    Fact::Unknown("AccessDenied".into())
            },
            "default key",
        ),
        (|it| it.region_mut(R).keys.items.clear(), "key"),
        (
            |it| drop(i(it).tags.insert(tag::RUN.into(), "20261122T000000Z-abcdef".into())),
            "mark of another run",
        ),
    ];
    for (change, what) in rows {
        let mut it = account();
        change(&mut it);
        assert!(
            matches!(on_instance(&it, Value::Null), Err(Refusal::Unknown(_))),
            "{what}: {:?}",
            on_instance(&it, Value::Null)
        );
    }
}

#[test]
fn an_address_that_would_change_is_named_when_that_is_allowed_and_an_elastic_one_stays() {
    let mut it = account();
    address(&mut it, Some("amazon"));
    let proposal = on_instance(&it, json!({ "allow_address_change": true })).unwrap();
    assert!(proposal.not_restored[0].contains("198.51.100.7"));
    let mut it = account();
    address(&mut it, Some("123456789012"));
    let proposal = on_instance(&it, Value::Null).unwrap();
    assert!(
        proposal.not_restored.is_empty()
            && proposal.impact.iter().any(|l| l.contains("Elastic IP 198.51.100.7 stays"))
    );
}

#[test]
fn an_address_that_would_not_come_back_at_all_is_refused_whatever_is_allowed() {
    let mut it = account();
    address(&mut it, Some("amazon"));
    let interfaces = &mut it.region_mut(R).network_interfaces;
    let mut second = interfaces.known().next().map(|(_, i)| i.clone()).unwrap();
    (second.id, second.public_ip, second.public_ip_owner) = ("eni-2".into(), None, None);
    interfaces.put("eni-2", second);
    let Err(Refusal::Refused(reason)) = on_instance(&it, json!({ "allow_address_change": true })) else {
        panic!("planned")
    };
    assert!(reason.contains("2 interfaces") && reason.contains("Elastic IP first"), "{reason}");
}

#[test]
fn an_address_that_aws_does_not_replace_is_refused_even_where_a_change_is_allowed() {
    let allowed = json!({ "allow_address_change": true });
    let mut it = account();
    address(&mut it, Some("amazon"));
    let proposal = on_instance(&it, allowed.clone()).unwrap();
    assert_eq!(proposal.proof[0].with["public_address"], true, "it must have one again");
    let interface = it.region_mut(R).network_interfaces.get_mut("eni-1").unwrap();
    interface.more_public_ips = vec!["203.0.113.9".into()];
    let refused = on_instance(&it, allowed);
    assert!(
        matches!(&refused, Err(Refusal::Refused(why)) if why.contains("secondary") && why.contains("203.0.113.9")),
        "{refused:?}"
    );
    address(&mut it, Some("123456789012"));
    let interface = it.region_mut(R).network_interfaces.get_mut("eni-1").unwrap();
    interface.more_public_ips = vec!["203.0.113.9".into()];
    let kept = on_instance(&it, Value::Null).unwrap();
    assert!(kept.impact.iter().any(|line| line == "the Elastic IP 203.0.113.9 stays"), "{:?}", kept.impact);
    assert_eq!(kept.proof[0].with.get("public_address"), None);
}

#[test]
fn an_instance_of_a_service_that_marks_it_by_plain_tags_is_refused_and_a_migrated_one_is_noted() {
    let rows: &[Row] = &[
        (
            |it| drop(i(it).tags.insert("AWSElasticDisasterRecoveryManaged".into(), "drs".into())),
            "Elastic Disaster Recovery",
        ),
        (
            |it| drop(i(it).tags.insert("parallelcluster:cluster-name".into(), "hpc".into())),
            "ParallelCluster",
        ),
        (
            |it| {
                let arn = "arn:aws:iam::123456789012:instance-profile/AWSRDSCustomInstanceProfile";
                i(it).instance_profile = Some(arn.into());
            },
            "RDS Custom",
        ),
    ];
    for (edit, word) in rows {
        let mut it = account();
        edit(&mut it);
        let refused = on_instance(&it, Value::Null);
        assert!(matches!(&refused, Err(Refusal::Refused(why)) if why.contains(word)), "{refused:?}");
    }
    let mut it = account();
    i(&mut it).tags.insert("AWSApplicationMigrationServiceManaged".into(), "mgn.amazonaws.com".into());
    let noted = on_instance(&it, Value::Null).unwrap();
    assert!(noted.guards.iter().any(|g| g.guard == "service-tags"), "{:?}", noted.guards);
}
