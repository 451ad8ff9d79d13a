//! The reader of a file of waivers. Problems are reported with their places.

use std::ops::Range;

use jiff::civil::Date;
use toml::de::{DeTable, DeValue};

use super::{SECTION, Waiver, Waivers};
use crate::{
    checks,
    playbook::{
        keys::Section,
        load,
        problem::{Problem, did_you_mean},
        read::{Placed, Reader},
    },
};

/// The most characters of a text of a waiver.
const LONGEST: usize = 500;
/// The largest file of waivers, in bytes: some thousands of them.
const MOST_BYTES: usize = 1 << 20;
/// The keys of the file.
static TOP: Section = Section {
    shown: "the top level",
    doc: "A file of waivers has one section for each.",
    keys: &[super::key("waiver", "list of sections", "The waivers.")],
};

/// Reads a file of waivers. `source` is its name, for messages.
///
/// # Errors
/// All problems of the text, in the order of the file.
pub fn parse(text: &str, source: &str) -> Result<Waivers, Vec<Problem>> {
    let mut reader = Reader::new(text, source);
    let found =
        load::tables(&mut reader, text, MOST_BYTES).map(|root| all(&mut reader, root.get_ref(), text));
    match (found, reader.finish()) {
        (Some(found), problems) if problems.is_empty() => Ok(found.into()),
        (_, problems) => Err(problems),
    }
}

fn all(reader: &mut Reader<'_>, root: &DeTable<'_>, text: &str) -> Vec<Waiver> {
    reader.unknown_keys(root, &TOP);
    let Some(list) = root.get("waiver") else { return Vec::new() };
    let Some(items) = list.get_ref().as_array() else {
        let hint = "begin each with a line of its own: [[waiver]]".to_owned();
        reader.wrong_type(list, "waiver", "a list of sections", Some(hint));
        return Vec::new();
    };
    items.iter().filter_map(|item| one(reader, item, text)).collect()
}

fn one(reader: &mut Reader<'_>, item: &Placed<'_>, text: &str) -> Option<Waiver> {
    let Some(table) = item.get_ref().as_table() else {
        reader.wrong_type(item, "a waiver", "a section", None);
        return None;
    };
    reader.unknown_keys(table, &SECTION);
    let at = item.span();
    let word = |reader: &mut Reader<'_>, name: &str, hint: &str| {
        let value = reader.required(table, name, at.clone(), hint)?;
        reader.string(value, name, LONGEST).map(|word| (word, value.span()))
    };
    let check = word(reader, "check", "name the check: check = \"security-group-open-admin-port\"");
    let check = check.and_then(|(name, span)| known(reader, name, span));
    let resource = word(reader, "resource", "name its ARN or its id, or a pattern of them");
    let reason = word(reader, "reason", "why the finding may stay: whoever reads the report sees it");
    let who = word(reader, "who", "the person who decided, by whom a reader can ask");
    let until = reader
        .required(table, "until", at.clone(), "a waiver has an end: until = 2027-03-31")
        .and_then(|value| date(reader, value));
    let line = text.get(..at.start).map_or(0, |before| before.matches('\n').count()) + 1;
    Some(Waiver {
        check: check?,
        resource: resource?.0,
        reason: reason?.0,
        who: who?.0,
        until: until?,
        place: format!("{}:{line}", reader.source),
    })
}

/// Checks that a scan runs a check of this name.
fn known(reader: &mut Reader<'_>, name: String, span: Range<usize>) -> Option<String> {
    if checks::find(&name).is_some_and(|check| check.scanned) {
        return Some(name);
    }
    let all = checks::all().filter(|check| check.scanned).map(|check| check.id);
    let near = did_you_mean(&name, all).map(|meant| format!("did you mean {meant:?}?"));
    let hint = near.unwrap_or_else(|| "redress explain lists the checks".to_owned());
    reader.report(span, format!("there is no check {name:?} that a scan runs"), Some(hint));
    None
}

/// Reads a day, as TOML writes dates or in quotes.
fn date(reader: &mut Reader<'_>, value: &Placed<'_>) -> Option<Date> {
    let text = match value.get_ref() {
        DeValue::Datetime(date) if date.time.is_none() && date.offset.is_none() => date.to_string(),
        DeValue::String(text) => text.to_string(),
        _ => String::new(),
    };
    let day = text.parse().ok();
    if day.is_none() {
        let hint = "write the day alone: until = 2027-03-31".to_owned();
        reader.report(value.span(), "until must be a day of the calendar", Some(hint));
    }
    day
}
