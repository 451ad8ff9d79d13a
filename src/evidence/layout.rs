//! The fields of a flow log, by its header: which of them are read, and where they stand.

/// A defect of a flow log, with its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct Bad {
    /// The line, from 1; in Parquet the row.
    pub line: u64,
    /// The defect, in a phrase.
    pub what: String,
}

/// The largest number of fields in a record; AWS has less than 60.
pub const MOST_FIELDS: usize = 128;

/// A field that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Field {
    Interface,
    Source,
    Destination,
    PacketSource,
    PacketDestination,
    SourcePort,
    DestinationPort,
    Protocol,
    Packets,
    Bytes,
    Start,
    End,
    Action,
    Status,
    Direction,
    TcpFlags,
}

/// The names of the fields that are read.
pub(super) const FIELDS: [(&str, Field); 16] = [
    ("interface-id", Field::Interface),
    ("srcaddr", Field::Source),
    ("dstaddr", Field::Destination),
    ("pkt-srcaddr", Field::PacketSource),
    ("pkt-dstaddr", Field::PacketDestination),
    ("srcport", Field::SourcePort),
    ("dstport", Field::DestinationPort),
    ("protocol", Field::Protocol),
    ("packets", Field::Packets),
    ("bytes", Field::Bytes),
    ("start", Field::Start),
    ("end", Field::End),
    ("action", Field::Action),
    ("log-status", Field::Status),
    ("flow-direction", Field::Direction),
    ("tcp-flags", Field::TcpFlags),
];

/// The default format, whose records have no header where they come from CloudWatch Logs
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html>).
const DEFAULT: [&str; 14] = [
    "version",
    "account-id",
    "interface-id",
    "srcaddr",
    "dstaddr",
    "srcport",
    "dstport",
    "protocol",
    "packets",
    "bytes",
    "start",
    "end",
    "action",
    "log-status",
];

/// The places of the fields in a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    columns: usize,
    at: [Option<usize>; FIELDS.len()],
}

impl Layout {
    /// Returns the layout of fields with these names; names that redress does not read may be any.
    ///
    /// # Errors
    /// The defect of the names, in a phrase.
    pub fn of<'a>(names: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let mut layout = Self { columns: 0, at: [None; FIELDS.len()] };
        for name in names {
            if let Some((_, field)) = FIELDS.iter().find(|(known, _)| *known == name) {
                let at = &mut layout.at[*field as usize];
                if at.is_some() {
                    return Err(format!("the header names {name} twice"));
                }
                *at = Some(layout.columns);
            }
            layout.columns += 1;
        }
        Ok(layout)
    }

    /// Returns the layout that the first line of a log shows, and whether that line is a header; a record
    /// of the default format shows it too, also with the time before it that an export of CloudWatch Logs
    /// adds.
    ///
    /// # Errors
    /// The reason for which the line is neither, in a phrase.
    pub fn of_first(line: &str) -> Result<(Self, bool), String> {
        let names: Vec<&str> = line.split(' ').take(MOST_FIELDS).collect();
        if is_header(&names) {
            return Ok((Self::of(names.into_iter())?, true));
        }
        let is_default = |fields: &[&str]| {
            fields.len() == DEFAULT.len() && fields[0] == "2" && fields[2].starts_with("eni-")
        };
        if is_default(&names) {
            return Ok((Self::of(DEFAULT.into_iter())?, false));
        }
        if names.len() > 1 && is_time(names[0]) && is_default(&names[1..]) {
            return Ok((Self::of(std::iter::once("time").chain(DEFAULT))?, false));
        }
        let start: String = line.chars().take(60).collect();
        Err(format!(
            "neither a header of field names nor a record of the default format: {start:?}. A log of a \
             custom format begins with its header"
        ))
    }

    /// Returns the number of fields.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Returns where a field stands.
    pub(super) fn at(&self, field: Field) -> Option<usize> {
        self.at[field as usize]
    }

    /// Returns the names of the fields without which nobody can decide who used what, and that the log lacks.
    pub fn lacks(&self) -> Vec<&'static str> {
        let has = |field: Field| self.at(field).is_some();
        let of = [
            (has(Field::Interface), "interface-id"),
            (has(Field::Source) || has(Field::PacketSource), "srcaddr"),
            (has(Field::Destination) || has(Field::PacketDestination), "dstaddr"),
            (has(Field::DestinationPort), "dstport"),
            (has(Field::Protocol), "protocol"),
            (has(Field::Start), "start"),
            (has(Field::End), "end"),
            (has(Field::Action), "action"),
        ];
        of.into_iter().filter(|(has, _)| !has).map(|(_, name)| name).collect()
    }
}

/// Returns whether these are names of fields, at least one of them known.
fn is_header(names: &[&str]) -> bool {
    let shaped = |name: &&str| {
        name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    names.iter().all(shaped) && names.iter().any(|name| FIELDS.iter().any(|(known, _)| known == name))
}

/// Returns whether a word is a time such as `2026-11-30T06:00:00.000Z`.
fn is_time(word: &str) -> bool {
    word.parse::<jiff::Timestamp>().is_ok()
}
