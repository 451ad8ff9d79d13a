//! Reads flow logs that are text: a header, and a record a line. It is fed with pieces of any size, keeps no
//! more than a line of them, and makes nothing for a record.

use std::{net::IpAddr, str::FromStr};

use super::{
    Bad, Flow, Layout, Outcome, Sink, Status, Way,
    layout::{Field, MOST_FIELDS},
};

/// The longest line; a record has less than 1,000 bytes.
const LONGEST: usize = 64 * 1024;

/// A log that is being read.
#[derive(Debug, Default)]
pub struct Text {
    layout: Option<Layout>,
    /// The start of a line whose end has not come yet.
    rest: Vec<u8>,
    line: u64,
    records: u64,
}

/// The ends of the fields of a line.
struct Cuts {
    ends: [usize; MOST_FIELDS],
    fields: usize,
}

impl Text {
    /// Reads the next piece.
    ///
    /// # Errors
    /// The first line that is no record, with the reason.
    pub fn feed(&mut self, mut piece: &[u8], sink: &mut impl Sink) -> Result<(), Bad> {
        let mut cuts = Cuts { ends: [0; MOST_FIELDS], fields: 0 };
        if !self.rest.is_empty() {
            let Some(end) = piece.iter().position(|byte| *byte == b'\n') else { return self.keep(piece) };
            self.keep(&piece[..end])?;
            let mut line = std::mem::take(&mut self.rest);
            line.push(b'\n');
            if let Some(length) = cuts.cut(&line) {
                self.one(&line[..length], &cuts, sink)?;
            }
            line.clear();
            self.rest = line;
            piece = &piece[end + 1..];
        }
        while let Some(length) = cuts.cut(piece) {
            self.one(&piece[..length], &cuts, sink)?;
            piece = &piece[length + 1..];
        }
        self.keep(piece)
    }

    /// Ends the log, and returns the number of its records.
    ///
    /// # Errors
    /// The last line, if it is no record: the log was cut off.
    pub fn end(mut self, sink: &mut impl Sink) -> Result<u64, Bad> {
        if !self.rest.is_empty() {
            self.feed(b"\n", sink)
                .map_err(|bad| Bad { what: format!("the log ends in the middle: {}", bad.what), ..bad })?;
        }
        if self.layout.is_none() {
            return Err(Bad { line: 1, what: "the log is empty: it has no header".to_owned() });
        }
        Ok(self.records)
    }

    /// Returns the number of lines that were read so far.
    pub fn lines(&self) -> u64 {
        self.line
    }

    fn keep(&mut self, piece: &[u8]) -> Result<(), Bad> {
        if self.rest.len() + piece.len() > LONGEST {
            return Err(Bad { line: self.line + 1, what: too_long() });
        }
        self.rest.extend_from_slice(piece);
        Ok(())
    }

    fn one(&mut self, line: &[u8], cuts: &Cuts, sink: &mut impl Sink) -> Result<(), Bad> {
        self.line += 1;
        let number = self.line;
        let bad = |what: String| Bad { line: number, what };
        if line.len() > LONGEST {
            return Err(bad(too_long()));
        }
        if line.is_empty() || line == b"\r" {
            return Ok(());
        }
        let Some(layout) = &self.layout else {
            let (layout, is_header) = first(line).map_err(bad)?;
            sink.accepts(&layout).map_err(bad)?;
            self.layout = Some(layout);
            if is_header {
                return Ok(());
            }
            self.line -= 1;
            return self.one(line, cuts, sink);
        };
        let record = Record { line, cuts, layout };
        let interface = record.field(Field::Interface).unwrap_or_default();
        let is_interface = interface == b"-" || interface.starts_with(b"eni-");
        if cuts.fields != layout.columns() || !is_interface {
            // Files that were joined have a header again in the middle.
            if let Ok((layout, true)) = first(line) {
                sink.accepts(&layout).map_err(bad)?;
                self.layout = Some(layout);
                return Ok(());
            }
            let (found, of) = (cuts.fields, layout.columns());
            if found == of {
                let what = "no network interface, as the format has it there";
                return Err(bad(wrong(Field::Interface, what, interface)));
            }
            return Err(bad(format!("{found} fields where the format has {of}: {:?}", start(line))));
        }
        self.records += 1;
        if let Some(place) = sink.place(interface) {
            sink.take(place, &record.flow().map_err(bad)?);
        }
        Ok(())
    }
}

impl Cuts {
    /// Finds the fields of the first line, and returns its length; `None` where it does not end.
    fn cut(&mut self, bytes: &[u8]) -> Option<usize> {
        self.fields = 0;
        for (at, byte) in bytes.iter().enumerate() {
            if *byte > b' ' {
                continue;
            }
            if *byte == b' ' || *byte == b'\n' {
                if self.fields < MOST_FIELDS {
                    self.ends[self.fields] = at;
                }
                self.fields += 1;
            }
            if *byte == b'\n' {
                let ends_with_return = at > 0 && bytes[at - 1] == b'\r';
                if ends_with_return && self.fields <= MOST_FIELDS {
                    self.ends[self.fields - 1] = at - 1;
                }
                return Some(at);
            }
        }
        None
    }
}

