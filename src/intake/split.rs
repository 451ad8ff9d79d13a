//! Cuts a stream of JSON into records without holding more than one: the elements of a list at the top, of
//! the lists in which exports keep their findings, or one value after another. It knows only brackets and
//! strings; the parser decides if a record is valid JSON.

use super::stream::Bytes;

/// The largest record that is kept, in bytes; CloudTrail's largest event is 1 MB, and Security Hub's
/// findings end at 240 KB.
pub const MAX_RECORD: usize = 4 << 20;
/// The maximum number of keys that are remembered of an object, and the maximum length of each:
/// enough to recognise it.
const MAX_KEYS: usize = 64;
const MAX_KEY: usize = 128;
/// The depth to which nested lists are entered.
const MAX_LISTS: u32 = 4;

/// The keys under which exports keep a list of records.
const LISTS: &[&str] = &[
    "Records",
    "Findings",
    "findings",
    "Events",
    "EvaluationResults",
    "AggregateEvaluationResults",
    "ComplianceByConfigRules",
    "AggregateComplianceByConfigRules",
    "logEvents",
    "events",
];

/// One record.
#[derive(Debug, Clone, Copy)]
pub struct Piece<'a> {
    /// The key of the list that contains it: empty at the top, `[]` in a list at the top.
    pub list: &'a str,
    /// The record's text; incomplete if `cut`.
    pub text: &'a [u8],
    /// The first keys of the object, for records at the top or in the list there.
    pub keys: &'a [String],
    /// The record is too large to be kept, or the input ended in it.
    pub cut: bool,
    /// Only the text around a list whose records were passed on one by one.
    pub around: bool,
}

