//! The errors that the twin answers with: AWS's codes, each with its class. It must not invent a code of its
//! own, but for `TwinUnknown`: the twin's own code for facts that it was never given.

use crate::{
    calls::{CallError, ErrorClass},
    inventory::Fact,
};

/// Builds a refusal under AWS's code.
pub(super) fn refuse(code: &str, message: impl Into<String>) -> CallError {
    CallError { class: class_of(code), code: code.to_owned(), message: message.into() }
}

/// Adapts an error to an operation: for one that deletes, a missing resource means that it is already done.
pub(super) fn meant_for(operation: &str, error: CallError) -> CallError {
    let takes_away = ["Delete", "Revoke", "Disassociate"].iter().any(|word| operation.starts_with(word));
    if takes_away && says_absent(&error.code) {
        CallError { class: ErrorClass::AlreadyDone, ..error }
    } else {
        error
    }
}

/// Builds the error for a call that touches something that the twin was never given, so that its effect is
/// unknown.
pub(super) fn unknown(what: &str, why: &str) -> CallError {
    CallError {
        class: ErrorClass::Unsupported,
        code: "TwinUnknown".to_owned(),
        message: format!("{what} is not known here: {why}"),
    }
}

/// Returns the resource of a fact, the error of an absent one, or [`unknown`].
pub(super) fn must<'a, T>(
    fact: Fact<&'a T>,
    what: &str,
    absent: impl FnOnce() -> CallError,
) -> Result<&'a T, CallError> {
    match fact {
        Fact::Known(thing) => Ok(thing),
        Fact::Absent => Err(absent()),
        silent => Err(unknown(what, silent.silence().unwrap_or("not read"))),
    }
}

/// Codes by class (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html> and the API
/// references of IAM, CloudTrail, CloudWatch Logs and S3).
const CLASSES: &[(ErrorClass, &[&str])] = &[
    (ErrorClass::Throttled, &["RequestLimitExceeded", "ThrottlingException", "Throttling", "SlowDown"]),
    (
        ErrorClass::Transient,
        &["InternalError", "InternalFailure", "ServiceUnavailable", "Timeout", "Connection"],
    ),
    (
        ErrorClass::AlreadyDone,
        &[
            "InvalidPermission.Duplicate",
            "InvalidPermission.NotFound",
            "InvalidSecurityGroupRuleId.NotFound",
            "RouteAlreadyExists",
            "Resource.AlreadyAssociated",
            "FlowLogAlreadyExists",
            "NetworkAclEntryAlreadyExists",
            "TrailAlreadyExistsException",
            "ResourceAlreadyExistsException",
            "BucketAlreadyOwnedByYou",
            "EntityAlreadyExists",
        ],
    ),
    (
        ErrorClass::Consistency,
        &[
            "IncorrectState",
            "IncorrectInstanceState",
            "IncorrectModificationState",
            "VolumeInUse",
            "S3BucketDoesNotExistException",
            "InsufficientS3BucketPolicyException",
        ],
    ),
    (
        ErrorClass::Concurrency,
        &[
            "ConcurrentSnapshotLimitExceeded",
            "ResourceLimitExceeded",
            "PendingSnapshotLimitExceeded",
            "SnapshotCreationPerVolumeRateExceeded",
            "CopyVolumesLimitExceeded",
        ],
    ),
    (
        ErrorClass::Quota,
        &[
            "RulesPerSecurityGroupLimitExceeded",
            "NetworkAclEntryLimitExceeded",
            "RouteLimitExceeded",
            "TagLimitExceeded",
            "VolumeLimitExceeded",
            "MaxIOPSLimitExceeded",
            "SnapshotLimitExceeded",
            "MaximumNumberOfTrailsExceededException",
            "LimitExceeded",
            "LimitExceededException",
            "TooManyBuckets",
        ],
    ),
    (ErrorClass::Capacity, &["InsufficientInstanceCapacity"]),
    (ErrorClass::Denied, &["UnauthorizedOperation", "AccessDenied", "AccessDeniedException"]),
    (ErrorClass::Credentials, &["ExpiredToken", "ExpiredTokenException", "RequestExpired"]),
    (ErrorClass::Unsupported, &["InvalidAction"]),
];

/// Codes for a resource that does not exist, beside EC2's `Invalid*.NotFound`.
const ABSENT: &[&str] = &[
    "NoSuchEntity",
    "NoSuchBucket",
    "ResourceNotFoundException",
    "TrailNotFoundException",
    "NotFoundException",
    "NoSuchResourceException",
    "ListenerNotFound",
    "LoadBalancerNotFound",
    "TargetGroupNotFound",
    "WAFNonexistentItemException",
];

fn says_absent(code: &str) -> bool {
    (code.starts_with("Invalid") && code.ends_with(".NotFound")) || ABSENT.contains(&code)
}

fn class_of(code: &str) -> ErrorClass {
    let listed = CLASSES.iter().find(|(_, codes)| codes.contains(&code)).map(|(class, _)| *class);
    // A resource that was created a moment ago may not be found yet.
    listed.unwrap_or(if says_absent(code) { ErrorClass::Consistency } else { ErrorClass::Semantic })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_not_found_may_appear_yet_and_a_rule_not_found_is_done() {
        assert_eq!(refuse("InvalidVolume.NotFound", "").class, ErrorClass::Consistency);
        assert_eq!(refuse("InvalidSecurityGroupRuleId.NotFound", "").class, ErrorClass::AlreadyDone);
        assert_eq!(
            meant_for("DeleteVolume", refuse("InvalidVolume.NotFound", "")).class,
            ErrorClass::AlreadyDone
        );
        assert_eq!(meant_for("DeleteVolume", refuse("VolumeInUse", "")).class, ErrorClass::Consistency);
        assert_eq!(refuse("InvalidParameterValue", "").class, ErrorClass::Semantic);
    }

    #[test]
    fn no_code_stands_in_two_classes() {
        let mut all: Vec<&str> = CLASSES.iter().flat_map(|(_, codes)| codes.iter().copied()).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
