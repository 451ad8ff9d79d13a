//! Comparing footprints: checks that the things that a change changed are as the run left them, or as they
//! were before. Only the members that the change's actions change count ([`Concerns`]); other differences are
//! reported and block nothing. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    Change, Restore,
    proof::{Moment, Proved},
};
use crate::{
    actions::concern::{Care, Concerns},
    calls::Power,
    inventory::{FamilyKind, Want},
};

/// Returns the differences between two footprints: the wants whose things look different.
pub fn differences(expected: &Value, found: &Value) -> Vec<String> {
    let (Value::Object(expected), Value::Object(found)) = (expected, found) else {
        return if expected == found { Vec::new() } else { vec!["the whole".to_owned()] };
    };
    let keys: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
    keys.into_iter().filter(|key| expected.get(*key) != found.get(*key)).cloned().collect()
}

/// The other end of a change, which shows the effects of the change itself.
#[derive(Debug, Clone, Copy)]
pub enum OtherEnd<'a> {
    /// As a run recorded it.
    Recorded(&'a Value),
    /// As the rehearsal predicted it: entries that other people have made since may be in it or not.
    Predicted(&'a Value),
    /// Not known: everything that the actions care for counts.
    Unknown,
}

/// The differences from an expected footprint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moved {
    /// The parts that the change changes: thing and members.
    pub ours: BTreeMap<String, BTreeSet<String>>,
    /// The members that state whether a thing runs.
    pub power: BTreeMap<String, BTreeSet<String>>,
    /// The parts that the change leaves alone.
    pub others: BTreeMap<String, BTreeSet<String>>,
    /// The parts of things that stand alone and about which others have decided since: an undo goes on
    /// without them.
    pub decided: BTreeMap<String, BTreeSet<String>>,
    /// The things that could not be read, then or now.
    pub unread: BTreeSet<String>,
}

impl Moved {
    /// Returns whether everything that the change changes is as expected.
    pub fn is_clean(&self) -> bool {
        self.ours.is_empty() && self.unread.is_empty()
    }
    /// Counts these things among the changes of others: acts of the change were left out because of their
    /// state.
    pub fn leave(&mut self, things: &BTreeSet<String>) {
        for thing in things {
            let ours = [&mut self.ours, &mut self.power, &mut self.decided];
            let members = ours.into_iter().filter_map(|all| all.remove(thing)).flatten();
            let members: BTreeSet<String> = members.collect();
            if !members.is_empty() {
                self.others.entry(thing.clone()).or_default().extend(members);
            }
        }
    }
    /// Takes out the running states of these things: others have decided on them.
    pub fn turned_by_others(&mut self, things: &BTreeSet<String>) -> BTreeMap<String, BTreeSet<String>> {
        self.power.extract_if(.., |thing, _| things.contains(thing)).collect()
    }
    /// Describes the things that are not as expected.
    pub fn what(&self) -> String {
        let unread = self.unread.iter().map(|thing| format!("{thing} could not be read"));
        Some(words(&self.ours))
            .filter(|w| !w.is_empty())
            .into_iter()
            .chain(unread)
            .collect::<Vec<_>>()
            .join("; ")
    }
}

