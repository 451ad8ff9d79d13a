//! The account over the SDK, against moto: what is read of a seeded account, and how failures look.

use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

use redress::{
    account::Account,
    aws::{AwsAccount, ConnectError, over},
    inventory::{Fact, FamilyKind as K, Inventory, Scope, Selector, Want},
};
use serde_json::Value;

use crate::support::{Keys, moto, sdk_config};

const US: &str = "us-east-1";

/// An account with one thing of every family, made once: the tests that use it only read.
async fn seeded() -> (AwsAccount, Value) {
    static SEEDED: OnceLock<(Keys, String)> = OnceLock::new();
    let (keys, printed) = SEEDED.get_or_init(|| {
        let keys = moto().account();
        let printed = moto().python(&keys, include_str!("aws_seed.py"));
        (keys, printed)
    });
    let account = moto().connected(keys, &[US]).await;
    (account, serde_json::from_str(printed).expect("the seed prints JSON"))
}

async fn read(account: &AwsAccount, wants: impl IntoIterator<Item = Want>) -> Inventory {
    account.read(&wants.into_iter().collect::<Scope>()).await
}

fn id<'a>(ids: &'a Value, name: &str) -> &'a str {
    ids[name].as_str().unwrap_or_else(|| panic!("the seed has no {name}"))
}

/// What is known of one thing; a failure says what is known instead.
fn known<T: Clone + std::fmt::Debug>(fact: Fact<&T>) -> T {
    match fact {
        Fact::Known(value) => value.clone(),
        other => panic!("not known: {other:?}"),
    }
}

#[tokio::test]
async fn the_identity_is_that_of_the_keys_behind_the_endpoint() {
    let keys = moto().account();
    let account = moto().connected(&keys, &["all"]).await;
    assert_eq!(account.identity().owner.account, keys.account);
    assert_eq!(account.identity().owner.partition, "aws");
    assert_eq!(account.identity().endpoint, moto().url());
    assert!(
        account.identity().caller.arn.contains(":assumed-role/admin/"),
        "{:?}",
        account.identity().caller
    );
    assert_eq!(
        account.identity().caller.host,
        Fact::NotRead,
        "metadata is not asked behind an endpoint of one's own"
    );
    assert!(account.regions().iter().any(|r| r == US));
    assert!(account.regions().len() > 10, "all means many: {:?}", account.regions());
}

#[tokio::test]
async fn groups_rules_and_what_they_name_are_read_as_they_are() {
    let (account, ids) = seeded().await;
    let (group, list) = (id(&ids, "group"), id(&ids, "list"));
    let wants = [
        Want::all(US, K::SecurityGroups),
        Want::by(US, K::SecurityGroupRules, "group-id", group),
        Want::by(US, K::NetworkInterfaces, "group-id", group),
        Want::by(US, K::NetworkInterfaces, "attachment.instance-id", id(&ids, "instance")),
        Want::id(US, K::PrefixLists, list),
        Want::id(US, K::SecurityGroups, "sg-00000000"),
    ];
    let inventory = read(&account, wants).await;
    let region = &inventory.regions[US];
    let found = known(region.security_groups.get(group));
    assert_eq!(
        (found.name.as_str(), found.description.as_str(), found.vpc_id.as_str()),
        ("g", "a group", id(&ids, "vpc"))
    );
    assert_eq!(found.owner_id, id(&ids, "account"));
    assert_eq!(found.tags["Name"], "g");
    assert!(region.security_groups.get("sg-00000000").is_absent());
    let rules = known(region.security_group_rules.select(&Selector::by("group-id", group)).as_ref());
    let ingress: Vec<_> = rules.iter().filter(|(_, r)| !r.is_egress).map(|(_, r)| *r).collect();
    assert_eq!(ingress.len(), 5, "{ingress:#?}");
    let ssh = ingress.iter().find(|r| r.cidr_ipv4.as_deref() == Some("0.0.0.0/0")).expect("the open rule");
    assert_eq!(
        (ssh.ip_protocol.as_str(), ssh.from_port, ssh.to_port, ssh.description.as_deref()),
        ("tcp", 22, 22, Some("temporary"))
    );
    assert!(ingress.iter().any(|r| r.cidr_ipv6.as_deref() == Some("::/0")));
    assert!(ingress.iter().any(|r| r.prefix_list_id.as_deref() == Some(list)));
    let from_group = ingress
        .iter()
        .find(|r| r.referenced_group_id.as_deref() == Some(id(&ids, "other")))
        .expect("the rule from a group");
    assert_eq!(from_group.referenced_group_owner, None, "the account's own group");
    let all = ingress.iter().find(|r| r.ip_protocol == "-1").expect("the rule for all protocols");
    assert_eq!((all.from_port, all.to_port), (-1, -1));
    let interfaces = known(region.network_interfaces.select(&Selector::by("group-id", group)).as_ref());
    assert_eq!(interfaces.len(), 1);
    assert_eq!(interfaces[0].1.instance_id.as_deref(), Some(id(&ids, "instance")));
    let mut entries = known(known(region.prefix_lists.get(list)).entries.as_ref());
    entries.sort();
    assert_eq!(entries, ["198.51.100.0/24", "203.0.113.0/24"]);
}

