//! Evidence of use: from VPC flow logs to who has used the traffic that a plan closes. Pure over bytes:
//! nothing is opened or asked for here.
//!
//! ```text
//!  bytes ─text, parquet─▶ one flow after the other ─┐
//!                                                   ▼
//!  what changes close ─▶ questions, by interface ─▶ tally ─▶ uses ─▶ words, and networks to allow
//! ```
//!
//! [`Seen`] takes the same records for another question: all traffic of one address, or of some interfaces.
//!
//! Logs are written by AWS and come through the hands of others: lines, sources and the memory they take are
//! bounded, and an address is shown only after it has been read as one. An interface that no record names is
//! unknown, and never unused.

mod closing;
mod flow;
mod layout;
mod observed;
#[cfg(feature = "parquet")]
pub mod parquet;
mod seen;
mod sources;
mod tally;
pub mod text;
mod uses;
mod words;

pub use closing::{At, Closing, Stays, Traffic};
pub use flow::{Flow, Outcome, Sink, Status, Way};
pub use layout::{Bad, Layout};
pub use observed::{MOST_NETWORKS, observed};
pub use seen::{Port, Seen, Side, Traffic as SeenTraffic};
pub use tally::{Interface, Question, Tally};
pub use uses::{Count, Evidence, Source, Use};
pub use words::lines;

#[cfg(test)]
mod tests;
