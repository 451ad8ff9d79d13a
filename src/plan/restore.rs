//! Comparing footprints: whether what a change changed is as the run left it, or as it was before. Only the members that
//! the change's actions change count ([`Concerns`]); what else has moved is told, and stands in nobody's way. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Change, Restore, proof::Proved};
use crate::{
    actions::concern::{Care, Concerns},
    calls::Power,
    inventory::{FamilyKind, Want},
};

/// Where two footprints differ at all: the wants whose things look different.
pub fn differences(expected: &Value, found: &Value) -> Vec<String> {
    let (Value::Object(expected), Value::Object(found)) = (expected, found) else {
        return if expected == found { Vec::new() } else { vec!["the whole".to_owned()] };
    };
    let keys: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
    keys.into_iter().filter(|key| expected.get(*key) != found.get(*key)).cloned().collect()
}

/// The other end of a change, by which it is told what the change itself changed.
#[derive(Debug, Clone, Copy)]
pub enum OtherEnd<'a> {
    /// As a run recorded it.
    Recorded(&'a Value),
    /// As the rehearsal predicted it: entries that other people made since stand in it or not.
    Predicted(&'a Value),
    /// Not known: everything that the actions care for counts.
    Unknown,
}

/// What looks different from what was expected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moved {
    /// What the change changes: thing and members.
    pub ours: BTreeMap<String, BTreeSet<String>>,
    /// What says whether a thing runs.
    pub power: BTreeMap<String, BTreeSet<String>>,
    /// What it leaves alone.
    pub others: BTreeMap<String, BTreeSet<String>>,
    /// What could not be read, then or now.
    pub unread: BTreeSet<String>,
}

impl Moved {
    /// Whether all that the change changes is as expected.
    pub fn is_clean(&self) -> bool {
        self.ours.is_empty() && self.unread.is_empty()
    }
    /// Counts these things among what others have changed: acts of the change were left out because of how they are.
    pub fn leave(&mut self, things: &BTreeSet<String>) {
        for thing in things {
            let members = self.ours.remove(thing).into_iter().chain(self.power.remove(thing)).flatten();
            let members: BTreeSet<String> = members.collect();
            if !members.is_empty() {
                self.others.entry(thing.clone()).or_default().extend(members);
            }
        }
    }
    /// Takes out whether these things run: others have decided that.
    pub fn turned_by_others(&mut self, things: &BTreeSet<String>) -> BTreeMap<String, BTreeSet<String>> {
        self.power.extract_if(.., |thing, _| things.contains(thing)).collect()
    }
    /// What is not as expected, in words.
    pub fn what(&self) -> String {
        let unread = self.unread.iter().map(|thing| format!("{thing} could not be read"));
        Some(words(&self.ours)).filter(|w| !w.is_empty()).into_iter().chain(unread).collect::<Vec<_>>().join("; ")
    }
}

/// Things with their members, in words.
pub fn words(things: &BTreeMap<String, BTreeSet<String>>) -> String {
    let one = |(thing, members): (&String, &BTreeSet<String>)| format!("{thing} ({})", members.iter().map(String::as_str).collect::<Vec<_>>().join(", "));
    things.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// What a change touches, and how that is compared.
#[derive(Debug)]
pub struct Comparing<'a> {
    touches: &'a [Want],
    concerns: Concerns,
    /// Whether the change turns something off or on.
    powers: bool,
}

impl<'a> Comparing<'a> {
    /// What this change touches, by what its actions say now.
    pub fn of(change: &'a Change) -> Self {
        let powers = change.steps.iter().any(|step| step.act.power() != Power::Stays);
        Self { touches: &change.touches, concerns: Concerns::of(&change.action), powers }
    }

    /// What differs between an expected footprint and the one of now.
    pub fn moved(&self, expected: &Value, other: OtherEnd<'_>, now: &Value) -> Moved {
        let mut moved = Moved::default();
        for want in self.touches {
            let key = want.to_string();
            let of = |footprint: &Value| footprint.get(&key).cloned();
            let (expected, now) = (of(expected), of(now));
            let (Some(expected), Some(now)) = (expected.filter(|v| !unread(v)), now.filter(|v| !unread(v))) else {
                moved.unread.insert(key);
                continue;
            };
            let (other, recorded) = match other {
                OtherEnd::Recorded(value) => (of(value), true),
                OtherEnd::Predicted(value) => (of(value), false),
                OtherEnd::Unknown => (None, false),
            };
            let other = other.filter(|v| !unread(v));
            let mut one = One { family: want.family, key: &key, concerns: &self.concerns, recorded, moved: &mut moved };
            match (&expected, &now) {
                (Value::Array(expected), Value::Array(now)) => one.listing(expected, other.as_ref(), now),
                (Value::Object(_), Value::Object(_)) => one.thing(&expected, other.as_ref(), &now),
                (expected, now) if expected == now => {}
                (Value::Null, _) => one.ours("it is there"),
                _ => one.ours("it is not there"),
            }
        }
        moved
    }
}

/// Whether a footprint says that something was not read.
fn unread(value: &Value) -> bool {
    value.get("unknown").is_some() || value.as_str() == Some("not-read")
}

/// Comparing one thing, or one listing.
struct One<'a> {
    family: FamilyKind,
    key: &'a str,
    concerns: &'a Concerns,
    recorded: bool,
    moved: &'a mut Moved,
}

