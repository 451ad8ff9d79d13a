//! Runs in a bucket, in a build without the SDK: there are none, and every attempt reports that and how to
//! get them. The command line finds the same names here as in the other build.

use std::time::Duration;

use crate::{
    aws::{ABSENT, Settings},
    journal::{Store, StoreError},
};

/// Refuses a place for runs in a bucket.
///
/// # Errors
/// Always.
pub fn parse(url: &str) -> Result<(String, String), String> {
    Err(format!("{url}: {ABSENT}"))
}

/// Refuses to open a store of runs in a bucket.
///
/// # Errors
/// Always.
pub fn store(
    url: &str,
    _: &Settings,
    _: Duration,
    _: impl Fn(&[String]) + Send + 'static,
) -> Result<Box<dyn Store>, StoreError> {
    Err(StoreError::Remote { place: url.to_owned(), what: "be opened", why: ABSENT.to_owned() })
}
