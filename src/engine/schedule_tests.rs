//! Tests of the changes that run side by side, and of those that never do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::journal::{Event, Outcome};

fn change(id: usize, after: &[usize], region: &str, volume: &str) -> Change {
    let json = json!({
        "id": format!("c{id}"), "after": after.iter().map(|n| format!("c{n}")).collect::<Vec<_>>(), "findings": [], "playbook": "p", "action": "a", "uses": [],
        "resource": format!("arn:aws:ec2:{region}:123456789012:volume/{volume}"), "region": region, "summary": "", "risk": "safe", "reversible": true,
        "not_restored": [], "before": null, "after_state": null, "impact": [], "proof": [], "steps": [], "guards": [],
        "touches": [Want::id(region, FamilyKind::Volumes, volume)], "ask": false,
    });
    serde_json::from_value(json).unwrap()
}

fn plan(changes: Vec<Change>) -> Plan {
    let json = json!({
        "format": "redress.plan/1", "account": "123456789012", "partition": "aws", "endpoint": "twin:t", "regions": [], "caller": "arn",
        "created": "2026-11-22T10:00:00Z", "expires": "2026-11-23T10:00:00Z", "options": crate::actions::Options::default(), "playbooks": {},
        "changes": changes, "skipped": [], "rehearsal": crate::plan::Rehearsal::default(), "counts": {}, "digest": "", "kind": "plan",
    });
    serde_json::from_value(json).unwrap()
}

fn tell(story: &mut Story, event: Event) {
    story.apply("2026-11-22T10:00:00Z".parse().unwrap(), &event);
}

fn end(story: &mut Story, id: &str) {
    let event = Event::ChangeEnded { change: id.to_owned(), outcome: Outcome::Verified, reason: String::new(), after: Value::Null, awaiting: Vec::new() };
    tell(story, event);
}

fn none() -> BTreeSet<String> {
    BTreeSet::new()
}

#[test]
fn what_has_nothing_in_common_is_ready_at_once_and_in_the_order_of_the_plan() {
    let plan = plan(vec![change(1, &[], "r", "vol-1"), change(2, &[], "r", "vol-2"), change(3, &[], "s", "vol-1")]);
    assert_eq!(ready(&plan, &Story::default(), &none()), ["c1", "c2", "c3"]);
}

#[test]
fn what_comes_after_another_or_touches_the_same_waits_for_it() {
    let plan = plan(vec![change(1, &[], "r", "vol-1"), change(2, &[], "r", "vol-1"), change(3, &[1], "r", "vol-3"), change(4, &[], "r", "vol-4")]);
    let mut story = Story::default();
    assert_eq!(ready(&plan, &story, &none()), ["c1", "c4"]);
    assert_eq!(ready(&plan, &story, &["c1".to_owned()].into()), ["c4"]);
    end(&mut story, "c1");
    assert_eq!(ready(&plan, &story, &none()), ["c2", "c3", "c4"]);
}

#[test]
fn what_was_begun_goes_on_before_anything_new_begins() {
    let plan = plan(vec![change(1, &[], "r", "vol-1"), change(2, &[], "r", "vol-2"), change(3, &[], "r", "vol-3")]);
    let mut story = Story::default();
    tell(&mut story, Event::ChangeStarted { change: "c3".into(), before: Value::Null });
    assert_eq!(ready(&plan, &story, &none()), ["c3", "c1", "c2"]);
}

#[test]
fn a_change_that_names_a_later_one_or_none_of_the_plan_does_not_wait_for_ever() {
    let plan = plan(vec![change(1, &[2, 9], "r", "vol-1"), change(2, &[], "r", "vol-2")]);
    assert_eq!(ready(&plan, &Story::default(), &none()), ["c1", "c2"]);
}

