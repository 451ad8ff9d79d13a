//! Capacity reservations with room for an instance. Rules:
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/capacity-reservations-using.html>. Pure.

use jiff::{SignedDuration, Timestamp};

use crate::inventory::{CapacityReservation, Instance};

/// The shortest remaining life of a reservation that counts: copying and swapping disks takes hours.
const LASTS: SignedDuration = SignedDuration::from_hours(24);

/// The reservations that an instance runs in, by its own settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Use {
    /// Any open reservation that matches.
    Open,
    /// This reservation.
    Targets(String),
    /// A reservation of this group. The members of the group are not read.
    Group(String),
    /// None, even where a matching one exists.
    Avoids,
    /// Not known.
    Unsaid,
}

impl Use {
    /// Reads the settings of an instance.
    pub fn of(instance: &Instance) -> Self {
        match (&instance.capacity_target, instance.capacity_preference.as_deref()) {
            (Some(id), _) if id.starts_with("cr-") => Use::Targets(id.clone()),
            (Some(group), _) => Use::Group(group.clone()),
            (None, Some("none")) => Use::Avoids,
            (None, Some("open" | "capacity-reservations-only")) => Use::Open,
            (None, _) => Use::Unsaid,
        }
    }

    /// Checks whether the instance would run in a reservation that accepts it.
    pub fn may_use(&self, reservation: &CapacityReservation) -> bool {
        match self {
            Use::Open => reservation.match_criteria == "open",
            Use::Targets(id) => reservation.id == *id,
            Use::Group(_) | Use::Avoids | Use::Unsaid => false,
        }
    }
}

/// Checks whether a reservation accepts an instance, apart from its room.
///
/// # Errors
/// The first requirement that is not met, as a sentence.
pub fn accepts(reservation: &CapacityReservation, instance: &Instance, now: Timestamp) -> Result<(), String> {
    let id = &reservation.id;
    let like = [
        ("type", &reservation.instance_type, &instance.instance_type),
        ("platform", &reservation.instance_platform, &instance.platform_details),
        ("zone", &reservation.availability_zone, &instance.availability_zone),
        ("tenancy", &reservation.tenancy, &instance.tenancy),
    ];
    if let Some((what, theirs, ours)) = like.into_iter().find(|(_, theirs, ours)| theirs != ours) {
        return Err(format!("{id} is for the {what} {theirs}, and it has {ours}"));
    }
    let end = reservation.end.filter(|end| now.checked_add(LASTS).is_ok_and(|then| *end < then));
    match reservation {
        r if r.state != "active" => Err(format!("{id} is {}", r.state)),
        r if r.reservation_type == "capacity-block" => Err(format!("{id} is a capacity block")),
        // The member is younger than reservations are: without it, one is of the first type.
        r if !matches!(r.reservation_type.as_str(), "" | "default") => {
            Err(format!("{id} is of the type {}, which is not known to take it", r.reservation_type))
        }
        r if r.interruptible => Err(format!("{id} is interruptible: its owner may take the room back")),
        r if r.outpost_arn.is_some() => Err(format!("{id} is on an Outpost")),
        r if r.placement_group != instance.placement_group => Err(match &r.placement_group {
            Some(group) => format!("{id} is for the placement group {group}"),
            None => format!("{id} is for no placement group, and the instance is in one"),
        }),
        _ => end.map_or(Ok(()), |end| Err(format!("{id} ends at {end}"))),
    }
}

/// Checks whether a reservation has room for an instance once the instance is stopped. An instance that runs
/// in the reservation frees its own place.
pub fn has_room(reservation: &CapacityReservation, instance: &Instance) -> bool {
    reservation.has_room || instance.capacity_reservation.as_ref() == Some(&reservation.id)
}
