//! Intake: from other tools' findings and CloudTrail events to suspicions, each a resource and the checks to
//! run on it. Pure over bytes: nothing is read from an account, and no finding ever decides a change, since
//! our own checks read and judge the resource before anything is planned.
//!
//! ```text
//!  bytes ─stream─▶ UTF-8 ─split, sheet─▶ records ─parse─▶ values ─sniff─▶ one reader of each format
//!                                                                                │ drafts
//!   Intake ◀─merge─ decisions ◀─replay, decide─ suspicions ◀─mapping, names──────┘
//! ```
//!
//! All input is written by others, attackers among them. Bytes, records, nesting and the number of kept
//! findings are bounded; a name becomes a `ResourceId` only after every part of it has been checked against
//! its own alphabet; texts are shortened and cleaned.

pub mod accused;
pub mod asff;
pub mod cloudtrail;
pub mod collect;
pub mod config;
pub mod confirm;
pub mod csv;
pub mod custodian;
pub mod draft;
pub mod encoding;
pub mod guardduty;
pub mod mapping;
pub mod model;
pub mod names;
pub mod ocsf;
pub mod origins;
pub mod page;
pub mod parse;
pub mod prowler;
pub mod read;
pub mod related;
pub mod sheet;
pub mod sniff;
pub mod split;
pub mod stream;
pub mod tap;
pub mod text;

pub use collect::{Counts, Intake, collect, decide};
pub use model::{Decision, Effects, Evidence, Item, Reason, Report, ReportedFinding, Source};
pub use read::{events, read};
pub use tap::Tap;
