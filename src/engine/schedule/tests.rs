//! Tests of the changes that run side by side, and of those that never do.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    inventory::{FamilyKind, Selector, Want},
    journal::{Event, Outcome},
    plan::Change,
};

/// Checks whether two changes may concern the same resource: they are for one resource, or their touches may
/// overlap. The claims are held to this.
fn conflict(a: &Change, b: &Change) -> bool {
    a.resource == b.resource
        || a.touches.iter().any(|left| b.touches.iter().any(|right| overlap(left, right)))
}

fn overlap(a: &Want, b: &Want) -> bool {
    use FamilyKind as K;
    let apart = a.region != b.region && !a.region.is_empty() && !b.region.is_empty();
    let group = |family| matches!(family, K::SecurityGroups | K::SecurityGroupRules);
    if group(a.family) && b.family == K::Instances || a.family == K::Instances && group(b.family) {
        return !apart;
    }
    if a.family != b.family {
        return false;
    }
    a.family == K::Trails || !apart && (group(a.family) || same(a.family, &a.selector, &b.selector))
}

fn same(family: FamilyKind, a: &Selector, b: &Selector) -> bool {
    match (a, b) {
        (Selector::Id(left), Selector::Id(right)) => left == right,
        (Selector::By(name, left), Selector::By(other, right))
            if name == other && family.about().single.contains(&name.as_str()) =>
        {
            left == right
        }
        _ => true,
    }
}

/// Takes all changes that are ready.
fn taken(schedule: &mut Schedule<'_>) -> Vec<String> {
    std::iter::from_fn(|| schedule.take()).map(|place| format!("c{}", place + 1)).collect()
}

fn ready(plan: &Plan, story: &Story) -> Vec<String> {
    taken(&mut Schedule::new(plan, story))
}

fn change(id: usize, after: &[usize], region: &str, volume: &str) -> Change {
    let json = json!({
        "id": format!("c{id}"), "after": after.iter().map(|n| format!("c{n}")).collect::<Vec<_>>(),
        "findings": [], "playbook": "p", "action": "a", "uses": [],
        "resource": format!("arn:aws:ec2:{region}:123456789012:volume/{volume}"), "region": region,
        "summary": "", "risk": "safe", "reversible": true,
        "not_restored": [], "before": null, "after_state": null, "impact": [], "proof": [], "steps": [],
        "guards": [],
        "touches": [Want::id(region, FamilyKind::Volumes, volume)], "ask": false,
    });
    serde_json::from_value(json).unwrap()
}

fn plan(changes: Vec<Change>) -> Plan {
    let json = json!({
        "format": "redress.plan/1", "account": "123456789012", "partition": "aws", "endpoint": "twin:t",
        "regions": [], "caller": "arn",
        "created": "2026-11-22T10:00:00Z", "expires": "2026-11-23T10:00:00Z",
        "options": crate::actions::Options::default(), "playbooks": {},
        "changes": changes, "skipped": [], "rehearsal": crate::plan::Rehearsal::default(), "counts": {},
        "digest": "", "kind": "plan",
    });
    serde_json::from_value(json).unwrap()
}

fn tell(story: &mut Story, event: Event) {
    story.apply("2026-11-22T10:00:00Z".parse().unwrap(), &event);
}

fn end(story: &mut Story, id: &str) {
    let event = Event::ChangeEnded {
        change: id.to_owned(),
        outcome: Outcome::Verified,
        reason: String::new(),
        after: Value::Null,
        awaiting: Vec::new(),
    };
    tell(story, event);
}

#[test]
fn what_has_nothing_in_common_is_ready_at_once_and_in_the_order_of_the_plan() {
    let plan =
        plan(vec![change(1, &[], "r", "vol-1"), change(2, &[], "r", "vol-2"), change(3, &[], "s", "vol-1")]);
    assert_eq!(ready(&plan, &Story::default()), ["c1", "c2", "c3"]);
}

#[test]
fn what_comes_after_another_or_touches_the_same_waits_for_it() {
    let plan = plan(vec![
        change(1, &[], "r", "vol-1"),
        change(2, &[], "r", "vol-1"),
        change(3, &[1], "r", "vol-3"),
        change(4, &[], "r", "vol-4"),
    ]);
    let mut story = Story::default();
    let mut schedule = Schedule::new(&plan, &story);
    assert_eq!(taken(&mut schedule), ["c1", "c4"]);
    end(&mut story, "c1");
    schedule.over(0, &story);
    assert_eq!(taken(&mut schedule), ["c2", "c3"]);
    assert_eq!(ready(&plan, &story), ["c2", "c3", "c4"]);
}

#[test]
fn what_was_begun_goes_on_before_anything_new_begins() {
    let plan =
        plan(vec![change(1, &[], "r", "vol-1"), change(2, &[], "r", "vol-2"), change(3, &[], "r", "vol-3")]);
    let mut story = Story::default();
    tell(&mut story, Event::ChangeStarted { change: "c3".into(), before: Value::Null });
    assert_eq!(ready(&plan, &story), ["c3", "c1", "c2"]);
}

