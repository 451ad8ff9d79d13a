//! The copies of volumes that count against AWS's limits. Pure.

use jiff::Timestamp;

use crate::inventory::{Region, Volume};

/// Returns the known volumes of a region that AWS may still be initialising as copies.
pub fn in_progress(place: &Region, now: Timestamp) -> impl Iterator<Item = &Volume> {
    let volumes = place.volumes.known().map(|(_, volume)| volume);
    volumes.filter(move |v| v.may_be_initialising(place.volume_statuses.get(&v.id), now))
}
