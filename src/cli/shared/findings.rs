//! `--findings`: the files, folders and the standard input that contain other tools' findings, and the
//! outcome of reading them. It opens what was named; intake decides what the findings are, and our own checks
//! which of them are true.

use std::{
    fs::{self, File},
    io::{self, BufReader, IsTerminal, Read},
    path::{Path, PathBuf},
};

use super::{
    account::OpenAccount,
    fail::Fail,
    lookup::{Lookup, Piped, SOURCE},
    session::Session,
};
use crate::{
    intake::{Intake, collect, model::Report, sniff},
    report::safe,
};

/// The deepest nesting of folders.
pub(super) const DEEPEST: usize = 16;
/// The largest number of files; more is a wrong folder.
const MOST_FILES: usize = 100_000;
/// The largest number of inputs that are reported by name.
const MOST_TOLD: usize = 20;
/// The content of the files, in errors.
const WHAT: &str = "findings";
/// The content of the files of an investigation.
pub const EVENTS: &str = "CloudTrail events";
/// The name of the standard input.
const STDIN: &str = "-";

/// A file that is opened when it is read, so that a folder with many files does not take as many handles.
struct Later {
    path: PathBuf,
    file: Option<BufReader<File>>,
}

impl Read for Later {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match &mut self.file {
            Some(file) => file.read(into),
            None => self.file.insert(BufReader::new(File::open(&self.path)?)).read(into),
        }
    }
}

impl Session {
    /// Lists the files that `--findings` names, with folders expanded, in the order of their names.
    ///
    /// # Errors
    /// As [`listed`].
    pub fn findings(&self) -> Result<Vec<PathBuf>, Fail> {
        listed(&self.common.findings, "--findings", WHAT)
    }

    /// Reads the inputs of `--findings` and the events of `--events-since`, and decides on each finding;
    /// `None` if neither is given. An input that could not be read to its end is reported on stderr.
    ///
    /// # Errors
    /// When an input is not found, or the events cannot be read (exit 2).
    pub async fn intake(&self, door: &OpenAccount) -> Result<Option<Intake>, Fail> {
        let lookup = Lookup::asked(self, door)?;
        if self.common.findings.is_empty() && lookup.is_none() {
            return Ok(None);
        }
        let files = self.findings()?;
        let count = files.len();
        let (owner, regions) = (door.account.identity().owner.clone(), door.regions.clone());
        // Reading waits for files, for the standard input and for AWS: it is done on a thread that may block.
        let (mut sink, events) = Piped::new();
        let looked_up = lookup.is_some();
        let reading = tokio::task::spawn_blocking(move || {
            let mut inputs: Vec<(String, Box<dyn Read>)> = files.into_iter().map(input).collect();
            if looked_up {
                inputs.push((SOURCE.to_owned(), Box::new(events)));
            }
            collect(inputs, &owner, &regions)
        });
        if let Some(lookup) = lookup {
            lookup.run(self.out, &mut sink).await?;
        }
        drop(sink);
        let intake = reading
            .await
            .map_err(|error| Fail::failure("the findings could not be read").why(error.to_string()))?;
        understood(intake.reports.get(..count).unwrap_or_default(), WHAT)?;
        self.remark_on(&intake.reports, WHAT);
        Ok(Some(intake))
    }

    /// Reports on stderr which inputs contain nothing, were not read to their end, or were not accepted.
    pub(super) fn remark_on(&self, reports: &[Report], what: &str) {
        for report in reports {
            if report.read == 0 && report.declined.is_none() {
                self.out.say(&safe::text(&format!("{}: {}, no {what} in it", report.input, report.kind())));
            }
            if let Some(why) = &report.incomplete {
                self.out.always(&safe::text(&format!(
                    "warning: {}: incomplete: {why}; the rest of it was read",
                    report.input
                )));
            }
            if let Some(why) = &report.declined {
                self.out.always(&safe::text(&format!(
                    "warning: {}: {}not accepted: {why}",
                    report.input,
                    format_words(report)
                )));
            }
        }
    }
}

