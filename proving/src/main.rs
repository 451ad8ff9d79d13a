//! `cargo run --release --manifest-path proving/Cargo.toml -- 0..100000` proves a range of seeds, `-- 7` replays one.
//! The same code as `cargo test proving::`.

// The tests' stand has more in it than is needed here.
#![allow(dead_code)]

use std::{env, process::ExitCode};

#[path = "../../tests/it/proving/mod.rs"]
mod proving;
#[path = "../../tests/it/stand.rs"]
mod stand;

fn main() -> ExitCode {
    let wish = env::args().nth(1).unwrap_or_default();
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
