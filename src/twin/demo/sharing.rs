//! The company's snapshots that others may use, and the settings that keep them from the world. Data only.

use jiff::Timestamp;

use super::{MAIN, OTHER, hours_before, id, named};
use crate::inventory::{
    Inventory, Snapshot, SnapshotBlock, SnapshotShare,
    sharing::{ALL, ALL_BLOCKED, UNBLOCKED},
};

/// The account of a partner.
const PARTNER: &str = "210987654321";

pub(super) fn furnish(company: &mut Inventory, now: Timestamp) {
    // Map tiles were once given to a partner in a hurry, and to everybody; the nightly backup of the app goes
    // to the partner alone.
    let tiles = Snapshot {
        id: id("snap", 4),
        volume_id: id("vol", 2),
        state: "completed".to_owned(),
        start_time: hours_before(now, 24 * 200),
        volume_size: 10,
        description: "tiles for the trade fair".to_owned(),
        storage_tier: "standard".to_owned(),
        progress: Some("100%".to_owned()),
        tags: named("fair-tiles"),
        ..Snapshot::default()
    };
    let region = company.region_mut(MAIN);
    region.snapshots.put(tiles.id.clone(), tiles);
    for (n, group) in [(4, Some(ALL.to_owned())), (1, None)] {
        let Some(snapshot) = region.snapshots.get(&id("snap", n)).known().copied().cloned() else { continue };
        let share = SnapshotShare {
            id: snapshot.id,
            group,
            accounts: vec![PARTNER.to_owned()],
            volume_id: snapshot.volume_id,
            start_time: snapshot.start_time,
            tags: snapshot.tags,
        };
        region.snapshot_shares.put(share.id.clone(), share);
    }
    for (name, state) in [(MAIN, UNBLOCKED), (OTHER, ALL_BLOCKED)] {
        let block = SnapshotBlock { state: state.to_owned(), managed_by: "account".to_owned() };
        company.region_mut(name).snapshot_blocks.put(SnapshotBlock::ID, block);
    }
}
