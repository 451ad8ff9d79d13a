//! One life of a process that works on a run: the account and the journal with hooks by which it dies without
//! a word, finds the disk full, is asked to stop, or meets other people's hands. A killed process is a future
//! that is dropped; whatever it still tried after its death is noted as a breach.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use redress::{
    account::{Account, Identity, Validity},
    calls::{Call, Outcome, Tried, mark},
    engine::{Engine, EngineError, LAG, Silent, Stop},
    inventory::{FamilyKind, Inventory, Scope, Selector, Want, tag},
    journal::{Decision, Event, Journal, Story},
    plan::{Change, Plan},
    twin::{DeniedRead, Twin},
};
use serde_json::{Value, json};

use super::{dice::Dice, hooks::Paper, storm::Meddling, watch::Watch};
use crate::stand::{stage, today};

/// What happens to a process, counted within its life from 1.
#[derive(Debug, Clone, PartialEq)]
pub enum Fate {
    KilledBeforeCall(usize),
    KilledAfterCall(usize),
    KilledBeforeRecord(usize),
    KilledAfterRecord(usize),
    KilledInPause(usize),
    KilledInRead(usize),
    DiskFullAt(usize),
    StopAskedAt(usize, usize),
    Meddled(usize, Meddling),
    ReadsDenied(usize, DeniedRead, u64),
    MeddledInPause(usize, Meddling),
    ReadsDeniedInPause(usize, DeniedRead, u64),
    CredentialsEndInPause(usize),
    /// Between the announcement of a stop and the stop, this happens, or keys cannot be read for so many
    /// seconds.
    MeddledAtStop(Meddling),
    KeysUnreadAtStop(u64),
    /// Another process takes the run over right after this record: its lease is lost, and only a look at it
    /// shows that.
    TakenOver(usize),
    /// At this call it is known that the credentials end in so many seconds, and whether they say so.
    CredentialsEnd(usize, u64, bool),
}

/// How a life ended.
#[derive(Debug)]
pub enum End {
    Killed,
    Halted(EngineError),
    Over,
}

/// What a life shares with the account and the journal.
pub struct State {
    pub twin: Twin,
    pub events: Vec<(Timestamp, Event)>,
    pub fates: Vec<Fate>,
    pub breaches: Vec<String>,
    pub touched: BTreeSet<String>,
    /// When somebody's hands were on each of these.
    pub hands: BTreeMap<String, Vec<Timestamp>>,
    /// What each change touches by id, and how that truly was when it began and when it ended.
    pub truths: BTreeMap<String, Truth>,
    pub met: Vec<&'static str>,
    /// Whether other people's hands, or reads that were denied, had a part in it.
    pub disturbed: bool,
    /// What was called, and what that means for the laws that look at each call.
    pub watch: Watch,
    /// Breaches of the laws that look at each call, told when the run is over.
    pub offences: Vec<String>,
    /// How many times older content had come into use when it was last looked at.
    pub stale_seen: usize,
    /// How many changes run at once, and by which dice they take turns.
    pub jobs: usize,
    pub turns: Dice,
    denied_until: Option<Timestamp>,
    ends_are_told: bool,
    pub dead: bool,
    pub full: bool,
    pub taken: bool,
    pub calls: usize,
    pub records: usize,
    pauses: usize,
    reads: usize,
    stop: Arc<Stop>,
}

/// How what a change touches truly was, whatever the engine saw of it.
#[derive(Debug, Clone, Default)]
pub struct Truth {
    touches: Vec<Want>,
    pub before: Option<(Timestamp, Value)>,
    pub after: Option<(Timestamp, Value)>,
}

thread_local! {
    /// How many instances the engine lets be down at once; the law is always one.
    pub static STOP_AT_ONCE: Cell<usize> = const { Cell::new(1) };
}

/// The most polls in one life: more means that its changes wait for one another.
const IDLE: usize = 5_000_000;
/// The most pauses in one life: more means that it waits for ever.
const PAUSES: usize = 20_000;

