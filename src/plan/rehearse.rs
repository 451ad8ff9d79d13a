//! The rehearsal: a plan is tried on a copy of the user's own account before anyone sees it. The copy is handed in as a
//! [`Stage`]; nothing here knows who plays it.

use std::time::Duration;

use crate::{
    calls::{Call, Outcome},
    inventory::{Inventory, Scope},
};

/// A copy of an account on which calls can be tried. The twin is one.
pub trait Stage {
    /// All that is known there now.
    fn inventory(&self) -> Inventory;
    /// Performs a call. A call that touches what is not known fails as `Unsupported`, with the reason.
    fn perform(&mut self, call: &Call) -> Outcome;
    /// Lets time pass, so that what was begun gets done.
    fn pass(&mut self, time: Duration);
    /// Takes over more facts, read from the real account.
    fn learn(&mut self, facts: Inventory);
    /// What of the scope is not known there.
    fn missing(&self, scope: &Scope) -> Vec<String>;
    /// Another copy, as things stand now.
    fn fork(&self) -> Box<dyn Stage>;
}
