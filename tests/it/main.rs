//! The one integration-test binary. What each module covers is told in `docs/testing.md`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod aws;
mod aws_calls;
mod aws_faults;
mod support;