/// Returns the layout that the first line of a log shows.
fn first(line: &[u8]) -> Result<(Layout, bool), String> {
    let text = std::str::from_utf8(line).map_err(|_| "this is no text: not a flow log".to_owned())?;
    Layout::of_first(text.trim_start_matches('\u{feff}').trim_end_matches('\r'))
}

fn too_long() -> String {
    format!("the line has more than {LONGEST} bytes: this is no flow log in text")
}

/// Returns enough of a line to recognise it.
fn start(line: &[u8]) -> String {
    String::from_utf8_lossy(line).chars().take(60).collect()
}

/// One line with its fields.
struct Record<'a> {
    line: &'a [u8],
    cuts: &'a Cuts,
    layout: &'a Layout,
}

impl<'a> Record<'a> {
    /// Returns a field of the line; `None` where the log does not have it.
    fn field(&self, field: Field) -> Option<&'a [u8]> {
        let at = self.layout.at(field).filter(|at| *at < self.cuts.fields.min(MOST_FIELDS))?;
        let from = if at == 0 { 0 } else { self.cuts.ends[at - 1] + 1 };
        self.line.get(from..self.cuts.ends[at])
    }

    /// Returns a field that has a value.
    fn value(&self, field: Field) -> Option<&'a [u8]> {
        self.field(field).filter(|value| *value != b"-")
    }

    fn flow(&self) -> Result<Flow, String> {
        let mut flow = Flow {
            source: self.address(Field::Source)?,
            destination: self.address(Field::Destination)?,
            packet_source: self.address(Field::PacketSource)?,
            packet_destination: self.address(Field::PacketDestination)?,
            source_port: self.number(Field::SourcePort)?,
            destination_port: self.number(Field::DestinationPort)?,
            protocol: self.number(Field::Protocol)?,
            packets: self.number(Field::Packets)?.unwrap_or(0),
            bytes: self.number(Field::Bytes)?.unwrap_or(0),
            start: self.number::<u32>(Field::Start)?.map(i64::from),
            end: self.number::<u32>(Field::End)?.map(i64::from),
            outcome: self.value(Field::Action).map(outcome).transpose()?,
            way: self.value(Field::Direction).map(way).transpose()?,
            tcp_flags: self.number(Field::TcpFlags)?,
            status: Status::Ok,
        };
        flow.status = status(self.value(Field::Status), &flow)?;
        match (flow.start, flow.end) {
            (Some(start), Some(end)) if end < start => {
                Err(format!("the record ends at {end}, before it starts at {start}"))
            }
            _ => Ok(flow),
        }
    }

    fn address(&self, field: Field) -> Result<Option<IpAddr>, String> {
        self.parsed(field, "no address")
    }

    fn number<N: TryFrom<u64>>(&self, field: Field) -> Result<Option<N>, String> {
        let Some(value) = self.value(field) else { return Ok(None) };
        let number = digits(value).and_then(|number| N::try_from(number).ok());
        number.map(Some).ok_or_else(|| wrong(field, "no number that it can be", value))
    }

    fn parsed<T: FromStr>(&self, field: Field, what: &str) -> Result<Option<T>, String> {
        let Some(value) = self.value(field) else { return Ok(None) };
        let parsed = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
        parsed.map(Some).ok_or_else(|| wrong(field, what, value))
    }
}

fn digits(value: &[u8]) -> Option<u64> {
    if value.is_empty() || value.len() > 19 {
        return None;
    }
    value.iter().try_fold(0_u64, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u64::from(byte - b'0')))
}

/// Returns the words on a field whose value cannot be.
pub(super) fn wrong(field: Field, what: &str, value: &[u8]) -> String {
    let name = super::layout::FIELDS.iter().find(|(_, known)| *known == field).map_or("", |(name, _)| name);
    format!("{name} is {what}: {:?}", start(value))
}

pub(super) fn outcome(value: &[u8]) -> Result<Outcome, String> {
    match value {
        b"ACCEPT" => Ok(Outcome::Accepted),
        b"REJECT" => Ok(Outcome::Rejected),
        _ => Err(wrong(Field::Action, "neither ACCEPT nor REJECT", value)),
    }
}

pub(super) fn way(value: &[u8]) -> Result<Way, String> {
    match value {
        b"ingress" => Ok(Way::In),
        b"egress" => Ok(Way::Out),
        _ => Err(wrong(Field::Direction, "neither ingress nor egress", value)),
    }
}

/// Returns the status of a record; without the field, a record without addresses had no traffic.
pub(super) fn status(value: Option<&[u8]>, flow: &Flow) -> Result<Status, String> {
    match value {
        Some(b"OK") => Ok(Status::Ok),
        Some(b"NODATA") => Ok(Status::NoData),
        Some(b"SKIPDATA") => Ok(Status::SkipData),
        Some(other) => Err(wrong(Field::Status, "none of OK, NODATA and SKIPDATA", other)),
        None if flow.from().is_none() && flow.to().is_none() => Ok(Status::NoData),
        None => Ok(Status::Ok),
    }
}
