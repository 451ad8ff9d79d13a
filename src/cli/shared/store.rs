//! The store of runs in a bucket, and the failures of any store.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::{fail::Fail, out::Out};
use crate::{
    aws, bucket,
    journal::{Store, StoreError},
};

/// The number of seconds after which a lock in a bucket expires without a sign of life.
const LEASE: u64 = 60;

/// Opens the store of runs in a bucket. `REDRESS_LOCK_SECONDS` sets the number of seconds after which a lock
/// in it expires without a sign of life.
///
/// # Errors
/// When the URL is invalid (exit 2), or the bucket does not exist or does not answer (exit 1).
pub(super) fn store_in_bucket(url: &str, settings: &aws::Settings, out: Out) -> Result<Box<dyn Store>, Fail> {
    bucket::parse(url).map_err(Fail::usage)?;
    let given = std::env::var("REDRESS_LOCK_SECONDS").ok().and_then(|text| text.parse().ok());
    let lease = Duration::from_secs(given.unwrap_or(LEASE).clamp(1, LEASE));
    bucket::store(url, settings, lease, move |clear| warn_of_clear(out, clear)).map_err(store_fail)
}

/// Warns once about each endpoint to which everything is sent in the clear.
pub(super) fn warn_of_clear(out: Out, endpoints: &[String]) {
    static WARNED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    for endpoint in endpoints {
        if WARNED.lock().unwrap_or_else(PoisonError::into_inner).insert(endpoint.clone()) {
            out.always(&format!(
                "warning: everything sent to {endpoint} goes over plain http: anyone on the path can read \
                 session tokens and signatures and answer in place of AWS. Use https"
            ));
        }
    }
}

/// Turns an error of the store into a failure with its exit code.
pub fn store_fail(error: StoreError) -> Fail {
    match error {
        StoreError::NoSuchRun { .. } | StoreError::Refused { .. } => Fail::usage(error.to_string()),
        _ => Fail::failure(error.to_string()),
    }
}
