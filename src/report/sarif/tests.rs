//! The output for CI systems: the same cases as JUnit and as SARIF.

use std::collections::BTreeMap;

use super::*;
use crate::report::{
    Scan,
    cases::{self, Files},
    junit, sample,
};

fn scanned() -> Cases {
    let (mut findings, unjudged) = sample::findings();
    findings[0].verdict = crate::finding::Verdict::Violates(json!({ "note": sample::HOSTILE }));
    let (regions, decisions) = (["eu-west-1".to_owned()], BTreeMap::default());
    let scan = Scan {
        intake: None,
        account: "123456789012",
        partition: "aws",
        regions: &regions,
        endpoint: "aws",
        read_at: sample::at("2026-11-22T10:00:00Z"),
        findings: &findings,
        unjudged: &unjudged,
        lapsed: &[],
        decisions: &decisions,
        reaches: &sample::reaches(),
    };
    cases::of_scan(
        &scan,
        &Files::of(&crate::playbook::assemble(crate::playbook::builtin(), Vec::new()).unwrap()),
    )
}

#[test]
fn a_scan_fails_for_what_is_open_errs_for_what_is_unknown_and_skips_what_is_set_aside() {
    let xml = junit::write(&scanned());
    let figures = "tests=\"7\" failures=\"2\" errors=\"2\"";
    assert!(xml.matches(figures).count() == 2 && xml.contains("skipped=\"2\">"), "{xml}");
    assert_eq!(
        (xml.matches("<failure").count(), xml.matches("<error").count(), xml.matches("<skipped").count()),
        (2, 2, 2)
    );
    assert!(!xml.contains("<script") && !xml.contains('\u{1b}') && xml.contains("&lt;script&gt;"), "{xml}");
}

#[test]
fn a_result_lies_at_the_playbook_and_names_the_arn() {
    let log = write(&scanned());
    assert_eq!(log["version"], "2.1.0");
    let results = log["runs"][0]["results"].as_array().unwrap();
    let admin: Vec<&Value> =
        results.iter().filter(|r| r["ruleId"] == "security-group-open-admin-port").collect();
    assert_eq!(admin.len(), 2);
    let place = &admin[0]["locations"][0];
    assert_eq!(
        place["physicalLocation"]["artifactLocation"]["uri"],
        "playbooks/security-group-open-admin-port.toml"
    );
    assert!(
        place["logicalLocations"][0]["fullyQualifiedName"]
            .as_str()
            .unwrap()
            .starts_with("arn:aws:ec2:eu-west-1:123456789012:security-group/")
    );
    assert_eq!(
        admin.iter().filter(|r| r["suppressions"].is_array()).count(),
        1,
        "what a person set aside is told as that"
    );
    let index = admin[0]["ruleIndex"].as_u64().unwrap() as usize;
    assert_eq!(log["runs"][0]["tool"]["driver"]["rules"][index]["id"], admin[0]["ruleId"]);
    assert_eq!(
        log["runs"][0]["invocations"][0]["toolExecutionNotifications"].as_array().unwrap().len(),
        2,
        "what is unknown is told, not passed over"
    );
}

#[test]
fn a_playbook_of_ones_own_is_the_location_as_a_relative_reference() {
    let mut cases = scanned();
    cases.all.retain(|c| matches!(c.standing, Standing::Failed(_)));
    cases.all.iter_mut().for_each(|c| c.file = Some("./my books/a#1.toml".to_owned()));
    assert_eq!(
        write(&cases)["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"],
        json!({ "uri": "my%20books/a%231.toml" })
    );
}

#[test]
fn a_run_has_a_case_for_every_change_by_its_outcome() {
    let plan = sample::plan();
    let told = cases::of_run(&sample::run(), &plan, &Files::default());
    let known = sample::run().changes.iter().filter(|c| plan.change(&c.id).is_some()).count();
    assert_eq!(told.all.len(), known);
    assert!(known > 0);
}

#[test]
fn a_plan_passes_for_what_the_rehearsal_closes_only() {
    let mut plan = sample::plan();
    plan.rehearsal.not_rehearsed.clear();
    plan.rehearsal.closes = plan.changes.iter().flat_map(|c| c.findings.clone()).collect();
    let failed = |plan: &crate::plan::Plan| {
        cases::of_plan(plan, &Files::default())
            .all
            .iter()
            .filter(|c| matches!(c.standing, Standing::Failed(_)))
            .count()
    };
    let before = failed(&plan);
    plan.rehearsal.closes.clear();
    assert!(failed(&plan) > before);
}

#[test]
fn no_rule_has_more_tags_than_github_takes_and_all_controls_are_in_its_properties() {
    for check in crate::checks::all().filter(|check| check.scanned) {
        let rule = rule(check.id);
        let tags = rule["properties"]["tags"].as_array().unwrap();
        // Security Hub and CIS do not have a control for every check.
        assert!((1..=MOST_TAGS).contains(&tags.len()), "{}: {tags:?}", check.id);
        let listed = rule["properties"]["controls"].as_object().unwrap().values();
        let ids: usize = listed.map(|ids| ids.as_array().unwrap().len()).sum();
        assert_eq!(ids, check.controls().count(), "{}", check.id);
    }
}
