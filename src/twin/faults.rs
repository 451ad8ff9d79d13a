//! The dial of faults: the failures, and the calls or operations that they hit. Plain data, deterministic;
//! nothing here changes the account.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::errors::refuse;
use crate::{
    calls::{Call, CallError},
    inventory::{Cause, FamilyKind, Reason},
};

/// The faults of a twin.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Faults {
    /// The faults of calls.
    pub script: Vec<Fault>,
    /// Reads that are denied.
    pub denied_reads: Vec<DeniedRead>,
    /// `true` if instances that were started fail their status checks.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub checks_fail: bool,
    /// Seconds for which a new resource does not show in reads.
    pub list_lag: u64,
    /// Seconds for which an instance's mappings lag behind an attachment or a detachment.
    #[serde(skip_serializing_if = "is_zero")]
    pub view_lag: u64,
    /// Calls that a policy denies to every caller.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub denied_calls: Vec<DeniedCall>,
    /// Operations that the endpoint does not have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lacks: Vec<String>,
    /// The time from which all calls and reads are refused, because the credentials have ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials_end: Option<Timestamp>,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// A call that is denied on one resource, or on all, as a service control policy denies it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeniedCall {
    /// The operation, e.g. `CreateTags`.
    pub operation: String,
    /// The id that the call must name; any call if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
}

impl DeniedCall {
    fn hits(&self, call: &Call) -> bool {
        self.operation == call.operation && self.resource.as_ref().is_none_or(|id| names(&call.input, id))
    }
}

fn names(value: &Value, id: &str) -> bool {
    match value {
        Value::String(text) => text == id,
        Value::Array(items) => items.iter().any(|v| names(v, id)),
        Value::Object(map) => map.values().any(|v| names(v, id)),
        _ => false,
    }
}

/// A fault in the script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The first call that it hits.
    pub at: When,
    /// The kind of the fault.
    pub kind: FaultKind,
    /// The number of matching calls in a row that it hits.
    #[serde(default = "once")]
    pub times: u32,
    /// The number of matching calls so far.
    #[serde(default)]
    pub seen: u32,
}

fn once() -> u32 {
    1
}

/// The call that a fault hits first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// The n-th mutating call that the twin ever gets, from 1.
    Call(u64),
    /// The n-th call, from 1, of an operation, e.g. `StartInstances`.
    Operation(String, u32),
}

/// The failure of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// AWS throttles the call.
    Throttled,
    /// A 5xx, and nothing was done.
    ServerError,
    /// A 5xx, although it was done.
    ServerErrorAfter,
    /// It was done, but the reply is lost.
    LostReply,
    /// It was done, but no answer came in time.
    TimeoutAfter,
    /// Too many operations of a kind at once.
    Busy,
    /// No answer in time; nothing was done.
    Timeout,
    /// A resource that was created a moment ago is not visible yet.
    NotVisibleYet,
    /// The caller is not allowed to make the call.
    Denied,
    /// The credentials have ended.
    ExpiredCredentials,
    /// A quota is reached.
    Quota,
    /// The zone has no capacity for the instance.
    NoCapacity,
    /// The snapshots that are begun will end in `error`.
    SnapshotFails,
    /// The volume that is begun will fail: its key does not work.
    VolumeDies,
    /// The instance that is started will fall back to stopped.
    FallsBack,
}

/// A read that is denied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeniedRead {
    /// The kind of resource.
    pub family: FamilyKind,
    /// The region; `None` for all regions.
    #[serde(default)]
    pub region: Option<String>,
    /// The one member that is denied, e.g. `policy` of buckets; `None` for whole resources. It must be a
    /// member that can be unknown.
    #[serde(default)]
    pub member: Option<String>,
}

impl Faults {
    /// Returns the error of a call of an operation that the endpoint does not have.
    pub(super) fn lacking(&self, call: &Call) -> Option<CallError> {
        let lacks = self.lacks.contains(&call.operation);
        lacks.then(|| refuse("InvalidAction", format!("The action {} is not valid.", call.operation)))
    }

    /// Returns the error of a call that is not let in at all.
    pub(super) fn refused(&self, now: Timestamp, call: &Call) -> Option<CallError> {
        if self.ended(now) {
            return FaultKind::ExpiredCredentials.before(call);
        }
        let denied = self.denied_calls.iter().any(|d| d.hits(call));
        let message = format!(
            "You are not authorized to perform: {} with an explicit deny in a service control policy",
            call.name()
        );
        denied.then(|| {
            refuse(if call.service == "ec2" { "UnauthorizedOperation" } else { "AccessDenied" }, message)
        })
    }

    /// Returns whether the credentials have ended.
    pub(super) fn ended(&self, now: Timestamp) -> bool {
        self.credentials_end.is_some_and(|end| end <= now)
    }

    /// Counts a call, and returns the fault that hits it.
    pub(super) fn strike(&mut self, nth: u64, call: &Call) -> Option<FaultKind> {
        let mut hit = None;
        for fault in &mut self.script {
            let due = match &fault.at {
                When::Call(first) => nth >= *first && nth - first < u64::from(fault.times),
                When::Operation(name, first) if *name == call.operation => {
                    fault.seen += 1;
                    fault.seen >= *first && fault.seen - first < fault.times
                }
                When::Operation(..) => false,
            };
            if due {
                hit = hit.or(Some(fault.kind));
            }
        }
        hit
    }

