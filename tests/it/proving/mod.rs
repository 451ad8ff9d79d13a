//! The proving ground: from one number a random small account, a plan of it, faults, deaths and other
//! people's hands; then resume to the end, and undo. Whatever happens, the laws of `laws.rs` must hold.
//!
//! `REDRESS_SEED=7 cargo test --test it proving::replay -- --nocapture` replays one number and tells what
//! happened; `REDRESS_SEEDS=0..5000 cargo test --test it proving::range -- --nocapture` proves a range. For
//! long ranges the same code is built with optimisation: `cargo prove 0..100000`.

mod additions;
mod census;
mod dice;
mod ends;
mod found;
mod ground;
mod hooks;
mod later;
mod laws;
mod life;
mod people;
mod run;
mod storm;
mod watch;

use std::{
    collections::BTreeMap,
    io::Write,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use redress::{
    engine::{EngineError, undo},
    inventory::{Inventory, tag},
    journal::{Decision, Event, Story},
    plan::Plan,
};

use self::{
    additions::Latest,
    dice::Dice,
    ground::Ground,
    life::{End, State, live},
    run::{Run, Thrown},
};

/// So many numbers share an account and its plan: making a plan takes longer than running it.
const SHARE: u64 = 32;
/// From this number on storms have more in them (`additions::Later`). Below it a number means what it meant
/// when the first ones were given to what they found (`found.rs`).
const LATER: u64 = 10_000;
/// From this number on there is more in them once again (`additions::Latest`).
const LATEST: u64 = 30_000;
/// From this number on credentials end in the middle of a wait, too.
const ENDS: u64 = 32_000;
/// From this number on other processes take the run over, too.
const TAKEN: u64 = 100_000;
/// From this number on accounts have several instances with keys of one's own, and keys are disabled and
/// cannot be read; nobody takes the run over.
const KEYS: u64 = 110_016;
/// From this number on people rotate keys, use them and turn them off, enrol devices and leave groups meanwhile.
const PEOPLE: u64 = 130_016;
/// The numbers that an ordinary test run proves, beside those that have found something.
const ORDINARY: [Range<u64>; 6] = [
    0..192,
    LATER..LATER + 256,
    ENDS..ENDS + 256,
    TAKEN..TAKEN + 128,
    KEYS..KEYS + 128,
    PEOPLE..PEOPLE + 256,
];
/// Who comes back after a day finds other things overdue: backups, for one.
const A_DAY: SignedDuration = SignedDuration::from_hours(23);
/// After so many numbers a long range says how far it is.
const TELL_AFTER: u64 = 5_000;

/// What was met on the way.
#[derive(Debug, Default, Clone)]
struct Tally {
    seeds: u64,
    runs: u64,
    met: BTreeMap<String, u64>,
    outcomes: BTreeMap<String, u64>,
}

impl Tally {
    fn meet(&mut self, what: &str) {
        *self.met.entry(what.to_owned()).or_default() += 1;
    }
    fn add(&mut self, other: Tally) {
        self.seeds += other.seeds;
        self.runs += other.runs;
        other.met.into_iter().for_each(|(k, n)| *self.met.entry(k).or_default() += n);
        other.outcomes.into_iter().for_each(|(k, n)| *self.outcomes.entry(k).or_default() += n);
    }
}

/// Proves one number on its account.
fn prove(seed: u64, ground: &Ground, tally: &mut Tally, loud: bool) -> Result<(), String> {
    let mut thrown = Thrown::new(seed);
    let calls: usize = ground.plan.changes.iter().map(|c| c.steps.len()).sum();
    let decisions = decide(&ground.plan, &mut thrown.dice);
    let before = ground.twin.inventory();
    let mut state = State::new(ground.twin.clone());
    let storm = thrown.storm(calls, &state.twin);
    state.twin.faults = storm.faults;
    storm.names.into_iter().for_each(|n| tally.meet(n));
    tally.seeds += 1;
    let run = Run { ground, plan: &ground.plan, name: "run-1", decisions, of: None, loud };
    state = run.through(state, &mut thrown, tally)?;
    let story = life::story(&state.events);
    tell(&story, &state.events, loud);
    settle(&mut state);
    offences(&mut state, None, loud)?;
    laws::after_run(&before, &state, &ground.plan, &story)?;
    if state.touched.is_empty() {
        ends::verified(state.twin.truth(), &ground.rules, &ground.plan, &story)?;
    }
    let long = state.twin.now().duration_since(ground.twin.now()) > A_DAY;
    if storm.passes && !state.disturbed && !long {
        tally.meet("storms that pass");
        let end = (&story, state.events.as_slice());
        ends::as_without(&ground.quiet, state.twin.truth(), &ground.plan, &run.decisions, end)?;
    }
    count(&story, tally);
    if thrown.dice.percent(70) {
        take_back(state, &before, &story, run, thrown, tally)?;
    } else {
        state.met.iter().for_each(|m| tally.meet(m));
        if let Some(latest) = &mut thrown.latest {
            later::pruned(latest.dice(), state, ground, tally)?;
        }
    }
    Ok(())
}

/// Undoes the run, under faults and deaths of its own.
fn take_back(
    mut state: State,
    before: &Inventory,
    story: &Story,
    run: Run<'_>,
    mut thrown: Thrown,
    tally: &mut Tally,
) -> Result<(), String> {
    let calm = thrown.dice.percent(30);
    let dice = thrown.latest.as_mut().map(Latest::dice).filter(|_| calm);
    let beside = dice.and_then(|dice| {
        if dice.percent(50) { later::meddle_beside(dice, &mut state, run.plan, story) } else { None }
    });
    beside.iter().for_each(|b| tally.meet(b));
    if let Some(dice) = thrown.keys.as_mut().filter(|_| beside.is_none())
        && dice.percent(25)
    {
        state.meddle(storm::Meddling::KeyDisabled(dice.below(6)));
        tally.meet("a key disabled before the undo");
    }
    let now = state.twin.now();
    let mut undoing =
        undo::plan(story, run.plan, None, &run.ground.identity, now, SignedDuration::from_hours(1));
    undoing.fit(&state.twin.inventory());
    if let Some((id, _)) = undoing.refused.iter().find(|(_, why)| why.is_empty()) {
        return Err(format!("undo of {id} is refused without a reason"));
    }
    if undoing.plan.changes.is_empty() {
        state.met.iter().for_each(|m| tally.meet(m));
        return Ok(());
    }
    let first = std::mem::take(&mut state.events);
    let start = state.twin.inventory();
    let calls: usize = undoing.plan.changes.iter().map(|c| c.steps.len()).sum();
    let storm = thrown.storm(calls, &state.twin);
    if calm {
        state.twin.faults = redress::twin::Faults::default();
    } else {
        state.twin.faults = storm.faults;
        storm.names.into_iter().for_each(|n| tally.meet(n));
    }
    let decisions = if calm {
        undoing.plan.changes.iter().map(|c| yes(&c.id)).collect()
    } else {
        decide(&undoing.plan, &mut thrown.dice)
    };
    let back = Run { plan: &undoing.plan, name: "run-2", decisions, of: Some((run.plan, story)), ..run };
    if calm {
        tally.meet("undone while nothing disturbs");
        let (after, end) =
            live(state, &back.ground.identity, back.plan, back.name, &back.decisions, Vec::new());
        state = after;
        tally.runs += 1;
        if matches!(end, End::Halted(EngineError::Elsewhere(_))) && left_down(&state) {
            tally.meet("held up by what is left down");
        } else if !matches!(end, End::Over) {
            return Err(format!("an undisturbed undo did not come to its end: {end:?}"));
        }
    } else {
        state = back.through(state, &mut thrown, tally)?;
    }
    let told = life::story(&state.events);
    tell(&told, &state.events, back.loud);
    settle(&mut state);
    state.met.iter().for_each(|m| tally.meet(m));
    offences(&mut state, Some(&undoing.plan), back.loud)?;
    if !told.ended {
        return Ok(());
    }
    let undone =
        laws::Undone { before, start: &start, state: &state, first: &first, calm, beside: beside.is_some() };
    laws::after_undo(&undone, run.ground, story, &undoing.plan, &told)?;
    count(&told, tally);
    Ok(())
}

/// Laws 13 to 15, over all lives of a run. An undo that a person asked for may bring older content back.
fn offences(state: &mut State, undo: Option<&Plan>, loud: bool) -> Result<(), String> {
    let mut all = std::mem::take(&mut state.offences);
    all.extend(laws::stale(&state.twin, &mut state.stale_seen, undo));
    if loud {
        all.iter().for_each(|offence| println!("  {offence}"));
    }
    all.into_iter().next().map_or(Ok(()), Err)
}

/// Whether an instance carries the mark of a run and is down.
fn left_down(state: &State) -> bool {
    let instances = state.twin.truth().regions.values().flat_map(|r| r.instances.known());
    instances
        .into_iter()
        .any(|(_, i)| i.tags.contains_key(tag::RUN) && matches!(i.state.as_str(), "stopping" | "stopped"))
}

fn yes(id: &str) -> Decision {
    Decision { change: id.to_owned(), approved: true, by: "proving".to_owned() }
}

fn decide(plan: &Plan, dice: &mut Dice) -> Vec<Decision> {
    plan.changes.iter().map(|c| Decision { approved: dice.percent(92), ..yes(&c.id) }).collect()
}

/// What is under way comes about.
fn settle(state: &mut State) {
    state.twin.faults.denied_reads.clear();
    state.twin.faults.credentials_end = None;
    state.twin.pass(Duration::from_secs(3_600));
}

fn count(story: &Story, tally: &mut Tally) {
    for outcome in story.changes.values().filter_map(|c| c.outcome()) {
        *tally.outcomes.entry(outcome.word().to_owned()).or_default() += 1;
    }
}

fn tell(story: &Story, events: &[(Timestamp, Event)], loud: bool) {
    if loud {
        for (at, event) in events {
            let text = serde_json::to_string(event).unwrap();
            println!("    {at} {}", &text[..text.len().min(600)]);
        }
        for (id, change) in &story.changes {
            println!("  {id}: {:?} {}", change.phase, change.reason);
        }
    }
}

/// Proves one number; what broke, with the command that replays it. A panic is a breach like any other.
fn proved(seed: u64, ground: &Ground, tally: &mut Tally) -> Result<(), String> {
    let outcome = catch_unwind(AssertUnwindSafe(|| prove(seed, ground, tally, false)));
    let breach = match outcome {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(breach)) => breach,
        Err(panic) => {
            let words = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied());
            format!("it panicked: {}", words.unwrap_or("without a word"))
        }
    };
    Err(format!(
        "seed {seed}: {breach}\n    REDRESS_SEED={seed} cargo test --test it proving::replay -- --nocapture"
    ))
}

