//! Reads instances, their health and their types.

use aws_sdk_ec2::{
    Client,
    types::{self, InstanceAttributeName},
};
use futures::{StreamExt, stream};

use super::{
    Ask, Members,
    compute::operator,
    not_listed,
    page::{filters, known, pages, some, tags, text, time},
};
use crate::{
    aws::{errors, retry::reading},
    calls::{CallError, ErrorClass},
    inventory::{ApplicationStatus, Fact, Instance, InstanceStatus, InstanceType, compute::Device},
};

/// Calls `ec2:DescribeInstances`, and `ec2:DescribeInstanceAttribute` for instances that are read by id.
pub async fn instances(ec2: &Client, ask: &Ask) -> Members<Instance> {
    let request = ec2
        .describe_instances()
        .include_managed_resources(true)
        .set_filters(filters(ask, "instance-id"))
        .max_results(1000);
    let reservations = pages!("ec2:DescribeInstances", request, reservations);
    let all = reservations
        .into_iter()
        .flat_map(|r: types::Reservation| r.instances.unwrap_or_default())
        .map(instance);
    let whole = matches!(ask, Ask::Ids(_));
    let all = stream::iter(all).map(|instance| async move {
        // A terminated instance has no attributes any more.
        if whole && instance.state != "terminated" { with_attributes(ec2, instance).await } else { instance }
    });
    Ok(known(all.buffered(4).collect::<Vec<_>>().await, |i| &i.id))
}

fn instance(i: types::Instance) -> Instance {
    let placement = i.placement;
    let capacity = i.capacity_reservation_specification;
    let target = capacity.as_ref().and_then(|c| c.capacity_reservation_target.as_ref());
    let capacity_target = target.and_then(|t| {
        some(t.capacity_reservation_id.as_deref())
            .or_else(|| some(t.capacity_reservation_resource_group_arn.as_deref()))
    });
    let groups = i.security_groups.unwrap_or_default().into_iter().filter_map(|g| g.group_id);
    Instance {
        id: text(i.instance_id),
        state: text(i.state.and_then(|s| s.name)),
        state_reason: i.state_reason.and_then(reason),
        instance_type: text(i.instance_type),
        image_id: text(i.image_id),
        lifecycle: some(i.instance_lifecycle),
        root_device_type: text(i.root_device_type),
        root_device_name: text(i.root_device_name),
        devices: i.block_device_mappings.unwrap_or_default().into_iter().filter_map(device).collect(),
        security_groups: super::distinct(groups),
        vpc_id: text(i.vpc_id),
        subnet_id: text(i.subnet_id),
        availability_zone: text(placement.as_ref().and_then(|p| p.availability_zone.as_deref())),
        private_ip: some(i.private_ip_address),
        public_ip: some(i.public_ip_address),
        hibernation: i.hibernation_options.and_then(|h| h.configured).unwrap_or_default(),
        product_codes: i
            .product_codes
            .unwrap_or_default()
            .into_iter()
            .filter_map(|c| c.product_code_id)
            .collect(),
        operator: operator(i.operator),
        placement_group: placement.as_ref().and_then(|p| some(p.group_name.clone())),
        tenancy: text(placement.and_then(|p| p.tenancy)),
        capacity_preference: capacity.and_then(|c| some(c.capacity_reservation_preference)),
        capacity_target,
        capacity_reservation: some(i.capacity_reservation_id),
        enclave: i.enclave_options.and_then(|e| e.enabled).unwrap_or_default(),
        platform_details: text(i.platform_details),
        instance_profile: i.iam_instance_profile.and_then(|p| some(p.arn)),
        stop_protection: Fact::NotRead,
        shutdown_behavior: Fact::NotRead,
        launch_time: time(i.launch_time),
        tags: tags(i.tags),
    }
}

/// Returns AWS's reason for a state, which begins with its code.
fn reason(reason: types::StateReason) -> Option<String> {
    match (some(reason.code), some(reason.message)) {
        (Some(code), Some(message)) if !message.starts_with(&code) => Some(format!("{code}: {message}")),
        (code, message) => message.or(code),
    }
}

fn device(mapping: types::InstanceBlockDeviceMapping) -> Option<Device> {
    let ebs = mapping.ebs?;
    Some(Device {
        device_name: text(mapping.device_name),
        volume_id: text(ebs.volume_id),
        delete_on_termination: ebs.delete_on_termination.unwrap_or_default(),
        status: text(ebs.status),
    })
}

async fn with_attributes(ec2: &Client, instance: Instance) -> Instance {
    let attribute = async |name: InstanceAttributeName| {
        let request = ec2.describe_instance_attribute().instance_id(&instance.id).attribute(name);
        reading("ec2:DescribeInstanceAttribute", || request.clone().send()).await
    };
    let stop = attribute(InstanceAttributeName::DisableApiStop).await;
    let shutdown = attribute(InstanceAttributeName::InstanceInitiatedShutdownBehavior).await;
    let stop_protection = told(stop.map(|a| a.disable_api_stop.and_then(|v| v.value)));
    let shutdown_behavior =
        told(shutdown.map(|a| a.instance_initiated_shutdown_behavior.and_then(|v| v.value)));
    Instance { stop_protection, shutdown_behavior, ..instance }
}

