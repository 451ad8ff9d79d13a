//! What a command says when it cannot go on: what is wrong, why it matters, what to do, and the exit code. Data only.

use super::exit::Exit;
use crate::report::safe;

/// A reason to end a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fail {
    /// The code that the command ends with.
    pub exit: Exit,
    /// What is wrong, in one line.
    pub what: String,
    /// Why, or why that matters; one line each.
    pub why: Vec<String>,
    /// What to do.
    pub hint: Option<String>,
}

impl Fail {
    fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self { exit, what: what.into(), why: Vec::new(), hint: None }
    }
    /// Bad input: exit 2.
    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(Exit::Usage, what)
    }
    /// Something outside failed: exit 1.
    pub fn failure(what: impl Into<String>) -> Self {
        Self::new(Exit::Failure, what)
    }
    /// Something was not allowed or not approved: exit 4.
    pub fn held(what: impl Into<String>) -> Self {
        Self::new(Exit::Held, what)
    }
    /// With a line that says why.
    #[must_use]
    pub fn why(mut self, why: impl Into<String>) -> Self {
        self.why.push(why.into());
        self
    }
    /// With what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The lines for stderr.
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

/// Further lines are set in, so that they are seen to belong to the first. Words from files and from AWS stand in them, and
/// must not command the terminal.
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
        assert_eq!(fail.text(), "error: the plan has expired\n  made on Monday\n  by root\nhint: make a new one\n");
    }
}
