//! The store of runs: folders with a plan and a journal, on disk. The only place in redress that writes runs; every
//! record is on the disk, file and folder, before the engine goes on.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use super::{
    Claim, Event, Holder, Lock, RunFolder, Source, Store, Story,
    line::{self, Damage, Record},
};
use crate::plan::{Plan, digest};

/// Where events go.
pub trait Log: Send {
    /// Keeps one event for good.
    ///
    /// # Errors
    /// When it could not be kept: then nothing that it announces may be done.
    fn append(&mut self, at: Timestamp, event: &Event) -> Result<(), StoreError>;
}

/// A log with the state that its events lead to.
pub struct Journal {
    /// The state.
    pub story: Story,
    log: Box<dyn Log>,
}

impl Journal {
    /// A journal that begins, or goes on after `story`.
    pub fn new(story: Story, log: Box<dyn Log>) -> Self {
        Self { story, log }
    }

    /// Keeps an event and takes it in.
    ///
    /// # Errors
    /// See [`Log::append`].
    pub fn write(&mut self, at: Timestamp, event: Event) -> Result<(), StoreError> {
        self.log.append(at, &event)?;
        self.story.tell(at, &event);
        Ok(())
    }
}

/// Keeps events in memory: for rehearsals and tests.
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

/// What can go wrong with the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or folder could not be read or written.
    #[error("{path}: cannot {what}: {error}. Without its journal redress changes nothing; choose another place with --state-dir")]
    Io {
        /// The file or folder.
        path: String,
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        #[source]
        error: io::Error,
    },
    /// The journal is damaged.
    #[error("{path}: {damage}")]
    Damaged {
        /// The journal.
        path: String,
        /// How.
        damage: Damage,
    },
    /// The plan of a run cannot be read.
    #[error("{path}: {why}")]
    Plan {
        /// The file.
        path: String,
        /// Why.
        why: String,
    },
    /// There is no such run.
    #[error("there is no run {run} in {state_dir}: `redress runs` lists them{hint}")]
    NoSuchRun {
        /// What was asked for.
        run: String,
        /// Where.
        state_dir: String,
        /// Perhaps another was meant.
        hint: String,
    },
    /// Somebody else is at work.
    #[error("{holder} is at work on {what}: two runs at once could undo each other. Wait for it, or end it")]
    Locked {
        /// Who, since when, which run.
        holder: String,
        /// The region and the account.
        what: String,
    },
    /// The plan beside a journal is not the one that the run began with.
    #[error(
        "{path}: the run began with the plan {journal}, but the plan beside it is {beside}. Put the run's own plan.json back; \
         without it the run must be settled by hand"
    )]
    OtherPlan {
        /// The journal.
        path: String,
        /// The digest that the journal names.
        journal: String,
        /// The digest of the plan beside it.
        beside: String,
    },
    /// A store that is not a folder could not be reached, or refused.
    #[error("{place}: cannot {what}: {why}. Without its journal redress changes nothing")]
    Remote {
        /// Where it lies.
        place: String,
        /// What was tried.
        what: &'static str,
        /// Why it failed.
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

/// The lock of one region: the file is locked as long as it is open, so a process that dies gives it back.
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
    /// The state directory at `path`, made if it is not there.
    ///
    /// # Errors
    /// When it cannot be made or written.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        for folder in ["runs", "locks"] {
            fs::create_dir_all(path.join(folder)).map_err(io_error(path, "make the state directory"))?;
        }
        let probe = path.join(".writable");
        File::create(&probe).and_then(|_| fs::remove_file(&probe)).map_err(io_error(path, "write in the state directory"))?;
        Ok(Self { path: path.to_owned() })
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn hold(&self, claim: &Claim<'_>, region: &str) -> Result<(Held, Option<Holder>), StoreError> {
        let path = self.path.join("locks").join(format!("{}.{region}.lock", claim.account));
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(io_error(&path, "open the lock"))?;
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
            return Err(StoreError::Locked { holder, what: format!("{region} of account {}", claim.account) });
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

    fn lock(&self, claim: &Claim<'_>) -> Result<Lock, StoreError> {
        let (mut all, mut left) = (Vec::<Box<dyn Send>>::new(), None);
        // In the order of their names, so that two who want the same do not each take a half.
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
        for entry in fs::read_dir(&folder).map_err(io_error(&folder, "list runs"))? {
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
        let path = self.path.join("runs").join(run);
        fs::create_dir(&path).map_err(io_error(&path, "make the run's folder"))?;
        let file = path.join("plan.json");
        let text = serde_json::to_string_pretty(plan).unwrap_or_default();
        File::create(&file).and_then(|mut f| f.write_all(text.as_bytes()).and_then(|()| f.sync_all())).map_err(io_error(&file, "write the plan"))?;
        sync_folder(&path)?;
        sync_folder(&self.path.join("runs"))?;
        let name = path.display().to_string();
        RunFolder::new(&name, plan.clone(), Vec::new(), Box::new(Folder(path)))
    }

    fn open_run(&self, id: &str) -> Result<RunFolder, StoreError> {
        let path = self.path.join("runs").join(id);
        let file = path.join("plan.json");
        let text = fs::read_to_string(&file).map_err(io_error(&file, "read the plan"))?;
        let plan = digest::parse(&text).map_err(|error| StoreError::Plan { path: file.display().to_string(), why: error.to_string() })?;
        let file = path.join("journal.jsonl");
        let name = file.display().to_string();
        let bytes = fs::read(&file).map_err(io_error(&file, "read the journal"))?;
        let (records, _) = line::read(&bytes).map_err(|damage| StoreError::Damaged { path: name.clone(), damage })?;
        RunFolder::new(&name, plan, records, Box::new(Folder(path)))
    }
}

/// The folder of one run.
#[derive(Debug)]
struct Folder(PathBuf);

impl Source for Folder {
    fn reopen(&self) -> Result<(Vec<Record>, Box<dyn Log>), StoreError> {
        let path = self.0.join("journal.jsonl");
        let fail = |what| io_error(&path, what);
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(fail("open the journal"))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(fail("read the journal"))?;
        let (records, whole) = line::read(&bytes).map_err(|damage| StoreError::Damaged { path: path.display().to_string(), damage })?;
        file.set_len(whole as u64).map_err(fail("cut off what a crash left torn"))?;
        file.seek(io::SeekFrom::End(0)).map_err(fail("seek in the journal"))?;
        sync_folder(&self.0)?;
        let log = FileLog { file, path, seq: records.len() as u64, sum: records.last().map(|r| r.sum.clone()).unwrap_or_default() };
        Ok((records, Box::new(log)))
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
        // One write and one sync for each record: what is announced is on the disk before it is done.
        self.file.write_all(&text).and_then(|()| self.file.sync_data()).map_err(io_error(&self.path, "write the journal"))?;
        (self.seq, self.sum) = (record.seq, record.sum);
        Ok(())
    }
}

fn sync_folder(path: &Path) -> Result<(), StoreError> {
    // A folder is opened like a file for this on Unix; elsewhere its entries are durable with the file.
    if cfg!(unix) { File::open(path).and_then(|f| f.sync_all()).map_err(io_error(path, "sync the folder")) } else { Ok(()) }
}