/// Converts the answer for an attribute that every instance has: an answer without it leaves the attribute
/// unknown.
fn told<T>(answer: Result<Option<T>, CallError>) -> Fact<T> {
    match answer {
        Ok(Some(value)) => Fact::Known(value),
        Ok(None) => Fact::unknown("the answer does not hold the attribute (ec2:DescribeInstanceAttribute)"),
        Err(error) => Fact::unknown(&error),
    }
}

/// Calls `ec2:DescribeInstanceStatus`. It has no filter for ids, and one unknown id fails the whole call.
pub async fn statuses(ec2: &Client, ask: &Ask) -> Members<InstanceStatus> {
    let Ask::Ids(ids) = ask else { return listed_statuses(ec2, ask).await };
    match named_statuses(ec2, ids).await {
        Err(error) if ids.len() > 1 && errors::says_absent(&error.code) => {
            let single = stream::iter(ids.clone()).map(|id| async move {
                match named_statuses(ec2, std::slice::from_ref(&id)).await {
                    Ok(found) => found,
                    Err(error) => vec![(id, errors::fact(&error))],
                }
            });
            Ok(single.buffered(4).collect::<Vec<_>>().await.into_iter().flatten().collect())
        }
        other => other,
    }
}

async fn named_statuses(ec2: &Client, ids: &[String]) -> Members<InstanceStatus> {
    let request = ec2
        .describe_instance_status()
        .include_managed_resources(true)
        .include_all_instances(true)
        .set_instance_ids(Some(ids.to_vec()));
    let statuses = pages!("ec2:DescribeInstanceStatus", request, instance_statuses);
    Ok(known(statuses.into_iter().map(status), |s| &s.id))
}

async fn listed_statuses(ec2: &Client, ask: &Ask) -> Members<InstanceStatus> {
    let request = ec2
        .describe_instance_status()
        .include_managed_resources(true)
        .include_all_instances(true)
        .set_filters(filters(ask, ""))
        .max_results(1000);
    let statuses = pages!("ec2:DescribeInstanceStatus", request, instance_statuses);
    Ok(known(statuses.into_iter().map(status), |s| &s.id))
}

fn status(status: types::InstanceStatus) -> InstanceStatus {
    // Completed and canceled events keep their code; only the description marks them.
    let over = |e: &types::InstanceStatusEvent| {
        e.description.as_ref().is_some_and(|d| d.starts_with("[Completed]") || d.starts_with("[Canceled]"))
    };
    let events = status.events.unwrap_or_default().into_iter().filter(|e| !over(e)).map(|e| text(e.code));
    InstanceStatus {
        id: text(status.instance_id),
        system_status: text(status.system_status.and_then(|s| s.status)),
        instance_status: text(status.instance_status.and_then(|s| s.status)),
        attached_ebs_status: text(status.attached_ebs_status.and_then(|s| s.status)),
        events: events.collect(),
    }
}

/// Calls `ec2:DescribeApplicationStatus`. An endpoint that does not have the operation has no such checks.
pub async fn application_statuses(ec2: &Client, ask: &Ask) -> Members<ApplicationStatus> {
    const OPERATION: &str = "ec2:DescribeApplicationStatus";
    let Ask::Ids(ids) = ask else { return not_listed("application statuses") };
    let request = ec2.describe_application_status().set_instance_ids(Some(ids.clone()));
    let (mut all, mut token) = (Vec::new(), None::<String>);
    loop {
        let page = match reading(OPERATION, || request.clone().set_next_token(token.clone()).send()).await {
            Err(error) if error.class == ErrorClass::Unsupported => return Ok(Vec::new()),
            page => page?,
        };
        let instances = page.application_statuses.and_then(|statuses| statuses.instances);
        all.extend(instances.unwrap_or_default().into_iter().map(application_status));
        match page.next_token.filter(|next| !next.is_empty()) {
            None => return Ok(known(all, |status| &status.id)),
            next if next == token => {
                return Err(errors::in_body(
                    OPERATION,
                    "RepeatedToken",
                    "the listing does not come to an end",
                ));
            }
            next => token = next,
        }
    }
}

fn application_status(instance: types::InstanceApplicationStatus) -> ApplicationStatus {
    ApplicationStatus {
        id: text(instance.instance_id),
        status: text(instance.application_status.and_then(|status| status.status)),
    }
}

/// Calls `ec2:DescribeInstanceTypes`.
pub async fn types(ec2: &Client, ask: &Ask) -> Members<InstanceType> {
    let request = ec2.describe_instance_types().set_filters(filters(ask, "instance-type")).max_results(100);
    let types = pages!("ec2:DescribeInstanceTypes", request, instance_types);
    let types = types.into_iter().map(|t: types::InstanceTypeInfo| InstanceType {
        id: text(t.instance_type),
        instance_storage: t.instance_storage_supported.unwrap_or_default(),
    });
    Ok(known(types, |t| &t.id))
}
