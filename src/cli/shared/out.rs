//! The destinations of text: data goes to stdout, talk to stderr. A pipe that was closed is no failure. This
//! is the one place of the command line that writes to the two streams, and so the one place where text is
//! made harmless: whatever an account, a file, a store or AWS contains, nothing that leaves here controls a
//! terminal or a CI runner.

use std::{
    io::{self, ErrorKind, IsTerminal, Write},
    sync::{Mutex, MutexGuard, PoisonError},
};

use anstream::{AutoStream, ColorChoice};
use indicatif::ProgressBar;

use super::{args::Color, fail::Fail};
use crate::report::safe;

/// The two streams, with the options for them.
#[derive(Debug, Clone, Copy)]
pub struct Out {
    quiet: bool,
    color: Color,
    plain: bool,
    page: usize,
    /// `true` under a CI runner, which reads along and obeys some lines.
    ci: bool,
}

/// One of the two streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// The stream of data.
    Stdout,
    /// The stream of talk.
    Stderr,
}

impl Stream {
    /// Returns whether the stream is a terminal, where a person sees it as it is written.
    pub fn is_terminal(self) -> bool {
        match self {
            Stream::Stdout => io::stdout().is_terminal(),
            Stream::Stderr => io::stderr().is_terminal(),
        }
    }

    /// Returns the stream itself, for a file that leads to it: a second opening of the file behind it would
    /// overwrite its content.
    pub fn writer(self) -> Box<dyn Write + Send> {
        match self {
            Stream::Stdout => harmless(Box::new(io::stdout())),
            Stream::Stderr => harmless(Box::new(io::stderr())),
        }
    }
}

/// Wraps a writer whose text a terminal or a CI runner may read, so that nothing in the text controls them.
pub fn harmless(writer: Box<dyn Write + Send>) -> Box<dyn Write + Send> {
    Box::new(Harmless { writer, held: Vec::new(), ci: under_ci() })
}

/// A writer that holds text back until its line is whole: only then is known how the line begins, and no
/// character is cut.
struct Harmless {
    writer: Box<dyn Write + Send>,
    held: Vec<u8>,
    ci: bool,
}

impl Harmless {
    fn pass(&mut self, end: usize) -> io::Result<()> {
        let lines: Vec<u8> = self.held.drain(..end).collect();
        self.writer.write_all(safe::leaving(&String::from_utf8_lossy(&lines), self.ci).as_bytes())
    }
}

impl Write for Harmless {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        self.held.extend(part);
        if let Some(end) = part.iter().rposition(|byte| *byte == b'\n') {
            self.pass(self.held.len() - part.len() + end + 1)?;
        }
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pass(self.held.len())?;
        self.writer.flush()
    }
}

impl Drop for Harmless {
    fn drop(&mut self) {
        // A caller who must know whether all was written calls `flush`.
        let _ = self.flush();
    }
}

impl Out {
    /// Builds the streams of this process.
    pub fn new(quiet: bool, color: Color) -> Self {
        Self { quiet, color, plain: false, page: 100, ci: under_ci() }
    }

    /// Returns the same streams without talk.
    #[must_use]
    pub fn quieter(self) -> Self {
        Self { quiet: true, ..self }
    }

    /// Returns the same streams with nothing drawn and no colours: lines, for screen readers and logs.
    #[must_use]
    pub fn plainer(self) -> Self {
        Self { plain: true, color: Color::Never, ..self }
    }

    /// Returns the same streams with this many columns where they are not a terminal.
    #[must_use]
    pub fn narrower(self, page: usize) -> Self {
        Self { page, ..self }
    }

    fn choice(self, stream: Stream) -> ColorChoice {
        match self.color {
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
            Color::Auto if no_color() || !stream.is_terminal() => ColorChoice::Never,
            Color::Auto => ColorChoice::Auto,
        }
    }

    /// Returns whether text for a stream may contain colours.
    pub fn colours(self, stream: Stream) -> bool {
        self.choice(stream) != ColorChoice::Never
    }

    /// Returns the width of a stream in columns; a stream that is not a terminal gets the value of `COLUMNS`,
    /// else the width of a page.
    pub fn width(self, stream: Stream) -> usize {
        let term = match stream {
            Stream::Stdout => console::Term::stdout(),
            Stream::Stderr => console::Term::stderr(),
        };
        if stream.is_terminal() {
            usize::from(term.size().1).clamp(40, 120)
        } else {
            columns().unwrap_or(self.page)
        }
    }

