//! One event as one line of the journal file, `redress.journal/1`: numbered, dated, and chained by a checksum, so that a
//! lost, swapped or altered line is noticed. A torn last line is what a crash leaves, and is tolerated; nothing else is.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Event;

/// The version of the format.
pub const FORMAT: &str = "redress.journal/1";

/// An event with its place in the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// [`FORMAT`].
    pub format: String,
    /// From 1, without gaps.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// What.
    pub event: Event,
    /// First 16 hex digits of SHA-256 over the former record's sum and this one's own content.
    pub sum: String,
}

/// What is wrong with a journal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// A line in the middle cannot be read.
    #[error("line {line} is not a journal record ({why}); the journal is damaged and the run must be settled by hand")]
    Unreadable {
        /// Which line, from 1.
        line: usize,
        /// Why.
        why: String,
    },
    /// A version that this program does not know.
    #[error("line {line} has the format {format:?}; this redress reads {FORMAT}: use a newer redress")]
    Version {
        /// Which line.
        line: usize,
        /// What it says.
        format: String,
    },
    /// A record is missing, out of order or altered.
    #[error("line {line} does not follow from the line before it: a record was lost, moved or altered")]
    Chain {
        /// Which line.
        line: usize,
    },
    /// The first record is not the head of a run.
    #[error("it does not begin with the record of a run's beginning; the journal is damaged and the run must be settled by hand")]
    NoHead,
}

/// The record that follows one with the sum `former`.
pub fn next(former: &str, seq: u64, at: Timestamp, event: Event) -> Record {
    let sum = sum(former, seq, at, &event);
    Record { format: FORMAT.to_owned(), seq, at, event, sum }
}

fn sum(former: &str, seq: u64, at: Timestamp, event: &Event) -> String {
    // Plain data with string keys always has a JSON form.
    let body = serde_json::to_string(event).unwrap_or_default();
    let digest = Sha256::digest(format!("{former}|{seq}|{at}|{body}"));
    digest.iter().take(8).map(|b| format!("{b:02x}")).collect()
}

/// Reads a journal: its records, and how many bytes of it are whole (a torn last line is left out).
///
/// # Errors
/// [`Damage`], which names the line.
pub fn read(text: &[u8]) -> Result<(Vec<Record>, usize), Damage> {
    let (mut records, mut whole, mut former) = (Vec::<Record>::new(), 0, String::new());
    let mut lines = text.split_inclusive(|b| *b == b'\n').peekable();
    let mut number = 0;
    while let Some(line) = lines.next() {
        number += 1;
        let last = lines.peek().is_none();
        // Torn: a crash in the middle of a write leaves a line without its end, or with zeros where a page never came.
        if !line.ends_with(b"\n") || (last && line.contains(&0)) {
            break;
        }
        let record: Record = match serde_json::from_slice(line) {
            Ok(record) => record,
            Err(error) => return Err(unreadable(number, line, &error)),
        };
        if record.format != FORMAT {
            return Err(Damage::Version { line: number, format: record.format });
        }
        if record.seq != number as u64 || record.sum != sum(&former, record.seq, record.at, &record.event) {
            return Err(Damage::Chain { line: number });
        }
        former.clone_from(&record.sum);
        whole += line.len();
        records.push(record);
    }
    Ok((records, whole))
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
#[allow(clippy::unwrap_used)]
mod tests {
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
    fn a_last_line_that_is_whole_and_yet_unreadable_is_not_taken_for_torn() {
        let mut text = journal(2);
        text += "{\"format\":\"redress.journal/2\",\"news\":1}\n";
        assert_eq!(read(text.as_bytes()), Err(Damage::Version { line: 3, format: "redress.journal/2".to_owned() }));
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
