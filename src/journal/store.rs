//! The store of runs: folders with a plan and a journal, on disk. This is the only place in redress that
//! writes runs; every record is on the disk, file and folder, before the engine goes on.

use std::{
    fs::{self, File, TryLockError},
    io::{self, BufReader, Read as _, Seek, Write},
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use super::{
    Claim, Event, Holder, IllegalEvent, Lock, RunFolder, Signed, Source, Store, Story,
    line::{self, Damage, Read, ReadError, Record},
    state::LONGEST_BESIDE,
};
use crate::{
    calls::Until,
    plan::{Plan, digest},
    private,
};

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

fn io_error(path: &Path, what: &'static str) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.display().to_string();
    move |error| StoreError::Io { path, what, error }
}

/// The folder that holds all runs.
#[derive(Debug, Clone)]
pub struct StateDir {
    path: PathBuf,
}

/// The lock of one region: the file is locked as long as it is open, so a process that dies releases it.
#[derive(Debug)]
struct Held {
    file: File,
}

impl Drop for Held {
    fn drop(&mut self) {
        // The lock goes with the file in any case; its text must not outlive it.
        let _ = self.file.set_len(0);
    }
}

impl StateDir {
    /// Returns the state directory at `path`. Nothing is touched before the first write.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Opens the state directory at `path`, and creates it if it does not exist.
    ///
    /// # Errors
    /// When it cannot be created or written.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let state = Self::new(path);
        state.ready()?;
        Ok(state)
    }

    /// Returns the path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the folder of a run, through which no link may lead elsewhere.
    fn run_folder(&self, run: &str) -> Result<PathBuf, StoreError> {
        let runs = self.path.join("runs");
        for folder in [runs.clone(), runs.join(run)] {
            if fs::symlink_metadata(&folder).is_ok_and(|there| there.file_type().is_symlink()) {
                let link = io::Error::other(
                    "it is a link, and redress follows none here: put the folder itself in its place",
                );
                return Err(io_error(&folder, "open the run")(link));
            }
        }
        Ok(runs.join(run))
    }

    fn hold(&self, claim: &Claim<'_>, region: &str) -> Result<(Held, Option<Holder>), StoreError> {
        let path = self.path.join("locks").join(format!("{}.{region}.lock", claim.account));
        let mut file = private::open(&path).map_err(io_error(&path, "open the lock"))?;
        let free = match file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::Error(error)) => return Err(io_error(&path, "take the lock")(error)),
            Err(TryLockError::WouldBlock) => false,
        };
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(io_error(&path, "read the lock"))?;
        let holder: Option<Holder> = serde_json::from_str(&text).ok();
        if !free {
            let holder = holder.map_or_else(|| "another redress".to_owned(), |h| h.words());
            return Err(StoreError::Locked {
                holder,
                what: format!("{region} of account {}", claim.account),
            });
        }
        let text = serde_json::to_vec(&Holder::of(claim)).unwrap_or_default();
        let written = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(&text));
        written.map_err(io_error(&path, "write the lock"))?;
        Ok((Held { file }, holder))
    }
}

impl Store for StateDir {
    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn ready(&self) -> Result<(), StoreError> {
        let made = private::root(&self.path).and_then(|()| {
            ["runs", "locks"].into_iter().try_for_each(|name| private::folder(&self.path.join(name)))
        });
        made.map_err(io_error(&self.path, "make the state directory"))?;
        private::writable(&self.path).map_err(io_error(&self.path, "write in the state directory"))
    }

    fn open_to_others(&self, run: Option<&str>) -> Vec<String> {
        let mut paths = vec![self.path.clone()];
        paths.extend(["runs", "locks", "twin"].map(|name| self.path.join(name)));
        if let Some(run) = run {
            let folder = self.path.join("runs").join(run);
            paths.extend([folder.join("plan.json"), folder.join("journal.jsonl"), folder]);
        }
        private::open_to_others(&paths).iter().map(|path| path.display().to_string()).collect()
    }

    fn in_other_hands(&self) -> Option<String> {
        private::in_other_hands(&self.path)
    }

    fn lock(&self, claim: &Claim<'_>) -> Result<Lock, StoreError> {
        self.ready()?;
        let (mut all, mut left) = (Vec::<Box<dyn Send>>::new(), None);
        // In the order of their names, so that two processes that want the same locks do not each take a
        // half.
        for region in &claim.regions {
            let (held, before) = self.hold(claim, region)?;
            all.push(Box::new(held));
            left = left.or(before);
        }
        Ok(Lock::new(all, left))
    }

