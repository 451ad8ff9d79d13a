//! These tests edit the words, the parameters and the rehearsal of a plan. The account and the playbooks of
//! today decide, and the file can only make it worse.

use std::fs;

use serde_json::{Value, json};

use crate::forged::{Desk, at, outcomes, tightening};

#[test]
fn words_that_are_not_so_are_drift_and_nothing_is_called_for_them() {
    let desk = Desk::new();
    let id = tightening(&desk.plan);
    type Edit = Box<dyn Fn(&mut Value)>;
    let cases: Vec<(&str, &str, Edit)> = vec![
        ("summary", "its summary", Box::new(|c| c["summary"] = json!("add a tag to a test group"))),
        ("before", "its state before", Box::new(|c| c["before"] = json!("x"))),
        ("after", "its state after", Box::new(|c| c["after_state"] = json!("y"))),
        ("guards", "what its guards found", Box::new(|c| c["guards"] = json!([]))),
        ("kept", "what undo does not restore", Box::new(|c| c["reversible"] = json!(false))),
        ("touches", "what it touches", Box::new(|c| c["touches"][0]["region"] = json!("us-west-2"))),
        ("proof", "what proves it", Box::new(|c| c["proof"].as_array_mut().unwrap().truncate(0))),
        ("playbook", "the playbook that asks for it", Box::new(|c| c["playbook"] = json!("ebs-encryption"))),
        (
            "impact",
            "no longer so",
            Box::new(|c| c["impact"].as_array_mut().unwrap().insert(0, json!("nobody notices"))),
        ),
        (
            "title",
            "would be waited for, recognised or undone differently",
            Box::new(|c| c["steps"][0]["title"] = json!("look")),
        ),
    ];
    let before = desk.account();
    for (name, says, edit) in cases {
        let file = format!("{name}.json");
        desk.forge(&file, |plan| {
            let place = at(plan, "tighten-security-group");
            edit(&mut plan["changes"][place]);
        });
        let said = desk
            .run(&format!("apply {file} --change {id} --auto-approve --max-risk disruptive --format json"));
        assert_eq!(said.code, 4, "{name}: {}\n{}", said.out, said.err);
        assert!(said.err.contains(says) || name == "proof", "{name}: {}", said.err);
        assert_eq!(desk.account(), before, "{name}: nothing was called");
    }
    // The whole plan, to see the outcome in the run: the others are done.
    desk.forge("whole.json", |plan| {
        let place = at(plan, "tighten-security-group");
        plan["changes"][place]["summary"] = json!("add a tag to a test group");
    });
    let said = desk.ends(4, "apply whole.json --auto-approve --max-risk disruptive --format json");
    for (change, outcome) in outcomes(&said) {
        assert_eq!(outcome == "drifted", change == id, "{change} is {outcome}");
    }
}

#[test]
fn whether_a_change_asks_is_for_the_playbooks_of_today_to_say() {
    let desk = Desk::new();
    let before = desk.account();
    desk.forge("quiet.json", |plan| {
        for change in plan["changes"].as_array_mut().unwrap() {
            change["ask"] = json!(false);
        }
    });
    let said = desk.ends(2, "apply quiet.json");
    assert!(said.err.contains("there is no terminal to ask at"), "{}", said.err);
    assert_eq!(desk.account(), before);
    // A playbook that asks nobody now does not take back that the plan asks.
    let show = desk.ends(0, "playbooks show vpc-flow-logs").out;
    let books = desk.folder.path().join("books");
    fs::create_dir(&books).unwrap();
    let quiet = show.replace("approve = \"ask\"", "approve = \"auto\"");
    assert!(quiet.contains("auto"), "{show}");
    fs::write(books.join("vpc-flow-logs.toml"), quiet).unwrap();
    let asks = desk.ends(2, "apply plan.json --playbooks books");
    assert!(asks.err.contains("there is no terminal to ask at"), "{}", asks.err);
    // A plan that was made so is done so, for the changes of that playbook alone, and by that playbook alone.
    desk.ends(
        0,
        "plan --account twin:demo --playbooks books --check vpc-without-flow-logs --quiet -o auto.json",
    );
    let foreign = desk.ends(2, "apply auto.json");
    assert!(
        foreign.err.contains("there is no terminal to ask at"),
        "the built-in playbook asks: {}",
        foreign.err
    );
    let done = desk.ends(0, "apply auto.json --playbooks books --format json");
    assert!(outcomes(&done).iter().all(|(_, o)| o == "verified"), "{}", done.out);
}

#[test]
fn parameters_and_belts_that_the_plan_alone_says_need_their_flags_or_a_person() {
    let desk = Desk::new();
    let before = desk.account();
    desk.ends(
        0,
        "plan --account twin:demo --allow-cidr 203.0.113.0/24 --check security-group-open-admin-port --quiet \
         -o allow.json",
    );
    let said = desk.ends(4, "apply allow.json --auto-approve --max-risk disruptive --format json");
    assert!(outcomes(&said).iter().all(|(_, o)| o == "not-approved"), "{}", said.out);
    assert!(
        said.err.contains("tighten-security-group.allow is [\"203.0.113.0/24\"]")
            && said.err.contains("--set"),
        "{}",
        said.err
    );
    assert_eq!(desk.account(), before);
    let said = desk.ends(
        0,
        "apply allow.json --allow-cidr 203.0.113.0/24 --auto-approve --max-risk disruptive --format json",
    );
    assert!(outcomes(&said).iter().all(|(_, o)| o == "verified"), "{}", said.out);
}

#[test]
fn a_change_that_no_playbook_asks_for_is_not_made_however_well_it_is_made_up() {
    let desk = Desk::new();
    let before = desk.account();
    // The change is sound and its calls are what its action proposes, but nothing asks for it: it answers no
    // finding.
    desk.forge("alone.json", |plan| {
        let place = at(plan, "snapshot-instance");
        let mut change = plan["changes"][place].clone();
        (change["findings"], change["after"]) = (json!([]), json!([]));
        plan["changes"] = json!([change]);
    });
    let said = desk.ends(4, "apply alone.json --auto-approve --max-risk disruptive --format json");
    assert!(outcomes(&said).iter().all(|(_, o)| o == "drifted"), "{}", said.out);
    assert_eq!(desk.account(), before);
}

#[test]
fn the_rehearsal_is_what_shows_now_and_not_what_the_file_says() {
    let desk = Desk::new();
    desk.forge("rosy.json", |plan| {
        plan["rehearsal"]["closes"] = json!([]);
        plan["rehearsal"]["undo_restores"] = json!(false);
        plan["rehearsal"]["differences"] = json!(["undo of c1 eats the account"]);
    });
    let said = desk.ends(4, "apply rosy.json --auto-approve --max-risk safe");
    let closes = desk.plan["rehearsal"]["closes"].as_array().unwrap().len();
    assert!(said.err.contains(&format!("closes {closes} of {closes}")), "{}", said.err);
    assert!(!said.err.contains("eats the account"), "{}", said.err);
    desk.forge("opens.json", |plan| plan["rehearsal"]["opens"] = json!([plan["rehearsal"]["closes"][0]]));
    let said = desk.ends(4, "apply opens.json --auto-approve --max-risk disruptive");
    assert!(said.err.contains("would open findings"), "the file can only make it worse: {}", said.err);
}
