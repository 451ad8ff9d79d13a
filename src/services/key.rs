//! KMS keys.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::{
    Operation,
    spec::{Repeat::Harmless, Risk::Safe, Spec, names, spec},
};
use crate::inventory::FamilyKind::CustomerKeys;

/// The range of days between two rotations
/// (<https://docs.aws.amazon.com/kms/latest/APIReference/API_EnableKeyRotation.html#KMS-EnableKeyRotation-request-RotationPeriodInDays>).
pub const PERIOD: RangeInclusive<i32> = 90..=2560;

/// A call that enables automatic rotation: AWS creates new material for a key at intervals; data that was
/// encrypted under older material is decrypted with that.
/// <https://docs.aws.amazon.com/kms/latest/APIReference/API_EnableKeyRotation.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct EnableKeyRotation {
    /// The key, by its id.
    pub key_id: String,
    /// The days from one rotation to the next, 90 to 2560; AWS assumes 365 if it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotation_period_in_days: Option<i32>,
}

impl Operation for EnableKeyRotation {
    type Planned = Self;
    const SPEC: Spec = spec("kms", "EnableKeyRotation", Harmless, Safe).on(&[names("/KeyId", CustomerKeys)]);
}

/// A call that disables automatic rotation: the material of the key stays as it is.
/// <https://docs.aws.amazon.com/kms/latest/APIReference/API_DisableKeyRotation.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DisableKeyRotation {
    /// The key, by its id.
    pub key_id: String,
}

impl Operation for DisableKeyRotation {
    type Planned = Self;
    const SPEC: Spec = spec("kms", "DisableKeyRotation", Harmless, Safe).on(&[names("/KeyId", CustomerKeys)]);
}
