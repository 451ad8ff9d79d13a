//! Quotas of the account that actions count against, and the note of the guard on them.

use super::GuardNote;
use crate::inventory::{Fact, FamilyKind, Inventory, Quota, Volume, Want};

/// The guard on the quotas of storage and of snapshots.
const STORAGE: &str = "storage-quota";

/// Returns the account's own quota, if it was read.
pub fn own<'a>(inventory: &'a Inventory, region: &str, id: &str) -> Fact<&'a Quota> {
    inventory.regions.get(region).map_or(Fact::NotRead, |region| region.quotas.get(id))
}

/// Notes where the quotas are from that count: known ones pass with `known`, and the first that is not known
/// is noted with `unknown` and the reason. AWS's default, where nothing else applies, needs no note.
pub fn note<'i>(
    inventory: &Inventory,
    region: &str,
    guard: &str,
    ids: impl IntoIterator<Item = &'i str>,
    [known, unknown]: [&str; 2],
) -> Option<GuardNote> {
    let mut passed = None;
    for id in ids {
        match own(inventory, region, id) {
            Fact::Known(_) => passed = Some(GuardNote::passed(guard, known)),
            Fact::Absent => {}
            silent @ (Fact::Unknown(_) | Fact::NotRead) => {
                let why = silent.silence().unwrap_or_default();
                return Some(GuardNote::not_checked(guard, format!("{unknown} ({why})")));
            }
        }
    }
    passed
}

/// Returns the quotas of what is made for these volumes, copies of them and snapshots.
fn of_storage<'v>(copied: impl IntoIterator<Item = &'v Volume>) -> Vec<&'static str> {
    let of = |v: &Volume| [Quota::storage(&v.volume_type), Quota::iops(&v.volume_type)];
    let types = copied.into_iter().flat_map(of).flatten();
    let mut all: Vec<&str> = types.chain([Quota::SNAPSHOTS]).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Returns the facts of [`storage_note`].
pub fn storage_wants<'v>(region: &str, copied: impl IntoIterator<Item = &'v Volume>) -> Vec<Want> {
    of_storage(copied).into_iter().map(|id| Want::id(region, FamilyKind::Quotas, id)).collect()
}

/// Notes where the quotas of storage, of IOPS and of snapshots are from. The whole region counts against
/// them, so the rehearsal adds it up; AWS counts when it creates, which is before anything is stopped.
pub fn storage_note<'v>(
    inventory: &Inventory,
    region: &str,
    copied: impl IntoIterator<Item = &'v Volume>,
) -> Option<GuardNote> {
    let known = "the rehearsal counts what is made against the account's quotas of storage and snapshots, as \
                 Service Quotas has them";
    let unknown = "the account's own quotas of storage and snapshots are not known, and the rehearsal does \
                   not count against them: AWS counts when it creates, before anything is stopped";
    note(inventory, region, STORAGE, of_storage(copied), [known, unknown])
}
