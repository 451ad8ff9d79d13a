//! The engine: the only place that changes an account, and only by calls of an approved plan or its rollback.
//! Journal first, one call at a time, success proved on fresh facts. Changes that have nothing in common run
//! side by side ([`schedule`]). It knows the account only by its seam.
//!
//! The state in the journal ([`crate::journal::Story`]) drives everything: applying is resuming a run in
//! which nothing has happened yet. So there is one body of code for both, and a crash at any point leads back
//! into it.

pub mod apply;
mod as_it_is;
mod as_left;
mod bare;
mod before;
mod begin;
mod by_hand;
pub mod gather;
mod ledger;
pub mod left;
mod left_down;
mod leftover;
mod look;
mod marks;
mod named;
mod notify;
mod patience;
mod preflight;
pub mod progress;
pub mod prune;
pub mod recover;
mod rollback;
mod room;
pub mod schedule;
mod serving;
mod so_far;
mod staying;
pub mod step;
pub mod stop;
pub mod survey;
mod take_turn;
mod time_left;
pub mod turns;
pub mod undo;
pub mod verify;

use std::time::Duration;

use jiff::Timestamp;
pub use progress::{Observer, ProgressEvent, Silent};
use sha2::{Digest, Sha256};
pub use stop::Stop;

use crate::{
    account::Account,
    inventory::{Cause, Inventory, Reason},
    journal::StoreError,
    plan::{Plan, Stage, again::Today},
};

/// A function that makes a stage from facts. The twin is passed in, so that the engine need not know it.
pub type MakeStage<'a> = &'a (dyn Fn(Inventory) -> Box<dyn Stage> + Sync);

/// An engine that applies, resumes and verifies runs on one account.
pub struct Engine<'a> {
    /// The account.
    pub account: &'a dyn Account,
    /// The receiver of news.
    pub talk: &'a dyn Observer,
    /// The request to stop.
    pub stop: &'a Stop,
    /// The maker of stages, on which changes are made again from fresh facts.
    pub stage: MakeStage<'a>,
    /// The playbooks and flags of the person who applies the plan: changes that they no longer ask for are
    /// not made.
    pub today: &'a Today,
    /// The time after a call during which a listing may not show its result. Absence is not believed before
    /// (<https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html>: "up to a few minutes").
    pub lag: Duration,
    /// The number of changes that may run at once, from 1 to [`schedule::MOST_JOBS`]; 1 keeps the order of
    /// the plan.
    pub jobs: usize,
    /// The number of changes that may have something down at once in a region; [`turns::STOP_AT_ONCE`] by
    /// default.
    pub stop_at_once: usize,
}

/// The value of [`Engine::lag`] that is used with AWS.
pub const LAG: Duration = Duration::from_secs(300);

/// The reason for which a run did not come to its end. All calls so far are in the journal, and
/// `redress resume` continues from there.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The journal cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The credentials have ended.
    #[error(
        "the credentials are no longer accepted ({0}). Nothing was done after that; renew them and resume \
         the run"
    )]
    Credentials(String),
    /// It is not known whether a precondition holds.
    #[error(
        "{0}. It is unknown whether the call may be made, and nothing was called: make this readable and \
         resume the run"
    )]
    Unread(String),
    /// AWS has no capacity for the instance that is to be started. The instance keeps its disks.
    #[error(
        "AWS has no capacity for it yet ({0}). It stays stopped, with the disks that it has now; resume the \
         run, which tries again"
    )]
    NoRoom(String),
    /// The caller may no longer read the resource that is waited for.
    #[error(
        "what was called cannot be followed: reading it is denied ({0}). Nothing was done after that, and \
         nothing was rolled back; let the caller read it and resume the run"
    )]
    Blind(String),
    /// Other runs have as many instances of the region down as may be down at once.
    #[error("{0}. Nothing was taken down; resume the run when that is up again")]
    Elsewhere(String),
    /// The run was asked to stop.
    #[error("stopped as asked, {0}")]
    Stopped(String),
}

impl EngineError {
    /// Returns the reason to stop here after a failed read that no repetition helps: the effects of calls
    /// stay as they are, and a resume continues the wait.
    fn of_read(reason: &Reason) -> Option<Self> {
        match reason.cause() {
            Cause::Credentials => Some(Self::Credentials(reason.to_string())),
            Cause::Denied => Some(Self::Blind(reason.to_string())),
            Cause::Other => None,
        }
    }

    /// Returns the reason to stop where some facts could not be read since the credentials have ended. A mere
    /// denial is judged by the code that needs the fact.
    fn of_facts(facts: &Inventory) -> Option<Self> {
        facts.credentials_ended().map(|reason| Self::Credentials(reason.to_string()))
    }
}

/// Returns the id of a run of this plan that begins now: readable, sortable by time, unique. The six digits
/// at its end are the milliseconds and three of a digest, so that the later of two runs of one second is the
/// later one in every list.
pub fn run_id(plan: &Plan, now: Timestamp) -> String {
    let digest = Sha256::digest(format!("{}|{}|{}", plan.digest, now.as_nanosecond(), std::process::id()));
    let unique = (u16::from(digest[0]) << 4) | u16::from(digest[1] >> 4);
    format!("{}-{:03x}{unique:03x}", now.strftime("%Y%m%dT%H%M%SZ"), now.subsec_millisecond())
}
