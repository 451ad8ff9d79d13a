//! Building: fates, groups, order, limits, conflicts, prerequisites.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::{
    actions::GuardResult,
    finding::Severity,
    plan::build::{Limits, needs},
};

fn tagged(inventory: &mut Inventory, id: &str, key: &str, value: &str) {
    inventory.region_mut(REGION).security_groups.get_mut(id).unwrap().tags.insert(key.into(), value.into());
}

#[test]
fn each_open_group_gets_one_change_that_is_rehearsed_and_taken_back() {
    let plan = World::new(account(&["sg-a", "sg-b"]), vec![closing("close", json!({}), &[])]).plan();
    assert_eq!(targets(&plan), ["sg-a", "sg-b"]);
    assert_eq!(plan.changes.iter().map(|c| c.id.as_str()).collect::<Vec<_>>(), ["c1", "c2"]);
    assert_eq!(plan.rehearsal.closes.len(), 2);
    assert!(plan.rehearsal.opens.is_empty());
    assert!(plan.rehearsal.undo_restores, "{:?}", plan.rehearsal.differences);
    assert!(plan.rehearsal.not_rehearsed.is_empty());
    assert_eq!(plan.rehearsal.predicted.len(), 2);
    assert_eq!(plan.counts["planned"], 2);
    assert_eq!(plan.expires, now() + SignedDuration::from_hours(168));
    assert!(plan.changes[0].ask);
}

#[test]
fn the_same_request_gives_the_same_bytes() {
    let world = World::new(account(&["sg-b", "sg-a"]), vec![closing("close", json!({}), &[])]);
    let mut turned = World::new(account(&["sg-b", "sg-a"]), vec![closing("close", json!({}), &[])]);
    turned.findings.reverse();
    assert_eq!(serde_json::to_string(&world.plan()).unwrap(), serde_json::to_string(&turned.plan()).unwrap());
}

#[test]
fn findings_that_nobody_may_answer_say_why() {
    let mut inventory = account(&["sg-ask", "sg-ignored", "sg-never", "sg-none"]);
    tagged(&mut inventory, "sg-ignored", "redress:ignore", "bastion");
    let never = Playbook { approve: Approve::Never, ..closing("watch", json!({}), &["sg-never"]) };
    let mut world =
        World::new(inventory, vec![closing("close", json!({}), &["sg-ask", "sg-ignored"]), never]);
    world
        .findings
        .push(Finding { verdict: Verdict::Unknown("AccessDenied".into()), ..violating(group("sg-denied")) });
    world
        .findings
        .push(Finding { verdict: Verdict::Retained("vol-2".into()), ..violating(group("sg-kept")) });
    world
        .findings
        .push(Finding { verdict: Verdict::Ok(Some("a note".into())), ..violating(group("sg-fine")) });
    let plan = world.plan();
    assert_eq!(targets(&plan), ["sg-ask"]);
    assert_eq!(skipped(&plan, "sg-ignored"), ("suppressed", "the tag redress:ignore reads: bastion"));
    assert_eq!(
        skipped(&plan, "sg-never"),
        ("refused", "reported only: playbook watch has approve = \"never\"")
    );
    assert_eq!(skipped(&plan, "sg-none").0, "unmapped");
    assert_eq!(skipped(&plan, "sg-denied"), ("unknown", "AccessDenied"));
    assert_eq!(skipped(&plan, "sg-kept"), ("retained", "vol-2"));
    assert!(plan.skipped.iter().all(|s| s.finding.resource.id() != "sg-fine"));
    assert_eq!(plan.counts.values().sum::<usize>(), 6);
}

#[test]
fn a_check_that_could_not_be_run_is_counted_as_unknown() {
    let world = World::new(account(&["sg-a"]), vec![closing("close", json!({}), &[])]);
    let silent = [checks::Unjudged {
        check: "vpc-without-flow-logs".into(),
        region: REGION.into(),
        reason: "AccessDenied".into(),
    }];
    let plan = build(Request { unjudged: &silent, ..world.request() });
    assert_eq!(plan.counts["unknown"], 1);
    assert_eq!(plan.skipped[0].reason, "not judged in us-east-1: AccessDenied");
}

#[test]
fn two_playbooks_that_want_different_things_are_a_conflict_and_both_are_named() {
    let books = vec![closing("one", json!({}), &[]), closing("two", json!({ "keeps": "/log" }), &["sg-a"])];
    let plan = World::new(account(&["sg-a", "sg-b"]), books).plan();
    assert_eq!(targets(&plan), ["sg-b"]);
    let (kind, reason) = skipped(&plan, "sg-a");
    assert_eq!(kind, "conflict");
    assert!(reason.contains("one (one.toml)") && reason.contains("two (two.toml)"), "{reason}");
}

