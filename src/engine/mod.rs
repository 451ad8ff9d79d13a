//! The engine: the only place that changes an account, and only by calls that stand in an approved plan or its way
//! back. Journal first, one call at a time, success proved on fresh facts. Changes that have nothing in common
//! run side by side ([`schedule`]). It knows the account only by its seam.
//!
//! Everything that it does is driven by the state that the journal tells ([`crate::journal::Story`]): applying is
//! resuming a run in which nothing has happened yet. So there is one body of code for both, and a crash at any point
//! leads back into it.

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
pub mod news;
mod notify;
mod patience;
mod preflight;
pub mod prune;
pub mod recover;
pub mod schedule;
mod serving;
mod staying;
pub mod step;
pub mod stop;
pub mod survey;
mod time_left;
pub mod turns;
pub mod undo;
pub mod verify;

use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

pub use news::{News, Silent, Talk};
pub use stop::Stop;

use crate::{
    account::Account,
    inventory::{Cause, Inventory, Reason},
    journal::StoreError,
    plan::{Plan, Stage, again::Today},
};

/// Makes a stage of facts: the twin is handed in, so that the engine need not know it.
pub type MakeStage<'a> = &'a (dyn Fn(Inventory) -> Box<dyn Stage> + Sync);

/// Applies, resumes and verifies runs on one account.
pub struct Engine<'a> {
    /// The account.
    pub account: &'a dyn Account,
    /// Who shows the news.
    pub talk: &'a dyn Talk,
    /// Whether to stop.
    pub stop: &'a Stop,
    /// Where changes are made again from fresh facts.
    pub stage: MakeStage<'a>,
    /// The playbooks and flags of whoever applies it: what they do not ask for any more is not done.
    pub today: &'a Today,
    /// How long after a call a listing may still not show what it made. Absence is not believed before
    /// (<https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html>: "up to a few minutes").
    pub lag: Duration,
    /// How many changes may run at once, from 1 to [`schedule::MOST_JOBS`]; 1 keeps the order of the plan.
    pub jobs: usize,
    /// How many changes may have something down at once in a region; [`turns::STOP_AT_ONCE`] unless more is asked for.
    pub stop_at_once: usize,
}

/// The bound on [`Engine::lag`] that is used against AWS.
pub const LAG: Duration = Duration::from_secs(300);

/// Why a run did not come to its end. What was done is in the journal, and `redress resume` goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The journal cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The credentials ended.
    #[error("the credentials are no longer accepted ({0}). Nothing was done after that; renew them and resume the run")]
    Credentials(String),
    /// It cannot be told whether a precondition holds.
    #[error("{0}. It cannot be told whether the call may be made, and nothing was called: make this readable and resume the run")]
    Unread(String),
    /// AWS has no room for what is to be started. It keeps its disks.
    #[error("AWS has no room for it yet ({0}). It stays as it is, stopped, with the disks that it has now; resume the run, which goes on asking")]
    NoRoom(String),
    /// What is waited for may no longer be read.
    #[error(
        "what was called cannot be followed: reading it is denied ({0}). Nothing was done after that, and nothing was taken back; let the caller read it \
         and resume the run"
    )]
    Blind(String),
    /// Another run has as many instances of the region down as may be.
    #[error("{0}. Nothing was taken down; resume the run when that is up again")]
    Elsewhere(String),
    /// It was asked to stop.
    #[error("stopped as asked, {0}")]
    Stopped(String),
}

impl EngineError {
    /// The reason to stop here that lies in a failed read, where no repetition helps: what was called stays as it is, and a
    /// resume looks on.
    fn of_read(reason: &Reason) -> Option<Self> {
        match reason.cause() {
            Cause::Credentials => Some(Self::Credentials(reason.to_string())),
            Cause::Denied => Some(Self::Blind(reason.to_string())),
            Cause::Other => None,
        }
    }

    /// The same for facts of which some could not be read because the credentials have ended. What is denied alone is for
    /// whoever needs the fact to judge.
    fn of_facts(facts: &Inventory) -> Option<Self> {
        facts.credentials_ended().map(|reason| Self::Credentials(reason.to_string()))
    }
}

/// The id of a run of this plan that begins now: readable, sortable by time, unique. The six digits at its end are the
/// milliseconds and three of a digest, so that the later of two runs of one second is the later one in every list.
pub fn run_id(plan: &Plan, now: Timestamp) -> String {
    let digest = Sha256::digest(format!("{}|{}|{}", plan.digest, now.as_nanosecond(), std::process::id()));
    let unique = (u16::from(digest[0]) << 4) | u16::from(digest[1] >> 4);
    format!("{}-{:03x}{unique:03x}", now.strftime("%Y%m%dT%H%M%SZ"), now.subsec_millisecond())
}
