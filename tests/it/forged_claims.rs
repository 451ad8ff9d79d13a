//! What a resealed plan claims of the account it is for, of findings and of what comes before what; and what
//! is said of a plan that was held to no account.

use std::fs;

use serde_json::{Value, json};

use crate::forged::{Desk, at, outcomes};

/// Keys that lead nowhere: no test may ask AWS.
const KEYS: [(&str, &str); 4] = [
    ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "x"),
    ("AWS_REGION", "us-east-1"),
    ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
];

#[test]
fn the_word_of_a_plan_opens_no_file_and_no_twin_where_aws_may_be_meant() {
    let desk = Desk::new();
    desk.ends(0, "scan --account twin:demo --quiet --save-inventory inv.json");
    let before = desk.account();
    for path in ["twin:./inv.json", "twin:/etc/passwd", "twin:../../x", "twin:inv.json", "twin:"] {
        desk.forge("path.json", |plan| plan["endpoint"] = json!(path));
        for flags in ["", "--auto-approve"] {
            let said = desk.ends(2, &format!("apply path.json {flags}"));
            assert!(
                said.err.contains("a path there would choose")
                    && said.err.contains(&format!("--account {path}")),
                "{}",
                said.err
            );
            assert!(!said.err.contains("inventory (redress"), "it was not opened: {}", said.err);
        }
    }
    for set in [
        &KEYS[..1],
        &[("AWS_PROFILE", "prod")],
        &[("CI", "true")],
        &[("REDRESS_ONLY_ACCOUNT", "123456789012")],
    ] {
        let said = desk.with("apply plan.json --auto-approve", set);
        assert_eq!(said.code, 2, "{set:?}: {}", said.err);
        assert!(said.err.contains(set[0].0) && said.err.contains("--account twin:demo"), "{}", said.err);
    }
    assert_eq!(desk.account(), before, "nothing was changed");
    // Whoever says it, and whoever plays where nothing leads to AWS, goes on; the account is named loudly.
    let said = desk.with("apply plan.json --account twin:demo --auto-approve --format json", &KEYS);
    assert_eq!(said.code, 4, "{}", said.err);
    assert!(outcomes(&said).iter().any(|(_, o)| o == "verified"));
    let run = said.json()["run"].as_str().unwrap().to_owned();
    assert_eq!(desk.with(&format!("verify {run}"), &KEYS).code, 2, "nor does the word of a run");
    let said = desk.ends(0, &format!("verify {run}"));
    assert!(said.err.contains("is for twin:demo, a twin: nothing is read or changed in AWS"), "{}", said.err);
}

#[test]
fn a_finding_on_what_is_not_there_is_neither_answered_nor_closed() {
    let desk = Desk::new();
    let before = desk.account();
    let place = at(&desk.plan, "tighten-security-group");
    let id = desk.plan["changes"][place]["id"].as_str().unwrap().to_owned();
    let other =
        desk.plan["changes"][place]["resource"].as_str().unwrap().rsplit_once("sg-").unwrap().0.to_owned()
            + "sg-0fffffffffffffff0";
    desk.forge("ghost.json", |plan| {
        plan["changes"][place]["findings"]
            .as_array_mut()
            .unwrap()
            .push(json!({ "check": "security-group-open-admin-port", "resource": other }));
    });
    let said = desk.ends(4, &format!("apply ghost.json --change {id} --auto-approve --max-risk disruptive"));
    assert!(
        said.err.contains("which does not exist") && said.err.contains("sg-0fffffffffffffff0"),
        "{}",
        said.err
    );
    assert_eq!(desk.account(), before, "nothing was called");
    let said = desk.ends(4, "apply ghost.json --auto-approve --max-risk disruptive --format json");
    for (change, outcome) in outcomes(&said) {
        assert_eq!(outcome == "drifted", change == id, "{change} is {outcome}");
    }
    let closes = desk.plan["rehearsal"]["closes"].as_array().unwrap().len();
    assert!(!said.err.contains(&format!("closes {} of", closes + 1)), "{}", said.err);
}

#[test]
fn a_finding_that_is_there_and_not_open_is_neither_answered_nor_closed_and_the_change_is_made_without_it() {
    let desk = Desk::new();
    let place = at(&desk.plan, "tighten-security-group");
    let id = desk.plan["changes"][place]["id"].as_str().unwrap().to_owned();
    let own = &desk.plan["changes"][place]["findings"];
    let check = [
        "security-group-open-all-traffic",
        "security-group-open-database-port",
        "security-group-open-admin-port",
    ]
    .into_iter()
    .find(|check| own.as_array().unwrap().iter().all(|key| key["check"] != *check))
    .unwrap();
    desk.forge("more.json", |plan| {
        let change = &mut plan["changes"][place];
        let more = json!({ "check": check, "resource": change["resource"] });
        change["findings"].as_array_mut().unwrap().push(more);
        let mut proof = change["proof"]
            .as_array()
            .unwrap()
            .iter()
            .find(|p| p["check"] == change["findings"][0]["check"])
            .unwrap()
            .clone();
        proof["check"] = json!(check);
        change["proof"].as_array_mut().unwrap().push(proof);
    });
    let said = desk.ends(
        0,
        &format!("apply more.json --change {id} --auto-approve --max-risk disruptive --format json"),
    );
    assert!(said.err.contains("is not open now, and does not count"), "{}", said.err);
    assert_eq!(outcomes(&said), [(id, "verified".to_owned())]);
    assert!(!said.out.contains(check), "the run says nothing of it: {}", said.out);
    let shown = desk.run("show last");
    assert!(!shown.out.contains(check), "{}", shown.out);
}

