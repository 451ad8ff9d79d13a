//! Grouping of reasons that hold in several places, so that a report of 200 changes states each
//! of them once. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::words;
use crate::resource::ResourceId;

/// The number of ids that a short report lists beside one reason.
pub const LISTED: usize = 6;

/// The number of changes for which a line may be repeated before it becomes a note.
const REPEATED: usize = 10;

/// A line of a change, which other changes may have as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shared<'a> {
    /// The id of the change.
    pub change: &'a str,
    /// The kind of the change.
    pub kind: &'a str,
    /// The resource of the change.
    pub resource: &'a ResourceId,
    /// The line.
    pub text: String,
}

/// Lines that are written once for several changes, numbered in the order in which they first appear.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notes<'a> {
    all: Vec<Note<'a>>,
    numbers: BTreeMap<String, usize>,
}

/// Lines that hold for the same changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note<'a> {
    /// The lines.
    pub lines: Vec<String>,
    /// The resources of those changes.
    pub resources: Vec<&'a ResourceId>,
}

impl<'a> Notes<'a> {
    /// Collects the lines that hold for all changes of a kind, if it has several, and those that hold for
    /// many changes. Lines that only a few changes share stay with each of them: they are easier to read
    /// there. `kinds` are the kinds of all changes.
    pub fn of(lines: Vec<Shared<'a>>, kinds: &[&'a str]) -> Self {
        let mut order: Vec<Vec<Shared<'a>>> = Vec::new();
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        for line in lines {
            let place = *places.entry(line.text.clone()).or_insert(order.len());
            if place == order.len() {
                order.push(Vec::new());
            }
            order[place].push(line);
        }
        let mut changes: BTreeMap<&str, usize> = BTreeMap::new();
        kinds.iter().for_each(|kind| *changes.entry(kind).or_default() += 1);
        let whole = |of: &[Shared<'_>]| {
            let has: BTreeSet<&str> = of.iter().map(|line| line.kind).collect();
            has.iter().filter_map(|kind| changes.get(kind)).sum::<usize>() == of.len()
        };
        let mut all: BTreeMap<Vec<&str>, Note<'a>> = BTreeMap::new();
        let mut sets: Vec<Vec<&str>> = Vec::new();
        for of in order.iter().filter(|of| of.len() > REPEATED || of.len() > 1 && whole(of)) {
            let set: Vec<&str> = of.iter().map(|line| line.change).collect();
            let note = all.entry(set.clone()).or_insert_with(|| {
                sets.push(set);
                Note { lines: Vec::new(), resources: of.iter().map(|line| line.resource).collect() }
            });
            note.lines.extend(of.first().map(|line| line.text.clone()));
        }
        let all: Vec<Note<'a>> = sets.iter().filter_map(|set| all.remove(set)).collect();
        let numbers = all
            .iter()
            .enumerate()
            .flat_map(|(place, note)| note.lines.iter().map(move |line| (line.clone(), place + 1)))
            .collect();
        Self { all, numbers }
    }

    /// Returns the number of the note that holds this line, counted from 1.
    pub fn number(&self, line: &str) -> Option<usize> {
        self.numbers.get(line).copied()
    }

    /// Returns the notes with their numbers.
    pub fn numbered(&self) -> impl Iterator<Item = (usize, &Note<'a>)> {
        self.all.iter().enumerate().map(|(place, note)| (place + 1, note))
    }
}

/// Counts resources by their kind: `8 volumes`, or `8 resources` where the kinds differ.
pub fn things<'a>(resources: impl IntoIterator<Item = &'a ResourceId>) -> String {
    let resources: Vec<&ResourceId> = resources.into_iter().collect();
    let noun = match resources.split_first() {
        Some((first, rest)) if rest.iter().all(|r| r.kind() == first.kind()) => first.kind().words(),
        _ => "resource",
    };
    words::count(resources.len(), noun)
}

/// Lists resources by their ids, with the region beside each group of them; at most `most`, then the number
/// of the rest.
pub fn named(resources: &[&ResourceId], most: usize) -> String {
    let mut named: Vec<String> = resources.iter().take(most).map(|r| words::brief(r)).collect();
    if resources.len() > most {
        named.push(format!("{} more", resources.len() - most));
    }
    words::list(&named)
}

#[cfg(test)]
mod tests {
    use super::{super::sample, *};

    /// Returns the notes of changes `c0`, `c1`, ... of these kinds: each line with the number of
    /// changes that have it.
    fn noted(kinds: &[&str], lines: &[(&str, std::ops::Range<usize>)]) -> Vec<String> {
        let (resource, ids) =
            (sample::group(1), (0..kinds.len()).map(|n| format!("c{n}")).collect::<Vec<_>>());
        let of = |(text, changes): &(&str, std::ops::Range<usize>)| {
            let text = (*text).to_owned();
            changes
                .clone()
                .map(|n| Shared { change: &ids[n], kind: kinds[n], resource: &resource, text: text.clone() })
                .collect::<Vec<_>>()
        };
        let notes = Notes::of(lines.iter().flat_map(of).collect(), kinds);
        notes
            .numbered()
            .map(|(n, note)| format!("{n} {}: {}", note.resources.len(), note.lines.join("; ")))
            .collect()
    }

    #[test]
    fn what_all_changes_of_a_kind_share_is_one_note() {
        let lines = [
            ("cuts connections", 0..3),
            ("no way back", 0..3),
            ("web is cut off", 0..1),
            ("two are cut off", 0..2),
            ("costs money", 3..4),
        ];
        assert_eq!(
            noted(&["tighten", "tighten", "tighten", "copy"], &lines),
            ["1 3: cuts connections; no way back"]
        );
    }

    #[test]
    fn what_many_changes_share_is_a_note_as_well() {
        let kinds = vec!["tighten"; 20];
        assert_eq!(
            noted(&kinds, &[("no interface", 0..11), ("one interface", 11..20)]),
            ["1 11: no interface"]
        );
    }

    #[test]
    fn resources_of_different_kinds_are_resources() {
        let (group, role) = (sample::group(1), sample::owner().role("r"));
        assert_eq!(things([&group, &role]), "2 resources");
        assert_eq!(things([&group]), "1 security group");
        assert_eq!(named(&[&role, &role, &role], 2), "r, r and 1 more");
    }
}
