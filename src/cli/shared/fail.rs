//! The report of a command that cannot go on: what is wrong, why it matters, what to do, and the exit code.
//! Data only.

use super::exit::Exit;
use crate::report::safe;

/// A reason to end a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fail {
    /// The code that the command ends with.
    pub exit: Exit,
    /// The problem, in one line.
    pub what: String,
    /// The reasons, or why the problem matters; one line each.
    pub why: Vec<String>,
    /// The advice on what to do.
    pub hint: Option<String>,
}

impl Fail {
    fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self { exit, what: what.into(), why: Vec::new(), hint: None }
    }
    /// Builds a failure for bad input: exit 2.
    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(Exit::Usage, what)
    }
    /// Builds a failure of something outside: exit 1.
    pub fn failure(what: impl Into<String>) -> Self {
        Self::new(Exit::Failure, what)
    }
    /// Builds a failure for something that was not allowed or not approved: exit 4.
    pub fn held(what: impl Into<String>) -> Self {
        Self::new(Exit::Held, what)
    }
    /// Adds a line with a reason.
    #[must_use]
    pub fn why(mut self, why: impl Into<String>) -> Self {
        self.why.push(why.into());
        self
    }
    /// Sets the hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Returns the lines for stderr.
    pub fn text(&self) -> String {
        let mut text = format!("error: {}\n", indented(&self.what));
        for why in &self.why {
            text.push_str(&format!("  {}\n", indented(why)));
        }
        if let Some(hint) = &self.hint {
            text.push_str(&format!("hint: {}\n", indented(hint)));
        }
        text
    }
}

/// Indents the further lines, so that they are seen to belong to the first. They contain text from files and
/// from AWS, which must not control the terminal.
fn indented(text: &str) -> String {
    text.trim_end().lines().map(safe::text).collect::<Vec<_>>().join("\n  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_why_and_what_to_do_in_this_order() {
        let fail = Fail::usage("the plan has expired").why("made on Monday\nby root").hint("make a new one");
        assert_eq!(Fail::usage("a\u{1b}[2J\u{202e}b").text(), "error: a\\u{1b}[2J\\u{202e}b\n");
        assert_eq!(
            fail.text(),
            "error: the plan has expired\n  made on Monday\n  by root\nhint: make a new one\n"
        );
    }
}