#[test]
fn two_checks_answered_with_different_parameters_on_one_resource_are_a_conflict() {
    let other = Playbook {
        finding: vec!["security-group-open-database-port".into()],
        ..closing("two", json!({ "keeps": "/log" }), &[])
    };
    let mut world = World::new(account(&["sg-a"]), vec![closing("one", json!({}), &[]), other]);
    world
        .findings
        .push(Finding { check: "security-group-open-database-port".into(), ..violating(group("sg-a")) });
    let plan = world.plan();
    assert!(plan.changes.is_empty());
    assert_eq!(plan.counts["conflict"], 2);
}

#[test]
fn two_checks_answered_in_the_same_way_are_one_change() {
    let other = Playbook {
        finding: vec!["security-group-open-database-port".into()],
        ..closing("two", json!({}), &[])
    };
    let mut world = World::new(account(&["sg-a"]), vec![closing("one", json!({}), &[]), other]);
    world
        .findings
        .push(Finding { check: "security-group-open-database-port".into(), ..violating(group("sg-a")) });
    let plan = world.plan();
    assert_eq!(plan.changes.len(), 1);
    assert_eq!(plan.changes[0].findings.len(), 2);
    assert_eq!(plan.changes[0].playbook, "one");
    assert_eq!(plan.counts["planned"], 2);
}

#[test]
fn a_finding_that_an_earlier_change_answers_too_is_planned_as_its() {
    let database = "security-group-open-database-port";
    let late = Playbook {
        finding: vec![database.into()],
        ..playbook("late", vec![one("test-close-late", json!({}))])
    };
    let mut world = World::new(account(&["sg-a"]), vec![closing("close", json!({}), &[]), late]);
    world.findings.push(Finding { check: database.into(), ..violating(group("sg-a")) });
    let plan = world.plan();
    assert_eq!(plan.changes.len(), 1);
    assert_eq!(
        plan.changes[0].findings.iter().map(|f| f.check.as_str()).collect::<Vec<_>>(),
        [CHECK, database]
    );
    assert_eq!(plan.rehearsal.closes.len(), 2);
    assert_eq!(plan.counts["planned"], 2);
}

#[test]
fn what_several_changes_need_is_one_change_before_them() {
    let mut world = World::new(
        account(&["sg-a", "sg-b", "sg-base"]),
        vec![closing("close", json!({ "after": "sg-base" }), &["sg-a", "sg-b"])],
    );
    world.findings.retain(|f| f.resource.id() != "sg-base");
    let plan = world.plan();
    assert_eq!(targets(&plan), ["sg-base", "sg-a", "sg-b"]);
    assert!(plan.changes[0].findings.is_empty());
    assert_eq!(plan.changes[1].after, ["c1"]);
    assert_eq!(plan.changes[2].after, ["c1"]);
}

#[test]
fn what_is_needed_and_there_already_is_no_change() {
    let mut inventory = account(&["sg-a", "sg-base"]);
    inventory.region_mut(REGION).security_group_rules.items.insert("sgr-sg-base".into(), Fact::Absent);
    let plan = World::new(inventory, vec![closing("close", json!({ "after": "sg-base" }), &[])]).plan();
    assert_eq!(targets(&plan), ["sg-a"]);
    assert!(plan.changes[0].after.is_empty());
}

#[test]
fn what_is_needed_and_is_another_playbooks_change_is_that_change() {
    let books = vec![
        closing("a", json!({ "after": "sg-z", "after_with": {} }), &["sg-a"]),
        closing("z", json!({}), &["sg-z"]),
    ];
    let plan = World::new(account(&["sg-a", "sg-z"]), books).plan();
    assert_eq!(targets(&plan), ["sg-z", "sg-a"]);
    assert_eq!(plan.changes[1].after, ["c1"]);
    assert_eq!(plan.changes[0].findings.len(), 1);
}

#[test]
fn two_that_need_the_same_thing_with_different_parameters_are_a_conflict_for_the_later() {
    let books = vec![
        closing("a", json!({ "after": "sg-z", "after_with": { "n": 1 } }), &["sg-a"]),
        closing("b", json!({ "after": "sg-z", "after_with": { "n": 2 } }), &["sg-b"]),
    ];
    let mut world = World::new(account(&["sg-a", "sg-b", "sg-z"]), books);
    world.findings.retain(|f| f.resource.id() != "sg-z");
    let plan = world.plan();
    assert_eq!(targets(&plan), ["sg-z", "sg-a"]);
    assert_eq!(skipped(&plan, "sg-b").0, "conflict");
}

