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
    /// When a path is not found or cannot be read (exit 2).
    pub fn findings(&self) -> Result<Vec<PathBuf>, Fail> {
        let mut files = Vec::new();
        for path in &self.common.findings {
            if path.as_os_str() == STDIN {
                if files.contains(path) {
                    return Err(Fail::usage("--findings - is given twice, and there is one standard input"));
                }
                if io::stdin().is_terminal() {
                    return Err(Fail::usage("--findings - reads the standard input, which is the terminal")
                        .hint("pipe the findings in, or name a file"));
                }
                files.push(path.clone());
                continue;
            }
            let kind = fs::metadata(path).map_err(|error| unreadable(path, WHAT, &error))?;
            if kind.is_dir() {
                let before = files.len();
                folder(path, WHAT, DEEPEST, &mut files)?;
                if files.len() == before {
                    return Err(Fail::usage(format!(
                        "{}: there are no files in this folder",
                        path.display()
                    ))
                    .why("nothing was read: missing findings do not show that the account is clean")
                    .hint("--findings takes a file, a folder with findings, or - for stdin"));
                }
            } else {
                File::open(path).map_err(|error| unreadable(path, WHAT, &error))?;
                files.push(path.clone());
            }
        }
        Ok(files)
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
        understood(intake.reports.get(..count).unwrap_or_default())?;
        for report in &intake.reports {
            if report.read == 0 && report.declined.is_none() {
                self.out.say(&safe::text(&format!("{}: {}, no findings in it", report.input, report.kind())));
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
        Ok(Some(intake))
    }
}

/// Refuses inputs of which nothing was understood: an input that nobody could read is not clean.
///
/// # Errors
/// When nothing was understood in any of them (exit 2).
fn understood(reports: &[Report]) -> Result<(), Fail> {
    if reports.is_empty() || reports.iter().any(|report| report.declined.is_none()) {
        return Ok(());
    }
    let what = if reports.len() == 1 {
        "the findings were not understood".to_owned()
    } else {
        format!("none of the {} inputs of findings was understood", reports.len())
    };
    let mut fail = Fail::usage(what);
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

fn input(path: PathBuf) -> (String, Box<dyn Read>) {
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
    let takes = if what == WHAT {
        "--findings takes a file, a folder, or - for stdin"
    } else {
        "--flow-logs takes a file or a folder"
    };
    Fail::usage(format!("{}: cannot read {what} from it", path.display())).why(error.to_string()).hint(takes)
}