#[tokio::test]
async fn networks_and_flow_logs_are_read_as_they_are() {
    let (account, ids) = seeded().await;
    let vpc = id(&ids, "vpc");
    let wants = [
        Want::all(US, K::Vpcs),
        Want::by(US, K::FlowLogs, "resource-id", vpc),
        Want::id(US, K::FlowLogs, id(&ids, "flow_log")),
    ];
    let inventory = read(&account, wants.into_iter().chain([Want::id(US, K::FlowLogs, "fl-00000000")])).await;
    let region = &inventory.regions[US];
    assert_eq!(known(region.vpcs.get(vpc)).cidr_block, "10.10.0.0/16");
    assert!(region.vpcs.known().any(|(_, v)| v.is_default));
    let log = known(region.flow_logs.get(id(&ids, "flow_log")));
    assert_eq!(
        (log.resource_id.as_str(), log.traffic_type.as_str(), log.log_destination_type.as_str()),
        (vpc, "ALL", "s3")
    );
    assert_eq!((log.flow_log_status.as_str(), log.max_aggregation_interval), ("ACTIVE", 600));
    assert_eq!(log.tags["Name"], "f");
    assert!(region.flow_logs.get("fl-00000000").is_absent());
}

#[tokio::test]
async fn instances_volumes_and_snapshots_are_read_as_they_are() {
    let (account, ids) = seeded().await;
    let (instance, loose, snapshot) = (id(&ids, "instance"), id(&ids, "loose"), id(&ids, "snapshot"));
    let wants = [
        Want::all(US, K::Instances),
        Want::id(US, K::Instances, instance),
        Want::id(US, K::Instances, "i-00000000000000000"),
        Want::id(US, K::InstanceStatuses, instance),
        Want::id(US, K::InstanceStatuses, "i-00000000000000000"),
        Want::id(US, K::InstanceTypes, "t3.micro"),
        Want::all(US, K::Volumes),
        Want::by(US, K::Volumes, "attachment.instance-id", instance),
        Want::by(US, K::Volumes, "tag:redress:token", "t1"),
        Want::all(US, K::Snapshots),
        Want::by(US, K::Snapshots, "volume-id", loose),
        Want::id(US, K::VolumeModifications, loose),
        Want::id(US, K::VolumeModifications, ids["volumes"]["/dev/sdf"].as_str().unwrap()),
    ];
    let inventory = read(&account, wants).await;
    let region = &inventory.regions[US];
    let found = known(region.instances.get(instance));
    assert_eq!(
        (found.state.as_str(), found.instance_type.as_str(), found.root_device_name.as_str()),
        ("running", "t3.micro", "/dev/xvda")
    );
    assert_eq!(found.security_groups, [id(&ids, "group")]);
    let data = found.devices.iter().find(|d| d.device_name == "/dev/sdf").expect("the data disk");
    assert_eq!(
        (data.volume_id.as_str(), data.delete_on_termination),
        (ids["volumes"]["/dev/sdf"].as_str().unwrap(), false)
    );
    assert_eq!(found.stop_protection, Fact::Known(false));
    assert_eq!(found.shutdown_behavior, Fact::Known("stop".to_owned()));
    assert!(region.instances.get("i-00000000000000000").is_absent());
    assert_eq!(known(region.instance_statuses.get(instance)).instance_status, "ok");
    assert!(region.instance_statuses.get("i-00000000000000000").is_absent());
    assert!(!known(region.instance_types.get("t3.micro")).instance_storage);
    assert_eq!(
        known(region.volumes.select(&Selector::by("attachment.instance-id", instance)).as_ref()).len(),
        2
    );
    let tagged = known(region.volumes.select(&Selector::by("tag:redress:token", "t1")).as_ref());
    assert_eq!(tagged[0].0, loose);
    assert_eq!(
        (tagged[0].1.iops, tagged[0].1.throughput, tagged[0].1.encrypted, tagged[0].1.state.as_str()),
        (Some(4000), Some(250), false, "available")
    );
    let snapshots = known(region.snapshots.select(&Selector::All).as_ref());
    assert_eq!(snapshots.len(), 1, "snapshots of public images are not the account's");
    assert_eq!(
        (snapshots[0].0, snapshots[0].1.volume_id.as_str(), snapshots[0].1.state.as_str()),
        (snapshot, loose, "completed")
    );
    assert!(snapshots[0].1.start_time.is_some());
    assert!(known(region.volume_modifications.get(loose)).modification_state.len() > 3);
    assert!(region.volume_modifications.get(ids["volumes"]["/dev/sdf"].as_str().unwrap()).is_absent());
}

