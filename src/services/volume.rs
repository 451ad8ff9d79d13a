//! Volumes.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::{
    Form, Operation, Planned, Sent,
    snapshot::TAGGED_AND_ENCRYPTED,
    spec::{
        Repeat::{Harmless, Token},
        Risk::{Disruptive, Irreversible, Safe},
        Spec, Takes, names, spec,
    },
    tag::TagSpecification,
};
use crate::inventory::FamilyKind::{Instances, Snapshots, Volumes};

/// The rates at which AWS loads a volume from its snapshot on request, in MiB per second.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVolume.html>
pub const INITIALIZATION_RATES: RangeInclusive<i32> = 100..=300;

/// A call that creates a volume. The token is the plan's: one that the SDK generates would be another one
/// after a crash.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVolume.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, bound = "")]
pub struct CreateVolume<F: Form = Sent> {
    /// The zone.
    pub availability_zone: String,
    /// The snapshot from which the volume is created; without one the volume is empty.
    pub snapshot_id: Option<F::Of<String>>,
    /// `gp3`, `io2`, …
    pub volume_type: Option<String>,
    /// The size, in GiB.
    pub size: Option<i32>,
    /// I/O operations per second.
    pub iops: Option<i32>,
    /// The throughput, in MiB per second.
    pub throughput: Option<i32>,
    /// `true` for an encrypted volume.
    pub encrypted: Option<bool>,
    /// The key of the volume.
    pub kms_key_id: Option<String>,
    /// The rate at which it is loaded from its snapshot, in MiB per second; AWS's own if it is not given.
    pub volume_initialization_rate: Option<i32>,
    /// The tags of the volume.
    #[serde(default)]
    pub tag_specifications: Vec<TagSpecification<F>>,
    /// The idempotency token.
    pub client_token: F::Of<String>,
}

impl<F: Form> Operation for CreateVolume<F> {
    type Planned = CreateVolume<Planned>;
    const SPEC: Spec = spec("ec2", "CreateVolume", Token, Safe)
        .on(&[names("/SnapshotId", Snapshots).unbound()])
        .asks(&[Snapshots])
        .makes(Volumes)
        .gives(&["VolumeId"])
        .takes_also(TAGGED_AND_ENCRYPTED)
        .takes(Takes::Seconds(30));
}

/// The number of volume copies that AWS allows to be in progress in a region, by default. A copy is in
/// progress until it is fully initialised, long after it can be used
/// (<https://docs.aws.amazon.com/ebs/latest/userguide/ebs-copying-volume.html>).
pub const MOST_VOLUME_COPIES: usize = 5;

/// A call that starts a copy of a volume, in the zone of the volume. It can be used as soon as it is
/// `available`. AWS makes it `gp2` where no type is given, and copies no tags. The token is the plan's, as
/// for [`CreateVolume`].
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CopyVolumes.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, bound = "")]
pub struct CopyVolumes<F: Form = Sent> {
    /// The volume that is copied.
    pub source_volume_id: String,
    /// `gp3`, `io2`, …
    pub volume_type: Option<String>,
    /// The size, in GiB.
    pub size: Option<i32>,
    /// I/O operations per second.
    pub iops: Option<i32>,
    /// The throughput, in MiB per second.
    pub throughput: Option<i32>,
    /// `true` for an encrypted copy.
    pub encrypted: Option<bool>,
    /// The key of the copy.
    pub kms_key_id: Option<String>,
    /// The tags of the copy.
    #[serde(default)]
    pub tag_specifications: Vec<TagSpecification<F>>,
    /// The idempotency token.
    pub client_token: F::Of<String>,
}

impl<F: Form> Operation for CopyVolumes<F> {
    type Planned = CopyVolumes<Planned>;
    const SPEC: Spec = spec("ec2", "CopyVolumes", Token, Safe)
        .on(&[names("/SourceVolumeId", Volumes)])
        .makes(Volumes)
        .gives(&["VolumeId"])
        .takes_also(TAGGED_AND_ENCRYPTED)
        .takes(Takes::Seconds(30))
        .in_progress_at_most(MOST_VOLUME_COPIES);
}

/// A call that deletes a volume.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVolume.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, bound = "")]
pub struct DeleteVolume<F: Form = Sent> {
    /// The volume.
    pub volume_id: F::Of<String>,
}

impl<F: Form> Operation for DeleteVolume<F> {
    type Planned = DeleteVolume<Planned>;
    const SPEC: Spec =
        spec("ec2", "DeleteVolume", Harmless, Irreversible).on(&[names("/VolumeId", Volumes)]).only_own();
}

/// A call that restores a deleted volume that the Recycle Bin keeps.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RestoreVolumeFromRecycleBin.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, bound = "")]
pub struct RestoreVolumeFromRecycleBin<F: Form = Sent> {
    /// The volume.
    pub volume_id: F::Of<String>,
}

impl<F: Form> Operation for RestoreVolumeFromRecycleBin<F> {
    type Planned = RestoreVolumeFromRecycleBin<Planned>;
    const SPEC: Spec =
        spec("ec2", "RestoreVolumeFromRecycleBin", Harmless, Safe).on(&[names("/VolumeId", Volumes)]);
}

/// A call that attaches a volume to an instance.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AttachVolume.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, bound = "")]
pub struct AttachVolume<F: Form = Sent> {
    /// The volume.
    pub volume_id: F::Of<String>,
    /// The instance.
    pub instance_id: String,
    /// The device, as the instance names it.
    pub device: String,
    /// The EBS card of the instance; 0 where it is not given.
    pub ebs_card_index: Option<i32>,
}

impl<F: Form> Operation for AttachVolume<F> {
    type Planned = AttachVolume<Planned>;
    const SPEC: Spec = spec("ec2", "AttachVolume", Harmless, Disruptive)
        .on(&[names("/InstanceId", Instances), names("/VolumeId", Volumes)])
        .takes(Takes::Seconds(30));
}

/// A call that detaches a volume from an instance, never by force.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DetachVolume.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, bound = "")]
pub struct DetachVolume<F: Form = Sent> {
    /// The volume.
    pub volume_id: F::Of<String>,
    /// The instance.
    pub instance_id: String,
    /// The device, as the instance names it.
    pub device: String,
}

impl<F: Form> Operation for DetachVolume<F> {
    type Planned = DetachVolume<Planned>;
    const SPEC: Spec = spec("ec2", "DetachVolume", Harmless, Disruptive)
        .on(&[names("/InstanceId", Instances), names("/VolumeId", Volumes)])
        .takes(Takes::Seconds(30));
}
