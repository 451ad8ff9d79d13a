//! The untouched files that edits are held to: an account, a plan of a few of its changes, and the run of
//! that plan. They are made once.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{LazyLock, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use redress::{
    account::{Account, Identity},
    calls::{Call, Outcome, Purpose, way_back},
    engine::{Engine, LAG, Silent, Stop, survey, undo},
    finding::{FindingKey, Verdict},
    inventory::{Inventory, Scope},
    journal::{Decision, Event, Journal, Story},
    plan::{Change, Plan, again::Today, digest, rehearse::Rules, select},
    playbook::{self, Approve},
    twin::{Twin, demo},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::cut::{cut, others};
use crate::stand::{block_on, hold, stage};

/// An account that remembers which calls took effect.
pub struct Watched {
    twin: Mutex<Twin>,
    pub done: Mutex<Vec<Call>>,
    identity: Identity,
    /// What somebody else calls before the first call of ours.
    pub first: Mutex<Vec<Call>>,
}

impl Watched {
    pub fn new(twin: Twin) -> Self {
        let inventory = twin.truth();
        let identity = Identity {
            owner: inventory.owner.clone(),
            caller: inventory.caller.clone(),
            endpoint: "twin:test".to_owned(),
        };
        Self { twin: Mutex::new(twin), done: Mutex::default(), identity, first: Mutex::default() }
    }

    /// Holds law 13: what is attached at a start is never older than what was last written there.
    pub fn holds_no_older_disk(&self, what: &str) {
        let twin = hold(&self.twin);
        assert!(twin.stale().is_empty(), "{what}: {:?}", twin.stale());
    }
}

#[async_trait]
impl Account for Watched {
    fn identity(&self) -> &Identity {
        &self.identity
    }
    async fn read(&self, scope: &Scope) -> Inventory {
        hold(&self.twin).read(scope)
    }
    async fn call(&self, call: &Call) -> Outcome {
        hold(&self.first).drain(..).for_each(|other| drop(hold(&self.twin).perform(&other)));
        let outcome = hold(&self.twin).perform(call);
        if outcome.is_ok() {
            hold(&self.done).push(call.clone());
        }
        outcome
    }
    fn now(&self) -> Timestamp {
        hold(&self.twin).now()
    }
    async fn pause(&self, time: Duration) {
        hold(&self.twin).pass(time);
    }
}

/// The untouched: an account, a plan of a few of its changes, and what is done when that is applied.
pub struct Scene {
    pub twin: Twin,
    pub plan: Plan,
    /// The plan and the events of its run as they stand in files.
    pub written: (Value, Vec<Value>),
    /// The account after so many events of the run as its index.
    pub since: Vec<Twin>,
    /// Ids of things that the plan does not name.
    pub others: Vec<String>,
    pub today: Today,
    /// Ids that are there before.
    known: String,
    /// What its calls are, and those of its ways back.
    calls: BTreeSet<String>,
    /// Whether a change asks, by action and resource.
    pub asks: BTreeMap<(String, String), bool>,
    pub events: Vec<(Timestamp, Event)>,
    /// The findings that are open before.
    pub open: BTreeSet<FindingKey>,
    /// The calls that take the run back, and the findings that are open then.
    pub undone: (BTreeSet<String>, BTreeSet<FindingKey>),
}

/// The actions of which the plan of a scene holds a change: all of them in one plan, and each in a plan of
/// its own, which takes a part of the time.
const SCENES: [&[&str]; 6] = [
    &["tighten-security-group", "enable-flow-logs", "raise-cloudtrail", "encrypt-volumes"],
    &["tighten-security-group"],
    &["enable-flow-logs"],
    &["raise-cloudtrail"],
    &["encrypt-volumes"],
    &[STOPS],
];

/// Stands for the encryption of an instance that runs and is stopped for it. That of the first disks of the
/// plan is of a volume alone.
const STOPS: &str = "encrypt-volumes of an instance that runs";

/// The byte of the scene in which an instance is stopped.
pub const STOPPED: u8 = 5;

