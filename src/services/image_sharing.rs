//! Sharing of images, and the block on sharing them with everybody.

use serde::{Deserialize, Serialize};

use super::{
    Operation,
    spec::{
        Repeat::Harmless,
        Risk::{Disruptive, Safe},
        Spec, Takes, names, spec,
    },
};
use crate::inventory::{FamilyKind::Images, sharing::ALL};

/// The attribute of an image that holds who may launch it.
pub const PERMISSION: &str = "launchPermission";

/// A call that takes an image from everybody, or gives it back to them; single accounts and organizations
/// that may use it are not touched.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyImageAttribute.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ModifyImageAttribute {
    /// The image.
    pub image_id: String,
    /// The change of who may launch it.
    pub launch_permission: LaunchPermissionModifications,
}

/// A change of who may launch an image.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_LaunchPermissionModifications.html>
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct LaunchPermissionModifications {
    /// Those who may launch it from then on.
    #[serde(default)]
    pub add: Vec<LaunchPermission>,
    /// Those who may launch it no longer.
    #[serde(default)]
    pub remove: Vec<LaunchPermission>,
}

/// A group that may launch an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct LaunchPermission {
    /// `all`, the one group that AWS has.
    pub group: String,
}

impl ModifyImageAttribute {
    fn of(image: &str, launch_permission: LaunchPermissionModifications) -> Self {
        Self { image_id: image.to_owned(), launch_permission }
    }

    /// Builds the call that gives an image to everybody.
    pub fn to_everybody(image: &str) -> Self {
        Self::of(image, LaunchPermissionModifications { add: everybody(), remove: Vec::new() })
    }

    /// Builds the call that takes an image from everybody.
    pub fn from_everybody(image: &str) -> Self {
        Self::of(image, LaunchPermissionModifications { add: Vec::new(), remove: everybody() })
    }
}

fn everybody() -> Vec<LaunchPermission> {
    vec![LaunchPermission { group: ALL.to_owned() }]
}

impl Operation for ModifyImageAttribute {
    type Planned = Self;
    const SPEC: Spec =
        spec("ec2", "ModifyImageAttribute", Harmless, Disruptive).on(&[names("/ImageId", Images)]);
}

/// A call that keeps images of a region from being shared with everybody. AWS takes up to ten minutes for it.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EnableImageBlockPublicAccess.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct EnableImageBlockPublicAccess {
    /// `block-new-sharing`.
    pub image_block_public_access_state: String,
}

impl Operation for EnableImageBlockPublicAccess {
    type Planned = Self;
    const SPEC: Spec = spec("ec2", "EnableImageBlockPublicAccess", Harmless, Safe).takes(Takes::Seconds(300));
}

/// A call that lets images of a region be shared with everybody. AWS takes up to ten minutes for it.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisableImageBlockPublicAccess.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DisableImageBlockPublicAccess {}

impl Operation for DisableImageBlockPublicAccess {
    type Planned = Self;
    const SPEC: Spec =
        spec("ec2", "DisableImageBlockPublicAccess", Harmless, Disruptive).takes(Takes::Seconds(300));
}
