//! The store of runs: folders with a plan and a journal, on disk. This is the only place in redress that
//! writes runs; every record is on the disk, file and folder, before the engine goes on.

use std::{
    fs::{self, File, TryLockError},
    io::{self, BufReader, Read as _, Seek, Write},
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use super::{
    Claim, Event, Holder, Lock, RunFolder, Source, Store, Story,
    event::Record,
    line::{self, Read, ReadError},
    log::{Log, StoreError, io_error},
    state::LONGEST_BESIDE,
};
use crate::{
    plan::{Plan, digest},
    private,
};

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
