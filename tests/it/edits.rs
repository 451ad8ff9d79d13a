//! Edits of what lies in files, made from a number and sealed again so that every sum fits: whatever stands
//! in a plan or a run then, redress makes no call that the untouched one would not have made, asks about no
//! change less, answers no finding that is not open and hides none that it opens. Also run by `cargo prove`
//! and fuzzed by `tests/fuzz`.

#![allow(dead_code, reason = "shared by programs of which each uses a part")]

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use redress::{
    account::Account,
    actions::Proof,
    calls::Call,
    engine::{
        gather::afresh,
        left::{Left, judged, left},
        undo,
    },
    journal::{Decision, Event, Story},
    plan::{
        Change, Plan,
        again::{PlanAgain, all_again, all_needs, open_only},
        digest,
    },
    twin::Twin,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use self::scene::{Begin, STOPPED, Scene, Watched, said, scene, sealed, told, yes};
use crate::stand::{block_on, stage};

#[path = "cut.rs"]
mod cut;
#[path = "../fuzz/edit.rs"]
mod edit;
#[path = "edits_scene.rs"]
mod scene;

/// A plan with a change of each action, and the journal of its run.
pub fn whole() -> (&'static Plan, &'static [(Timestamp, Event)]) {
    let scene = scene(0);
    (&scene.plan, &scene.events)
}

/// Applies a plan while somebody else makes these calls, after this run has looked and before its own first
/// call.
pub fn beaten(twin: &Twin, plan: &Plan, calls: Vec<Call>) -> Story {
    let account = Watched::new(twin.clone());
    account.first.lock().unwrap().extend(calls);
    told(&scene(0).work(&account, plan, Begin::Anew(yes(plan))))
}

/// What a person is shown of a change, and what is compared afterwards: all of that is made again, whatever
/// stands in a file. What proves a finding is left out where `of` does not say that it answers it: a plan may
/// be of fewer checks.
fn as_shown(change: &Change, of: &Change) -> Value {
    let Change {
        summary,
        risk,
        reversible,
        not_restored,
        before,
        after_state,
        impact,
        proof,
        steps,
        guards,
        touches,
        findings,
        ..
    } = change;
    let left_out = |one: &&Proof| {
        findings
            .iter()
            .any(|key| key.check == one.check && key.resource == one.resource && !of.findings.contains(key))
    };
    let proof: Vec<&Proof> = proof.iter().filter(|one| !left_out(one)).collect();
    json!([
        summary,
        risk,
        reversible,
        not_restored,
        before,
        after_state,
        impact,
        proof,
        steps,
        guards,
        touches
    ])
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

/// Holds what is shown and asked of changes that were made again to the untouched ones.
fn shown_holds(scene: &Scene, again: &PlanAgain, what: &str) {
    for change in &again.plan.changes {
        let asked = scene
            .asks
            .get(&(change.action.to_string(), change.resource.to_string()))
            .copied()
            .unwrap_or(true);
        assert!(change.ask || !asked, "{what}: {} on {} asks no more", change.action, change.resource);
        if let Some(made) =
            scene.plan.changes.iter().find(|c| c.resource == change.resource && c.action == change.action)
            && !again.own.contains_key(&change.id)
        {
            assert_eq!(
                as_shown(change, change),
                as_shown(made, change),
                "{what}: {} is shown as the file has it",
                change.id
            );
        }
        assert!(
            change.risk >= redress::calls::floor(&change.steps),
            "{what}: {} is said to be {}",
            change.id,
            change.risk.word()
        );
        if let Some(key) = change.findings.iter().find(|key| !scene.open.contains(key)) {
            panic!("{what}: {} is said to answer {key:?}, which is not open", change.id);
        }
    }
    let rehearsal = &again.plan.rehearsal;
    if let Some(key) = rehearsal.closes.iter().find(|key| !scene.open.contains(key)) {
        panic!("{what}: {key:?} is said to be closed, and is not open");
    }
    let whole = scene.plan.changes.iter().all(|c| {
        again.plan.changes.iter().any(|made| made.resource == c.resource && made.action == c.action)
    });
    if let Some(key) = scene.plan.rehearsal.opens.iter().find(|key| whole && !rehearsal.opens.contains(key)) {
        panic!("{what}: {key:?} is opened, and that is not said");
    }
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
    let fits =
        digest::check_fit(&plan, &who.owner.account, &who.owner.partition, &who.endpoint, account.now())
            .is_ok();
    // What restores is made again from its run or from tags; there are none.
    if !fits || plan.kind.restores() {
        return Came::Refused;
    }
    let facts = block_on(afresh(&account, &mut |known| all_needs(&plan, &plan.changes, &scene.today, known)));
    let plan = open_only(&plan, &facts, &scene.today);
    let again = all_again(&plan, &plan, &scene.today, stage(facts).as_ref());
    shown_holds(scene, &again, what);
    let (calls, _) = scene.apply(&plan, said(&plan, &again.own));
    scene.holds(&calls, what);
    let whole = told(&scene.events).changes.values().map(|c| c.steps.len()).sum::<usize>();
    if calls.len() < whole { Came::Less } else { Came::Same }
}

/// Reads edited events; those of a run that is not opened at all are none.
fn read(scene: &Scene, plan: &Plan, edited: Vec<Value>) -> Option<Vec<(Timestamp, Event)>> {
    let events = edited
        .into_iter()
        .map(|value| serde_json::from_value::<Event>(value).ok())
        .collect::<Option<Vec<_>>>()?;
    let times = scene
        .events
        .iter()
        .map(|(at, _)| *at)
        .chain(std::iter::repeat(scene.events[scene.events.len() - 1].0));
    let events: Vec<_> = times.zip(events).collect();
    // A run is opened only with its own plan, at its own account, and under its own name.
    let of = |story: &Story| {
        [&story.head.run, &story.head.account, &story.head.partition, &story.head.endpoint].map(String::clone)
    };
    let story = told(&events);
    (of(&story) == of(&told(&scene.events)) && story.head.plan_digest == plan.digest).then_some(events)
}

/// Holds an edited run to the untouched one: it is resumed, and what then stands is taken back.
fn run_holds(scene: &Scene, plan: &Plan, edited: Vec<Value>, before: usize, what: &str) -> Came {
    let Some(mut events) = read(scene, plan, edited) else { return Came::Refused };
    let story = told(&events);
    // The account as it was when the untouched journal had come so far.
    let account = Watched::new(scene.since[before].clone());
    if !story.ended {
        let left = block_on(left(plan, &story, &scene.today, &account, &stage));
        let Some(decisions) = approved(&left) else { return Came::Refused };
        if before == 1 {
            shown_holds(scene, &left.again, what);
        }
        events.extend(scene.work(&account, &left.withheld(plan), Begin::Again(Box::new(story), decisions)));
        account.holds_no_older_disk(what);
    }
    undo_holds(scene, plan, &told(&events), &account, what);
    let done = account.done.into_inner().unwrap();
    scene.holds(&done, what);
    if done.is_empty() { Came::Less } else { Came::Same }
}

/// What flags approve of what is left of a run; nothing where it is not resumed so.
fn approved(left: &Left) -> Option<Vec<Decision>> {
    let judged = &left.judged;
    if !judged.beyond.is_empty() || !judged.unknown.is_empty() || !judged.ahead.is_empty() {
        return None;
    }
    let failing =
        left.failing.keys().map(|id| Decision { change: id.clone(), approved: false, by: "test".to_owned() });
    Some(said(&left.plan, &left.again.own).into_iter().chain(failing).collect())
}

/// Takes a run back, as far as flags do that.
fn undo_holds(scene: &Scene, plan: &Plan, story: &Story, account: &Watched, what: &str) {
    let mut undoing = undo::plan(
        story,
        plan,
        None,
        account.identity(),
        account.now(),
        jiff::SignedDuration::from_hours(24),
    );
    let said = block_on(judged(&story.head.run, &undoing.calls(plan), account));
    let borne_out = said.beyond.is_empty() && said.unknown.is_empty() && said.claims.is_empty();
    if !borne_out || undoing.plan.changes.is_empty() {
        return;
    }
    block_on(undoing.rehearse(plan, account, &stage));
    let undone = undoing.plan;
    // What could not be rehearsed, or fails in it, is named as such, and is no flag's to approve where it
    // takes something down.
    let shown = &undone.rehearsal;
    if scene.calls_of(&undone) == scene.undone.0 && shown.not_rehearsed.is_empty() && shown.failed.is_empty()
    {
        let opens: BTreeSet<_> = undone.rehearsal.opens.iter().cloned().collect();
        assert!(
            opens.is_superset(&scene.undone.1),
            "{what}: the undo opens {:?}, and says {opens:?}",
            scene.undone.1
        );
    }
    scene.work(account, &undone, Begin::Anew(yes(&undone)));
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
    // One string in the place of another, wherever it stands: what somebody would do who wants the edit to
    // fit.
    if how.is_multiple_of(4) && edits.len() > 4 {
        let mut plan = scene.written.0.clone();
        let (from, to) = exchange(scene, &plan, edits);
        replaced(&mut plan, &from, &to);
        return plan_holds(scene, plan, what);
    }
    // A yes in the place of a no, or the other way round: there are few of them among the many values.
    if how.is_multiple_of(7) && !edits.is_empty() {
        let mut plan = scene.written.0.clone();
        flip(&mut plan, usize::from(edits[0]));
        return plan_holds(scene, plan, what);
    }
    let plan = first(edit::edited(std::slice::from_ref(&scene.written.0), edits));
    plan_holds(scene, plan, what)
}

/// The edit of a journal that bytes ask for: of a run that was interrupted somewhere, or came to its end.
pub fn journal_of(dice: &[u8], what: &str) -> Came {
    let [which, high, low, edits @ ..] = dice else { return Came::Refused };
    let scene = scene(*which);
    let before = 1 + (usize::from(*high) << 8 | usize::from(*low)) % scene.events.len();
    run_holds(scene, &scene.plan, edit::edited(&scene.written.1[..before], edits), before, what)
}

/// The edit of a run that bytes ask for, which was interrupted somewhere or came to its end: of its plan, of
/// its journal too, or one string in the place of another wherever it stands in either.
pub fn run_of(dice: &[u8], what: &str) -> Came {
    let [which, high, low, edits @ ..] = dice else { return Came::Refused };
    let scene = scene(*which);
    let before = 1 + (usize::from(*high) << 8 | usize::from(*low)) % scene.events.len();
    let (mut plan, mut events) = (scene.written.0.clone(), scene.written.1[..before].to_vec());
    let half = edits.len() / 2;
    match which / 16 % 3 {
        0 => plan = first(edit::edited(std::slice::from_ref(&plan), edits)),
        1 => {
            (plan, events) = (
                first(edit::edited(std::slice::from_ref(&plan), &edits[..half])),
                edit::edited(&events, &edits[half..]),
            )
        }
        _ if edits.len() > 4 => {
            let (from, to) = exchange(scene, &plan, edits);
            replaced(&mut plan, &from, &to);
            events.iter_mut().for_each(|event| replaced(event, &from, &to));
        }
        _ => return Came::Refused,
    }
    let sealed = sealed(plan);
    let Ok(plan) = digest::parse(&sealed.to_string()) else { return Came::Refused };
    if let Some(head) = events.first_mut().filter(|head| head["plan_digest"] == scene.plan.digest.as_str()) {
        head["plan_digest"] = json!(plan.digest);
    }
    run_holds(scene, &plan, events, before, what)
}

/// Edits of the journal of an encryption that was interrupted after each of its events in turn: in the place
/// of each last snapshot of a disk stands another, of an earlier state of it. How many are refused until
/// nothing is made from them any more.
pub fn older_copies() -> usize {
    let (scene, mut refused) = (scene(STOPPED), 0);
    for [warm, last] in [["warm-copy-", "copy-"], ["warm", "snapshot"]] {
        for before in 1..=scene.written.1.len() {
            let mut events = scene.written.1[..before].to_vec();
            let what = format!("{warm} for {last}, interrupted after {before} events");
            match older_for_newer(&mut events, warm, last)
                .then(|| run_holds(scene, &scene.plan, events, before, &what))
            {
                None => {}
                Some(Came::Refused) => refused += 1,
                Some(Came::Less | Came::Same) => break,
            }
        }
    }
    refused
}

/// Gives the outputs of steps whose names begin so to those whose names begin otherwise and end likewise.
fn older_for_newer(events: &mut [Value], warm: &str, last: &str) -> bool {
    const MADE: &str = "/result/done/outputs";
    let step = |event: &Value| event["step"].as_str().unwrap_or_default().to_owned();
    let made: BTreeMap<String, Value> =
        events.iter().filter_map(|e| Some((step(e), e.pointer(MADE)?.clone()))).collect();
    let mut given = false;
    for event in events.iter_mut() {
        let older = step(event).strip_prefix(last).and_then(|n| made.get(&format!("{warm}{n}")));
        if let (Some(older), Some(outputs)) = (older, event.pointer_mut(MADE)) {
            (*outputs, given) = (older.clone(), true);
        }
    }
    given
}

fn first(values: Vec<Value>) -> Value {
    values.into_iter().next().unwrap_or_default()
}

/// The string that bytes ask for, and the one that takes its place.
fn exchange(scene: &Scene, plan: &Value, edits: &[u8]) -> (String, String) {
    let mut all = Vec::new();
    strings(plan, &mut all);
    all.retain(|text| !text.is_empty());
    let pick = |of: &[String], n: usize| {
        of[(usize::from(edits[n]) << 8 | usize::from(edits[n + 1])) % of.len()].clone()
    };
    let to = match edits[4] % 4 {
        0 | 2 => pick(&all, 2),
        1 => pick(&scene.others, 2),
        _ => "198.51.100.7/32".to_owned(),
    };
    (pick(&all, 0), to)
}

/// The edit of the plan that a number stands for.
pub fn plan_edit(seed: u64) -> Came {
    plan_of(&bytes(seed, 0), &format!("the edit of a plan {seed}"))
}

/// The edit of a run that a number stands for.
pub fn run_edit(seed: u64) -> Came {
    run_of(&bytes(seed, 2), &format!("the edit of a run {seed}"))
}

/// The edit of the journal of a run that a number stands for.
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
