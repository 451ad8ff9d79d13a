//! The seam of a rehearsal: a copy of an account on which calls can be tried. Nothing here knows who plays
//! it.

use std::time::Duration;

use crate::{
    calls::{Call, Outcome},
    inventory::{Inventory, Scope},
};

/// A copy of an account on which calls can be tried. The twin is one.
pub trait Stage {
    /// Returns all facts that are known there now.
    fn inventory(&self) -> Inventory;
    /// Borrows the same facts without a copy, dated at the beginning: repeated looks must not cost the whole
    /// account each time.
    fn facts(&self) -> &Inventory;
    /// Performs a call. A call that touches unknown facts fails as `Unsupported`, with the reason.
    fn perform(&mut self, call: &Call) -> Outcome;
    /// Lets time pass, so that operations in progress finish.
    fn pass(&mut self, time: Duration);
    /// Sets a limit to the account's own quota. The limit is named by the error code of AWS.
    fn allow(&mut self, code: &str, quota: usize);
    /// Returns whether an operation is still in progress there: on one of these things, or on any where none
    /// is named.
    fn under_way(&self, ids: &[String]) -> bool;
    /// Takes over more facts, read from the real account.
    fn learn(&mut self, facts: Inventory);
    /// Lists the parts of the scope that are not known there.
    fn missing(&self, scope: &Scope) -> Vec<String>;
    /// Returns another copy, in the present state.
    fn fork(&self) -> Box<dyn Stage>;
}
