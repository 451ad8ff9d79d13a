//! Calling: one mutating call as data becomes one request, made once, and its reply becomes the outputs that the
//! registry declares. Whether a call is made is decided elsewhere; an input that holds anything this code does not
//! pass on is refused, never shortened.

mod cloudtrail;
mod iam;
mod input;
mod instances;
mod logs;
mod network;
mod s3;
mod storage;

use std::{error::Error, future::Future};

use aws_sdk_ec2::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{clients::Clients, departure, errors, together};
use crate::{
    account::Leave,
    calls::{Call, CallError, ErrorClass, Outcome, Outputs},
};

/// Makes the call when its turn has come and there is leave for it then, and lets the pace know how it went.
pub(super) async fn call(clients: &Clients, call: &Call, leave: Leave<'_>) -> Outcome {
    let (name, region) = (&call.name(), if call.region.is_empty() { clients.base() } else { &call.region });
    let turn = || clients.pace.turn(region, name);
    let made = |call: Call| async move {
        let until = leave()?;
        let outcome = departure::by(until, send(clients, &call)).await;
        if let Err(error) = &outcome {
            clients.pace.heard(region, name, error.class);
        }
        outcome
    };
    if together::fits(call) {
        return clients.together.call(call, turn, made).await;
    }
    turn().await;
    made(call.clone()).await
}

/// Tries a call of EC2's once, in its turn, through the client that makes nothing.
pub(super) async fn try_once(clients: &Clients, call: &Call) -> Outcome {
    let (name, region) = (&call.name(), if call.region.is_empty() { clients.base() } else { &call.region });
    clients.pace.turn(region, name).await;
    let outcome = ec2(clients.region(&call.region).only_try(), call).await;
    if let Err(error) = &outcome {
        clients.pace.heard(region, name, error.class);
    }
    outcome
}

async fn send(clients: &Clients, call: &Call) -> Outcome {
    let region = clients.region(&call.region);
    match call.service.as_str() {
        "ec2" => ec2(region.ec2(), call).await,
        "s3" => s3_call(region.s3(), call).await,
        "iam" => match call.operation.as_str() {
            "CreateRole" => iam::create_role(region.iam(), call).await,
            "PutRolePolicy" => iam::put_role_policy(region.iam(), call).await,
            "DeleteRolePolicy" => iam::delete_role_policy(region.iam(), call).await,
            "DeleteRole" => iam::delete_role(region.iam(), call).await,
            _ => not_registered(call),
        },
        "logs" => match call.operation.as_str() {
            "CreateLogGroup" => logs::create_log_group(region.logs(), call).await,
            "PutRetentionPolicy" => logs::put_retention_policy(region.logs(), call).await,
            "DeleteRetentionPolicy" => logs::delete_retention_policy(region.logs(), call).await,
            "DeleteLogGroup" => logs::delete_log_group(region.logs(), call).await,
            _ => not_registered(call),
        },
        "cloudtrail" => match call.operation.as_str() {
            "CreateTrail" => cloudtrail::create_trail(region.cloudtrail(), call).await,
            "UpdateTrail" => cloudtrail::update_trail(region.cloudtrail(), call).await,
            "StartLogging" => cloudtrail::start_logging(region.cloudtrail(), call).await,
            "StopLogging" => cloudtrail::stop_logging(region.cloudtrail(), call).await,
            "DeleteTrail" => cloudtrail::delete_trail(region.cloudtrail(), call).await,
            _ => not_registered(call),
        },
        _ => not_registered(call),
    }
}

async fn ec2(ec2: &aws_sdk_ec2::Client, call: &Call) -> Outcome {
    match call.operation.as_str() {
        "AuthorizeSecurityGroupIngress" => network::authorize_ingress(ec2, call).await,
        "RevokeSecurityGroupIngress" => network::revoke_ingress(ec2, call).await,
        "CreateFlowLogs" => network::create_flow_logs(ec2, call).await,
        "DeleteFlowLogs" => network::delete_flow_logs(ec2, call).await,
        "CreateSnapshot" => storage::create_snapshot(ec2, call).await,
        "CreateSnapshots" => storage::create_snapshots(ec2, call).await,
        "CopySnapshot" => storage::copy_snapshot(ec2, call).await,
        "DeleteSnapshot" => storage::delete_snapshot(ec2, call).await,
        "CreateVolume" => storage::create_volume(ec2, call).await,
        "DeleteVolume" => storage::delete_volume(ec2, call).await,
        "RestoreSnapshotFromRecycleBin" => storage::restore_snapshot(ec2, call).await,
        "RestoreVolumeFromRecycleBin" => storage::restore_volume(ec2, call).await,
        "AttachVolume" => storage::attach_volume(ec2, call).await,
        "DetachVolume" => storage::detach_volume(ec2, call).await,
        "StopInstances" => instances::stop(ec2, call).await,
        "StartInstances" => instances::start(ec2, call).await,
        "ModifyInstanceAttribute" => instances::modify_attribute(ec2, call).await,
        "CreateTags" => instances::create_tags(ec2, call).await,
        "DeleteTags" => instances::delete_tags(ec2, call).await,
        _ => not_registered(call),
    }
}

async fn s3_call(client: &aws_sdk_s3::Client, call: &Call) -> Outcome {
    match call.operation.as_str() {
        "CreateBucket" => s3::create_bucket(client, call).await,
        "DeleteBucket" => s3::delete_bucket(client, call).await,
        "PutBucketTagging" => s3::put_tagging(client, call).await,
        "PutPublicAccessBlock" => s3::put_public_access_block(client, call).await,
        "PutBucketVersioning" => s3::put_versioning(client, call).await,
        "PutBucketEncryption" => s3::put_encryption(client, call).await,
        "PutBucketPolicy" => s3::put_policy(client, call).await,
        _ => not_registered(call),
    }
}

fn not_registered(call: &Call) -> Outcome {
    Err(errors::bad_input(&call.name(), "it is not an operation that redress makes; src/calls/spec.rs lists those"))
}

/// The input in its typed form. A member that the form does not have is an error.
fn input<T: DeserializeOwned>(call: &Call) -> Result<T, CallError> {
    T::deserialize(&call.input).map_err(|error| errors::bad_input(&call.name(), error))
}

/// Sends the request, once.
async fn once<T, E>(call: &Call, sent: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>) -> Result<T, CallError>
where
    E: ProvideErrorMetadata + Error + 'static,
{
    sent.await.map_err(|error| errors::call_error(&call.name(), &error))
}

/// The outcome of an operation that gives nothing back.
fn nothing() -> Outcome {
    Ok(Outputs::new())
}

/// The outcome with one output. A success without it leaves open what was made.
fn output(call: &Call, name: &str, value: Option<impl Into<Value>>) -> Outcome {
    match value {
        Some(value) => Ok(Outputs::from([(name.to_owned(), value.into())])),
        None => Err(incomplete(call, name)),
    }
}

fn incomplete(call: &Call, name: &str) -> CallError {
    let message = format!("the answer to {} does not hold {name}", call.name());
    CallError { class: ErrorClass::Transient, code: "Incomplete".to_owned(), message }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
