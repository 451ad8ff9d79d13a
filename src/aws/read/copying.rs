//! Tries to copy volumes with encryption, which not every endpoint has.

use super::{Ask, Members, Reader, not_listed};
use crate::{
    aws::trial,
    calls::{Call, CallError, ErrorClass},
    inventory::{CopyTrial, Copying, Fact},
    services::{Sent, volume::CopyVolumes},
};

/// Calls `ec2:CopyVolumes` with `DryRun`, which copies nothing.
pub async fn trials(reader: Reader<'_>, region: &str, ask: &Ask) -> Members<CopyTrial> {
    let Ask::Ids(ids) = ask else { return not_listed("trials of copies") };
    let mut all = Vec::new();
    for id in ids {
        let copy = CopyVolumes::<Sent> {
            source_volume_id: id.clone(),
            volume_type: Some("gp3".to_owned()),
            size: None,
            iops: None,
            throughput: None,
            encrypted: Some(true),
            kms_key_id: None,
            tag_specifications: Vec::new(),
            client_token: format!("redress-trial-{id}"),
        };
        // The way of a call is too large for the stack of those who only read.
        let call = Call::of(region, &copy);
        let answer = Box::pin(trial::answer(reader.clients, reader.aws, &call)).await;
        let fact = match answer {
            Ok(error) => judged(&error),
            Err(why) => Fact::unknown(why),
        };
        all.push((id.clone(), fact.map(|copying| CopyTrial { id: id.clone(), copying })));
    }
    Ok(all)
}

/// Returns the meaning of an answer. Endpoints without the operation, or without encryption in it, report
/// that in several ways; any other error proves nothing.
fn judged(error: &CallError) -> Fact<Copying> {
    let lacks = error.class == ErrorClass::Unsupported
        || ["UnsupportedOperation", "UnknownParameter"].contains(&error.code.as_str())
        || error.code.starts_with("InvalidParameter");
    match error.code.as_str() {
        "DryRunOperation" => Fact::Known(Copying::Possible),
        "UnauthorizedOperation" => Fact::Known(Copying::Denied),
        _ if lacks => Fact::Known(Copying::Unsupported),
        _ => Fact::unknown(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::errors;

    #[test]
    fn only_what_proves_something_counts() {
        let of = |code: &str| judged(&errors::in_body("ec2:CopyVolumes", code, "x")).known().copied();
        assert_eq!(of("DryRunOperation"), Some(Copying::Possible));
        assert_eq!(of("UnauthorizedOperation"), Some(Copying::Denied));
        for code in ["InvalidAction", "UnsupportedOperation", "UnknownParameter", "InvalidParameterValue"] {
            assert_eq!(of(code), Some(Copying::Unsupported), "{code}");
        }
        for code in ["InvalidVolume.NotFound", "RequestLimitExceeded", "InternalError", "SomethingNew"] {
            assert_eq!(of(code), None, "{code}");
        }
    }
}
