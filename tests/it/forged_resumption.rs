//! These tests resume and undo runs whose files somebody has edited: no call of the editor's is made, and an
//! honest run goes on where a person agrees.

use std::fs;

use serde_json::{Value, json};

use crate::forged::{Desk, applied_and_edited, at, interrupted, outcomes, tightening};

/// A run of the plan that was interrupted in the middle of its first tightening, edited and sealed.
fn tampered(desk: &Desk, edit: impl FnOnce(&mut Value, &mut Vec<Value>)) -> String {
    interrupted(desk, "tighten-security-group", edit)
}

#[test]
fn a_run_that_somebody_edited_is_not_resumed_and_an_honest_one_asks() {
    let desk = Desk::new();
    let before = desk.account();
    let run = tampered(&desk, |_, _| {});
    let said = desk.ends(2, &format!("resume {run}"));
    assert!(
        said.err.contains("there is no terminal to ask at") && said.err.contains("stays interrupted"),
        "{}",
        said.err
    );
    let said = desk.ends(4, &format!("resume {run} --auto-approve"));
    assert!(said.err.contains("half done") && said.err.contains("above --max-risk safe"), "{}", said.err);
    assert_eq!(desk.account(), before);

    // Another call, of the registry but of no change of this action; as a step, and as a way back.
    let other = json!({ "service": "ec2", "region": "us-east-1", "operation": "DeleteSnapshot",
        "input": { "SnapshotId": "snap-0123456789abcdef0" } });
    let place = at(&desk.plan, "tighten-security-group");
    type Edit = Box<dyn Fn(&mut Value)>;
    let edits: Vec<(&str, Edit)> = vec![
        ("is no call of tighten-security-group", {
            let other = other.clone();
            Box::new(move |plan| {
                plan["changes"][place]["steps"][0]["call"] = other.clone();
                plan["changes"][place]["risk"] = json!("irreversible");
            })
        }),
        (
            "is no call of tighten-security-group",
            Box::new(move |plan| {
                plan["changes"][place]["steps"][0]["way_back"]["calls"]["rollback"][0]["call"] =
                    other.clone();
            }),
        ),
        (
            "which does not belong to",
            Box::new(move |plan| {
                let own = plan["changes"][place]["resource"]
                    .as_str()
                    .unwrap()
                    .rsplit('/')
                    .next()
                    .unwrap()
                    .to_owned();
                let region = plan["changes"][place]["region"].clone();
                let all: Vec<String> = plan["changes"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .filter(|c| c["action"] == "tighten-security-group" && c["region"] == region)
                    .map(|c| c["resource"].as_str().unwrap().rsplit('/').next().unwrap().to_owned())
                    .collect();
                let other = all.iter().find(|id| **id != own).unwrap();
                plan["changes"][place]["steps"][0]["call"]["input"]["GroupId"] = json!(other);
            }),
        ),
    ];
    for (says, edit) in edits {
        let run = tampered(&desk, |plan, events| {
            edit(plan);
            events[2]["call"] = plan["changes"][place]["steps"][0]["call"].clone();
        });
        for flags in ["", "--auto-approve --max-risk disruptive --allow-irreversible prune"] {
            let said = desk.ends(4, &format!("resume {run} {flags}"));
            assert!(said.err.contains(says), "{}", said.err);
        }
        assert_eq!(desk.account(), before, "nothing was called");
    }
    let run = tampered(&desk, |_, _| {});
    // The run was begun with one yes and many a no: what it comes to says both.
    let said = desk.ends(4, &format!("resume {run} --auto-approve --max-risk disruptive --format json"));
    let id = tightening(&desk.plan);
    for (change, outcome) in outcomes(&said) {
        assert_eq!(outcome, if change == id { "verified" } else { "not-approved" }, "{change}\n{}", said.out);
    }
    assert_eq!(
        (said.json()["state"].as_str(), desk.account() == before),
        (Some("complete"), false),
        "{}",
        said.out
    );
}

#[test]
fn a_run_with_a_loosened_belt_goes_on_with_the_flag_that_apply_takes() {
    let mut desk = Desk::new();
    desk.ends(4, "plan --account twin:demo --allow-lockout --quiet -o plan.json");
    let text = fs::read_to_string(desk.folder.path().join("plan.json")).unwrap();
    desk.plan = serde_json::from_str(&text).unwrap();
    let changes = desk.plan["changes"].as_array().unwrap();
    let loosened = changes
        .iter()
        .find(|c| c["guards"].as_array().unwrap().iter().any(|g| g["result"] == "loosened"))
        .expect("a belt holds something back");
    let id = loosened["id"].as_str().unwrap().to_owned();
    let waiting = |desk: &Desk| {
        tampered(desk, |_, events| {
            events.truncate(1);
            for decision in events[0]["decisions"].as_array_mut().unwrap() {
                decision["approved"] = json!(decision["change"] == id.as_str());
            }
        })
    };
    let run = waiting(&desk);
    let said = desk.ends(4, &format!("resume {run} --auto-approve --max-risk disruptive"));
    assert!(said.err.contains("--allow-lockout"), "{}", said.err);
    let run = waiting(&desk);
    let said = desk
        .ends(4, &format!("resume {run} --auto-approve --max-risk disruptive --allow-lockout --format json"));
    assert!(outcomes(&said).contains(&(id.clone(), "verified".to_owned())), "{}", said.out);
}

#[test]
fn a_run_that_somebody_edited_is_not_taken_back_along_calls_of_theirs() {
    let desk = Desk::new();
    let run = applied_and_edited(&desk, "tighten-security-group", |change| {
        change["steps"][0]["way_back"] = json!({ "calls": { "rollback": [{
            "call": { "service": "ec2", "region": "us-east-1", "operation": "StopInstances",
            "input": { "InstanceIds": ["i-0aaaaaaaaaaaaaaa1"] } },
            "recognise": { "looks": { "expect": [] } }
        }] } });
    });
    let before = desk.account();
    for flags in ["", "--auto-approve --max-risk disruptive"] {
        let said = desk.ends(4, &format!("undo {run} {flags}"));
        assert!(said.err.contains("is no call of tighten-security-group"), "{}", said.err);
    }
    assert_eq!(desk.account(), before, "nothing was called");
}