#[tokio::test]
async fn buckets_are_read_with_whose_they_are_and_every_setting() {
    let (account, ids) = seeded().await;
    let me = id(&ids, "account");
    let (own, plain) = (format!("seed-{me}"), format!("seed-eu-{me}"));
    let inventory = read(
        &account,
        [own.as_str(), plain.as_str(), "no-such-bucket-here"].map(|b| Want::id("", K::Buckets, b)),
    )
    .await;
    let bucket = known(inventory.buckets.get(&own));
    assert!(bucket.owned);
    assert_eq!(bucket.region, Fact::Known(US.to_owned()));
    assert_eq!(known(bucket.policy.as_ref())["Version"], "2012-10-17");
    assert_eq!(bucket.public_access_blocked, Fact::Known(true));
    assert_eq!(bucket.versioning, Fact::Known("Enabled".to_owned()));
    assert_eq!(
        (bucket.encryption, bucket.encryption_key),
        (Fact::Known("aws:kms".to_owned()), Fact::Known("alias/seed".to_owned()))
    );
    assert_eq!(known(bucket.tags.as_ref())["a"], "b");
    let plain = known(inventory.buckets.get(&plain));
    assert_eq!((plain.region, plain.owned), (Fact::Known("eu-west-1".to_owned()), true));
    assert!(plain.policy.is_absent() && plain.versioning.is_absent() && plain.encryption_key.is_absent());
    assert_eq!(known(plain.tags.as_ref()).len(), 0);
    assert!(inventory.buckets.get("no-such-bucket-here").is_absent());
}

#[tokio::test]
async fn roles_log_groups_and_keys_are_read_by_name() {
    let (account, ids) = seeded().await;
    let wants = [
        Want::id("", K::Roles, "delivery"),
        Want::id("", K::Roles, "nobody"),
        Want::id(US, K::LogGroups, "/vpc/flow"),
        Want::id(US, K::LogGroups, "/vpc"),
        Want::id(US, K::Keys, "alias/seed"),
        Want::id(US, K::Keys, id(&ids, "key")),
        Want::id(US, K::Keys, "alias/none"),
    ];
    let inventory = read(&account, wants).await;
    let role = known(inventory.roles.get("delivery"));
    assert_eq!(role.trust_policy["Statement"][0]["Principal"]["Service"], "vpc-flow-logs.amazonaws.com");
    assert_eq!(known(role.inline_policies.as_ref())["write"]["Version"], "2012-10-17");
    assert_eq!(role.attached_policies, Fact::Known(vec![id(&ids, "policy").to_owned()]));
    assert_eq!(role.tags["a"], "b");
    assert!(inventory.roles.get("nobody").is_absent());
    let region = &inventory.regions[US];
    let group = known(region.log_groups.get("/vpc/flow"));
    assert_eq!(group.retention_in_days, Some(30));
    assert_eq!(known(group.tags.as_ref())["a"], "b");
    assert!(region.log_groups.get("/vpc").is_absent(), "a prefix of a name is not the name");
    let key = known(region.keys.get("alias/seed"));
    assert_eq!(
        (key.key_state.as_str(), key.key_usage.as_str(), key.key_spec.as_str()),
        ("Enabled", "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT")
    );
    assert_eq!(
        (key.arn.as_str(), key.key_manager.as_str()),
        (known(region.keys.get(id(&ids, "key"))).arn.as_str(), "CUSTOMER")
    );
    assert!(region.keys.get("alias/none").is_absent());
}