    /// Returns the reason of each denial of a read, with the denied member; `None` for the whole.
    pub(super) fn denials<'a>(
        &'a self,
        family: FamilyKind,
        region: &'a str,
    ) -> impl Iterator<Item = (Option<&'a str>, Reason)> {
        let hits = move |d: &&DeniedRead| d.family == family && d.region.as_ref().is_none_or(|r| r == region);
        self.denied_reads.iter().filter(hits).map(move |d| (d.member.as_deref(), denial(family)))
    }
}

impl FaultKind {
    /// Returns the error of a fault that strikes before anything is done.
    pub(super) fn before(self, call: &Call) -> Option<CallError> {
        let ec2 = call.service == "ec2";
        let (code, message) = match self {
            FaultKind::Throttled if ec2 => ("RequestLimitExceeded", "Request limit exceeded.".to_owned()),
            FaultKind::Throttled if call.service == "iam" => ("Throttling", "Rate exceeded".to_owned()),
            FaultKind::Throttled => ("ThrottlingException", "Rate exceeded".to_owned()),
            FaultKind::ServerError => ("InternalError", "An internal error has occurred".to_owned()),
            FaultKind::Timeout => ("Timeout", "no answer in time".to_owned()),
            FaultKind::NotVisibleYet => not_visible(call),
            FaultKind::Denied if ec2 => {
                ("UnauthorizedOperation", "You are not authorized to perform this operation.".to_owned())
            }
            FaultKind::Denied => ("AccessDenied", format!("not authorized to perform: {}", call.name())),
            FaultKind::ExpiredCredentials if ec2 => ("RequestExpired", "Request has expired.".to_owned()),
            FaultKind::ExpiredCredentials => {
                ("ExpiredToken", "The security token included in the request is expired".to_owned())
            }
            FaultKind::Quota => quota(call),
            FaultKind::NoCapacity => (
                "InsufficientInstanceCapacity",
                "There is not enough capacity to fulfill your request.".to_owned(),
            ),
            FaultKind::Busy => ("ResourceLimitExceeded", "Too many of these are under way.".to_owned()),
            FaultKind::LostReply
            | FaultKind::ServerErrorAfter
            | FaultKind::TimeoutAfter
            | FaultKind::SnapshotFails
            | FaultKind::VolumeDies
            | FaultKind::FallsBack => return None,
        };
        Some(refuse(code, message))
    }

    /// Returns the error of a fault that strikes when all is done.
    pub(super) fn after(self, call: &Call) -> Option<CallError> {
        match self {
            FaultKind::LostReply => Some(refuse(
                "Connection",
                format!("the connection was lost before {} had answered", call.name()),
            )),
            FaultKind::ServerErrorAfter => Some(refuse("InternalError", "An internal error has occurred")),
            FaultKind::TimeoutAfter => Some(refuse("Timeout", "no answer in time")),
            _ => None,
        }
    }
}

fn not_visible(call: &Call) -> (&'static str, String) {
    let code = match (call.service.as_str(), call.operation.as_str()) {
        ("ec2", operation) if operation.contains("Snapshot") => "InvalidSnapshot.NotFound",
        ("ec2", operation) if operation.contains("Instance") => "InvalidInstanceID.NotFound",
        ("ec2", operation) if operation.contains("SecurityGroup") => "InvalidGroup.NotFound",
        ("ec2", _) => "InvalidVolume.NotFound",
        ("iam", _) => "NoSuchEntity",
        ("s3", _) => "NoSuchBucket",
        ("cloudtrail", _) => "S3BucketDoesNotExistException",
        ("kms", _) => "NotFoundException",
        _ => "ResourceNotFoundException",
    };
    (code, "what the request names does not exist".to_owned())
}

fn quota(call: &Call) -> (&'static str, String) {
    let code = match (call.service.as_str(), call.operation.as_str()) {
        ("ec2", "AuthorizeSecurityGroupIngress" | "AuthorizeSecurityGroupEgress") => {
            "RulesPerSecurityGroupLimitExceeded"
        }
        ("ec2", "CreateVolume") => "VolumeLimitExceeded",
        ("ec2", "CopySnapshot") => "ResourceLimitExceeded",
        ("ec2", "CopyVolumes") => "CopyVolumesLimitExceeded",
        ("ec2", _) => "SnapshotLimitExceeded",
        ("cloudtrail", _) => "MaximumNumberOfTrailsExceededException",
        ("s3", _) => "TooManyBuckets",
        ("iam", _) => "LimitExceeded",
        _ => "LimitExceededException",
    };
    (code, "the limit is reached".to_owned())
}

/// Builds a denial in AWS's words, with the IAM action that is missing.
fn denial(family: FamilyKind) -> Reason {
    let action = family.about().denied();
    Reason::new(Cause::Denied, format!("AccessDenied: the caller may not do this ({action})"))
}
