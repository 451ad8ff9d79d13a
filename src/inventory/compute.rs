//! Facts about instances, volumes and snapshots. Plain data under AWS's own names; nothing here judges.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Fact, Record, Tags,
    about::{About, Arn, Asked},
    permissions::{On, Reading, When, on_all},
};
use crate::resource::Kind;

/// An instance (`ec2:DescribeInstances`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Instance {
    /// `i-...`
    pub id: String,
    /// `pending`, `running`, `stopping`, `stopped`, `shutting-down`, `terminated`.
    pub state: String,
    /// AWS's reason for that state: `Client.InternalError: ...`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_reason: Option<String>,
    /// `t3.micro`
    pub instance_type: String,
    /// The image it was started from.
    pub image_id: String,
    /// `spot`, `scheduled`, `capacity-block`; nothing for on-demand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifecycle: Option<String>,
    /// `ebs` or `instance-store`.
    pub root_device_type: String,
    /// `/dev/xvda`
    pub root_device_name: String,
    /// Its EBS devices.
    pub devices: Vec<Device>,
    /// Ids of the security groups of its primary interface.
    pub security_groups: Vec<String>,
    /// Its VPC.
    pub vpc_id: String,
    /// Its subnet.
    pub subnet_id: String,
    /// `us-east-1a`
    pub availability_zone: String,
    /// Primary private address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_ip: Option<String>,
    /// Public address; the interface shows whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_ip: Option<String>,
    /// `true` if it was launched ready to hibernate.
    pub hibernation: bool,
    /// Marketplace product codes.
    pub product_codes: Vec<String>,
    /// The service that operates it (`Operator.Managed`), if one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// `default`, `dedicated`, `host`.
    pub tenancy: String,
    /// Its placement group, where it is in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placement_group: Option<String>,
    /// The reservations that it may run in: `open`, `none`, `capacity-reservations-only`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity_preference: Option<String>,
    /// The reservation, or the group of them, that it is to run in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity_target: Option<String>,
    /// The reservation in which it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity_reservation: Option<String>,
    /// `true` if a Nitro enclave is enabled.
    pub enclave: bool,
    /// `Linux/UNIX`, `Windows`, `Red Hat Enterprise Linux`, ...
    pub platform_details: String,
    /// ARN of its instance profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_profile: Option<String>,
    /// `DisableApiStop` (`ec2:DescribeInstanceAttribute`); read only by id.
    pub stop_protection: Fact<bool>,
    /// `stop` or `terminate` (`ec2:DescribeInstanceAttribute`); read only by id.
    pub shutdown_behavior: Fact<String>,
    /// The time of its last start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub launch_time: Option<Timestamp>,
    /// Tags.
    pub tags: Tags,
}

impl Instance {
    /// Returns the seconds that the instance is given to run after a start, its status checks not counted.
    /// Bare metal, whose sizes are all named so, goes through the checks of its hardware first
    /// (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancetypes.html>).
    pub fn start_within(&self) -> u64 {
        let size = self.instance_type.split_once('.').map_or("", |(_, size)| size);
        if size.starts_with("metal") { 2400 } else { 600 }
    }
}

/// One EBS device of an instance (`BlockDeviceMappings`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Device {
    /// `/dev/sdf`
    pub device_name: String,
    /// The volume behind it.
    pub volume_id: String,
    /// `true` if the volume is deleted when the instance is terminated.
    pub delete_on_termination: bool,
    /// `attached`, `attaching`, `detaching`.
    pub status: String,
}

const READ_INSTANCES: &[Reading] = &[
    on_all("ec2:DescribeInstances"),
    Reading { action: "ec2:DescribeInstanceAttribute", when: When::ById, on: On::Thing },
];

