//! The company's instances, their disks, interfaces and backups. Data only.

use jiff::Timestamp;

use super::{
    ACCOUNT, MAIN, OTHER, hours_before, id, named,
    network::{VPC_MAIN, VPC_OTHER, sg},
    services::key_arn,
    tags,
};
use crate::inventory::{
    ApplicationStatus, Fact, Instance, InstanceStatus, InstanceType, Inventory, ManagedInstance,
    NetworkInterface, Snapshot, Tags, Target, TargetGroup, Volume,
    compute::{Attachment, Device},
    tag,
};

/// The way in which an instance is reached from outside.
#[derive(Clone, Copy, PartialEq)]
enum Address {
    /// No access from outside.
    Private,
    /// A public address that a stop loses.
    Automatic,
    /// An Elastic IP.
    Elastic,
}

/// An instance: number, region, name, whether it runs, type, group, address, more tags, disks as (device,
/// GiB, encrypted).
type Machine = (
    u64,
    &'static str,
    &'static str,
    bool,
    &'static str,
    u64,
    Address,
    &'static [(&'static str, &'static str)],
    &'static [(&'static str, i32, bool)],
);

const BACKUP: &[(&str, &str)] = &[("Backup", "true")];

const MACHINES: &[Machine] = &[
    // Two open disks, an Elastic IP, a stale backup: the whole story in one instance.
    (
        1,
        MAIN,
        "app",
        true,
        "t3.medium",
        sg::APP,
        Address::Elastic,
        BACKUP,
        &[("/dev/sdf", 40, false), ("/dev/xvda", 16, false)],
    ),
    (2, MAIN, "jump", true, "t3.micro", sg::JUMP, Address::Automatic, &[], &[("/dev/xvda", 8, true)]),
    (3, MAIN, "ci", true, "t3.medium", sg::CI, Address::Automatic, BACKUP, &[("/dev/xvda", 30, true)]),
    (4, MAIN, "batch", false, "t3.micro", sg::OFFICE_SSH, Address::Private, &[], &[("/dev/xvda", 8, false)]),
    // Stopping this one would make Auto Scaling end it.
    (
        5,
        MAIN,
        "worker",
        true,
        "t3.micro",
        sg::INSIDE,
        Address::Private,
        &[("aws:autoscaling:groupName", "workers")],
        &[("/dev/xvda", 8, false)],
    ),
    // Stopping this one would lose its address.
    (
        6,
        MAIN,
        "reports",
        true,
        "t3.micro",
        sg::OFFICE_SSH,
        Address::Automatic,
        &[],
        &[("/dev/sdf", 20, true), ("/dev/xvda", 8, false)],
    ),
    // Stopping this one would erase its instance store.
    (7, MAIN, "cache", true, "m5d.large", sg::INSIDE, Address::Private, &[], &[("/dev/xvda", 8, false)]),
    (
        11,
        OTHER,
        "europe-web",
        true,
        "t3.micro",
        sg::EUROPE,
        Address::Elastic,
        BACKUP,
        &[("/dev/xvda", 8, true)],
    ),
];

pub(super) fn furnish(company: &mut Inventory, now: Timestamp) {
    for region in [MAIN, OTHER] {
        for (name, instance_storage) in [("t3.micro", false), ("t3.medium", false), ("m5d.large", true)] {
            let kind = InstanceType { id: name.to_owned(), instance_storage };
            company.region_mut(region).instance_types.put(name, kind);
        }
    }
    for machine in MACHINES {
        build(company, machine, now);
    }
    // The id of a disk is a hundred times its instance's number, and one more for each disk.
    managed(company, 3);
    loose_volumes(company, now);
    for (region, n, disk, hours) in [(MAIN, 1, 101, 72), (MAIN, 2, 301, 5), (OTHER, 3, 1_101, 6)] {
        snapshot(company, region, n, disk, hours, now);
    }
}

