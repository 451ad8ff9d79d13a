//! Where words go: data to stdout, talk to stderr. A pipe that was closed is no failure. This is the one place of the
//! command line that writes to the two streams, and so the one place where text is made harmless: whatever an account, a
//! file, a store or AWS says, nothing that leaves here commands a terminal or a CI runner.

use std::io::{self, ErrorKind, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};

use super::{args::Color, fail::Fail};
use crate::report::safe;

/// The two streams, with what was asked for about them.
#[derive(Debug, Clone, Copy)]
pub struct Out {
    quiet: bool,
    color: Color,
    plain: bool,
    page: usize,
    /// Whether a CI runner reads along, and obeys some lines.
    ci: bool,
}

/// One of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Data.
    Stdout,
    /// Talk.
    Stderr,
}

impl Stream {
    /// Whether somebody sees it as it is written.
    pub fn is_terminal(self) -> bool {
        match self {
            Stream::Stdout => io::stdout().is_terminal(),
            Stream::Stderr => io::stderr().is_terminal(),
        }
    }

    /// The stream itself, for a file that leads to it: a second opening of the file behind it would write over what stands there.
    pub fn writer(self) -> Box<dyn Write + Send> {
        match self {
            Stream::Stdout => harmless(Box::new(io::stdout())),
            Stream::Stderr => harmless(Box::new(io::stderr())),
        }
    }
}

/// A writer that lets through only what commands nobody, for whatever may be read by a terminal or a CI runner.
pub fn harmless(writer: Box<dyn Write + Send>) -> Box<dyn Write + Send> {
    Box::new(Harmless { writer, held: Vec::new(), ci: under_ci() })
}

/// Holds text back until its line is whole: only then is known how the line begins, and no character is cut.
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
        // Whoever wants to know whether all was written flushes.
        let _ = self.flush();
    }
}

impl Out {
    /// The streams of this process.
    pub fn new(quiet: bool, color: Color) -> Self {
        Self { quiet, color, plain: false, page: 100, ci: under_ci() }
    }

    /// The same streams without talk.
    #[must_use]
    pub fn quieter(self) -> Self {
        Self { quiet: true, ..self }
    }

    /// The same streams with nothing drawn and no colours: lines, for screen readers and logs.
    #[must_use]
    pub fn plainer(self) -> Self {
        Self { plain: true, color: Color::Never, ..self }
    }

    /// The same streams with so many columns where they are no terminal.
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

    /// Whether text for a stream may hold colours.
    pub fn colours(self, stream: Stream) -> bool {
        self.choice(stream) != ColorChoice::Never
    }

    /// How many columns a stream has; what is not a terminal is given what `COLUMNS` says, else what fits a page.
    pub fn width(self, stream: Stream) -> usize {
        let term = match stream {
            Stream::Stdout => console::Term::stdout(),
            Stream::Stderr => console::Term::stderr(),
        };
        if stream.is_terminal() { usize::from(term.size().1).clamp(40, 120) } else { columns().unwrap_or(self.page) }
    }

    /// Data, to stdout.
    ///
    /// # Errors
    /// When stdout cannot be written for another reason than that nobody reads it any more.
    pub fn data(self, text: &str) -> Result<(), Fail> {
        let mut stream = AutoStream::new(io::stdout().lock(), self.choice(Stream::Stdout));
        match stream.write_all(safe::leaving(text, self.ci).as_bytes()).and_then(|()| stream.flush()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                Err(Fail::failure("cannot write to stdout").why(error.to_string()).hint("is the disk full? `redress show RUN` shows the run again"))
            }
            _ => Ok(()),
        }
    }

    /// A part of data that comes bit by bit, to stdout; whether anybody still reads it.
    ///
    /// # Errors
    /// As [`Out::data`].
    pub fn stream(self, text: &str) -> Result<bool, Fail> {
        let mut stream = io::stdout().lock();
        match stream.write_all(safe::leaving(text, self.ci).as_bytes()).and_then(|()| stream.flush()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(Fail::failure("cannot write to stdout").why(error.to_string()).hint("is the disk full?")),
        }
    }

    /// A line of talk, to stderr; not with `--quiet`. It is one line whatever stands in it; one empty line may come before.
    pub fn say(self, line: &str) {
        if !self.quiet {
            self.always(line);
        }
    }

    /// A line that even `--quiet` does not hold back: warnings, and what was asked for.
    pub fn always(self, line: &str) {
        let (gap, line) = line.strip_prefix('\n').map_or(("", line), |rest| ("\n", rest));
        self.talk(&format!("{gap}{}\n", safe::text(line.trim_end_matches('\n'))));
    }

    /// Lines that a report has rendered, to stderr; not with `--quiet`.
    pub fn show(self, rendered: &str) {
        if !self.quiet {
            self.show_always(rendered);
        }
    }

    /// Rendered lines that even `--quiet` does not hold back: questions.
    pub fn show_always(self, rendered: &str) {
        let end = if rendered.ends_with('\n') { "" } else { "\n" };
        self.talk(&format!("{rendered}{end}"));
    }

    /// A failure, to stderr.
    pub fn fail(self, fail: &Fail) {
        self.talk(&fail.text());
    }

    fn talk(self, text: &str) {
        let mut stream = AutoStream::new(io::stderr().lock(), self.choice(Stream::Stderr));
        // There is nobody left to tell if this fails.
        let _ = stream.write_all(safe::leaving(text, self.ci).as_bytes());
    }

    /// Whether someone sits there who can be asked.
    pub fn can_ask(self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Whether bars and spinners may be drawn.
    pub fn can_draw(self) -> bool {
        !self.quiet && !self.plain && io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|t| t != "dumb")
    }

    /// Whether talk is wanted at all.
    pub fn talks(self) -> bool {
        !self.quiet
    }
}

/// The width that the environment asks for (`COLUMNS`, as POSIX has it for programs that write tables); what is no width counts
/// for nothing, and what is too narrow for any word is taken for the narrowest.
fn columns() -> Option<usize> {
    let asked: usize = std::env::var("COLUMNS").ok()?.trim().parse().ok()?;
    (asked > 0).then(|| asked.clamp(40, 1000))
}

/// <https://no-color.org>: set and not empty.
fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty())
}

/// Whether a CI runner reads what is said: they all say so in the environment, most of them by `CI`.
fn under_ci() -> bool {
    let says = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "false");
    ["CI", "GITHUB_ACTIONS", "GITLAB_CI", "TF_BUILD", "TEAMCITY_VERSION"].into_iter().any(says)
}

/// Where the lines of the log go: to stderr like all talk, each made harmless. The SDK's hold what AWS and the programs that
/// fetch credentials have said.
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