/// Lists things with their members in one line.
pub fn words(things: &BTreeMap<String, BTreeSet<String>>) -> String {
    let one = |(thing, members): (&String, &BTreeSet<String>)| {
        format!("{thing} ({})", members.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
    };
    things.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// The things that a change touches, with the rules by which they are compared.
#[derive(Debug)]
pub struct Comparing<'a> {
    touches: &'a [Want],
    concerns: Concerns,
    /// `true` if the change turns something off or on.
    powers: bool,
    /// `true` if it is an undo, which goes on without what stands alone and others have decided about.
    undo: bool,
}

impl<'a> Comparing<'a> {
    /// Returns the comparison for this change, with the concerns of its actions as they are now.
    pub fn of(change: &'a Change) -> Self {
        let powers = change.steps.iter().any(|step| step.act.power() != Power::Stays);
        let concerns = Concerns::of(change.action.iter());
        Self { touches: &change.touches, concerns, powers, undo: false }
    }

    /// Returns the comparison for an undo of this change.
    fn of_undo(change: &'a Change) -> Self {
        Self { undo: true, ..Self::of(change) }
    }

    /// Checks whether this undo goes on without a thing of this family about which others have decided.
    fn alone(&self, family: FamilyKind) -> bool {
        self.undo && self.concerns.alone(family)
    }

    /// Returns the differences between an expected footprint and the one of now.
    pub fn moved(&self, expected: &Value, other: OtherEnd<'_>, now: &Value) -> Moved {
        let mut moved = Moved::default();
        for want in self.touches {
            let key = want.to_string();
            let of = |footprint: &Value| footprint.get(&key).cloned();
            let (expected, now) = (of(expected), of(now));
            let (Some(expected), Some(now)) = (expected.filter(|v| !unread(v)), now.filter(|v| !unread(v)))
            else {
                moved.unread.insert(key);
                continue;
            };
            let (other, recorded) = match other {
                OtherEnd::Recorded(value) => (of(value), true),
                OtherEnd::Predicted(value) => (of(value), false),
                OtherEnd::Unknown => (None, false),
            };
            let other = other.filter(|v| !unread(v));
            let alone = self.alone(want.family);
            let (family, concerns) = (want.family, &self.concerns);
            let mut one = One { family, key: &key, concerns, recorded, alone, moved: &mut moved };
            match (&expected, &now) {
                (Value::Array(expected), Value::Array(now)) => one.listing(expected, other.as_ref(), now),
                (Value::Object(_), Value::Object(_)) => one.thing(&expected, other.as_ref(), &now),
                (expected, now) if expected == now => {}
                (_, Value::Null) if alone => one.decided("it does not exist"),
                (Value::Null, _) => one.ours("it exists"),
                _ => one.ours("it does not exist"),
            }
        }
        moved
    }
}

/// Returns whether a footprint marks something as not read.
fn unread(value: &Value) -> bool {
    value.get("unknown").is_some() || value.as_str() == Some("not-read")
}

/// The comparison of one thing, or of one listing.
struct One<'a> {
    family: FamilyKind,
    key: &'a str,
    concerns: &'a Concerns,
    recorded: bool,
    alone: bool,
    moved: &'a mut Moved,
}

impl One<'_> {
    fn ours(&mut self, member: &str) {
        self.moved.ours.entry(self.key.to_owned()).or_default().insert(member.to_owned());
    }
    fn decided(&mut self, member: &str) {
        self.moved.decided.entry(self.key.to_owned()).or_default().insert(member.to_owned());
    }
    fn others(&mut self, member: &str) {
        self.moved.others.entry(self.key.to_owned()).or_default().insert(member.to_owned());
    }

    fn thing(&mut self, expected: &Value, other: Option<&Value>, now: &Value) {
        let keys = |value: &Value| {
            value.as_object().into_iter().flatten().map(|(k, _)| k.clone()).collect::<BTreeSet<_>>()
        };
        for member in keys(expected).union(&keys(now)) {
            let of = |value: &Value| value.get(member).cloned().unwrap_or(Value::Null);
            let (was, is) = (of(expected), of(now));
            if was == is {
                continue;
            }
            let end = other.filter(|o| o.is_object()).map(of);
            match self.concerns.care(self.family, member) {
                Care::No => self.others(member),
                _ if unread(&was) || unread(&is) => {
                    _ = self.moved.unread.insert(format!("{} ({member})", self.key));
                }
                Care::Power => {
                    _ = self.moved.power.entry(self.key.to_owned()).or_default().insert(member.clone());
                }
                // A prediction cannot know the changes that AWS itself made along the way.
                Care::Whole if self.recorded && end.as_ref() == Some(&was) => self.others(member),
                Care::Whole if self.alone && end.as_ref() != Some(&is) => self.decided(member),
                Care::Whole => self.ours(member),
                Care::Entries => {
                    self.entries(member, &list(&was), end.as_ref().map(list).as_deref(), &list(&is))
                }
            }
        }
    }

    fn listing(&mut self, expected: &[Value], other: Option<&Value>, now: &[Value]) {
        let plain = |items: &[Value]| items.iter().map(|item| self.plain(item)).collect::<Vec<_>>();
        let (was, is) = (plain(expected), plain(now));
        let end = other.and_then(Value::as_array).map(|items| plain(items));
        self.entries("its entries", &was, end.as_deref(), &is);
        if was == is && expected != now {
            self.others("its entries");
        }
    }

    /// Returns an entry of a listing without the members that the change does not care for.
    fn plain(&self, item: &Value) -> Value {
        let cares = |member: &String| self.concerns.care(self.family, member) != Care::No;
        match item {
            Value::Object(map) => Value::Object(
                map.iter().filter(|(member, _)| cares(member)).map(|(k, v)| (k.clone(), v.clone())).collect(),
            ),
            other => other.clone(),
        }
    }

    /// Compares entries. They count where the two ends of the change have different numbers of them, or where
    /// one end is not known.
    fn entries(&mut self, member: &str, expected: &[Value], other: Option<&[Value]>, now: &[Value]) {
        let (was, end, is) = (counted(expected), other.map(counted), counted(now));
        for entry in was.keys().chain(is.keys()).collect::<BTreeSet<_>>() {
            if was.get(entry) == is.get(entry) {
                continue;
            }
            let is_left = |end: &BTreeMap<String, usize>| end.contains_key(entry) && is.contains_key(entry);
            match &end {
                Some(end) if end.get(entry) == was.get(entry) => self.others(member),
                Some(end) if self.alone && !is_left(end) => self.decided(member),
                Some(_) | None => self.ours(member),
            }
        }
    }
}

