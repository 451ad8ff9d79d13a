//! AWS's reason for an instance that was started and fell back by itself: whether the start had any effect,
//! and whether to try again. Reasons:
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StateReason.html>.

use jiff::Timestamp;
use serde_json::Value;

use super::{CallError, ErrorClass, Expect};
use crate::inventory::{FamilyKind, Inventory};

/// The largest difference, in seconds, between the clocks of AWS and of this machine, including the time that
/// a call takes, at which a start counts as this run's.
const OWN_START: u64 = 300;

/// A start that fell back by itself and had no effect.
#[derive(Debug, Clone, PartialEq)]
pub struct Fallen {
    /// AWS's reason, classified.
    pub error: CallError,
    /// The launch time that the start left: nobody else's start.
    pub launched: Value,
}

/// Returns the failed start, where AWS's reason states that the launch itself failed, and it was the launch
/// that was requested at `called`. Returns `None` for an instance that ran and was taken down by somebody
/// since: it may have been written to.
pub fn fell_back(expect: &Expect, inventory: &Inventory, called: Timestamp) -> Option<Fallen> {
    if expect.family != FamilyKind::Instances || !expect.fell_back(inventory) {
        return None;
    }
    let id = expect.ids().into_iter().next()?;
    let thing = inventory.json(&expect.region, expect.family, &id);
    let text = |at: &str| thing.known().and_then(|t| t.get(at)).and_then(Value::as_str).map(str::to_owned);
    let at = text("launch_time")?;
    let launched: Timestamp = at.parse().ok()?;
    if launched.duration_since(called).unsigned_abs().as_secs() > OWN_START {
        return None;
    }
    let reason = text("state_reason")?;
    let (code, message) = reason.split_once(": ").unwrap_or((&reason, ""));
    let class = class_of(code)?;
    let error = CallError {
        class,
        code: code.to_owned(),
        message: format!("{message} ({id} fell back to stopped by itself after it was started)"),
    };
    Some(Fallen { error, launched: Value::from(at) })
}

/// Classifies a reason; `None` for the reasons of instances that ran.
fn class_of(code: &str) -> Option<ErrorClass> {
    match code {
        "Server.InsufficientInstanceCapacity" => Some(ErrorClass::Capacity),
        // An internal error of AWS: the same start may succeed next time.
        "Server.InternalError" => Some(ErrorClass::Consistency),
        // A disk that cannot be decrypted shows as the first of these.
        "Client.InternalError" | "Client.VolumeLimitExceeded" => Some(ErrorClass::Semantic),
        code if code.starts_with("Client.Invalid") => Some(ErrorClass::Semantic),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        calls::Test,
        inventory::{Caller, Instance},
        resource::Owner,
    };

    fn class(reason: Option<&str>, minutes: i64) -> Option<ErrorClass> {
        let called: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
        let mut inventory = Inventory::empty(owner, Caller::default(), called);
        let launch_time = Some(called + jiff::SignedDuration::from_mins(minutes));
        let instance = Instance {
            id: "i-1".into(),
            state: "stopped".into(),
            state_reason: reason.map(str::to_owned),
            launch_time,
            ..Instance::default()
        };
        inventory.region_mut("us-east-1").instances.put("i-1", instance);
        let test =
            Test::OneOf { good: vec!["running".into()], never: Vec::new(), late: vec!["stopped".into()] };
        fell_back(&Expect::new("us-east-1", FamilyKind::Instances, "i-1", "/state", test), &inventory, called)
            .map(|f| f.error.class)
    }

    #[test]
    fn only_a_launch_of_our_own_that_failed_by_itself_had_no_effect() {
        assert_eq!(
            class(Some("Client.InternalError: Client error on launch"), 0),
            Some(ErrorClass::Semantic)
        );
        assert_eq!(
            class(
                Some("Client.InvalidKMSKey.InvalidState: The KMS key provided is in an incorrect state"),
                1
            ),
            Some(ErrorClass::Semantic)
        );
        assert_eq!(
            class(Some("Server.InternalError: Internal error on launch"), 0),
            Some(ErrorClass::Consistency)
        );
        assert_eq!(
            class(Some("Server.InsufficientInstanceCapacity: no room"), 0),
            Some(ErrorClass::Capacity)
        );
        for ran in [
            "Client.UserInitiatedShutdown: User initiated shutdown",
            "Client.InstanceInitiatedShutdown: x",
            "Server.ScheduledStop: x",
            "anything",
        ] {
            assert_eq!(class(Some(ran), 0), None, "{ran}");
        }
        assert_eq!(class(None, 0), None);
        assert_eq!(
            class(Some("Client.InternalError: Client error on launch"), 60),
            None,
            "somebody else's start, an hour later"
        );
    }
}
