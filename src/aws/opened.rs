//! An account that was opened: the same in a build without the SDK.

use super::History;
use crate::account::Account;

/// An account that has been opened.
pub struct Opened {
    /// The account.
    pub account: Box<dyn Account>,
    /// The regions that were asked for; for `all` those that are enabled.
    pub regions: Vec<String>,
    /// The event history of the account.
    pub history: History,
}
