//! Effects that happen by themselves after a while: instances that stop, snapshots that complete, logs that
//! are delivered. Each effect checks that the resource is still as it was left; it must not fail.

use jiff::Timestamp;

use super::{
    Twin, balancing, capacity,
    effect::{Due, Effect},
    policy, take_away,
};
use crate::inventory::{Fact, InstanceStatus, Selector};

/// Seconds from running to the two checks being passed.
const STATUS_SECONDS: u64 = 150;
/// Seconds from running to a response to the checks of load balancers: the applications on an instance start
/// after it.
const TARGET_SECONDS: u64 = 240;

pub(super) fn happen(twin: &mut Twin, due: &Due) {
    let region = due.region.as_str();
    match &due.effect {
        Effect::Stopped(id) => {
            stopped(twin, region, id, "stopping", "Client.UserInitiatedShutdown: User initiated shutdown")
        }
        Effect::FellBack(id, reason) => stopped(twin, region, id, "pending", reason),
        Effect::Running(id) => running(twin, region, id),
        Effect::StatusOk(id) => {
            if twin.region_mut(region).instances.get_mut(id).is_some_and(|i| i.state == "running") {
                let status = if twin.faults.checks_fail { "impaired" } else { "ok" };
                set_status(twin, region, id, status);
            }
        }
        Effect::TargetLookedAt(id) => {
            if twin.region_mut(region).instances.get(id).known().is_some_and(|i| i.state == "running") {
                balancing::looked_at(twin, region, id);
            }
        }
        Effect::SnapshotDone(id) => snapshot(twin, region, id, "completed"),
        Effect::SnapshotFailed(id) => snapshot(twin, region, id, "error"),
        Effect::VolumeReady(id) => volume(twin, region, id, "available"),
        Effect::VolumeFailed(id) => volume(twin, region, id, "error"),
        Effect::VolumeVanished(id) => take_away(&mut twin.region_mut(region).volumes, id),
        Effect::CopyInitialised(id) => {
            if let Some(status) = twin.region_mut(region).volume_statuses.get_mut(id) {
                status.initialization_progress = Some(100);
            }
        }
        Effect::Attached(id) => attached(twin, region, id),
        Effect::Detached(id) => detached(twin, region, id),
        Effect::LeavesBin(id) => bin_leaves(twin, region, id, due.at),
        Effect::FlowLogDelivers(id) => flow_log_delivers(twin, region, id),
        Effect::TrailDelivers(arn) => trail_delivers(twin, arn),
    }
}

/// Removes a resource from the Recycle Bin. One that was restored meanwhile, and perhaps deleted again, has
/// an end of its own.
fn bin_leaves(twin: &mut Twin, region: &str, id: &str, at: Timestamp) {
    let ends = twin.region_mut(region).removals.get(id).known().and_then(|removal| removal.in_bin_until);
    if ends.is_some_and(|ends| ends <= at) {
        twin.bin.snapshots.remove(id);
        twin.bin.volumes.remove(id);
        super::services::bin::leave(twin, region, id);
    }
}

fn stopped(twin: &mut Twin, region: &str, id: &str, from: &str, reason: &str) {
    twin.content_settles(region, id);
    match twin.region_mut(region).instances.get_mut(id) {
        Some(instance) if instance.state == from => {
            instance.state = "stopped".to_owned();
            instance.state_reason = Some(reason.to_owned());
        }
        _ => return,
    }
    set_status(twin, region, id, "not-applicable");
    balancing::down(twin, region, id);
    capacity::gives_back(twin, region, id);
    let mut to_come = Vec::new();
    for interface in interfaces_of(twin, region, id) {
        let interfaces = &mut twin.region_mut(region).network_interfaces;
        if let Some(interface) =
            interfaces.get_mut(&interface).filter(|i| i.public_ip_owner.as_deref() == Some("amazon"))
        {
            interface.public_ip = None;
            interface.public_ip_owner = None;
            to_come.push(interface.id.clone());
        }
    }
    if !to_come.is_empty() {
        if let Some(instance) = twin.region_mut(region).instances.get_mut(id) {
            instance.public_ip = None;
        }
        twin.addresses_to_come.extend(to_come);
    }
}

