//! One input from start to end: recognised, cut into records, each passed on as an item of its kind.
//! Memory does not grow with the input. An input of which nothing was understood is distinguished from one
//! that contains nothing.

use std::{collections::BTreeMap, io::Read};

use super::{
    cloudtrail::{self, columns},
    draft::Out,
    encoding,
    model::{EMPTY, Item, Reason, Report},
    parse, prowler,
    sheet::{self, Columns},
    sniff::{self, COMPLIANCE, EVENT, HTML, INCOMPLETE, LOG, POWERPIPE, SCOUT, UNKNOWN},
    split::{self, Piece},
    stream::Bytes,
    tap::Tap,
};
use crate::resource::Owner;

/// The number of bytes at the beginning that are looked at.
const HEAD: usize = 16 << 10;

/// Reads an input. Resources that Cloud Custodian matched are passed on unchanged, since only a policy
/// gives them a meaning.
pub fn read<'r>(source_name: &str, input: Box<dyn Read + 'r>, sink: &mut dyn FnMut(Item)) -> Report {
    read_at(source_name, input, None, sink)
}

/// Reads an input, with the account and the region for the one format that names neither.
pub fn read_at<'r>(
    source_name: &str,
    input: Box<dyn Read + 'r>,
    home: Option<(&Owner, Option<&str>)>,
    sink: &mut dyn FnMut(Item),
) -> Report {
    read_out(input, &mut Out { input: source_name, sink, read: 0, counts: BTreeMap::new(), home, tap: None })
}

/// Reads an input for the CloudTrail events in it, which go whole to the tap.
pub fn events<'r>(source_name: &str, input: Box<dyn Read + 'r>, tap: &mut impl Tap) -> Report {
    let mut sink = |_| {};
    let (counts, tap) = (BTreeMap::new(), Some(tap as &mut dyn Tap));
    read_out(input, &mut Out { input: source_name, sink: &mut sink, read: 0, counts, home: None, tap })
}

fn read_out<'r>(input: Box<dyn Read + 'r>, out: &mut Out<'_>) -> Report {
    let mut bytes = Bytes::new(input);
    let mut reading = Reading::default();
    let head = bytes.head(HEAD);
    let first = bytes.after_white();
    let mut declined = None;
    let ended = match first {
        None => {
            reading.formats.insert(EMPTY, 0);
            declined = Some(
                if bytes.read == 0 { "it is empty" } else { "there is nothing but white space in it" }
                    .to_owned(),
            );
            None
        }
        Some(b'{' | b'[') if encoding::no_text(&head).is_none() => {
            reading.around = first == Some(b'[');
            split::split(&mut bytes, &mut |piece| reading.piece(piece, out)).err()
        }
        Some(_) => match sheet::told(&head) {
            Some((sheet, Columns::Prowler(format))) => {
                let cut = prowler::csv(&mut bytes, &sheet, format, out);
                reading.table(format, out, cut)
            }
            Some((sheet, Columns::CloudTrail)) => {
                declined = columns::lacks(&sheet.header);
                let cut = if declined.is_none() { columns::read(&mut bytes, &sheet, out) } else { None };
                reading.table(columns::FORMAT, out, cut)
            }
            Some((_, Columns::Compliance)) => reading.table(COMPLIANCE, out, None),
            None => {
                let format = by_text(&head);
                reading.formats.insert(format, 0);
                declined = (format == UNKNOWN).then(|| why_unknown(&head));
                None
            }
        },
    };
    let format = reading.format();
    let incomplete = bytes
        .stopped
        .or(ended)
        .or(reading.broken.clone())
        .or(reading.gap.clone())
        .or_else(|| reading.strange());
    let declined = declined.or_else(|| reading.not_taken(incomplete.as_deref(), &head));
    Report {
        input: super::text::clean(out.input, super::text::LONG),
        format: format.to_owned(),
        formats: reading.formats.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect(),
        read: out.read,
        counts: out.counts.iter().map(|(word, n)| ((*word).to_owned(), *n)).collect(),
        bytes: bytes.read,
        incomplete,
        declined,
    }
}

/// Returns the format of an input that is neither JSON nor a known table.
fn by_text(head: &[u8]) -> &'static str {
    if let Some(format) = encoding::no_text(head) {
        return format;
    }
    let text = String::from_utf8_lossy(head);
    let text = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    let begins = |word: &str| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    if begins("scoutsuite_results") {
        SCOUT
    } else if begins("group_id,title,description,control_id") {
        POWERPIPE
    } else if begins("<!doctype html") || begins("<html") {
        HTML
    } else {
        UNKNOWN
    }
}

fn why_unknown(head: &[u8]) -> String {
    let known = "it is not in a format that is known";
    if head.contains(&0) {
        return format!("{known}: it is no text");
    }
    match sheet::names(head) {
        Some(names) => {
            let shown: Vec<String> = names.iter().take(8).map(|name| super::text::short(name)).collect();
            let more = if names.len() > shown.len() { ", ..." } else { "" };
            format!(
                "{known}: it looks like a table, but not one with these columns: {}{more}",
                shown.join(", ")
            )
        }
        None => known.to_owned(),
    }
}

