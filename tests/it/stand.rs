//! A twin to stand on in tests: the engine's account and journal with hooks by which it can be killed at any
//! call or journal write, and with a list of what was called. It must not decide anything by itself.
#![allow(dead_code, reason = "shared by programs of which each uses a part")]

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use redress::{
    account::{Account, Identity, Validity},
    calls::{Call, Outcome, Tried, Until},
    engine::{Engine, EngineError, LAG, Silent, Stop},
    inventory::{Inventory, Scope},
    journal::{Decision, Event, Journal, Log, StepResult, StoreError, Story},
    plan::{Plan, Stage, again::Today},
    playbook,
    twin::Twin,
};

/// Where to die.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kill {
    /// Before the nth mutating call, from 1.
    BeforeCall(usize),
    /// After it took effect, before anybody knows.
    AfterCall(usize),
    /// Before the nth record of the journal is written.
    BeforeRecord(usize),
    /// After it.
    AfterRecord(usize),
}

/// A lock that survives the deaths of those who held it.
pub fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An account on a twin, with what was called.
pub struct Stand {
    pub twin: Arc<Mutex<Twin>>,
    pub called: Arc<Mutex<Vec<Call>>>,
    /// What was done at the account, in order: `read`, or the operation that was called.
    pub asked: Arc<Mutex<Vec<String>>>,
    pub events: Arc<Mutex<Vec<(Timestamp, Event)>>>,
    identity: Identity,
    /// The run's id.
    pub name: String,
    /// How many changes run at once.
    pub jobs: usize,
    /// How many instances may be down at once.
    pub stop_at_once: usize,
    /// Whether the credentials say when they end.
    pub ends_are_told: bool,
    /// What happens to the account after the first call of an operation.
    pub then: Arc<Mutex<Vec<(String, Hand)>>>,
}

/// Somebody's hand on the account.
pub type Hand = Box<dyn FnOnce(&mut Twin) + Send>;

struct Door {
    twin: Arc<Mutex<Twin>>,
    called: Arc<Mutex<Vec<Call>>>,
    asked: Arc<Mutex<Vec<String>>>,
    identity: Identity,
    kill: Option<Kill>,
    count: AtomicUsize,
    /// Whether changes take turns at the account.
    turns: bool,
    taken: AtomicUsize,
    ends_are_told: bool,
    then: Arc<Mutex<Vec<(String, Hand)>>>,
}

impl Door {
    /// Lets other changes go ahead, now more and now less of them, so that their steps interleave.
    async fn turn(&self) {
        if self.turns {
            for _ in 0..=self.taken.fetch_add(1, Ordering::SeqCst) % 3 {
                tokio::task::yield_now().await;
            }
        }
    }
}

#[async_trait]
impl Account for Door {
    fn identity(&self) -> &Identity {
        &self.identity
    }
    async fn read(&self, scope: &Scope) -> Inventory {
        self.turn().await;
        hold(&self.asked).push("read".to_owned());
        hold(&self.twin).read(scope)
    }
    async fn call(&self, call: &Call) -> Outcome {
        self.turn().await;
        let n = self.count.fetch_add(1, Ordering::SeqCst) + 1;
        assert!(self.kill != Some(Kill::BeforeCall(n)), "killed before call {n}");
        let outcome = hold(&self.twin).perform(call);
        hold(&self.called).push(call.clone());
        hold(&self.asked).push(call.operation.clone());
        let due = hold(&self.then).iter().position(|(operation, _)| *operation == call.operation);
        if let Some((_, hand)) = due.map(|n| hold(&self.then).remove(n)) {
            hand(&mut hold(&self.twin));
        }
        assert!(self.kill != Some(Kill::AfterCall(n)), "killed after call {n}");
        outcome
    }
    async fn try_call(&self, call: &Call) -> Tried {
        hold(&self.twin).try_call(call)
    }
    fn now(&self) -> Timestamp {
        hold(&self.twin).now()
    }
    async fn validity(&self) -> Validity {
        match hold(&self.twin).faults.credentials_end {
            Some(end) if self.ends_are_told => Validity::Ends(end),
            Some(_) => Validity::Unsaid,
            None => Validity::Lasting,
        }
    }
    async fn pause(&self, time: Duration) {
        self.turn().await;
        hold(&self.twin).pass(time);
    }
}

struct Paper {
    events: Arc<Mutex<Vec<(Timestamp, Event)>>>,
    kill: Option<Kill>,
    count: usize,
    limit: Limit,
}

