//! Instances, as `ec2:StopInstances`, `StartInstances` and `ModifyInstanceAttribute` treat them.

use serde::Deserialize;

use super::done;
use crate::{
    calls::{CallError, Outcome},
    inventory::{Fact, Instance},
    twin::{
        FaultKind, Twin,
        due::{Effect, give_addresses},
        errors::{must, refuse, unknown},
        keys,
    },
};

/// Seconds from stopping to stopped, and from pending to running.
const STOP_SECONDS: u64 = 30;
const START_SECONDS: u64 = 20;

/// What EC2 says of an instance whose disks it cannot decrypt.
const FELL_BACK: &str = "Client.InternalError: Client error on launch";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Stop {
    instance_ids: Vec<String>,
    #[serde(default)]
    hibernate: bool,
    // The guest's side of a stop is not played.
    #[serde(rename = "Force")]
    _force: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Start {
    instance_ids: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Modify {
    instance_id: String,
    #[serde(default)]
    block_device_mappings: Vec<Mapping>,
    disable_api_stop: Option<Setting<bool>>,
    instance_initiated_shutdown_behavior: Option<Setting<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Setting<T> {
    value: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Mapping {
    device_name: String,
    ebs: EbsMapping,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct EbsMapping {
    volume_id: Option<String>,
    // Omitting it means true
    // (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EbsInstanceBlockDeviceSpecification.html>).
    #[serde(default = "yes")]
    delete_on_termination: bool,
}

fn yes() -> bool {
    true
}

fn find<'a>(t: &'a Twin, region: &str, id: &str) -> Result<&'a Instance, CallError> {
    must(t.region(region)?.instances.get(id), id, || refuse("InvalidInstanceID.NotFound", format!("The instance ID '{id}' does not exist")))
}

fn wrong_state(instance: &Instance) -> CallError {
    let message = format!("This instance '{}' is not in a state from which it can be started or stopped: it is '{}'.", instance.id, instance.state);
    refuse("IncorrectInstanceState", message)
}

pub(super) fn stop(t: &mut Twin, region: &str, input: Stop) -> Outcome {
    if input.instance_ids.is_empty() {
        return Err(refuse("MissingParameter", "The request must contain the parameter InstanceIds"));
    }
    let mut going = Vec::new();
    for id in &input.instance_ids {
        let instance = find(t, region, id)?;
        may_stop(instance, input.hibernate)?;
        match instance.state.as_str() {
            "running" => going.push(id.clone()),
            "stopping" | "stopped" => {}
            _ => return Err(wrong_state(instance)),
        }
    }
    for id in going {
        if let Some(instance) = t.region_mut(region).instances.get_mut(&id) {
            instance.state = "stopping".to_owned();
            instance.state_reason = Some("Client.UserInitiatedShutdown: User initiated shutdown".to_owned());
        }
        t.later(STOP_SECONDS, region, Effect::Stopped(id));
    }
    done()
}

fn may_stop(instance: &Instance, hibernate: bool) -> Result<(), CallError> {
    let id = &instance.id;
    if instance.root_device_type == "instance-store" {
        return Err(refuse("UnsupportedOperation", format!("The instance '{id}' does not have an 'ebs' root device type and cannot be stopped")));
    }
    if instance.lifecycle.as_deref() == Some("spot") {
        return Err(refuse("UnsupportedOperation", format!("You can't stop the Spot Instance '{id}' because it is associated with a one-time Spot request")));
    }
    if hibernate && !instance.hibernation {
        return Err(refuse("UnsupportedHibernationConfiguration", format!("{id} was not launched ready to hibernate")));
    }
    match &instance.stop_protection {
        Fact::Known(true) => Err(refuse(
            "OperationNotPermitted",
            format!("The instance '{id}' may not be stopped. Modify its 'disableApiStop' instance attribute and try again."),
        )),
        Fact::Known(false) | Fact::Absent => Ok(()),
        silent => Err(unknown(&format!("the stop protection of {id}"), silent.silence().unwrap_or("not read"))),
    }
}

pub(super) fn start(t: &mut Twin, region: &str, input: Start) -> Outcome {
    if input.instance_ids.is_empty() {
        return Err(refuse("MissingParameter", "The request must contain the parameter InstanceIds"));
    }
    let mut going = Vec::new();
    for id in &input.instance_ids {
        let instance = find(t, region, id)?;
        match instance.state.as_str() {
            "stopped" => {
                let boots = can_boot(t, region, instance)?;
                going.push((id.clone(), boots));
            }
            "pending" | "running" => {}
            _ => return Err(wrong_state(instance)),
        }
    }
    let now = t.now;
    let falls = t.fate == Some(FaultKind::FallsBack);
    for (id, boots) in going {
        comes_into_use(t, region, &id);
        if let Some(instance) = t.region_mut(region).instances.get_mut(&id) {
            instance.state = "pending".to_owned();
            instance.state_reason = None;
            instance.launch_time = Some(now);
        }
        if boots && !falls {
            give_addresses(t, region, &id);
            t.later(START_SECONDS, region, Effect::Running(id));
        } else {
            t.later(START_SECONDS / 2, region, Effect::FellBack(id, FELL_BACK.to_owned()));
        }
    }
    done()
}

/// What its disks hold is compared with what was last written to them.
fn comes_into_use(t: &mut Twin, region: &str, id: &str) {
    let known = t.truth.regions.get(region).and_then(|r| r.instances.get(id).known().copied());
    let disks: Vec<(String, String)> = known.into_iter().flat_map(|i| &i.devices).map(|d| (d.device_name.clone(), d.volume_id.clone())).collect();
    disks.iter().for_each(|(device, volume)| t.content_in_use(region, id, device, volume));
}

/// Whether the instance will come up: it must have a root volume, and a disk whose key does not work makes it fall back to
/// stopped. Where a disk or its key was not read that cannot be told.
fn can_boot(t: &Twin, region: &str, instance: &Instance) -> Result<bool, CallError> {
    let known = t.region(region)?;
    let root = &instance.root_device_name;
    let has_root = instance.devices.iter().any(|d| d.device_name == *root && d.status != "detaching");
    if !has_root || t.lags_at(&instance.id, root, false) {
        let message =
            format!("Invalid value '{}' for instanceId. Instance does not have a volume attached at root ({})", instance.id, instance.root_device_name);
        return Err(refuse("InvalidParameterValue", message));
    }
    let mut boots = true;
    for device in &instance.devices {
        let absent = || refuse("InvalidVolume.NotFound", format!("The volume '{}' does not exist.", device.volume_id));
        let volume = must(known.volumes.get(&device.volume_id), &device.volume_id, absent)?;
        boots &= !volume.encrypted || !keys::is_broken(known, volume.kms_key_id.as_deref())?;
    }
    Ok(boots)
}

pub(super) fn modify(t: &mut Twin, region: &str, input: Modify) -> Outcome {
    let instance = find(t, region, &input.instance_id)?;
    let attributes = [!input.block_device_mappings.is_empty(), input.disable_api_stop.is_some(), input.instance_initiated_shutdown_behavior.is_some()];
    match attributes.into_iter().filter(|given| *given).count() {
        1 => {}
        0 => return Err(refuse("MissingParameter", "one attribute must be given")),
        _ => return Err(refuse("InvalidParameterCombination", "Fields for multiple attribute types specified")),
    }
    for mapping in &input.block_device_mappings {
        let device = instance.devices.iter().find(|d| d.device_name == mapping.device_name);
        let lags = t.lags_at(&input.instance_id, &mapping.device_name, false);
        let fits = !lags && device.is_some_and(|d| mapping.ebs.volume_id.as_ref().is_none_or(|v| d.volume_id == *v));
        if !fits {
            return Err(refuse("InvalidInstanceAttributeValue", format!("No device is currently mapped at {}", mapping.device_name)));
        }
    }
    if let Some(Setting { value }) = &input.instance_initiated_shutdown_behavior
        && !["stop", "terminate"].contains(&value.as_str())
    {
        return Err(refuse("InvalidParameterValue", format!("Value ({value}) for parameter instanceInitiatedShutdownBehavior is invalid.")));
    }
    apply(t, region, input);
    done()
}

fn apply(t: &mut Twin, region: &str, input: Modify) {
    let region = t.region_mut(region);
    let Some(instance) = region.instances.get_mut(&input.instance_id) else { return };
    if let Some(Setting { value }) = input.disable_api_stop {
        instance.stop_protection = Fact::Known(value);
    }
    if let Some(Setting { value }) = input.instance_initiated_shutdown_behavior {
        instance.shutdown_behavior = Fact::Known(value);
    }
    for mapping in input.block_device_mappings {
        let Some(device) = instance.devices.iter_mut().find(|d| d.device_name == mapping.device_name) else { continue };
        device.delete_on_termination = mapping.ebs.delete_on_termination;
        let attachments = region.volumes.get_mut(&device.volume_id).map(|v| v.attachments.iter_mut());
        if let Some(attachment) = attachments.and_then(|mut all| all.find(|a| a.instance_id == input.instance_id)) {
            attachment.delete_on_termination = mapping.ebs.delete_on_termination;
        }
    }
}