impl One<'_> {
    fn ours(&mut self, member: &str) {
        self.moved.ours.entry(self.key.to_owned()).or_default().insert(member.to_owned());
    }
    fn others(&mut self, member: &str) {
        self.moved.others.entry(self.key.to_owned()).or_default().insert(member.to_owned());
    }

    fn thing(&mut self, expected: &Value, other: Option<&Value>, now: &Value) {
        let keys = |value: &Value| value.as_object().into_iter().flatten().map(|(k, _)| k.clone()).collect::<BTreeSet<_>>();
        for member in keys(expected).union(&keys(now)) {
            let of = |value: &Value| value.get(member).cloned().unwrap_or(Value::Null);
            let (was, is) = (of(expected), of(now));
            if was == is {
                continue;
            }
            let end = other.filter(|o| o.is_object()).map(of);
            match self.concerns.care(self.family, member) {
                Care::No => self.others(member),
                _ if unread(&was) || unread(&is) => drop(self.moved.unread.insert(format!("{} ({member})", self.key))),
                Care::Power => drop(self.moved.power.entry(self.key.to_owned()).or_default().insert(member.clone())),
                // A prediction cannot know what AWS itself changed along the way.
                Care::Whole if self.recorded && end.as_ref() == Some(&was) => self.others(member),
                Care::Whole => self.ours(member),
                Care::Entries => self.entries(member, &list(&was), end.as_ref().map(list).as_deref(), &list(&is)),
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

    /// An entry of a listing without what the change does not care for.
    fn plain(&self, item: &Value) -> Value {
        let cares = |member: &String| self.concerns.care(self.family, member) != Care::No;
        match item {
            Value::Object(map) => Value::Object(map.iter().filter(|(member, _)| cares(member)).map(|(k, v)| (k.clone(), v.clone())).collect()),
            other => other.clone(),
        }
    }

    /// Entries count where the two ends of the change have different numbers of them, or where one end is not known.
    fn entries(&mut self, member: &str, expected: &[Value], other: Option<&[Value]>, now: &[Value]) {
        let (was, end, is) = (counted(expected), other.map(counted), counted(now));
        for entry in was.keys().chain(is.keys()).collect::<BTreeSet<_>>() {
            if was.get(entry) == is.get(entry) {
                continue;
            }
            match &end {
                Some(end) if end.get(entry) == was.get(entry) => self.others(member),
                Some(_) | None => self.ours(member),
            }
        }
    }
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn counted(items: &[Value]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    items.iter().for_each(|item| *counts.entry(item.to_string()).or_default() += 1);
    counts
}

/// Whether a footprint says of a want that there is nothing.
pub fn nothing(value: Option<&Value>) -> bool {
    value.is_none_or(|v| v.is_null() || v.as_array().is_some_and(Vec::is_empty))
}

/// Whether what runs and what does not counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// A run ends: it leaves nothing down that was up.
    EndOfRun,
    /// Later: people and schedulers stop and start things.
    Later,
}

/// What of a change that an undo takes back is not as it was before. What the run made and what stays on purpose may
/// differ: it was not there before, and is as the run left it.
pub fn left(change: &Change, restore: &Restore, footprint: &Value, moment: Moment) -> Moved {
    let mut moved = Comparing::of(change).moved(&restore.to, OtherEnd::Recorded(&restore.found), footprint);
    let stays = |thing: &str| !restore.kept.is_empty() && nothing(restore.to.get(thing));
    moved.ours.retain(|thing, _| !stays(thing));
    moved.power.retain(|thing, _| moment == Moment::EndOfRun && !stays(thing));
    // A thing of which it is not said how it was before is not compared with anything.
    moved.unread.retain(|thing| !(restore.to.get(thing).is_none() && stays(thing)));
    moved
}

/// Whether a footprint is what an undo was to bring back.
pub fn restored(change: &Change, restore: &Restore, footprint: &Value, moment: Moment) -> Proved {
    restored_but(change, restore, footprint, moment, &BTreeSet::new())
}

/// The same where others have decided whether these things run: acts of the undo were left out for that.
pub fn restored_but(change: &Change, restore: &Restore, footprint: &Value, moment: Moment, turned: &BTreeSet<String>) -> Proved {
    let mut moved = left(change, restore, footprint, moment);
    moved.turned_by_others(turned);
    moved.ours.append(&mut moved.power);
    match (moved.ours.is_empty(), moved.unread.is_empty()) {
        (false, _) => Proved::Violated(format!("not as it was before: {}", words(&moved.ours))),
        (true, false) => Proved::Unknown(format!("it could not be read: {}", moved.unread.into_iter().collect::<Vec<_>>().join(", "))),
        (true, true) => Proved::Holds(Vec::new()),
    }
}

/// What of a change that was rolled back is not as it was before; `predicted` is how the rehearsal saw its end. What runs
/// and what does not counts where the change itself turns something off or on; else somebody else did that.
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

/// What somebody has changed since a run of what an undo of it takes back.
pub fn foreign(change: &Change, restore: &Restore, now: &Value) -> Moved {
    Comparing::of(change).moved(&restore.found, OtherEnd::Recorded(&restore.to), now)
}

#[cfg(test)]
mod tests;
