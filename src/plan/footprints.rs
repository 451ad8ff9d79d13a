//! The differences between two inventories, thing by thing: those that were not predicted, and those that
//! undo left. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    Change,
    play::{AllOutputs, resolved_input},
};
use crate::{
    calls::{self, Undo, WayBack},
    inventory::{Fact, FamilyKind, ForFamily, Inventory, Stored, Table, Want},
};

/// The place of a thing: region, kind, id.
type Member = (String, FamilyKind, String);

/// Returns all things that differ between two inventories.
fn differing(before: &Inventory, after: &Inventory) -> BTreeSet<Member> {
    let places: BTreeSet<(String, FamilyKind)> = before.places().into_iter().chain(after.places()).collect();
    let of = |(region, kind): &(String, FamilyKind)| {
        let ids = kind.with(Differing { before, after, region });
        ids.into_iter().map(|id| (region.clone(), *kind, id)).collect::<Vec<Member>>()
    };
    places.iter().flat_map(of).collect()
}

/// A visitor that lists the members of a family that differ between two inventories.
struct Differing<'a> {
    before: &'a Inventory,
    after: &'a Inventory,
    region: &'a str,
}

impl ForFamily for Differing<'_> {
    type Out = Vec<String>;
    fn of<T: Stored>(self) -> Vec<String> {
        let nothing = Table::default();
        let items = |inventory| T::family(inventory, self.region).map_or(&nothing, |family| &family.items);
        items(self.before).differing(items(self.after)).into_iter().map(str::to_owned).collect()
    }
}

fn one(inventory: &Inventory, (region, kind, id): &Member) -> Value {
    let want = Want::id(region, *kind, id.as_str());
    match inventory.footprint(std::slice::from_ref(&want)) {
        Value::Object(mut map) => map.shift_remove(&want.to_string()).unwrap_or(Value::Null),
        other => other,
    }
}

/// Returns the members that any of these wants picks.
fn picked<'a>(inventory: &Inventory, wants: impl Iterator<Item = &'a Want>) -> BTreeSet<Member> {
    let mut all = BTreeSet::new();
    for want in wants {
        if let crate::inventory::Selector::Id(id) = &want.selector {
            all.insert((want.region.clone(), want.family, id.clone()));
        }
        let found = inventory.select_json(want);
        all.extend(
            found.known().into_iter().flatten().map(|(id, _)| (want.region.clone(), want.family, id.clone())),
        );
    }
    // Trails are seen from many regions, roles and buckets from none.
    all.into_iter().map(|(region, kind, id)| (kind.home(&region).to_owned(), kind, id)).collect()
}

/// Returns the differences after the changes on things that none of them touches, one sentence each. Things
/// that the changes' own calls made are left out, wherever they are.
pub(super) fn unpredicted(
    before: &Inventory,
    after: &Inventory,
    changes: &[&Change],
    outputs: &AllOutputs,
) -> Vec<String> {
    let touches = || changes.iter().flat_map(|c| &c.touches);
    let mut theirs = picked(before, touches());
    theirs.extend(picked(after, touches()));
    let made: BTreeSet<&str> = outputs.values().flat_map(|o| o.values()).flat_map(leaves).collect();
    differing(before, after)
        .iter()
        .filter(|member| !theirs.contains(*member) && !made.contains(member.2.as_str()))
        .filter(|member| one(before, member) != one(after, member))
        .map(|member| format!("not predicted: {} differs afterwards", name(member)))
        .collect()
}

fn name((region, kind, id): &Member) -> String {
    Want::id(region, *kind, id.as_str()).to_string()
}

/// Returns the things that the changes touch and that are not as they were before, one sentence each, except
/// for those that the changes keep or cannot restore.
pub(super) fn unrestored(
    before: &Inventory,
    after: &Inventory,
    changes: &[&Change],
    named: &BTreeSet<String>,
) -> Vec<String> {
    let (before, after) = (without(before, named), without(after, named));
    let mut found = BTreeMap::new();
    for change in changes {
        for want in &change.touches {
            let (was, is) =
                (before.footprint(std::slice::from_ref(want)), after.footprint(std::slice::from_ref(want)));
            if was != is {
                found.entry(want.to_string()).or_insert_with(|| {
                    format!("undo of {} does not bring back {want}: {}", change.id, difference(&was, &is))
                });
            }
        }
    }
    found.into_values().collect()
}

/// Returns the ids of the things that the changes themselves name as left after an undo: those that their
/// kept steps made, and those that their last steps deleted for good.
pub(super) fn named(changes: &[&Change], started: jiff::Timestamp, outputs: &AllOutputs) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for change in changes {
        for step in &change.steps {
            let stays = matches!(
                &step.way_back,
                WayBack::Kept(_) | WayBack::Cannot(_) | WayBack::Calls { undo: Undo::Kept(_), .. }
            );
            if stays {
                let made = outputs.get(&(change.id.clone(), step.name.clone()));
                ids.extend(made.into_iter().flat_map(|o| o.values()).flat_map(leaves).map(str::to_owned));
            }
            // Things that a step makes under a name of its own or deletes are in no output: its call names
            // them.
            let operation = &step.act.call.operation;
            let without_output =
                calls::find(&step.act.call.service, operation).is_some_and(|spec| spec.outputs.is_empty());
            let whole = (operation.starts_with("Create") || operation.starts_with("Delete"))
                && !operation.ends_with("Tags");
            if stays && without_output && whole {
                let input = resolved_input(&change.id, step, started, outputs);
                let top = input.as_object().into_iter().flatten();
                ids.extend(top.filter_map(|(_, v)| v.as_str()).map(str::to_owned));
            }
        }
    }
    ids
}

/// Returns all strings in a value.
fn leaves(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(leaves).collect(),
        Value::Object(map) => map.values().flat_map(leaves).collect(),
        _ => Vec::new(),
    }
}

/// Returns the inventory without the things with these ids.
fn without(inventory: &Inventory, ids: &BTreeSet<String>) -> Inventory {
    let mut rest = inventory.clone();
    for (region, kind) in &inventory.places() {
        kind.with(TakeOut { inventory: &mut rest, region, ids });
    }
    rest
}

/// A visitor that records things with these ids as gone in a family.
struct TakeOut<'a> {
    inventory: &'a mut Inventory,
    region: &'a str,
    ids: &'a BTreeSet<String>,
}

impl ForFamily for TakeOut<'_> {
    type Out = ();
    fn of<T: Stored>(self) {
        let items = &mut T::family_mut(self.inventory, self.region).items;
        for id in self.ids {
            if items.contains_key(id) {
                items.insert(id.clone(), Fact::Absent);
            }
        }
    }
}

/// Returns the first difference between two footprints, shortened to one line.
fn difference(was: &Value, is: &Value) -> String {
    match (was, is) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            let differing = keys.into_iter().find(|key| a.get(*key) != b.get(*key));
            differing.map_or_else(String::new, |key| {
                let inner =
                    difference(a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null));
                if key.contains('/') && a.len() == 1 { inner } else { format!("{key}: {inner}") }
            })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let pair = a.iter().zip(b).find(|(x, y)| x != y);
            pair.map_or_else(String::new, |(x, y)| difference(x, y))
        }
        (Value::Array(a), Value::Array(b)) => format!("{} before, {} after", a.len(), b.len()),
        _ => format!("{} before, {} after", short(was), short(is)),
    }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() > 80 { format!("{}...", text.chars().take(80).collect::<String>()) } else { text }
}
