//! Plan files: complete ones are read, and the defects of others are distinguished.

use super::*;
use crate::plan::digest::{PlanFileError, canonical, check_fit, parse, seal, verify};

fn plan() -> Plan {
    World::new(account(&["sg-a"]), vec![closing("close", json!({}), &[])]).plan()
}

fn text(plan: &Plan) -> String {
    serde_json::to_string_pretty(plan).unwrap()
}

#[test]
fn a_plan_that_was_written_is_read_back_as_it_was() {
    let plan = plan();
    assert_eq!(parse(&text(&plan)).unwrap(), plan);
    assert!(verify(&plan));
}

#[test]
fn the_form_of_the_file_does_not_matter_and_its_content_does() {
    let plan = plan();
    let value: Value = serde_json::from_str(&text(&plan)).unwrap();
    let turned: serde_json::Map<String, Value> =
        value.as_object().unwrap().clone().into_iter().rev().collect();
    assert_eq!(parse(&Value::Object(turned).to_string()).unwrap(), plan);
    for (from, to) in [
        ("10.0.0.0/8", "0.0.0.0/0"),
        ("\"kind\": \"plan\"", "\"kind\": \"plan\", \"extra\": 1"),
        ("\"ask\": true", "\"ask\": false"),
    ] {
        let edited = text(&plan).replacen(from, to, 1);
        assert_ne!(edited, text(&plan), "{from}");
        assert_eq!(parse(&edited), Err(PlanFileError::Digest), "{from}");
    }
}

#[test]
fn canonical_json_sorts_keys_at_every_depth_and_keeps_the_order_of_lists() {
    let value = json!({ "b": [{ "z": 1, "a": "\"\n" }, 2], "a": null });
    assert_eq!(canonical(&value), r#"{"a":null,"b":[{"a":"\"\n","z":1},2]}"#);
}

#[test]
fn what_is_no_plan_file_says_what_it_is_and_what_to_do() {
    let whole = text(&plan());
    assert_eq!(parse(" \n"), Err(PlanFileError::Empty));
    assert!(matches!(parse(&whole[..whole.len() / 2]), Err(PlanFileError::CutOff { .. })));
    assert!(matches!(parse("id = \"a\""), Err(PlanFileError::NotJson { line: 1, .. })));
    assert_eq!(parse("[]"), Err(PlanFileError::NotAPlan { found: "unknown".into() }));
    let findings = json!({ "format": "redress.findings/1" }).to_string();
    assert_eq!(parse(&findings), Err(PlanFileError::NotAPlan { found: "redress.findings/1".into() }));
    let newer = whole.replace("redress.plan/1", "redress.plan/2");
    assert_eq!(parse(&newer), Err(PlanFileError::Version { found: "redress.plan/2".into() }));
    for text in ["", "{", "x", "[]", newer.as_str()] {
        let told = parse(text).unwrap_err().to_string();
        assert!(told.contains("plan"), "{told}");
    }
}

#[test]
fn a_plan_with_a_digest_that_fits_and_members_missing_is_told_by_the_member() {
    let mut value = serde_json::to_value(plan()).unwrap();
    value.as_object_mut().unwrap().shift_remove("changes");
    value["digest"] = json!(crate::plan::digest::digest_of(&value));
    let error = parse(&value.to_string()).unwrap_err();
    assert!(matches!(&error, PlanFileError::Shape { what } if what.contains("changes")), "{error}");
}

#[test]
fn a_plan_is_for_one_account_one_endpoint_and_some_days() {
    let mut plan = plan();
    seal(&mut plan);
    let fit = |account: &str, partition: &str, endpoint: &str, days: i64| {
        check_fit(&plan, account, partition, endpoint, now() + SignedDuration::from_hours(24 * days))
    };
    assert_eq!(fit("123456789012", "aws", "twin:test", 6), Ok(()));
    assert!(matches!(fit("999999999999", "aws", "twin:test", 0), Err(PlanFileError::Account { .. })));
    assert!(matches!(fit("123456789012", "aws-cn", "twin:test", 0), Err(PlanFileError::Partition { .. })));
    assert!(matches!(fit("123456789012", "aws", "aws", 0), Err(PlanFileError::Endpoint { .. })));
    assert!(matches!(fit("123456789012", "aws", "twin:test", 7), Err(PlanFileError::Expired { .. })));
}