/// Proves a range on two threads; what broke.
fn prove_all(seeds: &Range<u64>) -> (Tally, Vec<String>) {
    let (all, broken) = (Mutex::new(Tally::default()), Mutex::new(Vec::new()));
    let next = AtomicU64::new(seeds.start / SHARE);
    let began = Instant::now();
    let share = |number: u64| {
        let ground = Ground::new(number);
        let mut tally = Tally::default();
        for seed in (number * SHARE).max(seeds.start)..((number + 1) * SHARE).min(seeds.end) {
            if let Err(breach) = proved(seed, &ground, &mut tally) {
                tell_at_once(&breach);
                broken.lock().unwrap().push(breach);
            }
        }
        let mut all = all.lock().unwrap();
        let before = all.seeds / TELL_AFTER;
        all.add(tally);
        if all.seeds / TELL_AFTER > before {
            let (n, runs, seconds) = (all.seeds, all.runs, began.elapsed().as_secs());
            tell_at_once(&format!(
                "{n} of {} seeds, {runs} runs, {seconds} s, {} broken",
                seeds.end - seeds.start,
                broken.lock().unwrap().len()
            ));
        }
    };
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    if number * SHARE >= seeds.end || broken.lock().unwrap().len() > 20 {
                        return;
                    }
                    share(number);
                }
            });
        }
    });
    (all.into_inner().unwrap(), broken.into_inner().unwrap())
}

