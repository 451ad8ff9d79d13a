//! The program really killed with SIGKILL before and after each call that changes something, for each action:
//! in `apply`, again in `resume`, in `undo`, and in `prune`; then resumed. And replies cut or lost,
//! connections reset, and 503s at each call. The end is compared through boto3 with that of an uninterrupted
//! run.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use serde_json::Value;

use crate::{
    kill_stand::{
        CREATE, Case, DETACHED, EMPTY, ENCRYPT, FLOW_LOGS, RAISE, SNAPSHOT, Scene, TIGHTEN, abreast,
        around_each, done_to, ends, some, states,
    },
    proxy::{At, Fault},
};

const UNDO: &str = "undo last --auto-approve --max-risk disruptive --format json";
const PRUNE: &str = "prune --auto-approve --allow-irreversible prune --format json";
/// The most scenes in which a run is killed twice: they go through the calls of the run evenly.
const TWICE: usize = 5;

/// The most scenes in which a run is taken back and that is killed.
const UNDONE: usize = 12;

/// Counts SIGKILLs that were survived.
fn survived(action: &str, during: &str, kills: usize, began: Instant) {
    static ALL: AtomicUsize = AtomicUsize::new(0);
    let all = ALL.fetch_add(kills, Ordering::SeqCst) + kills;
    println!(
        "SIGKILLs survived by {action} during {during}: {kills} in {:.0?} ({all} in all until now)",
        began.elapsed()
    );
}

/// Where a run that was killed at one call is killed when it is resumed: at its first call, its second, or a
/// look.
fn second_death(n: usize, first: (At, Fault), calls: usize) -> (At, Fault) {
    let (At::Change(at), how) = first else { return first };
    let left = calls - at + usize::from(how == Fault::KillBefore);
    match n % 4 {
        0 if left > 0 => (At::Change(1), Fault::KillBefore),
        1 if left > 0 => (At::Change(1), Fault::KillAfter),
        2 if left > 1 => (At::Change(2), Fault::KillAfter),
        // The first reads ask who and where one is; by the fourth the run is at work.
        _ => (At::Read(4), Fault::KillBefore),
    }
}

impl Case {
    /// `apply` killed before and after each call in turn, then resumed; some are killed in `resume` as well.
    /// Then those that came to their end are taken back, and killed in `undo` before and after each call in
    /// turn.
    fn survives_sigkill(&self) {
        let began = Instant::now();
        let (whole, calls, end) = self.uninterrupted();
        let once = around_each(1..=calls.len());
        let twice = some(&once, TWICE)
            .into_iter()
            .enumerate()
            .map(|(n, first)| vec![first, second_death(n, first, calls.len())]);
        let faults: Vec<Vec<(At, Fault)>> = once.iter().map(|fault| vec![*fault]).chain(twice).collect();
        let scenes = abreast(self.scenes(faults), |scene| {
            scene.killed(&self.apply(), scene.faults[0]);
            for fault in &scene.faults[1..] {
                scene.killed(&scene.resume, *fault);
            }
            scene.resumed();
        });
        self.all_end_as(&end, &scenes, "apply");
        survived(self.action, "apply", scenes.len(), began);
        survived(self.action, "resume", scenes.iter().map(|s| s.faults.len() - 1).sum(), began);
        self.undo_survives_sigkill(&whole, scenes);
    }

    fn undo_survives_sigkill(&self, whole: &Scene, mut scenes: Vec<Scene>) {
        let began = Instant::now();
        whole.proxy.go_wrong(None);
        whole.desk.ends(0, UNDO);
        let undone = ends([&whole.desk]).remove(0);
        let faults = around_each(1..=whole.proxy.changes().len());
        scenes.truncate(faults.len().min(UNDONE));
        let faults = some(&faults, scenes.len());
        scenes.iter_mut().zip(faults).for_each(|(scene, fault)| scene.faults.push(fault));
        let scenes = abreast(scenes, |scene| {
            scene.killed(UNDO, *scene.faults.last().unwrap());
            let said = scene.resumed();
            assert!(
                said.json()["changes"].as_array().unwrap().iter().all(|c| c["outcome"] == "restored"),
                "{}",
                said.out
            );
            let runs = scene.desk.ends(0, "runs --format json").json();
            assert!(
                runs["runs"].as_array().unwrap().iter().any(|r| r["state"] == "undone"),
                "the run knows that it was taken back: {runs}"
            );
        });
        self.all_end_as(&undone, &scenes, "undo");
        survived(self.action, "undo", scenes.len(), began);
    }

