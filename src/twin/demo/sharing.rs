//! The company's snapshots and images that others may use, and the settings that keep them from the world.
//! Data only.

use jiff::Timestamp;

use super::{MAIN, OTHER, hours_before, id, named};
use crate::inventory::{
    Fact, Image, ImageBlock, Inventory, Snapshot, SnapshotBlock, SnapshotShare,
    sharing::{ALL, ALL_BLOCKED, NEW_BLOCKED, UNBLOCKED},
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
    images(company, now);
}

/// Adds an image that was published for a workshop, one for the partner, and the blocks.
fn images(company: &mut Inventory, now: Timestamp) {
    let region = company.region_mut(MAIN);
    for (n, name, group, hours) in
        [(4, "workshop", Some(ALL.to_owned()), 24 * 90), (5, "tile-server", None, 24)]
    {
        let image = Image {
            id: id("ami", n),
            name: name.to_owned(),
            group,
            accounts: vec![PARTNER.to_owned()],
            last_launched: hours_before(now, hours).map_or(Fact::Absent, Fact::Known),
            tags: named(name),
        };
        region.images.put(image.id.clone(), image);
    }
    for (name, state) in [(MAIN, UNBLOCKED), (OTHER, NEW_BLOCKED)] {
        let block = ImageBlock { state: state.to_owned(), managed_by: "account".to_owned() };
        company.region_mut(name).image_blocks.put(ImageBlock::ID, block);
    }
}