impl Record for Instance {
    const ABOUT: About = About {
        kind: Some(Kind::Instance),
        arn: Arn { one: &["ec2:*:{account}:instance/{id}"], any: "ec2:*:{account}:instance/*" },
        tagged_by_runs: true,
        reason: Some("/state_reason"),
        asked: Some(Asked::of(
            "DescribeInstances",
            "instance-id",
            "Reservations[0].Instances[0]",
            &[("/state", "State.Name"), ("/launch_time", "LaunchTime")],
        )),
        ..About::of_ec2(READ_INSTANCES, "i", "instance", "InvalidInstanceID.NotFound")
    };
    // The second part of each pair changes on every stop and start. Placement and reservations are no part of
    // what redress changes, and footprints of the released format do not have them.
    const VOLATILE: &'static [&'static str] = &[
        "state_reason",
        "launch_time",
        "public_ip",
        "placement_group",
        "capacity_preference",
        "capacity_target",
        "capacity_reservation",
    ];
    /// Copies members from an earlier reading by id that a listing leaves out.
    fn complete(&mut self, earlier: &Self) {
        if self.stop_protection == Fact::NotRead {
            self.stop_protection = earlier.stop_protection.clone();
        }
        if self.shutdown_behavior == Fact::NotRead {
            self.shutdown_behavior.clone_from(&earlier.shutdown_behavior);
        }
    }
    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
    fn tags_mut(&mut self) -> Option<&mut Tags> {
        Some(&mut self.tags)
    }
    fn filters(&self) -> Vec<(&'static str, &str)> {
        let groups = self.security_groups.iter().map(|group| ("instance.group-id", group.as_str()));
        groups.chain([("instance-state-name", self.state.as_str())]).collect()
    }
}

/// The health of an instance (`ec2:DescribeInstanceStatus` with `IncludeAllInstances`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InstanceStatus {
    /// `i-...`
    pub id: String,
    /// `ok`, `impaired`, `initializing`, `insufficient-data`, `not-applicable`.
    pub system_status: String,
    /// The same scale.
    pub instance_status: String,
    /// Reachability of its EBS volumes, on the same scale. Empty where the endpoint does not return it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub attached_ebs_status: String,
    /// Codes of scheduled events that are not completed.
    pub events: Vec<String>,
}

impl Record for InstanceStatus {
    const ABOUT: About =
        About { moves_by_itself: true, ..About::read_by(&[on_all("ec2:DescribeInstanceStatus")]) };
}

impl InstanceStatus {
    /// Checks that the system and the instance status are shown to be `ok`.
    ///
    /// # Errors
    /// The status that is shown instead.
    pub fn proves_reachable(&self) -> Result<(), String> {
        all_good(&[
            ("system status", &self.system_status, &["ok"]),
            ("instance status", &self.instance_status, &["ok"]),
        ])
    }

    /// Checks that all three statuses show the instance to be healthy. There is no query for bad news here on
    /// purpose: a check that has not run, and one that AWS does not report, prove nothing. The check of
    /// attached volumes is `not-applicable` on types for which AWS does not run it
    /// (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-system-instance-status-check.html>).
    ///
    /// # Errors
    /// The status that is shown instead.
    pub fn proves_health(&self) -> Result<(), String> {
        self.proves_reachable()?;
        all_good(&[("attached EBS status", &self.attached_ebs_status, &["ok", "not-applicable"])])
    }
}

/// The health of the applications on an instance, as the account's own checks over HTTP show it
/// (`ec2:DescribeApplicationStatus`,
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-application-status-checks.html>). An
/// instance without such a check has none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ApplicationStatus {
    /// `i-...`
    pub id: String,
    /// `ok`, `impaired`, `initializing`, `insufficient-data`, `not-applicable`, `suppressed`.
    pub status: String,
}

impl Record for ApplicationStatus {
    const ABOUT: About =
        About { moves_by_itself: true, ..About::read_by(&[on_all("ec2:DescribeApplicationStatus")]) };
}

/// Checks that each status is one of the words that prove it.
pub(super) fn all_good(checks: &[(&str, &str, &[&str])]) -> Result<(), String> {
    match checks.iter().find(|(_, is, good)| !good.contains(is)) {
        None => Ok(()),
        Some((name, "", _)) => Err(format!("its {name} is not known")),
        Some((name, is, _)) => Err(format!("its {name} is {is}")),
    }
}

/// The properties of an instance type (`ec2:DescribeInstanceTypes`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InstanceType {
    /// `t3.micro`
    pub id: String,
    /// `true` if it has instance store disks, which a stop erases.
    pub instance_storage: bool,
}

