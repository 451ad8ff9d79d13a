//! The classification of failed calls into redress's own classes: `docs/aws-errors.md` is this file in prose.
//! Classifying is a pure function; no message that leaves here holds a credential.

use std::error::Error;

use aws_sdk_ec2::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};

use crate::{
    calls::{CallError, ErrorClass},
    inventory::Fact,
};

/// The code for an error page with status 500 or 501.
const ERROR_PAGE: &str = "Unsupported";
/// The message for it.
const NOT_THERE: &str = "the endpoint answers with an error page: it does not have this operation";

/// The point at which a call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Before anything was sent: the SDK does not accept the input.
    NotSent,
    /// No credentials were available.
    NoCredentials,
    /// No answer within the time.
    Timeout,
    /// No connection, or a connection lost.
    Connection,
    /// An answer that is not from the service: a server error with an HTML page, or a text that is no
    /// document.
    Foreign,
    /// A success that could not be read to its end.
    Broken,
    /// An error that the service reported.
    Service,
}

/// Codes of throttling. `RequestLimitExceeded` is EC2's, and must be looked at before the quotas
/// (<https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>; S3's and those of the others:
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>,
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html>).
const THROTTLED: &[&str] = &[
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "SlowDown",
    "RateExceeded",
    "PriorRequestNotComplete",
    "TooManyRequestsException",
];

/// Codes of failures inside of AWS
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>,
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>).
const TRANSIENT: &[&str] = &[
    "InternalError",
    "InternalFailure",
    "InternalServiceError",
    "InternalServerError",
    "ServerInternal",
    "ServiceFailure",
    "ServiceFailureException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "Unavailable",
    "KMSInternalException",
    "WAFInternalErrorException",
    "DependencyTimeoutException",
    "RequestTimeout",
];

/// Codes of transitions and of lists that lag
/// (<https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html>,
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRole.html>, and the lists of errors of the
/// operations of CloudTrail, CloudWatch Logs and Auto Scaling).
const CONSISTENCY: &[&str] = &[
    "IncorrectState",
    "IncorrectInstanceState",
    "IncorrectModificationState",
    "VolumeInUse",
    "ConcurrentTagAccess",
    "ConcurrentModification",
    "ConcurrentModificationException",
    "EntityTemporarilyUnmodifiable",
    "ConflictException",
    "OperationAborted",
    "OperationAbortedException",
    "ResourceContentionFault",
    // A bucket, its policy or a role that was created a moment ago is not seen by CloudTrail at once.
    "S3BucketDoesNotExistException",
    "InsufficientS3BucketPolicyException",
    "InvalidCloudWatchLogsRoleArnException",
    // A web ACL that was created a moment ago cannot be associated at once
    // (<https://docs.aws.amazon.com/waf/latest/APIReference/API_AssociateWebACL.html>).
    "WAFUnavailableEntityException",
];

/// Codes of states that are set already
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>,
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html>,
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html>).
const ALREADY_DONE: &[&str] = &[
    "InvalidPermission.Duplicate",
    "InvalidPermission.NotFound",
    "InvalidSecurityGroupRuleId.NotFound",
    "InvalidGroup.Duplicate",
    "RouteAlreadyExists",
    "Resource.AlreadyAssociated",
    "FlowLogAlreadyExists",
    "NetworkAclEntryAlreadyExists",
    "TrailAlreadyExistsException",
    "ResourceAlreadyExistsException",
    "EntityAlreadyExists",
    "BucketAlreadyOwnedByYou",
];

/// Codes of too many operations at once
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>).
const CONCURRENCY: &[&str] = &[
    "ConcurrentSnapshotLimitExceeded",
    "PendingSnapshotLimitExceeded",
    "SnapshotCreationPerVolumeRateExceeded",
    "ResourceLimitExceeded",
    "CopyVolumesLimitExceeded",
    "ConcurrentCopyVolumeLimitExceeded",
];

/// Codes of quotas, beside all that end in `LimitExceeded`
/// (<https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_CreateTrail.html>,
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html>).
const QUOTA: &[&str] = &[
    "MaximumNumberOfTrailsExceededException",
    "TooManyBuckets",
    "LimitExceeded",
    "WAFLimitsExceededException",
];

/// Codes of missing capacity
/// (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/troubleshooting-launch.html>).
const CAPACITY: &[&str] = &[
    "InsufficientInstanceCapacity",
    "InsufficientHostCapacity",
    "InsufficientVolumeCapacity",
    "InsufficientCapacity",
    "ReservationCapacityExceeded",
];

/// Codes of denials
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>,
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html>).
const DENIED: &[&str] = &[
    "UnauthorizedOperation",
    "AccessDenied",
    "AccessDeniedException",
    "AuthFailure",
    "OptInRequired",
    "Blocked",
    "PendingVerification",
    "NotAuthorized",
    "Forbidden",
    "RegionDisabledException",
];

/// Codes of credentials that are wrong or have ended
/// (<https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html>,
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>).
const CREDENTIALS: &[&str] = &[
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "InvalidAccessKeyId",
    "InvalidToken",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "TokenRefreshRequired",
    "RequestTimeTooSkewed",
];

