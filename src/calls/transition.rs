//! Errors that pass by themselves shortly after an earlier call, by code and message: EC2 and IAM show a
//! change at different times in different places. They are tolerated only where the same run made that call
//! on the same resource; anywhere else they count as the errors they are. `docs/aws-errors.md` is this table
//! in prose.

use serde_json::Value;

use super::{Call, CallError};

/// An error that passes by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// The call that is refused.
    pub operation: &'static str,
    /// AWS's code; empty for any.
    pub code: &'static str,
    /// A part of AWS's message; empty for any.
    pub says: &'static str,
    /// The earlier calls of this run that cause the error.
    pub after: &'static [&'static str],
    /// The page that documents the error.
    pub source: &'static str,
}

/// The table of transitions.
pub const TRANSITIONS: &[Transition] = &[
    Transition {
        operation: "AttachVolume",
        code: "InvalidParameterValue",
        says: "is already in use",
        after: &["DetachVolume"],
        source: "https://github.com/kubernetes/kubernetes/issues/77389",
    },
    Transition {
        operation: "ModifyInstanceAttribute",
        code: "InvalidInstanceAttributeValue",
        says: "No device is currently mapped",
        after: &["AttachVolume"],
        source: "https://github.com/kubernetes/kubernetes/issues/77389",
    },
    Transition {
        operation: "StartInstances",
        code: "InvalidParameterValue",
        says: "does not have a volume attached at root",
        after: &["AttachVolume"],
        source: "https://github.com/kubernetes/kubernetes/issues/77389",
    },
    Transition {
        operation: "DetachVolume",
        code: "OperationNotPermitted",
        says: "Unable to detach root volume",
        after: &["StopInstances"],
        source: "https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html",
    },
    Transition {
        operation: "DeleteRole",
        code: "DeleteConflict",
        says: "",
        after: &["DeleteRolePolicy"],
        source: "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency",
    },
    // A young role can be assumed before its policy counts everywhere. The code in the body of the answer is
    // `400`.
    Transition {
        operation: "CreateFlowLogs",
        code: "",
        says: "ccess Denied for LogDestination",
        after: &["CreateRole", "PutRolePolicy"],
        source: "https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-troubleshooting.html",
    },
    Transition {
        operation: "CreateFlowLogs",
        code: "",
        says: "nable to assume",
        after: &["CreateRole", "PutRolePolicy"],
        source: "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency",
    },
];

/// Returns the transitions that an error of this call may come from.
pub fn transitions<'a>(
    call: &'a Call,
    error: &'a CallError,
) -> impl Iterator<Item = &'static Transition> + 'a {
    TRANSITIONS.iter().filter(move |t| {
        t.operation == call.operation
            && (t.code.is_empty() || t.code == error.code)
            && (t.says.is_empty() || error.message.contains(t.says))
    })
}

impl Transition {
    /// Checks whether an earlier call has caused the error: it is one of those operations, on a resource that
    /// both calls name.
    pub fn caused_by(&self, earlier: &Call, call: &Call) -> bool {
        let near = earlier.region == call.region || earlier.service == "iam";
        self.after.contains(&earlier.operation.as_str()) && near && share(&earlier.input, &call.input)
    }
}

/// Checks whether two inputs name the same resource. An ARN also matches its last part.
fn share(one: &Value, other: &Value) -> bool {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    texts(one, &mut ours);
    texts(other, &mut theirs);
    let last =
        |text: &str| text.starts_with("arn:").then(|| text.rsplit('/').next().map(str::to_owned)).flatten();
    ours.iter().any(|a| {
        theirs.iter().any(|b| a == b || last(b).as_deref() == Some(a) || last(a).as_deref() == Some(b))
    })
}

fn texts<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => found.push(text),
        Value::Array(items) => items.iter().for_each(|v| texts(v, found)),
        Value::Object(map) => {
            map.iter().filter(|(key, _)| *key != "Device").for_each(|(_, v)| texts(v, found))
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::calls::{ErrorClass, find};

    fn error(code: &str, message: &str) -> CallError {
        CallError { class: ErrorClass::Semantic, code: code.into(), message: message.into() }
    }

    #[test]
    fn every_operation_is_registered_and_every_row_has_a_source() {
        for t in TRANSITIONS {
            let known =
                |operation: &str| ["ec2", "iam"].iter().any(|service| find(service, operation).is_some());
            assert!(known(t.operation) && t.after.iter().all(|o| known(o)), "{t:?}");
            assert!(!t.code.is_empty() || !t.says.is_empty(), "{t:?}");
            assert!(t.source.starts_with("https://"), "{t:?}");
        }
    }

    #[test]
    fn a_device_in_use_passes_after_a_detachment_from_the_same_instance_only() {
        let attach = Call::new(
            "ec2",
            "r",
            "AttachVolume",
            json!({ "VolumeId": "vol-new", "InstanceId": "i-1", "Device": "/dev/sda1" }),
        );
        let detach = |instance: &str| {
            Call::new(
                "ec2",
                "r",
                "DetachVolume",
                json!({ "VolumeId": "vol-old", "InstanceId": instance, "Device": "/dev/sda1" }),
            )
        };
        let used = error(
            "InvalidParameterValue",
            "Invalid value '/dev/sda1' for unixDevice. Attachment point /dev/sda1 is already in use",
        );
        let found: Vec<_> = transitions(&attach, &used).collect();
        assert_eq!(found.len(), 1);
        assert!(found[0].caused_by(&detach("i-1"), &attach));
        assert!(!found[0].caused_by(&detach("i-2"), &attach), "another instance has the same device");
        assert!(!found[0].caused_by(&Call { region: "s".into(), ..detach("i-1") }, &attach));
        assert_eq!(
            transitions(
                &attach,
                &error("InvalidParameterValue", "Value (/dev/x) for parameter device is invalid")
            )
            .count(),
            0
        );
    }

    #[test]
    fn a_role_is_named_by_its_arn_too() {
        let arn = json!({ "DeliverLogsPermissionArn": "arn:aws:iam::123456789012:role/flow" });
        assert!(share(&json!({ "RoleName": "flow" }), &arn));
        assert!(!share(&json!({ "RoleName": "low" }), &arn));
    }
}
