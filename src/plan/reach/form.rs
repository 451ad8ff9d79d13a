//! The form of calls: the members that redress gives them, and no other. One more member would make it
//! another call, such as the user data of an instance beside its disks. Pure.

use serde_json::Value;

use super::{Way, credentials};
use crate::{calls::Call, plan::Change, services};

/// Checks that a call has the form that redress gives it.
///
/// # Errors
/// The difference.
pub(super) fn checked(change: &Change, way: Way, call: &Call, account: &str) -> Result<(), String> {
    services::checked(&call.service, &call.operation, &call.input)?;
    match call.operation.as_str() {
        "ModifyInstanceAttribute" => goes_with(&call.input["BlockDeviceMappings"]),
        "CopySnapshot" if call.input["SourceRegion"] != change.region => {
            Err("copies from another region".to_owned())
        }
        "CopySnapshot" | "CopyVolumes" => encrypted(change, &call.input, account),
        "CreateVolume" => {
            at_rate(change, &call.input)?;
            // A trial of the key of a disk that stays is empty and of the smallest size.
            let trial = call.input.get("SnapshotId").is_none() && call.input["Size"] == 1;
            if trial { Ok(()) } else { encrypted(change, &call.input, account) }
        }
        "TagUser" | "UntagUser" => credentials::marks(change, call),
        "UpdateTrail" => raised(way, &call.input),
        "StopLogging" if way == Way::Forth => {
            Err("stops a trail, which no change does on its way there".to_owned())
        }
        _ => Ok(()),
    }
}

fn goes_with(mappings: &Value) -> Result<(), String> {
    if mappings.as_array().is_some_and(|all| !all.is_empty()) {
        Ok(())
    } else {
        Err("names no disk".to_owned())
    }
}

/// Checks the rate at which a volume is loaded, which AWS bills: the one that the change was given.
fn at_rate(change: &Change, input: &Value) -> Result<(), String> {
    let Some(rate) = input.get("VolumeInitializationRate") else { return Ok(()) };
    match change.uses.iter().any(|one| one.with.get("initialization_rate") == Some(rate)) {
        true => Ok(()),
        false => Err(format!("loads a volume at {rate} MiB/s, which the change was not given")),
    }
}

/// Checks that a new resource is encrypted, under a key of the account or under the one that the action was
/// given.
fn encrypted(change: &Change, input: &Value, account: &str) -> Result<(), String> {
    if input["Encrypted"] != true {
        return Err("makes something that is not encrypted".to_owned());
    }
    let key = input["KmsKeyId"].as_str().unwrap_or_default();
    let mut parts = key.split(':').skip(2);
    let own = parts.next() == Some("kms")
        && parts.next() == Some(change.region.as_str())
        && parts.next() == Some(account);
    let given = change.uses.iter().any(|one| {
        one.with.get("key").and_then(Value::as_str).is_some_and(|asked| !asked.is_empty() && asked == key)
    });
    if own || given { Ok(()) } else { Err(format!("encrypts under {key}, which is no key of this account")) }
}

/// Checks that a call only raises a trail on the way there; its bucket and key must not change.
fn raised(way: Way, input: &Value) -> Result<(), String> {
    let set = input.as_object().into_iter().flatten().filter(|(member, _)| *member != "Name");
    match set.into_iter().all(|(_, value)| value == true || (way == Way::Back && value == false)) {
        true => Ok(()),
        false => Err("takes something from a trail, which no change does on its way there".to_owned()),
    }
}

/// Checks that a call gives the description that redress gives.
///
/// # Errors
/// The description that it gives instead.
pub(super) fn described(call: &Call, words: &[String]) -> Result<(), String> {
    match call.input.get("Description") {
        Some(Value::String(said)) if words.contains(said) => Ok(()),
        said => Err(format!(
            "describes what it makes as {}, and redress writes {:?}",
            said.unwrap_or(&Value::Null),
            words.first().map_or("", String::as_str)
        )),
    }
}