/// Codes of the services for a resource that does not exist, beside EC2's `Invalid*.NotFound`.
const ABSENT: &[&str] = &[
    "NoSuchEntity",
    "NoSuchEntityException",
    "ResourceNotFoundException",
    "TrailNotFoundException",
    "NotFoundException",
    "NoSuchResourceException",
    "ListenerNotFound",
    "LoadBalancerNotFound",
    "TargetGroupNotFound",
    "WAFNonexistentItemException",
    "NoSuchBucket",
    "NoSuchBucketPolicy",
    "NoSuchTagSet",
    "NoSuchPublicAccessBlockConfiguration",
    "ServerSideEncryptionConfigurationNotFoundError",
    "NotFound",
];

/// Returns whether a code reports that what was asked for by its id was not found.
pub fn says_absent(code: &str) -> bool {
    (code.starts_with("Invalid") && code.ends_with(".NotFound")) || ABSENT.contains(&code)
}

/// Returns the class of a failure, which decides what happens next. `operation` is the bare name: for a
/// deletion, a missing resource is the goal; for any other operation, it is one that is not visible yet.
pub fn classify(operation: &str, code: &str, status: Option<u16>, kind: Kind) -> ErrorClass {
    match kind {
        Kind::NotSent => return ErrorClass::Semantic,
        Kind::NoCredentials => return ErrorClass::Credentials,
        Kind::Timeout | Kind::Connection | Kind::Broken => return ErrorClass::Transient,
        Kind::Foreign if status == Some(500) || status == Some(501) => return ErrorClass::Unsupported,
        Kind::Foreign | Kind::Service => {}
    }
    let named = |codes: &[&str]| codes.contains(&code);
    match status {
        _ if named(THROTTLED) || code.starts_with("Throttl") || code == "EC2ThrottledException" => {
            ErrorClass::Throttled
        }
        _ if named(CREDENTIALS) => ErrorClass::Credentials,
        _ if named(DENIED) => ErrorClass::Denied,
        _ if named(ALREADY_DONE) => ErrorClass::AlreadyDone,
        _ if named(CONCURRENCY) => ErrorClass::Concurrency,
        _ if named(CAPACITY) => ErrorClass::Capacity,
        _ if named(QUOTA) || code.ends_with("LimitExceeded") || code.ends_with("LimitExceededException") => {
            ErrorClass::Quota
        }
        _ if named(CONSISTENCY) => ErrorClass::Consistency,
        _ if named(TRANSIENT) => ErrorClass::Transient,
        _ if says_absent(code) && removes(operation) => ErrorClass::AlreadyDone,
        // "You tried to detach a volume from an instance to which it is not attached"
        // (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>).
        _ if code == "InvalidAttachment.NotFound" && operation == "DetachVolume" => ErrorClass::AlreadyDone,
        _ if says_absent(code) => ErrorClass::Consistency,
        _ if code == "NotImplemented" || code == "UnknownOperationException" || code == "InvalidAction" => {
            ErrorClass::Unsupported
        }
        Some(429) => ErrorClass::Throttled,
        Some(401 | 403) => ErrorClass::Denied,
        Some(500..) => ErrorClass::Transient,
        _ => ErrorClass::Semantic,
    }
}

/// Returns whether an operation removes something.
fn removes(operation: &str) -> bool {
    ["Delete", "Revoke", "Disassociate"].iter().any(|word| operation.starts_with(word))
}

/// Converts the SDK's error to a [`CallError`]. `operation` is like `ec2:DescribeVolumes`.
pub fn call_error<E>(operation: &str, error: &SdkError<E, HttpResponse>) -> CallError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let status = error.raw_response().map(|r| r.status().as_u16());
    let body = error.raw_response().and_then(|r| r.body().bytes()).unwrap_or_default();
    let (kind, code, message) = match error {
        SdkError::ConstructionFailure(_) if mentions_credentials(error) => (Kind::NoCredentials, None, None),
        SdkError::ConstructionFailure(_) => (Kind::NotSent, None, innermost(error)),
        SdkError::TimeoutError(_) => (Kind::Timeout, None, None),
        SdkError::DispatchFailure(_) if mentions_credentials(error) => (Kind::NoCredentials, None, None),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => (Kind::Timeout, None, None),
        SdkError::DispatchFailure(_) => (Kind::Connection, None, innermost(error)),
        SdkError::ServiceError(service) => match service.err().code() {
            Some(code) => (Kind::Service, Some(code), service.err().message().map(str::to_owned)),
            None if status.is_some_and(|s| s < 300) => (Kind::Broken, None, innermost(error)),
            None if is_page(body) => (Kind::Foreign, None, None),
            None => (Kind::Service, None, None),
        },
        _ if status.is_some_and(|s| s >= 400) => (Kind::Foreign, None, None),
        _ => (Kind::Broken, None, innermost(error)),
    };
    described(operation, kind, code, message, status)
}

