//! Fuzzes what a forged file can bring about: edits of any value of a sealed plan, and of the events of a
//! journal under `resume` and `undo`. No call takes effect that the untouched files would not have made, and
//! no change asks less.
#![no_main]

#[path = "../../it/edits.rs"]
mod edits;
#[path = "../../it/stand.rs"]
mod stand;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| match bytes.split_first() {
    Some((0..=127, edits)) => drop(edits::plan_of(edits, "this edit of a plan")),
    Some((128..=191, edits)) => drop(edits::journal_of(edits, "this edit of a journal")),
    Some((_, edits)) => drop(edits::run_of(edits, "this edit of a run")),
    None => {}
});
