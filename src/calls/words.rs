//! Calls in words, for a person who is to make one by hand: with the volume, the instance and the device.

use serde_json::Value;

use super::{Call, command::command, find};

/// Describes a call in words. A call without words of its own is given by its name and the resources that it
/// acts on.
pub fn words(call: &Call) -> String {
    known(call).unwrap_or_else(|| by_name(call))
}

/// Describes a call in words for a person who is to make it. A call without words of its own comes with its
/// command.
pub fn to_do(call: &Call) -> String {
    known(call).unwrap_or_else(|| format!("{} ({})", by_name(call), command(call)))
}

/// Describes a call as it would be sent. A call without words of its own is given by its name and its whole
/// input, so that nothing a file claims is hidden.
pub fn in_full(call: &Call) -> String {
    known(call).unwrap_or_else(|| format!("{} {}", call.name(), call.input))
}

/// Returns the operation of a call and the resources that it acts on.
fn by_name(call: &Call) -> String {
    let names = find(&call.service, &call.operation).map_or(&[][..], |spec| spec.names);
    let ids = |value: &Value| match value {
        Value::Array(all) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        one => one.as_str().map(str::to_owned).into_iter().collect::<Vec<_>>(),
    };
    let all: Vec<String> =
        names.iter().filter_map(|name| call.input.pointer(name.at)).flat_map(ids).collect();
    if all.is_empty() {
        format!("call {}", call.name())
    } else {
        format!("call {} on {}", call.name(), all.join(", "))
    }
}

fn known(call: &Call) -> Option<String> {
    let text = |member: &str| call.input.get(member).and_then(Value::as_str);
    let instances = || {
        call.input
            .get("InstanceIds")
            .and_then(Value::as_array)
            .map(|ids| ids.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "))
    };
    match (call.operation.as_str(), text("VolumeId"), text("InstanceId"), text("Device")) {
        ("AttachVolume", Some(volume), Some(instance), Some(device)) => {
            Some(format!("attach {volume} to {instance} at {device}"))
        }
        ("DetachVolume", Some(volume), Some(instance), Some(device)) => {
            Some(format!("detach {volume} from {instance} at {device}"))
        }
        ("StartInstances", ..) => instances().map(|ids| format!("start {ids}")),
        ("StopInstances", ..) => instances().map(|ids| format!("stop {ids}")),
        ("ModifyInstanceAttribute", _, Some(instance), _) => goes_with(&call.input, instance),
        ("CreateTags", ..) => tagged(&call.input),
        ("DeleteTags", ..) => untagged(&call.input),
        _ => None,
    }
}

/// Describes the value that a call sets for DeleteOnTermination.
fn goes_with(input: &Value, instance: &str) -> Option<String> {
    let mapping = input.pointer("/BlockDeviceMappings/0")?;
    let (device, on) =
        (mapping.get("DeviceName")?.as_str()?, mapping.pointer("/Ebs/DeleteOnTermination")?.as_bool()?);
    let word = if on { "on" } else { "off" };
    Some(format!("turn DeleteOnTermination of the disk at {device} of {instance} {word}"))
}

/// Describes the tags that a call removes, and from which resources.
fn untagged(input: &Value) -> Option<String> {
    let tags = texts(input, "Tags", |tag| Some(tag.get("Key")?.as_str()?.to_owned()))?;
    Some(format!("take the tags {tags} off {}", things(input)?))
}

/// Describes the tags that a call sets, and on which resources.
fn tagged(input: &Value) -> Option<String> {
    let tags = texts(input, "Tags", |tag| {
        Some(format!("{}={}", tag.get("Key")?.as_str()?, tag.get("Value")?.as_str()?))
    })?;
    Some(format!("set the tags {tags} on {}", things(input)?))
}

fn things(input: &Value) -> Option<String> {
    texts(input, "Resources", |id| id.as_str().map(str::to_owned))
}

fn texts(input: &Value, member: &str, of: fn(&Value) -> Option<String>) -> Option<String> {
    let all: Vec<String> = input.get(member)?.as_array()?.iter().map(of).collect::<Option<_>>()?;
    (!all.is_empty()).then(|| all.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn calls_about_disks_name_volume_instance_and_device() {
        let disk = json!({ "VolumeId": "vol-1", "InstanceId": "i-1", "Device": "/dev/sdf" });
        let mapping = json!({ "InstanceId": "i-1", "BlockDeviceMappings": [{ "DeviceName": "/dev/sdf",
            "Ebs": { "DeleteOnTermination": false } }] });
        let rows = [
            ("AttachVolume", disk.clone(), "attach vol-1 to i-1 at /dev/sdf"),
            ("DetachVolume", disk, "detach vol-1 from i-1 at /dev/sdf"),
            ("StartInstances", json!({ "InstanceIds": ["i-1", "i-2"] }), "start i-1, i-2"),
            (
                "ModifyInstanceAttribute",
                mapping,
                "turn DeleteOnTermination of the disk at /dev/sdf of i-1 off",
            ),
            (
                "DeleteTags",
                json!({ "Resources": ["vol-1"], "Tags": [{ "Key": "redress:run" }, { "Key": "a" }] }),
                "take the tags redress:run, a off vol-1",
            ),
            (
                "CreateTags",
                json!({ "Resources": ["vol-1"], "Tags": [{ "Key": "redress:replaced-by",
                    "Value": "vol-2" }] }),
                "set the tags redress:replaced-by=vol-2 on vol-1",
            ),
            ("DeleteFlowLogs", json!({ "FlowLogIds": ["fl-1"] }), "call ec2:DeleteFlowLogs on fl-1"),
        ];
        for (operation, input, expected) in rows {
            assert_eq!(words(&Call::new("ec2", "us-east-1", operation, input)), expected);
        }
    }

    #[test]
    fn what_a_person_is_to_call_is_a_sentence_and_a_command_and_never_bare_json() {
        let delete = Call::new("ec2", "us-east-1", "DeleteFlowLogs", json!({ "FlowLogIds": ["fl-1"] }));
        let said = to_do(&delete);
        assert!(
            said.starts_with("call ec2:DeleteFlowLogs on fl-1 (aws ec2 delete-flow-logs --region us-east-1 "),
            "{said}"
        );
        let start = Call::new("ec2", "us-east-1", "StartInstances", json!({ "InstanceIds": ["i-1"] }));
        assert_eq!(to_do(&start), "start i-1");
    }

    #[test]
    fn what_a_file_claims_leaves_nothing_of_its_input_out() {
        let open = Call::new(
            "ec2",
            "us-east-1",
            "AuthorizeSecurityGroupIngress",
            json!({ "GroupId": "sg-1", "CidrIp": "0.0.0.0/0" }),
        );
        assert_eq!(
            in_full(&open),
            r#"ec2:AuthorizeSecurityGroupIngress {"GroupId":"sg-1","CidrIp":"0.0.0.0/0"}"#
        );
        let odd = Call::new(
            "ec2",
            "us-east-1",
            "CreateTags",
            json!({ "Resources": ["i-1"], "Tags": [{ "Key": "a", "Value": "b" }, { "Key": "c" }] }),
        );
        assert!(in_full(&odd).contains(r#"{"Key":"c"}"#), "{}", in_full(&odd));
    }
}
