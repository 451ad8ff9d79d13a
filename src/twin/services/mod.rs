//! The effect of each operation on an account in memory: one file per noun. An operation checks everything
//! first and changes the account only when nothing can fail any more.

mod access_key;
pub(super) mod bin;
mod bucket;
mod ebs_defaults;
mod endpoint;
mod flow_log;
mod image_sharing;
mod instance;
mod key;
mod listener;
mod log_group;
mod network_acl;
mod password_policy;
mod policy;
mod role;
mod route;
mod route_table;
mod secret;
mod security_group;
mod sharing;
mod sign_in;
mod snapshot;
mod snapshot_sharing;
mod storage_quota;
mod subnet;
mod tag;
mod trail;
mod user;
mod user_tag;
mod volume;
mod web_acl;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Replay, Twin, errors::refuse};
use crate::{
    calls::{Call, CallError, Outcome, Outputs},
    services::{self as operations, Operation, Repeat, operations},
};

/// An operation that can be performed on an account in memory.
trait OnTwin: Operation + DeserializeOwned {
    /// Performs the operation.
    fn perform(self, t: &mut Twin, region: &str) -> Outcome;
}

macro_rules! perform {
    ($($noun:ident::{$($operation:ident),*})*) => {
        /// Makes a call.
        pub(super) fn perform(t: &mut Twin, call: &Call) -> Outcome {
            $($(if call.is::<operations::$noun::$operation>() {
                return of::<operations::$noun::$operation>(t, call);
            })*)*
            Err(refuse("InvalidAction", format!("the twin has no {}", call.name())))
        }
    };
}
operations!(perform);

fn of<O: OnTwin>(t: &mut Twin, call: &Call) -> Outcome {
    match O::SPEC.repeat {
        Repeat::Token => once(t, call, |t| parse::<O>(call)?.perform(t, &call.region)),
        Repeat::Harmless | Repeat::LookFirst => parse::<O>(call)?.perform(t, &call.region),
    }
}

/// Parses the input into the operation's own type: a member that AWS does not have, or one that is missing,
/// is an error.
fn parse<T: DeserializeOwned>(call: &Call) -> Result<T, CallError> {
    T::deserialize(&call.input).map_err(|error| {
        let message = error.to_string();
        let code = match (call.service.as_str(), message.as_str()) {
            ("ec2", m) if m.starts_with("unknown field") => "UnknownParameter",
            ("ec2", m) if m.starts_with("missing field") => "MissingParameter",
            ("ec2", _) => "InvalidParameterValue",
            ("iam", _) => "ValidationError",
            ("s3", _) => "InvalidRequest",
            _ => "ValidationException",
        };
        refuse(code, message)
    })
}

/// Makes a call with a ClientToken once: the same call again returns the same outputs, and another one with
/// the same token is refused (<https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html>).
fn once(t: &mut Twin, call: &Call, make: impl FnOnce(&mut Twin) -> Outcome) -> Outcome {
    let Some(token) = call.input.get("ClientToken").and_then(Value::as_str) else { return make(t) };
    if token.len() > 64 || !token.is_ascii() {
        return Err(refuse("InvalidParameterValue", "a client token has at most 64 ASCII characters"));
    }
    let key = format!("{}|{}|{token}", call.region, call.operation);
    if let Some(replay) = t.replays.get(&key) {
        let dead = replay
            .outputs
            .get("VolumeId")
            .and_then(Value::as_str)
            .is_some_and(|id| volume::is_dead(t, &call.region, id));
        return if replay.input == call.input && !dead {
            Ok(replay.outputs.clone())
        } else {
            Err(refuse(
                "IdempotentParameterMismatch",
                "the token was used before, with other parameters or for something that has failed",
            ))
        };
    }
    let outputs = make(t)?;
    t.replays.insert(key, Replay { input: call.input.clone(), outputs: outputs.clone() });
    Ok(outputs)
}

/// Returns the outcome with one declared output.
fn output(name: &str, value: impl Into<Value>) -> Outcome {
    Ok(Outputs::from([(name.to_owned(), value.into())]))
}

/// Returns the outcome of a call without outputs.
fn done() -> Outcome {
    Ok(Outputs::new())
}
