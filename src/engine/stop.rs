//! The request to stop, as Ctrl-C, SIGTERM and SIGHUP make it: once for the next point where nothing is down, twice for at once.

use std::sync::atomic::{AtomicU8, Ordering};

/// A request that can be made from anywhere and is looked at by the engine.
#[derive(Debug, Default)]
pub struct Stop(AtomicU8);

impl Stop {
    /// Asks once more.
    pub fn request(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
    /// Whether to stop after the change at hand.
    pub fn soon(&self) -> bool {
        self.0.load(Ordering::SeqCst) >= 1
    }
    /// Whether to stop before the next call.
    pub fn now(&self) -> bool {
        self.0.load(Ordering::SeqCst) >= 2
    }
}
