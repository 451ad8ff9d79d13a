//! Calls in words, for a person who is to make one by hand: which volume, which instance, which device.

use serde_json::Value;

use super::Call;

/// Writes a call in words; a call that has none is given by its name and input.
pub fn words(call: &Call) -> String {
    let text = |member: &str| call.input.get(member).and_then(Value::as_str);
    let instances = || call.input.get("InstanceIds").and_then(Value::as_array).map(|ids| ids.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "));
    let known = match (call.operation.as_str(), text("VolumeId"), text("InstanceId"), text("Device")) {
        ("AttachVolume", Some(volume), Some(instance), Some(device)) => Some(format!("attach {volume} to {instance} at {device}")),
        ("DetachVolume", Some(volume), Some(instance), Some(device)) => Some(format!("detach {volume} from {instance} at {device}")),
        ("StartInstances", ..) => instances().map(|ids| format!("start {ids}")),
        ("StopInstances", ..) => instances().map(|ids| format!("stop {ids}")),
        ("ModifyInstanceAttribute", _, Some(instance), _) => goes_with(&call.input, instance),
        ("DeleteTags", ..) => untagged(&call.input),
        _ => None,
    };
    known.unwrap_or_else(|| format!("{} {}", call.name(), call.input))
}

/// Says how a call sets DeleteOnTermination.
fn goes_with(input: &Value, instance: &str) -> Option<String> {
    let mapping = input.pointer("/BlockDeviceMappings/0")?;
    let (device, on) = (mapping.get("DeviceName")?.as_str()?, mapping.pointer("/Ebs/DeleteOnTermination")?.as_bool()?);
    let word = if on { "on" } else { "off" };
    Some(format!("turn DeleteOnTermination of the disk at {device} of {instance} {word}"))
}

/// Says which tags a call takes off which things.
fn untagged(input: &Value) -> Option<String> {
    let texts = |member: &str, of: fn(&Value) -> Option<&str>| -> Option<String> {
        let all: Vec<&str> = input.get(member)?.as_array()?.iter().filter_map(of).collect();
        (!all.is_empty()).then(|| all.join(", "))
    };
    let (things, tags) = (texts("Resources", Value::as_str)?, texts("Tags", |tag| tag.get("Key")?.as_str())?);
    Some(format!("take the tags {tags} off {things}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn calls_about_disks_name_volume_instance_and_device() {
        let disk = json!({ "VolumeId": "vol-1", "InstanceId": "i-1", "Device": "/dev/sdf" });
        let mapping = json!({ "InstanceId": "i-1", "BlockDeviceMappings": [{ "DeviceName": "/dev/sdf", "Ebs": { "DeleteOnTermination": false } }] });
        let rows = [
            ("AttachVolume", disk.clone(), "attach vol-1 to i-1 at /dev/sdf"),
            ("DetachVolume", disk, "detach vol-1 from i-1 at /dev/sdf"),
            ("StartInstances", json!({ "InstanceIds": ["i-1", "i-2"] }), "start i-1, i-2"),
            ("ModifyInstanceAttribute", mapping, "turn DeleteOnTermination of the disk at /dev/sdf of i-1 off"),
            ("DeleteTags", json!({ "Resources": ["vol-1"], "Tags": [{ "Key": "redress:run" }, { "Key": "a" }] }), "take the tags redress:run, a off vol-1"),
            ("DeleteFlowLogs", json!({ "FlowLogIds": ["fl-1"] }), "ec2:DeleteFlowLogs {\"FlowLogIds\":[\"fl-1\"]}"),
        ];
        for (operation, input, expected) in rows {
            assert_eq!(words(&Call::new("ec2", "us-east-1", operation, input)), expected);
        }
    }
}
