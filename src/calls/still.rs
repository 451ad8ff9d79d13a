//! The condition that an instance is down and stays down while its disks are swapped: `LaunchTime` moves with
//! every start, so the launch time that was read when its disks were last written shows whether somebody has
//! started it since (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Instance.html>).

use std::borrow::Cow;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Act, Expect, Observe, Outputs, Test, reference};
use crate::inventory::FamilyKind;

/// The name under which the launch time of a change's instance is observed.
pub const LAUNCH: &str = "launch_time";
/// The name under which this run observes the launch time at its own stop: only an instance that it stopped
/// is started again in an undo.
pub const AT_STOP: &str = "launch_time_at_stop";

const AT: &str = "/launch_time";

/// Requires that the instance is stopped, and was not started since its launch time was observed.
pub fn down(region: &str, instance: &str) -> Vec<Expect> {
    vec![
        is(region, instance, "/state", json!("stopped"))
            .meaning(&format!("{instance} was started by somebody: its disks are not swapped under it")),
        not_started(region, instance, LAUNCH),
    ]
}

/// Requires that the instance was not started since its launch time was observed under this name.
pub fn not_started(region: &str, instance: &str, name: &str) -> Expect {
    is(region, instance, AT, reference::observed(name)).meaning(&format!(
        "{instance} was started by somebody in the meantime: what was copied of its disks is older than they \
         are"
    ))
}

/// Holds an act that brings an instance up against the launch time that an earlier run observed at its own
/// stop: nobody has started the instance since.
pub fn since_stop_of(act: &mut Act, observed: &Outputs) {
    let own = Test::Is(reference::observed(AT_STOP));
    if let Some(launched) = observed.get(AT_STOP) {
        act.before
            .iter_mut()
            .filter(|expect| expect.test == own)
            .for_each(|expect| expect.test = Test::Is(launched.clone()));
    }
}

/// Observes the time of the instance's last start.
pub fn launch_time(region: &str, instance: &str, name: &str, anew: bool) -> Observe {
    Observe {
        name: name.to_owned(),
        region: region.to_owned(),
        family: FamilyKind::Instances,
        id: json!(instance),
        at: AT.to_owned(),
        anew,
    }
}

/// Returns the act with the preconditions of a swap, where it has none: plans of the first versions gave none
/// to the calls that swap disks. `since` is the time at which the disks were last copied, if this run has
/// copied them.
pub fn derived(act: &Act, since: Option<Timestamp>) -> Cow<'_, Act> {
    let swaps =
        act.call.service == "ec2" && matches!(act.call.operation.as_str(), "DetachVolume" | "AttachVolume");
    let bare = act.before.is_empty() && act.observe.is_empty();
    let Some(instance) = act.call.input.get("InstanceId").and_then(Value::as_str).filter(|_| swaps && bare)
    else {
        return Cow::Borrowed(act);
    };
    let region = act.call.region.as_str();
    let mut act = act.clone();
    act.before = down(region, instance);
    let meaning = format!(
        "{instance} was started by somebody since its disks were copied: the copies are older than they are"
    );
    let test = |since| {
        Expect::new(region, FamilyKind::Instances, instance, AT, Test::Earlier(since)).meaning(&meaning)
    };
    act.before.extend(since.map(test));
    act.observe = vec![launch_time(region, instance, LAUNCH, false)];
    Cow::Owned(act)
}

fn is(region: &str, instance: &str, at: &str, value: Value) -> Expect {
    Expect::new(region, FamilyKind::Instances, instance, at, Test::Is(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::{Call, Recognise};

    fn act(operation: &str) -> Act {
        let call =
            Call::new("ec2", "us-east-1", operation, json!({ "VolumeId": "vol-1", "InstanceId": "i-1" }));
        Act::new(call, None, Recognise::Looks { expect: Vec::new(), outputs: [].into() })
    }

    #[test]
    fn only_a_swap_without_preconditions_is_given_some() {
        let copied = "2026-11-22T10:00:00Z".parse().ok();
        for operation in ["DetachVolume", "AttachVolume"] {
            assert_eq!(derived(&act(operation), None).before.len(), 2, "{operation}");
            assert_eq!(derived(&act(operation), copied).before.len(), 3, "{operation}");
            let own = act(operation).only_if(vec![is("us-east-1", "i-1", "/state", json!("running"))]);
            assert_eq!(*derived(&own, copied), own, "{operation}");
        }
        assert_eq!(*derived(&act("StartInstances"), copied), act("StartInstances"));
    }
}