impl Record for InstanceType {
    const ABOUT: About =
        About { moves_by_itself: true, ..About::read_by(&[on_all("ec2:DescribeInstanceTypes")]) };
}

/// A volume (`ec2:DescribeVolumes`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Volume {
    /// `vol-...`
    pub id: String,
    /// GiB.
    pub size: i32,
    /// `gp3`, `io2`, ...
    pub volume_type: String,
    /// IOPS, where the type has a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iops: Option<i32>,
    /// MiB/s, where the type has a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throughput: Option<i32>,
    /// `true` if it is encrypted.
    pub encrypted: bool,
    /// ARN of its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<String>,
    /// `us-east-1a`
    pub availability_zone: String,
    /// `creating`, `available`, `in-use`, `deleting`, `deleted`, `error`.
    pub state: String,
    /// Its attachments to instances.
    pub attachments: Vec<Attachment>,
    /// The time at which its latest attachment was begun (`AttachTime`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attached_at: Option<Timestamp>,
    /// The snapshot it was made from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot_id: Option<String>,
    /// The volume that it is a copy of (`CopyVolumes`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_volume_id: Option<String>,
    /// The rate at which it is loaded from that snapshot, in MiB/s, where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_initialization_rate: Option<i32>,
    /// `true` if it may be attached to several instances.
    pub multi_attach: bool,
    /// The service that operates it, if one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// The Outpost that it is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outpost_arn: Option<String>,
    /// The time of its creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create_time: Option<Timestamp>,
    /// Tags.
    pub tags: Tags,
}

/// The attachment of a volume to an instance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attachment {
    /// The instance.
    pub instance_id: String,
    /// The device.
    pub device: String,
    /// `attaching`, `attached`, `detaching`, `detached`, `busy`.
    pub state: String,
    /// `true` if the volume is deleted with the instance.
    pub delete_on_termination: bool,
    /// The EBS card of the instance, where it is another than the default, 0
    /// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_VolumeAttachment.html>).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ebs_card_index: Option<i32>,
    /// ARN of the resource of a service of AWS that the volume is attached to, where that is no instance of
    /// the account: AWS then names neither instance nor device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub associated_resource: Option<String>,
    /// The service that owns that resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_owning_service: Option<String>,
}

impl Attachment {
    /// Returns the instance, where the volume is attached to one of the account.
    pub fn instance(&self) -> Option<&str> {
        Some(self.instance_id.as_str()).filter(|id| !id.is_empty())
    }
}

impl Volume {
    /// Returns the resource and the service of AWS that hold the volume, where it is attached to something
    /// that is no instance of the account, such as a Fargate task.
    pub fn held_by_service(&self) -> Option<(&str, &str)> {
        let held = self.attachments.iter().find(|a| a.instance().is_none())?;
        Some((
            held.associated_resource.as_deref().unwrap_or("something that is no instance"),
            held.instance_owning_service.as_deref().unwrap_or("a service of AWS"),
        ))
    }

    /// Returns the EBS card of this instance at which the volume is, where it is another than 0.
    pub fn card_at(&self, instance: &str) -> Option<i32> {
        self.attachments.iter().find(|a| a.instance_id == instance)?.ebs_card_index
    }
}

const VOLUME_MEMBERS: &[(&str, &str)] = &[
    ("/state", "State"),
    ("/encrypted", "Encrypted"),
    ("/kms_key_id", "KmsKeyId"),
    ("/attachments", "Attachments"),
    ("/attachments/0/instance_id", "Attachments[0].InstanceId"),
    ("/attachments/0/device", "Attachments[0].Device"),
    ("/attachments/0/state", "Attachments[0].State"),
    ("/attachments/0/delete_on_termination", "Attachments[0].DeleteOnTermination"),
    ("/attachments/0/ebs_card_index", "Attachments[0].EbsCardIndex"),
];

