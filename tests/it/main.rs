//! The one integration-test binary. What each module covers is told in `docs/testing.md`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

mod aws;
mod aws_calls;
mod aws_faults;
mod cli;
mod clinic;
mod clinic_desk;
mod corpus;
mod findings;
mod intake;
mod intake_hostile;
mod jobs;
mod laws;
mod layering;
mod likeness;
mod pages;
mod permissions;
mod plans;
mod stand;
mod support;
mod world;
