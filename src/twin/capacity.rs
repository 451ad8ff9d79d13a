//! The use of capacity reservations when instances stop and start: an instance that stops returns its place,
//! and one that starts takes a place where it matches and there is room
//! (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/capacity-reservations-using.html>).

use super::Twin;
use crate::{
    calls::capacity::{Use, accepts},
    inventory::CapacityReservation,
};

/// Returns the place of an instance that is down to its reservation.
pub(super) fn gives_back(twin: &mut Twin, region: &str, instance: &str) {
    let region = twin.region_mut(region);
    let Some(id) = region.instances.get_mut(instance).and_then(|i| i.capacity_reservation.take()) else {
        return;
    };
    if let Some(reservation) = region.capacity_reservations.get_mut(&id) {
        set(reservation, reservation.available + 1);
    }
}

/// Takes a place in a reservation that fits for an instance that starts.
pub(super) fn takes(twin: &mut Twin, region: &str, instance: &str) {
    let now = twin.now;
    let region = twin.region_mut(region);
    let Some(starting) = region.instances.get(instance).known().copied().cloned() else { return };
    let takes = Use::of(&starting);
    let fits = |r: &CapacityReservation| r.has_room && takes.may_use(r) && accepts(r, &starting, now).is_ok();
    let Some(id) = region.capacity_reservations.known().find(|(_, r)| fits(r)).map(|(id, _)| id.to_owned())
    else {
        return;
    };
    if let Some(reservation) = region.capacity_reservations.get_mut(&id) {
        set(reservation, reservation.available - 1);
    }
    if let Some(instance) = region.instances.get_mut(instance) {
        instance.capacity_reservation = Some(id);
    }
}

fn set(reservation: &mut CapacityReservation, available: i32) {
    reservation.available = available;
    reservation.has_room = available > 0;
}
