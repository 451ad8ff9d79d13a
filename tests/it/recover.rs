//! `redress recover` on real processes: a run is killed, its state directory is lost, and what is left in the
//! account is enough to bring its instance up again. Seen through boto3.

use std::fs;

use serde_json::Value;

use crate::{
    kill_stand::{DETACHED, ENCRYPT, FLOW_LOGS, Scene, TIGHTEN, abreast, around_each, some, states},
    proxy::{At, Fault},
};

const APPLY: &str = "apply back.json --auto-approve --max-risk disruptive --format json";

/// The instances of an account by id, and its volumes.
fn look(scene: &Scene) -> (Value, Value) {
    let mut seen = scene.desk.look(&["us-east-1"]);
    let mut place = seen["regions"]["us-east-1"].take();
    (place["instances"].take(), place["volumes"].take())
}

/// Killed, and all files of it lost.
fn lost(scene: &Scene, line: &str) {
    scene.killed(line, scene.faults[0]);
    fs::remove_dir_all(scene.desk.path("state")).unwrap();
    assert_eq!(scene.desk.ends(0, "runs --format json").json()["runs"].as_array().map(Vec::len), Some(0));
}

fn plan_back(scene: &Scene) -> (Value, String) {
    let said = scene.desk.ends(0, "recover -o back.json");
    (serde_json::from_slice(&fs::read(scene.desk.path("back.json")).unwrap()).unwrap(), said.err)
}

/// The instance runs on one volume at each of its devices, and carries no mark of a run.
fn is_up(scene: &Scene) {
    let (instances, volumes) = look(scene);
    for (id, instance) in instances.as_object().unwrap() {
        assert_eq!(instance["state"], "running", "{:?}: {instance}", scene.faults);
        assert_eq!(
            instance["devices"].as_object().map(|d| d.keys().map(String::as_str).collect::<Vec<_>>()),
            Some(vec!["/dev/sdf", "/dev/xvda"]),
            "{instance}"
        );
        assert!(instance["tags"].get("redress:run").is_none(), "{:?}: {instance}", scene.faults);
        let attached = volumes
            .as_object()
            .unwrap()
            .values()
            .filter(|v| v["at"].as_array().unwrap().iter().any(|a| a[0] == id.as_str()));
        assert_eq!(attached.count(), 2, "{volumes}");
    }
}

#[test]
fn an_encryption_whose_journal_is_lost_is_recovered_into_an_instance_that_runs_and_can_be_encrypted() {
    let (_, calls, _) = ENCRYPT.uninterrupted();
    let stop = calls.iter().position(|c| c == "StopInstances").unwrap() + 1;
    let start = calls.iter().position(|c| c == "StartInstances").unwrap() + 1;
    // From just before the stop to just after the start.
    let faults: Vec<_> =
        some(&around_each(stop - 1..=start + 1), 9).into_iter().map(|fault| vec![fault]).collect();
    let count = faults.len();
    let scenes = abreast(ENCRYPT.scenes(faults), |scene| {
        lost(scene, &ENCRYPT.apply());
        let down = states(&scene.desk)[0].0 == "stopped";
        let (plan, told) = plan_back(scene);
        assert!(told.contains(" left:"), "{told}");
        let operations: Vec<&str> = plan["changes"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|c| c["steps"].as_array().unwrap())
            .filter_map(|s| s["call"]["operation"].as_str())
            .collect();
        assert_eq!(operations.contains(&"StartInstances"), down, "{:?}: {operations:?}", scene.faults);
        // What brings back is killed as well, at its first call, and resumed.
        let kill = if down { Fault::KillAfter } else { Fault::KillBefore };
        if !operations.is_empty() {
            scene.killed(APPLY, (At::Change(1), kill));
            scene.resumed();
            scene.faults.push((At::Change(1), kill));
        }
        is_up(scene);
        let (again, _) = plan_back(scene);
        assert_eq!(
            again["changes"].as_array().map(Vec::len),
            Some(0),
            "there is nothing more to bring back: {again}"
        );
        // Taking the recovery back is no way to stop it again.
        if !operations.is_empty() {
            let said = scene.desk.run("undo last --auto-approve --max-risk disruptive");
            assert!(matches!(said.code, Some(0 | 2 | 4)), "{:?}\n{}\n{}", said.code, said.out, said.err);
            is_up(scene);
        }
        // What was planned at first comes about in the end.
        let said = scene.desk.ends(0, &ENCRYPT.apply());
        assert!(
            said.json()["changes"].as_array().unwrap().iter().all(|c| c["outcome"] == "verified"),
            "{}",
            said.out
        );
        let (instances, volumes) = look(scene);
        let attached: Vec<&Value> = volumes
            .as_object()
            .unwrap()
            .values()
            .filter(|v| !v["at"].as_array().unwrap().is_empty())
            .collect();
        assert!(
            attached.len() == 2 && attached.iter().all(|v| v["Encrypted"] == true),
            "{:?}: {volumes}",
            scene.faults
        );
        assert!(instances.as_object().unwrap().values().all(|i| i["state"] == "running"), "{instances}");
    });
    println!(
        "{count} runs of {} recovered from tags alone ({} SIGKILLs)",
        ENCRYPT.action,
        scenes.iter().map(|s| s.faults.len()).sum::<usize>()
    );
}

#[test]
fn what_a_lost_run_made_is_listed_and_the_change_can_be_made_after_all() {
    for (case, at, kind) in [(TIGHTEN, 1, "sgr-"), (FLOW_LOGS, 5, "fl-"), (DETACHED, 3, "vol-")] {
        let scene = case.scenes(vec![vec![(At::Change(at), Fault::KillAfter)]]).remove(0);
        lost(&scene, &case.apply());
        let (plan, told) = plan_back(&scene);
        assert!(told.contains(kind) && told.contains(" by c"), "{}: {told}", case.action);
        assert_eq!(plan["changes"].as_array().map(Vec::len), Some(0), "there is no instance to bring up");
        scene.desk.ends(0, &case.apply());
        let scan = scene.desk.ends(0, "scan --format json").json();
        let open =
            |f: &&Value| case.flags.contains(f["check"].as_str().unwrap()) && f["verdict"] == "violates";
        assert_eq!(
            scan["findings"].as_array().unwrap().iter().filter(open).count(),
            0,
            "{}: {scan}",
            case.action
        );
    }
}
