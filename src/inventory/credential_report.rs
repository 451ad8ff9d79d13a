//! The credential report of an account: for each user what credentials it has and when they were last used.
//! AWS makes it at most every four hours, so that it may be that old. It names no access key. Nothing here
//! judges.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Fact, Record,
    about::About,
    permissions::{On, Reading, When, on_all},
};

/// One row of the credential report (`iam:GetCredentialReport`).
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html>
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CredentialRow {
    /// The name of the user, or [`CredentialRow::ROOT`].
    pub id: String,
    /// The time at which AWS made the report.
    pub generated: Fact<Timestamp>,
    /// The time at which the user was created.
    pub user_created: Fact<Timestamp>,
    /// `true` if the user has a password for the console.
    pub password_enabled: Fact<bool>,
    /// The last use of the password; absent where none is recorded, which AWS has done since October 2014.
    pub password_last_used: Fact<Timestamp>,
    /// The time at which the password was last set; absent for a user without one.
    pub password_last_changed: Fact<Timestamp>,
    /// `true` if the user has an MFA device.
    pub mfa_active: Fact<bool>,
    /// The two access keys that a user can have.
    pub keys: Vec<ReportedKey>,
}

/// An access key in the credential report, which does not name it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReportedKey {
    /// `true` if it is active; false also where there is none.
    pub active: Fact<bool>,
    /// The time at which it was created or last activated; absent where there is none.
    pub last_rotated: Fact<Timestamp>,
    /// Its last use; absent where none is recorded.
    pub last_used: Fact<Timestamp>,
    /// The region of the last use; absent where none is recorded.
    pub region: Fact<String>,
    /// The service of the last use; absent where none is recorded.
    pub service: Fact<String>,
}

impl CredentialRow {
    /// The name of the row of the root user.
    pub const ROOT: &'static str = "<root_account>";

    /// Returns whether one of its access keys is active.
    pub fn has_active_key(&self) -> Fact<bool> {
        if self.keys.iter().any(|key| key.active == Fact::Known(true)) {
            return Fact::Known(true);
        }
        let silent = self.keys.iter().find(|key| key.active.known().is_none());
        silent.map_or(Fact::Known(false), |key| key.active.clone())
    }
}

const READ_REPORT: &[Reading] = &[
    on_all("iam:GetCredentialReport"),
    Reading {
        action: "iam:GenerateCredentialReport",
        when: When::Fact("there is no report of the last four hours"),
        on: On::All,
    },
];

impl Record for CredentialRow {
    const ABOUT: About = About { moves_by_itself: true, ..About::read_by(READ_REPORT) };
}

/// Reads the rows of a report.
///
/// # Errors
/// The reason for which it is no credential report, or not a whole one: a row that is cut off is never a user
/// without credentials.
pub fn rows(text: &str, generated: Option<Timestamp>) -> Result<Vec<CredentialRow>, String> {
    let mut lines = text.lines().map(|line| line.trim_end_matches('\r')).filter(|line| !line.is_empty());
    let header = lines.next().map(cells).unwrap_or_default();
    if !["user", "arn", "password_enabled", "mfa_active"].iter().all(|name| header.iter().any(|h| h == name))
    {
        return Err("the columns are not those of a credential report".to_owned());
    }
    lines
        .map(|line| {
            let cells = whole(cells(line), &header)
                .ok_or("a row does not have as many cells as the report has columns")?;
            Ok(row(&Row { header: &header, cells: &cells }, generated))
        })
        .collect()
}

struct Row<'r> {
    header: &'r [String],
    cells: &'r [String],
}

impl Row<'_> {
    fn cell(&self, name: &str) -> Option<&str> {
        let at = self.header.iter().position(|column| column == name)?;
        self.cells.get(at).map(String::as_str)
    }

    /// Returns a cell in the form that `read` understands. The words that stand for nothing are absent.
    fn fact<T>(&self, name: &str, read: impl FnOnce(&str) -> Option<T>) -> Fact<T> {
        match self.cell(name) {
            None => Fact::unknown(format!("the credential report has no column {name}")),
            Some("N/A" | "no_information") => Fact::Absent,
            Some("not_supported" | "") => {
                Fact::unknown(format!("the credential report does not contain {name}"))
            }
            Some(word) => read(word).map_or_else(
                || Fact::unknown(format!("the credential report has {word:?} as {name}")),
                Fact::Known,
            ),
        }
    }

    fn time(&self, name: &str) -> Fact<Timestamp> {
        self.fact(name, |word| word.parse().ok())
    }

    fn truth(&self, name: &str) -> Fact<bool> {
        self.fact(name, |word| match word.to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        })
    }

    fn word(&self, name: &str) -> Fact<String> {
        self.fact(name, |word| Some(word.to_owned()))
    }
}

fn row(row: &Row<'_>, generated: Option<Timestamp>) -> CredentialRow {
    let key = |n: u8| {
        let name = |member: &str| format!("access_key_{n}_{member}");
        ReportedKey {
            active: row.truth(&name("active")),
            last_rotated: row.time(&name("last_rotated")),
            last_used: row.time(&name("last_used_date")),
            region: row.word(&name("last_used_region")),
            service: row.word(&name("last_used_service")),
        }
    };
    CredentialRow {
        id: row.cell("user").unwrap_or_default().to_owned(),
        generated: generated
            .map_or_else(|| Fact::unknown("AWS does not say when it made the report"), Fact::Known),
        user_created: row.time("user_creation_time"),
        password_enabled: row.truth("password_enabled"),
        password_last_used: row.time("password_last_used"),
        password_last_changed: row.time("password_last_changed"),
        mfa_active: row.truth("mfa_active"),
        keys: vec![key(1), key(2)],
    }
}

