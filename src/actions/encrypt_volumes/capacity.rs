//! The capacity reservation that holds room for the start of an instance, where one is required. Without one
//! AWS holds no room for a stopped instance
//! (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/troubleshooting-launch.html>).

use super::{Parameters, Reservation, instance_of};
use crate::{
    actions::{
        Context, GuardNote, Refusal, make,
        support::{Subject, known, region},
    },
    calls::{
        Expect,
        capacity::{Use, accepts, has_room},
    },
    inventory::{CapacityReservation, Fact, FamilyKind, Instance, Selector, Want},
    resource::ResourceId,
};

/// Returns the listing that contains a reservation for the instance.
fn listing(instance: &Instance) -> Selector {
    Selector::by("instance-type", &instance.instance_type)
}

/// Returns the reservations to read, if one is required and the instance is running.
pub fn wants(context: &Context<'_>, target: &ResourceId, parameters: &Parameters) -> Option<Want> {
    let Fact::Known(instance) = instance_of(context.inventory, context.region, target.id()) else {
        return None;
    };
    let asked = parameters.capacity_reservation == Reservation::Required && instance.state == "running";
    asked.then(|| Want {
        selector: listing(instance),
        ..Want::all(context.region, FamilyKind::CapacityReservations)
    })
}

/// Returns the reservation that holds room for the start of the instance; `None` if none is required.
///
/// # Errors
/// A refusal if there is none, with instructions to create one, or if that is not known.
pub fn held<'a>(
    context: &Context<'a>,
    instance: &Instance,
    parameters: &Parameters,
) -> Result<Option<&'a CapacityReservation>, Refusal> {
    if parameters.capacity_reservation == Reservation::Ignore || instance.state != "running" {
        return Ok(None);
    }
    let id = &instance.id;
    let takes = Use::of(instance);
    match &takes {
        Use::Avoids => {
            return Err(Refusal::Refused(format!(
                "a capacity reservation is required, and {id} is set to run in none (its preference is \
                 none): it would start without room being held for it; stop it at a time of your own, set it \
                 to open (ec2:ModifyInstanceCapacityReservationAttributes), start it, and plan again"
            )));
        }
        Use::Group(group) => {
            return Err(Refusal::Unknown(format!(
                "redress cannot find out whether room is held for {id}: it targets the group {group}, whose \
                 reservations redress does not read"
            )));
        }
        Use::Unsaid => {
            return Err(Refusal::Unknown(format!(
                "redress cannot find out whether room is held for {id}: AWS does not report which capacity \
                 reservations it runs in"
            )));
        }
        Use::Open | Use::Targets(_) => {}
    }
    let listed = region(context.inventory, context.region)?.capacity_reservations.select(&listing(instance));
    let all =
        known(listed, Subject::Question(&format!("whether a capacity reservation holds room for {id}")))?
            .unwrap_or_default();
    let mut found: Vec<&CapacityReservation> =
        all.iter().map(|(_, r)| *r).filter(|r| takes.may_use(r)).collect();
    // The one in which the instance runs comes first: the stop frees its place there.
    found.sort_by_key(|r| (instance.capacity_reservation.as_ref() != Some(&r.id), r.id.clone()));
    let now = context.inventory.read_at;
    let holds = |r: &&&CapacityReservation| has_room(r, instance) && accepts(r, instance, now).is_ok();
    match found.iter().find(holds) {
        Some(reservation) => Ok(Some(reservation)),
        None => Err(Refusal::Refused(none(instance, &takes, &found, context))),
    }
}

/// Builds the refusal for the case that no reservation has room, with instructions to create one.
fn none(instance: &Instance, takes: &Use, found: &[&CapacityReservation], context: &Context<'_>) -> String {
    let Instance { id, instance_type, platform_details, availability_zone, tenancy, .. } = instance;
    let why = |r: &&CapacityReservation| {
        accepts(r, instance, context.inventory.read_at).err().unwrap_or_else(|| format!("{} is full", r.id))
    };
    let whys: Vec<String> = found.iter().map(why).collect();
    let seen = if whys.is_empty() { String::new() } else { format!(" ({})", whys.join("; ")) };
    let which = match takes {
        Use::Targets(target) => format!(
            "the capacity reservation {target}, which {id} targets, holds none for it{seen}: make room there"
        ),
        Use::Open | Use::Group(_) | Use::Avoids | Use::Unsaid => {
            format!("no open one has room for it{seen}: make one")
        }
    };
    format!(
        "a capacity reservation is required for the start of {id}, and {which}, for example with `aws ec2 \
         create-capacity-reservation --region {} --instance-type {instance_type} --instance-platform \
         '{platform_details}' --availability-zone {availability_zone} --tenancy {tenancy} --instance-count 1 \
         --instance-match-criteria open`, which is paid for until it is cancelled; then plan again",
        context.region
    )
}

/// Builds the note of the guard.
pub fn note(instance: &Instance, reservation: Option<&CapacityReservation>) -> Option<GuardNote> {
    let note = |r: &CapacityReservation| {
        GuardNote::passed(
            "capacity",
            format!("the capacity reservation {} holds room for the start of {}", r.id, instance.id),
        )
    };
    reservation.map(note)
}

/// Returns the conditions that hold directly before the stop: the reservation is active, and has room unless
/// the instance itself gives back a place in it.
pub fn still_held(region: &str, instance: &Instance, reservation: &CapacityReservation) -> Vec<Expect> {
    let id = reservation.id.as_str();
    let is = |at: &str, value: serde_json::Value| {
        make::is(region, FamilyKind::CapacityReservations, id, at, value)
    };
    let active = is("/state", "active".into())
        .meaning(&format!("the capacity reservation {id} does not hold room for {} any more", instance.id));
    let room = is("/has_room", true.into())
        .meaning(&format!("the capacity reservation {id} has no room for {} any more", instance.id));
    let own = instance.capacity_reservation.as_ref() == Some(&reservation.id);
    std::iter::once(active).chain((!own).then_some(room)).collect()
}