    fn runs(&self) -> Result<Vec<String>, StoreError> {
        let folder = self.path.join("runs");
        let mut runs = Vec::new();
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(runs),
            entries => entries.map_err(io_error(&folder, "list runs"))?,
        };
        for entry in entries {
            let entry = entry.map_err(io_error(&folder, "list runs"))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.path().join("journal.jsonl").exists() {
                runs.push(name);
            }
        }
        runs.sort_by(|a, b| b.cmp(a));
        Ok(runs)
    }

    fn create(&self, run: &str, plan: &Plan) -> Result<RunFolder, StoreError> {
        self.ready()?;
        let path = self.run_folder(run)?;
        private::new_folder(&path).map_err(io_error(&path, "make the run's folder"))?;
        let file = path.join("plan.json");
        let text = serde_json::to_string_pretty(plan).unwrap_or_default();
        let written = private::new_file(&file)
            .and_then(|mut f| f.write_all(text.as_bytes()).and_then(|()| f.sync_all()));
        written.map_err(io_error(&file, "write the plan"))?;
        sync_folder(&path)?;
        sync_folder(&self.path.join("runs"))?;
        Ok(RunFolder::new(plan.clone(), Box::new(Folder(path))))
    }

    fn open_run(&self, id: &str) -> Result<RunFolder, StoreError> {
        let path = self.run_folder(id)?;
        let file = path.join("plan.json");
        let mut text = String::new();
        private::read(&file)
            .and_then(|mut f| f.read_to_string(&mut text))
            .map_err(io_error(&file, "read the plan"))?;
        let plan = digest::parse(&text)
            .map_err(|error| StoreError::Plan { path: file.display().to_string(), why: error.to_string() })?;
        let name = path.join("journal.jsonl").display().to_string();
        RunFolder::open(&name, plan, Box::new(Folder(path)))
    }
}

/// The folder of one run.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    /// Reads the records of an open journal, and hands each on.
    fn read(&self, file: &File, mut take: impl FnMut(&Record)) -> Result<Read, StoreError> {
        let path = self.0.join("journal.jsonl");
        line::each(BufReader::with_capacity(1 << 20, file), |record| take(&record)).map_err(|error| {
            match error {
                ReadError::Damage(damage) => StoreError::Damaged { path: path.display().to_string(), damage },
                ReadError::Io(error) => io_error(&path, "read the journal")(error),
            }
        })
    }
}

impl Source for Folder {
    fn each(&self, take: &mut dyn FnMut(&Record)) -> Result<(), StoreError> {
        let path = self.0.join("journal.jsonl");
        let file = private::read(&path).map_err(io_error(&path, "read the journal"))?;
        self.read(&file, take).map(drop)
    }

    fn reopen(&self) -> Result<(Story, Box<dyn Log>), StoreError> {
        let path = self.0.join("journal.jsonl");
        let fail = |what| io_error(&path, what);
        let mut file = private::open(&path).map_err(fail("open the journal"))?;
        let mut story = Story::default();
        let read = self.read(&file, |record| story.apply(record.at, &record.event))?;
        file.set_len(read.bytes).map_err(fail("cut off what a crash left torn"))?;
        file.seek(io::SeekFrom::End(0)).map_err(fail("seek in the journal"))?;
        sync_folder(&self.0)?;
        Ok((story, Box::new(FileLog { file, path, seq: read.records, sum: read.sum })))
    }

    fn beside(&self, name: &str) -> Result<Option<String>, StoreError> {
        let (path, mut text) = (self.0.join(name), String::new());
        let read = private::read(&path).and_then(|file| file.take(LONGEST_BESIDE).read_to_string(&mut text));
        match read {
            Ok(_) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io_error(&path, "read the signature")(error)),
        }
    }

    fn put_beside(&self, name: &str, text: &str) -> Result<(), StoreError> {
        let path = self.0.join(name);
        private::replace(&path, text.as_bytes()).map_err(io_error(&path, "keep the signature"))
    }
}

/// The journal file of a run.
struct FileLog {
    file: File,
    path: PathBuf,
    seq: u64,
    sum: String,
}

impl Log for FileLog {
    fn append(&mut self, at: Timestamp, event: &Event) -> Result<(), StoreError> {
        let record = line::next(&self.sum, self.seq + 1, at, event.clone());
        let mut text = serde_json::to_vec(&record).unwrap_or_default();
        text.push(b'\n');
        // One write and one sync for each record: an announced call is on the disk before it is made.
        self.file
            .write_all(&text)
            .and_then(|()| self.file.sync_data())
            .map_err(io_error(&self.path, "write the journal"))?;
        (self.seq, self.sum) = (record.seq, record.sum);
        Ok(())
    }
}

fn sync_folder(path: &Path) -> Result<(), StoreError> {
    // A folder is opened like a file for this on Unix; elsewhere its entries are durable with the file.
    if cfg!(unix) {
        File::open(path).and_then(|f| f.sync_all()).map_err(io_error(path, "sync the folder"))
    } else {
        Ok(())
    }
}
