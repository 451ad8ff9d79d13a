//! A store of runs, regardless of its place: a folder ([`super::StateDir`]) or a bucket. The laws are the
//! same: an event is kept for good before the engine goes on, a run is opened only with the plan that it
//! began with, and one run at a time works on a region of an account. Only types and rules: nothing here
//! reads or writes.

use std::{collections::BTreeSet, fmt::Debug};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Event, Journal, Log, StoreError, Story, TimelineEntry, event::Record, line::Damage, timeline::Timeline,
};
use crate::plan::Plan;

/// The name, among the regions of a lock, for resources that belong to no region: roles and buckets.
pub const GLOBAL: &str = "global";

/// A store of runs.
pub trait Store: Send + Sync + Debug {
    /// Returns the place of the store, for people: a folder, or `s3://bucket/prefix`.
    fn place(&self) -> String;

    /// Prepares the store for writing, before anything is done that is to be recorded in it. Commands that
    /// only read write nothing.
    ///
    /// # Errors
    /// When it cannot be created or written.
    fn ready(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Returns the paths of the store and of this run to which others than the owner may write: a later
    /// command acts on what they write.
    fn open_to_others(&self, run: Option<&str>) -> Vec<String> {
        let _ = run;
        Vec::new()
    }

    /// Returns the reason for which all of the store is under the control of others, if it is.
    fn in_other_hands(&self) -> Option<String> {
        None
    }

    /// Lists the ids of all runs, the newest first; none where there is no store yet.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn runs(&self) -> Result<Vec<String>, StoreError>;

    /// Creates a run with its plan.
    ///
    /// # Errors
    /// When it cannot be written, or a run of this id exists already.
    fn create(&self, run: &str, plan: &Plan) -> Result<RunFolder, StoreError>;

    /// Opens the run of exactly this id.
    ///
    /// # Errors
    /// When it cannot be read, or is damaged.
    fn open_run(&self, id: &str) -> Result<RunFolder, StoreError>;

    /// Takes the locks of an account's regions: all or none. The locks of a dead process are free.
    ///
    /// # Errors
    /// [`StoreError::Locked`], which names the holder of one of them.
    fn lock(&self, claim: &Claim<'_>) -> Result<Lock, StoreError>;

    /// Opens a run, given its id or an unambiguous beginning of it; `last` is the newest.
    ///
    /// # Errors
    /// When there is no such run, or it is damaged.
    fn run(&self, run: &str) -> Result<RunFolder, StoreError> {
        let all = self.runs()?;
        let mut fitting = all
            .iter()
            .filter(|id| id.as_str() == run || (run == "last") || (run.len() >= 4 && id.starts_with(run)));
        let (first, second) = (fitting.next(), fitting.next());
        let exact = all.iter().find(|id| id.as_str() == run);
        let found = exact.or(if run == "last" || second.is_none() { first } else { None });
        let Some(id) = found else {
            let near = all.iter().max_by(|a, b| strsim::jaro(a, run).total_cmp(&strsim::jaro(b, run)));
            let none = || {
                "no run has been made there. `redress apply` makes one; `--state-dir` names another place \
                 where runs are kept"
                    .to_owned()
            };
            let hint = near.map_or_else(none, |n| format!("`redress runs` lists them; did you mean {n}?"));
            return Err(StoreError::NoSuchRun { run: run.to_owned(), state_dir: self.place(), hint });
        };
        self.open_run(id)
    }
}

/// A source from which the journal of a run can be opened again.
pub trait Source: Send + Sync + Debug {
    /// Reads the records that are there now, in order, and hands each on. They are never held all at once.
    ///
    /// # Errors
    /// When the journal cannot be read or is damaged.
    fn each(&self, take: &mut dyn FnMut(&Record)) -> Result<(), StoreError>;

    /// Returns the state after all records so far, and the log that continues them. A line that a crash left
    /// torn is cut off.
    ///
    /// # Errors
    /// When the journal cannot be read, cannot be repaired or is damaged.
    fn reopen(&self) -> Result<(Story, Box<dyn Log>), StoreError>;

    /// Reads a short text that is stored beside the journal, if there is one.
    ///
    /// # Errors
    /// When it cannot be read, or is no short text.
    fn beside(&self, name: &str) -> Result<Option<String>, StoreError>;

    /// Stores a text beside the journal, in the place of a former one.
    ///
    /// # Errors
    /// When it cannot be written.
    fn put_beside(&self, name: &str, text: &str) -> Result<(), StoreError>;
}

/// The files beside a run's journal that hold its signed statement and the signature.
const SIGNED: [&str; 2] = ["signed", "signed.sig"];
/// The longest text beside a journal that is read, in bytes.
pub const LONGEST_BESIDE: u64 = 64 << 10;

/// A run: its plan, and its journal.
#[derive(Debug)]
pub struct RunFolder {
    source: Box<dyn Source>,
    story: Story,
    /// The plan of the run.
    pub plan: Plan,
}

impl RunFolder {
    /// Creates a run of this plan, with an empty journal.
    pub fn new(plan: Plan, source: Box<dyn Source>) -> Self {
        Self { source, story: Story::default(), plan }
    }

    /// Loads the run of this plan from its journal. `path` names the journal for messages.
    ///
    /// # Errors
    /// When the journal cannot be read or is damaged, does not begin with the head of a run, or names another
    /// plan.
    pub fn open(path: &str, plan: Plan, source: Box<dyn Source>) -> Result<Self, StoreError> {
        let (mut story, mut wrong) = (Story::default(), None);
        source.each(&mut |record| {
            if record.seq == 1 {
                wrong = other_head(path, &plan, &record.event);
            }
            if let (None, Err(event)) = (&wrong, story.allows(&record.event)) {
                wrong = Some(StoreError::Damaged {
                    path: path.to_owned(),
                    damage: Damage::Order { line: record.seq, event },
                });
            }
            story.apply(record.at, &record.event);
        })?;
        wrong.map_or(Ok(Self { source, story, plan }), Err)
    }

    /// Reads the records that are there now, in order.
    ///
    /// # Errors
    /// When the journal cannot be read or is damaged.
    pub fn each(&self, take: &mut dyn FnMut(&Record)) -> Result<(), StoreError> {
        self.source.each(take)
    }

    /// Returns the statement of the run that was signed last, and its signature.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn signature(&self) -> Result<Option<(String, String)>, StoreError> {
        let (statement, signature) = (self.source.beside(SIGNED[0])?, self.source.beside(SIGNED[1])?);
        Ok(statement.zip(signature))
    }

    /// Keeps a statement of the run with its signature.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn keep_signature(&self, statement: &str, signature: &str) -> Result<(), StoreError> {
        self.source.put_beside(SIGNED[0], statement)?;
        self.source.put_beside(SIGNED[1], signature)
    }