/// The scene that a byte stands for: of sixteen, one is that of all actions.
pub fn scene(which: u8) -> &'static Scene {
    static ALL: [LazyLock<Scene>; 6] = [
        LazyLock::new(|| Scene::new(SCENES[0])),
        LazyLock::new(|| Scene::new(SCENES[1])),
        LazyLock::new(|| Scene::new(SCENES[2])),
        LazyLock::new(|| Scene::new(SCENES[3])),
        LazyLock::new(|| Scene::new(SCENES[4])),
        LazyLock::new(|| Scene::new(SCENES[5])),
    ];
    const OF: [usize; 16] = [0, 1, 2, 3, 4, 5, 2, 3, 4, 1, 2, 3, 4, 5, 2, 3];
    &ALL[OF[usize::from(which) % OF.len()]]
}

/// Who applies: some playbooks ask nobody, so that it shows when an edit makes one of the others do so.
fn today() -> Today {
    let mut playbooks = playbook::assemble(playbook::builtin(), Vec::new()).unwrap();
    // The longest way has all the steps that the others have.
    for setting in crate::stand::NAMED.into_iter().chain(["encrypt-volumes.via=\"copy\""]) {
        playbook::set::override_parameter(&mut playbooks, setting).unwrap();
    }
    playbooks
        .iter_mut()
        .filter(|p| p.id.contains("flow-logs") || p.id.contains("admin"))
        .for_each(|p| p.approve = Approve::Auto);
    Today { playbooks, waivers: Default::default(), options: Default::default() }
}

impl Scene {
    fn new(actions: &[&str]) -> Self {
        static WHOLE: LazyLock<(Inventory, Plan)> = LazyLock::new(|| {
            let account = demo::inventory("2026-11-22T10:00:00Z".parse().unwrap());
            let plan =
                few(&Watched::new(Twin::from_inventory(account.clone())), &today(), &SCENES.concat()).0;
            (account, plan)
        });
        let today = today();
        let (account, plan) = &*WHOLE;
        let ids = of_actions(plan, actions);
        let named: String = plan
            .changes
            .iter()
            .filter(|c| ids.contains(&c.id))
            .map(|c| serde_json::to_string(c).unwrap())
            .collect();
        let twin = Twin::from_inventory(cut(account.clone(), &named));
        let account = Watched::new(twin.clone());
        let (plan, open) = few(&account, &today, actions);
        let written = serde_json::to_value(&plan).unwrap();
        let others = others(twin.truth(), &written.to_string());
        let asks =
            plan.changes.iter().map(|c| ((c.action.to_string(), c.resource.to_string()), c.ask)).collect();
        let known = serde_json::to_string(&twin.truth()).unwrap();
        let written = (written, Vec::new());
        let (calls, undone) = Default::default();
        let mut scene = Self {
            twin,
            plan,
            written,
            since: Vec::new(),
            others,
            today,
            known,
            calls,
            asks,
            events: Vec::new(),
            open,
            undone,
        };
        let (calls, events) = scene.apply(&scene.plan, yes(&scene.plan));
        let story = told(&events);
        let mut undoing = undo::plan(
            &story,
            &scene.plan,
            None,
            account.identity(),
            account.now(),
            jiff::SignedDuration::from_hours(24),
        );
        let undone = undoing.plan.clone();
        let back = scene
            .plan
            .changes
            .iter()
            .flat_map(|c| backward(c, &story))
            .chain(undone.changes.iter().flat_map(|c| c.steps.iter().map(|s| s.act.call.clone())));
        let all: BTreeSet<String> =
            calls.iter().chain(&back.collect::<Vec<_>>()).map(|call| scene.plain(call)).collect();
        scene.written.1 = events.iter().map(|(_, event)| serde_json::to_value(event).unwrap()).collect();
        scene.since = since(&scene.twin, &events);
        (scene.calls, scene.events) = (all, events);
        let account = Watched::new(scene.since[scene.events.len()].clone());
        block_on(undoing.rehearse(&scene.plan, &account, &stage));
        scene.undone =
            (scene.calls_of(&undoing.plan), undoing.plan.rehearsal.opens.iter().cloned().collect());
        scene
    }