#[test]
fn what_needs_something_that_is_refused_or_unknown_is_that_too_with_the_reason() {
    let mut inventory = account(&["sg-a", "sg-b", "sg-base", "sg-blind"]);
    inventory.region_mut(REGION).security_group_rules.reads.clear();
    for id in ["sg-a", "sg-b", "sg-base"] {
        inventory
            .region_mut(REGION)
            .security_group_rules
            .read(&Selector::by("group-id", id), Fact::Known(()));
    }
    let after = json!({ "after": "sg-base", "after_with": { "unless_closed": "sg-nowhere" } });
    let books = vec![closing("a", after, &["sg-a"]), closing("b", json!({ "after": "sg-blind" }), &["sg-b"])];
    let mut world = World::new(inventory, books);
    world.findings = vec![violating(group("sg-a")), violating(group("sg-b"))];
    let plan = world.plan();
    assert!(plan.changes.is_empty());
    let (kind, reason) = skipped(&plan, "sg-a");
    assert_eq!(kind, "refused");
    assert!(reason.contains("sg-base") && reason.contains("the other way in"), "{reason}");
    assert_eq!(skipped(&plan, "sg-b").0, "unknown");
}

#[test]
fn a_prerequisite_that_nobody_needs_any_more_is_not_made() {
    let with = json!({ "after": "sg-base", "at": "sg-broken" });
    let mut world = World::new(account(&["sg-a", "sg-base"]), vec![closing("close", with, &["sg-a"])]);
    world.findings.retain(|f| f.resource.id() == "sg-a");
    let plan = world.plan();
    assert!(plan.changes.is_empty());
    let (kind, reason) = skipped(&plan, "sg-a");
    assert_eq!(kind, "refused");
    assert!(reason.contains("rehearsal") && reason.contains("the group says no"), "{reason}");
}

#[test]
fn changes_that_collide_are_found_and_the_later_names_the_earlier() {
    let books = vec![
        closing("a", json!({}), &["sg-a"]),
        closing("m", json!({}), &["sg-m"]),
        closing("z", json!({ "unless_closed": "sg-a" }), &["sg-z"]),
    ];
    let plan = World::new(account(&["sg-a", "sg-m", "sg-z"]), books).plan();
    assert_eq!(targets(&plan), ["sg-a", "sg-m"]);
    let (kind, reason) = skipped(&plan, "sg-z");
    assert_eq!((kind, reason), ("refused", "after change c1: sg-a is the other way in, and it is closed"));
}

#[test]
fn a_group_that_something_else_manages_or_a_tag_protects_is_left_alone_unless_told() {
    let mut inventory = account(&["sg-a", "sg-stack", "sg-safe"]);
    tagged(&mut inventory, "sg-stack", "aws:cloudformation:stack-name", "web");
    tagged(&mut inventory, "sg-safe", "Env", "prod");
    let guard = Guard { protected_tags: vec!["Env=pr*".into()], ..Guard::default() };
    let mut world = World::new(inventory, vec![Playbook { guard, ..closing("close", json!({}), &[]) }]);
    let plan = world.plan();
    assert_eq!(targets(&plan), ["sg-a"]);
    assert!(skipped(&plan, "sg-stack").1.contains("--include-managed"));
    assert!(skipped(&plan, "sg-safe").1.contains("protected tag Env=prod"));
    world.options.include_managed = true;
    let plan = world.plan();
    assert_eq!(targets(&plan), ["sg-a", "sg-stack"]);
    assert!(
        plan.changes[1].guards.iter().any(|g| g.guard == "ownership" && g.result == GuardResult::Loosened)
    );
}

#[test]
fn beyond_max_changes_the_gravest_stay() {
    let mut world = World::new(account(&["sg-a", "sg-b", "sg-c"]), vec![closing("close", json!({}), &[])]);
    for (finding, severity) in
        world.findings.iter_mut().zip([Severity::Low, Severity::Critical, Severity::High])
    {
        finding.severity = severity;
    }
    world.limits = Limits { max_changes: Some(2), max_percent: None };
    let plan = world.plan();
    assert_eq!(targets(&plan), ["sg-b", "sg-c"]);
    assert!(skipped(&plan, "sg-a").1.contains("--max-changes 3"));
}

#[test]
fn too_large_a_part_of_a_kind_stops_the_whole_playbook_but_only_where_many_were_read() {
    let names: Vec<String> = (0..41).map(|n| format!("sg-{n:02}")).collect();
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let books =
        || vec![closing("wide", json!({}), &["sg-0*", "sg-10"]), closing("slim", json!({}), &["sg-4*"])];
    let mut world = World::new(account(&all), books());
    let plan = world.plan();
    assert_eq!(targets(&plan), ["sg-40"]);
    assert!(
        skipped(&plan, "sg-00").1.contains("11 of 41")
            && skipped(&plan, "sg-00").1.contains("--max-percent 27"),
        "{:?}",
        skipped(&plan, "sg-00")
    );
    world.limits.max_percent = Some(27);
    assert_eq!(world.plan().changes.len(), 12);
    let few = World::new(account(&all[..40]), books()).plan();
    assert_eq!(few.changes.len(), 11);
}

