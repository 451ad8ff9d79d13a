//! The request to stop, as made by Ctrl-C, SIGTERM and SIGHUP: once for the next point where nothing is down,
//! twice for at once.

use std::sync::atomic::{AtomicU8, Ordering};

/// A request that can be made from anywhere and that the engine checks.
#[derive(Debug, Default)]
pub struct Stop(AtomicU8);

impl Stop {
    /// Requests a stop once more.
    pub fn request(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
    /// Checks whether to stop after the change at hand.
    pub fn soon(&self) -> bool {
        self.0.load(Ordering::SeqCst) >= 1
    }
    /// Checks whether to stop before the next call.
    pub fn now(&self) -> bool {
        self.0.load(Ordering::SeqCst) >= 2
    }
}
