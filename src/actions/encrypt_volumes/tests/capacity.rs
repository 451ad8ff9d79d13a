//! The capacity reservation that holds room for a start, where one is required.

use super::*;
use crate::inventory::CapacityReservation;

fn reservation(id: &str) -> CapacityReservation {
    CapacityReservation {
        id: id.into(),
        instance_type: "t3.micro".into(),
        instance_platform: "Linux/UNIX".into(),
        availability_zone: "us-east-1a".into(),
        tenancy: "default".into(),
        state: "active".into(),
        match_criteria: "open".into(),
        reservation_type: "default".into(),
        available: 1,
        has_room: true,
        ..CapacityReservation::default()
    }
}

/// Builds an account whose instance runs in any open reservation, with these reservations in its region.
fn holding(reservations: &[CapacityReservation]) -> Inventory {
    let mut it = account();
    let region = it.region_mut(R);
    let instance = region.instances.get_mut("i-1").unwrap();
    (instance.platform_details, instance.availability_zone) = ("Linux/UNIX".into(), "us-east-1a".into());
    instance.capacity_preference = Some("open".into());
    region.capacity_reservations.read(&Selector::by("instance-type", "t3.micro"), Fact::Known(()));
    reservations.iter().for_each(|r| region.capacity_reservations.put(r.id.clone(), r.clone()));
    it
}

fn instance(it: &mut Inventory) -> &mut Instance {
    it.region_mut(R).instances.get_mut("i-1").unwrap()
}

fn asked(it: &Inventory) -> Result<Proposal, Refusal> {
    on_instance(it, json!({ "capacity_reservation": "required" }))
}

fn refused(it: &Inventory) -> String {
    match asked(it) {
        Err(Refusal::Refused(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn without_being_asked_none_is_looked_for() {
    let it = holding(&[]);
    let plain = on_instance(&it, Value::Null).unwrap();
    assert!(plain.impact.iter().any(|line| line.contains("AWS holds no room for i-1")));
    let with = toml::de::Deserializer::parse("via = 'copy'\ncapacity_reservation = 'ignore'").unwrap();
    assert_eq!(on_instance(&it, EncryptVolumes.decode(with).unwrap()).unwrap(), plain);
}

#[test]
fn an_open_one_that_matches_and_has_room_holds_it_and_is_looked_at_again_directly_before_the_stop() {
    let proposal = asked(&holding(&[reservation("cr-2"), reservation("cr-1")])).unwrap();
    assert!(
        proposal.guards.iter().any(|note| note.guard == "capacity" && note.note.contains("cr-1 holds room")),
        "{:?}",
        proposal.guards
    );
    assert!(proposal.impact.iter().any(|line| line.contains("cr-1 holds room for i-1 while it is stopped")));
    let stop = sound::named(&proposal.steps, "stop");
    let looks = |at: &str| {
        stop.act
            .before
            .iter()
            .any(|e| e.family == FamilyKind::CapacityReservations && e.at == at && e.id == json!("cr-1"))
    };
    assert!(looks("/state") && looks("/has_room"), "{:?}", stop.act.before);
}

#[test]
fn one_that_is_for_something_else_or_full_or_ends_soon_holds_nothing() {
    type Harm = fn(&mut CapacityReservation);
    let rows: &[(Harm, &str)] = &[
        (|r| r.instance_type = "t3.large".into(), "no open one has room"),
        (|r| r.instance_platform = "Windows".into(), "is for the platform Windows"),
        (|r| r.availability_zone = "us-east-1b".into(), "is for the zone us-east-1b"),
        (|r| r.tenancy = "dedicated".into(), "is for the tenancy dedicated"),
        (|r| r.state = "pending".into(), "is pending"),
        (|r| r.match_criteria = "targeted".into(), "no open one has room"),
        (|r| r.reservation_type = "capacity-block".into(), "is a capacity block"),
        (|r| r.reservation_type = "lease".into(), "is of the type lease"),
        (|r| (r.available, r.has_room) = (0, false), "cr-1 is full"),
        (|r| r.end = "2026-11-22T20:00:00Z".parse().ok(), "ends at"),
        (|r| r.placement_group = Some("ring".into()), "is for the placement group ring"),
        (|r| r.outpost_arn = Some("arn".into()), "is on an Outpost"),
        (|r| r.interruptible = true, "is interruptible"),
    ];
    for (harm, word) in rows {
        let mut one = reservation("cr-1");
        harm(&mut one);
        let why = refused(&holding(&[one]));
        assert!(
            why.contains(word)
                && why.contains(
                    "aws ec2 create-capacity-reservation --region us-east-1 --instance-type t3.micro"
                ),
            "{word}: {why}"
        );
    }
}

#[test]
fn the_place_that_it_has_becomes_free_by_the_stop() {
    let full = CapacityReservation { available: 0, has_room: false, ..reservation("cr-2") };
    let mut it = holding(&[full, reservation("cr-1")]);
    instance(&mut it).capacity_reservation = Some("cr-2".into());
    let proposal = asked(&it).unwrap();
    let stop = sound::named(&proposal.steps, "stop");
    let looks: Vec<&str> = stop
        .act
        .before
        .iter()
        .filter(|e| e.family == FamilyKind::CapacityReservations)
        .map(|e| e.at.as_str())
        .collect();
    assert_eq!(looks, ["/state"], "it gives back its place, and needs no other");
}

#[test]
fn the_one_that_it_targets_counts_and_no_other() {
    let targeted = CapacityReservation { match_criteria: "targeted".into(), ..reservation("cr-9") };
    let mut it = holding(&[reservation("cr-1"), targeted.clone()]);
    instance(&mut it).capacity_target = Some("cr-9".into());
    assert!(asked(&it).unwrap().guards.iter().any(|note| note.note.contains("cr-9 holds room")));
    let mut it = holding(&[reservation("cr-1")]);
    instance(&mut it).capacity_target = Some("cr-9".into());
    assert!(refused(&it).contains("cr-9, which i-1 targets, holds none"));
    let mut it = holding(&[reservation("cr-1")]);
    instance(&mut it).capacity_preference = Some("none".into());
    assert!(refused(&it).contains("is set to run in none"));
}

#[test]
fn what_cannot_be_told_blocks_where_it_is_asked_for() {
    let denied = |it: &mut Inventory| {
        it.region_mut(R)
            .capacity_reservations
            .read(&Selector::by("instance-type", "t3.micro"), Fact::Unknown("AccessDenied".into()))
    };
    let group = |it: &mut Inventory| {
        instance(it).capacity_target =
            Some("arn:aws:resource-groups:us-east-1:123456789012:group/room".into())
    };
    let unsaid = |it: &mut Inventory| instance(it).capacity_preference = None;
    for harm in [&denied as &dyn Fn(&mut Inventory), &group, &unsaid] {
        let mut it = holding(&[reservation("cr-1")]);
        harm(&mut it);
        assert!(
            matches!(asked(&it), Err(Refusal::Unknown(why)) if why.contains("find out whether")),
            "{:?}",
            asked(&it)
        );
        assert!(on_instance(&it, Value::Null).is_ok(), "unasked it holds nothing back");
    }
}

#[test]
fn an_instance_that_is_stopped_needs_none() {
    let mut it = holding(&[]);
    instance(&mut it).state = "stopped".into();
    assert!(asked(&it).is_ok());
}
