//! Approving a part of a plan.

use std::collections::BTreeSet;

use super::*;
use crate::plan::{
    digest,
    select::{SelectError, Selected, select},
};

fn part(world: &World, plan: &Plan, ids: &[&str]) -> Result<Selected, SelectError> {
    let ids: BTreeSet<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    select(plan, &ids, Table::of(&world.inventory).as_ref(), &world.rules())
}

fn shared() -> World {
    let mut world = World::new(
        account(&["sg-a", "sg-b", "sg-base"]),
        vec![closing("close", json!({ "after": "sg-base" }), &["sg-a", "sg-b"])],
    );
    world.findings.retain(|f| f.resource.id() != "sg-base");
    world
}

#[test]
fn a_part_is_rehearsed_again_and_has_a_digest_of_its_own() {
    let world = shared();
    let plan = world.plan();
    let selected = part(&world, &plan, &["c1", "c3"]).unwrap();
    assert_eq!(selected.plan.changes.iter().map(|c| c.id.as_str()).collect::<Vec<_>>(), ["c1", "c3"]);
    assert!(selected.dropped.is_empty() && selected.changed.is_empty(), "{selected:?}");
    assert_eq!(selected.plan.rehearsal.closes.len(), 1);
    assert!(digest::verify(&selected.plan));
    assert_ne!(selected.plan.digest, plan.digest);
    assert_eq!(selected.plan.counts.values().sum::<usize>(), plan.counts.values().sum::<usize>());
    assert_eq!(
        skipped(&selected.plan, "sg-a"),
        ("refused", "change c2 was not approved: a person left it out")
    );
}

#[test]
fn what_comes_after_a_change_that_was_left_out_drops_out_and_is_shown() {
    let world = shared();
    let selected = part(&world, &world.plan(), &["c2"]).unwrap();
    assert!(selected.plan.changes.is_empty());
    assert_eq!(selected.dropped.len(), 1);
    assert_eq!(
        (selected.dropped[0].change.as_str(), selected.dropped[0].because.as_str()),
        ("c2", "it comes after c1, which is not approved")
    );
}

#[test]
fn the_whole_as_a_part_is_the_same_plan() {
    let world = shared();
    let plan = world.plan();
    assert_eq!(part(&world, &plan, &["c1", "c2", "c3"]).unwrap().plan, plan);
}

#[test]
fn an_id_that_the_plan_does_not_have_is_an_error_that_names_those_it_has() {
    let world = shared();
    let error = part(&world, &world.plan(), &["c1", "c9"]).unwrap_err().to_string();
    assert_eq!(error, "the plan has no change c9; it has c1, c2, c3");
}
