//! A machine that falls asleep in the middle of a run whose locks live by signs of life, while another takes
//! the run over and ends it. When the first goes on it must call nothing: that is read off the log of the
//! proxy between both and the emulator. Asleep between the record of an intent and its call, while it waits
//! and reads, and with several changes at once.

use std::{thread, time::Duration};

use serde_json::Value;

use crate::{
    bucket::Place,
    clinic_desk::Started,
    kill_stand::{Case, ENCRYPT, FLEET_DOWN, TIGHTEN, abreast, difference, ends, some},
    proxy::{At, Fault, signal},
};

/// An uninterrupted run: the places of its intents among the records of its journal, how often it reads, and
/// its end.
fn uninterrupted(case: &Case) -> (Vec<usize>, usize, Value) {
    let place = Place::several(case, vec![None]).remove(0);
    let said = place.start(&place.desk, &case.apply(), 60).end();
    assert_eq!(said.code, Some(0), "{}", said.err);
    let log = place.proxy.log();
    let records: Vec<&str> = log
        .iter()
        .filter(|s| s.store && s.change.is_some() && s.line.contains("/journal/"))
        .map(|s| s.body.as_str())
        .collect();
    let intents = (1..=records.len()).filter(|n| records[n - 1].contains("\"type\":\"intent\"")).collect();
    let reads = log.iter().filter(|s| !s.store && s.change.is_none()).count();
    (intents, reads, ends([&place.desk]).remove(0))
}

/// How many changes of the account have come so far.
fn changes(place: &Place) -> usize {
    place.proxy.log().iter().filter(|s| !s.store && s.change.is_some()).count()
}

/// Sleeps at each of these, each in an account of its own, while another machine ends the run: after that
/// nothing is called.
fn sleeps_through(case: &Case, at: &[At], end: &Value) {
    let places =
        abreast(Place::several(case, at.iter().map(|at| Some((*at, Fault::Asleep))).collect()), |place| {
            place.proxy.go_wrong(place.fault);
            let sleeper: Started = place.start(&place.desk, &case.apply(), 2);
            let pid = sleeper.child.as_ref().unwrap().id();
            place.proxy.sleeps(pid);
            place.proxy.go_wrong(None);
            thread::sleep(Duration::from_secs(3));
            let other = place.machine();
            let said = place.start(&other, &case.resume(), 60).end();
            assert_eq!(said.code, Some(0), "{:?}\n{}\n{}", place.fault, said.out, said.err);
            let before = changes(place);
            signal("CONT", pid);
            let said = sleeper.end();
            assert_eq!(
                changes(place),
                before,
                "it called something after the other had taken over: {:?}\n{}",
                place.fault,
                said.err
            );
            assert_eq!(said.code, Some(1), "{:?}\n{}\n{}", place.fault, said.out, said.err);
            assert!(
                said.err.contains("was taken over by") && said.err.contains("Nothing was called after that"),
                "{:?}\n{}",
                place.fault,
                said.err
            );
            assert!(
                said.err.contains("hint: redress show") && !said.err.contains("hint: redress resume"),
                "{:?}\n{}",
                place.fault,
                said.err
            );
        });
    for (place, seen) in places.iter().zip(ends(places.iter().map(|p| &p.desk))) {
        assert!(seen == *end, "another end after {:?}: {}", place.fault, difference(end, &seen));
    }
}

#[test]
fn who_slept_between_an_intent_and_its_call_makes_no_call_once_another_has_taken_over() {
    let (intents, _, end) = uninterrupted(&TIGHTEN);
    sleeps_through(&TIGHTEN, &some(&intents, 2).into_iter().map(At::Record).collect::<Vec<_>>(), &end);
    let (intents, _, end) = uninterrupted(&ENCRYPT);
    sleeps_through(&ENCRYPT, &some(&intents, 5).into_iter().map(At::Record).collect::<Vec<_>>(), &end);
}

#[test]
fn who_slept_while_it_waited_makes_no_call_once_another_has_taken_over() {
    let (_, reads, end) = uninterrupted(&ENCRYPT);
    // From the middle on: before that there is no run yet.
    sleeps_through(
        &ENCRYPT,
        &some(&(reads * 6 / 10..reads - 4).collect::<Vec<_>>(), 4)
            .into_iter()
            .map(At::Read)
            .collect::<Vec<_>>(),
        &end,
    );
}

#[test]
fn of_several_changes_at_once_none_calls_anything_after_the_lock_was_lost() {
    let (intents, _, end) = uninterrupted(&FLEET_DOWN);
    sleeps_through(
        &FLEET_DOWN,
        &some(&intents[4..], 2).into_iter().map(At::Record).collect::<Vec<_>>(),
        &end,
    );
}
