//! `--findings`: the files, folders and the standard input that other tools' findings stand in, and what came of them.
//! It opens what was named; what is in it is for intake to say, and what is true of it for our own checks.

use std::{
    fs::{self, File},
    io::{self, BufReader, IsTerminal, Read},
    path::{Path, PathBuf},
};

use super::{
    account::Door,
    fail::Fail,
    lookup::{Lookup, Piped, SOURCE},
    session::Session,
};
use crate::intake::{Intake, collect};

/// Folders in folders, at most so deep.
const DEEPEST: usize = 16;
/// So many files at most; more is a wrong folder.
const MOST_FILES: usize = 100_000;
/// The name of the standard input.
const STDIN: &str = "-";

/// A file that is opened when it is read, so that a folder of many does not take as many handles.
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
    /// The files that `--findings` names, folders taken apart, in the order of their names.
    ///
    /// # Errors
    /// What is not there or cannot be read (exit 2).
    pub fn findings(&self) -> Result<Vec<PathBuf>, Fail> {
        let mut files = Vec::new();
        for path in &self.common.findings {
            if path.as_os_str() == STDIN {
                if files.contains(path) {
                    return Err(Fail::usage("--findings - is given twice, and there is one standard input"));
                }
                if io::stdin().is_terminal() {
                    return Err(Fail::usage("--findings - reads the standard input, which is the terminal").hint("pipe the findings in, or name a file"));
                }
                files.push(path.clone());
                continue;
            }
            let kind = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
            if kind.is_dir() {
                folder(path, DEEPEST, &mut files)?;
            } else {
                File::open(path).map_err(|error| unreadable(path, &error))?;
                files.push(path.clone());
            }
        }
        Ok(files)
    }

    /// Reads what `--findings` names and `--events-since` asks for, and decides on each finding; nothing where neither is
    /// given. What could not be read to its end is said on stderr.
    ///
    /// # Errors
    /// What is not there, and events that cannot be had (exit 2).
    pub async fn intake(&self, door: &Door) -> Result<Option<Intake>, Fail> {
        let lookup = Lookup::asked(self, door)?;
        if self.common.findings.is_empty() && lookup.is_none() {
            return Ok(None);
        }
        let files = self.findings()?;
        let (owner, regions) = (door.account.identity().owner.clone(), door.regions.clone());
        // Reading waits for files, for the standard input and for AWS: on a thread that may.
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
        let intake = reading.await.map_err(|error| Fail::failure("the findings could not be read").why(error.to_string()))?;
        for report in &intake.reports {
            if let Some(why) = &report.incomplete {
                self.out.always(&format!("warning: {}: not whole: {why}; what it holds was read", report.input));
            }
            if let Some(why) = &report.declined {
                self.out.always(&format!("warning: {}: not taken: {why}", report.input));
            }
        }
        Ok(Some(intake))
    }
}

fn input(path: PathBuf) -> (String, Box<dyn Read>) {
    if path.as_os_str() == STDIN {
        return ("stdin".to_owned(), Box::new(io::stdin().lock()));
    }
    (path.display().to_string(), Box::new(Later { path, file: None }))
}

/// The files of a folder. Links to folders are not followed, and names that begin with a dot are left out.
fn folder(path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), Fail> {
    if depth == 0 {
        return Err(Fail::usage(format!("{}: folders are nested too deep for findings", path.display())).hint("is it the right folder?"));
    }
    let mut entries = Vec::new();
    for entry in fs::read_dir(path).map_err(|error| unreadable(path, &error))? {
        entries.push(entry.map_err(|error| unreadable(path, &error))?);
    }
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries.iter().filter(|e| !e.file_name().as_encoded_bytes().starts_with(b".")) {
        let inner = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            folder(&inner, depth - 1, files)?;
        } else if inner.is_file() {
            files.push(inner);
        }
        if files.len() > MOST_FILES {
            return Err(Fail::usage(format!("{}: more than {MOST_FILES} files of findings", path.display())).hint("is it the right folder?"));
        }
    }
    Ok(())
}

fn unreadable(path: &Path, error: &io::Error) -> Fail {
    Fail::usage(format!("{}: cannot read findings from it", path.display())).why(error.to_string()).hint("--findings takes a file, a folder, or - for stdin")
}
