//! Room that is held for a start: where a capacity reservation is required, an instance is stopped only while
//! one holds room for it.

use redress::{
    inventory::{CapacityReservation, FamilyKind},
    journal::Outcome,
    plan::{Plan, SkippedKind},
    twin::{DeniedRead, Twin},
};

use super::{
    stand::{Stand, hold, yes},
    world,
};

const R: &str = "us-east-1";

/// Reservations are required; by the longest way there is something to be called before the stop.
fn wish() -> world::Wish {
    world::Wish::with(&["encrypt-volumes.via=\"copy\"", "encrypt-volumes.capacity_reservation=\"required\""])
}

fn app(twin: &Twin) -> redress::inventory::Instance {
    twin.truth().regions[R]
        .instances
        .known()
        .find(|(_, i)| i.tags.get("Name").is_some_and(|name| name == "app"))
        .unwrap()
        .1
        .clone()
}

fn reserve(twin: &mut Twin, available: i32) {
    let app = app(twin);
    let reservation = CapacityReservation {
        id: "cr-0123456789abcdef0".to_owned(),
        instance_type: app.instance_type,
        instance_platform: app.platform_details,
        availability_zone: app.availability_zone,
        tenancy: app.tenancy,
        state: "active".to_owned(),
        match_criteria: "open".to_owned(),
        available,
        has_room: available > 0,
        ..CapacityReservation::default()
    };
    let region = twin.truth_mut().region_mut(R);
    region.instances.get_mut(&app.id).unwrap().capacity_preference = Some("open".to_owned());
    region.capacity_reservations.put(reservation.id.clone(), reservation);
}

fn reserved(twin: &Twin) -> CapacityReservation {
    twin.truth().regions[R].capacity_reservations.known().next().unwrap().1.clone()
}

/// The demo account with room for one more in a reservation, and the plan that asks for that.
fn with_room() -> (Stand, Plan) {
    let stand = world::demo();
    reserve(&mut hold(&stand.twin), 1);
    let plan = world::plan(&stand, &wish());
    let id = app(&hold(&stand.twin)).id;
    let change = plan
        .changes
        .iter()
        .find(|c| c.action == "encrypt-volumes" && c.resource.id() == id)
        .unwrap_or_else(|| panic!("{:?}", plan.skipped));
    let plan = world::select(&stand, &plan, &[change.id.clone()].into());
    (stand, plan)
}

#[test]
fn where_room_is_held_the_instance_comes_up_in_it() {
    let (stand, plan) = with_room();
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    let told = stand.story().changes[&plan.changes[0].id].clone();
    assert_eq!(told.outcome(), Some(Outcome::Verified), "{}", told.reason);
    let twin = hold(&stand.twin);
    assert_eq!(
        (reserved(&twin).available, app(&twin).capacity_reservation),
        (0, Some("cr-0123456789abcdef0".to_owned()))
    );
}

#[test]
fn without_room_it_is_not_planned_and_the_words_say_how_to_make_some() {
    let stand = world::demo();
    reserve(&mut hold(&stand.twin), 0);
    let plan = world::plan(&stand, &wish());
    let refused = plan
        .skipped
        .iter()
        .find(|s| s.reason.contains("create-capacity-reservation"))
        .expect("it is refused");
    assert_eq!(refused.kind, SkippedKind::Refused);
    // Nothing is asked for, and nothing is looked at.
    let plain = world::plan(&stand, &world::Wish::default());
    assert!(!plain.skipped.iter().any(|s| s.reason.contains("capacity reservation")));
}

#[test]
fn room_that_is_taken_since_the_plan_keeps_the_instance_up() {
    type Hand = fn(&mut Twin);
    let hands: [(Hand, Outcome, &str); 2] = [
        (|twin| reserve(twin, 0), Outcome::RolledBack, "has no room"),
        (
            |twin| {
                twin.truth_mut()
                    .region_mut(R)
                    .capacity_reservations
                    .get_mut("cr-0123456789abcdef0")
                    .unwrap()
                    .state = "cancelled".to_owned()
            },
            Outcome::RolledBack,
            "does not hold room",
        ),
    ];
    for (hand, outcome, word) in hands {
        let (stand, plan) = with_room();
        hold(&stand.then).push(("CreateSnapshots".to_owned(), Box::new(hand)));
        stand.run(&plan, yes(&plan), None).unwrap().unwrap();
        let told = stand.story().changes[&plan.changes[0].id].clone();
        assert_eq!(told.outcome(), Some(outcome), "{}", told.reason);
        assert!(told.reason.contains(word), "{}", told.reason);
        assert!(!hold(&stand.called).iter().any(|call| call.operation == "StopInstances"));
    }
}

#[test]
fn reservations_that_may_not_be_read_are_not_known_and_the_instance_is_not_stopped() {
    let stand = world::demo();
    reserve(&mut hold(&stand.twin), 1);
    let denied = DeniedRead { family: FamilyKind::CapacityReservations, region: None, member: None };
    hold(&stand.twin).faults.denied_reads.push(denied.clone());
    let plan = world::plan(&stand, &wish());
    let skipped = plan
        .skipped
        .iter()
        .find(|s| s.reason.contains("whether a capacity reservation holds room"))
        .expect("it is not planned");
    assert_eq!(skipped.kind, SkippedKind::Unknown);
    // Denied only since the plan: the run halts before the stop, with the instance up.
    let (stand, plan) = with_room();
    hold(&stand.then)
        .push(("CreateSnapshots".to_owned(), Box::new(move |twin| twin.faults.denied_reads.push(denied))));
    let error = stand.run(&plan, yes(&plan), None).unwrap().unwrap_err();
    assert!(error.to_string().contains("ec2:DescribeCapacityReservations"), "{error}");
    assert!(!hold(&stand.called).iter().any(|call| call.operation == "StopInstances"));
}

#[test]
fn the_least_policy_reads_reservations_only_where_they_are_asked_for() {
    let reads = |plan: &Plan| {
        redress::plan::permissions::of_plan(plan)
            .iter()
            .any(|grant| grant.action == "ec2:DescribeCapacityReservations")
    };
    assert!(reads(&with_room().1));
    assert!(!reads(&world::plan(&world::demo(), &world::Wish::default())));
}
