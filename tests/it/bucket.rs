//! Runs in a bucket on real processes: a store that stops answering in the middle of a run, other machines
//! that go on without any file of the first, and two operators at once. That no call goes out before the
//! record of its intent is in the bucket is read off the log of the proxy between the program and the
//! emulator.

use std::{collections::BTreeSet, fs, thread, time::Duration};

use serde_json::Value;

use crate::{
    clinic_desk::{Desk, Started},
    kill_stand::{Case, ENCRYPT, FLEET, abreast, difference, done_to, ends, moto, states},
    proxy::{At, Fault, Proxy, Seen},
};

/// With the yes that the run was begun with.
const RESUME: &str = "resume last --auto-approve --max-risk disruptive --format json";

/// What the path of every request to the store begins with, and no other.
const STORE: &str = "/runs-of-cut-";

/// A place with a store in a bucket, from which several machines work on one account. No machine sees the
/// files of another.
pub struct Place {
    pub desk: Desk,
    pub proxy: Proxy,
    pub fault: Option<(At, Fault)>,
}

impl Place {
    pub fn several(case: &Case, faults: Vec<Option<(At, Fault)>>) -> Vec<Place> {
        let desks = case.desks(faults.len());
        done_to("bucket-for-runs", desks.iter());
        let place = |(mut desk, fault): (Desk, _)| {
            let proxy = Proxy::with_store(&moto().url(), STORE);
            desk.endpoint.clone_from(&proxy.url);
            Place { desk, proxy, fault }
        };
        desks.into_iter().zip(faults).map(place).collect()
    }

    /// A machine with the credentials and nothing else.
    pub fn machine(&self) -> Desk {
        let mut desk = Desk::with(moto(), self.desk.keys.clone());
        desk.endpoint.clone_from(&self.proxy.url);
        desk
    }

    /// Starts the program on a machine, with the store in the bucket and locks that live so many seconds.
    pub fn start(&self, on: &Desk, line: &str, lease: u32) -> Started {
        let mut command = on.command(&format!("{line} --state-dir s3:/{STORE}{}/team", on.keys.account));
        command.env("REDRESS_LOCK_SECONDS", lease.to_string());
        on.start_command(command)
    }

    /// Nothing that the program needs may be on the machine.
    fn has_no_files(on: &Desk) {
        let names: Vec<String> = fs::read_dir(on.folder.path())
            .unwrap()
            .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        assert!(names.iter().all(|n| n.ends_with(".out") || n.ends_with(".err")), "{names:?}");
    }
}

/// The ids of things of EC2 that stand in a text, those of which no two are alike.
fn ids(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    let id = |w: &&str| {
        w.split_once('-').is_some_and(|(kind, rest)| ["i", "vol", "snap"].contains(&kind) && rest.len() >= 8)
    };
    words.filter(id).map(str::to_owned).collect()
}

/// Every change that came through was announced: the object with its intent had been acknowledged before.
/// Gives back how many changes there were.
fn journal_first(log: &[Seen]) -> usize {
    let path = |seen: &Seen| {
        seen.line.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default().to_owned()
    };
    let mut intents: Vec<(usize, String, String, BTreeSet<String>)> = Vec::new();
    for seen in log.iter().filter(|s| s.store && s.change.is_some() && s.line.contains("/journal/")) {
        let Some((moment, 200)) = seen.answered else { continue };
        let record: Value = serde_json::from_str(&seen.body).unwrap_or_else(|e| panic!("{e}: {}", seen.body));
        if record["event"]["type"] == "intent" {
            let call = &record["event"]["call"];
            intents.push((
                moment,
                path(seen),
                call["operation"].as_str().unwrap().to_owned(),
                ids(&call["input"].to_string()),
            ));
        }
    }
    let changes: Vec<&Seen> = log.iter().filter(|s| !s.store && s.change.is_some()).collect();
    for change in &changes {
        let (name, of) = (change.change.as_deref().unwrap(), ids(&change.body));
        let told = intents
            .iter()
            .position(|(moment, _, operation, ids)| *moment < change.came && operation == name && *ids == of);
        let told = told.unwrap_or_else(|| {
            panic!("{name} of {of:?} went out before its intent was in the bucket: {intents:#?}")
        });
        intents.remove(told);
    }
    changes.len()
}

