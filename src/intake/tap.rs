//! Whole events, for those who ask what somebody did and not what is wrong: every event that intake
//! recognises, in whichever envelope it comes, instead of the suspicions that follow from it.

use serde_json::Value;

/// A receiver of CloudTrail events.
pub trait Tap {
    /// Counts an event by its text alone and returns `true` where that is enough. Only records of a log are
    /// offered in this way; with `false` the record is parsed, and [`Tap::take`] receives it if it is an
    /// event.
    fn passes_over(&mut self, text: &[u8]) -> bool;
    /// Takes an event.
    fn take(&mut self, event: &Value);
}