impl State {
    pub fn new(twin: Twin) -> Self {
        Self {
            twin,
            events: Vec::new(),
            fates: Vec::new(),
            breaches: Vec::new(),
            touched: BTreeSet::new(),
            hands: BTreeMap::new(),
            truths: BTreeMap::new(),
            met: Vec::new(),
            disturbed: false,
            watch: Watch::default(),
            offences: Vec::new(),
            stale_seen: 0,
            jobs: 1,
            turns: Dice::new(0, 0),
            denied_until: None,
            ends_are_told: false,
            dead: false,
            full: false,
            taken: false,
            calls: 0,
            records: 0,
            pauses: 0,
            reads: 0,
            stop: Arc::default(),
        }
    }
    /// Lets the changes of the next life run side by side.
    pub fn take_turns(&mut self, (jobs, turns): (usize, Dice)) {
        (self.jobs, self.turns) = (jobs, turns);
    }
    pub fn fated(&mut self, fate: &Fate) -> bool {
        self.fates.contains(fate)
    }
    pub fn die(&mut self, how: &'static str) {
        self.dead = true;
        self.met.push(how);
    }
    /// What comes with the nth call without killing.
    pub fn visit(&mut self, nth: usize) {
        for fate in self.fates.clone() {
            match fate {
                Fate::StopAskedAt(n, times) if n == nth => {
                    (0..times).for_each(|_| self.stop.request());
                    self.met.push("asked to stop");
                }
                Fate::Meddled(n, meddling) if n == nth => self.meddle(meddling),
                Fate::CredentialsEnd(n, seconds, told) if n == nth => {
                    self.met.push(if told {
                        "credentials that say when they end"
                    } else {
                        "credentials that end without a word"
                    });
                    self.disturbed = true;
                    self.ends_are_told = told;
                    self.twin.faults.credentials_end =
                        self.twin.now().checked_add(Duration::from_secs(seconds)).ok();
                }
                Fate::ReadsDenied(n, denied, seconds) if n == nth => {
                    self.met.push("reads denied");
                    self.deny(denied, seconds);
                }
                _ => {}
            }
        }
    }
    /// What comes between an announcement and its stop.
    pub fn announced(&mut self, call: &Call) {
        if call.operation != "CreateTags"
            || call.input["Tags"] != json!([{ "Key": tag::STATE, "Value": mark::STOPPING }])
        {
            return;
        }
        for fate in self.fates.clone() {
            match fate {
                Fate::MeddledAtStop(meddling) => self.meddle(meddling),
                Fate::KeysUnreadAtStop(seconds) => {
                    self.met.push("keys unread at a stop");
                    self.deny(DeniedRead { family: FamilyKind::Keys, region: None, member: None }, seconds);
                }
                _ => {}
            }
        }
    }
    /// What comes with the nth pause without killing.
    fn idle(&mut self, nth: usize) {
        for fate in self.fates.clone() {
            match fate {
                Fate::MeddledInPause(n, meddling) if n == nth => self.meddle(meddling),
                Fate::ReadsDeniedInPause(n, denied, seconds) if n == nth => {
                    self.met.push("reads denied in a wait");
                    self.deny(denied, seconds);
                }
                Fate::CredentialsEndInPause(n) if n == nth => {
                    self.met.push("credentials ended in a wait");
                    self.disturbed = true;
                    self.twin.faults.credentials_end = Some(self.twin.now());
                }
                _ => {}
            }
        }
    }
    /// Somebody else's hand.
    pub fn meddle(&mut self, meddling: Meddling) {
        self.met.push(meddling.name());
        self.disturbed = true;
        let touched = meddling.act(&mut self.twin);
        let now = self.twin.now();
        touched.iter().for_each(|id| self.hands.entry(id.clone()).or_default().push(now));
        self.touched.extend(touched);
    }
    fn deny(&mut self, denied: DeniedRead, seconds: u64) {
        self.disturbed = true;
        self.twin.faults.denied_reads.push(denied);
        self.denied_until = self.twin.now().checked_add(Duration::from_secs(seconds)).ok();
    }
    /// Looks at the account as it truly is where a change begins or ends.
    pub fn note(&mut self, at: Timestamp, event: &Event) {
        let (Event::ChangeStarted { change, .. } | Event::ChangeEnded { change, .. }) = event else { return };
        let Some(truth) = self.truths.get_mut(change) else { return };
        let now = (at, self.twin.truth().footprint(&truth.touches));
        match event {
            Event::ChangeStarted { .. } => (truth.before, truth.after) = (Some(now), None),
            _ => truth.after = Some(now),
        }
    }
    pub fn breach(&mut self, what: String) {
        if self.breaches.len() < 5 {
            self.breaches.push(what);
        }
    }
}

pub fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The account.
pub struct Door {
    pub state: Arc<Mutex<State>>,
    identity: Identity,
}

impl Door {
    /// A door without hooks.
    pub fn quiet(twin: Twin, identity: Identity) -> Self {
        Self { state: Arc::new(Mutex::new(State::new(twin))), identity }
    }
    /// The same on a state that goes on, without what was still to happen in its last life.
    pub fn on(state: State, identity: Identity) -> Self {
        let state = State { fates: Vec::new(), dead: false, full: false, taken: false, ..state };
        Self { state: Arc::new(Mutex::new(state)), identity }
    }
    pub fn into_state(self) -> State {
        Arc::into_inner(self.state).unwrap().into_inner().unwrap()
    }
    pub fn into_twin(self) -> Twin {
        self.into_state().twin
    }
    /// What time it is.
    pub fn time(&self) -> Timestamp {
        hold(&self.state).twin.now()
    }
}

