//! ProgressEvent from the engine while it works, for display. A receiver must never change the course of a
//! run.

use crate::journal::Outcome;

/// A piece of news.
#[derive(Debug, Clone, PartialEq)]
pub enum ProgressEvent {
    /// A change begins.
    ChangeBegins {
        /// Its id.
        id: String,
        /// A summary of the change.
        summary: String,
        /// Its number in the plan, from 1.
        place: usize,
        /// The number of changes in the plan.
        of: usize,
        /// The number of its steps.
        steps: usize,
    },
    /// A step begins.
    StepBegins {
        /// The change.
        change: String,
        /// The title of the step.
        title: String,
        /// Its number in the change, from 1; 0 in a rollback.
        place: usize,
    },
    /// The engine waits for AWS.
    Waiting {
        /// The change.
        change: String,
        /// The condition that is waited for.
        why: String,
        /// Seconds since the wait began.
        seconds: u64,
    },
    /// Before something is taken down, it is not known whether some calls would be allowed.
    NotTried {
        /// The change.
        change: String,
        /// The calls, each with the reason.
        calls: Vec<String>,
    },
    /// Something is about to be taken down, and a first pass over its disks was measured before.
    Downtime {
        /// The change.
        change: String,
        /// Seconds of the first pass.
        pass: u64,
        /// The least seconds for which it is expected to be down.
        least: u64,
        /// The most.
        most: u64,
    },
    /// A change waits before a call for its turn.
    ItsTurn {
        /// The change.
        change: String,
        /// The condition that is waited for.
        why: String,
        /// Seconds since the wait began.
        seconds: u64,
    },
    /// A call will be made again.
    Again {
        /// The change.
        change: String,
        /// The reason.
        why: String,
        /// Seconds until then.
        seconds: u64,
    },
    /// A change is rolled back.
    GoingBack {
        /// The change.
        change: String,
        /// The reason.
        reason: String,
    },
    /// A change is over.
    ChangeEnds {
        /// Its id.
        id: String,
        /// Its outcome.
        outcome: Outcome,
        /// The reason.
        reason: String,
    },
}

/// A receiver of news.
pub trait Observer: Send + Sync {
    /// Shows one piece of news.
    fn on_progress(&self, event: &ProgressEvent);
}

/// A receiver that shows nothing.
pub struct Silent;

impl Observer for Silent {
    fn on_progress(&self, _: &ProgressEvent) {}
}
