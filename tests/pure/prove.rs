//! `cargo run --release --manifest-path tests/pure/Cargo.toml -- 0..100000` proves a range of seeds, `-- 7` replays one.
//! The same code as `cargo test proving::`.

// The tests' stand has more in it than is needed here.
#![allow(dead_code)]

use std::{env, process::ExitCode};

#[path = "../it/edits.rs"]
mod edits;
#[path = "../it/proving/mod.rs"]
mod proving;
#[path = "../it/stand.rs"]
mod stand;

fn main() -> ExitCode {
    let wish = env::args().nth(1).unwrap_or_default();
    // `edits 0..1000000`: edits of a plan and of a journal, as `cargo test forged::no_edit` tries them.
    if wish == "edits" {
        let Some(seeds) = proving::range_of(&env::args().nth(2).unwrap_or_default()) else { return ExitCode::from(2) };
        println!("plans: {:?}", edits::range(seeds.clone(), edits::plan_edit));
        println!("journals: {:?}", edits::range(seeds, edits::journal_edit));
        return ExitCode::SUCCESS;
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
