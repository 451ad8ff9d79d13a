//! Tries to copy volumes with encryption, which not every endpoint has.

use aws_sdk_ec2::{Client, types::VolumeType};

use super::{Ask, Members, Reader, not_listed};
use crate::{
    aws::retry::reading,
    calls::{CallError, ErrorClass},
    inventory::{CopyTrial, Copying, Fact},
};

/// The id of no volume.
const NOWHERE: &str = "vol-00000000000000000";

/// Calls `ec2:CopyVolumes` through the client that adds `DryRun` to every request, so that nothing is copied.
pub async fn trials(reader: Reader<'_>, only_try: &Client, ask: &Ask) -> Members<CopyTrial> {
    let Ask::Ids(ids) = ask else { return not_listed("trials of copies") };
    let mut all = Vec::new();
    for id in ids {
        let copying = match reader.aws {
            true => judged(tried(only_try, id).await),
            false => elsewhere(only_try, id).await,
        };
        all.push((id.clone(), copying.map(|copying| CopyTrial { id: id.clone(), copying })));
    }
    Ok(all)
}

/// Tries a copy at an endpoint that is not AWS's. Some of those make the call all the same: a volume that
/// does not exist is tried first, where it does no harm.
async fn elsewhere(only_try: &Client, id: &str) -> Fact<Copying> {
    let answer = tried(only_try, NOWHERE).await;
    match answer.as_ref().map_err(|error| error.code.as_str()) {
        // A denial is decided before any resource is looked at, as on AWS.
        Err("DryRunOperation" | "UnauthorizedOperation") => judged(tried(only_try, id).await),
        Err(_) if lacks(answer.as_ref().err()) => Fact::Known(Copying::Unsupported),
        _ => Fact::unknown("this endpoint is not AWS's, and does not only try a copy when it is asked to"),
    }
}

/// Returns the error with which a trial is answered, whatever its result.
async fn tried(only_try: &Client, id: &str) -> Result<(), CallError> {
    let request = only_try
        .copy_volumes()
        .source_volume_id(id)
        .volume_type(VolumeType::Gp3)
        .encrypted(true)
        .client_token(format!("redress-trial-{id}"));
    reading("ec2:CopyVolumes", || request.clone().send()).await.map(|_| ())
}

/// Returns whether an answer shows that the endpoint does not have the operation, or not with encryption.
/// They report that in several ways.
fn lacks(error: Option<&CallError>) -> bool {
    error.is_some_and(|error| {
        error.class == ErrorClass::Unsupported
            || ["UnsupportedOperation", "UnknownParameter"].contains(&error.code.as_str())
            || error.code.starts_with("InvalidParameter")
    })
}

/// Returns the meaning of an answer. Any error that is not known proves nothing.
fn judged(answer: Result<(), CallError>) -> Fact<Copying> {
    let Err(error) = answer else {
        return Fact::unknown("the endpoint did not confirm that it only tried a copy");
    };
    match error.code.as_str() {
        "DryRunOperation" => Fact::Known(Copying::Possible),
        "UnauthorizedOperation" => Fact::Known(Copying::Denied),
        _ if lacks(Some(&error)) => Fact::Known(Copying::Unsupported),
        _ => Fact::unknown(&error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::errors;

    #[test]
    fn only_what_proves_something_counts() {
        let of = |code: &str| judged(Err(errors::in_body("ec2:CopyVolumes", code, "x"))).known().copied();
        assert_eq!(of("DryRunOperation"), Some(Copying::Possible));
        assert_eq!(of("UnauthorizedOperation"), Some(Copying::Denied));
        for code in ["InvalidAction", "UnsupportedOperation", "UnknownParameter", "InvalidParameterValue"] {
            assert_eq!(of(code), Some(Copying::Unsupported), "{code}");
        }
        for code in ["InvalidVolume.NotFound", "RequestLimitExceeded", "InternalError", "SomethingNew"] {
            assert_eq!(of(code), None, "{code}");
        }
        assert!(matches!(judged(Ok(())), Fact::Unknown(_)));
    }
}
