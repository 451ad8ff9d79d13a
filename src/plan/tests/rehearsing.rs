//! Rehearsing: unknown facts are named, things that undo leaves are named, drift is reported.

use super::*;
use crate::{
    actions::{GuardNote, Refusal},
    plan::{
        propose::{differs, remake},
        rehearse::rehearse,
    },
};

#[test]
fn a_change_whose_effect_is_not_known_is_not_rehearsed_and_closes_nothing() {
    let books =
        vec![closing("f", json!({ "at": "sg-foreign" }), &["sg-a"]), closing("b", json!({}), &["sg-b"])];
    let plan = World::new(account(&["sg-a", "sg-b"]), books).plan();
    assert_eq!(targets(&plan), ["sg-a", "sg-b"]);
    assert_eq!(plan.rehearsal.not_rehearsed, ["c1: ec2:RevokeSecurityGroupIngress: the group was not read"]);
    assert_eq!(plan.rehearsal.closes.iter().map(|k| k.resource.id()).collect::<Vec<_>>(), ["sg-b"]);
    assert!(!plan.rehearsal.undo_restores);
}

#[test]
fn what_comes_after_a_change_that_was_not_rehearsed_is_not_rehearsed_either() {
    let books =
        vec![closing("a", json!({ "after": "sg-z", "after_with": { "at": "sg-foreign" } }), &["sg-a"])];
    let mut world = World::new(account(&["sg-a", "sg-z"]), books);
    world.findings.retain(|f| f.resource.id() == "sg-a");
    let rehearsal = world.plan().rehearsal;
    assert_eq!(rehearsal.not_rehearsed.len(), 2);
    assert!(rehearsal.not_rehearsed[1].starts_with("c2: it comes after c1"), "{rehearsal:?}");
    assert!(rehearsal.closes.is_empty());
}

#[test]
fn an_undo_that_does_not_bring_everything_back_is_told() {
    let plan = World::new(account(&["sg-a"]), vec![closing("close", json!({ "forgets": true }), &[])]).plan();
    assert!(!plan.rehearsal.undo_restores);
    assert_eq!(plan.rehearsal.differences.len(), 1);
    assert!(
        plan.rehearsal.differences[0]
            .contains("undo of c1 does not bring back us-east-1/security-group-rules/group-id=sg-a"),
        "{:?}",
        plan.rehearsal
    );
}

#[test]
fn what_is_kept_on_purpose_is_named_and_is_no_difference() {
    let plan = World::new(account(&["sg-a"]), vec![closing("close", json!({ "keeps": "/log" }), &[])]).plan();
    assert_eq!(plan.changes[0].not_restored, ["the log group may hold logs"]);
    assert!(plan.rehearsal.undo_restores, "{:?}", plan.rehearsal.differences);
}

#[test]
fn what_changes_without_being_named_is_told() {
    let world = World::new(account(&["sg-a"]), vec![closing("close", json!({ "keeps": "/log" }), &[])]);
    let mut plan = world.plan();
    plan.changes[0].touches.retain(|want| want.family != FamilyKind::LogGroups);
    let rehearsed = rehearse(&plan.changes, Table::of(&world.inventory).as_ref(), &world.rules());
    assert_eq!(
        rehearsed.rehearsal.differences,
        ["not predicted: us-east-1/log-groups//log differs afterwards"]
    );
}

#[test]
fn what_the_changes_open_is_told() {
    let world = World::new(account(&["sg-a", "sg-b"]), vec![closing("close", json!({}), &["sg-a"])]);
    let mut inventory = world.inventory.clone();
    inventory.region_mut(REGION).security_group_rules.items.insert("sgr-sg-b".into(), Fact::Absent);
    let mut plan = world.plan();
    // A step that opens another group to the world.
    let mut step = plan.changes[0].steps[0].clone();
    step.name = "open".into();
    step.act.call.input = json!({ "GroupId": "sg-b", "Cidr": WORLD });
    plan.changes[0].steps.push(step);
    let rehearsed = rehearse(&plan.changes, Table::of(&inventory).as_ref(), &world.rules());
    assert_eq!(rehearsed.rehearsal.opens.iter().map(|k| k.resource.id()).collect::<Vec<_>>(), ["sg-b"]);
}