#[test]
fn a_change_that_names_a_later_one_or_none_of_the_plan_does_not_wait_for_ever() {
    let plan = plan(vec![change(1, &[2, 9], "r", "vol-1"), change(2, &[], "r", "vol-2")]);
    assert_eq!(ready(&plan, &Story::default()), ["c1", "c2"]);
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
    let disks =
        |id, instance| touching(id, Want::by("r", FamilyKind::Volumes, "attachment.instance-id", instance));
    assert!(conflict(&disks(1, "i-1"), &disks(2, "i-2")), "a volume can be attached to two instances");
}

/// Generates plans of up to 12 changes on few volumes in two regions, each after some of those before it.
fn plans() -> impl Strategy<Value = Plan> {
    let one = (0_usize..5, any::<bool>(), prop::collection::vec(any::<prop::sample::Index>(), 0..3));
    prop::collection::vec(one, 1..12).prop_map(|specs| {
        let make = |(n, (volume, east, after)): (usize, &(usize, bool, Vec<prop::sample::Index>))| {
            let after: Vec<usize> =
                if n == 0 { Vec::new() } else { after.iter().map(|i| i.index(n) + 1).collect() };
            change(n + 1, &after, if *east { "r" } else { "s" }, &format!("vol-{volume}"))
        };
        plan(specs.iter().enumerate().map(make).collect())
    })
}

/// Generates changes that touch up to three things, of all sorts that are compared differently.
fn touching() -> impl Strategy<Value = Vec<Change>> {
    use FamilyKind as K;
    let family = prop::sample::select(vec![
        K::Volumes,
        K::FlowLogs,
        K::SecurityGroups,
        K::SecurityGroupRules,
        K::Instances,
        K::Trails,
        K::Roles,
    ]);
    let selector = prop_oneof![
        Just(Selector::All),
        (0..3).prop_map(|n| Selector::Id(format!("x-{n}"))),
        (prop::sample::select(vec!["resource-id", "attachment.instance-id", "vpc-id"]), 0..3)
            .prop_map(|(name, n)| Selector::by(name, format!("x-{n}"))),
    ];
    let region = prop::sample::select(vec!["", "r", "s"]);
    let want = (region, family, selector).prop_map(|(region, family, selector)| Want {
        region: region.to_owned(),
        family,
        selector,
    });
    let one = (0_usize..8, prop::collection::vec(want, 0..4));
    prop::collection::vec(one, 1..8).prop_map(|specs| {
        let make = |(n, (volume, touches)): (usize, &(usize, Vec<Want>))| Change {
            touches: touches.clone(),
            ..change(n + 1, &[], "r", &format!("vol-{volume}"))
        };
        specs.iter().enumerate().map(make).collect()
    })
}

proptest! {
    #[test]
    fn the_claims_find_the_last_earlier_change_in_conflict(changes in touching(),
        gone in any::<prop::sample::Index>()) {
        let (gone, mut claims) = (gone.index(changes.len()), Claims::default());
        changes.iter().enumerate().for_each(|(place, change)| claims.add(place, change));
        claims.remove(gone, &changes[gone]);
        for (place, change) in changes.iter().enumerate() {
            let last = changes[..place].iter().enumerate().rev().find(|(at,
                earlier)| *at != gone && conflict(earlier, change));
            prop_assert_eq!(claims.last_before(place, change), last.map(|(at, _)| at));
        }
    }

    #[test]
    fn whatever_ends_when_all_come_to_an_end_and_what_conflicts_keeps_its_order(plan in plans(),
        jobs in 1_usize..6, picks in prop::collection::vec(any::<prop::sample::Index>(), 40)) {
        let (mut story, mut running, mut begun, mut picks) = (Story::default(), Vec::<usize>::new(),
            Vec::<usize>::new(), picks.into_iter().cycle());
        let mut schedule = Schedule::new(&plan, &story);
        loop {
            while running.len() < jobs && let Some(place) = schedule.take() {
                let this = &plan.changes[place];
                for other in &running {
                    prop_assert!(!conflict(this, &plan.changes[*other]), "{} runs beside c{}", this.id,
                        other + 1);
                }
                for earlier in plan.changes[..place].iter().filter(|c| conflict(this,
                    c) || this.after.contains(&c.id)) {
                    prop_assert!(story.changes.get(&earlier.id).is_some_and(|c| c.outcome().is_some()),
                        "{} overtakes {}", this.id, earlier.id);
                }
                running.push(place);
                begun.push(place);
            }
            if running.is_empty() {
                break;
            }
            let ends = running.remove(picks.next().unwrap().index(running.len()));
            end(&mut story, &plan.changes[ends].id);
            schedule.over(ends, &story);
        }
        prop_assert_eq!(begun.len(), plan.changes.len());
        if jobs == 1 {
            prop_assert_eq!(begun, (0..plan.changes.len()).collect::<Vec<_>>());
        }
    }
}
