//! Edits of what lies in files, made from a number and sealed again so that every sum fits: whatever stands in a plan or a journal
//! then, redress makes no call that the untouched one would not have made, and asks about no change less. Also run by
//! `tests/pure` and fuzzed by `tests/fuzz`.

#![allow(dead_code)]

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
    engine::{
        Engine, LAG, Silent, Stop,
        gather::afresh,
        left::{judged, left},
        survey, undo,
    },
    inventory::{Inventory, Scope},
    journal::{Decision, Event, Journal, Story},
    plan::{
        Change, Plan,
        again::{Today, all_again, all_needs},
        digest,
        rehearse::Rules,
        select,
    },
    playbook::{Approve, load},
    twin::{Twin, demo},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use self::cut::{cut, others};
use crate::stand::{block_on, hold, stage};

#[path = "cut.rs"]
mod cut;
#[path = "../fuzz/edit.rs"]
mod edit;

/// An account that remembers which calls took effect.
struct Watched {
    twin: Mutex<Twin>,
    done: Mutex<Vec<Call>>,
    identity: Identity,
    /// What somebody else calls before the first call of ours.
    first: Mutex<Vec<Call>>,
}

impl Watched {
    fn new(twin: Twin) -> Self {
        let inventory = twin.truth();
        let identity = Identity { owner: inventory.owner.clone(), caller: inventory.caller.clone(), endpoint: "twin:test".to_owned() };
        Self { twin: Mutex::new(twin), done: Mutex::default(), identity, first: Mutex::default() }
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
struct Scene {
    twin: Twin,
    plan: Plan,
    /// The plan and the events of its run as they stand in files.
    written: (Value, Vec<Value>),
    /// The account after so many events of the run as its index.
    since: Vec<Twin>,
    /// Ids of things that the plan does not name.
    others: Vec<String>,
    today: Today,
    /// Ids that are there before.
    known: String,
    /// What its calls are, and those of its ways back.
    calls: BTreeSet<String>,
    /// Whether a change asks, by action and resource.
    asks: BTreeMap<(String, String), bool>,
    events: Vec<(Timestamp, Event)>,
}

/// The actions of which the plan of a scene holds a change: all of them in one plan, and each in a plan of its own, which takes a
/// part of the time.
const SCENES: [&[&str]; 5] = [
    &["tighten-security-group", "enable-flow-logs", "raise-cloudtrail", "encrypt-volumes"],
    &["tighten-security-group"],
    &["enable-flow-logs"],
    &["raise-cloudtrail"],
    &["encrypt-volumes"],
];

/// The scene that a byte stands for: of sixteen, one is that of all actions.
fn scene(which: u8) -> &'static Scene {
    static ALL: [LazyLock<Scene>; 5] = [
        LazyLock::new(|| Scene::new(SCENES[0])),
        LazyLock::new(|| Scene::new(SCENES[1])),
        LazyLock::new(|| Scene::new(SCENES[2])),
        LazyLock::new(|| Scene::new(SCENES[3])),
        LazyLock::new(|| Scene::new(SCENES[4])),
    ];
    const OF: [usize; 16] = [0, 1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3];
    &ALL[OF[usize::from(which) % OF.len()]]
}

/// Who applies: some playbooks ask nobody, so that it shows when an edit makes one of the others do so.
fn today() -> Today {
    let mut playbooks = load::assemble(load::builtin(), Vec::new()).unwrap();
    playbooks.iter_mut().filter(|p| p.id.contains("flow-logs") || p.id.contains("admin")).for_each(|p| p.approve = Approve::Auto);
    Today { playbooks, options: Default::default() }
}

impl Scene {
    fn new(actions: &[&str]) -> Self {
        static WHOLE: LazyLock<(Inventory, Plan)> = LazyLock::new(|| {
            let account = demo::inventory("2026-11-22T10:00:00Z".parse().unwrap());
            let plan = few(&Watched::new(Twin::from_inventory(account.clone())), &today(), SCENES[0]);
            (account, plan)
        });
        let today = today();
        let (account, plan) = &*WHOLE;
        let ids = of_actions(plan, actions);
        let named: String = plan.changes.iter().filter(|c| ids.contains(&c.id)).map(|c| serde_json::to_string(c).unwrap()).collect();
        let twin = Twin::from_inventory(cut(account.clone(), &named));
        let account = Watched::new(twin.clone());
        let plan = few(&account, &today, actions);
        let written = serde_json::to_value(&plan).unwrap();
        let others = others(twin.truth(), &written.to_string());
        let asks = plan.changes.iter().map(|c| ((c.action.clone(), c.resource.to_string()), c.ask)).collect();
        let known = serde_json::to_string(&twin.truth()).unwrap();
        let written = (written, Vec::new());
        let mut scene = Self { twin, plan, written, since: Vec::new(), others, today, known, calls: BTreeSet::new(), asks, events: Vec::new() };
        let (calls, events) = scene.apply(&scene.plan, yes(&scene.plan));
        let story = told(&events);
        let undone = undo::plan(&story, &scene.plan, None, account.identity(), account.now(), jiff::SignedDuration::from_hours(24)).plan;
        let back =
            scene.plan.changes.iter().flat_map(|c| backward(c, &story)).chain(undone.changes.iter().flat_map(|c| c.steps.iter().map(|s| s.act.call.clone())));
        let all: BTreeSet<String> = calls.iter().chain(&back.collect::<Vec<_>>()).map(|call| scene.plain(call)).collect();
        scene.written.1 = events.iter().map(|(_, event)| serde_json::to_value(event).unwrap()).collect();
        scene.since = since(&scene.twin, &events);
        (scene.calls, scene.events) = (all, events);
        scene
    }

