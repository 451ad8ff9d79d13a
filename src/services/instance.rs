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

/// The permissions that starting an instance needs for the keys of its encrypted disks
/// (<https://repost.aws/knowledge-center/kms-iam-ec2-permission>).
const DISKS_KEYS: &[Also] = &[
    also("kms:CreateGrant", When::OfDisks),
    also("kms:Decrypt", When::OfDisks),
    also("kms:DescribeKey", When::OfDisks),
];

/// A call that stops instances, never by force.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StopInstances.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct StopInstances {
    /// The ids of the instances.
    pub instance_ids: Vec<String>,
}

impl Operation for StopInstances {
    type Planned = Self;
    const SPEC: Spec = spec("ec2", "StopInstances", Harmless, Disruptive)
        .on(&[names("/InstanceIds", Instances)])
        .takes_down()
        .takes(Takes::Seconds(180));
}

/// A call that starts instances.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StartInstances.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct StartInstances {
    /// The ids of the instances.
    pub instance_ids: Vec<String>,
}

impl Operation for StartInstances {
    type Planned = Self;
    const SPEC: Spec = spec("ec2", "StartInstances", Harmless, Safe)
        .on(&[names("/InstanceIds", Instances)])
        .takes_also(DISKS_KEYS)
        .brings_up()
        .takes(Takes::Seconds(300));
}

/// A call that sets DeleteOnTermination of the disks of an instance.
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
    const SPEC: Spec = spec("ec2", "ModifyInstanceAttribute", Harmless, Safe)
        .on(&[names("/InstanceId", Instances)])
        .asks(&[Volumes]);
}

impl ModifyInstanceAttribute {
    /// Builds the call that sets whether the disk at a device is deleted with its instance. AWS assumes
    /// `true` for a mapping that does not give it.
    pub fn goes_with(instance: &str, device: &str, on: bool) -> Self {
        let mapping = BlockDeviceMapping {
            device_name: device.to_owned(),
            ebs: EbsBlockDevice { delete_on_termination: on },
        };
        Self { instance_id: instance.to_owned(), block_device_mappings: vec![mapping] }
    }
}

/// A disk of an instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct BlockDeviceMapping {
    /// The device of the disk.
    pub device_name: String,
    /// The settings of its volume.
    pub ebs: EbsBlockDevice,
}

/// The settings of the volume of a disk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct EbsBlockDevice {
    /// `true` if the volume is deleted with the instance.
    pub delete_on_termination: bool,
}
