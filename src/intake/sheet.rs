//! Separated values, recognised by their first line: the separator, the line ending, and the owner of the
//! columns. Spreadsheets rewrite a table with another separator, and old ones end lines with a bare carriage
//! return; the names of the columns stay.

use super::{
    cloudtrail::columns,
    csv::{self, Sheet},
    prowler,
};

/// The tool that the columns belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Columns {
    /// Prowler's findings, with the name of the format.
    Prowler(&'static str),
    /// CloudTrail's events.
    CloudTrail,
    /// Prowler's compliance tables, which repeat its findings.
    Compliance,
}

/// All separators that are tried.
const SEPARATORS: [u8; 4] = [b';', b',', b'\t', b'|'];

/// Recognises a table by its beginning, if its columns are known.
pub fn told(head: &[u8]) -> Option<(Sheet, Columns)> {
    sheets(head).find_map(|sheet| {
        let columns = prowler::columns(&sheet.header).map(Columns::Prowler);
        let columns = columns.or_else(|| columns::is(&sheet.header).then_some(Columns::CloudTrail));
        let columns =
            columns.or_else(|| prowler::is_compliance(&sheet.header).then_some(Columns::Compliance));
        Some((sheet, columns?))
    })
}

/// Returns the names in a first line that looks like a table's header, if the columns are not known.
pub fn names(head: &[u8]) -> Option<Vec<String>> {
    let word = |cell: &String| {
        !cell.is_empty() && cell.len() <= 64 && !cell.contains(['{', '}', '[', ']', '<', '>'])
    };
    sheets(head)
        .map(|sheet| sheet.header)
        .filter(|header| header.len() >= 3 && header.iter().all(word))
        .max_by_key(Vec::len)
}

fn sheets(head: &[u8]) -> impl Iterator<Item = Sheet> + '_ {
    SEPARATORS.into_iter().map(|separator| csv::sheet(head, separator))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_known_by_their_names_whatever_separates_them() {
        let line = "AUTH_METHOD;TIMESTAMP;\"CHECK_ID\";STATUS;REGION";
        for separator in [";", ",", "\t", "|"] {
            for end in ["\n", "\r\n", "\r"] {
                let head = format!("{}{end}a{separator}b", line.replace(';', separator));
                let (sheet, columns) = told(head.as_bytes()).unwrap();
                assert_eq!(
                    (sheet.separator, columns),
                    (separator.as_bytes()[0], Columns::Prowler("Prowler 4/5 CSV")),
                    "{head:?}"
                );
                assert_eq!(sheet.line, if end == "\r" { b'\r' } else { b'\n' });
            }
        }
        assert_eq!(told(b"\"eventtime\",\"eventname\",\"x\"\n").unwrap().1, Columns::CloudTrail);
        assert_eq!(told(b"Severity,Title,Region\n"), None);
    }

    #[test]
    fn a_table_that_nobody_knows_is_told_by_its_columns() {
        assert_eq!(names(b"Severity,Title,Region\nHIGH,x,y\n").unwrap(), ["Severity", "Title", "Region"]);
        assert_eq!(names(b"just some words of a person\n"), None);
        assert_eq!(names(b"{\"a\": 1, \"b\": 2, \"c\": 3}"), None);
    }
}
