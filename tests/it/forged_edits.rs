//! Edits of plans and runs, made from numbers and sealed again: those that were found once, those that are
//! made for one purpose, and a range of them.

use crate::edits;

/// Edits that once brought about a call of their own, or no end, each with what it was.
const FOUND: [(u64, &str); 3] = [
    (9_116, "the ids of a flow log that was made became an empty list: it was deleted by no name"),
    (11_816, "the id of a copy became null: an empty disk was made in its place"),
    (
        92_323,
        "something was down by a change that never runs, and another change waited for its turn for ever",
    ),
];

#[test]
fn what_an_edit_of_a_journal_found_once_stays_found() {
    for (seed, what) in FOUND {
        println!("{seed}: {what}");
        edits::journal_edit(seed);
    }
}

/// The same of runs and their plans.
const FOUND_IN_RUNS: [(u64, &str); 7] = [
    (1_462, "half of a delivery role was finished for another log group than the flow logs need"),
    (4_263, "tags were set, and the list of them was empty"),
    (9_328, "one tag of three stayed on an instance that was set free"),
    (9_568, "the policy of a role was deleted by a call to no region"),
    (10_060, "an old disk was marked without the run that had marked it"),
    (17_723, "a role was deleted by a call to no region"),
    (79_330, "a date so many days away that no calendar has it ended the program with a panic"),
];

#[test]
fn what_an_edit_of_a_run_found_once_stays_found() {
    for (seed, what) in FOUND_IN_RUNS {
        println!("{seed}: {what}");
        edits::run_edit(seed);
    }
}

#[test]
fn no_edit_of_a_journal_puts_an_older_copy_in() {
    let refused = edits::older_copies();
    assert!(refused > 10, "{refused}");
}

/// So many edits of each sort are tried.
fn seeds() -> u64 {
    std::env::var("REDRESS_EDITS").ok().and_then(|n| n.parse().ok()).unwrap_or(60)
}

/// Tries edits. An edit that breaks a law fails by itself.
fn holds(one: fn(u64) -> edits::Came) {
    let came = edits::range(0..seeds(), one);
    println!("{came:?}");
    assert!(came.len() > 1, "some are refused and some are taken: {came:?}");
}

#[test]
fn no_edit_of_a_plan_makes_a_call_that_the_untouched_would_not_make() {
    holds(edits::plan_edit);
}

#[test]
fn no_edit_of_a_journal_makes_a_call_that_the_untouched_would_not_make() {
    holds(edits::journal_edit);
}

#[test]
fn no_edit_of_a_run_and_its_plan_makes_a_call_that_the_untouched_would_not_make() {
    holds(edits::run_edit);
}
