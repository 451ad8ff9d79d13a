//! Calling: one mutating call as data becomes one request, made once, and its reply becomes the outputs that
//! the registry declares. The decision to make a call is taken elsewhere; an input with a member that this
//! code does not pass on is refused, never shortened.

mod access_key;
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
mod sign_in;
mod snapshot;
mod snapshot_sharing;
mod subnet;
mod tag;
mod trail;
mod user;
mod user_tag;
mod volume;
mod web_acl;

use std::{error::Error, future::Future, pin::Pin};

use aws_sdk_ec2::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    clients::{Clients, Regional},
    departure, errors, together,
    vault::Vault,
};
use crate::{
    account::Leave,
    calls::{Call, CallError, ErrorClass, Outcome, Outputs},
    services::{self as operations, Operation, operations},
};

/// Makes the call when its turn has come and it is still permitted then, and reports its outcome to the pace.
pub(super) async fn call(clients: &Clients, call: &Call, leave: Leave<'_>) -> Outcome {
    let (name, region) = (&call.name(), if call.region.is_empty() { clients.base() } else { &call.region });
    let turn = || clients.pace.turn(region, name);
    let made = |call: Call| async move {
        let until = leave()?;
        let sent = departure::by(until, send(clients, &call)).await;
        let outcome = sent.map_err(|error| clients.pace.meant(region, name, error));
        if outcome.is_ok() {
            clients.pace.accepted.in_region(region);
        }
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

/// Tries a call of EC2's once, in its turn, through the client that sends only dry runs.
pub(super) async fn try_once(clients: &Clients, call: &Call) -> Outcome {
    let (name, region) = (&call.name(), if call.region.is_empty() { clients.base() } else { &call.region });
    clients.pace.turn(region, name).await;
    let outcome =
        dispatch(call, &To { only_try: true, ..To::of(clients, &clients.region(&call.region)) }).await;
    if let Err(error) = &outcome {
        clients.pace.heard(region, name, error.class);
    }
    outcome
}

async fn send(clients: &Clients, call: &Call) -> Outcome {
    dispatch(call, &To::of(clients, &clients.region(&call.region))).await
}

/// The destination of a call.
struct To<'r> {
    region: &'r Regional,
    vault: &'r Vault,
    only_try: bool,
}

impl<'r> To<'r> {
    fn of(clients: &'r Clients, region: &'r Regional) -> Self {
        Self { region, vault: &clients.vault, only_try: false }
    }
    /// Returns the secrets of the access keys that this process has made.
    fn vault(&self) -> &Vault {
        self.vault
    }
    fn secrets(&self) -> &aws_sdk_secretsmanager::Client {
        self.region.secrets()
    }
    /// Returns the client of EC2, or the one that sends only dry runs.
    fn ec2(&self) -> &aws_sdk_ec2::Client {
        if self.only_try { self.region.only_try() } else { self.region.ec2() }
    }
    fn s3(&self) -> &aws_sdk_s3::Client {
        self.region.s3()
    }
    fn iam(&self) -> &aws_sdk_iam::Client {
        self.region.iam()
    }
    fn logs(&self) -> &aws_sdk_cloudwatchlogs::Client {
        self.region.logs()
    }
    fn cloudtrail(&self) -> &aws_sdk_cloudtrail::Client {
        self.region.cloudtrail()
    }
    fn balancing(&self) -> &aws_sdk_elasticloadbalancingv2::Client {
        self.region.balancing()
    }
    fn kms(&self) -> &aws_sdk_kms::Client {
        self.region.kms()
    }
    fn waf(&self) -> &aws_sdk_wafv2::Client {
        self.region.waf()
    }
}

/// An operation that can be sent to AWS.
trait OnAws: Operation + DeserializeOwned {
    /// Sends the operation once; `call` is the call that it was parsed from.
    fn send(self, call: &Call, to: &To<'_>) -> impl Future<Output = Outcome> + Send;
}

macro_rules! dispatch {
    ($($noun:ident::{$($operation:ident),*})*) => {
        fn dispatch<'a>(call: &'a Call, to: &'a To<'a>) -> Sending<'a> {
            $($(if call.is::<operations::$noun::$operation>() {
                return sending::<operations::$noun::$operation>(call, to);
            })*)*
            Box::pin(async move { not_registered(call) })
        }
    };
}
operations!(dispatch);

/// A call that is being sent.
type Sending<'a> = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// Sends the call as one of the operation `O`. Each operation has a frame of its own: one for all of them
/// grows with every operation, and does not fit on the stack of a thread.
fn sending<'a, O: OnAws + Send + 'a>(call: &'a Call, to: &'a To<'a>) -> Sending<'a> {
    Box::pin(async move { input::<O>(call)?.send(call, to).await })
}

fn not_registered(call: &Call) -> Outcome {
    Err(errors::bad_input(
        &call.name(),
        "it is not an operation that redress makes; src/services/mod.rs lists those",
    ))
}

/// Parses the input into its typed form. A member that the form does not have is an error.
fn input<T: DeserializeOwned>(call: &Call) -> Result<T, CallError> {
    T::deserialize(&call.input).map_err(|error| errors::bad_input(&call.name(), error))
}

/// Sends the request, once.
async fn once<T, E>(
    call: &Call,
    sent: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
) -> Result<T, CallError>
where
    E: ProvideErrorMetadata + Error + 'static,
{
    sent.await.map_err(|error| errors::call_error(&call.name(), &error))
}

/// Returns the outcome of an operation without outputs.
fn nothing() -> Outcome {
    Ok(Outputs::new())
}

/// Returns the outcome with one output. A success without this output is an error: it leaves open what was
/// created.
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
mod tests;