/// Returns the entries of a list, known or by itself, or those of a table with their keys.
fn list(value: &Value) -> Vec<Value> {
    match value.get("known").filter(|known| known.is_array()).unwrap_or(value) {
        Value::Array(items) => items.clone(),
        Value::Object(table) => table.iter().map(|(key, value)| json!([key, value])).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

fn counted(items: &[Value]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    items.iter().for_each(|item| *counts.entry(item.to_string()).or_default() += 1);
    counts
}

/// Returns whether a footprint shows nothing for a want.
pub fn nothing(value: Option<&Value>) -> bool {
    value.is_none_or(|v| v.is_null() || v.as_array().is_some_and(Vec::is_empty))
}

/// Returns the parts of an undone change that are not as they were before. Things that the run made and
/// things that stay on purpose may differ: they did not exist before, and are as the run left them.
pub fn left(change: &Change, restore: &Restore, footprint: &Value, moment: Moment) -> Moved {
    let mut moved =
        Comparing::of_undo(change).moved(&restore.to, OtherEnd::Recorded(&restore.found), footprint);
    let stays = |thing: &str| !restore.kept.is_empty() && nothing(restore.to.get(thing));
    moved.ours.retain(|thing, _| !stays(thing));
    moved.power.retain(|thing, _| moment == Moment::EndOfRun && !stays(thing));
    // A thing whose earlier state is not recorded is not compared with anything.
    moved.unread.retain(|thing| !(restore.to.get(thing).is_none() && stays(thing)));
    moved
}

/// Checks whether a footprint is the one that an undo was to restore.
pub fn restored(change: &Change, restore: &Restore, footprint: &Value, moment: Moment) -> Proved {
    restored_but(change, restore, footprint, moment, &BTreeSet::new())
}

/// Checks the same where others have decided whether these things run: acts of the undo were left out for
/// that reason.
pub fn restored_but(
    change: &Change,
    restore: &Restore,
    footprint: &Value,
    moment: Moment,
    turned: &BTreeSet<String>,
) -> Proved {
    let mut moved = left(change, restore, footprint, moment);
    moved.turned_by_others(turned);
    moved.ours.append(&mut moved.power);
    match (moved.ours.is_empty(), moved.unread.is_empty()) {
        (false, _) => Proved::Violated(format!("not as it was before: {}", words(&moved.ours))),
        (true, false) => Proved::Unknown(format!(
            "it could not be read: {}",
            moved.unread.into_iter().collect::<Vec<_>>().join(", ")
        )),
        (true, true) => Proved::Holds(Vec::new()),
    }
}

/// Returns the parts of a change that was rolled back that are not as they were before; `predicted` is its
/// end as the rehearsal saw it. Running states count where the change itself turns something off or on;
/// otherwise somebody else changed them.
pub fn after_rollback(change: &Change, before: &Value, predicted: Option<&Value>, after: &Value) -> Moved {
    let comparing = Comparing::of(change);
    let mut moved = comparing.moved(before, predicted.map_or(OtherEnd::Unknown, OtherEnd::Predicted), after);
    moved.unread.retain(|thing| before.get(thing).is_none() || before.get(thing) != after.get(thing));
    let power = std::mem::take(&mut moved.power);
    let of = if comparing.powers { &mut moved.ours } else { &mut moved.others };
    for (thing, members) in power {
        of.entry(thing).or_default().extend(members);
    }
    moved
}

/// Returns the changes that somebody has made since a run to the things that an undo of it restores.
pub fn foreign(change: &Change, restore: &Restore, now: &Value) -> Moved {
    let comparing = Comparing::of_undo(change);
    let mut moved = comparing.moved(&restore.found, OtherEnd::Recorded(&restore.to), now);
    let alone = change.touches.iter().filter(|want| comparing.alone(want.family));
    moved.leave(&alone.map(ToString::to_string).collect());
    moved
}

#[cfg(test)]
mod tests;
