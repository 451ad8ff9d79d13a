//! The account's defaults for EBS in a region.

use serde::{Deserialize, Serialize};

use super::{
    Operation,
    spec::{
        Repeat::Harmless,
        Risk::{Disruptive, Safe},
        Spec, spec,
    },
};

/// A call that has new volumes and copies of snapshots encrypted, whoever creates them.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EnableEbsEncryptionByDefault.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnableEbsEncryptionByDefault {}

impl Operation for EnableEbsEncryptionByDefault {
    type Planned = Self;
    const SPEC: Spec = spec("ec2", "EnableEbsEncryptionByDefault", Harmless, Safe);
}

/// A call that leaves the encryption of new volumes to whoever creates them.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisableEbsEncryptionByDefault.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DisableEbsEncryptionByDefault {}

impl Operation for DisableEbsEncryptionByDefault {
    type Planned = Self;
    const SPEC: Spec = spec("ec2", "DisableEbsEncryptionByDefault", Harmless, Disruptive);
}