/// An uninterrupted run with its journal in the bucket: how many records it writes, its calls and its end.
fn uninterrupted(case: &Case) -> (usize, Vec<String>, Value) {
    let place = Place::several(case, vec![None]).remove(0);
    let said = place.start(&place.desk, &case.apply(), 60).end();
    assert_eq!(said.code, Some(0), "{}", said.err);
    let log = place.proxy.log();
    assert_eq!(journal_first(&log), place.proxy.changes().len());
    let records =
        log.iter().filter(|s| s.store && s.change.is_some() && s.line.contains("/journal/")).count();
    (records, place.proxy.changes(), ends([&place.desk]).remove(0))
}

/// The store answers nothing useful from some record on: nothing more is called. When it answers again,
/// another machine that has nothing but the bucket brings the run to its end, and a third takes it back.
fn survives_a_cut(case: &Case, cuts: usize) {
    // A cut reply is none of them: that to a write has nothing that could be cut.
    const KINDS: [Fault; 4] = [Fault::Busy, Fault::Reset, Fault::Lost, Fault::BusyAfter];
    let (records, _, end) = uninterrupted(case);
    // From the second record, since without the first there is no run, to the last.
    let at = |n: usize| 2 + n * (records - 2) / (cuts - 1).max(1);
    let faults = (0..cuts).map(|n| Some((At::StoreFrom(at(n)), KINDS[n % KINDS.len()]))).collect();
    let places = abreast(Place::several(case, faults), |place| {
        place.proxy.go_wrong(place.fault);
        let said = place.start(&place.desk, &case.apply(), 2).end();
        assert_eq!(said.code, Some(1), "{:?}\n{}\n{}", place.fault, said.out, said.err);
        assert!(
            said.err.contains(&format!("s3:/{STORE}")) && said.err.contains("redress resume"),
            "{:?}\n{}",
            place.fault,
            said.err
        );
        journal_first(&place.proxy.log());
        place.proxy.go_wrong(None);
        // The lock that could not be given back is free when its time has passed.
        thread::sleep(Duration::from_secs(3));
        let machine = place.machine();
        let said = place.start(&machine, RESUME, 60).end();
        assert_eq!(said.code, Some(0), "{:?}\n{}\n{}", place.fault, said.out, said.err);
        assert_eq!(said.json()["state"], "complete");
        journal_first(&place.proxy.log());
        Place::has_no_files(&machine);
    });
    let seen = ends(places.iter().map(|p| &p.desk));
    for (place, seen) in places.iter().zip(&seen) {
        assert!(*seen == end, "another end after {:?}: {}", place.fault, difference(&end, seen));
    }
    let third = places[0].machine();
    let said =
        places[0].start(&third, "undo last --auto-approve --max-risk disruptive --format json", 60).end();
    assert!(
        said.json()["changes"].as_array().unwrap().iter().all(|c| c["outcome"] == "restored"),
        "{}\n{}",
        said.out,
        said.err
    );
    journal_first(&places[0].proxy.log());
    println!(
        "{} ({}): {cuts} runs whose bucket stopped answering at one of {records} records were ended from \
         elsewhere",
        case.action, case.seed
    );
}

#[test]
fn a_bucket_that_stops_answering_stops_the_run_and_another_machine_ends_it() {
    survives_a_cut(&ENCRYPT, 4);
}

#[test]
fn a_bucket_that_stops_answering_stops_all_of_four_jobs_and_another_machine_ends_them() {
    survives_a_cut(&FLEET, 2);
}

