//! Instances.

use serde::{Deserialize, Serialize};

use super::{
    Operation,
    spec::{
        Also,
        Repeat::Harmless,
        Risk::{Disruptive, Safe},
        Spec, Takes, When, also, names, spec,
    },
};
use crate::inventory::FamilyKind::{Instances, Volumes};

/// What bringing up an instance takes of the keys of its encrypted disks
/// (<https://repost.aws/knowledge-center/kms-iam-ec2-permission>).
const DISKS_KEYS: &[Also] = &[also("kms:CreateGrant", When::OfDisks), also("kms:Decrypt", When::OfDisks), also("kms:DescribeKey", When::OfDisks)];

/// Stops instances, never by force.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StopInstances.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct StopInstances {
    /// Their ids.
    pub instance_ids: Vec<String>,
}

impl Operation for StopInstances {
    type Planned = Self;
    const SPEC: Spec = spec("ec2", "StopInstances", Harmless, Disruptive).on(&[names("/InstanceIds", Instances)]).takes_down().takes(Takes::Seconds(180));
}

/// Starts instances.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StartInstances.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct StartInstances {
    /// Their ids.
    pub instance_ids: Vec<String>,
}

impl Operation for StartInstances {
    type Planned = Self;
    const SPEC: Spec =
        spec("ec2", "StartInstances", Harmless, Safe).on(&[names("/InstanceIds", Instances)]).takes_also(DISKS_KEYS).brings_up().takes(Takes::Seconds(300));
}

/// Sets whether disks of an instance are deleted with it.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceAttribute.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ModifyInstanceAttribute {
    /// The instance.
    pub instance_id: String,
    /// The disks.
    pub block_device_mappings: Vec<BlockDeviceMapping>,
}

impl Operation for ModifyInstanceAttribute {
    type Planned = Self;
    const SPEC: Spec = spec("ec2", "ModifyInstanceAttribute", Harmless, Safe).on(&[names("/InstanceId", Instances)]).asks(&[Volumes]);
}

impl ModifyInstanceAttribute {
    /// The call that sets whether the disk at a device is deleted with its instance. AWS takes a mapping that does not say it for `true`.
    pub fn goes_with(instance: &str, device: &str, on: bool) -> Self {
        let mapping = BlockDeviceMapping { device_name: device.to_owned(), ebs: EbsBlockDevice { delete_on_termination: on } };
        Self { instance_id: instance.to_owned(), block_device_mappings: vec![mapping] }
    }
}

/// A disk of an instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct BlockDeviceMapping {
    /// Its device.
    pub device_name: String,
    /// What holds for its volume.
    pub ebs: EbsBlockDevice,
}

/// What holds for the volume of a disk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct EbsBlockDevice {
    /// Whether it is deleted with the instance.
    pub delete_on_termination: bool,
}