    /// Applies a plan on a fresh copy of the account: the calls that took effect, and what the journal holds.
    fn apply(&self, plan: &Plan, decisions: Vec<Decision>) -> (Vec<Call>, Vec<(Timestamp, Event)>) {
        let account = Watched::new(self.twin.clone());
        let events = self.work(&account, plan, Begin::Anew(decisions));
        (account.done.into_inner().unwrap(), events)
    }

    fn work(&self, account: &Watched, plan: &Plan, begin: Begin) -> Vec<(Timestamp, Event)> {
        let shared: std::sync::Arc<Mutex<Vec<(Timestamp, Event)>>> = std::sync::Arc::default();
        let stop = Stop::default();
        let engine = Engine { account, talk: &Silent, stop: &stop, stage: &stage, today: &self.today, lag: LAG, jobs: 1, stop_at_once: 1 };
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

    /// A call without what may differ: tokens, names of steps, and the ids of what was made.
    fn plain(&self, call: &Call) -> String {
        let mut call = serde_json::to_value(call).unwrap();
        self.strip(&mut call);
        call.to_string()
    }

    fn strip(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                let made = ["vol-", "snap-", "sgr-", "fl-"].iter().any(|kind| text.starts_with(kind)) && !self.known.contains(text.as_str());
                if made {
                    *text = "made".to_owned();
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.strip(item)),
            Value::Object(map) => {
                let own =
                    map.get("Key").and_then(Value::as_str).is_some_and(|key| matches!(key, "redress:step" | "redress:token" | "redress:run" | "redress:set"));
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
    fn holds(&self, calls: &[Call], what: &str) {
        for call in calls {
            let plain = self.plain(call);
            assert!(self.calls.contains(&plain), "{what}: {plain}\nis no call of the untouched");
        }
    }
}

enum Begin {
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

/// The account after none of the events, the first, the first two, and so on: each call, and an hour for what comes of it.
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
    let mut ids: BTreeSet<String> = actions.iter().filter_map(|action| plan.changes.iter().find(|c| c.action == *action)).map(|c| c.id.clone()).collect();
    for change in plan.changes.iter().rev() {
        if ids.contains(&change.id) {
            ids.extend(change.after.iter().cloned());
        }
    }
    ids
}

/// A plan of one change of each of these actions, and of what these come after.
fn few(account: &Watched, today: &Today, actions: &[&str]) -> Plan {
    let regions = ["us-east-1".to_owned(), "eu-west-1".to_owned()];
    let checks: Vec<_> = redress::checks::all().filter(|c| c.scanned).collect();
    let wish = survey::Wish {
        regions: &regions,
        checks: &checks,
        playbooks: &today.playbooks,
        options: &today.options,
        valid_for: jiff::SignedDuration::from_hours(24 * 7),
        limits: Default::default(),
        also: Default::default(),
        narrow: None,
    };
    let (survey, plan) = block_on(survey::plan(account, &wish, &stage));
    let ids = of_actions(&plan, actions);
    select::select(&plan, &ids, stage(survey.inventory).as_ref(), &Rules::new(&regions, &today.playbooks)).unwrap().plan
}

fn yes(plan: &Plan) -> Vec<Decision> {
    said(plan, &BTreeMap::new())
}

/// Yes to everything but what only the file says: that is named before anybody is asked, and no flag approves it.
fn said(plan: &Plan, own: &BTreeMap<String, Vec<String>>) -> Vec<Decision> {
    let (mut decisions, mut barred) = (Vec::new(), BTreeSet::new());
    for change in &plan.changes {
        let approved = !own.contains_key(&change.id) && !change.after.iter().any(|id| barred.contains(id.as_str()));
        if !approved {
            barred.insert(change.id.as_str());
        }
        decisions.push(Decision { change: change.id.clone(), approved, by: "test".to_owned() });
    }
    decisions
}

fn told(events: &[(Timestamp, Event)]) -> Story {
    let mut story = Story::default();
    events.iter().for_each(|(at, event)| story.tell(*at, event));
    story
}

/// The way back of all steps of a change, as a failure at its end would lead along it.
fn backward(change: &Change, story: &Story) -> Vec<Call> {
    let outputs = story.outputs();
    let names: Vec<String> = change.steps.iter().map(|s| s.name.clone()).collect();
    let of = |back: redress::calls::BackAct| {
        let bindings =
            redress::calls::Bindings { run: "run-1", started: story.head.started, change: &change.id, step: &back.name, attempt: 1, outputs: &outputs };
        Call { input: bindings.resolve(&back.act.call.input).unwrap_or(Value::Null), ..back.act.call }
    };
    way_back(&change.steps, &names, Purpose::Rollback).into_iter().map(of).collect()
}

/// A plan as JSON with the digest that fits.
fn sealed(mut plan: Value) -> Value {
    if let Some(map) = plan.as_object_mut() {
        map.shift_remove("digest");
        let digest: String = Sha256::digest(digest::canonical(&plan)).iter().map(|b| format!("{b:02x}")).collect();
        plan["digest"] = json!(digest);
    }
    plan
}

/// A plan with a change of each action, and the journal of its run.
pub fn whole() -> (&'static Plan, &'static [(Timestamp, Event)]) {
    let scene = scene(0);
    (&scene.plan, &scene.events)
}

/// Applies a plan while somebody else makes these calls, after this run has looked and before its own first call.
pub fn beaten(twin: &Twin, plan: &Plan, calls: Vec<Call>) -> Story {
    let account = Watched { first: Mutex::new(calls), ..Watched::new(twin.clone()) };
    told(&scene(0).work(&account, plan, Begin::Anew(yes(plan))))
}

/// What a person is shown of a change, and what is compared afterwards: all of that is made again, whatever stands in a file.
fn as_shown(change: &Change) -> Value {
    let Change { summary, risk, reversible, not_restored, before, after_state, impact, proof, steps, guards, touches, .. } = change;
    json!([summary, risk, reversible, not_restored, before, after_state, impact, proof, steps, guards, touches])
}

/// What an edit comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Came {
    /// The file was not taken.
    Refused,
    /// It was taken, and nothing or less was called.
    Less,
    /// It was taken, and the same was called as with the untouched file.
    Same,
}

/// Holds an edited plan to the untouched one.
fn plan_holds(scene: &Scene, edited: Value, what: &str) -> Came {
    let Ok(plan) = digest::parse(&sealed(edited).to_string()) else { return Came::Refused };
    // What is read as the same plan is the untouched one.
    if (Plan { digest: scene.plan.digest.clone(), ..plan.clone() }) == scene.plan {
        return Came::Same;
    }
    let account = Watched::new(scene.twin.clone());
    let who = account.identity();
    let fits = digest::check_fit(&plan, &who.owner.account, &who.owner.partition, &who.endpoint, account.now()).is_ok();
    // What restores is made again from its run or from tags; there are none.
    if !fits || plan.kind.restores() {
        return Came::Refused;
    }
    let facts = block_on(afresh(&account, &mut |known| all_needs(&plan, &plan.changes, &scene.today, known)));
    let again = all_again(&plan, &plan, &scene.today, stage(facts).as_ref());
    for change in &again.plan.changes {
        let asked = scene.asks.get(&(change.action.clone(), change.resource.to_string())).copied().unwrap_or(true);
        assert!(change.ask || !asked, "{what}: {} on {} asks no more", change.action, change.resource);
        if let Some(made) = scene.plan.changes.iter().find(|c| c.resource == change.resource && c.action == change.action)
            && !again.own.contains_key(&change.id)
        {
            assert_eq!(as_shown(change), as_shown(made), "{what}: {} is shown as the file has it", change.id);
        }
        assert!(change.risk >= redress::calls::floor(&change.steps), "{what}: {} is said to be {}", change.id, change.risk.word());
    }
    let (calls, _) = scene.apply(&plan, said(&plan, &again.own));
    scene.holds(&calls, what);
    let whole = told(&scene.events).changes.values().map(|c| c.steps.len()).sum::<usize>();
    if calls.len() < whole { Came::Less } else { Came::Same }
}

/// Holds an edited journal to the untouched one: it is resumed, and what then stands is taken back.
fn journal_holds(scene: &Scene, edited: Vec<Value>, before: usize, what: &str) -> Came {
    let mut events = Vec::new();
    for value in edited {
        let Ok(event) = serde_json::from_value::<Event>(value) else { return Came::Refused };
        events.push(event);
    }
    let times = scene.events.iter().map(|(at, _)| *at).chain(std::iter::repeat(scene.events[scene.events.len() - 1].0));
    let story = told(&times.zip(events).collect::<Vec<_>>());
    // A run is opened only with its own plan, at its own account, and under its own name.
    let of = |story: &Story| {
        let head = &story.head;
        [&head.run, &head.plan_digest, &head.account, &head.partition, &head.endpoint].map(String::clone)
    };
    if of(&story) != of(&told(&scene.events)) {
        return Came::Refused;
    }
    // The account as it was when the untouched journal had come so far.
    let account = Watched::new(scene.since[before].clone());
    if !story.ended {
        let left = block_on(left(&scene.plan, &story, &scene.today, &account, &stage));
        if !left.judged.beyond.is_empty() || !left.judged.unknown.is_empty() {
            return Came::Refused;
        }
        scene.work(&account, &scene.plan, Begin::Again(Box::new(story.clone()), said(&left.plan, &left.again.own)));
    }
    let undoing = undo::plan(&story, &scene.plan, None, account.identity(), account.now(), jiff::SignedDuration::from_hours(24));
    let said = block_on(judged(&story.head.run, &undoing.calls(&scene.plan), &account));
    let undone = undoing.plan;
    if said.beyond.is_empty() && said.unknown.is_empty() && !undone.changes.is_empty() {
        scene.work(&account, &undone, Begin::Anew(yes(&undone)));
    }
    let done = account.done.into_inner().unwrap();
    scene.holds(&done, what);
    if done.is_empty() { Came::Less } else { Came::Same }
}

/// Bytes from a number: half of them ask for one or two edits, the others for up to nine.
fn bytes(seed: u64, round: u64) -> Vec<u8> {
    let all = Sha256::digest(format!("{seed}|{round}"));
    let more = if all[0].is_multiple_of(2) { 4 } else { 24 };
    all[1..6 + usize::from(all[0] / 2 % more)].to_vec()
}

/// All strings of a plan, for edits that put one in the place of another wherever it stands.
fn strings(value: &Value, all: &mut Vec<String>) {
    match value {
        Value::String(text) => all.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|v| strings(v, all)),
        Value::Object(map) => map.values().for_each(|v| strings(v, all)),
        _ => {}
    }
}

fn replaced(value: &mut Value, from: &str, to: &str) {
    match value {
        Value::String(text) if text.contains(from) => *text = text.replace(from, to),
        Value::Array(items) => items.iter_mut().for_each(|v| replaced(v, from, to)),
        Value::Object(map) => map.values_mut().for_each(|v| replaced(v, from, to)),
        _ => {}
    }
}

/// Turns the boolean at a place, counted in depth and round and round.
fn flip(plan: &mut Value, at: usize) {
    fn one(value: &mut Value, seen: &mut usize, at: usize) -> bool {
        match value {
            Value::Bool(yes) => {
                *seen += 1;
                if *seen == at {
                    *yes = !*yes;
                }
                *seen == at
            }
            Value::Array(items) => items.iter_mut().any(|v| one(v, seen, at)),
            Value::Object(map) => map.values_mut().any(|v| one(v, seen, at)),
            _ => false,
        }
    }
    let mut all = 0;
    one(plan, &mut all, usize::MAX);
    one(plan, &mut 0, 1 + at % all.max(1));
}

/// The edit of the plan that bytes ask for.
pub fn plan_of(dice: &[u8], what: &str) -> Came {
    let Some((how, edits)) = dice.split_first() else { return Came::Refused };
    let scene = scene(how / 4);
    // One string in the place of another, wherever it stands: what somebody would do who wants the edit to fit.
    if how.is_multiple_of(4) && edits.len() > 4 {
        let mut plan = scene.written.0.clone();
        let mut all = Vec::new();
        strings(&plan, &mut all);
        all.retain(|text| !text.is_empty());
        let pick = |of: &[String], n: usize| of[(usize::from(edits[n]) << 8 | usize::from(edits[n + 1])) % of.len()].clone();
        let to = match edits[4] % 4 {
            0 | 2 => pick(&all, 2),
            1 => pick(&scene.others, 2),
            _ => "198.51.100.7/32".to_owned(),
        };
        replaced(&mut plan, &pick(&all, 0), &to);
        return plan_holds(scene, plan, what);
    }
    // A yes in the place of a no, or the other way round: there are few of them among the many values.
    if how.is_multiple_of(7) && !edits.is_empty() {
        let mut plan = scene.written.0.clone();
        flip(&mut plan, usize::from(edits[0]));
        return plan_holds(scene, plan, what);
    }
    let plan = edit::edited(std::slice::from_ref(&scene.written.0), edits).into_iter().next().unwrap_or_default();
    plan_holds(scene, plan, what)
}

/// The edit of a journal that bytes ask for: of a run that was interrupted somewhere, or came to its end.
pub fn journal_of(dice: &[u8], what: &str) -> Came {
    let [which, high, low, edits @ ..] = dice else { return Came::Refused };
    let scene = scene(*which);
    let before = 1 + (usize::from(*high) << 8 | usize::from(*low)) % scene.events.len();
    journal_holds(scene, edit::edited(&scene.written.1[..before], edits), before, what)
}

/// The edit of the plan that a number stands for.
pub fn plan_edit(seed: u64) -> Came {
    plan_of(&bytes(seed, 0), &format!("the edit of a plan {seed}"))
}

/// The edit of a journal that a number stands for.
pub fn journal_edit(seed: u64) -> Came {
    journal_of(&bytes(seed, 1), &format!("the edit of a journal {seed}"))
}

/// Tries a range of edits and counts what they came to.
pub fn range(seeds: std::ops::Range<u64>, one: fn(u64) -> Came) -> BTreeMap<Came, u64> {
    let mut all = BTreeMap::new();
    for seed in seeds {
        *all.entry(one(seed)).or_default() += 1;
    }
    all
}