    /// Applies a plan on a fresh copy of the account: the calls that took effect, and what the journal holds.
    pub fn apply(&self, plan: &Plan, decisions: Vec<Decision>) -> (Vec<Call>, Vec<(Timestamp, Event)>) {
        let account = Watched::new(self.twin.clone());
        let events = self.work(&account, plan, Begin::Anew(decisions));
        (account.done.into_inner().unwrap(), events)
    }

    pub fn work(&self, account: &Watched, plan: &Plan, begin: Begin) -> Vec<(Timestamp, Event)> {
        let shared: std::sync::Arc<Mutex<Vec<(Timestamp, Event)>>> = std::sync::Arc::default();
        let stop = Stop::default();
        let engine = Engine {
            account,
            talk: &Silent,
            stop: &stop,
            stage: &stage,
            today: &self.today,
            lag: LAG,
            jobs: 1,
            stop_at_once: 1,
        };
        let result = match begin {
            Begin::Anew(decisions) => {
                let mut journal = Journal::new(Story::default(), Box::new(Shared(shared.clone())));
                block_on(engine.apply(plan, "run-1", decisions, &mut journal))
            }
            Begin::Again(story, decisions) => {
                let mut journal = Journal::new(*story, Box::new(Shared(shared.clone())));
                block_on(engine.resume(plan, decisions, &mut journal))
            }
        };
        drop(result);
        hold(&shared).clone()
    }

    /// The calls of a plan.
    pub fn calls_of(&self, plan: &Plan) -> BTreeSet<String> {
        plan.changes.iter().flat_map(|c| &c.steps).map(|step| self.plain(&step.act.call)).collect()
    }

    /// A call without what may differ: tokens, names of steps, and the ids of what was made.
    fn plain(&self, call: &Call) -> String {
        let mut call = serde_json::to_value(call).unwrap();
        self.strip(&mut call);
        call.to_string()
    }

    fn strip(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                let made = ["vol-", "snap-", "sgr-", "fl-"].iter().any(|kind| text.starts_with(kind))
                    && !self.known.contains(text.as_str());
                if made {
                    *text = "made".to_owned();
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.strip(item)),
            Value::Object(map) => {
                let own = map.get("Key").and_then(Value::as_str).is_some_and(|key| {
                    matches!(key, "redress:step" | "redress:token" | "redress:run" | "redress:set")
                });
                // What is relative to the run: its tokens and ids, and the day until which a thing is kept.
                if own || map.get("Key").and_then(Value::as_str) == Some("redress:expires") {
                    map.insert("Value".to_owned(), json!("*"));
                }
                for (key, item) in map {
                    if matches!(key.as_str(), "ClientToken" | "$token" | "$step" | "$run") {
                        *item = json!("*");
                    } else {
                        self.strip(item);
                    }
                }
            }
            _ => {}
        }
    }

    /// Holds calls that took effect to those of the untouched files.
    pub fn holds(&self, calls: &[Call], what: &str) {
        for call in calls {
            let plain = self.plain(call);
            assert!(self.calls.contains(&plain), "{what}: {plain}\nis no call of the untouched");
        }
    }
}

pub enum Begin {
    Anew(Vec<Decision>),
    Again(Box<Story>, Vec<Decision>),
}

struct Shared(std::sync::Arc<Mutex<Vec<(Timestamp, Event)>>>);

impl redress::journal::Log for Shared {
    fn append(&mut self, at: Timestamp, event: &Event) -> Result<(), redress::journal::StoreError> {
        hold(&self.0).push((at, event.clone()));
        Ok(())
    }
}

/// The account after none of the events, the first, the first two, and so on: each call, and an hour for what
/// comes of it.
fn since(twin: &Twin, events: &[(Timestamp, Event)]) -> Vec<Twin> {
    let (mut twin, mut all) = (twin.clone(), vec![twin.clone()]);
    for (_, event) in events {
        if let Event::Intent { call, .. } = event {
            drop(twin.perform(call));
            twin.pass(Duration::from_secs(3600));
        }
        all.push(twin.clone());
    }
    all
}

