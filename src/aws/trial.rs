//! Trying a call without effect, by EC2's `DryRun`
//! (<https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-permissions.html>). It goes through a client
//! that adds `DryRun` to every request, so no operation can forget it. Some endpoints that are not AWS's make
//! the call all the same: those are first tried with resources that do not exist, where it does no harm.

use std::time::Duration;

use serde_json::Value;

use super::{clients::Clients, services};
use crate::calls::{Call, CallError, ErrorClass, Tried, find};

/// The maximum number of tries of a trial that was throttled or lost: it has no effect.
const TRIES: u32 = 4;

/// Tries a call. `aws` is `true` for AWS's own endpoint, where `DryRun` never has an effect.
pub(super) async fn try_call(clients: &Clients, aws: bool, call: &Call) -> Tried {
    match find(&call.service, &call.operation) {
        Some(spec) if spec.can_be_tried() => {}
        _ => return Tried::CannotTell(format!("{} has no DryRun", call.name())),
    }
    if !aws && let Err(why) = honours(clients, call).await {
        return Tried::CannotTell(why);
    }
    match sent(clients, call).await {
        Ok(()) => Tried::CannotTell("the endpoint did not confirm that it only tried it".to_owned()),
        Err(error) if error.code == "DryRunOperation" => Tried::Allowed,
        Err(error) if error.code == "UnauthorizedOperation" => Tried::Denied(error.to_string()),
        Err(error) if error.code == "InvalidAction" => Tried::Missing(error.to_string()),
        Err(error) => Tried::CannotTell(error.to_string()),
    }
}

async fn sent(clients: &Clients, call: &Call) -> Result<(), CallError> {
    for tries in 1..=TRIES {
        match services::try_once(clients, call).await {
            Err(error)
                if matches!(error.class, ErrorClass::Throttled | ErrorClass::Transient) && tries < TRIES =>
            {
                tokio::time::sleep(Duration::from_secs(1 << tries)).await;
            }
            outcome => return outcome.map(|_| ()),
        }
    }
    Ok(())
}

/// Checks whether an endpoint honours `DryRun` of an operation, by a trial with ids of resources that do not
/// exist.
async fn honours(clients: &Clients, call: &Call) -> Result<(), String> {
    let name = call.name();
    if let Some(known) = clients.honours.known(&name) {
        return known;
    }
    let input = nowhere(&call.input);
    if input == call.input {
        return Err(format!("it names nothing that would show whether this endpoint only tries {name}"));
    }
    let answer = match sent(clients, &Call { input, ..call.clone() }).await {
        // A denial is decided before any resource is looked at, as on AWS.
        Err(error) if matches!(error.code.as_str(), "DryRunOperation" | "UnauthorizedOperation") => Ok(()),
        Err(error) if error.class == ErrorClass::Throttled || error.class == ErrorClass::Transient => {
            return Err(error.to_string());
        }
        _ => Err(format!("this endpoint is not AWS's, and does not only try {name} when it is asked to")),
    };
    clients.honours.learn(name, answer.clone());
    answer
}

/// Replaces every EC2 id in the input by one of the same kind that no resource has.
fn nowhere(input: &Value) -> Value {
    const KINDS: [&str; 7] = ["i-", "vol-", "snap-", "sg-", "sgr-", "vpc-", "fl-"];
    match input {
        Value::String(id) => match KINDS.iter().find(|kind| {
            id.strip_prefix(**kind).is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_hexdigit()))
        }) {
            Some(kind) => Value::from(format!("{kind}{:017}", 0)),
            None => input.clone(),
        },
        Value::Array(items) => items.iter().map(nowhere).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), nowhere(value))).collect()
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_trial_elsewhere_names_only_what_is_nowhere() {
        let input = json!({ "VolumeId": "vol-0abc", "InstanceIds": ["i-12"], "Device": "/dev/sdf",
            "Tags": [{ "Key": "a", "Value": "snap-9" }] });
        let zero = |kind: &str| format!("{kind}00000000000000000");
        let expected = json!({ "VolumeId": zero("vol-"), "InstanceIds": [zero("i-")], "Device": "/dev/sdf",
            "Tags": [{ "Key": "a", "Value": zero("snap-") }] });
        assert_eq!(nowhere(&input), expected);
        assert_eq!(nowhere(&json!({ "Size": 8 })), json!({ "Size": 8 }));
    }
}
