//! Cuts separated values into rows, one at a time: quoted cells may contain separators and line breaks. The
//! size of a row is bounded.

use super::{draft::Out, model::Reason, split::MAX_RECORD, stream::Bytes};

/// A table's notation, and the names of its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    /// The byte between cells.
    pub separator: u8,
    /// The byte that ends a line: a line feed, before which a carriage return is ignored, or a
    /// carriage return alone.
    pub line: u8,
    /// The cells of the first line.
    pub header: Vec<String>,
}

/// The cells of a row under the names of their columns.
#[derive(Debug, Clone, Copy)]
pub struct Named<'r> {
    header: &'r [String],
    cells: &'r [String],
}

impl<'r> Named<'r> {
    /// Returns the cell of a column; empty if there is no such column.
    pub fn get(self, name: &str) -> &'r str {
        self.find(|column| column == name)
    }

    /// Returns the cell of the first column whose name matches.
    pub fn find(self, is: impl Fn(&str) -> bool) -> &'r str {
        self.header
            .iter()
            .position(|column| is(column))
            .and_then(|at| self.cells.get(at))
            .map_or("", String::as_str)
    }
}

/// Reads the first line of a table that has this separator.
pub fn sheet(head: &[u8], separator: u8) -> Sheet {
    // A quoted name may contain a line break, but no known name does.
    let end = head.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
    let bare = end.is_some_and(|at| {
        head.get(at..at + 2).is_some_and(|ends| matches!(ends, [b'\r', next] if *next != b'\n'))
    });
    let line = if bare { b'\r' } else { b'\n' };
    let mut state = State::default();
    for byte in head.iter().take(end.unwrap_or(head.len())) {
        state.take(*byte, separator, line);
    }
    Sheet { separator, line, header: state.end().cells.iter().map(|name| name.trim().to_owned()).collect() }
}

/// Passes on every row under the header, as cells by name. Returns the reason why the rows are
/// incomplete, if they are.
pub fn rows(
    bytes: &mut Bytes<'_>,
    sheet: &Sheet,
    out: &mut Out<'_>,
    mut each: impl FnMut(Named<'_>, &mut Out<'_>),
) -> Option<String> {
    let columns = row(bytes, sheet.separator, sheet.line)?.cells.len();
    let mut incomplete = None;
    while let Some(row) = row(bytes, sheet.separator, sheet.line) {
        let why = match row.cells.get(columns..) {
            _ if row.cut => "a row is cut off",
            None => "a row is cut off: it has fewer cells than the first line has names",
            Some([_, ..]) => {
                "a row has more cells than the first line has names: a cell without quotes contains a \
                 separator, so the cells cannot be assigned to columns"
            }
            Some([]) => {
                each(Named { header: &sheet.header, cells: &row.cells }, out);
                continue;
            }
        };
        incomplete.get_or_insert_with(|| why.to_owned());
        out.count(Reason::Incomplete);
    }
    incomplete
}

/// The cells of one row.
struct Row {
    /// The cells, as text.
    cells: Vec<String>,
    /// The row is too large, or the input ended within a quoted cell.
    cut: bool,
}

/// Returns the next row that is not blank.
fn row(bytes: &mut Bytes<'_>, separator: u8, line: u8) -> Option<Row> {
    loop {
        let row = any_row(bytes, separator, line)?;
        if row.cut || row.cells.iter().any(|c| !c.is_empty()) {
            return Some(row);
        }
    }
}

fn any_row(bytes: &mut Bytes<'_>, separator: u8, line: u8) -> Option<Row> {
    let mut state = State::default();
    let mut any = false;
    loop {
        let ahead = bytes.peeked();
        if ahead.is_empty() {
            state.cut |= state.quoted && !state.closing;
            return any.then(|| state.end());
        }
        any = true;
        let end = ahead.iter().position(|byte| state.take(*byte, separator, line));
        let n = end.map_or(ahead.len(), |at| at + 1);
        bytes.skip(n);
        if end.is_some() {
            return Some(state.end());
        }
    }
}

#[derive(Default)]
struct State {
    cells: Vec<String>,
    cell: Vec<u8>,
    size: usize,
    quoted: bool,
    /// A quote was read within a quoted cell: its end, or the first half of a doubled quote.
    closing: bool,
    cut: bool,
}

impl State {
    /// Takes one byte. Returns whether it ends the row.
    fn take(&mut self, byte: u8, separator: u8, line: u8) -> bool {
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
            b if b == line => return true,
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
        // A cell costs more than its bytes: count that as well, so that a row of separators stays small too.
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
        std::iter::from_fn(|| row(&mut bytes, b';', b'\n')).map(|r| (r.cells, r.cut)).collect()
    }

    #[test]
    fn quotes_keep_separators_and_line_breaks_and_doubled_quotes() {
        let cells = |c: &[&str]| (c.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>(), false);
        assert_eq!(
            rows("a;\"b;\nc \"\"d\"\"\";\r\n\r\n;e"),
            [cells(&["a", "b;\nc \"d\"", ""]), cells(&["", "e"])]
        );
    }

    #[test]
    fn a_quote_that_never_closes_is_one_row_cut_off() {
        assert_eq!(rows("a\n\"b;c\nd"), [(vec!["a".to_owned()], false), (vec!["b;c\nd".to_owned()], true)]);
    }

    #[test]
    fn lines_may_end_with_bare_carriage_returns() {
        let mut bytes = Bytes::new(Box::new("a;b\r\"1\r2\";3\r".as_bytes()));
        let sheet = sheet(b"a;b\r1", b';');
        let rows: Vec<Vec<String>> =
            std::iter::from_fn(|| row(&mut bytes, sheet.separator, sheet.line)).map(|r| r.cells).collect();
        assert_eq!(rows, [["a", "b"], ["1\r2", "3"]]);
    }
}