/// The first change of a plan of each of these actions, and what these come after.
fn of_actions(plan: &Plan, actions: &[&str]) -> BTreeSet<String> {
    let stops = |change: &Change| {
        change.action == "encrypt-volumes" && change.steps.iter().any(|step| step.name == "stop")
    };
    let one = |action: &&str| {
        plan.changes.iter().find(|c| if *action == STOPS { stops(c) } else { c.action == *action })
    };
    let mut ids: BTreeSet<String> = actions.iter().filter_map(one).map(|c| c.id.clone()).collect();
    for change in plan.changes.iter().rev() {
        if ids.contains(&change.id) {
            ids.extend(change.after.iter().cloned());
        }
    }
    ids
}

/// A plan of one change of each of these actions, and of what these come after.
fn few(account: &Watched, today: &Today, actions: &[&str]) -> (Plan, BTreeSet<FindingKey>) {
    let regions = ["us-east-1".to_owned(), "eu-west-1".to_owned()];
    let checks: Vec<_> = redress::checks::all().filter(|c| c.scanned).collect();
    let wish = survey::Wish {
        regions: &regions,
        checks: &checks,
        playbooks: &today.playbooks,
        options: &today.options,
        valid_for: jiff::SignedDuration::from_hours(24 * 7),
        observed: Default::default(),
        limits: Default::default(),
        also: Default::default(),
        narrow: None,
        waivers: &Default::default(),
    };
    let (survey, plan) = block_on(survey::plan(account, &wish, &stage));
    let ids = of_actions(&plan, actions);
    let open = survey
        .findings
        .iter()
        .filter(|f| matches!(f.verdict, Verdict::Violates(_)))
        .map(|f| f.key())
        .collect();
    (
        select::select(
            &plan,
            &ids,
            stage(survey.inventory).as_ref(),
            &Rules::new(&regions, &today.playbooks),
        )
        .unwrap()
        .plan,
        open,
    )
}

pub fn yes(plan: &Plan) -> Vec<Decision> {
    said(plan, &BTreeMap::new())
}

/// Yes to everything but what only the file says: that is named before anybody is asked, and no flag approves
/// it.
pub fn said(plan: &Plan, own: &BTreeMap<String, Vec<String>>) -> Vec<Decision> {
    let (mut decisions, mut barred) = (Vec::new(), BTreeSet::new());
    for change in &plan.changes {
        let approved =
            !own.contains_key(&change.id) && !change.after.iter().any(|id| barred.contains(id.as_str()));
        if !approved {
            barred.insert(change.id.as_str());
        }
        decisions.push(Decision { change: change.id.clone(), approved, by: "test".to_owned() });
    }
    decisions
}

pub fn told(events: &[(Timestamp, Event)]) -> Story {
    let mut story = Story::default();
    events.iter().for_each(|(at, event)| story.apply(*at, event));
    story
}

/// The way back of all steps of a change, as a failure at its end would lead along it.
fn backward(change: &Change, story: &Story) -> Vec<Call> {
    let outputs = story.outputs();
    let names: Vec<String> = change.steps.iter().map(|s| s.name.clone()).collect();
    let of = |back: redress::calls::BackAct| {
        let bindings = redress::calls::Bindings {
            run: "run-1",
            started: story.head.started,
            change: &change.id,
            step: &back.name,
            attempt: 1,
            outputs: &outputs,
        };
        Call { input: bindings.resolve(&back.act.call.input).unwrap_or(Value::Null), ..back.act.call }
    };
    way_back(&change.steps, &names, Purpose::Rollback).into_iter().map(of).collect()
}

/// A plan as JSON with the digest that fits.
pub fn sealed(mut plan: Value) -> Value {
    if let Some(map) = plan.as_object_mut() {
        map.shift_remove("digest");
        let digest: String =
            Sha256::digest(digest::canonical(&plan)).iter().map(|b| format!("{b:02x}")).collect();
        plan["digest"] = json!(digest);
    }
    plan
}