#[test]
fn a_change_whose_ground_the_plan_does_not_make_first_is_not_begun() {
    let desk = Desk::new();
    desk.forge("after.json", |plan| {
        for change in plan["changes"].as_array_mut().unwrap() {
            change["after"] = json!([]);
        }
    });
    let all = desk.plan["changes"].as_array().unwrap();
    // A ground that answers a finding of its own is made all the same, and in time.
    let bare: Vec<&Value> = all.iter().filter(|c| c["findings"] == json!([])).map(|c| &c["id"]).collect();
    let needing: Vec<&str> = all
        .iter()
        .filter(|c| c["after"].as_array().is_some_and(|after| after.iter().any(|id| bare.contains(&id))))
        .map(|c| c["id"].as_str().unwrap())
        .collect();
    assert!(!needing.is_empty());
    let said = desk.ends(4, "apply after.json --auto-approve --max-risk disruptive --format json");
    for (change, outcome) in outcomes(&said) {
        assert!(
            ["verified", "already-fixed", "drifted"].contains(&outcome.as_str()),
            "{change} is {outcome}"
        );
        assert!(outcome == "drifted" || !needing.contains(&change.as_str()), "{change} is {outcome}");
    }
    assert!(said.err.contains("and the plan does not make that first"), "{}", said.err);
}

#[test]
fn a_plan_that_was_held_to_no_account_is_shown_and_exported_as_a_claim_with_its_real_calls() {
    let desk = Desk::new();
    let place = at(&desk.plan, "tighten-security-group");
    desk.forge("open.json", |plan| {
        let change = &mut plan["changes"][place];
        change["summary"] = json!("close the admin port");
        let step = &mut change["steps"][0];
        step["title"] = json!("take the open rule away");
        step["call"]["operation"] = json!("AuthorizeSecurityGroupIngress");
        step["call"]["input"] = json!({ "GroupId": "sg-0123", "IpPermissions": [{ "IpProtocol": "-1",
            "IpRanges": [{ "CidrIp": "0.0.0.0/0" }] }] });
        // Not every change of the demo account can be exported.
        plan["changes"].as_array_mut().unwrap().retain(|change| change["action"] == "tighten-security-group");
    });
    let claim = "not compared with any account";
    for format in ["text", "markdown", "html"] {
        let said = desk.ends(0, &format!("show open.json --format {format}"));
        let out = said.out.split_whitespace().collect::<Vec<_>>().join(" ").replace("&#x2f;", "/");
        let (head, rest) = out.split_at(out.find(claim).unwrap_or_else(|| panic!("{format}: {}", said.out)));
        assert!(!head.contains("close the admin port"), "{format}: it stands before what it is about");
        assert!(rest.contains("AuthorizeSecurityGroupIngress") && rest.contains("0.0.0.0/0"), "{format}");
    }
    let text = desk.ends(0, "show open.json").out;
    let beside = text.split("take the open rule away").nth(1).unwrap();
    let beside: String = beside.split_whitespace().take(30).collect::<Vec<_>>().join("");
    assert!(
        beside.starts_with("calls:ec2:AuthorizeSecurityGroupIngress") && beside.contains("0.0.0.0/0"),
        "{beside}"
    );
    // A plan as it was just made is none.
    assert!(!desk.ends(4, "plan --account twin:demo").out.contains(claim));
    let read = |name: &str| fs::read_to_string(desk.folder.path().join(name)).unwrap();
    let said = desk.ends(0, "export open.json --to aws-cli -o out");
    assert!(said.err.contains("x ec2:AuthorizeSecurityGroupIngress"), "{}", said.err);
    for program in ["apply.sh", "way-back.sh"] {
        assert!(
            read(&format!("out/{program}")).lines().take(3).any(|line| line.contains(claim)),
            "{program}"
        );
    }
    desk.ends(0, "export open.json --to step-functions -o machines");
    let machine: Value = serde_json::from_str(&read("machines/apply-us-east-1.asl.json")).unwrap();
    assert!(machine["Comment"].as_str().unwrap().contains(claim), "{}", machine["Comment"]);
}