/// `FROM..TO`
pub fn range_of(text: &str) -> Option<Range<u64>> {
    let (from, to) = text.split_once("..")?;
    Some(from.trim().parse().ok()?..to.trim().parse().ok()?)
}

/// Where it is seen while the test still runs, captured or not.
fn tell_at_once(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Proves a range, tells what was met on the way, and panics where a law was broken.
pub fn prove_and_report(seeds: Range<u64>) {
    let began = Instant::now();
    let (tally, broken) = prove_all(&seeds);
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "seeds {seeds:?}: {} proved in {seconds:.1} s, {} simulated runs, {:.0} a second",
        tally.seeds,
        tally.runs,
        tally.runs as f64 / seconds
    );
    tally.met.iter().for_each(|(what, n)| println!("  {n:>8} {what}"));
    println!("outcomes:");
    tally.outcomes.iter().for_each(|(what, n)| println!("  {n:>8} {what}"));
    assert!(broken.is_empty(), "{} broken:\n{}", broken.len(), broken.join("\n"));
}

#[test]
fn whatever_goes_wrong_the_laws_hold() {
    ORDINARY.into_iter().for_each(prove_and_report);
}

#[test]
fn what_was_found_once_stays_found() {
    let broken: Vec<String> = found::FOUND
        .iter()
        .filter_map(|(seed, what)| {
            let breach = proved(*seed, &Ground::new(seed / SHARE), &mut Tally::default()).err()?;
            Some(format!("{breach}\n    (it once found: {what})"))
        })
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// An engine that lets several be down at once is found out.
#[test]
fn two_down_at_once_are_found() {
    let stops = |ground: &Ground| {
        ground
            .plan
            .changes
            .iter()
            .flat_map(|c| &c.steps)
            .filter(|s| s.act.call.operation == "StopInstances")
            .count()
    };
    let ground = (LATER / SHARE..).map(Ground::new).find(|ground| stops(ground) > 1).unwrap();
    life::STOP_AT_ONCE.set(20);
    let found =
        (LATER..LATER + 4 * SHARE).find_map(|seed| proved(seed, &ground, &mut Tally::default()).err());
    life::STOP_AT_ONCE.set(1);
    let told = |breach: &String| breach.contains("are down at once") || breach.contains("several down");
    assert!(found.as_ref().is_some_and(told), "{found:?}");
}

/// `REDRESS_SEEDS=0..100000`
#[test]
fn range() {
    let Ok(text) = std::env::var("REDRESS_SEEDS") else { return };
    prove_and_report(range_of(&text).expect("REDRESS_SEEDS is FROM..TO"));
}

/// `REDRESS_SEED=7`
#[test]
fn replay() {
    let Ok(seed) = std::env::var("REDRESS_SEED") else { return };
    replay_loudly(seed.trim().parse().unwrap());
}

/// Replays one number and tells what happens.
pub fn replay_loudly(seed: u64) {
    let ground = Ground::new(seed / SHARE);
    for change in &ground.plan.changes {
        println!(
            "{} {} {}: {:?}",
            change.id,
            change.action,
            change.summary,
            change.steps.iter().map(|s| s.name.as_str()).collect::<Vec<_>>()
        );
    }
    prove(seed, &ground, &mut Tally::default(), true)
        .unwrap_or_else(|breach| panic!("seed {seed}: {breach}"));
}

#[test]
fn the_same_number_replays_exactly() {
    // The last lies where changes run side by side.
    for number in [3, 11, LATER / SHARE + 1] {
        let (one, other) = (Ground::new(number), Ground::new(number));
        assert_eq!(one.plan, other.plan);
        let mut tallies = [Tally::default(), Tally::default()];
        for (ground, tally) in [&one, &other].into_iter().zip(&mut tallies) {
            (number * SHARE..(number + 1) * SHARE)
                .for_each(|seed| prove(seed, ground, tally, false).unwrap());
        }
        assert_eq!(format!("{:?}", tallies[0]), format!("{:?}", tallies[1]));
    }
}
