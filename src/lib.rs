//! redress fixes AWS findings.
//!
//! The flow of the data, and the one direction of imports:
//!
//! ```text
//!  AWS account ──read──▶ inventory ──▶ checks ──▶ findings ──▶ playbooks ──▶ actions ──▶ plan
//!    (or twin)             data         pure        data         pure         pure      data
//!                                                                                        │
//!                                                                          rehearsed on the twin
//!                                                                                        │
//!                                                                           approved, or not
//!                                                                                        │
//!  report ◀── verify: read again, check again ◀── engine: one call at a time, journal first
//! ```
//!
//! Between the two seams of [`account`] everything is a pure function over plain data. [`aws`] and [`twin`]
//! implement the seams and are known by name to [`cli`] alone, and [`aws`] to [`bucket`]; only [`engine`]
//! calls anything that changes an account; only [`journal::store`] writes runs to disk, and only [`bucket`]
//! writes them to S3. `tests/` contains a test for the direction of imports, and one that no files of a room
//! import each other in a circle.

pub mod account;
pub mod actions;
#[cfg(feature = "aws")]
pub mod aws;
#[cfg(not(feature = "aws"))]
#[path = "aws/absent.rs"]
pub mod aws;
#[cfg(feature = "aws")]
pub mod bucket;
#[cfg(not(feature = "aws"))]
#[path = "bucket/absent.rs"]
pub mod bucket;
pub mod calls;
pub mod checks;
pub mod cli;
pub mod engine;
pub mod evidence;
pub mod finding;
pub mod intake;
pub mod inventory;
pub mod investigate;
pub mod journal;
pub mod plan;
pub mod playbook;
pub mod private;
pub mod reach;
pub mod report;
pub mod resource;
pub mod services;
pub mod twin;