    /// Writes data to stdout.
    ///
    /// # Errors
    /// When stdout cannot be written for any reason but a reader that has gone.
    pub fn data(self, text: &str) -> Result<(), Fail> {
        let mut stream = AutoStream::new(io::stdout().lock(), self.choice(Stream::Stdout));
        match stream.write_all(safe::leaving(text, self.ci).as_bytes()).and_then(|()| stream.flush()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                Err(Fail::failure("cannot write to stdout")
                    .why(error.to_string())
                    .hint("is the disk full? `redress show RUN` shows the run again"))
            }
            _ => Ok(()),
        }
    }

    /// Writes a part of data that comes bit by bit to stdout, and returns whether anybody still reads it.
    ///
    /// # Errors
    /// As [`Out::data`].
    pub fn stream(self, text: &str) -> Result<bool, Fail> {
        let mut stream = io::stdout().lock();
        match stream.write_all(safe::leaving(text, self.ci).as_bytes()).and_then(|()| stream.flush()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
            Err(error) => {
                Err(Fail::failure("cannot write to stdout").why(error.to_string()).hint("is the disk full?"))
            }
        }
    }

    /// Writes a line of talk to stderr, unless `--quiet` is given. It is one line whatever it contains; one
    /// empty line may come before.
    pub fn say(self, line: &str) {
        if !self.quiet {
            self.always(line);
        }
    }

    /// Writes a line that even `--quiet` does not suppress: a warning, or output that was asked for.
    pub fn always(self, line: &str) {
        let (gap, line) = line.strip_prefix('\n').map_or(("", line), |rest| ("\n", rest));
        self.talk(&format!("{gap}{}\n", safe::text(line.trim_end_matches('\n'))));
    }

    /// Writes the lines of a rendered report to stderr, unless `--quiet` is given.
    pub fn show(self, rendered: &str) {
        if !self.quiet {
            self.show_always(rendered);
        }
    }

    /// Writes rendered lines that even `--quiet` does not suppress: questions.
    pub fn show_always(self, rendered: &str) {
        let end = if rendered.ends_with('\n') { "" } else { "\n" };
        self.talk(&format!("{rendered}{end}"));
    }

    /// Writes a failure to stderr.
    pub fn fail(self, fail: &Fail) {
        self.talk(&fail.text());
    }

    fn talk(self, text: &str) {
        let mut stream = AutoStream::new(io::stderr().lock(), self.choice(Stream::Stderr));
        // Nobody is left to inform if this fails.
        let _ = stream.write_all(safe::leaving(text, self.ci).as_bytes());
    }

    /// Returns whether a person can be asked.
    pub fn can_ask(self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Returns whether bars and spinners may be drawn.
    pub fn can_draw(self) -> bool {
        !self.quiet
            && !self.plain
            && io::stderr().is_terminal()
            && std::env::var_os("TERM").is_none_or(|t| t != "dumb")
    }

    /// Returns whether talk is wanted at all.
    pub fn talks(self) -> bool {
        !self.quiet
    }
}

/// The spinner that is drawn now: there is one terminal.
static DRAWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Returns the spinner that is drawn now, if one is.
pub(super) fn drawn() -> MutexGuard<'static, Option<ProgressBar>> {
    DRAWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Shows a line that is no event of a run, by itself, whatever is drawn.
pub(super) fn aside(out: Out, text: &str) {
    let bar = drawn().clone();
    match bar {
        Some(bar) => bar.suspend(|| out.say(text)),
        None => out.say(text),
    }
}

/// Returns the width that the environment asks for (`COLUMNS`, which POSIX defines for programs that write
/// tables); an invalid width is ignored, and one that is too narrow for any word is taken for the narrowest.
fn columns() -> Option<usize> {
    let asked: usize = std::env::var("COLUMNS").ok()?.trim().parse().ok()?;
    (asked > 0).then(|| asked.clamp(40, 1000))
}

/// Checks whether `NO_COLOR` is set and not empty (<https://no-color.org>).
fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty())
}

/// Returns whether a CI runner reads the output: they all set a variable, most of them `CI`.
fn under_ci() -> bool {
    let says = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "false");
    ["CI", "GITHUB_ACTIONS", "GITLAB_CI", "TF_BUILD", "TEAMCITY_VERSION"].into_iter().any(says)
}

/// A writer of log lines, which go to stderr like all talk, each made harmless. Those of the SDK contain text
/// from AWS and from the programs that fetch credentials.
#[derive(Debug, Clone, Copy)]
pub struct Logged(pub Out);

impl Write for Logged {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.always(&String::from_utf8_lossy(line));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
