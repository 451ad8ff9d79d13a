//! The journal of a run at work: events go to a destination for good, and the state follows. It refuses an
//! event that cannot follow. The errors of a store, with their remedies, are here as well.

use std::{io, path::Path};

use jiff::Timestamp;

use super::{Event, IllegalEvent, Signed, Story, line::Damage};
use crate::calls::Until;

/// A destination for events.
pub trait Log: Send {
    /// Keeps one event for good.
    ///
    /// # Errors
    /// When it could not be kept: then nothing that it announces may be done.
    fn append(&mut self, at: Timestamp, event: &Event) -> Result<(), StoreError>;

    /// Checks, directly before a call, that the locks of this run are still this process's own, and returns
    /// the time until which they surely are. A lock of the operating system lasts as long as the process; a
    /// lock that lives by signs of life may have been taken over since the last record.
    ///
    /// # Errors
    /// [`StoreError::Lost`], or when that cannot be known: then the call must not be made.
    fn may_call(&mut self) -> Result<Until, StoreError> {
        Ok(Until::EVER)
    }

    /// Checks, for a change that waits, that no lock of this run is known to be lost. It makes no request: a
    /// store that does not answer for a moment ends no wait.
    ///
    /// # Errors
    /// [`StoreError::Lost`].
    fn may_wait(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// A log with the state that its events lead to.
pub struct Journal {
    /// The state.
    pub story: Story,
    /// The signer of the current command's input, if a signature was required.
    pub signed: Option<Signed>,
    log: Box<dyn Log>,
}

impl Journal {
    /// Creates a journal that is new, or continues after `story`.
    pub fn new(story: Story, log: Box<dyn Log>) -> Self {
        Self { story, signed: None, log }
    }

    /// Appends an event to the log and updates the state.
    ///
    /// # Errors
    /// See [`Log::append`]; [`StoreError::Illegal`] where the event may not follow.
    pub fn write(&mut self, at: Timestamp, event: Event) -> Result<(), StoreError> {
        self.story.allows(&event)?;
        self.log.append(at, &event)?;
        self.story.apply(at, &event);
        Ok(())
    }

    /// Checks, directly before a call, that it may still be made.
    ///
    /// # Errors
    /// See [`Log::may_call`].
    pub fn may_call(&mut self) -> Result<Until, StoreError> {
        self.log.may_call()
    }

    /// Checks that no lock of this run is known to be lost.
    ///
    /// # Errors
    /// See [`Log::may_wait`].
    pub fn may_wait(&mut self) -> Result<(), StoreError> {
        self.log.may_wait()
    }
}

/// A log in memory, for rehearsals and tests.
#[derive(Debug, Default)]
pub struct MemoryLog {
    /// The events.
    pub events: Vec<(Timestamp, Event)>,
}

impl Log for MemoryLog {
    fn append(&mut self, at: Timestamp, event: &Event) -> Result<(), StoreError> {
        self.events.push((at, event.clone()));
        Ok(())
    }
}

/// Returns the system's text for an error, without its number.
fn cause(error: &io::Error) -> String {
    error.to_string().split(" (os error").next().unwrap_or_default().to_owned()
}

/// Returns advice for a person about an error of the disk.
fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "run it as the user to whom the file belongs, or give yourself the right to read and write it"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "make room there and run the command again"
        }
        _ => "choose another place with --state-dir",
    }
}

/// An error of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or folder could not be read or written.
    #[error(
        "{path}: cannot {what}: {}. Without its journal redress changes nothing: {}",
        cause(error),
        remedy(error)
    )]
    Io {
        /// The file or folder.
        path: String,
        /// The operation that was tried.
        what: &'static str,
        /// The cause of the failure.
        #[source]
        error: io::Error,
    },
    /// The journal is damaged.
    #[error("{path}: {damage}")]
    Damaged {
        /// The journal.
        path: String,
        /// The damage.
        damage: Damage,
    },
    /// An event that may not follow those before it.
    #[error(
        "this is a fault of redress: the run comes to {0}. It was not recorded, and nothing was called after \
         that"
    )]
    Illegal(#[from] IllegalEvent),
    /// The plan of a run cannot be read.
    #[error("{path}: {why}")]
    Plan {
        /// The file.
        path: String,
        /// The reason.
        why: String,
    },
    /// The credentials may not be used with this place.
    #[error("{place} is not opened: {why}")]
    Refused {
        /// The place.
        place: String,
        /// The reason.
        why: String,
    },
    /// There is no such run.
    #[error("there is no run {run} in {state_dir}: {hint}")]
    NoSuchRun {
        /// The run that was asked for.
        run: String,
        /// The place of the store.
        state_dir: String,
        /// Advice: perhaps another run was meant, or another place.
        hint: String,
    },
    /// Somebody else is at work.
    #[error("{holder} is at work on {what}: two runs at once could undo each other. Wait for it, or end it")]
    Locked {
        /// The run that holds the lock, its owner, and the time since which it holds it.
        holder: String,
        /// The region and the account.
        what: String,
    },
    /// The plan beside a journal is not the one that the run began with.
    #[error(
        "{path}: the run began with the plan {journal}, but the plan beside it is {beside}. Put the run's \
         own plan.json back; without it the run must be settled by hand"
    )]
    OtherPlan {
        /// The journal.
        path: String,
        /// The digest that the journal names.
        journal: String,
        /// The digest of the plan beside it.
        beside: String,
    },
    /// Another process holds the lock now.
    #[error("{place}: {why}. Nothing was called after that: the run is the other process's now")]
    Lost {
        /// The place of the lock.
        place: String,
        /// The present holder, and the time since which this process was silent.
        why: String,
    },
    /// A store that is not a folder could not be reached, or refused.
    #[error("{place}: cannot {what}: {why}. Without its journal redress changes nothing")]
    Remote {
        /// The place of the store.
        place: String,
        /// The operation that was tried.
        what: &'static str,
        /// The cause of the failure.
        why: String,
    },
}

pub(super) fn io_error(path: &Path, what: &'static str) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.display().to_string();
    move |error| StoreError::Io { path, what, error }
}