fn running(twin: &mut Twin, region: &str, id: &str) {
    match twin.region_mut(region).instances.get_mut(id) {
        Some(instance) if instance.state == "pending" => {
            instance.state = "running".to_owned();
            instance.state_reason = None;
        }
        _ => return,
    }
    set_status(twin, region, id, "initializing");
    twin.later(STATUS_SECONDS, region, Effect::StatusOk(id.to_owned()));
    capacity::takes(twin, region, id);
    if balancing::up(twin, region, id) {
        twin.later(TARGET_SECONDS, region, Effect::TargetLookedAt(id.to_owned()));
    }
}

/// Gives a new address to interfaces whose automatic address was lost on stop.
pub(super) fn give_addresses(twin: &mut Twin, region: &str, instance: &str) {
    let waiting = interfaces_of(twin, region, instance);
    // "it will not receive a new one if there is more than one network interface attached", nor "while it has
    // a secondary private IP address that is associated with an Elastic IP address"
    // (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-instance-addressing.html>).
    let known = twin.truth.regions.get(region).map(|r| &r.network_interfaces);
    let secondary = |id: &String| {
        let interface = known.and_then(|all| all.get(id).known().copied());
        interface.is_some_and(|interface| !interface.more_public_ips.is_empty())
    };
    if waiting.len() > 1 || waiting.iter().any(secondary) {
        return;
    }
    for id in waiting {
        if !twin.addresses_to_come.remove(&id) {
            continue;
        }
        twin.ids += 1;
        let address = format!("198.51.100.{}", 1 + twin.ids % 250);
        if let Some(interface) = twin.region_mut(region).network_interfaces.get_mut(&id) {
            interface.public_ip = Some(address.clone());
            interface.public_ip_owner = Some("amazon".to_owned());
        }
        if let Some(instance) = twin.region_mut(region).instances.get_mut(instance) {
            instance.public_ip = Some(address);
        }
    }
}

/// Returns the ids of the interfaces of an instance that are known.
fn interfaces_of(twin: &Twin, region: &str, instance: &str) -> Vec<String> {
    let of_instance = Selector::by("attachment.instance-id", instance);
    let interfaces = twin.truth.regions.get(region).map(|r| r.network_interfaces.items.picked(&of_instance));
    interfaces.into_iter().flatten().map(|(id, _)| id.to_owned()).collect()
}

fn set_status(twin: &mut Twin, region: &str, id: &str, status: &str) {
    let statuses = &mut twin.region_mut(region).instance_statuses;
    let mut now = statuses
        .get(id)
        .known()
        .map_or_else(|| InstanceStatus { id: id.to_owned(), ..InstanceStatus::default() }, |s| (*s).clone());
    now.system_status = status.to_owned();
    now.instance_status = status.to_owned();
    now.attached_ebs_status = status.to_owned();
    statuses.put(id, now);
    // An instance without an application status check has no such status.
    if let Some(application) = twin.region_mut(region).application_statuses.get_mut(id) {
        application.status = status.to_owned();
    }
}

fn snapshot(twin: &mut Twin, region: &str, id: &str, state: &str) {
    if let Some(snapshot) = twin.region_mut(region).snapshots.get_mut(id).filter(|s| s.state == "pending") {
        snapshot.state = state.to_owned();
        snapshot.progress = (state == "completed").then(|| "100%".to_owned());
    }
}

fn volume(twin: &mut Twin, region: &str, id: &str, state: &str) {
    if let Some(volume) = twin.region_mut(region).volumes.get_mut(id).filter(|v| v.state == "creating") {
        volume.state = state.to_owned();
    }
}

