//! Problems in a playbook with their places: file, line, column, the line itself with a mark under the place,
//! and a suggestion. Data and its wording; it knows nothing of the content of playbooks.

use std::{fmt, ops::Range};

/// The width of the part of a long line that an excerpt shows, in characters.
const WINDOW: usize = 110;

/// A problem at one place of a file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// The file, as the user named it; `built-in:NAME` for an embedded playbook.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The column, counted from 1, in characters.
    pub column: usize,
    /// The description of the problem.
    pub what: String,
    /// The advice on what to do about it, or a suggestion of what was probably meant.
    pub hint: Option<String>,
    /// The line of the file; empty if there is none to show.
    pub excerpt: String,
    /// The marks under the excerpt: blanks and carets.
    pub marks: String,
}

impl Problem {
    /// Builds a problem at a range of bytes of a text. A range that lies outside the text, or not on the
    /// borders of characters, is moved to the nearest valid place.
    pub fn at(
        file: &str,
        text: &str,
        span: Range<usize>,
        what: impl AsRef<str>,
        hint: Option<String>,
    ) -> Self {
        let start = border(text, span.start);
        let line_start = text[..start].rfind('\n').map_or(0, |n| n + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |n| start + n);
        let end = border(text, span.end).clamp(start, line_end);
        let before = text[line_start..start].chars().count();
        let width = text[start..end].trim_end().chars().count().max(1);
        let (excerpt, marks) = excerpt(text[line_start..line_end].trim_end(), before, width);
        Self {
            file: file.to_owned(),
            line: text[..start].matches('\n').count() + 1,
            column: before + 1,
            what: plain(what.as_ref()),
            hint: hint.map(|h| plain(&h)),
            excerpt,
            marks,
        }
    }

    /// Returns the place as `file:line:column`.
    pub fn place(&self) -> String {
        format!("{}:{}:{}", self.file, self.line, self.column)
    }
}

/// Returns the nearest border of a character at or before `at`.
fn border(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Cuts out the line, or the part of a long line around the place, and builds the marks under it.
fn excerpt(line: &str, before: usize, width: usize) -> (String, String) {
    let skip = if line.chars().count() > WINDOW { before.saturating_sub(WINDOW / 3) } else { 0 };
    let shown: String =
        line.chars().skip(skip).take(WINDOW).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let (left, lead) = if skip > 0 { ("... ", 4) } else { ("", 0) };
    let prefix: String = shown.chars().take(before - skip).collect();
    let blanks = lead + console::measure_text_width(&prefix);
    let right = if line.chars().count() > skip + WINDOW { " ..." } else { "" };
    let width = width.min(WINDOW.saturating_sub(before - skip).max(1));
    (format!("{left}{shown}{right}"), format!("{}{}", " ".repeat(blanks), "^".repeat(width)))
}

/// Escapes everything in a text that could move a terminal's cursor or colour it.
fn plain(text: &str) -> String {
    text.chars()
        .flat_map(
            |c| if c.is_control() && c != '\n' { c.escape_default().collect::<Vec<_>>() } else { vec![c] },
        )
        .collect()
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place(), self.what)?;
        if !self.excerpt.is_empty() {
            let number = self.line.to_string();
            write!(f, "\n  {number} | {}", self.excerpt)?;
            write!(f, "\n  {} | {}", " ".repeat(number.len()), self.marks)?;
        }
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "\n  hint: {hint}"))
    }
}

/// Returns the candidate that was probably meant by a word, if one is close.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > 64 {
        return None;
    }
    let plain = |text: &str| text.to_lowercase().replace('_', "-");
    let word = plain(word);
    let near = |candidate: &str| {
        let candidate = plain(candidate);
        let score = strsim::jaro_winkler(&word, &candidate);
        (score >= 0.85 || strsim::damerau_levenshtein(&word, &candidate) <= 1).then_some(score)
    };
    candidates
        .into_iter()
        .filter_map(|c| near(c).map(|score| (score, c)))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, c)| c)
}

/// Builds the hint for an unknown word: what was probably meant, else all known words.
pub fn hint_for(word: &str, known: &[&str]) -> Option<String> {
    match did_you_mean(word, known.iter().copied()) {
        Some(meant) => Some(format!("did you mean {meant:?}?")),
        None if known.is_empty() => None,
        None => Some(format!("known are {}", known.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_counts_lines_and_characters_from_one() {
        let text = "a = 1\nnäme = \"ö\" # x\n";
        let problem = Problem::at("f.toml", text, 14..18, "wrong", Some("better".to_owned()));
        assert_eq!(
            problem.to_string(),
            "f.toml:2:8: wrong\n  2 | näme = \"ö\" # x\n    |        ^^^\n  hint: better"
        );
    }

    #[test]
    fn a_place_outside_the_text_is_moved_into_it() {
        let problem = Problem::at("f", "ö", 1..900, "w", None);
        assert_eq!((problem.line, problem.column, problem.marks.as_str()), (1, 1, "^"));
        let empty = Problem::at("f", "", 5..9, "w", None);
        assert_eq!(empty.to_string(), "f:1:1: w");
    }

    #[test]
    fn a_long_line_is_shown_around_the_place() {
        let line = format!("x = \"{}\"here{}", "a".repeat(500), "b".repeat(500));
        let problem = Problem::at("f", &line, 506..510, "w", None);
        let under = problem.marks.find('^').and_then(|n| problem.excerpt.get(n..n + 4));
        assert_eq!(under, Some("here"));
        assert!(problem.excerpt.len() < 130, "{}", problem.excerpt);
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let problem = Problem::at("f", "a\u{1b}[2Jb", 0..1, "bad \u{1b}[2J", None);
        assert!(!problem.to_string().contains('\u{1b}'), "{problem:?}");
    }

    #[test]
    fn what_was_meant_is_guessed_only_when_it_is_near() {
        let known = ["strategy", "allow", "tighten-security-group"];
        assert_eq!(did_you_mean("stratgy", known), Some("strategy"));
        assert_eq!(did_you_mean("Tighten_Security_Groups", known), Some("tighten-security-group"));
        assert_eq!(did_you_mean("banana", known), None);
        assert_eq!(
            hint_for("banana", &known).as_deref(),
            Some("known are strategy, allow, tighten-security-group")
        );
    }
}
