//! Snapshots of volumes.

use serde::{Deserialize, Serialize};

use super::{
    Form, Operation, Planned, Sent,
    spec::{
        Also,
        Repeat::{Harmless, LookFirst},
        Risk::{Irreversible, Safe},
        Spec, Takes, When, also, names, spec,
    },
    tag::TagSpecification,
};
use crate::inventory::FamilyKind::{Instances, Snapshots, Volumes};

/// The number of snapshot copies that AWS allows to be pending in a destination region
/// (<https://docs.aws.amazon.com/ebs/latest/userguide/ebs-copy-snapshot.html>).
pub const MOST_COPIES: usize = 20;

/// The permissions that creating an encrypted volume or snapshot needs
/// (<https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html>).
pub(super) const TAGGED_AND_ENCRYPTED: &[Also] = &[
    also("ec2:CreateTags", When::Given("TagSpecifications")),
    also("kms:CreateGrant", UNDER_KEY),
    also("kms:Decrypt", UNDER_KEY),
    also("kms:DescribeKey", UNDER_KEY),
    also("kms:GenerateDataKeyWithoutPlaintext", UNDER_KEY),
    also("kms:ReEncryptFrom", UNDER_KEY),
    also("kms:ReEncryptTo", UNDER_KEY),
];

const UNDER_KEY: When = When::Given("KmsKeyId");

/// A call that starts a snapshot of a volume.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSnapshot.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, bound = "")]
pub struct CreateSnapshot<F: Form = Sent> {
    /// The volume.
    pub volume_id: String,
    /// The description of the snapshot.
    pub description: Option<String>,
    /// The tags of the snapshot.
    #[serde(default)]
    pub tag_specifications: Vec<TagSpecification<F>>,
}

impl<F: Form> Operation for CreateSnapshot<F> {
    type Planned = CreateSnapshot<Planned>;
    const SPEC: Spec = spec("ec2", "CreateSnapshot", LookFirst, Safe)
        .on(&[names("/VolumeId", Volumes)])
        .makes(Snapshots)
        .gives(&["SnapshotId"])
        .takes_also(&[also("ec2:CreateTags", When::Given("TagSpecifications"))])
        .takes(Takes::PassOverChanges);
}

/// A call that starts snapshots of the volumes of an instance, all of one moment.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSnapshots.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, bound = "")]
pub struct CreateSnapshots<F: Form = Sent> {
    /// The instance and its volumes.
    pub instance_specification: InstanceSpecification,
    /// The description of the snapshots.
    pub description: Option<String>,
    /// The tags of the snapshots.
    #[serde(default)]
    pub tag_specifications: Vec<TagSpecification<F>>,
}

impl<F: Form> Operation for CreateSnapshots<F> {
    type Planned = CreateSnapshots<Planned>;
    const SPEC: Spec = spec("ec2", "CreateSnapshots", LookFirst, Safe)
        .on(&[names("/InstanceSpecification/InstanceId", Instances)])
        .asks(&[Volumes])
        .makes(Snapshots)
        .gives(&["Snapshots"])
        .takes_also(&[also("ec2:CreateTags", When::Given("TagSpecifications"))])
        .takes(Takes::PassOverChanges);
}

/// An instance, and those of its volumes that are left out.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceSpecification.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct InstanceSpecification {
    /// The instance.
    pub instance_id: String,
    /// `true` to leave out the root volume.
    pub exclude_boot_volume: Option<bool>,
    /// The ids of the data volumes that are left out.
    #[serde(default)]
    pub exclude_data_volume_ids: Vec<String>,
}

/// A call that starts a copy of a snapshot, within one region: between regions AWS requires a presigned URL,
/// which would be a secret in the input.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CopySnapshot.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, bound = "")]
pub struct CopySnapshot<F: Form = Sent> {
    /// The region of the snapshot, which is the region of the call.
    pub source_region: String,
    /// The snapshot.
    pub source_snapshot_id: F::Of<String>,
    /// `true` for an encrypted copy.
    pub encrypted: Option<bool>,
    /// The key of the copy.
    pub kms_key_id: Option<String>,
    /// The description of the copy.
    pub description: Option<String>,
    /// The tags of the copy.
    #[serde(default)]
    pub tag_specifications: Vec<TagSpecification<F>>,
}

impl<F: Form> Operation for CopySnapshot<F> {
    type Planned = CopySnapshot<Planned>;
    const SPEC: Spec = spec("ec2", "CopySnapshot", LookFirst, Safe)
        .on(&[names("/SourceSnapshotId", Snapshots).unbound()])
        .makes(Snapshots)
        .gives(&["SnapshotId"])
        .takes_also(TAGGED_AND_ENCRYPTED)
        .takes(Takes::Pass)
        .pending_at_most(MOST_COPIES);
}

/// A call that deletes a snapshot.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSnapshot.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, bound = "")]
pub struct DeleteSnapshot<F: Form = Sent> {
    /// The snapshot.
    pub snapshot_id: F::Of<String>,
}

impl<F: Form> Operation for DeleteSnapshot<F> {
    type Planned = DeleteSnapshot<Planned>;
    const SPEC: Spec = spec("ec2", "DeleteSnapshot", Harmless, Irreversible)
        .on(&[names("/SnapshotId", Snapshots)])
        .only_own();
}

/// A call that restores a deleted snapshot that the Recycle Bin keeps.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RestoreSnapshotFromRecycleBin.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, bound = "")]
pub struct RestoreSnapshotFromRecycleBin<F: Form = Sent> {
    /// The snapshot.
    pub snapshot_id: F::Of<String>,
}

impl<F: Form> Operation for RestoreSnapshotFromRecycleBin<F> {
    type Planned = RestoreSnapshotFromRecycleBin<Planned>;
    const SPEC: Spec =
        spec("ec2", "RestoreSnapshotFromRecycleBin", Harmless, Safe).on(&[names("/SnapshotId", Snapshots)]);
}
