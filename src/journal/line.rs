//! One event as one line of the journal file, `redress.journal/1`: numbered, dated, and chained by a
//! checksum, so that a lost, swapped or altered line is noticed. A torn last line is left by a crash and is
//! tolerated; nothing else is.

use std::io::{self, BufRead, Read as _};

use jiff::Timestamp;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{Event, IllegalEvent, event::Record};

/// The version of the format.
pub const FORMAT: &str = "redress.journal/1";

/// The damage to a journal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// A line in the middle cannot be read.
    #[error(
        "line {line} is not a journal record ({why}); the journal is damaged and the run must be settled by \
         hand"
    )]
    Unreadable {
        /// The number of the line, from 1.
        line: usize,
        /// The reason.
        why: String,
    },
    /// A version that this program does not know.
    #[error("line {line} has the format {format:?}; this redress reads {FORMAT}: use a newer redress")]
    Version {
        /// The number of the line.
        line: usize,
        /// The format that the line names.
        format: String,
    },
    /// A record is missing, out of order or altered.
    #[error("line {line} does not follow from the line before it: a record was lost, moved or altered")]
    Chain {
        /// The number of the line.
        line: usize,
    },
    /// A record that the records before it exclude.
    #[error(
        "line {line}: {event}. No run is recorded so; the journal is damaged and the run must be settled by \
         hand"
    )]
    Order {
        /// The number of the line, from 1.
        line: u64,
        /// The event.
        event: IllegalEvent,
    },
    /// The first record is not the head of a run.
    #[error(
        "it does not begin with the record of a run's beginning; the journal is damaged and the run must be \
         settled by hand"
    )]
    NoHead,
}

/// Returns the record that follows one with the sum `former`.
pub fn next(former: &str, seq: u64, at: Timestamp, event: Event) -> Record {
    let sum = sum(former, seq, at, &event);
    Record { format: FORMAT.to_owned(), seq, at, event, sum }
}

fn sum(former: &str, seq: u64, at: Timestamp, event: &Event) -> String {
    // Plain data with string keys always has a JSON form.
    let body = serde_json::to_string(event).unwrap_or_default();
    sum_of(former, &seq.to_string(), &at.to_string(), &body)
}

fn sum_of(former: &str, seq: &str, at: &str, event: &str) -> String {
    let mut digest = Sha256::new();
    for part in [former, "|", seq, "|", at, "|", event] {
        digest.update(part);
    }
    digest.finalize().iter().take(8).map(|b| format!("{b:02x}")).collect()
}

/// The extent to which a journal was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Read {
    /// The number of records.
    pub records: u64,
    /// The number of intact bytes: a torn last line is left out.
    pub bytes: u64,
    /// The sum of the last record; empty where there is none.
    pub sum: String,
}

impl Read {
    /// Reads the next line, given without its end.
    ///
    /// # Errors
    /// [`Damage`], which names the line.
    pub fn line(&mut self, line: &[u8]) -> Result<Record, Damage> {
        let number = usize::try_from(self.records).unwrap_or(usize::MAX).saturating_add(1);
        let record = match as_written(&self.sum, line) {
            Some(record) => record,
            None => as_said(&self.sum, number, line)?,
        };
        if record.seq != self.records + 1 {
            return Err(Damage::Chain { line: number });
        }
        self.records += 1;
        self.sum.clone_from(&record.sum);
        Ok(record)
    }
}

/// Parses a record from a line as redress writes it: its sum is computed over the event's own text.
fn as_written(former: &str, line: &[u8]) -> Option<Record> {
    let rest = std::str::from_utf8(line)
        .ok()?
        .trim_end()
        .strip_prefix("{\"format\":\"redress.journal/1\",\"seq\":")?;
    let (seq, rest) = rest.split_once(",\"at\":\"")?;
    let (at, rest) = rest.split_once("\",\"event\":")?;
    let (event, sum) = rest.strip_suffix("\"}")?.rsplit_once(",\"sum\":\"")?;
    if sum != sum_of(former, seq, at, event) {
        return None;
    }
    let (seq, at, event) = (seq.parse().ok()?, at.parse().ok()?, serde_json::from_str(event).ok()?);
    Some(Record { format: FORMAT.to_owned(), seq, at, event, sum: sum.to_owned() })
}

/// Parses a record from a line in any JSON layout, and reports the damage where it is no record or does not
/// follow.
fn as_said(former: &str, number: usize, line: &[u8]) -> Result<Record, Damage> {
    let record: Record = serde_json::from_slice(line).map_err(|error| unreadable(number, line, &error))?;
    if record.format != FORMAT {
        return Err(Damage::Version { line: number, format: record.format });
    }
    if record.sum == sum(former, record.seq, record.at, &record.event) {
        Ok(record)
    } else {
        Err(Damage::Chain { line: number })
    }
}

/// The longest line that is read, in bytes: a record holds what one change touches.
const LONGEST: u64 = 64 << 20;

/// Reads a journal record by record, and hands each on. However long the journal is, one record is held at a
/// time.
///
/// # Errors
/// [`Damage`], which names the line, or the error of the reader.
pub fn each(mut journal: impl BufRead, mut take: impl FnMut(Record)) -> Result<Read, ReadError> {
    let (mut read, mut line) = (Read::default(), Vec::new());
    loop {
        line.clear();
        let length = journal.by_ref().take(LONGEST).read_until(b'\n', &mut line)? as u64;
        if length == LONGEST && !line.ends_with(b"\n") {
            let line = usize::try_from(read.records).unwrap_or(usize::MAX).saturating_add(1);
            return Err(Damage::Unreadable { line, why: format!("it is longer than {LONGEST} bytes") }.into());
        }
        // Torn: a crash in the middle of a write leaves a line without its end, or with zeros where a page
        // never came.
        if !line.ends_with(b"\n") || (line.contains(&0) && journal.fill_buf()?.is_empty()) {
            return Ok(read);
        }
        take(read.line(&line)?);
        read.bytes += length;
    }
}