fn build(company: &mut Inventory, machine: &Machine, now: Timestamp) {
    let (n, region, name, runs, kind, group, address, extra, disks) = *machine;
    let zone = format!("{region}a");
    let mut all: Tags = named(name);
    all.extend(tags(extra));
    let vpc = id("vpc", if region == MAIN { VPC_MAIN } else { VPC_OTHER });
    // The jump host alone is where the internet gets in.
    let subnet = match (region, group) {
        (MAIN, sg::JUMP) => 2,
        (MAIN, _) => 1,
        _ => 11,
    };
    let public_ip = (address != Address::Private && runs).then(|| format!("192.0.2.{n}"));
    let mut devices = Vec::new();
    for (place, (device, size, encrypted)) in (1..).zip(disks) {
        let root = *device == "/dev/xvda";
        let attachment = Attachment {
            instance_id: id("i", n),
            device: (*device).to_owned(),
            state: "attached".to_owned(),
            delete_on_termination: root,
            ..Attachment::default()
        };
        let volume = Volume {
            state: "in-use".to_owned(),
            attachments: vec![attachment],
            attached_at: hours_before(now, 24 * 60),
            snapshot_id: None,
            ..disk(n * 100 + place, region, *size, *encrypted, &format!("{name} {device}"), now)
        };
        devices.push(Device {
            device_name: (*device).to_owned(),
            volume_id: volume.id.clone(),
            delete_on_termination: root,
            status: "attached".to_owned(),
        });
        company.region_mut(region).volumes.put(volume.id.clone(), volume);
    }
    let instance = Instance {
        id: id("i", n),
        state: if runs { "running" } else { "stopped" }.to_owned(),
        instance_type: kind.to_owned(),
        image_id: id("ami", 1),
        root_device_type: "ebs".to_owned(),
        root_device_name: "/dev/xvda".to_owned(),
        devices,
        security_groups: vec![id("sg", group)],
        vpc_id: vpc.clone(),
        subnet_id: id("subnet", subnet),
        availability_zone: zone,
        private_ip: Some(format!("10.{}.1.{n}", if region == MAIN { 10 } else { 60 })),
        public_ip: public_ip.clone(),
        tenancy: "default".to_owned(),
        platform_details: "Linux/UNIX".to_owned(),
        stop_protection: Fact::Known(false),
        shutdown_behavior: Fact::Known("stop".to_owned()),
        launch_time: hours_before(now, 24 * 30),
        tags: all,
        ..Instance::default()
    };
    let owner = if address == Address::Elastic { ACCOUNT } else { "amazon" };
    let interface = NetworkInterface {
        instance_id: Some(instance.id.clone()),
        private_ip: instance.private_ip.clone(),
        public_ip_owner: public_ip.is_some().then(|| owner.to_owned()),
        public_ip,
        ..interface(n, group, "interface", &vpc, &instance.subnet_id, "Primary network interface")
    };
    let health = if runs { "ok" } else { "not-applicable" }.to_owned();
    let status = InstanceStatus {
        id: instance.id.clone(),
        system_status: health.clone(),
        instance_status: health.clone(),
        attached_ebs_status: health,
        events: Vec::new(),
    };
    let known = company.region_mut(region);
    // The company has set up a check of its own for one application.
    if n == 1 {
        let ok = ApplicationStatus { id: instance.id.clone(), status: "ok".to_owned() };
        known.application_statuses.put(ok.id.clone(), ok);
    }
    known.instance_statuses.put(status.id.clone(), status);
    known.network_interfaces.put(interface.id.clone(), interface);
    known.instances.put(instance.id.clone(), instance);
    if n == 1 {
        services_interfaces(company, &vpc);
    }
}

fn interface(n: u64, group: u64, kind: &str, vpc: &str, subnet: &str, description: &str) -> NetworkInterface {
    NetworkInterface {
        id: id("eni", n),
        groups: vec![id("sg", group)],
        interface_type: kind.to_owned(),
        status: "in-use".to_owned(),
        description: description.to_owned(),
        vpc_id: vpc.to_owned(),
        subnet_id: subnet.to_owned(),
        ..NetworkInterface::default()
    }
}

