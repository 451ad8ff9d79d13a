//! Mutating AWS calls as data: service, region, operation and input under AWS's own names, with references to
//! values that are not known before. Nothing here performs a call; the registry lists the requirements and
//! effects of each operation.

pub mod act;
pub mod before;
pub mod capacity;
pub mod command;
pub mod expect;
pub mod floor;
pub mod mark;
pub mod next_start;
pub mod notice;
pub mod outputs;
pub mod power;
pub mod reference;
pub mod serving;
pub mod still;
mod test;
pub mod transition;
pub mod until;
pub mod volume_copies;
mod way_back;
pub mod words;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use crate::services::{Power, Repeat, Risk, SPECS, Spec, Takes, find};
pub use act::{
    Act, BackAct, KeptOnce, Observe, Otherwise, Purpose, Recognise, Shape, Step, Undo, Wait, WayBack, is_up,
    only_records,
};
pub use before::Before;
pub use expect::{Expect, Standing, awaited, standing_of};
pub use floor::floor;
pub use next_start::NextStart;
pub use notice::{HubFinding, Notice, Refusal};
pub use outputs::AllOutputs;
pub use reference::{Bindings, Unresolved};
pub use test::Test;
pub use transition::{Transition, transitions};
pub use until::Until;
pub use way_back::way_back;

use crate::{
    inventory::{Cause, Reason},
    services::Operation,
};

/// A mutating AWS operation. In a plan its input may hold references ([`reference`]); the input that the
/// writing seam receives holds none. A call that is read from a file must be an operation of the registry in
/// a well-formed region, or it is refused: no plan, journal or export holds another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct Call {
    /// The IAM prefix of the service: `ec2`, `iam`, `logs`, `s3`, `cloudtrail`.
    pub service: String,
    /// The region of the endpoint.
    pub region: String,
    /// The operation: `AuthorizeSecurityGroupIngress`.
    pub operation: String,
    /// The input, as the AWS CLI takes it with `--cli-input-json`.
    pub input: Value,
}

impl Call {
    /// Creates a call.
    pub fn new(service: &str, region: &str, operation: &str, input: Value) -> Self {
        Self {
            service: service.to_owned(),
            region: region.to_owned(),
            operation: operation.to_owned(),
            input,
        }
    }
    /// Creates the call of an operation. Members without a value are left out of the input, and so are empty
    /// lists: EC2's query protocol writes an empty list as one empty member.
    pub fn of<O: Operation>(region: &str, operation: &O) -> Self {
        // An input is an object of texts, numbers and lists, which is always JSON.
        let input = serde_json::to_value(operation).unwrap_or_default();
        Self::new(O::SPEC.service, region, O::SPEC.operation, given(input))
    }
    /// Checks whether this is a call of the operation `O`.
    pub fn is<O: Operation>(&self) -> bool {
        self.is_of(&O::SPEC)
    }
    /// Checks whether this is a call of the operation that `spec` describes.
    pub fn is_of(&self, spec: &Spec) -> bool {
        spec.is(&self.service, &self.operation)
    }
    /// Returns the full name: `ec2:AuthorizeSecurityGroupIngress`.
    pub fn name(&self) -> String {
        format!("{}:{}", self.service, self.operation)
    }
    /// Returns the call's effect on the power state of resources.
    pub fn power(&self) -> Power {
        find(&self.service, &self.operation).map_or(Power::Stays, |spec| spec.power)
    }
    /// Returns the instances that the call starts or stops.
    pub fn instances(&self) -> impl Iterator<Item = &str> {
        self.input
            .get("InstanceIds")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
    }
}

/// Keeps the members that have a value.
fn given(value: Value) -> Value {
    let empty = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
    match value {
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .filter(|(_, value)| !empty(value))
                .map(|(name, value)| (name, given(value)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(given).collect()),
        plain => plain,
    }
}

/// A call as a file holds it, before it is known to be one that redress makes.
#[derive(Deserialize)]
struct Written {
    service: String,
    region: String,
    operation: String,
    input: Value,
}

impl TryFrom<Written> for Call {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written { service, region, operation, input } = written;
        // Enough of a foreign word to recognise it by: it may be as long as the file.
        let short = |text: &str| text.chars().take(60).collect::<String>().escape_debug().to_string();
        if find(&service, &operation).is_none() {
            return Err(format!(
                "it calls {}:{}, which is no operation that redress makes",
                short(&service),
                short(&operation)
            ));
        }
        if region.len() > 40
            || !region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        {
            return Err(format!(
                "it calls {service}:{operation} in {:?}, which is no region",
                short(&region)
            ));
        }
        Ok(Self { service, region, operation, input })
    }
}

/// The outputs of a call: only those that its [`Spec`] declares, never a raw reply.
pub type Outputs = BTreeMap<String, Value>;

/// The result of trying a call without effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tried {
    /// The caller may make the call.
    Allowed,
    /// The caller may not make the call. The text is AWS's message.
    Denied(String),
    /// The endpoint does not have the operation. The text is its message.
    Missing(String),
    /// Not known. The text is the reason.
    CannotTell(String),
}

/// The outcome of a call.
pub type Outcome = Result<Outputs, CallError>;

/// A call that failed, classified as in `docs/aws-errors.md`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{code}: {message}")]
pub struct CallError {
    /// The class of the failure, which decides the next action.
    pub class: ErrorClass,
    /// AWS's code, or `Timeout` or `Connection` for failures without a reply from AWS.
    pub code: String,
    /// AWS's message.
    pub message: String,
}

/// Kinds of failures (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorClass {
    /// AWS throttled the request; nothing was done.
    Throttled,
    /// 5xx, timeout, connection lost: it is not known whether the call took effect.
    Transient,
    /// Something created a moment ago is not visible everywhere yet, or a transition is under way; nothing
    /// was done.
    Consistency,
    /// The state is set already, or the resource to delete is gone.
    AlreadyDone,
    /// Too many operations pending at once; waiting helps.
    Concurrency,
    /// A quota; waiting does not help.
    Quota,
    /// No capacity in the Availability Zone.
    Capacity,
    /// Not allowed.
    Denied,
    /// The credentials have expired or are wrong.
    Credentials,
    /// The endpoint does not have the operation.
    Unsupported,
    /// An error in the request itself; never repeated.
    Semantic,
}

impl From<&CallError> for Reason {
    /// Builds the reason for a fact that is unknown after a read failed with this error.
    fn from(error: &CallError) -> Self {
        let cause = match error.class {
            ErrorClass::Credentials => Cause::Credentials,
            ErrorClass::Denied => Cause::Denied,
            ErrorClass::Throttled
            | ErrorClass::Transient
            | ErrorClass::Consistency
            | ErrorClass::AlreadyDone
            | ErrorClass::Concurrency
            | ErrorClass::Quota
            | ErrorClass::Capacity
            | ErrorClass::Unsupported
            | ErrorClass::Semantic => Cause::Other,
        };
        Reason::new(cause, error.to_string())
    }
}

impl ErrorClass {
    /// Checks whether the call may have taken effect although it failed.
    pub fn effect_unknown(self) -> bool {
        matches!(self, ErrorClass::Transient)
    }
    /// Checks whether waiting and calling again may help. Before that, a possible effect is looked up.
    pub fn passes(self) -> bool {
        matches!(
            self,
            ErrorClass::Throttled | ErrorClass::Transient | ErrorClass::Consistency | ErrorClass::Concurrency
        )
    }
}
