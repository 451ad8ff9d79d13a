//! What stands for what in foreign findings: an instance for its disks and groups, a disk for its instance.

use redress::{
    finding::{Finding, Verdict},
    intake::{
        Reason,
        confirm::{self, Answer},
        related,
    },
    inventory::{
        Caller, Fact, FamilyKind, Instance, Inventory, NetworkInterface, Selector, Volume, Want,
        compute::{Attachment, Device},
    },
    resource::ResourceId,
};
use serde_json::json;

use crate::intake::{ACCOUNT, GROUP, GROUP_ARN, asff, collect, event, one, owner, prowler_ocsf, reason};

/// One volume of an instance that has one group, and one volume and one group of nobody; the interfaces read,
/// or not.
fn small_account(interfaces: bool) -> Inventory {
    let mut inventory = Inventory::empty(owner(), Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
    let region = inventory.region_mut("us-east-1");
    let attached = vec![Attachment { instance_id: INSTANCE.to_owned(), ..Attachment::default() }];
    region.volumes.put(DISK, Volume { id: DISK.to_owned(), attachments: attached, ..Volume::default() });
    region.volumes.put("vol-0bbbbbbbbbbbbbbb2", Volume::default());
    let devices = vec![Device { volume_id: DISK.to_owned(), ..Device::default() }];
    region.instances.put(INSTANCE, Instance { devices, ..Instance::default() });
    if interfaces {
        let interface = NetworkInterface {
            groups: vec![GROUP.to_owned()],
            instance_id: Some(INSTANCE.to_owned()),
            ..NetworkInterface::default()
        };
        region.network_interfaces.put("eni-1", interface);
        region.network_interfaces.read(&Selector::All, Fact::Known(()));
    }
    inventory
}

const INSTANCE: &str = "i-0aaaaaaaaaaaaaaa1";
const DISK: &str = "vol-0aaaaaaaaaaaaaaa1";

fn violated(check: &str, resource: ResourceId) -> Finding {
    let severity = redress::checks::find(check).unwrap().severity;
    let (region, verdict) = (resource.region().to_owned(), Verdict::Violates(json!({})));
    Finding {
        check: check.to_owned(),
        severity,
        resource,
        region,
        verdict,
        suppressed: None,
        tags: Default::default(),
        sources: Vec::new(),
    }
}

/// What is left of the findings of an account when only this is asked about: their resources, what stays
/// unjudged, and the answers.
fn left(
    text: &str,
    inventory: &Inventory,
    findings: &[Finding],
) -> (Vec<String>, usize, Vec<Option<Answer>>) {
    let suspicions = collect(&[text]).suspicions;
    let (mut findings, mut unjudged) = (findings.to_vec(), Vec::new());
    confirm::narrow(&suspicions, inventory, &mut findings, &mut unjudged);
    let run: Vec<&str> = confirm::named_checks(&suspicions).into_iter().collect();
    let answers = confirm::answers(&suspicions, &run, inventory, &findings, &unjudged);
    (findings.iter().map(|f| f.resource.id().to_owned()).collect(), unjudged.len(), answers)
}

#[test]
fn an_instance_stands_for_its_disks_and_groups_and_a_disk_for_its_instance() {
    let (owner, account) = (owner(), small_account(true));
    let disks = [DISK, "vol-0bbbbbbbbbbbbbbb2"]
        .map(|id| violated("ebs-volume-unencrypted", owner.volume("us-east-1", id)));
    let groups = [GROUP, "sg-0bbbbbbbbbbbbbbb2"]
        .map(|id| violated("security-group-open-admin-port", owner.security_group("us-east-1", id)));
    let machines = [INSTANCE, "i-0bbbbbbbbbbbbbbb2"]
        .map(|id| violated("instance-backup-stale", owner.instance("us-east-1", id)));
    let all: Vec<Finding> = disks.into_iter().chain(groups).chain(machines).collect();

    // CloudTrail's answer to RunInstances comes before the disks are there.
    let response = json!({"instancesSet": {"items": [{"instanceId": INSTANCE, "blockDeviceMapping": {}}]}});
    let launched = event("RunInstances", "00:00", json!({}), response).to_string();
    assert_eq!(one(&launched).checks, ["ebs-volume-unencrypted", "instance-backup-stale"]);
    assert_eq!(
        left(&launched, &account, &all),
        (vec![DISK.to_owned(), INSTANCE.to_owned()], 0, vec![Some(Answer::Confirmed)])
    );

    let arn = |kind: &str, id: &str| format!("arn:aws:ec2:us-east-1:{ACCOUNT}:{kind}/{id}");
    let port =
        prowler_ocsf("ec2_instance_port_ssh_exposed_to_internet", &arn("instance", INSTANCE)).to_string();
    assert_eq!(left(&port, &account, &all), (vec![GROUP.to_owned()], 0, vec![Some(Answer::Confirmed)]));
    let bare = prowler_ocsf("ec2_ebs_volume_snapshots_exists", &arn("volume", DISK)).to_string();
    assert_eq!(left(&bare, &account, &all), (vec![INSTANCE.to_owned()], 0, vec![Some(Answer::Confirmed)]));
    let loose =
        prowler_ocsf("ec2_ebs_volume_snapshots_exists", &arn("volume", "vol-0bbbbbbbbbbbbbbb2")).to_string();
    assert_eq!(left(&loose, &account, &all), (vec![], 0, vec![Some(Answer::NotConfirmed)]));
    // A disk is no group: what cannot belong together is not guessed at.
    let crossed =
        prowler_ocsf("ec2_securitygroup_allow_ingress_from_internet_to_tcp_port_22", &arn("volume", DISK));
    assert_eq!(reason(&crossed), Some(Reason::UnresolvedResource));
}

#[test]
fn where_the_groups_of_an_instance_could_not_be_read_nothing_is_said_of_it() {
    let port = prowler_ocsf(
        "ec2_instance_port_ssh_exposed_to_internet",
        &format!("arn:aws:ec2:us-east-1:{ACCOUNT}:instance/{INSTANCE}"),
    )
    .to_string();
    let suspicions = collect(&[&port]).suspicions;
    assert_eq!(related::wants(&suspicions), [Want::all("us-east-1", FamilyKind::NetworkInterfaces)].into());
    let open = [violated("security-group-open-admin-port", owner().security_group("us-east-1", GROUP))];
    assert_eq!(
        left(&port, &small_account(false), &open),
        (vec![], 2, vec![Some(Answer::Unknown)]),
        "one for each of its checks"
    );
    assert!(
        related::wants(&collect(&[&asff("EC2.13", GROUP_ARN).to_string()]).suspicions).is_empty(),
        "a group needs no interfaces"
    );
}
