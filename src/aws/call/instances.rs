//! Calls that change instances, and tags of anything in EC2.

use aws_sdk_ec2::{
    Client,
    types::{EbsInstanceBlockDeviceSpecification, InstanceBlockDeviceMappingSpecification},
};
use serde::Deserialize;

use super::{
    input,
    input::{Tag, ec2_tags},
    nothing, once,
};
use crate::calls::{Call, Outcome};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Instances {
    instance_ids: Vec<String>,
}

/// `StopInstances`, never by force.
pub async fn stop(ec2: &Client, call: &Call) -> Outcome {
    let i: Instances = input(call)?;
    once(call, ec2.stop_instances().set_instance_ids(Some(i.instance_ids)).send()).await?;
    nothing()
}

/// `StartInstances`
pub async fn start(ec2: &Client, call: &Call) -> Outcome {
    let i: Instances = input(call)?;
    once(call, ec2.start_instances().set_instance_ids(Some(i.instance_ids)).send()).await?;
    nothing()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct ModifyAttribute {
    instance_id: String,
    block_device_mappings: Vec<Mapping>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Mapping {
    device_name: String,
    ebs: Ebs,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Ebs {
    volume_id: Option<String>,
    delete_on_termination: bool,
}

/// `ModifyInstanceAttribute`, for whether volumes go with the instance.
pub async fn modify_attribute(ec2: &Client, call: &Call) -> Outcome {
    let i: ModifyAttribute = input(call)?;
    let mapping = |m: Mapping| {
        let ebs = EbsInstanceBlockDeviceSpecification::builder().set_volume_id(m.ebs.volume_id).delete_on_termination(m.ebs.delete_on_termination).build();
        InstanceBlockDeviceMappingSpecification::builder().device_name(m.device_name).ebs(ebs).build()
    };
    let mappings = i.block_device_mappings.into_iter().map(mapping).collect();
    once(call, ec2.modify_instance_attribute().instance_id(i.instance_id).set_block_device_mappings(Some(mappings)).send()).await?;
    nothing()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Tags {
    resources: Vec<String>,
    tags: Vec<Tag>,
}

/// `CreateTags`
pub async fn create_tags(ec2: &Client, call: &Call) -> Outcome {
    let i: Tags = input(call)?;
    once(call, ec2.create_tags().set_resources(Some(i.resources)).set_tags(ec2_tags(i.tags)).send()).await?;
    nothing()
}

/// `DeleteTags`. Without a list of tags AWS takes all of them away, so an empty list is refused.
pub async fn delete_tags(ec2: &Client, call: &Call) -> Outcome {
    let i: Tags = input(call)?;
    if i.tags.is_empty() {
        return Err(super::errors::bad_input(&call.name(), "Tags is empty, which AWS takes for all tags"));
    }
    once(call, ec2.delete_tags().set_resources(Some(i.resources)).set_tags(ec2_tags(i.tags)).send()).await?;
    nothing()
}
