//! The time for which a change may have something down, and the time of its rollback.

use serde_json::{Value, json};

use super::*;

/// Builds a step that makes a call and may wait, with its rollback.
fn step(name: &str, operation: &str, input: Value, waits: bool, back: Option<&str>) -> Step {
    let act = |operation: &str, waits: bool| {
        let wait = waits.then(|| json!({ "until": [], "at_most": 21_600, "why": "until it is done" }));
        let mut act = json!({ "call": { "service": "ec2", "region": "r", "operation": operation,
            "input": input }, "recognise": { "looks": { "expect": [] } } });
        if let Some(wait) = wait {
            act["wait"] = wait;
        }
        act
    };
    let mut step = act(operation, waits);
    step["name"] = json!(name);
    step["title"] = json!(name);
    step["way_back"] = back
        .map_or(json!({ "kept": "it stays" }), |back| json!({ "calls": { "rollback": [act(back, true)] } }));
    serde_json::from_value(step).unwrap()
}

/// Builds the change of an instance with so many disks of so many GiB, by copies or directly.
fn change(disks: usize, gib: u64, copies: bool) -> Change {
    let mut steps = vec![
        step("warm", "CreateSnapshots", json!({}), true, None),
        step("stop", "StopInstances", json!({}), true, Some("StartInstances")),
    ];
    steps.push(step("snapshot", "CreateSnapshots", json!({}), true, None));
    if copies {
        steps.extend((1..=disks).map(|n| {
            step(&format!("copy-{n}"), "CopySnapshot", json!({}), n == disks, Some("DeleteSnapshot"))
        }));
    }
    steps.extend((1..=disks).map(|n| {
        step(&format!("volume-{n}"), "CreateVolume", json!({ "Size": gib }), n == disks, Some("DeleteVolume"))
    }));
    for n in 1..=disks {
        steps.push(step(&format!("detach-{n}"), "DetachVolume", json!({}), true, Some("AttachVolume")));
        steps.push(step(&format!("attach-{n}"), "AttachVolume", json!({}), true, Some("DetachVolume")));
    }
    steps.push(step("start", "StartInstances", json!({}), true, Some("StopInstances")));
    let json = json!({
        "id": "c1", "after": [], "findings": [], "playbook": "p", "action": "a", "uses": [],
        "resource": "arn:aws:ec2:r:123456789012:instance/i-1", "region": "r",
        "summary": "", "risk": "disruptive", "reversible": true, "not_restored": [], "before": null,
        "after_state": null, "impact": [], "proof": [],
        "steps": steps, "guards": [], "touches": [], "ask": false,
    });
    serde_json::from_value(json).unwrap()
}

fn needs(disks: usize, gib: u64, copies: bool) -> u64 {
    minutes(downtime(&change(disks, gib, copies), 0).unwrap())
}

#[test]
fn copies_that_are_made_side_by_side_count_once() {
    assert!(
        needs(6, 50, true) < 60,
        "six disks of 50 GiB fit into a session of an hour: {} min",
        needs(6, 50, true)
    );
    let (one, six) = (needs(1, 50, true), needs(6, 50, true));
    assert!(
        six - one < 20,
        "five more disks take five more swaps, there and back, and no more passes: {one} and {six} min"
    );
}

#[test]
fn time_grows_with_the_disk_and_is_less_where_nothing_is_copied() {
    let hours = needs(1, 4_096, true) / 60;
    assert!((5..40).contains(&hours), "4 TiB are not copied in 42 minutes: {hours} h");
    assert!(
        needs(1, 4_096, false) * 5 < needs(1, 4_096, true),
        "straight from the snapshot only what changed is passed over"
    );
    assert!(needs(1, 8, false) < needs(1, 8, true));
}

#[test]
fn the_way_back_is_counted_from_where_the_change_stands() {
    let change = change(2, 50, true);
    let until = |name: &str| {
        change.steps.iter().map(|s| s.name.clone()).take_while(|n| n != name).collect::<Vec<_>>()
    };
    let (early, late) = (way_back(&change, &until("volume-1")), way_back(&change, &until("start")));
    assert!(early < late, "{early:?} {late:?}");
    assert!(
        early >= Duration::from_secs(300) && late < Duration::from_secs(900),
        "a start, and at most the swap of two disks: {early:?} {late:?}"
    );
}

#[test]
fn the_downtime_to_expect_follows_from_the_measured_first_pass() {
    let change = change(2, 500, true);
    let at = |minute: i64| Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_mins(minute);
    let stop = 1;
    let called = |step: &str| (step == "warm").then(|| at(0));
    let found = measured(&change, stop, &called, at(40)).unwrap();
    assert_eq!(found.pass, Duration::from_secs(40 * 60));
    // Two passes follow, the snapshot and the copies, of two minutes at least.
    assert_eq!(found.most - found.least, Duration::from_secs(40 * 60 - 2 * PASS_AT_LEAST));
    let quick = measured(&change, stop, &called, at(1)).unwrap();
    assert_eq!(quick.most, quick.least, "nothing is expected to take less than the least");
    assert_eq!(measured(&change, stop, &|_| None, at(40)), None, "nothing was measured");
    let cold = Change { steps: change.steps[1..].to_vec(), ..change };
    assert_eq!(measured(&cold, 0, &|_| Some(at(0)), at(40)), None, "there was no first pass");
}
