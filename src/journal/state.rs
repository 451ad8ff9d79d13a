//! What a store of runs is, wherever it lies: a folder ([`super::StateDir`]) or a bucket. The laws are the same: an event
//! is kept for good before the engine goes on, a run is opened only with the plan that it began with, and one run at a
//! time works on a region of an account. Only types and rules: nothing here reads or writes.

use std::{collections::BTreeSet, fmt::Debug};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Event, Journal, Log, Moment, StoreError, Story,
    line::{Damage, Record},
    tale::Tale,
};
use crate::plan::Plan;

/// Stands among the regions of a lock for what belongs to no region: roles and buckets.
pub const GLOBAL: &str = "global";

/// A store of runs.
pub trait Store: Send + Sync + Debug {
    /// Where it lies, for people: a folder, or `s3://bucket/prefix`.
    fn place(&self) -> String;

    /// Makes the store ready to be written to, before anything is done that is to stand in it. Who only looks writes nothing.
    ///
    /// # Errors
    /// When it cannot be made or written.
    fn ready(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Where others than the owner may write, of the store and of this run: what they write there is called later.
    fn open_to_others(&self, run: Option<&str>) -> Vec<String> {
        let _ = run;
        Vec::new()
    }

    /// Why all of the store is in the hands of others, if it is.
    fn in_other_hands(&self) -> Option<String> {
        None
    }

    /// Ids of all runs, the newest first; none where there is no store yet.
    ///
    /// # Errors
    /// When it cannot be read.
    fn runs(&self) -> Result<Vec<String>, StoreError>;

    /// Makes a new run with its plan.
    ///
    /// # Errors
    /// When it cannot be written, or a run of this id is there already.
    fn create(&self, run: &str, plan: &Plan) -> Result<RunFolder, StoreError>;

    /// Opens the run of exactly this id.
    ///
    /// # Errors
    /// When it cannot be read, or is damaged.
    fn open_run(&self, id: &str) -> Result<RunFolder, StoreError>;

    /// Takes the locks of an account's regions: all or none. What a process left that has died is free.
    ///
    /// # Errors
    /// [`StoreError::Locked`] with who holds one of them.
    fn lock(&self, claim: &Claim<'_>) -> Result<Lock, StoreError>;

    /// Opens a run, given its id or an unambiguous beginning of it; `last` is the newest.
    ///
    /// # Errors
    /// When there is no such run, or it is damaged.
    fn run(&self, run: &str) -> Result<RunFolder, StoreError> {
        let all = self.runs()?;
        let mut fitting = all.iter().filter(|id| id.as_str() == run || (run == "last") || (run.len() >= 4 && id.starts_with(run)));
        let (first, second) = (fitting.next(), fitting.next());
        let exact = all.iter().find(|id| id.as_str() == run);
        let found = exact.or(if run == "last" || second.is_none() { first } else { None });
        let Some(id) = found else {
            let near = all.iter().max_by(|a, b| strsim::jaro(a, run).total_cmp(&strsim::jaro(b, run)));
            let none = || "no run has been made there. `redress apply` makes one; `--state-dir` names another place where runs are kept".to_owned();
            let hint = near.map_or_else(none, |n| format!("`redress runs` lists them; did you mean {n}?"));
            return Err(StoreError::NoSuchRun { run: run.to_owned(), state_dir: self.place(), hint });
        };
        self.open_run(id)
    }
}

/// Where the journal of a run can be opened again.
pub trait Source: Send + Sync + Debug {
    /// Reads the records that are there now, in order, and hands each on: they are never held all at once.
    ///
    /// # Errors
    /// When it cannot be read or is damaged.
    fn each(&self, take: &mut dyn FnMut(&Record)) -> Result<(), StoreError>;

    /// The state that the records lead to which are there now, and the log that goes on after them. What a crash left torn
    /// is cut off.
    ///
    /// # Errors
    /// When it cannot be read, mended or is damaged.
    fn reopen(&self) -> Result<(Story, Box<dyn Log>), StoreError>;

    /// A short text that lies beside the journal, if there is one.
    ///
    /// # Errors
    /// When it cannot be read, or is no short text.
    fn beside(&self, name: &str) -> Result<Option<String>, StoreError>;

    /// Puts a text beside the journal, in the place of what is there.
    ///
    /// # Errors
    /// When it cannot be written.
    fn put_beside(&self, name: &str, text: &str) -> Result<(), StoreError>;
}

/// What is signed of a run, beside its journal, and the signature of it.
const SIGNED: [&str; 2] = ["signed", "signed.sig"];
/// The longest text beside a journal that is read, in bytes.
pub const LONGEST_BESIDE: u64 = 64 << 10;

/// One run: its plan, and its journal.
#[derive(Debug)]
pub struct RunFolder {
    source: Box<dyn Source>,
    story: Story,
    /// Its plan.
    pub plan: Plan,
}

impl RunFolder {
    /// A new run of this plan, in whose journal nothing stands.
    pub fn new(plan: Plan, source: Box<dyn Source>) -> Self {
        Self { source, story: Story::default(), plan }
    }

    /// The run of this plan as its journal tells it. `path` names the journal for messages.
    ///
    /// # Errors
    /// When the journal cannot be read or is damaged, does not begin with the head of a run, or that names another plan.
    pub fn open(path: &str, plan: Plan, source: Box<dyn Source>) -> Result<Self, StoreError> {
        let (mut story, mut wrong) = (Story::default(), None);
        source.each(&mut |record| {
            if record.seq == 1 {
                wrong = other_head(path, &plan, &record.event);
            }
            story.tell(record.at, &record.event);
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

    /// The statement of the run that was signed last, and the signature of it.
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

    /// The state of the run.
    pub fn story(&self) -> Story {
        self.story.clone()
    }

    /// What happened in the run, moment by moment.
    ///
    /// # Errors
    /// When its journal cannot be read or is damaged.
    pub fn moments(&self) -> Result<Vec<Moment>, StoreError> {
        let mut tale = Tale::default();
        self.source.each(&mut |record| tale.take(record))?;
        Ok(tale.moments())
    }

    /// The journal, to go on with.
    ///
    /// # Errors
    /// When it cannot be opened or mended.
    pub fn journal(&self) -> Result<Journal, StoreError> {
        let (story, log) = self.source.reopen()?;
        Ok(Journal::new(story, log))
    }
}

/// What is wrong with the first record of a journal beside this plan.
fn other_head(path: &str, plan: &Plan, first: &Event) -> Option<StoreError> {
    let path = path.to_owned();
    match first {
        Event::RunStarted { plan_digest, .. } if *plan_digest == plan.digest => None,
        Event::RunStarted { plan_digest, .. } => Some(StoreError::OtherPlan { path, journal: plan_digest.clone(), beside: plan.digest.clone() }),
        _ => Some(StoreError::Damaged { path, damage: Damage::NoHead }),
    }
}

/// Who wants to work on what.
#[derive(Debug, Clone)]
pub struct Claim<'a> {
    /// The account.
    pub account: &'a str,
    /// Its regions, [`GLOBAL`] for what belongs to none.
    pub regions: BTreeSet<String>,
    /// The run.
    pub run: &'a str,
    /// Whose credentials.
    pub caller: &'a str,
    /// Now.
    pub now: Timestamp,
}

impl<'a> Claim<'a> {
    /// The claim of a run of this plan: its regions, and what belongs to none if the plan touches that.
    pub fn of(plan: &'a Plan, run: &'a str, caller: &'a str, now: Timestamp) -> Self {
        let mut regions: BTreeSet<String> = plan.regions.iter().cloned().collect();
        for want in plan.changes.iter().flat_map(|c| &c.touches) {
            regions.insert(if want.region.is_empty() { GLOBAL.to_owned() } else { want.region.clone() });
        }
        Self { account: &plan.account, regions, run, caller, now }
    }
}

/// What stands in a lock: `redress.lock/1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// `redress.lock/1`
    pub format: String,
    /// The run.
    pub run: String,
    /// Whose credentials.
    pub caller: String,
    /// The machine's name; empty where it does not say.
    pub host: String,
    /// The process on it.
    pub process: u32,
    /// Since when.
    pub since: Timestamp,
}

impl Holder {
    /// This process, for a claim.
    pub fn of(claim: &Claim<'_>) -> Self {
        let named = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
        let file = || std::fs::read_to_string("/etc/hostname").ok().map(|text| text.trim().to_owned());
        let host = named("HOSTNAME").or_else(|| named("COMPUTERNAME")).or_else(file).unwrap_or_default();
        let (run, caller) = (claim.run.to_owned(), claim.caller.to_owned());
        Self { format: "redress.lock/1".to_owned(), run, caller, host, process: std::process::id(), since: claim.now }
    }

    /// In words.
    pub fn words(&self) -> String {
        let host = if self.host.is_empty() { String::new() } else { format!(" on {}", self.host) };
        format!("{} of {} (process {}{host}, since {:.0})", self.run, self.caller, self.process, self.since)
    }
}

/// Held while a run works: given back when it is dropped.
pub struct Lock {
    /// Who left one of the locks behind by dying.
    pub left: Option<Holder>,
    _held: Vec<Box<dyn Send>>,
}

impl Lock {
    /// A lock that these hold.
    pub fn new(held: Vec<Box<dyn Send>>, left: Option<Holder>) -> Self {
        Self { left, _held: held }
    }
}

impl Debug for Lock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lock").field("left", &self.left).finish_non_exhaustive()
    }
}