fn described(
    operation: &str,
    kind: Kind,
    code: Option<&str>,
    message: Option<String>,
    status: Option<u16>,
) -> CallError {
    let bare = operation.rsplit(':').next().unwrap_or(operation);
    let http = status.map(|s| format!("HTTP {s}")).unwrap_or_default();
    let (code, fallback) = match kind {
        Kind::NotSent => ("InvalidInput", "the SDK does not take this input"),
        Kind::NoCredentials => {
            ("NoCredentials", "no credentials could be loaded; log in again or set AWS_PROFILE")
        }
        Kind::Timeout => ("Timeout", "no answer in time"),
        Kind::Connection => ("Connection", "no connection to the endpoint"),
        Kind::Foreign if status.is_some_and(|s| s == 500 || s == 501) => (ERROR_PAGE, NOT_THERE),
        Kind::Foreign => ("BadGateway", "something that is not AWS answered with an error page"),
        Kind::Broken => ("Broken", "the answer could not be read to its end"),
        Kind::Service => (code.unwrap_or("Unknown"), http.as_str()),
    };
    // A read by HEAD has no body: the status is all that there is.
    let code = match (kind, code, status) {
        (Kind::Service, "Unknown", Some(404)) => "NotFound",
        (Kind::Service, "Unknown", Some(403)) => "Forbidden",
        _ => code,
    };
    let class = classify(bare, code, status, kind);
    let message = match class {
        // The message of a service about a signature quotes the signed request, session token and all.
        ErrorClass::Credentials => "the credentials are not valid, or not any more; log in again".to_owned(),
        _ => clean(message.as_deref().filter(|m| !m.trim().is_empty()).unwrap_or(fallback)),
    };
    CallError { class, code: code.to_owned(), message: format!("{message} ({operation})") }
}

/// Returns the error of a call at AWS's own endpoint: an error page leaves the effect of a change open there,
/// since AWS, or a proxy before it, can answer with one after the change was made, and a read unanswered. An
/// endpoint that stands in for AWS answers so where it does not have the operation.
pub fn at_aws(error: CallError) -> CallError {
    if error.class != ErrorClass::Unsupported || error.code != ERROR_PAGE {
        return error;
    }
    let message =
        error.message.replace(NOT_THERE, "AWS, or something before it, answered with an error page");
    CallError { class: ErrorClass::Transient, code: "BadGateway".to_owned(), message }
}

/// Builds the error for a failure that a reply carried in its body.
pub fn in_body(operation: &str, code: &str, message: &str) -> CallError {
    described(operation, Kind::Service, Some(code), Some(message.to_owned()), None)
}

/// Builds the error for an input that the operation does not accept, before anything is sent.
pub fn bad_input(operation: &str, why: impl std::fmt::Display) -> CallError {
    CallError {
        class: ErrorClass::Semantic,
        code: "InvalidInput".to_owned(),
        message: clean(&format!("{operation} does not take this input: {why}")),
    }
}

/// Converts a failed read of one resource by its id to a fact: absent if it was not found, else unknown.
pub fn fact<T>(error: &CallError) -> Fact<T> {
    if says_absent(&error.code) { Fact::Absent } else { Fact::unknown(error) }
}

fn is_page(body: &[u8]) -> bool {
    let start = String::from_utf8_lossy(body.get(..200).unwrap_or(body)).trim_start().to_lowercase();
    let document = start.starts_with("<?xml")
        || start.starts_with('{')
        || start.starts_with("<error")
        || start.starts_with("<response");
    !start.is_empty() && !document
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |e: &&'a (dyn Error + 'static)| (*e).source())
}

fn mentions_credentials(error: &(dyn Error + 'static)) -> bool {
    chain(error).any(|e| {
        let text = e.to_string();
        text.contains("credential") || text.contains("identity resolver")
    })
}

fn innermost(error: &(dyn Error + 'static)) -> Option<String> {
    chain(error).last().map(ToString::to_string)
}

/// Shortens a message to one line of at most 500 characters, without anything that looks like a key or a
/// token.
pub fn clean(message: &str) -> String {
    let message = message.split("Encoded authorization failure message").next().unwrap_or(message);
    let words = message.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty());
    let mut after_header = false;
    let line = words.map(|word| {
        let secret = after_header || is_secret(word);
        after_header = ["authorization:", "x-amz-security-token:"]
            .iter()
            .any(|header| word.to_lowercase().ends_with(header));
        if secret { "(left out)" } else { word }
    });
    let line = line.collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(500) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

fn is_secret(word: &str) -> bool {
    let key_id = |part: &str| part.len() >= 20 && ["AKIA", "ASIA", "LSIA"].iter().any(|p| part.contains(p));
    // Parts of a signed request, which some endpoints quote back in their errors.
    let lower = word.to_lowercase();
    let signed =
        ["aws4-", "credential=", "signedheaders=", "signature=", "security-token:", "security-token="]
            .iter()
            .any(|part| lower.split_once(part).is_some_and(|(_, rest)| !rest.is_empty()));
    // Session tokens are long runs of base64; no id, ARN or name in a message comes near.
    signed || word.len() > 250 || word.split(|c: char| !c.is_ascii_alphanumeric()).any(key_id)
}

#[cfg(test)]
mod tests;