#[tokio::test]
async fn trails_of_other_regions_are_seen_and_asked_at_home() {
    let (account, ids) = seeded().await;
    let (audit, everywhere) = (id(&ids, "trail"), id(&ids, "trail_eu"));
    let gone = audit.replace("audit", "gone");
    let inventory = read(
        &account,
        [Want::trails(US), Want::id("eu-west-1", K::Trails, everywhere), Want::id(US, K::Trails, &gone)],
    )
    .await;
    assert!(inventory.trails.select(&Selector::by("region", US)).known().is_some());
    let trail = known(inventory.trails.get(audit));
    assert_eq!(
        (trail.home_region.as_str(), trail.is_multi_region, trail.log_file_validation),
        (US, false, false)
    );
    assert_eq!((trail.s3_key_prefix.as_deref(), &trail.is_logging), (Some("p"), &Fact::Known(false)));
    assert_eq!(trail.all_management_events, Fact::Known(false), "it records writes only");
    assert_eq!(known(trail.tags.as_ref())["a"], "b");
    let shadow = known(inventory.trails.get(everywhere));
    assert_eq!((shadow.home_region.as_str(), shadow.is_multi_region), ("eu-west-1", true));
    assert_eq!((shadow.is_logging, shadow.all_management_events), (Fact::Known(true), Fact::Known(true)));
    assert!(inventory.trails.get(&gone).is_absent());
}

#[tokio::test]
async fn what_the_endpoint_does_not_have_is_unknown_at_once_and_leaves_the_rest_alone() {
    let account = moto().connected(&moto().account(), &[US]).await;
    let start = Instant::now();
    let inventory = read(
        &account,
        [
            Want::all(US, K::ManagedInstances),
            Want::id(US, K::EbsDefaults, "account"),
            Want::all(US, K::Volumes),
        ],
    )
    .await;
    assert!(start.elapsed() < Duration::from_secs(20), "no retries: {:?}", start.elapsed());
    let region = &inventory.regions[US];
    let silence =
        region.managed_instances.select(&Selector::All).silence().map(str::to_owned).expect("not known");
    assert!(
        silence.contains("Unsupported") && silence.contains("ssm:DescribeInstanceInformation"),
        "{silence}"
    );
    let defaults = known(region.ebs_defaults.get("account"));
    assert_eq!(defaults.encryption_by_default, Fact::Known(false));
    assert!(matches!(defaults.kms_key_id, Fact::Unknown(_)), "{defaults:?}");
    assert!(region.volumes.select(&Selector::All).known().is_some());
}

fn anyone() -> Keys {
    let text = |t: &str| t.to_owned();
    Keys {
        account: text("123456789012"),
        id: text("AKIATESTS"),
        secret: text("secret"),
        token: text("token"),
    }
}

#[tokio::test]
async fn an_endpoint_that_does_not_answer_is_named_within_seconds() {
    let start = Instant::now();
    let error = over(sdk_config("http://127.0.0.1:9", &anyone()), &[]).await.expect_err("nobody there");
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
    assert!(
        matches!(&error, ConnectError::NoAnswer { endpoint, .. } if endpoint == "http://127.0.0.1:9"),
        "{error:?}"
    );
    assert!(error.to_string().contains("AWS_ENDPOINT_URL"), "{error}");
}

#[tokio::test]
async fn a_region_that_does_not_exist_is_refused_with_what_looks_like_it() {
    let error = over(sdk_config(&moto().url(), &anyone()), &["us-esat-1".to_owned()])
        .await
        .expect_err("no such region");
    assert!(error.to_string().contains("did you mean us-east-1"), "{error}");
}
