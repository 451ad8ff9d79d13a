//! The store of runs: folders with a plan and a journal, on disk. The only place in redress that writes runs; every
//! record is on the disk, file and folder, before the engine goes on.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use super::{
    Event, Story,
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
    #[error("{holder} is at work on this account: two runs at once could undo each other. Wait for it, or end it")]
    Locked {
        /// Who, since when, which run.
        holder: String,
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

/// Held while a run works on an account.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Drop for Lock {
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
        fs::create_dir_all(path.join("runs")).map_err(io_error(path, "make the state directory"))?;
        let probe = path.join(".writable");
        File::create(&probe).and_then(|_| fs::remove_file(&probe)).map_err(io_error(path, "write in the state directory"))?;
        Ok(Self { path: path.to_owned() })
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the lock of an account: one run at a time. The lock of a process that died is free.
    ///
    /// # Errors
    /// [`StoreError::Locked`] with who holds it.
    pub fn lock(&self, account: &str, run: &str, caller: &str, now: Timestamp) -> Result<Lock, StoreError> {
        let path = self.path.join(format!("{account}.lock"));
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(io_error(&path, "open the lock"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::Error(error)) => return Err(io_error(&path, "take the lock")(error)),
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                file.read_to_string(&mut holder).map_err(io_error(&path, "read the lock"))?;
                return Err(StoreError::Locked { holder: if holder.is_empty() { "another redress".to_owned() } else { holder } });
            }
        }
        let text = format!("run {run} of {caller} (process {}, since {now:.0})", std::process::id());
        file.set_len(0).and_then(|()| file.write_all(text.as_bytes())).map_err(io_error(&path, "write the lock"))?;
        Ok(Lock { file })
    }

    /// Ids of all runs, the newest first.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn runs(&self) -> Result<Vec<String>, StoreError> {
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

    /// Makes the folder of a new run with its plan in it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn create(&self, run: &str, plan: &Plan) -> Result<RunFolder, StoreError> {
        let path = self.path.join("runs").join(run);
        fs::create_dir(&path).map_err(io_error(&path, "make the run's folder"))?;
        let file = path.join("plan.json");
        let text = serde_json::to_string_pretty(plan).unwrap_or_default();
        File::create(&file).and_then(|mut f| f.write_all(text.as_bytes()).and_then(|()| f.sync_all())).map_err(io_error(&file, "write the plan"))?;
        sync_folder(&path)?;
        sync_folder(&self.path.join("runs"))?;
        Ok(RunFolder { path, records: Vec::new(), plan: plan.clone() })
    }

    /// Opens the folder of a run, given its id or an unambiguous beginning of it; `last` is the newest.
    ///
    /// # Errors
    /// When there is no such run, or it is damaged.
    pub fn run(&self, run: &str) -> Result<RunFolder, StoreError> {
        let all = self.runs()?;
        let mut fitting = all.iter().filter(|id| id.as_str() == run || (run == "last") || (run.len() >= 4 && id.starts_with(run)));
        let (first, second) = (fitting.next(), fitting.next());
        let exact = all.iter().find(|id| id.as_str() == run);
        let found = exact.or(if run == "last" || second.is_none() { first } else { None });
        let Some(id) = found else {
            let near = all.iter().max_by(|a, b| strsim::jaro(a, run).total_cmp(&strsim::jaro(b, run)));
            let hint = near.map_or(String::new(), |n| format!("; did you mean {n}?"));
            return Err(StoreError::NoSuchRun { run: run.to_owned(), state_dir: self.path.display().to_string(), hint });
        };
        RunFolder::open(&self.path.join("runs").join(id))
    }
}

/// The folder of one run.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    /// What its journal holds.
    pub records: Vec<Record>,
    /// Its plan.
    pub plan: Plan,
}

impl RunFolder {
    fn open(path: &Path) -> Result<Self, StoreError> {
        let file = path.join("plan.json");
        let text = fs::read_to_string(&file).map_err(io_error(&file, "read the plan"))?;
        let plan = digest::parse(&text).map_err(|error| StoreError::Plan { path: file.display().to_string(), why: error.to_string() })?;
        let file = path.join("journal.jsonl");
        let bytes = fs::read(&file).map_err(io_error(&file, "read the journal"))?;
        let (records, _) = line::read(&bytes).map_err(|damage| StoreError::Damaged { path: file.display().to_string(), damage })?;
        Ok(Self { path: path.to_owned(), records, plan })
    }

    /// The state of the run.
    pub fn story(&self) -> Story {
        Story::of(&self.records)
    }

    /// The journal, to go on with: what a crash left torn is cut off.
    ///
    /// # Errors
    /// When it cannot be opened or mended.
    pub fn journal(&self) -> Result<Journal, StoreError> {
        let path = self.path.join("journal.jsonl");
        let fail = |what| io_error(&path, what);
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(fail("open the journal"))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(fail("read the journal"))?;
        let (records, whole) = line::read(&bytes).map_err(|damage| StoreError::Damaged { path: path.display().to_string(), damage })?;
        file.set_len(whole as u64).map_err(fail("cut off what a crash left torn"))?;
        file.seek(io::SeekFrom::End(0)).map_err(fail("seek in the journal"))?;
        sync_folder(&self.path)?;
        let log = FileLog { file, path, seq: records.len() as u64, sum: records.last().map(|r| r.sum.clone()).unwrap_or_default() };
        Ok(Journal::new(Story::of(&records), Box::new(log)))
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
