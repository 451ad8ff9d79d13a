//! `--flow-logs`: the files and folders with flow logs, and reading them for the questions of a plan. It
//! opens what was named; what the records show is decided in [`crate::evidence`].

use std::{
    fs::File,
    io::{self, BufReader, Cursor, Read, Seek},
    path::{Path, PathBuf},
};

use flate2::read::MultiGzDecoder;

use super::{
    fail::Fail,
    findings::{DEEPEST, folder, unreadable},
    session::Session,
};
use crate::evidence::{Bad, Question, Seen, SeenTraffic, Sink, Tally, Use, text::Text};

/// The size of the pieces in which a log is read.
const PIECE: usize = 256 * 1024;
/// The first bytes of a Parquet file, and of a compressed one.
const PARQUET: [u8; 4] = *b"PAR1";
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// The content of the files, in errors.
const WHAT: &str = "flow logs";

impl Session {
    /// Lists the files that `--flow-logs` names, with folders expanded, in the order of their names.
    ///
    /// # Errors
    /// When a path is not found or cannot be read, or a folder is empty (exit 2).
    pub fn flow_logs(&self) -> Result<Vec<PathBuf>, Fail> {
        let mut files = Vec::new();
        for path in &self.common.flow_logs {
            let kind = std::fs::metadata(path).map_err(|error| unreadable(path, WHAT, &error))?;
            let before = files.len();
            if kind.is_dir() {
                folder(path, WHAT, DEEPEST, &mut files)?;
            } else {
                File::open(path).map_err(|error| unreadable(path, WHAT, &error))?;
                files.push(path.clone());
            }
            if files.len() == before {
                return Err(Fail::usage(format!("{}: there are no files in this folder", path.display()))
                    .why("nothing was read: missing logs do not show that nobody uses anything")
                    .hint("--flow-logs takes a file or a folder with flow logs"));
            }
        }
        Ok(files)
    }

    /// Reads these logs, and returns the answers to the questions, in their order.
    ///
    /// # Errors
    /// When a file is no flow log, lacks fields, or is cut off (exit 2).
    pub async fn uses(&self, files: Vec<PathBuf>, questions: Vec<Question>) -> Result<Vec<Use>, Fail> {
        Ok(self.read_flow_logs(files, Tally::new(questions)).await?.answers())
    }

    /// Reads these logs for the traffic of an address or of interfaces.
    ///
    /// # Errors
    /// As [`Session::uses`].
    pub async fn traffic(&self, files: Vec<PathBuf>, seen: Seen) -> Result<SeenTraffic, Fail> {
        Ok(self.read_flow_logs(files, seen).await?.traffic())
    }

    async fn read_flow_logs<S: Sink + Send + 'static>(
        &self,
        files: Vec<PathBuf>,
        mut sink: S,
    ) -> Result<S, Fail> {
        let count = files.len();
        // Reading waits for files: it is done on a thread that may block.
        let reading = tokio::task::spawn_blocking(move || {
            let mut records = 0;
            for file in &files {
                records += read(file, &mut sink)?;
            }
            Ok::<_, Fail>((sink, records))
        });
        let (sink, records) = reading
            .await
            .map_err(|error| Fail::failure("the flow logs could not be read").why(error.to_string()))??;
        let of = if count == 1 { "1 file".to_owned() } else { format!("{count} files") };
        self.out.say(&format!("{records} records of flow logs were read, in {of}"));
        Ok(sink)
    }
}

/// Reads one file, and returns the number of its records.
fn read(path: &Path, sink: &mut impl Sink) -> Result<u64, Fail> {
    let open = |error: io::Error| unreadable(path, WHAT, &error);
    let mut file = File::open(path).map_err(open)?;
    let mut start = Vec::new();
    file.by_ref().take(PARQUET.len() as u64).read_to_end(&mut start).map_err(open)?;
    if start == PARQUET {
        file.rewind().map_err(open)?;
        return columns(file, sink).map_err(|bad| refused(path, &bad));
    }
    let whole = Cursor::new(start.clone()).chain(file);
    if start.starts_with(&GZIP) {
        return lines(path, MultiGzDecoder::new(BufReader::with_capacity(PIECE, whole)), sink);
    }
    lines(path, whole, sink)
}

#[cfg(feature = "parquet")]
fn columns(file: File, sink: &mut impl Sink) -> Result<u64, Bad> {
    crate::evidence::parquet::read(file, sink)
}

#[cfg(not(feature = "parquet"))]
fn columns(_: File, _: &mut impl Sink) -> Result<u64, Bad> {
    let what = "this redress is built without the feature that reads Parquet: use text logs".to_owned();
    Err(Bad { line: 0, what })
}

/// Reads a log in text.
fn lines(path: &Path, mut input: impl Read, sink: &mut impl Sink) -> Result<u64, Fail> {
    let (mut text, mut piece) = (Text::default(), vec![0; PIECE]);
    loop {
        let length = match input.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                let what = format!("the file is damaged, or cut off: {error}");
                return Err(refused(path, &Bad { line: text.lines() + 1, what }));
            }
        };
        text.feed(&piece[..length], sink).map_err(|bad| refused(path, &bad))?;
    }
    text.end(sink).map_err(|bad| refused(path, &bad))
}

/// Builds the refusal of a file, with the place of the defect.
fn refused(path: &Path, bad: &Bad) -> Fail {
    let place = if bad.line > 0 { format!(", line {}", bad.line) } else { String::new() };
    Fail::usage(format!("{}{place}: {}", path.display(), bad.what))
        .why(
            "nothing was changed: a flow log that is not understood does not show that nobody uses what \
             would close",
        )
        .hint("docs/evidence.md lists the formats that are read, and what a custom format needs")
}
