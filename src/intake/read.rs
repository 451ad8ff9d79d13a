//! One input to its end: sniffed, cut into records, each handed on as what it is. Memory does not grow with the input.

use std::{collections::BTreeMap, io::Read};

use super::{
    cloudtrail,
    draft::Out,
    model::{Item, Reason, Report},
    parse, prowler,
    sniff::{self, EMPTY, EVENT, INCOMPLETE, LOG, POWERPIPE, SCOUT, UNKNOWN},
    split::{self, Piece},
    stream::Bytes,
};
use crate::resource::Owner;

/// How much of the beginning is looked at.
const HEAD: usize = 16 << 10;

/// Reads an input. What Cloud Custodian matched is handed on as it is, since only a policy says what it means.
pub fn read<'r>(source_name: &str, input: Box<dyn Read + 'r>, sink: &mut dyn FnMut(Item)) -> Report {
    read_at(source_name, input, None, sink)
}

/// The same, with account and region for the one format that names neither.
pub fn read_at<'r>(source_name: &str, input: Box<dyn Read + 'r>, home: Option<(&Owner, Option<&str>)>, sink: &mut dyn FnMut(Item)) -> Report {
    let mut bytes = Bytes::new(input);
    let mut reading = Reading { formats: BTreeMap::new(), last: UNKNOWN, malformed: None, around: false };
    let mut out = Out { input: source_name, sink, read: 0, counts: BTreeMap::new(), home };
    let head = bytes.head(HEAD);
    let first = bytes.after_white();
    let mut declined = None;
    let ended = match (first, prowler::csv_kind(&head)) {
        (_, Some((separator, format))) => {
            let cut = prowler::csv(&mut bytes, separator, format, &mut out);
            reading.formats.insert(format, out.read);
            cut
        }
        (Some(b'{' | b'['), None) => split::split(&mut bytes, &mut |piece| reading.piece(piece, &mut out)).err(),
        (first, None) => {
            let format = by_text(&head);
            reading.formats.insert(if first.is_none() { EMPTY } else { format }, 0);
            declined = (format == UNKNOWN && first.is_some()).then(|| why_unknown(&head).to_owned());
            None
        }
    };
    let format = reading.format();
    declined = declined.or_else(|| sniff::declined(format).map(str::to_owned)).or_else(|| (format == UNKNOWN).then(|| why_unknown(&head).to_owned()));
    Report {
        input: super::text::clean(source_name, super::text::LONG),
        format: format.to_owned(),
        formats: reading.formats.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect(),
        read: out.read,
        counts: out.counts.iter().map(|(word, n)| ((*word).to_owned(), *n)).collect(),
        bytes: bytes.read,
        incomplete: bytes.stopped.or(ended).or(reading.malformed),
        declined,
    }
}

fn by_text(head: &str) -> &'static str {
    let head = head.trim_start();
    if head.starts_with("scoutsuite_results") {
        SCOUT
    } else if head.starts_with("group_id,title,description,control_id") {
        POWERPIPE
    } else {
        UNKNOWN
    }
}

fn why_unknown(head: &str) -> &'static str {
    // UTF-16 leaves every other byte zero, whatever its mark.
    if head.chars().take(64).filter(|c| *c == '\0').count() > 8 {
        "it is not in a format that is known: it seems to be UTF-16; write it anew as UTF-8"
    } else {
        "it is not in a format that is known"
    }
}

/// What is known so far.
struct Reading {
    formats: BTreeMap<&'static str, u64>,
    last: &'static str,
    malformed: Option<String>,
    /// A list of records was seen, if an empty one.
    around: bool,
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
        if (log || self.last == EVENT)
            && let Some(reason) = cloudtrail::skim(piece.text)
        {
            out.count(reason);
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

    /// What stands around a list of records may say that not all are there.
    fn told(&mut self, piece: &Piece<'_>) {
        if !piece.cut
            && piece.keys.iter().any(|key| key == INCOMPLETE)
            && let Ok(value) = parse::parse(piece.text)
            && let Some(why) = value.get(INCOMPLETE).and_then(|why| why.as_str())
        {
            self.malformed.get_or_insert_with(|| super::text::clean(why, super::text::LONG));
        }
    }

    fn note(&mut self, format: &'static str) {
        self.last = format;
        *self.formats.entry(format).or_default() += 1;
    }

    fn broken(&mut self, why: &str, out: &mut Out<'_>) {
        out.count(Reason::Incomplete);
        self.malformed.get_or_insert_with(|| format!("a record could not be read: {}", super::text::short(why)));
    }

    /// What most of the records are; what is unknown or declined only if nothing is taken.
    fn format(&self) -> &'static str {
        let rank = |name: &&str| (*name != UNKNOWN, sniff::declined(name).is_none(), self.formats.get(*name).copied());
        let best = self.formats.keys().copied().max_by_key(|name| rank(name));
        best.unwrap_or(if self.around || self.malformed.is_none() { EMPTY } else { UNKNOWN })
    }
}
