//! The pace as AWS sees it: no request goes out without its turn, and what waits for the same turn goes out
//! together. Read off the log of a proxy; the limits themselves are tested beside the code.

use std::{collections::BTreeMap, fs, path::Path};

use crate::{
    clinic_desk::Desk,
    kill_stand::{ENCRYPT, FLEET_DOWN, FLOW_LOGS, RAISE, behind_proxy, states},
    layering::{code, sources},
    proxy::Proxy,
    support::moto,
};

/// How often each operation took its turn, as the program tells it at its most talkative. S3's are counted as
/// one, since its requests do not name theirs.
fn turns(err: &str) -> BTreeMap<String, usize> {
    let mut turns = BTreeMap::new();
    for line in err.lines().filter_map(|l| l.split_once("the turn of ")) {
        let (service, operation) = line.1.split(' ').next().and_then(|o| o.split_once(':')).unwrap();
        *turns.entry(if service == "s3" { "s3".to_owned() } else { operation.to_owned() }).or_default() += 1;
    }
    turns
}

fn requests(proxy: &Proxy) -> BTreeMap<String, usize> {
    let mut requests = BTreeMap::new();
    for seen in proxy.log() {
        *requests.entry(seen.operation.unwrap_or_else(|| "s3".to_owned())).or_default() += 1;
    }
    requests
}

#[test]
fn every_request_of_a_scan_of_everything_took_its_turn() {
    let (mut desk, _) = Desk::seeded(include_str!("clinic_seed.py"));
    let proxy = Proxy::before(&moto().url());
    desk.endpoint.clone_from(&proxy.url);
    let said = desk.ends(0, "scan --region us-east-1 --region eu-west-1 -vvv --format json");
    let turns = turns(&said.err);
    assert!(turns.len() > 15 && turns["s3"] >= 8, "{turns:?}");
    assert_eq!(requests(&proxy), turns);
}

#[test]
fn every_request_of_runs_took_its_turn() {
    for case in [RAISE, FLOW_LOGS, ENCRYPT] {
        let (desk, proxy) = behind_proxy(case.desks(1).remove(0));
        let said = desk.ends(0, &format!("{} -vvv", case.apply()));
        assert_eq!(requests(&proxy), turns(&said.err), "{}", case.action);
    }
}

/// The announcements before each stop wait for their turn as well, so that the starts come one after another
/// here: that those which wait at the same time go out as one request is held by the unit tests of
/// `aws::together`.
#[test]
fn instances_are_started_at_their_pace_and_each_has_its_own_record() {
    let (desk, proxy) = behind_proxy(FLEET_DOWN.desks(1).remove(0));
    // A tenth of what AWS grants: one start at once, and one more in five seconds.
    let said = desk.ends(0, &format!("{} --pace 10", FLEET_DOWN.apply()));
    assert!(
        said.json()["changes"].as_array().unwrap().iter().all(|c| c["outcome"] == "verified"),
        "{}",
        said.out
    );
    assert_eq!(states(&desk), vec![("running".to_owned(), 1); 5]);
    let started: Vec<usize> = proxy
        .log()
        .iter()
        .filter(|s| s.change.as_deref() == Some("StartInstances"))
        .map(|s| s.body.matches("InstanceId.").count())
        .collect();
    assert!(started.iter().sum::<usize>() == 5, "each instance is started once: {started:?}");
    let run = fs::read_dir(desk.path("state/runs")).unwrap().next().unwrap().unwrap().path();
    let journal = fs::read_to_string(run.join("journal.jsonl")).unwrap();
    let intents =
        journal.lines().filter(|l| l.contains("\"type\":\"intent\"") && l.contains("\"StartInstances\""));
    assert_eq!(intents.count(), 5, "each has its own");
}

/// Requests that stand outside of every `reading(...)`.
fn unpaced(code: &str) -> usize {
    let mut inside = vec![false; code.len()];
    for (at, word) in code.match_indices("reading(") {
        let mut depth = 0;
        for (n, c) in code.bytes().enumerate().skip(at + word.len() - 1) {
            depth += i32::from(c == b'(') - i32::from(c == b')');
            inside[n] = true;
            if depth == 0 {
                break;
            }
        }
    }
    code.match_indices(".send()").filter(|(at, _)| !inside[*at]).count()
}

#[test]
fn all_that_reads_goes_through_the_one_place_that_waits_for_its_turn() {
    assert_eq!(
        unpaced("reading(\"x\", || a.send()).await; b.send();"),
        1,
        "the reader of the sources sees it"
    );
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/aws"));
    // A call is sent once its turn has come, in the one place that makes calls.
    let files = sources(folder).into_iter().filter(|path| !path.starts_with(folder.join("services")));
    let files: Vec<_> = files.collect();
    assert!(files.len() > 30, "{}", files.len());
    let mut wrong = Vec::new();
    // The store of runs (`src/bucket`) is not the account that is worked on, and S3 grants thousands of
    // requests a second to it.
    for path in files {
        let code = code(&path);
        // What is told to Security Hub takes its turn itself, right before it is sent.
        if unpaced(&code) > code.matches("pace.turn(").count() {
            wrong.push(path);
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