    /// Returns the state of the run.
    pub fn story(&self) -> Story {
        self.story.clone()
    }

    /// Returns the moments of the run.
    ///
    /// # Errors
    /// When its journal cannot be read or is damaged.
    pub fn moments(&self) -> Result<Vec<TimelineEntry>, StoreError> {
        let mut timeline = Timeline::default();
        self.source.each(&mut |record| timeline.take(record))?;
        Ok(timeline.moments())
    }

    /// Opens the journal for further events.
    ///
    /// # Errors
    /// When it cannot be opened or repaired.
    pub fn journal(&self) -> Result<Journal, StoreError> {
        let (story, log) = self.source.reopen()?;
        Ok(Journal::new(story, log))
    }
}

/// Returns the error in the first record of a journal beside this plan, if any.
fn other_head(path: &str, plan: &Plan, first: &Event) -> Option<StoreError> {
    let path = path.to_owned();
    match first {
        Event::RunStarted { plan_digest, .. } if *plan_digest == plan.digest => None,
        Event::RunStarted { plan_digest, .. } => {
            Some(StoreError::OtherPlan { path, journal: plan_digest.clone(), beside: plan.digest.clone() })
        }
        _ => Some(StoreError::Damaged { path, damage: Damage::NoHead }),
    }
}

/// A claim of a run to regions of an account.
#[derive(Debug, Clone)]
pub struct Claim<'a> {
    /// The account.
    pub account: &'a str,
    /// The regions of the account; [`GLOBAL`] for resources that belong to none.
    pub regions: BTreeSet<String>,
    /// The run.
    pub run: &'a str,
    /// The identity of the credentials.
    pub caller: &'a str,
    /// The current time.
    pub now: Timestamp,
}

impl<'a> Claim<'a> {
    /// Builds the claim of a run of this plan: its regions, and [`GLOBAL`] if the plan touches resources
    /// outside of any region.
    pub fn of(plan: &'a Plan, run: &'a str, caller: &'a str, now: Timestamp) -> Self {
        let mut regions: BTreeSet<String> = plan.regions.iter().cloned().collect();
        for want in plan.changes.iter().flat_map(|c| &c.touches) {
            regions.insert(if want.region.is_empty() { GLOBAL.to_owned() } else { want.region.clone() });
        }
        Self { account: &plan.account, regions, run, caller, now }
    }
}

/// The content of a lock: `redress.lock/1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The format: `redress.lock/1`.
    pub format: String,
    /// The run.
    pub run: String,
    /// The identity of the credentials.
    pub caller: String,
    /// The name of the machine; empty where it is not known.
    pub host: String,
    /// The id of the process on the machine.
    pub process: u32,
    /// The time since which the lock is held.
    pub since: Timestamp,
}

impl Holder {
    /// Describes this process as the holder of a claim.
    pub fn of(claim: &Claim<'_>) -> Self {
        let named = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
        let file = || std::fs::read_to_string("/etc/hostname").ok().map(|text| text.trim().to_owned());
        let host = named("HOSTNAME").or_else(|| named("COMPUTERNAME")).or_else(file).unwrap_or_default();
        let (run, caller) = (claim.run.to_owned(), claim.caller.to_owned());
        Self {
            format: "redress.lock/1".to_owned(),
            run,
            caller,
            host,
            process: std::process::id(),
            since: claim.now,
        }
    }

    /// Describes the holder in words.
    pub fn words(&self) -> String {
        let host = if self.host.is_empty() { String::new() } else { format!(" on {}", self.host) };
        format!("{} of {} (process {}{host}, since {:.0})", self.run, self.caller, self.process, self.since)
    }
}

/// A set of locks, held while a run works and released when dropped.
pub struct Lock {
    /// The former holder of one of the locks, which died without releasing it.
    pub left: Option<Holder>,
    _held: Vec<Box<dyn Send>>,
}

impl Lock {
    /// Combines several held locks into one.
    pub fn new(held: Vec<Box<dyn Send>>, left: Option<Holder>) -> Self {
        Self { left, _held: held }
    }
}

impl Debug for Lock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lock").field("left", &self.left).finish_non_exhaustive()
    }
}