/// Lists the files that an option names, with folders expanded, in the order of their names.
///
/// # Errors
/// When a path is not found or cannot be read (exit 2).
pub fn listed(paths: &[PathBuf], flag: &str, what: &str) -> Result<Vec<PathBuf>, Fail> {
    let mut files = Vec::new();
    for path in paths {
        if path.as_os_str() == STDIN {
            if files.contains(path) {
                return Err(Fail::usage(format!("{flag} - is given twice, and there is one standard input")));
            }
            if io::stdin().is_terminal() {
                return Err(Fail::usage(format!("{flag} - reads the standard input, which is the terminal"))
                    .hint(format!("pipe the {what} in, or name a file")));
            }
            files.push(path.clone());
            continue;
        }
        let kind = fs::metadata(path).map_err(|error| unreadable(path, what, &error))?;
        if kind.is_dir() {
            let before = files.len();
            folder(path, what, DEEPEST, &mut files)?;
            if files.len() == before {
                return Err(Fail::usage(format!("{}: there are no files in this folder", path.display()))
                    .why(format!("nothing was read: missing {what} do not show that the account is clean"))
                    .hint(format!("{flag} takes a file, a folder with {what}, or - for stdin")));
            }
        } else {
            File::open(path).map_err(|error| unreadable(path, what, &error))?;
            files.push(path.clone());
        }
    }
    Ok(files)
}

/// Refuses inputs of which nothing was understood: an input that nobody could read is not clean.
///
/// # Errors
/// When nothing was understood in any of them (exit 2).
pub(super) fn understood(reports: &[Report], what: &str) -> Result<(), Fail> {
    if reports.is_empty() || reports.iter().any(|report| report.declined.is_none()) {
        return Ok(());
    }
    let all = if reports.len() == 1 {
        format!("the {what} were not understood")
    } else {
        format!("none of the {} inputs of {what} was understood", reports.len())
    };
    let mut fail = Fail::usage(all);
    for report in reports.iter().take(MOST_TOLD) {
        fail = fail.why(format!(
            "{}: {}{}",
            report.input,
            format_words(report),
            report.declined.as_deref().unwrap_or_default()
        ));
    }
    if reports.len() > MOST_TOLD {
        fail = fail.why(format!("and {} more", reports.len() - MOST_TOLD));
    }
    Err(fail
        .why(
            "nothing was read or changed: an input that is not understood does not show that the account is \
             clean",
        )
        .hint("docs/intake.md lists the formats that are read"))
}

/// Returns the name of a format that is known but not accepted, for a message.
fn format_words(report: &Report) -> String {
    if sniff::declined(&report.format).is_some() { format!("{}: ", report.format) } else { String::new() }
}

/// Opens a file, or the standard input, under the name that reports give it.
pub(super) fn input(path: PathBuf) -> (String, Box<dyn Read>) {
    if path.as_os_str() == STDIN {
        return ("stdin".to_owned(), Box::new(io::stdin().lock()));
    }
    (path.display().to_string(), Box::new(Later { path, file: None }))
}

/// Collects the files of a folder. Links to folders are not followed, and names that begin with a dot are
/// left out.
///
/// # Errors
/// When a folder cannot be read, or has too many files (exit 2).
pub(super) fn folder(path: &Path, what: &str, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), Fail> {
    if depth == 0 {
        return Err(Fail::usage(format!("{}: folders are nested too deep for {what}", path.display()))
            .hint("is it the right folder?"));
    }
    let mut entries = Vec::new();
    for entry in fs::read_dir(path).map_err(|error| unreadable(path, what, &error))? {
        entries.push(entry.map_err(|error| unreadable(path, what, &error))?);
    }
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries.iter().filter(|e| !e.file_name().as_encoded_bytes().starts_with(b".")) {
        let inner = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            folder(&inner, what, depth - 1, files)?;
        } else if inner.is_file() {
            files.push(inner);
        }
        if files.len() > MOST_FILES {
            return Err(Fail::usage(format!("{}: more than {MOST_FILES} files of {what}", path.display()))
                .hint("is it the right folder?"));
        }
    }
    Ok(())
}

/// Builds the refusal of a path that cannot be read.
pub(super) fn unreadable(path: &Path, what: &str, error: &io::Error) -> Fail {
    let takes = match what {
        WHAT => "--findings takes a file, a folder, or - for stdin",
        EVENTS => "--cloudtrail takes a file, a folder, or - for stdin",
        _ => "--flow-logs takes a file or a folder",
    };
    Fail::usage(format!("{}: cannot read {what} from it", path.display())).why(error.to_string()).hint(takes)
}
