//! What each call means: one file per family, one function per operation of the registry. A function looks at everything
//! first and changes the account only when nothing can go wrong any more.

pub(super) mod bin;
mod cloudtrail;
mod flow_logs;
mod iam;
mod instances;
mod logs;
mod s3;
mod security_groups;
mod snapshots;
mod tags;
mod volumes;

use serde::Deserialize;
use serde_json::Value;

use super::{Replay, Twin, errors::refuse};
use crate::calls::{Call, CallError, Outcome, Outputs};

/// Makes a call.
pub(super) fn perform(t: &mut Twin, call: &Call) -> Outcome {
    let r = call.region.as_str();
    match (call.service.as_str(), call.operation.as_str()) {
        ("ec2", "AuthorizeSecurityGroupIngress") => security_groups::authorize(t, r, parse(call)?),
        ("ec2", "RevokeSecurityGroupIngress") => security_groups::revoke(t, r, parse(call)?),
        ("ec2", "CreateFlowLogs") => once(t, call, |t| flow_logs::create(t, r, parse(call)?)),
        ("ec2", "DeleteFlowLogs") => flow_logs::delete(t, r, parse(call)?),
        ("ec2", "CreateSnapshot") => snapshots::create(t, r, parse(call)?),
        ("ec2", "CreateSnapshots") => snapshots::create_set(t, r, parse(call)?),
        ("ec2", "CopySnapshot") => snapshots::copy(t, r, parse(call)?),
        ("ec2", "DeleteSnapshot") => snapshots::delete(t, r, parse(call)?),
        ("ec2", "CreateVolume") => once(t, call, |t| volumes::create(t, r, parse(call)?)),
        ("ec2", "DeleteVolume") => volumes::delete(t, r, parse(call)?),
        ("ec2", "RestoreSnapshotFromRecycleBin") => bin::restore_snapshot(t, r, parse(call)?),
        ("ec2", "RestoreVolumeFromRecycleBin") => bin::restore_volume(t, r, parse(call)?),
        ("ec2", "AttachVolume") => volumes::attach(t, r, parse(call)?),
        ("ec2", "DetachVolume") => volumes::detach(t, r, parse(call)?),
        ("ec2", "StopInstances") => instances::stop(t, r, parse(call)?),
        ("ec2", "StartInstances") => instances::start(t, r, parse(call)?),
        ("ec2", "ModifyInstanceAttribute") => instances::modify(t, r, parse(call)?),
        ("ec2", "CreateTags") => tags::create(t, r, parse(call)?),
        ("ec2", "DeleteTags") => tags::delete(t, r, parse(call)?),
        ("logs", "CreateLogGroup") => logs::create(t, r, parse(call)?),
        ("logs", "PutRetentionPolicy") => logs::put_retention(t, r, parse(call)?),
        ("logs", "DeleteLogGroup") => logs::delete(t, r, parse(call)?),
        ("logs", "DeleteRetentionPolicy") => logs::delete_retention(t, r, parse(call)?),
        ("iam", "CreateRole") => iam::create(t, parse(call)?),
        ("iam", "PutRolePolicy") => iam::put_policy(t, parse(call)?),
        ("iam", "DeleteRolePolicy") => iam::delete_policy(t, parse(call)?),
        ("iam", "DeleteRole") => iam::delete(t, parse(call)?),
        ("cloudtrail", "CreateTrail") => cloudtrail::create(t, r, parse(call)?),
        ("cloudtrail", "UpdateTrail") => cloudtrail::update(t, r, parse(call)?),
        ("cloudtrail", "StartLogging") => cloudtrail::start_logging(t, r, parse(call)?),
        ("cloudtrail", "StopLogging") => cloudtrail::stop_logging(t, r, parse(call)?),
        ("cloudtrail", "DeleteTrail") => cloudtrail::delete(t, r, parse(call)?),
        ("s3", "CreateBucket") => s3::create(t, r, parse(call)?),
        ("s3", "DeleteBucket") => s3::delete(t, parse(call)?),
        ("s3", "PutBucketTagging") => s3::put_tagging(t, parse(call)?),
        ("s3", "PutPublicAccessBlock") => s3::put_public_access_block(t, parse(call)?),
        ("s3", "PutBucketVersioning") => s3::put_versioning(t, parse(call)?),
        ("s3", "PutBucketEncryption") => s3::put_encryption(t, parse(call)?),
        ("s3", "PutBucketPolicy") => s3::put_policy(t, parse(call)?),
        _ => Err(refuse("InvalidAction", format!("the twin has no {}", call.name()))),
    }
}

/// The input as the operation's own type: a member that AWS does not have, or one that is missing, is an error.
fn parse<'a, T: Deserialize<'a>>(call: &'a Call) -> Result<T, CallError> {
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

/// A call with a ClientToken is made once: the same again gives the same outputs, and another one with the same token is
/// refused (<https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html>).
fn once(t: &mut Twin, call: &Call, make: impl FnOnce(&mut Twin) -> Outcome) -> Outcome {
    let Some(token) = call.input.get("ClientToken").and_then(Value::as_str) else { return make(t) };
    if token.len() > 64 || !token.is_ascii() {
        return Err(refuse("InvalidParameterValue", "a client token has at most 64 ASCII characters"));
    }
    let key = format!("{}|{}|{token}", call.region, call.operation);
    if let Some(replay) = t.replays.get(&key) {
        let dead = replay.outputs.get("VolumeId").and_then(Value::as_str).is_some_and(|id| volumes::is_dead(t, &call.region, id));
        return if replay.input == call.input && !dead {
            Ok(replay.outputs.clone())
        } else {
            Err(refuse("IdempotentParameterMismatch", "the token was used before, with other parameters or for something that has failed"))
        };
    }
    let outputs = make(t)?;
    t.replays.insert(key, Replay { input: call.input.clone(), outputs: outputs.clone() });
    Ok(outputs)
}

/// One declared output.
fn output(name: &str, value: impl Into<Value>) -> Outcome {
    Ok(Outputs::from([(name.to_owned(), value.into())]))
}

/// A call that gives nothing back.
fn done() -> Outcome {
    Ok(Outputs::new())
}
