//! Cuts separated values into rows, one at a time: quoted cells may hold separators and line breaks. Rows are bounded.

use super::{split::MAX_RECORD, stream::Bytes};

/// One row's cells.
pub struct Row {
    /// The cells, as text.
    pub cells: Vec<String>,
    /// Too large, or the input ended within a quoted cell.
    pub cut: bool,
}

/// The next row that is not blank.
pub fn row(bytes: &mut Bytes<'_>, separator: u8) -> Option<Row> {
    loop {
        let row = any_row(bytes, separator)?;
        if row.cut || row.cells.iter().any(|c| !c.is_empty()) {
            return Some(row);
        }
    }
}

fn any_row(bytes: &mut Bytes<'_>, separator: u8) -> Option<Row> {
    let mut state = State { cells: Vec::new(), cell: Vec::new(), size: 0, quoted: false, closing: false, cut: false };
    let mut any = false;
    loop {
        let ahead = bytes.peeked();
        if ahead.is_empty() {
            state.cut |= state.quoted && !state.closing;
            return any.then(|| state.end());
        }
        any = true;
        let end = ahead.iter().position(|byte| state.take(*byte, separator));
        let n = end.map_or(ahead.len(), |at| at + 1);
        bytes.skip(n);
        if end.is_some() {
            return Some(state.end());
        }
    }
}

struct State {
    cells: Vec<String>,
    cell: Vec<u8>,
    size: usize,
    quoted: bool,
    /// A quote was seen within a quoted cell: its end, or the first half of a doubled one.
    closing: bool,
    cut: bool,
}

impl State {
    /// Whether the row ends with this byte.
    fn take(&mut self, byte: u8, separator: u8) -> bool {
        if self.quoted && !self.closing {
            match byte {
                b'"' => self.closing = true,
                _ => self.push(byte),
            }
            return false;
        }
        match byte {
            b'"' if self.closing => {
                self.closing = false;
                self.push(b'"');
            }
            b'"' if self.cell.is_empty() => self.quoted = true,
            b'\n' => return true,
            b if b == separator => self.next(),
            _ => self.push(byte),
        }
        false
    }

    fn push(&mut self, byte: u8) {
        self.size += 1;
        if self.size > MAX_RECORD {
            self.cut = true;
        } else {
            self.cell.push(byte);
        }
    }

    fn next(&mut self) {
        // A cell costs more than its bytes: count that, so that a row of separators stays small too.
        self.size += 24;
        (self.quoted, self.closing) = (false, false);
        if self.size > MAX_RECORD {
            self.cut = true;
            self.cell.clear();
        } else {
            self.cells.push(String::from_utf8_lossy(&std::mem::take(&mut self.cell)).into_owned());
        }
    }

    fn end(mut self) -> Row {
        if self.cell.last() == Some(&b'\r') {
            self.cell.pop();
        }
        self.next();
        Row { cells: self.cells, cut: self.cut }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<(Vec<String>, bool)> {
        let mut bytes = Bytes::new(Box::new(text.as_bytes()));
        std::iter::from_fn(|| row(&mut bytes, b';')).map(|r| (r.cells, r.cut)).collect()
    }

    #[test]
    fn quotes_keep_separators_and_line_breaks_and_doubled_quotes() {
        let cells = |c: &[&str]| (c.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>(), false);
        assert_eq!(rows("a;\"b;\nc \"\"d\"\"\";\r\n\r\n;e"), [cells(&["a", "b;\nc \"d\"", ""]), cells(&["", "e"])]);
    }

    #[test]
    fn a_quote_that_never_closes_is_one_row_cut_off() {
        assert_eq!(rows("a\n\"b;c\nd"), [(vec!["a".to_owned()], false), (vec!["b;c\nd".to_owned()], true)]);
    }
}
