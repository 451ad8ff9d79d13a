//! The time until which a call may be sent. Pure but for the clocks.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// The end of the time in which a process may make calls, by both clocks: the one stands still while a
/// machine sleeps, the other can be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Until(Option<(Instant, Timestamp)>);

impl Until {
    /// No end: the lock on the account lasts as long as the process.
    pub const EVER: Until = Until(None);

    /// Adds a duration to a moment that both clocks have shown. A time that no clock can show has no end.
    pub fn after(moment: (Instant, Timestamp), time: Duration) -> Self {
        Self(moment.0.checked_add(time).zip(moment.1.checked_add(time).ok()))
    }

    /// Checks whether the time is over, by either clock.
    pub fn is_over(self) -> bool {
        self.0.is_some_and(|(instant, time)| Instant::now() >= instant || Timestamp::now() >= time)
    }

    /// Returns the earlier of two, by each clock.
    #[must_use]
    pub fn earlier(self, other: Self) -> Self {
        match (self.0, other.0) {
            (Some(one), Some(other)) => Self(Some((one.0.min(other.0), one.1.min(other.1)))),
            (one, other) => Self(one.or(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_clock_ends_the_time() {
        let (instant, time, minute) = (Instant::now(), Timestamp::now(), Duration::from_secs(60));
        let before = |t: Timestamp| t.checked_sub(minute).unwrap_or(t);
        assert!(!Until::after((instant, time), minute).is_over());
        assert!(Until::after((instant, before(time)), minute).is_over(), "the machine slept");
        assert!(Until::after((instant, time), Duration::ZERO).is_over());
        assert!(!Until::EVER.is_over());
        assert!(Until::EVER.earlier(Until::after((instant, before(time)), minute)).is_over());
        assert!(
            Until::after((instant, time), minute)
                .earlier(Until::after((instant, before(time)), minute))
                .is_over()
        );
    }
}