/// The state of reading an input.
#[derive(Default)]
struct Reading {
    formats: BTreeMap<&'static str, u64>,
    /// The format of the last record.
    last: &'static str,
    /// The reason why a record could not be read.
    broken: Option<String>,
    /// The gap that the document itself reports.
    gap: Option<String>,
    /// A list of records was seen, even an empty one.
    around: bool,
    /// A table was read to its end and has no rows.
    no_rows: bool,
}

impl Reading {
    fn piece(&mut self, piece: Piece<'_>, out: &mut Out<'_>) {
        if piece.around {
            self.around = true;
            return self.told(&piece);
        }
        if piece.cut {
            match sniff::by_keys(piece.keys) {
                Some(format) => self.note(format),
                None => self.broken("a record is cut off or too large", out),
            }
            return;
        }
        let log = piece.list == "Records";
        if (log || self.last == EVENT) && self.skimmed(piece.text, out) {
            return self.note(if log { LOG } else { EVENT });
        }
        match parse::parse(piece.text) {
            Ok(value) => {
                let format = sniff::dispatch(piece.list, &value, out);
                self.note(format);
            }
            Err(why) => self.broken(&why, out),
        }
    }

    /// Counts a record that is known by its text alone. Returns whether it was counted.
    fn skimmed(&self, text: &[u8], out: &mut Out<'_>) -> bool {
        if let Some(passed) = out.passes_over(text) {
            return passed;
        }
        let reason = cloudtrail::skim(text);
        if let Some(reason) = reason {
            out.count(reason);
        }
        reason.is_some()
    }

    /// Notes the gap that the text around a list of records reports, if it does.
    fn told(&mut self, piece: &Piece<'_>) {
        if !piece.cut
            && piece.keys.iter().any(|key| key == INCOMPLETE)
            && let Ok(value) = parse::parse(piece.text)
            && let Some(why) = value.get(INCOMPLETE).and_then(|why| why.as_str())
        {
            self.gap.get_or_insert_with(|| super::text::clean(why, super::text::LONG));
        }
    }

    fn note(&mut self, format: &'static str) {
        self.last = format;
        *self.formats.entry(format).or_default() += 1;
    }

    fn broken(&mut self, why: &str, out: &mut Out<'_>) {
        out.count(Reason::Incomplete);
        self.broken.get_or_insert_with(|| format!("a record could not be read: {}", super::text::short(why)));
    }

    /// Returns the format of most records; an unknown or declined one only if nothing was taken.
    fn format(&self) -> &'static str {
        let rank = |name: &&str| {
            (*name != UNKNOWN, sniff::declined(name).is_none(), self.formats.get(*name).copied())
        };
        let best = self.formats.keys().copied().max_by_key(|name| rank(name));
        best.unwrap_or(if self.around || self.broken.is_none() { EMPTY } else { UNKNOWN })
    }

    /// Notes that a table was read. Returns the reason why it was cut, unchanged.
    fn table(&mut self, format: &'static str, out: &Out<'_>, cut: Option<String>) -> Option<String> {
        let incomplete = out.counts.get(Reason::Incomplete.name()).copied().unwrap_or(0);
        self.no_rows = out.read == 0 && cut.is_none();
        // A table of which no row could be read was not understood.
        if out.read > 0 && out.read == incomplete {
            self.broken.get_or_insert_with(|| "none of its rows has the values that are needed".to_owned());
        }
        self.formats.insert(if out.read > incomplete || self.no_rows { format } else { UNKNOWN }, out.read);
        cut
    }

    /// Returns whether anything was understood: records of a format that is taken, or an empty list or table.
    fn understood(&self) -> bool {
        let taken = |format: &str| format != UNKNOWN && format != EMPTY && sniff::declined(format).is_none();
        let none = self.formats.keys().all(|format| *format == EMPTY) && self.around && self.broken.is_none();
        self.formats.keys().any(|format| taken(format)) || none
    }

    /// Returns the reason why an input was not taken, if nothing of it was.
    fn not_taken(&self, incomplete: Option<&str>, head: &[u8]) -> Option<String> {
        let broken = incomplete.filter(|_| self.gap.is_none());
        if self.understood() && !(broken.is_some() && self.formats.keys().all(|format| *format == EMPTY)) {
            return None;
        }
        let declined = sniff::declined(self.format()).map(str::to_owned);
        Some(declined.unwrap_or_else(|| {
            broken.map_or_else(|| why_unknown(head), |why| format!("nothing in it could be read: {why}"))
        }))
    }

    /// Reports records of an unknown kind among others that were taken.
    fn strange(&self) -> Option<String> {
        let n = self.formats.get(UNKNOWN).copied().filter(|n| *n > 0 && self.understood())?;
        Some(format!("{n} of its records {} in no format that is known", if n == 1 { "is" } else { "are" }))
    }
}
