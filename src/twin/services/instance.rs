//! Instances, as `ec2:StopInstances`, `StartInstances` and `ModifyInstanceAttribute` treat them.

use super::{OnTwin, done};
use crate::{
    calls::{CallError, Outcome},
    inventory::{Fact, Instance},
    services::instance::{ModifyInstanceAttribute, StartInstances, StopInstances},
    twin::{
        FaultKind, Twin,
        effect::Effect,
        errors::{must, refuse, unknown},
        keys,
        scheduled::give_addresses,
    },
};

/// Seconds from stopping to stopped, and from pending to running.
const STOP_SECONDS: u64 = 30;
const START_SECONDS: u64 = 20;

/// The state reason of EC2 for an instance whose disks it cannot decrypt.
const FELL_BACK: &str = "Client.InternalError: Client error on launch";

fn find<'a>(t: &'a Twin, region: &str, id: &str) -> Result<&'a Instance, CallError> {
    must(t.region(region)?.instances.get(id), id, || {
        refuse("InvalidInstanceID.NotFound", format!("The instance ID '{id}' does not exist"))
    })
}

fn wrong_state(instance: &Instance) -> CallError {
    let message = format!(
        "This instance '{}' is not in a state from which it can be started or stopped: it is '{}'.",
        instance.id, instance.state
    );
    refuse("IncorrectInstanceState", message)
}

fn must_name(ids: &[String]) -> Result<(), CallError> {
    if ids.is_empty() {
        Err(refuse("MissingParameter", "The request must contain the parameter InstanceIds"))
    } else {
        Ok(())
    }
}

impl OnTwin for StopInstances {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        must_name(&self.instance_ids)?;
        let mut going = Vec::new();
        for id in &self.instance_ids {
            let instance = find(t, region, id)?;
            may_stop(instance)?;
            match instance.state.as_str() {
                "running" => going.push(id.clone()),
                "stopping" | "stopped" => {}
                _ => return Err(wrong_state(instance)),
            }
        }
        for id in going {
            if let Some(instance) = t.region_mut(region).instances.get_mut(&id) {
                instance.state = "stopping".to_owned();
                instance.state_reason =
                    Some("Client.UserInitiatedShutdown: User initiated shutdown".to_owned());
            }
            t.later(STOP_SECONDS, region, Effect::Stopped(id));
        }
        done()
    }
}

fn may_stop(instance: &Instance) -> Result<(), CallError> {
    let id = &instance.id;
    if instance.root_device_type == "instance-store" {
        return Err(refuse(
            "UnsupportedOperation",
            format!("The instance '{id}' does not have an 'ebs' root device type and cannot be stopped"),
        ));
    }
    if instance.lifecycle.as_deref() == Some("spot") {
        return Err(refuse(
            "UnsupportedOperation",
            format!(
                "You can't stop the Spot Instance '{id}' because it is associated with a one-time Spot \
                 request"
            ),
        ));
    }
    match &instance.stop_protection {
        Fact::Known(true) => Err(refuse(
            "OperationNotPermitted",
            format!(
                "The instance '{id}' may not be stopped. Modify its 'disableApiStop' instance attribute and \
                 try again."
            ),
        )),
        Fact::Known(false) | Fact::Absent => Ok(()),
        silent => {
            Err(unknown(&format!("the stop protection of {id}"), silent.silence().unwrap_or("not read")))
        }
    }
}

impl OnTwin for StartInstances {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        must_name(&self.instance_ids)?;
        let mut going = Vec::new();
        for id in &self.instance_ids {
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
}

/// Compares the content of its disks with the content last written to them.
fn comes_into_use(t: &mut Twin, region: &str, id: &str) {
    let known = t.truth.regions.get(region).and_then(|r| r.instances.get(id).known().copied());
    let disks: Vec<(String, String)> = known
        .into_iter()
        .flat_map(|i| &i.devices)
        .map(|d| (d.device_name.clone(), d.volume_id.clone()))
        .collect();
    disks.iter().for_each(|(device, volume)| t.content_in_use(region, id, device, volume));
}

/// Returns whether the instance will come up: it must have a root volume, and a disk whose key does not work
/// makes it fall back to stopped. Where a disk or its key was not read this is unknown, and an error.
fn can_boot(t: &Twin, region: &str, instance: &Instance) -> Result<bool, CallError> {
    let known = t.region(region)?;
    let root = &instance.root_device_name;
    let has_root = instance.devices.iter().any(|d| d.device_name == *root && d.status != "detaching");
    if !has_root || t.lags_at(&instance.id, root, false) {
        let message = format!(
            "Invalid value '{}' for instanceId. Instance does not have a volume attached at root ({})",
            instance.id, instance.root_device_name
        );
        return Err(refuse("InvalidParameterValue", message));
    }
    let mut boots = true;
    for device in &instance.devices {
        let absent =
            || refuse("InvalidVolume.NotFound", format!("The volume '{}' does not exist.", device.volume_id));
        let volume = must(known.volumes.get(&device.volume_id), &device.volume_id, absent)?;
        boots &= !volume.encrypted || !keys::is_broken(known, volume.kms_key_id.as_deref())?;
    }
    Ok(boots)
}

impl OnTwin for ModifyInstanceAttribute {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        let instance = find(t, region, &self.instance_id)?;
        if self.block_device_mappings.is_empty() {
            return Err(refuse("MissingParameter", "one attribute must be given"));
        }
        for mapping in &self.block_device_mappings {
            let device = instance.devices.iter().find(|d| d.device_name == mapping.device_name);
            let lags = t.lags_at(&self.instance_id, &mapping.device_name, false);
            let fits = !lags && device.is_some();
            if !fits {
                return Err(refuse(
                    "InvalidInstanceAttributeValue",
                    format!("No device is currently mapped at {}", mapping.device_name),
                ));
            }
        }
        apply(t, region, self);
        done()
    }
}

fn apply(t: &mut Twin, region: &str, input: ModifyInstanceAttribute) {
    let region = t.region_mut(region);
    let Some(instance) = region.instances.get_mut(&input.instance_id) else { return };
    for mapping in input.block_device_mappings {
        let Some(device) = instance.devices.iter_mut().find(|d| d.device_name == mapping.device_name) else {
            continue;
        };
        device.delete_on_termination = mapping.ebs.delete_on_termination;
        let attachments = region.volumes.get_mut(&device.volume_id).map(|v| v.attachments.iter_mut());
        if let Some(attachment) =
            attachments.and_then(|mut all| all.find(|a| a.instance_id == input.instance_id))
        {
            attachment.delete_on_termination = mapping.ebs.delete_on_termination;
        }
    }
}