#[async_trait]
impl Account for Door {
    fn identity(&self) -> &Identity {
        &self.identity
    }
    async fn read(&self, scope: &Scope) -> Inventory {
        self.turn().await;
        let dead = {
            let mut state = hold(&self.state);
            state.reads += 1;
            let n = state.reads;
            if state.fated(&Fate::KilledInRead(n)) {
                state.die("killed in a read");
            }
            state.dead
        };
        if dead {
            std::future::pending::<()>().await;
        }
        hold(&self.state).twin.read(scope)
    }
    async fn call(&self, call: &Call) -> Outcome {
        let outcome = self.strike(call);
        self.turn().await;
        if outcome.is_none() {
            std::future::pending::<()>().await;
        }
        outcome.unwrap()
    }
    async fn try_call(&self, call: &Call) -> Tried {
        self.turn().await;
        if hold(&self.state).dead {
            std::future::pending::<()>().await;
        }
        hold(&self.state).twin.try_call(call)
    }
    fn now(&self) -> Timestamp {
        hold(&self.state).twin.now()
    }
    async fn validity(&self) -> Validity {
        let state = hold(&self.state);
        match state.twin.faults.credentials_end {
            Some(end) if state.ends_are_told => Validity::Ends(end),
            Some(_) => Validity::Unsaid,
            None => Validity::Lasting,
        }
    }
    async fn pause(&self, time: Duration) {
        self.turn().await;
        let dead = {
            let mut state = hold(&self.state);
            state.pauses += 1;
            let n = state.pauses;
            if n > PAUSES {
                state.breach("it waits without end".to_owned());
                state.dead = true;
            }
            if state.fated(&Fate::KilledInPause(n)) {
                state.die("killed in a pause");
            }
            state.idle(n);
            state.twin.pass(time);
            if state.denied_until.is_some_and(|until| until <= state.twin.now()) {
                state.denied_until = None;
                state.twin.faults.denied_reads.clear();
            }
            state.dead
        };
        if dead {
            std::future::pending::<()>().await;
        }
    }
}

/// The story that the events tell.
pub fn story(events: &[(Timestamp, Event)]) -> Story {
    let mut story = Story::default();
    for (at, event) in events {
        story.apply(*at, event);
    }
    story
}

/// Lives once: begins the run, or goes on with it.
pub fn live(
    mut state: State,
    identity: &Identity,
    plan: &Plan,
    run: &str,
    decisions: &[Decision],
    fates: Vec<Fate>,
) -> (State, End) {
    let begun = !state.events.is_empty();
    if !begun {
        let by_id = |change: &Change| {
            change.touches.iter().filter(|want| matches!(want.selector, Selector::Id(_))).cloned().collect()
        };
        state.truths = plan
            .changes
            .iter()
            .map(|c| (c.id.clone(), Truth { touches: by_id(c), ..Truth::default() }))
            .collect();
    }
    let stop = Arc::new(Stop::default());
    let told = story(&state.events);
    let shared = Arc::new(Mutex::new(State {
        fates,
        dead: false,
        full: false,
        taken: false,
        calls: 0,
        records: 0,
        pauses: 0,
        reads: 0,
        stop: stop.clone(),
        ..state
    }));
    let jobs = hold(&shared).jobs;
    let door = Door { state: shared.clone(), identity: identity.clone() };
    let mut journal = Journal::new(told, Box::new(Paper(shared.clone())));
    let end = {
        let engine = Engine {
            account: &door,
            talk: &Silent,
            stop: &stop,
            stage: &stage,
            today: today(),
            lag: LAG,
            jobs,
            stop_at_once: STOP_AT_ONCE.get(),
        };
        let mut work = pin!(async {
            if begun {
                engine.resume(plan, Vec::new(), &mut journal).await
            } else {
                engine.apply(plan, run, decisions.to_vec(), &mut journal).await
            }
        });
        let mut context = Context::from_waker(Waker::noop());
        let mut idle = 0;
        loop {
            // Every change waits for another: nothing will ever wake them.
            idle += 1;
            if idle > IDLE {
                hold(&shared).breach("it waits for itself".to_owned());
                break End::Killed;
            }
            match work.as_mut().poll(&mut context) {
                Poll::Ready(_) if hold(&shared).dead => break End::Killed,
                Poll::Ready(Ok(())) => break End::Over,
                Poll::Ready(Err(error)) => break End::Halted(error),
                Poll::Pending if hold(&shared).dead => break End::Killed,
                Poll::Pending => {}
            }
        }
    };
    drop((door, journal));
    let mut state = Arc::into_inner(shared).unwrap().into_inner().unwrap_or_else(PoisonError::into_inner);
    state.denied_until = None;
    (state, end)
}
