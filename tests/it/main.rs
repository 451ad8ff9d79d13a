//! The one integration-test binary. What each module covers is told in `docs/testing.md`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

mod aws;
mod corpus;
mod intake;
mod intake_hostile;
mod layering;
mod pages;
mod support;