/// Joins the cells of a row of which commas in the name and the ARN of its user have made several.
fn whole(mut cells: Vec<String>, header: &[String]) -> Option<Vec<String>> {
    let more = cells.len().checked_sub(header.len())?;
    if more == 0 {
        return Some(cells);
    }
    let in_front = header.iter().take(2).map(String::as_str).eq(["user", "arn"]);
    let (name, arn) = (0..=more).filter(|_| in_front).find_map(|commas| {
        let (name, arn) = (cells[..=commas].join(","), cells[commas + 1..more + 2].join(","));
        (arn.starts_with("arn:") && arn.ends_with(&format!("/{name}"))).then_some((name, arn))
    })?;
    cells.splice(..more + 2, [name, arn]);
    Some(cells)
}

/// Cuts a line into its cells. The name of a user can contain a comma, and is quoted then.
fn cells(line: &str) -> Vec<String> {
    let (mut all, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => all.push(std::mem::take(&mut cell)),
            other => cell.push(other),
        }
    }
    all.push(cell);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The columns as AWS writes them today.
    const HEADER: &str = "user,arn,user_creation_time,password_enabled,password_last_used,\
        password_last_changed,password_next_rotation,mfa_active,access_key_1_active,\
        access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,\
        access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,\
        access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,\
        cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated";

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn read(row: &str) -> CredentialRow {
        let text = format!("{HEADER}\n{row}\n");
        rows(&text, Some(time("2026-11-22T09:00:00Z"))).unwrap().remove(0)
    }

    #[test]
    fn a_row_is_read_with_what_stands_for_nothing_absent() {
        let row = read(
            "bo,arn:aws:iam::123456789012:user/bo,2024-01-02T03:04:05+00:00,true,no_information,\
             2024-01-02T03:04:06+00:00,N/A,false,true,2024-01-03T00:00:00+00:00,\
             2026-11-01T10:00:00+00:00,eu-west-1,s3,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A",
        );
        assert_eq!(row.id, "bo");
        assert_eq!(row.user_created, Fact::Known(time("2024-01-02T03:04:05Z")));
        assert_eq!(
            (row.password_enabled.clone(), row.mfa_active.clone()),
            (Fact::Known(true), Fact::Known(false))
        );
        assert_eq!(row.password_last_used, Fact::Absent, "never, or not since AWS records it");
        assert_eq!(row.keys[0].last_used, Fact::Known(time("2026-11-01T10:00:00Z")));
        assert_eq!(row.keys[0].service, Fact::Known("s3".to_owned()));
        assert_eq!(
            (row.keys[1].active.clone(), row.keys[1].last_used.clone()),
            (Fact::Known(false), Fact::Absent)
        );
        assert_eq!(row.has_active_key(), Fact::Known(true));
        assert_eq!(row.generated, Fact::Known(time("2026-11-22T09:00:00Z")));
    }

    #[test]
    fn what_the_report_does_not_contain_is_unknown_and_never_false() {
        let root = read(
            "<root_account>,arn:aws:iam::123456789012:root,2020-01-02T03:04:05+00:00,not_supported,\
             2026-11-02T00:00:00+00:00,not_supported,not_supported,true,maybe,N/A,N/A,N/A,N/A,false,N/A,N/A,\
             N/A,N/A,false,N/A,false,N/A",
        );
        assert_eq!(root.id, CredentialRow::ROOT);
        assert!(root.password_enabled.silence().is_some());
        assert!(root.keys[0].active.silence().is_some_and(|why| why.contains("maybe")));
        assert!(root.has_active_key().silence().is_some(), "one is unknown, and the other is none");
        let without =
            rows("user,arn,password_enabled,mfa_active\nbo,arn,true,true\n", None).unwrap().remove(0);
        assert!(without.keys[0].active.silence().is_some_and(|why| why.contains("access_key_1_active")));
        assert!(without.generated.silence().is_some());
    }

    #[test]
    fn a_name_with_a_comma_is_one_cell_and_a_report_that_is_cut_off_is_none() {
        assert_eq!(cells("\"a,b\",\"c\"\"d\",,e"), ["a,b", "c\"d", "", "e"]);
        let rest = "true,".repeat(19) + "true";
        for (name, path) in [("a,b", ""), ("a+b=c,d.e@f-g_h,", ""), ("bo", "x,y/")] {
            let arn = format!("arn:aws:iam::123456789012:user/{path}{name}");
            assert_eq!(read(&format!("{name},{arn},{rest}")).id, name, "commas that nobody quotes");
        }
        let odd = format!("{HEADER}\nbo,arn:aws:iam::123456789012:user/ann,x,{rest}");
        assert!(rows(&odd, None).is_err());
        let cut = format!("{HEADER}\nbo,arn:aws:iam::123456789012:user/bo,2024");
        assert!(rows(&cut, None).is_err());
        for other in ["", "<html>", "user,name\nbo,Bo\n"] {
            assert!(rows(other, None).is_err(), "{other}");
        }
    }
}
