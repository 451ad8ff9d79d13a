//! What the engine tells while it works, for whoever shows it. Telling must never change what is done.

use crate::journal::Outcome;

/// One piece of news.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// A change begins.
    ChangeBegins {
        /// Its id.
        id: String,
        /// What it does.
        summary: String,
        /// Its place, from 1.
        place: usize,
        /// Of how many.
        of: usize,
        /// How many steps it has.
        steps: usize,
    },
    /// A step begins.
    StepBegins {
        /// The change.
        change: String,
        /// What it does.
        title: String,
        /// Its place, from 1.
        place: usize,
    },
    /// Waiting for AWS.
    Waiting {
        /// The change.
        change: String,
        /// For what.
        why: String,
        /// Since how many seconds.
        seconds: u64,
    },
    /// Before something is taken down, it could not be told of some calls whether they would be allowed.
    NotTried {
        /// The change.
        change: String,
        /// The calls, each with the reason.
        calls: Vec<String>,
    },
    /// A change waits before a call until its turn comes.
    ItsTurn {
        /// The change.
        change: String,
        /// For what.
        why: String,
        /// Since how many seconds.
        seconds: u64,
    },
    /// A call will be made again.
    Again {
        /// The change.
        change: String,
        /// Why.
        why: String,
        /// In how many seconds.
        seconds: u64,
    },
    /// A change goes back.
    GoingBack {
        /// The change.
        change: String,
        /// Why.
        reason: String,
    },
    /// A change is over.
    ChangeEnds {
        /// Its id.
        id: String,
        /// What became of it.
        outcome: Outcome,
        /// Why.
        reason: String,
    },
}

/// Whoever shows the news.
pub trait Talk: Send + Sync {
    /// Takes one piece.
    fn tell(&self, news: &News);
}

/// Shows nothing.
pub struct Silent;

impl Talk for Silent {
    fn tell(&self, _: &News) {}
}