#[test]
fn a_machine_that_dies_leaves_all_that_another_needs_in_the_bucket() {
    let (_, _, end) = uninterrupted(&ENCRYPT);
    let faults =
        [(3, Fault::KillAfter), (6, Fault::KillBefore), (9, Fault::KillAfter), (12, Fault::KillBefore)];
    let places = abreast(
        Place::several(&ENCRYPT, faults.map(|(n, kill)| Some((At::Change(n), kill))).to_vec()),
        |place| {
            place.proxy.go_wrong(place.fault);
            let mut started = place.start(&place.desk, &ENCRYPT.apply(), 2);
            assert!(place.proxy.watch(started.child.take().unwrap()).is_none(), "{}", started.err_so_far());
            place.proxy.go_wrong(None);
            thread::sleep(Duration::from_secs(3));
            let machine = place.machine();
            let said = place.start(&machine, RESUME, 60).end();
            assert_eq!(said.code, Some(0), "{:?}\n{}\n{}", place.fault, said.out, said.err);
            assert!(said.err.contains("has died"), "it says whose lock it took over: {}", said.err);
            journal_first(&place.proxy.log());
            Place::has_no_files(&machine);
        },
    );
    for (place, seen) in places.iter().zip(ends(places.iter().map(|p| &p.desk))) {
        assert!(seen == end, "another end after {:?}: {}", place.fault, difference(&end, &seen));
    }
}

/// The programs that ended well, and what those said that were held off by somebody else's lock. There are no
/// others.
fn sorted(started: Vec<Started>) -> (usize, Vec<String>) {
    let (mut well, mut held) = (0, Vec::new());
    for said in started.into_iter().map(Started::end) {
        match said.code {
            Some(0) => well += 1,
            _ => {
                assert!(
                    said.code == Some(1) && said.err.contains("is at work on"),
                    "{:?}\n{}\n{}",
                    said.code,
                    said.out,
                    said.err
                );
                held.push(said.err);
            }
        }
    }
    (well, held)
}

#[test]
fn of_three_operators_at_once_one_works_and_the_others_hear_of_it() {
    let (_, _, end) = uninterrupted(&ENCRYPT);
    let place = Place::several(&ENCRYPT, vec![None]).remove(0);
    place.proxy.slow(Duration::from_secs(1));
    let machines: Vec<Desk> = (0..3).map(|_| place.machine()).collect();
    let (well, held) = sorted(machines.iter().map(|m| place.start(m, &ENCRYPT.apply(), 20)).collect());
    assert_eq!((well, held.len()), (1, 2), "{held:?}");
    for err in &held {
        assert!(
            err.contains("since ") && err.contains("us-east-1 of account"),
            "who, since when, and where: {err}"
        );
    }
    let calls = place.proxy.changes();
    assert_eq!(calls.iter().filter(|c| *c == "StopInstances").count(), 1, "{calls:?}");
    journal_first(&place.proxy.log());
    assert!(ends([&place.desk]) == [end]);
}

#[test]
fn of_two_operators_that_resume_the_same_run_at_once_one_does() {
    let (_, calls, end) = uninterrupted(&ENCRYPT);
    // The instance is down, and both of its disks are still there.
    let stopped = calls.iter().position(|c| c == "StopInstances").unwrap() + 1;
    let place = Place::several(&ENCRYPT, vec![None]).remove(0);
    place.proxy.go_wrong(Some((At::Change(stopped), Fault::KillAfter)));
    let mut started = place.start(&place.desk, &ENCRYPT.apply(), 4);
    assert!(place.proxy.watch(started.child.take().unwrap()).is_none(), "{}", started.err_so_far());
    assert_eq!(states(&place.desk), [("stopped".to_owned(), 2)]);
    place.proxy.go_wrong(None);
    place.proxy.slow(Duration::from_secs(1));
    thread::sleep(Duration::from_secs(5));
    let machines: Vec<Desk> = (0..2).map(|_| place.machine()).collect();
    let (well, held) = sorted(machines.iter().map(|m| place.start(m, RESUME, 20)).collect());
    assert_eq!((well, held.len()), (1, 1), "{held:?}");
    journal_first(&place.proxy.log());
    assert_eq!(states(&place.desk), [("running".to_owned(), 2)]);
    assert!(ends([&place.desk]) == [end]);
}