    /// What a run kept is deleted when its time has passed, however often that is killed.
    fn prune_survives_sigkill(&self, scenes: usize) {
        let began = Instant::now();
        let ready = |faults| {
            let scenes = abreast(self.scenes(faults), |scene| drop(scene.desk.ends(0, &self.apply())));
            done_to("time-passes", scenes.iter().map(|s| &s.desk));
            scenes.iter().for_each(|s| s.proxy.go_wrong(None));
            scenes
        };
        let whole = ready(vec![Vec::new()]).remove(0);
        let said = whole.desk.ends(0, PRUNE);
        assert!(
            said.json()["changes"]
                .as_array()
                .unwrap()
                .iter()
                .all(|c| c["action"] == "prune" && c["outcome"] == "verified"),
            "{}",
            said.out
        );
        let (calls, end) = (whole.proxy.changes(), ends([&whole.desk]).remove(0));
        assert!(
            calls.iter().any(|c| c == "DeleteVolume") && calls.iter().any(|c| c == "DeleteSnapshot"),
            "{calls:?}"
        );
        let faults = some(&around_each(1..=calls.len()), scenes);
        let scenes = abreast(ready(faults.into_iter().map(|f| vec![f]).collect()), |scene| {
            scene.killed(PRUNE, scene.faults[0]);
            scene.resume = "resume last --auto-approve --allow-irreversible prune --format json".to_owned();
            scene.resumed();
        });
        self.all_end_as(&end, &scenes, "prune");
        survived("prune", "prune", scenes.len(), began);
    }

    /// The replies cut or lost, the connection reset, 503 before and after the effect, at each call in turn:
    /// the run goes on by itself.
    fn survives_the_network(&self) {
        const KINDS: [Fault; 5] = [Fault::Cut, Fault::Lost, Fault::Reset, Fault::Busy, Fault::BusyAfter];
        let (_, calls, end) = self.uninterrupted();
        // Each call meets one of the five kinds, and the kinds take turns; the proving ground has each kind
        // at each call.
        let faults: Vec<_> =
            (0..calls.len()).map(|n| vec![(At::Change(n + 1), KINDS[n % KINDS.len()])]).collect();
        let scenes = abreast(self.scenes(faults), |scene| {
            scene.proxy.go_wrong(Some(scene.faults[0]));
            let said = scene.desk.run(&self.apply());
            assert_eq!(
                said.code,
                Some(0),
                "{} after {:?}\n{}\n{}",
                self.action,
                scene.faults,
                said.out,
                said.err
            );
            assert_eq!(scene.proxy.faults(), 1, "{:?} came about", scene.faults);
        });
        self.all_end_as(&end, &scenes, "faults of the network");
        println!("{} ({}): {} faults of the network borne", self.action, self.seed, scenes.len());
    }
}

#[test]
fn a_security_group_is_tightened_whenever_the_program_is_killed() {
    TIGHTEN.survives_sigkill();
}

#[test]
fn a_default_group_is_emptied_whenever_the_program_is_killed() {
    EMPTY.survives_sigkill();
}

#[test]
fn flow_logs_are_enabled_whenever_the_program_is_killed() {
    FLOW_LOGS.survives_sigkill();
}

#[test]
fn a_trail_is_raised_whenever_the_program_is_killed() {
    RAISE.survives_sigkill();
}

#[test]
fn a_trail_is_created_whenever_the_program_is_killed() {
    CREATE.survives_sigkill();
}

#[test]
fn snapshots_are_taken_once_whenever_the_program_is_killed() {
    SNAPSHOT.survives_sigkill();
}

#[test]
fn the_volumes_of_an_instance_are_encrypted_whenever_the_program_is_killed() {
    ENCRYPT.survives_sigkill();
}

/// What is killed while the instance is down.
#[derive(Clone, Copy, PartialEq)]
enum During {
    Apply,
    /// After `apply` was killed right after the stop.
    Resume,
    Undo,
}