/// What a journal comes to after so many records.
#[derive(Debug, Clone, Copy)]
pub enum Limit {
    Endless,
    /// There is no room for more.
    Full(usize),
    /// Another process takes the run over.
    TakenOver(usize),
}

impl Paper {
    fn own(&self) -> Result<(), StoreError> {
        match self.limit {
            Limit::TakenOver(at) if self.count >= at => {
                Err(StoreError::Lost { place: "paper".into(), why: "it was taken over by another".into() })
            }
            _ => Ok(()),
        }
    }
}

impl Log for Paper {
    fn append(&mut self, at: Timestamp, event: &Event) -> Result<(), StoreError> {
        self.own()?;
        self.count += 1;
        if matches!(self.limit, Limit::Full(room) if self.count > room) {
            let error = std::io::Error::other("no space left on device");
            return Err(StoreError::Io { path: "journal.jsonl".into(), what: "write the journal", error });
        }
        assert!(self.kill != Some(Kill::BeforeRecord(self.count)), "killed before record {}", self.count);
        hold(&self.events).push((at, event.clone()));
        assert!(self.kill != Some(Kill::AfterRecord(self.count)), "killed after record {}", self.count);
        Ok(())
    }
    fn may_call(&mut self) -> Result<Until, StoreError> {
        self.own().map(|()| Until::EVER)
    }
    fn may_wait(&mut self) -> Result<(), StoreError> {
        self.own()
    }
}

/// The changes that have something down in each region after these events: from the intent of a stop that was
/// not refused until a start has settled. A change that is over counts as long as the instance that it
/// stopped is not `up` in the account.
pub fn down_now<'e>(
    events: impl IntoIterator<Item = &'e Event>,
    up: impl Fn(&Call) -> bool,
) -> BTreeMap<String, BTreeSet<String>> {
    let (mut down, mut calls, mut over) =
        (BTreeMap::<String, BTreeMap<String, Call>>::new(), BTreeMap::new(), BTreeSet::new());
    for event in events {
        match event {
            Event::Intent { change, step, call, .. } => {
                calls.insert((change.clone(), step.clone()), call.clone());
                if call.operation == "StopInstances" {
                    down.entry(call.region.clone()).or_default().insert(change.clone(), call.clone());
                }
            }
            Event::Result { change, step, result: StepResult::Failed { error } }
                if !error.class.effect_unknown() =>
            {
                if let Some(call) =
                    calls.get(&(change.clone(), step.clone())).filter(|c| c.operation == "StopInstances")
                {
                    down.entry(call.region.clone()).or_default().remove(change);
                }
            }
            Event::Settled { change, step } => {
                if let Some(call) =
                    calls.get(&(change.clone(), step.clone())).filter(|c| c.operation == "StartInstances")
                {
                    down.entry(call.region.clone()).or_default().remove(change);
                }
            }
            Event::ChangeEnded { change, .. } => drop(over.insert(change.clone())),
            _ => {}
        }
    }
    let counts =
        |(change, stop): (&String, &Call)| (!(over.contains(change) && up(stop))).then(|| change.clone());
    down.iter()
        .map(|(region, changes)| (region.clone(), changes.iter().filter_map(counts).collect()))
        .collect()
}

/// Everybody says yes.
pub fn yes(plan: &Plan) -> Vec<Decision> {
    plan.changes
        .iter()
        .map(|c| Decision { change: c.id.clone(), approved: true, by: "test".to_owned() })
        .collect()
}

impl Stand {
    pub fn new(twin: Twin) -> Self {
        let inventory = twin.truth();
        let identity = Identity {
            owner: inventory.owner.clone(),
            caller: inventory.caller.clone(),
            endpoint: "twin:test".to_owned(),
        };
        Self {
            twin: Arc::new(Mutex::new(twin)),
            called: Arc::default(),
            asked: Arc::default(),
            events: Arc::default(),
            identity,
            name: "run-1".to_owned(),
            jobs: 1,
            stop_at_once: 1,
            ends_are_told: false,
            then: Arc::default(),
        }
    }

    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The account behind the seam, without hooks.
    pub fn account(&self) -> impl Account {
        self.door(None)
    }

    fn door(&self, kill: Option<Kill>) -> Door {
        Door {
            twin: self.twin.clone(),
            called: self.called.clone(),
            asked: self.asked.clone(),
            identity: self.identity.clone(),
            kill,
            count: AtomicUsize::new(0),
            turns: self.jobs > 1,
            taken: AtomicUsize::new(0),
            ends_are_told: self.ends_are_told,
            then: self.then.clone(),
        }
    }