/// The outcome of reading: an error if the input did not continue as it should.
type Whole = Result<(), String>;
type Sink<'s> = &'s mut dyn FnMut(Piece<'_>);

const ENDED: &str = "it ends in the middle of a record";

/// Passes on every record of the input.
///
/// # Errors
/// Fails with the reason if the input is incomplete, after everything in it has been passed on.
pub fn split(bytes: &mut Bytes<'_>, sink: Sink<'_>) -> Whole {
    let mut splitter = Splitter { bytes, text: Vec::new(), keys: Vec::new(), cut: false };
    loop {
        match splitter.bytes.after_white() {
            None => return Ok(()),
            Some(b'{') => splitter.object("", sink)?,
            Some(b'[') => splitter.list("[]", 0, sink)?,
            // Some writers of one value per line put commas between the lines.
            Some(b',') => splitter.bytes.skip(1),
            Some(_) => return Err("something follows that is not JSON".to_owned()),
        }
    }
}

struct Splitter<'b, 'r> {
    bytes: &'b mut Bytes<'r>,
    text: Vec<u8>,
    keys: Vec<String>,
    cut: bool,
}

impl Splitter<'_, '_> {
    fn keep(text: &mut Vec<u8>, cut: &mut bool, part: &[u8]) {
        let room = MAX_RECORD - text.len().min(MAX_RECORD);
        *cut |= part.len() > room;
        text.extend_from_slice(&part[..part.len().min(room)]);
    }

    fn begin(&mut self) {
        self.text.clear();
        self.keys.clear();
        self.cut = false;
    }

    fn give(&self, list: &str, around: bool, sink: Sink<'_>) {
        sink(Piece { list, text: &self.text, keys: &self.keys, cut: self.cut, around });
    }

    /// Takes bytes until `more` reports the end. Returns whether it was reached.
    fn take(&mut self, mut more: impl FnMut(&[u8]) -> (usize, bool)) -> bool {
        loop {
            let ahead = self.bytes.peeked();
            if ahead.is_empty() {
                return false;
            }
            let (n, done) = more(ahead);
            Self::keep(&mut self.text, &mut self.cut, &ahead[..n]);
            self.bytes.skip(n);
            if done {
                return true;
            }
        }
    }

    /// Takes a whole object or list. Returns whether its end was reached.
    fn nested(&mut self) -> bool {
        let (mut depth, mut string, mut escaped) = (0u64, false, false);
        self.take(|ahead| {
            let mut at = 0;
            while at < ahead.len() {
                let byte = ahead[at];
                at += 1;
                if escaped {
                    escaped = false;
                } else if string {
                    string = byte != b'"';
                    escaped = byte == b'\\';
                } else {
                    match byte {
                        b'"' => string = true,
                        b'{' | b'[' => depth += 1,
                        b'}' | b']' => depth = depth.saturating_sub(1),
                        _ => {}
                    }
                    if depth == 0 && !string && matches!(byte, b'}' | b']') {
                        return (at, true);
                    }
                }
            }
            (at, false)
        })
    }

    /// Takes a whole string. Returns whether its end was reached.
    fn string(&mut self) -> bool {
        let (mut first, mut escaped) = (true, false);
        self.take(|ahead| {
            for (n, byte) in ahead.iter().enumerate() {
                match byte {
                    _ if first => first = false,
                    _ if escaped => escaped = false,
                    b'\\' => escaped = true,
                    b'"' => return (n + 1, true),
                    _ => {}
                }
            }
            (ahead.len(), false)
        })
    }

    /// Takes a number or word. The end of the input ends it as well.
    fn scalar(&mut self) {
        self.take(|ahead| {
            let n = ahead
                .iter()
                .position(|b| {
                    matches!(b, b',' | b'}' | b']' | b'{' | b'[' | b'"' | b' ' | b'\t' | b'\r' | b'\n')
                })
                .unwrap_or(ahead.len());
            (n, n < ahead.len())
        });
    }

    fn value(&mut self, first: u8) -> bool {
        match first {
            b'{' | b'[' => self.nested(),
            b'"' => self.string(),
            _ => {
                self.scalar();
                true
            }
        }
    }

    /// Reads a list, each element of which is a record.
    fn list(&mut self, name: &str, depth: u32, sink: Sink<'_>) -> Whole {
        self.bytes.skip(1);
        loop {
            self.begin();
            let whole = match self.bytes.after_white() {
                None => {
                    return Err(
                        "its list is not closed: the writer was interrupted, or the input is cut off"
                            .to_owned(),
                    );
                }
                Some(b']') => {
                    self.bytes.skip(1);
                    return Ok(());
                }
                Some(b',') => {
                    self.bytes.skip(1);
                    continue;
                }
                Some(b'{') if name == "[]" => {
                    self.object(name, sink)?;
                    continue;
                }
                Some(b'[') if name == "[]" && depth < MAX_LISTS => {
                    self.list(name, depth + 1, sink)?;
                    continue;
                }
                Some(b'}' | b':') => return Err("its brackets do not match".to_owned()),
                Some(first) => self.value(first),
            };
            self.cut |= !whole;
            self.give(name, false, sink);
            if !whole {
                return Err(ENDED.to_owned());
            }
        }
    }

    /// Reads an object: a record, or the text around lists of records.
    fn object(&mut self, name: &str, sink: Sink<'_>) -> Whole {
        self.begin();
        let mut around = false;
        let whole = self.members(&mut around, sink);
        self.cut |= whole.is_err();
        self.give(name, around, sink);
        whole
    }

    fn members(&mut self, around: &mut bool, sink: Sink<'_>) -> Whole {
        self.one();
        loop {
            match self.bytes.after_white() {
                Some(b'}') => {
                    self.one();
                    return Ok(());
                }
                Some(b',') => self.one(),
                Some(b'"') => self.member(around, sink)?,
                Some(_) => return Err("a record is not good JSON".to_owned()),
                None => return Err(ENDED.to_owned()),
            }
        }
    }

    fn member(&mut self, around: &mut bool, sink: Sink<'_>) -> Whole {
        let start = self.text.len();
        if !self.string() {
            return Err(ENDED.to_owned());
        }
        let key = String::from_utf8_lossy(self.text.get(start + 1..self.text.len() - 1).unwrap_or_default())
            .into_owned();
        if self.bytes.after_white() != Some(b':') {
            return Err(if self.bytes.peeked().is_empty() {
                ENDED.to_owned()
            } else {
                "a record is not good JSON".to_owned()
            });
        }
        self.one();
        let list = LISTS.iter().find(|l| **l == key);
        if self.keys.len() < MAX_KEYS && key.len() <= MAX_KEY {
            self.keys.push(key);
        }
        match (self.bytes.after_white(), list) {
            (Some(b'['), Some(list)) => {
                *around = true;
                self.inner(list, sink)
            }
            (Some(first), _) => self.value(first).then_some(()).ok_or_else(|| ENDED.to_owned()),
            (None, _) => Err(ENDED.to_owned()),
        }
    }

    /// Reads the records of a list in an object, whose own text and keys are put aside meanwhile.
    fn inner(&mut self, list: &str, sink: Sink<'_>) -> Whole {
        let (mut text, keys, cut) =
            (std::mem::take(&mut self.text), std::mem::take(&mut self.keys), self.cut);
        let whole = self.list(list, 0, sink);
        text.extend_from_slice(b"[]");
        (self.text, self.keys, self.cut) = (text, keys, cut);
        whole
    }

    /// Takes one byte.
    fn one(&mut self) {
        self.take(|_| (1, true));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> (Vec<String>, Option<String>) {
        let mut seen = Vec::new();
        let mut bytes = Bytes::new(Box::new(text.as_bytes()));
        let end = split(&mut bytes, &mut |p| {
            let mark = if p.around {
                "~"
            } else if p.cut {
                "!"
            } else {
                ""
            };
            seen.push(format!("{mark}{}|{}", p.list, String::from_utf8_lossy(p.text)));
        });
        (seen, end.err())
    }

    #[test]
    fn every_way_of_writing_many_records_gives_each_of_them() {
        let one = |text: &str| pieces(text).0;
        assert_eq!(one(r#" {"a":1} "#), [r#"|{"a":1}"#]);
        assert_eq!(one("{\"a\":1}\n{\"a\":2}\r\n"), [r#"|{"a":1}"#, r#"|{"a":2}"#]);
        assert_eq!(one(r#"{"a":1}{"b":"}{"}"#), [r#"|{"a":1}"#, r#"|{"b":"}{"}"#]);
        assert_eq!(one(r#"[{"a":"\"]"},[{"b":[1]}], 7]"#), [r#"[]|{"a":"\"]"}"#, r#"[]|{"b":[1]}"#, "[]|7"]);
        assert_eq!(
            one(r#"{"x":{"Records":[1]},"Records":[{"a":1},{"b":2}],"y":null}"#),
            [r#"Records|{"a":1}"#, r#"Records|{"b":2}"#, r#"~|{"x":{"Records":[1]},"Records":[],"y":null}"#]
        );
    }

    #[test]
    fn an_input_that_is_cut_off_anywhere_gives_what_came_before_and_says_so() {
        let text = r#"{"Records": [{"a": "x\"y", "b": [1, {"c": 2}]}, {"a": 2}], "z": 1}"#;
        let first = r#"Records|{"a": "x\"y", "b": [1, {"c": 2}]}"#;
        for end in 1..text.len() {
            let (seen, why) = pieces(&text[..end]);
            assert!(why.is_some(), "{end}");
            assert_eq!(seen.first().is_some_and(|s| s == first), end >= 46, "{end}: {seen:?}");
        }
    }

    #[test]
    fn a_record_that_is_too_large_is_cut_and_the_next_is_whole() {
        let text = format!(r#"[{{"Key":1,"big":"{}"}},{{"a":1}}]"#, "x".repeat(MAX_RECORD));
        let mut seen = Vec::new();
        let mut bytes = Bytes::new(Box::new(text.as_bytes()));
        split(&mut bytes, &mut |p| seen.push((p.cut, p.text.len() <= MAX_RECORD, p.keys.to_vec()))).unwrap();
        assert_eq!(
            seen,
            [(true, true, vec!["Key".to_owned(), "big".to_owned()]), (false, true, vec!["a".to_owned()])]
        );
    }

    #[test]
    fn brackets_without_end_take_no_memory_and_no_stack() {
        for open in ["[", "{\"a\":", "[[{\"Records\":["] {
            let (_, why) = pieces(&open.repeat(300_000));
            assert!(why.is_some(), "{open}");
        }
    }
}
