//! The account of what one actor did, out of CloudTrail events: an access key, a user, a role, an instance or
//! an address. Pure over events; nothing is opened or asked for here, and nothing here decides what is wrong
//! now: that is for our own checks, to which the events of the actor go as any other findings do.
//!
//! ```text
//!  bytes ─intake─▶ events ─target─▶ those of the actor ─effect─▶ what they made, opened, ran and took
//!                                          │                                   │
//!                                          ▼                                   ▼
//!                               figures, each list bounded            the account of it: Investigation
//! ```
//!
//! All input is written by others, attackers among them: a list keeps a fixed number of entries and counts
//! the rest, texts are shortened and cleaned, and only the members that the table names are kept of what a
//! call asked for and got.

mod capped;
pub mod document;
mod effect;
mod event;
mod kept;
mod table;
pub mod target;
mod timeline;
mod trace;

#[cfg(test)]
mod tests;

pub use document::Investigation;
pub use target::Target;
pub use trace::{Period, Trace};
