//! `cargo prove 0..100000` proves a range of seeds, `cargo prove 7` replays one. The same code as `cargo test
//! proving::`. `cargo prove edits 0..1000000` tries edits of a plan and of a journal, as `cargo test
//! forged_edits::no_edit` does; `cargo prove edits 7` one of each. `cargo prove journal 1000000` measures how
//! long a journal of so many records takes to read.

#![allow(dead_code, reason = "shared by programs of which each uses a part")]

use std::{
    collections::BTreeMap,
    env,
    ops::Range,
    panic::{self, AssertUnwindSafe},
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Instant,
};

#[path = "../it/edits.rs"]
mod edits;
mod journal;
#[path = "../it/proving/mod.rs"]
mod proving;
#[path = "../it/stand.rs"]
mod stand;
#[path = "../it/worked.rs"]
mod worked;

fn main() -> ExitCode {
    let wish = env::args().nth(1).unwrap_or_default();
    if let ("journal", Some(records)) = (wish.as_str(), env::args().nth(2).and_then(|n| n.parse().ok())) {
        journal::long(records);
        return ExitCode::SUCCESS;
    }
    if wish == "edits" {
        return edited(&env::args().nth(2).unwrap_or_default());
    }
    match (proving::range_of(&wish), wish.trim().parse()) {
        (Some(seeds), _) => proving::prove_and_report(seeds),
        (None, Ok(seed)) => proving::replay_loudly(seed),
        (None, Err(_)) => {
            eprintln!("give a range of seeds as FROM..TO, or one seed to be replayed");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

/// What the edits of a range came to: of plans, of journals, and of runs with their plans; and what broke.
#[derive(Default)]
struct Edits {
    came: [BTreeMap<edits::Came, u64>; 3],
    broken: Vec<String>,
}

/// So many edits are handed out at once.
const SHARE: u64 = 50;
/// After so many a long range says how far it is.
const TELL_AFTER: u64 = 10_000;

fn edited(wish: &str) -> ExitCode {
    let one = wish.trim().parse::<u64>().ok().map(|seed| seed..seed + 1);
    let Some(seeds) = proving::range_of(wish).or(one) else { return ExitCode::from(2) };
    panic::set_hook(Box::new(|_| {}));
    let (all, next, began) = (Mutex::new(Edits::default()), AtomicU64::new(seeds.start), Instant::now());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let from = next.fetch_add(SHARE, Ordering::SeqCst);
                    let to = (from + SHARE).min(seeds.end);
                    if from >= to || all.lock().unwrap().broken.len() > 50 {
                        return;
                    }
                    let some = some_edits(from..to);
                    let mut all = all.lock().unwrap();
                    some.broken.iter().for_each(|broken| println!("{broken}"));
                    all.broken.extend(some.broken);
                    for (all, some) in all.came.iter_mut().zip(some.came) {
                        some.into_iter().for_each(|(came, n)| *all.entry(came).or_default() += n);
                    }
                    if to % TELL_AFTER == 0 {
                        let [plans, journals, runs] = &all.came;
                        let (broken, seconds) = (all.broken.len(), began.elapsed().as_secs());
                        println!(
                            "{to}: plans {plans:?}, journals {journals:?}, runs {runs:?}, {broken} broken, \
                             {seconds} s"
                        );
                    }
                }
            });
        }
    });
    let (all, seconds) = (all.into_inner().unwrap(), began.elapsed().as_secs_f64());
    let tried: u64 = all.came.iter().flat_map(BTreeMap::values).sum();
    let [plans, journals, runs] = &all.came;
    println!("plans: {plans:?}\njournals: {journals:?}\nruns: {runs:?}\n{} broken", all.broken.len());
    println!("{tried} edits in {seconds:.1} s, {:.0} a second", tried as f64 / seconds);
    if all.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn some_edits(seeds: Range<u64>) -> Edits {
    let mut all = Edits::default();
    for seed in seeds {
        for (n, one) in [edits::plan_edit, edits::journal_edit, edits::run_edit].into_iter().enumerate() {
            match panic::catch_unwind(AssertUnwindSafe(|| one(seed))) {
                Ok(came) => *all.came[n].entry(came).or_default() += 1,
                Err(panic) => {
                    let words = panic
                        .downcast_ref::<String>()
                        .map(String::as_str)
                        .or_else(|| panic.downcast_ref::<&str>().copied());
                    all.broken.push(format!(
                        "{} {seed}: {}",
                        ["plan", "journal", "run"][n],
                        words.unwrap_or("it panicked without a word")
                    ));
                }
            }
        }
    }
    all
}