fn attached(twin: &mut Twin, name: &str, id: &str) {
    let region = twin.region_mut(name);
    let Some(attachment) =
        region.volumes.get_mut(id).and_then(|v| v.attachments.first_mut()).filter(|a| a.state == "attaching")
    else {
        return;
    };
    attachment.state = "attached".to_owned();
    let instance = attachment.instance_id.clone();
    let Some(instance) = region.instances.get_mut(&instance) else { return };
    let Some(device) = instance.devices.iter_mut().find(|d| d.volume_id == id) else { return };
    device.status = "attached".to_owned();
    let (device, runs, instance) = (device.clone(), instance.state == "running", instance.id.clone());
    if runs {
        twin.content_in_use(name, &instance, &device.device_name, id);
    }
    twin.mapping_lags(&instance, &device, false);
}

fn detached(twin: &mut Twin, name: &str, id: &str) {
    let Some(volume) = twin.truth.regions.get(name).and_then(|r| r.volumes.get(id).known().copied()) else {
        return;
    };
    let leaving: Vec<String> =
        volume.attachments.iter().filter(|a| a.state == "detaching").map(|a| a.instance_id.clone()).collect();
    leaving.iter().for_each(|instance| twin.content_settles(name, instance));
    let region = twin.region_mut(name);
    let Some(volume) = region.volumes.get_mut(id) else { return };
    volume.attachments.retain(|a| a.state != "detaching");
    if volume.attachments.is_empty() {
        volume.attached_at = None;
        volume.state = "available".to_owned();
    }
    for instance in leaving {
        let Some(device) = twin.region_mut(name).instances.get_mut(&instance).and_then(|i| {
            let at = i.devices.iter().position(|d| d.volume_id == id)?;
            Some(i.devices.remove(at))
        }) else {
            continue;
        };
        twin.mapping_lags(&instance, &device, true);
    }
}

fn flow_log_delivers(twin: &mut Twin, region: &str, id: &str) {
    let Some(log) = twin.truth.regions.get(region).and_then(|r| r.flow_logs.get(id).known().copied()) else {
        return;
    };
    let (status, error) = match policy::flow_log_trouble(twin, region, log) {
        None => ("SUCCESS", None),
        Some(error) => ("FAILED", Some(error)),
    };
    if let Some(log) = twin.region_mut(region).flow_logs.get_mut(id) {
        log.deliver_logs_status = Some(status.to_owned());
        log.deliver_logs_error_message = error;
    }
}

fn trail_delivers(twin: &mut Twin, arn: &str) {
    let Some(trail) = twin.truth.trails.get(arn).known().copied() else { return };
    if trail.is_logging != Fact::Known(true) {
        return;
    }
    let bucket = trail.s3_bucket_name.clone();
    let error = match twin.truth.buckets.get(&bucket) {
        Fact::Absent => "NoSuchBucket",
        Fact::Known(_) => match policy::trail_may_deliver(twin, trail) {
            Fact::Known(true) => "",
            Fact::Known(false) | Fact::Absent => "AccessDenied",
            Fact::Unknown(_) | Fact::NotRead => return,
        },
        Fact::Unknown(_) | Fact::NotRead => return,
    };
    let now = twin.now;
    if error.is_empty() {
        twin.empty_buckets.remove(&bucket);
    }
    if let Some(trail) = twin.truth.trails.get_mut(arn) {
        trail.latest_delivery_error = Fact::Known(error.to_owned());
        if error.is_empty() {
            trail.latest_delivery_time = Fact::Known(now);
        }
    }
}

/// Returns whether an earlier completed snapshot of the volume exists, so that the next one holds only
/// changes. If snapshots were not read the answer is `false`: it only costs time.
pub(super) fn is_warm(twin: &Twin, region: &str, volume: &str) -> bool {
    let of_volume = Selector::by("volume-id", volume);
    let known = twin.truth.regions.get(region).map(|r| r.snapshots.select(&of_volume));
    known.as_ref().and_then(Fact::known).is_some_and(|all| all.iter().any(|(_, s)| s.state == "completed"))
}