/// The reason for which a journal cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The journal is damaged.
    #[error(transparent)]
    Damage(#[from] Damage),
    /// The reader fails.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads a journal from memory. Returns its records, and the number of its intact bytes.
///
/// # Errors
/// [`Damage`], which names the line.
pub fn read(text: &[u8]) -> Result<(Vec<Record>, usize), Damage> {
    let mut records = Vec::new();
    match each(text, |record| records.push(record)) {
        Ok(read) => Ok((records, usize::try_from(read.bytes).unwrap_or(usize::MAX))),
        Err(ReadError::Damage(damage)) => Err(damage),
        // Reading from memory never fails.
        Err(ReadError::Io(error)) => {
            Err(Damage::Unreadable { line: records.len() + 1, why: error.to_string() })
        }
    }
}

fn unreadable(line: usize, text: &[u8], error: &serde_json::Error) -> Damage {
    #[derive(Deserialize)]
    struct Head {
        format: String,
    }
    match serde_json::from_slice::<Head>(text) {
        Ok(head) if head.format != FORMAT => Damage::Version { line, format: head.format },
        _ => Damage::Unreadable { line, why: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn journal(events: usize) -> String {
        let mut former = String::new();
        let mut text = String::new();
        for n in 1..=events {
            let event = Event::Settled { change: "c1".into(), step: format!("s{n}") };
            let record = next(&former, n as u64, Timestamp::UNIX_EPOCH, event);
            former.clone_from(&record.sum);
            text += &serde_json::to_string(&record).unwrap();
            text.push('\n');
        }
        text
    }

    #[test]
    fn a_journal_reads_back_and_a_torn_last_line_is_left_out() {
        let text = journal(3);
        assert_eq!(read(text.as_bytes()).unwrap().0.len(), 3);
        for cut in 1..text.lines().last().unwrap().len() {
            let (records, whole) = read(&text.as_bytes()[..text.len() - cut]).unwrap();
            assert_eq!(records.len(), 2);
            assert_eq!(whole, text.match_indices('\n').nth(1).unwrap().0 + 1);
        }
    }

    #[test]
    fn a_sum_is_of_the_event_as_it_stands_in_the_line_and_a_line_that_was_written_anew_reads_the_same() {
        let text = journal(3);
        let records = read(text.as_bytes()).unwrap().0;
        assert!(text.lines().zip(&records).all(|(line, record)| {
            let former =
                if record.seq == 1 { String::new() } else { records[record.seq as usize - 2].sum.clone() };
            as_written(&former, line.as_bytes()).as_ref() == Some(record)
        }));
        // Another program has written it with spaces: the content is the same.
        let spaced = text.replace("\",\"event\":", "\", \"event\": ");
        assert_eq!(read(spaced.as_bytes()).unwrap().0, records);
    }

    #[test]
    fn a_journal_is_read_one_line_at_a_time_and_a_line_without_end_is_not_held_whole() {
        let blanks = io::repeat(b' ').take(10 << 30);
        let text = journal(2);
        let mut seen = 0;
        let error = each(io::BufReader::new(text.as_bytes().chain(blanks)), |_| seen += 1).unwrap_err();
        assert!(
            seen == 2 && matches!(error, ReadError::Damage(Damage::Unreadable { line: 3, .. })),
            "{error}"
        );
    }

    #[test]
    fn a_last_line_that_is_whole_and_yet_unreadable_is_not_taken_for_torn() {
        let mut text = journal(2);
        text += "{\"format\":\"redress.journal/2\",\"news\":1}\n";
        assert_eq!(
            read(text.as_bytes()),
            Err(Damage::Version { line: 3, format: "redress.journal/2".to_owned() })
        );
        let rubbish = journal(2) + "rubbish\n";
        assert!(matches!(read(rubbish.as_bytes()), Err(Damage::Unreadable { line: 3, .. })));
        let zeros = journal(2) + "{\"form\0\0\0\n";
        assert_eq!(read(zeros.as_bytes()).unwrap().0.len(), 2);
    }

    #[test]
    fn a_lost_moved_or_altered_line_is_named() {
        let text = journal(3);
        let lines: Vec<&str> = text.lines().collect();
        let of = |lines: &[&str]| read((lines.join("\n") + "\n").as_bytes());
        assert_eq!(of(&[lines[0], lines[2]]), Err(Damage::Chain { line: 2 }));
        assert_eq!(of(&[lines[1], lines[0], lines[2]]), Err(Damage::Chain { line: 1 }));
        let altered = lines[1].replace("s2", "s9");
        assert_eq!(of(&[lines[0], &altered, lines[2]]), Err(Damage::Chain { line: 2 }));
        assert!(matches!(of(&[lines[0], "rubbish", lines[2]]), Err(Damage::Unreadable { line: 2, .. })));
        let newer = lines[1].replace(FORMAT, "redress.journal/9");
        assert!(matches!(of(&[lines[0], &newer, lines[2]]), Err(Damage::Version { line: 2, .. })));
    }
}
