//! The regions in which AWS has accepted the credentials of this process. Credentials that are valid in one
//! region can be refused in another one: where that region is not enabled for the account, or where a session
//! token of the global endpoint of STS does not count
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html>). That is no
//! reason to log in again.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use crate::calls::{CallError, ErrorClass};

/// Codes by which a service refuses credentials that it does not know. Credentials that have ended have codes
/// of their own, in every region.
const NOT_KNOWN: [&str; 4] =
    ["UnrecognizedClientException", "InvalidClientTokenId", "InvalidAccessKeyId", "InvalidToken"];

/// The regions with an answer to a request of these credentials.
#[derive(Debug, Default)]
pub struct Accepted(Mutex<BTreeSet<String>>);

impl Accepted {
    /// Records that a request was answered in a region.
    pub fn in_region(&self, region: &str) {
        let mut regions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !regions.contains(region) {
            regions.insert(region.to_owned());
        }
    }

    /// Returns an error as it is meant: where the same credentials were accepted in another region and never
    /// in this one, it is the region's.
    pub fn meant(&self, region: &str, operation: &str, error: CallError) -> CallError {
        if error.class != ErrorClass::Credentials || !NOT_KNOWN.contains(&error.code.as_str()) {
            return error;
        }
        let regions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(other) = regions.iter().next().filter(|_| !regions.contains(region)) else { return error };
        let message = format!(
            "{region} does not accept these credentials, which {other} has accepted: the region may not be \
             enabled for the account, or for a session token of the global endpoint of STS (set \
             AWS_STS_REGIONAL_ENDPOINTS=regional and log in again, or leave the region out) ({operation})"
        );
        CallError { class: ErrorClass::Denied, message, ..error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::errors;

    fn refused(code: &str) -> CallError {
        errors::in_body("logs:DescribeLogGroups", code, "The security token included is invalid.")
    }

    #[test]
    fn credentials_that_one_region_alone_refuses_are_that_regions_matter() {
        let accepted = Accepted::default();
        let class = |region: &str, code: &str| accepted.meant(region, "logs:X", refused(code)).class;
        assert_eq!(
            class("af-south-1", "UnrecognizedClientException"),
            ErrorClass::Credentials,
            "nothing worked"
        );
        accepted.in_region("us-east-1");
        let error = accepted.meant("af-south-1", "logs:X", refused("UnrecognizedClientException"));
        assert_eq!((error.class, error.code.as_str()), (ErrorClass::Denied, "UnrecognizedClientException"));
        assert!(error.message.contains("af-south-1") && error.message.contains("us-east-1"), "{error}");
        assert_eq!(class("us-east-1", "InvalidClientTokenId"), ErrorClass::Credentials, "they worked there");
        for code in ["ExpiredToken", "RequestExpired", "SignatureDoesNotMatch"] {
            assert_eq!(class("af-south-1", code), ErrorClass::Credentials, "{code}");
        }
        assert_eq!(class("af-south-1", "AccessDenied"), ErrorClass::Denied);
    }
}
