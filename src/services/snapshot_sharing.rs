//! Sharing of snapshots, and the block on sharing them with everybody.

use serde::{Deserialize, Serialize};

use super::{
    Operation,
    spec::{
        Repeat::Harmless,
        Risk::{Disruptive, Safe},
        Spec, names, spec,
    },
};
use crate::inventory::{FamilyKind::Snapshots, sharing::ALL};

/// The attribute of a snapshot that holds who may make volumes of it.
pub const PERMISSION: &str = "createVolumePermission";
/// The direction that adds to a list.
pub const ADD: &str = "add";
/// The direction that removes from a list.
pub const REMOVE: &str = "remove";

/// A call that takes a snapshot from everybody, or gives it back to them; single accounts that may use it are
/// not touched.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifySnapshotAttribute.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ModifySnapshotAttribute {
    /// The snapshot.
    pub snapshot_id: String,
    /// The attribute.
    pub attribute: String,
    /// `add` or `remove`.
    pub operation_type: String,
    /// The groups, of which AWS has one: `all`.
    pub group_names: Vec<String>,
}

impl ModifySnapshotAttribute {
    /// Builds the call that gives a snapshot to everybody ([`ADD`]) or takes it from them ([`REMOVE`]).
    pub fn for_everybody(snapshot: &str, direction: &str) -> Self {
        Self {
            snapshot_id: snapshot.to_owned(),
            attribute: PERMISSION.to_owned(),
            operation_type: direction.to_owned(),
            group_names: vec![ALL.to_owned()],
        }
    }
}

impl Operation for ModifySnapshotAttribute {
    type Planned = Self;
    const SPEC: Spec =
        spec("ec2", "ModifySnapshotAttribute", Harmless, Disruptive).on(&[names("/SnapshotId", Snapshots)]);
}

/// A call that keeps snapshots of a region from being shared with everybody.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EnableSnapshotBlockPublicAccess.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct EnableSnapshotBlockPublicAccess {
    /// `block-all-sharing` or `block-new-sharing`.
    pub state: String,
}

impl Operation for EnableSnapshotBlockPublicAccess {
    type Planned = Self;
    const SPEC: Spec = spec("ec2", "EnableSnapshotBlockPublicAccess", Harmless, Safe);
}

/// A call that lets snapshots of a region be shared with everybody.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisableSnapshotBlockPublicAccess.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DisableSnapshotBlockPublicAccess {}

impl Operation for DisableSnapshotBlockPublicAccess {
    type Planned = Self;
    const SPEC: Spec = spec("ec2", "DisableSnapshotBlockPublicAccess", Harmless, Disruptive);
}
