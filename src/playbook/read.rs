//! Reads parts of a parsed TOML file as the types that they should have, and notes each part that has
//! another, with its place. It knows the shapes of values (a string, a number in a range, one of some words)
//! and nothing of playbooks.

use std::ops::{Range, RangeInclusive};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    keys::{self, Section},
    problem::{Problem, did_you_mean, hint_for},
};

/// The largest number of problems that are reported per file.
const MOST_PROBLEMS: usize = 50;

/// A value with its place.
pub type Placed<'t> = Spanned<DeValue<'t>>;

/// A name with its place.
pub type Named = (String, Range<usize>);

/// A reader of one file, which collects its problems.
pub struct Reader<'t> {
    /// The whole text of the file.
    pub text: &'t str,
    /// The name of the file.
    pub source: &'t str,
    problems: Vec<(usize, Problem)>,
}

/// Returns a value's type with its article: `a string`.
fn shape(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Returns the value of a whole number, if it is one and fits an `i64`.
pub fn whole_number(value: &DeValue<'_>) -> Option<i64> {
    value.as_integer().and_then(|n| i64::from_str_radix(n.as_str(), n.radix()).ok())
}

impl<'t> Reader<'t> {
    /// Builds a reader of a text.
    pub fn new(text: &'t str, source: &'t str) -> Self {
        Self { text, source, problems: Vec::new() }
    }

    /// Notes a problem, up to a limit: nobody reads more problems of one file, and finding the place of each
    /// takes time that grows with the file.
    pub fn report(&mut self, span: Range<usize>, what: impl AsRef<str>, hint: Option<String>) {
        if self.problems.len() >= MOST_PROBLEMS {
            return;
        }
        let start = span.start;
        self.problems.push((start, Problem::at(self.source, self.text, span, what, hint)));
    }

    /// Returns the problems in the order of the file.
    pub fn finish(mut self) -> Vec<Problem> {
        self.problems.sort_by_key(|(start, _)| *start);
        self.problems.into_iter().map(|(_, problem)| problem).collect()
    }

    /// Returns the number of problems noted so far.
    pub fn count(&self) -> usize {
        self.problems.len()
    }

    /// Notes a value of the wrong type.
    pub fn wrong_type(&mut self, value: &Placed<'_>, name: &str, expected: &str, hint: Option<String>) {
        let what = format!("{name} must be {expected}, and this is {}", shape(value.get_ref()));
        self.report(value.span(), what, hint);
    }

    /// Notes the keys of a table that a section does not have.
    pub fn unknown_keys(&mut self, table: &DeTable<'_>, section: &Section) {
        let known = section.names();
        for key in table.keys().filter(|k| !known.contains(&k.get_ref().as_ref())).take(MOST_PROBLEMS) {
            let name: &str = key.get_ref();
            let near =
                did_you_mean(name, known.iter().copied()).map(|meant| format!("did you mean {meant:?}?"));
            let hint = near.or_else(|| misplaced(name, section)).or_else(|| hint_for(name, &known));
            self.report(key.span(), format!("unknown key {name:?} {}", section.place()), hint);
        }
    }

    /// Returns the value of a required key, or notes that it is missing; `span` is the place of its table.
    pub fn required<'v, 'd>(
        &mut self,
        table: &'v DeTable<'d>,
        key: &str,
        span: Range<usize>,
        hint: &str,
    ) -> Option<&'v Placed<'d>> {
        let found = table.get(key);
        if found.is_none() {
            self.report(span, format!("missing key {key:?}"), Some(hint.to_owned()));
        }
        found
    }

    /// Reads a string that is not empty, has at most `most` characters, and no control characters.
    pub fn string(&mut self, value: &Placed<'_>, name: &str, most: usize) -> Option<String> {
        let Some(text) = value.get_ref().as_str() else {
            let hint = whole_number(value.get_ref()).map(|n| format!("put it in quotes: \"{n}\""));
            self.wrong_type(value, name, "a string", hint);
            return None;
        };
        let wrong = match text {
            _ if text.trim().is_empty() => "must not be empty".to_owned(),
            _ if text.chars().count() > most => format!("is longer than {most} characters"),
            _ if text.chars().any(char::is_control) => "holds control characters".to_owned(),
            _ => return Some(text.to_owned()),
        };
        self.report(value.span(), format!("{name} {wrong}"), None);
        None
    }

    /// Reads a list of strings that is not empty, each with its place.
    pub fn strings(&mut self, value: &Placed<'_>, name: &str, most: usize) -> Vec<Named> {
        let Some(list) = value.get_ref().as_array() else {
            let hint = value.get_ref().as_str().map(|text| format!("write a list: [{text:?}]"));
            self.wrong_type(value, name, "a list of strings", hint);
            return Vec::new();
        };
        if list.is_empty() {
            self.report(
                value.span(),
                format!("{name} is an empty list"),
                Some("leave the key out if nothing is meant".to_owned()),
            );
        }
        list.iter()
            .filter_map(|item| {
                self.string(item, &format!("each of {name}"), most).map(|text| (text, item.span()))
            })
            .collect()
    }

    /// Reads a whole number within a range; `if_less` is the hint for one below it.
    pub fn number(
        &mut self,
        value: &Placed<'_>,
        name: &str,
        range: RangeInclusive<i64>,
        if_less: Option<&str>,
    ) -> Option<i64> {
        if !value.get_ref().is_integer() {
            let quoted = value
                .get_ref()
                .as_str()
                .filter(|text| text.parse::<i64>().is_ok())
                .map(|text| format!("leave the quotes out: {text}"));
            self.wrong_type(value, name, "a whole number", quoted);
            return None;
        }
        let number = whole_number(value.get_ref()).filter(|n| range.contains(n));
        if number.is_none() {
            let hint = if_less
                .filter(|_| whole_number(value.get_ref()).is_some_and(|n| n < *range.start()))
                .map(str::to_owned);
            self.report(
                value.span(),
                format!("{name} must be between {} and {}", range.start(), range.end()),
                hint,
            );
        }
        number
    }

    /// Reads one of some words.
    pub fn choice<T: Copy>(&mut self, value: &Placed<'_>, name: &str, choices: &[(&str, T)]) -> Option<T> {
        let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
        let quoted = words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(", ");
        let Some(text) = value.get_ref().as_str() else {
            self.wrong_type(value, name, &format!("one of {quoted}"), None);
            return None;
        };
        let found = choices.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let hint = did_you_mean(text, words).map(|meant| format!("did you mean {meant:?}?"));
            self.report(value.span(), format!("{name} cannot be {text:?}: it is one of {quoted}"), hint);
        }
        found.map(|(_, meaning)| *meaning)
    }

    /// Reads a table.
    pub fn table<'v, 'd>(
        &mut self,
        value: &'v Placed<'d>,
        name: &str,
        hint: Option<String>,
    ) -> Option<&'v DeTable<'d>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.wrong_type(value, name, "a table", hint);
        }
        table
    }
}

/// Builds the hint for a key that is in the wrong section; TOML takes all that follows a `[section]` for a
/// part of it.
fn misplaced(name: &str, found_in: &Section) -> Option<String> {
    let section = keys::elsewhere(name, found_in)?;
    Some(if section.shown == keys::TOP.shown {
        format!("{name:?} belongs to {}: move it above the first [section]", section.shown)
    } else {
        format!("{name:?} belongs to {}", section.shown)
    })
}