/// Killed while the instance is down, at each call or at so many of them; somebody starts it, or starts and
/// stops it; resumed. Nothing is swapped any more. `seeded` is what somebody does, `left` the state in which
/// that leaves the instance.
fn nothing_is_swapped_after(during: During, most: usize, seeded: &str, left: &str) {
    let began = Instant::now();
    let (whole, mut calls, _) = ENCRYPT.uninterrupted();
    if during == During::Undo {
        whole.proxy.go_wrong(None);
        whole.desk.ends(0, UNDO);
        calls = whole.proxy.changes();
    }
    let place = |operation: &str| calls.iter().position(|c| c == operation).unwrap() + 1;
    let (stop, start) = (place("StopInstances"), place("StartInstances"));
    let mut faults = around_each(stop + 1..=start - 1);
    faults.push((At::Change(start), Fault::KillBefore));
    let faults = some(&faults, most);
    let swaps =
        |calls: &[String]| calls.iter().filter(|c| *c == "DetachVolume" || *c == "AttachVolume").count();
    let all = swaps(&calls);
    let scenes = abreast(ENCRYPT.scenes(faults.into_iter().map(|f| vec![f]).collect()), |scene| {
        let (At::Change(n), how) = scene.faults[0] else { panic!("only at changes") };
        match during {
            During::Apply => scene.killed(&ENCRYPT.apply(), scene.faults[0]),
            During::Resume => {
                scene.killed(&ENCRYPT.apply(), (At::Change(stop), Fault::KillAfter));
                scene.killed(&scene.resume, (At::Change(n - stop), how));
            }
            During::Undo => {
                scene.desk.ends(0, &ENCRYPT.apply());
                scene.killed(UNDO, scene.faults[0]);
            }
        }
        let before = swaps(&calls[..n - usize::from(how == Fault::KillBefore)]);
        done_to(seeded, [&scene.desk].into_iter());
        let said = scene.desk.run(&ENCRYPT.resume());
        let told = format!("{seeded} after {:?}: {}{}", scene.faults, said.out, said.err);
        let outcome = said.json()["changes"][0]["outcome"].as_str().unwrap_or_default().to_owned();
        assert_eq!(swaps(&scene.proxy.changes()), 0, "{told}");
        match before {
            0 => assert_eq!(outcome, "rolled-back", "{told}"),
            some if some < all => assert_eq!(outcome, "stuck", "{told}"),
            _ if during == During::Undo => assert_eq!(outcome, "restored", "{told}"),
            _ => assert!(matches!(outcome.as_str(), "verified" | "unverified"), "{told}"),
        }
        let seen = states(&scene.desk);
        assert_eq!(seen[0].0, left, "{told}");
        if before == 0 {
            let seen = scene.desk.look(&["us-east-1"])["regions"]["us-east-1"]["volumes"].take();
            let attached: Vec<&Value> = seen
                .as_object()
                .unwrap()
                .values()
                .filter(|v| !v["at"].as_array().unwrap().is_empty())
                .collect();
            assert!(
                attached.len() == 2 && attached.iter().all(|v| v["Encrypted"] == (during == During::Undo)),
                "{told}\n{seen}"
            );
        }
    });
    survived(ENCRYPT.action, seeded, scenes.len() * if during == During::Resume { 2 } else { 1 }, began);
}

const STARTS: (&str, &str) = ("somebody-starts", "running");
const STARTS_AND_STOPS: (&str, &str) = ("somebody-starts-and-stops", "stopped");

#[test]
fn nothing_is_swapped_under_an_instance_that_somebody_has_started_between_kill_and_resume() {
    nothing_is_swapped_after(During::Apply, usize::MAX, STARTS.0, STARTS.1);
}

#[test]
fn no_older_copy_is_put_in_where_somebody_has_started_and_stopped_the_instance_between_kill_and_resume() {
    nothing_is_swapped_after(During::Apply, usize::MAX, STARTS_AND_STOPS.0, STARTS_AND_STOPS.1);
}

#[test]
fn nothing_is_swapped_either_where_the_resume_itself_was_killed() {
    for (seeded, left) in [STARTS, STARTS_AND_STOPS] {
        nothing_is_swapped_after(During::Resume, 6, seeded, left);
    }
}