/// Adds interfaces that services manage: of the load balancer in front of the app, of a database, and of a
/// file system, for which nobody has named a group.
fn services_interfaces(company: &mut Inventory, vpc: &str) {
    let subnet = id("subnet", 1);
    let balancer = interface(51, sg::WEB, "interface", vpc, &subnet, "ELB app/maps/0a1b2c3d4e5f6071");
    let database = interface(52, sg::POSTGRES, "interface", vpc, &subnet, "RDSNetworkInterface");
    let files = interface(53, sg::DEFAULT, "efs", vpc, &subnet, "EFS mount target for fs-0a1b2c3d4e5f60718");
    target_groups(company, vpc);
    for interface in [balancer, database, files] {
        let interface = NetworkInterface { requester_managed: true, ..interface };
        company.region_mut(MAIN).network_interfaces.put(interface.id.clone(), interface);
    }
}

/// Adds target groups of the load balancer in front of the app: the app has a second target, and there is a
/// queue to which no requests are sent.
fn target_groups(company: &mut Inventory, vpc: &str) {
    let arn = |what: &str| format!("arn:aws:elasticloadbalancing:{MAIN}:{ACCOUNT}:{what}");
    let target = |instance: u64, state: &str| Target {
        id: id("i", instance),
        port: Some(8080),
        state: state.to_owned(),
        ..Target::default()
    };
    let balancer = || vec![arn("loadbalancer/app/maps/0a1b2c3d4e5f6071")];
    let groups = [
        ("maps", balancer(), vec![target(1, "healthy"), target(5, "healthy")]),
        ("queue", Vec::new(), vec![target(6, "unused")]),
    ];
    for (name, load_balancers, targets) in groups {
        let group = TargetGroup {
            id: arn(&format!("targetgroup/{name}/0123456789abcdef")),
            name: name.to_owned(),
            target_type: "instance".to_owned(),
            vpc_id: vpc.to_owned(),
            load_balancers,
            targets: Fact::Known(targets),
        };
        company.region_mut(MAIN).target_groups.put(group.id.clone(), group);
    }
}

fn managed(company: &mut Inventory, n: u64) {
    let instance = ManagedInstance { id: id("i", n), ping_status: "Online".to_owned() };
    company.region_mut(MAIN).managed_instances.put(instance.id.clone(), instance);
}

fn disk(n: u64, region: &str, size: i32, encrypted: bool, name: &str, now: Timestamp) -> Volume {
    Volume {
        id: id("vol", n),
        size,
        volume_type: "gp3".to_owned(),
        iops: Some(3_000),
        throughput: Some(125),
        encrypted,
        kms_key_id: encrypted.then(|| key_arn(region, "ebs")),
        availability_zone: format!("{region}a"),
        state: "available".to_owned(),
        create_time: hours_before(now, 24 * 60),
        tags: named(name),
        ..Volume::default()
    }
}

fn loose_volumes(company: &mut Inventory, now: Timestamp) {
    let mut archive =
        Volume { iops: Some(4_000), throughput: Some(250), ..disk(1, MAIN, 12, false, "old-tiles", now) };
    archive.tags.insert("CostCentre".to_owned(), "42".to_owned());
    let mut scratch = disk(2, MAIN, 10, false, "scratch", now);
    scratch.tags.insert(tag::IGNORE.to_owned(), "wiped every night, holds nothing".to_owned());
    let sealed = disk(3, MAIN, 12, true, "new-tiles", now);
    for volume in [archive, scratch, sealed] {
        company.region_mut(MAIN).volumes.put(volume.id.clone(), volume);
    }
}

fn snapshot(company: &mut Inventory, region: &str, n: u64, disk: u64, hours: i64, now: Timestamp) {
    let known = company.region_mut(region);
    let Some(volume) = known.volumes.get(&id("vol", disk)).known().copied().cloned() else { return };
    let snapshot = Snapshot {
        id: id("snap", n),
        volume_id: volume.id,
        state: "completed".to_owned(),
        start_time: hours_before(now, hours),
        volume_size: volume.size,
        encrypted: volume.encrypted,
        kms_key_id: volume.kms_key_id,
        description: "nightly".to_owned(),
        storage_tier: "standard".to_owned(),
        progress: Some("100%".to_owned()),
        tags: named("nightly"),
        ..Snapshot::default()
    };
    known.snapshots.put(snapshot.id.clone(), snapshot);
}