#[test]
fn several_actions_are_one_change_and_later_steps_are_made_on_what_the_earlier_leave() {
    let uses = vec![one("test-close", json!({})), one("test-close-late", json!({}))];
    let plan = World::new(account(&["sg-a"]), vec![playbook("both", uses)]).plan();
    let change = &plan.changes[0];
    assert_eq!(change.action, "test-close+test-close-late");
    assert_eq!(change.steps.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["1-authorize", "1-revoke"]);
    let json = serde_json::to_value(&change.steps[0].way_back).unwrap();
    assert_eq!(
        json.pointer("/calls/rollback/0/call/input/SecurityGroupRuleIds/$output/step"),
        Some(&json!("1-authorize"))
    );
    assert!(plan.rehearsal.undo_restores, "{:?}", plan.rehearsal.differences);
}

#[test]
fn what_must_be_read_first_is_asked_for() {
    let mut world = World::new(
        account(&["sg-a"]),
        vec![closing("close", json!({ "after": "sg-base", "keeps": "/log" }), &[])],
    );
    world.findings = vec![violating(group("sg-a"))];
    let asked: BTreeSet<String> = needs(&world.request()).iter().map(ToString::to_string).collect();
    for want in [
        "us-east-1/security-group-rules/group-id=sg-a",
        "us-east-1/security-group-rules/group-id=sg-base",
        "us-east-1/log-groups//log",
    ] {
        assert!(asked.contains(want), "{want} in {asked:?}");
    }
}

#[test]
fn unknown_facts_never_become_a_change() {
    let mut inventory = account(&["sg-a"]);
    inventory
        .region_mut(REGION)
        .security_group_rules
        .read(&Selector::All, Fact::Unknown("AccessDenied".into()));
    let mut world = World::new(inventory, vec![closing("close", json!({}), &[])]);
    world.findings = vec![violating(group("sg-a"))];
    let plan = world.plan();
    assert!(plan.changes.is_empty());
    assert_eq!(skipped(&plan, "sg-a").0, "unknown");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn counts_add_up(kinds in proptest::collection::vec(0_u8..10, 0..14), most in 0_usize..6) {
        let names: Vec<String> = (0..kinds.len()).map(|n| format!("sg-{n:02}")).collect();
        let all: Vec<&str> = names.iter().map(String::as_str).collect();
        let books = kinds.iter().zip(&all).flat_map(|(kind, id)| match kind {
            0 => vec![],
            1 => vec![closing(&format!("x{id}"), json!({}), &[id]), closing(&format!("y{id}"),
                json!({ "keeps": "/l" }), &[id])],
            2 => vec![closing(&format!("b{id}"), json!({ "at": "sg-broken" }), &[id])],
            3 => vec![closing(&format!("f{id}"), json!({ "at": "sg-foreign" }), &[id])],
            4 => vec![closing(&format!("n{id}"), json!({ "after": all[0] }), &[id])],
            5 => vec![closing(&format!("u{id}"), json!({ "unless_closed": all[0] }), &[id])],
            _ => vec![],
        });
        let mut books: Vec<Playbook> = books.collect();
        let rest: Vec<&str> = kinds.iter().zip(&all).filter(|(k, _)| **k > 5).map(|(_, id)| *id).collect();
        if !rest.is_empty() {
            books.push(closing("rest", json!({}), &rest));
        }
        let mut world = World::new(account(&all), books);
        for (finding, kind) in world.findings.iter_mut().zip(&kinds) {
            match kind {
                7 => finding.suppressed = Some("why".into()),
                8 => finding.verdict = Verdict::Unknown("why".into()),
                9 => finding.verdict = Verdict::Retained("why".into()),
                _ => {}
            }
        }
        let again = world.findings.clone();
        world.findings.extend(again);
        world.limits.max_changes = Some(most);
        let plan = world.plan();
        prop_assert_eq!(plan.counts.values().sum::<usize>(), kinds.len());
        let mut keys: Vec<_> = plan.changes.iter().flat_map(|c| &c.findings).chain(plan.skipped.iter().map(|s| &s.finding)).collect();
        keys.sort();
        keys.dedup();
        prop_assert_eq!(keys.len(), kinds.len());
        let earlier = |id: &String, at: usize| plan.changes[..at].iter().any(|c| c.id == *id);
        prop_assert!(plan.changes.iter().enumerate().all(|(n, c)| c.after.iter().all(|id| earlier(id, n))));
    }
}