    /// The account as it is, after whatever is under way has come about.
    pub fn settled(&self) -> Inventory {
        let mut twin = hold(&self.twin).clone();
        twin.pass(Duration::from_secs(24 * 3600));
        twin.inventory()
    }

    pub fn story(&self) -> Story {
        let mut story = Story::default();
        for (at, event) in hold(&self.events).iter() {
            story.apply(*at, event);
        }
        story
    }

    fn journal(&self, kill: Option<Kill>, limit: Limit) -> Journal {
        Journal::new(self.story(), Box::new(Paper { events: self.events.clone(), kill, count: 0, limit }))
    }

    fn engine<'e>(&self, door: &'e Door, stop: &'e Stop) -> Engine<'e> {
        Engine {
            account: door,
            talk: &Silent,
            stop,
            stage: &stage,
            today: today(),
            lag: LAG,
            jobs: self.jobs,
            stop_at_once: self.stop_at_once,
        }
    }

    /// Begins a run whose journal comes to an end.
    pub fn run_within(&self, plan: &Plan, decisions: Vec<Decision>, limit: Limit) -> Result<(), EngineError> {
        let (door, mut journal, stop) = (self.door(None), self.journal(None, limit), Stop::default());
        let engine = self.engine(&door, &stop);
        block_on(engine.apply(plan, &self.name, decisions, &mut journal))
    }

    /// Begins a run of the plan, or goes on with the one that was begun; `None` when it was killed.
    pub fn run(
        &self,
        plan: &Plan,
        decisions: Vec<Decision>,
        kill: Option<Kill>,
    ) -> Option<Result<(), EngineError>> {
        let begun = !hold(&self.events).is_empty();
        let door = self.door(kill);
        let mut journal = self.journal(kill, Limit::Endless);
        catch_unwind(AssertUnwindSafe(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let stop = Stop::default();
            let engine = self.engine(&door, &stop);
            runtime.block_on(async {
                if begun {
                    engine.resume(plan, Vec::new(), &mut journal).await
                } else {
                    engine.apply(plan, &self.name, decisions, &mut journal).await
                }
            })
        }))
        .ok()
    }

    /// Checks every change of the run again.
    pub fn verify(&self, plan: &Plan) -> Story {
        let door = self.door(None);
        let mut journal = self.journal(None, Limit::Endless);
        let stop = Stop::default();
        let engine = self.engine(&door, &stop);
        block_on(engine.verify(plan, &mut journal)).unwrap();
        journal.story
    }

    /// A new stand on the same account, for another run.
    pub fn again(&self) -> Stand {
        Stand {
            twin: self.twin.clone(),
            called: Arc::default(),
            asked: Arc::default(),
            events: Arc::default(),
            identity: self.identity.clone(),
            name: self.name.clone(),
            jobs: self.jobs,
            stop_at_once: self.stop_at_once,
            ends_are_told: self.ends_are_told,
            then: Arc::default(),
        }
    }
}

/// The built-in playbooks, with what must be named before it is done at all: the traffic that one group of the
/// demo account may still send. Another playbook closes a port of the same group to the world.
pub fn playbooks() -> Vec<playbook::Playbook> {
    let mut all = playbook::assemble(playbook::builtin(), Vec::new()).unwrap();
    let egress = all.iter_mut().find(|one| one.id == "security-group-open-egress").unwrap();
    egress.matching.tags.insert("Team".into(), "maps".into());
    egress.actions[0].with["keep"] = serde_json::json!(["443/tcp to 0.0.0.0/0", "all to 10.10.0.0/16"]);
    all
}

/// The playbooks of the laws, with the web ACL of the demo account, and no flags: what whoever applies a plan says
/// about it, unless a test says otherwise.
pub fn today() -> &'static Today {
    static TODAY: LazyLock<Today> = LazyLock::new(|| {
        let mut playbooks = playbooks();
        for setting in NAMED {
            playbook::set::override_parameter(&mut playbooks, setting).unwrap();
        }
        Today { playbooks, waivers: Default::default(), options: Default::default() }
    });
    &TODAY
}

/// What must be named before anything is done: the web ACL of the demo account, the region to which new access
/// keys are delivered, and the table for private subnets (`route_moves.rs`).
pub const NAMED: [&str; 3] = [
    "associate-web-acl.web_acl=\"larkspur-edge\"",
    "rotate-access-key.region=\"us-east-1\"",
    "fix-route-table.private_tables=[\"rtb-0ca11ab1e00000003\"]",
];

/// Makes a stage of facts.
pub fn stage(inventory: Inventory) -> Box<dyn Stage> {
    Box::new(Twin::from_inventory(inventory))
}

pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}
