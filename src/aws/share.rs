//! The share of AWS's rates that redress takes, and the report of long waits: the same in a build without the
//! SDK.

use std::time::Duration;

/// The share, in percent, unless another is asked for: the account's own automation needs the rest.
pub const SHARE: u8 = 50;

/// A callback for long waits: the operation that waits, and the length of the wait.
pub type Tell = Box<dyn Fn(&str, Duration) + Send + Sync>;