#[test]
fn a_change_whose_proof_holds_already_is_told_and_not_played() {
    let world = World::new(account(&["sg-a"]), vec![closing("close", json!({}), &[])]);
    let plan = world.plan();
    let mut inventory = world.inventory.clone();
    inventory.region_mut(REGION).security_group_rules.items.insert("sgr-sg-a".into(), Fact::Absent);
    let rehearsed = rehearse(&plan.changes, Table::of(&inventory).as_ref(), &world.rules());
    assert_eq!(rehearsed.rehearsal.already_fixed, ["c1"]);
    assert!(rehearsed.failed.is_empty());
}

#[test]
fn a_change_made_again_from_the_same_facts_does_not_differ() {
    let uses = vec![one("test-close-late", json!({})), one("test-close", json!({}))];
    let world = World::new(account(&["sg-a"]), vec![playbook("both", uses)]);
    let plan = world.plan();
    let again =
        remake(&plan.changes[0], &world.inventory, &plan.options, Table::of(&world.inventory).as_ref())
            .unwrap();
    assert_eq!(again, plan.changes[0]);
    assert_eq!(differs(&plan.changes[0], &again), None);
    // A quota that could be read this time, or could not, makes no other change.
    let mut noted = again.clone();
    noted.guards.push(GuardNote::not_checked("storage-quota", "throttled"));
    assert_eq!(differs(&plan.changes[0], &noted), None);
    noted.guards.push(GuardNote::not_checked("ownership", "throttled"));
    assert!(differs(&plan.changes[0], &noted).unwrap().contains("what its guards found"));
}

#[test]
fn a_change_by_somebody_else_is_told_as_drift() {
    let world = World::new(account(&["sg-a"]), vec![closing("close", json!({}), &[])]);
    let plan = world.plan();
    let mut now = world.inventory.clone();
    now.region_mut(REGION).security_group_rules.put("sgr-new", rule("sgr-new", "sg-a", WORLD));
    let again = remake(&plan.changes[0], &now, &plan.options, Table::of(&now).as_ref()).unwrap();
    let told = differs(&plan.changes[0], &again).unwrap();
    assert!(told.contains("revoke at sg-a") && told.contains("2 sources lose access"), "{told}");
}

#[test]
fn tags_that_could_not_be_read_are_noted_and_do_not_pass_for_none() {
    let owner = crate::resource::Owner { partition: "aws".into(), account: "123456789012".into() };
    let arn = owner.trail("us-east-1", "audit");
    let mut inventory = account(&["sg-a"]);
    let trail = |tags| crate::inventory::Trail { id: arn.to_string(), tags, ..Default::default() };
    let notes = |inventory: &Inventory| {
        let on = crate::plan::guards::tags_of(inventory, &arn);
        crate::plan::guards::of_tags(&arn, &on, &[], &Options::default()).unwrap()
    };
    inventory.trails.put(arn.as_str(), trail(Fact::Unknown("AccessDenied".into())));
    let unread = notes(&inventory);
    assert_eq!(unread.len(), 1);
    assert_eq!(unread[0].result, crate::actions::GuardResult::NotChecked);
    assert!(unread[0].note.contains("AccessDenied"), "{unread:?}");
    let on = crate::plan::guards::tags_of(&inventory, &arn);
    let held = crate::plan::guards::of_tags(&arn, &on, &["Hold".to_owned()], &Options::default());
    assert!(matches!(held, Err(Refusal::Unknown(why)) if why.contains("Hold")), "a tag may protect it");
    inventory.trails.put(arn.as_str(), trail(Fact::Known(crate::inventory::Tags::new())));
    assert!(notes(&inventory).iter().all(|note| note.result == crate::actions::GuardResult::Passed));
}

#[test]
fn guards_of_tags_are_asked_again_when_a_change_is_made_again() {
    let guard = Guard { protected_tags: vec!["Hold".into()], ..Guard::default() };
    let world = World::new(account(&["sg-a"]), vec![Playbook { guard, ..closing("close", json!({}), &[]) }]);
    let plan = world.plan();
    for (key, expected) in [
        ("Hold", "protected tag"),
        ("redress:ignore", "left alone"),
        ("aws:cloudformation:stack-name", "--include-managed"),
    ] {
        let mut now = world.inventory.clone();
        now.region_mut(REGION).security_groups.get_mut("sg-a").unwrap().tags.insert(key.into(), "x".into());
        match remake(&plan.changes[0], &now, &plan.options, Table::of(&now).as_ref()) {
            Err(Refusal::Refused(reason)) => assert!(reason.contains(expected), "{reason}"),
            other => panic!("{key}: {other:?}"),
        }
    }
}