#[test]
fn nothing_is_swapped_back_where_somebody_has_started_the_instance_between_the_kill_of_an_undo_and_its_resume()
 {
    for (seeded, left) in [STARTS, STARTS_AND_STOPS] {
        nothing_is_swapped_after(During::Undo, 9, seeded, left);
    }
}

/// Stopped since its run, or while its undo lies killed before the stop: the undo goes on, and the instance
/// stays stopped.
#[test]
fn an_undo_of_an_instance_that_somebody_has_stopped_comes_to_its_end_whenever_the_program_is_killed() {
    const STOPS: &str = "somebody-stops";
    let began = Instant::now();
    let (whole, _, _) = ENCRYPT.uninterrupted();
    done_to(STOPS, [&whole.desk].into_iter());
    whole.proxy.go_wrong(None);
    whole.desk.ends(0, UNDO);
    let (calls, undone) = (whole.proxy.changes(), ends([&whole.desk]).remove(0));
    let turns = |calls: &[String]| calls.iter().any(|c| c == "StopInstances" || c == "StartInstances");
    assert!(!turns(&calls), "{calls:?}");
    let faults = some(&around_each(1..=calls.len()), 6);
    let mut scenes = ENCRYPT.scenes(
        faults
            .iter()
            .map(|fault| vec![*fault])
            .chain(around_each(1..=2).into_iter().map(|fault| vec![fault]))
            .collect(),
    );
    // The last ones are stopped only while the undo of what still runs lies killed at its mark or its
    // announcement.
    let late = scenes.split_off(faults.len());
    let undo = |scene: &mut Scene, since: bool| {
        scene.desk.ends(0, &ENCRYPT.apply());
        let stops = || done_to(STOPS, [&scene.desk].into_iter());
        if since {
            stops();
        }
        scene.killed(UNDO, scene.faults[0]);
        if !since {
            stops();
        }
        let said = scene.resumed();
        assert_eq!(said.json()["changes"][0]["outcome"], "restored", "{}", said.out);
        assert_eq!(
            since,
            !said.json()["changes"][0]["reason"]
                .as_str()
                .unwrap()
                .contains("somebody else changed meanwhile"),
            "{}",
            said.out
        );
        assert!(!turns(&scene.proxy.changes()), "{:?}", scene.proxy.changes());
    };
    let scenes = abreast(scenes, |scene| undo(scene, true));
    let late = abreast(late, |scene| undo(scene, false));
    ENCRYPT.all_end_as(&undone, &scenes, STOPS);
    ENCRYPT.all_end_as(&undone, &late, STOPS);
    survived(ENCRYPT.action, STOPS, scenes.len() + late.len(), began);
}

#[test]
fn a_detached_volume_is_encrypted_whenever_the_program_is_killed() {
    DETACHED.survives_sigkill();
}

#[test]
fn what_was_kept_is_pruned_whenever_the_program_is_killed() {
    ENCRYPT.prune_survives_sigkill(8);
}

#[test]
fn a_network_that_fails_at_any_call_changes_nothing_about_the_end() {
    for case in [TIGHTEN, EMPTY, FLOW_LOGS, RAISE, CREATE, SNAPSHOT, DETACHED] {
        case.survives_the_network();
    }
}

#[test]
fn a_network_that_fails_at_any_call_of_an_encryption_changes_nothing_about_the_end() {
    ENCRYPT.survives_the_network();
}

#[test]
fn reads_that_fail_now_and_then_change_nothing_about_the_end() {
    let (_, _, end) = ENCRYPT.uninterrupted();
    let faults =
        [Fault::Cut, Fault::Lost, Fault::Reset, Fault::Busy].map(|fault| vec![(At::EveryRead(7), fault)]);
    let scenes = abreast(ENCRYPT.scenes(faults.to_vec()), |scene| {
        scene.proxy.go_wrong(Some(scene.faults[0]));
        let said = scene.desk.run(&ENCRYPT.apply());
        assert_eq!(said.code, Some(0), "after {:?}\n{}\n{}", scene.faults, said.out, said.err);
        assert!(scene.proxy.faults() > 3, "{:?} came about", scene.faults);
    });
    ENCRYPT.all_end_as(&end, &scenes, "reads that failed");
}
