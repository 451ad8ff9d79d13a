//! The way to AWS in a build without the SDK: there is none, and every attempt reports that and how to get
//! it. The command line finds the same names here as in the other build.

use std::convert::Infallible;

use jiff::Timestamp;
use tokio::sync::mpsc;

mod opened;
mod share;
mod terms;

pub use opened::Opened;
pub use share::{SHARE, Tell};
pub use terms::{
    DAYS, LookupEvent, LookupFilter, OtherAccount, PAGE, Settings, global_region, log_filter, reach,
};

/// The reason, and the remedy.
pub(crate) const ABSENT: &str = "\
    this redress was built without the AWS SDK (--no-default-features): it works on twins, such as --account \
    twin:demo, and cannot reach AWS. For AWS build it with `cargo build --release`";

/// The reason why the account cannot be reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The SDK is not part of this build.
    #[error("{ABSENT}")]
    Absent,
    /// The credentials are for an account that is not allowed.
    #[error(transparent)]
    OtherAccount(#[from] OtherAccount),
}

impl ConnectError {
    /// Returns whether other flags, variables or files would lead to the account: they lead to a twin.
    pub fn is_input(&self) -> bool {
        true
    }
}

/// Refuses to open an account.
///
/// # Errors
/// Always.
pub async fn open(_: &Settings, _: impl Fn(&[String]), _: Tell) -> Result<Opened, ConnectError> {
    Err(ConnectError::Absent)
}

/// The event history of an account of AWS; there is none in this build.
#[derive(Debug, Clone)]
pub struct History(Infallible);

impl History {
    /// Returns how many calls a second are made in each region.
    pub fn rate(&self) -> Option<f64> {
        match self.0 {}
    }

    /// Looks up the events of regions.
    pub fn look(
        &self,
        _: Vec<String>,
        _: (Timestamp, Timestamp),
        _: &LookupFilter,
    ) -> mpsc::Receiver<LookupEvent> {
        match self.0 {}
    }
}
