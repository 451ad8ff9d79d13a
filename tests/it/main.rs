//! The one integration-test binary. What each module covers is told in `docs/testing.md`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

mod aws;
mod aws_calls;
mod aws_faults;
mod ci;
mod cli;
mod clinic;
mod clinic_desk;
mod corpus;
mod explain;
mod export;
mod findings;
mod fix;
mod foreign;
mod hostile;
mod html;
mod intake;
mod intake_hostile;
mod intake_kin;
mod jobs;
mod kill;
mod laws;
mod layering;
mod likeness;
mod pages;
mod permissions;
mod plans;
mod proving;
mod proxy;
mod secrets;
mod stand;
mod state;
mod support;
mod world;