impl Record for Volume {
    const ABOUT: About = About {
        kind: Some(Kind::Volume),
        tagged_by_runs: true,
        // EC2 looks at the KMS key of a volume only after it has answered
        // (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVolume.html>, KmsKeyId).
        vanishes: Some(
            "; EC2 takes a volume back by itself when its KMS key may not be used: see that the key is \
             enabled, and that the caller may kms:CreateGrant, kms:Decrypt and \
             kms:GenerateDataKeyWithoutPlaintext on it",
        ),
        asked: Some(Asked::of("DescribeVolumes", "volume-id", "Volumes[0]", VOLUME_MEMBERS)),
        ..About::of_ec2(&[on_all("ec2:DescribeVolumes")], "vol", "volume", "InvalidVolume.NotFound")
    };
    // A swap and its undo attach a volume anew; footprints of the released format have neither that time nor
    // the source.
    const VOLATILE: &'static [&'static str] = &["attached_at", "source_volume_id"];
    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
    fn tags_mut(&mut self) -> Option<&mut Tags> {
        Some(&mut self.tags)
    }
    fn filters(&self) -> Vec<(&'static str, &str)> {
        let instances = self.attachments.iter().filter_map(Attachment::instance);
        let attached = instances.map(|id| ("attachment.instance-id", id));
        attached.chain(self.snapshot_id.iter().map(|id| ("snapshot-id", id.as_str()))).collect()
    }
}

/// A modification of a volume (`ec2:DescribeVolumesModifications`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VolumeModification {
    /// `vol-...`
    pub id: String,
    /// `modifying`, `optimizing`, `completed`, `failed`.
    pub modification_state: String,
}

impl Record for VolumeModification {
    const ABOUT: About =
        About { moves_by_itself: true, ..About::read_by(&[on_all("ec2:DescribeVolumesModifications")]) };
}

/// A snapshot of this account (`ec2:DescribeSnapshots` with `OwnerIds=self`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Snapshot {
    /// `snap-...`
    pub id: String,
    /// The volume it was taken of; an arbitrary one for a copy.
    pub volume_id: String,
    /// `pending`, `completed`, `error`, `recoverable`, `recovering`.
    pub state: String,
    /// The time at which it was started: the state of the disk that it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Timestamp>,
    /// GiB of the volume.
    pub volume_size: i32,
    /// `true` if it is encrypted.
    pub encrypted: bool,
    /// ARN of its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<String>,
    /// Description.
    pub description: String,
    /// `standard` or `archive`.
    pub storage_tier: String,
    /// AWS's reason for its failure (`StateMessage`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_message: Option<String>,
    /// `standard` or `time-based` for a copy; nothing for any other snapshot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transfer_type: Option<String>,
    /// `99%`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<String>,
    /// Tags.
    pub tags: Tags,
}

impl Snapshot {
    /// Returns whether the snapshot is a copy. AWS gives a copy an arbitrary volume id "that you should not
    /// use for any purpose", and a transfer type
    /// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Snapshot.html>); copies that are older
    /// than that member are known by the description that the console gives them.
    pub fn is_copy(&self) -> bool {
        let described = ["[Copied snap-", "Copied for ", "redress: encrypted copy of "];
        self.transfer_type.is_some() || described.iter().any(|word| self.description.starts_with(word))
    }

    /// Returns the volume that the snapshot was taken of; `None` for a copy, whose volume AWS does not name.
    pub fn own_volume(&self) -> Option<&str> {
        Some(self.volume_id.as_str()).filter(|id| !id.is_empty() && !self.is_copy())
    }
}

impl Record for Snapshot {
    const ABOUT: About = About {
        kind: Some(Kind::Snapshot),
        tagged_by_runs: true,
        single: &["volume-id"],
        reason: Some("/state_message"),
        asked: Some(Asked::of("DescribeSnapshots", "snapshot-id", "Snapshots[0]", &[("/state", "State")])),
        ..About::of_ec2(&[on_all("ec2:DescribeSnapshots")], "snap", "snapshot", "InvalidSnapshot.NotFound")
    };
    // Footprints of the released format do not have the transfer type.
    const VOLATILE: &'static [&'static str] = &["progress", "transfer_type"];
    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
    fn tags_mut(&mut self) -> Option<&mut Tags> {
        Some(&mut self.tags)
    }
    fn filters(&self) -> Vec<(&'static str, &str)> {
        vec![("volume-id", &self.volume_id), ("status", &self.state)]
    }
}
