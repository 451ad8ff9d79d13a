//! The transfer of facts that were read later from the real account into a rehearsal. The changes of the
//! rehearsal itself must stay: only missing facts are filled in.

use std::collections::BTreeSet;

use crate::inventory::{Attachment, Fact, Family, ForFamily, Instance, Inventory, Record, Region, Stored};

/// Fills in facts that are missing from the truth.
pub(super) fn learn(truth: &mut Inventory, mut facts: Inventory) {
    let regions: Vec<String> = facts.regions.keys().cloned().collect();
    for name in &regions {
        attributes(truth, &mut facts, name);
    }
    for (region, kind) in &facts.places() {
        kind.with(Fill { truth, facts: &mut facts, region });
    }
}

/// A step that fills in one family.
struct Fill<'a> {
    truth: &'a mut Inventory,
    facts: &'a mut Inventory,
    region: &'a str,
}

impl ForFamily for Fill<'_> {
    type Out = ();
    fn of<T: Stored>(self) {
        let told = std::mem::take(T::family_mut(self.facts, self.region));
        fill(T::family_mut(self.truth, self.region), told);
    }
}

/// Returns the instances, with their regions, of whose disks there are facts.
pub(super) fn instances_of(facts: &Inventory) -> BTreeSet<(String, String)> {
    let of_region = |(name, region): (&String, &Region)| {
        let attached = region
            .volumes
            .known()
            .flat_map(|(_, volume)| &volume.attachments)
            .filter_map(Attachment::instance);
        let ids = region.instances.known().map(|(id, _)| id).chain(attached).map(str::to_owned);
        ids.map(|id| (name.clone(), id)).collect::<Vec<_>>()
    };
    facts.regions.iter().flat_map(of_region).collect()
}

fn fill<T: Record>(truth: &mut Family<T>, told: Family<T>) {
    for (id, fact) in told.items {
        if truth.get(&id).silence().is_some() && !matches!(fact, Fact::NotRead) {
            truth.items.insert(id, fact);
        }
    }
    for (key, fact) in told.reads {
        if !matches!(truth.reads.get(&key), Some(Fact::Known(()))) {
            truth.reads.insert(key, fact);
        }
    }
}

/// Fills in attributes that are read only by id, for instances that are known from a listing.
fn attributes(truth: &mut Inventory, facts: &mut Inventory, region: &str) {
    let (ours, theirs) = (truth.region_mut(region), facts.region_mut(region));
    for (id, told) in theirs.instances.known() {
        let Some(Instance { stop_protection, shutdown_behavior, .. }) = ours.instances.get_mut(id) else {
            continue;
        };
        if stop_protection.silence().is_some() && !matches!(told.stop_protection, Fact::NotRead) {
            *stop_protection = told.stop_protection.clone();
        }
        if shutdown_behavior.silence().is_some() && !matches!(told.shutdown_behavior, Fact::NotRead) {
            *shutdown_behavior = told.shutdown_behavior.clone();
        }
    }
}