#[test]
fn no_instance_is_stopped_while_a_group_of_its_region_is_closed() {
    let group = Want::by("r", FamilyKind::SecurityGroupRules, "group-id", "sg-1");
    let instance = Want::id("r", FamilyKind::Instances, "i-1");
    assert!(overlap(&group, &instance) && overlap(&instance, &group));
    assert!(!overlap(&group, &Want::id("s", FamilyKind::Instances, "i-1")));
}

#[test]
fn groups_of_one_region_and_all_trails_go_one_by_one() {
    let touching = |id, want| Change { touches: vec![want], ..change(id, &[], "r", &format!("vol-{id}")) };
    let group = |id, region, sg| touching(id, Want::id(region, FamilyKind::SecurityGroups, sg));
    assert!(conflict(&group(1, "r", "sg-1"), &group(2, "r", "sg-2")));
    assert!(!conflict(&group(1, "r", "sg-1"), &group(2, "s", "sg-2")));
    let trail = |id, region, arn| touching(id, Want::id(region, FamilyKind::Trails, arn));
    assert!(conflict(&trail(1, "r", "a"), &trail(2, "s", "b")));
    let logs = |id, vpc| touching(id, Want::by("r", FamilyKind::FlowLogs, "resource-id", vpc));
    assert!(!conflict(&logs(1, "vpc-1"), &logs(2, "vpc-2")));
    assert!(conflict(&logs(1, "vpc-1"), &touching(2, Want::all("r", FamilyKind::FlowLogs))));
    let disks = |id, instance| touching(id, Want::by("r", FamilyKind::Volumes, "attachment.instance-id", instance));
    assert!(conflict(&disks(1, "i-1"), &disks(2, "i-2")), "a volume can be attached to two instances");
}

/// Generates plans of up to 12 changes on few volumes in two regions, each after some of those before it.
fn plans() -> impl Strategy<Value = Plan> {
    let one = (0_usize..5, any::<bool>(), prop::collection::vec(any::<prop::sample::Index>(), 0..3));
    prop::collection::vec(one, 1..12).prop_map(|specs| {
        let make = |(n, (volume, east, after)): (usize, &(usize, bool, Vec<prop::sample::Index>))| {
            let after: Vec<usize> = if n == 0 { Vec::new() } else { after.iter().map(|i| i.index(n) + 1).collect() };
            change(n + 1, &after, if *east { "r" } else { "s" }, &format!("vol-{volume}"))
        };
        plan(specs.iter().enumerate().map(make).collect())
    })
}

proptest! {
    #[test]
    fn whatever_ends_when_all_come_to_an_end_and_what_conflicts_keeps_its_order(plan in plans(), jobs in 1_usize..6, picks in prop::collection::vec(any::<prop::sample::Index>(), 40)) {
        let (mut story, mut running, mut begun, mut picks) = (Story::default(), none(), Vec::<String>::new(), picks.into_iter().cycle());
        loop {
            let room = jobs - running.len();
            for id in ready(&plan, &story, &running).into_iter().take(room) {
                let this = plan.changes.iter().find(|c| c.id == id).unwrap();
                for other in plan.changes.iter().filter(|c| running.contains(&c.id)) {
                    prop_assert!(!conflict(this, other), "{} runs beside {}", this.id, other.id);
                }
                for earlier in plan.changes.iter().take_while(|c| c.id != id).filter(|c| conflict(this, c) || this.after.contains(&c.id)) {
                    prop_assert!(over(&story, &earlier.id), "{} overtakes {}", this.id, earlier.id);
                }
                running.insert(id.clone());
                begun.push(id);
            }
            let Some(ends) = running.iter().nth(picks.next().unwrap().index(running.len().max(1))).cloned() else { break };
            running.remove(&ends);
            end(&mut story, &ends);
        }
        prop_assert_eq!(begun.len(), plan.changes.len());
        if jobs == 1 {
            prop_assert_eq!(begun, plan.changes.iter().map(|c| c.id.clone()).collect::<Vec<_>>());
        }
    }
}
